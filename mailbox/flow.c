/* No grant may be lost. The writer first says that it waits and then looks once more; the
 * reader first grants and then looks whether somebody waits. Both in one total order, so at
 * least one of the two sees the other.
 */

#include "mailbox/flow.h"

#include <assert.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
    WAITS_NOT,
    WAITS_ASLEEP,
    WAITS_FOR_WORD,
};

void tr_flow_init_shut(tr_flow_t *self)
{
    assert(self);
    atomic_init(&self->bell, 0);
    atomic_init(&self->waiting, WAITS_NOT);
    atomic_init(&self->parts_granted, 0);
    atomic_init(&self->bytes_taken, 0);
}

void tr_flow_init(tr_flow_t *self, uint64_t n_parts)
{
    tr_flow_init_shut(self);
    n_parts = n_parts ? n_parts : TR_FLOW_PARTS;
    atomic_init(&self->parts_granted, n_parts < TR_FLOW_MOST ? n_parts : TR_FLOW_MOST);
}

static void wake(tr_flow_t *self)
{
    atomic_fetch_add(&self->bell, 1);
    syscall(SYS_futex, &self->bell, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* A reader that grants without end must not make the sum begin anew. */
static void add(_Atomic(uint64_t) *sum, uint64_t n)
{
    uint64_t before = atomic_load(sum);
    while (!atomic_compare_exchange_weak(
        sum, &before, n < TR_FLOW_MOST - before ? before + n : TR_FLOW_MOST)) {
    }
}

bool tr_flow_grant(tr_flow_t *self, uint64_t n_parts, uint64_t n_bytes)
{
    assert(self);
    add(&self->parts_granted, n_parts);
    add(&self->bytes_taken, n_bytes);
    int waiting = atomic_load(&self->waiting) == WAITS_NOT
                      ? WAITS_NOT
                      : atomic_exchange(&self->waiting, WAITS_NOT);
    if (waiting == WAITS_ASLEEP) {
        wake(self);
    }
    return waiting == WAITS_FOR_WORD;
}

uint64_t tr_flow_parts_left(const tr_flow_t *self, const tr_flow_spent_t *spent)
{
    assert(self && spent);
    uint64_t granted = atomic_load(&self->parts_granted);
    return granted > spent->n_parts ? granted - spent->n_parts : 0;
}

bool tr_flow_has_room(const tr_flow_t *self, const tr_flow_spent_t *spent)
{
    return tr_flow_parts_left(self, spent) > 0 &&
           spent->n_bytes < atomic_load(&self->bytes_taken) + TR_FLOW_BYTES;
}

void tr_flow_spend(tr_flow_spent_t *spent, uint64_t n_bytes)
{
    assert(spent);
    spent->n_parts++;
    spent->n_bytes += n_bytes;
}

void tr_flow_wait(tr_flow_t *self, const tr_flow_spent_t *spent, int64_t timeout_ms)
{
    assert(self && spent);
    uint32_t seen = atomic_load(&self->bell);
    atomic_store(&self->waiting, WAITS_ASLEEP);
    if (!tr_flow_has_room(self, spent) && timeout_ms > 0) {
        struct timespec timeout = {.tv_sec = (time_t)(timeout_ms / 1000),
                                   .tv_nsec = (long)(timeout_ms % 1000) * 1000000};
        syscall(SYS_futex, &self->bell, FUTEX_WAIT_PRIVATE, seen, &timeout, NULL, 0);
    }
    atomic_store(&self->waiting, WAITS_NOT);
}

bool tr_flow_ask_for_word(tr_flow_t *self, const tr_flow_spent_t *spent)
{
    assert(self && spent);
    atomic_store(&self->waiting, WAITS_FOR_WORD);
    if (!tr_flow_has_room(self, spent)) {
        return true;
    }
    /* Whoever takes the mark away settles who speaks of this room. */
    int waiting = WAITS_FOR_WORD;
    return !atomic_compare_exchange_strong(&self->waiting, &waiting, WAITS_NOT);
}

/* How many parts such as were heard so far may be on their way. */
static uint64_t most_on_their_way(const tr_flow_spent_t *heard)
{
    uint64_t mean = heard->n_parts ? heard->n_bytes / heard->n_parts : 0;
    uint64_t most = mean ? TR_FLOW_BYTES / mean : TR_FLOW_PARTS;
    return most < 1 ? 1 : most < TR_FLOW_PARTS ? most : TR_FLOW_PARTS;
}

uint64_t tr_flow_pass_on(tr_flow_t *self, const tr_flow_spent_t *heard, uint64_t *told_p)
{
    assert(self && heard && told_p);
    uint64_t most = most_on_their_way(heard);
    for (;;) {
        uint64_t on_their_way = *told_p > heard->n_parts ? *told_p - heard->n_parts : 0;
        if (on_their_way * 2 > most) {
            return 0; /* more will be heard */
        }
        tr_flow_spent_t told = {.n_parts = *told_p, .n_bytes = heard->n_bytes};
        if (tr_flow_has_room(self, &told)) {
            uint64_t left = tr_flow_parts_left(self, &told);
            uint64_t n_parts = left < most - on_their_way ? left : most - on_their_way;
            *told_p += n_parts;
            return n_parts;
        }
        if (tr_flow_ask_for_word(self, &told)) {
            return 0;
        }
    }
}

void tr_flow_ring(tr_flow_t *self)
{
    assert(self);
    if (atomic_load(&self->waiting) == WAITS_ASLEEP) {
        wake(self);
    }
}
