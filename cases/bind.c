#include "sockets.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/mman.h>
#ifdef __linux__
#include <sched.h>
#include <sys/mount.h>
#endif

/* An address that no socket has: an Internet port is one that the system has just given out and taken back.
 */
static struct address free_address(void)
{
    int fd = bound_socket();
    struct address a = address_of(fd);

    MUST(close(fd));
    if (a.any.sa_family == AF_UNIX)
        MUST(unlink(a.un.sun_path));
    return a;
}

static bool is_bound_to(int fd, struct address a) { return same_address(address_of(fd), a); }

/* The socket that is bound to the address, and no other, is who hears what is sent there. */
static void claim_reaches_listener(int listener, struct address a)
{
    int client = new_socket();

    OK(connect(client, ADDR(a)));
    HOLDS(poll(&(struct pollfd){.fd = listener, .events = POLLIN}, 1, -1) == 1, "no connection came");
    OK(accept(listener, NULL, NULL));
}

static void claim_reaches_receiver(int receiver, struct address a)
{
    char byte = 0;

    EQ(sendto(new_socket(), "x", 1, 0, ADDR(a)), 1);
    EQ(recv(receiver, &byte, 1, 0), 1);
    SAME(&byte, "x", 1);
}

static int socket_for_v6_only(void)
{
    int fd = new_socket();

    set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    return fd;
}

static int socket_for_both_versions(void)
{
    int fd = new_socket();

    set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    return fd;
}

static int bound_v4_socket(struct address a)
{
    int fd = new_socket_of(AF_INET, kind->type);

    MUST(bind(fd, ADDR(a)));
    return fd;
}

static struct address v4_mapped_loopback(in_port_t port)
{
    struct address a = loopback_of(AF_INET6, port);
    static const unsigned char mapped[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};

    memcpy(&a.in6.sin6_addr, mapped, sizeof mapped);
    return a;
}

static struct address second_loopback(in_port_t port)
{
    struct address a = loopback_of(AF_INET, port);

    a.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
    return a;
}

static void make_file(const char *path)
{
    MUST(close((int)MUST(open(path, O_CREAT | O_EXCL | O_WRONLY, 0666))));
}

static bool exists(struct address a)
{
    struct stat status;

    return lstat(a.un.sun_path, &status) == 0;
}

static int files_here(void)
{
    DIR *directory = opendir(".");
    int n = 0;
    REQUIRE(directory, "the run's directory cannot be read");

    while (readdir(directory))
        n++;
    closedir(directory);
    return n;
}

/* --- success -------------------------------------------------------------------------------------- */

CASE(bind_returns_zero, .requirement = "bind.success-zero", .over = ANY)
{
    struct address a = fresh_address();

    EQ(bind(new_socket(), ADDR(a)), 0);
}

CASE(bind_gives_the_address, .requirement = "bind.assigns-address", .over = ANY)
{
    int fd = new_socket();
    struct address a = free_address();

    OK(bind(fd, ADDR(a)));
    struct place p = place_for_address();
    OK(getsockname(fd, PLACE(p)));
    HOLDS(same_address(address_in(&p), a), "getsockname() gives another address than the one bound to");
}

CASE(bind_to_the_wildcard_keeps_the_wildcard, .requirement = "bind.assigns-address", .over = INTERNET)
{
    int fd = new_socket();
    struct address a = wildcard(0);

    OK(bind(fd, ADDR(a)));
    HOLDS(is_bound_to(fd, wildcard(port_of(address_of(fd)))), "the address is no longer the wildcard");
}

CASE(bind_names_the_socket_not_the_descriptor, .requirement = "bind.assigns-address", .over = ANY)
{
    int fd = new_socket(), other = (int)MUST(dup(fd));
    struct address a = free_address();

    OK(bind(other, ADDR(a)));
    MUST(close(other));
    HOLDS(is_bound_to(fd, a), "the first descriptor has another address");
}

CASE(bind_keeps_the_address_when_it_listens, .requirement = "bind.assigns-address", .over = CONNECTION)
{
    int fd = new_socket();
    struct address a = free_address();

    OK(bind(fd, ADDR(a)));
    OK(listen(fd, 1));
    HOLDS(is_bound_to(fd, a), "listen() has changed the address");
    claim_reaches_listener(fd, a);
}

CASE(bind_makes_the_socket_reachable, .requirement = "bind.assigns-address", .over = DGRAM)
{
    int fd = new_socket();
    struct address a = free_address();

    OK(bind(fd, ADDR(a)));
    claim_reaches_receiver(fd, a);
}

CASE(bind_leaves_the_callers_address_alone, .requirement = "bind.argument-unchanged", .over = ANY)
{
    struct address a = fresh_address(), before = a;

    OK(bind(new_socket(), ADDR(a)));
    SAME(&a.storage, &before.storage, sizeof a.storage);
}

CASE(bind_takes_an_address_in_memory_that_cannot_be_written, .requirement = "bind.argument-unchanged",
     .over = ANY)
{
    struct address a = fresh_address();
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(memory != MAP_FAILED, "no memory");
    memcpy(memory, &a.storage, a.len);
    MUST(mprotect(memory, page, PROT_READ));

    OK(bind(new_socket(), memory, a.len));
}

CASE(bind_uses_the_address_as_it_is_during_the_call, .requirement = "bind.assigns-address", .over = ANY)
{
    int fd = new_socket();
    struct address a = free_address(), kept = a;

    OK(bind(fd, ADDR(a)));
    memset(&a, 0xa5, sizeof a);
    HOLDS(is_bound_to(fd, kept), "the socket's address has changed with the caller's");
}

CASE(bind_does_not_wait_when_nonblocking, .requirement = "bind.nonblock-never-blocks", .over = ANY)
{
    struct address a = fresh_address();
    int fd = new_socket();
    set_nonblocking(fd);

    HOLDS(bind(fd, ADDR(a)) == 0 || errno == EINPROGRESS, "it fails, and not with EINPROGRESS");
}

/* --- EADDRINUSE: the same address ------------------------------------------------------------------- */

CASE(bind_address_in_use, .requirement = "bind.addrinuse", .over = ANY)
{
    struct address taken = address_of(bound_socket());

    FAILS(bind(new_socket(), ADDR(taken)), EADDRINUSE);
    FAILS(bind(new_socket(), ADDR(taken)), EADDRINUSE);
}

CASE(bind_wildcard_in_use, .requirement = "bind.addrinuse", .over = INTERNET)
{
    struct address taken = address_of(bound_to(wildcard(0)));

    FAILS(bind(new_socket(), ADDR(taken)), EADDRINUSE);
}

PAIR(bind_address_in_use_in_another_process, .requirement = "bind.addrinuse", .over = ANY)

SERVER(bind_address_in_use_in_another_process)
{
    bound_socket();
    ready();
    await_end_of_peer();
}

CLIENT(bind_address_in_use_in_another_process)
{
    await_peer();
    struct address taken = peers_address();

    FAILS(bind(new_socket(), ADDR(taken)), EADDRINUSE);
}

CASE(bind_address_of_a_listener, .requirement = "bind.addrinuse", .over = CONNECTION)
{
    struct address taken = address_of(listening_socket());

    FAILS(bind(new_socket(), ADDR(taken)), EADDRINUSE);
}

CASE(bind_address_that_connect_chose, .requirement = "bind.addrinuse", .over = TCP)
{
    struct address taken = address_of(joined_sockets().fd[1]);

    FAILS(bind(new_socket(), ADDR(taken)), EADDRINUSE);
}

CASE(bind_address_that_connect_chose_for_datagrams, .requirement = "bind.addrinuse", .over = UDP)
{
    struct address there = address_of(bound_socket());
    int fd = new_socket();
    MUST(connect(fd, ADDR(there)));
    struct address taken = address_of(fd);

    FAILS(bind(new_socket(), ADDR(taken)), EADDRINUSE);
}

CASE(bind_address_of_an_accepted_socket_whose_listener_is_closed, .requirement = "bind.addrinuse",
     .over = TCP)
{
    struct joined j = joined_sockets();
    struct address taken = address_of(j.fd[0]);
    MUST(close(j.listener));

    FAILS(bind(new_socket(), ADDR(taken)), EADDRINUSE);
}

CASE(bind_address_of_a_socket_with_one_descriptor_left, .requirement = "bind.addrinuse", .over = INTERNET)
{
    int fd = bound_socket(), other = (int)MUST(dup(fd));
    struct address taken = address_of(fd);
    MUST(close(fd));

    FAILS(bind(new_socket(), ADDR(taken)), EADDRINUSE);
    MUST(close(other));
    OK(bind(new_socket(), ADDR(taken)));
}

CASE(bind_address_of_a_socket_that_a_child_has_kept, .requirement = "bind.addrinuse", .over = INTERNET)
{
    int fd = bound_socket();
    struct address taken = address_of(fd);
    pid_t child = (pid_t)MUST(fork());
    while (child == 0)
        pause();
    MUST(close(fd));

    FAILS(bind(new_socket(), ADDR(taken)), EADDRINUSE);
    MUST(kill(child, SIGKILL));
    MUST(waitpid(child, NULL, 0));
    OK(bind(new_socket(), ADDR(taken)));
}

CASE(bind_refused_leaves_the_listener_its_address, .requirement = "bind.addrinuse", .over = CONNECTION)
{
    int listener = listening_socket(), other = new_socket();
    struct address taken = address_of(listener);

    FAILS(bind(other, ADDR(taken)), EADDRINUSE);
    OK(close(other));
    claim_reaches_listener(listener, taken);
}

CASE(bind_refused_leaves_the_receiver_its_address, .requirement = "bind.addrinuse", .over = DGRAM)
{
    int receiver = bound_socket(), other = new_socket();
    struct address taken = address_of(receiver);

    FAILS(bind(other, ADDR(taken)), EADDRINUSE);
    OK(close(other));
    claim_reaches_receiver(receiver, taken);
}

CASE(bind_after_a_refusal, .requirement = "bind.failed-bind-leaves-unbound", .over = ANY)
{
    struct address taken = address_of(bound_socket()), other = free_address();
    int fd = new_socket();

    FAILS(bind(fd, ADDR(taken)), EADDRINUSE);
    OK(bind(fd, ADDR(other)));
    HOLDS(is_bound_to(fd, other), "the socket has another address");
}

CASE(bind_again_once_the_address_is_free, .requirement = "bind.failed-bind-leaves-unbound", .over = INTERNET)
{
    int owner = bound_socket(), fd = new_socket();
    struct address taken = address_of(owner);

    FAILS(bind(fd, ADDR(taken)), EADDRINUSE);
    MUST(close(owner));
    OK(bind(fd, ADDR(taken)));
}

/* --- EADDRINUSE: wildcards, other addresses, IPv4 and IPv6 --------------------------------------------- */

CASE(bind_specific_after_wildcard, .requirement = "bind.addrinuse.wildcard", .over = INTERNET)
{
    struct address taken = loopback(port_of(address_of(bound_to(wildcard(0)))));

    FAILS(bind(new_socket(), ADDR(taken)), EADDRINUSE);
}

CASE(bind_wildcard_after_specific, .requirement = "bind.addrinuse.wildcard", .over = INTERNET)
{
    struct address taken = wildcard(port_of(address_of(bound_socket())));

    FAILS(bind(new_socket(), ADDR(taken)), EADDRINUSE);
}

CASE(bind_specific_after_a_listener_on_the_wildcard, .requirement = "bind.addrinuse.wildcard", .over = TCP)
{
    int listener = bound_to(wildcard(0));
    MUST(listen(listener, 1));
    struct address taken = loopback(port_of(address_of(listener)));

    FAILS(bind(new_socket(), ADDR(taken)), EADDRINUSE);
}

CASE(bind_wildcard_after_a_listener_on_an_address, .requirement = "bind.addrinuse.wildcard", .over = TCP)
{
    struct address taken = wildcard(port_of(address_of(listening_socket())));

    FAILS(bind(new_socket(), ADDR(taken)), EADDRINUSE);
}

CASE(bind_wildcard_after_connect_has_chosen, .requirement = "bind.addrinuse.wildcard", .over = TCP)
{
    struct address taken = wildcard(port_of(address_of(joined_sockets().fd[1])));

    FAILS(bind(new_socket(), ADDR(taken)), EADDRINUSE);
}

static void need_second_loopback(void)
{
    struct address a = second_loopback(0);
    int fd = new_socket();

    if (bind(fd, ADDR(a)) == -1 && errno == EADDRNOTAVAIL)
        UNTESTED("127.0.0.2 is not an address of this host");
    MUST(close(fd));
}

CASE(bind_one_port_on_two_addresses, .requirement = "bind.other-address", .over = INET)
{
    int first = bound_socket(), second = new_socket();
    in_port_t port = port_of(address_of(first));
    struct address a = second_loopback(port);
    need_second_loopback();

    OK(bind(second, ADDR(a)));
    HOLDS(is_bound_to(first, loopback(port)) && is_bound_to(second, a),
          "one has lost its address to the other");
}

CASE(bind_one_port_on_two_addresses_for_two_services, .requirement = "bind.other-address",
     .over = INET_STREAM)
{
    int first = listening_socket(), second = new_socket();
    in_port_t port = port_of(address_of(first));
    struct address a = second_loopback(port);
    need_second_loopback();

    OK(bind(second, ADDR(a)));
    OK(listen(second, 1));
    claim_reaches_listener(second, a);
    claim_reaches_listener(first, loopback(port));
}

CASE(bind_one_port_on_two_addresses_for_two_receivers, .requirement = "bind.other-address",
     .over = INET_DGRAM)
{
    int first = bound_socket(), second = new_socket();
    in_port_t port = port_of(address_of(first));
    struct address a = second_loopback(port);
    need_second_loopback();

    OK(bind(second, ADDR(a)));
    claim_reaches_receiver(second, a);
    claim_reaches_receiver(first, loopback(port));
}

CASE(bind_second_address_after_wildcard, .requirement = "bind.addrinuse.wildcard", .over = INET)
{
    struct address taken = second_loopback(port_of(address_of(bound_to(wildcard(0)))));
    need_second_loopback();

    FAILS(bind(new_socket(), ADDR(taken)), EADDRINUSE);
}

CASE(bind_v4_loopback_after_v6_loopback, .requirement = "bind.other-address", .over = INET6)
{
    bool bound = false;

    /* The IPv4 port may be somebody else's: it is not so for many ports in a row. */
    for (int i = 0; i < 16 && !bound; i++) {
        struct address a = loopback_of(AF_INET, port_of(address_of(bound_socket())));
        bound = bind(new_socket_of(AF_INET, kind->type), ADDR(a)) == 0;
    }
    HOLDS(bound, "16 ports that are bound on ::1 could not be bound on 127.0.0.1");
}

#define V4_AFTER_DUAL(name, v6, v4)                                               \
    CASE(name, .requirement = "linux.ipv6.v4mapped-shared-ports", .over = INET6)  \
    {                                                                             \
        int fd = socket_for_both_versions();                                      \
        struct address a = v6;                                                    \
        MUST(bind(fd, ADDR(a)));                                                  \
        struct address taken = v4(port_of(address_of(fd)));                       \
                                                                                  \
        FAILS(bind(new_socket_of(AF_INET, kind->type), ADDR(taken)), EADDRINUSE); \
    }
#define V4_WILDCARD(port) wildcard_of(AF_INET, port)
#define V4_LOOPBACK(port) loopback_of(AF_INET, port)
V4_AFTER_DUAL(bind_v4_wildcard_after_dual_stack_wildcard, wildcard(0), V4_WILDCARD)
V4_AFTER_DUAL(bind_v4_address_after_dual_stack_wildcard, wildcard(0), V4_LOOPBACK)
V4_AFTER_DUAL(bind_v4_address_after_mapped, v4_mapped_loopback(0), V4_LOOPBACK)
V4_AFTER_DUAL(bind_v4_wildcard_after_mapped, v4_mapped_loopback(0), V4_WILDCARD)

#define DUAL_AFTER_V4(name, v4, v6)                                              \
    CASE(name, .requirement = "linux.ipv6.v4mapped-shared-ports", .over = INET6) \
    {                                                                            \
        struct address taken = v6(port_of(address_of(bound_v4_socket(v4(0)))));  \
                                                                                 \
        FAILS(bind(socket_for_both_versions(), ADDR(taken)), EADDRINUSE);        \
    }
DUAL_AFTER_V4(bind_dual_stack_wildcard_after_v4_wildcard, V4_WILDCARD, wildcard)
DUAL_AFTER_V4(bind_dual_stack_wildcard_after_v4_address, V4_LOOPBACK, wildcard)
DUAL_AFTER_V4(bind_mapped_after_v4_address, V4_LOOPBACK, v4_mapped_loopback)
DUAL_AFTER_V4(bind_mapped_after_v4_wildcard, V4_WILDCARD, v4_mapped_loopback)

/* Both wildcards on one port, the IPv6 one for IPv6 only, in the order that is asked for. */
static void bind_both_wildcards(bool v6_first, int fd[2])
{
    struct address v4 = wildcard_of(AF_INET, 0), v6 = wildcard(0);
    bool bound = false;

    for (int i = 0; i < 16 && !bound; i++) {
        fd[0] = socket_for_v6_only();
        fd[1] = new_socket_of(AF_INET, kind->type);
        MUST(v6_first ? bind(fd[0], ADDR(v6)) : bind(fd[1], ADDR(v4)));
        in_port_t port = port_of(address_of(v6_first ? fd[0] : fd[1]));
        struct address second = v6_first ? wildcard_of(AF_INET, port) : wildcard(port);
        bound = bind(fd[v6_first], ADDR(second)) == 0;
    }
    HOLDS(bound, "not one of 16 ports could be bound on both wildcards");
}

CASE(bind_v4_wildcard_beside_v6_only, .requirement = "rfc3493.v6only-dual-bind", .over = INET6)
{
    int fd[2];

    bind_both_wildcards(true, fd);
}

CASE(bind_v6_only_beside_v4_wildcard, .requirement = "rfc3493.v6only-dual-bind", .over = INET6)
{
    int fd[2];

    bind_both_wildcards(false, fd);
}

CASE(bind_one_port_for_a_v6_and_a_v4_receiver, .requirement = "rfc3493.v6only-dual-bind", .over = INET6_DGRAM)
{
    int fd[2];
    bind_both_wildcards(true, fd);
    in_port_t port = port_of(address_of(fd[0]));
    struct address v4 = loopback_of(AF_INET, port);
    char byte = 0;

    claim_reaches_receiver(fd[0], loopback(port));
    EQ(sendto(new_socket_of(AF_INET, SOCK_DGRAM), "4", 1, 0, ADDR(v4)), 1);
    EQ(recv(fd[1], &byte, 1, 0), 1);
    SAME(&byte, "4", 1);
}

CASE(bind_one_port_for_a_v6_and_a_v4_service, .requirement = "rfc3493.v6only-dual-bind", .over = INET6_STREAM)
{
    int fd[2];
    bind_both_wildcards(true, fd);
    in_port_t port = port_of(address_of(fd[0]));
    struct address v4 = loopback_of(AF_INET, port);

    OK(listen(fd[0], 1));
    OK(listen(fd[1], 1));
    claim_reaches_listener(fd[0], loopback(port));
    OK(connect(new_socket_of(AF_INET, SOCK_STREAM), ADDR(v4)));
    OK(accept(fd[1], NULL, NULL));
}

/* --- EADDRINUSE: UNIX paths ------------------------------------------------------------------------- */

/* What is at the path is still there, and the same, after the refusal. */
static void claim_path_is_taken(struct address a)
{
    struct stat before, after;
    MUST(lstat(a.un.sun_path, &before));

    FAILS(bind(new_socket(), ADDR(a)), EADDRINUSE);
    OK(lstat(a.un.sun_path, &after));
    HOLDS(before.st_ino == after.st_ino && before.st_mode == after.st_mode,
          "the file has been replaced or changed");
}

#define BIND_OVER(name, id, make)               \
    CASE(name, .requirement = id, .over = UNIX) \
    {                                           \
        struct address a = fresh_path();        \
        make;                                   \
                                                \
        claim_path_is_taken(a);                 \
    }
BIND_OVER(bind_over_a_file, "bind.addrinuse.unix-existing-file", make_file(a.un.sun_path))
BIND_OVER(bind_over_a_directory, "bind.addrinuse.unix-existing-file", MUST(mkdir(a.un.sun_path, 0777)))
BIND_OVER(bind_over_a_fifo, "bind.addrinuse.unix-existing-file", MUST(mkfifo(a.un.sun_path, 0666)))
BIND_OVER(bind_over_a_stale_socket, "bind.addrinuse.unix-existing-file", a = nobody())
BIND_OVER(bind_over_a_dangling_link, "bind.addrinuse.symlink", MUST(symlink("nothing", a.un.sun_path)))
BIND_OVER(bind_over_a_link_to_a_file, "bind.addrinuse.symlink",
          (make_file("file"), MUST(symlink("file", a.un.sun_path))))
BIND_OVER(bind_over_a_link_to_itself, "bind.addrinuse.symlink", MUST(symlink(a.un.sun_path, a.un.sun_path)))

CASE(bind_does_not_follow_a_link, .requirement = "bind.unix.dangling-target-not-created", .over = UNIX)
{
    struct address a = fresh_path(), target = unix_path("target");
    MUST(symlink("target", a.un.sun_path));

    FAILS(bind(new_socket(), ADDR(a)), EADDRINUSE);
    HOLDS(!exists(target), "the link's target has been created");
}

CASE(bind_path_of_a_socket_of_another_type, .requirement = "bind.addrinuse.unix-existing-file", .over = UNIX)
{
    struct address taken = address_of(bound_socket());
    int other = new_socket_of(AF_UNIX, kind->type == SOCK_STREAM ? SOCK_DGRAM : SOCK_STREAM);

    FAILS(bind(other, ADDR(taken)), EADDRINUSE);
}

CASE(bind_path_by_another_name, .requirement = "bind.addrinuse.unix-existing-file", .over = UNIX)
{
    struct address plain = unix_path("name"), detour = unix_path(".//./name");
    bound_to(plain);

    FAILS(bind(new_socket(), ADDR(detour)), EADDRINUSE);
}

CASE(bind_path_up_to_its_first_null, .requirement = "bind.addrinuse", .over = UNIX)
{
    struct address a = unix_path("name"), longer = unix_path("name");
    memcpy(longer.un.sun_path + sizeof "name", "more", 4);
    longer.len = sizeof longer.un;
    bound_to(a);

    FAILS(bind(new_socket(), ADDR(longer)), EADDRINUSE);
}

CASE(bind_path_remains_after_close, .requirement = "bind.unix.path-remains", .over = UNIX)
{
    int fd = bound_socket();
    struct address a = address_of(fd);
    MUST(close(fd));

    HOLDS(exists(a), "the path is gone");
    FAILS(bind(new_socket(), ADDR(a)), EADDRINUSE);
}

PAIR(bind_path_remains_after_its_process, .requirement = "bind.unix.path-remains", .over = UNIX)

SERVER(bind_path_remains_after_its_process)
{
    bound_socket();
    ready();
}

CLIENT(bind_path_remains_after_its_process)
{
    await_peer();
    await_end_of_peer();
    struct address a = peers_address();

    HOLDS(exists(a), "the path is gone");
    FAILS(bind(new_socket(), ADDR(a)), EADDRINUSE);
}

CASE(bind_after_unlink, .requirement = "bind.unix.after-unlink", .over = UNIX)
{
    int old = bound_socket(), new = new_socket();
    struct address a = address_of(old);
    MUST(unlink(a.un.sun_path));

    OK(bind(new, ADDR(a)));
    HOLDS(exists(a), "no file was made");
    HOLDS(is_bound_to(old, a) && is_bound_to(new, a), "a socket has lost its name");
}

CASE(bind_after_unlink_hands_the_name_to_the_new_listener, .requirement = "bind.unix.after-unlink",
     .over = UNIX_STREAM | UNIX_SEQPACKET)
{
    int old = listening_socket(), new = new_socket();
    struct address a = address_of(old);
    set_nonblocking(old);
    MUST(unlink(a.un.sun_path));

    OK(bind(new, ADDR(a)));
    OK(listen(new, 1));
    claim_reaches_listener(new, a);
    FAILS(accept(old, NULL, NULL), EAGAIN, EWOULDBLOCK);
}

/* --- abstract names ----------------------------------------------------------------------------------- */

/* Abstract names belong to the network, so they are not fresh in each run: this one has the process's number
 * in it. */
static struct address abstract_name(const char *text, size_t length)
{
    struct address a = {.un = {.sun_family = AF_UNIX}};
    pid_t pid = getpid();

    memcpy(a.un.sun_path + 1, &pid, sizeof pid);
    memcpy(a.un.sun_path + 1 + sizeof pid, text, length);
    a.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + sizeof pid + length);
    return a;
}

CASE(bind_abstract_name_in_use, .requirement = "unix7.abstract-addrinuse", .over = UNIX)
{
    struct address taken = abstract_name("name", 4);
    bound_to(taken);

    FAILS(bind(new_socket(), ADDR(taken)), EADDRINUSE);
}

CASE(bind_abstract_name, .requirement = "unix7.abstract-name", .over = UNIX)
{
    struct address a = abstract_name("name", 4);
    int fd = new_socket(), before = files_here();

    OK(bind(fd, ADDR(a)));
    HOLDS(is_bound_to(fd, a), "getsockname() gives another name");
    EQ(address_of(fd).len, a.len);
    EQ(files_here(), before);
}

CASE(bind_abstract_names_that_differ_in_length_or_after_a_null, .requirement = "unix7.abstract-name",
     .over = UNIX)
{
    struct address a = abstract_name("a", 1), longer = abstract_name("a\0", 2),
                   inner = abstract_name("a\0b", 3);

    OK(bind(new_socket(), ADDR(a)));
    OK(bind(new_socket(), ADDR(longer)));
    OK(bind(new_socket(), ADDR(inner)));
}

CASE(bind_abstract_name_of_the_longest_kind, .requirement = "unix7.abstract-name", .over = UNIX)
{
    struct address a = abstract_name("", 0);
    int fd = new_socket();
    memset(a.un.sun_path + 8, '/', sizeof a.un.sun_path - 8);
    a.len = sizeof a.un;

    OK(bind(fd, ADDR(a)));
    HOLDS(is_bound_to(fd, a), "getsockname() gives another name");
}

CASE(bind_abstract_name_after_close, .requirement = "unix7.abstract-vanishes", .over = UNIX)
{
    struct address a = abstract_name("name", 4);
    int fd = bound_to(a), other = (int)MUST(dup(fd));
    MUST(close(fd));

    FAILS(bind(new_socket(), ADDR(a)), EADDRINUSE);
    MUST(close(other));
    OK(bind(new_socket(), ADDR(a)));
}

CASE(bind_of_the_family_alone, .requirement = "unix7.autobind", .over = UNIX)
{
    int fd = new_socket(), other = new_socket();
    struct address a = {.un = {.sun_family = AF_UNIX}, .len = sizeof(sa_family_t)};

    OK(bind(fd, ADDR(a)));
    OK(bind(other, ADDR(a)));
    struct address first = address_of(fd), second = address_of(other);
    EQ(first.len, offsetof(struct sockaddr_un, sun_path) + 6);
    EQ(first.un.sun_path[0], 0);
    EQ(strspn(first.un.sun_path + 1, "0123456789abcdef"), 5);
    HOLDS(!same_address(first, second), "two sockets have been given the same name");
    FAILS(bind(new_socket(), ADDR(first)), EADDRINUSE);
}

/* --- an address that is free again -----------------------------------------------------------------------
 */

CASE(bind_after_close, .requirement = "bind.freed-by-close", .over = INTERNET)
{
    int fd = bound_socket();
    struct address a = address_of(fd);
    MUST(close(fd));

    OK(bind(new_socket(), ADDR(a)));
}

PAIR(bind_after_the_end_of_the_process, .requirement = "bind.freed-by-close", .over = INTERNET)

SERVER(bind_after_the_end_of_the_process)
{
    bound_socket();
    ready();
}

CLIENT(bind_after_the_end_of_the_process)
{
    await_peer();
    await_end_of_peer();
    struct address a = peers_address();

    OK(bind(new_socket(), ADDR(a)));
}

CASE(bind_after_close_of_a_connected_datagram_socket, .requirement = "bind.freed-by-close", .over = UDP)
{
    struct joined j = joined_sockets();
    struct address a = address_of(j.fd[0]);
    MUST(send(j.fd[1], "x", 1, 0));
    MUST(close(j.fd[0]));

    OK(bind(new_socket(), ADDR(a)));
}

/* --- EADDRNOTAVAIL, EAFNOSUPPORT ---------------------------------------------------------------------------
 */

/* These are for documentation only (RFC 5737, RFC 3849); no host has them. */
static struct address foreign_address(in_port_t port)
{
    struct address a = loopback(port);
    static const unsigned char v6[16] = {0x20, 0x01, 0x0d, 0xb8, 0xde, 0xad, 0xbe, 0xef,
                                         0,    0,    0,    0,    0,    0,    0,    77};

    if (a.any.sa_family == AF_INET6)
        memcpy(&a.in6.sin6_addr, v6, sizeof v6);
    else
        a.in.sin_addr.s_addr = htonl(0xcb00714d); /* 203.0.113.77 */
    return a;
}

static void need_refusal_of_foreign_addresses(void)
{
    if (system_setting("/proc/sys/net/ipv4/ip_nonlocal_bind", 0) ||
        system_setting("/proc/sys/net/ipv6/ip_nonlocal_bind", 0))
        UNTESTED("this system is set to let sockets be bound to addresses that it does not have");
}

CASE(bind_address_of_another_host, .requirement = "bind.eaddrnotavail", .over = INTERNET)
{
    struct address a = foreign_address(0), b = foreign_address(port_of(free_address()));
    need_refusal_of_foreign_addresses();

    FAILS(bind(new_socket(), ADDR(a)), EADDRNOTAVAIL);
    FAILS(bind(new_socket(), ADDR(b)), EADDRNOTAVAIL);
}

CASE(bind_after_an_address_of_another_host, .requirement = "bind.failed-bind-leaves-unbound",
     .over = INTERNET)
{
    struct address foreign = foreign_address(0), own = fresh_address();
    int fd = new_socket();
    need_refusal_of_foreign_addresses();

    FAILS(bind(fd, ADDR(foreign)), EADDRNOTAVAIL);
    OK(bind(fd, ADDR(own)));
    HOLDS(is_bound_to(fd, loopback(port_of(address_of(fd)))), "the socket has another address");
}

/* The length is right for the socket, so that only the family is wrong. */
static struct address of_family(sa_family_t family)
{
    struct address a = fresh_address();

    a.any.sa_family = family;
    return a;
}

CASE(bind_address_of_another_family, .requirement = "bind.eafnosupport", .over = INTERNET)
{
    struct address a = of_family(AF_UNIX);

    FAILS(bind(new_socket(), ADDR(a)), EAFNOSUPPORT);
}

/* No length suits both: that may be what is refused. */
CASE(bind_address_of_the_other_version, .requirement = "bind.eafnosupport", .over = INTERNET)
{
    struct address other = loopback_of(kind->domain == AF_INET ? AF_INET6 : AF_INET, 0),
                   a = of_family(other.any.sa_family);

    FAILS(bind(new_socket(), ADDR(other)), EAFNOSUPPORT, EINVAL);
    FAILS(bind(new_socket(), ADDR(a)), EAFNOSUPPORT, EINVAL);
}

CASE(bind_internet_address_to_a_unix_socket, .requirement = "bind.eafnosupport", .over = UNIX)
{
    struct address v4 = loopback_of(AF_INET, 0), v6 = loopback_of(AF_INET6, 0);

    FAILS(bind(new_socket(), ADDR(v4)), EAFNOSUPPORT);
    FAILS(bind(new_socket(), ADDR(v6)), EAFNOSUPPORT);
}

CASE(bind_unix_address_of_another_family, .requirement = "linux.bind.unix-family", .over = UNIX)
{
    struct address a = of_family(AF_INET), b = of_family(AF_UNSPEC);

    FAILS(bind(new_socket(), ADDR(a)), EINVAL);
    FAILS(bind(new_socket(), ADDR(b)), EINVAL);
    HOLDS(!exists(a) && !exists(b), "a file was made");
}

CASE(bind_after_an_address_of_another_family, .requirement = "bind.failed-bind-leaves-unbound", .over = ANY)
{
    struct address wrong = of_family((sa_family_t)0x7d), right = free_address();
    int fd = new_socket();

    FAILS(bind(fd, ADDR(wrong)), EAFNOSUPPORT, EINVAL);
    OK(bind(fd, ADDR(right)));
    HOLDS(is_bound_to(fd, right), "the socket has another address");
}

static const char *outcome_of_bind(struct address a)
{
    return bind(new_socket(), ADDR(a)) == 0 ? "accepted" : errno_name(errno);
}

CASE(bind_unspecified_family, .requirement = "bind.unspecified-family", .over = INTERNET)
{
    struct address any = wildcard(0), own = loopback(0);
    any.any.sa_family = own.any.sa_family = AF_UNSPEC;

    OBSERVE("AF_UNSPEC with the wildcard", "%s", outcome_of_bind(any));
    OBSERVE("AF_UNSPEC with an address", "%s", outcome_of_bind(own));
}

/* --- EINVAL: a socket that is bound -------------------------------------------------------------- */

/* POSIX leaves a protocol the freedom to give a bound socket a new address. */
static void claim_stays_or_moves(int fd, struct address to)
{
    struct address from = address_of(fd);
    bool moves;

    HOLDS((moves = bind(fd, ADDR(to)) == 0) || errno == EINVAL, "it fails, and not with EINVAL");
    HOLDS(is_bound_to(fd, moves ? to : from), "it %s, and the address is another",
          moves ? "succeeds" : "fails");
}

CASE(bind_a_bound_socket, .requirement = "bind.einval.already-bound", .over = ANY)
{
    int fd = bound_socket();
    struct address second = free_address();

    claim_stays_or_moves(fd, second);
}

CASE(bind_a_listener, .requirement = "bind.einval.already-bound", .over = CONNECTION)
{
    int fd = listening_socket();
    struct address first = address_of(fd), second = free_address();

    FAILS(bind(fd, ADDR(second)), EINVAL);
    HOLDS(is_bound_to(fd, first), "the listener's address has changed");
    claim_reaches_listener(fd, first);
}

CASE(bind_a_bound_socket_is_refused, .requirement = "linux.bind.already-bound", .over = ANY)
{
    int fd = bound_socket();
    struct address first = address_of(fd), second = free_address();

    FAILS(bind(fd, ADDR(second)), EINVAL);
    HOLDS(is_bound_to(fd, first), "the socket's address has changed");
}

CASE(bind_a_bound_socket_to_its_own_address, .requirement = "linux.bind.already-bound", .over = INTERNET)
{
    int fd = bound_socket();
    struct address own = address_of(fd);

    FAILS(bind(fd, ADDR(own)), EINVAL);
    HOLDS(is_bound_to(fd, own), "the socket's address has changed");
}

CASE(bind_a_named_socket_to_its_own_name, .requirement = "bind.einval.unix-rebind-same-name", .over = UNIX)
{
    int fd = bound_socket();
    struct address own = address_of(fd);

    FAILS(bind(fd, ADDR(own)), EINVAL, EADDRINUSE);
    HOLDS(is_bound_to(fd, own) && exists(own), "the socket has lost its name");
}

CASE(bind_a_bound_socket_leaves_the_second_address_free, .requirement = "linux.bind.already-bound",
     .over = ANY)
{
    int fd = bound_socket();
    struct address second = free_address();

    FAILS(bind(fd, ADDR(second)), EINVAL);
    OK(bind(new_socket(), ADDR(second)));
}

CASE(bind_a_connected_socket, .requirement = "bind.einval.after-implicit-bind", .over = TCP)
{
    struct joined j = joined_sockets();
    struct address a = free_address(), first = address_of(j.fd[1]);

    FAILS(bind(j.fd[1], ADDR(a)), EINVAL, EISCONN);
    FAILS(bind(j.fd[0], ADDR(a)), EINVAL, EISCONN);
    HOLDS(is_bound_to(j.fd[1], first), "the socket's address has changed");
}

CASE(bind_a_socket_that_connect_has_bound, .requirement = "bind.einval.after-implicit-bind", .over = UDP)
{
    struct address there = address_of(bound_socket()), a = free_address();
    int fd = new_socket();
    MUST(connect(fd, ADDR(there)));

    HOLDS(bind(fd, ADDR(a)) == 0 || errno == EINVAL || errno == EISCONN,
          "it fails, and not with EINVAL or EISCONN");
}

CASE(bind_a_socket_that_sendto_has_bound, .requirement = "bind.einval.after-implicit-bind", .over = UDP)
{
    struct address there = address_of(bound_socket()), a = free_address();
    int fd = new_socket();
    MUST(sendto(fd, "x", 1, 0, ADDR(there)));

    claim_stays_or_moves(fd, a);
}

CASE(bind_a_socket_that_connect_has_bound_is_refused, .requirement = "linux.bind.already-bound", .over = UDP)
{
    struct address there = address_of(bound_socket()), a = free_address();
    int fd = new_socket();
    MUST(connect(fd, ADDR(there)));

    FAILS(bind(fd, ADDR(a)), EINVAL);
}

CASE(bind_after_shutdown, .requirement = "bind.einval.after-shutdown", .over = ANY)
{
    int fd = joined_sockets().fd[1];
    struct address a = fresh_address();
    MUST(shutdown(fd, SHUT_RDWR));

    FAILS(bind(fd, ADDR(a)), EINVAL, EISCONN);
}

CASE(bind_an_unnamed_socket_that_is_connected, .requirement = "bind.eisconn-may", .over = UNIX)
{
    struct address there = address_of(kind->type == SOCK_DGRAM ? bound_socket() : listening_socket());
    struct address a = fresh_path();
    int fd = new_socket();
    bool named;
    MUST(connect(fd, ADDR(there)));

    HOLDS((named = bind(fd, ADDR(a)) == 0) || errno == EISCONN, "it fails, and not with EISCONN");
    HOLDS(named == exists(a), "it %s, and the path %s", named ? "succeeds" : "fails",
          named ? "is not there" : "is there");
    OBSERVE("bind() of a connected UNIX socket", "%s", named ? "succeeds" : "EISCONN");
}

/* --- EINVAL: the length -------------------------------------------------------------------------- */

#define BIND_SHORTER_THAN(name, kinds_, size)                      \
    CASE(name, .requirement = "linux.bind.length", .over = kinds_) \
    {                                                              \
        struct address a = fresh_address();                        \
        int fd = new_socket();                                     \
                                                                   \
        for (socklen_t n = 0; n < (size); n++)                     \
            FAILS(bind(fd, &a.any, n), EINVAL);                    \
        OK(bind(fd, ADDR(a)));                                     \
    }
BIND_SHORTER_THAN(bind_short_address, INET, sizeof a.in)
BIND_SHORTER_THAN(bind_short_v6_address, INET6, offsetof(struct sockaddr_in6, sin6_scope_id))
BIND_SHORTER_THAN(bind_short_unix_address, UNIX, sizeof a.any.sa_family)

CASE(bind_overlong_address, .requirement = "linux.bind.length", .over = ANY)
{
    struct address a = free_address();
    int fd = new_socket();

    FAILS(bind(fd, &a.any, sizeof a.storage + 1), EINVAL);
    FAILS(bind(fd, &a.any, (socklen_t)INT_MAX), EINVAL);
    FAILS(bind(fd, &a.any, (socklen_t)-1), EINVAL);
    OK(bind(fd, ADDR(a)));
}

CASE(bind_overlong_unix_address, .requirement = "linux.bind.length", .over = UNIX)
{
    struct address a = fresh_path();

    FAILS(bind(new_socket(), &a.any, sizeof a.un + 1), EINVAL);
    FAILS(bind(new_socket(), &a.any, sizeof a.storage), EINVAL);
    HOLDS(!exists(a), "a file was made");
}

static void observe_length(const char *what, socklen_t n)
{
    struct address a = fresh_address();
    char name[64];

    snprintf(name, sizeof name, "length %s", what);
    OBSERVE(name, "%s", bind(new_socket(), &a.any, n) == 0 ? "accepted" : errno_name(errno));
}

CASE(bind_with_a_length_that_does_not_fit, .requirement = "bind.einval-length-may", .over = ANY)
{
    socklen_t fit = fresh_address().len;

    observe_length("one too short", fit - 1);
    observe_length("one too long", fit + 1);
    observe_length("that of sockaddr_storage", sizeof(struct sockaddr_storage));
}

CASE(bind_path_without_its_null, .requirement = "bind.unix.unterminated", .over = UNIX)
{
    struct address a = fresh_path();
    int fd = new_socket();

    OK(bind(fd, &a.any, a.len - 1));
    HOLDS(exists(a) && is_bound_to(fd, a), "the path is another");
}

CASE(bind_path_that_fills_sun_path, .requirement = "unix7.sun_path-108-unterminated", .over = UNIX)
{
    struct address a = unix_path("");
    int fd = new_socket(), before = files_here();
    memset(a.un.sun_path, 'p', sizeof a.un.sun_path);
    a.len = sizeof a.un;

    OK(bind(fd, ADDR(a)));
    struct place p = place_for_address();
    OK(getsockname(fd, PLACE(p)));
    EQ(p.len, sizeof a.un + 1);
    SAME(p.un.sun_path, a.un.sun_path, sizeof a.un.sun_path);
    EQ(files_here(), before + 1);
}

/* --- the descriptor, the pointer ---------------------------------------------------------------------------
 */

static int closed_descriptor(void)
{
    int fd = new_socket();

    MUST(close(fd));
    return fd;
}

static int end_of_pipe(int end)
{
    int ends[2];

    MUST(pipe(ends));
    return ends[end];
}

static int file(int flags) { return (int)MUST(open(flags & O_DIRECTORY ? "." : "file", flags, 0666)); }

#define BIND_ON(name, id, fd, ...)             \
    CASE(name, .requirement = id, .over = ANY) \
    {                                          \
        struct address a = fresh_address();    \
                                               \
        FAILS(bind(fd, ADDR(a)), __VA_ARGS__); \
    }
BIND_ON(bind_on_minus_one, "bind.ebadf", -1, EBADF)
BIND_ON(bind_on_a_closed_descriptor, "bind.ebadf", closed_descriptor(), EBADF)
BIND_ON(bind_on_a_number_beyond_all_descriptors, "bind.ebadf", INT_MAX, EBADF)
BIND_ON(bind_on_a_pipe, "bind.enotsock", end_of_pipe(1), ENOTSOCK)
BIND_ON(bind_on_a_file, "bind.enotsock", file(O_RDWR | O_CREAT), ENOTSOCK)
BIND_ON(bind_on_a_directory, "bind.enotsock", file(O_RDONLY | O_DIRECTORY), ENOTSOCK)

CASE(bind_unix_null_address, .requirement = "bind.unix.null-address", .over = UNIX)
{
    FAILS(bind(new_socket(), NULL, sizeof(struct sockaddr_un)), EDESTADDRREQ, EISDIR);
}

CASE(bind_null_address, .requirement = "linux.bind.efault", .over = UNIX)
{
    FAILS(bind(new_socket(), NULL, sizeof(struct sockaddr_un)), EFAULT);
}

/* --- UNIX paths ---------------------------------------------------------------------------------- */

CASE(bind_makes_a_socket_file, .requirement = "bind.unix.creates-socket-file", .over = UNIX)
{
    struct address a = fresh_path();
    struct stat status;

    OK(bind(new_socket(), ADDR(a)));
    OK(lstat(a.un.sun_path, &status));
    HOLDS(S_ISSOCK(status.st_mode), "the file's mode is %o", (unsigned)status.st_mode);
}

CASE(bind_makes_a_file_in_a_directory, .requirement = "bind.unix.creates-socket-file", .over = UNIX)
{
    struct address a = unix_path("directory/name");
    int fd = new_socket();
    MUST(mkdir("directory", 0777));

    OK(bind(fd, ADDR(a)));
    HOLDS(exists(a) && is_bound_to(fd, a), "the path is another");
}

CASE(bind_follows_links_on_the_way, .requirement = "bind.unix.creates-socket-file", .over = UNIX)
{
    struct address a = unix_path("link/name");
    MUST(mkdir("directory", 0777));
    MUST(symlink("directory", "link"));

    OK(bind(new_socket(), ADDR(a)));
    HOLDS(exists(unix_path("directory/name")), "there is no file in the link's target");
}

CASE(bind_obeys_the_umask, .requirement = "bind.unix.file-mode", .over = UNIX)
{
    struct address open = fresh_path(), narrow = fresh_path();
    struct stat status;

    umask(0);
    OK(bind(new_socket(), ADDR(open)));
    umask(027);
    OK(bind(new_socket(), ADDR(narrow)));
    OK(lstat(open.un.sun_path, &status));
    EQ(status.st_mode & 07777, 0777);
    OK(lstat(narrow.un.sun_path, &status));
    EQ(status.st_mode & 07777, 0750);
}

/* A socket that no path could be given to can still be given another. */
#define BIND_PATH(name, id, path, make, ...)                      \
    CASE(name, .requirement = id, .over = UNIX)                   \
    {                                                             \
        struct address a = unix_path(path), other = fresh_path(); \
        int fd = new_socket();                                    \
        make;                                                     \
                                                                  \
        FAILS(bind(fd, ADDR(a)), __VA_ARGS__);                    \
        OK(bind(fd, ADDR(other)));                                \
    }
BIND_PATH(bind_path_below_nothing, "bind.unix.enoent-prefix", "nothing/name", , ENOENT)
BIND_PATH(bind_path_below_a_dangling_link, "bind.unix.enoent-prefix", "link/name",
          MUST(symlink("nothing", "link")), ENOENT)
BIND_PATH(bind_path_that_ends_in_a_slash, "bind.unix.trailing-slash-new", "new/", , ENOENT, ENOTDIR)
BIND_PATH(bind_path_below_a_file, "bind.unix.enotdir-prefix", "file/name", make_file("file"), ENOTDIR)
BIND_PATH(bind_path_below_a_socket, "bind.unix.enotdir-prefix", "socket/name", bound_to(unix_path("socket")),
          ENOTDIR)
BIND_PATH(bind_path_of_a_file_and_a_slash, "bind.unix.enotdir-trailing-slash-file", "file/",
          make_file("file"), ENOTDIR, EADDRINUSE)
BIND_PATH(bind_path_in_a_loop, "bind.unix.eloop", "a/name",
          (MUST(symlink("b", "a")), MUST(symlink("a", "b"))), ELOOP)

CASE(bind_empty_path, .requirement = "bind.unix.enoent-empty", .over = UNIX)
{
    struct address a = unix_path("");

    FAILS(bind(new_socket(), ADDR(a)), ENOENT);
    FAILS(bind(new_socket(), &a.any, sizeof a.un), ENOENT);
}

/* sun_path has no room for a component longer than NAME_MAX, but what a link stands for has. */
CASE(bind_path_with_a_component_too_long, .requirement = "bind.unix.enametoolong-component", .over = UNIX)
{
    struct address a = unix_path("link/name");
    char name[NAME_MAX + 2];
    memset(name, 'n', NAME_MAX + 1);
    name[NAME_MAX + 1] = '\0';
    if (symlink(name, "link") == -1)
        UNTESTED("no link to a name longer than NAME_MAX can be made: %s", errno_name(errno));

    FAILS(bind(new_socket(), ADDR(a)), ENAMETOOLONG);
}

/* Root, too, is bound by the mode of a directory once its privileges are gone. */
#define BIND_IN_DIRECTORY_OF(name, id, mode)            \
    CASE(name, .requirement = id, .over = UNIX)         \
    {                                                   \
        struct address a = unix_path("directory/name"); \
        struct address other = fresh_path();            \
        int fd = new_socket();                          \
        MUST(mkdir("directory", 0777));                 \
        MUST(chmod("directory", mode));                 \
        become_unprivileged();                          \
                                                        \
        FAILS(bind(fd, ADDR(a)), EACCES);               \
        OK(bind(fd, ADDR(other)));                      \
    }
BIND_IN_DIRECTORY_OF(bind_in_a_directory_that_cannot_be_searched, "bind.unix.eacces-search", 0666)
BIND_IN_DIRECTORY_OF(bind_in_a_directory_that_cannot_be_written, "bind.unix.eacces-write-dir", 0555)

static void make_read_only_directory(const char *path)
{
    MUST(mkdir(path, 0777));
#ifdef __linux__
    if (unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
        mount("none", path, "tmpfs", MS_RDONLY, NULL) == 0)
        return;
#endif
    UNTESTED(
        "no read-only file system can be mounted here: run as root, or where user namespaces are allowed");
}

CASE(bind_on_a_read_only_file_system, .requirement = "bind.unix.erofs", .over = UNIX)
{
    struct address a = unix_path("directory/name");
    make_read_only_directory("directory");

    FAILS(bind(new_socket(), ADDR(a)), EROFS);
}

/* --- port 0, the wildcard ------------------------------------------------------------------------ */

CASE(bind_port_zero, .requirement = "bind.inet.port-zero-ephemeral", .over = INTERNET)
{
    struct address a = loopback(0), any = wildcard(0);
    int fd = new_socket(), other = new_socket();

    OK(bind(fd, ADDR(a)));
    NOT(port_of(address_of(fd)), 0);
    HOLDS(is_bound_to(fd, loopback(port_of(address_of(fd)))), "the host's address is another");
    OK(bind(other, ADDR(any)));
    NOT(port_of(address_of(other)), 0);
    EQ(port_of(address_of(fd)), port_of(address_of(fd)));
}

CASE(bind_port_zero_reserves_the_port, .requirement = "bind.inet.port-zero-ephemeral", .over = INTERNET)
{
    struct address a = loopback(0);
    int fd = new_socket();

    OK(bind(fd, ADDR(a)));
    struct address taken = address_of(fd);
    FAILS(bind(new_socket(), ADDR(taken)), EADDRINUSE);
}

CASE(bind_wildcard_hears_every_address, .requirement = "bind.inet.wildcard", .over = INET_DGRAM)
{
    int fd = bound_to(wildcard(0));
    in_port_t port = port_of(address_of(fd));
    need_second_loopback();

    claim_reaches_receiver(fd, loopback(port));
    claim_reaches_receiver(fd, second_loopback(port));
}

CASE(bind_wildcard_serves_every_address, .requirement = "bind.inet.wildcard", .over = INET_STREAM)
{
    int fd = bound_to(wildcard(0));
    in_port_t port = port_of(address_of(fd));
    need_second_loopback();
    MUST(listen(fd, 2));

    claim_reaches_listener(fd, loopback(port));
    claim_reaches_listener(fd, second_loopback(port));
}

CASE(bind_v6_wildcard_hears_loopback, .requirement = "bind.inet6.wildcard", .over = INET6_DGRAM)
{
    int fd = bound_to(wildcard(0));

    claim_reaches_receiver(fd, loopback(port_of(address_of(fd))));
}

CASE(bind_v6_wildcard_serves_loopback, .requirement = "bind.inet6.wildcard", .over = INET6_STREAM)
{
    int fd = bound_to(wildcard(0));
    MUST(listen(fd, 1));

    claim_reaches_listener(fd, loopback(port_of(address_of(fd))));
}

CASE(bind_one_address_serves_no_other, .requirement = "bind.specific-only", .over = INET_STREAM)
{
    struct address other = second_loopback(port_of(address_of(listening_socket())));
    need_second_loopback();

    FAILS(connect(new_socket(), ADDR(other)), ECONNREFUSED);
}

CASE(bind_one_address_hears_no_other, .requirement = "bind.specific-only", .over = INET_DGRAM)
{
    int fd = bound_socket(), sender = new_socket();
    struct address own = address_of(fd), other = second_loopback(port_of(own));
    char byte = 0;
    need_second_loopback();

    EQ(sendto(sender, "2", 1, 0, ADDR(other)), 1);
    EQ(sendto(sender, "1", 1, 0, ADDR(own)), 1);
    EQ(recv(fd, &byte, 1, 0), 1);
    SAME(&byte, "1", 1);
}
