/* What the process of a worker says to its node: commands of any kind, in any order, about
 * anything, whether or not it reads what it is told; while it gets jobs and messages, and while
 * those that it calls answer, one whom it may watch lives and dies, and operators suspend it
 * and look into it. Each job has one final at most, each question and each look one answer,
 * what is looked at can be shown, and all that the process is told can be written; it is told
 * of nobody's end whom it does not monitor, and nothing of it is left with others.
 *
 * The input is a list of steps, each a byte that says which, and what that one needs. There is
 * no process and no socket: the link is what is here (see meson.build), and the actor is
 * carried step by step.
 */

#include "tests/fuzz/target.h"

#include "actors/groups.h"
#include "actors/inspection.h"
#include "actors/process/dialogue.h"
#include "base/log.h"
#include "mailbox/job.h"
#include "mailbox/mail.h"
#include "node/admin/inspection_document.h"
#include "tests/fuzz/wraps.h"

#define N_IDS     64
#define MOST_OPEN 32
#define BEGIN_MS  1000000
#define ASKED     1000 /* the first number of the questions to the process */
#define LIFE      7

static struct world {
    tr_runtime_t *runtime;
    tr_mailbox_t *router; /* of the worker */
    tr_mailbox_t *callee; /* of a capability that it calls */
    tr_mailbox_t *caller; /* of its requests, and of the questions to it */
    tr_mailbox_t *parent;
    tr_mailbox_t *store; /* of an actor */
    troupe_ref_t *actor;
    troupe_ref_t *ref; /* its own */
    tr_actor_t started;
    const tr_actor_class_t *class;

    /* anew for each input */
    tr_self_t *self;
    int64_t now_ms;
    input_t *input;
    bool has_command; /* the process says one now */
    bool is_raw;
    bool is_blocked;
    bool is_closed;
    uint64_t n_jobs;
    uint64_t n_questions;
    uint64_t n_looks;
    unsigned n_finals[N_IDS];
    unsigned n_answers[N_IDS];
    unsigned n_shown[N_IDS];
    tr_envelope_t *open[MOST_OPEN];
    size_t n_open;
} world;

static char socket_of_link;

static tr_process_worker_t *worker(void)
{
    return world.self->state;
}

/* ---- the link, and what else is not there ---- */

static tr_span_t take_group(input_t *input)
{
    static const char *const groups[] = {"", "news", "olds"};
    return tr_span_of(groups[take_byte(input) % 3]);
}

static bool is_about_a_group(const tr_trp1_t *command)
{
    return command->command == TR_TRP1_JOIN || command->command == TR_TRP1_LEAVE ||
           command->command == TR_TRP1_PUBLISH;
}

/* A command that can be read. Names are not terminated. */
static void make_command(input_t *input, tr_trp1_t *out)
{
    static const char *const texts[] = {"",        "stashed",     "lost",
                                        "ignored", "worker_lost", "memory_exhausted"};
    uint8_t options = take_byte(input);
    tr_trp1_init(out, (tr_trp1_command_t)(1 + take_byte(input) % TR_TRP1_LAST_COMMAND),
                 take_byte(input) % N_IDS);
    out->capability = tr_span_of(options & 1 ? "callee" : "");
    out->actor = tr_span_of(options & 2 ? "store" : "");
    out->ref = options & 4 ? take_byte(input) % 4 : -1;
    out->parent = options & 8 ? take_byte(input) % N_IDS : -1;
    out->credit = options & 16 ? take_byte(input) : -1;
    out->timeout_ms = options & 32 ? take_byte(input) : -1;
    out->urgent = out->messages = options & 64;
    if (options & 128) {
        out->forward = take_byte(input) % N_IDS;
        out->count = take_byte(input);
        out->running = take_byte(input) % N_IDS;
        out->running_for = out->progress_age = (int64_t)take_byte(input) * 1000;
    }
    out->state = out->code = tr_span_of(texts[take_byte(input) % 6]);
    out->text = take_bytes(input, take_byte(input) % 20);
    out->group = is_about_a_group(out) ? take_group(input) : (tr_span_t){0};
}

troupe_status_t __wrap_tr_child_link_receive(tr_child_link_t *link, tr_trp1_t *command_out,
                                             troupe_message_t **message_out,
                                             const char **why_out)
{
    (void)link;
    if (!world.has_command) {
        return TROUPE_TIMEOUT;
    }
    world.has_command = false;
    *message_out = NULL;
    troupe_status_t status = TROUPE_OK;
    if (world.is_raw) {
        tr_span_t head = take_bytes(world.input, take_byte(world.input));
        status = tr_trp1_decode(head.data, head.size, command_out, why_out);
    } else {
        make_command(world.input, command_out);
    }
    uint8_t size = take_byte(world.input);
    tr_span_t body = take_bytes(world.input, size % 32);
    tr_span_t more = take_bytes(world.input, size & 0x80 ? take_byte(world.input) % 32 : 0);
    if (status == TROUPE_OK && body.size > 0) {
        *message_out = troupe_message_from(body.data, body.size);
        HOLDS(*message_out);
        HOLDS(!(size & 0x80) ||
              troupe_message_add(*message_out, more.data, more.size) == TROUPE_OK);
    }
    return status;
}

troupe_status_t __wrap_tr_child_link_send(tr_child_link_t *link, const tr_trp1_t *command,
                                          const troupe_message_t *message)
{
    (void)link;
    (void)message;
    unsigned char head[TR_TRP1_MAX_HEADER];
    size_t size;
    tr_trp1_t again;
    const char *reason;
    if (world.is_closed || world.is_blocked) {
        return world.is_closed ? TROUPE_CLOSED : TROUPE_FULL;
    }
    troupe_status_t status = tr_trp1_encode(command, head, sizeof head, &size);
    HOLDS(status == TROUPE_OK);
    HOLDS(tr_trp1_decode(head, size, &again, &reason) == TROUPE_OK);
    HOLDS(command->command != TR_TRP1_DOWN ||
          tr_idmap_get(&worker()->monitors.by_id, command->id));
    return status;
}

bool __wrap_tr_child_link_is_known(const tr_child_link_t *link)
{
    (void)link;
    return true;
}

void *__wrap_tr_child_link_socket(tr_child_link_t *link)
{
    (void)link;
    return &socket_of_link;
}

void __wrap_tr_child_link_destroy(tr_child_link_t **link_p)
{
    *link_p = NULL;
}

troupe_status_t __wrap_tr_self_watch_socket(tr_self_t *self, void *socket,
                                            void (*ready)(tr_self_t *self, void *socket,
                                                          int descriptor))
{
    (void)self;
    (void)socket;
    (void)ready;
    return TROUPE_OK;
}

void __wrap_tr_self_unwatch(tr_self_t *self, void *socket, int descriptor)
{
    (void)self;
    (void)socket;
    (void)descriptor;
}

int64_t __wrap_tr_clock_now_ms(void)
{
    return world.now_ms;
}

troupe_status_t __wrap_tr_actor_start(const tr_actor_setup_t *setup, tr_actor_t **out)
{
    world.class = setup->class;
    world.ref = troupe_ref_share(setup->ref);
    world.started.pulse = tr_pulse_new();
    HOLDS(world.started.pulse);
    *out = &world.started;
    return TROUPE_OK;
}

/* ---- what is around ---- */

static tr_mailbox_t *mailbox_of(const char *name, uint64_t incarnation)
{
    tr_mailbox_t *mailbox =
        tr_mailbox_new(name, incarnation, (tr_mailbox_limits_t){64, 1 << 20});
    HOLDS(mailbox);
    return mailbox;
}

static void begin_actor(void)
{
    uint64_t life = tr_runtime_next_incarnation(world.runtime);
    tr_ref_begin(world.actor, life);
    HOLDS(tr_groups_join(world.runtime->groups, "news", world.actor, life) == TROUPE_OK);
}

static void end_life(troupe_ref_t *ref, troupe_reason_kind_t kind)
{
    const tr_reason_t reason = tr_reason_of(kind);
    tr_groups_forget(world.runtime->groups, ref, tr_ref_incarnation(ref));
    tr_ref_end(ref, tr_ref_incarnation(ref), &reason);
}

static void begin_world(void)
{
    static const char *const argv[] = {"program", NULL};
    static const tr_process_plan_t plan = {.argv = argv, .idle_after_ms = 1000};
    tr_actor_t *none;
    tr_log_set_level(TR_LOG_OFF);
    world.now_ms = BEGIN_MS;
    world.runtime = tr_runtime_new("studio");
    HOLDS(world.runtime);
    world.router = mailbox_of("vision", 1);
    world.callee = mailbox_of("callee", 2);
    world.caller = mailbox_of("caller", 3);
    world.parent = mailbox_of("vision/pool", 4);
    HOLDS(tr_directory_register(world.runtime->directory, TR_NAMES_CAPABILITY, "callee",
                                world.callee) == TROUPE_OK);
    HOLDS(tr_directory_claim(world.runtime->directory, "store", "",
                             (tr_mailbox_limits_t){64, 1 << 20}, false,
                             &world.actor) == TROUPE_OK);
    world.store = world.actor->mailbox;
    begin_actor();
    HOLDS(tr_process_worker_start(&(tr_birth_t){.what = &plan,
                                                .name = "vision/1",
                                                .runtime = world.runtime,
                                                .parent = world.parent},
                                  &none) == TROUPE_OK);
    tr_ref_begin(world.ref, LIFE);
}

/* As it is when its process has been started. */
static void begin_worker(void)
{
    static const tr_process_plan_t plan = {.idle_after_ms = 1000};
    world.now_ms = BEGIN_MS;
    world.is_blocked = world.is_closed = world.has_command = false;
    world.n_jobs = world.n_questions = world.n_looks = 0;
    memset(world.n_finals, 0, sizeof world.n_finals);
    memset(world.n_answers, 0, sizeof world.n_answers);
    memset(world.n_shown, 0, sizeof world.n_shown);
    world.self = calloc(1, sizeof *world.self);
    tr_process_worker_t *made = calloc(1, sizeof *made);
    HOLDS(world.self && made);
    *world.self = (tr_self_t){
        .class = world.class,
        .state = made,
        .name = (char *)(uintptr_t) "vision/1",
        .incarnation = LIFE,
        .runtime = world.runtime,
        .mailbox = world.ref->mailbox,
        .parent = world.parent,
        .ref = world.ref,
        .pulse = tr_pulse_new(),
    };
    HOLDS(world.self->pulse);
    made->self = world.self;
    made->plan = &plan;
    made->kill_at_ms = TR_NEVER;
    made->born_ms = world.now_ms;
    made->output = tr_child_output_new(world.self->name);
    HOLDS(made->output);
    tr_process_init(&made->process);
    tr_given_work_init(&made->work, world.self);
    tr_errands_init(&made->errands, world.self);
    tr_idmap_init(&made->mail.questions);
    tr_lent_refs_init(&made->mail.senders);
    tr_monitors_init(&made->monitors, world.self->mailbox, world.self->ref, LIFE);
    tr_given_work_move_to(&made->work, TR_WORKER_LOADING);
}

/* ---- steps ---- */

static void let_receive(void)
{
    for (tr_letter_t *letter; (letter = tr_mailbox_next(world.self->mailbox, NULL));) {
        world.class->receive(world.self, letter);
    }
}

static void drop_all(tr_mailbox_t *mailbox)
{
    for (tr_letter_t *letter; (letter = tr_mailbox_next(mailbox, NULL));) {
        tr_letter_destroy(&letter);
    }
}

static void hear(bool is_raw)
{
    world.has_command = true;
    world.is_raw = is_raw;
    if (!worker()->work.held && !worker()->is_deaf) {
        (void)tr_dialogue_hear(worker());
    }
    world.has_command = false;
}

/* Its router knows it only when it is ready. */
static void give_job(input_t *input)
{
    if (world.n_jobs + 1 == N_IDS || !worker()->work.is_ready) {
        return;
    }
    uint8_t options = take_byte(input);
    troupe_message_t *message = troupe_message_from("work", 4);
    const tr_header_t header = {.capability = tr_span_of("vision"),
                                .method = tr_span_of("see"),
                                .dedup = tr_span_of(options & 1 ? "key" : ""),
                                .credit = options >> 4,
                                .is_shut = options & 2};
    tr_envelope_t *envelope = tr_envelope_new(++world.n_jobs, world.caller, &header, &message);
    tr_job_t *job = envelope ? tr_job_new(envelope, world.router, world.n_jobs) : NULL;
    HOLDS(job);
    job->unit = job->number;
    atomic_store(&job->deadline_ms, options & 4 ? world.now_ms + options : TR_NEVER);
    atomic_store(&envelope->is_answered, true); /* nobody here answers callers */
    tr_envelope_release(&envelope);
    world.class->receive(world.self, &job->letter);
}

/* From an actor; some ask. */
static void send_mail(input_t *input)
{
    uint8_t options = take_byte(input);
    troupe_question_t *question = NULL;
    if ((options & 1) && world.n_questions + 1 < N_IDS) {
        question = tr_question_new(world.caller, ASKED + ++world.n_questions,
                                   options & 2 ? TR_NEVER : world.now_ms + options);
        HOLDS(question);
    }
    troupe_message_t *message = troupe_message_from("news", 4);
    tr_mail_t *mail =
        tr_mail_new(&message, options & 4 ? world.actor : NULL, question ? &question : NULL);
    HOLDS(mail);
    tr_lane_t lane = options & 8 ? TR_LANE_URGENT : TR_LANE_USER;
    if (tr_ref_post(world.ref, lane, &mail) != TROUPE_OK) {
        tr_letter_t *letter = &mail->letter;
        tr_letter_destroy(&letter);
    }
}

static void answer(size_t which, troupe_outcome_t outcome)
{
    tr_envelope_answer(world.open[which], outcome, 0, "so it went");
    tr_envelope_release(&world.open[which]);
    world.open[which] = world.open[--world.n_open];
}

static void let_callee_take(void)
{
    for (tr_letter_t *letter; (letter = tr_mailbox_next(world.callee, NULL));) {
        if (letter->type != &tr_envelope_type) {
            tr_letter_destroy(&letter);
            continue;
        }
        if (world.n_open == MOST_OPEN) {
            answer(0, TROUPE_OUTCOME_OVERLOADED);
        }
        world.open[world.n_open++] = tr_envelope_of(letter);
    }
}

static void let_callee_answer(input_t *input)
{
    let_callee_take();
    size_t which = take_byte(input);
    uint8_t how = take_byte(input);
    if (world.n_open == 0) {
        return;
    }
    which %= world.n_open;
    if (!(how & 0x80)) {
        answer(which, (troupe_outcome_t)(how % (TROUPE_OUTCOME_INTERNAL + 1)));
        return;
    }
    troupe_message_t *message = troupe_message_from("part", 4);
    troupe_reply_t *part =
        tr_reply_new(world.open[which]->id, false, TROUPE_OUTCOME_OK, NULL, &message);
    HOLDS(part);
    tr_envelope_forward(world.open[which], &part);
}

/* What an actor was asked by the process is answered, or let go of. */
static void let_actor_take(bool answers)
{
    for (tr_letter_t *letter; (letter = tr_mailbox_next(world.store, NULL));) {
        const tr_mail_t *mail = tr_mail_in(letter);
        if (answers && mail && mail->question) {
            tr_question_answer(mail->question, TROUPE_OUTCOME_OK, NULL, NULL);
        }
        tr_letter_destroy(&letter);
    }
}

/* Its life ends, or the next one begins. */
static void let_actor_go_on(void)
{
    if (tr_ref_incarnation(world.actor) == 0) {
        begin_actor();
    } else {
        end_life(world.actor, (troupe_reason_kind_t)(world.now_ms % (TROUPE_REASON_GONE + 1)));
    }
}

/* As the shell of the actor does. */
static void suspend(bool is_suspended)
{
    if (world.self->is_suspended != is_suspended) {
        world.self->is_suspended = is_suspended;
        tr_mailbox_hold_back(world.self->mailbox, is_suspended);
        world.class->suspend(world.self, is_suspended);
    }
}

static void look_into(input_t *input)
{
    tr_control_t *word = tr_control_new(TR_WORD_INSPECT, LIFE);
    HOLDS(word);
    word->depth = take_byte(input);
    if (world.n_looks + 1 < N_IDS) {
        word->number = ++world.n_looks;
        word->mailbox = tr_mailbox_share(world.parent);
    }
    world.class->receive(world.self, &word->letter);
}

static void say_word(input_t *input)
{
    static const tr_word_t words[] = {TR_WORD_CANCEL, TR_WORD_ROOM, TR_WORD_PROBE,
                                      TR_WORD_KILL};
    enum { LOOK = sizeof words / sizeof words[0], SUSPEND, WAKE, N };
    uint8_t which = take_byte(input) % N;
    if (which == LOOK) {
        look_into(input);
    } else if (which >= SUSPEND) {
        suspend(which == SUSPEND);
    } else {
        tr_control_t *word = tr_control_new(words[which], LIFE);
        HOLDS(word);
        word->number = take_byte(input) % N_IDS;
        word->reason = tr_reason_of(TROUPE_REASON_SHUTDOWN);
        world.class->receive(world.self, &word->letter);
    }
}

static void take_step(input_t *input)
{
    uint8_t step = take_byte(input);
    switch (step % 11) {
    case 0:
        hear(true);
        break;
    case 1:
    case 2:
        hear(false);
        break;
    case 3:
        give_job(input);
        break;
    case 4:
        send_mail(input);
        break;
    case 5:
        let_callee_answer(input);
        break;
    case 6:
        if (step & 0x40) {
            let_actor_go_on();
        }
        let_actor_take(step & 0x80);
        break;
    case 7:
        world.now_ms += (int64_t)take_byte(input) * (step & 0x80 ? 1000 : 1);
        world.self->now.ms = world.now_ms;
        world.class->turn(world.self, world.now_ms);
        break;
    case 8:
        say_word(input);
        break;
    case 9:
        if (take_byte(input) > 200) {
            tr_reason_t reason = tr_reason_of(TROUPE_REASON_SHUTDOWN);
            world.class->stop(world.self, &reason);
        }
        break;
    default:
        world.is_blocked = step & 0x80;
        world.is_closed = (step & 0x60) == 0x60;
        break;
    }
    let_receive();
}

/* ---- the end ---- */

static void count_finals(void)
{
    for (tr_letter_t *letter; (letter = tr_mailbox_next(world.router, NULL));) {
        const troupe_reply_t *reply = (const troupe_reply_t *)letter;
        HOLDS(letter->type == &tr_reply_type && reply->job && reply->job->number < N_IDS);
        world.n_finals[reply->job->number] += reply->is_final;
        tr_letter_destroy(&letter);
    }
}

static void count_answers(void)
{
    for (tr_letter_t *letter; (letter = tr_mailbox_next(world.caller, NULL));) {
        const troupe_reply_t *reply = (const troupe_reply_t *)letter;
        HOLDS(letter->type == &tr_reply_type && reply->id > ASKED &&
              reply->id <= ASKED + world.n_questions);
        world.n_answers[reply->id - ASKED]++;
        tr_letter_destroy(&letter);
    }
}

/* Each hears of the other's end, if they were tied; it may have been the actor's next life. */
static void end_lives(void)
{
    end_life(world.ref, TROUPE_REASON_FAILED);
    if (tr_ref_incarnation(world.actor) == 0) {
        begin_actor();
    }
    end_life(world.actor, TROUPE_REASON_FAILED);
    HOLDS(!world.ref->watches && !world.actor->watches);
    tr_ref_begin(world.ref, LIFE);
    begin_actor();
}

/* What comes of it is a document, or a reason why not. */
static void show(const tr_inspection_t *inspection)
{
    static const tr_report_child_t child = {
        .name = "vision/1", .kind = "worker", .state = "ready"};
    char why[200];
    troupe_message_t *document =
        tr_inspection_document(inspection, &child, false, why, sizeof why);
    HOLDS(document || why[0]);
    HOLDS(inspection->token > 0 && inspection->token <= world.n_looks);
    world.n_shown[inspection->token]++;
    troupe_message_destroy(&document);
}

static void count_looks(void)
{
    for (tr_letter_t *letter; (letter = tr_mailbox_next(world.parent, NULL));) {
        if (tr_inspection_in(letter)) {
            show(tr_inspection_in(letter));
        }
        tr_letter_destroy(&letter);
    }
}

static void end_worker(void)
{
    world.class->leave(world.self);
    tr_mailbox_hold_back(world.self->mailbox, false);
    for (tr_letter_t *letter; (letter = tr_mailbox_next(world.self->mailbox, NULL));) {
        world.class->leftover(world.self, letter);
    }
    world.class->end(world.self);
    end_lives();
    let_callee_take();
    while (world.n_open > 0) {
        answer(0, TROUPE_OUTCOME_OK);
    }
    let_actor_take(false);
    drop_all(world.self->mailbox);
    count_looks();
    count_finals();
    count_answers();
    tr_pulse_release(&world.self->pulse);
    free(world.self);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!world.runtime) {
        begin_world();
    }
    input_t input = {data, size};
    world.input = &input;
    begin_worker();
    while (input.left > 0 && !world.self->is_ending) {
        take_step(&input);
    }
    end_worker();
    for (size_t i = 0; i < N_IDS; i++) {
        HOLDS(world.n_finals[i] <= 1);
        HOLDS(world.n_answers[i] == (i >= 1 && i <= world.n_questions));
        HOLDS(world.n_shown[i] == (i >= 1 && i <= world.n_looks));
    }
    return 0;
}
