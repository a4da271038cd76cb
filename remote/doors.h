/* remote/doors.h - the endpoints at which a gateway listens
 *
 * Each is a ROUTER socket, which the gateway's actor watches. A door that is shut lets nobody
 * new in; those who are inside stay (`n_inside` is the gateway's to count), and when the last has
 * left it is gone. Numbers of doors are
 * given again then. One gateway owns them.
 */

#ifndef TROUPE_REMOTE_DOORS_H
#define TROUPE_REMOTE_DOORS_H

#include <czmq.h>

#include "actors/actor.h"
#include "remote/gateway.h"

typedef struct tr_door {
    zsock_t *socket; /* NULL: there is none of that number */
    char *endpoint;
    unsigned mode;
    bool is_open;
    size_t n_inside; /* peers */
} tr_door_t;

typedef void(tr_door_ready_fn)(tr_self_t *self, void *socket, int descriptor);

typedef struct tr_doors {
    tr_self_t *self;
    tr_door_ready_fn *ready;
    size_t n_shut; /* that are not gone */
    tr_door_t all[TR_SELF_MAX_WATCHES];
} tr_doors_t;

/* `ready` is called when a door has something to read. */
void tr_doors_init(tr_doors_t *self, tr_self_t *actor, tr_door_ready_fn *ready);

/* Shuts and frees all; what was zeroed only is fine. */
void tr_doors_finish(tr_doors_t *self);

/* Open all that `spec` has. False: `why` says which cannot be, and why. */
bool tr_doors_open_all(tr_doors_t *self, const tr_gateway_spec_t *spec, char *why, size_t size);

/* Open those that `spec` has and are not, and shut those that it has not; what cannot be opened
 * is told to the log. `shut (arg, door)` is called for each that is. */
void tr_doors_follow(tr_doors_t *self, const tr_gateway_spec_t *spec,
                     void (*shut)(void *arg, uint32_t door), void *arg);

/* The door of that socket. */
uint32_t tr_doors_of(const tr_doors_t *self, const void *socket);

/* Let those go that are shut and have nobody inside. Not while one of them is read from. */
void tr_doors_sweep(tr_doors_t *self);

#endif
