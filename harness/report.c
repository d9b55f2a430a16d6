#include "report.h"
#include "catalogue.h"
#include "isolate.h"
#include "raw.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/utsname.h>

const char program_version[] = "0.1.0";
const char *program_path = "conformance";

/* --- JSON, built in memory ---------------------------------------------------------------------- */

struct buffer {
    char *bytes;
    size_t used, room;
};

static void append(struct buffer *b, const char *bytes, size_t size)
{
    if (b->used + size + 1 > b->room) {
        b->room = (b->used + size + 1) * 2;
        b->bytes = realloc(b->bytes, b->room);
        if (!b->bytes) {
            perror("conformance");
            _exit(2);
        }
    }
    memcpy(b->bytes + b->used, bytes, size);
    b->used += size;
    b->bytes[b->used] = '\0';
}

static void add(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(struct buffer *b, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    append(b, text, n < (int)sizeof text ? (size_t)n : sizeof text - 1);
}

/* The length of the UTF-8 sequence at s, 0 where there is none: other bytes are shown as Latin-1. */
static size_t sequence(const unsigned char *s)
{
    size_t n = s[0] >= 0xc2 && s[0] < 0xe0   ? 2
               : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
               : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                             : 0;

    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) || (s[0] == 0xf0 && s[1] < 0x90) ||
        (s[0] == 0xf4 && s[1] >= 0x90))
        return 0;
    return n;
}

static void add_text(struct buffer *b, const char *text)
{
    if (!text) {
        append(b, "null", 4);
        return;
    }
    append(b, "\"", 1);
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        size_t plain = 0;
        while (s[plain] >= ' ' && s[plain] < 127 && s[plain] != '"' && s[plain] != '\\')
            plain++;
        append(b, (const char *)s, plain);
        s += plain;
        if (!*s)
            break;
        size_t n = *s >= 127 ? sequence(s) : 0;
        if (n)
            append(b, (const char *)s, n);
        else if (*s == '"' || *s == '\\')
            add(b, "\\%c", *s);
        else
            add(b, "\\u%04x", *s);
        s += n ? n : 1;
    }
    append(b, "\"", 1);
}

static void add_member(struct buffer *b, const char *before, const char *name, const char *text)
{
    add(b, "%s\"%s\":", before, name);
    add_text(b, text);
}

static void add_truth(struct buffer *b, const char *before, const char *name, bool truth)
{
    add(b, "%s\"%s\":%s", before, name, truth ? "true" : "false");
}

/* Identifiers separated by blanks, as a JSON array. */
static void add_list(struct buffer *b, const char *name, const char *ids)
{
    const char *comma = "";

    add(b, ",\"%s\":[", name);
    for (; ids && *ids; comma = ",") {
        size_t n = strcspn(ids, " ");
        add(b, "%s\"", comma);
        append(b, ids, n);
        add(b, "\"");
        ids += n + strspn(ids + n, " ");
    }
    add(b, "]");
}

static void add_requirement(struct buffer *b, const char *id)
{
    const struct requirement *r = find_requirement(id);
    const char *comma = "";

    add_member(b, ",", "requirement", id);
    add_member(b, ",", "statement", r ? r->statement : "");
    add_member(b, ",", "strength", r ? r->strength : "");
    add(b, ",\"documents\":{");
    for (int d = 0; r && d < DOCUMENTS; d++)
        if (r->sources[d]) {
            add_member(b, comma, document_names[d], r->sources[d]);
            comma = ",";
        }
    add(b, "}");
}

static void add_environment(struct buffer *b)
{
    static const char *const sorts[] = {"native", "library", "overlay"};
    struct utsname name;
    char text[512];
    bool named = uname(&name) == 0;

    add_member(b, "{", "system", named ? name.sysname : "");
    add_member(b, ",", "release", named ? name.release : "");
    add_member(b, ",", "machine", named ? name.machine : "");
    add_member(b, ",", "user", geteuid() == 0 ? "root" : "plain");
    add_member(b, ",", "network", environment.own_network ? "own" : "shared");
    add_member(b, ",", "network_reason", environment.network_reason);
    add_truth(b, ",", "loopback_inet", environment.loopback_inet);
    add_truth(b, ",", "loopback_inet6", environment.loopback_inet6);
    add_member(b, ",", "proc", environment.proc ? "full" : "none");
    snprintf(text, sizeof text, "%s%s%s%s%s", sorts[backend.sort], backend.file ? " " : "",
             backend.file ? backend.file : "", backend.prefix ? " " : "",
             backend.prefix ? backend.prefix : "");
    add_member(b, ",", "backend", text);
    add_member(b, ",", "preload", getenv("LD_PRELOAD"));
    add(b, ",\"cpus\":%ld}", sysconf(_SC_NPROCESSORS_ONLN));
}

/* --- results.jsonl ------------------------------------------------------------------------------ */

struct report {
    int fd;
    struct buffer line;
};

struct report *open_report(const char *file)
{
    static struct report report;
    int fd = raw_open(file, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND);

    if (fd < 0)
        return NULL;
    report.fd = fd;
    return &report;
}

static bool write_line(struct report *report)
{
    append(&report->line, "\n", 1);
    for (size_t written = 0; written < report->line.used;) {
        ssize_t n = raw_write(report->fd, report->line.bytes + written, report->line.used - written);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        written += (size_t)n;
    }
    report->line.used = 0;
    return true;
}

bool report_header(struct report *report, const struct run *runs, size_t count, unsigned repeat)
{
    struct buffer *b = &report->line;
    char started[32];
    time_t now = time(NULL);

    strftime(started, sizeof started, "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
    add_member(b, "{", "schema", "sockconform/results/1");
    add_member(b, ",", "implementation", "native");
    add_member(b, ",", "version", program_version);
    add_member(b, ",", "started", started);
    add(b, ",\"environment\":");
    add_environment(b);
    add(b, ",\"repeat\":%u,\"planned\":[", repeat);
    for (size_t i = 0; i < count; i++) {
        add(b, i ? "," : "");
        add_text(b, runs[i].id);
    }
    add(b, "],\"claims\":[");
    for (size_t i = 0; i < claim_count; i++) {
        add_member(b, i ? ",{" : "{", "id", claims[i].id);
        add(b, ",\"line\":%s", claims[i].line);
        add_member(b, ",", "claim", claims[i].claim);
        add_list(b, "supports", claims[i].supports);
        add_list(b, "limits", claims[i].limits);
        add_list(b, "contradicts", claims[i].contradicts);
        add_member(b, ",", "reality", claims[i].reality);
        add(b, "}");
    }
    add(b, "]}");
    return write_line(report);
}

static const char *role_name(const struct run *run, int r)
{
    return !run->testcase->role[1] ? "solo" : r ? "client" : "server";
}

/* The kept records of all roles in order of their time; gives how many there are, and how many were not kept.
 */
static size_t interleave(const struct stage *stage, int roles, const struct record **out, unsigned *left_out)
{
    size_t n = 0;

    *left_out = 0;
    for (int r = 0; r < roles; r++) {
        const struct role *role = &stage->role[r];
        unsigned count = role->records, kept_last;
        for (unsigned i = 0; i < count && i < KEPT_FIRST; i++)
            out[n++] = &role->first[i];
        if (count <= KEPT_FIRST)
            continue;
        kept_last = count - KEPT_FIRST < KEPT_LAST ? count - KEPT_FIRST : KEPT_LAST;
        *left_out += count - KEPT_FIRST - kept_last;
        for (unsigned i = count - kept_last; i < count; i++)
            out[n++] = &role->last[(i - KEPT_FIRST) % KEPT_LAST];
    }
    for (size_t i = 1; i < n; i++) { /* each role's are in order nearly always: insertion is quick */
        const struct record *record = out[i];
        size_t j = i;
        for (; j > 0 && out[j - 1]->entered > record->entered; j--)
            out[j] = out[j - 1];
        out[j] = record;
    }
    return n;
}

enum { MOST_RECORDS = 2 * (KEPT_FIRST + KEPT_LAST) };

static void add_transcript(struct buffer *b, const struct stage *stage, const struct run *run)
{
    const struct record *records[MOST_RECORDS];
    unsigned left_out;
    size_t n = interleave(stage, run->testcase->role[1] ? 2 : 1, records, &left_out);

    add(b, ",\"transcript\":[");
    for (size_t i = 0; i < n; i++) {
        const struct record *r = records[i];
        add_member(b, i ? ",{" : "{", "role", role_name(run, r->role));
        add(b, ",\"thread\":%u,\"t\":%.6f", r->thread, (double)(r->entered - stage->start) / 1e9);
        if (r->left)
            add(b, ",\"took\":%.6f", (double)(r->left - r->entered) / 1e9);
        else
            add(b, ",\"took\":null");
        add_member(b, ",", "call", r->text);
        add_member(b, ",", "result", r->left && !r->hand_over ? r->result : NULL);
        add_member(b, ",", "errno", r->left && r->error ? errno_name(r->error) : NULL);
        add(b, r->hand_over ? ",\"hand_over\":true}" : "}");
    }
    add(b, "],\"left_out\":%u", left_out);
}

bool report_run(struct report *report, const struct stage *stage, const struct run *run, unsigned repetition)
{
    struct buffer *b = &report->line;
    const struct testcase *t = run->testcase;
    int roles = t->role[1] ? 2 : 1;
    const char *comma = "";

    add_member(b, "{", "run", run->id);
    add_member(b, ",", "case", t->name);
    add_member(b, ",", "kind", run->kind->name);
    add(b, ",\"repetition\":%u", repetition);
    add_requirement(b, t->requirement);
    add_member(b, ",", "verdict", verdict_names[stage->verdict]);
    add(b, ",\"expected\":null");
    add_member(b, ",", "message", stage->message);
    add(b, ",\"roles\":[");
    for (int r = 0; r < roles; r++) {
        add_member(b, r ? ",{" : "{", "role", role_name(run, r));
        add_member(b, ",", "verdict", verdict_names[stage->role[r].verdict]);
        add_member(b, ",", "site", stage->role[r].site);
        add_member(b, ",", "message", stage->role[r].message);
        add(b, "}");
    }
    add(b, "]");
    add_transcript(b, stage, run);
    add(b, ",\"seconds\":%.6f,\"observed\":{", stage->seconds);
    for (int r = 0; r < roles; r++)
        for (unsigned i = 0; i < stage->role[r].observations && i < OBSERVATIONS; i++) {
            add(b, "%s", comma);
            add_text(b, stage->role[r].observed[i].name);
            add(b, ":");
            add_text(b, stage->role[r].observed[i].value);
            comma = ",";
        }
    add_member(b, "},", "file", t->file);
    add(b, ",\"line\":%d", t->line);
    add_truth(b, ",", "slow", t->slow);
    add(b, "}");
    return write_line(report);
}

bool report_summary(struct report *report, const unsigned *tally, double seconds)
{
    static const enum verdict order[] = {PASS, FAIL, UNRESOLVED, UNSUPPORTED, UNTESTED};
    struct buffer *b = &report->line;
    unsigned runs = 0;

    add(b, "{\"summary\":{");
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        add(b, "%s\"%s\":%u", i ? "," : "", verdict_names[order[i]], tally[order[i]]);
        runs += tally[order[i]];
    }
    add(b, "},\"runs\":%u,\"seconds\":%.6f}", runs, seconds);
    return write_line(report);
}

/* --- what is asked for -------------------------------------------------------------------------- */

void list_runs(const struct run *runs, size_t count)
{
    struct buffer b = {0};
    const struct testcase *last = NULL;

    add(&b, "[");
    for (size_t i = 0; i < count; i++) {
        const struct testcase *t = runs[i].testcase;
        if (t != last) {
            add_member(&b, last ? "]},\n {" : "{", "case", t->name);
            add_requirement(&b, t->requirement);
            add_member(&b, ",", "file", t->file);
            add(&b, ",\"line\":%d,\"roles\":%d", t->line, t->role[1] ? 2 : 1);
            add_truth(&b, ",", "slow", t->slow);
            add(&b, ",\"limit\":%g,\"kinds\":[", limit_of(t));
        }
        add(&b, t != last ? "\"%s\"" : ",\"%s\"", runs[i].kind->name);
        last = t;
    }
    add(&b, last ? "]}]" : "]");
    puts(b.bytes);
    free(b.bytes);
}

void list_environment(void)
{
    struct buffer b = {0};

    add_environment(&b);
    puts(b.bytes);
    free(b.bytes);
}

void explain(const struct stage *stage, const struct run *run)
{
    const struct record *records[MOST_RECORDS];
    const struct requirement *requirement = find_requirement(run->testcase->requirement);
    unsigned left_out;
    size_t n = interleave(stage, run->testcase->role[1] ? 2 : 1, records, &left_out);
    const char *separator = "";

    printf("%s %s: %s\n", verdict_names[stage->verdict], run->id, run->testcase->requirement);
    if (requirement) {
        printf("  %s\n  ", requirement->statement);
        for (int d = 0; d < DOCUMENTS; d++)
            if (requirement->sources[d]) {
                printf("%s%s: %s", separator, document_names[d], requirement->sources[d]);
                separator = "; ";
            }
        printf(" (%s)\n", requirement->strength);
    }
    for (const char *line = stage->message; *line;) {
        int length = (int)strcspn(line, "\n");
        printf("  %.*s\n", length, line);
        line += length + (line[length] == '\n');
    }
    for (size_t i = 0; i < n; i++) {
        const struct record *r = records[i];
        printf("  %10.6f %-6s %s", (double)(r->entered - stage->start) / 1e9, role_name(run, r->role),
               r->text);
        if (!r->left)
            printf(" ... has not returned");
        else if (!r->hand_over)
            printf(" = %s%s%s", r->result, r->error ? " " : "", r->error ? errno_name(r->error) : "");
        printf("\n");
    }
    if (left_out)
        printf("  (%u calls in the middle are not shown)\n", left_out);
    printf("  again: %s%s%s%s%s %s\n\n", program_path,
           (const char *const[]){"", " --library ", " --overlay "}[backend.sort],
           backend.file ? backend.file : "", backend.prefix ? " --prefix " : "",
           backend.prefix ? backend.prefix : "", run->id);
}
