#include "sockets.h"

#include <stdio.h>

/* --- what the cases have in common ----------------------------------------------------------------- */

static void passes(int from, int to, char byte)
{
    char got = 0;

    EQ(send(from, &byte, 1, MSG_NOSIGNAL), 1);
    EQ(recv(to, &got, 1, 0), 1);
    EQ(got, byte);
}

static void both_ways(int a, int b)
{
    passes(a, b, 'a');
    passes(b, a, 'b');
}

static int status_of(int fd) { return (int)MUST(fcntl(fd, F_GETFL)); }

static int lowest_free(void)
{
    int fd = 0;

    while (fcntl(fd, F_GETFD) != -1)
        fd++;
    return fd;
}

/* The number of a socket that is closed. */
static int closed(void)
{
    int fd = new_socket();

    MUST(close(fd));
    return fd;
}

static void await_child(pid_t child)
{
    int status = -1;

    MUST(waitpid(child, &status, 0));
    REQUIRE(status == 0, "a child has ended with status %#x", (unsigned)status);
}

/* --- a socket is a descriptor ------------------------------------------------------------------------ */

#define IS_A_SOCKET(name, kinds, socket_of)                                           \
    CASE(fstat_##name, .requirement = "fstat.s_issock", .over = kinds)                \
    {                                                                                 \
        struct stat status;                                                           \
        memset(&status, 0xff, sizeof status);                                         \
                                                                                      \
        EQ(fstat(socket_of, &status), 0);                                             \
        HOLDS(S_ISSOCK(status.st_mode), "the mode is %#o", (unsigned)status.st_mode); \
    }
IS_A_SOCKET(new_socket, EVERY, new_socket())
IS_A_SOCKET(bound_socket, ANY, bound_socket())
IS_A_SOCKET(listener, CONNECTION, listening_socket())
IS_A_SOCKET(connected_socket, ANY, joined_sockets().fd[1])
IS_A_SOCKET(accepted_socket, CONNECTION, joined_sockets().fd[0])
IS_A_SOCKET(duplicate, ANY, (int)MUST(dup(new_socket())))

CASE(stat_path, .requirement = "stat.unix-path-s_issock", .over = UNIX)
{
    struct stat status;
    struct address a = address_of(bound_socket());

    EQ(stat(a.un.sun_path, &status), 0);
    HOLDS(S_ISSOCK(status.st_mode), "the mode of the path is %#o", (unsigned)status.st_mode);
}

CASE(open_path, .requirement = "open.socket-file-fails", .over = UNIX)
{
    struct address a = address_of(bound_socket());

    int fd = (int)EQ(open(a.un.sun_path, O_RDWR | O_NONBLOCK), -1);
    OBSERVE("errno", "%s", fd == -1 ? errno_name(errno) : "none");
}

CASE(lseek_socket, .requirement = "lseek.espipe", .over = ANY)
{
    struct joined j = joined_sockets();

    FAILS(lseek(new_socket(), 0, SEEK_SET), ESPIPE);
    FAILS(lseek(j.fd[0], 0, SEEK_CUR), ESPIPE);
    FAILS(lseek(j.fd[1], 0, SEEK_END), ESPIPE);
    both_ways(j.fd[0], j.fd[1]);
}

CASE(pread_and_pwrite_socket, .requirement = "pread-pwrite.espipe", .over = ANY)
{
    struct joined j = joined_sockets();
    char byte = 'x';

    FAILS(pwrite(j.fd[0], &byte, 1, 0), ESPIPE);
    passes(j.fd[0], j.fd[1], 'y');
    MUST(send(j.fd[1], "z", 1, 0));
    FAILS(pread(j.fd[0], &byte, 1, 0), ESPIPE);
    EQ(recv(j.fd[0], &byte, 1, 0), 1);
    EQ(byte, 'z');
}

CASE(read_and_write_socket, .requirement = "fstat.s_issock", .over = ANY)
{
    struct joined j = joined_sockets();
    char got = 0;

    EQ(write(j.fd[0], "r", 1), 1);
    EQ(read(j.fd[1], &got, 1), 1);
    EQ(got, 'r');
}

/* --- close ------------------------------------------------------------------------------------------- */

CASE(close_frees_the_descriptor, .requirement = "close.deallocates-fd", .over = ANY)
{
    int fd = bound_socket();
    struct place here = place_for_address();

    EQ(close(fd), 0);

    FAILS(fcntl(fd, F_GETFD), EBADF);
    FAILS(getsockname(fd, PLACE(here)), EBADF);
    FAILS(send(fd, "x", 1, MSG_NOSIGNAL), EBADF);
    FAILS(close(fd), EBADF);
}

CASE(close_then_a_new_socket, .requirement = "close.deallocates-fd", .over = ANY)
{
    int fd = bound_socket();
    struct address other = fresh_address();
    struct place there = place_for_address();

    OK(close(fd));
    REQUIRE(new_socket() == fd, "the new socket has another descriptor");

    FAILS(getpeername(fd, PLACE(there)), ENOTCONN);
    OK(bind(fd, ADDR(other)));
}

CASE(close_many_times, .requirement = "close.deallocates-fd", .over = ANY)
{
    int free = lowest_free();

    for (int i = 0; i < 100; i++)
        OK(close(new_socket()));
    EQ(lowest_free(), free);
}

CASE(close_no_descriptor, .requirement = "close.ebadf", .over = ANY)
{
    int fd = new_socket();

    FAILS(close(-1), EBADF);
    FAILS(close(lowest_free()), EBADF);
    OK(close(fd));
    FAILS(close(fd), EBADF);
}

CASE(close_frees_the_port, .requirement = "close.destroys-socket", .over = INTERNET)
{
    int fd = bound_socket();
    struct address a = address_of(fd);

    OK(close(fd));

    OK(bind(new_socket(), ADDR(a)));
}

CASE(close_frees_the_port_of_a_listener, .requirement = "close.destroys-socket", .over = TCP)
{
    int fd = listening_socket();
    struct address a = address_of(fd);

    OK(close(fd));

    FAILS(connect(new_socket(), ADDR(a)), ECONNREFUSED);
    int next = new_socket();
    OK(bind(next, ADDR(a)));
    OK(listen(next, 1));
}

CASE(close_loses_what_was_queued, .requirement = "close.destroys-socket", .over = UDP)
{
    int fd = bound_socket(), sender = new_socket();
    struct address a = address_of(fd);
    struct pollfd arrival = {.fd = fd, .events = POLLIN};
    MUST(sendto(sender, "old", 3, 0, ADDR(a)));
    MUST(poll(&arrival, 1, -1));

    OK(close(fd));
    int next = new_socket();
    MUST(bind(next, ADDR(a)));

    EQ(sendto(sender, "n", 1, 0, ADDR(a)), 1);
    char got[4] = {0};
    EQ(recv(next, got, sizeof got, 0), 1);
    EQ(got[0], 'n');
}

CASE(close_one_connection_of_two, .requirement = "close.others-go-on", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    struct address there = address_of(j.listener);
    int second = new_socket();
    MUST(connect(second, ADDR(there)));
    int accepted = (int)MUST(accept(j.listener, NULL, NULL)), third = new_socket();

    OK(close(j.fd[0]));

    both_ways(second, accepted);
    OK(connect(third, ADDR(there)));
    OK(accept(j.listener, NULL, NULL));
}

CASE(close_listener_after_accept, .requirement = "close.others-go-on", .over = CONNECTION)
{
    struct joined j = joined_sockets();

    OK(close(j.listener));

    both_ways(j.fd[0], j.fd[1]);
}

CASE(close_leaves_the_path, .requirement = "close.unix-file-remains", .over = UNIX)
{
    int fd = bound_socket();
    struct address a = address_of(fd);
    struct stat status;

    OK(close(fd));

    OK(stat(a.un.sun_path, &status));
    HOLDS(S_ISSOCK(status.st_mode), "the mode of the path is %#o", (unsigned)status.st_mode);
    FAILS(bind(new_socket(), ADDR(a)), EADDRINUSE);
    OK(unlink(a.un.sun_path));
    OK(bind(new_socket(), ADDR(a)));
}

PAIR(close_is_seen_as_end, .requirement = "close.peer-sees-eof", .over = CONNECTION)

SERVER(close_is_seen_as_end)
{
    int fd = meet();
    char got;

    ready();
    EQ(recv(fd, &got, 1, 0), 0);
    EQ(recv(fd, &got, 1, 0), 0);
    ready();
}

CLIENT(close_is_seen_as_end)
{
    int fd = meet();

    await_peer();
    PEER_BLOCKS_IN(recv);
    OK(close(fd));

    await_peer();
}

/* What was sent before close() is received after it, however much of it was still here then. */
PAIR(close_after_send, .requirement = "close.stream-delivers-pending", .over = STREAM)

SERVER(close_after_send)
{
    int fd = meet();
    size_t n;

    await_peer();
    memcpy(&n, peer_page, sizeof n);
    char *got = malloc(n);
    for (size_t have = 0; have < n;)
        have += (size_t)AT_LEAST(recv(fd, got + have, n - have, 0), 1);
    EQ(first_difference(got, n, 1, 0), (long)n);
    EQ(recv(fd, got, 1, 0), 0);
    ready();
}

CLIENT(close_after_send)
{
    enum { MOST = 1 << 22, PIECE = 4096 };
    int fd = meet();
    char piece[PIECE];
    size_t n = 0;
    set_nonblocking(fd);

    for (ssize_t sent = 1; sent > 0 && n<MOST; n += sent> 0 ? (size_t)sent : 0) {
        fill(piece, sizeof piece, 1, n);
        sent = send(fd, piece, sizeof piece, MSG_NOSIGNAL);
    }
    OK(close(fd));

    memcpy(my_page, &n, sizeof n);
    ready();
    await_peer();
}

CASE(close_one_duplicate, .requirement = "close.dup-keeps-alive", .over = ANY)
{
    struct joined j = joined_sockets();
    int copy = (int)MUST(dup(j.fd[0]));

    OK(close(j.fd[0]));

    both_ways(copy, j.fd[1]);
    both_ways(copy, j.fd[1]);
}

CASE(close_the_last_duplicate, .requirement = "close.dup-keeps-alive", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    int copy = (int)MUST(dup(j.fd[0])), third = (int)MUST(dup(copy));

    OK(close(j.fd[0]));
    OK(close(third));
    passes(copy, j.fd[1], 'x');
    OK(close(copy));

    EQ(recv(j.fd[1], &(char){0}, 1, 0), 0);
}

CASE(close_duplicate_of_a_listener, .requirement = "close.dup-keeps-alive", .over = CONNECTION)
{
    int listener = listening_socket();
    struct address there = address_of(listener);
    int copy = (int)MUST(dup(listener)), fd = new_socket();

    OK(close(listener));

    OK(connect(fd, ADDR(there)));
    both_ways((int)OK(accept(copy, NULL, NULL)), fd);
}

/* Had the first close() ended the connection, its end would have come before the child's byte. */
CASE(close_while_a_child_has_it, .requirement = "close.fork-keeps-alive", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    int go[2];
    char got = 0;
    MUST(pipe(go));

    pid_t child = (pid_t)MUST(fork());
    if (child == 0) {
        MUST(read(go[0], &got, 1));
        MUST(send(j.fd[0], &got, 1, MSG_NOSIGNAL));
        _exit(0);
    }
    OK(close(j.fd[0]));
    MUST(write(go[1], "c", 1));

    EQ(recv(j.fd[1], &got, 1, 0), 1);
    EQ(got, 'c');
    EQ(recv(j.fd[1], &got, 1, 0), 0);
    await_child(child);
}

CASE(close_by_a_child, .requirement = "close.fork-keeps-alive", .over = ANY)
{
    struct joined j = joined_sockets();

    pid_t child = (pid_t)MUST(fork());
    if (child == 0) {
        OK(close(j.fd[0]));
        _exit(0);
    }
    await_child(child);

    both_ways(j.fd[0], j.fd[1]);
}

static void show_process(void) { memcpy(my_page, &(pid_t){getpid()}, sizeof(pid_t)); }

static pid_t peers_process(void)
{
    pid_t process;

    memcpy(&process, peer_page, sizeof process);
    return process;
}

/* Sends what the buffers of both ends take, and some time later still take. */
static void fill_buffers(int fd)
{
    static const char bytes[1 << 16];
    struct pollfd room = {.fd = fd, .events = POLLOUT};

    set_nonblocking(fd);
    do {
        while (send(fd, bytes, sizeof bytes, MSG_NOSIGNAL) > 0)
            continue;
    } while (MUST(poll(&room, 1, 200)) == 1);
    MUST(fcntl(fd, F_SETFL, status_of(fd) & ~O_NONBLOCK));
}

/* While data lingers and the peer reads nothing, close() waits: SO_LINGER is there to make it. */
PAIR(close_interrupted, .requirement = "close.eintr-outcomes", .over = TCP, .limit = 20)

SERVER(close_interrupted)
{
    int fd = meet();
    char got[1 << 16];

    await_peer();
    PEER_BLOCKS_IN(close);
    MUST(kill(peers_process(), SIGUSR1));
    await_peer();
    while (recv(fd, got, sizeof got, 0) > 0)
        continue;
}

CLIENT(close_interrupted)
{
    int fd = meet();
    struct linger linger = {.l_onoff = 1, .l_linger = 10};
    show_process();
    count_signal(SIGUSR1);
    fill_buffers(fd);
    MUST(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));

    ready();
    int outcome = close(fd) == 0 ? 0 : errno;
    bool open = fcntl(fd, F_GETFD) != -1;

    OBSERVE("close() gave", "%s, and the descriptor is %s", outcome ? errno_name(outcome) : "0",
            open ? "open" : "closed");
    HOLDS(outcome == 0 || outcome == EINTR || outcome == EINPROGRESS, "close() gave %s", errno_name(outcome));
    HOLDS(open == (outcome == EINTR), "after %s the descriptor is %s",
          outcome ? errno_name(outcome) : "success", open ? "open" : "closed");
    EQ(signals_counted(), 1);
    ready();
}

/* --- duplicates -------------------------------------------------------------------------------------- */

#define DUPLICATE(name, call)                                                                   \
    CASE(name##_is_the_same_socket, .requirement = "dup.shares-socket", .over = ANY)            \
    {                                                                                           \
        struct joined j = joined_sockets();                                                     \
        int fd = j.fd[0];                                                                       \
        struct stat status, status_of_copy;                                                     \
                                                                                                \
        int copy = (int)OK(call);                                                               \
                                                                                                \
        NOT(copy, fd);                                                                          \
        both_ways(copy, j.fd[1]);                                                               \
        both_ways(fd, j.fd[1]);                                                                 \
        HOLDS(same_address(address_of(copy), address_of(fd)), "the copy has another address");  \
        OK(fstat(fd, &status));                                                                 \
        OK(fstat(copy, &status_of_copy));                                                       \
        HOLDS(status.st_ino == status_of_copy.st_ino && status.st_dev == status_of_copy.st_dev, \
              "the copy is another file");                                                      \
    }                                                                                           \
    CASE(name##_is_without_cloexec, .requirement = "dup.cloexec-not-shared", .over = ANY)       \
    {                                                                                           \
        int fd = new_socket();                                                                  \
        MUST(fcntl(fd, F_SETFD, FD_CLOEXEC));                                                   \
                                                                                                \
        int copy = (int)OK(call);                                                               \
                                                                                                \
        EQ(OK(fcntl(copy, F_GETFD)) & FD_CLOEXEC, 0);                                           \
        EQ(OK(fcntl(fd, F_GETFD)) & FD_CLOEXEC, FD_CLOEXEC);                                    \
    }                                                                                           \
    CASE(name##_shares_nonblock, .requirement = "dup.shares-nonblock", .over = ANY)             \
    {                                                                                           \
        int fd = new_socket(), copy = (int)OK(call);                                            \
        int blocking = status_of(fd);                                                           \
                                                                                                \
        OK(fcntl(fd, F_SETFL, blocking | O_NONBLOCK));                                          \
        EQ(OK(fcntl(copy, F_GETFL)) & O_NONBLOCK, O_NONBLOCK);                                  \
        OK(fcntl(copy, F_SETFL, blocking));                                                     \
        EQ(OK(fcntl(fd, F_GETFL)) & O_NONBLOCK, 0);                                             \
    }
DUPLICATE(dup, dup(fd))
DUPLICATE(dup2, dup2(fd, 40))
DUPLICATE(dup3, dup3(fd, 40, 0))
DUPLICATE(f_dupfd, fcntl(fd, F_DUPFD, 40))

CASE(dup_takes_the_lowest_descriptor, .requirement = "dup.lowest-fd", .over = ANY)
{
    int low = new_socket(), fd = new_socket();
    MUST(close(low));
    int free = lowest_free();

    EQ(dup(fd), free);
    AT_LEAST(fcntl(fd, F_DUPFD, 50), 50);
}

CASE(dup2_closes_the_target, .requirement = "dup.dup2-replaces", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    int fd = new_socket();

    EQ(dup2(fd, j.fd[0]), j.fd[0]);

    EQ(recv(j.fd[1], &(char){0}, 1, 0), 0);
}

CASE(dup2_onto_itself, .requirement = "dup.dup2-replaces", .over = ANY)
{
    struct joined j = joined_sockets();

    EQ(dup2(j.fd[0], j.fd[0]), j.fd[0]);

    both_ways(j.fd[0], j.fd[1]);
}

CASE(dup3_cloexec_flag, .requirement = "dup.cloexec-flags", .over = ANY)
{
    int fd = new_socket(), copy = (int)OK(dup3(fd, 40, O_CLOEXEC));

    EQ(OK(fcntl(copy, F_GETFD)) & FD_CLOEXEC, FD_CLOEXEC);
    EQ(OK(fcntl(fd, F_GETFD)) & FD_CLOEXEC, 0);
}

CASE(f_dupfd_cloexec, .requirement = "dup.cloexec-flags", .over = ANY)
{
    int fd = new_socket(), copy = (int)OK(fcntl(fd, F_DUPFD_CLOEXEC, 40));

    AT_LEAST(copy, 40);
    EQ(OK(fcntl(copy, F_GETFD)) & FD_CLOEXEC, FD_CLOEXEC);
    EQ(OK(fcntl(fd, F_GETFD)) & FD_CLOEXEC, 0);
}

CASE(dup_cloexec_set_later, .requirement = "dup.cloexec-not-shared", .over = ANY)
{
    int fd = new_socket(), copy = (int)OK(dup(fd));

    OK(fcntl(copy, F_SETFD, FD_CLOEXEC));

    EQ(OK(fcntl(fd, F_GETFD)) & FD_CLOEXEC, 0);
}

CASE(dup_nonblock_receiver_does_not_wait, .requirement = "dup.shares-nonblock", .over = ANY)
{
    int fd = joined_sockets().fd[0], copy = (int)OK(dup(fd));

    set_nonblocking(copy);

    FAILS(recv(fd, &(char){0}, 1, 0), EAGAIN, EWOULDBLOCK);
}

CASE(dup_binds_the_original, .requirement = "dup.shares-socket", .over = ANY)
{
    int fd = new_socket(), copy = (int)OK(dup(fd));
    struct address a = fresh_address();

    struct address before = address_of(fd);

    OK(bind(copy, ADDR(a)));

    HOLDS(!same_address(address_of(fd), before), "the original has no address");
    HOLDS(same_address(address_of(fd), address_of(copy)), "the original has another address");
}

CASE(dup_sets_options_of_the_original, .requirement = "dup.shares-socket", .over = ANY)
{
    int fd = new_socket(), copy = (int)OK(dup(fd)), value = 1;

    OK(setsockopt(copy, SOL_SOCKET, SO_REUSEADDR, &value, sizeof value));

    NOT(option(fd, SOL_SOCKET, SO_REUSEADDR), 0);
}

CASE(dup_listens_as_the_original, .requirement = "dup.shares-socket", .over = CONNECTION)
{
    int fd = bound_socket(), copy = (int)OK(dup(fd)), client = new_socket();
    struct address there = address_of(fd);

    OK(listen(copy, 1));
    OK(connect(client, ADDR(there)));

    both_ways((int)OK(accept(fd, NULL, NULL)), client);
}

#define OF_NO_DESCRIPTOR(name, call)                                          \
    CASE(name##_of_no_descriptor, .requirement = #name ".ebadf", .over = ANY) \
    {                                                                         \
        struct stat status;                                                   \
        int fd = closed();                                                    \
                                                                              \
        FAILS(call, EBADF);                                                   \
        fd = -1;                                                              \
        FAILS(call, EBADF);                                                   \
        (void)status;                                                         \
    }
OF_NO_DESCRIPTOR(dup, dup(fd))
OF_NO_DESCRIPTOR(dup2, dup2(fd, 40))
OF_NO_DESCRIPTOR(fcntl, fcntl(fd, F_GETFL))
OF_NO_DESCRIPTOR(fstat, fstat(fd, &status))
OF_NO_DESCRIPTOR(lseek, lseek(fd, 0, SEEK_CUR))

/* --- fork and exec ----------------------------------------------------------------------------------- */

CASE(fork_shares_the_socket, .requirement = "fork.shares-socket", .over = ANY)
{
    struct joined j = joined_sockets();

    pid_t child = (pid_t)MUST(fork());
    if (child == 0) {
        both_ways(j.fd[0], j.fd[1]);
        EQ(send(j.fd[0], "c", 1, MSG_NOSIGNAL), 1);
        _exit(0);
    }
    await_child(child);

    char got = 0;
    EQ(recv(j.fd[1], &got, 1, 0), 1);
    EQ(got, 'c');
    both_ways(j.fd[0], j.fd[1]);
}

CASE(fork_shares_the_state, .requirement = "fork.shares-socket", .over = ANY)
{
    int fd = new_socket();
    struct address a = fresh_address(), before = address_of(fd);

    pid_t child = (pid_t)MUST(fork());
    if (child == 0) {
        OK(bind(fd, ADDR(a)));
        OK(fcntl(fd, F_SETFL, status_of(fd) | O_NONBLOCK));
        OK(fcntl(fd, F_SETFD, FD_CLOEXEC));
        _exit(0);
    }
    await_child(child);

    HOLDS(!same_address(address_of(fd), before), "what the child has bound has no address here");
    EQ(OK(fcntl(fd, F_GETFL)) & O_NONBLOCK, O_NONBLOCK);
    EQ(OK(fcntl(fd, F_GETFD)) & FD_CLOEXEC, 0);
}

CASE(fork_shares_the_listener, .requirement = "fork.shares-socket", .over = CONNECTION)
{
    int listener = listening_socket(), fd = new_socket();
    struct address there = address_of(listener);

    pid_t child = (pid_t)MUST(fork());
    if (child == 0) {
        EQ(send((int)OK(accept(listener, NULL, NULL)), "c", 1, MSG_NOSIGNAL), 1);
        _exit(0);
    }
    OK(connect(fd, ADDR(there)));

    char got = 0;
    EQ(recv(fd, &got, 1, 0), 1);
    EQ(got, 'c');
    EQ(recv(fd, &got, 1, 0), 0);
    await_child(child);
}

/* Runs a shell in a child, which ends once `hold` is closed here. */
static pid_t shell(const char *script, int hold[2])
{
    MUST(pipe(hold));
    pid_t child = (pid_t)MUST(fork());
    if (child == 0) {
        MUST(dup2(hold[0], STDIN_FILENO));
        MUST(close(hold[1]));
        execl("/bin/sh", "sh", "-c", script, (char *)NULL);
        _exit(127);
    }
    return child;
}

static void await_shell(pid_t child)
{
    int status = -1;

    MUST(waitpid(child, &status, 0));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        UNTESTED("there is no /bin/sh to execute");
}

CASE(exec_closes_with_cloexec, .requirement = "socket.type-cloexec-flag", .over = CONNECTION)
{
    int listener = listening_socket(), hold[2];
    struct address there = address_of(listener);
    MUST(close(new_socket()));
    int fd = (int)OK(socket(kind->domain, kind->type | SOCK_CLOEXEC, 0));
    MUST(connect(fd, ADDR(there)));
    int peer = (int)MUST(accept(listener, NULL, NULL));

    pid_t child = shell("read line; exit 0", hold);
    OK(close(fd));

    EQ(recv(peer, &(char){0}, 1, 0), 0);
    MUST(close(hold[1]));
    await_shell(child);
}

CASE(exec_keeps_without_cloexec, .requirement = "socket.fd-cloexec-clear", .over = CONNECTION)
{
    int listener = listening_socket(), hold[2];
    struct address there = address_of(listener);
    int fd = (int)OK(socket(kind->domain, kind->type, 0));
    MUST(connect(fd, ADDR(there)));
    int peer = (int)MUST(accept(listener, NULL, NULL));
    char script[64], got = 0;

    snprintf(script, sizeof script, "read line; printf x >&%d", fd);
    pid_t child = shell(script, hold);
    OK(close(fd));
    MUST(close(hold[1]));

    await_shell(child);
    EQ(recv(peer, &got, 1, 0), 1);
    EQ(got, 'x');
    EQ(recv(peer, &got, 1, 0), 0);
}

/* --- passing a descriptor ---------------------------------------------------------------------------- */

/* A message of one byte with room for one descriptor. */
struct parcel {
    struct msghdr message;
    struct iovec part;
    char byte;
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
};

static struct msghdr *empty(struct parcel *p)
{
    memset(p, 0, sizeof *p);
    p->part = (struct iovec){.iov_base = &p->byte, .iov_len = 1};
    p->message.msg_iov = &p->part;
    p->message.msg_iovlen = 1;
    p->message.msg_control = p->control;
    p->message.msg_controllen = sizeof p->control;
    return &p->message;
}

static struct msghdr *with_descriptor(struct parcel *p, int fd)
{
    struct msghdr *message = empty(p);
    struct cmsghdr *header = CMSG_FIRSTHDR(message);

    p->byte = 'p';
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    return message;
}

static int descriptor_in(struct parcel *p)
{
    struct cmsghdr *header = CMSG_FIRSTHDR(&p->message);
    int fd;

    HOLDS(header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS,
          "no descriptor came");
    EQ(header->cmsg_len, (long)CMSG_LEN(sizeof fd));
    EQ(p->message.msg_flags & MSG_CTRUNC, 0);
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return fd;
}

/* Two ends that carry descriptors, whatever the kind of what is passed. */
static void carriers(int fd[2]) { MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, fd)); }

CASE(passed_descriptor_is_the_same_socket, .requirement = "unix7.scm_rights.dup-semantics", .over = ANY)
{
    struct joined j = joined_sockets();
    int carrier[2];
    struct parcel p;
    carriers(carrier);

    EQ(sendmsg(carrier[0], with_descriptor(&p, j.fd[0]), 0), 1);
    EQ(recvmsg(carrier[1], empty(&p), 0), 1);
    int got = descriptor_in(&p);

    NOT(got, j.fd[0]);
    both_ways(got, j.fd[1]);
    both_ways(j.fd[0], j.fd[1]);
    HOLDS(same_address(address_of(got), address_of(j.fd[0])), "what came has another address");
}

CASE(passed_descriptor_over, .requirement = "unix7.scm_rights.dup-semantics", .over = UNIX)
{
    struct joined carrier = joined_sockets(), j = joined_sockets();
    struct parcel p;

    EQ(sendmsg(carrier.fd[1], with_descriptor(&p, j.fd[0]), 0), 1);
    EQ(recvmsg(carrier.fd[0], empty(&p), 0), 1);

    EQ(p.byte, 'p');
    both_ways(descriptor_in(&p), j.fd[1]);
}

CASE(passed_descriptor_shares_the_state, .requirement = "unix7.scm_rights.dup-semantics", .over = ANY)
{
    int fd = new_socket(), carrier[2];
    struct parcel p;
    struct address a = fresh_address(), before = address_of(fd);
    carriers(carrier);
    MUST(fcntl(fd, F_SETFD, FD_CLOEXEC));

    EQ(sendmsg(carrier[0], with_descriptor(&p, fd), 0), 1);
    EQ(recvmsg(carrier[1], empty(&p), 0), 1);
    int got = descriptor_in(&p);

    EQ(OK(fcntl(got, F_GETFD)) & FD_CLOEXEC, 0);
    OK(fcntl(got, F_SETFL, status_of(got) | O_NONBLOCK));
    EQ(OK(fcntl(fd, F_GETFL)) & O_NONBLOCK, O_NONBLOCK);
    OK(bind(got, ADDR(a)));
    HOLDS(!same_address(address_of(fd), before), "the original has no address");
}

CASE(passed_descriptor_is_the_lowest, .requirement = "unix7.scm_rights.lowest-fd", .over = ANY)
{
    int low = new_socket(), fd = new_socket(), carrier[2];
    struct parcel p;
    carriers(carrier);
    MUST(close(low));
    int free = lowest_free();

    EQ(sendmsg(carrier[0], with_descriptor(&p, fd), 0), 1);
    EQ(lowest_free(), free);
    EQ(recvmsg(carrier[1], empty(&p), 0), 1);

    EQ(descriptor_in(&p), free);
}

CASE(passed_descriptor_closed_on_the_way, .requirement = "unix7.scm_rights.in-flight-close", .over = ANY)
{
    struct joined j = joined_sockets();
    int carrier[2];
    struct parcel p;
    carriers(carrier);

    EQ(sendmsg(carrier[0], with_descriptor(&p, j.fd[0]), 0), 1);
    OK(close(j.fd[0]));
    OK(close(carrier[0]));
    EQ(recvmsg(carrier[1], empty(&p), 0), 1);

    both_ways(descriptor_in(&p), j.fd[1]);
}

CASE(passed_descriptor_never_received, .requirement = "unix7.scm_rights.unread-closed", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    int carrier[2];
    struct parcel p;
    carriers(carrier);
    MUST(sendmsg(carrier[0], with_descriptor(&p, j.fd[0]), 0));
    MUST(close(j.fd[0]));
    MUST(close(carrier[0]));

    OK(close(carrier[1]));

    EQ(recv(j.fd[1], &(char){0}, 1, 0), 0);
}

CASE(passed_descriptor_not_open, .requirement = "unix7.scm_rights.ebadf", .over = UNIX)
{
    struct joined carrier = joined_sockets();
    struct parcel p;

    FAILS(sendmsg(carrier.fd[0], with_descriptor(&p, closed()), MSG_NOSIGNAL), EBADF);
    FAILS(sendmsg(carrier.fd[0], with_descriptor(&p, -1), MSG_NOSIGNAL), EBADF);
    passes(carrier.fd[0], carrier.fd[1], 'n');
}

/* The server's connection is answered by the client, which it knows by another connection. */
PAIR(passed_descriptor_between_processes, .requirement = "unix7.scm_rights.dup-semantics", .over = UNIX)

SERVER(passed_descriptor_between_processes)
{
    int carrier = meet(), ends[2];
    struct parcel p;
    char got = 0;
    carriers(ends);

    EQ(sendmsg(carrier, with_descriptor(&p, ends[0]), 0), 1);
    OK(close(ends[0]));

    EQ(recv(ends[1], &got, 1, 0), 1);
    EQ(got, 'k');
    EQ(recv(ends[1], &got, 1, 0), 0);
    ready();
}

CLIENT(passed_descriptor_between_processes)
{
    int carrier = meet();
    struct parcel p;

    EQ(recvmsg(carrier, empty(&p), 0), 1);
    int end = descriptor_in(&p);
    EQ(send(end, "k", 1, MSG_NOSIGNAL), 1);
    OK(close(end));

    await_peer();
}

/* --- fcntl ------------------------------------------------------------------------------------------- */

CASE(fcntl_nonblock, .requirement = "fcntl.setfl-nonblock", .over = ANY)
{
    struct joined j = joined_sockets();
    int fd = j.fd[0], blocking = status_of(fd);

    for (int i = 0; i < 3; i++) {
        OK(fcntl(fd, F_SETFL, blocking | O_NONBLOCK));
        EQ(OK(fcntl(fd, F_GETFL)) & O_NONBLOCK, O_NONBLOCK);
        FAILS(recv(fd, &(char){0}, 1, 0), EAGAIN, EWOULDBLOCK);
        OK(fcntl(fd, F_SETFL, blocking));
        EQ(OK(fcntl(fd, F_GETFL)), blocking);
        both_ways(fd, j.fd[1]);
    }
}

CASE(fcntl_nonblock_of_one_end, .requirement = "fcntl.setfl-nonblock", .over = ANY)
{
    struct joined j = joined_sockets();

    OK(fcntl(j.fd[0], F_SETFL, status_of(j.fd[0]) | O_NONBLOCK));

    EQ(OK(fcntl(j.fd[1], F_GETFL)) & O_NONBLOCK, 0);
}

PAIR(fcntl_blocks_again, .requirement = "fcntl.setfl-nonblock", .over = ANY)

SERVER(fcntl_blocks_again)
{
    int fd = meet();

    await_peer();
    PEER_BLOCKS_IN(recv);

    MUST(send(fd, "x", 1, 0));
    await_end_of_peer();
}

CLIENT(fcntl_blocks_again)
{
    int fd = meet(), blocking = status_of(fd) & ~O_NONBLOCK;
    char got;

    OK(fcntl(fd, F_SETFL, blocking | O_NONBLOCK));
    FAILS(recv(fd, &got, 1, 0), EAGAIN, EWOULDBLOCK);
    OK(fcntl(fd, F_SETFL, blocking));
    ready();
    EQ(recv(fd, &got, 1, 0), 1);
}

CASE(fcntl_cloexec, .requirement = "fcntl.setfd-cloexec", .over = ANY)
{
    int fd = new_socket();

    OK(fcntl(fd, F_SETFD, FD_CLOEXEC));
    EQ(OK(fcntl(fd, F_GETFD)) & FD_CLOEXEC, FD_CLOEXEC);
    OK(fcntl(fd, F_SETFD, 0));
    EQ(OK(fcntl(fd, F_GETFD)) & FD_CLOEXEC, 0);
}

CASE(fcntl_owner_at_first, .requirement = "fcntl.getown-zero-default", .over = ANY)
{
    struct joined j = joined_sockets();

    EQ(fcntl(j.fd[0], F_GETOWN), 0);
    EQ(fcntl(j.fd[1], F_GETOWN), 0);
}

CASE(fcntl_owner_process, .requirement = "fcntl.setown-getown-pid", .over = ANY)
{
    int fd = new_socket();

    OK(fcntl(fd, F_SETOWN, getpid()));
    EQ(fcntl(fd, F_GETOWN), getpid());
    EQ(fcntl(new_socket(), F_GETOWN), 0);
}

CASE(fcntl_owner_group, .requirement = "fcntl.setown-negative-pgid", .over = ANY)
{
    int fd = new_socket();
    REQUIRE(getpgrp() > 1, "the process group is %d", (int)getpgrp());

    OK(fcntl(fd, F_SETOWN, -getpgrp()));
    EQ(fcntl(fd, F_GETOWN), -getpgrp());
}

CASE(fcntl_owner_unknown, .requirement = "fcntl.setown-esrch", .over = ANY)
{
    int fd = new_socket();
    pid_t child = (pid_t)MUST(fork());
    if (child == 0)
        _exit(0);
    await_child(child);

    FAILS(fcntl(fd, F_SETOWN, child), ESRCH);
    FAILS(fcntl(fd, F_SETOWN, -child), ESRCH);
    EQ(fcntl(fd, F_GETOWN), 0);
}

PAIR(fcntl_owner_is_told_of_urgent_data, .requirement = "fcntl.sigurg-to-owner", .over = TCP)

SERVER(fcntl_owner_is_told_of_urgent_data)
{
    int fd = meet(), number = 0;
    sigset_t urgent;
    sigemptyset(&urgent);
    sigaddset(&urgent, SIGURG);
    count_signal(SIGURG);
    MUST(sigprocmask(SIG_BLOCK, &urgent, NULL));
    OK(fcntl(fd, F_SETOWN, getpid()));

    ready();
    EQ(sigwait(&urgent, &number), 0);
    EQ(number, SIGURG);
    ready();
}

CLIENT(fcntl_owner_is_told_of_urgent_data)
{
    int fd = meet();

    await_peer();
    MUST(send(fd, "!", 1, MSG_OOB));

    await_peer();
}
