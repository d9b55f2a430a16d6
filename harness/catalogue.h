/* The catalogue: what cases/requirements and cases/claims.tsv say, compiled in by catalogue.awk. */
#ifndef CATALOGUE_H
#define CATALOGUE_H

#include <stddef.h>

enum document { POSIX, RFC, LINUX_PAGES, NOTES, DOCUMENTS };
extern const char *const document_names[DOCUMENTS];

struct requirement {
    const char *id, *strength, *statement;
    const char *sources[DOCUMENTS]; /* where the document states it; null where it does not */
    const char *undecided;          /* why there is no case; null where there is to be one */
};
extern const struct requirement requirements[]; /* in order of their ids */
extern const size_t requirement_count;

/* A claim of the seed notes. Each list has the ids of requirements, separated by blanks: what bears the claim
 * out, what restricts it, what contradicts it where it is decided PASS. */
struct claim_of_notes {
    const char *id, *line, *claim, *supports, *limits, *contradicts, *reality;
};
extern const struct claim_of_notes claims[];
extern const size_t claim_count;

const struct requirement *find_requirement(const char *id); /* null where there is none */

#endif
