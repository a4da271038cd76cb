/* A stage is what a node is to its actors, without threads: it has their lives in its hands,
 * and moves one at a time. All chance is its seed's, all time the held clock's, and nothing
 * else is asked, so that one seed tells one story.
 *
 * Mailboxes are those of a node. Each keeps its order, so what is drawn is only who moves next.
 */

#include <troupe/testkit.h>

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/worker/worker.h"
#include "base/clock.h"
#include "mailbox/mail.h"
#include "mailbox/reply.h"
#include "node/node.h"
#include "node/testkit/probe.h"
#include "supervisors/backoff.h"

#define MAILBOX_LETTERS 100000
#define MAILBOX_BYTES   ((size_t)1 << 30)
#define BEGINS_AT_MS    1000000 /* zero means other things */
#define MOST_AT_ONCE    1000000 /* things done without time passing */
#define BACKOFF_MIN_MS  100
#define BACKOFF_MAX_MS  30000
#define LINE_SIZE       512

/* One actor, through all its lives. */
typedef struct player {
    struct player *next;
    tr_worker_plan_t plan;
    tr_arg_t *args;
    troupe_restart_t restart;
    tr_backoff_t backoff;
    troupe_ref_t *ref; /* a share */
    tr_self_t *self;   /* its present life; NULL: none */
    bool is_over;      /* no more lives */
    bool is_stopping;
    int64_t due_ms; /* when it has something to do of itself: to begin, or to tick; or never */
    int64_t begun_ms;
    size_t n_lives;
    tr_reason_t reason; /* why its last life ended */
} player_t;

struct troupe_stage {
    tr_runtime_t *runtime;
    tr_mailbox_t *mailbox; /* where the words of the actors go, which nobody needs */
    player_t *players;     /* in the order in which they were added */
    uint64_t chance;
    troupe_trace_fn *trace; /* or NULL */
    void *trace_arg;
};

/* The clock is one for all. */
static atomic_bool is_taken;

/* ---- chance ---- */

/* SplitMix64 (Steele, Lea, Flood 2014): every seed gives another sequence. */
static uint64_t draw(troupe_stage_t *self)
{
    uint64_t z = self->chance += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* ---- the trace ---- */

TROUPE_PRINTF(3, 4)
static void tell(troupe_stage_t *self, const player_t *player, const char *format, ...)
{
    if (!self->trace) {
        return;
    }
    char what[LINE_SIZE / 2];
    char line[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    snprintf(line, sizeof line, "%lld ms: %.128s %s", (long long)troupe_stage_now_ms(self),
             player->ref->name, what);
    self->trace(self->trace_arg, line);
}

static void tell_of_letter(troupe_stage_t *self, const player_t *player, tr_letter_t *letter)
{
    static const char *const kinds[] = {"a message", "an ask", "a tick", "a notice"};
    const tr_mail_t *mail = tr_mail_in(letter);
    if (mail) {
        tell(self, player, "takes %s from %s", kinds[mail->kind],
             mail->from ? mail->from->name : "nobody");
    } else if (letter->type == &tr_reply_type) {
        tell(self, player, "takes an answer");
    } else {
        tell(self, player, "takes a word");
    }
}

/* ---- lives ---- */

static void drop_words(troupe_stage_t *self)
{
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(self->mailbox, NULL)) != NULL) {
        tr_letter_destroy(&letter);
    }
}

static bool comes_back(const player_t *player)
{
    bool is_wanted =
        player->restart == TROUPE_RESTART_PERMANENT ||
        (player->restart == TROUPE_RESTART_TRANSIENT && tr_reason_is_abnormal(&player->reason));
    return is_wanted && !player->is_stopping && player->reason.kind != TROUPE_REASON_IGNORED;
}

static void retire(troupe_stage_t *self, player_t *player)
{
    player->is_over = true;
    player->due_ms = TR_NEVER;
    tr_runtime_retire(self->runtime, "", player->ref->name, false);
}

/* Another life comes after its backoff, or none. */
static void settle_end(troupe_stage_t *self, player_t *player)
{
    if (comes_back(player)) {
        int64_t now_ms = tr_clock_now_ms();
        player->due_ms = tr_clock_after(now_ms, tr_backoff_next_ms(&player->backoff,
                                                                   now_ms - player->begun_ms,
                                                                   (uint32_t)draw(self)));
    } else {
        retire(self, player);
    }
}

static void end_life(troupe_stage_t *self, player_t *player)
{
    char shown[TR_REASON_TEXT];
    uint64_t incarnation = player->self->incarnation;
    player->reason = player->self->reason;
    tell(self, player, "ends: %.200s", tr_reason_show(&player->reason, shown, sizeof shown));
    tr_self_finish(&player->self);
    tr_ref_end(player->ref, incarnation, &player->reason);
    drop_words(self);
    settle_end(self, player);
}

static void begin_life(troupe_stage_t *self, player_t *player)
{
    player->due_ms = TR_NEVER;
    player->begun_ms = tr_clock_now_ms();
    player->self = tr_self_new(&(tr_actor_setup_t){
        .class = &tr_worker_class,
        .name = player->ref->name,
        .home = "",
        .runtime = self->runtime,
        .parent = self->mailbox,
        .ref = player->ref,
        .arg = &player->plan,
    });
    if (!player->self) {
        player->reason = tr_reason_format(TROUPE_REASON_FAILED, "out of memory");
        settle_end(self, player);
        return;
    }
    player->n_lives++;
    tell(self, player, "begins");
    if (!tr_self_begin(player->self)) {
        end_life(self, player);
        return;
    }
    player->due_ms = tr_self_move(player->self, NULL);
    drop_words(self);
}

/* ---- moving ---- */

static bool has_letters(const player_t *player)
{
    return player->self && tr_mailbox_has_letters(player->ref->mailbox);
}

static bool is_due(const player_t *player, int64_t now_ms)
{
    bool is_time = player->due_ms <= now_ms && player->due_ms != TR_NEVER;
    return is_time || has_letters(player);
}

/* Of those who have something to do now, whom chance takes; NULL: nobody has. */
static player_t *pick(troupe_stage_t *self)
{
    int64_t now_ms = tr_clock_now_ms();
    size_t n_due = 0;
    for (player_t *player = self->players; player; player = player->next) {
        n_due += is_due(player, now_ms);
    }
    size_t nth = n_due > 0 ? draw(self) % n_due : 0;
    player_t *player = self->players;
    while (player && (!is_due(player, now_ms) || nth-- > 0)) {
        player = player->next;
    }
    return player;
}

static void move(troupe_stage_t *self, player_t *player)
{
    tr_letter_t *letter = tr_mailbox_next(player->ref->mailbox, NULL);
    if (letter) {
        tell_of_letter(self, player, letter);
    } else {
        tell(self, player, "ticks");
    }
    player->due_ms = tr_self_move(player->self, letter);
    drop_words(self);
    if (player->self->is_ending) {
        end_life(self, player);
    }
}

/* Without time passing. */
static bool do_one(troupe_stage_t *self)
{
    player_t *player = pick(self);
    if (player && player->self) {
        move(self, player);
    } else if (player) {
        begin_life(self, player);
    }
    return player != NULL;
}

static int64_t next_due_ms(const troupe_stage_t *self)
{
    int64_t due_ms = TR_NEVER;
    for (const player_t *player = self->players; player; player = player->next) {
        due_ms = tr_clock_earlier(due_ms, player->due_ms);
    }
    return due_ms;
}

static void be_at(int64_t time_ms)
{
    int64_t now_ms = tr_clock_now_ms();
    tr_clock_advance(time_ms > now_ms ? time_ms - now_ms : 0);
}

/* ---- probes ---- */

static int64_t time_on_stage(void *arg)
{
    (void)arg;
    return tr_clock_now_ms();
}

/* At its last moment all is done that is due then. */
static void act_while_waiting(void *arg, tr_mailbox_t *mailbox, int64_t until_ms)
{
    troupe_stage_t *self = arg;
    if (do_one(self)) {
        return;
    }
    int64_t due_ms = next_due_ms(self);
    be_at(due_ms < until_ms ? due_ms : until_ms);
    size_t n_done = 0;
    while (tr_clock_now_ms() == until_ms && !tr_mailbox_has_letters(mailbox) &&
           n_done++ < MOST_AT_ONCE && do_one(self)) {
    }
}

static const tr_probe_time_t stage_time = {.now_ms = time_on_stage, .wait = act_while_waiting};

troupe_probe_t *troupe_stage_probe(troupe_stage_t *self, const char *name)
{
    assert(self);
    return tr_probe_new(self->runtime, name, &stage_time, self);
}

/* ---- the stage ---- */

troupe_stage_t *troupe_stage_new(uint64_t seed)
{
    if (tr_clock_is_held() || atomic_exchange(&is_taken, true)) {
        return NULL;
    }
    tr_node_read_log_settings();
    tr_clock_hold(BEGINS_AT_MS);
    troupe_stage_t *self = calloc(1, sizeof *self);
    if (!self) {
        tr_clock_release();
        atomic_store(&is_taken, false);
        return NULL;
    }
    self->chance = seed;
    self->runtime = tr_runtime_new("stage");
    self->mailbox =
        tr_mailbox_new("stage", 0, (tr_mailbox_limits_t){MAILBOX_LETTERS, MAILBOX_BYTES});
    if (!self->runtime || !self->mailbox) {
        troupe_stage_destroy(&self);
    }
    return self;
}

static void destroy_player(player_t *player)
{
    troupe_ref_release(&player->ref);
    for (size_t i = 0; i < player->plan.args.n_items; i++) {
        free((char *)player->args[i].key);
        free((char *)player->args[i].value);
    }
    free(player->args);
    free(player);
}

void troupe_stage_destroy(troupe_stage_t **self_p)
{
    assert(self_p);
    troupe_stage_t *self = *self_p;
    if (!self) {
        return;
    }
    const tr_reason_t reason = tr_reason_of(TROUPE_REASON_SHUTDOWN);
    for (player_t *player = self->players; player; player = player->next) {
        player->is_stopping = true;
        if (player->self) {
            tr_self_end(player->self, &reason);
            end_life(self, player);
        } else if (!player->is_over) {
            retire(self, player);
        }
    }
    while (self->players) {
        player_t *player = self->players;
        self->players = player->next;
        destroy_player(player);
    }
    if (self->mailbox) {
        tr_mailbox_close(self->mailbox);
    }
    tr_mailbox_release(&self->mailbox);
    tr_runtime_release(&self->runtime);
    free(self);
    *self_p = NULL;
    tr_clock_release();
    atomic_store(&is_taken, false);
}

/* ---- adding ---- */

static size_t count_args(const char *const *args)
{
    size_t n = 0;
    while (args && args[2 * n] && args[2 * n + 1]) {
        n++;
    }
    return n;
}

/* False: out of memory. */
static bool copy_args(player_t *player, const char *const *args)
{
    size_t n_args = count_args(args);
    player->args = calloc(n_args + 1, sizeof *player->args);
    bool is_done = player->args != NULL;
    for (size_t i = 0; i < n_args && is_done; i++) {
        player->args[i] = (tr_arg_t){strdup(args[2 * i]), strdup(args[2 * i + 1])};
        player->plan.args.n_items++;
        is_done = player->args[i].key && player->args[i].value;
    }
    player->plan.args.items = player->args;
    return is_done;
}

static player_t *make_player(const troupe_child_t *child)
{
    player_t *player = calloc(1, sizeof *player);
    if (player && !copy_args(player, child->args)) {
        destroy_player(player);
        return NULL;
    }
    if (player) {
        player->plan.behaviour = child->behaviour;
        player->plan.is_lasting = true;
        player->plan.idle_after_ms = TR_NEVER;
        player->restart = child->restart;
        player->reason = tr_reason_of(TROUPE_REASON_NORMAL);
        tr_backoff_init(&player->backoff, BACKOFF_MIN_MS, BACKOFF_MAX_MS);
    }
    return player;
}

static bool can_be(const troupe_child_t *child)
{
    return child->name && *child->name && strlen(child->name) < TR_DIRECTORY_NAME_SIZE &&
           child->behaviour && child->behaviour->receive;
}

static void append(troupe_stage_t *self, player_t *player)
{
    player_t **place = &self->players;
    while (*place) {
        place = &(*place)->next;
    }
    *place = player;
}

static player_t *find(const troupe_stage_t *self, const troupe_ref_t *ref)
{
    player_t *player = self->players;
    while (player && player->ref != ref) {
        player = player->next;
    }
    return player;
}

/* An ended one keeps its name, as it can still be asked about. */
static bool is_known(const troupe_stage_t *self, const char *name)
{
    const player_t *player = self->players;
    while (player && strcmp(player->ref->name, name) != 0) {
        player = player->next;
    }
    return player != NULL;
}

troupe_status_t troupe_stage_add(troupe_stage_t *self, const troupe_child_t *child,
                                 troupe_ref_t **out)
{
    assert(self && child && out);
    if (!can_be(child)) {
        return TROUPE_ERR_INVALID;
    }
    if (is_known(self, child->name)) {
        return TROUPE_EXISTS;
    }
    player_t *player = make_player(child);
    if (!player) {
        return TROUPE_ERR_NOMEM;
    }
    troupe_status_t status = tr_directory_claim(
        self->runtime->directory, child->name, "",
        (tr_mailbox_limits_t){MAILBOX_LETTERS, MAILBOX_BYTES}, true, &player->ref);
    if (status != TROUPE_OK) {
        destroy_player(player);
        return status;
    }
    player->due_ms = tr_clock_now_ms();
    append(self, player);
    *out = player->ref;
    return TROUPE_OK;
}

/* ---- what the test does ---- */

troupe_status_t troupe_stage_send(troupe_stage_t *self, troupe_ref_t *to,
                                  troupe_message_t **message_p)
{
    assert(self && message_p);
    tr_mail_t *mail = tr_mail_new(message_p, NULL, NULL);
    if (!mail) {
        return TROUPE_ERR_NOMEM;
    }
    return to ? tr_runtime_post(self->runtime, to, TR_LANE_USER, mail)
              : tr_runtime_drop(self->runtime, "it was sent to nobody", mail);
}

void troupe_stage_stop(troupe_stage_t *self, const troupe_ref_t *actor)
{
    assert(self && actor);
    player_t *player = find(self, actor);
    if (!player || player->is_over) {
        return;
    }
    player->is_stopping = true;
    if (!player->self) {
        retire(self, player);
        return;
    }
    tr_control_t *stop = tr_control_new(TR_WORD_STOP, player->self->incarnation);
    if (stop) {
        stop->reason = tr_reason_of(TROUPE_REASON_SHUTDOWN);
        tr_control_send(stop, player->ref->mailbox);
    }
}

bool troupe_stage_step(troupe_stage_t *self)
{
    assert(self);
    if (do_one(self)) {
        return true;
    }
    int64_t due_ms = next_due_ms(self);
    if (due_ms == TR_NEVER) {
        return false;
    }
    be_at(due_ms);
    return do_one(self);
}

size_t troupe_stage_run(troupe_stage_t *self, size_t most)
{
    assert(self);
    size_t n_done = 0;
    while (n_done < most && do_one(self)) {
        n_done++;
    }
    return n_done;
}

troupe_status_t troupe_stage_advance(troupe_stage_t *self, int64_t ms)
{
    assert(self && ms >= 0);
    int64_t until_ms = tr_clock_after(tr_clock_now_ms(), ms);
    for (;;) {
        if (troupe_stage_run(self, MOST_AT_ONCE) == MOST_AT_ONCE) {
            return TROUPE_LIMIT;
        }
        if (tr_clock_now_ms() == until_ms) {
            return TROUPE_OK;
        }
        int64_t due_ms = next_due_ms(self);
        be_at(due_ms < until_ms ? due_ms : until_ms);
    }
}

/* ---- what the test sees ---- */

int64_t troupe_stage_now_ms(const troupe_stage_t *self)
{
    assert(self);
    (void)self;
    return tr_clock_now_ms() - BEGINS_AT_MS;
}

size_t troupe_stage_n_lives(const troupe_stage_t *self, const troupe_ref_t *actor)
{
    assert(self && actor);
    const player_t *player = find(self, actor);
    return player ? player->n_lives : 0;
}

bool troupe_stage_is_alive(const troupe_stage_t *self, const troupe_ref_t *actor)
{
    assert(self && actor);
    const player_t *player = find(self, actor);
    return player && player->self;
}

troupe_reason_t troupe_stage_reason(const troupe_stage_t *self, const troupe_ref_t *actor)
{
    assert(self && actor);
    static const tr_reason_t none = {.kind = TROUPE_REASON_NORMAL};
    const player_t *player = find(self, actor);
    return tr_reason_view(player ? &player->reason : &none);
}

void troupe_stage_trace(troupe_stage_t *self, troupe_trace_fn *trace, void *arg)
{
    assert(self);
    self->trace = trace;
    self->trace_arg = arg;
}
