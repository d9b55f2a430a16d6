#include "sockets.h"

#include <stdio.h>
#include <sys/resource.h>

/* --- what the cases have in common ----------------------------------------------------------------- */

enum {
    PATIENCE = 200, /* milliseconds without progress, after which an attempt on this host counts as waiting */
    QUEUE = 100,    /* more connections than any queue of backlog 0 is taken to have room for */
};

static bool writable_within(int fd, int milliseconds)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};

    return MUST(poll(&p, 1, milliseconds)) == 1;
}

static void await_input(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    MUST(poll(&p, 1, -1));
}

static bool goes_on(int result) { return result == 0 || errno == EINPROGRESS; }

/* Connects without waiting. Gives 0 where the connection is made, EINPROGRESS where nothing comes of it, or
 * why not. */
static int attempt(int fd, struct address there)
{
    set_nonblocking(fd);
    if (connect(fd, ADDR(there)) == 0)
        return 0;
    if (errno != EINPROGRESS)
        return errno;
    return writable_within(fd, PATIENCE) ? option(fd, SOL_SOCKET, SO_ERROR) : EINPROGRESS;
}

/* Leaves no room in the queue. Where one connection more is refused then, nothing ever waits for room. */
static void fill_queue(int listener)
{
    struct address here = address_of(listener);

    for (int i = 0; i < QUEUE; i++) {
        int fd = new_socket(), outcome = attempt(fd, here);
        if (outcome == 0)
            continue;
        MUST(close(fd));
        if (outcome != EINPROGRESS && outcome != EAGAIN)
            UNTESTED("a full queue refuses connections: %s", errno_name(outcome));
        return;
    }
    UNTESTED("a queue of backlog 0 has room for %d connections", QUEUE);
}

static int full_listener(void)
{
    int listener = listening_with(0);

    fill_queue(listener);
    return listener;
}

/* getpeername(), whose failure says that nothing is connected. */
static struct address peer_of(int fd)
{
    struct address a = {.len = sizeof a.storage};

    OK(getpeername(fd, &a.any, &a.len));
    return a;
}

static void works_both_ways(int a, int b)
{
    char got = 0;

    EQ(send(a, "a", 1, MSG_NOSIGNAL), 1);
    await_input(b);
    EQ(recv(b, &got, 1, 0), 1);
    EQ(got, 'a');
    EQ(send(b, "b", 1, MSG_NOSIGNAL), 1);
    await_input(a);
    EQ(recv(a, &got, 1, 0), 1);
    EQ(got, 'b');
}

/* What a socket of any kind can connect to. */
static int target(void) { return kind->type == SOCK_DGRAM ? bound_socket() : listening_socket(); }

/* A signal to the peer, which has shown its process. */
static void show_process(void) { memcpy(my_page, &(pid_t){getpid()}, sizeof(pid_t)); }

static void interrupt_peer(void)
{
    pid_t process;

    memcpy(&process, peer_page, sizeof process);
    MUST(kill(process, SIGUSR1));
}

static struct address no_address(void)
{
    struct address a = address_of(new_socket());

    memset(&a.storage, 0, sizeof a.storage);
    a.any.sa_family = AF_UNSPEC;
    a.len = kind->domain == AF_INET6 ? sizeof a.in6 : sizeof a.in;
    return a;
}

/* An address to bind to that names its port, or a fresh path. */
static struct address nobody_yet(void) { return kind->domain == AF_UNIX ? fresh_path() : nobody(); }

/* --- connections ----------------------------------------------------------------------------------- */

PAIR(connect_establishes, .requirement = "connect.stream-establishes", .over = CONNECTION)

SERVER(connect_establishes)
{
    int fd = meet();
    char got[2];

    receive_all(fd, got, 1);
    send_all(fd, got, 1);
    await_end_of_peer();
}

CLIENT(connect_establishes)
{
    int fd = new_socket();
    char got = 0;

    await_peer();
    struct address there = peers_address();
    EQ(connect(fd, ADDR(there)), 0);

    HOLDS(same_address(peer_of(fd), there), "the peer is another than the one connected to");
    EQ(send(fd, "x", 1, 0), 1);
    EQ(recv(fd, &got, 1, 0), 1);
    EQ(got, 'x');
}

/* The server accepts only once the client has said that its connect() has returned. */
PAIR(connect_returns_before_accept, .requirement = "connect.does-not-wait-for-accept", .over = CONNECTION)

SERVER(connect_returns_before_accept)
{
    int listener = listening_socket();

    ready();
    await_peer();
    OK(accept(listener, NULL, NULL));
    ready();
}

CLIENT(connect_returns_before_accept)
{
    int fd = new_socket();
    struct place there = place_for_address();

    await_peer();
    struct address server = peers_address();
    OK(connect(fd, ADDR(server)));
    OK(getpeername(fd, PLACE(there)));

    ready();
    await_peer();
}

PAIR(connect_is_done_by_the_handshake, .requirement = "rfc9293.3whs-before-accept", .over = TCP)

SERVER(connect_is_done_by_the_handshake)
{
    int listener = listening_socket();
    char got[4];

    ready();
    await_peer();
    int fd = (int)OK(accept(listener, NULL, NULL));
    receive_all(fd, got, sizeof got);
    SAME(got, "data", sizeof got);
}

CLIENT(connect_is_done_by_the_handshake)
{
    int fd = new_socket();

    await_peer();
    struct address server = peers_address();
    OK(connect(fd, ADDR(server)));
    send_all(fd, "data", 4);

    ready();
    await_end_of_peer();
}

CASE(connect_nobody_accepts, .requirement = "connect.does-not-wait-for-accept", .over = CONNECTION)
{
    struct address there = address_of(listening_socket());

    for (int i = 0; i < 3; i++)
        OK(connect(new_socket(), ADDR(there)));
}

CASE(connect_refused_by_closed_listener, .requirement = "connect.econnrefused-tcp", .over = TCP)
{
    int listener = listening_socket();
    struct address there = address_of(listener);
    MUST(close(listener));

    FAILS(connect(new_socket(), ADDR(there)), ECONNREFUSED);
}

CASE(connect_refused_by_nobody, .requirement = "connect.econnrefused-tcp", .over = TCP)
{
    struct address there = nobody();

    FAILS(connect(new_socket(), ADDR(there)), ECONNREFUSED);
}

CASE(connect_refused_by_stale_path, .requirement = "connect.econnrefused-unix-not-listening", .over = UNIX)
{
    struct address there = nobody();

    FAILS(connect(new_socket(), ADDR(there)), ECONNREFUSED);
}

CASE(connect_refused_by_bound_socket, .requirement = "connect.econnrefused-unix-not-listening",
     .over = UNIX_STREAM | UNIX_SEQPACKET)
{
    struct address there = address_of(bound_socket());

    FAILS(connect(new_socket(), ADDR(there)), ECONNREFUSED);
}

CASE(connect_refused_by_path_of_closed_listener, .requirement = "connect.econnrefused-unix-not-listening",
     .over = UNIX_STREAM | UNIX_SEQPACKET)
{
    int listener = listening_socket();
    struct address there = address_of(listener);
    MUST(close(listener));

    FAILS(connect(new_socket(), ADDR(there)), ECONNREFUSED);
}

CASE(connect_refused_by_connected_socket, .requirement = "connect.econnrefused-not-a-listener",
     .over = CONNECTION)
{
    int fd = bound_socket();
    struct address here = address_of(fd), there = address_of(listening_socket());
    MUST(connect(fd, ADDR(there)));

    FAILS(connect(new_socket(), ADDR(here)), ECONNREFUSED);
}

CASE(connect_again, .requirement = "connect.eisconn", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    struct address same = peer_address_of(j.fd[1]), other = address_of(listening_socket());

    FAILS(connect(j.fd[1], ADDR(same)), EISCONN);
    FAILS(connect(j.fd[1], ADDR(other)), EISCONN);

    HOLDS(same_address(peer_of(j.fd[1]), same), "the peer has changed");
    works_both_ways(j.fd[0], j.fd[1]);
}

CASE(connect_accepted_socket, .requirement = "connect.eisconn", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    struct address other = address_of(listening_socket());

    FAILS(connect(j.fd[0], ADDR(other)), EISCONN);

    works_both_ways(j.fd[0], j.fd[1]);
}

CASE(connect_listener, .requirement = "connect.eopnotsupp-listening-may", .over = CONNECTION)
{
    int listener = listening_socket();
    struct address here = address_of(listener), there = address_of(listening_socket());

    int result = connect(listener, ADDR(there));
    OBSERVE("connect() of a listener", "%s", result == 0 ? "succeeds" : errno_name(errno));
    if (result == 0)
        UNTESTED("this implementation connects listeners");

    OK(connect(new_socket(), ADDR(here)));
    OK(accept(listener, NULL, NULL));
}

CASE(connect_after_refusal, .requirement = "connect.state-after-failure-unspecified", .over = CONNECTION)
{
    int fd = new_socket();
    struct address empty = nobody(), there = address_of(listening_socket());

    FAILS(connect(fd, ADDR(empty)), ECONNREFUSED);

    int result = connect(fd, ADDR(there));
    OBSERVE("connect() after one that was refused", "%s", result == 0 ? "succeeds" : errno_name(errno));
}

/* --- what connect() binds -------------------------------------------------------------------------- */

CASE(connect_binds, .requirement = "connect.implicit-bind-inet", .over = INTERNET)
{
    int there = target(), fd = new_socket();
    struct address a = address_of(there);

    OBSERVE("port before connect()", "%u", port_of(address_of(fd)));
    OK(connect(fd, ADDR(a)));

    struct address got = address_of(fd);
    EQ(got.any.sa_family, kind->domain);
    NOT(port_of(got), 0);
}

CASE(connect_binds_for_good, .requirement = "connect.implicit-bind-inet", .over = INTERNET)
{
    int there = target(), fd = new_socket();
    struct address a = address_of(there), other = fresh_address();
    MUST(connect(fd, ADDR(a)));
    struct address got = address_of(fd);

    FAILS(bind(fd, ADDR(other)), EINVAL, EISCONN);
    HOLDS(same_address(address_of(fd), got), "the local address has changed");
}

CASE(connect_shows_the_address_it_bound, .requirement = "connect.implicit-bind-inet", .over = TCP)
{
    struct joined j = joined_sockets();

    struct address here = address_of(j.fd[1]);
    HOLDS(same_address(here, loopback(port_of(here))),
          "the local address is not the one that leads to the peer");
    HOLDS(same_address(here, peer_address_of(j.fd[0])), "the server sees another address");
}

CASE(connect_binds_to_unused_ports, .requirement = "connect.implicit-bind-inet", .over = INTERNET)
{
    int there = target();
    struct address a = address_of(there);
    bool used[65536] = {[0] = true};
    used[port_of(a)] = true;

    for (int i = 0; i < 20; i++) {
        int fd = new_socket();
        OK(connect(fd, ADDR(a)));
        in_port_t port = port_of(address_of(fd));
        HOLDS(!used[port], "port %u was taken", port);
        used[port] = true;
    }
}

CASE(connect_chooses_ports, .requirement = "connect.implicit-port-choice", .over = INTERNET)
{
    int there = target();
    struct address a = address_of(there);
    in_port_t port[5];

    for (int i = 0; i < 5; i++) {
        int fd = new_socket();
        OK(connect(fd, ADDR(a)));
        port[i] = port_of(address_of(fd));
    }
    OBSERVE("ports chosen one after the other", "%u %u %u %u %u", port[0], port[1], port[2], port[3],
            port[4]);
}

CASE(connect_chooses_from_range, .requirement = "linux.connect.ip_local_port_range", .over = INTERNET)
{
    int there = target();
    struct address a = address_of(there);
    unsigned low = 0, high = 0;
    FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "r");
    if (!file || fscanf(file, "%u %u", &low, &high) != 2)
        UNTESTED("/proc/sys/net/ipv4/ip_local_port_range cannot be read");

    for (int i = 0; i < 20; i++) {
        int fd = new_socket();
        OK(connect(fd, ADDR(a)));
        AT_LEAST(port_of(address_of(fd)), (long)low);
        AT_MOST(port_of(address_of(fd)), (long)high);
    }
}

CASE(connect_may_leave_unnamed, .requirement = "connect.implicit-bind-unix-may-stay-unnamed", .over = UNIX)
{
    int there = target(), fd = new_socket();
    struct address a = address_of(there);
    struct place name = place_for_address();

    OK(connect(fd, ADDR(a)));
    OK(getsockname(fd, PLACE(name)));
    OBSERVE("length of the name after connect()", "%u", (unsigned)name.len);
    if (name.len >= offsetof(struct sockaddr_un, sun_path))
        EQ(name.any.sa_family, AF_UNIX);
    HOLDS(untouched(&name, name.len), "more was written than the length says");
}

CASE(connect_keeps_address, .requirement = "connect.keeps-explicit-bind", .over = ANY)
{
    int there = target(), fd = bound_socket();
    struct address a = address_of(there), here = address_of(fd);

    OK(connect(fd, ADDR(a)));
    HOLDS(same_address(address_of(fd), here), "the local address has changed");
}

CASE(connect_shows_bound_address, .requirement = "connect.keeps-explicit-bind", .over = CONNECTION)
{
    int listener = listening_socket(), fd = bound_socket();
    struct address there = address_of(listener), here = address_of(fd);

    OK(connect(fd, ADDR(there)));
    int accepted = (int)MUST(accept(listener, NULL, NULL));
    HOLDS(same_address(peer_of(accepted), here), "the server sees another address");
}

CASE(connect_keeps_port_of_wildcard, .requirement = "connect.keeps-explicit-bind", .over = INTERNET)
{
    int there = target(), fd = bound_to(wildcard(0));
    struct address a = address_of(there);
    in_port_t port = port_of(address_of(fd));

    OK(connect(fd, ADDR(a)));
    EQ(port_of(address_of(fd)), port);
}

CASE(connect_same_pair_twice, .requirement = "rfc9293.connection-already-exists", .over = TCP)
{
    int listener = listening_socket(), first = new_socket(), second = new_socket();
    struct address there = address_of(listener), here = loopback(0);
    set_option(first, SOL_SOCKET, SO_REUSEADDR, 1);
    set_option(second, SOL_SOCKET, SO_REUSEADDR, 1);
    MUST(bind(first, ADDR(here)));
    here = address_of(first);
    if (bind(second, ADDR(here)) == -1)
        UNTESTED("two sockets cannot be bound to one address: %s", errno_name(errno));
    MUST(connect(first, ADDR(there)));

    FAILS(connect(second, ADDR(there)), EADDRINUSE, EADDRNOTAVAIL);
    works_both_ways(first, (int)MUST(accept(listener, NULL, NULL)));
}

/* --- what connect() is given ----------------------------------------------------------------------- */

CASE(connect_other_family, .requirement = "connect.eafnosupport", .over = CONNECTION)
{
    int listener = listening_socket(), fd = new_socket();
    struct address there = address_of(listener);
    there.any.sa_family = kind->domain == AF_UNIX ? AF_INET : AF_UNIX;

    FAILS(connect(fd, ADDR(there)), EAFNOSUPPORT, EINVAL);

    set_nonblocking(listener);
    FAILS(accept(listener, NULL, NULL), EAGAIN, EWOULDBLOCK);
}

CASE(connect_other_family_of_datagrams, .requirement = "connect.eafnosupport", .over = DGRAM)
{
    int fd = new_socket();
    struct address there = address_of(bound_socket());
    there.any.sa_family = kind->domain == AF_UNIX ? AF_INET : AF_UNIX;
    struct place peer = place_for_address();

    FAILS(connect(fd, ADDR(there)), EAFNOSUPPORT, EINVAL);
    FAILS(getpeername(fd, PLACE(peer)), ENOTCONN);
}

CASE(connect_bad_descriptor, .requirement = "connect.ebadf", .over = ANY)
{
    int closed = new_socket();
    struct address there = address_of(bound_socket());
    MUST(close(closed));

    FAILS(connect(-1, ADDR(there)), EBADF);
    FAILS(connect(closed, ADDR(there)), EBADF);
}

CASE(connect_not_a_socket, .requirement = "connect.enotsock", .over = ANY)
{
    struct address there = address_of(target());
    int file = (int)MUST(open("file", O_RDWR | O_CREAT, 0600)), ends[2];
    MUST(pipe(ends));

    FAILS(connect(file, ADDR(there)), ENOTSOCK);
    FAILS(connect(ends[0], ADDR(there)), ENOTSOCK);
    FAILS(connect(ends[1], ADDR(there)), ENOTSOCK);
}

static void fails_on_type(int type)
{
    int other = new_socket_of(AF_UNIX, type), fd = new_socket();
    struct address there = fresh_path();
    MUST(bind(other, ADDR(there)));
    if (type != SOCK_DGRAM)
        MUST(listen(other, 5));

    FAILS(connect(fd, ADDR(there)), EPROTOTYPE);
}

CASE(connect_to_stream_path, .requirement = "connect.eprototype", .over = UNIX_DGRAM | UNIX_SEQPACKET)
{
    fails_on_type(SOCK_STREAM);
}

CASE(connect_to_datagram_path, .requirement = "connect.eprototype", .over = UNIX_STREAM | UNIX_SEQPACKET)
{
    fails_on_type(SOCK_DGRAM);
}

CASE(connect_to_seqpacket_path, .requirement = "connect.eprototype", .over = UNIX_STREAM | UNIX_DGRAM)
{
    fails_on_type(SOCK_SEQPACKET);
}

CASE(connect_to_missing_path, .requirement = "connect.unix.enoent", .over = UNIX)
{
    struct address there = fresh_path(), below = unix_path("missing/path");

    FAILS(connect(new_socket(), ADDR(there)), ENOENT);
    FAILS(connect(new_socket(), ADDR(below)), ENOENT);
}

CASE(connect_to_empty_path, .requirement = "connect.unix.enoent-empty", .over = UNIX)
{
    struct address there = unix_path("");
    there.len = sizeof there.un;

    FAILS(connect(new_socket(), ADDR(there)), ENOENT);
}

CASE(connect_to_removed_path, .requirement = "connect.unix.enoent", .over = UNIX)
{
    struct address there = address_of(target());
    MUST(unlink(there.un.sun_path));

    FAILS(connect(new_socket(), ADDR(there)), ENOENT);
}

CASE(connect_to_plain_file, .requirement = "linux.connect.unix-not-a-socket", .over = UNIX)
{
    struct address there = unix_path("file");
    MUST(open("file", O_RDWR | O_CREAT, 0600));

    FAILS(connect(new_socket(), ADDR(there)), ECONNREFUSED);
}

CASE(connect_to_something_else, .requirement = "connect.econnrefused-unix-not-a-socket", .over = UNIX)
{
    struct address file = unix_path("file"), directory = unix_path("directory");
    MUST(open("file", O_RDWR | O_CREAT, 0600));
    MUST(mkdir("directory", 0700));

    HOLDS(connect(new_socket(), ADDR(file)) == -1, "it connects to a plain file");
    OBSERVE("connect() to a plain file", "%s", errno_name(errno));
    HOLDS(connect(new_socket(), ADDR(directory)) == -1, "it connects to a directory");
}

CASE(connect_below_file, .requirement = "connect.unix.enotdir", .over = UNIX)
{
    struct address below = unix_path("file/path");
    MUST(open("file", O_RDWR | O_CREAT, 0600));

    FAILS(connect(new_socket(), ADDR(below)), ENOTDIR);
}

CASE(connect_with_slash_after_socket, .requirement = "connect.unix.enotdir", .over = UNIX)
{
    int fd = new_socket();
    struct address there = unix_path("socket"), slash = unix_path("socket/");
    MUST(bind(fd, ADDR(there)));

    FAILS(connect(new_socket(), ADDR(slash)), ENOTDIR);
}

CASE(connect_through_circle_of_links, .requirement = "connect.unix.eloop", .over = UNIX)
{
    struct address there = unix_path("one");
    MUST(symlink("two", "one"));
    MUST(symlink("one", "two"));

    FAILS(connect(new_socket(), ADDR(there)), ELOOP);
}

CASE(connect_to_name_too_long, .requirement = "connect.unix.enametoolong", .over = UNIX)
{
    struct address there = unix_path("link");
    char name[1024];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    MUST(symlink(name, "link"));

    FAILS(connect(new_socket(), ADDR(there)), ENAMETOOLONG);
}

CASE(connect_through_link, .requirement = "connect.unix.follows-symlink", .over = UNIX)
{
    struct address there = address_of(target());
    struct address link = unix_path("link");
    MUST(symlink(there.un.sun_path, "link"));

    OK(connect(new_socket(), ADDR(link)));
}

CASE(connect_needs_write_permission, .requirement = "linux.connect.unix-eacces", .over = UNIX)
{
    struct address there = address_of(target());
    struct address closed = address_of(target());
    MUST(chmod(".", 0755));
    MUST(chmod(there.un.sun_path, 0222));
    MUST(chmod(closed.un.sun_path, 0555));
    become_unprivileged();

    OK(connect(new_socket(), ADDR(there)));
    FAILS(connect(new_socket(), ADDR(closed)), EACCES);
}

CASE(connect_needs_no_privilege_over_ports, .requirement = "linux.connect.low-port-needs-no-privilege",
     .over = TCP)
{
    need_privilege();
    int listener = new_socket();
    struct address there = loopback(1023);
    while (bind(listener, ADDR(there)) == -1 && port_of(there) > 1)
        there = loopback(port_of(there) - 1);
    MUST(listen(listener, 5));
    become_unprivileged();

    OK(connect(new_socket(), ADDR(there)));
}

/* --- connecting without waiting -------------------------------------------------------------------- */

CASE(connect_without_waiting, .requirement = "connect.async-success-writable", .over = CONNECTION)
{
    int fd = new_socket(), listener = listening_socket();
    struct address there = address_of(listener);
    set_nonblocking(fd);

    HOLDS(goes_on(connect(fd, ADDR(there))), "connect() neither succeeds nor goes on");
    HOLDS(writable_within(fd, -1), "the connection does not show");
    EQ(option(fd, SOL_SOCKET, SO_ERROR), 0);
    HOLDS(same_address(peer_of(fd), there), "the peer is another than the one connected to");
    works_both_ways(fd, (int)OK(accept(listener, NULL, NULL)));
}

CASE(connect_without_waiting_selected, .requirement = "connect.async-success-writable", .over = CONNECTION)
{
    int fd = new_socket();
    struct address there = address_of(listening_socket());
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    set_nonblocking(fd);

    HOLDS(goes_on(connect(fd, ADDR(there))), "connect() neither succeeds nor goes on");
    EQ(select(fd + 1, NULL, &set, NULL, NULL), 1);
    HOLDS(FD_ISSET(fd, &set), "the socket is not among those that are writable");
    EQ(option(fd, SOL_SOCKET, SO_ERROR), 0);
}

/* Room comes only when the server accepts: until then nothing may show. */
CASE(connect_in_progress_until_accepted, .requirement = "connect.async-success-writable", .over = TCP,
     .slow = true, .limit = 40)
{
    int listener = full_listener(), fd = new_socket();
    struct address there = address_of(listener);
    struct place peer = place_for_address();
    REQUIRE(attempt(fd, there) == EINPROGRESS, "the connection is made at once");

    EQ(option(fd, SOL_SOCKET, SO_ERROR), 0);
    FAILS(getpeername(fd, PLACE(peer)), ENOTCONN);
    MUST(accept(listener, NULL, NULL));
    HOLDS(writable_within(fd, -1), "the connection does not show");
    EQ(option(fd, SOL_SOCKET, SO_ERROR), 0);
    OK(getpeername(fd, PLACE(peer)));
}

CASE(connect_in_progress, .requirement = "connect.einprogress", .over = CONNECTION, .slow = true)
{
    struct address there = address_of(full_listener());
    int fd = new_socket();
    set_nonblocking(fd);

    FAILS(connect(fd, ADDR(there)), EINPROGRESS);
}

/* Neither with room in the queue nor without does it wait, or succeed before the connection is made. */
CASE(connect_without_waiting_returns, .requirement = "connect.nonblocking-returns", .over = CONNECTION,
     .slow = true)
{
    struct address there = address_of(listening_with(0));

    for (int i = 0; i < QUEUE; i++) {
        int fd = new_socket();
        struct place peer = place_for_address();
        set_nonblocking(fd);
        if (AT_LEAST(connect(fd, ADDR(there)), -1) == 0)
            OK(getpeername(fd, PLACE(peer)));
        else if (errno != EINPROGRESS || !writable_within(fd, PATIENCE))
            return;
    }
}

CASE(connect_already_in_progress, .requirement = "connect.ealready", .over = TCP, .slow = true)
{
    struct address there = address_of(full_listener());
    int fd = new_socket();
    REQUIRE(attempt(fd, there) == EINPROGRESS, "the connection is made at once");

    FAILS(connect(fd, ADDR(there)), EALREADY);
    FAILS(connect(fd, ADDR(there)), EALREADY);
}

CASE(connect_after_success_without_waiting, .requirement = "connect.eisconn-after-async", .over = CONNECTION)
{
    int fd = new_socket();
    struct address there = address_of(listening_socket());
    REQUIRE(attempt(fd, there) == 0, "the connection is not made");

    FAILS(connect(fd, ADDR(there)), EISCONN);
}

static int refused_later(void)
{
    int fd = new_socket();
    struct address there = nobody();
    set_nonblocking(fd);

    REQUIRE(goes_on(connect(fd, ADDR(there))) || errno == ECONNREFUSED, "connect() fails otherwise");
    if (errno == ECONNREFUSED)
        UNTESTED("the connection is refused at once");
    return fd;
}

CASE(connect_refused_later, .requirement = "connect.async-failure-writable", .over = TCP)
{
    int fd = refused_later();
    fd_set set;
    FD_ZERO(&set);
    FD_SET(fd, &set);

    EQ(select(fd + 1, NULL, &set, NULL, NULL), 1);
    HOLDS(FD_ISSET(fd, &set), "the socket is not among those that are writable");
    EQ(option(fd, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
}

CASE(connect_refused_later_once, .requirement = "connect.async-failure-cleared", .over = TCP)
{
    struct pollfd p = {.fd = refused_later(), .events = POLLOUT};
    struct place peer = place_for_address();

    AT_LEAST(poll(&p, 1, -1), 1);
    EQ(option(p.fd, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
    EQ(option(p.fd, SOL_SOCKET, SO_ERROR), 0);
    FAILS(getpeername(p.fd, PLACE(peer)), ENOTCONN, EINVAL);
}

/* --- a blocking connect ---------------------------------------------------------------------------- */

PAIR(connect_waits_for_room, .requirement = "connect.blocks-until-established", .over = TCP, .slow = true,
     .limit = 40)

SERVER(connect_waits_for_room)
{
    int listener = full_listener();

    ready();
    PEER_BLOCKS_IN(connect);

    MUST(accept(listener, NULL, NULL));
    await_end_of_peer();
}

CLIENT(connect_waits_for_room)
{
    struct place peer = place_for_address();

    await_peer();
    struct address there = peers_address();
    int fd = new_socket();
    OK(connect(fd, ADDR(there)));
    OK(getpeername(fd, PLACE(peer)));
}

PAIR(connect_waits_for_room_in_unix_queue, .requirement = "linux.connect.unix-full-backlog-blocks",
     .over = UNIX_STREAM | UNIX_SEQPACKET)

SERVER(connect_waits_for_room_in_unix_queue)
{
    int listener = full_listener();

    ready();
    PEER_BLOCKS_IN(connect);

    MUST(accept(listener, NULL, NULL));
    await_end_of_peer();
}

CLIENT(connect_waits_for_room_in_unix_queue)
{
    struct place peer = place_for_address();

    await_peer();
    struct address there = peers_address();
    int fd = new_socket();
    OK(connect(fd, ADDR(there)));
    OK(getpeername(fd, PLACE(peer)));
}

CASE(connect_to_full_unix_queue, .requirement = "linux.connect.unix-full-backlog-eagain",
     .over = UNIX_STREAM | UNIX_SEQPACKET)
{
    int listener = full_listener(), fd = new_socket();
    struct address there = address_of(listener);
    set_nonblocking(fd);

    FAILS(connect(fd, ADDR(there)), EAGAIN);
    FAILS(connect(fd, ADDR(there)), EAGAIN);
    MUST(accept(listener, NULL, NULL));
    OK(connect(fd, ADDR(there)));
}

/* The client waits for room, is interrupted, and goes on in `then`; room is made once it is ready again. */
static void interrupt_waiting_peer(void)
{
    int listener = full_listener();

    ready();
    PEER_BLOCKS_IN(connect);
    interrupt_peer();

    await_peer();
    MUST(accept(listener, NULL, NULL));
    await_end_of_peer();
}

/* The server sees it wait, and interrupts it. */
static int socket_interrupted_in_connect(void)
{
    int fd = new_socket();

    count_signal(SIGUSR1);
    show_process();
    await_peer();
    struct address there = peers_address();
    FAILS(connect(fd, ADDR(there)), EINTR);
    return fd;
}

PAIR(connect_interrupted, .requirement = "connect.eintr", .over = CONNECTION, .slow = true)

SERVER(connect_interrupted) { interrupt_waiting_peer(); }

CLIENT(connect_interrupted)
{
    socket_interrupted_in_connect();

    EQ(signals_counted(), 1);
    ready();
}

PAIR(connect_goes_on_after_interruption, .requirement = "connect.eintr-continues-async", .over = CONNECTION,
     .slow = true, .limit = 40)

SERVER(connect_goes_on_after_interruption) { interrupt_waiting_peer(); }

CLIENT(connect_goes_on_after_interruption)
{
    int fd = socket_interrupted_in_connect();
    struct place peer = place_for_address();

    ready();
    HOLDS(writable_within(fd, -1), "the connection does not show");
    EQ(option(fd, SOL_SOCKET, SO_ERROR), 0);
    OK(getpeername(fd, PLACE(peer)));
}

/* A call that waits for the connection in place of failing is ended by a second signal. */
PAIR(connect_again_after_interruption, .requirement = "connect.eintr-then-ealready", .over = TCP,
     .slow = true)

SERVER(connect_again_after_interruption) { interrupt_waiting_peer(); }

CLIENT(connect_again_after_interruption)
{
    int fd = socket_interrupted_in_connect();
    struct address there = peers_address();
    const struct itimerval soon = {.it_value.tv_usec = 300000, .it_interval.tv_usec = 300000};
    count_signal(SIGALRM);
    MUST(setitimer(ITIMER_REAL, &soon, NULL));

    FAILS(connect(fd, ADDR(there)), EALREADY);
    ready();
}

PAIR(connect_again_after_interruption_without_waiting, .requirement = "connect.ealready", .over = TCP,
     .slow = true)

SERVER(connect_again_after_interruption_without_waiting) { interrupt_waiting_peer(); }

CLIENT(connect_again_after_interruption_without_waiting)
{
    int fd = socket_interrupted_in_connect();
    struct address there = peers_address();
    set_nonblocking(fd);

    FAILS(connect(fd, ADDR(there)), EALREADY);
    ready();
}

CASE(connect_times_out, .requirement = "connect.etimedout", .over = TCP, .slow = true, .limit = 60)
{
#ifdef TCP_SYNCNT
    struct address there = address_of(full_listener());
    int fd = new_socket();
    set_option(fd, IPPROTO_TCP, TCP_SYNCNT, 1);

    FAILS(connect(fd, ADDR(there)), ETIMEDOUT);
#else
    UNTESTED("nothing here shortens the minutes until a connect() times out");
#endif
}

CASE(connect_times_out_at_send_timeout, .requirement = "linux.sndtimeo.connect-einprogress", .over = TCP,
     .slow = true)
{
    struct address there = address_of(full_listener());
    int fd = new_socket();
    const struct timeval timeout = {.tv_usec = 50000};
    struct timespec before, after;
    MUST(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout));

    clock_gettime(CLOCK_MONOTONIC, &before);
    FAILS(connect(fd, ADDR(there)), EINPROGRESS);
    clock_gettime(CLOCK_MONOTONIC, &after);
    AT_LEAST((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000, 50);
}

/* --- two that connect to each other ---------------------------------------------------------------- */

/* The attempt of the first is under way as long as the listener at that port has no room. The second one is
 * bound to the same port, and answers it by an attempt of its own. */
CASE(connect_to_each_other, .requirement = "rfc9293.simultaneous-open", .over = TCP, .slow = true)
{
    int listener = new_socket(), first = bound_socket(), second = new_socket();
    struct address here = address_of(first), there = loopback(0);
    set_option(listener, SOL_SOCKET, SO_REUSEADDR, 1);
    set_option(second, SOL_SOCKET, SO_REUSEADDR, 1);
    MUST(bind(listener, ADDR(there)));
    there = address_of(listener);
    if (bind(second, ADDR(there)) == -1)
        UNTESTED("two sockets cannot be bound to one address: %s", errno_name(errno));
    MUST(listen(listener, 0));
    fill_queue(listener);
    REQUIRE(attempt(first, there) == EINPROGRESS, "the connection is made at once");

    OK(connect(second, ADDR(here)));
    HOLDS(writable_within(first, -1), "the connection does not show");
    EQ(option(first, SOL_SOCKET, SO_ERROR), 0);
    HOLDS(same_address(peer_of(first), there), "the first has another peer");
    HOLDS(same_address(peer_of(second), here), "the second has another peer");
    works_both_ways(first, second);
}

CASE(connect_to_itself, .requirement = "rfc9293.self-connect", .over = TCP)
{
    int fd = bound_socket();
    struct address here = address_of(fd);
    char got = 0;

    int result = connect(fd, ADDR(here));
    OBSERVE("connect() to the socket's own address", "%s", result == 0 ? "succeeds" : errno_name(errno));
    if (result == -1)
        return;

    HOLDS(same_address(peer_of(fd), here), "the peer is another");
    EQ(send(fd, "x", 1, MSG_NOSIGNAL), 1);
    EQ(recv(fd, &got, 1, 0), 1);
    EQ(got, 'x');
}

/* --- datagrams ------------------------------------------------------------------------------------- */

CASE(connect_of_datagrams_only_sets_peer, .requirement = "connect.dgram-sets-peer", .over = DGRAM)
{
    int fd = new_socket(), receiver = bound_socket();
    struct address there = address_of(receiver);
    char got[8];

    OK(connect(fd, ADDR(there)));
    HOLDS(same_address(peer_of(fd), there), "the peer is another");
    EQ(send(fd, "data", 4, 0), 4);
    EQ(recv(receiver, got, sizeof got, 0), 4);
    set_nonblocking(receiver);
    FAILS(recv(receiver, got, sizeof got, 0), EAGAIN, EWOULDBLOCK);
}

CASE(connect_of_datagrams_to_nobody, .requirement = "connect.dgram-sets-peer", .over = UDP)
{
    int fd = new_socket();
    struct address there = nobody();

    OK(connect(fd, ADDR(there)));
    HOLDS(same_address(peer_of(fd), there), "the peer is another");
    EQ(option(fd, SOL_SOCKET, SO_ERROR), 0);
}

CASE(connect_of_datagrams_sets_destination, .requirement = "connect.dgram-default-destination", .over = DGRAM)
{
    int fd = bound_socket(), receiver = bound_socket();
    struct address there = address_of(receiver);
    struct place from = place_for_address();
    char got[8];

    OK(connect(fd, ADDR(there)));
    EQ(send(fd, "send", 4, 0), 4);
    EQ(recvfrom(receiver, got, sizeof got, 0, PLACE(from)), 4);
    SAME(got, "send", 4);
    HOLDS(same_address(address_in(&from), address_of(fd)), "it comes from another address");
    EQ(write(fd, "write", 5), 5);
    EQ(recv(receiver, got, sizeof got, 0), 5);
    SAME(got, "write", 5);
}

CASE(connect_of_datagrams_keeps_others_out, .requirement = "connect.dgram-filters-sender", .over = DGRAM)
{
    int fd = bound_socket(), wanted = bound_socket(), other = bound_socket();
    struct address here = address_of(fd), there = address_of(wanted);
    char got[8];

    OK(connect(fd, ADDR(there)));
    sendto(other, "other", 5, 0, ADDR(here)); /* may say that it cannot be received */
    EQ(sendto(wanted, "ours", 4, 0, ADDR(here)), 4);
    EQ(recv(fd, got, sizeof got, 0), 4);
    SAME(got, "ours", 4);
    set_nonblocking(fd);
    FAILS(recv(fd, got, sizeof got, 0), EAGAIN, EWOULDBLOCK);
}

CASE(connect_of_datagrams_changes_peer, .requirement = "connect.dgram-reconnect", .over = DGRAM)
{
    int fd = bound_socket(), old = bound_socket(), now = bound_socket();
    struct address here = address_of(fd), first = address_of(old), second = address_of(now);
    char got[8];
    MUST(connect(fd, ADDR(first)));

    OK(connect(fd, ADDR(second)));
    HOLDS(same_address(peer_of(fd), second), "the peer is another");
    HOLDS(same_address(address_of(fd), here), "the local address has changed");
    EQ(send(fd, "new", 3, 0), 3);
    EQ(recv(now, got, sizeof got, 0), 3);
    set_nonblocking(old);
    FAILS(recv(old, got, sizeof got, 0), EAGAIN, EWOULDBLOCK);
}

CASE(connect_of_datagrams_changes_sender, .requirement = "connect.dgram-reconnect", .over = DGRAM)
{
    int fd = bound_socket(), old = bound_socket(), now = bound_socket();
    struct address here = address_of(fd), first = address_of(old), second = address_of(now);
    char got[8];
    MUST(connect(fd, ADDR(first)));

    OK(connect(fd, ADDR(second)));
    sendto(old, "other", 5, 0, ADDR(here)); /* may say that it cannot be received */
    EQ(sendto(now, "ours", 4, 0, ADDR(here)), 4);
    EQ(recv(fd, got, sizeof got, 0), 4);
    SAME(got, "ours", 4);
}

CASE(connect_of_datagrams_undone, .requirement = "connect.dgram-unspec-resets", .over = DGRAM)
{
    int fd = bound_socket(), receiver = bound_socket();
    struct address there = address_of(receiver), none = no_address();
    struct place peer = place_for_address();
    MUST(connect(fd, ADDR(there)));

    OK(connect(fd, ADDR(none)));
    FAILS(getpeername(fd, PLACE(peer)), ENOTCONN);
    FAILS(send(fd, "x", 1, 0), EDESTADDRREQ, ENOTCONN);
    OK(connect(fd, ADDR(there)));
    EQ(send(fd, "x", 1, 0), 1);
}

CASE(connect_of_datagrams_undone_receives, .requirement = "connect.dgram-unspec-resets", .over = DGRAM)
{
    struct address here = nobody_yet(), there = address_of(bound_socket()), none = no_address();
    int fd = bound_to(here), other = bound_socket();
    char got[8];
    MUST(connect(fd, ADDR(there)));

    OK(connect(fd, ADDR(none)));
    EQ(sendto(other, "other", 5, 0, ADDR(here)), 5);
    EQ(recv(fd, got, sizeof got, 0), 5);
    SAME(got, "other", 5);
}

CASE(connect_of_datagrams_undone_keeps_address, .requirement = "connect.dgram-unspec-keeps-address",
     .over = DGRAM)
{
    struct address here = nobody_yet(), there = address_of(bound_socket()), none = no_address();
    int fd = bound_to(here);
    MUST(connect(fd, ADDR(there)));

    OK(connect(fd, ADDR(none)));
    HOLDS(same_address(address_of(fd), here), "the local address has changed");
}

CASE(connect_of_datagrams_undone_with_chosen_port, .requirement = "connect.dgram-unspec-resets", .over = UDP)
{
    int fd = bound_socket();
    struct address here = address_of(fd), there = address_of(bound_socket()), none = no_address();
    MUST(connect(fd, ADDR(there)));

    OK(connect(fd, ADDR(none)));
    OBSERVE("port that bind() chose", "%s",
            port_of(address_of(fd)) == port_of(here) ? "is kept" : "is given up");
}

CASE(connect_of_datagrams_after_arrival, .requirement = "connect.dgram-queued-before-connect", .over = DGRAM)
{
    int fd = bound_socket(), early = bound_socket();
    struct address here = address_of(fd), there = address_of(bound_socket());
    char got[8];
    MUST(sendto(early, "early", 5, 0, ADDR(here)));
    await_input(fd);

    OK(connect(fd, ADDR(there)));
    set_nonblocking(fd);
    OBSERVE("what another sender sent before connect()", "%s",
            recv(fd, got, sizeof got, 0) == 5 ? "is received" : "is dropped");
}

/* --- AF_UNSPEC of connections ---------------------------------------------------------------------- */

CASE(connect_undone, .requirement = "linux.connect.af_unspec-dissolves-tcp", .over = TCP)
{
    struct joined j = joined_sockets();
    struct address there = address_of(j.listener), none = no_address();
    struct place peer = place_for_address();

    OK(connect(j.fd[1], ADDR(none)));
    FAILS(getpeername(j.fd[1], PLACE(peer)), ENOTCONN);
    OK(connect(j.fd[1], ADDR(there)));
    works_both_ways(j.fd[1], (int)MUST(accept(j.listener, NULL, NULL)));
}
