#include "sockets.h"

/* A boolean option is off, can be set, and reads back; what a value other than 0 and 1 reads as is left open.
 */
static void is_set_and_cleared(int fd, int name)
{
    int on = 1, off = 0;

    EQ(option(fd, SOL_SOCKET, name), 0);
    EQ(setsockopt(fd, SOL_SOCKET, name, &on, sizeof on), 0);
    NOT(option(fd, SOL_SOCKET, name), 0);
    EQ(setsockopt(fd, SOL_SOCKET, name, &off, sizeof off), 0);
    EQ(option(fd, SOL_SOCKET, name), 0);
}

CASE(option_reuse_is_set_and_cleared, .requirement = "setsockopt.success-zero", .over = ANY)
{
    is_set_and_cleared(new_socket(), SO_REUSEADDR);
}

CASE(option_keepalive_is_set_and_cleared, .requirement = "setsockopt.success-zero", .over = ANY)
{
    is_set_and_cleared(new_socket(), SO_KEEPALIVE);
}

CASE(option_broadcast_is_set_and_cleared, .requirement = "setsockopt.success-zero", .over = UDP)
{
    is_set_and_cleared(new_socket(), SO_BROADCAST);
}

CASE(option_oob_inline_is_set_and_cleared, .requirement = "setsockopt.success-zero", .over = TCP)
{
    is_set_and_cleared(new_socket(), SO_OOBINLINE);
}

CASE(option_is_the_sockets_own, .requirement = "setsockopt.one-socket", .over = ANY)
{
    int fd = new_socket(), other = new_socket(), on = 1;

    OK(setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on));
    EQ(option(other, SOL_SOCKET, SO_KEEPALIVE), 0);
    EQ(option(new_socket(), SOL_SOCKET, SO_KEEPALIVE), 0);
}

CASE(keepalive_is_off_at_first, .requirement = "rfc9293.must25-keepalive-default-off", .over = TCP)
{
    struct joined j = joined_sockets();

    EQ(option(new_socket(), SOL_SOCKET, SO_KEEPALIVE), 0);
    EQ(option(j.fd[0], SOL_SOCKET, SO_KEEPALIVE), 0);
    EQ(option(j.fd[1], SOL_SOCKET, SO_KEEPALIVE), 0);
}

#ifdef SO_PROTOCOL
static void reports(int fd, int protocol)
{
    int value = -1;
    socklen_t size = sizeof value;

    OK(getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &value, &size));
    EQ(value, protocol);
    EQ(size, sizeof value);
}

CASE(option_protocol_of_a_stream, .requirement = "sockopt.so_protocol.reports-protocol", .over = TCP)
{
    struct joined j = joined_sockets();

    reports(new_socket(), IPPROTO_TCP);
    reports(j.fd[0], IPPROTO_TCP);
    reports(j.listener, IPPROTO_TCP);
}

CASE(option_protocol_of_datagrams, .requirement = "sockopt.so_protocol.reports-protocol", .over = UDP)
{
    reports(new_socket(), IPPROTO_UDP);
}
#endif

CASE(option_type_is_reported, .requirement = "sockopt.so_type.reports-type", .over = ANY)
{
    int value = -1;
    socklen_t size = sizeof value;

    OK(getsockopt(new_socket(), SOL_SOCKET, SO_TYPE, &value, &size));
    EQ(value, kind->type);
    EQ(size, sizeof value);
}
