#include "sockets.h"

PAIR(accept_blocks, .requirement = "accept.blocks", .over = CONNECTION)

SERVER(accept_blocks)
{
    int listener = listening_socket();

    ready();
    OK(accept(listener, NULL, NULL));
}

CLIENT(accept_blocks)
{
    await_peer();
    PEER_BLOCKS_IN(accept);

    connected_socket();
}
