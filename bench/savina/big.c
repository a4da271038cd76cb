/* Big: many to many. Each pings one of all at random, and the next when that has answered. A
 * round is a ping with its answer, which must be from the one that was asked. */

#include "bench/savina/savina.h"

typedef struct neighbour {
    bench_random_t random;
    long n_answered;
    long whom; /* it has pinged */
} neighbour_t;

static void ping_somebody(troupe_worker_t *self, neighbour_t *neighbour)
{
    neighbour->whom = (long)(bench_random_bits(&neighbour->random) % (uint64_t)savina_actors());
    savina_send(self, savina_cell(neighbour->whom), (savina_note_t){.kind = SAVINA_PING});
}

static void take_pong(troupe_worker_t *self, neighbour_t *neighbour, const savina_note_t *note)
{
    if (note->number != neighbour->whom) {
        bench_give_up("%ld answered, and %ld was asked", note->number, neighbour->whom);
    }
    if (++neighbour->n_answered == savina_rounds() / savina_actors()) {
        savina_done(neighbour->n_answered);
    } else {
        ping_somebody(self, neighbour);
    }
}

static void receive(troupe_worker_t *self, long index, void *own, const savina_note_t *note,
                    const troupe_message_t *message)
{
    neighbour_t *neighbour = own;
    switch (note->kind) {
    case SAVINA_PING:
        savina_send(self, troupe_message_sender(message),
                    (savina_note_t){.kind = SAVINA_PONG, .number = index});
        break;
    case SAVINA_PONG:
        take_pong(self, neighbour, note);
        break;
    default:
        neighbour->random.state = (uint64_t)index;
        ping_somebody(self, neighbour);
        break;
    }
}

const savina_workload_t savina_big = {
    .name = "big",
    .actors = 120,
    .rounds = 2400000,
    .own_size = sizeof(neighbour_t),
    .receive = receive,
};
