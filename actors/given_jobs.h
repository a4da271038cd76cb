/* actors/given_jobs.h - the jobs that another process has, in the order in which it got them
 *
 * Found by number when an answer comes, and by age: one that works on a single thread works on
 * the oldest. Holds a share of each. One thread owns it; a job is in one such list at a time.
 */

#ifndef TROUPE_ACTORS_GIVEN_JOBS_H
#define TROUPE_ACTORS_GIVEN_JOBS_H

#include "base/idmap.h"
#include "mailbox/job.h"

typedef struct tr_given_jobs {
    tr_idmap_t by_number;
    tr_job_t *oldest;
    tr_job_t *newest;
} tr_given_jobs_t;

void tr_given_jobs_init(tr_given_jobs_t *self);

/* Let go of all. */
void tr_given_jobs_finish(tr_given_jobs_t *self);

/* Take the share of `job`. TROUPE_EXISTS when one of that number is there, TROUPE_ERR_NOMEM;
 * the share is then still the caller's. */
TROUPE_NODISCARD troupe_status_t tr_given_jobs_add(tr_given_jobs_t *self, tr_job_t *job);

/* The job of that number, borrowed; or NULL. */
tr_job_t *tr_given_jobs_get(const tr_given_jobs_t *self, uint64_t number);

/* Take out the job of that number, or NULL. The share is the caller's. */
tr_job_t *tr_given_jobs_take(tr_given_jobs_t *self, uint64_t number);

#endif
