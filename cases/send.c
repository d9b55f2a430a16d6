#include "sockets.h"

#include <pthread.h>

enum {
    LENGTH = 1 << 20,  /* of a send to a stream that is to find its buffer too small */
    RECORD = 1000,     /* of a send that is one record */
    MUCH = 6 << 20,    /* bytes that no stream is taken to have room for while nobody reads */
    ENDLESS = 1 << 28, /* nor any connection at all */
};

/* What send() promises without flags, write() promises too, and over connections so do writev(), sendto() and
 * sendmsg(): such cases are written once, for all of them. */
struct way {
    ssize_t (*send)(int fd, const void *bytes, size_t n);
    void (*peer_blocks)(void); /* claims that the peer waits in this call */
};

static ssize_t by_send(int fd, const void *bytes, size_t n) { return send(fd, bytes, n, 0); }
static ssize_t by_write(int fd, const void *bytes, size_t n) { return write(fd, bytes, n); }
static ssize_t by_sendto(int fd, const void *bytes, size_t n) { return sendto(fd, bytes, n, 0, NULL, 0); }

static ssize_t by_writev(int fd, const void *bytes, size_t n)
{
    struct iovec part = {(void *)(uintptr_t)bytes, n};

    return writev(fd, &part, 1);
}

static ssize_t by_sendmsg(int fd, const void *bytes, size_t n)
{
    struct iovec part = {(void *)(uintptr_t)bytes, n};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    return sendmsg(fd, &message, 0);
}

static void peer_blocks_in_send(void) { PEER_BLOCKS_IN(send); }
static void peer_blocks_in_write(void) { PEER_BLOCKS_IN(write); }
static void peer_blocks_in_writev(void) { PEER_BLOCKS_IN(writev); }
static void peer_blocks_in_sendto(void) { PEER_BLOCKS_IN(sendto); }
static void peer_blocks_in_sendmsg(void) { PEER_BLOCKS_IN(sendmsg); }

static const struct way send_way = {by_send, peer_blocks_in_send};
static const struct way write_way = {by_write, peer_blocks_in_write};
static const struct way writev_way = {by_writev, peer_blocks_in_writev};
static const struct way sendto_way = {by_sendto, peer_blocks_in_sendto};
static const struct way sendmsg_way = {by_sendmsg, peer_blocks_in_sendmsg};

#define SENDING_AS(what, id_send, id_write, kinds)                                                \
    static void what(const struct way *way);                                                      \
    CASE(send_##what, .requirement = id_send, .over = kinds) { what(&send_way); }                 \
    CASE(send_##what##_by_sendto, .requirement = id_send, .over = kinds) { what(&sendto_way); }   \
    CASE(send_##what##_by_sendmsg, .requirement = id_send, .over = kinds) { what(&sendmsg_way); } \
    CASE(write_##what, .requirement = id_write, .over = kinds) { what(&write_way); }              \
    CASE(writev_##what, .requirement = id_write, .over = kinds) { what(&writev_way); }            \
    static void what(const struct way *way)
#define SENDING(what, id, kinds) SENDING_AS(what, "send." id, "write." id, kinds)

/* The server sends, the client reads. */
#define ONE_OF_PAIRS(name, what, id, kinds, way) \
    PAIR(name, .requirement = id, .over = kinds) \
    SERVER(name) { what##_sends(&way); }         \
    CLIENT(name) { what##_reads(&way); }
#define SENDING_PAIR(what, id, kinds)                                               \
    static void what##_sends(const struct way *), what##_reads(const struct way *); \
    ONE_OF_PAIRS(send_##what, what, "send." id, kinds, send_way)                    \
    ONE_OF_PAIRS(send_##what##_by_sendto, what, "send." id, kinds, sendto_way)      \
    ONE_OF_PAIRS(send_##what##_by_sendmsg, what, "send." id, kinds, sendmsg_way)    \
    ONE_OF_PAIRS(write_##what, what, "write." id, kinds, write_way)                 \
    ONE_OF_PAIRS(writev_##what, what, "write." id, kinds, writev_way)
#define SENDS(what) static void what##_sends(const struct way *way)
#define READS(what) static void what##_reads(const struct way *way)

/* The next bytes of the sequence that is sent. */
static const void *bytes_from(size_t from, size_t n)
{
    static unsigned char bytes[MUCH];

    fill(bytes, n, 1, from);
    return bytes;
}

static size_t send_length(void) { return kind->type == SOCK_SEQPACKET ? RECORD : LENGTH; }

static void set_blocking(int fd) { MUST(fcntl(fd, F_SETFL, (int)MUST(fcntl(fd, F_GETFL)) & ~O_NONBLOCK)); }

/* With little room for what waits to be sent, where the implementation lets it be little. */
static int small_sender(int fd)
{
    int small = 65536;

    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    set_blocking(fd);
    return fd;
}

static struct joined joined_small_sender(void)
{
    struct joined j = joined_sockets();

    small_sender(j.fd[1]);
    return j;
}

/* Sends until all buffers on the way are full, which shows by two refusals with a pause between them: what is
 * sent may still move on to the receiver. Gives how many bytes there was room for. */
static size_t fill_up(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    size_t total = 0;
    int flags = (int)MUST(fcntl(fd, F_GETFL)), refusals = 0;

    set_nonblocking(fd);
    while (refusals < 2) {
        const void *bytes = bytes_from(total, send_length());
        ssize_t sent = send(fd, bytes, send_length(), MSG_NOSIGNAL);
        int error = sent == -1 ? errno : 0;
        REQUIRE(sent > 0 || error == EAGAIN || error == EWOULDBLOCK, "filling up, send() gave %zd %s", sent,
                errno_name(error));
        refusals = sent > 0 ? 0 : refusals + 1;
        total += sent > 0 ? (size_t)sent : 0;
        if (total > ENDLESS)
            UNTESTED("nobody reads, and there is room for %zu bytes", total);
        if (sent == -1)
            MUST(poll(&p, 1, 10));
    }
    MUST(fcntl(fd, F_SETFL, flags));
    return total;
}

/* Reads to the end of the stream: as many bytes of the sequence as were sent. */
static void reads(int fd, size_t sent)
{
    static unsigned char bytes[1 << 16];
    size_t total = 0;

    for (long got; (got = OK(recv(fd, bytes, sizeof bytes, 0))) > 0; total += (size_t)got)
        EQ((long)first_difference(bytes, (size_t)got, 1, total), got);
    EQ((long)total, (long)sent);
}

/* The sender ends its stream and says how much it was told that it had sent; the reader reads that. */
static void ends_after(int fd, size_t sent)
{
    MUST(shutdown(fd, SHUT_WR));
    memcpy(my_page, &sent, sizeof sent);
    ready();
    await_end_of_peer();
}

static void reads_what_was_sent(int fd)
{
    static unsigned char bytes[1 << 16];
    size_t total = 0, sent;

    for (long got; (got = OK(recv(fd, bytes, sizeof bytes, 0))) > 0; total += (size_t)got)
        EQ((long)first_difference(bytes, (size_t)got, 1, total), got);
    await_peer();
    memcpy(&sent, peer_page, sizeof sent);
    EQ((long)total, (long)sent);
}

static int meet_small_sender(void) { return small_sender(meet()); }

static int meet_blocking(void)
{
    int fd = meet();

    set_blocking(fd);
    return fd;
}

static void show_process(void) { memcpy(my_page, &(pid_t){getpid()}, sizeof(pid_t)); }

static void interrupt_peer(void)
{
    pid_t process;

    memcpy(&process, peer_page, sizeof process);
    MUST(kill(process, SIGUSR1));
}

static long milliseconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- what is sent arrives --------------------------------------------------------------------------- */

SENDING_AS(counts_what_it_sent, "send.returns-bytes", "write.equals-send-flags0", CONNECTION)
{
    struct joined j = joined_sockets();

    long n = AT_LEAST(way->send(j.fd[1], bytes_from(0, 100), 100), 1);
    AT_MOST(n, 100);
    MUST(shutdown(j.fd[1], SHUT_WR));
    reads(j.fd[0], (size_t)n);
}

CASE(send_by_all_functions_in_turn, .requirement = "send.equals-write", .over = CONNECTION)
{
    const struct way *const ways[] = {&send_way, &sendto_way, &sendmsg_way, &write_way, &writev_way};
    struct joined j = joined_sockets();

    for (size_t i = 0; i < 10; i++)
        EQ(ways[i % 5]->send(j.fd[1], bytes_from(i, 1), 1), 1);
    MUST(shutdown(j.fd[1], SHUT_WR));
    reads(j.fd[0], 10);
}

CASE(write_gathers, .requirement = "writev.gather-socket", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    unsigned char bytes[10];
    struct iovec parts[] = {{bytes, 3}, {bytes, 0}, {bytes + 3, 1}, {bytes + 4, 6}};
    fill(bytes, sizeof bytes, 1, 0);

    long n = AT_LEAST(writev(j.fd[1], parts, 4), 1);
    AT_MOST(n, sizeof bytes);
    MUST(shutdown(j.fd[1], SHUT_WR));
    reads(j.fd[0], (size_t)n);
}

CASE(write_gathers_a_thousand, .requirement = "writev.gather-socket", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    unsigned char bytes[1000];
    struct iovec parts[1000];
    long most = sysconf(_SC_IOV_MAX);
    if (most != -1 && most < 1000)
        UNTESTED("writev() takes %ld parts", most);
    fill(bytes, sizeof bytes, 1, 0);
    for (int i = 0; i < 1000; i++)
        parts[i] = (struct iovec){bytes + i, 1};

    long n = AT_LEAST(writev(j.fd[1], parts, 1000), 1);
    AT_MOST(n, 1000);
    MUST(shutdown(j.fd[1], SHUT_WR));
    reads(j.fd[0], (size_t)n);
}

SENDING(nothing, "zero-length-stream", STREAM)
{
    struct joined j = joined_sockets();
    char got = 0;

    long n = AT_MOST(way->send(j.fd[1], "x", 0), 0);
    OBSERVE("a send of 0 bytes", "%s", n == 0 ? "0" : errno_name(errno));
    send_all(j.fd[1], "y", 1);
    EQ(recv(j.fd[0], &got, 1, 0), 1);
    EQ(got, 'y');
}

CASE(send_leaves_the_bytes, .requirement = "send.returns-bytes", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    char bytes[] = "abcdef";

    AT_LEAST(send(j.fd[1], bytes, 6, 0), 1);
    SAME(bytes, "abcdef", 7);
    memset(bytes, '-', 6);
    char got = 0;
    EQ(recv(j.fd[0], &got, 1, MSG_PEEK), 1);
    EQ(got, 'a');
}

/* --- full buffers ----------------------------------------------------------------------------------- */

SENDING_PAIR(waits_for_room, "blocks-when-full", CONNECTION)

SENDS(waits_for_room)
{
    int fd = meet_small_sender();
    size_t filled = fill_up(fd);
    const void *more = bytes_from(filled, send_length());

    ready();
    long n = AT_LEAST(way->send(fd, more, send_length()), 1);
    OBSERVE("taken by a send that waited", "%ld of %zu bytes", n, send_length());
    ends_after(fd, filled + (size_t)n);
}

READS(waits_for_room)
{
    int fd = meet_blocking();

    await_peer();
    way->peer_blocks();
    reads_what_was_sent(fd);
}

/* What waits at the sender may move on to the receiver meanwhile, so that there is room once more: the call
 * is made until it fails. Gives how many bytes have been taken in all. */
static size_t is_refused(const struct way *way, int fd, size_t filled)
{
    ssize_t n;

    while ((n = way->send(fd, bytes_from(filled, send_length()), send_length())) > 0)
        filled += (size_t)n;
    int error = errno;
    HOLDS(n == -1 && (error == EAGAIN || error == EWOULDBLOCK), "it gives %zd %s", n, errno_name(error));
    return filled;
}

SENDING(finds_no_room_without_waiting, "nonblock-eagain", CONNECTION)
{
    struct joined j = joined_small_sender();
    size_t filled = fill_up(j.fd[1]);
    set_nonblocking(j.fd[1]);

    filled = is_refused(way, j.fd[1], filled);
    filled = is_refused(way, j.fd[1], filled);
    MUST(shutdown(j.fd[1], SHUT_WR));
    reads(j.fd[0], filled);
}

CASE(send_finds_room_again, .requirement = "send.room-again", .over = CONNECTION)
{
    struct joined j = joined_small_sender();
    size_t filled = fill_up(j.fd[1]), got = 0;
    struct pollfd p[] = {{.fd = j.fd[0], .events = POLLIN}, {.fd = j.fd[1], .events = POLLOUT}};
    set_nonblocking(j.fd[1]);

    for (unsigned char bytes[1 << 16]; !(p[1].revents & POLLOUT);) {
        HOLDS(got < filled || poll(&p[1], 1, -1) == 1, "there is no room though all was received");
        MUST(poll(p, 2, -1));
        if (p[0].revents & POLLIN)
            got += (size_t)AT_LEAST(recv(j.fd[0], bytes, sizeof bytes, 0), 1);
    }
    AT_LEAST(send(j.fd[1], bytes_from(filled, send_length()), send_length(), 0), 1);
}

static ssize_t by_send_dontwait(int fd, const void *bytes, size_t n)
{
    return send(fd, bytes, n, MSG_DONTWAIT);
}
static ssize_t by_sendto_dontwait(int fd, const void *bytes, size_t n)
{
    return sendto(fd, bytes, n, MSG_DONTWAIT, NULL, 0);
}

CASE(send_dontwait, .requirement = "linux.send.msg_dontwait", .over = CONNECTION)
{
    struct joined j = joined_small_sender();
    size_t filled = fill_up(j.fd[1]);

    filled = is_refused(&(struct way){.send = by_send_dontwait}, j.fd[1], filled);
    is_refused(&(struct way){.send = by_sendto_dontwait}, j.fd[1], filled);
    EQ((int)MUST(fcntl(j.fd[1], F_GETFL)) & O_NONBLOCK, 0);
}

SENDING(takes_what_fits, "nonblock-partial", STREAM)
{
    struct joined j = joined_small_sender();
    set_nonblocking(j.fd[1]);

    long n = AT_LEAST(way->send(j.fd[1], bytes_from(0, MUCH), MUCH), 1);
    if (n == MUCH)
        UNTESTED("there is room for %d bytes", MUCH);
    AT_MOST(n, MUCH);
    MUST(shutdown(j.fd[1], SHUT_WR));
    reads(j.fd[0], (size_t)n);
}

/* --- signals and time-outs -------------------------------------------------------------------------- */

/* Where there was room all the same, part of the bytes may have been sent. */
SENDING_PAIR(interrupted, "eintr", CONNECTION)

SENDS(interrupted)
{
    int fd = meet_small_sender();
    size_t filled = fill_up(fd);
    const void *more = bytes_from(filled, send_length());
    count_signal(SIGUSR1);
    show_process();

    ready();
    long n = AT_LEAST(way->send(fd, more, send_length()), -1);
    int error = n == -1 ? errno : 0;
    HOLDS(n > 0 || error == EINTR, "the interrupted call gave %ld %s", n, errno_name(error));
    EQ(signals_counted(), 1);
    ready();
    ends_after(fd, filled + (n > 0 ? (size_t)n : 0));
}

READS(interrupted)
{
    int fd = meet_blocking();

    await_peer();
    way->peer_blocks();
    interrupt_peer();
    await_peer();
    reads_what_was_sent(fd);
}

SENDING_PAIR(interrupted_after_part, "eintr-partial-count", STREAM)

SENDS(interrupted_after_part)
{
    int fd = meet_small_sender();
    const void *bytes = bytes_from(0, MUCH);
    count_signal(SIGUSR1);
    show_process();

    ready();
    long n = AT_LEAST(way->send(fd, bytes, MUCH), 1);
    AT_MOST(n, MUCH - 1);
    EQ(signals_counted(), 1);
    ready();
    ends_after(fd, (size_t)n);
}

READS(interrupted_after_part)
{
    int fd = meet_blocking();

    await_peer();
    way->peer_blocks();
    interrupt_peer();
    await_peer();
    reads_what_was_sent(fd);
}

/* In milliseconds. What counts in ticks of a clock, and waits in several steps, is done a little sooner: a
 * send that did not wait at all is what shows. */
enum { TIMEOUT = 40, WAITED = TIMEOUT / 2 };

static void set_timeout(int fd)
{
    struct timeval t = {.tv_usec = TIMEOUT * 1000};

    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t) == -1)
        UNSUPPORTED("SO_SNDTIMEO cannot be set: %s", errno_name(errno));
}

SENDING_AS(times_out, "sockopt.so_sndtimeo.send-eagain", "sockopt.so_sndtimeo.send-eagain", CONNECTION)
{
    struct joined j = joined_small_sender();
    size_t filled = fill_up(j.fd[1]);
    const void *more = bytes_from(filled, send_length());
    set_timeout(j.fd[1]);

    long start = milliseconds(), n = AT_LEAST(way->send(j.fd[1], more, send_length()), -1);
    int error = n == -1 ? errno : 0;
    HOLDS(n > 0 || error == EAGAIN || error == EWOULDBLOCK, "the call gave %ld %s", n, errno_name(error));
    if (n == (long)send_length())
        UNTESTED("there was room after all");
    AT_LEAST(milliseconds() - start, WAITED);
    MUST(shutdown(j.fd[1], SHUT_WR));
    reads(j.fd[0], filled + (n > 0 ? (size_t)n : 0));
}

SENDING_AS(times_out_after_part, "sockopt.so_sndtimeo.partial-count", "sockopt.so_sndtimeo.partial-count",
           STREAM)
{
    struct joined j = joined_small_sender();
    const void *bytes = bytes_from(0, MUCH);
    set_timeout(j.fd[1]);

    long n = AT_LEAST(way->send(j.fd[1], bytes, MUCH), 1);
    if (n == MUCH)
        UNTESTED("there was room for all of it");
    AT_MOST(n, MUCH);
    MUST(shutdown(j.fd[1], SHUT_WR));
    reads(j.fd[0], (size_t)n);
}

CASE(send_with_room_does_not_wait_for_time_out, .requirement = "sockopt.so_sndtimeo.send-eagain",
     .over = CONNECTION)
{
    struct joined j = joined_sockets();
    set_timeout(j.fd[1]);

    EQ(send(j.fd[1], bytes_from(0, 1), 1, 0), 1);
    MUST(shutdown(j.fd[1], SHUT_WR));
    reads(j.fd[0], 1);
}

/* --- nobody to send to ------------------------------------------------------------------------------ */

SENDING(after_own_shutdown, "epipe-local-shutdown", CONNECTION)
{
    struct joined j = joined_sockets();
    ignore_signal(SIGPIPE);
    MUST(shutdown(j.fd[1], SHUT_WR));

    FAILS(way->send(j.fd[1], "x", 1), EPIPE);
    FAILS(way->send(j.fd[1], "x", 1), EPIPE);
    reads(j.fd[0], 0);
}

/* Sends to a peer that is gone fail with EPIPE once that is known: its host answers the first bytes that
 * arrive there, and the answer may be told as ECONNRESET before. */
static void fails_in_the_end(const struct way *way, int fd)
{
    struct pollfd hung_up = {.fd = fd};
    long n = 0;

    for (int i = 0; i < 100; i++) {
        n = AT_LEAST(way->send(fd, "x", 1), -1);
        int error = n == -1 ? errno : 0;
        if (error == EPIPE)
            return;
        HOLDS(n == 1 || error == ECONNRESET, "the call gave %ld %s", n, errno_name(error));
        MUST(poll(&hung_up, 1, 20));
    }
    HOLDS(n == -1, "after 100 sends to a peer that has closed, sends still succeed");
}

static struct joined with_peer_gone(void)
{
    struct joined j = joined_sockets();

    MUST(close(j.fd[0]));
    reads(j.fd[1], 0);
    return j;
}

SENDING(to_closed_peer, "epipe-peer-gone", CONNECTION)
{
    struct joined j = with_peer_gone();
    ignore_signal(SIGPIPE);

    fails_in_the_end(way, j.fd[1]);
    FAILS(way->send(j.fd[1], "x", 1), EPIPE);
}

SENDING_PAIR(peer_closes_meanwhile, "epipe-peer-gone", CONNECTION)

SENDS(peer_closes_meanwhile)
{
    int fd = meet_small_sender();
    const void *more = bytes_from(fill_up(fd), send_length());
    ignore_signal(SIGPIPE);

    ready();
    long n = AT_LEAST(way->send(fd, more, send_length()), -1);
    int error = n == -1 ? errno : 0;
    HOLDS(n > 0 || error == EPIPE || error == ECONNRESET, "the call gave %ld %s", n, errno_name(error));
    fails_in_the_end(way, fd);
    FAILS(way->send(fd, "x", 1), EPIPE);
}

READS(peer_closes_meanwhile)
{
    int fd = meet_blocking();

    await_peer();
    way->peer_blocks();
    MUST(close(fd));
    await_end_of_peer();
}

SENDING(reset, "econnreset", TCP)
{
    struct joined j = joined_sockets();
    struct linger none = {.l_onoff = 1};
    struct pollfd p = {.fd = j.fd[1], .events = POLLIN};
    MUST(setsockopt(j.fd[0], SOL_SOCKET, SO_LINGER, &none, sizeof none));
    ignore_signal(SIGPIPE);
    MUST(close(j.fd[0]));
    MUST(poll(&p, 1, -1));

    FAILS(way->send(j.fd[1], "x", 1), ECONNRESET, EPIPE);
    fails_in_the_end(way, j.fd[1]);
}

SENDING_AS(signals_own_shutdown, "model.signal.sigpipe-and-epipe", "model.signal.sigpipe-and-epipe", STREAM)
{
    struct joined j = joined_sockets();
    count_signal(SIGPIPE);
    MUST(shutdown(j.fd[1], SHUT_WR));

    for (int i = 1; i <= 2; i++) {
        FAILS(way->send(j.fd[1], "x", 1), EPIPE);
        EQ(signals_counted(), i);
    }
}

static void raises_sigpipe(const struct way *way)
{
    struct joined j = with_peer_gone();
    ignore_signal(SIGPIPE);
    fails_in_the_end(way, j.fd[1]);
    count_signal(SIGPIPE);

    for (int i = 1; i <= 2; i++) {
        FAILS(way->send(j.fd[1], "x", 1), EPIPE);
        EQ(signals_counted(), i);
    }
}

SENDING(signals_peer_gone, "sigpipe-stream", STREAM) { raises_sigpipe(way); }
SENDING(signals_peer_of_records_gone, "sigpipe-seqpacket", UNIX_SEQPACKET) { raises_sigpipe(way); }

CASE(send_nosignal, .requirement = "send.msg_nosignal", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    struct iovec part = {(char[]){'x'}, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    count_signal(SIGPIPE);
    MUST(shutdown(j.fd[1], SHUT_WR));

    FAILS(send(j.fd[1], "x", 1, MSG_NOSIGNAL), EPIPE);
    FAILS(sendto(j.fd[1], "x", 1, MSG_NOSIGNAL, NULL, 0), EPIPE);
    FAILS(sendmsg(j.fd[1], &message, MSG_NOSIGNAL), EPIPE);
    EQ(signals_counted(), 0);
}

static ssize_t by_send_nosignal(int fd, const void *bytes, size_t n)
{
    return send(fd, bytes, n, MSG_NOSIGNAL);
}

CASE(send_nosignal_to_closed_peer, .requirement = "send.msg_nosignal", .over = CONNECTION)
{
    struct joined j = with_peer_gone();
    struct way quietly = {by_send_nosignal, NULL};
    count_signal(SIGPIPE);

    fails_in_the_end(&quietly, j.fd[1]);
    FAILS(send(j.fd[1], "x", 1, MSG_NOSIGNAL), EPIPE);
    EQ(signals_counted(), 0);
}

SENDING_AS(sigpipe_kills, "model.signal.sigpipe-and-epipe", "model.signal.sigpipe-and-epipe", STREAM)
{
    struct joined j = joined_sockets();
    int status = 0;
    MUST(shutdown(j.fd[1], SHUT_WR));

    pid_t child = (pid_t)MUST(fork());
    if (child == 0) {
        way->send(j.fd[1], "x", 1);
        _exit(1);
    }
    EQ(waitpid(child, &status, 0), child);
    HOLDS(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE, "the sender's wait status is 0x%x",
          (unsigned)status);
}

struct sending {
    int fd;
    sigset_t pending;
};
static void *sends_in_vain(void *argument)
{
    struct sending *s = argument;

    FAILS(send(s->fd, "x", 1, 0), EPIPE);
    sigpending(&s->pending);
    return NULL;
}

CASE(send_signals_its_thread, .requirement = "send.sigpipe-calling-thread", .over = STREAM)
{
    struct joined j = joined_sockets();
    struct sending s = {.fd = j.fd[1]};
    sigset_t pipes, pending;
    pthread_t thread;
    sigemptyset(&pipes);
    sigaddset(&pipes, SIGPIPE);
    MUST(sigprocmask(SIG_BLOCK, &pipes, NULL));
    MUST(shutdown(j.fd[1], SHUT_WR));

    REQUIRE(pthread_create(&thread, NULL, sends_in_vain, &s) == 0, "no thread");
    REQUIRE(pthread_join(thread, NULL) == 0, "no thread to wait for");
    EQ(sigismember(&s.pending, SIGPIPE), 1);
    sigpending(&pending);
    EQ(sigismember(&pending, SIGPIPE), 0);
}

/* --- other errors ----------------------------------------------------------------------------------- */

SENDING(unconnected, "enotconn", CONNECTION)
{
    ignore_signal(SIGPIPE);

    FAILS(way->send(new_socket(), "x", 1), ENOTCONN);
    FAILS(way->send(bound_socket(), "x", 1), ENOTCONN);
}

SENDING(bad_descriptor, "ebadf", ANY)
{
    int closed = new_socket();
    MUST(close(closed));

    FAILS(way->send(-1, "x", 1), EBADF);
    FAILS(way->send(closed, "x", 1), EBADF);
}

CASE(send_not_a_socket, .requirement = "send.enotsock", .over = ANY)
{
    int file = (int)MUST(open("file", O_RDWR | O_CREAT, 0600)), ends[2];
    MUST(pipe(ends));

    FAILS(send(file, "x", 1, MSG_NOSIGNAL), ENOTSOCK);
    FAILS(send(ends[1], "x", 1, MSG_NOSIGNAL), ENOTSOCK);
}

CASE(send_urgent_to_seqpacket, .requirement = "send.eopnotsupp-flags", .over = UNIX_SEQPACKET)
{
    struct joined j = joined_sockets();

    FAILS(send(j.fd[1], "x", 1, MSG_OOB | MSG_NOSIGNAL), EOPNOTSUPP);
    MUST(shutdown(j.fd[1], SHUT_WR));
    reads(j.fd[0], 0);
}
