#include "isolate.h"
#include "raw.h"
#include "role.h"

#include <stdio.h>
#ifdef __linux__
#include <sched.h>
#endif

struct environment environment;

#ifdef __linux__
static bool write_file(const char *path, const char *text)
{
    int fd = raw_open(path, O_WRONLY);
    bool written = fd >= 0 && raw_write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    if (fd >= 0)
        raw_close(fd);
    return written;
}

/* A plain user may have a network namespace inside a user namespace, where user and group keep their numbers.
 */
static bool unshare_network(void)
{
    char map[64];
    unsigned uid = geteuid(), gid = getegid();

    if (unshare(CLONE_NEWNET) == 0)
        return true;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) == -1)
        return false;
    snprintf(map, sizeof map, "%u %u 1\n", uid, uid);
    write_file("/proc/self/uid_map", map);
    write_file("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "%u %u 1\n", gid, gid);
    write_file("/proc/self/gid_map", map);
    return true;
}

/* system calls made here are not the implementation's under test: see raw.h */
static bool raise_loopback(void)
{
    struct ifreq request = {.ifr_name = "lo"};
    int fd = (int)syscall(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool up = false;

    if (fd >= 0 && syscall(SYS_ioctl, fd, SIOCGIFFLAGS, &request) == 0) {
        request.ifr_flags |= IFF_UP | IFF_RUNNING;
        up = syscall(SYS_ioctl, fd, SIOCSIFFLAGS, &request) == 0;
    }
    if (fd >= 0)
        raw_close(fd);
    return up;
}

/* Whether a datagram that is sent to this address of our own leaves at all. */
static bool can_send(struct sockaddr *address, socklen_t size)
{
    int fd = (int)syscall(SYS_socket, address->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool sent = fd >= 0 && syscall(SYS_bind, fd, address, size) == 0 &&
                syscall(SYS_getsockname, fd, address, &size) == 0 &&
                syscall(SYS_sendto, fd, "", 1, 0, address, size) == 1;
    if (fd >= 0)
        raw_close(fd);
    return sent;
}
#else
static bool unshare_network(void)
{
    errno = ENOSYS;
    return false;
}
static bool raise_loopback(void) { return false; }
static bool can_send(struct sockaddr *address, socklen_t size)
{
    int fd = socket(address->sa_family, SOCK_DGRAM, 0);
    bool sent = fd >= 0 && bind(fd, address, size) == 0 && getsockname(fd, address, &size) == 0 &&
                sendto(fd, "", 1, 0, address, size) == 1;
    if (fd >= 0)
        close(fd);
    return sent;
}
#endif

static void look_around(void)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};

    environment.loopback_inet = can_send((struct sockaddr *)&v4, sizeof v4);
    environment.loopback_inet6 = can_send((struct sockaddr *)&v6, sizeof v6);
    environment.proc = process_state(getpid()) != 0;
}

bool isolate(enum network wanted)
{
    if (wanted == NETWORK_SHARED)
        snprintf(environment.network_reason, sizeof environment.network_reason, "asked for");
    else if (!unshare_network())
        snprintf(environment.network_reason, sizeof environment.network_reason, "unshare: %s",
                 strerror(errno));
    else if (!raise_loopback())
        snprintf(environment.network_reason, sizeof environment.network_reason, "loopback: %s",
                 strerror(errno));
    else
        environment.own_network = true;
    look_around();
    return environment.own_network || wanted != NETWORK_OWN;
}

void isolate_again(void)
{
    if (environment.own_network && unshare_network())
        raise_loopback();
}
