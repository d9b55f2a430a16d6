#include "sockets.h"

#include <stdio.h>

/* What sendto() promises, sendmsg() promises too: such cases are written once, for both. */
typedef ssize_t sender(int fd, const void *bytes, size_t n, int flags, struct address to);

static const struct address nowhere; /* no destination is given */

static ssize_t by_sendto(int fd, const void *bytes, size_t n, int flags, struct address to)
{
    return sendto(fd, bytes, n, flags, to.len ? &to.any : NULL, to.len);
}

static ssize_t by_sendmsg(int fd, const void *bytes, size_t n, int flags, struct address to)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = n};
    struct msghdr message = {
        .msg_name = to.len ? &to.any : NULL, .msg_namelen = to.len, .msg_iov = &part, .msg_iovlen = 1};

    return sendmsg(fd, &message, flags);
}

#define SENDING(what, id, kinds)                                                            \
    static void what(sender *send_by);                                                      \
    CASE(sendto_##what, .requirement = "sendto." id, .over = kinds) { what(by_sendto); }    \
    CASE(sendmsg_##what, .requirement = "sendmsg." id, .over = kinds) { what(by_sendmsg); } \
    static void what(sender *send_by)

/* The result of a call, or its errno as a negative number. */
static long outcome(long got) { return got == -1 ? -errno : got; }

static int not_a_socket(void) { return (int)MUST(open("file", O_RDWR | O_CREAT, 0600)); }

static struct address address_of_other_family(void)
{
    struct address a = kind->domain == AF_UNIX ? loopback_of(AF_INET, 7) : unix_path("path");

    a.len = kind->domain == AF_UNIX ? sizeof a.in : sizeof a.un;
    return a;
}

/* Calls that wait are interrupted, now or later. */
static void interrupt_again_and_again(void)
{
    struct itimerval often = {{.tv_usec = 5000}, {.tv_usec = 5000}};

    count_signal(SIGALRM);
    MUST(setitimer(ITIMER_REAL, &often, NULL));
}

static unsigned char block[4096];

/* --- where a message goes -------------------------------------------------------------------------- */

SENDING(an_unconnected_socket_delivers, "dgram-destination", DGRAM)
{
    int receiver = bound_socket();
    struct address there = address_of(receiver);
    char got[16];

    EQ(send_by(new_socket(), "hello", 5, 0, there), 5);
    EQ(recv(receiver, got, sizeof got, 0), 5);
    SAME(got, "hello", 5);
}

SENDING(each_message_goes_where_it_is_sent, "dgram-destination", DGRAM)
{
    int fd = new_socket(), first = bound_socket(), second = bound_socket();
    struct address to_first = address_of(first), to_second = address_of(second);
    char got[16];

    OK(send_by(fd, "first", 5, 0, to_first));
    OK(send_by(fd, "second", 6, 0, to_second));
    EQ(recv(second, got, sizeof got, 0), 6);
    SAME(got, "second", 6);
    EQ(recv(first, got, sizeof got, 0), 5);
    SAME(got, "first", 5);
}

SENDING(elsewhere_while_connected, "connected-override-or-eisconn", DGRAM)
{
    struct joined pair = joined_sockets();
    int other = bound_socket();
    char got[16];

    long sent = outcome(send_by(pair.fd[1], "other", 5, 0, address_of(other)));
    OBSERVE("an address on a connected socket", "%s", sent == 5 ? "overrides" : "is refused");
    HOLDS(sent == 5 || sent == -EISCONN, "neither sent nor EISCONN: %ld", sent);
    if (sent == 5) {
        EQ(recv(other, got, sizeof got, 0), 5);
        SAME(got, "other", 5);
    }
}

SENDING(elsewhere_leaves_the_peer, "connected-override-temporary", DGRAM)
{
    struct joined pair = joined_sockets();
    struct address other = address_of(bound_socket()), before = peer_address_of(pair.fd[1]);
    char got[16];

    send_by(pair.fd[1], "other", 5, 0, other);
    HOLDS(same_address(peer_address_of(pair.fd[1]), before), "getpeername() tells another peer");
    OK(send(pair.fd[1], "mine", 4, 0));
    EQ(recv(pair.fd[0], got, sizeof got, 0), 4);
    SAME(got, "mine", 4);
}

SENDING(address_on_a_connection, "connection-mode-ignores-dest", CONNECTION)
{
    struct joined pair = joined_sockets();
    char got[4];

    long sent = outcome(send_by(pair.fd[1], "x", 1, MSG_NOSIGNAL, fresh_address()));
    OBSERVE("an address on a connection", "%s", sent == 1 ? "is ignored" : "is refused");
    HOLDS(sent == 1 || sent == -EISCONN, "neither sent nor EISCONN: %ld", sent);
    MUST(send(pair.fd[1], "y", 1, 0));
    EQ(recv(pair.fd[0], got, 1, 0), 1);
    SAME(got, sent == 1 ? "x" : "y", 1);
}

CASE(sendto_binds_implicitly, .requirement = "sendto.implicit-bind", .over = UDP)
{
    int fd = new_socket(), receiver = bound_socket();
    struct address there = address_of(receiver);
    struct place from = place_for_address();
    char got;

    OK(sendto(fd, "x", 1, 0, ADDR(there)));
    NOT(port_of(address_of(fd)), 0);
    MUST(recvfrom(receiver, &got, 1, 0, PLACE(from)));
    EQ(port_of(address_in(&from)), port_of(address_of(fd)));
}

CASE(sendto_keeps_its_implicit_port, .requirement = "sendto.implicit-bind", .over = UDP)
{
    int fd = new_socket();
    struct address there = address_of(bound_socket());

    MUST(sendto(fd, "x", 1, 0, ADDR(there)));
    in_port_t port = port_of(address_of(fd));
    OK(sendto(fd, "y", 1, 0, ADDR(there)));
    EQ(port_of(address_of(fd)), port);
}

/* --- broadcast ------------------------------------------------------------------------------------- */

static struct address broadcast(in_addr_t address, in_port_t port)
{
    struct address a = loopback(port);

    a.in.sin_addr.s_addr = htonl(address);
    return a;
}

/* 127.255.255.255: no datagram of a case leaves this host. */
static const in_addr_t on_loopback = 0x7fffffff;

CASE(broadcast_with_permission, .requirement = "sockopt.so_broadcast.permits", .over = INET_DGRAM)
{
    int fd = new_socket();
    struct address everyone = broadcast(on_loopback, 9);

    set_option(fd, SOL_SOCKET, SO_BROADCAST, 1);
    long sent = outcome(sendto(fd, "x", 1, 0, ADDR(everyone)));
    if (sent == -ENETUNREACH || sent == -EHOSTUNREACH || sent == -EADDRNOTAVAIL || sent == -ENETDOWN)
        UNTESTED("no network here takes broadcasts");
    EQ(sent, 1);
}

/* Two sockets that are bound to one port of the wildcard address, and what may be a broadcast to them. */
struct audience {
    int listener[2];
    struct address everyone;
};
static struct audience audience(void)
{
    struct audience a = {.listener = {new_socket(), new_socket()}};
    struct address any = wildcard(0);

    for (int i = 0; i < 2; i++) {
        set_option(a.listener[i], SOL_SOCKET, SO_REUSEADDR, 1);
        if (bind(a.listener[i], ADDR(any)) == -1)
            UNTESTED("two sockets do not share a port here");
        any = address_of(a.listener[i]);
    }
    a.everyone = broadcast(on_loopback, port_of(any));
    return a;
}

/* Whether what may be a broadcast is one: both get it. */
static bool is_broadcast(int fd, const struct audience *a)
{
    char got[4];

    if (sendto(fd, "all", 3, 0, ADDR(a->everyone)) == -1)
        return false;
    for (int i = 0; i < 2; i++) {
        if (MUST(poll(&(struct pollfd){.fd = a->listener[i], .events = POLLIN}, 1, 1000)) == 0)
            return false;
        MUST(recv(a->listener[i], got, sizeof got, 0));
    }
    return true;
}

SENDING(known_broadcast_without_permission, "broadcast-needs-option", INET_DGRAM)
{
    int fd = new_socket();
    struct audience a = audience();
    set_option(fd, SOL_SOCKET, SO_BROADCAST, 1);
    if (!is_broadcast(fd, &a))
        UNTESTED("no broadcast address is known here");

    set_option(fd, SOL_SOCKET, SO_BROADCAST, 0);
    EQ(send_by(fd, "x", 1, 0, a.everyone), -1);
    EQ(send_by(new_socket(), "x", 1, 0, a.everyone), -1);
}

CASE(broadcast_must_be_asked_for, .requirement = "sockopt.so_broadcast.required-for-broadcast",
     .over = INET_DGRAM)
{
    int fd = new_socket(), permitted = new_socket();
    struct audience a = audience();
    char got[4];
    set_option(permitted, SOL_SOCKET, SO_BROADCAST, 1);
    if (!is_broadcast(permitted, &a))
        UNTESTED("no broadcast address is known here");

    EQ(option(fd, SOL_SOCKET, SO_BROADCAST), 0);
    EQ(sendto(fd, "x", 1, 0, ADDR(a.everyone)), -1);
    set_option(fd, SOL_SOCKET, SO_BROADCAST, 1);
    EQ(sendto(fd, "y", 1, 0, ADDR(a.everyone)), 1);
    for (int i = 0; i < 2; i++) {
        EQ(recv(a.listener[i], got, sizeof got, 0), 1);
        SAME(got, "y", 1);
    }
}

CASE(loopback_broadcast_without_permission, .requirement = "linux.broadcast.eacces", .over = INET_DGRAM)
{
    int fd = new_socket();
    struct address everyone = broadcast(on_loopback, 9);

    FAILS(sendto(fd, "x", 1, 0, ADDR(everyone)), EACCES);
    FAILS(by_sendmsg(fd, "x", 1, 0, everyone), EACCES);
    FAILS(connect(fd, ADDR(everyone)), EACCES);
}

CASE(loopback_broadcast_reaches_all, .requirement = "linux.broadcast.received", .over = INET_DGRAM)
{
    int fd = new_socket();
    struct audience a = audience();
    char got[4];
    set_option(fd, SOL_SOCKET, SO_BROADCAST, 1);

    EQ(sendto(fd, "all", 3, 0, ADDR(a.everyone)), 3);
    for (int i = 0; i < 2; i++) {
        EQ(recv(a.listener[i], got, sizeof got, 0), 3);
        SAME(got, "all", 3);
    }
}

/* --- errors ---------------------------------------------------------------------------------------- */

SENDING(to_another_family, "eafnosupport", DGRAM)
{
    FAILS(send_by(new_socket(), "x", 1, 0, address_of_other_family()), EAFNOSUPPORT);
}

SENDING(on_no_descriptor, "ebadf", ANY)
{
    int fd = new_socket();
    MUST(close(fd));

    FAILS(send_by(fd, "x", 1, MSG_NOSIGNAL, nowhere), EBADF);
    FAILS(send_by(-1, "x", 1, MSG_NOSIGNAL, nowhere), EBADF);
    FAILS(send_by(-1, "x", 1, MSG_NOSIGNAL, fresh_address()), EBADF);
}

SENDING(on_a_file, "enotsock", UNIX_STREAM | DGRAM)
{
    int file = not_a_socket();

    FAILS(send_by(file, "x", 1, 0, fresh_address()), ENOTSOCK);
    FAILS(send_by(file, "x", 1, 0, nowhere), ENOTSOCK);
    EQ(lseek(file, 0, SEEK_END), 0);
}

SENDING(before_connecting, "enotconn", CONNECTION)
{
    FAILS(send_by(new_socket(), "x", 1, MSG_NOSIGNAL, nowhere), ENOTCONN);
}

SENDING(before_connecting_with_address, "enotconn", CONNECTION)
{
    struct address listener = address_of(listening_socket());

    FAILS(send_by(new_socket(), "x", 1, MSG_NOSIGNAL, listener), ENOTCONN);
}

SENDING(without_destination, "edestaddrreq-may", DGRAM)
{
    int fd = new_socket();

    long told = outcome(send_by(fd, "x", 1, 0, nowhere));
    OBSERVE("without a destination", "errno %ld", -told);
    HOLDS(told < 0, "a message without a destination was sent: %ld", told);
}

SENDING(urgently, "eopnotsupp", MESSAGE)
{
    struct joined pair = joined_sockets();
    char got[16];

    FAILS(send_by(pair.fd[1], "x", 1, MSG_OOB, nowhere), EOPNOTSUPP);
    MUST(send(pair.fd[1], "after", 5, 0));
    EQ(recv(pair.fd[0], got, sizeof got, 0), 5);
    SAME(got, "after", 5);
}

SENDING(after_shutdown, "epipe", CONNECTION)
{
    struct joined pair = joined_sockets();
    MUST(shutdown(pair.fd[1], SHUT_WR));

    FAILS(send_by(pair.fd[1], "x", 1, MSG_NOSIGNAL, nowhere), EPIPE);
    FAILS(send_by(pair.fd[1], "x", 1, MSG_NOSIGNAL, nowhere), EPIPE);
}

SENDING(after_the_peer_has_aborted, "econnreset", TCP)
{
    struct joined pair = joined_sockets();
    struct linger abort = {.l_onoff = 1};
    MUST(setsockopt(pair.fd[0], SOL_SOCKET, SO_LINGER, &abort, sizeof abort));
    MUST(close(pair.fd[0]));
    MUST(poll(&(struct pollfd){.fd = pair.fd[1], .events = POLLIN}, 1, -1));

    FAILS(send_by(pair.fd[1], "x", 1, MSG_NOSIGNAL, nowhere), ECONNRESET, EPIPE);
}

SENDING(when_full, "eagain", CONNECTION)
{
    struct joined pair = joined_sockets();
    long told;
    shrink_buffers(pair.fd[1]);
    set_nonblocking(pair.fd[1]);

    do
        told = outcome(send_by(pair.fd[1], block, sizeof block, 0, nowhere));
    while (told >= 0);
    HOLDS(told == -EAGAIN || told == -EWOULDBLOCK, "a full connection gave errno %ld", -told);
}

/* Sends to a receiver that never reads until a send fails; what it gave, or 0 where none fails. */
static long fill_receiver(sender *send_by, int fd, struct address there)
{
    enum { MANY = 20000 };
    long told = 0;

    for (int i = 0; i < MANY && told >= 0; i++)
        told = outcome(send_by(fd, block, sizeof block, 0, there));
    return told < 0 ? told : 0;
}

SENDING(when_the_receiver_is_full, "eagain", UNIX_DGRAM)
{
    struct address there = address_of(bound_socket());
    int fd = new_socket();
    set_nonblocking(fd);

    long told = fill_receiver(send_by, fd, there);
    if (told == 0 || told == -ENOBUFS)
        UNTESTED("sending to a receiver that does not read never waits here");
    HOLDS(told == -EAGAIN || told == -EWOULDBLOCK, "a full receiver gave errno %ld", -told);
}

static void make_blocking(int fd) { MUST(fcntl(fd, F_SETFL, MUST(fcntl(fd, F_GETFL)) & ~O_NONBLOCK)); }

SENDING(is_interrupted, "eintr", CONNECTION)
{
    struct joined pair = joined_sockets();
    long told;
    shrink_buffers(pair.fd[1]);
    set_nonblocking(pair.fd[1]);
    while (send(pair.fd[1], block, sizeof block, 0) > 0)
        continue;
    make_blocking(pair.fd[1]);
    interrupt_again_and_again();

    do
        told = outcome(send_by(pair.fd[1], block, sizeof block, 0, nowhere));
    while (told > 0);
    EQ(told, -EINTR);
    AT_LEAST(signals_counted(), 1);
}

SENDING(to_a_full_receiver_is_interrupted, "eintr", UNIX_DGRAM)
{
    struct address there = address_of(bound_socket());
    int fd = new_socket();
    set_nonblocking(fd);
    long full = fill_receiver(send_by, fd, there);
    if (full != -EAGAIN && full != -EWOULDBLOCK)
        UNTESTED("sending to a receiver that does not read never waits here");
    make_blocking(fd);
    interrupt_again_and_again();

    FAILS(send_by(fd, block, sizeof block, 0, there), EINTR);
    AT_LEAST(signals_counted(), 1);
}

SENDING(with_a_strange_address_size, "einval-len-may", UDP)
{
    struct address there = address_of(bound_socket());
    there.len = 3;

    OBSERVE("an address of 3 bytes", "errno %ld", -outcome(send_by(new_socket(), "x", 1, 0, there)));
}

/* --- paths ----------------------------------------------------------------------------------------- */

SENDING(to_a_missing_path, "unix.enoent", UNIX_DGRAM)
{
    FAILS(send_by(new_socket(), "x", 1, 0, unix_path("missing")), ENOENT);
    FAILS(send_by(new_socket(), "x", 1, 0, unix_path("missing/path")), ENOENT);
}

SENDING(below_a_file, "unix.enotdir", UNIX_DGRAM)
{
    not_a_socket();

    FAILS(send_by(new_socket(), "x", 1, 0, unix_path("file/path")), ENOTDIR);
}

SENDING(through_a_loop, "unix.eloop", UNIX_DGRAM)
{
    MUST(symlink("loop", "loop"));

    FAILS(send_by(new_socket(), "x", 1, 0, unix_path("loop")), ELOOP);
}

SENDING(to_a_name_too_long, "unix.enametoolong", UNIX_DGRAM)
{
    char name[1024];
    long most = MUST(pathconf(".", _PC_NAME_MAX));
    REQUIRE(most < (long)sizeof name - 1, "names of %ld bytes are allowed here", most);
    memset(name, 'n', sizeof name);
    name[most + 1] = '\0';
    MUST(symlink(name, "link"));

    FAILS(send_by(new_socket(), "x", 1, 0, unix_path("link")), ENAMETOOLONG);
}

SENDING(through_a_link, "unix.follows-symlink", UNIX_DGRAM)
{
    int receiver = bound_socket();
    struct address there = address_of(receiver);
    char got[4];
    MUST(symlink(there.un.sun_path, "link"));

    EQ(send_by(new_socket(), "x", 1, 0, unix_path("link")), 1);
    EQ(recv(receiver, got, sizeof got, 0), 1);
}

SENDING(without_write_permission, "unix.eacces", UNIX_DGRAM)
{
    struct address there = address_of(bound_socket());
    int fd = new_socket();
    MUST(chmod(there.un.sun_path, 0444));
    become_unprivileged();

    FAILS(send_by(fd, "x", 1, 0, there), EACCES);
}

SENDING(where_no_socket_is_left, "unix.econnrefused", UNIX_DGRAM)
{
    not_a_socket();

    FAILS(send_by(new_socket(), "x", 1, 0, nobody()), ECONNREFUSED);
    FAILS(send_by(new_socket(), "x", 1, 0, unix_path("file")), ECONNREFUSED);
}

SENDING(to_a_socket_of_another_type, "unix.eprototype", UNIX_DGRAM)
{
    int stream = new_socket_of(AF_UNIX, SOCK_STREAM);
    struct address there = fresh_path();
    MUST(bind(stream, ADDR(there)));
    MUST(listen(stream, 1));

    FAILS(send_by(new_socket(), "x", 1, 0, there), EPROTOTYPE);
}

/* --- sendmsg's own --------------------------------------------------------------------------------- */

CASE(sendmsg_ignores_msg_flags, .requirement = "sendmsg.msg_flags-ignored", .over = ANY)
{
    struct joined pair = joined_sockets();
    struct iovec part = {.iov_base = (char[]){'x'}, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_flags = ~0};
    char got[4];

    EQ(sendmsg(pair.fd[1], &message, 0), 1);
    EQ(recv(pair.fd[0], got, sizeof got, 0), 1);
    SAME(got, "x", 1);
}

CASE(sendmsg_without_parts, .requirement = "sendmsg.emsgsize-iovlen-zero", .over = ANY)
{
    struct joined pair = joined_sockets();
    struct iovec part = {.iov_base = (char[]){'x'}, .iov_len = 1};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 0};

    FAILS(sendmsg(pair.fd[1], &message, 0), EMSGSIZE);
}

static struct iovec *many_parts(size_t count)
{
    struct iovec *parts = calloc(count, sizeof *parts);

    REQUIRE(parts, "no memory");
    for (size_t i = 0; i < count; i++)
        parts[i] = (struct iovec){.iov_base = block, .iov_len = i < 8};
    return parts;
}

CASE(sendmsg_of_too_many_parts, .requirement = "sendmsg.emsgsize-iovlen-max", .over = ANY)
{
    struct joined pair = joined_sockets();
    long most = sysconf(_SC_IOV_MAX);
    if (most < 0)
        UNSUPPORTED("a limit of parts");
    struct msghdr message = {.msg_iov = many_parts((size_t)most + 1)};
    char got[4];

    message.msg_iovlen = (size_t)most + 1;
    FAILS(sendmsg(pair.fd[1], &message, 0), EMSGSIZE);
    MUST(send(pair.fd[1], "y", 1, 0));
    EQ(recv(pair.fd[0], got, 1, 0), 1);
    SAME(got, "y", 1);
}

/* --- several messages a call ------------------------------------------------------------------------ */

#ifdef __linux__
enum { MESSAGES = 3 };

struct batch {
    struct iovec part[MESSAGES];
    struct mmsghdr message[MESSAGES];
};

/* Messages of 1, 2 and 3 bytes. */
static struct batch *batch(void)
{
    static struct batch b;

    for (unsigned i = 0; i < MESSAGES; i++) {
        fill(block + 8 * i, i + 1, i, 0);
        b.part[i] = (struct iovec){.iov_base = block + 8 * i, .iov_len = i + 1};
        b.message[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &b.part[i], .msg_iovlen = 1}, .msg_len = 77};
    }
    return &b;
}

CASE(sendmmsg_sends_each, .requirement = "linux.sendmmsg.count-and-len", .over = MESSAGE)
{
    struct joined pair = joined_sockets();
    struct batch *b = batch();
    bool seen[MESSAGES + 1] = {false};
    unsigned char got[8];

    EQ(sendmmsg(pair.fd[1], b->message, MESSAGES, 0), MESSAGES);
    for (unsigned i = 0; i < MESSAGES; i++) {
        EQ(b->message[i].msg_len, i + 1);
        long n = OK(recv(pair.fd[0], got, sizeof got, 0));
        HOLDS(n >= 1 && n <= MESSAGES && !seen[n], "%ld bytes are none of the messages, or one again", n);
        HOLDS(first_difference(got, (size_t)n, (unsigned)n - 1, 0) == (size_t)n, "a message was changed");
        seen[n] = true;
    }
}

CASE(sendmmsg_stops_at_an_error, .requirement = "linux.sendmmsg.count-and-len", .over = MESSAGE)
{
    struct joined pair = joined_sockets();
    struct batch *b = batch();
    long most = MUST(sysconf(_SC_IOV_MAX));
    b->message[2].msg_hdr.msg_iov = many_parts((size_t)most + 1);
    b->message[2].msg_hdr.msg_iovlen = (size_t)most + 1;

    EQ(sendmmsg(pair.fd[1], b->message, MESSAGES, 0), 2);
    EQ(b->message[2].msg_len, 77);
    FAILS(sendmmsg(pair.fd[1], b->message + 2, 1, 0), EMSGSIZE);
    FAILS(sendmmsg(-1, b->message, 1, 0), EBADF);
    FAILS(sendmmsg(not_a_socket(), b->message, 1, 0), ENOTSOCK);
}

CASE(sendmmsg_sends_1024_at_most, .requirement = "linux.sendmmsg.vlen-capped", .over = UDP)
{
    enum { TOO_MANY = 1100 };
    struct joined pair = joined_sockets();
    struct mmsghdr *messages = calloc(TOO_MANY, sizeof *messages);
    REQUIRE(messages, "no memory");

    EQ(sendmmsg(pair.fd[1], messages, TOO_MANY, 0), 1024);
}

CASE(sendmmsg_to_several, .requirement = "linux.sendmmsg.count-and-len", .over = DGRAM)
{
    int receiver[MESSAGES];
    struct address there[MESSAGES];
    struct batch *b = batch();
    unsigned char got[8];
    for (int i = 0; i < MESSAGES; i++) {
        receiver[i] = bound_socket();
        there[i] = address_of(receiver[i]);
        b->message[i].msg_hdr.msg_name = &there[i].any;
        b->message[i].msg_hdr.msg_namelen = there[i].len;
    }

    EQ(sendmmsg(new_socket(), b->message, MESSAGES, 0), MESSAGES);
    for (int i = 0; i < MESSAGES; i++)
        EQ(recv(receiver[i], got, sizeof got, 0), i + 1);
}
#endif

/* --- the sum of the parts' lengths ------------------------------------------------------------------ */

static struct msghdr message_of_impossible_length(void)
{
    static struct iovec part[2] = {{block, SSIZE_MAX}, {block, 1}};

    return (struct msghdr){.msg_iov = part, .msg_iovlen = 2};
}

CASE(sendmsg_of_impossible_length, .requirement = "sendmsg.einval-iov-sum", .over = ANY)
{
    struct joined pair = joined_sockets();
    struct msghdr message = message_of_impossible_length();
    set_nonblocking(pair.fd[1]);

    FAILS(sendmsg(pair.fd[1], &message, MSG_NOSIGNAL), EINVAL, EFAULT);
}

CASE(sendmsg_of_impossible_part, .requirement = "sendmsg.einval-iov-sum", .over = ANY)
{
    struct joined pair = joined_sockets();
    struct msghdr message = message_of_impossible_length();
    message.msg_iov->iov_len = (size_t)SSIZE_MAX + 1;
    message.msg_iovlen = 1;
    set_nonblocking(pair.fd[1]);

    FAILS(sendmsg(pair.fd[1], &message, MSG_NOSIGNAL), EINVAL, EFAULT);
}
