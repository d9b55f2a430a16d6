#include "supervise.h"
#include "isolate.h"
#include "raw.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/mman.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

double time_scale = 1;
void (*at_interruption)(int signal);

static const double usual_limit = 5;   /* seconds; roles that are asleep by then will not wake up */
static const double starved_limit = 4; /* times the limit, for roles that are not asleep but slow */
static const double grace = 0.1;       /* seconds that a role has once its peer has gone wrong */

static sigset_t awaited;

static uint64_t foreign_descriptors;
static pid_t supervisor;

void keep_open_descriptors(void)
{
    for (int fd = 0; fd < 64; fd++)
        if (raw_fcntl(fd, F_GETFD, 0) != -1)
            foreign_descriptors |= (uint64_t)1 << fd;
}

enum { SPARED = 512 };
static pid_t spared[SPARED];
static int spared_count;

void spare(pid_t pid)
{
    if (spared_count < SPARED)
        spared[spared_count++] = pid;
}

void prepare_supervision(void)
{
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGCHLD);
    sigaddset(&awaited, SIGINT);
    sigaddset(&awaited, SIGTERM);
    sigaddset(&awaited, SIGHUP);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &awaited, NULL);
#ifdef PR_SET_CHILD_SUBREAPER
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* what a role leaves behind becomes ours to end */
#endif
}

void become_supervisor(pid_t parent)
{
#ifdef PR_SET_PDEATHSIG
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
#endif
    spared_count = 0;
    prepare_supervision();
}

void interrupt_if_asked(void)
{
    sigset_t pending;

    sigpending(&pending);
    for (int s = 1; s < 32; s++)
        if (s != SIGCHLD && sigismember(&awaited, s) == 1 && sigismember(&pending, s) == 1)
            at_interruption(s);
}

struct stage *new_stage(void)
{
    void *memory =
        mmap(NULL, sizeof(struct stage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

double limit_of(const struct testcase *testcase)
{
    return (testcase->limit > 0 ? testcase->limit : usual_limit) * time_scale;
}

/* --- processes ---------------------------------------------------------------------------------- */

struct cast {
    int roles, left;
    pid_t pid[2];
};

static _Noreturn void start_role(struct stage *stage, const struct run *run, const char *place, int index)
{
#ifdef PR_SET_PDEATHSIG
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != supervisor)
        _exit(0);
#endif
    setpgid(0, 0);
    for (int fd = 3; fd < 64; fd++)
        if (!(foreign_descriptors >> fd & 1))
            raw_close(fd);
    if (chdir(place) == -1) {
        conclude(&stage->role[index], UNRESOLVED, "its start", "%s: %s", place, strerror(errno));
        _exit(0);
    }
    play(stage, run->testcase, run->kind, index);
}

static void reset(struct stage *stage, int roles)
{
    stage->message[0] = '\0';
    for (int r = 0; r < roles; r++) {
        struct role *role = &stage->role[r];
        memset(role, 0, offsetof(struct role, first));
        role->site = "its start";
        sem_init(&role->turn, 1, 0);
    }
    stage->start = nanoseconds();
}

/* What to say of a role's end that was not its own: a claim is then a FAIL, preparation leaves nothing known.
 */
static enum verdict blame(const struct role *role) { return role->judging ? FAIL : UNRESOLVED; }

static void judge_end(struct role *role, int status)
{
    const char *site = role->site;

    if (WIFSIGNALED(status))
        conclude(role, blame(role), site, "expected to go on\nactual   killed here: %s",
                 strsignal(WTERMSIG(status)));
    else
        conclude(role, FAIL, site, "expected to go on\nactual   exited here with status %d",
                 WEXITSTATUS(status));
}

static void mark_gone(struct role *role)
{
    role->gone = true;
    sem_post(&role->turn);
}

static void reap(struct stage *stage, struct cast *cast, int r, int options)
{
    int status;
    pid_t reaped;

    do
        reaped = waitpid(cast->pid[r], &status, options);
    while (reaped == -1 && errno == EINTR);
    if (reaped == 0)
        return;
    judge_end(&stage->role[r], reaped == -1 ? 0 : status);
    kill(-cast->pid[r], SIGKILL); /* what is left of its process group */
    mark_gone(&stage->role[r]);
    cast->pid[r] = 0;
    cast->left--;
}

/* Ends the roles that are still there. All of them are judged first: the end of one may wake another. */
static void end_roles(struct stage *stage, struct cast *cast, bool bereft, const char *why)
{
    for (int r = 0; r < cast->roles; r++) {
        struct role *role = &stage->role[r];
        if (cast->pid[r] && bereft)
            conclude(role, ABANDONED, role->site, "was here when its peer had ended");
        else if (cast->pid[r])
            conclude(role, role->waiting ? ABANDONED : blame(role), role->site,
                     "expected to go on\nactual   %s", why);
    }
    for (int r = 0; r < cast->roles; r++)
        if (cast->pid[r]) {
            kill(cast->pid[r], SIGKILL);
            reap(stage, cast, r, 0);
        }
}

static bool all_asleep(const struct cast *cast)
{
    for (int r = 0; r < cast->roles; r++)
        if (cast->pid[r]) {
            char state = process_state(cast->pid[r]);
            if (state && state != 'S' && state != 'T')
                return false;
        }
    return true;
}

static bool is_spared(pid_t pid)
{
    for (int i = 0; i < spared_count; i++)
        if (spared[i] == pid)
            return true;
    return false;
}

static ssize_t read_line(const char *path, char *line, size_t size)
{
    int fd = raw_open(path, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : raw_read(fd, line, size - 1);

    if (fd >= 0)
        raw_close(fd);
    line[n > 0 ? n : 0] = '\0';
    return n;
}

static bool is_child(pid_t pid)
{
    char path[64], line[512];
    pid_t parent = 0;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    if (read_line(path, line, sizeof line) <= 0)
        return false;
    const char *name_end = strrchr(line, ')');
    return name_end && sscanf(name_end, ") %*c %d", &parent) == 1 && parent == getpid();
}

/* The children of this process that are neither roles nor spared: what roles have left behind. */
static int stragglers(pid_t *found, int most)
{
    char line[4096], *end;
    int n = 0;

    if (read_line("/proc/thread-self/children", line, sizeof line) >= 0) {
        for (char *at = line; n < most; at = end) {
            pid_t pid = (pid_t)strtol(at, &end, 10);
            if (end == at)
                break;
            if (!is_spared(pid))
                found[n++] = pid;
        }
        return n;
    }
    DIR *directory = opendir("/proc");
    if (!directory)
        return 0;
    for (struct dirent *entry; n < most && (entry = readdir(directory));) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && !is_spared(pid) && is_child(pid))
            found[n++] = pid;
    }
    closedir(directory);
    return n;
}

static bool has_living_children(void)
{
    siginfo_t info = {.si_pid = 0};
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static void end_stragglers(void)
{
    pid_t found[64];

    if (!spared_count)
        while (waitpid(-1, NULL, WNOHANG) > 0)
            continue;
    if (!has_living_children())
        return;
    for (int n; (n = stragglers(found, 64)) > 0;)
        for (int i = 0; i < n; i++) {
            kill(found[i], SIGKILL);
            waitpid(found[i], NULL, 0);
        }
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status, (void)type, (void)where;
    return remove(path);
}

static void wipe(const char *place)
{
    if (rmdir(place) == -1)
        nftw(place, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void interrupt(struct stage *stage, struct cast *cast, const char *place, int signal)
{
    end_roles(stage, cast, false, "the program was interrupted");
    end_stragglers();
    wipe(place);
    at_interruption(signal);
}

/* --- a run -------------------------------------------------------------------------------------- */

static bool went_wrong(const struct role *role) { return role->verdict > PASS; }

static void watch(struct stage *stage, struct cast *cast, const struct run *run, const char *place)
{
    int64_t limit = (int64_t)(limit_of(run->testcase) * 1e9), deadline = stage->start + limit;
    int64_t end = stage->start + (int64_t)(starved_limit * (double)limit);
    bool wrong = false;
    char late[96];

    while (cast->left > 0) {
        int64_t left = deadline - nanoseconds();
        struct timespec wait = {left > 0 ? left / 1000000000 : 0, left > 0 ? left % 1000000000 : 0};
        int signal = sigtimedwait(&awaited, NULL, &wait);

        if (signal == SIGINT || signal == SIGTERM || signal == SIGHUP)
            interrupt(stage, cast, place, signal);
        for (int r = 0; r < cast->roles; r++)
            if (cast->pid[r])
                reap(stage, cast, r, WNOHANG);
        if (cast->left > 0 && nanoseconds() >= deadline) {
            if (!wrong && !all_asleep(cast) && nanoseconds() < end) {
                deadline = nanoseconds() + limit / 4;
                continue;
            }
            snprintf(late, sizeof late, "still here after %.3g seconds",
                     (double)(nanoseconds() - stage->start) / 1e9);
            end_roles(stage, cast, wrong, late);
        }
        for (int r = 0; r < cast->roles; r++)
            wrong |= !cast->pid[r] && went_wrong(&stage->role[r]);
        if (wrong && deadline > nanoseconds() + (int64_t)(grace * 1e9))
            deadline = nanoseconds() + (int64_t)(grace * 1e9);
    }
}

static const char *role_name(int roles, int r) { return roles == 1 ? "solo" : r ? "client" : "server"; }

/* The run's verdict is that of the role that went wrong first of its own accord. */
static void decide(struct stage *stage, int roles)
{
    const struct role *cause = NULL;
    size_t n = 0;
    bool abandoned = false;

    for (int r = 0; r < roles; r++) {
        const struct role *role = &stage->role[r];
        abandoned |= role->verdict == ABANDONED;
        if (went_wrong(role) && role->verdict != ABANDONED && (!cause || role->ended < cause->ended))
            cause = role;
    }
    stage->verdict = cause ? (enum verdict)cause->verdict : abandoned ? UNRESOLVED : PASS;
    for (int r = 0; r < roles && stage->verdict != PASS; r++) {
        const struct role *role = &stage->role[r];
        if (!went_wrong(role) || n >= sizeof stage->message - 8)
            continue;
        n += (size_t)snprintf(stage->message + n, sizeof stage->message - n, "%s%s %s at %s", n ? "\n" : "",
                              role_name(roles, r), verdict_names[role->verdict], role->site);
        for (const char *line = role->message; *line && n < sizeof stage->message - 8;) {
            int length = (int)strcspn(line, "\n");
            n += (size_t)snprintf(stage->message + n, sizeof stage->message - n, "\n    %.*s", length, line);
            line += length + (line[length] == '\n');
        }
        n = n < sizeof stage->message ? n : sizeof stage->message - 1;
    }
}

static const char *environment_lacks(const struct run *run)
{
    if (backend.sort == LIBRARY)
        return NULL;
    if (run->kind->domain == AF_INET && !environment.loopback_inet)
        return "there is no IPv4 loopback here";
    if (run->kind->domain == AF_INET6 && !environment.loopback_inet6)
        return "there is no IPv6 loopback here";
    return NULL;
}

void perform(struct stage *stage, const struct run *run, const char *place)
{
    struct cast cast = {.roles = run->testcase->role[1] ? 2 : 1};
    const char *lacks = environment_lacks(run);

    supervisor = getpid();
    reset(stage, cast.roles);
    if (lacks)
        for (int r = 0; r < cast.roles; r++)
            conclude(&stage->role[r], UNTESTED, "its start", "%s", lacks);
    else if (mkdir(place, 0777) == -1)
        for (int r = 0; r < cast.roles; r++)
            conclude(&stage->role[r], UNRESOLVED, "its start", "no directory of its own: %s",
                     strerror(errno));
    else {
        chmod(place, 0777); /* a role may give up its privileges */
        for (int r = 0; r < cast.roles; r++) {
            cast.pid[r] = fork();
            if (cast.pid[r] == 0)
                start_role(stage, run, place, r);
            if (cast.pid[r] == -1) {
                conclude(&stage->role[r], UNRESOLVED, "its start", "fork: %s", strerror(errno));
                mark_gone(&stage->role[r]);
                cast.pid[r] = 0;
                continue;
            }
            stage->role[r].pid = cast.pid[r];
            cast.left++;
        }
        watch(stage, &cast, run, place);
        end_stragglers();
        wipe(place);
    }
    decide(stage, cast.roles);
    stage->seconds = (double)(nanoseconds() - stage->start) / 1e9;
}
