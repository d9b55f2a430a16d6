#include "sockets.h"

#include <pthread.h>

enum {
    LARGE = 4 << 20,  /* bytes, sent on top of what fills every buffer on the way */
    CHUNK = 1 << 16,  /* bytes that a receiver asks for, more than any one send of a message socket here */
    ENDLESS = 1 << 28 /* bytes that no buffer is taken to have room for */
};

/* --- what the cases have in common ----------------------------------------------------------------- */

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* The lengths of sends and receives that have nothing to do with each other. */
static size_t odd_length(unsigned seed, unsigned i, size_t most)
{
    return 1 + (size_t)(byte_at(seed, 2 * i) << 8 | byte_at(seed, 2 * i + 1)) % most;
}

/* The bytes `from` to `from + n` of the sequence, sent in calls of at most `piece` bytes. */
static void sends(int fd, unsigned seed, size_t from, size_t n, size_t piece)
{
    static unsigned char bytes[LARGE];

    for (size_t end = from + n; from < end;) {
        size_t length = least(piece, end - from);
        fill(bytes, length, seed, from);
        for (size_t sent = 0; sent < length;)
            sent += (size_t)AT_LEAST(send(fd, bytes + sent, length - sent, MSG_NOSIGNAL), 1);
        from += length;
    }
}

static void is_of_sequence(const void *bytes, size_t n, unsigned seed, size_t from)
{
    size_t same = first_difference(bytes, n, seed, from);

    HOLDS(same == n, "byte %zu of the stream is not the one that was sent there", from + same);
}

static void receives(int fd, unsigned seed, size_t from, size_t n, size_t piece)
{
    static unsigned char bytes[CHUNK];

    for (size_t end = from + n; from < end;) {
        size_t wanted = least(piece, end - from);
        long got = AT_LEAST(recv(fd, bytes, wanted, 0), 1);
        AT_MOST(got, (long)wanted);
        is_of_sequence(bytes, (size_t)got, seed, from);
        from += (size_t)got;
    }
}

static void receives_end(int fd)
{
    char byte;

    EQ(recv(fd, &byte, 1, 0), 0);
}

static size_t receives_until_end(int fd, unsigned seed)
{
    static unsigned char bytes[CHUNK];
    size_t total = 0;

    for (long got; (got = OK(recv(fd, bytes, sizeof bytes, 0))) > 0; total += (size_t)got)
        is_of_sequence(bytes, (size_t)got, seed, total);
    return total;
}

static void receives_text(int fd, const char *text)
{
    char got[16];

    for (size_t n = strlen(text), from = 0; from < n;) {
        from += (size_t)AT_LEAST(recv(fd, got + from, n - from, 0), 1);
        SAME(got, text, from);
    }
}

/* What a call that must not wait gave: a count, or 0 where it would have had to wait. */
static size_t at_once(ssize_t got)
{
    int error = got == -1 ? errno : 0;

    HOLDS(got > 0 || error == EAGAIN || error == EWOULDBLOCK, "the call gave %zd %s", got, errno_name(error));
    return got > 0 ? (size_t)got : 0;
}

/* Sends of the sequence until all buffers on the way are full, which shows by two refusals with a pause
 * between them: what is sent may still move on to the receiver. Gives how many bytes there are room for. */
static size_t fill_up(int fd, unsigned seed)
{
    static unsigned char bytes[CHUNK];
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    size_t total = 0;
    int flags = (int)MUST(fcntl(fd, F_GETFL)), refusals = 0;

    set_nonblocking(fd);
    while (refusals < 2) {
        fill(bytes, sizeof bytes, seed, total);
        size_t sent = at_once(send(fd, bytes, sizeof bytes, MSG_NOSIGNAL));
        refusals = sent > 0 ? 0 : refusals + 1;
        total += sent;
        if (total > ENDLESS)
            UNTESTED("nobody reads, and there is room for %zu bytes", total);
        if (sent == 0)
            MUST(poll(&p, 1, 10));
    }
    MUST(fcntl(fd, F_SETFL, flags));
    return total;
}

static void set_blocking(int fd) { MUST(fcntl(fd, F_SETFL, (int)MUST(fcntl(fd, F_GETFL)) & ~O_NONBLOCK)); }

/* The server's is an accepted socket, which may have taken over a flag. */
static int meet_blocking(void)
{
    int fd = meet();

    set_blocking(fd);
    return fd;
}

/* Returns once the peer has come this far, too. */
static void both_here(void)
{
    ready();
    await_peer();
}

static void await_input(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    MUST(poll(&p, 1, -1));
}

/* --- a connection carries bytes, whole and in order ------------------------------------------------- */

PAIR(stream_small_both_ways, .requirement = "model.stream.reliable-order", .over = CONNECTION)

SERVER(stream_small_both_ways)
{
    int fd = meet();

    receives(fd, 1, 0, 10, CHUNK);
    sends(fd, 2, 0, 20, 20);
    await_end_of_peer();
}

CLIENT(stream_small_both_ways)
{
    int fd = meet();

    sends(fd, 1, 0, 10, 10);
    receives(fd, 2, 0, 20, CHUNK);
}

PAIR(stream_one_byte_after_the_other, .requirement = "model.stream.reliable-order", .over = CONNECTION)

SERVER(stream_one_byte_after_the_other)
{
    int fd = meet();

    for (size_t i = 0; i < 200; i++) {
        receives(fd, 1, i, 1, 1);
        sends(fd, 2, i, 1, 1);
    }
    await_end_of_peer();
}

CLIENT(stream_one_byte_after_the_other)
{
    int fd = meet();

    for (size_t i = 0; i < 200; i++) {
        sends(fd, 1, i, 1, 1);
        receives(fd, 2, i, 1, 1);
    }
}

CASE(stream_every_byte_value, .requirement = "model.stream.transparent", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    unsigned char all[256], got[256];
    for (int i = 0; i < 256; i++)
        all[i] = (unsigned char)i;

    for (int from = 0; from < 2; from++) {
        for (size_t sent = 0; sent < sizeof all;)
            sent += (size_t)AT_LEAST(send(j.fd[from], all + sent, sizeof all - sent, MSG_NOSIGNAL), 1);
        for (size_t n = 0; n < sizeof got;)
            n += (size_t)AT_LEAST(recv(j.fd[!from], got + n, sizeof got - n, 0), 1);
        SAME(got, all, sizeof all);
    }
}

CASE(stream_every_byte_value_alone, .requirement = "model.stream.transparent", .over = CONNECTION)
{
    struct joined j = joined_sockets();

    for (int value = 0; value < 256; value++) {
        unsigned char byte = (unsigned char)value, got = (unsigned char)~value;
        EQ(send(j.fd[1], &byte, 1, MSG_NOSIGNAL), 1);
        EQ(recv(j.fd[0], &got, 1, 0), 1);
        EQ(got, value);
    }
}

/* More than all buffers hold: the sender waits until the receiver reads, and nothing is lost by that. */
static void gives_more_than_fits(void)
{
    int fd = meet_blocking();
    size_t filled = fill_up(fd, 3), total = filled + LARGE;

    ready();
    sends(fd, 3, filled, LARGE, LARGE);
    OK(shutdown(fd, SHUT_WR));
    memcpy(my_page, &total, sizeof total);
    ready();
    await_end_of_peer();
}

static void takes_more_than_fits(void)
{
    int fd = meet_blocking();
    size_t sent;

    await_peer();
    PEER_BLOCKS_IN(send);
    size_t got = receives_until_end(fd, 3);
    await_peer();
    memcpy(&sent, peer_page, sizeof sent);
    EQ((long)got, (long)sent);
}

PAIR(stream_large_to_server, .requirement = "recv.stream.order-preserved", .over = STREAM)
SERVER(stream_large_to_server) { takes_more_than_fits(); }
CLIENT(stream_large_to_server) { gives_more_than_fits(); }

PAIR(stream_large_to_client, .requirement = "recv.stream.order-preserved", .over = STREAM)
SERVER(stream_large_to_client) { gives_more_than_fits(); }
CLIENT(stream_large_to_client) { takes_more_than_fits(); }

/* The sender has little room, so that it waits many times. */
PAIR(stream_large_from_small_buffer, .requirement = "recv.stream.order-preserved", .over = STREAM)

SERVER(stream_large_from_small_buffer)
{
    int fd = meet_blocking();

    receives(fd, 4, 0, LARGE / 4, 7000);
    receives_end(fd);
}

CLIENT(stream_large_from_small_buffer)
{
    int fd = meet_blocking(), small = 100000;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);

    sends(fd, 4, 0, LARGE / 4, LARGE);
    OK(shutdown(fd, SHUT_WR));
    await_end_of_peer();
}

PAIR(stream_odd_lengths, .requirement = "model.stream.no-record-boundaries", .over = STREAM)

SERVER(stream_odd_lengths)
{
    int fd = meet_blocking();

    size_t got = 0;
    for (unsigned i = 0; got < LARGE / 4; i++) {
        size_t n = least(odd_length(5, i, 3000), LARGE / 4 - got);
        receives(fd, 6, got, n, n);
        got += n;
    }
    receives_end(fd);
}

CLIENT(stream_odd_lengths)
{
    int fd = meet_blocking();

    size_t sent = 0;
    for (unsigned i = 0; sent < LARGE / 4; i++) {
        size_t n = least(odd_length(7, i, 5000), LARGE / 4 - sent);
        sends(fd, 6, sent, n, n);
        sent += n;
    }
    OK(shutdown(fd, SHUT_WR));
    await_end_of_peer();
}

/* The receiver has room for each send whole, so that the order of records is judged like that of bytes. */
PAIR(stream_many_sends_in_order, .requirement = "model.stream.reliable-order", .over = CONNECTION)

SERVER(stream_many_sends_in_order)
{
    int fd = meet_blocking();

    size_t total = receives_until_end(fd, 8), sent;
    await_peer();
    memcpy(&sent, peer_page, sizeof sent);
    EQ((long)total, (long)sent);
}

CLIENT(stream_many_sends_in_order)
{
    int fd = meet_blocking();
    size_t sent = 0;

    for (unsigned i = 0; i < 1000; i++) {
        size_t n = odd_length(9, i, 2000);
        sends(fd, 8, sent, n, n);
        sent += n;
    }
    OK(shutdown(fd, SHUT_WR));
    memcpy(my_page, &sent, sizeof sent);
    ready();
    await_end_of_peer();
}

/* --- both ways at once ------------------------------------------------------------------------------ */

static size_t sends_what_fits(int fd, unsigned seed, size_t from, size_t n)
{
    unsigned char bytes[CHUNK];
    size_t length = least(n - from, sizeof bytes);

    fill(bytes, length, seed, from);
    return at_once(send(fd, bytes, length, MSG_NOSIGNAL));
}

static size_t receives_what_is_there(int fd, unsigned seed, size_t from, size_t n)
{
    unsigned char bytes[CHUNK];

    size_t got = at_once(recv(fd, bytes, least(n - from, sizeof bytes), 0));
    is_of_sequence(bytes, got, seed, from);
    return got;
}

static void exchanges(int fd, unsigned mine, unsigned theirs)
{
    size_t sent = 0, received = 0;

    set_nonblocking(fd);
    while (sent < LARGE || received < LARGE) {
        struct pollfd p = {.fd = fd};
        p.events = (short)((sent < LARGE ? POLLOUT : 0) | (received < LARGE ? POLLIN : 0));
        MUST(poll(&p, 1, -1));
        if (p.revents & POLLOUT)
            sent += sends_what_fits(fd, mine, sent, LARGE);
        if (p.revents & POLLIN)
            received += receives_what_is_there(fd, theirs, received, LARGE);
        HOLDS(!(p.revents & (POLLERR | POLLNVAL)), "poll() gives 0x%x", (unsigned)p.revents);
    }
    both_here();
}

PAIR(stream_both_ways_at_once, .requirement = "model.stream.full-duplex", .over = STREAM)
SERVER(stream_both_ways_at_once) { exchanges(meet(), 10, 11); }
CLIENT(stream_both_ways_at_once) { exchanges(meet(), 11, 10); }

/* One thread waits in recv() while the other sends, and waits: neither may hold up the other. */
struct sending {
    int fd;
    unsigned seed;
};
static void *sends_large(void *argument)
{
    const struct sending *s = argument;

    sends(s->fd, s->seed, 0, LARGE, LARGE);
    return NULL;
}

static void exchanges_by_threads(unsigned mine, unsigned theirs)
{
    struct sending s = {meet_blocking(), mine};
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, sends_large, &s) == 0, "no thread");

    receives(s.fd, theirs, 0, LARGE, CHUNK);
    REQUIRE(pthread_join(thread, NULL) == 0, "no thread to wait for");
    both_here();
}

PAIR(stream_both_ways_by_threads, .requirement = "model.stream.full-duplex", .over = STREAM)
SERVER(stream_both_ways_by_threads) { exchanges_by_threads(10, 11); }
CLIENT(stream_both_ways_by_threads) { exchanges_by_threads(11, 10); }

static void *receives_ten(void *argument)
{
    const struct sending *s = argument;

    receives(s->fd, s->seed, 0, 10, CHUNK);
    return NULL;
}

CASE(stream_send_while_receiving, .requirement = "model.stream.full-duplex", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    struct sending s = {j.fd[0], 12};
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, receives_ten, &s) == 0, "no thread");
    THREAD_BLOCKS_IN(recv);

    sends(j.fd[0], 13, 0, 10, 10);
    receives(j.fd[1], 13, 0, 10, CHUNK);

    sends(j.fd[1], 12, 0, 10, 10);
    REQUIRE(pthread_join(thread, NULL) == 0, "no thread to wait for");
}

PAIR(stream_half_closed, .requirement = "rfc9293.half-close", .over = STREAM)

SERVER(stream_half_closed)
{
    int fd = meet_blocking();

    receives(fd, 14, 0, LARGE, CHUNK);
    receives_end(fd);
    sends(fd, 15, 0, LARGE, LARGE);
    OK(shutdown(fd, SHUT_WR));
    await_end_of_peer();
}

CLIENT(stream_half_closed)
{
    int fd = meet_blocking();

    sends(fd, 14, 0, LARGE, LARGE);
    OK(shutdown(fd, SHUT_WR));
    receives(fd, 15, 0, LARGE, CHUNK);
    receives_end(fd);
}

/* All that was sent arrives although its sender has closed the socket, and nobody had read before. */
PAIR(stream_close_delivers, .requirement = "rfc9293.close-delivers-buffered", .over = STREAM)

SERVER(stream_close_delivers)
{
    int fd = meet_blocking();

    await_peer();
    receives(fd, 16, 0, 4000, CHUNK);
    receives_end(fd);
}

CLIENT(stream_close_delivers)
{
    int fd = meet_blocking();

    sends(fd, 16, 0, 4000, 500);
    OK(close(fd));
    ready();
    await_end_of_peer();
}

/* --- many connections ------------------------------------------------------------------------------- */

enum { CONNECTIONS = 40, ROUNDS = 10 };

/* Each connection starts with its number, which is its sequence, too; its bytes are sent in turns with those
 * of all others, and read in another order. */
PAIR(stream_many_do_not_mix, .requirement = "model.stream.connections-apart", .over = CONNECTION)

SERVER(stream_many_do_not_mix)
{
    int listener = listening_socket(), fd[CONNECTIONS];
    bool seen[CONNECTIONS] = {false};
    ready();
    for (int i = 0; i < CONNECTIONS; i++)
        fd[i] = (int)MUST(accept(listener, NULL, NULL));
    await_peer();

    for (int i = CONNECTIONS - 1; i >= 0; i--) {
        unsigned char number;
        set_blocking(fd[i]);
        EQ(recv(fd[i], &number, 1, 0), 1);
        HOLDS(number < CONNECTIONS && !seen[number], "%u is no connection's number, or was read before",
              number);
        seen[number] = true;
        receives(fd[i], 100u + number, 0, 20 * ROUNDS, 20);
        sends(fd[i], 200u + number, 0, 20, 20);
    }
    await_end_of_peer();
}

CLIENT(stream_many_do_not_mix)
{
    int fd[CONNECTIONS];
    await_peer();
    for (int i = 0; i < CONNECTIONS; i++)
        fd[i] = connected_socket();

    for (int i = 0; i < CONNECTIONS; i++)
        EQ(send(fd[i], &(unsigned char){(unsigned char)i}, 1, MSG_NOSIGNAL), 1);
    for (size_t round = 0; round < ROUNDS; round++)
        for (int i = 0; i < CONNECTIONS; i++)
            sends(fd[i], 100u + (unsigned)i, 20 * round, 20, 20);
    ready();
    for (int i = 0; i < CONNECTIONS; i++)
        receives(fd[i], 200u + (unsigned)i, 0, 20, 20);
}

CASE(stream_directions_do_not_mix, .requirement = "model.stream.connections-apart", .over = CONNECTION)
{
    struct joined j = joined_sockets();

    sends(j.fd[0], 17, 0, 30, 30);
    sends(j.fd[1], 18, 0, 30, 30);

    receives(j.fd[0], 18, 0, 30, CHUNK);
    receives(j.fd[1], 17, 0, 30, CHUNK);
}

/* --- no boundaries ---------------------------------------------------------------------------------- */

CASE(stream_two_sends_one_receive, .requirement = "recv.stream.boundaries-ignored", .over = STREAM)
{
    struct joined j = joined_sockets();
    char got[7] = "";
    send_all(j.fd[1], "abc", 3);
    send_all(j.fd[1], "def", 3);

    EQ(recv(j.fd[0], got, 6, MSG_WAITALL), 6);
    SAME(got, "abcdef", 7);
}

CASE(stream_one_send_many_receives, .requirement = "recv.stream.boundaries-ignored", .over = STREAM)
{
    struct joined j = joined_sockets();
    send_all(j.fd[1], "abcdefghij", 10);

    for (char want = 'a'; want <= 'j'; want++) {
        char got = 0;
        EQ(recv(j.fd[0], &got, 1, 0), 1);
        EQ(got, want);
    }
}

CASE(stream_boundaries_fall_anywhere, .requirement = "recv.stream.boundaries-ignored", .over = STREAM)
{
    struct joined j = joined_sockets();
    unsigned char got[7];
    for (size_t i = 0; i < 14; i++)
        sends(j.fd[1], 19, 5 * i, 5, 5);

    for (size_t i = 0; i < 10; i++) {
        EQ(recv(j.fd[0], got, sizeof got, MSG_WAITALL), sizeof got);
        is_of_sequence(got, sizeof got, 19, i * sizeof got);
    }
}

CASE(stream_single_bytes_together, .requirement = "rfc9293.no-record-boundaries", .over = TCP)
{
    struct joined j = joined_sockets();
    unsigned char got[50];
    set_option(j.fd[1], IPPROTO_TCP, TCP_NODELAY, 1);
    sends(j.fd[1], 20, 0, sizeof got, 1);

    EQ(recv(j.fd[0], got, sizeof got, MSG_WAITALL), sizeof got);
    is_of_sequence(got, sizeof got, 20, 0);
}

CASE(stream_ends_of_records_are_no_boundary, .requirement = "recv.stream.boundaries-ignored", .over = STREAM)
{
    struct joined j = joined_sockets();
    char got[7] = "";
    if (send(j.fd[1], "abc", 3, MSG_EOR) != 3)
        UNSUPPORTED("MSG_EOR on a stream");
    send_all(j.fd[1], "def", 3);

    EQ(recv(j.fd[0], got, 6, MSG_WAITALL), 6);
    SAME(got, "abcdef", 7);
}

CASE(stream_sends_at_once, .requirement = "rfc9293.must60-no-indefinite-buffering", .over = TCP)
{
    struct joined j = joined_sockets();
    char got = 0;

    for (char byte = 'a'; byte <= 'e'; byte++) {
        EQ(send(j.fd[1], &byte, 1, MSG_NOSIGNAL), 1);
        EQ(recv(j.fd[0], &got, 1, 0), 1);
        EQ(got, byte);
    }
}

/* --- what a stream needs, and what it does not promise ---------------------------------------------- */

CASE(stream_needs_a_connection, .requirement = "model.stream.must-be-connected", .over = STREAM)
{
    int fresh = new_socket(), bound = bound_socket();
    char byte;

    EQ(send(fresh, "x", 1, MSG_NOSIGNAL), -1);
    EQ(recv(fresh, &byte, 1, 0), -1);
    EQ(send(bound, "x", 1, MSG_NOSIGNAL), -1);
    EQ(recv(bound, &byte, 1, 0), -1);
}

CASE(stream_send_succeeds_in_vain, .requirement = "send.success-not-delivery", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    char byte;

    AT_LEAST(send(j.fd[1], "data", 4, MSG_NOSIGNAL), 1);
    MUST(close(j.fd[0]));
    long got = AT_MOST(recv(j.fd[1], &byte, 1, 0), 0);
    OBSERVE("recv() where the peer closed without reading", "%s", got == 0 ? "0" : errno_name(errno));
}

CASE(stream_send_succeeds_unaccepted, .requirement = "send.success-not-delivery", .over = CONNECTION)
{
    int listener = listening_socket(), fd = new_socket();
    struct address there = address_of(listener);
    char byte;
    MUST(connect(fd, ADDR(there)));

    AT_LEAST(send(fd, "data", 4, MSG_NOSIGNAL), 1);
    MUST(close(listener));
    AT_MOST(recv(fd, &byte, 1, 0), 0);
}

CASE(stream_close_with_unread_data_resets, .requirement = "rfc9293.shld3-close-with-unread-sends-rst",
     .over = TCP)
{
    struct joined j = joined_sockets();
    char byte;
    send_all(j.fd[1], "data", 4);
    await_input(j.fd[0]);
    MUST(close(j.fd[0]));

    FAILS(recv(j.fd[1], &byte, 1, 0), ECONNRESET);
}

CASE(stream_data_after_close_resets, .requirement = "rfc9293.shld3-data-after-close-sends-rst", .over = TCP)
{
    struct joined j = joined_sockets();
    struct pollfd hung_up = {.fd = j.fd[1]};
    MUST(close(j.fd[0]));
    receives_end(j.fd[1]);

    EQ(send(j.fd[1], "x", 1, MSG_NOSIGNAL), 1);
    MUST(poll(&hung_up, 1, -1));
    FAILS(send(j.fd[1], "x", 1, MSG_NOSIGNAL), EPIPE, ECONNRESET);
}

CASE(stream_close_and_abort_differ, .requirement = "rfc9293.must12-distinguish-close-abort", .over = TCP)
{
    struct joined closing = joined_sockets(), aborting = joined_sockets();
    struct linger none = {.l_onoff = 1};
    char byte;
    MUST(setsockopt(aborting.fd[0], SOL_SOCKET, SO_LINGER, &none, sizeof none));
    MUST(close(closing.fd[0]));
    MUST(close(aborting.fd[0]));

    EQ(recv(closing.fd[1], &byte, 1, 0), 0);
    FAILS(recv(aborting.fd[1], &byte, 1, 0), ECONNRESET);
}

/* --- out-of-band data, the exception ---------------------------------------------------------------- */

static void send_urgent(int fd, const void *bytes, size_t n)
{
    ssize_t sent = send(fd, bytes, n, MSG_OOB | MSG_NOSIGNAL);

    if (sent == -1 && (errno == EOPNOTSUPP || errno == EINVAL))
        UNSUPPORTED("out-of-band data");
    REQUIRE(sent == (ssize_t)n, "send() with MSG_OOB gave %zd", sent);
}

static void await_urgent(int fd)
{
    fd_set set;

    FD_ZERO(&set);
    FD_SET(fd, &set);
    MUST(select(fd + 1, NULL, NULL, &set, NULL));
}

static void receives_urgent(int fd, char want)
{
    char got = 0;

    EQ(recv(fd, &got, 1, MSG_OOB), 1);
    EQ(got, want);
}

/* Two that are joined, with abc, the urgent byte d, and ef sent to the first. */
static struct joined with_urgent_byte(int inline_)
{
    struct joined j = joined_sockets();

    if (inline_)
        set_option(j.fd[0], SOL_SOCKET, SO_OOBINLINE, 1);
    send_all(j.fd[1], "abc", 3);
    send_urgent(j.fd[1], "d", 1);
    send_all(j.fd[1], "ef", 2);
    await_urgent(j.fd[0]);
    return j;
}

/* Receives to the mark, which is to be where the text ends. */
static void receives_to_mark(int fd, const char *text)
{
    char got[16];
    size_t n = 0;

    while (EQ(sockatmark(fd), n == strlen(text)) == 0)
        n += (size_t)AT_MOST(AT_LEAST(recv(fd, got + n, sizeof got - n, 0), 1), (long)(strlen(text) - n));
    SAME(got, text, n);
}

CASE(urgent_byte_is_apart, .requirement = "model.oob.separate-queue", .over = TCP)
{
    struct joined j = with_urgent_byte(0);

    receives_urgent(j.fd[0], 'd');
    receives_text(j.fd[0], "abcef");
}

CASE(urgent_byte_is_passed_over, .requirement = "model.oob.separate-queue", .over = TCP)
{
    struct joined j = with_urgent_byte(0);

    receives_text(j.fd[0], "abcef");
}

CASE(urgent_byte_after_data_before_mark, .requirement = "model.oob.separate-queue", .over = TCP)
{
    struct joined j = with_urgent_byte(0);

    receives_to_mark(j.fd[0], "abc");
    receives_urgent(j.fd[0], 'd');
    receives_text(j.fd[0], "ef");
}

CASE(urgent_byte_is_given_once, .requirement = "recv.msg_oob.eagain-or-einval-none", .over = TCP)
{
    struct joined j = with_urgent_byte(0);
    char byte;
    receives_urgent(j.fd[0], 'd');

    FAILS(recv(j.fd[0], &byte, 1, MSG_OOB), EINVAL, EAGAIN, EWOULDBLOCK);
    receives_text(j.fd[0], "abcef");
}

CASE(urgent_byte_where_none_is, .requirement = "recv.msg_oob.eagain-or-einval-none", .over = TCP)
{
    struct joined j = joined_sockets();
    char byte;
    send_all(j.fd[1], "abc", 3);
    await_input(j.fd[0]);

    FAILS(recv(j.fd[0], &byte, 1, MSG_OOB), EINVAL, EAGAIN, EWOULDBLOCK, EOPNOTSUPP);
    receives_text(j.fd[0], "abc");
}

CASE(urgent_byte_inline, .requirement = "sockopt.so_oobinline.inline-delivery", .over = TCP)
{
    struct joined j = with_urgent_byte(1);

    receives_text(j.fd[0], "abcdef");
}

CASE(urgent_byte_inline_is_at_the_mark, .requirement = "sockopt.so_oobinline.inline-delivery", .over = TCP)
{
    struct joined j = with_urgent_byte(1);

    receives_to_mark(j.fd[0], "abc");
    receives_text(j.fd[0], "def");
}

CASE(urgent_byte_inline_only, .requirement = "sockopt.so_oobinline.msg_oob-then-einval", .over = TCP)
{
    struct joined j = with_urgent_byte(1);
    char byte;

    ssize_t got = recv(j.fd[0], &byte, 1, MSG_OOB);
    OBSERVE("recv() with MSG_OOB where SO_OOBINLINE is set", "%s",
            got == -1 ? errno_name(errno) : "succeeds");
}

CASE(urgent_mark_is_not_crossed, .requirement = "model.oob.read-stops-at-mark", .over = TCP)
{
    struct joined j = with_urgent_byte(0);

    receives_to_mark(j.fd[0], "abc");
    receives_text(j.fd[0], "ef");
}

CASE(urgent_mark_before_data, .requirement = "sockatmark.one-at-mark", .over = TCP)
{
    struct joined j = joined_sockets();
    send_urgent(j.fd[1], "d", 1);
    await_urgent(j.fd[0]);

    EQ(sockatmark(j.fd[0]), 1);
}

CASE(urgent_mark_not_reached, .requirement = "sockatmark.zero-before-mark", .over = TCP)
{
    struct joined j = with_urgent_byte(0);

    EQ(sockatmark(j.fd[0]), 0);
    receives_text(j.fd[0], "ab");
    EQ(sockatmark(j.fd[0]), 0);
}

CASE(urgent_mark_reached, .requirement = "sockatmark.one-at-mark", .over = TCP)
{
    struct joined j = with_urgent_byte(0);
    receives_text(j.fd[0], "abc");

    EQ(sockatmark(j.fd[0]), 1);
}

CASE(urgent_mark_stays_when_asked_for, .requirement = "sockatmark.does-not-remove-mark", .over = TCP)
{
    struct joined j = with_urgent_byte(0);
    receives_text(j.fd[0], "abc");

    EQ(sockatmark(j.fd[0]), 1);
    EQ(sockatmark(j.fd[0]), 1);
}

CASE(urgent_mark_where_none_is, .requirement = "sockatmark.zero-no-mark", .over = TCP)
{
    struct joined j = joined_sockets();

    EQ(sockatmark(j.fd[0]), 0);
    send_all(j.fd[1], "abc", 3);
    await_input(j.fd[0]);
    EQ(sockatmark(j.fd[0]), 0);
}

CASE(urgent_mark_goes_with_what_follows, .requirement = "model.oob.mark-removed-by-read", .over = TCP)
{
    struct joined j = with_urgent_byte(0);
    receives_text(j.fd[0], "abc");

    receives_text(j.fd[0], "e");
    EQ(sockatmark(j.fd[0]), 0);
}

CASE(urgent_mark_stays_when_peeked, .requirement = "model.oob.peek-keeps-mark", .over = TCP)
{
    struct joined j = with_urgent_byte(0);
    char byte = 0;
    receives_text(j.fd[0], "abc");

    EQ(recv(j.fd[0], &byte, 1, MSG_PEEK), 1);
    EQ(byte, 'e');
    EQ(sockatmark(j.fd[0]), 1);
}

CASE(urgent_data_of_any_length, .requirement = "rfc9293.must31-urgent-any-length", .over = TCP)
{
    struct joined j = joined_sockets();
    unsigned char bytes[100];
    fill(bytes, sizeof bytes, 21, 0);
    set_option(j.fd[0], SOL_SOCKET, SO_OOBINLINE, 1);

    send_urgent(j.fd[1], bytes, sizeof bytes);
    receives(j.fd[0], 21, 0, sizeof bytes, CHUNK);
}

CASE(urgent_byte_is_the_last, .requirement = "rfc9293.must62-urgent-pointer", .over = TCP)
{
    struct joined j = joined_sockets();
    send_all(j.fd[1], "ab", 2);
    send_urgent(j.fd[1], "cde", 3);
    send_all(j.fd[1], "fg", 2);
    await_urgent(j.fd[0]);

    receives_to_mark(j.fd[0], "abcd");
    receives_urgent(j.fd[0], 'e');
    receives_text(j.fd[0], "fg");
}

CASE(urgent_data_is_flagged, .requirement = "recvmsg.msg_oob-flag", .over = TCP)
{
    struct joined j = with_urgent_byte(0);
    char byte = 0;
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    EQ(recvmsg(j.fd[0], &message, MSG_OOB), 1);
    EQ(byte, 'd');
    HOLDS(message.msg_flags & MSG_OOB, "MSG_OOB is not set in msg_flags, 0x%x", (unsigned)message.msg_flags);
    EQ(recvmsg(j.fd[0], &message, 0), 1);
    EQ(byte, 'a');
    HOLDS(!(message.msg_flags & MSG_OOB), "MSG_OOB is set for data that is not");
}

CASE(urgent_data_signals_the_owner, .requirement = "model.signal.sigurg-owner", .over = TCP)
{
    struct joined j = joined_sockets();
    sigset_t urgent;
    int got = 0;
    sigemptyset(&urgent);
    sigaddset(&urgent, SIGURG);
    count_signal(SIGURG);
    MUST(sigprocmask(SIG_BLOCK, &urgent, NULL));
    MUST(fcntl(j.fd[0], F_SETOWN, getpid()));
    send_all(j.fd[1], "ab", 2);
    send_urgent(j.fd[1], "c", 1);

    EQ(sigwait(&urgent, &got), 0);
    EQ(got, SIGURG);
    receives_text(j.fd[0], "ab");
}

CASE(sockatmark_bad_descriptor, .requirement = "sockatmark.ebadf", .over = TCP)
{
    int closed = new_socket();
    MUST(close(closed));

    FAILS(sockatmark(-1), EBADF);
    FAILS(sockatmark(closed), EBADF);
}

CASE(sockatmark_not_a_socket, .requirement = "sockatmark.enotty", .over = TCP)
{
    int file = (int)MUST(open("file", O_RDWR | O_CREAT, 0600)), ends[2];
    MUST(pipe(ends));

    FAILS(sockatmark(file), ENOTTY);
    FAILS(sockatmark(ends[0]), ENOTTY);
}
