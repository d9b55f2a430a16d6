/* The kinds of socket that cases are run over, and sets of them. */
#ifndef KINDS_H
#define KINDS_H

enum {
    UNIX_STREAM = 1 << 0,
    UNIX_DGRAM = 1 << 1,
    UNIX_SEQPACKET = 1 << 2,
    INET_STREAM = 1 << 3,
    INET_DGRAM = 1 << 4,
    INET_SEQPACKET = 1 << 5,
    INET6_STREAM = 1 << 6,
    INET6_DGRAM = 1 << 7,
    INET6_SEQPACKET = 1 << 8,

    /* What an Internet SOCK_SEQPACKET means is left open (POSIX 2.10.18), so only EVERY has it. */
    UNIX = UNIX_STREAM | UNIX_DGRAM | UNIX_SEQPACKET,
    TCP = INET_STREAM | INET6_STREAM,
    UDP = INET_DGRAM | INET6_DGRAM,
    INET = INET_STREAM | INET_DGRAM,
    INET6 = INET6_STREAM | INET6_DGRAM,
    INTERNET = TCP | UDP,
    STREAM = UNIX_STREAM | TCP,
    DGRAM = UNIX_DGRAM | UDP,
    CONNECTION = STREAM | UNIX_SEQPACKET,
    MESSAGE = DGRAM | UNIX_SEQPACKET,
    ANY = STREAM | DGRAM | UNIX_SEQPACKET,
    EVERY = ANY | INET_SEQPACKET | INET6_SEQPACKET,
};

struct kind {
    unsigned bit;
    int domain, type;
    const char *name;
};
extern const struct kind kinds[]; /* ends with a kind of no name */

#endif
