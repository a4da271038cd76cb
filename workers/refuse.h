/* workers/refuse.h - how a request ends that could not be served */

#ifndef TROUPE_WORKERS_REFUSE_H
#define TROUPE_WORKERS_REFUSE_H

#include <troupe/behaviour.h>

/* Finish the request as `status` says, which is not TROUPE_OK: `why` is the line for who asked.
 */
static inline void tr_refuse(troupe_request_t *request, troupe_status_t status, const char *why)
{
    switch (status) {
    case TROUPE_ERR_INVALID:
        troupe_request_refuse(request, TROUPE_OUTCOME_BAD_REQUEST, "%s", why);
        break;
    case TROUPE_LIMIT:
        troupe_request_refuse(request, TROUPE_OUTCOME_TOO_LARGE, "%s", why);
        break;
    case TROUPE_ERR_NOMEM:
        troupe_request_fail(request, "out of memory");
        break;
    default:
        troupe_request_fail(request, "%s", why);
        break;
    }
}

#endif
