/* The call table: sends each call to the implementation under test, and records it. */
#include "raw.h"
#include "role.h"

#include <stdarg.h>
#include <stdio.h>
#ifndef STATIC_PROGRAM
#include <dlfcn.h>
#endif

typedef void (*function)(void);

static const function native[CALLS] = {
#define CALL(name, ...) [CALL_##name] = (function)name,
#define CALL_VOID CALL
#define CALL_NONE CALL
#define CALL_MORE CALL
#define CALL_IN_ADDR CALL
#include "calls.def"
#undef CALL
#undef CALL_VOID
#undef CALL_NONE
#undef CALL_MORE
#undef CALL_IN_ADDR
};

const struct call_form call_forms[CALLS] = {
#define CALL(name, gives, takes, ...) [CALL_##name] = {#name, takes, gives},
#define CALL_VOID(name, takes, ...) [CALL_##name] = {#name, takes, 'v'},
#define CALL_NONE(name, gives, ...) [CALL_##name] = {#name, "", gives},
#define CALL_MORE CALL
#define CALL_IN_ADDR CALL
#include "calls.def"
#undef CALL
#undef CALL_VOID
#undef CALL_NONE
#undef CALL_MORE
#undef CALL_IN_ADDR
};

struct backend backend;
static function loaded[CALLS]; /* what the library has, null where it lacks a call */

/* --- a library's descriptors ------------------------------------------------------------------
 * A library may number its sockets in its own way, so that its 3 is not the kernel's 3. A case sees
 * one number space, the kernel's: a socket with a number of the library's own gets a kernel descriptor
 * as a placeholder, which has its number and closes with it. */

enum { DESCRIPTORS = 4096 };
static struct {
    enum { NOT_THEIRS, THEIRS, CLOSED_BY_THEM } state;
    int theirs;
} descriptors[DESCRIPTORS];

static bool is_theirs(int fd) { return fd >= 0 && fd < DESCRIPTORS && descriptors[fd].state != NOT_THEIRS; }
static int theirs(int fd) { return is_theirs(fd) ? descriptors[fd].theirs : fd; }

/* The kernel's descriptors that are open, as far as a look at the first 64 tells. */
static uint64_t open_descriptors(void)
{
    uint64_t set = 0;
    for (int fd = 0; fd < 64; fd++)
        if (raw_fcntl(fd, F_GETFD, 0) != -1)
            set |= (uint64_t)1 << fd;
    return set;
}

/* Gives the number by which the case knows a descriptor that the library has just made. */
static int adopt(int their_fd, uint64_t open_before)
{
    bool was_open = their_fd >= 0 && their_fd < 64 && open_before >> their_fd & 1;
    bool is_kernels = !was_open && raw_fcntl(their_fd, F_GETFD, 0) != -1;
    int fd = is_kernels ? their_fd : raw_open("/dev/null", O_RDWR);

    if (fd < 0 || fd >= DESCRIPTORS)
        end_role(UNRESOLVED, self->site, "no descriptor left to stand for the library's %d", their_fd);
    descriptors[fd].state = THEIRS;
    descriptors[fd].theirs = their_fd;
    return fd;
}

static void forget(int fd)
{
    if (descriptors[fd].theirs != fd)
        raw_close(fd);
    descriptors[fd].state =
        CLOSED_BY_THEM; /* a later use of the number is theirs to refuse, until it is given again */
}

/* --- one call ---------------------------------------------------------------------------------*/

enum { ARGUMENTS = 7 };

struct frame {
    enum call call;
    const struct call_form *form;
    function function;
    int64_t said[ARGUMENTS], use[ARGUMENTS]; /* the arguments of the case, and those for the implementation */
    struct record *record;
    struct actor *actor;
    uint64_t open_before;
    socklen_t room; /* what the size of a value-result argument was at the start */
    struct pollfd polled[64], *case_polled;
};

static void map_arguments(struct frame *f)
{
    for (int i = 0; f->form->takes[i]; i++)
        switch (f->form->takes[i]) {
        case 'f': f->use[i] = theirs((int)f->said[i]); break;
        case 'p':
            f->case_polled = (void *)(intptr_t)f->said[i];
            if (!f->case_polled || f->said[i + 1] > (int64_t)(sizeof f->polled / sizeof *f->polled))
                break;
            for (int64_t n = 0; n < f->said[i + 1]; n++) {
                f->polled[n] = f->case_polled[n];
                f->polled[n].fd = theirs(f->polled[n].fd);
            }
            f->use[i] = (intptr_t)f->polled;
            break;
        default: break;
        }
}

static bool for_library(const struct frame *f)
{
    const char *takes = f->form->takes;

    if (takes[0] == 'f')
        return is_theirs((int)f->said[0]) || raw_fcntl((int)f->said[0], F_GETFD, 0) == -1;
    if (takes[0] == 'p') {
        const struct pollfd *set = (void *)(intptr_t)f->said[0];
        return set && f->said[1] > 0 && is_theirs(set->fd);
    }
    return true;
}

/* Byte order, address texts and names: what fixtures need whether or not a library under test has them. */
static bool is_pure(enum call call) { return (call >= CALL_getaddrinfo && call <= CALL_if_freenameindex); }

/* Calls that take files of any sort: made on the system's descriptors, they are none of the library's
 * business. */
static bool is_for_any_file(enum call call)
{
    return (call >= CALL_close && call <= CALL_pwrite) || (call >= CALL_poll && call <= CALL_lseek);
}

static void choose(struct frame *f)
{
    const char *site = self->site;

    f->function = loaded[f->call];
    if (backend.sort == OVERLAY && !f->function)
        f->function = native[f->call];
    if (backend.sort == NATIVE)
        f->function = native[f->call];
    if (backend.sort != LIBRARY)
        return;
    if (is_pure(f->call)) {
        if (!f->function && in_claim() && self->judging)
            end_role(UNSUPPORTED, site, "the library has no %s()", f->form->name);
        if (!f->function)
            f->function = native[f->call];
        return;
    }
    if (!for_library(f)) {
        if (in_claim() && self->judging && !is_for_any_file(f->call))
            end_role(UNTESTED, site, "%s() on a descriptor that is the system's, not the library's",
                     f->form->name);
        f->function = native[f->call];
        return;
    }
    if (!f->function)
        end_role(UNSUPPORTED, site, "the library has no %s()", f->form->name);
    if (f->call == CALL_dup2 || f->call == CALL_dup3 || f->form->takes[1] == 'R')
        for (int fd = 0; fd < DESCRIPTORS; fd++)
            if (descriptors[fd].state == THEIRS && descriptors[fd].theirs != fd)
                end_role(UNTESTED, site, "%s() with a library that numbers its descriptors in its own way",
                         f->form->name);
    map_arguments(f);
    if (f->form->gives == 'f' || f->form->takes[0] == 'D' || f->call == CALL_fcntl)
        f->open_before = open_descriptors();
}

static void begin(struct frame *f)
{
    int error = errno;

    f->form = &call_forms[f->call];
    memcpy(f->use, f->said, sizeof f->use);
    for (const char *c = f->form->takes; *c; c++)
        if (*c == 'L' && f->said[c - f->form->takes])
            f->room = *(const socklen_t *)(intptr_t)f->said[c - f->form->takes];
    choose(f);
    f->actor = actor();
    if (!is_pure(f->call) || in_claim()) {
        f->record = new_record();
        f->record->call = f->call;
        describe_call(f->record->text, sizeof f->record->text, f->form, f->said, f->room, false, 0);
    }
    f->actor->call = f->call;
    f->actor->entered++;
    errno = error;
}

static int64_t finish(struct frame *f, int64_t result)
{
    int error = errno;

    f->actor->done[f->call / 64] |= (uint64_t)1 << f->call % 64;
    f->actor->left++;
    if (backend.sort == LIBRARY && !failed(f->form, result)) {
        if (f->case_polled)
            for (int64_t n = 0; n < f->said[1] && f->use[0] == (intptr_t)f->polled; n++)
                f->case_polled[n].revents = f->polled[n].revents;
        if (f->function == loaded[f->call]) {
            bool makes = f->form->gives == 'f' ||
                         (f->call == CALL_fcntl && (f->said[1] == F_DUPFD || f->said[1] == F_DUPFD_CLOEXEC));
            if (makes)
                result = adopt((int)result, f->open_before);
            if (f->call == CALL_socketpair) {
                int *pair = (int *)(intptr_t)f->said[3];
                pair[0] = adopt(pair[0], f->open_before);
                pair[1] = adopt(pair[1], f->open_before);
            }
            if (f->call == CALL_close && is_theirs((int)f->said[0]))
                forget((int)f->said[0]);
        }
    }
    if (f->record) {
        if (changes_arguments(f->form))
            describe_call(f->record->text, sizeof f->record->text, f->form, f->said, f->room, true, result);
        f->record->error =
            describe_result(f->record->result, sizeof f->record->result, f->form, result, error);
        f->record->left = nanoseconds();
    }
    errno = error;
    return result;
}

#define SAID_1(t1, a1) (int64_t)(intptr_t) a1
#define SAID_2(t1, a1, ...) (int64_t)(intptr_t) a1, SAID_1(__VA_ARGS__)
#define SAID_3(t1, a1, ...) (int64_t)(intptr_t) a1, SAID_2(__VA_ARGS__)
#define SAID_4(t1, a1, ...) (int64_t)(intptr_t) a1, SAID_3(__VA_ARGS__)
#define SAID_5(t1, a1, ...) (int64_t)(intptr_t) a1, SAID_4(__VA_ARGS__)
#define SAID_6(t1, a1, ...) (int64_t)(intptr_t) a1, SAID_5(__VA_ARGS__)
#define SAID_7(t1, a1, ...) (int64_t)(intptr_t) a1, SAID_6(__VA_ARGS__)
#define USE_1(i, t1, a1) (t1)(intptr_t) f.use[i]
#define USE_2(i, t1, a1, ...) (t1)(intptr_t) f.use[i], USE_1(i + 1, __VA_ARGS__)
#define USE_3(i, t1, a1, ...) (t1)(intptr_t) f.use[i], USE_2(i + 1, __VA_ARGS__)
#define USE_4(i, t1, a1, ...) (t1)(intptr_t) f.use[i], USE_3(i + 1, __VA_ARGS__)
#define USE_5(i, t1, a1, ...) (t1)(intptr_t) f.use[i], USE_4(i + 1, __VA_ARGS__)
#define USE_6(i, t1, a1, ...) (t1)(intptr_t) f.use[i], USE_5(i + 1, __VA_ARGS__)
#define USE_7(i, t1, a1, ...) (t1)(intptr_t) f.use[i], USE_6(i + 1, __VA_ARGS__)

#define CALL(name, gives, takes, type, count, ...)                                                         \
    type sc_##name(PARAMETERS_##count(__VA_ARGS__))                                                        \
    {                                                                                                      \
        struct frame f = {.call = CALL_##name, .said = {SAID_##count(__VA_ARGS__)}};                       \
        begin(&f);                                                                                         \
        type result = ((type(*)(PARAMETERS_##count(__VA_ARGS__)))f.function)(USE_##count(0, __VA_ARGS__)); \
        return (type)(intptr_t)finish(&f, (int64_t)(intptr_t)result);                                      \
    }
#define CALL_VOID(name, takes, type, parameter)                                         \
    void sc_##name(type parameter)                                                      \
    {                                                                                   \
        struct frame f = {.call = CALL_##name, .said = {(int64_t)(intptr_t)parameter}}; \
        begin(&f);                                                                      \
        ((void (*)(type))f.function)(parameter);                                        \
        finish(&f, 0);                                                                  \
    }
#define CALL_NONE(name, gives, type)                                                         \
    type sc_##name(void)                                                                     \
    {                                                                                        \
        struct frame f = {.call = CALL_##name};                                              \
        begin(&f);                                                                           \
        return (type)(intptr_t)finish(&f, (int64_t)(intptr_t)((type(*)(void))f.function)()); \
    }
#define CALL_MORE(name, gives, takes, t1, a1, t2, a2)                                       \
    int sc_##name(t1 a1, t2 a2, ...)                                                        \
    {                                                                                       \
        va_list more;                                                                       \
        va_start(more, a2);                                                                 \
        intptr_t last = va_arg(more, intptr_t);                                             \
        va_end(more);                                                                       \
        struct frame f = {.call = CALL_##name, .said = {a1, (int64_t)a2, last}};            \
        begin(&f);                                                                          \
        return (int)finish(&f, ((int (*)(t1, t2, ...))f.function)((t1)f.use[0], a2, last)); \
    }
#define CALL_IN_ADDR(name, gives, takes, type)                                                            \
    type sc_##name(struct in_addr address)                                                                \
    {                                                                                                     \
        struct frame f = {.call = CALL_##name, .said = {address.s_addr}};                                 \
        begin(&f);                                                                                        \
        return (type)(intptr_t)finish(&f,                                                                 \
                                      (int64_t)(intptr_t)((type(*)(struct in_addr))f.function)(address)); \
    }
#include "calls.def"

/* --- loading ---------------------------------------------------------------------------------- */

#ifdef STATIC_PROGRAM
const char *load_backend(void)
{
    return backend.sort == NATIVE ? NULL : "this program is linked statically and cannot load a library";
}
#else
/* A symbol that dlsym finds in the C library came with the library's dependencies: it is not its own. */
static bool is_its_own(void *symbol)
{
    Dl_info its, libcs;
    return dladdr(symbol, &its) && dladdr((void *)(intptr_t)snprintf, &libcs) &&
           its.dli_fbase != libcs.dli_fbase;
}

const char *load_backend(void)
{
    if (backend.sort == NATIVE)
        return NULL;
    void *library = dlopen(backend.file, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return dlerror();
    for (int c = 0; c < CALLS; c++) {
        char name[96];
        snprintf(name, sizeof name, "%s%s", backend.prefix ? backend.prefix : "", call_forms[c].name);
        void *symbol = dlsym(library, name);
        if (symbol && is_its_own(symbol))
            memcpy(&loaded[c], &symbol, sizeof symbol);
    }
    return NULL;
}
#endif

unsigned calls_found(void)
{
    unsigned n = 0;
    for (int c = 0; c < CALLS; c++)
        n += loaded[c] != NULL;
    return n;
}
