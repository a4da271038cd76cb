/* Fork-join: one sends to many in turn, each of which computes a little for each message.
 *
 * Of creation: each gets one message, computes, and ends; the time is that until all of them
 * are there and have done so. */

#include "bench/savina/savina.h"

typedef struct worker {
    long n;
} worker_t;

static void send_to_each(troupe_worker_t *driver, long n_times)
{
    for (long n = 0; n < n_times; n++) {
        for (long i = 0; i < savina_actors(); i++) {
            savina_send(driver, savina_cell(i), (savina_note_t){.kind = SAVINA_INCREMENT});
        }
    }
}

/* ---- throughput: a round is a message ---- */

static long share(void)
{
    return savina_rounds() / savina_actors();
}

static void begin(troupe_worker_t *driver)
{
    send_to_each(driver, share());
}

static void receive(troupe_worker_t *self, long index, void *own, const savina_note_t *note,
                    const troupe_message_t *message)
{
    (void)self;
    (void)index;
    (void)note;
    (void)message;
    worker_t *worker = own;
    savina_compute();
    if (++worker->n == share()) {
        savina_done(worker->n);
    }
}

const savina_workload_t savina_fork_join = {
    .name = "fork_join",
    .actors = 60,
    .rounds = 600000,
    .own_size = sizeof(worker_t),
    .receive = receive,
    .begin = begin,
};

/* ---- creation: a round is an actor ---- */

static void begin_once(troupe_worker_t *driver)
{
    send_to_each(driver, 1);
}

static void receive_once(troupe_worker_t *self, long index, void *own,
                         const savina_note_t *note, const troupe_message_t *message)
{
    (void)index;
    (void)own;
    (void)note;
    (void)message;
    savina_compute();
    savina_done(1);
    troupe_worker_end(self);
}

const savina_workload_t savina_creation = {
    .name = "creation",
    .actors = 1000,
    .rounds = 1000,
    .receive = receive_once,
    .begin = begin_once,
    .is_of_creation = true,
};
