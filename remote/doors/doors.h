/* remote/doors/doors.h - the endpoints at which a gateway listens
 *
 * Each is a ROUTER socket, which the gateway's actor watches. libzmq cuts all who came in by an
 * endpoint when it is unbound: so a door is shut first, when those inside are asked to go on
 * elsewhere, and gone when nothing is open behind it, or its time is up. Numbers of doors are
 * given again then. One gateway owns them.
 */

#ifndef TROUPE_REMOTE_DOORS_DOORS_H
#define TROUPE_REMOTE_DOORS_DOORS_H

#include <czmq.h>

#include "actors/actor.h"
#include "remote/doors/connections.h"
#include "remote/doors/rights.h"
#include "remote/gateway/departed.h"
#include "remote/gateway/gateway.h"
#include "wire/curve_key.h"

/* Each needs two watches of its actor, and that may have others. */
#define TR_DOORS_MAX (TR_SELF_MAX_WATCHES * 3 / 8)

typedef struct tr_door {
    zsock_t *socket; /* NULL: there is none of that number */
    char *endpoint;
    unsigned mode;
    char *owner; /* or NULL */
    bool is_curve;
    char node_key[TR_CURVE_KEY_TEXT]; /* the public one, with CURVE */
    int listener;                     /* a descriptor, while it listens */
    bool is_listening;
    bool is_bound;
    bool is_open;
    int64_t gone_by_ms;      /* of one that is shut; else 0 */
    tr_rights_t rights;      /* of who comes in by it */
    tr_peer_limits_t limits; /* the same */
    zsock_t *monitor;        /* what libzmq tells of its connections */
    tr_connections_t connections;
    tr_departed_t departed;
    size_t looked_at; /* how many of them, or of free places among them */
} tr_door_t;

typedef void(tr_door_ready_fn)(tr_self_t *self, void *socket, int descriptor);

typedef struct tr_doors {
    tr_self_t *self;
    tr_door_ready_fn *ready;
    tr_door_ready_fn *told;
    size_t n_shut; /* that are not gone */
    tr_door_t all[TR_DOORS_MAX];
} tr_doors_t;

/* `ready` is called when a door has something to read, `told` when its monitor has, with their
 * sockets. */
void tr_doors_init(tr_doors_t *self, tr_self_t *actor, tr_door_ready_fn *ready,
                   tr_door_ready_fn *told);

/* Shuts and frees all; what was zeroed only is fine. */
void tr_doors_finish(tr_doors_t *self);

/* Open all that `spec` has, those that want CURVE with that pair of keys. False: `why` says
 * which cannot be, and why. */
bool tr_doors_open_all(tr_doors_t *self, const tr_gateway_spec_t *spec,
                       const tr_curve_pair_t *pair, char *why, size_t size);

/* Open those that `spec` has and are not, and shut those that it has not, which are to be gone
 * by `gone_by_ms`; what cannot be opened is told to the log. `shut (arg, door)` is called for
 * each that is. Of those that stay, one with another security is gone at once and opened anew,
 * when `reopen (arg, door)` has let go of those inside. */
void tr_doors_follow(tr_doors_t *self, const tr_gateway_spec_t *spec,
                     const tr_curve_pair_t *pair, int64_t gone_by_ms,
                     void (*shut)(void *arg, uint32_t door),
                     void (*reopen)(void *arg, uint32_t door), void *arg);

/* Give that door another socket; whoever is behind it has been let go of. When there is none to
 * be had that is told to the log, and the door is gone. */
void tr_doors_renew(tr_doors_t *self, uint32_t door, const tr_curve_pair_t *pair);

/* The door of that socket, its own or its monitor's. */
uint32_t tr_doors_of(const tr_doors_t *self, const void *socket);

/* A door that is shut and not gone, or -1 when there is none after `door` (-1: the first). */
int tr_doors_next_shut(const tr_doors_t *self, int door);

/* Let it be gone. Not while it is read from. */
void tr_doors_forget(tr_doors_t *self, int door);

#endif
