/* Thread ring: a token goes round, a round is a hop. */

#include "bench/savina/savina.h"

static void receive(troupe_worker_t *self, long index, void *own, const savina_note_t *note,
                    const troupe_message_t *message)
{
    (void)own;
    (void)message;
    if (note->number == savina_rounds()) {
        savina_done(note->number);
    } else {
        savina_send(self, savina_cell((index + 1) % savina_actors()),
                    (savina_note_t){.kind = SAVINA_TOKEN, .number = note->number + 1});
    }
}

static void begin(troupe_worker_t *driver)
{
    savina_send(driver, savina_cell(0), (savina_note_t){.kind = SAVINA_TOKEN, .number = 1});
}

const savina_workload_t savina_ring = {
    .name = "ring",
    .actors = 100,
    .rounds = 100000,
    .receive = receive,
    .begin = begin,
};
