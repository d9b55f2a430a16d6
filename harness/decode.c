/* The transcript's words: calls as C would write them, with names for numbers and a look at the data. */
#include "role.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

struct text {
    char *at, *end;
};

static void put(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->at, (size_t)(t->end - t->at), format, args);
    va_end(args);
    t->at = n < t->end - t->at ? t->at + n : t->end - 1;
}

struct name {
    long value;
    const char *name;
};
#define NAME(x) \
    {           \
        x, #x   \
    }

static const char *name_of(const struct name *names, size_t count, long value)
{
    for (size_t i = 0; i < count; i++)
        if (names[i].value == value)
            return names[i].name;
    return NULL;
}
#define NAME_OF(names, value) name_of(names, sizeof names / sizeof *names, value)

static void put_name(struct text *t, const char *name, long value)
{
    if (name)
        put(t, "%s", name);
    else
        put(t, "%ld", value);
}

/* Flags, names joined by |, the rest in hexadecimal. */
static void put_flags(struct text *t, const struct name *names, size_t count, long value)
{
    const char *bar = "";
    for (size_t i = 0; i < count; i++)
        if (names[i].value && (value & names[i].value) == names[i].value) {
            put(t, "%s%s", bar, names[i].name);
            value &= ~names[i].value;
            bar = "|";
        }
    if (value || !*bar)
        put(t, value ? "%s0x%lx" : "%s%ld", bar, value);
}

static const struct name domains[] = {NAME(AF_UNSPEC), NAME(AF_UNIX), NAME(AF_INET), NAME(AF_INET6)};
static const struct name types[] = {NAME(SOCK_STREAM), NAME(SOCK_DGRAM), NAME(SOCK_SEQPACKET),
                                    NAME(SOCK_RAW)};
static const struct name type_flags[] = {
#ifdef SOCK_NONBLOCK
    NAME(SOCK_NONBLOCK),
    NAME(SOCK_CLOEXEC),
#endif
#ifdef SOCK_CLOFORK
    NAME(SOCK_CLOFORK),
#endif
    {0, NULL},
};
static const struct name protocols[] = {NAME(IPPROTO_TCP), NAME(IPPROTO_UDP), NAME(IPPROTO_ICMP),
                                        NAME(IPPROTO_IPV6), NAME(IPPROTO_RAW)};
static const struct name hows[] = {NAME(SHUT_RD), NAME(SHUT_WR), NAME(SHUT_RDWR)};
static const struct name message_flags[] = {
    NAME(MSG_OOB),       NAME(MSG_PEEK),    NAME(MSG_WAITALL),  NAME(MSG_TRUNC),        NAME(MSG_CTRUNC),
    NAME(MSG_DONTROUTE), NAME(MSG_EOR),
#ifdef MSG_NOSIGNAL
    NAME(MSG_NOSIGNAL),
#endif
#ifdef MSG_DONTWAIT
    NAME(MSG_DONTWAIT),
#endif
#ifdef __linux__
    NAME(MSG_MORE),      NAME(MSG_CONFIRM), NAME(MSG_ERRQUEUE), NAME(MSG_CMSG_CLOEXEC), NAME(MSG_WAITFORONE),
#endif
};
static const struct name poll_events[] = {
    NAME(POLLIN),     NAME(POLLPRI),    NAME(POLLOUT),    NAME(POLLERR),   NAME(POLLHUP), NAME(POLLNVAL),
#ifdef POLLRDHUP
    NAME(POLLRDHUP),
#endif
    NAME(POLLRDNORM), NAME(POLLRDBAND), NAME(POLLWRNORM), NAME(POLLWRBAND)};
static const struct name levels[] = {NAME(SOL_SOCKET), NAME(IPPROTO_IP), NAME(IPPROTO_TCP), NAME(IPPROTO_UDP),
                                     NAME(IPPROTO_IPV6)};
static const struct name socket_options[] = {
    NAME(SO_ACCEPTCONN),  NAME(SO_BROADCAST),   NAME(SO_DEBUG),        NAME(SO_DONTROUTE),
    NAME(SO_ERROR),       NAME(SO_KEEPALIVE),   NAME(SO_LINGER),       NAME(SO_OOBINLINE),
    NAME(SO_RCVBUF),      NAME(SO_RCVLOWAT),    NAME(SO_RCVTIMEO),     NAME(SO_REUSEADDR),
    NAME(SO_SNDBUF),      NAME(SO_SNDLOWAT),    NAME(SO_SNDTIMEO),     NAME(SO_TYPE),
#ifdef SO_DOMAIN
    NAME(SO_DOMAIN),      NAME(SO_PROTOCOL),
#endif
#ifdef SO_REUSEPORT
    NAME(SO_REUSEPORT),
#endif
#ifdef __linux__
    NAME(SO_PASSCRED),    NAME(SO_PEERCRED),    NAME(SO_BINDTODEVICE), NAME(SO_PRIORITY),
    NAME(SO_MARK),        NAME(SO_TIMESTAMP),   NAME(SO_RXQ_OVFL),     NAME(SO_PEEK_OFF),
    NAME(SO_SNDBUFFORCE), NAME(SO_RCVBUFFORCE), NAME(SO_BUSY_POLL),    NAME(SO_INCOMING_CPU),
#endif
};
static const struct name tcp_options[] = {
    NAME(TCP_NODELAY),
#ifdef __linux__
    NAME(TCP_MAXSEG),       NAME(TCP_CORK),     NAME(TCP_KEEPIDLE),     NAME(TCP_KEEPINTVL),
    NAME(TCP_KEEPCNT),      NAME(TCP_SYNCNT),   NAME(TCP_LINGER2),      NAME(TCP_INFO),
    NAME(TCP_USER_TIMEOUT), NAME(TCP_QUICKACK), NAME(TCP_DEFER_ACCEPT), NAME(TCP_FASTOPEN),
#endif
};
static const struct name ip_options[] = {
#ifdef __linux__
    NAME(IP_TOS),
    NAME(IP_TTL),
    NAME(IP_PKTINFO),
    NAME(IP_RECVERR),
    NAME(IP_RECVTTL),
    NAME(IP_RECVTOS),
    NAME(IP_FREEBIND),
    NAME(IP_MTU),
    NAME(IP_MTU_DISCOVER),
    NAME(IP_MULTICAST_IF),
    NAME(IP_MULTICAST_TTL),
    NAME(IP_MULTICAST_LOOP),
    NAME(IP_ADD_MEMBERSHIP),
    NAME(IP_DROP_MEMBERSHIP),
    NAME(IP_BIND_ADDRESS_NO_PORT),
    NAME(IP_OPTIONS),
#endif
    {-1, "-1"},
};
static const struct name ipv6_options[] = {
    NAME(IPV6_V6ONLY),         NAME(IPV6_UNICAST_HOPS), NAME(IPV6_MULTICAST_IF), NAME(IPV6_MULTICAST_HOPS),
    NAME(IPV6_MULTICAST_LOOP), NAME(IPV6_JOIN_GROUP),   NAME(IPV6_LEAVE_GROUP),
#ifdef __linux__
    NAME(IPV6_RECVPKTINFO),    NAME(IPV6_PKTINFO),      NAME(IPV6_RECVHOPLIMIT), NAME(IPV6_HOPLIMIT),
    NAME(IPV6_RECVTCLASS),     NAME(IPV6_TCLASS),       NAME(IPV6_RECVERR),      NAME(IPV6_MTU),
#endif
};
static const struct name control_types[] = {
    NAME(SCM_RIGHTS),
#ifdef SCM_CREDENTIALS
    NAME(SCM_CREDENTIALS),
#endif
};
static const struct name file_commands[] = {
    NAME(F_DUPFD),  NAME(F_DUPFD_CLOEXEC), NAME(F_GETFD), NAME(F_SETFD), NAME(F_GETFL),  NAME(F_SETFL),
    NAME(F_GETOWN), NAME(F_SETOWN),        NAME(F_GETLK), NAME(F_SETLK), NAME(F_SETLKW),
};
static const struct name file_flags[] = {NAME(O_NONBLOCK), NAME(O_APPEND),
#ifdef O_ASYNC
                                         NAME(O_ASYNC),
#endif
                                         NAME(O_RDWR), NAME(O_WRONLY)};
static const struct name requests[] = {
#ifdef FIONREAD
    NAME(FIONREAD),   NAME(FIONBIO),
#endif
#ifdef SIOCATMARK
    NAME(SIOCATMARK),
#endif
#ifdef FIOASYNC
    NAME(FIOASYNC),
#endif
    {-1, "-1"},
};
static const struct name whences[] = {NAME(SEEK_SET), NAME(SEEK_CUR), NAME(SEEK_END)};
#ifdef __linux__
static const struct name epoll_operations[] = {NAME(EPOLL_CTL_ADD), NAME(EPOLL_CTL_MOD), NAME(EPOLL_CTL_DEL)};
#endif
static const struct name resolver_errors[] = {
    NAME(EAI_AGAIN),      NAME(EAI_BADFLAGS), NAME(EAI_FAIL),     NAME(EAI_FAMILY), NAME(EAI_MEMORY),
    NAME(EAI_NONAME),     NAME(EAI_SERVICE),  NAME(EAI_SOCKTYPE), NAME(EAI_SYSTEM), NAME(EAI_OVERFLOW),
#ifdef EAI_ADDRFAMILY
    NAME(EAI_ADDRFAMILY), NAME(EAI_NODATA),
#endif
};
static const struct name errors[] = {
    NAME(EOPNOTSUPP), /* the name for sockets, where ENOTSUP has the same number */
    NAME(E2BIG),           NAME(EACCES),       NAME(EADDRINUSE),
    NAME(EADDRNOTAVAIL),   NAME(EAFNOSUPPORT), NAME(EAGAIN),
    NAME(EALREADY),        NAME(EBADF),        NAME(EBADMSG),
    NAME(EBUSY),           NAME(ECANCELED),    NAME(ECHILD),
    NAME(ECONNABORTED),    NAME(ECONNREFUSED), NAME(ECONNRESET),
    NAME(EDEADLK),         NAME(EDESTADDRREQ), NAME(EDOM),
    NAME(EDQUOT),          NAME(EEXIST),       NAME(EFAULT),
    NAME(EFBIG),           NAME(EHOSTUNREACH), NAME(EIDRM),
    NAME(EILSEQ),          NAME(EINPROGRESS),  NAME(EINTR),
    NAME(EINVAL),          NAME(EIO),          NAME(EISCONN),
    NAME(EISDIR),          NAME(ELOOP),        NAME(EMFILE),
    NAME(EMLINK),          NAME(EMSGSIZE),     NAME(ENAMETOOLONG),
    NAME(ENETDOWN),        NAME(ENETRESET),    NAME(ENETUNREACH),
    NAME(ENFILE),          NAME(ENOBUFS),      NAME(ENODEV),
    NAME(ENOENT),          NAME(ENOEXEC),      NAME(ENOLCK),
    NAME(ENOLINK),         NAME(ENOMEM),       NAME(ENOMSG),
    NAME(ENOPROTOOPT),     NAME(ENOSPC),       NAME(ENOSYS),
    NAME(ENOTCONN),        NAME(ENOTDIR),      NAME(ENOTEMPTY),
    NAME(ENOTSOCK),        NAME(ENOTSUP),      NAME(ENOTTY),
    NAME(ENXIO),           NAME(EOVERFLOW),    NAME(EOWNERDEAD),
    NAME(EPERM),           NAME(EPIPE),        NAME(EPROTO),
    NAME(EPROTONOSUPPORT), NAME(EPROTOTYPE),   NAME(ERANGE),
    NAME(EROFS),           NAME(ESPIPE),       NAME(ESRCH),
    NAME(ESTALE),          NAME(ETIMEDOUT),    NAME(ETXTBSY),
    NAME(EWOULDBLOCK),     NAME(EXDEV),
#ifdef ESOCKTNOSUPPORT
    NAME(ESOCKTNOSUPPORT),
#endif
#ifdef EPFNOSUPPORT
    NAME(EPFNOSUPPORT),
#endif
#ifdef EHOSTDOWN
    NAME(EHOSTDOWN),
#endif
#ifdef ENONET
    NAME(ENONET),
#endif
};

const char *errno_name(int error)
{
    static _Thread_local char number[24];
    const char *name = NAME_OF(errors, error);
    if (name)
        return name;
    snprintf(number, sizeof number, "errno %d", error);
    return number;
}

/* --- data ------------------------------------------------------------------------------------- */

enum { SHOWN = 24 }; /* bytes of data, beyond which only the length is told */

/* A pointer that a case made to be refused is shown, never followed: the zero page and the top of memory. */
static bool readable(const void *p) { return (uintptr_t)p >= 4096 && (uintptr_t)p < UINTPTR_MAX - 4096; }

static void put_characters(struct text *t, const void *characters, int64_t size)
{
    const unsigned char *c = characters;

    for (int64_t i = 0; i < size; i++)
        if (c[i] == '"' || c[i] == '\\')
            put(t, "\\%c", c[i]);
        else if (c[i] >= ' ' && c[i] < 127)
            put(t, "%c", c[i]);
        else
            put(t, "\\x%02x", c[i]);
}

static void put_bytes(struct text *t, const void *bytes, int64_t size)
{
    if (!readable(bytes)) {
        put(t, bytes ? "%p" : "NULL", bytes);
        return;
    }
    put(t, "\"");
    put_characters(t, bytes, size < SHOWN ? size : SHOWN);
    put(t, size > SHOWN ? "\"..." : "\"");
}

static void put_unix_name(struct text *t, const struct sockaddr_un *address, socklen_t size)
{
    const char *path = address->sun_path;
    size_t start = offsetof(struct sockaddr_un, sun_path), length = size > start ? size - start : 0;

    if (length > sizeof address->sun_path)
        length = sizeof address->sun_path;
    if (length == 0)
        put(t, " unnamed");
    else if (path[0] == '\0') {
        put(t, " abstract ");
        put_bytes(t, path + 1, (int64_t)length - 1);
    } else {
        put(t, " ");
        put_characters(t, path, (int64_t)strnlen(path, length));
    }
}

static void put_address(struct text *t, const struct sockaddr *address, socklen_t size)
{
    const struct sockaddr_in *in = (const void *)address;
    const struct sockaddr_in6 *in6 = (const void *)address;
    char name[INET6_ADDRSTRLEN] = "";

    if (!readable(address) || size < sizeof(sa_family_t) + offsetof(struct sockaddr, sa_family)) {
        put(t, readable(address) ? "{}" : address ? "%p" : "NULL", (const void *)address);
        return;
    }
    put(t, "{");
    put_name(t, NAME_OF(domains, address->sa_family), address->sa_family);
    if (address->sa_family == AF_INET && size >= sizeof *in) {
        const unsigned char *b = (const unsigned char *)&in->sin_addr;
        put(t, " %d.%d.%d.%d:%d", b[0], b[1], b[2], b[3], ntohs(in->sin_port));
    } else if (address->sa_family == AF_INET6 && size >= sizeof *in6) {
        inet_ntop(AF_INET6, &in6->sin6_addr, name, sizeof name);
        put(t, " [%s]:%d", name, ntohs(in6->sin6_port));
        if (in6->sin6_scope_id)
            put(t, "%%%u", in6->sin6_scope_id);
    } else if (address->sa_family == AF_UNIX)
        put_unix_name(t, (const void *)address, size);
    put(t, "}");
}

static void put_parts(struct text *t, const struct iovec *parts, int64_t count, int64_t bytes)
{
    if (!readable(parts)) {
        put(t, parts ? "%p" : "NULL", (const void *)parts);
        return;
    }
    put(t, "{");
    for (int64_t i = 0; i < count && i < 4; i++) {
        int64_t shown = bytes < 0 || bytes > (int64_t)parts[i].iov_len ? (int64_t)parts[i].iov_len : bytes;
        put(t, i ? ", " : "");
        put_bytes(t, parts[i].iov_base, shown);
        put(t, " of %zu", parts[i].iov_len);
        bytes = bytes < 0 ? bytes : bytes - shown;
    }
    put(t, count > 4 ? ", ...}" : "}");
}

static void put_control(struct text *t, const struct msghdr *message)
{
    struct msghdr m = *message; /* CMSG_NXTHDR takes no const */
    const char *comma = "";

    put(t, "{");
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        put(t, "%s", comma);
        put_name(t, c->cmsg_level == SOL_SOCKET ? NAME_OF(control_types, c->cmsg_type) : NULL, c->cmsg_type);
        put(t, " %zu bytes", (size_t)c->cmsg_len - (size_t)CMSG_LEN(0));
        comma = ", ";
        if (c->cmsg_len < CMSG_LEN(0))
            break;
    }
    put(t, "}");
}

static void put_message(struct text *t, const struct msghdr *m, bool out, bool returned, int64_t result)
{
    if (!readable(m)) {
        put(t, m ? "%p" : "NULL", (const void *)m);
        return;
    }
    put(t, "{");
    if (m->msg_name) {
        if (out && !returned)
            put(t, "name of %u", (unsigned)m->msg_namelen);
        else
            put_address(t, m->msg_name, m->msg_namelen);
        put(t, ", ");
    }
    put_parts(t, m->msg_iov, (int64_t)m->msg_iovlen, out ? (returned && result > 0 ? result : 0) : -1);
    if (m->msg_control && m->msg_controllen) {
        put(t, ", control ");
        if (out && !returned)
            put(t, "of %zu", (size_t)m->msg_controllen);
        else
            put_control(t, m);
    }
    if (out && returned && result >= 0) {
        put(t, ", flags ");
        put_flags(t, message_flags, sizeof message_flags / sizeof *message_flags, m->msg_flags);
    }
    put(t, "}");
}

static void put_option(struct text *t, int64_t level, int64_t name, const void *value, int64_t size)
{
    if (!readable(value) || size <= 0) {
        put(t, value ? "%p" : "NULL", value);
        return;
    }
    if (level == SOL_SOCKET && name == SO_LINGER && size >= (int64_t)sizeof(struct linger)) {
        const struct linger *l = value;
        put(t, "{%d, %d s}", l->l_onoff, l->l_linger);
    } else if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO) &&
               size >= (int64_t)sizeof(struct timeval)) {
        const struct timeval *v = value;
        put(t, "{%lld.%06ld s}", (long long)v->tv_sec, (long)v->tv_usec);
    } else if (level == SOL_SOCKET && name == SO_ERROR && size >= (int64_t)sizeof(int))
        put(t, "[%s]", *(const int *)value ? errno_name(*(const int *)value) : "0");
    else if (size == sizeof(int))
        put(t, "[%d]", *(const int *)value);
    else
        put_bytes(t, value, size);
}

static const char *option_name(int64_t level, int64_t name)
{
    if (level == SOL_SOCKET)
        return NAME_OF(socket_options, name);
    if (level == IPPROTO_TCP)
        return NAME_OF(tcp_options, name);
    if (level == IPPROTO_IP)
        return NAME_OF(ip_options, name);
    if (level == IPPROTO_IPV6)
        return NAME_OF(ipv6_options, name);
    return NULL;
}

static void put_polled(struct text *t, const struct pollfd *set, int64_t count, bool returned)
{
    put(t, readable(set) ? "{" : set ? "%p" : "NULL", (const void *)set);
    for (int64_t i = 0; readable(set) && i < count && i < 4; i++) {
        put(t, "%s%d ", i ? ", " : "", set[i].fd);
        put_flags(t, poll_events, sizeof poll_events / sizeof *poll_events, set[i].events);
        if (returned) {
            put(t, " -> ");
            put_flags(t, poll_events, sizeof poll_events / sizeof *poll_events, set[i].revents);
        }
    }
    put(t, readable(set) ? count > 4 ? ", ...}" : "}" : "");
}

static void put_fd_set(struct text *t, const fd_set *set, int64_t size)
{
    const char *comma = "";

    put(t, readable(set) ? "{" : set ? "%p" : "NULL", (const void *)set);
    for (int fd = 0; readable(set) && fd < size && fd < FD_SETSIZE; fd++)
        if (FD_ISSET(fd, set)) {
            put(t, "%s%d", comma, fd);
            comma = ", ";
        }
    put(t, readable(set) ? "}" : "");
}

/* --- arguments ---------------------------------------------------------------------------------- */

bool failed(const struct call_form *form, int64_t result)
{
    switch (form->gives) {
    case 'f':
    case 'd':
    case 's': return result == -1;
    case 'p':
    case 't':
    case 'u': return result == 0;
    case 'g': return result != 0;
    default: return false;
    }
}

bool changes_arguments(const struct call_form *form)
{
    return strpbrk(form->takes, "ALBVMWYpRK2HQ4jJI") != NULL;
}

/* What the call has put there is known only when it has returned, and there only if it did not fail. */
static void describe_argument(struct text *t, const struct call_form *form, const int64_t *a, int i,
                              socklen_t room, bool returned, int64_t result)
{
    const void *p = (const void *)(intptr_t)a[i];
    bool done = returned && !failed(form, result);
    int64_t n = 0;

    switch (form->takes[i]) {
    case 'f':
    case 'd': put(t, "%d", (int)a[i]); break;
    case 'z': put(t, "%zu", (size_t)a[i]); break;
    case 't': put(t, "%d ms", (int)a[i]); break;
    case 'D': put_name(t, NAME_OF(domains, a[i]), (long)a[i]); break;
    case 'T': {
        long flags = 0;
        for (size_t k = 0; k < sizeof type_flags / sizeof *type_flags; k++)
            flags |= type_flags[k].value;
        put_name(t, NAME_OF(types, a[i] & ~flags), (long)a[i] & ~flags);
        if (a[i] & flags)
            put(t, "|");
        if (a[i] & flags)
            put_flags(t, type_flags, sizeof type_flags / sizeof *type_flags, (long)a[i] & flags);
        break;
    }
    case 'O': put_flags(t, type_flags, sizeof type_flags / sizeof *type_flags, (long)a[i]); break;
    case 'P': put_name(t, a[i] ? NAME_OF(protocols, a[i]) : NULL, (long)a[i]); break;
    case 'a': put_address(t, p, (socklen_t)a[i + 1]); break;
    case 'A':
        if (!done || !readable(p))
            put(t, p ? readable(p) ? "..." : "%p" : "NULL", p);
        else {
            socklen_t length = *(const socklen_t *)(intptr_t)a[i + 1];
            put_address(t, p, length < room ? length : room);
        }
        break;
    case 'L':
        if (!readable(p))
            put(t, p ? "%p" : "NULL", p);
        else if (done && *(const socklen_t *)p != room)
            put(t, "[%u -> %u]", (unsigned)room, (unsigned)*(const socklen_t *)p);
        else
            put(t, "[%u]", (unsigned)room);
        break;
    case 'b': put_bytes(t, p, a[i + 1]); break;
    case 'B':
        if (done)
            put_bytes(t, p, result < a[i + 1] ? result : a[i + 1]);
        else
            put(t, p ? readable(p) ? "..." : "%p" : "NULL", p);
        break;
    case 'v': put_parts(t, p, a[i + 1], -1); break;
    case 'V': put_parts(t, p, a[i + 1], done ? result : 0); break;
    case 'm': put_message(t, p, false, returned, result); break;
    case 'M': put_message(t, p, true, returned, result); break;
#ifdef __linux__
    case 'w':
    case 'W':
        put(t, "{");
        for (n = 0; readable(p) && n < (form->takes[i] == 'w' || !returned ? a[i + 1] : result) && n < 4;
             n++) {
            const struct mmsghdr *m = (const struct mmsghdr *)p + n;
            put(t, n ? ", " : "");
            put_message(t, &m->msg_hdr, form->takes[i] == 'W', returned, done ? m->msg_len : 0);
            if (done && n < result)
                put(t, " %u", m->msg_len);
        }
        put(t, "}");
        break;
    case 'e': put_name(t, NAME_OF(epoll_operations, a[i]), (long)a[i]); break;
    case 'E':
    case 'Q': {
        const struct epoll_event *event = p;
        int64_t count = form->takes[i] == 'E' ? 1 : done ? result : 0;
        put(t, readable(p) ? "{" : "NULL");
        for (n = 0; readable(p) && n < count && n < 4; n++) {
            put(t, n ? ", " : "");
            put_flags(t, poll_events, sizeof poll_events / sizeof *poll_events, (long)event[n].events);
        }
        put(t, readable(p) ? "}" : "");
        break;
    }
#endif
    case 'F': put_flags(t, message_flags, sizeof message_flags / sizeof *message_flags, (int)a[i]); break;
    case 'h': put_name(t, NAME_OF(hows, a[i]), (long)a[i]); break;
    case 'l': put_name(t, NAME_OF(levels, a[i]), (long)a[i]); break;
    case 'o': put_name(t, option_name(a[i - 1], a[i]), (long)a[i]); break;
    case 'y': put_option(t, a[1], a[2], p, a[i + 1]); break;
    case 'Y':
        if (done && readable(p) && a[i + 1])
            put_option(t, a[1], a[2], p, (int64_t) * (const socklen_t *)(intptr_t)a[i + 1]);
        else
            put(t, p ? "..." : "NULL");
        break;
    case 'p': put_polled(t, p, a[i + 1], done); break;
    case 'R': put_fd_set(t, p, a[0]); break;
    case 'S':
        if (readable(p))
            put(t, "{%lld.%09ld s}", (long long)((const struct timespec *)p)->tv_sec,
                (long)((const struct timespec *)p)->tv_nsec);
        else
            put(t, "NULL");
        break;
    case 'K':
        if (readable(p))
            put(t, "{%lld.%06ld s}", (long long)((const struct timeval *)p)->tv_sec,
                (long)((const struct timeval *)p)->tv_usec);
        else
            put(t, "NULL");
        break;
    case 'c': put_name(t, NAME_OF(file_commands, a[i]), (long)a[i]); break;
    case 'C':
        if (a[i - 1] == F_SETFL)
            put_flags(t, file_flags, sizeof file_flags / sizeof *file_flags, (int)a[i]);
        else if (a[i - 1] == F_GETLK || a[i - 1] == F_SETLK || a[i - 1] == F_SETLKW)
            put(t, "%p", p);
        else
            put(t, "%d", (int)a[i]);
        break;
    case 'i': put_name(t, NAME_OF(requests, a[i]), (long)a[i]); break;
    case 'I': put(t, readable(p) ? "[%d]" : "%d", readable(p) ? *(const int *)p : (int)a[i]); break;
    case '2':
        if (done && readable(p))
            put(t, "[%d, %d]", ((const int *)p)[0], ((const int *)p)[1]);
        else
            put(t, p ? "..." : "NULL");
        break;
    case 'H':
        put(t, done && readable(p) ? "{st_mode 0%o}" : "...", done ? ((const struct stat *)p)->st_mode : 0);
        break;
    case 'q': put_name(t, NAME_OF(whences, a[i]), (long)a[i]); break;
    case 'N':
        if (readable(p))
            put_bytes(t, p, (int64_t)strlen(p));
        else
            put(t, "NULL");
        break;
    case 'J':
        if (done && readable(p) && a[i + 1])
            put_bytes(t, p, (int64_t)strlen(p));
        else
            put(t, p ? "..." : "NULL");
        break;
    case 'g': put_name(t, NAME_OF(resolver_errors, a[i]), (long)a[i]); break;
    case 'x': put(t, "0x%llx", (unsigned long long)a[i]); break;
    default: put(t, p ? "%p" : "NULL", p); break;
    }
}

void describe_call(char *out, size_t size, const struct call_form *form, const int64_t *arguments,
                   socklen_t room, bool returned, int64_t result)
{
    struct text t = {out, out + size};

    /* fcntl's third argument is there only for some commands. */
    bool bare = form->takes[1] == 'c' &&
                (arguments[1] == F_GETFD || arguments[1] == F_GETFL || arguments[1] == F_GETOWN);
    put(&t, "%s(", form->name);
    for (int i = 0; form->takes[i] && !(bare && i == 2); i++) {
        put(&t, i ? ", " : "");
        describe_argument(&t, form, arguments, i, room, returned, result);
    }
    put(&t, ")");
}

int describe_result(char *out, size_t size, const struct call_form *form, int64_t result, int error)
{
    struct text t = {out, out + size};

    switch (form->gives) {
    case 'g': put_name(&t, result ? NAME_OF(resolver_errors, result) : NULL, (long)result); return 0;
    case 'x': put(&t, "0x%llx", (unsigned long long)result); break;
    case 'p': put(&t, result ? "a list" : "NULL"); break;
    case 't':
        if (result)
            put_bytes(&t, (const void *)(intptr_t)result, (int64_t)strlen((const char *)(intptr_t)result));
        else
            put(&t, "NULL");
        break;
    case 'v': break;
    default: put(&t, "%lld", (long long)result); break;
    }
    return failed(form, result) ? error : 0;
}
