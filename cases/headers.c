/* What the headers declare, and the byte orders and texts of addresses that rest on it. These cases need no
 * socket: each runs over one kind, of the domain that its header is about. */
#include "system.h"

/* A prototype is looked at here, before case.h gives the name to the call table. */
#define OF_SOCKET_H(X)                                                                               \
    X(accept, int (*)(int, struct sockaddr *restrict, socklen_t *restrict))                          \
    X(accept4, int (*)(int, struct sockaddr *restrict, socklen_t *restrict, int))                    \
    X(bind, int (*)(int, const struct sockaddr *, socklen_t))                                        \
    X(connect, int (*)(int, const struct sockaddr *, socklen_t))                                     \
    X(getpeername, int (*)(int, struct sockaddr *restrict, socklen_t *restrict))                     \
    X(getsockname, int (*)(int, struct sockaddr *restrict, socklen_t *restrict))                     \
    X(getsockopt, int (*)(int, int, int, void *restrict, socklen_t *restrict))                       \
    X(listen, int (*)(int, int))                                                                     \
    X(recv, ssize_t (*)(int, void *, size_t, int))                                                   \
    X(recvfrom,                                                                                      \
      ssize_t (*)(int, void *restrict, size_t, int, struct sockaddr *restrict, socklen_t *restrict)) \
    X(recvmsg, ssize_t (*)(int, struct msghdr *, int))                                               \
    X(send, ssize_t (*)(int, const void *, size_t, int))                                             \
    X(sendmsg, ssize_t (*)(int, const struct msghdr *, int))                                         \
    X(sendto, ssize_t (*)(int, const void *, size_t, int, const struct sockaddr *, socklen_t))       \
    X(setsockopt, int (*)(int, int, int, const void *, socklen_t))                                   \
    X(shutdown, int (*)(int, int))                                                                   \
    X(sockatmark, int (*)(int))                                                                      \
    X(socket, int (*)(int, int, int))                                                                \
    X(socketpair, int (*)(int, int, int, int *))
#define OF_INET_H(X)                                                                    \
    X(htonl, uint32_t (*)(uint32_t))                                                    \
    X(htons, uint16_t (*)(uint16_t))                                                    \
    X(ntohl, uint32_t (*)(uint32_t))                                                    \
    X(ntohs, uint16_t (*)(uint16_t))                                                    \
    X(inet_addr, in_addr_t (*)(const char *))                                           \
    X(inet_ntoa, char *(*)(struct in_addr))                                             \
    X(inet_ntop, const char *(*)(int, const void *restrict, char *restrict, socklen_t)) \
    X(inet_pton, int (*)(int, const char *restrict, void *restrict))
#define OF_IF_H(X)                                       \
    X(if_freenameindex, void (*)(struct if_nameindex *)) \
    X(if_indextoname, char *(*)(unsigned, char *))       \
    X(if_nameindex, struct if_nameindex *(*)(void))      \
    X(if_nametoindex, unsigned (*)(const char *))
#define OF_NETDB_H(X)                                                                                   \
    X(freeaddrinfo, void (*)(struct addrinfo *))                                                        \
    X(gai_strerror, const char *(*)(int))                                                               \
    X(getaddrinfo, int (*)(const char *restrict, const char *restrict, const struct addrinfo *restrict, \
                           struct addrinfo **restrict))                                                 \
    X(getnameinfo, int (*)(const struct sockaddr *restrict, socklen_t, char *restrict, socklen_t,       \
                           char *restrict, socklen_t, int))
#define ANSWER(name, type) static const bool name##_is_so = _Generic(&name, type : true, default : false);
OF_SOCKET_H(ANSWER)
OF_INET_H(ANSWER)
OF_IF_H(ANSWER)
OF_NETDB_H(ANSWER)
static const bool if_nameindex_members_are_so =
    _Generic(&((struct if_nameindex *)0)->if_index, unsigned *: true, default: false) &&
    _Generic(&((struct if_nameindex *)0)->if_name, char **: true, default: false);

#include "sockets.h"

#include <stdio.h>

#define CLAIM_PROTOTYPE(id, is_so, function, type, of, kinds)                  \
    CASE(id, .requirement = of, .over = kinds)                                 \
    {                                                                          \
        HOLDS(is_so, "%s() is declared otherwise than as %s", function, type); \
    }
#define IN_SOCKET_H(name, type)                                                                      \
    CLAIM_PROTOTYPE(header_prototype_of_##name, name##_is_so, #name, #type, "hdr.socket.prototypes", \
                    UNIX_STREAM)
#define IN_INET_H(name, type) \
    CLAIM_PROTOTYPE(header_prototype_of_##name, name##_is_so, #name, #type, "hdr.inet.functions", INET_STREAM)
#define IN_IF_H(name, type) \
    CLAIM_PROTOTYPE(header_prototype_of_##name, name##_is_so, #name, #type, "hdr.if.definitions", INET_DGRAM)
#define IN_NETDB_H(name, type)                                                                      \
    CLAIM_PROTOTYPE(header_prototype_of_##name, name##_is_so, #name, #type, "hdr.netdb.prototypes", \
                    INET_STREAM)
OF_SOCKET_H(IN_SOCKET_H)
OF_INET_H(IN_INET_H)
OF_IF_H(IN_IF_H)
OF_NETDB_H(IN_NETDB_H)

/* --- what the cases have in common ----------------------------------------------------------------- */

#define HAS_TYPE(expression, type) _Generic(&(expression), type * : true, default : false)
#define MEMBER(structure, member, type) \
    HOLDS(HAS_TYPE(((structure *)0)->member, type), #structure "'s " #member " is no " #type)

#define COUNT(list) (sizeof(list) / sizeof *(list))

static bool all_differ(const int *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            if (values[i] == values[j])
                return false;
    return true;
}

static bool share_no_bit(const int *values, size_t n)
{
    int seen = 0;

    for (size_t i = 0; i < n; i++) {
        if (values[i] == 0 || values[i] & seen)
            return false;
        seen |= values[i];
    }
    return true;
}

/* --- sys/socket.h ---------------------------------------------------------------------------------- */

CASE(header_socklen_t, .requirement = "hdr.socket.socklen_t-width", .over = UNIX_STREAM)
{
    AT_LEAST((long)(sizeof(socklen_t) * CHAR_BIT), 32);
    HOLDS((socklen_t)1.5 == 1, "socklen_t is no integer type");
}

CASE(header_sa_family_t, .requirement = "hdr.socket.sa_family_t-unsigned", .over = UNIX_STREAM)
{
    HOLDS((sa_family_t)-1 > 0, "sa_family_t is signed");
    HOLDS((sa_family_t)1.5 == 1, "sa_family_t is no integer type");
}

CASE(header_sockaddr, .requirement = "hdr.socket.sockaddr-members", .over = UNIX_STREAM)
{
    MEMBER(struct sockaddr, sa_family, sa_family_t);
    MEMBER(struct sockaddr, sa_data[0], char);
}

CASE(header_storage_is_large_enough, .requirement = "hdr.socket.storage-large-enough", .over = UNIX_STREAM)
{
    AT_LEAST(sizeof(struct sockaddr_storage), (long)sizeof(struct sockaddr));
    AT_LEAST(sizeof(struct sockaddr_storage), (long)sizeof(struct sockaddr_un));
    AT_LEAST(sizeof(struct sockaddr_storage), (long)sizeof(struct sockaddr_in));
    AT_LEAST(sizeof(struct sockaddr_storage), (long)sizeof(struct sockaddr_in6));
}

CASE(header_storage_is_aligned, .requirement = "hdr.socket.storage-alignment", .over = UNIX_STREAM)
{
    EQ(_Alignof(struct sockaddr_storage) % _Alignof(struct sockaddr), 0);
    EQ(_Alignof(struct sockaddr_storage) % _Alignof(struct sockaddr_un), 0);
    EQ(_Alignof(struct sockaddr_storage) % _Alignof(struct sockaddr_in), 0);
    EQ(_Alignof(struct sockaddr_storage) % _Alignof(struct sockaddr_in6), 0);
}

CASE(header_families_overlay, .requirement = "hdr.socket.storage-family-overlay", .over = UNIX_STREAM)
{
    EQ(offsetof(struct sockaddr, sa_family), offsetof(struct sockaddr_storage, ss_family));
    EQ(offsetof(struct sockaddr_un, sun_family), offsetof(struct sockaddr_storage, ss_family));
    EQ(offsetof(struct sockaddr_in, sin_family), offsetof(struct sockaddr_storage, ss_family));
    EQ(offsetof(struct sockaddr_in6, sin6_family), offsetof(struct sockaddr_storage, ss_family));
    MEMBER(struct sockaddr_storage, ss_family, sa_family_t);
}

CASE(header_families_alias, .requirement = "hdr.socket.storage-aliasing", .over = UNIX_STREAM)
{
    struct sockaddr_storage storage = {.ss_family = AF_UNSPEC};

    ((struct sockaddr_un *)&storage)->sun_family = AF_UNIX;
    EQ(storage.ss_family, AF_UNIX);
    ((struct sockaddr_in *)&storage)->sin_family = AF_INET;
    EQ(storage.ss_family, AF_INET);
    ((struct sockaddr_in6 *)&storage)->sin6_family = AF_INET6;
    EQ(((struct sockaddr *)&storage)->sa_family, AF_INET6);
    storage.ss_family = AF_UNIX;
    EQ(((struct sockaddr_in6 *)&storage)->sin6_family, AF_UNIX);
}

CASE(header_msghdr, .requirement = "hdr.socket.msghdr-members", .over = UNIX_STREAM)
{
    MEMBER(struct msghdr, msg_name, void *);
    MEMBER(struct msghdr, msg_namelen, socklen_t);
    MEMBER(struct msghdr, msg_iov, struct iovec *);
    MEMBER(struct msghdr, msg_control, void *);
    MEMBER(struct msghdr, msg_flags, int);
    HOLDS((__typeof__(((struct msghdr *)0)->msg_iovlen))1.5 == 1, "msg_iovlen is no integer");
    HOLDS((__typeof__(((struct msghdr *)0)->msg_controllen))1.5 == 1, "msg_controllen is no integer");
}

CASE(header_msghdr_iovlen, .requirement = "hdr.socket.msghdr-types", .over = UNIX_STREAM)
{
    MEMBER(struct msghdr, msg_iovlen, int);
}

CASE(header_msghdr_controllen, .requirement = "hdr.socket.msghdr-types", .over = UNIX_STREAM)
{
    MEMBER(struct msghdr, msg_controllen, socklen_t);
}

CASE(header_iovec, .requirement = "hdr.socket.iovec-defined", .over = UNIX_STREAM)
{
    MEMBER(struct iovec, iov_base, void *);
    MEMBER(struct iovec, iov_len, size_t);
}

CASE(header_cmsghdr, .requirement = "hdr.socket.cmsghdr-members", .over = UNIX_STREAM)
{
    MEMBER(struct cmsghdr, cmsg_level, int);
    MEMBER(struct cmsghdr, cmsg_type, int);
}

CASE(header_cmsghdr_len, .requirement = "hdr.socket.cmsghdr-members", .over = UNIX_STREAM)
{
    MEMBER(struct cmsghdr, cmsg_len, socklen_t);
}

CASE(header_cmsg_walk, .requirement = "hdr.socket.cmsg-macros", .over = UNIX_STREAM)
{
    union {
        char bytes[CMSG_SPACE(1) + CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control = {{0}};
    struct msghdr m = {.msg_control = control.bytes, .msg_controllen = sizeof control.bytes};

    struct cmsghdr *first = CMSG_FIRSTHDR(&m);
    HOLDS((char *)first == control.bytes, "the first is not at the beginning");
    first->cmsg_len = CMSG_LEN(1);
    struct cmsghdr *second = CMSG_NXTHDR(&m, first);
    HOLDS((char *)second == control.bytes + CMSG_SPACE(1), "the second does not follow the first");
    second->cmsg_len = CMSG_LEN(sizeof(int));
    HOLDS((char *)CMSG_DATA(second) == (char *)second + CMSG_LEN(0), "the data do not follow the header");
    HOLDS(CMSG_NXTHDR(&m, second) == NULL, "there is a third");
}

CASE(header_cmsg_first_of_none, .requirement = "hdr.socket.cmsg-firsthdr-null", .over = UNIX_STREAM)
{
    struct cmsghdr control = {.cmsg_len = sizeof control};
    struct msghdr m = {.msg_control = &control, .msg_controllen = 0};

    HOLDS(CMSG_FIRSTHDR(&m) == NULL, "there is a first header in 0 bytes");
    m.msg_controllen = sizeof control - 1;
    HOLDS(CMSG_FIRSTHDR(&m) == NULL, "there is a first header in less than a header's bytes");
    m = (struct msghdr){.msg_control = NULL};
    HOLDS(CMSG_FIRSTHDR(&m) == NULL, "there is a first header in no control data");
}

CASE(header_cmsg_next_of_the_last, .requirement = "hdr.socket.cmsg-nxthdr-null-at-end", .over = UNIX_STREAM)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control = {{0}};
    struct msghdr m = {.msg_control = control.bytes, .msg_controllen = sizeof control.bytes};

    struct cmsghdr *only = CMSG_FIRSTHDR(&m);
    HOLDS(only != NULL, "there is no first header");
    only->cmsg_len = CMSG_LEN(sizeof(int));
    HOLDS(CMSG_NXTHDR(&m, only) == NULL, "something follows the last header");
}

CASE(header_cmsg_lengths, .requirement = "hdr.socket.cmsg-space-len", .over = UNIX_STREAM)
{
    for (size_t n = 0; n < 64; n++) {
        AT_LEAST(CMSG_LEN(n), (long)(sizeof(struct cmsghdr) + n));
        AT_LEAST(CMSG_SPACE(n), (long)CMSG_LEN(n));
        EQ(CMSG_LEN(n) - CMSG_LEN(0), (long)n);
        EQ(CMSG_SPACE(n) % _Alignof(struct cmsghdr), 0);
    }
}

CASE(header_linger, .requirement = "hdr.socket.linger-members", .over = UNIX_STREAM)
{
    MEMBER(struct linger, l_onoff, int);
    MEMBER(struct linger, l_linger, int);
}

CASE(header_socket_types, .requirement = "hdr.socket.sock-constants-distinct", .over = UNIX_STREAM)
{
    static const int types[] = {SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM};

    HOLDS(all_differ(types, COUNT(types)), "two types have one value");
}

CASE(header_socket_flags, .requirement = "hdr.socket.sock-flags-bitwise", .over = UNIX_STREAM)
{
    static const int flags[] = {SOCK_NONBLOCK, SOCK_CLOEXEC,
                                SOCK_DGRAM | SOCK_RAW | SOCK_SEQPACKET | SOCK_STREAM};

    HOLDS(share_no_bit(flags, COUNT(flags)), "two flags, or a flag and a type, have a bit in common");
}

CASE(header_socket_clofork, .requirement = "hdr.socket.sock-flags-bitwise", .over = UNIX_STREAM)
{
#ifdef SOCK_CLOFORK
    static const int flags[] = {SOCK_NONBLOCK, SOCK_CLOEXEC, SOCK_CLOFORK,
                                SOCK_DGRAM | SOCK_RAW | SOCK_SEQPACKET | SOCK_STREAM};

    HOLDS(share_no_bit(flags, COUNT(flags)), "two flags, or a flag and a type, have a bit in common");
#else
    HOLDS(false, "SOCK_CLOFORK is not defined");
#endif
}

CASE(header_option_names, .requirement = "hdr.socket.so-constants-distinct", .over = UNIX_STREAM)
{
    static const int names[] = {SO_ACCEPTCONN, SO_BROADCAST, SO_DEBUG,    SO_DONTROUTE,
                                SO_ERROR,      SO_KEEPALIVE, SO_LINGER,   SO_OOBINLINE,
                                SO_RCVBUF,     SO_RCVLOWAT,  SO_RCVTIMEO, SO_REUSEADDR,
                                SO_SNDBUF,     SO_SNDLOWAT,  SO_SNDTIMEO, SO_TYPE};

    HOLDS(all_differ(names, COUNT(names)), "two options have one value");
}

CASE(header_option_names_of_2024, .requirement = "hdr.socket.so-domain-protocol", .over = UNIX_STREAM)
{
#if defined SO_DOMAIN && defined SO_PROTOCOL
    static const int names[] = {SO_DOMAIN, SO_PROTOCOL, SO_TYPE, SO_ERROR, SO_ACCEPTCONN};

    HOLDS(all_differ(names, COUNT(names)), "two options have one value");
#else
    HOLDS(false, "SO_DOMAIN or SO_PROTOCOL is not defined");
#endif
}

CASE(header_somaxconn, .requirement = "hdr.socket.somaxconn", .over = UNIX_STREAM)
{
    AT_LEAST(SOMAXCONN, 1);
    OBSERVE("SOMAXCONN", "%d", SOMAXCONN);
}

CASE(header_message_flags, .requirement = "hdr.socket.msg-constants-distinct", .over = UNIX_STREAM)
{
    static const int flags[] = {MSG_CTRUNC,   MSG_DONTROUTE, MSG_EOR,   MSG_OOB,
                                MSG_NOSIGNAL, MSG_PEEK,      MSG_TRUNC, MSG_WAITALL};

    HOLDS(all_differ(flags, COUNT(flags)), "two flags have one value");
}

CASE(header_cmsg_cloexec, .requirement = "hdr.socket.msg-cmsg-flags", .over = UNIX_STREAM)
{
#ifdef MSG_CMSG_CLOEXEC
    static const int flags[] = {MSG_CMSG_CLOEXEC, MSG_PEEK, MSG_OOB, MSG_WAITALL};

    HOLDS(share_no_bit(flags, COUNT(flags)), "MSG_CMSG_CLOEXEC shares a bit with another flag");
#else
    HOLDS(false, "MSG_CMSG_CLOEXEC is not defined");
#endif
}

CASE(header_cmsg_clofork, .requirement = "hdr.socket.msg-cmsg-flags", .over = UNIX_STREAM)
{
#ifdef MSG_CMSG_CLOFORK
    static const int flags[] = {MSG_CMSG_CLOFORK, MSG_CMSG_CLOEXEC, MSG_PEEK, MSG_OOB, MSG_WAITALL};

    HOLDS(share_no_bit(flags, COUNT(flags)), "MSG_CMSG_CLOFORK shares a bit with another flag");
#else
    HOLDS(false, "MSG_CMSG_CLOFORK is not defined");
#endif
}

CASE(header_families, .requirement = "hdr.socket.af-constants", .over = UNIX_STREAM)
{
    static const int families[] = {AF_UNSPEC, AF_INET, AF_INET6, AF_UNIX};

    HOLDS(all_differ(families, COUNT(families)), "two families have one value");
    EQ(AF_UNSPEC, 0);
    for (size_t i = 0; i < COUNT(families); i++)
        EQ((sa_family_t)families[i], families[i]);
}

CASE(header_shutdown, .requirement = "hdr.socket.shut-constants", .over = UNIX_STREAM)
{
    static const int ways[] = {SHUT_RD, SHUT_WR, SHUT_RDWR};

    HOLDS(all_differ(ways, COUNT(ways)), "two ways have one value");
}

/* --- netinet/in.h, netinet/tcp.h, sys/un.h ---------------------------------------------------------- */

CASE(header_ports_are_16_bits, .requirement = "hdr.in.types", .over = INET)
{
    HOLDS(HAS_TYPE(*(in_port_t *)0, uint16_t), "in_port_t is no uint16_t");
    MEMBER(struct sockaddr_in, sin_port, in_port_t);
    MEMBER(struct sockaddr_in6, sin6_port, in_port_t);
    EQ((in_port_t)65535, 65535);
    EQ((in_port_t)(65535 + 1), 0);
}

CASE(header_addresses_are_32_bits, .requirement = "hdr.in.in_addr_t", .over = INET)
{
    HOLDS(HAS_TYPE(*(in_addr_t *)0, uint32_t), "in_addr_t is no uint32_t");
    MEMBER(struct in_addr, s_addr, in_addr_t);
    EQ(sizeof(struct in_addr), 4);
}

CASE(header_sockaddr_in, .requirement = "hdr.in.sockaddr_in-members", .over = INET)
{
    MEMBER(struct sockaddr_in, sin_family, sa_family_t);
    MEMBER(struct sockaddr_in, sin_port, in_port_t);
    MEMBER(struct sockaddr_in, sin_addr, struct in_addr);
    MEMBER(struct sockaddr_in, sin_addr.s_addr, in_addr_t);
}

CASE(header_sockaddr_in6, .requirement = "hdr.in.sockaddr_in6-members", .over = INET6)
{
    MEMBER(struct sockaddr_in6, sin6_family, sa_family_t);
    MEMBER(struct sockaddr_in6, sin6_port, in_port_t);
    MEMBER(struct sockaddr_in6, sin6_flowinfo, uint32_t);
    MEMBER(struct sockaddr_in6, sin6_addr, struct in6_addr);
    MEMBER(struct sockaddr_in6, sin6_scope_id, uint32_t);
}

CASE(header_in6_addr, .requirement = "hdr.in.in6_addr-bytes", .over = INET6_STREAM)
{
    MEMBER(struct in6_addr, s6_addr[0], uint8_t);
    EQ(sizeof(((struct in6_addr *)0)->s6_addr), 16);
    EQ(sizeof(struct in6_addr), 16);
}

CASE(header_in6_constants, .requirement = "hdr.in.in6addr-any-loopback", .over = INET6_STREAM)
{
    static const struct in6_addr any = IN6ADDR_ANY_INIT, loop = IN6ADDR_LOOPBACK_INIT;
    static const uint8_t zeros[16], one[16] = {[15] = 1};

    SAME(in6addr_any.s6_addr, zeros, 16);
    SAME(any.s6_addr, zeros, 16);
    SAME(in6addr_loopback.s6_addr, one, 16);
    SAME(loop.s6_addr, one, 16);
}

CASE(header_ipv6_mreq, .requirement = "hdr.in.ipv6_mreq", .over = INET6_STREAM)
{
    MEMBER(struct ipv6_mreq, ipv6mr_multiaddr, struct in6_addr);
    MEMBER(struct ipv6_mreq, ipv6mr_interface, unsigned);
}

CASE(header_protocols, .requirement = "hdr.in.ipproto-constants", .over = INET_STREAM)
{
    static const int protocols[] = {IPPROTO_ICMP, IPPROTO_IPV6, IPPROTO_RAW, IPPROTO_TCP, IPPROTO_UDP};

    HOLDS(all_differ(protocols, COUNT(protocols)), "two protocols have one value");
    EQ(IPPROTO_TCP, 6);
    EQ(IPPROTO_UDP, 17);
    EQ(IPPROTO_ICMP, 1);
    OBSERVE("IPPROTO_IP", "%d", IPPROTO_IP);
}

CASE(header_ipv4_constants, .requirement = "hdr.in.inaddr-constants", .over = INET_STREAM)
{
    EQ(INADDR_ANY, 0);
    EQ(INADDR_BROADCAST, 0xffffffff);
    EQ(htonl(INADDR_ANY), INADDR_ANY);
    EQ(htonl(INADDR_BROADCAST), INADDR_BROADCAST);
}

CASE(header_lengths_of_texts, .requirement = "hdr.in.addrstrlen", .over = INET_STREAM)
{
    EQ(INET_ADDRSTRLEN, 16);
    EQ(INET6_ADDRSTRLEN, 46);
}

CASE(header_ipv6_options, .requirement = "hdr.in.ipv6-option-constants", .over = INET6_STREAM)
{
    static const int names[] = {IPV6_JOIN_GROUP,   IPV6_LEAVE_GROUP,    IPV6_MULTICAST_HOPS,
                                IPV6_MULTICAST_IF, IPV6_MULTICAST_LOOP, IPV6_UNICAST_HOPS,
                                IPV6_V6ONLY};

    HOLDS(all_differ(names, COUNT(names)), "two options have one value");
}

enum {
    UNSPECIFIED = 1,
    LOOPBACK = 2,
    MULTICAST = 4,
    LINK_LOCAL = 8,
    SITE_LOCAL = 16,
    MAPPED = 32,
    COMPATIBLE = 64
};
enum { NODE = 1, LINK = 2, SITE = 4, ORGANISATION = 8, GLOBAL = 16 };

static struct in6_addr in6(const char *text)
{
    struct in6_addr a;

    REQUIRE(inet_pton(AF_INET6, text, &a) == 1, "%s is taken for no address", text);
    return a;
}

CASE(header_in6_classes, .requirement = "hdr.in.in6-is-addr-macros", .over = INET6_STREAM)
{
    static const struct {
        const char *text;
        int is;
    } table[] = {{"::", UNSPECIFIED},
                 {"::1", LOOPBACK},
                 {"ff02::1", MULTICAST},
                 {"ff00::", MULTICAST},
                 {"fe80::1", LINK_LOCAL},
                 {"febf::1", LINK_LOCAL},
                 {"fec0::1", SITE_LOCAL},
                 {"feff::1", SITE_LOCAL},
                 {"::ffff:1.2.3.4", MAPPED},
                 {"::1.2.3.4", COMPATIBLE},
                 {"2001:db8::1", 0},
                 {"fe00::1", 0},
                 {"fe7f::1", 0},
                 {"::ffff:0:1.2.3.4", 0},
                 {"1::ffff:1.2.3.4", 0},
                 {"::fffe:1.2.3.4", 0},
                 {"1::", 0},
                 {"1::1", 0}};

    for (size_t i = 0; i < COUNT(table); i++) {
        struct in6_addr a = in6(table[i].text);
        int is = (IN6_IS_ADDR_UNSPECIFIED(&a) ? UNSPECIFIED : 0) | (IN6_IS_ADDR_LOOPBACK(&a) ? LOOPBACK : 0) |
                 (IN6_IS_ADDR_MULTICAST(&a) ? MULTICAST : 0) | (IN6_IS_ADDR_LINKLOCAL(&a) ? LINK_LOCAL : 0) |
                 (IN6_IS_ADDR_SITELOCAL(&a) ? SITE_LOCAL : 0) | (IN6_IS_ADDR_V4MAPPED(&a) ? MAPPED : 0) |
                 (IN6_IS_ADDR_V4COMPAT(&a) ? COMPATIBLE : 0);
        HOLDS(is == table[i].is, "%s is of the classes %#x, not %#x", table[i].text, (unsigned)is,
              (unsigned)table[i].is);
    }
}

CASE(header_in6_multicast_scopes, .requirement = "hdr.in.in6-is-addr-mc-macros", .over = INET6_STREAM)
{
    static const struct {
        const char *text;
        int is;
    } table[] = {{"ff01::1", NODE},   {"ff12::1", LINK},   {"ff05::1", SITE}, {"ff08::1", ORGANISATION},
                 {"ff0e::1", GLOBAL}, {"ff3e::1", GLOBAL}, {"ff03::1", 0},    {"fe02::1", 0},
                 {"::1", 0}};

    for (size_t i = 0; i < COUNT(table); i++) {
        struct in6_addr a = in6(table[i].text);
        int is = (IN6_IS_ADDR_MC_NODELOCAL(&a) ? NODE : 0) | (IN6_IS_ADDR_MC_LINKLOCAL(&a) ? LINK : 0) |
                 (IN6_IS_ADDR_MC_SITELOCAL(&a) ? SITE : 0) |
                 (IN6_IS_ADDR_MC_ORGLOCAL(&a) ? ORGANISATION : 0) | (IN6_IS_ADDR_MC_GLOBAL(&a) ? GLOBAL : 0);
        HOLDS(is == table[i].is, "%s is of the scopes %#x, not %#x", table[i].text, (unsigned)is,
              (unsigned)table[i].is);
    }
}

CASE(header_port_bytes, .requirement = "hdr.in.network-byte-order", .over = INTERNET)
{
    struct address a = address_of(bound_socket());
    const unsigned char *port = kind->domain == AF_INET6 ? (void *)&a.in6.sin6_port : (void *)&a.in.sin_port;
    char text[8], want[8];

    REQUIRE(getnameinfo(ADDR(a), NULL, 0, text, sizeof text, NI_NUMERICSERV | NI_NUMERICHOST) == 0,
            "the port has no text");
    snprintf(want, sizeof want, "%d", port[0] << 8 | port[1]);
    SAME(text, want, strlen(want) + 1);
}

CASE(header_ipv4_address_bytes, .requirement = "hdr.in.network-byte-order", .over = INET)
{
    static const unsigned char host[4] = {127, 0, 0, 1};
    struct address a = {.in = {.sin_family = AF_INET}, .len = sizeof a.in};
    memcpy(&a.in.sin_addr, host, sizeof host);
    int fd = new_socket();

    OK(bind(fd, ADDR(a)));

    a = address_of(fd);
    SAME(&a.in.sin_addr, host, sizeof host);
}

CASE(header_ipv6_address_is_all_set, .requirement = "hdr.in.returned-sin6-fully-initialised", .over = INET6)
{
    struct joined j = joined_sockets();
    struct place here = place_for_address(), there = place_for_address();

    OK(getsockname(j.fd[1], PLACE(here)));
    OK(getpeername(j.fd[1], PLACE(there)));

    SAME(&here.in6.sin6_addr, &in6addr_loopback, sizeof here.in6.sin6_addr);
    EQ(here.in6.sin6_flowinfo, 0);
    EQ(here.in6.sin6_scope_id, 0);
    EQ(there.in6.sin6_flowinfo, 0);
    EQ(there.in6.sin6_scope_id, 0);
}

CASE(header_tcp_nodelay, .requirement = "hdr.tcp.tcp_nodelay", .over = INET_STREAM)
{
#ifdef TCP_NODELAY
    OBSERVE("TCP_NODELAY", "%d", TCP_NODELAY);
#else
    HOLDS(false, "TCP_NODELAY is not defined");
#endif
}

CASE(header_sockaddr_un, .requirement = "hdr.un.sockaddr_un", .over = UNIX_STREAM)
{
    MEMBER(struct sockaddr_un, sun_family, sa_family_t);
    MEMBER(struct sockaddr_un, sun_path[0], char);
}

CASE(header_sun_path, .requirement = "hdr.un.sun_path-size-unspecified", .over = UNIX_STREAM)
{
    OBSERVE("bytes of sun_path", "%zu", sizeof(((struct sockaddr_un *)0)->sun_path));
}

/* --- net/if.h, netdb.h, errno.h, sys/uio.h ---------------------------------------------------------- */

CASE(header_if_nameindex, .requirement = "hdr.if.definitions", .over = INET_DGRAM)
{
    HOLDS(if_nameindex_members_are_so, "if_index is no unsigned, or if_name no char *");
    AT_LEAST(IF_NAMESIZE, 2);
}

CASE(header_addrinfo, .requirement = "hdr.netdb.addrinfo", .over = INET_STREAM)
{
    MEMBER(struct addrinfo, ai_flags, int);
    MEMBER(struct addrinfo, ai_family, int);
    MEMBER(struct addrinfo, ai_socktype, int);
    MEMBER(struct addrinfo, ai_protocol, int);
    MEMBER(struct addrinfo, ai_addrlen, socklen_t);
    MEMBER(struct addrinfo, ai_addr, struct sockaddr *);
    MEMBER(struct addrinfo, ai_canonname, char *);
    MEMBER(struct addrinfo, ai_next, struct addrinfo *);
}

CASE(header_ai_flags, .requirement = "hdr.netdb.ai-flags-bitwise", .over = INET_STREAM)
{
    static const int flags[] = {AI_PASSIVE,  AI_CANONNAME, AI_NUMERICHOST, AI_NUMERICSERV,
                                AI_V4MAPPED, AI_ALL,       AI_ADDRCONFIG};

    HOLDS(share_no_bit(flags, COUNT(flags)), "two flags have a bit in common");
}

CASE(header_ni_flags, .requirement = "hdr.netdb.ni-flags-bitwise", .over = INET_STREAM)
{
    static const int flags[] = {NI_NOFQDN, NI_NUMERICHOST, NI_NAMEREQD, NI_NUMERICSERV, NI_DGRAM};

    HOLDS(share_no_bit(flags, COUNT(flags)), "two flags have a bit in common");
}

CASE(header_ni_numericscope, .requirement = "hdr.netdb.ni-flags-bitwise", .over = INET6_STREAM)
{
#ifdef NI_NUMERICSCOPE
    static const int flags[] = {NI_NOFQDN,      NI_NUMERICHOST,  NI_NAMEREQD,
                                NI_NUMERICSERV, NI_NUMERICSCOPE, NI_DGRAM};

    HOLDS(share_no_bit(flags, COUNT(flags)), "two flags have a bit in common");
#else
    HOLDS(false, "NI_NUMERICSCOPE is not defined");
#endif
}

CASE(header_eai_codes, .requirement = "hdr.netdb.eai-preprocessor", .over = INET_STREAM)
{
#if EAI_AGAIN && EAI_BADFLAGS && EAI_FAIL && EAI_FAMILY && EAI_MEMORY && EAI_NONAME && EAI_SERVICE && \
    EAI_SOCKTYPE && EAI_SYSTEM && EAI_OVERFLOW
    static const int codes[] = {EAI_AGAIN,  EAI_BADFLAGS, EAI_FAIL,     EAI_FAMILY, EAI_MEMORY,
                                EAI_NONAME, EAI_SERVICE,  EAI_SOCKTYPE, EAI_SYSTEM, EAI_OVERFLOW};

    HOLDS(all_differ(codes, COUNT(codes)), "two codes have one value");
#else
    HOLDS(false, "an EAI_ code is 0, or unknown to the preprocessor");
#endif
}

CASE(header_ipport_reserved, .requirement = "hdr.netdb.ipport_reserved", .over = INET_STREAM)
{
    AT_LEAST(IPPORT_RESERVED, 1);
    OBSERVE("IPPORT_RESERVED", "%d", (int)IPPORT_RESERVED);
}

CASE(header_esocktnosupport, .requirement = "hdr.errno.esocktnosupport", .over = UNIX_STREAM)
{
#ifdef ESOCKTNOSUPPORT
    static const int errors[] = {ESOCKTNOSUPPORT, EPROTONOSUPPORT, EPROTOTYPE, EOPNOTSUPP, EAFNOSUPPORT};

    HOLDS(all_differ(errors, COUNT(errors)), "two errors have one value");
#else
    HOLDS(false, "ESOCKTNOSUPPORT is not defined");
#endif
}

CASE(header_iov_max, .requirement = "hdr.uio.iov_max", .over = UNIX_STREAM)
{
    long most = sysconf(_SC_IOV_MAX);

    HOLDS(most == -1 || most >= 16, "the most parts of a call are %ld", most);
    OBSERVE("IOV_MAX", "%ld", most);
}

/* --- byte order ------------------------------------------------------------------------------------- */

CASE(byte_order_of_32_bits, .requirement = "byteorder.network-is-big-endian", .over = INET_STREAM)
{
    static const unsigned char bytes[4] = {1, 2, 3, 0x84};
    uint32_t there = htonl(0x01020384), back;

    SAME(&there, bytes, sizeof bytes);
    memcpy(&back, bytes, sizeof back);
    EQ(ntohl(back), 0x01020384);
}

CASE(byte_order_of_16_bits, .requirement = "byteorder.network-is-big-endian", .over = INET_STREAM)
{
    static const unsigned char bytes[2] = {1, 0x82};
    uint16_t there = htons(0x0182), back;

    SAME(&there, bytes, sizeof bytes);
    memcpy(&back, bytes, sizeof back);
    EQ(ntohs(back), 0x0182);
}

CASE(byte_order_and_back, .requirement = "byteorder.round-trip", .over = INET_STREAM)
{
    static const uint32_t values[] = {0, 1, 0x80, 0xff00, 0x8001, 0xffff, 0x12345678, 0x80000001, 0xffffffff};

    for (size_t i = 0; i < COUNT(values); i++) {
        EQ(ntohl(htonl(values[i])), values[i]);
        EQ(ntohs(htons((uint16_t)values[i])), (uint16_t)values[i]);
    }
}

/* --- texts of addresses ------------------------------------------------------------------------------ */

#define UNWRITTEN \
    0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5
enum { AFTER = 16 };

CASE(inet_pton_ipv4, .requirement = "inet_pton.v4-valid", .over = INET_STREAM)
{
    static const struct {
        const char *text;
        unsigned char bytes[4];
    } table[] = {{"1.2.3.4", {1, 2, 3, 4}},
                 {"0.0.0.0", {0, 0, 0, 0}},
                 {"127.0.0.1", {127, 0, 0, 1}},
                 {"10.200.30.99", {10, 200, 30, 99}},
                 {"255.255.255.255", {255, 255, 255, 255}}};

    for (size_t i = 0; i < COUNT(table); i++) {
        unsigned char got[4 + AFTER] = {UNWRITTEN, 0xa5, 0xa5, 0xa5, 0xa5}, unwritten[AFTER] = {UNWRITTEN};
        EQ(inet_pton(AF_INET, table[i].text, got), 1);
        SAME(got, table[i].bytes, 4);
        SAME(got + 4, unwritten, AFTER);
    }
}

CASE(inet_pton_ipv4_rejects, .requirement = "inet_pton.v4-rejects-other-forms", .over = INET_STREAM)
{
    static const char *const table[] = {"",          "1",          "1.2",       "1.2.3",     "1.2.3.",
                                        ".1.2.3",    "1.2.3.4.5",  "1.2.3.4.",  "1..2.3",    "1.2.3.256",
                                        "256.2.3.4", "1.2.3.1000", "0x1.2.3.4", "1.2.3.0x4", "1.2.3.4 ",
                                        " 1.2.3.4",  "1.2.3.4x",   "1.2.3.-4",  "1.2.3.a",   "1,2,3,4",
                                        "localhost", "::1",        "+1.2.3.4",  "1.2.3.4/8"};

    for (size_t i = 0; i < COUNT(table); i++) {
        unsigned char got[4];
        EQ(inet_pton(AF_INET, table[i], got), 0);
    }
}

CASE(inet_pton_ipv4_leading_zeros, .requirement = "inet_pton.v4-leading-zero", .over = INET_STREAM)
{
    static const unsigned char want[4] = {1, 2, 3, 10};
    unsigned char got[4] = {0};

    EQ(inet_pton(AF_INET, "001.02.003.010", got), 1);
    SAME(got, want, sizeof want);
}

static const struct {
    const char *text;
    unsigned char bytes[16];
} ipv6_texts[] = {
    {"::", {0}},
    {"::1", {[15] = 1}},
    {"1::", {[1] = 1}},
    {"1:2:3:4:5:6:7:8", {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8}},
    {"2001:db8::abcd:EF01", {0x20, 1, 0xd, 0xb8, [12] = 0xab, 0xcd, 0xef, 1}},
    {"fe80::0012:3", {0xfe, 0x80, [12] = 0, 0x12, 0, 3}},
    {"1:2:3:4:5:6:7::", {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 0}},
    {"::ffff:1.2.3.4", {[10] = 0xff, 0xff, 1, 2, 3, 4}},
    {"::1.2.3.255", {[12] = 1, 2, 3, 255}},
    {"64:ff9b::192.0.2.33", {0, 0x64, 0xff, 0x9b, [12] = 192, 0, 2, 33}},
    {"1:2:3:4:5:6:7.8.9.10", {0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 7, 8, 9, 10}},
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
     {255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}},
};

CASE(inet_pton_ipv6, .requirement = "inet_pton.v6-forms", .over = INET6_STREAM)
{
    for (size_t i = 0; i < COUNT(ipv6_texts); i++) {
        unsigned char got[16 + AFTER] = {UNWRITTEN, UNWRITTEN}, unwritten[AFTER] = {UNWRITTEN};
        EQ(inet_pton(AF_INET6, ipv6_texts[i].text, got), 1);
        SAME(got, ipv6_texts[i].bytes, 16);
        SAME(got + 16, unwritten, AFTER);
    }
}

CASE(inet_pton_ipv6_rejects, .requirement = "inet_pton.v6-rejects", .over = INET6_STREAM)
{
    static const char *const table[] = {"",
                                        ":",
                                        ":::",
                                        "1::2::3",
                                        "1:2",
                                        "1:2:3:4:5:6:7",
                                        "1:2:3:4:5:6:7:8:9",
                                        "12345::",
                                        "g::",
                                        "[::1]",
                                        "::1%1",
                                        "::1 ",
                                        " ::1",
                                        "1:2:3:4:5:6:7:",
                                        ":1:2:3:4:5:6:7",
                                        "::1.2.3",
                                        "::1.2.3.256",
                                        "1.2.3.4",
                                        "::1/64",
                                        "::1.2.3.4:5",
                                        "1:2:3:4:5:6:7:1.2.3.4",
                                        "1::2:"};

    for (size_t i = 0; i < COUNT(table); i++) {
        unsigned char got[16];
        EQ(inet_pton(AF_INET6, table[i], got), 0);
    }
}

CASE(inet_pton_family_unknown, .requirement = "inet_pton.eafnosupport", .over = INET_STREAM)
{
    unsigned char got[64];

    FAILS(inet_pton(12345, "1.2.3.4", got), EAFNOSUPPORT);
    FAILS(inet_pton(AF_UNIX, "1.2.3.4", got), EAFNOSUPPORT);
}

/* The text of an address, in a place that shows what was written. */
struct written {
    char text[64];
};

static struct written unwritten(void)
{
    struct written w;

    memset(&w, '#', sizeof w);
    return w;
}

CASE(inet_ntop_ipv4, .requirement = "inet_ntop.v4", .over = INET_STREAM)
{
    static const unsigned char bytes[4] = {1, 20, 255, 0};
    struct written w = unwritten();

    OK(inet_ntop(AF_INET, bytes, w.text, INET_ADDRSTRLEN) ? 0 : -1);
    SAME(w.text, "1.20.255.0", 11);
}

CASE(inet_ntop_ipv6, .requirement = "inet_ntop.v6", .over = INET6_STREAM)
{
    for (size_t i = 0; i < COUNT(ipv6_texts); i++) {
        struct written w = unwritten();
        unsigned char back[16] = {0};
        OK(inet_ntop(AF_INET6, ipv6_texts[i].bytes, w.text, INET6_ADDRSTRLEN) ? 0 : -1);
        EQ(inet_pton(AF_INET6, w.text, back), 1);
        SAME(back, ipv6_texts[i].bytes, 16);
        EQ(w.text[INET6_ADDRSTRLEN], '#');
    }
}

CASE(inet_ntop_ipv6_style, .requirement = "inet_ntop.v6-rfc5952-style", .over = INET6_STREAM)
{
    static const char *const table[] = {
        "::",         "::1",  "1::",        "2001:db8::1",  "2001:db8:0:1:1:1:1:1",
        "fe80::ab:c", "1::2", "1:0:0:2::3", "1::2:0:0:3:4", "1:2:3:4:5:6:7:8"};

    for (size_t i = 0; i < COUNT(table); i++) {
        struct written w = unwritten();
        struct in6_addr a = in6(table[i]);
        OK(inet_ntop(AF_INET6, &a, w.text, INET6_ADDRSTRLEN) ? 0 : -1);
        SAME(w.text, table[i], strlen(table[i]) + 1);
    }
}

CASE(inet_ntop_gives_its_text, .requirement = "inet_ntop.returns-dst", .over = INTERNET)
{
    static const unsigned char bytes[16] = {1, 2, 3, 4};
    struct written w = unwritten();

    HOLDS(inet_ntop(kind->domain, bytes, w.text, sizeof w.text) == w.text, "the result is another pointer");
}

CASE(inet_ntop_no_room, .requirement = "inet_ntop.enospc", .over = INET)
{
    static const unsigned char bytes[4] = {1, 2, 3, 4};
    struct written w = unwritten();

    FAILS(inet_ntop(AF_INET, bytes, w.text, 7) ? 0 : -1, ENOSPC);
    EQ(w.text[7], '#');
    OK(inet_ntop(AF_INET, bytes, w.text, 8) ? 0 : -1);
    SAME(w.text, "1.2.3.4", 8);
}

CASE(inet_ntop_no_room_ipv6, .requirement = "inet_ntop.enospc", .over = INET6)
{
    struct in6_addr a = in6("2001:db8:1:2:3:4:5:6");
    struct written w = unwritten();

    FAILS(inet_ntop(AF_INET6, &a, w.text, 20) ? 0 : -1, ENOSPC);
    EQ(w.text[20], '#');
    OK(inet_ntop(AF_INET6, &a, w.text, 21) ? 0 : -1);
    EQ(w.text[20], 0);
}

CASE(inet_ntop_family_unknown, .requirement = "inet_ntop.eafnosupport", .over = INET_STREAM)
{
    static const unsigned char bytes[16] = {1, 2, 3, 4};
    struct written w = unwritten();

    FAILS(inet_ntop(12345, bytes, w.text, sizeof w.text) ? 0 : -1, EAFNOSUPPORT);
}
