/* Keys are looked at where they are, in the envelope of the lead; so a lead is taken out of the
 * table before it goes. */

#include "capabilities/sharing.h"

#include <string.h>
#include <sys/random.h>

#include "base/clock.h"

static size_t hash_key(const void *key)
{
    const tr_span_t *span = key;
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    for (size_t i = 0; i < span->size; i++) {
        hash = (hash ^ (unsigned char)span->data[i]) * UINT64_C(1099511628211);
    }
    return (size_t)hash;
}

static int compare_keys(const void *one, const void *other)
{
    const tr_span_t *a = one;
    const tr_span_t *b = other;
    return a->size == b->size ? memcmp(a->data, b->data, a->size) : a->size < b->size ? -1 : 1;
}

/* Without the kernel's help, early in its life, bodies can be made to collide by whoever
 * guesses an address and a time. */
static void make_secret(unsigned char secret[TR_SIPHASH_KEY_SIZE])
{
    if (getrandom(secret, TR_SIPHASH_KEY_SIZE, GRND_NONBLOCK) != TR_SIPHASH_KEY_SIZE) {
        uint64_t guess[2] = {(uint64_t)(uintptr_t)secret, (uint64_t)tr_clock_now_us()};
        memcpy(secret, guess, TR_SIPHASH_KEY_SIZE);
    }
}

troupe_status_t tr_sharing_init(tr_sharing_t *self)
{
    assert(self);
    *self = (tr_sharing_t){.leads = zhashx_new()};
    make_secret(self->secret);
    if (!self->leads) {
        return TROUPE_ERR_NOMEM;
    }
    zhashx_set_key_duplicator(self->leads, NULL);
    zhashx_set_key_destructor(self->leads, NULL);
    zhashx_set_key_hasher(self->leads, hash_key);
    zhashx_set_key_comparator(self->leads, compare_keys);
    return TROUPE_OK;
}

void tr_sharing_finish(tr_sharing_t *self)
{
    assert(self && self->n_sharers == 0);
    assert(!self->leads || zhashx_size(self->leads) == 0);
    zhashx_destroy(&self->leads);
}

/* Lengths go in with what they belong to: where a frame ends makes a difference. */
static void add_run(tr_siphash_t *hash, const void *bytes, uint64_t size)
{
    tr_siphash_add(hash, &size, sizeof size);
    tr_siphash_add(hash, bytes, (size_t)size);
}

void tr_sharing_key_by_body(const tr_sharing_t *self, tr_envelope_t *envelope)
{
    assert(self && envelope && !envelope->lead);
    if (envelope->dedup.size > 0) {
        return;
    }
    tr_siphash_t hash;
    tr_siphash_start(&hash, self->secret);
    add_run(&hash, envelope->method, strlen(envelope->method));
    for (size_t i = 0; i < troupe_message_count(envelope->message); i++) {
        add_run(&hash, troupe_message_data(envelope->message, i),
                troupe_message_size(envelope->message, i));
    }
    tr_siphash_finish(&hash, envelope->body_key);
    envelope->dedup = (tr_span_t){(const char *)envelope->body_key, sizeof envelope->body_key};
}

tr_envelope_t *tr_sharing_find(const tr_sharing_t *self, const tr_envelope_t *envelope)
{
    assert(self && envelope);
    tr_envelope_t *lead =
        envelope->dedup.size > 0 ? zhashx_lookup(self->leads, &envelope->dedup) : NULL;
    /* A caller without a name may write another's name into its key. */
    return lead && strcmp(lead->caller, envelope->caller) == 0 ? lead : NULL;
}

void tr_sharing_open(tr_sharing_t *self, tr_envelope_t *lead)
{
    assert(self && lead && !lead->lead);
    if (lead->dedup.size > 0) {
        (void)zhashx_insert(self->leads, &lead->dedup, lead); /* not over another one */
    }
}

void tr_sharing_close(tr_sharing_t *self, tr_envelope_t *lead)
{
    assert(self && lead);
    if (tr_sharing_find(self, lead) == lead) {
        zhashx_delete(self->leads, &lead->dedup);
    }
}

/* In front of the others: nothing depends on their order. */
static void link_sharer(tr_envelope_t *lead, tr_envelope_t *sharer)
{
    sharer->lead = lead;
    sharer->previous_sharer = NULL;
    sharer->next_sharer = lead->sharers;
    if (lead->sharers) {
        lead->sharers->previous_sharer = sharer;
    }
    lead->sharers = sharer;
}

void tr_sharing_join(tr_sharing_t *self, tr_envelope_t *lead, tr_envelope_t *sharer)
{
    assert(self && lead && sharer && !lead->lead && !sharer->lead && !sharer->sharers);
    link_sharer(lead, sharer);
    self->n_sharers++;
}

void tr_sharing_leave(tr_sharing_t *self, tr_envelope_t *sharer)
{
    assert(self && sharer && sharer->lead);
    if (sharer->previous_sharer) {
        sharer->previous_sharer->next_sharer = sharer->next_sharer;
    } else {
        sharer->lead->sharers = sharer->next_sharer;
    }
    if (sharer->next_sharer) {
        sharer->next_sharer->previous_sharer = sharer->previous_sharer;
    }
    sharer->lead = sharer->next_sharer = sharer->previous_sharer = NULL;
    self->n_sharers--;
}

tr_envelope_t *tr_sharing_pass_on(tr_sharing_t *self, tr_envelope_t *lead)
{
    assert(self && lead && !lead->lead);
    bool was_open = lead->dedup.size > 0 && tr_sharing_find(self, lead) == lead;
    tr_sharing_close(self, lead);
    tr_envelope_t *heir = lead->sharers;
    if (!heir) {
        return NULL;
    }
    tr_sharing_leave(self, heir);
    heir->sharers = lead->sharers;
    lead->sharers = NULL;
    for (tr_envelope_t *sharer = heir->sharers; sharer; sharer = sharer->next_sharer) {
        sharer->lead = heir;
    }
    if (was_open) {
        tr_sharing_open(self, heir);
    }
    return heir;
}
