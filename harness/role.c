/* What a role says: its claims, its hand-overs to the peer, and its transcript. */
#include "role.h"
#include "raw.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

const char *const verdict_names[VERDICTS] = {"RUNNING",     "PASS",     "FAIL",     "UNRESOLVED",
                                             "UNSUPPORTED", "UNTESTED", "ABANDONED"};

const struct kind *kind;
bool serves;
void *my_page, *peer_page;
struct role *self, *peer;

static struct stage *stage;

/* Claims nest: one may stand in an argument of another. */
struct claim {
    const char *site;
    bool judging;
};
static _Thread_local struct claim outer[8];
static _Thread_local int depth;
static _Thread_local struct actor *this_actor;

int64_t nanoseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* --- verdicts ----------------------------------------------------------------------------------- */

void conclude(struct role *role, enum verdict verdict, const char *site, const char *format, ...)
{
    int running = RUNNING;
    va_list args;

    if (!atomic_compare_exchange_strong(&role->verdict, &running, ABANDONED))
        return;
    role->site = site;
    va_start(args, format);
    vsnprintf(role->message, sizeof role->message, format, args);
    va_end(args);
    role->ended = nanoseconds();
    role->verdict = verdict;
}

#define END(verdict, site, format)                     \
    do {                                               \
        char words[sizeof self->message];              \
        va_list args_;                                 \
        va_start(args_, format);                       \
        vsnprintf(words, sizeof words, format, args_); \
        va_end(args_);                                 \
        conclude(self, verdict, site, "%s", words);    \
        _exit(0);                                      \
    } while (0)

void end_role(enum verdict verdict, const char *site, const char *format, ...) { END(verdict, site, format); }
void end_role_as_unsupported(const char *site, const char *format, ...) { END(UNSUPPORTED, site, format); }
void end_role_as_untested(const char *site, const char *format, ...) { END(UNTESTED, site, format); }

/* --- claims ------------------------------------------------------------------------------------- */

bool in_claim(void) { return depth > 0; }

void enter(const char *site, bool judging)
{
    if (depth < (int)(sizeof outer / sizeof *outer))
        outer[depth] = (struct claim){self->site, self->judging};
    depth++;
    self->site = site;
    self->judging = judging;
    errno = 0;
}

static void leave(void)
{
    int error = errno;

    depth--;
    if (depth > 0 && depth < (int)(sizeof outer / sizeof *outer)) {
        self->site = outer[depth].site;
        self->judging = outer[depth].judging;
    } else
        self->judging = false;
    errno = error;
}

static void expect(bool held, const char *site, const char *want, long got)
{
    enum verdict verdict = self->judging ? FAIL : UNRESOLVED;

    if (!held && got == -1 && errno)
        end_role(verdict, site, "expected %s\nactual   -1 %s", want, errno_name(errno));
    if (!held)
        end_role(verdict, site, "expected %s\nactual   %ld", want, got);
    leave();
}

long ok(const char *site, long got)
{
    expect(got != -1, site, "success", got);
    return got;
}

void fails(const char *site, long got, const int *errors)
{
    char want[256] = "-1";
    bool allowed = false;

    for (const int *e = errors; *e; e++) {
        allowed |= *e == errno;
        if (e > errors && *e == e[-1])
            continue; /* EAGAIN and EWOULDBLOCK, where they are one number */
        snprintf(want + strlen(want), sizeof want - strlen(want), "%s%s", e > errors ? " or " : " ",
                 errno_name(*e));
    }
    expect(got == -1 && allowed, site, want, got);
}

long compares(const char *site, long got, int how, const char *name, long want)
{
    static const char *const words[] = {"at most ", "", "at least ", "other than "};
    bool held = how == 0 ? got == want : how == 1 ? got >= want : how == 2 ? got != want : got <= want;
    char text[160], *end;
    long literal = strtol(name, &end, 0);

    if (!held) {
        if (*end == '\0' && literal == want)
            snprintf(text, sizeof text, "%s%s", words[how + 1], name);
        else
            snprintf(text, sizeof text, "%s%s, which is %ld", words[how + 1], name, want);
        expect(false, site, text, got);
    }
    leave();
    return got;
}

static void print_bytes(char *out, size_t size, const unsigned char *bytes, size_t n)
{
    size_t used = 0;

    for (size_t i = 0; i < n && i < 32 && used + 5 < size; i++)
        used += (size_t)snprintf(out + used, size - used,
                                 bytes[i] >= ' ' && bytes[i] < 127 && bytes[i] != '\\' ? "%c" : "\\x%02x",
                                 bytes[i]);
    if (n > 32 && used + 4 < size)
        snprintf(out + used, size - used, "...");
}

void same(const char *site, const void *got, const void *want, size_t n)
{
    const unsigned char *g = got, *w = want;
    char got_text[160] = "", want_text[160] = "";
    size_t at = 0;

    while (at < n && g[at] == w[at])
        at++;
    if (at < n) {
        print_bytes(want_text, sizeof want_text, w + at, n - at);
        print_bytes(got_text, sizeof got_text, g + at, n - at);
        end_role(self->judging ? FAIL : UNRESOLVED, site,
                 "expected \"%s\" from byte %zu of %zu\nactual   \"%s\"", want_text, at, n, got_text);
    }
    leave();
}

void holds(const char *site, bool held, const char *format, ...)
{
    if (!held)
        END(FAIL, site, format);
    leave();
}

/* What tells that the implementation lacks the kind of socket, rather than that something went wrong. */
static bool is_absence(int error)
{
    return error == EAFNOSUPPORT || error == EPROTONOSUPPORT || error == ENOSYS
#ifdef ESOCKTNOSUPPORT
           || error == ESOCKTNOSUPPORT
#endif
        ;
}

long must(const char *site, long got)
{
    if (got == -1 && is_absence(errno))
        end_role(UNSUPPORTED, site, "preparation failed with %s", errno_name(errno));
    expect(got != -1, site, "preparation to succeed", got);
    return got;
}

void require(const char *site, bool held, const char *format, ...)
{
    if (!held)
        END(UNRESOLVED, site, format);
    leave();
}

void OBSERVE(const char *name, const char *format, ...)
{
    unsigned n = self->observations++;
    va_list args;

    if (n >= OBSERVATIONS)
        return;
    snprintf(self->observed[n].name, sizeof self->observed[n].name, "%s", name);
    va_start(args, format);
    vsnprintf(self->observed[n].value, sizeof self->observed[n].value, format, args);
    va_end(args);
}

/* --- the transcript ----------------------------------------------------------------------------- */

struct actor *actor(void)
{
    if (!this_actor) {
        unsigned n = self->actors++;
        this_actor = &self->actor[n < ACTORS ? n : ACTORS - 1];
#ifdef SYS_gettid
        this_actor->tid = (pid_t)syscall(SYS_gettid);
#else
        this_actor->tid = getpid();
#endif
    }
    return this_actor;
}

struct record *new_record(void)
{
    unsigned n = self->records++;
    struct record *r = n < KEPT_FIRST ? &self->first[n] : &self->last[(n - KEPT_FIRST) % KEPT_LAST];

    r->role = self == &stage->role[1];
    r->thread = (unsigned char)(actor() - self->actor);
    r->left = 0;
    r->error = 0;
    r->result[0] = '\0';
    r->hand_over = false;
    r->entered = nanoseconds();
    return r;
}

static struct record *hand_over(const char *what)
{
    struct record *r = new_record();
    r->hand_over = true;
    snprintf(r->text, sizeof r->text, "%s", what);
    return r;
}

/* --- the other role ----------------------------------------------------------------------------- */

void ready(void)
{
    struct record *r = hand_over("ready()");

    self->site = "after ready()";
    self->actor[0].done[0] = self->actor[0].done[1] = 0;
    r->left = nanoseconds();
    self->readies++;
    sem_post(&self->turn);
}

static void await_turn(void)
{
    self->waiting = true;
    while (sem_wait(&peer->turn) == -1 && errno == EINTR)
        continue;
    self->waiting = false;
}

void await_ready(const char *site)
{
    static unsigned awaited;
    struct record *r = hand_over("await_peer()");

    self->site = site;
    await_turn();
    if (++awaited > peer->readies)
        end_role(peer->verdict == PASS ? UNRESOLVED : ABANDONED, site,
                 "the peer ended without becoming ready");
    r->left = nanoseconds();
}

void await_end(const char *site)
{
    struct record *r = hand_over("await_end_of_peer()");

    self->site = site;
    while (!peer->gone)
        await_turn();
    sem_post(&peer->turn);
    r->left = nanoseconds();
}

static void nap(long microseconds) { nanosleep(&(struct timespec){.tv_nsec = microseconds * 1000}, NULL); }

char process_state(pid_t pid)
{
    char path[64], line[512];

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = raw_open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : raw_read(fd, line, sizeof line - 1);
    if (fd >= 0)
        raw_close(fd);
    if (n <= 0)
        return 0;
    line[n] = '\0';
    const char *name_end = strrchr(line, ')');
    return name_end && name_end[1] ? name_end[2] : 0;
}

/* Returns once the actor is seen asleep in its call, in two looks with no step between them; gives false
 * where it has left the call. An implementation may also wait without sleeping, or hide what its processes
 * do: then being still in the call after `patience` is all that can be seen. */
static bool seen_asleep(const struct actor *a, pid_t pid, unsigned entered)
{
    const int patience = 200;
    int asleep = 0;

    for (int look = 0; look < patience || process_state(pid) == 'R'; look++) {
        char state = process_state(pid);
        if (a->entered != entered || a->left == entered)
            return false;
        asleep = state == 'S' ? asleep + 1 : 0;
        if (asleep >= 2)
            return true;
        if (look < 8)
            sched_yield();
        else
            nap(look < 100 ? 100 : 1000);
        if (look > 50 * patience)
            break;
    }
    return a->entered == entered && a->left != entered;
}

static bool has_returned(const struct actor *a, int call) { return a->done[call / 64] >> call % 64 & 1; }

static const struct record *last_record_of(const struct role *role, int call)
{
    const struct record *found = NULL;
    unsigned n = role->records < KEPT_FIRST ? role->records : KEPT_FIRST;

    for (unsigned i = 0; i < n; i++)
        if (!role->first[i].hand_over && role->first[i].call == call)
            found = &role->first[i];
    return found;
}

static void blocks(const char *site, const struct role *role, const struct actor *a, int call)
{
    char what[96];
    snprintf(what, sizeof what, "%s_BLOCKS_IN(%s)", role == self ? "THREAD" : "PEER", call_forms[call].name);
    struct record *r = hand_over(what);

    for (unsigned looks = 0;; looks++) {
        unsigned entered = a->entered;

        if (role->verdict != RUNNING && !(role == self))
            end_role(role->verdict == PASS ? FAIL : ABANDONED, site,
                     "expected the peer to block in %s()\nactual   it ended", call_forms[call].name);
        if (has_returned(a, call)) {
            const struct record *last = last_record_of(role, call);
            end_role(FAIL, site, "expected %s to block in %s()\nactual   %s = %s%s%s",
                     role == self ? "the thread" : "the peer", call_forms[call].name,
                     last ? last->text : call_forms[call].name, last ? last->result : "returned",
                     last && last->error ? " " : "", last && last->error ? errno_name(last->error) : "");
        }
        if (entered > a->left && a->call == call && seen_asleep(a, a->tid ? a->tid : role->pid, entered))
            break;
        if (looks < 100)
            sched_yield();
        else
            nap(100);
    }
    r->left = nanoseconds();
    leave();
}

void peer_blocks(const char *site, int call) { blocks(site, peer, &peer->actor[0], call); }

void thread_blocks(const char *site, int call)
{
    actor();
    while (self->actors < 2)
        nap(50);
    blocks(site, self, &self->actor[self->actors < ACTORS ? self->actors - 1 : ACTORS - 1], call);
}

/* --- a role's life ------------------------------------------------------------------------------ */

void play(struct stage *the_stage, const struct testcase *testcase, const struct kind *the_kind, int index)
{
    sigset_t none;

    for (int s = 1; s < 32; s++)
        signal(s, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    stage = the_stage;
    kind = the_kind;
    serves = index == 0;
    self = &stage->role[index];
    peer = &stage->role[!index];
    my_page = self->page;
    peer_page = peer->page;
    actor();
    const char *trouble = load_backend();
    if (trouble)
        end_role(UNRESOLVED, "loading the library", "%s", trouble);
    testcase->role[index]();
    conclude(self, PASS, self->site, "%s", "");
    _exit(0);
}
