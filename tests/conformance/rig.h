/* tests/conformance/rig.h - a supervisor, children that follow a script, and one who asks
 *
 * The children are stubs. Each tells the test of what happens to it, into one mailbox, in which
 * the supervisor tells its own; what that mailbox hears, in order, is the story:
 *
 *   +a  a is up                        ?a  a hangs in its begin
 *   -a  a has ended                    ~a  a was told to stop, or to hang, and does not end
 *   xa  a did not come up              !   the supervisor has ended
 *   ia  a said that it is not needed   *   the supervisor is up
 *
 * A stub tells the test only after its supervisor was told: a command that is sent after the
 * note was heard finds the supervisor knowing. So nothing here has to sleep.
 *
 * The rule names are those of the cases of OTP's supervisor_SUITE; docs/otp.md lists them all.
 */

#ifndef TROUPE_TESTS_CONFORMANCE_RIG_H
#define TROUPE_TESTS_CONFORMANCE_RIG_H

#include "tests/kit/check.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "supervisors/command.h"

#define RIG_PATIENCE_MS 10000
#define RIG_N_SCRIPTS   26 /* one per letter */
#define RIG_N_KEPT      64

typedef enum rig_on_stop {
    RIG_STOPS,
    RIG_STOPS_ODDLY,  /* for its odd_reason */
    RIG_IGNORES_STOP, /* goes on taking letters */
    RIG_HANGS_ON_STOP /* takes none until it is released */
} rig_on_stop_t;

typedef struct rig rig_t;

/* What the lives of one child do. Set before they begin. */
typedef struct rig_script {
    rig_t *rig;
    _Atomic(const char *)
        births;             /* one sign per life, of which the last one stays:
                               o up, f fails, i ignores, h hangs until released, then up */
    atomic_size_t n_births; /* since `births` was set */
    atomic_size_t n_all_births;
    const char *words; /* said when it comes up; or NULL */
    rig_on_stop_t on_stop;
    tr_reason_t odd_reason;
    bool can_be_killed;                /* as if it owned a process */
    const tr_supervisor_spec_t *inner; /* of one that stands for a supervisor */
    sem_t gate;
} rig_script_t;

struct rig {
    tr_runtime_t *runtime;
    tr_mailbox_t *story;
    tr_mailbox_t *replies;
    pthread_mutex_t telling; /* held from a child's '+' until its supervisor was told */
    rig_script_t scripts[RIG_N_SCRIPTS];
    tr_child_spec_t specs[RIG_N_SCRIPTS]; /* named by their letter */
    tr_supervisor_spec_t spec; /* "top"; its children are the first `n_children` of `specs` */
    tr_child_spec_t next_specs[RIG_N_SCRIPTS]; /* for a change */
    tr_supervisor_spec_t next;
    tr_actor_t *supervisor;
    tr_reason_t end_reason;          /* of the supervisor */
    tr_reason_t ends[RIG_N_SCRIPTS]; /* of the last life of each letter that was heard to end */
    tr_reason_t last_end;            /* of whichever child was heard to end last */
    uint64_t last_token;
    tr_answer_t kept[RIG_N_KEPT]; /* answers that nobody has awaited yet */
    size_t n_kept;
    char muted; /* this sign is not listened to */
};

/* For each case: a runtime, and no supervisor yet. */
int rig_set_up(void **state);
int rig_tear_down(void **state);

#define rule(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

/* ---- the cast ---- */

rig_script_t *script_of(rig_t *rig, char letter);
tr_child_spec_t *spec_of(rig_t *rig, char letter);

/* From its next life on. */
void set_births(rig_t *rig, char letter, const char *births);

/* This letter stands for a supervisor of its own, of which only the end is told: "-NAME". */
void make_supervisor(rig_t *rig, char letter, const tr_supervisor_spec_t *what);

/* A supervisor's spec with generous limits. */
tr_supervisor_spec_t supervisor_spec(const char *name, tr_strategy_t strategy,
                                     const tr_child_spec_t *children, size_t n_children);

/* Let one stub of that letter go on from where it hangs. */
void release(rig_t *rig, char letter);

/* ---- the supervisor's life ---- */

/* Start it with the first `n_children` letters; the story tells how it went. A template's only
 * child is 'a'. */
void start_top(rig_t *rig, tr_strategy_t strategy, size_t n_children);
void ask_top_to_stop(rig_t *rig, troupe_reason_kind_t kind);

/* It was heard to end: its thread goes. */
void reap_top(rig_t *rig);

/* ---- the story ---- */

/* What is heard next is exactly this, in this order. */
#define hears(rig, want) hears_at(rig, want, true, __FILE__, __LINE__)

/* The same in any order. */
#define hears_all(rig, want) hears_at(rig, want, false, __FILE__, __LINE__)
void hears_at(rig_t *rig, const char *want, bool is_ordered, const char *file, int line);

/* The next `n` things heard all have that sign. */
void hears_many(rig_t *rig, char sign, size_t n);

/* Nothing has happened that was not asked for. */
void hears_nothing(rig_t *rig);

#define assert_reason(got, want, words)                                                        \
    do {                                                                                       \
        tr_reason_t got_reason = (got);                                                        \
        assert_string_equal(tr_reason_name(got_reason.kind), tr_reason_name(want));            \
        assert_string_equal(got_reason.text, words);                                           \
    } while (0)

/* It stops well, telling this story and then its own end. */
#define stops_so(rig, want)                                                                    \
    do {                                                                                       \
        ask_top_to_stop(rig, TROUPE_REASON_SHUTDOWN);                                          \
        hears(rig, want);                                                                      \
        assert_reason((rig)->end_reason, TROUPE_REASON_SHUTDOWN, "");                          \
        reap_top(rig);                                                                         \
    } while (0)

/* ---- what is done to children, from outside ---- */

/* The child of that name ends by itself. */
void end_child(rig_t *rig, const char *name, troupe_reason_kind_t kind, const char *words);

/* As end_child for "failed: boom", and for "crashed: signal 9". */
void break_child(rig_t *rig, const char *name);
void kill_child(rig_t *rig, const char *name);

/* It hangs in a callback until it is released. */
void hang_child(rig_t *rig, const char *name);

/* ---- commands ---- */

/* A command that can still be filled in. */
tr_command_t *command(rig_t *rig, tr_verb_t verb, const char *name);

/* Send it to the supervisor, or to the one of that name; await the answer to this token. */
uint64_t give(rig_t *rig, tr_command_t *command);
uint64_t give_to(rig_t *rig, const char *supervisor, tr_command_t *command);
tr_answer_t await(rig_t *rig, uint64_t token);

/* What else comes in answer; NULL when nothing does. The caller destroys it. */
tr_letter_t *next_reply(rig_t *rig);

tr_answer_t ask(rig_t *rig, tr_verb_t verb, const char *name);
tr_answer_t ask_life(rig_t *rig, tr_verb_t verb, uint64_t incarnation);
tr_answer_t add(rig_t *rig, const tr_child_spec_t *spec);
tr_answer_t add_from_template(rig_t *rig);

/* Make rig->next what the supervisor follows now, to be altered; and have it follow that. */
void prepare_change(rig_t *rig);
tr_answer_t change(rig_t *rig);

uint64_t incarnation_of(rig_t *rig, const char *name); /* 0 while it is down or unknown */

#define assert_answer(got, want)                                                               \
    do {                                                                                       \
        tr_answer_t got_answer = (got);                                                        \
        if (got_answer.code != (want)) {                                                       \
            fail_msg("%s is %s (%s), not %s", #got, tr_answer_name(got_answer.code),           \
                     got_answer.text, tr_answer_name(want));                                   \
        }                                                                                      \
    } while (0)

#define assert_refused(got, words)                                                             \
    do {                                                                                       \
        tr_answer_t refusal = (got);                                                           \
        assert_answer(refusal, TR_ANSWER_REFUSED);                                             \
        assert_string_equal(refusal.text, words);                                              \
    } while (0)

/* A child is known, in that state; or not known. */
#define assert_state(rig, child, want)                                                         \
    do {                                                                                       \
        tr_answer_t found_child = ask(rig, TR_VERB_FIND, child);                               \
        assert_answer(found_child, TR_ANSWER_DONE);                                            \
        assert_string_equal(found_child.state, want);                                          \
    } while (0)
#define assert_unknown(rig, child)                                                             \
    assert_answer(ask(rig, TR_VERB_FIND, child), TR_ANSWER_NOT_FOUND)

/* OTP's count_children: specs, active, supervisors, workers. */
#define assert_counts(rig, ...)                                                                \
    counts_at(ask(rig, TR_VERB_COUNT, NULL), (size_t[4]){__VA_ARGS__}, __FILE__, __LINE__)
void counts_at(tr_answer_t got, const size_t want[4], const char *file, int line);

/* Proof that the supervisor goes on: a child of that letter can be added, and goes again. */
void assert_goes_on(rig_t *rig, char letter);

/* The same child lives, or another one does. */
#define assert_same_life(rig, child, before)                                                   \
    assert_int_equal(incarnation_of(rig, child), before)
#define assert_new_life(rig, child, before)                                                    \
    do {                                                                                       \
        assert_int_not_equal(incarnation_of(rig, child), 0);                                   \
        assert_int_not_equal(incarnation_of(rig, child), before);                              \
    } while (0)

#endif
