/* A stand-in for a user-space stack: calls with a prefix, sockets numbered from 0 in its own way, and a
 * thread that does all the work, one calling thread at a time beside it. Beneath are the system's sockets. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SOCKETS = 64, BASE = 0 };
static int kernels[SOCKETS]; /* the system's descriptor of socket i, plus one; 0: no socket */

struct work {
    enum { SOCKET, BIND, LISTEN, ACCEPT, CONNECT, SEND, RECV, CLOSE, NAME, PEER, SHUTDOWN, POLL, FLAGS } what;
    int fd, a, b, c;
    void *address, *bytes;
    socklen_t size, *size_out;
    size_t count;
    long result;
    int error;
    bool done;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_once_t started = PTHREAD_ONCE_INIT;
static struct work *posted;

static int new_number(int kernel)
{
    if (kernel == -1)
        return -1;
    for (int i = 0; i < SOCKETS; i++)
        if (!kernels[i]) {
            kernels[i] = kernel + 1;
            return BASE + i;
        }
    close(kernel);
    errno = EMFILE;
    return -1;
}

static int kernel_of(int fd) { return fd >= BASE && fd < BASE + SOCKETS ? kernels[fd - BASE] - 1 : -1; }

static long do_work(struct work *w)
{
    int fd = kernel_of(w->fd);

    switch (w->what) {
    case SOCKET: return new_number(socket(w->a, w->b, w->c));
    case BIND: return bind(fd, w->address, w->size);
    case LISTEN: return listen(fd, w->a);
    case ACCEPT: return new_number(accept(fd, w->address, w->size_out));
    case CONNECT: return connect(fd, w->address, w->size);
    case SEND: return sendto(fd, w->bytes, w->count, w->a, w->address, w->size);
    case RECV: return recvfrom(fd, w->bytes, w->count, w->a, w->address, w->size_out);
    case NAME: return getsockname(fd, w->address, w->size_out);
    case PEER: return getpeername(fd, w->address, w->size_out);
    case SHUTDOWN: return shutdown(fd, w->a);
    case FLAGS: return fcntl(fd, w->a, w->b);
    case POLL: return poll(w->bytes, w->count, w->a);
    case CLOSE: {
        int result = close(fd);
        if (result == 0)
            kernels[w->fd - BASE] = 0;
        return result;
    }
    }
    return -1;
}

static void *work_on(void *unused)
{
    pthread_mutex_lock(&lock);
    for (;;) {
        while (!posted)
            pthread_cond_wait(&changed, &lock);
        struct work *w = posted;
        posted = NULL;
        pthread_mutex_unlock(&lock);
        errno = 0;
        w->result = do_work(w);
        w->error = errno;
        pthread_mutex_lock(&lock);
        w->done = true;
        pthread_cond_broadcast(&changed);
    }
    return unused;
}

static void start(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, work_on, NULL);
}

static long have_done(struct work w)
{
    pthread_once(&started, start);
    pthread_mutex_lock(&lock);
    posted = &w;
    pthread_cond_broadcast(&changed);
    while (!w.done)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    if (w.result == -1)
        errno = w.error;
    return w.result;
}
#define HAVE_DONE(...) have_done((struct work){__VA_ARGS__})

int my_socket(int d, int t, int p) { return (int)HAVE_DONE(SOCKET, .fd = -1, .a = d, .b = t, .c = p); }
int my_bind(int fd, void *a, socklen_t n) { return (int)HAVE_DONE(BIND, fd, .address = a, .size = n); }
int my_listen(int fd, int n) { return (int)HAVE_DONE(LISTEN, fd, .a = n); }
int my_accept(int fd, void *a, socklen_t *n)
{
    return (int)HAVE_DONE(ACCEPT, fd, .address = a, .size_out = n);
}
int my_connect(int fd, void *a, socklen_t n) { return (int)HAVE_DONE(CONNECT, fd, .address = a, .size = n); }
ssize_t my_send(int fd, void *b, size_t n, int f)
{
    return HAVE_DONE(SEND, fd, .a = f, .bytes = b, .count = n);
}
ssize_t my_recv(int fd, void *b, size_t n, int f)
{
    return HAVE_DONE(RECV, fd, .a = f, .bytes = b, .count = n);
}
int my_close(int fd) { return (int)HAVE_DONE(CLOSE, fd); }
int my_shutdown(int fd, int how) { return (int)HAVE_DONE(SHUTDOWN, fd, .a = how); }
int my_getsockname(int fd, void *a, socklen_t *n)
{
    return (int)HAVE_DONE(NAME, fd, .address = a, .size_out = n);
}
int my_getpeername(int fd, void *a, socklen_t *n)
{
    return (int)HAVE_DONE(PEER, fd, .address = a, .size_out = n);
}
int my_fcntl(int fd, int command, ...)
{
    va_list more;
    va_start(more, command);
    int value = va_arg(more, int);
    va_end(more);
    return (int)HAVE_DONE(FLAGS, fd, .a = command, .b = value);
}
int my_poll(struct pollfd *set, nfds_t count, int timeout)
{
    struct pollfd theirs[SOCKETS];
    for (nfds_t i = 0; i < count; i++) {
        theirs[i] = set[i];
        theirs[i].fd = kernel_of(set[i].fd);
    }
    int result = (int)HAVE_DONE(POLL, .fd = -1, .a = timeout, .bytes = theirs, .count = count);
    for (nfds_t i = 0; i < count; i++)
        set[i].revents = theirs[i].revents;
    return result;
}
