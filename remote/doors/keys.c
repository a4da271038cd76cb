#include "remote/doors/keys.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

tr_keys_t *tr_keys_new(const tr_key_spec_t *specs, size_t n)
{
    assert(specs || n == 0);
    tr_keys_t *self = calloc(1, sizeof *self + n * sizeof self->all[0]);
    if (!self) {
        return NULL;
    }
    atomic_init(&self->holders, 1);
    for (size_t i = 0; self && i < n; i++) {
        tr_key_t *key = &self->all[self->n++];
        bool is_key = tr_curve_key_decode(specs[i].key, key->bytes);
        assert(is_key && strlen(specs[i].name) <= TR_KEYS_MAX_NAME);
        (void)is_key;
        snprintf(key->name, sizeof key->name, "%s", specs[i].name);
        snprintf(key->text, sizeof key->text, "%s", specs[i].key);
        if (tr_rights_set(&key->rights, &specs[i].rights) != TROUPE_OK) {
            tr_keys_release(&self);
        }
    }
    return self;
}

tr_keys_t *tr_keys_share(tr_keys_t *self)
{
    assert(self);
    atomic_fetch_add_explicit(&self->holders, 1, memory_order_relaxed);
    return self;
}

void tr_keys_release(tr_keys_t **self_p)
{
    assert(self_p);
    tr_keys_t *self = *self_p;
    *self_p = NULL;
    if (!self || atomic_fetch_sub_explicit(&self->holders, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < self->n; i++) {
        tr_rights_finish(&self->all[i].rights);
    }
    free(self);
}

/* Tables are short, and read once for each connection. */
const tr_key_t *tr_keys_find(const tr_keys_t *self, tr_span_t bytes)
{
    assert(self);
    for (size_t i = 0; bytes.size == TR_CURVE_KEY_BYTES && i < self->n; i++) {
        if (memcmp(self->all[i].bytes, bytes.data, TR_CURVE_KEY_BYTES) == 0) {
            return &self->all[i];
        }
    }
    return NULL;
}

const tr_key_t *tr_keys_check(const tr_keys_t *self, const char *name, const char *text)
{
    assert(self);
    for (size_t i = 0; name && text && i < self->n; i++) {
        if (strcmp(self->all[i].name, name) == 0 && strcmp(self->all[i].text, text) == 0) {
            return &self->all[i];
        }
    }
    return NULL;
}
