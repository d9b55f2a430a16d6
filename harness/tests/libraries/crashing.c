#include <signal.h>
__attribute__((constructor)) static void crash(void) { raise(SIGSEGV); }
int socket(int d, int t, int p) { return d + t + p; }
