/* What a run leaves behind: a line of results.jsonl, and words for a reader where it went wrong. */
#ifndef REPORT_H
#define REPORT_H

#include "supervise.h"

struct report;

extern const char program_version[];
extern const char *program_path; /* as it was called, for commands that reproduce a run */

/* Opens a report; null, with errno, where that cannot be done. */
struct report *open_report(const char *file);

/* Each writes one line; they give false, with errno, where the file does not take it. */
bool report_header(struct report *report, const struct run *runs, size_t count, unsigned repeat);
bool report_run(struct report *report, const struct stage *stage, const struct run *run, unsigned repetition);
bool report_summary(struct report *report, const unsigned *tally, double seconds);

/* Prints what `--list` and `--environment` ask for: JSON. */
void list_runs(const struct run *runs, size_t count);
void list_environment(void);

/* Prints, for a reader, why a run did not pass. */
void explain(const struct stage *stage, const struct run *run);

#endif
