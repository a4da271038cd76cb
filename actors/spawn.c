/* A child can be referred to before it is there: its reference is made here, with the path of
 * its supervisor-to-be, which claims it when it starts the child.
 */

#include "actors/spawn.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/control.h"
#include "base/utf8.h"

#define PARENT_IN_A_NAME 48 /* bytes of it, in the name of a child that was given none */

/* ---- the letter ---- */

static void destroy(tr_letter_t *letter)
{
    tr_spawn_t *self = (tr_spawn_t *)letter;
    tr_keepsake_release(&self->keepsake);
    free(self);
}

const tr_letter_type_t tr_spawn_type = {"spawn", destroy};

tr_spawn_t *tr_spawn_in(tr_letter_t *letter)
{
    assert(letter);
    return letter->type == &tr_spawn_type ? (tr_spawn_t *)letter : NULL;
}

/* Takes the share of the keepsake. */
static tr_spawn_t *spawn_new(const tr_offspring_t *what, tr_keepsake_t *keepsake)
{
    tr_spawn_t *self = calloc(1, sizeof *self);
    if (!self) {
        tr_keepsake_release(&keepsake);
        return NULL;
    }
    tr_letter_init(&self->letter, &tr_spawn_type, sizeof *self);
    self->what = what;
    self->keepsake = keepsake;
    return self;
}

/* ---- what is to be started ---- */

static size_t count_args(const char *const *args, size_t *bytes_out)
{
    size_t n = 0;
    *bytes_out = 0;
    for (; args && args[n]; n++) {
        *bytes_out += strlen(args[n]) + 1;
    }
    return n;
}

/* The texts lie behind the items. */
static void copy_args(tr_offspring_t *self, const char *const *args, size_t n_texts)
{
    tr_arg_t *items = (tr_arg_t *)(self + 1);
    char *text = (char *)(items + n_texts / 2);
    for (size_t i = 0; i < n_texts; i++) {
        size_t size = strlen(args[i]) + 1;
        memcpy(text, args[i], size);
        *(i % 2 == 0 ? &items[i / 2].key : &items[i / 2].value) = text;
        text += size;
    }
    self->plan.args.items = items;
    self->plan.args.n_items = n_texts / 2;
}

static tr_offspring_t *offspring_new(const troupe_worker_t *parent, const troupe_child_t *child,
                                     const char *name)
{
    size_t n_bytes;
    size_t n_texts = count_args(child->args, &n_bytes);
    tr_offspring_t *self = calloc(1, sizeof *self + n_texts / 2 * sizeof(tr_arg_t) + n_bytes);
    if (self) {
        snprintf(self->name, sizeof self->name, "%s", name);
        self->plan = (tr_worker_plan_t){
            .behaviour = child->behaviour,
            .known_as = child->spawns > 0 ? self->name : NULL,
            .idle_after_ms = parent->plan->idle_after_ms,
            .is_lasting = true,
            .spawns = child->spawns,
        };
        copy_args(self, child->args, n_texts);
        self->restart = child->restart;
        self->shutdown_ms = child->shutdown_ms;
        self->spawns = child->spawns;
    }
    return self;
}

static tr_keepsake_t *keep(tr_offspring_t *offspring)
{
    tr_keepsake_t *keepsake = offspring ? tr_keepsake_new(offspring, free) : NULL;
    if (!keepsake) {
        free(offspring);
    }
    return keepsake;
}

/* ---- where ---- */

static void join(char *text, size_t size, const char *home, const char *name)
{
    snprintf(text, size, "%s%c%s", home, TR_PATH_SEPARATOR, name);
}

typedef struct nest {
    char name[96]; /* of the supervisor of the children */
    char *path;
} nest_t;

static bool find_nest(const troupe_worker_t *self, nest_t *nest)
{
    snprintf(nest->name, sizeof nest->name, "%.80s" TR_CHILDREN_SUFFIX, self->self->name);
    const char *home = self->self->home;
    size_t size = home ? strlen(home) + sizeof nest->name + 2 : 0;
    nest->path = home ? malloc(size) : NULL;
    if (nest->path) {
        join(nest->path, size, home, nest->name);
    }
    return nest->path != NULL;
}

/* One that spawns itself has a supervisor of its name around it. */
static troupe_status_t claim(const troupe_worker_t *self, const nest_t *nest,
                             const tr_offspring_t *what, troupe_ref_t **out)
{
    tr_directory_t *directory = self->self->runtime->directory;
    troupe_ref_t *known = tr_directory_refer(directory, tr_span_of(what->name));
    if (known) { /* perhaps a child that is being restarted */
        troupe_ref_release(&known);
        return TROUPE_EXISTS;
    }
    if (what->spawns == 0) {
        return tr_directory_claim(directory, what->name, nest->path, TR_WORKER_MAILBOX_LIMITS,
                                  true, out);
    }
    size_t size = strlen(nest->path) + sizeof what->name + 2;
    char *path = malloc(size);
    if (!path) {
        return TROUPE_ERR_NOMEM;
    }
    join(path, size, nest->path, what->name);
    troupe_status_t status =
        tr_directory_claim(directory, what->name, path, TR_WORKER_MAILBOX_LIMITS, true, out);
    free(path);
    return status;
}

/* ---- what behaviours call ---- */

/* What people can read, and a path of names can be made of. */
static bool is_name(const char *name)
{
    size_t left = strlen(name);
    bool is_fine = left > 0 && left <= TR_CHILD_NAME_MAX;
    while (is_fine && left > 0) {
        size_t size = tr_utf8_size(name, left);
        is_fine = size > 0 && (unsigned char)*name >= ' ' && *name != 0x7f;
        name += size;
        left -= size;
    }
    return is_fine;
}

static bool is_fit(const troupe_child_t *child)
{
    size_t n_bytes;
    return child->behaviour && child->behaviour->receive &&
           count_args(child->args, &n_bytes) % 2 == 0 && child->shutdown_ms >= 0 &&
           (!child->name || is_name(child->name));
}

static void name_after(troupe_worker_t *self, char *name, size_t size)
{
    const char *parent = self->self->name;
    size_t shown = tr_utf8_cut((tr_span_t){parent, strlen(parent)}, PARENT_IN_A_NAME);
    snprintf(name, size, "%.*s/%llu", (int)shown, parent,
             (unsigned long long)++self->n_spawned);
}

/* Takes the share of the keepsake. */
static troupe_status_t tell(const troupe_worker_t *self, const nest_t *nest,
                            const tr_offspring_t *what, tr_keepsake_t *keepsake)
{
    tr_spawn_t *spawn = spawn_new(what, keepsake);
    if (!spawn) {
        return TROUPE_ERR_NOMEM;
    }
    tr_letter_t *letter = &spawn->letter;
    tr_mailbox_t *to = tr_directory_find(self->self->runtime->directory, TR_NAMES_ACTOR,
                                         tr_span_of(nest->name));
    troupe_status_t status = to ? tr_mailbox_post(to, TR_LANE_CONTROL, &letter) : TROUPE_CLOSED;
    tr_mailbox_release(&to);
    if (letter) {
        tr_letter_destroy(&letter);
    }
    return status == TROUPE_CLOSED ? TROUPE_NOT_FOUND : status;
}

static troupe_status_t spawn_as(troupe_worker_t *self, const nest_t *nest,
                                const troupe_child_t *child, const char *name,
                                troupe_ref_t **out)
{
    tr_offspring_t *what = offspring_new(self, child, name);
    tr_keepsake_t *keepsake = keep(what);
    if (!keepsake) {
        return TROUPE_ERR_NOMEM;
    }
    troupe_ref_t *ref;
    troupe_status_t status = claim(self, nest, what, &ref);
    if (status != TROUPE_OK) {
        tr_keepsake_release(&keepsake);
        return status;
    }
    status = tell(self, nest, what, keepsake);
    if (status == TROUPE_OK) {
        *out = ref;
        return TROUPE_OK;
    }
    troupe_ref_t *known = tr_directory_take_out(self->self->runtime->directory, ref);
    if (known) {
        tr_runtime_bury(self->self->runtime, known, "it was not started");
    }
    troupe_ref_release(&ref);
    return status;
}

/* One without a name of its own takes the next that nobody has. */
static troupe_status_t spawn_in(troupe_worker_t *self, const nest_t *nest,
                                const troupe_child_t *child, troupe_ref_t **out)
{
    if (child->name) {
        return spawn_as(self, nest, child, child->name, out);
    }
    troupe_status_t status;
    do {
        char name[TR_CHILD_NAME_MAX + 16];
        name_after(self, name, sizeof name);
        status = spawn_as(self, nest, child, name, out);
    } while (status == TROUPE_EXISTS);
    return status;
}

troupe_status_t troupe_spawn(troupe_worker_t *self, const troupe_child_t *child,
                             troupe_ref_t **out)
{
    assert(self && child && out);
    if (!is_fit(child)) {
        return TROUPE_ERR_INVALID;
    }
    nest_t nest;
    if (self->plan->spawns == 0) {
        return TROUPE_NOT_FOUND;
    }
    if (!find_nest(self, &nest)) {
        return TROUPE_ERR_NOMEM;
    }
    troupe_status_t status = spawn_in(self, &nest, child, out);
    free(nest.path);
    return status;
}

/* The name of one that is over may be that of another one by now. Of one that lives it is its
 * own when the word arrives, as what this actor spawns comes behind it. */
void troupe_stop_child(troupe_worker_t *self, const troupe_ref_t *child)
{
    assert(self);
    nest_t nest;
    if (!child || troupe_ref_is_over(child) || self->plan->spawns == 0 ||
        !find_nest(self, &nest)) {
        return;
    }
    tr_mailbox_t *to = tr_directory_find(self->self->runtime->directory, TR_NAMES_ACTOR,
                                         tr_span_of(nest.name));
    tr_control_t *word = to ? tr_control_new(TR_WORD_STOP_CHILD, 0) : NULL;
    if (word) {
        snprintf(word->name, sizeof word->name, "%s", troupe_ref_name(child));
        tr_control_send(word, to);
    }
    tr_mailbox_release(&to);
    free(nest.path);
}
