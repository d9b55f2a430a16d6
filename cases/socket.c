#include "sockets.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#ifdef __linux__
#include <linux/capability.h>
#include <sched.h>
#include <sys/syscall.h>
#endif

/* --- what the cases have in common ----------------------------------------------------------------- */

enum {
    NO_FAMILY = 12345,
    NO_PROTOCOL = 253, /* for experiments (RFC 3692): nobody's */
    NO_TYPE = 15,
};

static bool is_open(int fd) { return fcntl(fd, F_GETFD) != -1; }

static int lowest_free(void)
{
    int fd = 0;

    while (is_open(fd))
        fd++;
    return fd;
}

static void limit_descriptors(int number)
{
    struct rlimit limit;

    MUST(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = (rlim_t)number;
    MUST(setrlimit(RLIMIT_NOFILE, &limit));
}

/* Leaves this process n descriptors. A library that numbers its sockets in its own way has a limit of its
 * own. */
static void leave_descriptors(int n)
{
    int fd = lowest_free();

    limit_descriptors(fd);
    if (socket(kind->domain, kind->type, 0) != -1)
        UNTESTED("the limit on the descriptors of a process does not bind the implementation");
    for (; n > 0; fd++)
        n -= !is_open(fd);
    limit_descriptors(fd);
}

static int protocol_of(int fd)
{
    int protocol = -1;
    socklen_t size = sizeof protocol;

    if (getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == -1 && errno == ENOPROTOOPT)
        UNSUPPORTED("SO_PROTOCOL");
    return protocol == -1 ? option(fd, SOL_SOCKET, SO_PROTOCOL) : protocol;
}

static int explicit_protocol(void) { return kind->type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP; }
static int other_protocol(void) { return kind->type == SOCK_STREAM ? IPPROTO_UDP : IPPROTO_TCP; }

/* Sends one byte from one socket to the other, which waits for it. */
static void passes(int from, int to, char byte)
{
    char got = 0;

    EQ(send(from, &byte, 1, MSG_NOSIGNAL), 1);
    EQ(recv(to, &got, 1, 0), 1);
    EQ(got, byte);
}

static void both_ways(int a, int b)
{
    passes(a, b, 'a');
    passes(b, a, 'b');
}

static int accepted(int listener)
{
    int fd = (int)MUST(accept(listener, NULL, NULL));

    MUST(fcntl(fd, F_SETFL, MUST(fcntl(fd, F_GETFL)) & ~O_NONBLOCK));
    return fd;
}

/* Joins two new sockets, whatever their protocols: `waiting` listens, or has an address of its own. */
static int join(int waiting, int calling)
{
    struct address any = fresh_address();

    MUST(bind(waiting, ADDR(any)));
    struct address there = address_of(waiting);
    if (kind->type != SOCK_DGRAM)
        MUST(listen(waiting, 1));
    MUST(connect(calling, ADDR(there)));
    if (kind->type != SOCK_DGRAM)
        return accepted(waiting);
    struct address back = address_of(calling);
    MUST(connect(waiting, ADDR(back)));
    return waiting;
}

/* --- a new socket ---------------------------------------------------------------------------------- */

CASE(socket_gives_a_descriptor, .requirement = "socket.returns-nonneg-fd", .over = ANY)
{
    int first = new_socket();
    struct address a = fresh_address(), b = fresh_address();

    int second = (int)OK(socket(kind->domain, kind->type, 0));

    AT_LEAST(second, 0);
    NOT(second, first);
    HOLDS(is_open(second), "descriptor %d is not open", second);
    OK(bind(first, ADDR(a)));
    OK(bind(second, ADDR(b)));
    HOLDS(!same_address(address_of(first), address_of(second)), "both descriptors have one address");
}

CASE(socket_takes_the_lowest_descriptor, .requirement = "socket.lowest-fd", .over = ANY)
{
    int fd[5];
    for (int i = 0; i < 5; i++)
        fd[i] = new_socket();
    MUST(close(fd[3]));
    MUST(close(fd[1]));
    int first = lowest_free();

    EQ(socket(kind->domain, kind->type, 0), first);
    int second = lowest_free();
    EQ(socket(kind->domain, kind->type, 0), second);
    int third = lowest_free();
    EQ(socket(kind->domain, kind->type, 0), third);
}

CASE(socket_of_the_unix_domain, .requirement = "socket.unix-mandatory", .over = UNIX_STREAM | UNIX_DGRAM)
{
    int waiting = (int)OK(socket(AF_UNIX, kind->type, 0)), calling = (int)OK(socket(AF_UNIX, kind->type, 0));
    struct address path = fresh_path();
    MUST(bind(calling, ADDR(path)));

    both_ways(join(waiting, calling), calling);
}

CASE(socket_of_ipv4, .requirement = "socket.inet-mandatory", .over = INET)
{
    int waiting = (int)OK(socket(AF_INET, kind->type, 0)), calling = (int)OK(socket(AF_INET, kind->type, 0));

    both_ways(join(waiting, calling), calling);
    EQ(address_of(waiting).any.sa_family, AF_INET);
}

CASE(socket_of_ipv6, .requirement = "socket.inet6-optional", .over = INET6)
{
    int waiting = socket(AF_INET6, kind->type, 0), calling = socket(AF_INET6, kind->type, 0);

    if (waiting == -1)
        FAILS(socket(AF_INET6, kind->type, 0), EAFNOSUPPORT);
    else
        both_ways(join(waiting, calling), calling);
    OBSERVE("supported", waiting == -1 ? "no" : "yes");
}

CASE(socket_has_no_address, .requirement = "socket.initially-unbound", .over = ANY)
{
    int fd = new_socket();
    struct address a = fresh_address();

    OK(bind(fd, ADDR(a)));

    EQ(address_of(fd).any.sa_family, kind->domain);
}

CASE(socket_has_no_peer, .requirement = "socket.initially-unbound", .over = ANY)
{
    int fd = new_socket();
    struct place there = place_for_address();

    FAILS(getpeername(fd, PLACE(there)), ENOTCONN);
}

CASE(socket_is_in_blocking_mode, .requirement = "socket.initially-blocking", .over = ANY)
{
    int first = new_socket();
    set_nonblocking(first);

    EQ(fcntl(new_socket(), F_GETFL) & O_NONBLOCK, 0);
}

CASE(socket_can_be_read_and_written, .requirement = "socket.returns-nonneg-fd", .over = ANY)
{
    EQ(OK(fcntl(new_socket(), F_GETFL)) & O_ACCMODE, O_RDWR);
}

PAIR(socket_blocks_at_first, .requirement = "socket.initially-blocking", .over = ANY)

SERVER(socket_blocks_at_first)
{
    int fd = meet();

    await_peer();
    PEER_BLOCKS_IN(recv);

    MUST(send(fd, "x", 1, 0));
    await_end_of_peer();
}

CLIENT(socket_blocks_at_first)
{
    int fd = meet();
    char got;

    ready();
    EQ(recv(fd, &got, 1, 0), 1);
}

CASE(socket_has_no_owner, .requirement = "socket.initially-no-owner", .over = ANY)
{
    MUST(fcntl(new_socket(), F_SETOWN, getpid()));

    EQ(fcntl(new_socket(), F_GETOWN), 0);
}

CASE(socket_is_without_cloexec, .requirement = "socket.fd-cloexec-clear", .over = ANY)
{
    int first = new_socket();
    MUST(fcntl(first, F_SETFD, FD_CLOEXEC));

    EQ(OK(fcntl(new_socket(), F_GETFD)) & FD_CLOEXEC, 0);
}

/* --- the flags beside the type ---------------------------------------------------------------------- */

CASE(socket_nonblock_flag, .requirement = "socket.type-nonblock-flag", .over = ANY)
{
    MUST(close(new_socket()));

    int fd = (int)OK(socket(kind->domain, kind->type | SOCK_NONBLOCK, 0));

    EQ(OK(fcntl(fd, F_GETFL)) & O_NONBLOCK, O_NONBLOCK);
    EQ(OK(fcntl(fd, F_GETFD)) & FD_CLOEXEC, 0);
}

CASE(socket_nonblock_flag_receiver_does_not_wait, .requirement = "socket.type-nonblock-flag", .over = DGRAM)
{
    MUST(close(new_socket()));
    int fd = (int)OK(socket(kind->domain, kind->type | SOCK_NONBLOCK, 0));
    struct address a = fresh_address();
    MUST(bind(fd, ADDR(a)));

    FAILS(recv(fd, &(char){0}, 1, 0), EAGAIN, EWOULDBLOCK);
}

CASE(socket_nonblock_flag_listener_does_not_wait, .requirement = "socket.type-nonblock-flag",
     .over = CONNECTION)
{
    MUST(close(new_socket()));
    int fd = (int)OK(socket(kind->domain, kind->type | SOCK_NONBLOCK, 0));
    struct address a = fresh_address();
    MUST(bind(fd, ADDR(a)));
    MUST(listen(fd, 1));

    FAILS(accept(fd, NULL, NULL), EAGAIN, EWOULDBLOCK);
}

CASE(socket_cloexec_flag, .requirement = "socket.type-cloexec-flag", .over = ANY)
{
    MUST(close(new_socket()));

    int fd = (int)OK(socket(kind->domain, kind->type | SOCK_CLOEXEC, 0));

    EQ(OK(fcntl(fd, F_GETFD)) & FD_CLOEXEC, FD_CLOEXEC);
    EQ(OK(fcntl(fd, F_GETFL)) & O_NONBLOCK, 0);
}

CASE(socket_both_flags, .requirement = "socket.type-cloexec-flag", .over = ANY)
{
    MUST(close(new_socket()));

    int fd = (int)OK(socket(kind->domain, kind->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));

    EQ(OK(fcntl(fd, F_GETFD)) & FD_CLOEXEC, FD_CLOEXEC);
    EQ(OK(fcntl(fd, F_GETFL)) & O_NONBLOCK, O_NONBLOCK);
}

CASE(socket_clofork_flag, .requirement = "socket.type-clofork-flag", .over = ANY)
{
#ifdef SOCK_CLOFORK
    MUST(close(new_socket()));

    int fd = (int)OK(socket(kind->domain, kind->type | SOCK_CLOFORK, 0));

    EQ(OK(fcntl(fd, F_GETFD)) & FD_CLOFORK, FD_CLOFORK);
    pid_t child = (pid_t)MUST(fork());
    if (child == 0)
        _exit(is_open(fd));
    int status = -1;
    EQ(waitpid(child, &status, 0), child);
    EQ(status, 0);
#else
    UNSUPPORTED("SOCK_CLOFORK");
#endif
}

CASE(socket_flags_are_not_the_type, .requirement = "socket.flags-not-in-so_type", .over = ANY)
{
    MUST(close(new_socket()));

    int fd = (int)OK(socket(kind->domain, kind->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));

    EQ(option(fd, SOL_SOCKET, SO_TYPE), kind->type);
}

/* --- protocols ------------------------------------------------------------------------------------- */

CASE(socket_protocol_zero, .requirement = "socket.protocol-zero-default", .over = ANY)
{
    struct joined j = joined_sockets();
    struct address bound = fresh_address();

    int fd = (int)OK(socket(kind->domain, kind->type, 0));

    EQ(option(fd, SOL_SOCKET, SO_TYPE), kind->type);
    OK(bind(fd, ADDR(bound)));
    both_ways(j.fd[0], j.fd[1]);
}

CASE(socket_protocol_zero_is_the_explicit_one, .requirement = "socket.protocol-zero-default",
     .over = INTERNET)
{
    int chosen = new_socket(), named = (int)OK(socket(kind->domain, kind->type, explicit_protocol()));

    EQ(protocol_of(chosen), protocol_of(named));
}

CASE(socket_default_is_tcp, .requirement = "socket.inet.stream-default-tcp", .over = TCP)
{
    EQ(protocol_of(new_socket()), IPPROTO_TCP);
}

CASE(socket_default_has_options_of_tcp, .requirement = "socket.inet.stream-default-tcp", .over = TCP)
{
    int fd = new_socket(), value = 1;

    OK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value));
}

CASE(socket_default_is_udp, .requirement = "socket.inet.dgram-default-udp", .over = UDP)
{
    EQ(protocol_of(new_socket()), IPPROTO_UDP);
}

CASE(socket_default_reaches_tcp, .requirement = "socket.inet.stream-default-tcp", .over = TCP)
{
    int named = (int)OK(socket(kind->domain, SOCK_STREAM, IPPROTO_TCP)), chosen = new_socket();

    both_ways(join(named, chosen), chosen);
}

CASE(socket_default_reaches_udp, .requirement = "socket.inet.dgram-default-udp", .over = UDP)
{
    int named = (int)OK(socket(kind->domain, SOCK_DGRAM, IPPROTO_UDP)), chosen = new_socket();

    both_ways(join(named, chosen), chosen);
}

CASE(socket_explicit_reaches_default, .requirement = "socket.protocol-explicit-tcp-udp", .over = INTERNET)
{
    int chosen = new_socket(), named = (int)OK(socket(kind->domain, kind->type, explicit_protocol()));

    both_ways(join(chosen, named), named);
}

CASE(socket_explicit_reaches_explicit, .requirement = "socket.protocol-explicit-tcp-udp", .over = INTERNET)
{
    int one = (int)OK(socket(kind->domain, kind->type, explicit_protocol()));
    int other = (int)OK(socket(kind->domain, kind->type, explicit_protocol()));

    EQ(option(one, SOL_SOCKET, SO_TYPE), kind->type);
    both_ways(join(one, other), other);
}

CASE(socket_seqpacket_of_the_internet, .requirement = "socket.inet.seqpacket-unspecified",
     .over = INET_SEQPACKET | INET6_SEQPACKET)
{
    int fd = socket(kind->domain, SOCK_SEQPACKET, 0);

    OBSERVE("protocol 0 gives", "%s", fd == -1 ? errno_name(errno) : "a socket");
    if (fd != -1)
        EQ(option(fd, SOL_SOCKET, SO_TYPE), SOCK_SEQPACKET);
}

/* --- what there is not ------------------------------------------------------------------------------ */

CASE(socket_family_unknown, .requirement = "socket.eafnosupport", .over = ANY)
{
    int free = lowest_free();

    FAILS(socket(NO_FAMILY, kind->type, 0), EAFNOSUPPORT);
    FAILS(socket(INT_MAX, kind->type, 0), EAFNOSUPPORT);
    FAILS(socket(-1, kind->type, 0), EAFNOSUPPORT);
    EQ(lowest_free(), free);
}

CASE(socket_family_unspecified, .requirement = "socket.unspec-open", .over = ANY)
{
    int fd = socket(AF_UNSPEC, kind->type, 0);

    OBSERVE("AF_UNSPEC gives", "%s", fd == -1 ? errno_name(errno) : "a socket");
}

CASE(socket_protocol_unknown, .requirement = "socket.eprotonosupport", .over = ANY)
{
    MUST(close(new_socket()));
    int free = lowest_free();

    FAILS(socket(kind->domain, kind->type, NO_PROTOCOL), EPROTONOSUPPORT);
    EQ(lowest_free(), free);
}

CASE(socket_protocol_out_of_range, .requirement = "socket.eprotonosupport", .over = ANY)
{
    MUST(close(new_socket()));

    FAILS(socket(kind->domain, kind->type, -1), EPROTONOSUPPORT);
    FAILS(socket(kind->domain, kind->type, INT_MAX), EPROTONOSUPPORT);
}

CASE(socket_protocol_of_another_family, .requirement = "socket.eprotonosupport", .over = UNIX)
{
    MUST(close(new_socket()));

    FAILS(socket(AF_UNIX, kind->type, IPPROTO_TCP), EPROTONOSUPPORT);
    FAILS(socket(AF_UNIX, kind->type, IPPROTO_UDP), EPROTONOSUPPORT);
}

CASE(socket_protocol_of_another_type, .requirement = "socket.eprototype", .over = INTERNET)
{
    MUST(close(new_socket()));
    MUST(socket(kind->domain, kind->type == SOCK_STREAM ? SOCK_DGRAM : SOCK_STREAM, other_protocol()));
    int free = lowest_free();

    FAILS(socket(kind->domain, kind->type, other_protocol()), EPROTOTYPE);
    EQ(lowest_free(), free);
}

CASE(socket_type_unknown, .requirement = "socket.bad-type", .over = ANY)
{
    MUST(close(new_socket()));
    int free = lowest_free();

    int fd = (int)EQ(socket(kind->domain, NO_TYPE, 0), -1);
    OBSERVE("errno", "%s", fd == -1 ? errno_name(errno) : "none");
    EQ(socket(kind->domain, 0, 0), -1);
    EQ(socket(kind->domain, -1, 0), -1);
    EQ(socket(kind->domain, NO_TYPE, explicit_protocol()), -1);
    EQ(lowest_free(), free);
}

CASE(socket_linux_errnos_of_types, .requirement = "linux.socket.errno-table", .over = ANY)
{
    enum { NO_FLAG = 1 << 20 };
    MUST(close(new_socket()));

    FAILS(socket(kind->domain, NO_TYPE, 0), EINVAL);
    FAILS(socket(kind->domain, kind->type | NO_FLAG, 0), EINVAL);
    FAILS(socket(NO_FAMILY, kind->type, 0), EAFNOSUPPORT);
}

CASE(socket_linux_errnos_of_protocols, .requirement = "linux.socket.errno-table", .over = INTERNET)
{
    MUST(close(new_socket()));

    FAILS(socket(kind->domain, kind->type, other_protocol()), EPROTONOSUPPORT);
    FAILS(socket(kind->domain, kind->type, NO_PROTOCOL), EPROTONOSUPPORT);
    FAILS(socket(kind->domain, kind->type, -1), EINVAL);
}

CASE(socket_no_descriptor_left, .requirement = "socket.emfile", .over = ANY)
{
    int held = bound_socket();
    struct address a = address_of(held);
    leave_descriptors(0);

    FAILS(socket(kind->domain, kind->type, 0), EMFILE);
    FAILS(socket(kind->domain, kind->type, 0), EMFILE);
    HOLDS(same_address(address_of(held), a), "a failed socket() has changed another socket");
}

CASE(socket_no_descriptor_left_takes_none, .requirement = "socket.emfile", .over = ANY)
{
    int free = lowest_free();
    leave_descriptors(0);
    FAILS(socket(kind->domain, kind->type, 0), EMFILE);
    limit_descriptors(free + 1);

    EQ(socket(kind->domain, kind->type, 0), free);
    FAILS(socket(kind->domain, kind->type, 0), EMFILE);
}

/* --- raw sockets ------------------------------------------------------------------------------------ */

/* They are no kind of their own: these cases are run once a domain. */
enum { IPV4 = INET_DGRAM, IPV6 = INET6_DGRAM };

struct echo {
    uint8_t type, code;
    uint16_t sum, id, number;
    char text[8];
};

static int icmp(void) { return kind->domain == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP; }
static uint8_t request_type(void) { return kind->domain == AF_INET6 ? 128 : 8; }
static uint8_t reply_type(void) { return kind->domain == AF_INET6 ? 129 : 0; }

static void need_privilege_over_raw_sockets(void)
{
    bool has = geteuid() == 0;
#ifdef __linux__
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data) == 0)
        has = data[0].effective >> CAP_NET_RAW & 1;
#endif
    if (!has)
        UNTESTED("this process has no privilege over raw sockets: run as root, or with a network of its own");
}

/* Gives -1 where the privilege is missing. */
static int try_raw_socket(int protocol)
{
    int fd = socket(kind->domain, SOCK_RAW, protocol);

    if (fd == -1 && errno != EPERM && errno != EACCES)
        UNSUPPORTED("raw sockets: %s", errno_name(errno));
    return fd;
}

static int raw_socket(int protocol)
{
    need_privilege_over_raw_sockets();
    return (int)MUST(try_raw_socket(protocol));
}

static struct echo echo_request(void)
{
    struct echo echo = {.type = request_type(), .id = (uint16_t)getpid(), .number = 7, .text = "ping-ok"};
    const unsigned char *bytes = (const unsigned char *)&echo;
    uint32_t sum = 0;

    for (size_t i = 0; i < sizeof echo; i += 2)
        sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
    sum = (sum >> 16) + (sum & 0xffff);
    echo.sum = htons((uint16_t) ~(sum + (sum >> 16)));
    return echo;
}

static void send_to_this_host(int fd, struct echo echo)
{
    struct address here = loopback(0);

    MUST(sendto(fd, &echo, sizeof echo, 0, ADDR(here)));
}

/* A host may hear its own request, and answers it. */
static bool is_ours(const unsigned char *message, struct echo request)
{
    struct echo got;

    memcpy(&got, message, sizeof got);
    return (got.type == reply_type() || got.type == request_type()) && got.id == request.id &&
           memcmp(got.text, request.text, sizeof got.text) == 0;
}

/* Receives one whole message after the other, until one is ours: it is at the end of what is received. */
static size_t receive_ours(int fd, unsigned char *got, size_t room, struct echo request)
{
    size_t n;

    do
        n = (size_t)OK(recv(fd, got, room, 0));
    while (n < sizeof request || !is_ours(got + n - sizeof request, request));
    return n - sizeof request;
}

CASE(raw_socket_with_privilege, .requirement = "socket.raw-needs-privilege", .over = IPV4 | IPV6)
{
    need_privilege_over_raw_sockets();

    int fd = (int)OK(try_raw_socket(icmp()));

    EQ(option(fd, SOL_SOCKET, SO_TYPE), SOCK_RAW);
}

CASE(raw_socket_without_privilege, .requirement = "socket.raw-needs-privilege", .over = IPV4 | IPV6)
{
    become_unprivileged();
    int free = lowest_free();

    EQ(try_raw_socket(icmp()), -1);
    EQ(try_raw_socket(IPPROTO_RAW), -1);
    EQ(lowest_free(), free);
}

CASE(raw_socket_without_privilege_errno, .requirement = "socket.eacces-may", .over = IPV4 | IPV6)
{
    become_unprivileged();

    int fd = try_raw_socket(icmp());
    OBSERVE("errno", "%s", fd == -1 ? errno_name(errno) : "none");
}

CASE(raw_socket_eperm, .requirement = "linux.raw.eperm-unprivileged", .over = IPV4 | IPV6)
{
    become_unprivileged();

    FAILS(socket(kind->domain, SOCK_RAW, icmp()), EPERM);
    FAILS(socket(kind->domain, SOCK_RAW, IPPROTO_RAW), EPERM);
}

CASE(raw_socket_protocol_zero, .requirement = "socket.inet.raw-default-ipproto-raw", .over = IPV4 | IPV6)
{
    MUST(close(raw_socket(icmp())));

    int fd = (int)OK(socket(kind->domain, SOCK_RAW, 0));

    EQ(protocol_of(fd), IPPROTO_RAW);
}

CASE(raw_socket_ipv4_header, .requirement = "linux.raw.v4-header-included", .over = IPV4)
{
    int fd = raw_socket(IPPROTO_ICMP);
    unsigned char got[128];
    static const unsigned char host[] = {127, 0, 0, 1};
    struct echo request = echo_request();

    send_to_this_host(fd, request);

    EQ(receive_ours(fd, got, sizeof got, request), 20);
    EQ(got[0], 0x45);
    EQ(got[9], IPPROTO_ICMP);
    SAME(got + 12, host, sizeof host);
    SAME(got + 16, host, sizeof host);
}

CASE(raw_socket_ipv6_without_header, .requirement = "rfc3542.raw-no-header", .over = IPV6)
{
    int fd = raw_socket(IPPROTO_ICMPV6);
    unsigned char got[128];
    struct echo request = echo_request();

    send_to_this_host(fd, request);

    EQ(receive_ours(fd, got, sizeof got, request), 0);
}

CASE(raw_socket_whole_message, .requirement = "recvfrom.raw-whole-message", .over = IPV4 | IPV6)
{
    int fd = raw_socket(icmp());
    unsigned char got[128];
    struct echo request = echo_request();

    send_to_this_host(fd, request);

    AT_LEAST(receive_ours(fd, got, sizeof got, request), 0);
}

CASE(raw_socket_each_gets_a_copy, .requirement = "linux.raw.each-gets-a-copy", .over = IPV4 | IPV6)
{
    int fd[2] = {raw_socket(icmp()), raw_socket(icmp())};
    unsigned char got[128];
    struct echo request = echo_request();

    send_to_this_host(fd[0], request);

    AT_LEAST(receive_ours(fd[0], got, sizeof got, request), 0);
    AT_LEAST(receive_ours(fd[1], got, sizeof got, request), 0);
}

/* The header that a UDP port has on its way shows what its bytes are. */
CASE(raw_socket_shows_the_port, .requirement = "hdr.in.network-byte-order", .over = IPV4 | IPV6)
{
    enum { PORTS = 4, TEXT = 8 };
    int fd = raw_socket(IPPROTO_UDP), receiver = bound_socket(), sender = bound_socket();
    struct address there = address_of(receiver), here = address_of(sender);
    in_port_t ports[2] = {htons(port_of(here)), htons(port_of(there))};
    unsigned char got[128];
    ssize_t n;

    MUST(sendto(sender, "raw-port", TEXT, 0, ADDR(there)));
    do
        n = OK(recv(fd, got, sizeof got, 0));
    while (n < 2 * TEXT || memcmp(got + n - TEXT, "raw-port", TEXT) != 0);
    SAME(got + n - 2 * TEXT, ports, PORTS);
    EQ(port_of(here), got[n - 2 * TEXT] << 8 | got[n - 2 * TEXT + 1]);
}

CASE(raw_socket_ipproto_raw, .requirement = "linux.raw.ipproto_raw-implies-hdrincl", .over = IPV4)
{
    EQ(option(raw_socket(IPPROTO_ICMP), IPPROTO_IP, IP_HDRINCL), 0);
    EQ(option(raw_socket(IPPROTO_RAW), IPPROTO_IP, IP_HDRINCL), 1);
}

/* --- ping sockets ----------------------------------------------------------------------------------- */

static const char ping_groups[] = "/proc/sys/net/ipv4/ping_group_range";

static bool may_ping(void)
{
    FILE *file = fopen(ping_groups, "r");
    unsigned long low, high;
    gid_t groups[1024];

    if (!file || fscanf(file, "%lu %lu", &low, &high) != 2)
        UNTESTED("no word on who may have a ping socket: %s", ping_groups);
    fclose(file);
    int n = (int)MUST(getgroups(1023, groups));
    groups[n++] = getegid();
    while (n > 0 && (groups[n - 1] < low || groups[n - 1] > high))
        n--;
    return n > 0;
}

/* A network of this role's own, where its group may have ping sockets. */
static void let_this_role_ping(void)
{
#ifdef __linux__
    struct ifreq request = {.ifr_name = "lo"};
    FILE *file;

    if (unshare(CLONE_NEWNET) == -1)
        UNTESTED("no network in which ping sockets can be allowed: %s", errno_name(errno));
    int fd = new_socket();
    MUST(ioctl(fd, SIOCGIFFLAGS, &request));
    request.ifr_flags |= IFF_UP;
    MUST(ioctl(fd, SIOCSIFFLAGS, &request));
    MUST(close(fd));
    if (!(file = fopen(ping_groups, "w")) || fprintf(file, "%u %u", getegid(), getegid()) < 0 || fclose(file))
        UNTESTED("ping sockets cannot be allowed: %s: %s", ping_groups, errno_name(errno));
#else
    UNTESTED("no network in which ping sockets can be allowed");
#endif
}

CASE(ping_socket_of_no_group, .requirement = "linux.ping-socket.dgram-icmp", .over = IPV4 | IPV6)
{
    if (may_ping())
        UNTESTED("this process may have ping sockets");
    int free = lowest_free();

    FAILS(socket(kind->domain, SOCK_DGRAM, icmp()), EACCES);
    EQ(lowest_free(), free);
}

CASE(ping_socket_of_a_group, .requirement = "linux.ping-socket.dgram-icmp", .over = IPV4 | IPV6)
{
    let_this_role_ping();
    struct echo request = echo_request(), got;

    int fd = (int)OK(socket(kind->domain, SOCK_DGRAM, icmp()));
    send_to_this_host(fd, request);

    EQ(recv(fd, &got, sizeof got, 0), (long)sizeof got);
    EQ(got.type, reply_type());
    EQ(got.number, request.number);
    SAME(got.text, request.text, sizeof got.text);
    EQ(got.id, htons(port_of(address_of(fd))));
}

CASE(ping_socket_is_no_udp, .requirement = "linux.ping-socket.dgram-icmp", .over = IPV4 | IPV6)
{
    let_this_role_ping();

    int fd = (int)OK(socket(kind->domain, SOCK_DGRAM, icmp()));

    EQ(option(fd, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
    EQ(option(fd, SOL_SOCKET, SO_PROTOCOL), icmp());
}

/* --- pairs ------------------------------------------------------------------------------------------ */

struct guarded {
    int before, fd[2], after;
};
static const struct guarded guarded = {-4711, {-4712, -4713}, -4714};

CASE(socketpair_gives_two, .requirement = "socketpair.success-zero", .over = UNIX)
{
    struct guarded g = guarded;
    MUST(close(new_socket()));

    EQ(socketpair(AF_UNIX, kind->type, 0, g.fd), 0);

    NOT(g.fd[0], g.fd[1]);
    HOLDS(is_open(g.fd[0]), "descriptor %d is not open", g.fd[0]);
    HOLDS(is_open(g.fd[1]), "descriptor %d is not open", g.fd[1]);
    HOLDS(g.before == guarded.before && g.after == guarded.after, "more than two numbers were written");
}

static struct guarded new_pair(void)
{
    struct guarded g = guarded;

    MUST(socketpair(AF_UNIX, kind->type, 0, g.fd));
    return g;
}

CASE(socketpair_is_connected, .requirement = "socketpair.both-connected", .over = UNIX)
{
    struct guarded one = new_pair(), other = new_pair();

    EQ(send(one.fd[0], "1", 1, 0), 1);
    EQ(send(other.fd[0], "2", 1, 0), 1);
    passes(other.fd[1], other.fd[0], '3');
    passes(one.fd[1], one.fd[0], '4');

    char got = 0;
    EQ(recv(one.fd[1], &got, 1, 0), 1);
    EQ(got, '1');
    EQ(recv(other.fd[1], &got, 1, 0), 1);
    EQ(got, '2');
}

CASE(socketpair_ends_with_its_peer, .requirement = "socketpair.both-connected",
     .over = UNIX_STREAM | UNIX_SEQPACKET)
{
    struct guarded g = new_pair();

    OK(close(g.fd[0]));

    EQ(recv(g.fd[1], &(char){0}, 1, 0), 0);
}

CASE(socketpair_peers_have_one_another, .requirement = "socketpair.both-connected", .over = UNIX)
{
    struct guarded g = new_pair();
    struct place there = place_for_address();

    OK(getpeername(g.fd[0], PLACE(there)));
    there = place_for_address();
    OK(getpeername(g.fd[1], PLACE(there)));
}

CASE(socketpair_goes_both_ways, .requirement = "socketpair.bidirectional", .over = UNIX)
{
    struct guarded g = new_pair();
    char got = 0;

    EQ(send(g.fd[0], "a", 1, 0), 1);
    EQ(send(g.fd[1], "b", 1, 0), 1);

    EQ(recv(g.fd[0], &got, 1, 0), 1);
    EQ(got, 'b');
    EQ(recv(g.fd[1], &got, 1, 0), 1);
    EQ(got, 'a');
}

static int entries_here(void)
{
    DIR *here = opendir(".");
    int n = 0;

    REQUIRE(here, "the directory of the run cannot be read");
    for (struct dirent *entry; (entry = readdir(here));)
        n += entry->d_name[0] != '.';
    closedir(here);
    return n;
}

CASE(socketpair_has_no_names, .requirement = "socketpair.unbound", .over = UNIX)
{
    struct guarded g = new_pair();
    struct place here = place_for_address();

    OK(getsockname(g.fd[0], PLACE(here)));
    OBSERVE("length of the address", "%u", (unsigned)here.len);
    EQ(entries_here(), 0);
}

CASE(socketpair_is_alike, .requirement = "socketpair.identical", .over = UNIX)
{
    static const int options[] = {SO_TYPE, SO_SNDBUF, SO_RCVBUF, SO_ACCEPTCONN, SO_ERROR, SO_REUSEADDR};
    struct guarded g = new_pair();

    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        EQ(option(g.fd[0], SOL_SOCKET, options[i]), option(g.fd[1], SOL_SOCKET, options[i]));
    EQ(option(g.fd[0], SOL_SOCKET, SO_TYPE), kind->type);
    EQ(OK(fcntl(g.fd[0], F_GETFL)), OK(fcntl(g.fd[1], F_GETFL)));
    EQ(OK(fcntl(g.fd[0], F_GETFD)), OK(fcntl(g.fd[1], F_GETFD)));
    EQ(OK(fcntl(g.fd[0], F_GETFL)) & O_NONBLOCK, 0);
}

CASE(socketpair_takes_the_lowest_descriptors, .requirement = "socketpair.lowest-fds", .over = UNIX)
{
    int fd[5], pair[2] = {-1, -1};
    for (int i = 0; i < 5; i++)
        fd[i] = new_socket();
    MUST(close(fd[3]));
    MUST(close(fd[1]));
    int first = lowest_free(), second = first + 1;
    while (is_open(second))
        second++;

    OK(socketpair(AF_UNIX, kind->type, 0, pair));

    EQ(pair[0] < pair[1] ? pair[0] : pair[1], first);
    EQ(pair[0] < pair[1] ? pair[1] : pair[0], second);
}

/* Which flags the type brings, and which both descriptors then have. */
#define PAIR_FLAGS(name, flags, status, descriptor)                               \
    CASE(socketpair_##name, .requirement = "socketpair.type-flags", .over = UNIX) \
    {                                                                             \
        int fd[2];                                                                \
        MUST(close(new_socket()));                                                \
                                                                                  \
        OK(socketpair(AF_UNIX, kind->type | (flags), 0, fd));                     \
                                                                                  \
        for (int i = 0; i < 2; i++) {                                             \
            EQ(OK(fcntl(fd[i], F_GETFL)) & O_NONBLOCK, status);                   \
            EQ(OK(fcntl(fd[i], F_GETFD)) & FD_CLOEXEC, descriptor);               \
        }                                                                         \
    }
PAIR_FLAGS(without_flags, 0, 0, 0)
PAIR_FLAGS(nonblock_flag, SOCK_NONBLOCK, O_NONBLOCK, 0)
PAIR_FLAGS(cloexec_flag, SOCK_CLOEXEC, 0, FD_CLOEXEC)
PAIR_FLAGS(both_flags, SOCK_NONBLOCK | SOCK_CLOEXEC, O_NONBLOCK, FD_CLOEXEC)

CASE(socketpair_nonblock_flag_does_not_wait, .requirement = "socketpair.type-flags", .over = UNIX)
{
    int fd[2];
    MUST(close(new_socket()));
    OK(socketpair(AF_UNIX, kind->type | SOCK_NONBLOCK, 0, fd));

    FAILS(recv(fd[0], &(char){0}, 1, 0), EAGAIN, EWOULDBLOCK);
    FAILS(recv(fd[1], &(char){0}, 1, 0), EAGAIN, EWOULDBLOCK);
}

CASE(socketpair_family_unknown, .requirement = "socketpair.eafnosupport", .over = ANY)
{
    int fd[2], free = lowest_free();

    FAILS(socketpair(NO_FAMILY, kind->type, 0, fd), EAFNOSUPPORT);
    EQ(lowest_free(), free);
}

CASE(socketpair_protocol_unknown, .requirement = "socketpair.eprotonosupport", .over = UNIX)
{
    int fd[2];
    MUST(close(new_socket()));
    int free = lowest_free();

    FAILS(socketpair(AF_UNIX, kind->type, NO_PROTOCOL, fd), EPROTONOSUPPORT);
    FAILS(socketpair(AF_UNIX, kind->type, IPPROTO_TCP, fd), EPROTONOSUPPORT);
    EQ(lowest_free(), free);
}

CASE(socketpair_of_the_internet, .requirement = "socketpair.inet-optional", .over = INTERNET)
{
    int fd[2];
    MUST(close(new_socket()));
    bool made = socketpair(kind->domain, kind->type, 0, fd) == 0;

    OBSERVE("pairs", made ? "are made" : "are refused");
    if (made)
        both_ways(fd[0], fd[1]);
}

CASE(socketpair_refused, .requirement = "socketpair.eopnotsupp", .over = INTERNET)
{
    int fd[2];
    MUST(close(new_socket()));
    int free = lowest_free();
    if (socketpair(kind->domain, kind->type, 0, fd) == 0)
        UNSUPPORTED("the refusal: pairs of this kind are made");

    FAILS(socketpair(kind->domain, kind->type, 0, fd), EOPNOTSUPP);
    EQ(lowest_free(), free);
}

/* That the protocol makes no pairs is as true as that it is not for the type. */
CASE(socketpair_protocol_of_another_type, .requirement = "socketpair.eprototype", .over = INTERNET)
{
    int fd[2];
    MUST(close(new_socket()));

    FAILS(socketpair(kind->domain, kind->type, other_protocol(), fd), EPROTOTYPE, EOPNOTSUPP);
}

CASE(socketpair_no_descriptor_left, .requirement = "socketpair.emfile", .over = UNIX)
{
    int fd[2];
    leave_descriptors(0);

    FAILS(socketpair(AF_UNIX, kind->type, 0, fd), EMFILE);
}

CASE(socketpair_one_descriptor_left, .requirement = "socketpair.emfile", .over = UNIX)
{
    int fd[2];
    leave_descriptors(1);

    FAILS(socketpair(AF_UNIX, kind->type, 0, fd), EMFILE);
}

CASE(socketpair_failed_takes_none, .requirement = "socketpair.emfile-leaks-nothing", .over = UNIX)
{
    int fd[2], free = lowest_free();
    leave_descriptors(1);
    FAILS(socketpair(AF_UNIX, kind->type, 0, fd), EMFILE);
    FAILS(socketpair(AF_UNIX, kind->type, 0, fd), EMFILE);

    EQ(socket(AF_UNIX, kind->type, 0), free);
}

CASE(socketpair_with_just_two_left, .requirement = "socketpair.emfile", .over = UNIX)
{
    int fd[2];
    leave_descriptors(2);

    OK(socketpair(AF_UNIX, kind->type, 0, fd));
}

CASE(socketpair_array_after_unknown_family, .requirement = "socketpair.failure-vector-unmodified",
     .over = UNIX)
{
    struct guarded g = guarded;

    FAILS(socketpair(NO_FAMILY, kind->type, 0, g.fd), EAFNOSUPPORT);
    SAME(&g, &guarded, sizeof g);
}

CASE(socketpair_array_after_unknown_protocol, .requirement = "socketpair.failure-vector-unmodified",
     .over = UNIX)
{
    struct guarded g = guarded;
    MUST(close(new_socket()));

    FAILS(socketpair(AF_UNIX, kind->type, NO_PROTOCOL, g.fd), EPROTONOSUPPORT);
    SAME(&g, &guarded, sizeof g);
}

CASE(socketpair_array_after_refusal, .requirement = "socketpair.failure-vector-unmodified", .over = INTERNET)
{
    struct guarded g = guarded;
    MUST(close(new_socket()));
    if (socketpair(kind->domain, kind->type, 0, g.fd) == 0)
        UNSUPPORTED("the refusal: pairs of this kind are made");

    SAME(&g, &guarded, sizeof g);
}

CASE(socketpair_array_after_no_descriptor, .requirement = "socketpair.failure-vector-unmodified",
     .over = UNIX)
{
    struct guarded g = guarded;
    leave_descriptors(1);

    FAILS(socketpair(AF_UNIX, kind->type, 0, g.fd), EMFILE);
    SAME(&g, &guarded, sizeof g);
}
