/* A library that has three calls only. */
#include <dlfcn.h>
#include <sys/socket.h>

#define REAL(f) ((__typeof__(&f))dlsym(RTLD_NEXT, #f))
int socket(int d, int t, int p) { return REAL(socket)(d, t, p); }
int bind(int fd, const struct sockaddr *a, socklen_t n) { return REAL(bind)(fd, a, n); }
int getsockname(int fd, struct sockaddr *a, socklen_t *n) { return REAL(getsockname)(fd, a, n); }
