/* A level for each priority; in it a line for each peer that has something waiting, and no
 * other. The lines of a level form a list in the order of their turns: the first is served and
 * goes to the end. A line is in the order of its peer's requests. Besides, each level knows who
 * of it came first.
 *
 * Lines that are left are kept for peers to come, up to a bound, so that nothing is allocated
 * as long as requests come and go at the same rate.
 */

#include "mailbox/request_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* What is kept when it is not needed: so many lines, with room for so many requests each, and
 * maps with so many slots. */
#define SPARE_LINES 128
#define SPARE_ROOM  32
#define SPARE_SLOTS 256

struct tr_queue_line {
    tr_lineup_t order; /* never empty while the line is open */
    uint64_t peer;
    tr_queue_level_t *level;
    tr_queue_line_t *before; /* in the list of turns */
    tr_queue_line_t *behind; /* the same, or in the list of spares */
};

static bool is_served_before(const void *one_item, const void *other_item)
{
    const tr_envelope_t *one = one_item;
    const tr_envelope_t *other = other_item;
    if (one->deadline_ms != other->deadline_ms) {
        return one->deadline_ms < other->deadline_ms;
    }
    return one->number < other->number;
}

static tr_lineup_place_t *place_of(void *item)
{
    return &((tr_envelope_t *)item)->place_in_line;
}

static size_t *stray_of(void *item)
{
    return &((tr_envelope_t *)item)->place_in_line.stray;
}

static bool is_older(const void *one, const void *other)
{
    return ((const tr_envelope_t *)one)->number < ((const tr_envelope_t *)other)->number;
}

static tr_lineup_place_t *arrival_of(void *item)
{
    return &((tr_envelope_t *)item)->place_by_arrival;
}

static size_t *arrival_stray_of(void *item)
{
    return &((tr_envelope_t *)item)->place_by_arrival.stray;
}

/* A value that is no priority is the normal one: callers may say anything. */
static size_t level_index(troupe_priority_t priority)
{
    bool is_one = priority >= TROUPE_PRIORITY_CRITICAL && priority <= TROUPE_PRIORITY_BATCH;
    return (size_t)(is_one ? priority : TROUPE_PRIORITY_NORMAL) - TROUPE_PRIORITY_CRITICAL;
}

/* ---- turns ---- */

static void append_turn(tr_queue_line_t *line)
{
    tr_queue_level_t *level = line->level;
    line->before = level->last_line;
    line->behind = NULL;
    *(level->last_line ? &level->last_line->behind : &level->first_line) = line;
    level->last_line = line;
}

static void prepend_turn(tr_queue_line_t *line)
{
    tr_queue_level_t *level = line->level;
    line->before = NULL;
    line->behind = level->first_line;
    *(level->first_line ? &level->first_line->before : &level->last_line) = line;
    level->first_line = line;
}

static void unlink_turn(tr_queue_line_t *line)
{
    tr_queue_level_t *level = line->level;
    *(line->before ? &line->before->behind : &level->first_line) = line->behind;
    *(line->behind ? &line->behind->before : &level->last_line) = line->before;
}

/* ---- lines ---- */

static tr_queue_line_t *take_spare(tr_request_queue_t *self)
{
    tr_queue_line_t *line = self->spares;
    if (line) {
        self->spares = line->behind;
        self->n_spares--;
        return line;
    }
    line = malloc(sizeof *line);
    if (line) {
        tr_lineup_init(&line->order, is_served_before, place_of, stray_of);
    }
    return line;
}

static void keep_spare(tr_request_queue_t *self, tr_queue_line_t *line)
{
    if (self->n_spares >= SPARE_LINES || line->order.strays.n_room > SPARE_ROOM) {
        tr_lineup_finish(&line->order);
        free(line);
        return;
    }
    line->behind = self->spares;
    self->spares = line;
    self->n_spares++;
}

/* A line at the end of the turns, still empty; NULL when out of memory. */
static tr_queue_line_t *open_line(tr_request_queue_t *self, tr_queue_level_t *level,
                                  uint64_t peer)
{
    tr_queue_line_t *line = take_spare(self);
    if (!line) {
        return NULL;
    }
    if (tr_idmap_put(&level->lines, peer, line) != TROUPE_OK) {
        keep_spare(self, line);
        return NULL;
    }
    line->peer = peer;
    line->level = level;
    append_turn(line);
    return line;
}

/* Memory for a crowd goes with the last of the crowd. */
static void rest_level(tr_queue_level_t *level)
{
    level->n_passed_over = 0;
    if (level->lines.n_slots > SPARE_SLOTS) {
        tr_idmap_finish(&level->lines);
    }
    if (level->arrivals.strays.n_room > SPARE_ROOM) {
        tr_lineup_finish(&level->arrivals);
    }
}

static void close_line_if_empty(tr_request_queue_t *self, tr_queue_line_t *line)
{
    if (line->order.n_items > 0) {
        return;
    }
    tr_queue_level_t *level = line->level;
    unlink_turn(line);
    tr_idmap_take(&level->lines, line->peer);
    keep_spare(self, line);
    if (!level->first_line) {
        rest_level(level);
    }
}

/* ---- in and out ---- */

/* The line that has the envelope now; NULL when out of memory, and all is as before. */
static tr_queue_line_t *put_in(tr_request_queue_t *self, tr_envelope_t *envelope)
{
    tr_queue_level_t *level = &self->levels[level_index(envelope->priority)];
    tr_queue_line_t *line = tr_idmap_get(&level->lines, envelope->peer);
    if (!line) {
        line = open_line(self, level, envelope->peer);
    }
    if (!line) {
        return NULL;
    }
    tr_lineup_push(&line->order, envelope);
    tr_lineup_push(&level->arrivals, envelope);
    envelope->line = line;
    self->n_waiting++;
    return line;
}

static void take_out(tr_request_queue_t *self, tr_envelope_t *envelope)
{
    tr_queue_line_t *line = envelope->line;
    tr_lineup_remove(&line->order, envelope);
    tr_lineup_remove(&line->level->arrivals, envelope);
    envelope->line = NULL;
    self->n_waiting--;
    close_line_if_empty(self, line);
}

/* Take the first of a line, which then waits for its next turn. */
static tr_envelope_t *serve(tr_request_queue_t *self, tr_queue_line_t *line)
{
    unlink_turn(line);
    append_turn(line);
    tr_envelope_t *envelope = tr_lineup_first(&line->order);
    take_out(self, envelope);
    return envelope;
}

/* ---- which priority is next ---- */

/* The levels where something waits, in the order of service; says how many. */
static size_t rank_levels(tr_request_queue_t *self, tr_queue_level_t *ranked[TR_QUEUE_LEVELS])
{
    size_t n_ranked = 0;
    for (int is_due = 1; is_due >= 0; is_due--) {
        for (size_t i = 0; i < TR_QUEUE_LEVELS; i++) {
            tr_queue_level_t *level = &self->levels[i];
            if (level->first_line && (level->n_passed_over >= TR_QUEUE_PATIENCE) == is_due) {
                ranked[n_ranked++] = level;
            }
        }
    }
    return n_ranked;
}

static void count_turn(tr_request_queue_t *self, tr_queue_level_t *served)
{
    served->n_passed_over = 0;
    for (tr_queue_level_t *level = served + 1; level < self->levels + TR_QUEUE_LEVELS;
         level++) {
        level->n_passed_over += level->first_line != NULL;
    }
}

/* ---- the queue ---- */

void tr_request_queue_init(tr_request_queue_t *self)
{
    assert(self);
    *self = (tr_request_queue_t){0};
    for (size_t i = 0; i < TR_QUEUE_LEVELS; i++) {
        tr_idmap_init(&self->levels[i].lines);
        tr_lineup_init(&self->levels[i].arrivals, is_older, arrival_of, arrival_stray_of);
    }
}

void tr_request_queue_finish(tr_request_queue_t *self)
{
    assert(self && self->n_waiting == 0);
    for (size_t i = 0; i < TR_QUEUE_LEVELS; i++) {
        tr_idmap_finish(&self->levels[i].lines);
        tr_lineup_finish(&self->levels[i].arrivals);
    }
    while (self->spares) {
        tr_queue_line_t *line = take_spare(self);
        tr_lineup_finish(&line->order);
        free(line);
    }
}

troupe_status_t tr_request_queue_push(tr_request_queue_t *self, tr_envelope_t *envelope)
{
    assert(self && envelope && !envelope->line);
    return put_in(self, envelope) ? TROUPE_OK : TROUPE_ERR_NOMEM;
}

troupe_status_t tr_request_queue_return(tr_request_queue_t *self, tr_envelope_t *envelope)
{
    assert(self && envelope && !envelope->line);
    tr_queue_line_t *line = put_in(self, envelope);
    if (!line) {
        return TROUPE_ERR_NOMEM;
    }
    unlink_turn(line);
    prepend_turn(line);
    return TROUPE_OK;
}

tr_envelope_t *tr_request_queue_pop(tr_request_queue_t *self)
{
    assert(self);
    tr_queue_level_t *ranked[TR_QUEUE_LEVELS];
    if (rank_levels(self, ranked) == 0) {
        return NULL;
    }
    count_turn(self, ranked[0]);
    return serve(self, ranked[0]->first_line);
}

tr_envelope_t *tr_request_queue_pop_like(tr_request_queue_t *self, const tr_envelope_t *like)
{
    assert(self && like);
    tr_queue_level_t *ranked[TR_QUEUE_LEVELS];
    size_t n_ranked = rank_levels(self, ranked);
    size_t n_looks = 0;
    for (size_t i = 0; i < n_ranked; i++) {
        for (tr_queue_line_t *line = ranked[i]->first_line; line; line = line->behind) {
            if (n_looks++ == TR_QUEUE_LOOKS) {
                return NULL;
            }
            const tr_envelope_t *head = tr_lineup_first(&line->order);
            if (strcmp(head->method, like->method) == 0) {
                return serve(self, line);
            }
        }
    }
    return NULL;
}

tr_envelope_t *tr_request_queue_victim(const tr_request_queue_t *self,
                                       troupe_priority_t newcomer)
{
    assert(self);
    for (size_t i = TR_QUEUE_LEVELS; i-- > level_index(newcomer);) {
        tr_envelope_t *oldest = tr_lineup_first(&self->levels[i].arrivals);
        if (oldest) {
            return oldest;
        }
    }
    return NULL;
}

void tr_request_queue_remove(tr_request_queue_t *self, tr_envelope_t *envelope)
{
    assert(self && envelope && envelope->line);
    take_out(self, envelope);
}

tr_envelope_t *tr_request_queue_any(const tr_request_queue_t *self)
{
    return tr_request_queue_victim(self, TROUPE_PRIORITY_CRITICAL);
}

size_t tr_request_queue_count(const tr_request_queue_t *self)
{
    assert(self);
    return self->n_waiting;
}

void tr_request_queue_each(const tr_request_queue_t *self,
                           void (*visit)(void *arg, void *envelope), void *arg)
{
    assert(self && visit);
    for (size_t i = 0; i < TR_QUEUE_LEVELS; i++) {
        tr_lineup_each(&self->levels[i].arrivals, visit, arg);
    }
}
