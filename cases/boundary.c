#include "sockets.h"

#include <netinet/udp.h>

/* Messages are told apart by their length: one of n bytes is the first n bytes of the sequence n. Those of up
 * to SURE bytes any implementation takes; a larger datagram may be refused, or lost. */
enum { SURE = 512, LARGEST = 1 << 22, BEYOND = 64 };
static unsigned char message[LARGEST + 1], received[LARGEST + BEYOND];

/* Where a record is more than one send, only the flag ends it. */
static int end_of_record(void) { return kind->type == SOCK_SEQPACKET ? MSG_EOR : 0; }

static const unsigned char *make_message(size_t n)
{
    fill(message, n, (unsigned)n, 0);
    return message;
}

static void send_message(int fd, size_t n) { MUST(send(fd, make_message(n), n, end_of_record())); }

static void is_whole(const unsigned char *bytes, size_t n)
{
    size_t at = first_difference(bytes, n, (unsigned)n, 0);

    HOLDS(at == n, "byte %zu of the message of %zu bytes was changed", at, n);
}

static void poison(size_t from) { memset(received + from, 0xa5, BEYOND); }

static void is_poison(size_t from)
{
    for (size_t i = from; i < from + BEYOND; i++)
        HOLDS(received[i] == 0xa5, "byte %zu was written, beyond the message", i);
}

static void next_is_whole(int fd, size_t n)
{
    poison(n);
    EQ(recv(fd, received, n + BEYOND, 0), (long)n);
    is_whole(received, n);
    is_poison(n);
}

static bool has_arrived(int fd)
{
    return MUST(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 200)) == 1;
}

static struct iovec part(void *bytes, size_t n) { return (struct iovec){.iov_base = bytes, .iov_len = n}; }

/* --- sizes ----------------------------------------------------------------------------------------- */

/* Each up to 65, then those around the powers of two. */
static size_t next_size(size_t n)
{
    return n < 65 || (n & (n + 1)) == 0 || (n & (n - 1)) == 0 ? n + 1 : 2 * (n - 1) - 1;
}

static void keeps_each_size(void)
{
    struct joined pair = joined_sockets();
    size_t n = 1;
    set_nonblocking(pair.fd[1]);

    for (; n <= LARGEST; n = next_size(n)) {
        long sent = send(pair.fd[1], make_message(n), n, end_of_record());
        if (sent == -1 && n > SURE)
            break;
        EQ(sent, (long)n);
        if (n > SURE && !has_arrived(pair.fd[0]))
            break;
        next_is_whole(pair.fd[0], n);
    }
    OBSERVE("no message as long as", "%zu", n);
}

CASE(datagrams_of_each_size, .requirement = "model.dgram.single-operation", .over = DGRAM)
{
    keeps_each_size();
}
CASE(records_of_each_size, .requirement = "model.seqpacket.boundaries", .over = UNIX_SEQPACKET)
{
    keeps_each_size();
}

/* The largest message that can be sent, and the errno for one byte more; none where LARGEST passes. */
static size_t find_largest(int *error)
{
    struct joined pair = joined_sockets();
    size_t low = SURE, high = LARGEST + 1;

    *error = 0;
    set_nonblocking(pair.fd[1]);
    for (size_t n = 2 * low; low + 1 < high; n = n < high ? n : low + (high - low) / 2) {
        if (send(pair.fd[1], message, n, end_of_record()) == -1) {
            *error = errno;
            high = n;
        } else {
            low = n;
            n *= 2;
            if (has_arrived(pair.fd[0]))
                MUST(recv(pair.fd[0], received, 1, 0));
        }
    }
    return *error ? low : LARGEST;
}

CASE(message_too_large_is_refused, .requirement = "send.emsgsize", .over = MESSAGE)
{
    struct joined pair = joined_sockets();
    int error;
    size_t largest = find_largest(&error);
    OBSERVE("largest message", "%zu", largest);
    if (error != EMSGSIZE)
        UNTESTED("no message up to %d bytes is too large in itself", LARGEST);

    EQ(send(pair.fd[1], make_message(largest), largest, end_of_record()), (long)largest);
    FAILS(send(pair.fd[1], message, largest + 1, end_of_record()), EMSGSIZE);
    FAILS(write(pair.fd[1], message, largest + 1), EMSGSIZE);
    FAILS(send(pair.fd[1], message, LARGEST, end_of_record()), EMSGSIZE);
}

CASE(nothing_of_a_message_too_large_is_sent, .requirement = "send.too-long-fails-whole", .over = MESSAGE)
{
    struct joined pair = joined_sockets();
    int error;
    size_t largest = find_largest(&error);
    if (error != EMSGSIZE)
        UNTESTED("no message up to %d bytes is too large in itself", LARGEST);

    EQ(send(pair.fd[1], message, largest + 1, end_of_record()), -1);
    EQ(send(pair.fd[1], message, LARGEST, end_of_record()), -1);
    send_message(pair.fd[1], 5);
    next_is_whole(pair.fd[0], 5);
}

static void largest_is_whole(void)
{
    struct joined pair = joined_sockets();
    int error;
    size_t largest = find_largest(&error);
    if (error && error != EMSGSIZE)
        UNTESTED("the first message that cannot be sent is not too large in itself");

    send_message(pair.fd[1], largest);
    next_is_whole(pair.fd[0], largest);
    send_message(pair.fd[1], largest - 1);
    next_is_whole(pair.fd[0], largest - 1);
}

CASE(largest_record_is_whole, .requirement = "model.seqpacket.reliable-order", .over = UNIX_SEQPACKET)
{
    largest_is_whole();
}
CASE(largest_unix_datagram_is_whole, .requirement = "model.dgram.unix-reliable", .over = UNIX_DGRAM)
{
    largest_is_whole();
}

CASE(udp_of_65507_bytes_over_ipv4, .requirement = "linux.udp.max-payload", .over = INET_DGRAM)
{
    struct joined pair = joined_sockets();

    EQ(send(pair.fd[1], make_message(65507), 65507, 0), 65507);
    next_is_whole(pair.fd[0], 65507);
}

CASE(udp_of_65527_bytes_over_ipv6, .requirement = "linux.udp.max-payload", .over = INET6_DGRAM)
{
    struct joined pair = joined_sockets();

    FAILS(send(pair.fd[1], message, 65528, 0), EMSGSIZE);
    EQ(send(pair.fd[1], make_message(65527), 65527, 0), 65527);
    next_is_whole(pair.fd[0], 65527);
}

CASE(udp_of_65508_bytes_over_ipv4, .requirement = "rfc768.largest-payload", .over = INET_DGRAM)
{
    struct joined pair = joined_sockets();

    FAILS(send(pair.fd[1], message, 65508, 0), EMSGSIZE);
    FAILS(send(pair.fd[1], message, 65536, 0), EMSGSIZE);
    FAILS(send(pair.fd[1], message, 65536 + 5, 0), EMSGSIZE);
    send_message(pair.fd[1], 5);
    next_is_whole(pair.fd[0], 5);
}

/* --- several in a row ------------------------------------------------------------------------------ */

static const size_t row[] = {5, 1, 300, 2, 64};
enum { IN_ROW = sizeof row / sizeof *row };

static bool of_the_row(size_t n)
{
    for (int i = 0; i < IN_ROW; i++)
        if (row[i] == n)
            return true;
    return false;
}

/* Datagrams may be lost, doubled or overtake each other; but what arrives is one that was sent. */
CASE(datagrams_do_not_merge, .requirement = "recv.dgram.one-message", .over = DGRAM)
{
    struct joined pair = joined_sockets();
    int arrived = 0;
    for (int i = 0; i < IN_ROW; i++)
        send_message(pair.fd[1], row[i]);

    do {
        size_t n = (size_t)OK(recv(pair.fd[0], received, sizeof received, 0));
        HOLDS(of_the_row(n), "no message of %zu bytes was sent", n);
        is_whole(received, n);
        arrived++;
    } while (arrived < IN_ROW && has_arrived(pair.fd[0]));
    OBSERVE("arrived of 5 datagrams", "%d", arrived);
}

static void are_one_by_one(int flags)
{
    struct joined pair = joined_sockets();
    for (int i = 0; i < IN_ROW; i++)
        send_message(pair.fd[1], row[i]);

    for (int i = 0; i < IN_ROW; i++) {
        EQ(recv(pair.fd[0], received, sizeof received, flags), (long)row[i]);
        is_whole(received, row[i]);
    }
}

CASE(records_do_not_merge, .requirement = "recv.seqpacket.one-record", .over = UNIX_SEQPACKET)
{
    are_one_by_one(0);
}
CASE(unix_datagrams_are_one_by_one, .requirement = "linux.unix.messages-in-order",
     .over = UNIX_DGRAM | UNIX_SEQPACKET)
{
    are_one_by_one(0);
}
CASE(records_end_a_receive_for_all, .requirement = "recv.msg_waitall.less-on-message-socket",
     .over = UNIX_SEQPACKET)
{
    are_one_by_one(MSG_WAITALL);
}

CASE(datagram_ends_a_receive_for_all, .requirement = "recv.msg_waitall.less-on-message-socket", .over = DGRAM)
{
    struct joined pair = joined_sockets();

    for (size_t n = 1; n < 4; n++) {
        send_message(pair.fd[1], n);
        EQ(recv(pair.fd[0], received, sizeof received, MSG_WAITALL), (long)n);
    }
}

/* Each call that sends, against each that receives. */

static ssize_t by_send(int fd, const void *b, size_t n) { return send(fd, b, n, 0); }
static ssize_t by_sendto(int fd, const void *b, size_t n) { return sendto(fd, b, n, 0, NULL, 0); }
static ssize_t by_writev(int fd, const void *b, size_t n)
{
    return writev(fd, (struct iovec[]){part((void *)(uintptr_t)b, n)}, 1);
}
static ssize_t by_sendmsg(int fd, const void *b, size_t n)
{
    struct iovec parts[] = {part((void *)(uintptr_t)b, n)};

    return sendmsg(fd, &(struct msghdr){.msg_iov = parts, .msg_iovlen = 1}, 0);
}
static ssize_t by_write(int fd, const void *b, size_t n) { return write(fd, b, n); }

static ssize_t by_recv(int fd, void *b, size_t n) { return recv(fd, b, n, 0); }
static ssize_t by_recvfrom(int fd, void *b, size_t n) { return recvfrom(fd, b, n, 0, NULL, NULL); }
static ssize_t by_read(int fd, void *b, size_t n) { return read(fd, b, n); }
static ssize_t by_readv(int fd, void *b, size_t n) { return readv(fd, (struct iovec[]){part(b, n)}, 1); }
static ssize_t by_recvmsg(int fd, void *b, size_t n)
{
    struct iovec parts[] = {part(b, n)};

    return recvmsg(fd, &(struct msghdr){.msg_iov = parts, .msg_iovlen = 1}, 0);
}

static const struct {
    const char *name;
    ssize_t (*call)(int fd, const void *bytes, size_t n);
} sends[] = {{"send", by_send},
             {"sendto", by_sendto},
             {"sendmsg", by_sendmsg},
             {"write", by_write},
             {"writev", by_writev}};
static const struct {
    const char *name;
    ssize_t (*call)(int fd, void *bytes, size_t n);
} receives[] = {{"recv", by_recv},
                {"recvfrom", by_recvfrom},
                {"recvmsg", by_recvmsg},
                {"read", by_read},
                {"readv", by_readv}};
enum { WAYS = 5 };

static void by_each_call(void)
{
    struct joined pair = joined_sockets();

    for (size_t way = 0; way < WAYS * WAYS; way++) {
        size_t n = way + 1, s = way / WAYS, r = way % WAYS;
        long sent = sends[s].call(pair.fd[1], make_message(n), n);
        HOLDS(sent == (long)n, "%s() of %zu bytes gave %ld", sends[s].name, n, sent);
        poison(n);
        long got = receives[r].call(pair.fd[0], received, n + BEYOND);
        HOLDS(got == (long)n, "%s() of what %s() sent, %zu bytes, gave %ld", receives[r].name, sends[s].name,
              n, got);
        is_whole(received, n);
        is_poison(n);
    }
}

CASE(datagrams_by_each_call, .requirement = "model.dgram.single-operation", .over = DGRAM) { by_each_call(); }
CASE(records_by_each_call, .requirement = "model.seqpacket.boundaries", .over = UNIX_SEQPACKET)
{
    by_each_call();
}

/* --- empty messages -------------------------------------------------------------------------------- */

static void empty_message_arrives(void)
{
    struct joined pair = joined_sockets();
    memset(received, 0xa5, BEYOND);

    EQ(send(pair.fd[1], message, 0, 0), 0);
    EQ(recv(pair.fd[0], received, BEYOND, 0), 0);
    is_poison(0);
    send_message(pair.fd[1], 3);
    next_is_whole(pair.fd[0], 3);
    EQ(sendmsg(pair.fd[1], &(struct msghdr){.msg_iov = (struct iovec[]){part(message, 0)}, .msg_iovlen = 1},
               0),
       0);
    EQ(recv(pair.fd[0], received, BEYOND, 0), 0);
}

CASE(empty_datagram_over_udp, .requirement = "rfc768.length-zero-payload", .over = UDP)
{
    empty_message_arrives();
}
CASE(empty_datagram, .requirement = "recv.dgram.zero-length-message", .over = DGRAM)
{
    empty_message_arrives();
}

CASE(empty_datagrams_count, .requirement = "recv.dgram.zero-length-message", .over = UNIX_DGRAM)
{
    struct joined pair = joined_sockets();
    for (int i = 0; i < 3; i++)
        MUST(send(pair.fd[1], message, 0, 0));
    send_message(pair.fd[1], 7);

    for (int i = 0; i < 3; i++)
        EQ(recv(pair.fd[0], received, BEYOND, 0), 0);
    next_is_whole(pair.fd[0], 7);
    set_nonblocking(pair.fd[0]);
    FAILS(recv(pair.fd[0], received, BEYOND, 0), EAGAIN, EWOULDBLOCK);
}

CASE(empty_datagram_has_a_source, .requirement = "rfc768.length-zero-payload", .over = UDP)
{
    int fd = bound_socket(), sender = bound_socket();
    struct address there = address_of(fd);
    struct place from = place_for_address();

    EQ(sendto(sender, NULL, 0, 0, ADDR(there)), 0);
    EQ(recvfrom(fd, received, BEYOND, 0, PLACE(from)), 0);
    HOLDS(same_address(address_in(&from), address_of(sender)), "another address than the sender's");
}

PAIR(empty_datagram_is_no_end, .requirement = "recv.dgram.zero-not-eof", .over = DGRAM)

SERVER(empty_datagram_is_no_end)
{
    int fd = meet();
    EQ(recv(fd, received, BEYOND, 0), 0);
    ready();

    EQ(recv(fd, received, BEYOND, 0), 2);
}

CLIENT(empty_datagram_is_no_end)
{
    int fd = meet();
    PEER_BLOCKS_IN(recv);
    MUST(send(fd, message, 0, 0));
    await_peer();

    PEER_BLOCKS_IN(recv);
    send_message(fd, 2);
    await_end_of_peer();
}

CASE(closing_a_peer_is_no_end, .requirement = "recv.dgram.zero-not-eof", .over = DGRAM)
{
    int fd = bound_socket(), sender = new_socket();
    struct address there = address_of(fd);
    MUST(sendto(sender, message, 1, 0, ADDR(there)));
    MUST(close(sender));

    EQ(recv(fd, received, BEYOND, 0), 1);
    set_nonblocking(fd);
    FAILS(recv(fd, received, BEYOND, 0), EAGAIN, EWOULDBLOCK);
}

CASE(empty_record, .requirement = "model.seqpacket.empty-record", .over = UNIX_SEQPACKET)
{
    struct joined pair = joined_sockets();

    OBSERVE("sending an empty record", "%ld", (long)send(pair.fd[1], message, 0, MSG_EOR));
    send_message(pair.fd[1], 3);
    long first = OK(recv(pair.fd[0], received, BEYOND, 0));
    OBSERVE("an empty record", "%s", first == 0 ? "is received" : "is nothing");
    if (first == 0)
        first = OK(recv(pair.fd[0], received, BEYOND, 0));
    EQ(first, 3);
    is_whole(received, 3);
}

CASE(write_of_nothing, .requirement = "write.zero-length-message", .over = MESSAGE)
{
    struct joined pair = joined_sockets();

    OBSERVE("write() of 0 bytes", "%ld", (long)write(pair.fd[1], message, 0));
    send_message(pair.fd[1], 3);
    OBSERVE("write() of 0 bytes sends a message", "%s",
            MUST(recv(pair.fd[0], received, BEYOND, 0)) ? "no" : "yes");
}

CASE(read_of_nothing_keeps_a_datagram, .requirement = "linux.read.zero-count-dgram-keeps", .over = DGRAM)
{
    struct joined pair = joined_sockets();
    MUST(send(pair.fd[1], message, 0, 0));

    EQ(read(pair.fd[0], received, 0), 0);
    EQ(recv(pair.fd[0], received, BEYOND, 0), 0);
    set_nonblocking(pair.fd[0]);
    FAILS(recv(pair.fd[0], received, BEYOND, 0), EAGAIN, EWOULDBLOCK);
}

CASE(receive_into_no_room, .requirement = "recv.zero-length-buffer-dgram", .over = MESSAGE)
{
    struct joined pair = joined_sockets();
    send_message(pair.fd[1], 3);

    OBSERVE("recv() into 0 bytes", "%ld", (long)recv(pair.fd[0], received, 0, 0));
    send_message(pair.fd[1], 4);
    OBSERVE("recv() into 0 bytes takes the message", "%s",
            MUST(recv(pair.fd[0], received, BEYOND, 0)) == 3 ? "no" : "yes");
}

/* --- a buffer that is too small -------------------------------------------------------------------- */

CASE(excess_is_discarded, .requirement = "recv.dgram.excess-discarded", .over = MESSAGE)
{
    struct joined pair = joined_sockets();

    for (size_t r = 0; r < WAYS; r++) {
        send_message(pair.fd[1], 100);
        poison(40);
        long got = receives[r].call(pair.fd[0], received, 40);
        HOLDS(got == 40, "%s() of 40 of 100 bytes gave %ld", receives[r].name, got);
        HOLDS(first_difference(received, 40, 100, 0) == 40, "%s() gave other bytes", receives[r].name);
        is_poison(40);
        send_message(pair.fd[1], 50 + r);
        next_is_whole(pair.fd[0], 50 + r);
    }
}

CASE(excess_of_a_large_message_is_discarded, .requirement = "recv.dgram.excess-discarded", .over = MESSAGE)
{
    struct joined pair = joined_sockets();
    send_message(pair.fd[1], SURE);
    send_message(pair.fd[1], SURE);

    EQ(recv(pair.fd[0], received, 1, 0), 1);
    SAME(received, make_message(SURE), 1);
    next_is_whole(pair.fd[0], SURE);
    set_nonblocking(pair.fd[0]);
    FAILS(recv(pair.fd[0], received, BEYOND, 0), EAGAIN, EWOULDBLOCK);
}

/* Receives into `room` bytes by recvmsg(), and gives its msg_flags. */
static int flags_of_receive(int fd, size_t room, int flags, long want)
{
    struct iovec parts[] = {part(received, room / 2), part(received + room / 2, room - room / 2)};
    struct msghdr m = {.msg_iov = parts, .msg_iovlen = 2, .msg_flags = ~0};

    EQ(recvmsg(fd, &m, flags), want);
    return m.msg_flags;
}

CASE(truncation_is_told, .requirement = "recvmsg.msg_trunc", .over = MESSAGE)
{
    struct joined pair = joined_sockets();

    for (size_t room = 1; room < 10; room++) {
        send_message(pair.fd[1], 10);
        EQ(flags_of_receive(pair.fd[0], room, 0, (long)room) & MSG_TRUNC, MSG_TRUNC);
        HOLDS(first_difference(received, room, 10, 0) == room, "other bytes in a room of %zu", room);
    }
}

CASE(no_truncation_is_told, .requirement = "recvmsg.msg_trunc-clear", .over = MESSAGE)
{
    struct joined pair = joined_sockets();

    for (size_t room = 10; room < 20; room++) {
        send_message(pair.fd[1], 10);
        EQ(flags_of_receive(pair.fd[0], room, 0, 10) & (MSG_TRUNC | MSG_CTRUNC), 0);
        is_whole(received, 10);
    }
}

CASE(truncation_of_a_peek_is_told, .requirement = "recvmsg.msg_trunc", .over = MESSAGE)
{
    struct joined pair = joined_sockets();
    send_message(pair.fd[1], 10);

    EQ(flags_of_receive(pair.fd[0], 4, MSG_PEEK, 4) & MSG_TRUNC, MSG_TRUNC);
    EQ(flags_of_receive(pair.fd[0], 10, MSG_PEEK, 10) & MSG_TRUNC, 0);
    EQ(flags_of_receive(pair.fd[0], 9, 0, 9) & MSG_TRUNC, MSG_TRUNC);
}

CASE(real_length_is_given, .requirement = "linux.recv.msg_trunc-real-length", .over = MESSAGE)
{
    struct joined pair = joined_sockets();

    for (size_t room = 0; room <= 12; room++) {
        send_message(pair.fd[1], 10);
        poison(room);
        EQ(recv(pair.fd[0], received, room, MSG_TRUNC), 10);
        HOLDS(first_difference(received, room < 10 ? room : 10, 10, 0) == (room < 10 ? room : 10),
              "other bytes");
        is_poison(room);
    }
    send_message(pair.fd[1], 5);
    next_is_whole(pair.fd[0], 5);
}

CASE(real_length_of_a_peek, .requirement = "linux.recv.msg_trunc-real-length", .over = MESSAGE)
{
    struct joined pair = joined_sockets();
    send_message(pair.fd[1], 300);

    EQ(recv(pair.fd[0], NULL, 0, MSG_PEEK | MSG_TRUNC), 300);
    EQ(flags_of_receive(pair.fd[0], 8, MSG_PEEK | MSG_TRUNC, 300) & MSG_TRUNC, MSG_TRUNC);
    EQ(recvfrom(pair.fd[0], received, 8, MSG_PEEK | MSG_TRUNC, NULL, NULL), 300);
    next_is_whole(pair.fd[0], 300);
}

/* --- peeking --------------------------------------------------------------------------------------- */

CASE(peeking_keeps_the_message, .requirement = "recv.msg_peek.message-not-consumed", .over = MESSAGE)
{
    struct joined pair = joined_sockets();
    send_message(pair.fd[1], 9);
    send_message(pair.fd[1], 9);

    for (int i = 0; i < 3; i++) {
        EQ(recv(pair.fd[0], received, BEYOND, MSG_PEEK), 9);
        is_whole(received, 9);
        memset(received, 0, 9);
    }
    next_is_whole(pair.fd[0], 9);
    next_is_whole(pair.fd[0], 9);
    set_nonblocking(pair.fd[0]);
    FAILS(recv(pair.fd[0], received, BEYOND, MSG_PEEK), EAGAIN, EWOULDBLOCK);
}

CASE(short_peek_discards_nothing, .requirement = "recv.msg_peek.dgram-truncation-not-discarding",
     .over = MESSAGE)
{
    struct joined pair = joined_sockets();
    send_message(pair.fd[1], 100);

    EQ(recv(pair.fd[0], received, 1, MSG_PEEK), 1);
    EQ(recv(pair.fd[0], received, 50, MSG_PEEK), 50);
    HOLDS(first_difference(received, 50, 100, 0) == 50, "the second peek does not begin at the first byte");
    next_is_whole(pair.fd[0], 100);
}

PAIR(peeking_waits_for_a_message, .requirement = "recv.msg_peek.message-not-consumed", .over = MESSAGE)

SERVER(peeking_waits_for_a_message)
{
    int fd = meet();

    EQ(recv(fd, received, BEYOND, MSG_PEEK), 4);
    next_is_whole(fd, 4);
}

CLIENT(peeking_waits_for_a_message)
{
    int fd = meet();
    PEER_BLOCKS_IN(recv);

    send_message(fd, 4);
    await_end_of_peer();
}

/* --- messages of several parts --------------------------------------------------------------------- */

CASE(parts_are_one_message, .requirement = "sendmsg.gather", .over = MESSAGE)
{
    struct joined pair = joined_sockets();
    make_message(20);
    struct iovec parts[] = {part(message, 1), part(message + 1, 12), part(message + 13, 7)};
    struct msghdr m = {.msg_iov = parts, .msg_iovlen = 3};

    EQ(sendmsg(pair.fd[1], &m, end_of_record()), 20);
    next_is_whole(pair.fd[0], 20);
    EQ(writev(pair.fd[1], parts, 3), 20);
    next_is_whole(pair.fd[0], 20);
    set_nonblocking(pair.fd[0]);
    FAILS(recv(pair.fd[0], received, BEYOND, 0), EAGAIN, EWOULDBLOCK);
}

CASE(empty_parts_are_nothing, .requirement = "sendmsg.gather-zero-length-elements", .over = MESSAGE)
{
    struct joined pair = joined_sockets();
    make_message(5);
    struct iovec parts[] = {part(NULL, 0), part(message, 2), part(message, 0), part(message + 2, 3),
                            part(message, 0)};
    struct msghdr m = {.msg_iov = parts, .msg_iovlen = 5};

    EQ(sendmsg(pair.fd[1], &m, end_of_record()), 5);
    next_is_whole(pair.fd[0], 5);
    EQ(writev(pair.fd[1], parts, 5), 5);
    next_is_whole(pair.fd[0], 5);
}

CASE(empty_parts_only, .requirement = "rfc768.length-zero-payload", .over = UDP)
{
    struct joined pair = joined_sockets();
    struct iovec parts[] = {part(message, 0), part(message + 1, 0)};

    EQ(sendmsg(pair.fd[1], &(struct msghdr){.msg_iov = parts, .msg_iovlen = 2}, 0), 0);
    EQ(recv(pair.fd[0], received, BEYOND, 0), 0);
}

static size_t most_parts(void)
{
    long most = sysconf(_SC_IOV_MAX);

    return most < 0 ? 1024 : most > 4096 ? 4096 : (size_t)most;
}

CASE(as_many_parts_as_may_be, .requirement = "sendmsg.gather", .over = MESSAGE)
{
    struct joined pair = joined_sockets();
    size_t n = most_parts();
    struct iovec *parts = calloc(n, sizeof *parts);
    REQUIRE(parts, "no memory");
    make_message(SURE);
    for (size_t i = 0; i < n; i++)
        parts[i] = part(message + i * SURE / n, (i + 1) * SURE / n - i * SURE / n);
    struct msghdr m = {.msg_iov = parts};

    m.msg_iovlen = n;
    EQ(sendmsg(pair.fd[1], &m, end_of_record()), SURE);
    next_is_whole(pair.fd[0], SURE);
}

/* Parts of 1, 0, 3 and 8 bytes, each between poison. */
enum { PARTS = 4, STEP = 16 };
static const size_t part_sizes[PARTS] = {1, 0, 3, 8};

static struct iovec *poisoned_parts(void)
{
    static struct iovec parts[PARTS];

    memset(received, 0xa5, (PARTS + 1) * STEP);
    for (int i = 0; i < PARTS; i++)
        parts[i] = part(received + i * STEP + 4, part_sizes[i]);
    return parts;
}

/* The parts hold these n bytes, each filled before the next, and nothing else was written. */
static void parts_hold(size_t n)
{
    unsigned char want[(PARTS + 1) * STEP];
    size_t from = 0;

    memset(want, 0xa5, sizeof want);
    for (int i = 0; i < PARTS; i++)
        for (size_t at = 0; at < part_sizes[i] && from < n; at++, from++)
            want[(size_t)i * STEP + 4 + at] = byte_at((unsigned)n, from);
    SAME(received, want, sizeof want);
}

CASE(parts_are_filled_in_order, .requirement = "recvmsg.scatter", .over = MESSAGE)
{
    struct joined pair = joined_sockets();

    for (size_t n = 1; n <= 12; n++) {
        struct msghdr m = {.msg_iov = poisoned_parts(), .msg_iovlen = PARTS};
        send_message(pair.fd[1], n);
        EQ(recvmsg(pair.fd[0], &m, 0), (long)n);
        parts_hold(n);
        EQ(m.msg_flags & MSG_TRUNC, 0);
    }
}

CASE(parts_are_filled_in_order_by_readv, .requirement = "readv.scatter-message", .over = MESSAGE)
{
    struct joined pair = joined_sockets();

    for (size_t n = 1; n <= 12; n++) {
        struct iovec *parts = poisoned_parts();
        send_message(pair.fd[1], n);
        EQ(readv(pair.fd[0], parts, PARTS), (long)n);
        parts_hold(n);
    }
}

CASE(parts_that_are_too_small, .requirement = "recvmsg.msg_trunc", .over = MESSAGE)
{
    struct joined pair = joined_sockets();
    struct msghdr m = {.msg_iov = poisoned_parts(), .msg_iovlen = PARTS};
    send_message(pair.fd[1], 13);

    EQ(recvmsg(pair.fd[0], &m, 0), 12);
    EQ(m.msg_flags & MSG_TRUNC, MSG_TRUNC);
    send_message(pair.fd[1], 2);
    next_is_whole(pair.fd[0], 2);
}

/* --- a message of several calls -------------------------------------------------------------------- */

#ifdef __linux__
CASE(more_makes_one_datagram, .requirement = "linux.udp.msg_more", .over = UDP)
{
    struct joined pair = joined_sockets();
    make_message(12);

    EQ(send(pair.fd[1], message, 4, MSG_MORE), 4);
    EQ(send(pair.fd[1], message + 4, 5, MSG_MORE), 5);
    EQ(recv(pair.fd[0], received, BEYOND, MSG_DONTWAIT), -1);
    EQ(send(pair.fd[1], message + 9, 3, 0), 3);
    next_is_whole(pair.fd[0], 12);
}

CASE(cork_makes_one_datagram, .requirement = "linux.udp.cork", .over = UDP)
{
    struct joined pair = joined_sockets();
    make_message(12);
    set_option(pair.fd[1], IPPROTO_UDP, UDP_CORK, 1);

    EQ(send(pair.fd[1], message, 4, 0), 4);
    EQ(send(pair.fd[1], message + 4, 8, 0), 8);
    EQ(recv(pair.fd[0], received, BEYOND, MSG_DONTWAIT), -1);
    set_option(pair.fd[1], IPPROTO_UDP, UDP_CORK, 0);
    next_is_whole(pair.fd[0], 12);
}
#endif

CASE(record_of_two_calls, .requirement = "model.seqpacket.record-by-many-ops", .over = UNIX_SEQPACKET)
{
    struct joined pair = joined_sockets();
    make_message(10);
    MUST(send(pair.fd[1], message, 4, 0));
    MUST(send(pair.fd[1], message + 4, 6, MSG_EOR));

    long first = OK(recv(pair.fd[0], received, BEYOND, 0));
    OBSERVE("two calls before MSG_EOR", "%s", first == 4 ? "two records" : "one record");
    HOLDS(first >= 1 && first <= 10, "a record of 10 bytes, sent in two calls, gave %ld", first);
    HOLDS(first_difference(received, (size_t)first, 10, 0) == (size_t)first, "other bytes");
}

/* --- records --------------------------------------------------------------------------------------- */

CASE(end_of_record_is_told, .requirement = "recvmsg.msg_eor", .over = UNIX_SEQPACKET)
{
    struct joined pair = joined_sockets();
    send_message(pair.fd[1], 10);

    EQ(flags_of_receive(pair.fd[0], 20, 0, 10) & MSG_EOR, MSG_EOR);
}

enum { RECORDS = 500 };
static size_t size_of_record(size_t i) { return i * 7919 % 3000 + 1; }

PAIR(records_are_complete_and_in_order, .requirement = "model.seqpacket.reliable-order",
     .over = UNIX_SEQPACKET)

SERVER(records_are_complete_and_in_order)
{
    int fd = meet();

    for (size_t i = 0; i < RECORDS; i++)
        next_is_whole(fd, size_of_record(i));
    EQ(recv(fd, received, BEYOND, 0), 0);
    EQ(recv(fd, received, BEYOND, 0), 0);
}

CLIENT(records_are_complete_and_in_order)
{
    int fd = meet();

    for (size_t i = 0; i < RECORDS; i++)
        EQ(send(fd, make_message(size_of_record(i)), size_of_record(i), MSG_EOR), (long)size_of_record(i));
}

PAIR(records_go_both_ways, .requirement = "model.seqpacket.reliable-order", .over = UNIX_SEQPACKET)

SERVER(records_go_both_ways)
{
    int fd = meet();

    for (size_t i = 0; i < 50; i++) {
        next_is_whole(fd, size_of_record(i));
        send_message(fd, size_of_record(i + 1));
    }
}

CLIENT(records_go_both_ways)
{
    int fd = meet();

    for (size_t i = 0; i < 50; i++) {
        send_message(fd, size_of_record(i));
        next_is_whole(fd, size_of_record(i + 1));
    }
}

CASE(half_of_a_record_connection_ends, .requirement = "model.seqpacket.end", .over = UNIX_SEQPACKET)
{
    struct joined pair = joined_sockets();
    send_message(pair.fd[1], 6);
    MUST(shutdown(pair.fd[1], SHUT_WR));

    EQ(flags_of_receive(pair.fd[0], 4, 0, 4) & MSG_TRUNC, MSG_TRUNC);
    EQ(flags_of_receive(pair.fd[0], 4, 0, 0) & MSG_TRUNC, 0);
    EQ(recv(pair.fd[0], received, BEYOND, 0), 0);
    send_message(pair.fd[0], 8);
    next_is_whole(pair.fd[1], 8);
}

PAIR(records_need_a_connection, .requirement = "model.seqpacket.connection-oriented", .over = UNIX_SEQPACKET)

SERVER(records_need_a_connection)
{
    int listener = listening_socket();
    ready();

    int fd = (int)OK(accept(listener, NULL, NULL));
    NOT(fd, listener);
    next_is_whole(fd, 3);
    send_message(fd, 4);
    EQ(recv(fd, received, BEYOND, 0), 0);
}

CLIENT(records_need_a_connection)
{
    int fd = new_socket();
    await_peer();
    struct address there = peers_address();

    EQ(send(fd, message, 3, MSG_NOSIGNAL), -1);
    OK(connect(fd, ADDR(there)));
    send_message(fd, 3);
    next_is_whole(fd, 4);
}
