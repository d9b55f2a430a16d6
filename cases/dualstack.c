#include "sockets.h"

/* ::ffff:127.0.0.1, which stands for IPv4's loopback in AF_INET6. */
static struct address mapped_loopback(in_port_t port)
{
    struct address a = loopback_of(AF_INET6, port);

    memcpy(&a.in6.sin6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", 16);
    return a;
}

/* A socket bound to :: that leaves IPv4 to others, or does not. */
static int wildcard_socket(int v6only)
{
    int fd = new_socket();
    struct address all = wildcard(0);

    set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, v6only);
    MUST(bind(fd, ADDR(all)));
    return fd;
}

CASE(v6only_is_stored, .requirement = "ipv6.v6only.set-get", .over = INET6)
{
    int fd = new_socket();

    for (int value = 1; value >= 0; value--) {
        int got = -1;
        socklen_t size = sizeof got;
        OK(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &value, sizeof value));
        OK(getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &got, &size));
        EQ(got, value);
        EQ(size, sizeof got);
    }
}

CASE(connect_to_ipv4_from_ipv6, .requirement = "ipv6.mapped.connect", .over = INET6_STREAM)
{
    int listener = new_socket_of(AF_INET, SOCK_STREAM), fd = new_socket();
    struct address v4 = loopback_of(AF_INET, 0);
    MUST(bind(listener, ADDR(v4)));
    MUST(listen(listener, 1));
    struct address mapped = mapped_loopback(port_of(address_of(listener)));
    set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);

    OK(connect(fd, ADDR(mapped)));
    HOLDS(same_address(peer_address_of(fd), mapped), "the peer's address is another");
    char byte;
    int accepted = OK(accept(listener, NULL, NULL));
    EQ(send(fd, "x", 1, 0), 1);
    EQ(recv(accepted, &byte, 1, 0), 1);
}

CASE(accept_from_ipv4_on_ipv6, .requirement = "ipv6.mapped.accept-reports-mapped", .over = INET6_STREAM)
{
    int listener = wildcard_socket(0), client = new_socket_of(AF_INET, SOCK_STREAM);
    MUST(listen(listener, 1));
    struct address there = loopback_of(AF_INET, port_of(address_of(listener)));

    OK(connect(client, ADDR(there)));
    struct place from = place_for_address();
    OK(accept(listener, PLACE(from)));
    struct address mapped = mapped_loopback(port_of(address_of(client)));
    HOLDS(same_address(address_in(&from), mapped), "the client's address is not its mapped IPv4 address");
}

CASE(receive_from_ipv4_on_ipv6, .requirement = "ipv6.mapped.recvfrom-reports-mapped", .over = INET6_DGRAM)
{
    int receiver = wildcard_socket(0), sender = new_socket_of(AF_INET, SOCK_DGRAM);
    struct address there = loopback_of(AF_INET, port_of(address_of(receiver)));
    struct address here = loopback_of(AF_INET, 0);
    char bytes[4];
    MUST(bind(sender, ADDR(here)));

    EQ(sendto(sender, "four", 4, 0, ADDR(there)), 4);
    struct place from = place_for_address();
    EQ(recvfrom(receiver, bytes, sizeof bytes, 0, PLACE(from)), 4);
    struct address mapped = mapped_loopback(port_of(address_of(sender)));
    HOLDS(same_address(address_in(&from), mapped), "the sender's address is not its mapped IPv4 address");
}

CASE(v6only_keeps_ipv4_out, .requirement = "ipv6.v6only.blocks-ipv4", .over = INET6_STREAM)
{
    int listener = wildcard_socket(1);
    MUST(listen(listener, 1));
    struct address v4 = loopback_of(AF_INET, port_of(address_of(listener)));
    struct address v6 = loopback_of(AF_INET6, port_of(address_of(listener)));

    FAILS(connect(new_socket_of(AF_INET, SOCK_STREAM), ADDR(v4)), ECONNREFUSED);
    OK(connect(new_socket(), ADDR(v6)));
}

CASE(v6only_default, .requirement = "ipv6.v6only.default-off", .over = INET6)
{
    OBSERVE("IPV6_V6ONLY by default", "%d", option(new_socket(), IPPROTO_IPV6, IPV6_V6ONLY));
    EQ(option(new_socket(), IPPROTO_IPV6, IPV6_V6ONLY), 0);
}
