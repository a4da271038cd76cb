/* An actor that watches others, is tied to them, and is among others, as those who send to it
 * say: frame 0 of a message is the verb, the others are its words. What it learns it notes, a
 * line each, and tells who asks.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/actor.h>

typedef struct watcher {
    char *notes;
    size_t size;
    uint64_t monitor; /* the last one */
    bool insists;     /* when one is down, it monitors that one again */
    bool puts_aside;  /* notices, until it is told to take them */
} watcher_t;

enum { FINE = 0, BROKEN = -1 };

static void note(watcher_t *watcher, const char *text)
{
    size_t length = strlen(text);
    char *longer = realloc(watcher->notes, watcher->size + length + 2);
    if (!longer) {
        abort();
    }
    watcher->notes = longer;
    memcpy(longer + watcher->size, text, length);
    watcher->size += length;
    longer[watcher->size++] = '\n';
    longer[watcher->size] = '\0';
}

static char *word(const troupe_message_t *message, size_t index)
{
    char *text = index < troupe_message_count(message) ? troupe_message_text(message, index)
                                                       : strdup("");
    if (!text) {
        abort();
    }
    return text;
}

static void note_status(watcher_t *watcher, const char *verb, troupe_status_t status)
{
    char text[80];
    snprintf(text, sizeof text, "%s: %s", verb, troupe_status_name(status));
    note(watcher, text);
}

static int monitor(troupe_worker_t *self, watcher_t *watcher, troupe_ref_t *whom)
{
    troupe_status_t status = troupe_monitor(self, whom, &watcher->monitor);
    return status == TROUPE_OK ? FINE : BROKEN;
}

static int take_down(troupe_worker_t *self, const troupe_message_t *message, watcher_t *watcher)
{
    if (watcher->puts_aside) {
        note(watcher, "put aside");
        return troupe_stash(self) == TROUPE_OK ? FINE : BROKEN;
    }
    troupe_reason_t reason = troupe_message_reason(message);
    troupe_ref_t *whom = troupe_message_sender(message);
    char text[400];
    snprintf(text, sizeof text, "down %s %d %d %s", troupe_ref_name(whom), (int)reason.kind,
             reason.code, reason.text);
    note(watcher, text);
    return watcher->insists ? monitor(self, watcher, whom) : FINE;
}

/* So many messages, in which it counts, and then its end. */
static int say_and_go(troupe_worker_t *self, const char *to, const char *count, const char *how)
{
    for (long i = 1; i <= strtol(count, NULL, 10); i++) {
        char text[40];
        snprintf(text, sizeof text, "%ld", i);
        troupe_message_t *message = troupe_message_from_text(text);
        if (troupe_send_named(self, to, &message) != TROUPE_OK) {
            return BROKEN;
        }
    }
    if (strcmp(how, "end") == 0) {
        troupe_worker_end(self);
    }
    return strcmp(how, "fail") == 0 ? BROKEN : FINE;
}

static void publish(troupe_worker_t *self, watcher_t *watcher, const char *group,
                    const char *text)
{
    troupe_message_t *message = troupe_message_from_text(text);
    char line[60];
    snprintf(line, sizeof line, "told %zu", troupe_publish(self, group, &message));
    note(watcher, line);
}

static int act_on(troupe_worker_t *self, watcher_t *watcher, const char *verb, const char *name)
{
    troupe_ref_t *whom = troupe_find(self, name);
    int result = FINE;
    if (strcmp(verb, "monitor") == 0) {
        result = monitor(self, watcher, whom);
    } else if (strcmp(verb, "link") == 0) {
        result = troupe_link(self, whom) == TROUPE_OK ? FINE : BROKEN;
    } else {
        troupe_unlink(self, whom);
    }
    troupe_ref_release(&whom);
    return result;
}

static bool is_one_of(const char *verb, const char *verbs)
{
    return strstr(verbs, verb) != NULL;
}

static int obey(troupe_worker_t *self, const troupe_message_t *message, watcher_t *watcher,
                const char *verb, const char *name)
{
    int result = FINE;
    if (is_one_of(verb, "monitor link unlink")) {
        result = act_on(self, watcher, verb, name);
    } else if (strcmp(verb, "demonitor") == 0) {
        note(watcher, troupe_demonitor(self, watcher->monitor) ? "it was open" : "it was not");
    } else if (strcmp(verb, "monitor me") == 0) {
        result = monitor(self, watcher, troupe_message_sender(message));
    } else if (strcmp(verb, "insist") == 0) {
        watcher->insists = true;
    } else if (strcmp(verb, "aside") == 0) {
        watcher->puts_aside = true;
    } else if (strcmp(verb, "take") == 0) {
        watcher->puts_aside = false;
        troupe_unstash(self);
    } else if (strcmp(verb, "join") == 0) {
        note_status(watcher, verb, troupe_join(self, name));
    } else if (strcmp(verb, "leave") == 0) {
        note_status(watcher, verb, troupe_leave(self, name));
    } else if (strcmp(verb, "publish") == 0) {
        char *text = word(message, 2);
        publish(self, watcher, name, text);
        free(text);
    } else if (strcmp(verb, "say") == 0) {
        char *count = word(message, 2);
        char *how = word(message, 3);
        result = say_and_go(self, name, count, how);
        free(count);
        free(how);
    } else if (strcmp(verb, "end") == 0) {
        troupe_worker_end(self);
    } else if (strcmp(verb, "fail") == 0) {
        troupe_worker_explain(self, "as it was told");
        result = BROKEN;
    } else {
        note(watcher, verb);
    }
    return result;
}

static int receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    watcher_t *watcher = state;
    if (troupe_message_kind(message) == TROUPE_MESSAGE_DOWN) {
        return take_down(self, message, watcher);
    }
    if (troupe_message_kind(message) == TROUPE_MESSAGE_ASK) {
        troupe_message_t *answer =
            troupe_message_from_text(watcher->notes ? watcher->notes : "");
        troupe_answer(self, &answer);
        return FINE;
    }
    char *verb = word(message, 0);
    char *name = word(message, 1);
    int result = obey(self, message, watcher, verb, name);
    free(verb);
    free(name);
    return result;
}

/* What it is to do from its beginning. */
static int init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    watcher_t *watcher = calloc(1, sizeof *watcher);
    const char *group = troupe_args_get(args, "joins");
    const char *name = troupe_args_get(args, "monitors");
    *state_p = watcher;
    if (!watcher || (group && troupe_join(self, group) != TROUPE_OK) ||
        (name && act_on(self, watcher, "monitor", name) != FINE)) {
        return BROKEN;
    }
    return TROUPE_INIT_OK;
}

static void terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    watcher_t *watcher = *state_p;
    free(watcher->notes);
    free(watcher);
}

static const troupe_behaviour_t watching = {
    .name = "watching",
    .init = init,
    .receive = receive,
    .terminate = terminate,
};

TROUPE_MODULE(watching);
