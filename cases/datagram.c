#include "sockets.h"

#include <pthread.h>
#ifdef __linux__
#include <linux/errqueue.h>
#endif

/* The result of a call, or its errno as a negative number. */
static long outcome(long got) { return got == -1 ? -errno : got; }

static void send_to(int fd, const char *text, struct address there)
{
    MUST(sendto(fd, text, strlen(text), 0, ADDR(there)));
}

/* The next message of the socket is this text, from this address. */
static void next_is(int fd, const char *text, struct address sender)
{
    struct place from = place_for_address();
    char got[64];

    EQ(recvfrom(fd, got, sizeof got, 0, PLACE(from)), (long)strlen(text));
    SAME(got, text, strlen(text));
    HOLDS(same_address(address_in(&from), sender), "\"%s\" came from another address", text);
}

static void nothing_is_left(int fd)
{
    char got[64];

    set_nonblocking(fd);
    FAILS(recv(fd, got, sizeof got, 0), EAGAIN, EWOULDBLOCK);
}

static bool is_within(int fd, int milliseconds)
{
    return MUST(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, milliseconds)) == 1;
}

/* --- without a connection -------------------------------------------------------------------------- */

PAIR(a_call_and_its_reply, .requirement = "model.dgram.connectionless", .over = DGRAM)

SERVER(a_call_and_its_reply)
{
    int fd = bound_socket();
    ready();
    await_peer();
    struct address there = peers_address();

    next_is(fd, "call", there);
    EQ(sendto(fd, "reply", 5, 0, ADDR(there)), 5);
    await_end_of_peer();
}

CLIENT(a_call_and_its_reply)
{
    int fd = bound_socket();
    await_peer();
    ready();
    struct address there = peers_address();

    EQ(sendto(fd, "call", 4, 0, ADDR(there)), 4);
    next_is(fd, "reply", there);
    FAILS(getpeername(fd, &there.any, &there.len), ENOTCONN);
}

CASE(one_socket_to_many, .requirement = "model.dgram.connectionless", .over = DGRAM)
{
    int fd = bound_socket(), receiver[3] = {bound_socket(), bound_socket(), bound_socket()};
    static const char *const text[] = {"first", "second", "third"};
    for (int i = 0; i < 3; i++)
        send_to(fd, text[i], address_of(receiver[i]));

    for (int i = 2; i >= 0; i--)
        next_is(receiver[i], text[i], address_of(fd));
    for (int i = 0; i < 3; i++)
        nothing_is_left(receiver[i]);
}

CASE(many_sockets_to_one, .requirement = "model.dgram.many-senders", .over = DGRAM)
{
    int fd = bound_socket(), sender[3] = {bound_socket(), bound_socket(), bound_socket()};
    bool seen[3] = {false};
    for (int i = 0; i < 3; i++)
        send_to(sender[i], (char[]){(char)('0' + i), '\0'}, address_of(fd));

    for (int i = 0; i < 3; i++) {
        struct place from = place_for_address();
        char got[4];
        EQ(recvfrom(fd, got, sizeof got, 0, PLACE(from)), 1);
        int n = got[0] - '0';
        HOLDS(n >= 0 && n < 3 && !seen[n], "'%c' is none of the messages, or one again", got[0]);
        HOLDS(same_address(address_in(&from), address_of(sender[n])), "another address than the sender's");
        seen[n] = true;
    }
}

CASE(a_socket_to_itself, .requirement = "model.dgram.connectionless", .over = DGRAM)
{
    int fd = bound_socket();

    send_to(fd, "echo", address_of(fd));
    next_is(fd, "echo", address_of(fd));
}

CASE(a_message_outlives_its_sender, .requirement = "model.dgram.connectionless", .over = UNIX_DGRAM)
{
    int fd = bound_socket(), sender = bound_socket();
    struct address from = address_of(sender);
    send_to(sender, "last", address_of(fd));
    MUST(close(sender));

    next_is(fd, "last", from);
}

/* --- where nobody receives ------------------------------------------------------------------------- */

CASE(to_nobody_over_udp, .requirement = "sendto.success-not-delivery", .over = UDP)
{
    int fd = bound_socket(), receiver = bound_socket();
    struct address there = nobody();

    long first = outcome(sendto(fd, "lost", 4, 0, ADDR(there)));
    HOLDS(first == 4 || first == -ECONNREFUSED, "a datagram to nobody gave %ld", first);
    OBSERVE("a datagram to nobody", "%ld", first);
    OBSERVE("the next", "%ld", outcome(sendto(fd, "lost", 4, 0, ADDR(there))));
    option(fd, SOL_SOCKET, SO_ERROR);
    send_to(fd, "found", address_of(receiver));
    next_is(receiver, "found", address_of(fd));
}

CASE(a_refusal_without_connection, .requirement = "model.async.econnrefused-dgram-unconnected", .over = UDP)
{
    int fd = bound_socket(), informed = bound_socket();
    struct address there = nobody();
    MUST(connect(informed, ADDR(there)));
    send_to(fd, "lost", there);
    MUST(send(informed, "lost", 4, 0));
    if (!is_within(informed, 1000))
        UNSUPPORTED("telling the sender that nobody receives");

    OBSERVE("SO_ERROR without connection", "%d", option(fd, SOL_SOCKET, SO_ERROR));
}

CASE(a_refusal_is_told_by_receive, .requirement = "model.async.econnrefused-dgram", .over = UDP)
{
    int fd = bound_socket();
    struct address there = nobody();
    char got[4];
    MUST(connect(fd, ADDR(there)));

    OK(send(fd, "lost", 4, 0));
    if (!is_within(fd, 1000))
        UNSUPPORTED("telling the sender that nobody receives");
    FAILS(recv(fd, got, sizeof got, 0), ECONNREFUSED);
    nothing_is_left(fd);
}

CASE(a_refusal_is_told_by_send, .requirement = "model.async.econnrefused-dgram", .over = UDP)
{
    int fd = bound_socket();
    struct address there = nobody();
    MUST(connect(fd, ADDR(there)));

    OK(send(fd, "lost", 4, 0));
    if (!is_within(fd, 1000))
        UNSUPPORTED("telling the sender that nobody receives");
    FAILS(send(fd, "again", 5, 0), ECONNREFUSED);
}

CASE(a_refusal_is_told_once, .requirement = "model.async.econnrefused-dgram", .over = UDP)
{
    int fd = bound_socket();
    struct address there = nobody();
    MUST(connect(fd, ADDR(there)));

    OK(send(fd, "lost", 4, 0));
    if (!is_within(fd, 1000))
        UNSUPPORTED("telling the sender that nobody receives");
    EQ(option(fd, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
    EQ(option(fd, SOL_SOCKET, SO_ERROR), 0);
    nothing_is_left(fd);
}

CASE(nobody_is_told_of, .requirement = "rfc1122.udp-port-unreachable", .over = UDP)
{
    int fd = bound_socket();
    struct address there = nobody();
    char got[4];
    MUST(connect(fd, ADDR(there)));

    MUST(send(fd, "lost", 4, 0));
    FAILS(recv(fd, got, sizeof got, 0), ECONNREFUSED);
}

CASE(a_refused_socket_goes_on, .requirement = "model.async.econnrefused-dgram", .over = UDP)
{
    int fd = bound_socket();
    struct address there = nobody();
    MUST(connect(fd, ADDR(there)));
    MUST(send(fd, "lost", 4, 0));
    if (!is_within(fd, 1000))
        UNSUPPORTED("telling the sender that nobody receives");
    option(fd, SOL_SOCKET, SO_ERROR);

    int receiver = bound_to(there);
    EQ(send(fd, "found", 5, 0), 5);
    next_is(receiver, "found", address_of(fd));
    send_to(receiver, "reply", address_of(fd));
    next_is(fd, "reply", there);
}

CASE(a_closed_unix_receiver_refuses, .requirement = "unix7.dgram-peer-closed-econnrefused",
     .over = UNIX_DGRAM)
{
    struct joined pair = joined_sockets();
    MUST(close(pair.fd[0]));

    FAILS(send(pair.fd[1], "x", 1, 0), ECONNREFUSED);
    FAILS(send(pair.fd[1], "x", 1, 0), ENOTCONN);
}

#ifdef __linux__
static void error_is_queued(int level, int receive_errors, int type, unsigned char origin)
{
    int fd = bound_socket();
    struct address there = nobody();
    struct place from = place_for_address();
    union {
        struct cmsghdr header;
        unsigned char bytes[512];
    } control;
    char got[16];
    struct iovec part = {got, sizeof got};
    struct msghdr m = {.msg_name = &from.any,
                       .msg_namelen = from.len,
                       .msg_iov = &part,
                       .msg_iovlen = 1,
                       .msg_control = &control,
                       .msg_controllen = sizeof control};
    set_option(fd, level, receive_errors, 1);
    send_to(fd, "lost", there);

    FAILS(recv(fd, got, sizeof got, 0), ECONNREFUSED);
    EQ(recvmsg(fd, &m, MSG_ERRQUEUE), 4);
    SAME(got, "lost", 4);
    EQ(m.msg_flags & MSG_ERRQUEUE, MSG_ERRQUEUE);
    HOLDS(same_address(address_in(&from), there), "another address than the datagram's destination");
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    HOLDS(c && c->cmsg_level == level && c->cmsg_type == type, "no such control message");
    struct sock_extended_err error;
    memcpy(&error, CMSG_DATA(c), sizeof error);
    EQ(error.ee_errno, ECONNREFUSED);
    EQ(error.ee_origin, origin);
    FAILS(recvmsg(fd, &m, MSG_ERRQUEUE), EAGAIN, EWOULDBLOCK);
}

CASE(error_queue_over_ipv4, .requirement = "linux.ip_recverr.dgram", .over = INET_DGRAM)
{
    error_is_queued(IPPROTO_IP, IP_RECVERR, IP_RECVERR, SO_EE_ORIGIN_ICMP);
}
CASE(error_queue_over_ipv6, .requirement = "linux.ip_recverr.dgram", .over = INET6_DGRAM)
{
    error_is_queued(IPPROTO_IPV6, IPV6_RECVERR, IPV6_RECVERR, SO_EE_ORIGIN_ICMP6);
}
#endif

/* --- a receiver that does not read ------------------------------------------------------------------ */

static unsigned char block[1024];

static void number(unsigned n)
{
    memset(block, 0, sizeof block);
    memcpy(block, &n, sizeof n);
    fill(block + sizeof n, sizeof block - sizeof n, n, 0);
}

static unsigned number_of_block(void)
{
    unsigned n;

    memcpy(&n, block, sizeof n);
    HOLDS(first_difference(block + sizeof n, sizeof block - sizeof n, n, 0) == sizeof block - sizeof n,
          "datagram %u was changed", n);
    return n;
}

/* More than all the queues on the way hold. */
enum { FLOOD = 4000 };

CASE(udp_drops_what_has_no_room, .requirement = "linux.udp.dgram-queue-overflow-drops", .over = UDP)
{
    int fd = bound_socket(), sender = new_socket(), received = 0;
    struct address there = address_of(fd);
    shrink_buffers(fd);

    for (unsigned i = 0; i < FLOOD; i++) {
        number(i);
        EQ(sendto(sender, block, sizeof block, 0, ADDR(there)), sizeof block);
    }
    for (; received == 0 || is_within(fd, 0); received++) {
        EQ(recv(fd, block, sizeof block, 0), sizeof block);
        AT_MOST(number_of_block(), FLOOD - 1);
    }
    OBSERVE("received of 4000 datagrams", "%d", received);
    AT_MOST(received, FLOOD - 1);
    EQ(option(sender, SOL_SOCKET, SO_ERROR), 0);
}

PAIR(unix_sender_waits_for_room, .requirement = "model.dgram.unix-reliable", .over = UNIX_DGRAM)

SERVER(unix_sender_waits_for_room)
{
    int fd = bound_socket();
    ready();
    await_peer();
    PEER_BLOCKS_IN(sendto);

    for (unsigned i = 0; i < FLOOD; i++) {
        EQ(recv(fd, block, sizeof block, 0), sizeof block);
        EQ(number_of_block(), i);
    }
    nothing_is_left(fd);
}

CLIENT(unix_sender_waits_for_room)
{
    int fd = new_socket();
    unsigned i = 0;
    await_peer();
    struct address there = peers_address();
    set_nonblocking(fd);
    do
        number(i++);
    while (i < FLOOD && sendto(fd, block, sizeof block, 0, ADDR(there)) == sizeof block);
    MUST(fcntl(fd, F_SETFL, MUST(fcntl(fd, F_GETFL)) & ~O_NONBLOCK));
    ready();

    EQ(sendto(fd, block, sizeof block, 0, ADDR(there)), sizeof block);
    for (; i < FLOOD; i++) {
        number(i);
        EQ(sendto(fd, block, sizeof block, 0, ADDR(there)), sizeof block);
    }
}

CASE(unix_sender_finds_no_room, .requirement = "model.dgram.unix-reliable", .over = UNIX_DGRAM)
{
    int fd = bound_socket(), sender = new_socket(), sent = 0;
    struct address there = address_of(fd);
    long told;
    set_nonblocking(sender);

    while (number((unsigned)sent), (told = outcome(sendto(sender, block, sizeof block, 0, ADDR(there)))) > 0)
        sent++;
    HOLDS(told == -EAGAIN || told == -EWOULDBLOCK, "a full receiver gave errno %ld", -told);
    OBSERVE("datagrams that an idle receiver holds", "%d", sent);
    for (int i = 0; i < sent; i++) {
        EQ(recv(fd, block, sizeof block, 0), sizeof block);
        EQ(number_of_block(), i);
    }
    nothing_is_left(fd);
    EQ(sendto(sender, block, sizeof block, 0, ADDR(there)), sizeof block);
}

/* --- order and wholeness --------------------------------------------------------------------------- */

PAIR(unix_datagrams_all_in_order, .requirement = "model.dgram.unix-reliable", .over = UNIX_DGRAM)

SERVER(unix_datagrams_all_in_order)
{
    int fd = bound_socket();
    ready();

    for (unsigned i = 0; i < FLOOD; i++) {
        size_t size = sizeof block - i % 1000;
        EQ(recv(fd, block, sizeof block, 0), (long)size);
        unsigned n;
        memcpy(&n, block, sizeof n);
        EQ(n, i);
        HOLDS(first_difference(block + sizeof n, size - sizeof n, n, 0) == size - sizeof n, "it was changed");
    }
}

CLIENT(unix_datagrams_all_in_order)
{
    int fd = new_socket();
    await_peer();
    struct address there = peers_address();

    for (unsigned i = 0; i < FLOOD; i++) {
        number(i);
        EQ(sendto(fd, block, sizeof block - i % 1000, 0, ADDR(there)), (long)(sizeof block - i % 1000));
    }
}

/* Two threads send at once. What arrives, if not all does, is whole, of one sender, as it was sent. */
enum { SENDERS = 2, EACH = 30, LENGTH = 600 };

static void *send_many(void *argument)
{
    unsigned char bytes[LENGTH];
    unsigned n = (unsigned)(uintptr_t)argument;
    int fd = new_socket();
    struct address there = peers_address();

    for (unsigned i = 0; i < EACH; i++) {
        unsigned seed = n + i * SENDERS;
        size_t size = LENGTH - seed;
        memcpy(bytes, &seed, sizeof seed);
        fill(bytes + sizeof seed, size - sizeof seed, seed, 0);
        MUST(sendto(fd, bytes, size, 0, ADDR(there)));
    }
    return NULL;
}

PAIR(datagrams_do_not_mix, .requirement = "model.dgram.single-operation", .over = DGRAM)

SERVER(datagrams_do_not_mix)
{
    int fd = bound_socket(), arrived = 0;
    unsigned char bytes[2 * LENGTH];
    ready();

    for (; arrived < SENDERS * EACH && (arrived == 0 || is_within(fd, 200)); arrived++) {
        long size = OK(recv(fd, bytes, sizeof bytes, 0));
        unsigned seed;
        memcpy(&seed, bytes, sizeof seed);
        HOLDS(seed < SENDERS * EACH && size == LENGTH - (long)seed,
              "a datagram of %ld bytes, that begins with %u", size, seed);
        size -= (long)sizeof seed;
        HOLDS(first_difference(bytes + sizeof seed, (size_t)size, seed, 0) == (size_t)size, "it was changed");
    }
    OBSERVE("arrived of 60 datagrams", "%d", arrived);
}

CLIENT(datagrams_do_not_mix)
{
    pthread_t thread[SENDERS];
    await_peer();

    for (uintptr_t i = 0; i < SENDERS; i++)
        REQUIRE(pthread_create(&thread[i], NULL, send_many, (void *)i) == 0, "no thread");
    for (int i = 0; i < SENDERS; i++)
        pthread_join(thread[i], NULL);
}

/* --- connected datagram sockets -------------------------------------------------------------------- */

CASE(a_connected_socket_needs_no_address, .requirement = "send.dgram-to-preset-peer", .over = DGRAM)
{
    int fd = bound_socket(), other = bound_socket();
    struct address there = address_of(other), here = address_of(fd);
    struct iovec part = {.iov_base = (char[]){"sendmsg"}, .iov_len = 7};
    MUST(connect(fd, ADDR(there)));

    EQ(send(fd, "send", 4, 0), 4);
    next_is(other, "send", here);
    EQ(write(fd, "write", 5), 5);
    next_is(other, "write", here);
    EQ(sendto(fd, "sendto", 6, 0, NULL, 0), 6);
    next_is(other, "sendto", here);
    EQ(sendmsg(fd, &(struct msghdr){.msg_iov = &part, .msg_iovlen = 1}, 0), 7);
    next_is(other, "sendmsg", here);
}

CASE(a_peer_is_named_by_its_receiver_only, .requirement = "connect.dgram-one-sided", .over = DGRAM)
{
    int fd = bound_socket(), other = bound_socket(), third = bound_socket();
    struct address there = address_of(other);
    MUST(connect(fd, ADDR(there)));

    FAILS(getpeername(other, &there.any, &there.len), ENOTCONN);
    send_to(third, "hello", address_of(other));
    next_is(other, "hello", address_of(third));
}

CASE(others_are_not_received_by_any_call, .requirement = "connect.dgram-filters-sender", .over = UDP)
{
    int fd = bound_socket(), peer_of_fd = bound_socket(), stranger = bound_socket();
    struct address there = address_of(peer_of_fd), here = address_of(fd);
    char got[16];
    struct iovec part = {got, sizeof got};
    MUST(connect(fd, ADDR(there)));
    set_nonblocking(fd);
    send_to(stranger, "strange", here);
    send_to(peer_of_fd, "call", here);
    MUST(poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1));

    EQ(read(fd, got, sizeof got), 4);
    FAILS(recv(fd, got, sizeof got, MSG_PEEK), EAGAIN, EWOULDBLOCK);
    FAILS(recvmsg(fd, &(struct msghdr){.msg_iov = &part, .msg_iovlen = 1}, 0), EAGAIN, EWOULDBLOCK);
}

CASE(another_port_of_the_peers_host_is_another, .requirement = "connect.dgram-filters-sender", .over = UDP)
{
    int fd = bound_to(wildcard(0)), peer_of_fd = bound_socket(), stranger = bound_to(wildcard(0));
    struct address there = address_of(peer_of_fd);
    MUST(connect(fd, ADDR(there)));
    struct address here = address_of(fd);

    send_to(stranger, "strange", here);
    send_to(peer_of_fd, "call", here);
    next_is(fd, "call", there);
    nothing_is_left(fd);
}

CASE(send_without_peer, .requirement = "send.edestaddrreq", .over = DGRAM)
{
    int fd = new_socket();

    long told = outcome(send(fd, "x", 1, 0));
    OBSERVE("send() without peer", "errno %ld", -told);
    HOLDS(told == -EDESTADDRREQ || told == -ENOTCONN, "neither EDESTADDRREQ nor ENOTCONN: %ld", told);
    FAILS(write(bound_socket(), "x", 1), EDESTADDRREQ, ENOTCONN);
}

CASE(the_peer_stays_after_its_messages, .requirement = "send.dgram-to-preset-peer", .over = DGRAM)
{
    int fd = bound_socket(), other = bound_socket();
    struct address there = address_of(other), here = address_of(fd);
    MUST(connect(fd, ADDR(there)));

    for (int i = 0; i < 5; i++) {
        EQ(send(fd, "call", 4, 0), 4);
        next_is(other, "call", here);
        send_to(other, "reply", here);
        next_is(fd, "reply", there);
    }
}

CASE(a_stranger_to_a_connected_socket, .requirement = "unix.dgram-third-party", .over = UNIX_DGRAM)
{
    struct joined pair = joined_sockets();
    struct address connected = address_of(pair.fd[0]);

    long told = outcome(sendto(bound_socket(), "x", 1, 0, ADDR(connected)));
    OBSERVE("to a socket that is connected to another", "%ld", told);
    nothing_is_left(pair.fd[0]);
}
