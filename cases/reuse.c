#include "sockets.h"

#include <stdio.h>
#ifdef __linux__
#include <sched.h>
#endif

/* A wildcard of IPv6 leaves IPv4 alone, whose TIME-WAIT of other runs may hold the same port. */
static int socket_with_option(bool on)
{
    int fd = new_socket();

    if (kind->bit & INET6)
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (on)
        set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    return fd;
}

static int bound_with_option(struct address a, bool on)
{
    int fd = socket_with_option(on);

    MUST(bind(fd, ADDR(a)));
    return fd;
}

struct ends {
    int server, client, listener;
    struct address server_address, client_address;
};

/* A connection whose ends' sockets all have the option, or all do not. */
static struct ends connection(bool option)
{
    struct ends e = {.listener = bound_with_option(loopback(0), option),
                     .client = bound_with_option(loopback(0), option)};

    e.server_address = address_of(e.listener);
    e.client_address = address_of(e.client);
    MUST(listen(e.listener, 1));
    MUST(connect(e.client, ADDR(e.server_address)));
    e.server = (int)MUST(accept(e.listener, NULL, NULL));
    return e;
}

/* The listener is closed, too. The second waits for the end of the stream from the first. */
static void close_in_order(struct ends e, int first, int second)
{
    char byte;

    MUST(close(e.listener));
    MUST(close(first));
    REQUIRE(recv(second, &byte, 1, 0) == 0, "the stream does not end");
    MUST(close(second));
}

static struct address server_address_after_server_closed_first(bool option)
{
    struct ends e = connection(option);

    close_in_order(e, e.server, e.client);
    return e.server_address;
}

static struct address client_address_after_client_closed_first(bool option)
{
    struct ends e = connection(option);

    close_in_order(e, e.client, e.server);
    return e.client_address;
}

static long milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The address's being free again is no event on any descriptor, so it has to be tried. */
static int bind_within(struct address a, long most, int step)
{
    long start = milliseconds();

    for (;;) {
        int fd = new_socket();
        if (bind(fd, ADDR(a)) == 0)
            return fd;
        if (errno != EADDRINUSE || milliseconds() - start >= most)
            return -1;
        MUST(close(fd));
        poll(NULL, 0, step);
    }
}

/* What keeps an address free of TIME-WAIT may be under way for as long as it takes to acknowledge something.
 */
static int bind_soon(struct address a) { return bind_within(a, 2000, 10); }

static void claim_serves(int listener, struct address a)
{
    int client = new_socket();
    char byte = 0;

    OK(connect(client, ADDR(a)));
    int accepted = (int)OK(accept(listener, NULL, NULL));
    EQ(send(client, "x", 1, 0), 1);
    EQ(recv(accepted, &byte, 1, 0), 1);
    SAME(&byte, "x", 1);
}

/* --- the option -------------------------------------------------------------------------------------------
 */

CASE(reuse_is_off_in_a_new_socket, .requirement = "sockopt.so_reuseaddr.default-off", .over = ANY)
{
    int value = 0xa5;
    socklen_t size = sizeof value;
    socket_with_option(true);

    OK(getsockopt(new_socket(), SOL_SOCKET, SO_REUSEADDR, &value, &size));
    EQ(value, 0);
    EQ(size, sizeof value);
}

CASE(reuse_can_be_switched, .requirement = "sockopt.so_reuseaddr.set-get", .over = ANY)
{
    int fd = new_socket(), on = 1, off = 0;

    OK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
    NOT(option(fd, SOL_SOCKET, SO_REUSEADDR), 0);
    OK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &off, sizeof off));
    EQ(option(fd, SOL_SOCKET, SO_REUSEADDR), 0);
}

/* --- TIME-WAIT: who has it ----------------------------------------------------------------------- */

CASE(time_wait_keeps_the_server_that_closed_first, .requirement = "reuse.unavailable-after-close",
     .over = TCP)
{
    struct address a = server_address_after_server_closed_first(false), any = wildcard(port_of(a));

    FAILS(bind(new_socket(), ADDR(a)), EADDRINUSE);
    FAILS(bind(new_socket(), ADDR(any)), EADDRINUSE);
}

CASE(time_wait_keeps_the_client_that_closed_first, .requirement = "reuse.unavailable-after-close",
     .over = TCP)
{
    struct address a = client_address_after_client_closed_first(false);

    FAILS(bind(new_socket(), ADDR(a)), EADDRINUSE);
}

CASE(time_wait_spares_the_server_that_closed_second, .requirement = "rfc9293.time-wait-only-active-closer",
     .over = TCP)
{
    struct ends e = connection(false);
    close_in_order(e, e.client, e.server);

    OK(bind_soon(e.server_address));
}

CASE(time_wait_spares_the_client_that_closed_second, .requirement = "rfc9293.time-wait-only-active-closer",
     .over = TCP)
{
    struct ends e = connection(false);
    close_in_order(e, e.server, e.client);

    OK(bind_soon(e.client_address));
}

CASE(time_wait_is_not_left_by_a_listener, .requirement = "rfc9293.close-listen-deletes", .over = TCP)
{
    int listener = listening_socket();
    struct address a = address_of(listener);

    OK(close(listener));
    int fd = (int)OK(bind_soon(a));
    OK(listen(fd, 1));
    claim_serves(fd, a);
}

CASE(time_wait_is_not_left_by_a_refused_client, .requirement = "reuse.refused-client-free", .over = TCP)
{
    int client = bound_with_option(loopback(0), false);
    struct address a = address_of(client), there = nobody();
    REQUIRE(connect(client, ADDR(there)) == -1 && errno == ECONNREFUSED, "the connection is not refused");

    OK(close(client));
    OK(bind_soon(a));
}

/* An abort is seen at the other end: it is no end of the stream. */
static void abort_connection(int fd, int other)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    char byte;

    MUST(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
    MUST(close(fd));
    if (recv(other, &byte, 1, 0) != -1 || errno != ECONNRESET)
        UNTESTED("SO_LINGER with no time does not abort a connection here");
}

CASE(time_wait_is_not_left_by_a_server_that_aborts, .requirement = "rfc9293.abort-no-time-wait", .over = TCP)
{
    struct ends e = connection(false);
    MUST(close(e.listener));
    abort_connection(e.server, e.client);

    OK(bind_soon(e.server_address));
    MUST(close(e.client));
    OK(bind_soon(e.client_address));
}

CASE(time_wait_is_not_left_by_a_client_that_aborts, .requirement = "rfc9293.abort-no-time-wait", .over = TCP)
{
    struct ends e = connection(false);
    MUST(close(e.listener));
    abort_connection(e.client, e.server);

    OK(bind_soon(e.client_address));
    MUST(close(e.server));
    OK(bind_soon(e.server_address));
}

/* --- TIME-WAIT: the option ------------------------------------------------------------------------- */

CASE(reuse_binds_over_time_wait, .requirement = "sockopt.so_reuseaddr.time-wait-rebind", .over = TCP)
{
    struct address a = server_address_after_server_closed_first(true);
    int fd = socket_with_option(true);

    OK(bind(fd, ADDR(a)));
    OK(listen(fd, 1));
    claim_serves(fd, a);
}

CASE(reuse_binds_the_wildcard_over_time_wait, .requirement = "sockopt.so_reuseaddr.time-wait-rebind",
     .over = TCP)
{
    struct address a = server_address_after_server_closed_first(true), any = wildcard(port_of(a));
    int fd = socket_with_option(true);

    OK(bind(fd, ADDR(any)));
    OK(listen(fd, 1));
    claim_serves(fd, a);
}

CASE(reuse_binds_a_client_over_time_wait, .requirement = "sockopt.so_reuseaddr.time-wait-rebind", .over = TCP)
{
    struct address a = client_address_after_client_closed_first(true);
    int listener = listening_socket(), fd = socket_with_option(true);
    struct address there = address_of(listener);

    OK(bind(fd, ADDR(a)));
    OK(connect(fd, ADDR(there)));
    OK(accept(listener, NULL, NULL));
}

CASE(reuse_can_be_set_after_a_refusal, .requirement = "sockopt.so_reuseaddr.time-wait-rebind", .over = TCP)
{
    struct address a = server_address_after_server_closed_first(true);
    int fd = new_socket();
    REQUIRE(bind(fd, ADDR(a)) == -1, "the address is free without the option");

    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    OK(bind(fd, ADDR(a)));
}

CASE(reuse_leaves_time_wait_as_it_is, .requirement = "reuse.unavailable-after-close", .over = TCP)
{
    struct address a = server_address_after_server_closed_first(true);
    MUST(close(bound_with_option(a, true)));

    FAILS(bind(new_socket(), ADDR(a)), EADDRINUSE);
}

#define REFUSED_OVER_TIME_WAIT(name, first, old, new)                              \
    CASE(name, .requirement = "linux.reuseaddr.both-sockets-need-it", .over = TCP) \
    {                                                                              \
        struct address a = first(old);                                             \
                                                                                   \
        FAILS(bind(socket_with_option(new), ADDR(a)), EADDRINUSE);                 \
    }
REFUSED_OVER_TIME_WAIT(reuse_on_the_new_socket_only, server_address_after_server_closed_first, false, true)
REFUSED_OVER_TIME_WAIT(reuse_on_the_old_socket_only, server_address_after_server_closed_first, true, false)
REFUSED_OVER_TIME_WAIT(reuse_on_the_new_client_only, client_address_after_client_closed_first, false, true)
REFUSED_OVER_TIME_WAIT(reuse_on_the_old_client_only, client_address_after_client_closed_first, true, false)

/* Where the option on the new socket does, it is so on the BSDs: worth knowing before a server is moved. */
CASE(reuse_as_a_later_server_has_it, .requirement = "sockopt.so_reuseaddr.protocol-specific", .over = TCP)
{
    struct address a = server_address_after_server_closed_first(false);

    OBSERVE("SO_REUSEADDR on the new socket only", "%s",
            bind(socket_with_option(true), ADDR(a)) == 0 ? "binds over TIME-WAIT" : errno_name(errno));
}

/* --- sockets that live --------------------------------------------------------------------------- */

CASE(reuse_binds_beside_a_connection_that_lives, .requirement = "linux.reuseaddr.but-listener", .over = TCP)
{
    struct ends e = connection(true);
    int fd = socket_with_option(true);
    char byte = 0;
    MUST(close(e.listener));

    OK(bind(fd, ADDR(e.server_address)));
    OK(listen(fd, 1));
    claim_serves(fd, e.server_address);
    EQ(send(e.client, "y", 1, 0), 1);
    EQ(recv(e.server, &byte, 1, 0), 1);
    SAME(&byte, "y", 1);
}

CASE(reuse_binds_twice_where_none_listens, .requirement = "linux.reuseaddr.but-listener", .over = TCP)
{
    struct address a = address_of(bound_with_option(loopback(0), true)), any = wildcard(port_of(a));

    OK(bind(socket_with_option(true), ADDR(a)));
    OK(bind(socket_with_option(true), ADDR(any)));
}

#define REFUSED_BESIDE(name, old, new)                                                  \
    CASE(name, .requirement = "linux.reuseaddr.both-sockets-need-it", .over = INTERNET) \
    {                                                                                   \
        struct address a = address_of(bound_with_option(loopback(0), old));             \
                                                                                        \
        FAILS(bind(socket_with_option(new), ADDR(a)), EADDRINUSE);                      \
    }
REFUSED_BESIDE(reuse_on_the_second_socket_only, false, true)
REFUSED_BESIDE(reuse_on_the_first_socket_only, true, false)

/* The option is on both sockets, and one of them listens. */
#define REFUSED_OVER_LISTENER(name, there, wanted)                                   \
    CASE(name, .requirement = "sockopt.so_reuseaddr.not-over-listener", .over = TCP) \
    {                                                                                \
        int listener = bound_with_option(there, true);                               \
        in_port_t port = port_of(address_of(listener));                              \
        struct address a = wanted;                                                   \
        MUST(listen(listener, 1));                                                   \
                                                                                     \
        FAILS(bind(socket_with_option(true), ADDR(a)), EADDRINUSE);                  \
        claim_serves(listener, loopback(port));                                      \
    }
REFUSED_OVER_LISTENER(reuse_over_a_listener, loopback(0), loopback(port))
REFUSED_OVER_LISTENER(reuse_over_a_listener_on_the_wildcard, wildcard(0), wildcard(port))
REFUSED_OVER_LISTENER(reuse_of_an_address_over_a_listener_on_the_wildcard, wildcard(0), loopback(port))
REFUSED_OVER_LISTENER(reuse_of_the_wildcard_over_a_listener, loopback(0), wildcard(port))

CASE(reuse_lets_one_of_two_listen, .requirement = "linux.reuseaddr.listening-blocks", .over = TCP)
{
    int first = bound_with_option(loopback(0), true);
    struct address a = address_of(first);
    int second = bound_with_option(a, true);

    OK(listen(first, 1));
    FAILS(listen(second, 1), EADDRINUSE);
    claim_serves(first, a);
}

CASE(reuse_lets_the_second_listen_once_the_first_is_closed, .requirement = "linux.reuseaddr.listening-blocks",
     .over = TCP)
{
    int first = bound_with_option(loopback(0), true);
    struct address a = address_of(first);
    int second = bound_with_option(a, true);
    MUST(listen(first, 1));
    MUST(close(first));

    OK(listen(second, 1));
    claim_serves(second, a);
}

CASE(reuse_binds_datagram_sockets_twice, .requirement = "linux.reuseaddr.udp", .over = UDP)
{
    struct address a = address_of(bound_with_option(loopback(0), true)), any = wildcard(port_of(a));

    OK(bind(socket_with_option(true), ADDR(a)));
    OK(bind(socket_with_option(true), ADDR(any)));
}

CASE(reuse_gives_each_datagram_to_one_socket, .requirement = "linux.reuseaddr.udp-last-receives", .over = UDP)
{
    enum { DATAGRAMS = 20 };
    int fd[2] = {bound_with_option(loopback(0), true)}, sender = new_socket(), heard[2] = {0};
    struct address a = address_of(fd[0]);
    bool seen[DATAGRAMS] = {false};
    fd[1] = bound_with_option(a, true);

    for (unsigned char n = 0; n < DATAGRAMS; n++)
        EQ(sendto(sender, &n, 1, 0, ADDR(a)), 1);
    while (heard[0] + heard[1] < DATAGRAMS) {
        struct pollfd set[2] = {{.fd = fd[0], .events = POLLIN}, {.fd = fd[1], .events = POLLIN}};
        unsigned char n = DATAGRAMS;
        AT_LEAST(poll(set, 2, -1), 1);
        int which = !(set[0].revents & POLLIN);
        EQ(recv(fd[which], &n, 1, 0), 1);
        HOLDS(n < DATAGRAMS && !seen[n], "datagram %d came twice", n);
        seen[n] = true;
        heard[which]++;
    }
    OBSERVE("datagrams for the first and the last bound", "%d, %d", heard[0], heard[1]);
}

CASE(reuse_of_a_unix_path, .requirement = "reuse.unix-no-effect", .over = UNIX)
{
    struct address a = address_of(bound_with_option(fresh_path(), true)), stale = nobody();

    FAILS(bind(socket_with_option(true), ADDR(a)), EADDRINUSE);
    FAILS(bind(socket_with_option(true), ADDR(stale)), EADDRINUSE);
}

/* --- how long it lasts --------------------------------------------------------------------------- */

/* RFC 9293 takes two MSL to be four minutes, and lets that be changed: nothing more is claimed than that it
 * ends. */
#define TIME_WAIT_ENDS(name, closed)                                                                    \
    CASE(name, .requirement = "reuse.time-wait-ends", .over = TCP, .slow = true, .limit = 330)          \
    {                                                                                                   \
        long start = milliseconds();                                                                    \
        struct address a = closed(false);                                                               \
                                                                                                        \
        int fd = (int)OK(bind_within(a, 300000, 100));                                                  \
        OBSERVE("seconds until the address was free", "%.1f", (double)(milliseconds() - start) / 1000); \
        OK(listen(fd, 1));                                                                              \
        claim_serves(fd, a);                                                                            \
    }
TIME_WAIT_ENDS(time_wait_of_a_server_ends, server_address_after_server_closed_first)
TIME_WAIT_ENDS(time_wait_of_a_client_ends, client_address_after_client_closed_first)

/* A network that nobody else is in, with loopback, in which a final FIN is waited for this long. */
static void enter_network_with_fin_timeout(const char *seconds)
{
#ifdef __linux__
    struct ifreq request = {.ifr_name = "lo"};
    if (unshare(CLONE_NEWNET) == -1)
        UNTESTED("this process cannot make a network to change the settings of: run as root, or where user "
                 "namespaces are allowed");
    int fd = new_socket_of(AF_INET, SOCK_DGRAM);
    MUST(ioctl(fd, SIOCGIFFLAGS, &request));
    request.ifr_flags |= IFF_UP;
    MUST(ioctl(fd, SIOCSIFFLAGS, &request));
#endif
    FILE *file = fopen("/proc/sys/net/ipv4/tcp_fin_timeout", "w");
    bool written = file && fputs(seconds, file) >= 0;
    if (file)
        written = fclose(file) == 0 && written;
    if (!written)
        UNTESTED("tcp_fin_timeout cannot be changed: %s", errno_name(errno));
}

/* The kernel says "about 60 seconds", in its own clock. */
CASE(time_wait_lasts_a_minute, .requirement = "linux.tcp.time-wait-60s", .over = TCP, .slow = true,
     .limit = 330)
{
    enter_network_with_fin_timeout("3");
    long start = milliseconds();
    struct address a = server_address_after_server_closed_first(false);

    OK(bind_within(a, 300000, 100));
    long lasted = milliseconds() - start;
    AT_LEAST(lasted, 59000);
    OBSERVE("seconds until the address was free, tcp_fin_timeout 3", "%.1f", (double)lasted / 1000);
}

CASE(fin_wait_lasts_as_long_as_is_set, .requirement = "linux.tcp.fin-timeout", .over = TCP, .slow = true,
     .limit = 90)
{
    enter_network_with_fin_timeout("3");
    struct ends e = connection(false);
    MUST(close(e.listener));
    long start = milliseconds();
    MUST(close(e.server)); /* and the client never */

    OK(bind_within(e.server_address, 55000, 100));
    long lasted = milliseconds() - start;
    AT_LEAST(lasted, 2900);
    OBSERVE("seconds until the address was free", "%.1f", (double)lasted / 1000);
}
