/* The call table. A case calls plain POSIX names; this header, included by case.h after the system's,
 * sends each of them through the table to the implementation under test and into the transcript. */
#ifndef CALLS_H
#define CALLS_H

#include "system.h"

#define PARAMETERS_1(t1, a1) t1 a1
#define PARAMETERS_2(t1, a1, ...) t1 a1, PARAMETERS_1(__VA_ARGS__)
#define PARAMETERS_3(t1, a1, ...) t1 a1, PARAMETERS_2(__VA_ARGS__)
#define PARAMETERS_4(t1, a1, ...) t1 a1, PARAMETERS_3(__VA_ARGS__)
#define PARAMETERS_5(t1, a1, ...) t1 a1, PARAMETERS_4(__VA_ARGS__)
#define PARAMETERS_6(t1, a1, ...) t1 a1, PARAMETERS_5(__VA_ARGS__)
#define PARAMETERS_7(t1, a1, ...) t1 a1, PARAMETERS_6(__VA_ARGS__)

/* Each call's number, also for PEER_BLOCKS_IN(name). */
enum call {
#define CALL(name, ...) CALL_##name,
#define CALL_VOID CALL
#define CALL_NONE CALL
#define CALL_MORE CALL
#define CALL_IN_ADDR CALL
#include "calls.def"
#undef CALL
#undef CALL_VOID
#undef CALL_NONE
#undef CALL_MORE
#undef CALL_IN_ADDR
    CALLS
};

#define CALL(name, gives, takes, type, count, ...) type sc_##name(PARAMETERS_##count(__VA_ARGS__));
#define CALL_VOID(name, takes, type, parameter) void sc_##name(type);
#define CALL_NONE(name, gives, type) type sc_##name(void);
#define CALL_MORE(name, gives, takes, t1, a1, t2, a2) int sc_##name(t1, t2, ...);
#define CALL_IN_ADDR(name, gives, takes, type) type sc_##name(struct in_addr);
#include "calls.def"
#undef CALL
#undef CALL_VOID
#undef CALL_NONE
#undef CALL_MORE
#undef CALL_IN_ADDR

#ifndef CALLS_AS_THEY_ARE
#define socket sc_socket
#define socketpair sc_socketpair
#define bind sc_bind
#define listen sc_listen
#define accept sc_accept
#define accept4 sc_accept4
#define connect sc_connect
#define shutdown sc_shutdown
#define close sc_close
#define read sc_read
#define readv sc_readv
#define write sc_write
#define writev sc_writev
#define pread sc_pread
#define pwrite sc_pwrite
#define send sc_send
#define sendto sc_sendto
#define sendmsg sc_sendmsg
#define recv sc_recv
#define recvfrom sc_recvfrom
#define recvmsg sc_recvmsg
#define getsockname sc_getsockname
#define getpeername sc_getpeername
#define getsockopt sc_getsockopt
#define setsockopt sc_setsockopt
#define sockatmark sc_sockatmark
#define poll sc_poll
#define ppoll sc_ppoll
#define select sc_select
#define pselect sc_pselect
#define fcntl sc_fcntl
#define ioctl sc_ioctl
#define dup sc_dup
#define dup2 sc_dup2
#define dup3 sc_dup3
#define fstat sc_fstat
#define lseek sc_lseek
#define getaddrinfo sc_getaddrinfo
#define freeaddrinfo sc_freeaddrinfo
#define getnameinfo sc_getnameinfo
#define gai_strerror sc_gai_strerror
#define inet_pton sc_inet_pton
#define inet_ntop sc_inet_ntop
#define inet_addr sc_inet_addr
#define inet_aton sc_inet_aton
#define inet_ntoa sc_inet_ntoa
#define htons sc_htons
#define htonl sc_htonl
#define ntohs sc_ntohs
#define ntohl sc_ntohl
#define if_nametoindex sc_if_nametoindex
#define if_indextoname sc_if_indextoname
#define if_nameindex sc_if_nameindex
#define if_freenameindex sc_if_freenameindex
#define sendfile sc_sendfile
#define sendmmsg sc_sendmmsg
#define recvmmsg sc_recvmmsg
#define epoll_create1 sc_epoll_create1
#define epoll_ctl sc_epoll_ctl
#define epoll_wait sc_epoll_wait
#define epoll_pwait sc_epoll_pwait
#endif

#endif
