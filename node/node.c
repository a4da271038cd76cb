/* The public face of a node. The tree lives in threads of its own; what this file does is
 * prepare it, hand it to its keeper, and wait for the keeper's words.
 */

#include "node/node.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "mailbox/mail.h"
#include "node/config/print.h"
#include "node/keeper.h"
#include "node/preflight.h"
#include "node/reload/reload.h"

#define MAILBOX_LETTERS 1000
#define MAILBOX_BYTES   ((size_t)1 << 20)

/* After `drain-timeout` each child is bounded by its own `shutdown`; this bounds a bug. */
#define DESTROY_PATIENCE_MS 120000

/* A thread that has said that it ended needs no longer than this to be gone. */
#define LAST_STEPS_MS 2000

/* ---- preparing ---- */

void tr_node_read_log_settings(void)
{
    const char *name = getenv("TROUPE_LOG_LEVEL");
    tr_log_level_t level;
    if (name && tr_log_level_parse(name, &level) == TROUPE_OK) {
        tr_log_set_level(level);
    }
    const char *format = getenv("TROUPE_LOG_FORMAT");
    if (format) {
        tr_log_set_format(strcmp(format, "json") == 0 ? TR_LOG_JSON : TR_LOG_LOGFMT);
    }
}

troupe_node_t *troupe_node_new(void)
{
    tr_node_read_log_settings();
    troupe_node_t *self = calloc(1, sizeof *self);
    if (self) {
        self->modules = tr_modules_new();
        self->mailbox =
            tr_mailbox_new("node", 0, (tr_mailbox_limits_t){MAILBOX_LETTERS, MAILBOX_BYTES});
        if (!self->modules || !self->mailbox) {
            troupe_node_destroy(&self);
        }
    }
    return self;
}

troupe_status_t troupe_node_register(troupe_node_t *self, const troupe_behaviour_t *behaviour)
{
    assert(self);
    return tr_modules_register(self->modules, behaviour);
}

troupe_status_t troupe_node_add_module_path(troupe_node_t *self, const char *folder)
{
    assert(self && folder);
    return tr_modules_add_path(self->modules, folder);
}

/* Takes the config, whatever becomes of it. */
static troupe_status_t accept_config(troupe_node_t *self, const char *name,
                                     troupe_status_t status, tr_config_t *config,
                                     troupe_problem_fn *report, void *arg)
{
    if (status == TROUPE_OK) {
        status = tr_preflight_build(config, name, report, arg);
    }
    if (status != TROUPE_OK) {
        tr_config_destroy(&config);
    } else {
        char *file = strdup(name);
        if (!file) {
            tr_config_destroy(&config);
            return TROUPE_ERR_NOMEM;
        }
        free(self->file);
        tr_config_destroy(&self->config);
        self->file = file;
        self->config = config;
    }
    return status;
}

/* Describing again after the start would pull the plan from under the tree. */
static bool is_describable(const troupe_node_t *self)
{
    return !self->plan;
}

troupe_status_t troupe_node_load_file(troupe_node_t *self, const char *path,
                                      troupe_problem_fn *report, void *arg)
{
    assert(self && path);
    if (!is_describable(self)) {
        return TROUPE_ERR_INVALID;
    }
    tr_config_t *config = NULL;
    troupe_status_t status = tr_config_read_file(path, report, arg, &config);
    return accept_config(self, path, status, config, report, arg);
}

troupe_status_t troupe_node_load_text(troupe_node_t *self, const char *name, const char *yaml,
                                      troupe_problem_fn *report, void *arg)
{
    assert(self && name && yaml);
    if (!is_describable(self)) {
        return TROUPE_ERR_INVALID;
    }
    tr_config_t *config = NULL;
    troupe_status_t status = tr_config_read(name, yaml, strlen(yaml), report, arg, &config);
    return accept_config(self, name, status, config, report, arg);
}

char *troupe_node_effective(const troupe_node_t *self)
{
    assert(self);
    char *text = NULL;
    size_t size = 0;
    FILE *out = self->config ? open_memstream(&text, &size) : NULL;
    if (!out) {
        return NULL;
    }
    tr_config_print(self->config, out);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* ---- starting ---- */

static troupe_status_t start_keeper(troupe_node_t *self)
{
    zsys_init();
    zsys_handler_set(NULL); /* signals belong to the program */
    self->runtime = tr_runtime_new(self->config->name);
    if (!self->runtime) {
        return TROUPE_ERR_NOMEM;
    }
    self->runtime->keepsake = tr_plan_keep(self->plan);
    if (!self->runtime->keepsake) {
        tr_runtime_release(&self->runtime);
        return TROUPE_ERR_NOMEM;
    }
    self->runtime->spin_us = self->config->spin_us;
    self->runtime->max_actors = tr_preflight_most_actors(self);
    tr_quarantine_set_limit(self->runtime->quarantine, (size_t)self->config->quarantine_limit);
    troupe_status_t status =
        tr_keeper_start(self->plan, self->runtime, self->mailbox, &self->keeper);
    if (status == TROUPE_OK) {
        self->keeper_mailbox = tr_mailbox_share(self->keeper->mailbox);
    }
    return status;
}

/* Everything up to the birth of the keeper; nothing is waited for. */
static troupe_status_t launch(troupe_node_t *self, troupe_problem_fn *report, void *arg)
{
    if (!self->config || self->plan) {
        return TROUPE_ERR_INVALID;
    }
    troupe_status_t status =
        tr_plan_new(self->config, self->file, self->modules, report, arg, &self->plan);
    if (status == TROUPE_ERR_INVALID) {
        return TROUPE_ERR_IO; /* a module: not the caller's fault */
    }
    if (status == TROUPE_OK) {
        status = tr_preflight_endpoints(self, report, arg);
    }
    if (status == TROUPE_OK) {
        status = tr_preflight_limits(self, report, arg);
    }
    return status == TROUPE_OK ? start_keeper(self) : status;
}

/* Take the keeper's words, as far as they are there. */
static void hear(troupe_node_t *self)
{
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(self->mailbox, NULL)) != NULL) {
        const tr_control_t *word = tr_control_in(letter);
        if (word && word->word == TR_WORD_STARTED) {
            self->was_ready = true;
        } else if (word && word->word == TR_WORD_ENDED) {
            self->has_ended = true;
            self->reason = word->reason;
        }
        tr_letter_destroy(&letter);
    }
}

/* Wait for a word, or for `descriptor` (-1: none) to be readable, up to `timeout_ms` (-1: no
 * bound). True when the descriptor is. */
static bool wait_for_word(troupe_node_t *self, int descriptor, int64_t timeout_ms)
{
    if (!tr_mailbox_park(self->mailbox)) {
        return false;
    }
    struct pollfd items[] = {
        {.fd = tr_mailbox_bell(self->mailbox), .events = POLLIN},
        {.fd = descriptor, .events = POLLIN},
    };
    int bounded_ms = timeout_ms < 0 ? -1 : timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms;
    int n_ready = poll(items, 2, bounded_ms);
    tr_mailbox_unpark(self->mailbox);
    return n_ready > 0 && items[1].revents != 0;
}

static void report_reason(const troupe_node_t *self, troupe_problem_fn *report, void *arg)
{
    char shown[TR_REASON_TEXT];
    tr_reason_show(&self->reason, shown, sizeof shown);
    tr_preflight_say(report, arg, self->file, shown);
}

troupe_status_t troupe_node_start(troupe_node_t *self, troupe_problem_fn *report, void *arg)
{
    assert(self);
    troupe_status_t status = launch(self, report, arg);
    while (status == TROUPE_OK && !self->was_ready && !self->has_ended) {
        hear(self);
        if (!self->was_ready && !self->has_ended) {
            wait_for_word(self, -1, -1); /* bounded by the children's `start-stall` */
        }
    }
    if (self->has_ended) {
        report_reason(self, report, arg);
        return TROUPE_CLOSED;
    }
    return status;
}

/* ---- running ---- */

void troupe_node_stop(troupe_node_t *self)
{
    assert(self);
    tr_control_t *stop = self->keeper_mailbox ? tr_control_new(TR_WORD_STOP, 0) : NULL;
    if (stop) {
        stop->reason = tr_reason_of(TROUPE_REASON_SHUTDOWN);
        tr_control_send(stop, self->keeper_mailbox);
    }
}

static troupe_status_t ask_to_reload(troupe_node_t *self, const char *name, const char *yaml)
{
    assert(self);
    tr_mailbox_t *admin = self->runtime
                              ? tr_directory_find(self->runtime->directory, TR_NAMES_CAPABILITY,
                                                  tr_span_of(TR_NAME_ADMIN))
                              : NULL;
    if (!admin) {
        return TROUPE_CLOSED;
    }
    tr_control_t *word = tr_reload_word(name, yaml);
    tr_control_send(word, admin);
    tr_mailbox_release(&admin);
    return word ? TROUPE_OK : TROUPE_ERR_NOMEM;
}

troupe_status_t troupe_node_reload(troupe_node_t *self)
{
    return ask_to_reload(self, NULL, NULL);
}

troupe_status_t troupe_node_reload_text(troupe_node_t *self, const char *name, const char *yaml)
{
    assert(name && yaml);
    return ask_to_reload(self, name, yaml);
}

static int exit_code(const troupe_node_t *self)
{
    return tr_reason_is_abnormal(&self->reason) ? TROUPE_EXIT_GAVE_UP : TROUPE_EXIT_OK;
}

troupe_status_t troupe_node_wait(troupe_node_t *self, int64_t timeout_ms, int *exit_out)
{
    assert(self && exit_out);
    if (!self->keeper) {
        return TROUPE_ERR_INVALID;
    }
    int64_t deadline_ms =
        timeout_ms < 0 ? TR_NEVER : tr_clock_after(tr_clock_real_ms(), timeout_ms);
    for (;;) {
        hear(self);
        if (self->has_ended) {
            *exit_out = exit_code(self);
            return TROUPE_OK;
        }
        int64_t now_ms = tr_clock_real_ms();
        if (now_ms >= deadline_ms) {
            return TROUPE_TIMEOUT;
        }
        wait_for_word(self, -1, deadline_ms == TR_NEVER ? -1 : deadline_ms - now_ms);
    }
}

/* A signal arrived: reload; or stop, and the second time, stop at once. */
static void take_signal(troupe_node_t *self, int descriptor)
{
    struct signalfd_siginfo info;
    if (read(descriptor, &info, sizeof info) != (ssize_t)sizeof info) {
        return;
    }
    tr_log(TR_LOG_INFO, "signal", TR_NUMBER("number", info.ssi_signo));
    if (info.ssi_signo != SIGHUP) {
        troupe_node_stop(self);
    } else if (troupe_node_reload(self) != TROUPE_OK) {
        tr_log(TR_LOG_WARNING, "reload_refused", TR_TEXT("reason", "the node does not run"));
    }
}

static int serve(troupe_node_t *self, int signals, troupe_problem_fn *report, void *arg)
{
    if (launch(self, report, arg) != TROUPE_OK) {
        return TROUPE_EXIT_FAILED;
    }
    for (hear(self); !self->has_ended; hear(self)) {
        if (wait_for_word(self, signals, -1)) {
            take_signal(self, signals);
        }
    }
    if (tr_reason_is_abnormal(&self->reason)) {
        report_reason(self, report, arg);
    }
    return exit_code(self);
}

int troupe_node_run(troupe_node_t *self, troupe_problem_fn *report, void *arg)
{
    assert(self);
    sigset_t wanted, before;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGTERM);
    sigaddset(&wanted, SIGINT);
    sigaddset(&wanted, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &wanted, &before);
    int signals = signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
    int code = signals < 0 ? TROUPE_EXIT_FAILED : serve(self, signals, report, arg);
    if (signals >= 0) {
        close(signals);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    tr_log_flush(1000);
    return code;
}

troupe_status_t troupe_node_send(troupe_node_t *self, const char *name,
                                 troupe_message_t **message_p)
{
    assert(self && name && message_p);
    if (!self->runtime) {
        troupe_message_destroy(message_p);
        return TROUPE_NOT_FOUND;
    }
    tr_mail_t *mail = tr_mail_new(message_p, NULL, NULL);
    return mail ? tr_runtime_post_named(self->runtime, name, TR_LANE_USER, mail)
                : TROUPE_ERR_NOMEM;
}

void troupe_node_destroy(troupe_node_t **self_p)
{
    assert(self_p);
    troupe_node_t *self = *self_p;
    if (!self) {
        return;
    }
    if (self->keeper) {
        int code;
        troupe_node_stop(self);
        if (troupe_node_wait(self, DESTROY_PATIENCE_MS, &code) != TROUPE_OK ||
            tr_actor_reap(&self->keeper, LAST_STEPS_MS) != TROUPE_OK) {
            tr_log(TR_LOG_ERROR, "node_did_not_end", TR_TEXT("node", self->runtime->node));
        }
        if (tr_quarantine_sweep(self->runtime->quarantine) > 0) {
            /* The log has told of the threads; czmq would complain of each of their sockets. */
            zsys_set_logstream(NULL);
        }
    }
    tr_mailbox_release(&self->keeper_mailbox);
    if (self->mailbox) {
        tr_mailbox_close(self->mailbox);
    }
    tr_mailbox_release(&self->mailbox);
    if (self->runtime) {
        tr_runtime_release(&self->runtime);
    } else {
        tr_plan_destroy(&self->plan);
        tr_config_destroy(&self->config);
    }
    tr_modules_destroy(&self->modules);
    free(self->file);
    free(self);
    *self_p = NULL;
}
