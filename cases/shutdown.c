#include "sockets.h"

#include <pthread.h>

static void await_input(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    MUST(poll(&p, 1, -1));
}

static void set_blocking(int fd) { MUST(fcntl(fd, F_SETFL, (int)MUST(fcntl(fd, F_GETFL)) & ~O_NONBLOCK)); }

static void sends(int fd, const char *text)
{
    for (size_t n = strlen(text), sent = 0; sent < n;)
        sent += (size_t)AT_LEAST(send(fd, text + sent, n - sent, MSG_NOSIGNAL), 1);
}

static void receives(int fd, const char *text)
{
    char got[32];

    for (size_t n = strlen(text), from = 0; from < n;) {
        from += (size_t)AT_LEAST(recv(fd, got + from, sizeof got - from, 0), 1);
        HOLDS(from <= n, "there is more than \"%s\"", text);
        SAME(got, text, from);
    }
}

static void receives_end(int fd)
{
    char byte;

    EQ(recv(fd, &byte, 1, 0), 0);
}

static void cannot_send(int fd) { FAILS(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE); }

/* Neither data nor a wait: the documents do not say whether such a receive fails. */
static void cannot_receive(int fd)
{
    char byte;

    AT_MOST(recv(fd, &byte, 1, 0), 0);
}

static void works_both_ways(struct joined j)
{
    sends(j.fd[0], "to and");
    receives(j.fd[1], "to and");
    sends(j.fd[1], "fro");
    receives(j.fd[0], "fro");
}

/* --- SHUT_WR ---------------------------------------------------------------------------------------- */

CASE(shutdown_succeeds, .requirement = "shutdown.success-zero", .over = CONNECTION)
{
    EQ(shutdown(joined_sockets().fd[0], SHUT_RD), 0);
    EQ(shutdown(joined_sockets().fd[0], SHUT_WR), 0);
    EQ(shutdown(joined_sockets().fd[0], SHUT_RDWR), 0);
    EQ(shutdown(joined_sockets().fd[1], SHUT_RD), 0);
    EQ(shutdown(joined_sockets().fd[1], SHUT_WR), 0);
    EQ(shutdown(joined_sockets().fd[1], SHUT_RDWR), 0);
}

CASE(shutdown_ends_the_stream, .requirement = "shutdown.wr-peer-sees-eof", .over = CONNECTION)
{
    for (int end = 0; end < 2; end++) {
        struct joined j = joined_sockets();
        OK(shutdown(j.fd[end], SHUT_WR));
        receives_end(j.fd[!end]);
        receives_end(j.fd[!end]);
    }
}

CASE(shutdown_after_data, .requirement = "shutdown.wr-queued-data-delivered", .over = CONNECTION)
{
    struct joined j = joined_sockets();

    sends(j.fd[1], "abc");
    sends(j.fd[1], "def");
    OK(shutdown(j.fd[1], SHUT_WR));
    receives(j.fd[0], "abcdef");
    receives_end(j.fd[0]);
}

enum { LARGE = 1 << 20 };

/* The sender's shutdown() and close() come while most of the data is still on its side. */
PAIR(shutdown_after_much_data, .requirement = "shutdown.wr-queued-data-delivered", .over = STREAM)

SERVER(shutdown_after_much_data)
{
    static unsigned char got[LARGE];
    int fd = meet();

    await_peer();
    EQ(recv(fd, got, LARGE, MSG_WAITALL), LARGE);
    EQ((long)first_difference(got, LARGE, 1, 0), LARGE);
    receives_end(fd);
}

CLIENT(shutdown_after_much_data)
{
    static unsigned char bytes[LARGE];
    int fd = meet();
    size_t room = 0;
    fill(bytes, LARGE, 1, 0);
    set_nonblocking(fd);
    for (ssize_t n; room < LARGE && (n = send(fd, bytes + room, LARGE - room, MSG_NOSIGNAL)) > 0;)
        room += (size_t)n;

    ready();
    set_blocking(fd);
    send_all(fd, bytes + room, LARGE - room);
    OK(shutdown(fd, SHUT_WR));
    OK(close(fd));
    await_end_of_peer();
}

CASE(shutdown_leaves_receiving, .requirement = "shutdown.wr-can-still-receive", .over = CONNECTION)
{
    struct joined j = joined_sockets();

    OK(shutdown(j.fd[1], SHUT_WR));
    receives_end(j.fd[0]);
    sends(j.fd[0], "answer");
    receives(j.fd[1], "answer");
    sends(j.fd[0], "more");
    receives(j.fd[1], "more");
    OK(close(j.fd[0]));
    receives_end(j.fd[1]);
}

/* A conversation that ends as many protocols do: the request's end is the end of its direction. */
PAIR(shutdown_ends_a_request, .requirement = "shutdown.wr-can-still-receive", .over = CONNECTION)

SERVER(shutdown_ends_a_request)
{
    int fd = meet();

    receives(fd, "request");
    receives_end(fd);
    sends(fd, "answer");
}

CLIENT(shutdown_ends_a_request)
{
    int fd = meet();

    sends(fd, "request");
    OK(shutdown(fd, SHUT_WR));
    receives(fd, "answer");
    receives_end(fd);
}

PAIR(shutdown_leaves_waiting_receiver, .requirement = "shutdown.wr-can-still-receive", .over = CONNECTION)

SERVER(shutdown_leaves_waiting_receiver)
{
    int fd = meet();
    set_blocking(fd);
    OK(shutdown(fd, SHUT_WR));

    ready();
    receives(fd, "x");
}

CLIENT(shutdown_leaves_waiting_receiver)
{
    int fd = meet();

    await_peer();
    PEER_BLOCKS_IN(recv);
    sends(fd, "x");
    await_end_of_peer();
}

PAIR(shutdown_wakes_the_peer, .requirement = "shutdown.wr-peer-sees-eof", .over = CONNECTION)

SERVER(shutdown_wakes_the_peer)
{
    int fd = meet();
    set_blocking(fd);

    ready();
    receives_end(fd);
}

CLIENT(shutdown_wakes_the_peer)
{
    int fd = meet();

    await_peer();
    PEER_BLOCKS_IN(recv);
    OK(shutdown(fd, SHUT_WR));
    await_end_of_peer();
}

CASE(shutdown_forbids_sending, .requirement = "shutdown.wr-disables-send", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    struct iovec part = {(char[]){'x'}, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    ignore_signal(SIGPIPE);
    OK(shutdown(j.fd[1], SHUT_WR));

    FAILS(send(j.fd[1], "x", 1, 0), EPIPE);
    FAILS(sendto(j.fd[1], "x", 1, 0, NULL, 0), EPIPE);
    FAILS(sendmsg(j.fd[1], &message, 0), EPIPE);
    FAILS(write(j.fd[1], "x", 1), EPIPE);
    FAILS(writev(j.fd[1], &part, 1), EPIPE);
    receives_end(j.fd[0]);
}

CASE(shutdown_forbids_sending_datagrams, .requirement = "shutdown.wr-disables-send", .over = DGRAM)
{
    struct joined j = joined_sockets();
    OK(shutdown(j.fd[1], SHUT_WR));

    cannot_send(j.fd[1]);
    sends(j.fd[0], "still");
    receives(j.fd[1], "still");
}

CASE(shutdown_forbids_no_sending_to_the_peer, .requirement = "shutdown.wr-peer-may-send", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    OK(shutdown(j.fd[1], SHUT_WR));
    receives_end(j.fd[0]);

    for (int i = 0; i < 5; i++) {
        sends(j.fd[0], "x");
        receives(j.fd[1], "x");
    }
}

/* Each is still able to receive after it has ended its own direction, and sees the other's end. */
CASE(shutdown_from_both_ends, .requirement = "rfc9293.simultaneous-close", .over = CONNECTION)
{
    struct joined j = joined_sockets();

    sends(j.fd[0], "abc");
    sends(j.fd[1], "def");
    OK(shutdown(j.fd[0], SHUT_WR));
    OK(shutdown(j.fd[1], SHUT_WR));

    receives(j.fd[0], "def");
    receives_end(j.fd[0]);
    receives(j.fd[1], "abc");
    receives_end(j.fd[1]);
}

/* --- SHUT_RD and SHUT_RDWR -------------------------------------------------------------------------- */

CASE(shutdown_forbids_receiving, .requirement = "shutdown.rd-disables-receive", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    struct iovec part = {(char[]){'x'}, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    char byte;
    OK(shutdown(j.fd[0], SHUT_RD));

    long got = AT_MOST(recv(j.fd[0], &byte, 1, 0), 0);
    OBSERVE("recv() after SHUT_RD", "%s", got == 0 ? "0" : errno_name(errno));
    AT_MOST(recvfrom(j.fd[0], &byte, 1, 0, NULL, NULL), 0);
    AT_MOST(recvmsg(j.fd[0], &message, 0), 0);
    AT_MOST(read(j.fd[0], &byte, 1), 0);
    AT_MOST(readv(j.fd[0], &part, 1), 0);
}

CASE(shutdown_of_receiving_leaves_sending, .requirement = "shutdown.rd-leaves-sending", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    OK(shutdown(j.fd[0], SHUT_RD));

    sends(j.fd[0], "abc");
    receives(j.fd[1], "abc");
}

/* The peer's sends may fail, now that nobody will receive; what goes through is not to be given. */
CASE(shutdown_forbids_receiving_later_data, .requirement = "shutdown.rd-new-data-not-received",
     .over = CONNECTION)
{
    struct joined j = joined_sockets();
    OK(shutdown(j.fd[0], SHUT_RD));

    for (int i = 0; i < 100; i++) {
        (void)!send(j.fd[1], "x", 1, MSG_NOSIGNAL);
        cannot_receive(j.fd[0]);
    }
}

CASE(shutdown_with_data_received, .requirement = "shutdown.rd-queued-data", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    char byte;
    sends(j.fd[1], "x");
    await_input(j.fd[0]);

    OK(shutdown(j.fd[0], SHUT_RD));
    long got = AT_MOST(recv(j.fd[0], &byte, 1, 0), 1);
    OBSERVE("data that was there before SHUT_RD", "%s", got == 1 ? "is received" : "is not received");
}

CASE(shutdown_both, .requirement = "shutdown.rdwr-disables-both", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    OK(shutdown(j.fd[1], SHUT_RDWR));

    cannot_send(j.fd[1]);
    cannot_receive(j.fd[1]);
    receives_end(j.fd[0]);
}

CASE(shutdown_one_after_the_other, .requirement = "shutdown.rdwr-disables-both", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    OK(shutdown(j.fd[1], SHUT_RD));
    OK(shutdown(j.fd[1], SHUT_WR));

    cannot_send(j.fd[1]);
    cannot_receive(j.fd[1]);
    receives_end(j.fd[0]);
}

CASE(shutdown_both_after_data, .requirement = "shutdown.wr-queued-data-delivered", .over = CONNECTION)
{
    struct joined j = joined_sockets();

    sends(j.fd[1], "abc");
    OK(shutdown(j.fd[1], SHUT_RDWR));
    receives(j.fd[0], "abc");
    receives_end(j.fd[0]);
}

CASE(shutdown_again, .requirement = "shutdown.wr-twice", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    OK(shutdown(j.fd[1], SHUT_WR));

    int again = shutdown(j.fd[1], SHUT_WR);
    OBSERVE("SHUT_WR again", "%s", again == 0 ? "0" : errno_name(errno));
    cannot_send(j.fd[1]);
    sends(j.fd[0], "answer");
    receives(j.fd[1], "answer");
}

CASE(shutdown_after_the_peer, .requirement = "shutdown.after-peers-end", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    OK(shutdown(j.fd[1], SHUT_WR));
    receives_end(j.fd[0]);

    OK(shutdown(j.fd[0], SHUT_WR));
    receives_end(j.fd[1]);
}

static void *receives_something(void *argument)
{
    long *got = argument;
    char byte;

    *got = recv((int)*got, &byte, 1, 0);
    return NULL;
}

/* Where the receiver goes on waiting, the peer's data or end lets it go. */
CASE(shutdown_while_receiving, .requirement = "shutdown.unblocks-reader", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    long got = j.fd[0];
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, receives_something, &got) == 0, "no thread");
    THREAD_BLOCKS_IN(recv);

    OK(shutdown(j.fd[0], SHUT_RD));
    (void)!send(j.fd[1], "x", 1, MSG_NOSIGNAL);
    MUST(close(j.fd[1]));
    REQUIRE(pthread_join(thread, NULL) == 0, "no thread to wait for");
    OBSERVE("a recv() that waits during SHUT_RD", "%ld", got);
}

/* --- what it acts on -------------------------------------------------------------------------------- */

CASE(shutdown_acts_on_duplicates, .requirement = "shutdown.affects-all-duplicates", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    int copy = (int)MUST(dup(j.fd[1]));

    OK(shutdown(copy, SHUT_WR));
    cannot_send(j.fd[1]);
    cannot_send(copy);
    receives_end(j.fd[0]);
}

/* While the child lives, and has its copy of the descriptor, close() would end nothing. */
CASE(shutdown_acts_on_childs_copy, .requirement = "shutdown.affects-all-duplicates", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    int go[2], status = -1;
    MUST(pipe(go));
    pid_t child = (pid_t)MUST(fork());
    if (child == 0) {
        char byte;
        bool told = read(go[0], &byte, 1) == 1;
        _exit(told && send(j.fd[1], "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE ? 0 : 1);
    }

    OK(shutdown(j.fd[1], SHUT_WR));
    receives_end(j.fd[0]);
    MUST(write(go[1], "x", 1));
    EQ(waitpid(child, &status, 0), child);
    HOLDS(status == 0, "the child could send, though the connection was shut down");
}

CASE(shutdown_by_a_child, .requirement = "shutdown.affects-all-duplicates", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    int status = -1;
    pid_t child = (pid_t)MUST(fork());
    if (child == 0)
        _exit(shutdown(j.fd[1], SHUT_WR) == 0 ? 0 : 1);

    MUST(waitpid(child, &status, 0));
    REQUIRE(status == 0, "the child could not shut the connection down");
    cannot_send(j.fd[1]);
    receives_end(j.fd[0]);
}

CASE(shutdown_leaves_descriptor, .requirement = "shutdown.fd-remains-open", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    struct stat status;

    OK(shutdown(j.fd[1], SHUT_RDWR));
    OK(fstat(j.fd[1], &status));
    HOLDS(S_ISSOCK(status.st_mode), "the descriptor is no socket's any more");
    NOT(new_socket(), j.fd[1]);
    OK(close(j.fd[1]));
}

CASE(shutdown_spares_others, .requirement = "shutdown.one-connection", .over = CONNECTION)
{
    int listener = listening_socket(), client[2], accepted[2];
    struct address there = address_of(listener);
    for (int i = 0; i < 2; i++) {
        client[i] = new_socket();
        MUST(connect(client[i], ADDR(there)));
        accepted[i] = (int)MUST(accept(listener, NULL, NULL));
    }

    OK(shutdown(accepted[0], SHUT_RDWR));
    works_both_ways((struct joined){{accepted[1], client[1]}, listener});
    OK(connect(new_socket(), ADDR(there)));
    OK(accept(listener, NULL, NULL));
}

/* --- errors ----------------------------------------------------------------------------------------- */

CASE(shutdown_in_no_direction, .requirement = "shutdown.einval-how", .over = CONNECTION)
{
    struct joined j = joined_sockets();

    FAILS(shutdown(j.fd[1], -1), EINVAL);
    FAILS(shutdown(j.fd[1], SHUT_RD + SHUT_WR + SHUT_RDWR), EINVAL);
    FAILS(shutdown(j.fd[1], INT_MAX), EINVAL);
    FAILS(shutdown(j.fd[1], INT_MIN), EINVAL);
    works_both_ways(j);
}

CASE(shutdown_bad_descriptor, .requirement = "shutdown.ebadf", .over = ANY)
{
    int closed = new_socket();
    MUST(close(closed));

    FAILS(shutdown(-1, SHUT_RDWR), EBADF);
    FAILS(shutdown(closed, SHUT_RDWR), EBADF);
}

CASE(shutdown_not_a_socket, .requirement = "shutdown.enotsock", .over = ANY)
{
    int file = (int)MUST(open("file", O_RDWR | O_CREAT, 0600)), ends[2];
    MUST(pipe(ends));

    FAILS(shutdown(file, SHUT_RDWR), ENOTSOCK);
    FAILS(shutdown(ends[0], SHUT_RD), ENOTSOCK);
    FAILS(shutdown(ends[1], SHUT_WR), ENOTSOCK);
    EQ(write(ends[1], "x", 1), 1);
}

CASE(shutdown_unconnected, .requirement = "shutdown.enotconn", .over = ANY)
{
    FAILS(shutdown(new_socket(), SHUT_RD), ENOTCONN);
    FAILS(shutdown(new_socket(), SHUT_WR), ENOTCONN);
    FAILS(shutdown(new_socket(), SHUT_RDWR), ENOTCONN);
    FAILS(shutdown(bound_socket(), SHUT_RDWR), ENOTCONN);
}

CASE(shutdown_listener, .requirement = "shutdown.enotconn", .over = CONNECTION)
{
    FAILS(shutdown(listening_socket(), SHUT_WR), ENOTCONN);
    FAILS(shutdown(listening_socket(), SHUT_RD), ENOTCONN);
}

/* A call that fails may have done a part of its work (XSH 2.3). */
CASE(shutdown_before_connecting, .requirement = "shutdown.enotconn-leaves-open", .over = TCP)
{
    int fd = new_socket();
    struct address there = address_of(listening_socket());
    FAILS(shutdown(fd, SHUT_RDWR), ENOTCONN);

    bool connects = connect(fd, ADDR(there)) == 0;
    bool sends_then = connects && send(fd, "x", 1, MSG_NOSIGNAL) == 1;
    OBSERVE("after shutdown() of an unconnected socket", "it %s",
            sends_then ? "connects and sends"
            : connects ? "connects, and does not send"
                       : "does not connect");
}

CASE(shutdown_datagrams, .requirement = "shutdown.dgram-connected", .over = DGRAM)
{
    struct joined j = joined_sockets();

    int result = shutdown(j.fd[1], SHUT_RD);
    OBSERVE("SHUT_RD of a connected datagram socket", "%s", result == 0 ? "0" : errno_name(errno));
    sends(j.fd[1], "still");
    receives(j.fd[0], "still");
}
