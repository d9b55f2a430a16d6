/* What the roles of a run and their supervisor share: one stage, in memory that all of them map. */
#ifndef ROLE_H
#define ROLE_H

#define CALLS_AS_THEY_ARE /* the harness itself calls the system, not the implementation under test */

#include "calls.h"
#include "case.h"
#include "kinds.h"

#include <semaphore.h>
#include <stdatomic.h>

enum verdict { RUNNING, PASS, FAIL, UNRESOLVED, UNSUPPORTED, UNTESTED, ABANDONED, VERDICTS };
extern const char *const verdict_names[VERDICTS];

enum {
    KEPT_FIRST = 128, /* calls that a transcript keeps from its start ... */
    KEPT_LAST = 64,   /* ... and to its end */
    OBSERVATIONS = 16,
    ACTORS = 8,
};

struct record {
    int64_t entered, left; /* nanoseconds since the run's start; left is 0 until the call returned */
    int error;             /* an errno, 0 where there is none to tell */
    unsigned char role, thread, call;
    bool hand_over;
    char text[244], result[24];
};

/* A thread of a role: which call it is in, if any. */
struct actor {
    _Atomic pid_t tid;
    _Atomic int call;
    _Atomic unsigned entered, left;
    _Atomic uint64_t done[2]; /* the calls that have returned since the role's last ready() */
};

struct role {
    _Atomic pid_t pid;
    _Atomic int verdict;
    _Atomic(const char *) site; /* the claim in progress, or the last one */
    _Atomic bool judging;       /* it is a claim, not preparation */
    _Atomic bool waiting;       /* for its peer's ready() */
    int64_t ended;
    struct actor actor[ACTORS];
    _Atomic unsigned actors, readies;
    _Atomic bool gone;
    sem_t turn; /* posted at each ready(), and when the role has ended */
    _Atomic unsigned observations;
    struct {
        char name[48], value[80];
    } observed[OBSERVATIONS];
    char page[256], message[768];
    _Atomic unsigned records;
    struct record first[KEPT_FIRST], last[KEPT_LAST];
};

struct stage {
    int64_t start;
    double seconds;
    enum verdict verdict;
    struct role role[2];
    char message[4096];
};

/* For the role's process: becomes role `index` of the run and plays it; never returns. */
_Noreturn void play(struct stage *stage, const struct testcase *testcase, const struct kind *kind, int index);

/* Ends a role, unless it has ended already: a later verdict never hides an earlier one. */
void conclude(struct role *role, enum verdict verdict, const char *site, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
_Noreturn void end_role(enum verdict verdict, const char *site, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The role that this process plays, and its peer. */
extern struct role *self, *peer;
struct actor *actor(void);

int64_t nanoseconds(void); /* of the monotonic clock */

/* The state letter of a process as the system shows it ('S': asleep), 0 where it shows none. */
char process_state(pid_t pid);

/* A new record of this role's transcript, with its time of entry set. */
struct record *new_record(void);

/* Whether a claim, or preparation by MUST, is in progress in this thread. */
bool in_claim(void);

/* --- the implementation under test (calls.c) ------------------------------------------------- */

struct backend {
    enum { NATIVE, LIBRARY, OVERLAY } sort;
    const char *file, *prefix;
};
extern struct backend backend;

/* Loads the backend's library into this process. Gives null, or why it cannot be done. */
const char *load_backend(void);

/* How many of the table's calls the loaded library has. */
unsigned calls_found(void);

/* --- the transcript's words (decode.c) ------------------------------------------------------- */

struct call_form {
    const char *name, *takes;
    char gives;
};
extern const struct call_form call_forms[CALLS];

/* Writes the call with its arguments as C would; `returned` says whether results can be shown. */
void describe_call(char *out, size_t size, const struct call_form *form, const int64_t *arguments,
                   socklen_t room, bool returned, int64_t result);
/* Writes the result; gives the errno to show beside it, 0 for none. */
int describe_result(char *out, size_t size, const struct call_form *form, int64_t result, int error);
bool changes_arguments(const struct call_form *form);
bool failed(const struct call_form *form, int64_t result);

#endif
