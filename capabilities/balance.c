/* One pass, two for the dice; a pool is small against what its workers do.
 *
 * Keys find their worker by rendezvous hashing (Thaler and Ravishankar: highest random weight):
 * each pair of a key and a worker has a weight that looks random, and the heaviest wins. So a
 * worker that leaves moves its own keys only, one that comes takes its share evenly from all,
 * and there is no ring to keep. One that is full keeps its keys; they go elsewhere just once.
 */

#include "capabilities/balance.h"

#include <assert.h>

/* The step and the finalizer of splitmix64 (Steele, Lea and Flood; constants by Stafford). */
#define GOLDEN UINT64_C(0x9E3779B97F4A7C15)

static uint64_t mix(uint64_t bits)
{
    bits = (bits ^ (bits >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    bits = (bits ^ (bits >> 27)) * UINT64_C(0x94D049BB133111EB);
    return bits ^ (bits >> 31);
}

/* FNV-1a, mixed, because names that differ in their last sign only differ in few of its bits.
 */
static uint64_t hash(tr_span_t span)
{
    uint64_t sum = UINT64_C(0xCBF29CE484222325);
    for (size_t i = 0; i < span.size; i++) {
        sum = (sum ^ (unsigned char)span.data[i]) * UINT64_C(0x100000001B3);
    }
    return mix(sum);
}

uint64_t tr_balance_identity(const char *name)
{
    assert(name);
    return hash(tr_span_of(name));
}

void tr_balance_init(tr_balance_t *self, tr_balance_policy_t policy, uint64_t seed)
{
    assert(self);
    *self = (tr_balance_t){.policy = policy, .dice = seed};
}

static bool has_room(const tr_candidate_t *candidate)
{
    return candidate->n_given < candidate->concurrency;
}

static bool is_free(const tr_candidate_t *candidate)
{
    return candidate->is_open && has_room(candidate);
}

bool tr_balance_has_less(const tr_candidate_t *one, const tr_candidate_t *other)
{
    if (one->n_pending != other->n_pending) {
        return one->n_pending < other->n_pending;
    }
    if (one->has_failed_last != other->has_failed_last) {
        return !one->has_failed_last;
    }
    return one->last_used > other->last_used;
}

static bool was_used_before(const tr_candidate_t *one, const tr_candidate_t *other)
{
    return one->last_used < other->last_used;
}

typedef bool(is_better_fn)(const tr_candidate_t *one, const tr_candidate_t *other);

static size_t best_free(tr_candidate_t *const *candidates, size_t n, is_better_fn *is_better)
{
    size_t best = TR_BALANCE_NONE;
    for (size_t i = 0; i < n; i++) {
        if (is_free(candidates[i]) &&
            (best == TR_BALANCE_NONE || is_better(candidates[i], candidates[best]))) {
            best = i;
        }
    }
    return best;
}

/* One of 0 … n - 1. */
static size_t throw_dice(tr_balance_t *self, size_t n)
{
    self->dice += GOLDEN;
    return (size_t)(mix(self->dice) % n);
}

static size_t count_free(tr_candidate_t *const *candidates, size_t n)
{
    size_t n_free = 0;
    for (size_t i = 0; i < n; i++) {
        n_free += is_free(candidates[i]);
    }
    return n_free;
}

/* The index of the free one that `n_before` free ones stand before. */
static size_t nth_free(tr_candidate_t *const *candidates, size_t n_before)
{
    size_t i = 0;
    while (!is_free(candidates[i]) || n_before-- > 0) {
        i++;
    }
    return i;
}

static size_t better_of_two(tr_balance_t *self, tr_candidate_t *const *candidates, size_t n)
{
    size_t n_free = count_free(candidates, n);
    if (n_free <= 2) {
        return best_free(candidates, n, tr_balance_has_less);
    }
    size_t first = throw_dice(self, n_free);
    size_t second = throw_dice(self, n_free - 1);
    second += second >= first; /* never the same twice */
    size_t one = nth_free(candidates, first);
    size_t other = nth_free(candidates, second);
    return tr_balance_has_less(candidates[one], candidates[other]) ? one : other;
}

/* The open one that the key belongs to, with room or without. */
static size_t home_of(tr_span_t key, tr_candidate_t *const *candidates, size_t n)
{
    uint64_t key_hash = hash(key);
    uint64_t heaviest = 0;
    size_t home = TR_BALANCE_NONE;
    for (size_t i = 0; i < n; i++) {
        uint64_t weight = mix(key_hash ^ candidates[i]->identity);
        if (candidates[i]->is_open && (home == TR_BALANCE_NONE || weight > heaviest)) {
            heaviest = weight;
            home = i;
        }
    }
    return home;
}

static size_t home_or_least(tr_span_t key, tr_candidate_t *const *candidates, size_t n)
{
    size_t home = key.size > 0 ? home_of(key, candidates, n) : TR_BALANCE_NONE;
    return home != TR_BALANCE_NONE && has_room(candidates[home])
               ? home
               : best_free(candidates, n, tr_balance_has_less);
}

size_t tr_balance_pick(tr_balance_t *self, tr_candidate_t *const *candidates, size_t n,
                       tr_span_t sticky)
{
    assert(self && (candidates || n == 0));
    switch (self->policy) {
    case TR_BALANCE_POWER_OF_TWO:
        return better_of_two(self, candidates, n);
    case TR_BALANCE_ROUND_ROBIN:
        return best_free(candidates, n, was_used_before);
    case TR_BALANCE_STICKY:
        return home_or_least(sticky, candidates, n);
    case TR_BALANCE_LEAST_PENDING:
        break;
    }
    return best_free(candidates, n, tr_balance_has_less);
}
