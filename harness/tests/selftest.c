/* Cases that must not pass, or that try to get away with something: test_program.py knows what is to be said.
 */
#include "sockets.h"

#include <pthread.h>
#include <stdio.h>

#define SELF .requirement = "selftest"

static struct sockaddr *const nowhere = (struct sockaddr *)8;

CASE(wrong_errno, SELF, .over = INET_STREAM)
{
    struct address there = nobody();
    FAILS(connect(new_socket(), ADDR(there)), EACCES, EPERM);
}

CASE(wrong_success, SELF, .over = UNIX_STREAM | INET6_DGRAM)
{
    FAILS(dup(bound_socket()) == -1 ? 0 : 0, EOPNOTSUPP);
}

CASE(wrong_value, SELF, .over = INET_DGRAM)
{
    char byte;
    EQ(recv(bound_socket(), &byte, 1, MSG_DONTWAIT), 1);
}

CASE(wrong_bounds, SELF, .over = UNIX_STREAM)
{
    int least = 7;
    AT_LEAST(new_socket() * 0, least);
}

CASE(wrong_bytes, SELF, .over = UNIX_STREAM) { SAME("abcX\x01", "abcd\x01", 5); }
CASE(wrong_condition, SELF, .over = UNIX_STREAM) { HOLDS(1 > 2, "the count is %d", 2); }
CASE(broken_preparation, SELF, .over = UNIX_STREAM) { MUST(open("absent", O_RDONLY)); }
CASE(broken_condition, SELF, .over = UNIX_STREAM) { REQUIRE(1 > 2, "it is not"); }
CASE(absent_family, SELF, .over = UNIX_STREAM) { new_socket_of(99, SOCK_STREAM); }
CASE(untested, SELF, .over = UNIX_STREAM) { UNTESTED("it is Monday"); }
CASE(unsupported, SELF, .over = UNIX_STREAM) { UNSUPPORTED("no sockets on Mondays"); }
CASE(passes, SELF, .over = ANY) { OBSERVE("kind \"quoted\"\n", "%s", kind->name); }

/* --- ends that are not a role's own ------------------------------------------------------------ */

CASE(crashes_in_claim, SELF, .over = UNIX_STREAM) { OK(raise(SIGSEGV)); }
CASE(crashes_in_preparation, SELF, .over = UNIX_STREAM) { MUST(raise(SIGABRT)); }
CASE(exits, SELF, .over = UNIX_STREAM) { exit(0); }
CASE(exits_in_claim, SELF, .over = UNIX_STREAM) { OK((_exit(0), 0)); }
CASE(kills_its_group, SELF, .over = UNIX_STREAM) { OK(kill(0, SIGKILL)); }
CASE(stops_itself, SELF, .over = UNIX_STREAM, .limit = 0.3) { OK(raise(SIGSTOP)); }
static int spin(void)
{
    volatile bool forever = true;
    while (forever)
        continue;
    return 0;
}
CASE(spins, SELF, .over = UNIX_STREAM, .limit = 0.1) { OK(spin()); }

PAIR(hangs, SELF, .over = UNIX_STREAM, .limit = 0.3)
SERVER(hangs) { OK(accept(listening_socket(), NULL, NULL)); }
CLIENT(hangs)
{
    char byte;
    struct joined j = joined_sockets();
    OK(recv(j.fd[0], &byte, 1, 0));
}

PAIR(hangs_in_preparation, SELF, .over = UNIX_STREAM, .limit = 0.3)
SERVER(hangs_in_preparation) { MUST(accept(listening_socket(), NULL, NULL)); }
CLIENT(hangs_in_preparation) { await_peer(); }

/* --- two roles --------------------------------------------------------------------------------- */

PAIR(both_fail, SELF, .over = INET_STREAM)
SERVER(both_fail)
{
    ready();
    EQ(1, 2);
}
CLIENT(both_fail)
{
    await_peer();
    EQ(3, 4);
}

PAIR(server_fails, SELF, .over = UNIX_DGRAM)
SERVER(server_fails) { EQ(1, 2); }
CLIENT(server_fails) { await_peer(); }

PAIR(client_fails, SELF, .over = UNIX_STREAM)
SERVER(client_fails)
{
    int listener = listening_socket();
    ready();
    OK(accept(listener, NULL, NULL));
}
CLIENT(client_fails)
{
    await_peer();
    EQ(1, 2);
}

PAIR(ends_without_ready, SELF, .over = UNIX_STREAM)
SERVER(ends_without_ready) {}
CLIENT(ends_without_ready) { await_peer(); }

PAIR(does_not_block, SELF, .over = UNIX_STREAM)
SERVER(does_not_block)
{
    int listener = listening_socket();
    set_nonblocking(listener);
    ready();
    FAILS(accept(listener, NULL, NULL), EAGAIN, EWOULDBLOCK);
    await_end_of_peer();
}
CLIENT(does_not_block)
{
    await_peer();
    PEER_BLOCKS_IN(accept);
}

PAIR(ends_instead_of_blocking, SELF, .over = UNIX_STREAM)
SERVER(ends_instead_of_blocking) { ready(); }
CLIENT(ends_instead_of_blocking)
{
    await_peer();
    PEER_BLOCKS_IN(accept);
}

PAIR(blocks_with_given_up_privileges, SELF, .over = TCP | UNIX_STREAM)
SERVER(blocks_with_given_up_privileges)
{
    int listener = listening_socket();
    become_unprivileged();
    ready();
    OK(accept(listener, NULL, NULL));
}
CLIENT(blocks_with_given_up_privileges)
{
    await_peer();
    become_unprivileged();
    PEER_BLOCKS_IN(accept);
    struct address there = peers_address();
    if (kind->domain != AF_UNIX)
        OK(connect(new_socket(), ADDR(there)));
    else
        kill(getppid(), 0), exit(0);
}

static void *accept_in_thread(void *listener)
{
    OK(accept(*(int *)listener, NULL, NULL));
    return NULL;
}

CASE(thread_blocks, SELF, .over = CONNECTION)
{
    pthread_t thread;
    int listener = listening_socket();
    struct address there = address_of(listener);
    REQUIRE(pthread_create(&thread, NULL, accept_in_thread, &listener) == 0, "no thread");

    THREAD_BLOCKS_IN(accept);
    OK(connect(new_socket(), ADDR(there)));
    EQ(pthread_join(thread, NULL), 0);
}

static void *fail_in_thread(void *unused)
{
    EQ(1, 2);
    return unused;
}

CASE(thread_fails, SELF, .over = UNIX_STREAM)
{
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, fail_in_thread, NULL) == 0, "no thread");
    pthread_join(thread, NULL);
}

CASE(child_fails, SELF, .over = UNIX_STREAM)
{
    pid_t child = fork();
    if (child == 0)
        EQ(1, 2);
    waitpid(child, NULL, 0);
}

/* --- what must not survive, or do harm ---------------------------------------------------------- */

static void leave_behind(bool daemon)
{
    pid_t child = fork();
    if (child > 0)
        return;
    if (daemon)
        setsid();
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    for (;;)
        pause();
}

CASE(leaves_a_child, SELF, .over = UNIX_STREAM) { leave_behind(false); }
CASE(leaves_a_daemon, SELF, .over = UNIX_STREAM) { leave_behind(true); }
CASE(leaves_files, SELF, .over = UNIX_STREAM)
{
    MUST(mkdir("a directory", 0700));
    MUST(open("a directory/a file", O_CREAT | O_WRONLY, 0));
    bound_socket();
}

PAIR(closes_every_descriptor, SELF, .over = UNIX_STREAM)
SERVER(closes_every_descriptor)
{
    for (int fd = 0; fd < 1024; fd++)
        close(fd);
    ready();
    EQ(1, 2);
}
CLIENT(closes_every_descriptor)
{
    for (int fd = 0; fd < 1024; fd++)
        close(fd);
    await_peer();
}

CASE(makes_many_calls, SELF, .over = UNIX_STREAM)
{
    int fd = new_socket();
    for (int i = 0; i < 1000; i++)
        MUST(fcntl(fd, F_GETFD));
    EQ(close(fd), -1);
}

CASE(says_odd_things, SELF, .over = UNIX_DGRAM)
{
    struct joined j = joined_sockets();
    send(j.fd[0], "\"</script>\\\x01\xff\n", 15, 0);
    FAILS(bind(j.fd[0], nowhere, sizeof(struct sockaddr_un)), EACCES);
}

CASE(first_descriptor, SELF, .over = ANY) { OBSERVE("first", "%d", new_socket()); }

CASE(slow_and_wrong, SELF, .over = UNIX_STREAM | INET_STREAM, .slow = true, .limit = 20)
{
    EQ(poll(NULL, 0, 300), 1);
}

/* --- implementations put under the program: test_backends.py ------------------------------------- */

PAIR(talks, SELF, .over = CONNECTION | UDP)
SERVER(talks)
{
    char bytes[8] = "";
    int fd = meet();
    ready();
    EQ(recv(fd, bytes, sizeof bytes, 0), 4);
    SAME(bytes, "ping", 4);
    EQ(send(fd, "pong", 4, 0), 4);
    await_end_of_peer();
    OK(close(fd));
    FAILS(send(fd, "late", 4, MSG_NOSIGNAL), EBADF);
}
CLIENT(talks)
{
    char bytes[8] = "";
    int fd = meet();
    await_peer();
    PEER_BLOCKS_IN(recv);
    EQ(send(fd, "ping", 4, 0), 4);
    EQ(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1), 1);
    EQ(recv(fd, bytes, sizeof bytes, 0), 4);
    SAME(bytes, "pong", 4);
}

CASE(numbers_sockets_apart_from_files, SELF, .over = INET_STREAM)
{
    int file = MUST(open("a file", O_CREAT | O_RDWR, 0600)), first = new_socket(), second = new_socket();
    HOLDS(file != first && first != second && second != file, "%d, %d, %d", file, first, second);
    EQ(write(file, "x", 1), 1);
    OK(close(first));
    FAILS(listen(first, 1), EBADF);
    EQ(write(file, "x", 1), 1);
    OK(listen(second, 1));
}

CASE(asks_about_a_file, SELF, .over = INET_STREAM)
{
    FAILS(listen((int)MUST(open("/dev/null", O_RDWR)), 1), ENOTSOCK);
}

CASE(sends_a_message, SELF, .over = INET_DGRAM)
{
    struct joined j = joined_sockets();
    OK(sendmsg(j.fd[0], &(struct msghdr){0}, 0));
}

CASE(refuses_a_second_bind, SELF, .over = ANY)
{
    struct address taken = address_of(bound_socket());
    FAILS(bind(new_socket(), ADDR(taken)), EADDRINUSE);
}

PAIR(waits_in_accept, SELF, .over = CONNECTION, .limit = 1)
SERVER(waits_in_accept)
{
    int listener = listening_socket();
    ready();
    int fd = OK(accept(listener, NULL, NULL));
    EQ(send(fd, "x", 1, 0), 1);
}
CLIENT(waits_in_accept)
{
    char byte;
    await_peer();
    PEER_BLOCKS_IN(accept);
    EQ(recv(connected_socket(), &byte, 1, 0), 1);
}

/* --- what a run costs without its calls: bench.py ------------------------------------------------ */

CASE(does_nothing, SELF, .over = UNIX_STREAM) {}
PAIR(does_nothing_twice, SELF, .over = UNIX_STREAM)
SERVER(does_nothing_twice) {}
CLIENT(does_nothing_twice) {}
