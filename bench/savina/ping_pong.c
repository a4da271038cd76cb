/* Ping-pong: one message is under way at any time, so a round is two deliveries to an actor
 * that has nothing else to do. */

#include "bench/savina/savina.h"

typedef struct player {
    long n_rounds;
} player_t;

static void receive(troupe_worker_t *self, long index, void *own, const savina_note_t *note,
                    const troupe_message_t *message)
{
    player_t *player = own;
    if (index == 1) {
        savina_send(self, troupe_message_sender(message), (savina_note_t){.kind = SAVINA_PONG});
        return;
    }
    if (note->kind == SAVINA_PONG && ++player->n_rounds == savina_rounds()) {
        savina_done(player->n_rounds);
    } else {
        savina_send(self, savina_cell(1), (savina_note_t){.kind = SAVINA_PING});
    }
}

static void begin(troupe_worker_t *driver)
{
    savina_send(driver, savina_cell(0), (savina_note_t){.kind = SAVINA_BEGIN});
}

const savina_workload_t savina_ping_pong = {
    .name = "ping_pong",
    .actors = 2,
    .rounds = 40000,
    .own_size = sizeof(player_t),
    .receive = receive,
    .begin = begin,
};
