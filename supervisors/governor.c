#include "supervisors/governor.h"

#include <assert.h>

#define MAILBOX_LETTERS 100000
#define MAILBOX_BYTES   ((size_t)16 << 20)

static void receive(tr_self_t *self, tr_letter_t *letter)
{
    (void)self;
    tr_grant_t *grant = tr_grant_in(letter);
    if (grant && grant->state == TR_GRANT_ASKED) {
        grant->state = TR_GRANT_GIVEN;
        tr_grant_answer(&grant);
        return;
    }
    tr_letter_destroy(&letter);
}

static bool begin(tr_self_t *self, const void *arg)
{
    (void)self;
    return arg != NULL;
}

static void end(tr_self_t *self)
{
    (void)self;
}

static const tr_actor_class_t governor_class = {
    .kind = "governor",
    .begin = begin,
    .receive = receive,
    .end = end,
};

troupe_status_t tr_governor_start(const tr_birth_t *birth, tr_actor_t **out)
{
    return tr_actor_start(
        &(tr_actor_setup_t){
            .class = &governor_class,
            .name = birth->name,
            .runtime = birth->runtime,
            .parent = birth->parent,
            .limits = {MAILBOX_LETTERS, MAILBOX_BYTES},
            .arg = birth->what,
            .keepsake = birth->keepsake,
        },
        out);
}
