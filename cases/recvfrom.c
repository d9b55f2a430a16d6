#include "sockets.h"

/* What recvfrom() promises, recvmsg() promises too: such cases are written once, for both. */
typedef ssize_t receiver(int fd, void *bytes, size_t n, int flags, struct place *from);

static ssize_t by_recvfrom(int fd, void *bytes, size_t n, int flags, struct place *from)
{
    return recvfrom(fd, bytes, n, flags, from ? &from->any : NULL, from ? &from->len : NULL);
}

static ssize_t by_recvmsg(int fd, void *bytes, size_t n, int flags, struct place *from)
{
    struct iovec part = {.iov_base = bytes, .iov_len = n};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

    if (from) {
        message.msg_name = &from->any;
        message.msg_namelen = from->len;
    }
    ssize_t got = recvmsg(fd, &message, flags);
    if (from)
        from->len = message.msg_namelen;
    return got;
}

#define RECEIVING_AS(what, id_from, id_msg, kinds)                                      \
    static void what(receiver *receive_by);                                             \
    CASE(recvfrom_##what, .requirement = id_from, .over = kinds) { what(by_recvfrom); } \
    CASE(recvmsg_##what, .requirement = id_msg, .over = kinds) { what(by_recvmsg); }    \
    static void what(receiver *receive_by)
#define RECEIVING(what, id, kinds) RECEIVING_AS(what, "recvfrom." id, "recvmsg." id, kinds)

static int not_a_socket(void) { return (int)MUST(open("file", O_RDWR | O_CREAT, 0600)); }

/* Calls that wait are interrupted, now or later. */
static void interrupt_again_and_again(void)
{
    struct itimerval often = {{.tv_usec = 5000}, {.tv_usec = 5000}};

    count_signal(SIGALRM);
    MUST(setitimer(ITIMER_REAL, &often, NULL));
}

/* A bound receiver in whose queue "hello" waits, and its sender. */
struct delivery {
    int receiver, sender;
    struct address from;
};
static struct delivery delivery(void)
{
    struct delivery d = {.receiver = bound_socket(), .sender = bound_socket()};
    struct address there = address_of(d.receiver);

    d.from = address_of(d.sender);
    MUST(sendto(d.sender, "hello", 5, 0, ADDR(there)));
    return d;
}

/* --- the source address ---------------------------------------------------------------------------- */

static void tells_the_source(receiver *receive_by)
{
    struct delivery d = delivery();
    struct place from = place_for_address();
    char got[16];

    EQ(receive_by(d.receiver, got, sizeof got, 0, &from), 5);
    SAME(got, "hello", 5);
    AT_MOST(from.len, sizeof from.bytes);
    HOLDS(same_address(address_in(&from), d.from), "another address than the sender's");
    HOLDS(untouched(&from, from.room), "bytes beyond the room were written");
}

CASE(recvfrom_tells_the_source, .requirement = "recvfrom.source-address", .over = UDP)
{
    tells_the_source(by_recvfrom);
}
CASE(recvmsg_tells_the_source, .requirement = "recvmsg.msg_name-unconnected", .over = DGRAM)
{
    tells_the_source(by_recvmsg);
}
CASE(recvfrom_tells_the_path, .requirement = "recvfrom.unix-dgram-source", .over = UNIX_DGRAM)
{
    tells_the_source(by_recvfrom);
}

RECEIVING(tells_the_length, "len-value-result", UDP)
{
    struct delivery d = delivery();
    struct place large = place_for_address(), exact = place_of(d.from.len);
    struct address there = address_of(d.receiver);
    char got[16];
    MUST(sendto(d.sender, "again", 5, 0, ADDR(there)));

    OK(receive_by(d.receiver, got, sizeof got, 0, &large));
    EQ(large.len, d.from.len);
    OK(receive_by(d.receiver, got, sizeof got, 0, &exact));
    EQ(exact.len, d.from.len);
    SAME(exact.bytes, large.bytes, d.from.len);
    HOLDS(untouched(&exact, exact.room), "bytes beyond the room were written");
}

RECEIVING(tells_each_source, "each-source", DGRAM)
{
    struct delivery d = delivery();
    int other = bound_socket();
    struct address there = address_of(d.receiver);
    char got[16];
    MUST(sendto(other, "other", 5, 0, ADDR(there)));

    for (int i = 0; i < 2; i++) {
        struct place from = place_for_address();
        EQ(receive_by(d.receiver, got, sizeof got, 0, &from), 5);
        int sender = memcmp(got, "hello", 5) == 0 ? d.sender : other;
        HOLDS(same_address(address_in(&from), address_of(sender)),
              "the address of message %d is not its sender's", i);
    }
}

RECEIVING_AS(cuts_the_source, "recvfrom.address-truncated", "recvmsg.msg_name-truncated", DGRAM)
{
    enum { ROOM = 5 };
    struct delivery d = delivery();
    struct place from = place_of(ROOM);
    char got[16];

    EQ(receive_by(d.receiver, got, sizeof got, 0, &from), 5);
    SAME(from.bytes, &d.from.storage, ROOM);
    HOLDS(untouched(&from, ROOM), "bytes beyond the room were written");
    OBSERVE("length of an address cut to 5 bytes", "%d", (int)from.len);
    AT_LEAST(from.len, ROOM);
    AT_MOST(from.len, sizeof from.bytes);
}

RECEIVING_AS(without_room_for_the_source, "recvfrom.address-truncated", "recvmsg.msg_name-truncated", DGRAM)
{
    struct delivery d = delivery();
    struct place from = place_of(0);
    char got[16];

    EQ(receive_by(d.receiver, got, sizeof got, 0, &from), 5);
    SAME(got, "hello", 5);
    HOLDS(untouched(&from, 0), "an address was written without room");
}

RECEIVING(tells_the_length_of_a_cut_source, "linux-full-length", DGRAM)
{
    struct delivery d = delivery();
    struct place from = place_of(5);
    char got[16];

    OK(receive_by(d.receiver, got, sizeof got, 0, &from));
    EQ(from.len, d.from.len);
}

RECEIVING_AS(without_address, "recvfrom.null-address", "recvmsg.msg_name-null", ANY)
{
    struct joined pair = joined_sockets();
    char got[4];
    MUST(send(pair.fd[1], "x", 1, 0));

    EQ(receive_by(pair.fd[0], got, sizeof got, 0, NULL), 1);
    SAME(got, "x", 1);
}

RECEIVING(without_a_source, "no-source-unspecified", CONNECTION)
{
    struct joined pair = joined_sockets();
    struct place from = place_of(4);
    char got[4];
    MUST(send(pair.fd[1], "x", 1, 0));

    EQ(receive_by(pair.fd[0], got, sizeof got, 0, &from), 1);
    SAME(got, "x", 1);
    HOLDS(untouched(&from, 4), "bytes beyond the room were written");
    OBSERVE("length of a connection's source", "%d", (int)from.len);
}

RECEIVING(from_an_unnamed_socket, "unix-unnamed-source", UNIX_DGRAM)
{
    int fd = bound_socket();
    struct address there = address_of(fd);
    struct place from = place_for_address();
    char got[4];
    MUST(sendto(new_socket(), "x", 1, 0, ADDR(there)));

    EQ(receive_by(fd, got, sizeof got, 0, &from), 1);
    OBSERVE("length of an unnamed source", "%d", (int)from.len);
    AT_MOST(from.len, sizeof from.bytes);
}

PAIR(recvfrom_shows_where_to_reply, .requirement = "recvfrom.reply-path", .over = DGRAM)

SERVER(recvfrom_shows_where_to_reply)
{
    int fd = bound_socket();
    struct place from = place_for_address();
    char got[16];
    ready();

    EQ(recvfrom(fd, got, sizeof got, 0, PLACE(from)), 4);
    EQ(sendto(fd, "reply", 5, 0, &from.any, from.len), 5);
    await_end_of_peer();
}

CLIENT(recvfrom_shows_where_to_reply)
{
    await_peer();
    int fd = bound_socket();
    struct address there = peers_address();
    char got[16];

    MUST(sendto(fd, "call", 4, 0, ADDR(there)));
    EQ(recv(fd, got, sizeof got, 0), 5);
    SAME(got, "reply", 5);
}

CASE(the_source_port_is_where_to_reply, .requirement = "rfc768.source-port-reply", .over = UDP)
{
    int fd = bound_socket(), unbound = new_socket();
    struct address there = address_of(fd);
    struct place from = place_for_address();
    char got[16];

    MUST(sendto(unbound, "call", 4, 0, ADDR(there)));
    EQ(recvfrom(fd, got, sizeof got, 0, PLACE(from)), 4);
    EQ(sendto(fd, "reply", 5, 0, &from.any, from.len), 5);
    EQ(recv(unbound, got, sizeof got, 0), 5);
    SAME(got, "reply", 5);
}

CASE(a_peeked_source_stays, .requirement = "recvfrom.source-address", .over = UDP)
{
    struct delivery d = delivery();
    struct place peeked = place_for_address(), from = place_for_address();
    char got[16];

    EQ(recvfrom(d.receiver, got, 1, MSG_PEEK, PLACE(peeked)), 1);
    EQ(recvfrom(d.receiver, got, sizeof got, 0, PLACE(from)), 5);
    HOLDS(same_address(address_in(&peeked), d.from), "peeking tells another address than the sender's");
    HOLDS(same_address(address_in(&from), d.from), "receiving tells another address than the sender's");
}

RECEIVING(from_a_stream, "usable-on-stream", STREAM)
{
    struct joined pair = joined_sockets();
    char got[5];
    size_t n = 0;
    send_all(pair.fd[1], "bytes", sizeof got);

    while (n < sizeof got)
        n += (size_t)AT_LEAST(receive_by(pair.fd[0], got + n, sizeof got - n, 0, NULL), 1);
    SAME(got, "bytes", sizeof got);
}

/* --- waiting --------------------------------------------------------------------------------------- */

PAIR(recvfrom_waits_for_data, .requirement = "recvfrom.blocks", .over = ANY)

SERVER(recvfrom_waits_for_data)
{
    int fd = meet();
    char got[4];

    EQ(recvfrom(fd, got, sizeof got, 0, NULL, NULL), 1);
    SAME(got, "x", 1);
}

CLIENT(recvfrom_waits_for_data)
{
    int fd = meet();
    PEER_BLOCKS_IN(recvfrom);

    MUST(send(fd, "x", 1, 0));
    await_end_of_peer();
}

PAIR(recvmsg_waits_for_data, .requirement = "recvmsg.blocks", .over = ANY)

SERVER(recvmsg_waits_for_data)
{
    int fd = meet();
    char got[4];

    EQ(by_recvmsg(fd, got, sizeof got, 0, NULL), 1);
    SAME(got, "x", 1);
}

CLIENT(recvmsg_waits_for_data)
{
    int fd = meet();
    PEER_BLOCKS_IN(recvmsg);

    MUST(send(fd, "x", 1, 0));
    await_end_of_peer();
}

PAIR(recvfrom_waits_without_connection, .requirement = "recvfrom.blocks", .over = DGRAM)

SERVER(recvfrom_waits_without_connection)
{
    int fd = bound_socket();
    struct place from = place_for_address();
    char got[4];
    ready();

    EQ(recvfrom(fd, got, sizeof got, 0, PLACE(from)), 1);
    HOLDS(same_address(address_in(&from), peers_address()), "another address than the sender's");
}

CLIENT(recvfrom_waits_without_connection)
{
    int fd = bound_socket();
    await_peer();
    struct address there = peers_address();
    PEER_BLOCKS_IN(recvfrom);

    MUST(sendto(fd, "x", 1, 0, ADDR(there)));
    await_end_of_peer();
}

/* --- errors ---------------------------------------------------------------------------------------- */

RECEIVING(without_data, "eagain", ANY)
{
    struct joined pair = joined_sockets();
    struct place from = place_for_address();
    char got[4] = "old";
    set_nonblocking(pair.fd[0]);

    FAILS(receive_by(pair.fd[0], got, sizeof got, 0, &from), EAGAIN, EWOULDBLOCK);
    FAILS(receive_by(pair.fd[0], got, sizeof got, MSG_PEEK, NULL), EAGAIN, EWOULDBLOCK);
    SAME(got, "old", 4);
}

RECEIVING(is_interrupted, "eintr", ANY)
{
    struct joined pair = joined_sockets();
    char got[4];
    interrupt_again_and_again();

    FAILS(receive_by(pair.fd[0], got, sizeof got, 0, NULL), EINTR);
    AT_LEAST(signals_counted(), 1);
}

RECEIVING(on_no_descriptor, "ebadf", ANY)
{
    int fd = new_socket();
    char got[4];
    MUST(close(fd));

    FAILS(receive_by(fd, got, sizeof got, 0, NULL), EBADF);
    FAILS(receive_by(-1, got, sizeof got, 0, NULL), EBADF);
}

RECEIVING(on_a_file, "enotsock", UNIX_STREAM | DGRAM)
{
    int file = not_a_socket();
    char got[4];

    FAILS(receive_by(file, got, sizeof got, 0, NULL), ENOTSOCK);
}

RECEIVING(before_connecting, "enotconn", CONNECTION)
{
    char got[4];

    FAILS(receive_by(new_socket(), got, sizeof got, 0, NULL), ENOTCONN);
}

RECEIVING(from_a_listener, "enotconn", CONNECTION)
{
    char got[4];

    FAILS(receive_by(listening_socket(), got, sizeof got, 0, NULL), ENOTCONN);
}

RECEIVING(urgently, "eopnotsupp", MESSAGE)
{
    struct joined pair = joined_sockets();
    char got[16];
    MUST(send(pair.fd[1], "hello", 5, 0));
    MUST(poll(&(struct pollfd){.fd = pair.fd[0], .events = POLLIN}, 1, -1));

    FAILS(receive_by(pair.fd[0], got, sizeof got, MSG_OOB, NULL), EOPNOTSUPP);
    EQ(recv(pair.fd[0], got, sizeof got, 0), 5);
}

RECEIVING(after_the_peer_has_aborted, "econnreset", TCP)
{
    struct joined pair = joined_sockets();
    struct linger abort = {.l_onoff = 1};
    char got[4];
    MUST(setsockopt(pair.fd[0], SOL_SOCKET, SO_LINGER, &abort, sizeof abort));
    MUST(close(pair.fd[0]));

    FAILS(receive_by(pair.fd[1], got, sizeof got, 0, NULL), ECONNRESET);
}

/* --- recvmsg's own --------------------------------------------------------------------------------- */

CASE(recvmsg_ignores_msg_flags, .requirement = "recvmsg.msg_flags-ignored-on-input", .over = ANY)
{
    struct joined pair = joined_sockets();
    char got[4];
    struct iovec part = {.iov_base = got, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_flags = MSG_PEEK};
    send_all(pair.fd[1], "x", 1);

    EQ(recvmsg(pair.fd[0], &message, 0), 1);
    send_all(pair.fd[1], "y", 1);
    message.msg_flags = ~0;
    EQ(recvmsg(pair.fd[0], &message, 0), 1);
    SAME(got, "y", 1);
}

CASE(recvmsg_of_no_ancillary_data, .requirement = "recvmsg.controllen-updated", .over = ANY)
{
    struct joined pair = joined_sockets();
    char got[4], control[128];
    struct iovec part = {.iov_base = got, .iov_len = sizeof got};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    memset(control, 0x5a, sizeof control);
    MUST(send(pair.fd[1], "x", 1, 0));

    EQ(recvmsg(pair.fd[0], &message, 0), 1);
    EQ(message.msg_controllen, 0);
    EQ(message.msg_flags & (MSG_CTRUNC | MSG_TRUNC | MSG_OOB), 0);
    HOLDS(CMSG_FIRSTHDR(&message) == NULL, "there is a control message");
}

CASE(recvmsg_on_a_connected_socket, .requirement = "recvmsg.msg_name-ignored-connected", .over = ANY)
{
    struct joined pair = joined_sockets();
    struct place from = place_for_address();
    char got[4];
    MUST(send(pair.fd[1], "x", 1, 0));

    EQ(by_recvmsg(pair.fd[0], got, sizeof got, 0, &from), 1);
    OBSERVE("msg_namelen on a connected socket", "%d of %d", (int)from.len, (int)from.room);
    HOLDS(untouched(&from, 0), "an address was written");
}

CASE(recvmsg_without_parts, .requirement = "recvmsg.emsgsize-iovlen-zero", .over = ANY)
{
    struct joined pair = joined_sockets();
    char got[4];
    struct iovec part = {.iov_base = got, .iov_len = sizeof got};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 0};
    MUST(send(pair.fd[1], "x", 1, 0));

    FAILS(recvmsg(pair.fd[0], &message, 0), EMSGSIZE);
}

CASE(recvmsg_of_too_many_parts, .requirement = "recvmsg.emsgsize-iovlen-max", .over = ANY)
{
    struct joined pair = joined_sockets();
    long most = sysconf(_SC_IOV_MAX);
    if (most < 0)
        UNSUPPORTED("a limit of parts");
    char got[4];
    struct iovec *parts = calloc((size_t)most + 1, sizeof *parts);
    REQUIRE(parts, "no memory");
    parts[0] = (struct iovec){.iov_base = got, .iov_len = 1};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = (size_t)most + 1};
    MUST(send(pair.fd[1], "x", 1, 0));

    FAILS(recvmsg(pair.fd[0], &message, 0), EMSGSIZE);
    EQ(recv(pair.fd[0], got, 1, 0), 1);
    SAME(got, "x", 1);
}

CASE(recvmsg_of_impossible_length, .requirement = "recvmsg.einval-iov-sum", .over = ANY)
{
    struct joined pair = joined_sockets();
    static char got[64];
    struct iovec parts[2] = {{got, SSIZE_MAX}, {got, 1}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    MUST(send(pair.fd[1], "x", 1, 0));

    FAILS(recvmsg(pair.fd[0], &message, 0), EINVAL, EFAULT);
}

/* --- several messages a call ------------------------------------------------------------------------ */

#ifdef __linux__
enum { MESSAGES = 3 };

struct batch {
    unsigned char got[MESSAGES + 2][8];
    struct iovec part[MESSAGES + 2];
    struct mmsghdr message[MESSAGES + 2];
};

static struct batch *batch(void)
{
    static struct batch b;

    for (unsigned i = 0; i < MESSAGES + 2; i++) {
        b.part[i] = (struct iovec){.iov_base = b.got[i], .iov_len = sizeof b.got[i]};
        b.message[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &b.part[i], .msg_iovlen = 1, .msg_flags = ~0},
                                        .msg_len = 77};
    }
    return &b;
}

/* Messages of 1, 2 and 3 bytes. */
static void send_messages(int fd)
{
    unsigned char bytes[MESSAGES];

    for (unsigned n = 1; n <= MESSAGES; n++) {
        fill(bytes, n, n, 0);
        MUST(send(fd, bytes, n, 0));
    }
}

static void holds_the_messages(const struct batch *b)
{
    bool seen[MESSAGES + 1] = {false};

    for (unsigned i = 0; i < MESSAGES; i++) {
        unsigned n = b->message[i].msg_len;
        HOLDS(n >= 1 && n <= MESSAGES && !seen[n], "a msg_len of %u is none of the messages', or one again",
              n);
        HOLDS(first_difference(b->got[i], n, n, 0) == n, "the message of %u bytes was changed", n);
        EQ(b->message[i].msg_hdr.msg_flags & (MSG_TRUNC | MSG_CTRUNC), 0);
        seen[n] = true;
    }
}

CASE(recvmmsg_takes_several, .requirement = "linux.recvmmsg.count-and-len", .over = MESSAGE)
{
    struct joined pair = joined_sockets();
    struct batch *b = batch();
    send_messages(pair.fd[1]);

    EQ(recvmmsg(pair.fd[0], b->message, MESSAGES, 0, NULL), MESSAGES);
    holds_the_messages(b);
    EQ(b->message[MESSAGES].msg_len, 77);
}

PAIR(recvmmsg_waits_for_all, .requirement = "linux.recvmmsg.blocks-until-vlen", .over = MESSAGE)

SERVER(recvmmsg_waits_for_all)
{
    int fd = meet();
    struct batch *b = batch();

    EQ(recvmmsg(fd, b->message, MESSAGES, 0, NULL), MESSAGES);
    holds_the_messages(b);
}

CLIENT(recvmmsg_waits_for_all)
{
    int fd = meet();
    unsigned char bytes[MESSAGES];
    for (unsigned n = 1; n <= MESSAGES; n++) {
        PEER_BLOCKS_IN(recvmmsg);
        fill(bytes, n, n, 0);
        MUST(send(fd, bytes, n, 0));
    }

    await_end_of_peer();
}

PAIR(recvmmsg_waits_for_one, .requirement = "linux.recvmmsg.waitforone", .over = MESSAGE)

SERVER(recvmmsg_waits_for_one)
{
    int fd = meet();
    struct batch *b = batch();

    EQ(recvmmsg(fd, b->message, MESSAGES, MSG_WAITFORONE, NULL), 1);
    EQ(b->message[0].msg_len, 2);
}

CLIENT(recvmmsg_waits_for_one)
{
    int fd = meet();
    PEER_BLOCKS_IN(recvmmsg);

    MUST(send(fd, "xy", 2, 0));
    await_end_of_peer();
}

CASE(recvmmsg_without_data, .requirement = "linux.recvmmsg.eagain", .over = MESSAGE)
{
    struct joined pair = joined_sockets();
    struct batch *b = batch();

    FAILS(recvmmsg(pair.fd[0], b->message, MESSAGES, MSG_DONTWAIT, NULL), EAGAIN, EWOULDBLOCK);
    FAILS(recvmmsg(-1, b->message, MESSAGES, 0, NULL), EBADF);
    FAILS(recvmmsg(not_a_socket(), b->message, MESSAGES, 0, NULL), ENOTSOCK);
}

CASE(recvmmsg_with_an_invalid_timeout, .requirement = "linux.recvmmsg.timeout-einval", .over = MESSAGE)
{
    struct joined pair = joined_sockets();
    struct batch *b = batch();
    struct timespec too_many = {.tv_nsec = 1000000000}, negative = {.tv_sec = -1};
    MUST(send(pair.fd[1], "x", 1, 0));

    FAILS(recvmmsg(pair.fd[0], b->message, 1, 0, &too_many), EINVAL);
    FAILS(recvmmsg(pair.fd[0], b->message, 1, 0, &negative), EINVAL);
}

CASE(recvmmsg_stops_after_its_timeout, .requirement = "linux.recvmmsg.timeout", .over = MESSAGE)
{
    struct joined pair = joined_sockets();
    struct batch *b = batch();
    struct timespec at_once = {.tv_nsec = 1};
    MUST(send(pair.fd[1], "xy", 2, 0));

    EQ(recvmmsg(pair.fd[0], b->message, MESSAGES, 0, &at_once), 1);
    EQ(b->message[0].msg_len, 2);
}

CASE(recvmmsg_tells_each_source, .requirement = "linux.recvmmsg.count-and-len", .over = DGRAM)
{
    int fd = bound_socket(), sender[2] = {bound_socket(), bound_socket()};
    struct address there = address_of(fd);
    struct place from[2] = {place_for_address(), place_for_address()};
    struct batch *b = batch();
    for (int i = 0; i < 2; i++) {
        MUST(sendto(sender[i], i ? "1" : "0", 1, 0, ADDR(there)));
        b->message[i].msg_hdr.msg_name = &from[i].any;
        b->message[i].msg_hdr.msg_namelen = from[i].len;
    }

    EQ(recvmmsg(fd, b->message, 2, 0, NULL), 2);
    for (int i = 0; i < 2; i++) {
        from[i].len = b->message[i].msg_hdr.msg_namelen;
        HOLDS(same_address(address_in(&from[i]), address_of(sender[b->got[i][0] - '0'])),
              "the address of message %d is not its sender's", i);
    }
}
#endif
