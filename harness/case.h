/* How a case is declared, and what its roles may say.
 *
 * A case decides one requirement, over each kind of socket in .over. Every role is a process of its
 * own in a fresh working directory: no role ever cleans up. */
#ifndef CASE_H
#define CASE_H

#include "kinds.h"
#include "system.h"

struct testcase {
    const char *name, *file;
    int line;
    const char *requirement; /* its id in cases/requirements */
    unsigned over;           /* a set of kinds */
    bool slow;               /* waits for a timer of the implementation: started first, in the background */
    double limit;            /* seconds a run may take, where the usual ones do not do */
    void (*role[2])(void);
    struct testcase *next;
};
void enlist(struct testcase *testcase);

#define ENLIST_(id, first, second, ...)                                                         \
    static struct testcase id##_case = {                                                        \
        .name = #id, .file = __FILE__, .line = __LINE__, .role = {first, second}, __VA_ARGS__}; \
    __attribute__((constructor)) static void id##_enlist(void) { enlist(&id##_case); }

/* One role, whose body follows: CASE(name, .requirement = "bind.EADDRINUSE", .over = ANY) { ... } */
#define CASE(id, ...)                         \
    static void id##_solo(void);              \
    ENLIST_(id, id##_solo, NULL, __VA_ARGS__) \
    static void id##_solo(void)

/* Two: PAIR(name, ...) SERVER(name) { ... } CLIENT(name) { ... } */
#define PAIR(id, ...)                                 \
    static void id##_server(void), id##_client(void); \
    ENLIST_(id, id##_server, id##_client, __VA_ARGS__)
#define SERVER(id) static void id##_server(void)
#define CLIENT(id) static void id##_client(void)

/* --- claims ----------------------------------------------------------------------------------
 * A claim judges the implementation. Each announces itself before its call is made, so that a hang
 * or a crash has a place. All but HOLDS give the call's result. */

/* The call succeeds: its result is not -1. */
#define OK(call) (enter(AT(#call), true), ok(AT(#call), (call)))
/* The call gives -1 and one of these errnos: all that the source allows. */
#define FAILS(call, ...) (enter(AT(#call), true), fails(AT(#call), (call), (const int[]){__VA_ARGS__, 0}))
/* The call (or expression) gives just this number; at least, or at most, this number. */
#define EQ(call, want) (enter(AT(#call), true), compares(AT(#call), (call), 0, #want, (want)))
#define AT_LEAST(call, low) (enter(AT(#call), true), compares(AT(#call), (call), 1, #low, (low)))
#define AT_MOST(call, high) (enter(AT(#call), true), compares(AT(#call), (call), -1, #high, (high)))
#define NOT(call, other) (enter(AT(#call), true), compares(AT(#call), (call), 2, #other, (other)))
/* n bytes are these. */
#define SAME(got, want, n) (enter(AT(#got), true), same(AT(#got), (got), (want), (n)))
/* A condition holds; the rest, as for printf, says what is so instead. */
#define HOLDS(condition, ...) (enter(AT(#condition), true), holds(AT(#condition), (condition), __VA_ARGS__))

/* Preparation: its failure leaves the requirement undecided (UNRESOLVED). */
#define MUST(call) (enter(AT(#call), false), must(AT(#call), (call)))
#define REQUIRE(condition, ...) \
    (enter(AT(#condition), false), require(AT(#condition), (condition), __VA_ARGS__))

/* Ends the run: the implementation does not have the optional feature; or this environment cannot decide. */
#define UNSUPPORTED(...) end_role_as_unsupported(AT("UNSUPPORTED"), __VA_ARGS__)
#define UNTESTED(...) end_role_as_untested(AT("UNTESTED"), __VA_ARGS__)

/* Records what the documents leave open; the value is text, as for printf. Judges nothing. */
void OBSERVE(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* An errno's name, for OBSERVE and for what HOLDS says. */
const char *errno_name(int error);

/* --- the other role --------------------------------------------------------------------------
 * await_peer() returns once the peer has called ready(); the second await_peer() answers to the
 * second ready(), and so on. PEER_BLOCKS_IN(f) returns once the peer is seen asleep in a call of
 * f() made after its last ready(), and fails where the peer's f() has returned instead. */
void ready(void);
#define await_peer() await_ready(AT("await_peer()"))
#define PEER_BLOCKS_IN(f) \
    (enter(AT("PEER_BLOCKS_IN(" #f ")"), true), peer_blocks(AT("PEER_BLOCKS_IN(" #f ")"), CALL_##f))
/* The same for a thread of this role that is to block in f() (its only call, or the first since it started).
 */
#define THREAD_BLOCKS_IN(f) \
    (enter(AT("THREAD_BLOCKS_IN(" #f ")"), true), thread_blocks(AT("THREAD_BLOCKS_IN(" #f ")"), CALL_##f))
/* Returns once the peer's process has ended, and its descriptors are closed with it. */
#define await_end_of_peer() await_end(AT("await_end_of_peer()"))

/* What this run is over, which role this is, and a page that each role shows the other. */
extern const struct kind *kind;
extern bool serves;
extern void *my_page, *peer_page; /* 256 bytes each */

/* --- behind the macros ----------------------------------------------------------------------- */

#define AT(what) __FILE__ ":" LINE_(__LINE__) ": " what
#define LINE_(n) LINE__(n)
#define LINE__(n) #n
void enter(const char *site, bool judging);
long ok(const char *site, long got);
void fails(const char *site, long got, const int *errors);
long compares(const char *site, long got, int how, const char *name, long want);
void same(const char *site, const void *got, const void *want, size_t n);
void holds(const char *site, bool held, const char *format, ...) __attribute__((format(printf, 3, 4)));
long must(const char *site, long got);
void require(const char *site, bool held, const char *format, ...) __attribute__((format(printf, 3, 4)));
_Noreturn void end_role_as_unsupported(const char *site, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
_Noreturn void end_role_as_untested(const char *site, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void await_ready(const char *site);
void await_end(const char *site);
void peer_blocks(const char *site, int call);
void thread_blocks(const char *site, int call);

#include "calls.h"

#endif
