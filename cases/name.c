#include "sockets.h"

#include <stdio.h>

/* --- what the cases have in common ----------------------------------------------------------------- */

static int closed(void)
{
    int fd = new_socket();

    MUST(close(fd));
    return fd;
}

static int no_socket(void)
{
    int ends[2];

    MUST(pipe(ends));
    return ends[0];
}

static int regular_file(void) { return (int)MUST(open("file", O_RDWR | O_CREAT, 0600)); }

static void await_event(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};

    MUST(poll(&p, 1, -1));
}

/* How far a place has been written, by what its call says of the length. */
static size_t written(const struct place *p) { return p->len < p->room ? p->len : p->room; }

static size_t size_of_address(void)
{
    return kind->domain == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

/* Joined, where possible with addresses on both sides: a UNIX client is bound before it connects. */
static struct joined joined_with_names(void)
{
    struct joined j = {.listener = -1};
    struct address any = fresh_address();

    if (kind->type == SOCK_DGRAM)
        return joined_sockets();
    j.listener = listening_socket();
    struct address there = address_of(j.listener);
    j.fd[1] = new_socket();
    MUST(bind(j.fd[1], ADDR(any)));
    MUST(connect(j.fd[1], ADDR(there)));
    j.fd[0] = (int)MUST(accept(j.listener, NULL, NULL));
    return j;
}

/* --- both calls ---------------------------------------------------------------------------------------- */

/* What the two calls have in common, each on a socket that has what it asks for. */
#define NAMES(call, socket_of)                                                                         \
    CASE(call##_gives_zero, .requirement = #call ".success-zero", .over = ANY)                         \
    {                                                                                                  \
        int fd = socket_of;                                                                            \
        struct place p = place_for_address();                                                          \
                                                                                                       \
        EQ(call(fd, PLACE(p)), 0);                                                                     \
        EQ(p.any.sa_family, kind->domain);                                                             \
    }                                                                                                  \
    CASE(call##_length_of_address, .requirement = #call ".len-value-result", .over = INTERNET)         \
    {                                                                                                  \
        int fd = socket_of;                                                                            \
        struct place p = place_for_address();                                                          \
                                                                                                       \
        OK(call(fd, PLACE(p)));                                                                        \
                                                                                                       \
        EQ(p.len, (long)size_of_address());                                                            \
        HOLDS(untouched(&p, p.room), "bytes beyond the room were written");                            \
    }                                                                                                  \
    CASE(call##_length_of_path, .requirement = #call ".len-value-result", .over = UNIX)                \
    {                                                                                                  \
        int fd = socket_of;                                                                            \
        struct place p = place_for_address();                                                          \
                                                                                                       \
        OK(call(fd, PLACE(p)));                                                                        \
                                                                                                       \
        AT_LEAST(p.len, (long)offsetof(struct sockaddr_un, sun_path) + 1);                             \
        AT_MOST(p.len, (long)p.room);                                                                  \
        HOLDS(untouched(&p, p.room), "bytes beyond the room were written");                            \
    }                                                                                                  \
    CASE(call##_exact_room, .requirement = #call ".len-value-result", .over = ANY)                     \
    {                                                                                                  \
        int fd = socket_of;                                                                            \
        struct place whole = place_for_address();                                                      \
        MUST(call(fd, PLACE(whole)));                                                                  \
        struct place exact = place_of(whole.len);                                                      \
                                                                                                       \
        OK(call(fd, PLACE(exact)));                                                                    \
                                                                                                       \
        EQ(exact.len, whole.len);                                                                      \
        SAME(exact.bytes, whole.bytes, whole.len);                                                     \
        HOLDS(untouched(&exact, exact.room), "bytes beyond the room were written");                    \
    }                                                                                                  \
    CASE(call##_too_little_room, .requirement = #call ".truncates", .over = ANY)                       \
    {                                                                                                  \
        int fd = socket_of;                                                                            \
        struct place whole = place_for_address();                                                      \
        MUST(call(fd, PLACE(whole)));                                                                  \
                                                                                                       \
        for (socklen_t room = 0; room < whole.len; room++) {                                           \
            struct place part = place_of(room);                                                        \
            OK(call(fd, PLACE(part)));                                                                 \
            SAME(part.bytes, whole.bytes, written(&part));                                             \
            AT_LEAST(part.len, room);                                                                  \
            HOLDS(untouched(&part, room), "bytes beyond the room of %u were written", (unsigned)room); \
        }                                                                                              \
    }                                                                                                  \
    CASE(call##_too_little_room_length, .requirement = "linux." #call ".full-length", .over = ANY)     \
    {                                                                                                  \
        int fd = socket_of;                                                                            \
        struct place whole = place_for_address(), part = place_of(3);                                  \
        MUST(call(fd, PLACE(whole)));                                                                  \
                                                                                                       \
        OK(call(fd, PLACE(part)));                                                                     \
        EQ(part.len, whole.len);                                                                       \
    }                                                                                                  \
    CASE(call##_negative_length, .requirement = "linux." #call ".einval-length", .over = ANY)          \
    {                                                                                                  \
        int fd = socket_of;                                                                            \
        struct place p = place_for_address();                                                          \
        p.len = (socklen_t)-1;                                                                         \
                                                                                                       \
        FAILS(call(fd, PLACE(p)), EINVAL);                                                             \
        HOLDS(untouched(&p, 0), "an address was written");                                             \
    }                                                                                                  \
    CASE(call##_twice, .requirement = #call ".success-zero", .over = ANY)                              \
    {                                                                                                  \
        int fd = socket_of;                                                                            \
        struct place first = place_for_address(), second = place_for_address();                        \
                                                                                                       \
        OK(call(fd, PLACE(first)));                                                                    \
        OK(call(fd, PLACE(second)));                                                                   \
        HOLDS(same_address(address_in(&first), address_in(&second)), "the second address is another"); \
    }                                                                                                  \
    CASE(call##_of_no_descriptor, .requirement = #call ".ebadf", .over = ANY)                          \
    {                                                                                                  \
        struct place p = place_for_address();                                                          \
                                                                                                       \
        FAILS(call(-1, PLACE(p)), EBADF);                                                              \
        FAILS(call(closed(), PLACE(p)), EBADF);                                                        \
    }                                                                                                  \
    CASE(call##_of_no_socket, .requirement = #call ".enotsock", .over = INET_STREAM | UNIX_STREAM)     \
    {                                                                                                  \
        struct place p = place_for_address();                                                          \
                                                                                                       \
        FAILS(call(no_socket(), PLACE(p)), ENOTSOCK);                                                  \
        FAILS(call(regular_file(), PLACE(p)), ENOTSOCK);                                               \
    }
NAMES(getsockname, bound_socket())
NAMES(getpeername, joined_with_names().fd[0])

/* --- getsockname ---------------------------------------------------------------------------------------- */

CASE(getsockname_of_path, .requirement = "getsockname.returns-bound-address", .over = UNIX)
{
    struct address a = fresh_path();
    struct place here = place_for_address();
    int fd = bound_to(a);

    OK(getsockname(fd, PLACE(here)));

    HOLDS(same_address(address_in(&here), a), "the address is another than was bound");
}

CASE(getsockname_of_chosen_port, .requirement = "getsockname.returns-bound-address", .over = INTERNET)
{
    struct place one = place_for_address(), other = place_for_address();
    int first = bound_socket(), second = bound_socket();

    OK(getsockname(first, PLACE(one)));
    OK(getsockname(second, PLACE(other)));

    struct address a = address_in(&one);
    NOT(port_of(a), 0);
    HOLDS(same_address(a, loopback(port_of(a))), "the address is another than was bound");
    NOT(port_of(address_in(&other)), port_of(a));
}

CASE(getsockname_of_named_port, .requirement = "getsockname.returns-bound-address", .over = INTERNET)
{
    struct place here = place_for_address();
    int fd = bound_socket();
    struct address a = address_of(fd);
    MUST(close(fd));

    OK(getsockname(bound_to(a), PLACE(here)));

    HOLDS(same_address(address_in(&here), a), "the address is another than was bound");
}

CASE(getsockname_of_wildcard, .requirement = "getsockname.returns-bound-address", .over = INTERNET)
{
    struct place here = place_for_address();

    OK(getsockname(bound_to(wildcard(0)), PLACE(here)));

    struct address a = address_in(&here);
    NOT(port_of(a), 0);
    HOLDS(same_address(a, wildcard(port_of(a))), "the address is another than was bound");
}

CASE(getsockname_of_listener, .requirement = "getsockname.returns-bound-address", .over = CONNECTION)
{
    int fd = bound_socket(), client = new_socket();
    struct address a = address_of(fd);
    struct place here = place_for_address();

    MUST(listen(fd, 1));
    OK(getsockname(fd, PLACE(here)));
    HOLDS(same_address(address_in(&here), a), "listen() has changed the address");

    MUST(connect(client, ADDR(a)));
    MUST(accept(fd, NULL, NULL));
    here = place_for_address();
    OK(getsockname(fd, PLACE(here)));
    HOLDS(same_address(address_in(&here), a), "accept() has changed the address");
}

CASE(getsockname_of_bound_client, .requirement = "getsockname.returns-bound-address", .over = CONNECTION)
{
    struct address there = address_of(listening_socket());
    int fd = bound_socket();
    struct address a = address_of(fd);
    struct place here = place_for_address();
    MUST(connect(fd, ADDR(there)));

    OK(getsockname(fd, PLACE(here)));

    HOLDS(same_address(address_in(&here), a), "connect() has changed the address");
}

CASE(getsockname_of_accepted, .requirement = "getsockname.accepted-has-listeners", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    struct place here = place_for_address();

    OK(getsockname(j.fd[0], PLACE(here)));

    HOLDS(same_address(address_in(&here), address_of(j.listener)), "the address is not the listener's");
}

CASE(getsockname_of_accepted_by_wildcard, .requirement = "getsockname.accepted-concrete", .over = TCP)
{
    int listener = bound_to(wildcard(0)), client = new_socket();
    MUST(listen(listener, 1));
    struct address there = loopback(port_of(address_of(listener)));
    struct place here = place_for_address();
    MUST(connect(client, ADDR(there)));
    int fd = (int)MUST(accept(listener, NULL, NULL));

    OK(getsockname(fd, PLACE(here)));

    HOLDS(same_address(address_in(&here), there), "the address is another than the client connected to");
    HOLDS(same_address(address_of(listener), wildcard(port_of(there))), "the listener's address has changed");
}

CASE(getsockname_of_unbound, .requirement = "getsockname.unbound-unspecified", .over = ANY)
{
    struct place here = place_for_address();
    int outcome = getsockname(new_socket(), PLACE(here));

    HOLDS(untouched(&here, here.room), "bytes beyond the room were written");
    if (outcome == -1)
        OBSERVE("an unbound socket gives", "%s", errno_name(errno));
    else
        OBSERVE("an unbound socket gives", "%u bytes, family %d", (unsigned)here.len, here.any.sa_family);
}

CASE(getsockname_of_unbound_port, .requirement = "getsockname.unbound-unspecified", .over = INTERNET)
{
    struct address a = address_of(new_socket());

    OBSERVE("an unbound socket has", "%s, port %u",
            same_address(a, wildcard(port_of(a))) ? "the wildcard address" : "another address", port_of(a));
}

CASE(getsockname_of_unnamed, .requirement = "unix7.unnamed-length", .over = UNIX)
{
    struct place here = place_for_address();

    OK(getsockname(new_socket(), PLACE(here)));

    EQ(here.any.sa_family, AF_UNIX);
    EQ(here.len, (long)sizeof(sa_family_t));
    HOLDS(untouched(&here, here.len), "more than the family was written");
}

CASE(getsockname_of_unnamed_pair, .requirement = "unix7.unnamed-length", .over = UNIX)
{
    int pair[2];
    struct place here = place_for_address(), there = place_for_address();
    MUST(socketpair(AF_UNIX, kind->type, 0, pair));

    OK(getsockname(pair[0], PLACE(here)));
    OK(getpeername(pair[0], PLACE(there)));

    EQ(here.len, (long)sizeof(sa_family_t));
    EQ(there.len, (long)sizeof(sa_family_t));
    EQ(there.any.sa_family, AF_UNIX);
}

CASE(getsockname_length_of_short_path, .requirement = "unix7.pathname-length", .over = UNIX)
{
    struct address a = fresh_path();
    struct place here = place_for_address();
    int fd = bound_to((struct address){.un = a.un, .len = a.len - 1});

    OK(getsockname(fd, PLACE(here)));

    EQ(here.len, (long)(offsetof(struct sockaddr_un, sun_path) + strlen(a.un.sun_path) + 1));
    EQ(here.bytes[here.len - 1], 0);
}

PAIR(getsockname_after_connect, .requirement = "getsockname.after-connect-concrete", .over = TCP)

SERVER(getsockname_after_connect)
{
    struct place there = place_for_address();
    int fd = meet();

    await_peer();
    OK(getpeername(fd, PLACE(there)));
    HOLDS(same_address(address_in(&there), peers_address()),
          "the client has another address than it is told");
    ready();
}

CLIENT(getsockname_after_connect)
{
    struct place here = place_for_address();
    int fd = meet();

    OK(getsockname(fd, PLACE(here)));
    struct address a = address_in(&here);
    NOT(port_of(a), 0);
    HOLDS(same_address(a, loopback(port_of(a))), "the address is not the host's");

    show_address(a);
    ready();
    await_peer();
}

CASE(getsockname_after_dgram_connect, .requirement = "getsockname.after-connect-concrete", .over = UDP)
{
    int server = bound_socket(), fd = new_socket();
    struct address there = address_of(server);
    struct place here = place_for_address(), source = place_for_address();
    char got;
    MUST(connect(fd, ADDR(there)));

    OK(getsockname(fd, PLACE(here)));

    struct address a = address_in(&here);
    NOT(port_of(a), 0);
    HOLDS(same_address(a, loopback(port_of(a))), "the address is not the host's");
    MUST(send(fd, "x", 1, 0));
    MUST(recvfrom(server, &got, 1, 0, PLACE(source)));
    HOLDS(same_address(address_in(&source), a), "what is sent comes from another address");
}

CASE(getsockname_after_connect_of_wildcard, .requirement = "getsockname.after-connect-concrete", .over = TCP)
{
    struct address there = address_of(listening_socket());
    int fd = bound_to(wildcard(0));
    in_port_t port = port_of(address_of(fd));
    struct place here = place_for_address();
    MUST(connect(fd, ADDR(there)));

    OK(getsockname(fd, PLACE(here)));

    HOLDS(same_address(address_in(&here), loopback(port)),
          "the address is not the host's, or the port another");
}

CASE(getsockname_after_shutdown, .requirement = "getsockname.einval-shutdown-may", .over = ANY)
{
    struct joined j = joined_with_names();
    struct address a = address_of(j.fd[0]);
    struct place here = place_for_address();
    MUST(shutdown(j.fd[0], SHUT_RDWR));

    bool refused = getsockname(j.fd[0], PLACE(here)) == -1;
    OBSERVE("after shutdown", "%s", refused ? errno_name(errno) : "the address");
    if (refused)
        FAILS(getsockname(j.fd[0], PLACE(here)), EINVAL);
    else
        HOLDS(same_address(address_in(&here), a), "shutdown() has changed the address");
}

/* --- getpeername ---------------------------------------------------------------------------------------- */

CASE(getpeername_of_client, .requirement = "getpeername.returns-peer", .over = CONNECTION)
{
    struct joined j = joined_sockets();
    struct place there = place_for_address();

    OK(getpeername(j.fd[1], PLACE(there)));

    HOLDS(same_address(address_in(&there), address_of(j.listener)), "the peer is not the listener's address");
}

CASE(getpeername_of_accepted, .requirement = "getpeername.returns-peer", .over = CONNECTION)
{
    struct joined j = joined_with_names();
    struct place there = place_for_address();

    OK(getpeername(j.fd[0], PLACE(there)));

    HOLDS(same_address(address_in(&there), address_of(j.fd[1])), "the peer is not the client's address");
}

CASE(getpeername_before_accept, .requirement = "getpeername.returns-peer", .over = CONNECTION)
{
    struct address a = address_of(listening_socket());
    int fd = new_socket();
    struct place there = place_for_address();
    MUST(connect(fd, ADDR(a)));

    OK(getpeername(fd, PLACE(there)));

    HOLDS(same_address(address_in(&there), a), "the peer is not the listener's address");
}

PAIR(getpeername_mirrors_getsockname, .requirement = "getpeername.returns-peer",
     .over = INTERNET | UNIX_DGRAM)

/* Each end shows its own address, and finds the other's to be what it sees as its peer. */
static void mirror(void)
{
    int fd = meet();
    struct place there = place_for_address();

    show_address(address_of(fd));
    ready();
    await_peer();
    OK(getpeername(fd, PLACE(there)));
    HOLDS(same_address(address_in(&there), peers_address()), "the peer has another address");
    ready();
    await_peer();
}

SERVER(getpeername_mirrors_getsockname) { mirror(); }
CLIENT(getpeername_mirrors_getsockname) { mirror(); }

/* Two clients of one listener: the local half is the same, the remote half tells them apart. */
CASE(getpeername_tells_clients_apart, .requirement = "getpeername.returns-peer", .over = TCP)
{
    int listener = listening_socket(), client[2], fd[2];
    struct address a = address_of(listener);
    struct place there[2] = {place_for_address(), place_for_address()};
    for (int i = 0; i < 2; i++) {
        client[i] = new_socket();
        MUST(connect(client[i], ADDR(a)));
        fd[i] = (int)MUST(accept(listener, NULL, NULL));
    }

    for (int i = 0; i < 2; i++) {
        OK(getpeername(fd[i], PLACE(there[i])));
        HOLDS(same_address(address_in(&there[i]), address_of(client[i])), "the peer is another client");
        HOLDS(same_address(address_of(fd[i]), a), "the local address is not the listener's");
    }
    HOLDS(!same_address(address_in(&there[0]), address_in(&there[1])), "both clients have one address");
}

CASE(getpeername_of_unnamed, .requirement = "getpeername.unbound-unix-peer-unspecified",
     .over = UNIX_STREAM | UNIX_SEQPACKET)
{
    struct joined j = joined_sockets();
    struct place there = place_for_address();

    OK(getpeername(j.fd[0], PLACE(there)));

    HOLDS(untouched(&there, there.room), "bytes beyond the room were written");
    OBSERVE("length of the address", "%u", (unsigned)there.len);
}

CASE(getpeername_length_of_unnamed, .requirement = "unix7.unnamed-length",
     .over = UNIX_STREAM | UNIX_SEQPACKET)
{
    struct joined j = joined_sockets();
    struct place there = place_for_address();

    OK(getpeername(j.fd[0], PLACE(there)));

    EQ(there.any.sa_family, AF_UNIX);
    EQ(there.len, (long)sizeof(sa_family_t));
}

CASE(getpeername_of_connected_dgram, .requirement = "getpeername.dgram-connected", .over = DGRAM)
{
    struct address a = address_of(bound_socket()), b = address_of(bound_socket());
    int fd = new_socket();
    struct place there = place_for_address();

    MUST(connect(fd, ADDR(a)));
    OK(getpeername(fd, PLACE(there)));
    HOLDS(same_address(address_in(&there), a), "the peer is another than was connected to");

    MUST(connect(fd, ADDR(b)));
    there = place_for_address();
    OK(getpeername(fd, PLACE(there)));
    HOLDS(same_address(address_in(&there), b), "the peer is another than was connected to again");
}

CASE(getpeername_of_receiver, .requirement = "getpeername.dgram-one-sided", .over = DGRAM)
{
    int receiver = bound_socket(), sender = bound_socket();
    struct address a = address_of(receiver);
    struct place there = place_for_address();
    char got;

    MUST(connect(sender, ADDR(a)));
    FAILS(getpeername(receiver, PLACE(there)), ENOTCONN);
    MUST(send(sender, "x", 1, 0));
    MUST(recv(receiver, &got, 1, 0));
    FAILS(getpeername(receiver, PLACE(there)), ENOTCONN);
}

CASE(getpeername_of_sender, .requirement = "getpeername.enotconn", .over = DGRAM)
{
    struct address a = address_of(bound_socket());
    int sender = new_socket();
    struct place there = place_for_address();

    MUST(sendto(sender, "x", 1, 0, ADDR(a)));

    FAILS(getpeername(sender, PLACE(there)), ENOTCONN);
}

#define HAS_NO_PEER(name, kinds, socket_of)                                           \
    CASE(getpeername_of_##name, .requirement = "getpeername.enotconn", .over = kinds) \
    {                                                                                 \
        int fd = socket_of;                                                           \
        struct place there = place_for_address();                                     \
                                                                                      \
        FAILS(getpeername(fd, PLACE(there)), ENOTCONN);                               \
    }
HAS_NO_PEER(new_socket, ANY, new_socket())
HAS_NO_PEER(bound_socket, ANY, bound_socket())
HAS_NO_PEER(listener, CONNECTION, listening_socket())
HAS_NO_PEER(listener_with_connection, CONNECTION, joined_sockets().listener)

CASE(getpeername_after_refusal, .requirement = "getpeername.enotconn",
     .over = TCP | UNIX_STREAM | UNIX_SEQPACKET)
{
    int fd = new_socket();
    struct address a = nobody();
    struct place there = place_for_address();
    REQUIRE(connect(fd, ADDR(a)) == -1, "nobody's address was connected to");

    FAILS(getpeername(fd, PLACE(there)), ENOTCONN);
}

CASE(getpeername_after_shutdown, .requirement = "getpeername.einval-shutdown", .over = CONNECTION)
{
    struct joined j = joined_with_names();
    struct place there = place_for_address();
    MUST(shutdown(j.fd[1], SHUT_RDWR));

    FAILS(getpeername(j.fd[1], PLACE(there)), EINVAL);
}

CASE(getpeername_after_end, .requirement = "getpeername.after-peer-eof", .over = TCP)
{
    struct joined j = joined_sockets();
    struct address a = address_of(j.fd[1]);
    struct place there = place_for_address();
    MUST(shutdown(j.fd[1], SHUT_WR));
    REQUIRE(recv(j.fd[0], &(char){0}, 1, 0) == 0, "the end has not come");

    OK(getpeername(j.fd[0], PLACE(there)));

    HOLDS(same_address(address_in(&there), a), "the peer is another");
}

CASE(getpeername_after_reset, .requirement = "getpeername.after-reset", .over = TCP)
{
    struct joined j = joined_sockets();
    struct linger now = {.l_onoff = 1};
    struct place there = place_for_address();
    MUST(setsockopt(j.fd[1], SOL_SOCKET, SO_LINGER, &now, sizeof now));
    MUST(close(j.fd[1]));
    await_event(j.fd[0], POLLIN);

    bool refused = getpeername(j.fd[0], PLACE(there)) == -1;
    OBSERVE("after a reset", "%s", refused ? errno_name(errno) : "the peer");
}
