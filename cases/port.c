#include "sockets.h"

#include <stdio.h>
#ifdef __linux__
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

static int other_type(void) { return kind->type == SOCK_STREAM ? SOCK_DGRAM : SOCK_STREAM; }

/* A socket of the other protocol on the same port, or -1 where somebody else has that port. */
static int bound_to_the_same_port(struct address a)
{
    int fd = new_socket_of(kind->domain, other_type());

    if (bind(fd, ADDR(a)) == 0)
        return fd;
    MUST(close(fd));
    return -1;
}

/* Its connection ends by an abort, so that no TIME-WAIT keeps the port from the next run. */
static void leave_nothing_of(int fd)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

static void claim_connects(int listener, struct address a)
{
    int client = new_socket_of(kind->domain, SOCK_STREAM);
    leave_nothing_of(client);

    OK(connect(client, ADDR(a)));
    leave_nothing_of((int)OK(accept(listener, NULL, NULL)));
}

static void claim_hears(int receiver, struct address a, const char *byte)
{
    char heard = 0;

    EQ(sendto(new_socket_of(kind->domain, SOCK_DGRAM), byte, 1, 0, ADDR(a)), 1);
    EQ(recv(receiver, &heard, 1, 0), 1);
    SAME(&heard, byte, 1);
}

/* --- sixteen bits, in network byte order ------------------------------------------------------------- */

CASE(port_type_has_sixteen_bits, .requirement = "hdr.in.types", .over = INTERNET)
{
    EQ(sizeof(in_port_t), 2);
    EQ((in_port_t)-1, 65535);
}

static int bound_to_highest_port(void)
{
    struct address a = loopback(65535);
    int fd = new_socket();

    if (bind(fd, ADDR(a)) == -1 && errno == EADDRINUSE)
        UNTESTED("port 65535 is somebody else's: needs a network of its own");
    return fd;
}

CASE(port_65535_can_be_bound, .requirement = "port.sixteen-bits", .over = INTERNET)
{
    int fd = bound_to_highest_port();

    HOLDS(same_address(address_of(fd), loopback(65535)), "the socket is not bound to port 65535");
}

CASE(port_65535_serves, .requirement = "port.sixteen-bits", .over = TCP)
{
    int fd = bound_to_highest_port();
    MUST(listen(fd, 1));

    claim_connects(fd, loopback(65535));
}

CASE(port_65535_hears, .requirement = "port.sixteen-bits", .over = UDP)
{
    claim_hears(bound_to_highest_port(), loopback(65535), "x");
}

/* What a raw socket of the protocol hears has the protocol's own header, which starts with the two ports. */
static const unsigned char *header_in(const unsigned char *packet)
{
    return kind->domain == AF_INET ? packet + (packet[0] & 15) * 4 : packet;
}

static int raw_socket(void)
{
    int fd = socket(kind->domain, SOCK_RAW, kind->type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP);

    if (fd == -1)
        UNTESTED("no raw socket to look at packets with: %s", errno_name(errno));
    return fd;
}

CASE(port_goes_out_as_its_two_bytes, .requirement = "hdr.in.network-byte-order", .over = INTERNET)
{
    int raw = raw_socket();
    struct joined j = joined_sockets();
    struct address from = address_of(j.fd[1]), to = address_of(j.fd[0]);
    unsigned char packet[2048], text[] = "a packet to recognise";
    ssize_t n;

    send_all(j.fd[1], text, sizeof text);
    do
        n = MUST(recv(raw, packet, sizeof packet, 0));
    while (n < (ssize_t)sizeof text || memcmp(packet + n - sizeof text, text, sizeof text) != 0);
    SAME(header_in(packet), &from.in.sin_port, 2);
    SAME(header_in(packet) + 2, &to.in.sin_port, 2);
}

/* --- what a port identifies --------------------------------------------------------------------------- */

CASE(port_of_tcp_and_udp_at_once, .requirement = "bind.tcp-udp-port-spaces-separate", .over = INTERNET)
{
    bool both = false;

    for (int i = 0; i < 16 && !both; i++)
        both = bound_to_the_same_port(address_of(bound_socket())) != -1;
    HOLDS(both, "16 ports that a socket of one protocol has could not be bound for the other");
}

CASE(port_of_tcp_and_udp_leads_to_two_sockets, .requirement = "bind.tcp-udp-port-spaces-separate",
     .over = TCP)
{
    int tcp, udp;

    do {
        tcp = listening_socket();
        udp = bound_to_the_same_port(address_of(tcp));
    } while (udp == -1);
    claim_hears(udp, address_of(udp), "u");
    claim_connects(tcp, address_of(tcp));
    claim_hears(udp, address_of(udp), "v");
}

CASE(port_leads_to_its_own_service, .requirement = "port.identifies-service", .over = TCP)
{
    int first = listening_socket(), second = listening_socket();

    claim_connects(second, address_of(second));
    claim_connects(first, address_of(first));
}

CASE(port_leads_to_its_own_receiver, .requirement = "port.identifies-service", .over = UDP)
{
    int first = bound_socket(), second = bound_socket();
    struct address a = address_of(first), b = address_of(second);

    claim_hears(second, b, "2");
    claim_hears(first, a, "1");
}

/* --- five-tuples ------------------------------------------------------------------------------------------
 */

struct connection {
    int near, far;
};

static struct address second_loopback(in_port_t port)
{
    struct address a = loopback(0);
    int fd = new_socket();

    a.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    if (bind(fd, ADDR(a)) == -1 && errno == EADDRNOTAVAIL)
        UNTESTED("127.0.0.2 is not an address of this host");
    MUST(close(fd));
    return with_port(a, port);
}

/* Several of these may have one address, as none of them listens. */
static int client_at(struct address a)
{
    int fd = new_socket();

    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (bind(fd, ADDR(a)) == -1 && errno == EADDRINUSE)
        UNTESTED("two sockets cannot have one local address here, even with SO_REUSEADDR");
    return fd;
}

static struct address address_for_clients(void) { return address_of(client_at(loopback(0))); }

static int listening_at(struct address a)
{
    int fd = bound_to(a);

    MUST(listen(fd, 4));
    return fd;
}

static struct connection claim_joins(int client, int listener, struct address there)
{
    struct connection c = {.near = client};

    OK(connect(client, ADDR(there)));
    c.far = (int)OK(accept(listener, NULL, NULL));
    HOLDS(same_address(peer_address_of(c.near), there), "the client is connected to something else");
    HOLDS(same_address(peer_address_of(c.far), address_of(client)), "another client was accepted");
    return c;
}

/* What is sent on one arrives on it, in both directions, whatever is under way on the other. */
static void claim_apart(struct connection a, struct connection b)
{
    const int from[4] = {a.near, b.near, a.far, b.far}, to[4] = {a.far, b.far, a.near, b.near};
    enum { SIZE = 1000 };
    unsigned char bytes[SIZE];

    for (unsigned i = 0; i < 4; i++) {
        fill(bytes, SIZE, i, 0);
        send_all(from[i], bytes, SIZE);
    }
    for (unsigned i = 0; i < 4; i++) {
        receive_all(to[i], bytes, SIZE);
        EQ(first_difference(bytes, SIZE, i, 0), SIZE);
    }
}

CASE(tuples_that_differ_in_the_remote_port, .requirement = "rfc9293.four-tuple-unique", .over = TCP)
{
    int first = listening_socket(), second = listening_socket();
    struct address here = address_for_clients();

    struct connection a = claim_joins(client_at(here), first, address_of(first));
    struct connection b = claim_joins(client_at(here), second, address_of(second));
    HOLDS(same_address(address_of(a.near), address_of(b.near)), "the local addresses differ");
    claim_apart(a, b);
}

CASE(tuples_that_differ_in_the_remote_address, .requirement = "rfc9293.four-tuple-unique",
     .over = INET_STREAM)
{
    int first = listening_socket();
    struct address here = address_for_clients(), there = second_loopback(port_of(address_of(first)));
    int second = listening_at(there);

    struct connection a = claim_joins(client_at(here), first, address_of(first));
    struct connection b = claim_joins(client_at(here), second, there);
    HOLDS(same_address(address_of(a.near), address_of(b.near)), "the local addresses differ");
    claim_apart(a, b);
}

CASE(tuples_that_differ_in_the_local_port, .requirement = "rfc9293.four-tuple-unique", .over = TCP)
{
    int listener = listening_socket();

    struct connection a = claim_joins(new_socket(), listener, address_of(listener));
    struct connection b = claim_joins(new_socket(), listener, address_of(listener));
    NOT(port_of(address_of(a.near)), port_of(address_of(b.near)));
    HOLDS(same_address(address_of(a.far), address_of(b.far)), "the accepted sockets' addresses differ");
    claim_apart(a, b);
}

CASE(tuples_that_differ_in_the_local_address, .requirement = "rfc9293.four-tuple-unique", .over = INET_STREAM)
{
    int listener = listening_socket();
    struct address first = address_for_clients(), second = second_loopback(port_of(first));

    struct connection a = claim_joins(client_at(first), listener, address_of(listener));
    struct connection b = claim_joins(client_at(second), listener, address_of(listener));
    EQ(port_of(address_of(a.near)), port_of(address_of(b.near)));
    claim_apart(a, b);
}

CASE(tuples_that_differ_in_the_protocol, .requirement = "bind.tcp-udp-port-spaces-separate", .over = TCP)
{
    struct joined j;
    struct connection tcp, udp;
    do {
        j = joined_sockets();
        tcp = (struct connection){.near = j.fd[1], .far = j.fd[0]};
        udp.near = bound_to_the_same_port(address_of(tcp.near));
        udp.far = bound_to_the_same_port(address_of(tcp.far));
    } while (udp.near == -1 || udp.far == -1);
    struct address near = address_of(tcp.near), far = address_of(tcp.far);

    OK(connect(udp.near, ADDR(far)));
    OK(connect(udp.far, ADDR(near)));
    claim_apart(tcp, udp);
}

CASE(tuple_that_is_connected_already, .requirement = "port.same-tuple-refused", .over = TCP)
{
    int listener = listening_socket();
    struct address here = address_for_clients(), there = address_of(listener);
    int twin = client_at(here);
    struct connection first = claim_joins(client_at(here), listener, there);

    FAILS(connect(twin, ADDR(there)), EADDRINUSE, EADDRNOTAVAIL);
    OK(close(twin));
    claim_apart(first, claim_joins(new_socket(), listener, there));
}

/* --- the ports that the system chooses ----------------------------------------------------------- */

enum { MANY = 100 };

static int by_number(const void *a, const void *b) { return *(const in_port_t *)a - *(const in_port_t *)b; }

static void claim_all_differ(in_port_t ports[MANY])
{
    in_port_t sorted[MANY];

    memcpy(sorted, ports, sizeof sorted);
    qsort(sorted, MANY, sizeof *sorted, by_number);
    HOLDS(sorted[0] != 0, "a socket has port 0");
    for (int i = 1; i < MANY; i++)
        HOLDS(sorted[i - 1] != sorted[i], "two of %d sockets have port %d", MANY, sorted[i]);
    OBSERVE("lowest of 100 chosen ports", "%d", sorted[0]);
    OBSERVE("highest of 100 chosen ports", "%d", sorted[MANY - 1]);
}

static void bind_many(struct address a, in_port_t ports[MANY])
{
    for (int i = 0; i < MANY; i++) {
        int fd = new_socket();
        OK(bind(fd, ADDR(a)));
        ports[i] = port_of(address_of(fd));
    }
}

CASE(ports_chosen_by_bind_differ, .requirement = "rfc6056.ephemeral-no-collision", .over = INTERNET)
{
    in_port_t ports[MANY];

    bind_many(loopback(0), ports);
    claim_all_differ(ports);
}

CASE(ports_chosen_by_bind_to_the_wildcard_differ, .requirement = "rfc6056.ephemeral-no-collision",
     .over = INTERNET)
{
    in_port_t ports[MANY];

    bind_many(wildcard(0), ports);
    claim_all_differ(ports);
}

CASE(ports_chosen_by_connect_differ, .requirement = "rfc6056.ephemeral-no-collision", .over = TCP)
{
    int listener = listening_socket();
    in_port_t ports[MANY];

    for (int i = 0; i < MANY; i++)
        ports[i] = port_of(address_of(claim_joins(new_socket(), listener, address_of(listener)).near));
    claim_all_differ(ports);
}

CASE(ports_chosen_by_connect_for_datagrams_differ, .requirement = "rfc6056.ephemeral-no-collision",
     .over = UDP)
{
    struct address there = address_of(bound_socket());
    in_port_t ports[MANY];

    for (int i = 0; i < MANY; i++) {
        int fd = new_socket();
        OK(connect(fd, ADDR(there)));
        ports[i] = port_of(address_of(fd));
    }
    claim_all_differ(ports);
}

CASE(ports_are_not_chosen_in_sequence, .requirement = "rfc6056.ephemeral-random", .over = INTERNET)
{
    in_port_t ports[MANY];
    int same_step = 0;

    bind_many(loopback(0), ports);
    for (int i = 2; i < MANY; i++)
        same_step += ports[i] - ports[i - 1] == ports[i - 1] - ports[i - 2];
    AT_MOST(same_step, MANY / 2);
}

static void read_port_range(long *low, long *high)
{
    FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "r");
    bool known = file && fscanf(file, "%ld %ld", low, high) == 2;

    if (file)
        fclose(file);
    if (!known)
        UNTESTED("/proc/sys/net/ipv4/ip_local_port_range cannot be read");
}

static void claim_in_range(int fd)
{
    long low, high;

    read_port_range(&low, &high);
    AT_LEAST(port_of(address_of(fd)), low);
    AT_MOST(port_of(address_of(fd)), high);
}

CASE(ports_chosen_by_bind_are_in_the_range, .requirement = "linux.ip_local_port_range", .over = INTERNET)
{
    for (int i = 0; i < 20; i++)
        claim_in_range(bound_socket());
}

CASE(ports_chosen_by_connect_are_in_the_range, .requirement = "linux.ip_local_port_range", .over = INTERNET)
{
    struct address there = address_of(kind->type == SOCK_STREAM ? listening_socket() : bound_socket());

    for (int i = 0; i < 20; i++) {
        int fd = new_socket();
        MUST(connect(fd, ADDR(there)));
        claim_in_range(fd);
    }
}

/* --- settings of a network, changed in one that nobody else is in -------------------------------- */

static void enter_new_network(void)
{
#ifdef __linux__
    if (unshare(CLONE_NEWNET) == 0)
        return;
#endif
    UNTESTED(
        "this process cannot make a network to change the settings of: run as root, or where user namespaces "
        "are allowed");
}

static void raise_loopback(void)
{
    struct ifreq request = {.ifr_name = "lo"};
    int fd = new_socket_of(AF_INET, SOCK_DGRAM);

    MUST(ioctl(fd, SIOCGIFFLAGS, &request));
    request.ifr_flags |= IFF_UP;
    MUST(ioctl(fd, SIOCSIFFLAGS, &request));
}

static void set_system(const char *path, const char *value)
{
    FILE *file = fopen(path, "w");
    bool written = file && fputs(value, file) >= 0;

    if (file)
        written = fclose(file) == 0 && written;
    if (!written)
        UNTESTED("%s cannot be changed: %s", path, errno_name(errno));
}

static const char port_range[] = "/proc/sys/net/ipv4/ip_local_port_range";
static const char first_open_port[] = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

CASE(ports_run_out, .requirement = "linux.bind.ports-exhausted", .over = INTERNET)
{
    struct address any = wildcard(0);
    enter_new_network();
    set_system(port_range, "40000 40003");

    for (int i = 0; i < 4; i++) {
        int fd = new_socket();
        OK(bind(fd, ADDR(any)));
        claim_in_range(fd);
    }
    FAILS(bind(new_socket(), ADDR(any)), EADDRINUSE);
}

CASE(port_is_shared_by_connections_to_different_peers,
     .requirement = "linux.tcp.ephemeral-connect-shares-port", .over = TCP)
{
    enter_new_network();
    raise_loopback();
    int first = listening_socket(), second = listening_socket();
    set_system(port_range, "1024 1024");

    struct connection a = claim_joins(new_socket(), first, address_of(first));
    struct connection b = claim_joins(new_socket(), second, address_of(second));
    HOLDS(same_address(address_of(a.near), address_of(b.near)), "the local addresses differ");
    claim_apart(a, b);
}

/* --- privileged ports ---------------------------------------------------------------------------- */

static bool is_protected(in_port_t port)
{
    struct address a = wildcard(port);
    int fd = new_socket();
    bool refused = bind(fd, ADDR(a)) == -1 && errno == EACCES;

    MUST(close(fd));
    return refused;
}

CASE(port_may_be_protected, .requirement = "bind.eacces-protected-may", .over = INTERNET)
{
    struct address a = loopback(IPPORT_RESERVED - 1);
    become_unprivileged();

    HOLDS(bind(new_socket(), ADDR(a)) == 0 || errno == EACCES || errno == EADDRINUSE,
          "it fails, and not with EACCES");
    int low = 0, high = 65535; /* protected, as it were, and open */
    while (high - low > 1)
        *(is_protected((in_port_t)((low + high) / 2)) ? &low : &high) = (low + high) / 2;
    OBSERVE("first port open to everyone", "%d", high);
}

CASE(port_below_the_limit_needs_privilege, .requirement = "linux.bind.privileged-port-eacces",
     .over = INTERNET)
{
    long start = system_setting(first_open_port, 1024);
    struct address lowest = loopback(1), last = loopback((in_port_t)(start - 1)),
                   any = wildcard((in_port_t)(start - 1));
    if (start < 2)
        UNTESTED("this system protects no port: %s is %ld", first_open_port, start);
    become_unprivileged();

    FAILS(bind(new_socket(), ADDR(lowest)), EACCES);
    FAILS(bind(new_socket(), ADDR(last)), EACCES);
    FAILS(bind(new_socket(), ADDR(any)), EACCES);
}

CASE(port_at_the_limit_needs_no_privilege, .requirement = "linux.bind.privileged-port-eacces",
     .over = INTERNET)
{
    struct address first = loopback((in_port_t)system_setting(first_open_port, 1024));
    become_unprivileged();

    HOLDS(bind(new_socket(), ADDR(first)) == 0 || errno == EADDRINUSE,
          "the first port that is open to everyone is not");
}

CASE(port_limit_is_1024, .requirement = "linux.bind.port-limit-1024", .over = INTERNET)
{
    struct address below = wildcard(1023), at = wildcard(1024);
    enter_new_network();
    become_unprivileged();

    FAILS(bind(new_socket(), ADDR(below)), EACCES);
    OK(bind(new_socket(), ADDR(at)));
}

CASE(port_refused_leaves_the_socket_unbound, .requirement = "bind.failed-bind-leaves-unbound",
     .over = INTERNET)
{
    struct address low = loopback(1), other = loopback(0);
    int fd = new_socket();
    become_unprivileged();
    if (bind(fd, ADDR(low)) == 0)
        UNTESTED("this system protects no port");

    OK(bind(fd, ADDR(other)));
}

/* Somebody else may have some of the low ports. */
static int bound_to_low_port(void)
{
    for (in_port_t port = IPPORT_RESERVED - 1; port > 0; port--) {
        struct address a = loopback(port);
        int fd = new_socket();
        if (bind(fd, ADDR(a)) == 0)
            return fd;
        if (errno != EADDRINUSE)
            return -1;
    }
    UNTESTED("all ports below %d are taken", IPPORT_RESERVED);
}

CASE(port_below_the_limit_with_privilege, .requirement = "port.privileged-may-bind", .over = INTERNET)
{
    need_privilege();

    int fd = (int)OK(bound_to_low_port());
    AT_MOST(port_of(address_of(fd)), IPPORT_RESERVED - 1);
}

CASE(port_stays_with_the_socket_when_privilege_is_given_up, .requirement = "port.privileged-may-bind",
     .over = TCP)
{
    need_privilege();
    int fd = (int)MUST(bound_to_low_port());
    struct address a = address_of(fd);
    become_unprivileged();

    OK(listen(fd, 1));
    claim_connects(fd, a);
}

CASE(port_below_the_limit_can_be_connected_to, .requirement = "port.low-remote-port", .over = TCP)
{
    need_privilege();
    int listener = (int)MUST(bound_to_low_port());
    MUST(listen(listener, 1));
    become_unprivileged();

    claim_connects(listener, address_of(listener));
}

CASE(port_below_the_limit_can_be_sent_to, .requirement = "port.low-remote-port", .over = UDP)
{
    need_privilege();
    int receiver = (int)MUST(bound_to_low_port()), sender = new_socket();
    struct address there = address_of(receiver);
    char byte = 0;
    become_unprivileged();

    claim_hears(receiver, there, "s");
    OK(connect(sender, ADDR(there)));
    EQ(send(sender, "c", 1, 0), 1);
    EQ(recv(receiver, &byte, 1, 0), 1);
    SAME(&byte, "c", 1);
}

#ifdef __linux__
/* The process's capabilities become these of those that it may have. */
static void keep_capabilities(uint32_t kept)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];

    MUST(syscall(SYS_capget, &header, data));
    data[0].effective = data[0].permitted & kept;
    MUST(syscall(SYS_capset, &header, data));
}

static void become_nobody(void)
{
    MUST(prctl(PR_SET_KEEPCAPS, 1));
    if (geteuid() == 0)
        MUST(setuid(65534));
    MUST(prctl(PR_SET_PDEATHSIG, SIGKILL)); /* a change of user has cleared it */
}

CASE(port_below_the_limit_is_refused_to_root_without_the_capability,
     .requirement = "linux.bind.port-capability", .over = INTERNET)
{
    struct address any = wildcard(1023);
    if (geteuid() != 0)
        UNTESTED("this process is not root's");
    enter_new_network();
    keep_capabilities(~(1u << CAP_NET_BIND_SERVICE));

    FAILS(bind(new_socket(), ADDR(any)), EACCES);
}

CASE(port_below_the_limit_is_open_to_a_user_with_the_capability, .requirement = "linux.bind.port-capability",
     .over = INTERNET)
{
    need_privilege();
    become_nobody();
    keep_capabilities(1u << CAP_NET_BIND_SERVICE);

    NOT(geteuid(), 0);
    OK(bound_to_low_port());
}
#endif

CASE(port_limit_can_be_lowered, .requirement = "linux.bind.unprivileged-port-start-sysctl", .over = INTERNET)
{
    struct address below = wildcard(79), at = wildcard(80);
    enter_new_network();
    set_system(first_open_port, "80");
    become_unprivileged();

    FAILS(bind(new_socket(), ADDR(below)), EACCES);
    OK(bind(new_socket(), ADDR(at)));
}

CASE(port_limit_can_be_raised, .requirement = "linux.bind.unprivileged-port-start-sysctl", .over = INTERNET)
{
    struct address below = wildcard(7999), at = wildcard(8000);
    enter_new_network();
    set_system(first_open_port, "8000");
    become_unprivileged();

    FAILS(bind(new_socket(), ADDR(below)), EACCES);
    OK(bind(new_socket(), ADDR(at)));
}

CASE(port_limit_can_be_abolished, .requirement = "linux.bind.unprivileged-port-start-sysctl",
     .over = INTERNET)
{
    struct address lowest = wildcard(1);
    enter_new_network();
    set_system(first_open_port, "0");
    become_unprivileged();

    OK(bind(new_socket(), ADDR(lowest)));
}
