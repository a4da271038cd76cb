#include "remote/gateway/party.h"

#include <assert.h>
#include <czmq.h>
#include <stdlib.h>
#include <string.h>

struct tr_parties {
    zhashx_t *named;
};

tr_parties_t *tr_parties_new(void)
{
    tr_parties_t *self = calloc(1, sizeof *self);
    if (self && !(self->named = zhashx_new())) {
        free(self);
        self = NULL;
    }
    return self;
}

void tr_parties_destroy(tr_parties_t **self_p)
{
    assert(self_p);
    tr_parties_t *self = *self_p;
    if (self) {
        assert(zhashx_size(self->named) == 0);
        zhashx_destroy(&self->named);
        free(self);
        *self_p = NULL;
    }
}

static void free_party(tr_party_t **party_p)
{
    free((*party_p)->name);
    free(*party_p);
    *party_p = NULL;
}

static tr_party_t *found(tr_parties_t *self, const char *name)
{
    tr_party_t *party = calloc(1, sizeof *party);
    if (party && name[0] &&
        (!(party->name = strdup(name)) || zhashx_insert(self->named, name, party) != 0)) {
        free_party(&party);
    }
    return party;
}

tr_party_t *tr_parties_join(tr_parties_t *self, const char *name)
{
    assert(self && name);
    tr_party_t *party = name[0] ? zhashx_lookup(self->named, name) : NULL;
    party = party ? party : found(self, name);
    if (party) {
        party->n_peers++;
    }
    return party;
}

void tr_parties_leave(tr_parties_t *self, tr_party_t **party_p)
{
    assert(self && party_p);
    tr_party_t *party = *party_p;
    *party_p = NULL;
    if (party && --party->n_peers == 0) {
        assert(party->n_open == 0);
        if (party->name) {
            zhashx_delete(self->named, party->name);
        }
        free_party(&party);
    }
}
