#include "sockets.h"

#include <sched.h>

/* What recv() promises without flags, read() promises too, and over connections so do readv(), recvfrom() and
 * recvmsg(): such cases are written once, for all of them. */
struct way {
    ssize_t (*receive)(int fd, void *bytes, size_t n);
    void (*peer_blocks)(void); /* claims that the peer waits in this call */
};

static ssize_t by_recv(int fd, void *bytes, size_t n) { return recv(fd, bytes, n, 0); }
static ssize_t by_read(int fd, void *bytes, size_t n) { return read(fd, bytes, n); }
static ssize_t by_recvfrom(int fd, void *bytes, size_t n) { return recvfrom(fd, bytes, n, 0, NULL, NULL); }

static ssize_t by_readv(int fd, void *bytes, size_t n)
{
    struct iovec part = {bytes, n};

    return readv(fd, &part, 1);
}

static ssize_t by_recvmsg(int fd, void *bytes, size_t n)
{
    struct iovec part = {bytes, n};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    return recvmsg(fd, &message, 0);
}

static void peer_blocks_in_recv(void) { PEER_BLOCKS_IN(recv); }
static void peer_blocks_in_read(void) { PEER_BLOCKS_IN(read); }
static void peer_blocks_in_readv(void) { PEER_BLOCKS_IN(readv); }
static void peer_blocks_in_recvfrom(void) { PEER_BLOCKS_IN(recvfrom); }
static void peer_blocks_in_recvmsg(void) { PEER_BLOCKS_IN(recvmsg); }

static const struct way recv_way = {by_recv, peer_blocks_in_recv};
static const struct way read_way = {by_read, peer_blocks_in_read};
static const struct way readv_way = {by_readv, peer_blocks_in_readv};
static const struct way recvfrom_way = {by_recvfrom, peer_blocks_in_recvfrom};
static const struct way recvmsg_way = {by_recvmsg, peer_blocks_in_recvmsg};

#define RECEIVING(what, id, kinds)                                                                     \
    static void what(const struct way *way);                                                           \
    CASE(recv_##what, .requirement = "recv." id, .over = kinds) { what(&recv_way); }                   \
    CASE(recv_##what##_by_recvfrom, .requirement = "recv." id, .over = kinds) { what(&recvfrom_way); } \
    CASE(recv_##what##_by_recvmsg, .requirement = "recv." id, .over = kinds) { what(&recvmsg_way); }   \
    CASE(read_##what, .requirement = "read." id, .over = kinds) { what(&read_way); }                   \
    CASE(readv_##what, .requirement = "read." id, .over = kinds) { what(&readv_way); }                 \
    static void what(const struct way *way)

/* The client gives, the server receives. */
#define ONE_OF_PAIRS(name, what, id, kinds, way) \
    PAIR(name, .requirement = id, .over = kinds) \
    SERVER(name) { what##_receives(&way); }      \
    CLIENT(name) { what##_gives(&way); }
#define RECEIVING_PAIR(what, id, kinds)                                                \
    static void what##_gives(const struct way *), what##_receives(const struct way *); \
    ONE_OF_PAIRS(recv_##what, what, "recv." id, kinds, recv_way)                       \
    ONE_OF_PAIRS(recv_##what##_by_recvfrom, what, "recv." id, kinds, recvfrom_way)     \
    ONE_OF_PAIRS(recv_##what##_by_recvmsg, what, "recv." id, kinds, recvmsg_way)       \
    ONE_OF_PAIRS(read_##what, what, "read." id, kinds, read_way)                       \
    ONE_OF_PAIRS(readv_##what, what, "read." id, kinds, readv_way)
#define GIVES(what) static void what##_gives(const struct way *way)
#define RECEIVES(what) static void what##_receives(const struct way *way)

static void await_input(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    MUST(poll(&p, 1, -1));
}

static void set_blocking(int fd) { MUST(fcntl(fd, F_SETFL, (int)MUST(fcntl(fd, F_GETFL)) & ~O_NONBLOCK)); }

/* The given text is all that comes, in however many pieces. */
static void receives_text(const struct way *way, int fd, const char *text)
{
    char got[32];

    for (size_t n = strlen(text), from = 0; from < n;) {
        long more = AT_LEAST(way->receive(fd, got + from, sizeof got - from), 1);
        from += (size_t)more;
        AT_MOST((long)from, (long)n);
        SAME(got, text, from);
    }
}

static void receives_end(const struct way *way, int fd)
{
    char byte;

    EQ(way->receive(fd, &byte, 1), 0);
}

static void show_process(void) { memcpy(my_page, &(pid_t){getpid()}, sizeof(pid_t)); }

static void interrupt_peer(void)
{
    pid_t process;

    memcpy(&process, peer_page, sizeof process);
    MUST(kill(process, SIGUSR1));
}

static void reset_on_close(int fd)
{
    struct linger none = {.l_onoff = 1};

    MUST(setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none));
}

static long milliseconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A time-out for receiving, in milliseconds below a second. */
static void set_timeout(int fd, long timeout)
{
    struct timeval t = {.tv_usec = timeout * 1000};

    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t) == -1)
        UNSUPPORTED("SO_RCVTIMEO cannot be set: %s", errno_name(errno));
}

/* --- waiting for data ------------------------------------------------------------------------------- */

RECEIVING_PAIR(waits_for_data, "blocks-until-message", CONNECTION)

GIVES(waits_for_data)
{
    int fd = meet();

    await_peer();
    way->peer_blocks();
    send_all(fd, "x", 1);
    await_end_of_peer();
}

RECEIVES(waits_for_data)
{
    int fd = meet();
    char got[10] = "";
    set_blocking(fd);

    ready();
    EQ(way->receive(fd, got, sizeof got), 1);
    EQ(got[0], 'x');
}

/* Neither end of file nor a full buffer is waited for: the giver stays, and gives no more. */
RECEIVING_PAIR(gives_what_is_there, "does-not-wait-for-eof", CONNECTION)

GIVES(gives_what_is_there)
{
    (void)way;
    int fd = meet();

    send_all(fd, "abc", 3);
    await_end_of_peer();
}

RECEIVES(gives_what_is_there)
{
    int fd = meet();
    char got[100] = "";
    await_input(fd);

    long n = AT_LEAST(way->receive(fd, got, sizeof got), 1);
    AT_MOST(n, 3);
    SAME(got, "abc", (size_t)n);
}

PAIR(recv_waits_on_connected_socket, .requirement = "recv.blocks-until-message", .over = CONNECTION)

SERVER(recv_waits_on_connected_socket)
{
    int fd = meet();

    await_peer();
    PEER_BLOCKS_IN(recv);
    send_all(fd, "x", 1);
    await_end_of_peer();
}

CLIENT(recv_waits_on_connected_socket)
{
    int fd = meet();
    char got = 0;
    set_blocking(fd);

    ready();
    EQ(recv(fd, &got, 1, 0), 1);
    EQ(got, 'x');
}

PAIR(recv_waits_again, .requirement = "recv.blocks-until-message", .over = CONNECTION)

SERVER(recv_waits_again)
{
    int fd = meet();
    char got;

    for (int i = 0; i < 3; i++) {
        ready();
        EQ(recv(fd, &got, 1, 0), 1);
    }
}

CLIENT(recv_waits_again)
{
    int fd = meet();

    for (int i = 0; i < 3; i++) {
        await_peer();
        PEER_BLOCKS_IN(recv);
        send_all(fd, "x", 1);
    }
    await_end_of_peer();
}

RECEIVING(finds_nothing_without_waiting, "nonblock-eagain", CONNECTION)
{
    struct joined j = joined_sockets();
    char got;

    for (int end = 0; end < 2; end++) {
        set_nonblocking(j.fd[end]);
        FAILS(way->receive(j.fd[end], &got, 1), EAGAIN, EWOULDBLOCK);
        FAILS(way->receive(j.fd[end], &got, 1), EAGAIN, EWOULDBLOCK);
    }

    send_all(j.fd[1], "x", 1);
    await_input(j.fd[0]);
    receives_text(way, j.fd[0], "x");
    FAILS(way->receive(j.fd[0], &got, 1), EAGAIN, EWOULDBLOCK);
}

CASE(recv_dontwait, .requirement = "linux.recv.msg_dontwait", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    char got;

    FAILS(recv(j.fd[0], &got, 1, MSG_DONTWAIT), EAGAIN, EWOULDBLOCK);
    FAILS(recvfrom(j.fd[0], &got, 1, MSG_DONTWAIT, NULL, NULL), EAGAIN, EWOULDBLOCK);
    EQ((int)MUST(fcntl(j.fd[0], F_GETFL)) & O_NONBLOCK, 0);

    send_all(j.fd[1], "x", 1);
    await_input(j.fd[0]);
    EQ(recv(j.fd[0], &got, 1, MSG_DONTWAIT), 1);
    EQ(got, 'x');
}

PAIR(recv_waits_after_dontwait, .requirement = "linux.recv.msg_dontwait", .over = CONNECTION)

SERVER(recv_waits_after_dontwait)
{
    int fd = meet();
    char got;
    FAILS(recv(fd, &got, 1, MSG_DONTWAIT), EAGAIN, EWOULDBLOCK);

    ready();
    EQ(recv(fd, &got, 1, 0), 1);
}

CLIENT(recv_waits_after_dontwait)
{
    int fd = meet();

    await_peer();
    PEER_BLOCKS_IN(recv);
    send_all(fd, "x", 1);
    await_end_of_peer();
}

/* --- the end of the stream -------------------------------------------------------------------------- */

RECEIVING(end_after_close, "zero-on-orderly-shutdown", CONNECTION)
{
    struct joined j = joined_sockets();
    MUST(close(j.fd[0]));

    for (int i = 0; i < 3; i++)
        receives_end(way, j.fd[1]);
}

RECEIVING(end_after_shutdown, "zero-on-orderly-shutdown", CONNECTION)
{
    struct joined j = joined_sockets();
    MUST(shutdown(j.fd[1], SHUT_WR));

    for (int i = 0; i < 3; i++)
        receives_end(way, j.fd[0]);
}

RECEIVING(data_before_end, "data-before-eof", CONNECTION)
{
    struct joined j = joined_sockets();
    send_all(j.fd[1], "abc", 3);
    send_all(j.fd[1], "def", 3);
    MUST(close(j.fd[1]));

    receives_text(way, j.fd[0], "abcdef");
    receives_end(way, j.fd[0]);
    receives_end(way, j.fd[0]);
}

RECEIVING_PAIR(end_while_waiting, "zero-on-orderly-shutdown", CONNECTION)

GIVES(end_while_waiting)
{
    int fd = meet();

    await_peer();
    way->peer_blocks();
    MUST(close(fd));
    await_end_of_peer();
}

RECEIVES(end_while_waiting)
{
    int fd = meet();

    ready();
    receives_end(way, fd);
    receives_end(way, fd);
}

PAIR(recv_end_after_the_peer_ended, .requirement = "recv.zero-on-orderly-shutdown", .over = CONNECTION)

SERVER(recv_end_after_the_peer_ended)
{
    int fd = meet();
    await_end_of_peer();

    receives_text(&recv_way, fd, "abc");
    receives_end(&recv_way, fd);
}

CLIENT(recv_end_after_the_peer_ended)
{
    int fd = meet();

    send_all(fd, "abc", 3);
}

CASE(recv_end_by_all_means, .requirement = "recv.zero-on-orderly-shutdown", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    char got[4];
    MUST(close(j.fd[0]));

    EQ(recv(j.fd[1], got, sizeof got, MSG_PEEK), 0);
    EQ(recv(j.fd[1], got, sizeof got, MSG_WAITALL), 0);
    set_nonblocking(j.fd[1]);
    EQ(recv(j.fd[1], got, sizeof got, 0), 0);
}

/* --- what is received ------------------------------------------------------------------------------- */

CASE(recv_by_all_functions_in_turn, .requirement = "recv.equals-recvfrom-null", .over = STREAM)
{
    const struct way *const ways[] = {&recv_way, &recvfrom_way, &recvmsg_way, &read_way, &readv_way};
    struct joined j = joined_sockets();
    send_all(j.fd[1], "abcdefghij", 10);

    for (int i = 0; i < 10; i++) {
        char got = 0;
        EQ(ways[i % 5]->receive(j.fd[0], &got, 1), 1);
        EQ(got, "abcdefghij"[i]);
    }
}

CASE(recv_records_by_all_functions_in_turn, .requirement = "recv.equals-recvfrom-null",
     .over = UNIX_SEQPACKET)
{
    const struct way *const ways[] = {&recv_way, &recvfrom_way, &recvmsg_way, &read_way, &readv_way};
    struct joined j = joined_sockets();

    for (int i = 0; i < 10; i++) {
        char got[4] = "";
        send_all(j.fd[1], &"abcdefghijkl"[i], 3);
        EQ(ways[i % 5]->receive(j.fd[0], got, sizeof got), 3);
        SAME(got, &"abcdefghijkl"[i], 3);
    }
}

RECEIVING(less_than_there_is, "stream.short-read-keeps-rest", STREAM)
{
    struct joined j = joined_sockets();
    char got[4] = "";
    send_all(j.fd[1], "abcdefghij", 10);

    long n = AT_LEAST(way->receive(j.fd[0], got, sizeof got), 1);
    AT_MOST(n, (long)sizeof got);
    SAME(got, "abcd", (size_t)n);
    receives_text(way, j.fd[0], &"abcdefghij"[n]);
}

RECEIVING(no_more_than_asked_for, "not-beyond-length", CONNECTION)
{
    struct joined j = joined_sockets();
    char got[9] = "........", before[9] = "........";
    send_all(j.fd[1], "abcdef", 6);
    await_input(j.fd[0]);

    AT_MOST(AT_LEAST(way->receive(j.fd[0], got + 2, 3), 1), 3);
    SAME(got, before, 2);
    SAME(got + 5, before + 5, 4);
}

CASE(read_scatters, .requirement = "readv.scatter-socket", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    char a[3] = "--", b[2] = "-", c[5] = "----";
    struct iovec parts[] = {{a, 2}, {b, 0}, {c, 4}};
    send_all(j.fd[1], "abcde", 5);
    await_input(j.fd[0]);

    long n = AT_LEAST(readv(j.fd[0], parts, 3), 1);
    AT_MOST(n, 5);
    SAME(a, n == 1 ? "a-" : "ab", 3);
    SAME(b, "-", 2);
    SAME(c, "cde", (size_t)(n < 2 ? 0 : n - 2));
    SAME(c + (n < 2 ? 0 : n - 2), &"----"[n < 2 ? 0 : n - 2], (size_t)(n < 2 ? 5 : 7 - n));
}

CASE(read_nothing, .requirement = "read.zero-count", .over = STREAM)
{
    struct joined j = joined_sockets();
    char byte = '-';
    send_all(j.fd[1], "abc", 3);
    await_input(j.fd[0]);

    EQ(read(j.fd[0], &byte, 0), 0);
    EQ(byte, '-');
    receives_text(&read_way, j.fd[0], "abc");
}

CASE(recv_nothing, .requirement = "recv.zero-length-buffer-stream", .over = STREAM)
{
    struct joined j = joined_sockets();
    char byte = '-';
    send_all(j.fd[1], "abc", 3);
    await_input(j.fd[0]);

    AT_MOST(recv(j.fd[0], &byte, 0, 0), 0);
    EQ(byte, '-');
    receives_text(&recv_way, j.fd[0], "abc");
}

/* --- MSG_PEEK --------------------------------------------------------------------------------------- */

/* Some of the text, without taking it. */
static void peeks(int fd, size_t n, const char *text)
{
    char got[10] = "";

    long seen = AT_LEAST(recv(fd, got, n, MSG_PEEK), 1);
    AT_MOST(seen, (long)n);
    AT_MOST(seen, (long)strlen(text));
    SAME(got, text, (size_t)seen);
}

CASE(recv_peeks, .requirement = "recv.msg_peek.not-consumed", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    char got[10] = "";
    send_all(j.fd[1], "abcdef", 6);
    await_input(j.fd[0]);

    peeks(j.fd[0], 10, "abcdef");
    peeks(j.fd[0], 10, "abcdef");
    peeks(j.fd[0], 2, "abcdef");
    long seen = AT_LEAST(recvfrom(j.fd[0], got, sizeof got, MSG_PEEK, NULL, NULL), 1);
    SAME(got, "abcdef", (size_t)seen);
    receives_text(&recv_way, j.fd[0], "abcdef");
}

CASE(recv_peeks_between, .requirement = "recv.msg_peek.not-consumed", .over = STREAM)
{
    struct joined j = joined_sockets();
    char got[2];
    send_all(j.fd[1], "abcdef", 6);
    MUST(shutdown(j.fd[1], SHUT_WR));

    receive_all(j.fd[0], got, 2);
    peeks(j.fd[0], 10, "cdef");
    receives_text(&recv_way, j.fd[0], "cdef");
    EQ(recv(j.fd[0], got, sizeof got, MSG_PEEK), 0);
    receives_end(&recv_way, j.fd[0]);
}

PAIR(recv_peek_waits, .requirement = "recv.msg_peek.blocks", .over = CONNECTION)

SERVER(recv_peek_waits)
{
    int fd = meet();
    char got = 0;

    ready();
    EQ(recv(fd, &got, 1, MSG_PEEK), 1);
    EQ(got, 'x');
    receives_text(&recv_way, fd, "x");
}

CLIENT(recv_peek_waits)
{
    int fd = meet();

    await_peer();
    PEER_BLOCKS_IN(recv);
    send_all(fd, "x", 1);
    await_end_of_peer();
}

CASE(recv_peek_finds_nothing_without_waiting, .requirement = "recv.nonblock-eagain", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    char got;
    set_nonblocking(j.fd[0]);

    FAILS(recv(j.fd[0], &got, 1, MSG_PEEK), EAGAIN, EWOULDBLOCK);
}

/* --- MSG_WAITALL ------------------------------------------------------------------------------------ */

PAIR(recv_waits_for_all, .requirement = "recv.msg_waitall.blocks-for-full", .over = STREAM)

SERVER(recv_waits_for_all)
{
    int fd = meet();
    char got[11] = "";
    await_input(fd);

    ready();
    EQ(recv(fd, got, 10, MSG_WAITALL), 10);
    SAME(got, "abcdefghij", 11);
    receives_text(&recv_way, fd, "kl");
}

CLIENT(recv_waits_for_all)
{
    int fd = meet();

    send_all(fd, "abc", 3);
    await_peer();
    PEER_BLOCKS_IN(recv);
    send_all(fd, "de", 2);
    PEER_BLOCKS_IN(recv);
    send_all(fd, "fghijkl", 7);
    await_end_of_peer();
}

enum { LARGE = 1 << 20 };

PAIR(recv_waits_for_much, .requirement = "recv.msg_waitall.blocks-for-full", .over = STREAM)

SERVER(recv_waits_for_much)
{
    int fd = meet();
    static unsigned char got[LARGE];

    EQ(recv(fd, got, LARGE, MSG_WAITALL), LARGE);
    EQ((long)first_difference(got, LARGE, 1, 0), LARGE);
}

CLIENT(recv_waits_for_much)
{
    int fd = meet();
    static unsigned char bytes[LARGE];

    fill(bytes, LARGE, 1, 0);
    for (size_t sent = 0; sent < LARGE; sent += 1 << 14)
        send_all(fd, bytes + sent, 1 << 14);
    await_end_of_peer();
}

CASE(recv_all_is_there, .requirement = "recv.msg_waitall.blocks-for-full", .over = STREAM)
{
    struct joined j = joined_sockets();
    char got[7] = "";
    send_all(j.fd[1], "abcdef", 6);

    EQ(recv(j.fd[0], got, 4, MSG_WAITALL), 4);
    SAME(got, "abcd", 5);
    receives_text(&recv_way, j.fd[0], "ef");
}

PAIR(recv_all_ends_with_the_stream, .requirement = "recv.msg_waitall.less-on-eof", .over = STREAM)

SERVER(recv_all_ends_with_the_stream)
{
    int fd = meet();
    char got[10] = "";
    await_input(fd);

    ready();
    EQ(recv(fd, got, sizeof got, MSG_WAITALL), 3);
    SAME(got, "abc", 3);
    receives_end(&recv_way, fd);
}

CLIENT(recv_all_ends_with_the_stream)
{
    int fd = meet();

    send_all(fd, "abc", 3);
    await_peer();
    PEER_BLOCKS_IN(recv);
    MUST(shutdown(fd, SHUT_WR));
    await_end_of_peer();
}

CASE(recv_all_of_a_record, .requirement = "recv.msg_waitall.less-on-message-socket", .over = UNIX_SEQPACKET)
{
    struct joined j = joined_sockets();
    char got[10] = "";
    send_all(j.fd[1], "abc", 3);

    EQ(recv(j.fd[0], got, sizeof got, MSG_WAITALL), 3);
    SAME(got, "abc", 4);
}

/* The signal finds three bytes received; then more is sent, for an implementation that goes on waiting. */
PAIR(recv_all_is_interrupted, .requirement = "recv.eintr-not-after-data", .over = STREAM)

SERVER(recv_all_is_interrupted)
{
    int fd = meet();
    char got[11] = "";
    count_signal(SIGUSR1);
    show_process();
    await_input(fd);

    ready();
    long n = AT_LEAST(recv(fd, got, 10, MSG_WAITALL), 3);
    OBSERVE("MSG_WAITALL interrupted with 3 of 10 bytes received", "%ld", n);
    SAME(got, "abcdefghij", (size_t)n);
    if (n < 10)
        receives_text(&recv_way, fd, &"abcdefghij"[n]);
}

CLIENT(recv_all_is_interrupted)
{
    int fd = meet();

    send_all(fd, "abc", 3);
    await_peer();
    PEER_BLOCKS_IN(recv);
    interrupt_peer();
    send_all(fd, "defghij", 7);
    await_end_of_peer();
}

/* --- MSG_TRUNC -------------------------------------------------------------------------------------- */

CASE(recv_discards, .requirement = "linux.recv.tcp-msg_trunc-discards", .over = TCP)
{
    struct joined j = joined_sockets();
    char got[5] = "----";
    send_all(j.fd[1], "abcdef", 6);
    await_input(j.fd[0]);

    long n = AT_LEAST(recv(j.fd[0], got, 4, MSG_TRUNC), 1);
    AT_MOST(n, 4);
    SAME(got, "----", 5);
    receives_text(&recv_way, j.fd[0], &"abcdef"[n]);
}

/* --- errors ----------------------------------------------------------------------------------------- */

RECEIVING(unconnected, "enotconn", CONNECTION)
{
    char got;

    FAILS(way->receive(new_socket(), &got, 1), ENOTCONN);
    FAILS(way->receive(bound_socket(), &got, 1), ENOTCONN);
}

RECEIVING(unconnected_nonblocking, "enotconn", CONNECTION)
{
    int fd = new_socket();
    char got;
    set_nonblocking(fd);

    FAILS(way->receive(fd, &got, 1), ENOTCONN);
}

RECEIVING(bad_descriptor, "ebadf", ANY)
{
    int closed = new_socket();
    char got;
    MUST(close(closed));

    FAILS(way->receive(-1, &got, 1), EBADF);
    FAILS(way->receive(closed, &got, 1), EBADF);
}

CASE(recv_not_a_socket, .requirement = "recv.enotsock", .over = ANY)
{
    int file = (int)MUST(open("file", O_RDWR | O_CREAT, 0600)), ends[2];
    char got;
    MUST(pipe(ends));
    MUST(write(ends[1], "x", 1));

    FAILS(recv(file, &got, 1, 0), ENOTSOCK);
    FAILS(recv(ends[0], &got, 1, 0), ENOTSOCK);
}

CASE(recv_urgent_from_seqpacket, .requirement = "recv.eopnotsupp-flags", .over = UNIX_SEQPACKET)
{
    struct joined j = joined_sockets();
    char got;
    send_all(j.fd[1], "x", 1);

    FAILS(recv(j.fd[0], &got, 1, MSG_OOB), EOPNOTSUPP);
    receives_text(&recv_way, j.fd[0], "x");
}

RECEIVING(reset, "econnreset", TCP)
{
    struct joined j = joined_sockets();
    char got;
    reset_on_close(j.fd[0]);
    MUST(close(j.fd[0]));

    FAILS(way->receive(j.fd[1], &got, 1), ECONNRESET);
    AT_MOST(way->receive(j.fd[1], &got, 1), 0);
}

RECEIVING_PAIR(reset_while_waiting, "econnreset", TCP)

GIVES(reset_while_waiting)
{
    int fd = meet();
    reset_on_close(fd);

    await_peer();
    way->peer_blocks();
    MUST(close(fd));
    await_end_of_peer();
}

RECEIVES(reset_while_waiting)
{
    int fd = meet();
    char got;

    ready();
    FAILS(way->receive(fd, &got, 1), ECONNRESET);
}

CASE(recv_reset_is_told_once, .requirement = "recv.econnreset.once-then-eof", .over = TCP)
{
    struct joined j = joined_sockets();
    char got;
    reset_on_close(j.fd[0]);
    MUST(close(j.fd[0]));
    FAILS(recv(j.fd[1], &got, 1, 0), ECONNRESET);

    AT_MOST(recv(j.fd[1], &got, 1, 0), 0);
    EQ(option(j.fd[1], SOL_SOCKET, SO_ERROR), 0);
}

/* --- signals ---------------------------------------------------------------------------------------- */

RECEIVING_PAIR(interrupted, "eintr", CONNECTION)

GIVES(interrupted)
{
    int fd = meet();

    await_peer();
    way->peer_blocks();
    interrupt_peer();
    await_peer();
    send_all(fd, "abc", 3);
    await_end_of_peer();
}

RECEIVES(interrupted)
{
    int fd = meet();
    char got;
    count_signal(SIGUSR1);
    show_process();

    ready();
    FAILS(way->receive(fd, &got, 1), EINTR);
    EQ(signals_counted(), 1);
    ready();
    receives_text(way, fd, "abc");
}

/* Set by the handler, for the peer to see, who waits for it. */
enum { HANDLED_AT = 200 };

static void note_handled(int signal)
{
    (void)signal;
    ((volatile char *)my_page)[HANDLED_AT] = 1;
}

static void await_handled(void)
{
    while (!((volatile char *)peer_page)[HANDLED_AT])
        sched_yield();
}

RECEIVING_PAIR(restarted, "restarts", CONNECTION)

GIVES(restarted)
{
    int fd = meet();

    await_peer();
    way->peer_blocks();
    interrupt_peer();
    await_handled();
    way->peer_blocks();
    send_all(fd, "x", 1);
    await_end_of_peer();
}

RECEIVES(restarted)
{
    int fd = meet();
    struct sigaction restarting = {.sa_handler = note_handled, .sa_flags = SA_RESTART};
    MUST(sigaction(SIGUSR1, &restarting, NULL));
    show_process();

    ready();
    receives_text(way, fd, "x");
}

/* --- time-outs and low-water marks ------------------------------------------------------------------ */

enum { TIMEOUT = 20 }; /* milliseconds */

#define TIMED(what, way) \
    CASE(what, .requirement = "sockopt.so_rcvtimeo.recv-eagain", .over = CONNECTION) { times_out(&way); }
static void times_out(const struct way *way)
{
    struct joined j = joined_sockets();
    char got;
    set_timeout(j.fd[0], TIMEOUT);

    long start = milliseconds();
    FAILS(way->receive(j.fd[0], &got, 1), EAGAIN, EWOULDBLOCK);
    AT_LEAST(milliseconds() - start, TIMEOUT);

    send_all(j.fd[1], "abc", 3);
    await_input(j.fd[0]);
    receives_text(way, j.fd[0], "abc");
}
TIMED(recv_times_out, recv_way)
TIMED(recv_times_out_by_recvfrom, recvfrom_way)
TIMED(recv_times_out_by_recvmsg, recvmsg_way)
TIMED(read_times_out, read_way)
TIMED(readv_times_out, readv_way)

CASE(recv_times_out_each_time, .requirement = "sockopt.so_rcvtimeo.recv-eagain", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    char got;
    set_timeout(j.fd[1], TIMEOUT);

    for (int i = 0; i < 2; i++) {
        long start = milliseconds();
        FAILS(recv(j.fd[1], &got, 1, 0), EAGAIN, EWOULDBLOCK);
        AT_LEAST(milliseconds() - start, TIMEOUT);
    }
}

CASE(recv_all_times_out, .requirement = "sockopt.so_rcvtimeo.partial-count", .over = STREAM)
{
    struct joined j = joined_sockets();
    char got[10] = "";
    set_timeout(j.fd[0], TIMEOUT);
    send_all(j.fd[1], "abc", 3);
    await_input(j.fd[0]);

    long start = milliseconds();
    EQ(recv(j.fd[0], got, sizeof got, MSG_WAITALL), 3);
    AT_LEAST(milliseconds() - start, TIMEOUT);
    SAME(got, "abc", 4);
}

CASE(recv_end_before_time_out, .requirement = "recv.zero-on-orderly-shutdown", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    set_timeout(j.fd[0], 999);
    MUST(close(j.fd[1]));

    receives_end(&recv_way, j.fd[0]);
}

/* Shorter times than a receive waits before it is seen to wait: none at all. */
PAIR(recv_time_out_of_zero_is_none, .requirement = "sockopt.so_rcvtimeo.zero-waits", .over = CONNECTION)

SERVER(recv_time_out_of_zero_is_none)
{
    int fd = meet();
    char got;
    set_timeout(fd, TIMEOUT);
    FAILS(recv(fd, &got, 1, 0), EAGAIN, EWOULDBLOCK);
    set_timeout(fd, 0);

    ready();
    EQ(recv(fd, &got, 1, 0), 1);
}

CLIENT(recv_time_out_of_zero_is_none)
{
    int fd = meet();

    await_peer();
    PEER_BLOCKS_IN(recv);
    send_all(fd, "x", 1);
    await_end_of_peer();
}

static void set_low_water(int fd, int mark)
{
    if (setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof mark) == -1)
        UNSUPPORTED("SO_RCVLOWAT cannot be set: %s", errno_name(errno));
}

#define LOW_WATER_PAIR(what, way) \
    ONE_OF_PAIRS(what, waits_for_low_water, "sockopt.so_rcvlowat.blocks-until-lowat", STREAM, way)
static void waits_for_low_water_gives(const struct way *), waits_for_low_water_receives(const struct way *);
LOW_WATER_PAIR(recv_waits_for_low_water, recv_way)
LOW_WATER_PAIR(recv_waits_for_low_water_by_recvfrom, recvfrom_way)
LOW_WATER_PAIR(recv_waits_for_low_water_by_recvmsg, recvmsg_way)
LOW_WATER_PAIR(read_waits_for_low_water, read_way)
LOW_WATER_PAIR(readv_waits_for_low_water, readv_way)

GIVES(waits_for_low_water)
{
    int fd = meet();

    await_peer();
    way->peer_blocks();
    send_all(fd, "abc", 3);
    way->peer_blocks();
    send_all(fd, "de", 2);
    await_end_of_peer();
}

RECEIVES(waits_for_low_water)
{
    int fd = meet();
    char got[10] = "";
    set_low_water(fd, 5);

    ready();
    EQ(way->receive(fd, got, sizeof got), 5);
    SAME(got, "abcde", 6);
}

PAIR(recv_goes_on_to_low_water, .requirement = "sockopt.so_rcvlowat.blocks-until-lowat", .over = STREAM,
     .limit = 2)

SERVER(recv_goes_on_to_low_water)
{
    int fd = meet();
    char got[10] = "";
    await_input(fd);
    set_low_water(fd, 5);

    ready();
    EQ(recv(fd, got, sizeof got, 0), 5);
    SAME(got, "abcde", 6);
}

CLIENT(recv_goes_on_to_low_water)
{
    int fd = meet();

    send_all(fd, "abc", 3);
    await_peer();
    PEER_BLOCKS_IN(recv);
    send_all(fd, "de", 2);
    await_end_of_peer();
}

CASE(recv_less_than_low_water_asked_for, .requirement = "sockopt.so_rcvlowat.request-smaller-than-mark",
     .over = STREAM)
{
    struct joined j = joined_sockets();
    char got[3] = "";
    send_all(j.fd[1], "ab", 2);
    set_low_water(j.fd[0], 5);

    EQ(recv(j.fd[0], got, 2, 0), 2);
    SAME(got, "ab", 3);
}

CASE(recv_end_below_low_water, .requirement = "sockopt.so_rcvlowat.eof-returns-less", .over = STREAM)
{
    struct joined j = joined_sockets();
    set_low_water(j.fd[0], 5);
    send_all(j.fd[1], "abc", 3);
    MUST(close(j.fd[1]));

    receives_text(&recv_way, j.fd[0], "abc");
    receives_end(&recv_way, j.fd[0]);
}
