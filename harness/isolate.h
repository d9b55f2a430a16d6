/* Where the runs happen: a network of the program's own, where it may have one. */
#ifndef ISOLATE_H
#define ISOLATE_H

#include <stdbool.h>

struct environment {
    bool own_network;
    char network_reason[128]; /* why there is none of our own */
    bool loopback_inet, loopback_inet6;
    bool proc; /* /proc shows the state of processes */
};
extern struct environment environment;

enum network { NETWORK_AUTO, NETWORK_OWN, NETWORK_SHARED };

/* Moves this process into a network namespace of its own, with loopback up, as `wanted` says, and finds out
 * what this environment has. Gives false where an own network was demanded and cannot be had. */
bool isolate(enum network wanted);

/* A further network of its own for a process of this program; without effect where the network is shared. */
void isolate_again(void);

#endif
