#include "catalogue.h"

#include <stdlib.h>
#include <string.h>

const char *const document_names[DOCUMENTS] = {"posix", "rfc", "linux", "notes"};

static int by_id(const void *id, const void *requirement)
{
    return strcmp(id, ((const struct requirement *)requirement)->id);
}

const struct requirement *find_requirement(const char *id)
{
    return bsearch(id, requirements, requirement_count, sizeof *requirements, by_id);
}
