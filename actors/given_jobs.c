/* The list runs through the jobs themselves, by the links that are the worker's. */

#include "actors/given_jobs.h"

#include <assert.h>

void tr_given_jobs_init(tr_given_jobs_t *self)
{
    assert(self);
    *self = (tr_given_jobs_t){0};
    tr_idmap_init(&self->by_number);
}

void tr_given_jobs_finish(tr_given_jobs_t *self)
{
    assert(self);
    while (self->oldest) {
        tr_job_t *job = tr_given_jobs_take(self, self->oldest->number);
        tr_job_release(&job);
    }
    tr_idmap_finish(&self->by_number);
}

troupe_status_t tr_given_jobs_add(tr_given_jobs_t *self, tr_job_t *job)
{
    assert(self && job);
    troupe_status_t status = tr_idmap_put(&self->by_number, job->number, job);
    if (status != TROUPE_OK) {
        return status;
    }
    job->is_kept = true;
    job->next_kept = NULL;
    job->previous_kept = self->newest;
    if (self->newest) {
        self->newest->next_kept = job;
    } else {
        self->oldest = job;
    }
    self->newest = job;
    return TROUPE_OK;
}

tr_job_t *tr_given_jobs_get(const tr_given_jobs_t *self, uint64_t number)
{
    assert(self);
    return tr_idmap_get(&self->by_number, number);
}

tr_job_t *tr_given_jobs_take(tr_given_jobs_t *self, uint64_t number)
{
    assert(self);
    tr_job_t *job = tr_idmap_take(&self->by_number, number);
    if (!job) {
        return NULL;
    }
    if (job->previous_kept) {
        job->previous_kept->next_kept = job->next_kept;
    } else {
        self->oldest = job->next_kept;
    }
    if (job->next_kept) {
        job->next_kept->previous_kept = job->previous_kept;
    } else {
        self->newest = job->previous_kept;
    }
    job->is_kept = false;
    return job;
}
