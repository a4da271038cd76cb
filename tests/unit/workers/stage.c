/* Every troupe_* function that a module imports and a message does not have. */

#include "tests/unit/workers/stage.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/actor.h>

extern const troupe_behaviour_t *const troupe_behaviour;

troupe_request_t stage_request(const char *method, const void *data, size_t size)
{
    return (troupe_request_t){
        .method = method,
        .message = troupe_message_from(data, size),
        .cancelled_after = -1,
    };
}

void stage_release(troupe_request_t *request)
{
    troupe_message_destroy(&request->message);
    troupe_message_destroy(&request->reply);
    for (int i = 0; i < request->n_parts; i++) {
        troupe_message_destroy(&request->parts[i]);
    }
    request->n_parts = 0;
}

int stage_handle(troupe_worker_t *worker, troupe_request_t *request, void *state)
{
    return troupe_behaviour->handle(worker, request, state);
}

/* ---- the configuration ---- */

const char *troupe_args_get(const troupe_args_t *args, const char *key)
{
    for (const stage_arg_t *arg = args->args; arg->key; arg++) {
        if (strcmp(arg->key, key) == 0) {
            return arg->value;
        }
    }
    return NULL;
}

const char *troupe_args_get_or(const troupe_args_t *args, const char *key, const char *fallback)
{
    const char *value = troupe_args_get(args, key);
    return value ? value : fallback;
}

troupe_status_t troupe_args_number(const troupe_args_t *args, const char *key, int64_t *out)
{
    const char *value = troupe_args_get(args, key);
    if (!value) {
        return TROUPE_NOT_FOUND;
    }
    char *end = NULL;
    long long number = strtoll(value, &end, 10);
    if (end == value || *end) {
        return TROUPE_ERR_INVALID;
    }
    *out = number;
    return TROUPE_OK;
}

/* ---- the worker ---- */

void troupe_worker_progress(troupe_worker_t *self)
{
    self->n_progress++;
}

void troupe_worker_end(troupe_worker_t *self)
{
    self->has_ended = true;
}

void troupe_worker_explain(troupe_worker_t *self, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(self->explained, sizeof self->explained, format, values);
    va_end(values);
}

void troupe_worker_log(troupe_worker_t *self, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(self->logged, sizeof self->logged, format, values);
    va_end(values);
}

/* ---- the request ---- */

const char *troupe_request_method(const troupe_request_t *self)
{
    return self->method;
}

const char *troupe_request_peer(const troupe_request_t *self)
{
    (void)self;
    return "";
}

const troupe_message_t *troupe_request_message(const troupe_request_t *self)
{
    return self->message;
}

const void *troupe_request_data(const troupe_request_t *self)
{
    return troupe_message_data(self->message, 0);
}

size_t troupe_request_size(const troupe_request_t *self)
{
    return troupe_message_size(self->message, 0);
}

bool troupe_request_cancelled(const troupe_request_t *self)
{
    /* The question counts, so the borrowed request is written to after all. */
    troupe_request_t *asked = (troupe_request_t *)self;
    return asked->cancelled_after >= 0 && asked->cancelled_after-- == 0;
}

troupe_status_t troupe_request_part(troupe_request_t *self, troupe_message_t **part_p)
{
    if (self->reader_left) {
        troupe_message_destroy(part_p);
        return TROUPE_CLOSED;
    }
    if (self->is_full) {
        return TROUPE_FULL;
    }
    assert(self->n_parts < STAGE_MAX_PARTS);
    self->parts[self->n_parts++] = *part_p;
    *part_p = NULL;
    return TROUPE_OK;
}

void troupe_request_reply(troupe_request_t *self, troupe_message_t **reply_p)
{
    self->n_finished++;
    self->outcome = TROUPE_OUTCOME_OK;
    self->reply = *reply_p;
    *reply_p = NULL;
}

void troupe_request_reply_data(troupe_request_t *self, const void *data, size_t size)
{
    troupe_message_t *reply = troupe_message_from(data, size);
    troupe_request_reply(self, &reply);
}

void troupe_request_fail(troupe_request_t *self, const char *format, ...)
{
    self->n_finished++;
    self->outcome = TROUPE_OUTCOME_WORKER_ERROR;
    va_list values;
    va_start(values, format);
    vsnprintf(self->text, sizeof self->text, format, values);
    va_end(values);
}

void troupe_request_refuse(troupe_request_t *self, troupe_outcome_t outcome, const char *format,
                           ...)
{
    self->n_finished++;
    self->outcome = outcome;
    va_list values;
    va_start(values, format);
    vsnprintf(self->text, sizeof self->text, format, values);
    va_end(values);
}

/* There is an actor called `friend`. */
troupe_status_t troupe_send_named(troupe_worker_t *self, const char *name,
                                  troupe_message_t **message_p)
{
    snprintf(self->sent_to, sizeof self->sent_to, "%s", name);
    troupe_message_destroy(message_p);
    if (strcmp(name, "friend") != 0) {
        return TROUPE_NOT_FOUND;
    }
    self->n_sent++;
    return TROUPE_OK;
}
