/* A faithful overlay but for faults that the environment variable FAULT names. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REAL(f) ((__typeof__(&f))dlsym(RTLD_NEXT, #f))
static int is(const char *name)
{
    const char *fault = getenv("FAULT");
    return fault && strcmp(fault, name) == 0;
}

int bind(int fd, const struct sockaddr *a, socklen_t n)
{
    int result = REAL(bind)(fd, a, n);
    if (result == -1 && is("bind succeeds"))
        return 0;
    if (result == -1 && errno == EADDRINUSE && is("bind errs"))
        errno = EINVAL;
    return result;
}

int accept(int fd, struct sockaddr *a, socklen_t *n)
{
    if (is("accept crashes"))
        raise(SIGSEGV);
    if (is("accept exits"))
        _exit(0);
    if (is("accept hangs"))
        for (;;)
            pause();
    if (is("accept does not block"))
        fcntl(fd, F_SETFL, O_NONBLOCK);
    if (is("accept invents"))
        return open("/dev/null", O_RDWR);
    return REAL(accept)(fd, a, n);
}
