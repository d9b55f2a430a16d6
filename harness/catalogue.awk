# Makes the catalogue's C from its tables: awk -f catalogue.awk cases/claims.tsv cases/requirements/*.tsv
# A row that is not of its table's form ends the build with one line that names it.
BEGIN { FS = "\t"; CLAIM = 7; ROW = 7 }

function complain(what) {
    printf "%s:%d: %s\n", FILENAME, FNR, what > "/dev/stderr"
    wrong = 1
    exit 1
}

function text(s) {
    if (s == "")
        return "NULL"
    gsub(/\\/, "\\\\", s)
    gsub(/"/, "\\\"", s)
    return "\"" s "\""
}

/^#/ || /^$/ { next }
FNR == 1 { next } # the names of the columns

FILENAME ~ /claims\.tsv$/ {
    if (NF != CLAIM)
        complain("a claim has " CLAIM " columns, not " NF)
    claims[++claim_count] = sprintf("    {%s, %s, %s, %s, %s, %s, %s},", text($1), text($2), text($3),
                                    text($4), text($5), text($6), text($7))
    n = split($4 " " $5 " " $6, ids, " ")
    for (i = 1; i <= n; i++)
        if (index(" " notes[ids[i]] ",", " " $2 ",") == 0)
            notes[ids[i]] = notes[ids[i]] (notes[ids[i]] == "" ? "line " : ", ") $2
    next
}

{
    if (NF != ROW)
        complain("a requirement has " ROW " columns, not " NF)
    if ($1 in rows)
        complain("requirement " $1 " stands twice")
    if ($2 !~ /^(shall|should|may|implementation-defined)$/)
        complain("strength of " $1 " is '" $2 "'")
    if ($3 == "" || $4 $5 $6 == "" && notes[$1] == "")
        complain("requirement " $1 " lacks a statement or a source")
    ids_in_order[++row_count] = $1
    rows[$1] = sprintf("    {%s, %s, %s, {%s, %s, %s, %s}, %s},", text($1), text($2), text($3), text($4), text($5),
                       text($6), text(notes[$1]), text($7))
}

END {
    if (wrong)
        exit 1
    # strcmp's order, whatever the locale: insertion is quick enough for a thousand rows
    for (i = 2; i <= row_count; i++) {
        id = ids_in_order[i]
        for (j = i - 1; j > 0 && less(id, ids_in_order[j]); j--)
            ids_in_order[j + 1] = ids_in_order[j]
        ids_in_order[j + 1] = id
    }
    print "#include \"catalogue.h\"\n"
    print "const struct requirement requirements[] = {"
    for (i = 1; i <= row_count; i++)
        print rows[ids_in_order[i]]
    print "    {0},\n};"
    print "const size_t requirement_count = " row_count + 0 ";\n"
    print "const struct claim_of_notes claims[] = {"
    for (i = 1; i <= claim_count; i++)
        print claims[i]
    print "    {0},\n};"
    print "const size_t claim_count = " claim_count + 0 ";"
}

function less(a, b) { return a < b }
