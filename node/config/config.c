/* The steps of reading, one file each: bytes to a safe document (config/yaml.c), document to
 * description as the schema says (config/tree.c, config/value.c), and what is legal but
 * impossible (config/check.c). This file joins them, fills the defaults that depend on other
 * keys, and owns the description.
 *
 * Always true: a description that leaves this file is whole; one that is not dies here.
 */

#include "node/config/config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/machine.h"
#include "base/text.h"
#include "node/config/budget.h"
#include "node/config/check.h"
#include "node/config/notes.h"
#include "node/config/resources.h"
#include "node/config/schedule.h"
#include "node/config/security.h"
#include "node/config/tree.h"
#include "node/config/yaml.h"

static void finish_args(tr_config_args_t *args)
{
    for (size_t i = 0; i < args->n; i++) {
        free(args->items[i].key);
        free(args->items[i].value);
    }
    free(args->items);
}

static void finish_words(tr_config_words_t *words)
{
    for (size_t i = 0; i < words->n; i++) {
        free(words->items[i]);
    }
    free(words->items);
}

static void finish_rights(tr_config_rights_t *rights)
{
    finish_words(&rights->call);
    finish_words(&rights->offer);
    finish_words(&rights->actors);
}

static void finish_child(tr_config_child_t *child)
{
    for (size_t i = 0; i < child->n_children; i++) {
        finish_child(&child->children[i]);
    }
    finish_args(&child->args);
    finish_args(&child->env);
    finish_args(&child->needs);
    finish_words(&child->command);
    free(child->directory);
    free(child->limit_cpus);
    free(child->name);
    free(child->module);
    free(child->children);
}

void tr_config_destroy(tr_config_t **self_p)
{
    assert(self_p);
    tr_config_t *self = *self_p;
    if (!self) {
        return;
    }
    for (size_t i = 0; i < self->n_listeners; i++) {
        free(self->listeners[i].endpoint);
        free(self->listeners[i].owner);
        finish_rights(&self->listeners[i].rights);
    }
    for (size_t i = 0; i < self->n_peers; i++) {
        free(self->peers[i].name);
        free(self->peers[i].key);
        finish_rights(&self->peers[i].rights);
    }
    free(self->peers);
    free(self->security_key);
    for (size_t i = 0; i < self->n_errands; i++) {
        free(self->schedule[i].evict);
        free(self->schedule[i].restart);
        free(self->schedule[i].scale);
    }
    free(self->schedule);
    free(self->http);
    finish_args(&self->resources);
    finish_child(&self->root);
    free(self->listeners);
    free(self->path);
    free(self->name);
    free(self);
    *self_p = NULL;
}

/* How many workers may come by themselves, when nothing is said. */
#define REMOTE_MAX 1000

static void complete_child(tr_config_notes_t *notes, tr_config_child_t *child)
{
    const tr_config_mark_t *module = tr_config_notes_find(notes, &child->module);
    if (module) {
        child->module_place = module->place;
    }
    if (child->command.n > 0 && !tr_config_notes_find(notes, &child->isolation)) {
        child->isolation = TR_CONFIG_PROCESS;
    }
    if (child->kind == TR_CONFIG_CAPABILITY) {
        if (tr_config_is_remote_only(child) &&
            !tr_config_notes_find(notes, &child->workers_min)) {
            child->workers_min = 0;
        }
        if (!tr_config_notes_find(notes, &child->workers_max)) {
            child->workers_max = tr_config_is_remote_only(child) ? REMOTE_MAX
                                 : child->workers_min > 1        ? child->workers_min
                                                                 : 1;
        }
        /* A large pool sees more faults in a day, and that is no worse for each worker. */
        if (!tr_config_notes_find(notes, &child->intensity_restarts)) {
            child->intensity_restarts = 5 + 2 * child->workers_max;
        }
        if (child->batch_max == 0 || tr_config_is_remote_only(child)) {
            child->batch_max = 1; /* an empty `batch` has no key that could be refused */
            child->batch_window_ms = 0;
        }
    } else if (child->kind == TR_CONFIG_ACTOR && child->intensity_period_ms == 0) {
        child->intensity_restarts = -1;
    }
    for (size_t i = 0; i < child->n_children; i++) {
        complete_child(notes, &child->children[i]);
    }
}

/* The name of this host as far as it is a valid name, or "node". */
static char *default_name(void)
{
    char host[65] = "";
    if (gethostname(host, sizeof host - 1) != 0) {
        host[0] = '\0';
    }
    for (size_t size = strlen(host); size > 0; size--) {
        host[size] = '\0';
        if (tr_text_is_name(host)) {
            return strdup(host);
        }
    }
    return strdup("node");
}

static void complete_errand(tr_config_notes_t *notes, tr_config_errand_t *errand)
{
    if (!tr_config_notes_find(notes, &errand->min)) {
        errand->min = -1;
    }
    if (!tr_config_notes_find(notes, &errand->max)) {
        errand->max = -1;
    }
}

static void complete_limits(tr_config_notes_t *notes, tr_config_limits_t *limits)
{
    if (!tr_config_notes_find(notes, &limits->message)) {
        limits->message = limits->frame;
    }
    if (!tr_config_notes_find(notes, &limits->burst) || limits->burst == 0) {
        limits->burst = limits->rate;
    }
}

/* Fill what the file may leave out and the schema cannot know. */
static void complete(tr_config_notes_t *notes, tr_config_t *config)
{
    config->root.name = strdup("root");
    if (!config->name) {
        config->name = default_name();
    }
    notes->nomem |= !config->root.name || !config->name;
    config->http_place = tr_config_notes_place(notes, &config->http, (tr_config_place_t){1, 1});
    for (size_t i = 0; i < config->n_listeners; i++) {
        complete_limits(notes, &config->listeners[i].limits);
    }
    tr_config_complete_security(notes, config);
    for (size_t i = 0; i < config->n_errands; i++) {
        complete_errand(notes, &config->schedule[i]);
    }
    complete_child(notes, &config->root);
}

typedef void(read_tree_fn)(tr_config_notes_t *notes, yaml_document_t *document,
                           tr_config_t *out);

/* False: it is no YAML. */
static bool read_text(read_tree_fn *read_tree, tr_config_notes_t *notes, const char *text,
                      size_t size, tr_config_t *config)
{
    yaml_document_t document;
    if (!tr_config_yaml_load(text, size, notes, &document)) {
        return false;
    }
    read_tree(notes, &document, config);
    yaml_document_delete(&document);
    complete(notes, config);
    tr_config_check(notes, config);
    tr_config_check_security(notes, config);
    return true;
}

/* What a description is held against. */
typedef struct ground {
    tr_machine_memory_t there;
    const tr_config_t *node; /* whose child it is to be; NULL: nobody knows */
} ground_t;

static void check_against(const ground_t *ground, read_tree_fn *read_tree,
                          tr_config_notes_t *notes, const tr_config_t *config)
{
    if (read_tree == tr_config_tree_read) {
        tr_config_check_resources(notes, config);
        tr_config_check_schedule(notes, config);
        tr_config_check_budget(notes, config, ground->there);
    } else if (ground->node) {
        tr_config_check_needs(notes, config, ground->node);
        tr_config_check_share(notes, config, ground->node, ground->there);
    }
}

static troupe_status_t read_config(read_tree_fn *read_tree, const ground_t *ground,
                                   const char *file, const char *text, size_t size,
                                   troupe_problem_fn *report, void *arg, tr_config_t **out)
{
    tr_config_t *config = calloc(1, sizeof *config);
    if (!config) {
        return TROUPE_ERR_NOMEM;
    }
    tr_config_notes_t notes;
    tr_config_notes_init(&notes);
    if (read_text(read_tree, &notes, text, size, config)) {
        check_against(ground, read_tree, &notes, config);
    }
    troupe_status_t status = tr_config_notes_report(&notes, file, report, arg);
    tr_config_notes_finish(&notes);
    if (status == TROUPE_OK) {
        *out = config;
    } else {
        tr_config_destroy(&config);
    }
    return status;
}

troupe_status_t tr_config_read(const char *file, const char *text, size_t size,
                               troupe_problem_fn *report, void *arg, tr_config_t **out)
{
    assert(file && (text || size == 0) && out);
    return tr_config_read_for(tr_machine_memory(""), file, text, size, report, arg, out);
}

troupe_status_t tr_config_read_for(tr_machine_memory_t there, const char *file,
                                   const char *text, size_t size, troupe_problem_fn *report,
                                   void *arg, tr_config_t **out)
{
    assert(file && (text || size == 0) && out);
    return read_config(tr_config_tree_read, &(ground_t){.there = there}, file, text, size,
                       report, arg, out);
}

troupe_status_t tr_config_read_child(const char *file, const char *text, size_t size,
                                     const tr_config_t *node, troupe_problem_fn *report,
                                     void *arg, tr_config_t **out)
{
    assert(file && (text || size == 0) && out);
    const ground_t ground = {
        .there = node ? tr_machine_memory("") : (tr_machine_memory_t){0},
        .node = node,
    };
    return read_config(tr_config_tree_read_child, &ground, file, text, size, report, arg, out);
}

/* Read at most `size` bytes of a file of any kind; -1 with errno when that fails. */
static ssize_t read_bytes(const char *path, char *buffer, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    size_t used = 0;
    ssize_t got = 1;
    while (used < size && got != 0) {
        got = read(fd, buffer + used, size - used);
        if (got < 0 && errno != EINTR) {
            break;
        }
        used += got > 0 ? (size_t)got : 0;
    }
    int error = errno;
    close(fd);
    errno = error;
    return got < 0 ? -1 : (ssize_t)used;
}

static troupe_status_t report_unreadable(const char *path, troupe_problem_fn *report, void *arg)
{
    char *line = NULL;
    if (report && asprintf(&line, "%s: error: %s", path, strerror(errno)) < 0) {
        return TROUPE_ERR_NOMEM;
    }
    if (report) {
        report(arg, line);
    }
    free(line);
    return TROUPE_ERR_IO;
}

troupe_status_t tr_config_read_file(const char *path, troupe_problem_fn *report, void *arg,
                                    tr_config_t **out)
{
    assert(path && out);
    /* One byte too many tells a file that is too large from one that just fits. */
    const size_t room = TR_CONFIG_BYTES_MAX + 1;
    char *text = malloc(room);
    if (!text) {
        return TROUPE_ERR_NOMEM;
    }
    ssize_t size = read_bytes(path, text, room);
    troupe_status_t status = size < 0
                                 ? report_unreadable(path, report, arg)
                                 : tr_config_read(path, text, (size_t)size, report, arg, out);
    free(text);
    if (status == TROUPE_OK) {
        (*out)->path = strdup(path);
    }
    if (status == TROUPE_OK && !(*out)->path) {
        tr_config_destroy(out);
        return TROUPE_ERR_NOMEM;
    }
    return status;
}

/* Take the argument of that key out of the list, or give another of nothing. */
static bool take_arg(tr_config_args_t *args, const char *key, tr_config_arg_t *out)
{
    for (size_t i = 0; i < args->n; i++) {
        if (strcmp(args->items[i].key, key) == 0) {
            *out = args->items[i];
            memmove(&args->items[i], &args->items[i + 1],
                    (args->n - i - 1) * sizeof *args->items);
            args->n--;
            return true;
        }
    }
    *out = (tr_config_arg_t){strdup(key), strdup("0")};
    return out->key && out->value;
}

bool tr_config_keep_resources(tr_config_t *self, const tr_config_t *before)
{
    assert(self && before);
    tr_config_args_t kept = {0};
    kept.items = calloc(before->resources.n + self->resources.n + 1, sizeof *kept.items);
    bool is_kept = kept.items != NULL;
    for (size_t i = 0; is_kept && i < before->resources.n; i++) {
        is_kept =
            take_arg(&self->resources, before->resources.items[i].key, &kept.items[kept.n++]);
    }
    if (!is_kept) {
        finish_args(&kept);
        return false;
    }
    for (size_t i = 0; i < self->resources.n; i++) {
        kept.items[kept.n++] = self->resources.items[i];
    }
    free(self->resources.items);
    self->resources = kept;
    return true;
}
