/* Chameneos: many come to one mall, which has two of them meet; each takes a colour that is
 * neither its own nor the other's, if these differ. A round is a meeting. The first cell is the
 * mall. */

#include "bench/savina/savina.h"

enum { MALL };

enum { N_COLOURS = 3 };

typedef struct creature {
    int colour;
    long n_meetings; /* of a creature; of the mall: that are left to be had */
    /* of the mall */
    troupe_ref_t *waiting; /* a share, or NULL */
    long n_faded;
    long n_told;
    bool is_open;
} creature_t;

static int complement(int one, int other)
{
    return one == other ? one : N_COLOURS - one - other;
}

/* ---- the mall ---- */

/* The one that waits meets the other as if by itself: it answers it, not the mall. */
static void have_meet(troupe_worker_t *self, creature_t *mall)
{
    if (troupe_forward(self, mall->waiting) != TROUPE_OK) {
        bench_give_up("nobody waits any more");
    }
    troupe_ref_release(&mall->waiting);
    mall->n_meetings--;
}

static void close_day(creature_t *mall)
{
    if (mall->n_faded == savina_actors() - 1) {
        if (mall->n_told != 2 * savina_rounds()) {
            bench_give_up("%ld were met, not twice %ld", mall->n_told, savina_rounds());
        }
        savina_done(savina_rounds());
    }
}

static void be_mall(troupe_worker_t *self, creature_t *mall, const savina_note_t *note,
                    troupe_ref_t *sender)
{
    if (!mall->is_open) {
        mall->is_open = true;
        mall->n_meetings = savina_rounds();
    }
    if (note->kind == SAVINA_TELL) {
        mall->n_faded++;
        mall->n_told += note->number;
        close_day(mall);
    } else if (mall->n_meetings == 0) {
        savina_send(self, sender, (savina_note_t){.kind = SAVINA_EXIT});
    } else if (mall->waiting) {
        have_meet(self, mall);
    } else {
        mall->waiting = troupe_ref_share(sender);
    }
}

/* ---- a creature ---- */

static void go_to_mall(troupe_worker_t *self, const creature_t *creature)
{
    savina_send(self, savina_cell(MALL),
                (savina_note_t){.kind = SAVINA_MEET, .index = creature->colour});
}

static void be_creature(troupe_worker_t *self, long index, creature_t *creature,
                        const savina_note_t *note, troupe_ref_t *sender)
{
    switch (note->kind) {
    case SAVINA_MEET:
        creature->colour = complement(creature->colour, note->index);
        creature->n_meetings++;
        savina_send(self, sender,
                    (savina_note_t){.kind = SAVINA_CHANGE, .index = creature->colour});
        go_to_mall(self, creature);
        break;
    case SAVINA_CHANGE:
        creature->colour = note->index;
        creature->n_meetings++;
        go_to_mall(self, creature);
        break;
    case SAVINA_EXIT:
        savina_send(self, sender,
                    (savina_note_t){.kind = SAVINA_TELL, .number = creature->n_meetings});
        break;
    default:
        creature->colour = (int)(index % N_COLOURS);
        go_to_mall(self, creature);
        break;
    }
}

static void receive(troupe_worker_t *self, long index, void *own, const savina_note_t *note,
                    const troupe_message_t *message)
{
    troupe_ref_t *sender = troupe_message_sender(message);
    if (index == MALL) {
        be_mall(self, own, note, sender);
    } else {
        be_creature(self, index, own, note, sender);
    }
}

static void begin(troupe_worker_t *driver)
{
    for (long i = MALL + 1; i < savina_actors(); i++) {
        savina_send(driver, savina_cell(i), (savina_note_t){.kind = SAVINA_BEGIN});
    }
}

const savina_workload_t savina_chameneos = {
    .name = "chameneos",
    .actors = 101,
    .rounds = 200000,
    .own_size = sizeof(creature_t),
    .receive = receive,
    .begin = begin,
};
