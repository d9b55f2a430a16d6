#include "sockets.h"

#ifdef __linux__
#include <sched.h>
#endif

/* --- what the cases have in common ----------------------------------------------------------------- */

enum {
    PATIENCE = 200, /* milliseconds without progress, after which an attempt on this host counts as waiting */
    MOST = 64,      /* connections that are counted, at most */
};

static bool becomes(int fd, short events, int milliseconds)
{
    struct pollfd p = {.fd = fd, .events = events};

    return MUST(poll(&p, 1, milliseconds)) == 1;
}

/* Whether a connection is made without the listener's doing anything. */
static bool connects(struct address there)
{
    int fd = new_socket();

    set_nonblocking(fd);
    if (connect(fd, ADDR(there)) == 0)
        return true;
    if (errno == EINPROGRESS && becomes(fd, POLLOUT, PATIENCE) && option(fd, SOL_SOCKET, SO_ERROR) == 0)
        return true;
    MUST(close(fd));
    return false;
}

/* How many connections are made while none is accepted, up to MOST. */
static int admitted_by(int listener)
{
    struct address there = address_of(listener);
    int count = 0;

    while (count < MOST && connects(there))
        count++;
    return count;
}

static int admitted(int backlog) { return admitted_by(listening_with(backlog)); }

static int client_of(int listener)
{
    int fd = new_socket();
    struct address there = address_of(listener);

    MUST(connect(fd, ADDR(there)));
    return fd;
}

/* --- what listen() makes of a socket --------------------------------------------------------------- */

CASE(listen_succeeds, .requirement = "listen.success-zero", .over = CONNECTION)
{
    EQ(listen(bound_socket(), 5), 0);
}

CASE(listen_makes_it_accept, .requirement = "listen.marks-accepting", .over = CONNECTION)
{
    int listener = bound_socket(), client = new_socket();
    struct address there = address_of(listener);

    EQ(option(listener, SOL_SOCKET, SO_ACCEPTCONN), 0);
    OK(listen(listener, 5));
    NOT(option(listener, SOL_SOCKET, SO_ACCEPTCONN), 0);
    OK(connect(client, ADDR(there)));
    OK(accept(listener, NULL, NULL));
}

CASE(listen_keeps_address, .requirement = "listen.keeps-address", .over = CONNECTION)
{
    int listener = bound_socket();
    struct address here = address_of(listener);

    OK(listen(listener, 5));
    HOLDS(same_address(address_of(listener), here), "the local address has changed");
}

CASE(listen_is_needed, .requirement = "listen.before-listen-refused", .over = CONNECTION)
{
    int listener = bound_socket(), early = new_socket(), late = new_socket();
    struct address there = address_of(listener);

    FAILS(connect(early, ADDR(there)), ECONNREFUSED);
    OK(listen(listener, 5));
    OK(connect(late, ADDR(there)));
}

CASE(listen_is_needed_by_accept, .requirement = "listen.before-listen-no-accept", .over = CONNECTION)
{
    int listener = bound_socket();

    FAILS(accept(listener, NULL, NULL), EINVAL);
    OK(listen(listener, 5));
    set_nonblocking(listener);
    FAILS(accept(listener, NULL, NULL), EAGAIN, EWOULDBLOCK);
}

/* Nobody connects, and the peer sees that this role has come back from listen(). */
PAIR(listen_never_blocks, .requirement = "listen.never-blocks", .over = CONNECTION)

SERVER(listen_never_blocks)
{
    int blocking = bound_socket(), nonblocking = bound_socket();
    set_nonblocking(nonblocking);

    OK(listen(blocking, 1));
    OK(listen(nonblocking, 1));
    ready();
}

CLIENT(listen_never_blocks) { await_peer(); }

PAIR(listen_leaves_accept_blocking, .requirement = "listen.never-blocks", .over = CONNECTION)

SERVER(listen_leaves_accept_blocking)
{
    int listener = listening_with(1);

    EQ(MUST(fcntl(listener, F_GETFL)) & O_NONBLOCK, 0);
    ready();
    OK(accept(listener, NULL, NULL));
}

CLIENT(listen_leaves_accept_blocking)
{
    await_peer();
    PEER_BLOCKS_IN(accept);

    connected_socket();
}

CASE(listen_shows_nothing_to_accept, .requirement = "listen.not-ready", .over = CONNECTION)
{
    int listener = bound_socket();

    OK(listen(listener, 5));
    HOLDS(!becomes(listener, POLLIN, 0), "a listener without connections shows as readable");
}

CASE(listen_unbound, .requirement = "listen.inet-unbound-autobind", .over = TCP)
{
    int listener = new_socket(), client = new_socket();

    OK(listen(listener, 5));
    struct address here = address_of(listener), there = loopback(port_of(here));
    NOT(port_of(here), 0);
    HOLDS(same_address(here, wildcard(port_of(here))), "it is not bound to the wildcard address");
    OK(connect(client, ADDR(there)));
    OK(accept(listener, NULL, NULL));
}

CASE(listen_unbound_or_not_at_all, .requirement = "listen.edestaddrreq", .over = CONNECTION)
{
    int result = listen(new_socket(), 5), error = errno;
    OBSERVE("listen() on an unbound socket", "%s", result == 0 ? "succeeds" : errno_name(errno));

    if (result == -1)
        EQ(error, EDESTADDRREQ);
}

CASE(listen_at_port_of_another_listener, .requirement = "linux.listen.eaddrinuse", .over = TCP)
{
    int first = new_socket(), second = new_socket();
    struct address here = loopback(0);
    set_option(first, SOL_SOCKET, SO_REUSEADDR, 1);
    set_option(second, SOL_SOCKET, SO_REUSEADDR, 1);
    MUST(bind(first, ADDR(here)));
    here = address_of(first);
    MUST(bind(second, ADDR(here)));

    OK(listen(first, 5));
    FAILS(listen(second, 5), EADDRINUSE);
}

CASE(listen_connected, .requirement = "listen.einval-connected", .over = CONNECTION)
{
    struct joined j = joined_sockets();

    FAILS(listen(j.fd[0], 5), EINVAL);
    FAILS(listen(j.fd[1], 5), EINVAL);
    EQ(option(j.fd[0], SOL_SOCKET, SO_ACCEPTCONN), 0);
    EQ(option(j.fd[1], SOL_SOCKET, SO_ACCEPTCONN), 0);
    send_all(j.fd[0], "x", 1);
    EQ(recv(j.fd[1], (char[1]){0}, 1, 0), 1);
}

CASE(listen_socket_of_pair, .requirement = "listen.einval-connected", .over = UNIX_STREAM | UNIX_SEQPACKET)
{
    int fd[2];
    MUST(socketpair(AF_UNIX, kind->type, 0, fd));

    FAILS(listen(fd[0], 5), EINVAL);
}

CASE(listen_bad_descriptor, .requirement = "listen.ebadf", .over = ANY)
{
    int closed = bound_socket();
    MUST(close(closed));

    FAILS(listen(-1, 5), EBADF);
    FAILS(listen(closed, 5), EBADF);
}

CASE(listen_not_a_socket, .requirement = "listen.enotsock", .over = UNIX_STREAM)
{
    int file = (int)MUST(open("file", O_RDWR | O_CREAT, 0600)), ends[2];
    MUST(pipe(ends));

    FAILS(listen(file, 5), ENOTSOCK);
    FAILS(listen(ends[0], 5), ENOTSOCK);
    FAILS(listen(ends[1], 5), ENOTSOCK);
}

CASE(listen_datagrams, .requirement = "listen.eopnotsupp", .over = DGRAM)
{
    FAILS(listen(bound_socket(), 5), EOPNOTSUPP);
    FAILS(listen(new_socket(), 5), EOPNOTSUPP);
}

/* --- a listener carries no data -------------------------------------------------------------------- */

CASE(listener_sends_nothing, .requirement = "listen.socket-not-usable-for-data", .over = CONNECTION)
{
    int listener = listening_socket(), client = client_of(listener);
    set_nonblocking(client);

    EQ(send(listener, "x", 1, MSG_NOSIGNAL), -1);
    FAILS(recv(client, (char[1]){0}, 1, 0), EAGAIN, EWOULDBLOCK);
}

CASE(listener_receives_nothing, .requirement = "listen.socket-not-usable-for-data", .over = CONNECTION)
{
    int listener = listening_socket(), client = client_of(listener);
    char got = 0;
    MUST(send(client, "x", 1, 0));

    EQ(recv(listener, &got, 1, 0), -1);
    EQ(read(listener, &got, 1), -1);
    EQ(recv((int)MUST(accept(listener, NULL, NULL)), &got, 1, 0), 1);
    EQ(got, 'x');
}

CASE(listener_send_is_not_connected, .requirement = "listen.send-enotconn", .over = CONNECTION)
{
    FAILS(send(listening_socket(), "x", 1, MSG_NOSIGNAL), ENOTCONN);
}

CASE(listener_recv_is_not_connected, .requirement = "listen.recv-enotconn", .over = CONNECTION)
{
    FAILS(recv(listening_socket(), (char[1]){0}, 1, 0), ENOTCONN);
}

CASE(listener_has_no_peer, .requirement = "listen.no-peer", .over = CONNECTION)
{
    int listener = listening_socket();
    struct place peer = place_for_address();
    client_of(listener);

    FAILS(getpeername(listener, PLACE(peer)), ENOTCONN);
}

/* --- the backlog ----------------------------------------------------------------------------------- */

CASE(listen_takes_backlogs, .requirement = "listen.backlog-somaxconn", .over = CONNECTION)
{
    EQ(listen(bound_socket(), 1), 0);
    EQ(listen(bound_socket(), 5), 0);
    EQ(listen(bound_socket(), 20), 0);
    EQ(listen(bound_socket(), SOMAXCONN - 1), 0);
    EQ(listen(bound_socket(), SOMAXCONN), 0);
}

CASE(listen_takes_backlogs_beyond_limit, .requirement = "listen.backlog-is-hint", .over = CONNECTION)
{
    int listener = bound_socket();
    struct address there = address_of(listener);

    EQ(listen(bound_socket(), SOMAXCONN + 1), 0);
    EQ(listen(listener, INT_MAX), 0);
    OK(connect(new_socket(), ADDR(there)));
}

CASE(listen_admits, .requirement = "listen.backlog-no-default", .over = CONNECTION, .slow = true)
{
    OBSERVE("connections that fit backlog 1", "%d", admitted(1));
    OBSERVE("connections that fit backlog 5", "%d", admitted(5));
    OBSERVE("connections that fit backlog 20", "%d", admitted(20));
    int listener = bound_socket();
    EQ(listen(listener, SOMAXCONN), 0);
    int most = admitted_by(listener);
    OBSERVE("connections that fit backlog SOMAXCONN", "%d%s", most, most == MOST ? " or more" : "");
    OBSERVE("SOMAXCONN", "%d", SOMAXCONN);
}

CASE(listen_admits_no_fewer_for_more, .requirement = "listen.backlog-larger-not-shorter", .over = CONNECTION,
     .slow = true)
{
    int two = admitted(2);

    AT_LEAST(admitted(20), two);
}

CASE(listen_with_backlog_zero, .requirement = "listen.backlog-zero", .over = CONNECTION, .slow = true)
{
    int listener = bound_socket();

    EQ(listen(listener, 0), 0);
    int count = admitted_by(listener);
    OBSERVE("connections that fit backlog 0", "%d%s", count, count == MOST ? " or more" : "");
}

CASE(listen_with_negative_backlog, .requirement = "listen.backlog-negative-as-zero", .over = CONNECTION,
     .slow = true)
{
    int zero = admitted(0), listener = bound_socket();

    EQ(listen(listener, -1), 0);
    EQ(admitted_by(listener), zero);
}

static const int backlogs[] = {1, 5, 20};

CASE(listen_admits_backlog, .requirement = "linux.listen.backlog-completed-only", .over = CONNECTION,
     .slow = true)
{
    for (size_t i = 0; i < sizeof backlogs / sizeof *backlogs; i++)
        AT_LEAST(admitted(backlogs[i]), backlogs[i]);
}

CASE(listen_admits_less_for_small_backlog, .requirement = "linux.listen.backlog-limits", .over = CONNECTION,
     .slow = true)
{
    AT_MOST(admitted(1), MOST - 1);
}

CASE(listen_admits_no_more_than_backlog, .requirement = "linux.listen.backlog-maximum", .over = CONNECTION,
     .slow = true)
{
    for (size_t i = 0; i < sizeof backlogs / sizeof *backlogs; i++)
        AT_MOST(admitted(backlogs[i]), backlogs[i]);
}

/* In a network of this role's own, whose settings are nobody else's. */
CASE(listen_admits_no_more_than_somaxconn, .requirement = "linux.listen.somaxconn-cap",
     .over = UNIX_STREAM | UNIX_SEQPACKET)
{
#ifdef __linux__
    if (unshare(CLONE_NEWNET) == -1)
        UNTESTED("no network of its own: %s", errno_name(errno));
    int setting = open("/proc/sys/net/core/somaxconn", O_WRONLY);
    if (setting == -1 || write(setting, "3", 1) != 1)
        UNTESTED("net.core.somaxconn cannot be set: %s", errno_name(errno));

    int three = admitted(3);
    EQ(admitted(20), three);
    EQ(admitted(SOMAXCONN), three);
#else
    UNTESTED("this system has no such limit that can be set");
#endif
}

CASE(listen_loses_none_that_fit, .requirement = "listen.queue-keeps", .over = CONNECTION, .slow = true)
{
    int listener = listening_with(20), count = admitted_by(listener);

    set_nonblocking(listener);
    for (int i = 0; i < count; i++) {
        REQUIRE(becomes(listener, POLLIN, -1), "nothing to accept");
        OK(accept(listener, NULL, NULL));
    }
    OBSERVE("connections queued and accepted", "%d", count);
}

CASE(listen_makes_room_by_accept, .requirement = "listen.accept-makes-room",
     .over = UNIX_STREAM | UNIX_SEQPACKET)
{
    int listener = listening_with(1);
    struct address there = address_of(listener);
    if (admitted_by(listener) == MOST)
        UNTESTED("the queue has room for %d connections", MOST);

    for (int i = 0; i < 3; i++) {
        OK(accept(listener, NULL, NULL));
        HOLDS(connects(there), "accept() has made no room");
    }
}

/* One waits for room at a time: of two, either may get it first. */
CASE(listen_full_queue_loses_none, .requirement = "listen.accept-makes-room", .over = TCP, .slow = true,
     .limit = 60)
{
    int listener = listening_with(1), waiting = new_socket();
    struct address there = address_of(listener);
    if (admitted_by(listener) == MOST)
        UNTESTED("the queue has room for %d connections", MOST);
    set_nonblocking(waiting);
    REQUIRE(connect(waiting, ADDR(there)) == -1, "there is room");
    if (errno != EINPROGRESS)
        UNTESTED("a full queue refuses connections: %s", errno_name(errno));

    OK(accept(listener, NULL, NULL));
    HOLDS(becomes(waiting, POLLOUT, -1), "the waiting connection is not made");
    EQ(option(waiting, SOL_SOCKET, SO_ERROR), 0);
}

CASE(listen_again, .requirement = "listen.relisten-changes-backlog", .over = CONNECTION, .slow = true)
{
    int listener = listening_with(1), few = admitted_by(listener), result = listen(listener, 20);

    OBSERVE("listen() on a listener", "%s", result == 0 ? "succeeds" : errno_name(errno));
    OBSERVE("connections in all with backlog 1, then 20", "%d, then %d", few, few + admitted_by(listener));
    for (int i = 0; i < few; i++)
        OK(accept(listener, NULL, NULL));
}

/* --- the end of a listener ------------------------------------------------------------------------- */

static bool at_end(ssize_t received) { return received == 0 || (received == -1 && errno == ECONNRESET); }

CASE(listener_closed_ends_queued, .requirement = "close.listener-aborts-queued", .over = CONNECTION)
{
    int listener = listening_socket(), client = client_of(listener);
    MUST(close(listener));

    HOLDS(at_end(recv(client, (char[1]){0}, 1, 0)), "it is neither at its end nor reset");
    OBSERVE("recv() where the listener was closed", "%s", errno ? errno_name(errno) : "0");
}

CASE(listener_shut_down, .requirement = "listen.einval-shutdown-may", .over = CONNECTION)
{
    int listener = listening_socket();

    int result = shutdown(listener, SHUT_RDWR);
    OBSERVE("shutdown() of a listener", "%s", result == 0 ? "succeeds" : errno_name(errno));
    result = listen(listener, 5);
    OBSERVE("listen() after it", "%s", result == 0 ? "succeeds" : errno_name(errno));
}

CASE(listener_closed_refuses, .requirement = "listen.close-refuses", .over = CONNECTION)
{
    int listener = listening_socket();
    struct address there = address_of(listener);
    client_of(listener);
    MUST(close(listener));

    FAILS(connect(new_socket(), ADDR(there)), ECONNREFUSED);
}

CASE(listener_closed_frees_port, .requirement = "listen.close-frees-port", .over = TCP)
{
    int listener = listening_socket();
    struct address here = address_of(listener);
    MUST(close(listener));

    int again = new_socket();
    OK(bind(again, ADDR(here)));
    OK(listen(again, 5));
}
