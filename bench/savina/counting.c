/* Counting: one actor sends to another one, which counts. A mailbox is bounded, so the producer
 * is at most two lumps ahead: the counter tells after each what it has counted. */

#include "bench/savina/savina.h"

#define A_LUMP 20000

enum { PRODUCER, COUNTER };

typedef struct counter {
    long n; /* sent, or counted */
} counter_t;

static void send_a_lump(troupe_worker_t *self, counter_t *producer)
{
    long until =
        producer->n + A_LUMP < savina_rounds() ? producer->n + A_LUMP : savina_rounds();
    if (producer->n == until) {
        return;
    }
    while (producer->n < until) {
        savina_send(self, savina_cell(COUNTER), (savina_note_t){.kind = SAVINA_INCREMENT});
        producer->n++;
    }
    savina_send(self, savina_cell(COUNTER), (savina_note_t){.kind = SAVINA_TELL});
}

static void produce(troupe_worker_t *self, counter_t *producer, const savina_note_t *note)
{
    if (note->kind == SAVINA_BEGIN) {
        send_a_lump(self, producer);
    } else if (note->number == savina_rounds()) {
        savina_done(note->number);
    }
    send_a_lump(self, producer);
}

static void receive(troupe_worker_t *self, long index, void *own, const savina_note_t *note,
                    const troupe_message_t *message)
{
    counter_t *counter = own;
    if (index == PRODUCER) {
        produce(self, counter, note);
    } else if (note->kind == SAVINA_INCREMENT) {
        counter->n++;
    } else {
        savina_send(self, troupe_message_sender(message),
                    (savina_note_t){.kind = SAVINA_TELL, .number = counter->n});
    }
}

static void begin(troupe_worker_t *driver)
{
    savina_send(driver, savina_cell(PRODUCER), (savina_note_t){.kind = SAVINA_BEGIN});
}

const savina_workload_t savina_counting = {
    .name = "counting",
    .actors = 2,
    .rounds = 1000000,
    .own_size = sizeof(counter_t),
    .receive = receive,
    .begin = begin,
};
