/* Built without libmicrohttpd. A file with `http` is refused before anything starts. */

#include "node/http/http.h"

bool tr_http_is_there(void)
{
    return false;
}

troupe_status_t tr_http_start(const tr_birth_t *birth, tr_actor_t **out)
{
    (void)birth;
    (void)out;
    return TROUPE_NOT_FOUND;
}
