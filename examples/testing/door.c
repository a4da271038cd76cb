/* One timer says whether the door is open. */

#include "door.h"

#include <stdlib.h>
#include <string.h>

#define OPEN_MS 10000

typedef struct door {
    uint64_t timer;        /* 0: it is closed */
    troupe_ref_t *visitor; /* who opened it last, or NULL */
} door_t;

static int init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)self;
    (void)args;
    *state_p = calloc(1, sizeof(door_t));
    return *state_p ? TROUPE_INIT_OK : TROUPE_INIT_NO_MEMORY;
}

static void terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    door_t *door = *state_p;
    troupe_ref_release(&door->visitor);
    free(door);
    *state_p = NULL;
}

static int open_door(troupe_worker_t *self, door_t *door, troupe_ref_t *visitor)
{
    troupe_timer_cancel(self, door->timer);
    troupe_ref_release(&door->visitor);
    door->visitor = visitor ? troupe_ref_share(visitor) : NULL;
    return troupe_timer_start(self, OPEN_MS, 0, NULL, &door->timer) != TROUPE_OK;
}

static int close_door(troupe_worker_t *self, door_t *door)
{
    door->timer = 0;
    troupe_message_t *closed = troupe_message_from_text("closed");
    if (!closed || !door->visitor) {
        troupe_message_destroy(&closed);
        return 0;
    }
    /* Who opened it may be gone by now. */
    return troupe_send(self, door->visitor, &closed) == TROUPE_ERR_NOMEM;
}

static int tell(troupe_worker_t *self, const door_t *door)
{
    troupe_message_t *answer = troupe_message_from_text(door->timer ? "open" : "closed");
    return answer && troupe_answer(self, &answer) ? 0 : -1;
}

static int is_text(const troupe_message_t *message, const char *text)
{
    size_t size = strlen(text);
    return troupe_message_size(message, 0) == size &&
           memcmp(troupe_message_data(message, 0), text, size) == 0;
}

static int receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    door_t *door = state;
    if (troupe_message_kind(message) == TROUPE_MESSAGE_TICK) {
        return close_door(self, door);
    }
    if (troupe_message_kind(message) == TROUPE_MESSAGE_ASK) {
        return tell(self, door);
    }
    if (is_text(message, "open")) {
        return open_door(self, door, troupe_message_sender(message));
    }
    if (is_text(message, "kick")) {
        troupe_worker_explain(self, "kicked in");
        return -1;
    }
    return 0;
}

const troupe_behaviour_t door_behaviour = {
    .name = "door", .init = init, .receive = receive, .terminate = terminate};
