/* The socket is bound by whoever makes the doorkeeper, and handed to its thread before that is
 * born: so it answers as soon as it exists, and failing is known at once.
 *
 * It is a ROUTER, to which libzmq's sessions are like REQ sockets: what stands before the first
 * empty frame is the way back, and is returned as it came.
 */

#include "remote/doors/doorkeeper.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/dead_letter.h"
#include "actors/quarantine.h"
#include "base/clock.h"
#include "remote/doors/refused.h"
#include "remote/doors/zap.h"
#include "remote/gateway/peer.h"

#define MAILBOX_LETTERS    1000
#define MAILBOX_BYTES      (1 << 20)
#define LAST_STEPS_MS      2000
#define QUESTIONS_PER_TURN 256

struct tr_doorkeeper {
    tr_runtime_t *runtime;
    tr_actor_t *actor;
    zsock_t *socket; /* until its thread has it */
    tr_keys_t *keys; /* the same */
};

/* What its own thread has. */
typedef struct keeper {
    zsock_t *socket;
    tr_keys_t *keys;
    tr_keys_t *former; /* the table before; NULL: there was none */
    tr_refused_t refused;
} keeper_t;

/* ---- another table ---- */

typedef struct table_letter {
    tr_letter_t letter;
    tr_keys_t *keys;
} table_letter_t;

static void destroy_table_letter(tr_letter_t *letter)
{
    table_letter_t *self = (table_letter_t *)letter;
    tr_keys_release(&self->keys);
    free(self);
}

static const tr_letter_type_t table_letter_type = {"keys", destroy_table_letter};

static void receive(tr_self_t *self, tr_letter_t *letter)
{
    keeper_t *keeper = self->state;
    if (letter->type != &table_letter_type) {
        tr_dead_letter_take(self->runtime, self->name, "a doorkeeper takes no messages",
                            &letter);
        return;
    }
    tr_keys_release(&keeper->former);
    keeper->former = keeper->keys;
    keeper->keys = tr_keys_share(((table_letter_t *)letter)->keys);
    tr_letter_destroy(&letter);
}

/* ---- questions ---- */

static tr_span_t span_of(zframe_t *frame)
{
    return (tr_span_t){(const char *)zframe_data(frame), zframe_size(frame)};
}

/* Move what is before the first empty frame, and that one, to the answer. False: there is no
 * such frame, and nobody to answer. */
static bool take_envelope(zmsg_t *question, zmsg_t *answer)
{
    zframe_t *frame;
    while ((frame = zmsg_pop(question)) != NULL) {
        bool is_end = zframe_size(frame) == 0;
        if (zmsg_append(answer, &frame) != 0) {
            zframe_destroy(&frame);
            return false;
        }
        if (is_end) {
            return true;
        }
    }
    return false;
}

static tr_zap_answer_t decide(const keeper_t *keeper, zmsg_t *question)
{
    tr_span_t frames[TR_ZAP_MAX_FRAMES];
    size_t n = 0;
    for (zframe_t *frame = zmsg_first(question); frame && n < TR_ZAP_MAX_FRAMES;
         frame = zmsg_next(question)) {
        frames[n++] = span_of(frame);
    }
    return tr_zap_decide(keeper->keys, frames, n);
}

/* False when out of memory. */
static bool compose(const tr_zap_answer_t *decision, zmsg_t *answer)
{
    unsigned char metadata[TR_ZAP_MAX_METADATA];
    size_t size = decision->key ? tr_zap_metadata(decision->key, metadata) : 0;
    return zmsg_addstr(answer, TR_ZAP_VERSION) == 0 &&
           zmsg_addmem(answer, decision->id.data, decision->id.size) == 0 &&
           zmsg_addstr(answer, decision->status) == 0 &&
           zmsg_addstr(answer, decision->text) == 0 &&
           zmsg_addstr(answer, decision->key ? decision->key->name : "") == 0 &&
           zmsg_addmem(answer, metadata, size) == 0;
}

static void copy(char *text, size_t size, tr_span_t span)
{
    snprintf(text, size, "%.*s", (int)span.size, span.size > 0 ? span.data : "");
}

static void note_refused(tr_self_t *self, const tr_zap_answer_t *decision)
{
    keeper_t *keeper = self->state;
    char given[TR_ZAP_MAX_DOMAIN + 1];
    char endpoint[TR_ZAP_MAX_DOMAIN + 1];
    char address[TR_PEER_MAX_ADDRESS + 1];
    char key[TR_CURVE_KEY_TEXT] = "";
    copy(given, sizeof given, decision->address);
    copy(endpoint, sizeof endpoint, decision->endpoint);
    tr_peer_write_address(address, given);
    const tr_key_t *former = NULL;
    if (decision->key_bytes.size == TR_CURVE_KEY_BYTES) {
        zmq_z85_encode(key, (const unsigned char *)decision->key_bytes.data,
                       TR_CURVE_KEY_BYTES);
        former = keeper->former ? tr_keys_find(keeper->former, decision->key_bytes) : NULL;
    }
    tr_refused_note(&keeper->refused,
                    &(tr_refused_peer_t){.why = decision->why,
                                         .address = address,
                                         .endpoint = endpoint,
                                         .key = key,
                                         .name = former ? former->name : NULL},
                    self->now.ms);
}

static void note_nonsense(tr_self_t *self)
{
    keeper_t *keeper = self->state;
    tr_refused_note(&keeper->refused, &(tr_refused_peer_t){.why = TR_REFUSED_MALFORMED},
                    self->now.ms);
}

/* Takes the question. */
static void answer_question(tr_self_t *self, zmsg_t *question)
{
    keeper_t *keeper = self->state;
    zmsg_t *answer = zmsg_new();
    if (answer && take_envelope(question, answer)) {
        tr_zap_answer_t decision = decide(keeper, question);
        if (!decision.key) {
            note_refused(self, &decision);
        }
        if (compose(&decision, answer)) {
            zmsg_send(&answer, keeper->socket); /* who has gone is not waited for */
        }
    } else {
        note_nonsense(self);
    }
    zmsg_destroy(&answer);
    zmsg_destroy(&question);
}

/* Letters first: whoever comes when another table was sent is judged by that one. */
static void on_readable(tr_self_t *self, void *socket, int descriptor)
{
    (void)socket;
    (void)descriptor;
    keeper_t *keeper = self->state;
    for (size_t n = 0; n < QUESTIONS_PER_TURN && tr_mailbox_depth(self->mailbox) == 0; n++) {
        zmsg_t *question = zmsg_recv_nowait(keeper->socket);
        if (!question) {
            return;
        }
        answer_question(self, question);
    }
}

static int64_t turn(tr_self_t *self, int64_t now_ms)
{
    keeper_t *keeper = self->state;
    return tr_refused_turn(&keeper->refused, now_ms);
}

/* ---- life ---- */

/* Closing alone would give its place free some time later. */
static void give_up(zsock_t **socket_p)
{
    if (*socket_p) {
        (void)zsock_unbind(*socket_p, "%s", TR_ZAP_ENDPOINT);
        zsock_destroy(socket_p);
    }
}

static bool begin(tr_self_t *self, const void *arg)
{
    tr_doorkeeper_t *owner = (tr_doorkeeper_t *)arg; /* which waits for this thread's birth */
    keeper_t *keeper = calloc(1, sizeof *keeper);
    self->state = keeper;
    if (!keeper) {
        self->reason = tr_reason_format(TROUPE_REASON_FAILED, "out of memory");
        return false;
    }
    keeper->socket = owner->socket;
    keeper->keys = owner->keys;
    owner->socket = NULL;
    owner->keys = NULL;
    tr_refused_init(&keeper->refused, self->runtime);
    bool is_watched =
        tr_self_watch_socket(self, zsock_resolve(keeper->socket), on_readable) == TROUPE_OK;
    if (!is_watched) {
        self->reason = tr_reason_format(TROUPE_REASON_FAILED, "its socket cannot be watched");
    }
    return is_watched;
}

static void end(tr_self_t *self)
{
    keeper_t *keeper = self->state;
    if (!keeper) {
        return;
    }
    tr_self_unwatch(self, zsock_resolve(keeper->socket), -1);
    give_up(&keeper->socket);
    tr_keys_release(&keeper->keys);
    tr_keys_release(&keeper->former);
    free(keeper);
    self->state = NULL;
}

static const tr_actor_class_t doorkeeper_class = {
    .kind = "doorkeeper",
    .begin = begin,
    .receive = receive,
    .turn = turn,
    .end = end,
};

/* NULL: `why` says why. */
static zsock_t *answer_for_this_process(char *why, size_t size)
{
    zsock_t *socket = zsock_new(ZMQ_ROUTER);
    if (!socket) {
        snprintf(why, size, "no socket to be had");
        return NULL;
    }
    zsock_set_linger(socket, 0);
    if (zsock_bind(socket, "%s", TR_ZAP_ENDPOINT) != 0) {
        int error = zmq_errno();
        snprintf(why, size, "%s %s", TR_ZAP_ENDPOINT,
                 error == EADDRINUSE
                     ? "is taken: another part of this process says who may come in by CURVE"
                     : zmq_strerror(error));
        zsock_destroy(&socket);
    }
    return socket;
}

tr_doorkeeper_t *tr_doorkeeper_new(tr_runtime_t *runtime, tr_mailbox_t *parent, tr_keys_t *keys,
                                   char *why, size_t size)
{
    assert(runtime && parent && keys && why && size > 0);
    tr_doorkeeper_t *self = calloc(1, sizeof *self);
    if (!self) {
        snprintf(why, size, "out of memory");
        return NULL;
    }
    self->runtime = runtime;
    self->socket = answer_for_this_process(why, size);
    if (!self->socket) {
        tr_doorkeeper_destroy(&self);
        return NULL;
    }
    self->keys = tr_keys_share(keys);
    /* From here on the socket and the table are those of the thread, if there is one. */
    troupe_status_t status =
        tr_actor_start(&(tr_actor_setup_t){.class = &doorkeeper_class,
                                           .name = "troupe.doorkeeper",
                                           .runtime = runtime,
                                           .parent = parent,
                                           .limits = {MAILBOX_LETTERS, MAILBOX_BYTES},
                                           .arg = self},
                       &self->actor);
    if (status != TROUPE_OK) {
        snprintf(why, size, "no doorkeeper: %s", troupe_status_text(status));
        tr_doorkeeper_destroy(&self);
    }
    return self;
}

troupe_status_t tr_doorkeeper_set_keys(tr_doorkeeper_t *self, tr_keys_t *keys)
{
    assert(self && keys);
    table_letter_t *table = calloc(1, sizeof *table);
    if (!table) {
        return TROUPE_ERR_NOMEM;
    }
    tr_letter_init(&table->letter, &table_letter_type, sizeof *table);
    table->keys = tr_keys_share(keys);
    tr_letter_t *letter = &table->letter;
    troupe_status_t status = tr_mailbox_post(self->actor->mailbox, TR_LANE_CONTROL, &letter);
    tr_letter_destroy(&letter);
    return status;
}

bool tr_doorkeeper_is(const tr_doorkeeper_t *self, uint64_t incarnation)
{
    return self && self->actor->incarnation == incarnation;
}

void tr_doorkeeper_destroy(tr_doorkeeper_t **self_p)
{
    assert(self_p);
    tr_doorkeeper_t *self = *self_p;
    *self_p = NULL;
    if (!self) {
        return;
    }
    if (self->actor) {
        tr_actor_ask_to_stop(self->actor, tr_reason_of(TROUPE_REASON_SHUTDOWN));
        if (tr_actor_reap(&self->actor, LAST_STEPS_MS) != TROUPE_OK) {
            tr_quarantine_accept(self->runtime->quarantine, &self->actor);
            return; /* its thread may not have taken what is left here */
        }
    }
    give_up(&self->socket);
    tr_keys_release(&self->keys);
    free(self);
}
