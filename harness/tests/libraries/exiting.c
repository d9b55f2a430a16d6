#include <stdlib.h>
#include <unistd.h>
__attribute__((constructor)) static void leave(void) { _exit(0); }
int socket(int d, int t, int p) { return d + t + p; }
