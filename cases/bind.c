#include "sockets.h"

CASE(bind_address_in_use, .requirement = "bind.EADDRINUSE", .over = ANY)
{
    struct address taken = address_of(bound_socket());

    FAILS(bind(new_socket(), ADDR(taken)), EADDRINUSE);
}
