/* One run: its roles are started, watched, reaped, and their verdicts made into the run's. */
#ifndef SUPERVISE_H
#define SUPERVISE_H

#include "role.h"

struct run {
    const struct testcase *testcase;
    const struct kind *kind;
    char id[128]; /* case/kind */
};

/* A stage for runs, one after the other, in memory shared with roles. Null: there is no memory. */
struct stage *new_stage(void);

/* Makes the run over and leaves verdict, message and transcripts on the stage. `place` is an empty
 * directory's name to be, unique among the runs at the time. */
void perform(struct stage *stage, const struct run *run, const char *place);

/* Makes this process a supervisor: signals are waited for, not handled. Call before any run. */
void prepare_supervision(void);

/* The same for a further process of the program, which is to end with its parent. */
void become_supervisor(pid_t parent);

/* Ends the program as at_interruption says if a signal has asked for it meanwhile. */
void interrupt_if_asked(void);

/* Processes of this program that are no roles, and no stragglers: the slow runs' supervisors. */
void spare(pid_t pid);

/* The descriptors open now are not the program's own: a role keeps them (a preloaded library may need them),
 * and gets no other. */
void keep_open_descriptors(void);

/* How far limits are stretched, for slow implementations. */
extern double time_scale;

/* The usual limit of a run, in seconds. */
double limit_of(const struct testcase *testcase);

/* Called before the program ends early, at a signal. */
extern void (*at_interruption)(int signal);

#endif
