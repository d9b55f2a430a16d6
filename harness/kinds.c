#include "kinds.h"

#include <sys/socket.h>

const struct kind kinds[] = {
    {UNIX_STREAM, AF_UNIX, SOCK_STREAM, "unix-stream"},
    {UNIX_DGRAM, AF_UNIX, SOCK_DGRAM, "unix-dgram"},
    {UNIX_SEQPACKET, AF_UNIX, SOCK_SEQPACKET, "unix-seqpacket"},
    {INET_STREAM, AF_INET, SOCK_STREAM, "inet-stream"},
    {INET_DGRAM, AF_INET, SOCK_DGRAM, "inet-dgram"},
    {INET_SEQPACKET, AF_INET, SOCK_SEQPACKET, "inet-seqpacket"},
    {INET6_STREAM, AF_INET6, SOCK_STREAM, "inet6-stream"},
    {INET6_DGRAM, AF_INET6, SOCK_DGRAM, "inet6-dgram"},
    {INET6_SEQPACKET, AF_INET6, SOCK_SEQPACKET, "inet6-seqpacket"},
    {0, 0, 0, 0},
};
