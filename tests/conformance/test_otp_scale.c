/* OTP's rules about many children, and about such as make trouble.
 *
 * Where OTP compares a thousand processes with a hundred thousand, here two numbers of threads
 * are compared that fit: every child is a thread with four descriptors. What is asserted are
 * OTP's generous factors, between what two sizes make the supervisor work in one run, the best
 * of three each; never a time.
 */

#include "tests/conformance/rig.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "actors/report.h"
#include "base/log.h"

/* ---- trouble ---- */

static void child_unlink(void **state)
{
    rig_t *rig = *state;
    spec_of(rig, 'a')->health = (tr_health_plan_t){200, 3, 600, 600, 60000, 0, 0};
    start_top(rig, TR_ONE_FOR_ONE, 2);
    hears(rig, "+a +b *");
    uint64_t before = incarnation_of(rig, "a");
    hang_child(rig, "a");
    hears(rig, "~a");
    assert_counts(rig, 2, 2, 0, 2); /* nobody waits for it */
    hears(rig, "+a");
    assert_new_life(rig, "a", before);
    stops_so(rig, "-b -a !");
    release(rig, 'a'); /* the one that hung */
    hears(rig, "-a");
    assert_reason(rig->ends[0], TROUPE_REASON_HUNG, "");
}

static tr_answer_t ask_inner(rig_t *rig, const char *supervisor, tr_verb_t verb)
{
    return await(rig, give_to(rig, supervisor, command(rig, verb, NULL)));
}

static void tree(void **state)
{
    rig_t *rig = *state;
    tr_supervisor_spec_t left = supervisor_spec("left", TR_ONE_FOR_ONE, spec_of(rig, 'k'), 2);
    tr_supervisor_spec_t right =
        supervisor_spec("right", TR_REST_FOR_ONE, spec_of(rig, 'r'), 2);
    left.max_restarts = 1;
    make_supervisor(rig, 'b', &left);
    make_supervisor(rig, 'c', &right);
    start_top(rig, TR_ONE_FOR_ALL, 3);
    hears(rig, "+a +k +l +r +s *");
    assert_counts(rig, 3, 3, 2, 1);
    counts_at(ask_inner(rig, "left", TR_VERB_COUNT), (size_t[]){2, 2, 0, 2}, __FILE__,
              __LINE__);

    tr_command_t *asked = command(rig, TR_VERB_ADD, NULL); /* at run time */
    asked->spec = spec_of(rig, 'z');
    assert_answer(await(rig, give_to(rig, "left", asked)), TR_ANSWER_DONE);
    hears(rig, "+z");
    counts_at(ask_inner(rig, "left", TR_VERB_COUNT), (size_t[]){3, 3, 0, 3}, __FILE__,
              __LINE__);

    kill_child(rig, "k"); /* a matter of its own supervisor */
    hears(rig, "-k +k");
    kill_child(rig, "r");
    hears(rig, "-r -s +r +s");
    assert_counts(rig, 3, 3, 2, 1);
    kill_child(rig, "k"); /* once too often: left ends, and all with it */
    hears(rig, "-k -z -l -left -s -r -right -a +a +k +l +r +s");
    assert_counts(rig, 3, 3, 2, 1);
    counts_at(ask_inner(rig, "left", TR_VERB_COUNT), (size_t[]){2, 2, 0, 2}, __FILE__,
              __LINE__);
    stops_so(rig, "-s -r -right -l -k -left -a !");
}

/* ---- counting ---- */

/* Let so many threads have their descriptors, four each, while libzmq still closes those of as
 * many before them. Returns how many may live at once, at most `n`. */
static size_t make_room(size_t n)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    rlim_t n_needed = 8 * n + 500;
    if (limit.rlim_cur < n_needed) {
        struct rlimit wider = {.rlim_cur = n_needed, .rlim_max = limit.rlim_max};
        if (wider.rlim_max != RLIM_INFINITY && wider.rlim_max < n_needed) {
            wider.rlim_cur = wider.rlim_max;
        }
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &wider), 0);
        n_needed = wider.rlim_cur;
    }
    assert_true(n_needed > 1000);
    size_t n_fit = (size_t)(n_needed - 500) / 8;
    return n_fit < n ? n_fit : n;
}

static size_t n_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    assert_non_null(directory);
    size_t n = 0;
    while (readdir(directory)) {
        n++;
    }
    closedir(directory);
    return n;
}

/* libzmq gives descriptors back late, and rings no bell: it is asked until it has. */
static void wait_for_descriptors(void)
{
    int64_t until_ms = tr_clock_now_ms() + RIG_PATIENCE_MS;
    while (n_descriptors() > 400 && tr_clock_now_ms() < until_ms) {
        poll(NULL, 0, 10);
    }
}

static void add_many(rig_t *rig, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert_answer(add_from_template(rig), TR_ANSWER_DONE);
    }
    hears_many(rig, '+', n);
}

/* Counts at once after half and after all of them were added. */
static void count_at_two_sizes(rig_t *rig)
{
    bool are_supervisors = spec_of(rig, 'a')->is_supervisor;
    size_t n = make_room(2000) / 2;
    start_top(rig, TR_SIMPLE_ONE_FOR_ONE, 1);
    hears(rig, "*");
    for (size_t k = n; k <= 2 * n; k += n) {
        add_many(rig, n);
        assert_counts(rig, 1, k, are_supervisors ? k : 0, are_supervisors ? 0 : k);
    }
    ask_top_to_stop(rig, TROUPE_REASON_SHUTDOWN);
    hears_many(rig, '-', 2 * n);
    hears(rig, "!");
    reap_top(rig);
    wait_for_descriptors();
}

static void count_children(void **state)
{
    count_at_two_sizes(*state);
}

static void count_children_supervisor(void **state)
{
    rig_t *rig = *state;
    spec_of(rig, 'a')->is_supervisor = true;
    count_at_two_sizes(rig);
    spec_of(rig, 'b')->is_supervisor = true; /* and mixed, running or not */
    rig->specs[0].is_supervisor = false;
    start_top(rig, TR_ONE_FOR_ONE, 3);
    hears(rig, "+a +b +c *");
    assert_counts(rig, 3, 3, 1, 2);
    assert_answer(ask(rig, TR_VERB_TERMINATE, "b"), TR_ANSWER_DONE);
    assert_counts(rig, 3, 2, 1, 2);
    hears(rig, "-b");
    stops_so(rig, "-c -a !");
}

static void count_restarting_children(void **state)
{
    rig_t *rig = *state;
    spec_of(rig, 'a')->backoff_min_ms = 60000; /* the second try comes late */
    spec_of(rig, 'a')->backoff_max_ms = 60000;
    set_births(rig, 'a', "ooof");
    start_top(rig, TR_SIMPLE_ONE_FOR_ONE, 1);
    hears(rig, "*");
    add_many(rig, 3);
    kill_child(rig, "a/1");
    hears(rig, "-a/1 xa/1");
    kill_child(rig, "a/2");
    hears(rig, "-a/2 xa/2");
    assert_state(rig, "a/1", "restarting");
    assert_state(rig, "a/2", "restarting");
    assert_counts(rig, 1, 1, 0, 3);
    assert_answer(ask(rig, TR_VERB_TERMINATE, "a/1"), TR_ANSWER_DONE);
    assert_answer(ask(rig, TR_VERB_TERMINATE, "a/2"), TR_ANSWER_DONE);
    assert_counts(rig, 1, 1, 0, 1);
    stops_so(rig, "-a/3 !");
}

/* ---- looking ---- */

/* The caller destroys it. */
static tr_letter_t *survey(rig_t *rig)
{
    tr_control_t *word = tr_control_new(TR_WORD_SURVEY, 0);
    assert_non_null(word);
    word->number = 1;
    word->mailbox = tr_mailbox_share(rig->replies);
    tr_control_send(word, rig->supervisor->mailbox);
    tr_letter_t *letter = next_reply(rig);
    assert_non_null(letter);
    assert_ptr_equal(letter->type, &tr_report_type);
    return letter;
}

static void get_callback_module(void **state)
{
    rig_t *rig = *state;
    start_top(rig, TR_REST_FOR_ONE, 1);
    hears(rig, "+a *");
    assert_string_equal(ask(rig, TR_VERB_FIND, "a").kind, "stub");
    tr_letter_t *letter = survey(rig);
    const tr_report_t *report = (const tr_report_t *)letter;
    assert_string_equal(report->name, "top");
    assert_string_equal(report->strategy, "rest_for_one");
    assert_string_equal(report->children[0].kind, "stub");
    tr_letter_destroy(&letter);
    stops_so(rig, "-a !");
}

static void which_children(void **state)
{
    rig_t *rig = *state;
    const tr_supervisor_spec_t inner =
        supervisor_spec("inner", TR_ONE_FOR_ONE, spec_of(rig, 'x'), 1);
    make_supervisor(rig, 'b', &inner);
    start_top(rig, TR_ONE_FOR_ONE, 3);
    hears(rig, "+a +x +c *");
    assert_answer(ask(rig, TR_VERB_TERMINATE, "c"), TR_ANSWER_DONE);
    hears(rig, "-c");
    static const char *const lines[][3] = {
        {"a", "stub", "ready"}, {"inner", "supervisor", "ready"}, {"c", "stub", "stopped"}};
    uint64_t a = incarnation_of(rig, "a");
    tr_letter_t *letter = survey(rig);
    const tr_report_t *report = (const tr_report_t *)letter;
    assert_int_equal(report->n_children, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(report->children[i].name, lines[i][0]);
        assert_string_equal(report->children[i].kind, lines[i][1]);
        assert_string_equal(report->children[i].state, lines[i][2]);
    }
    assert_int_equal(report->children[0].incarnation, a);
    tr_letter_destroy(&letter);
    stops_so(rig, "-x -inner -a !");
}

static void which_child(void **state)
{
    rig_t *rig = *state;
    start_top(rig, TR_ONE_FOR_ONE, 2);
    hears(rig, "+a +b *");
    tr_answer_t by_name = ask(rig, TR_VERB_FIND, "b");
    assert_answer(by_name, TR_ANSWER_DONE);
    assert_string_equal(by_name.state, "ready");
    tr_answer_t by_life = ask_life(rig, TR_VERB_FIND, by_name.incarnation);
    assert_answer(by_life, TR_ANSWER_DONE);
    assert_string_equal(by_life.name, "b");
    assert_answer(ask(rig, TR_VERB_TERMINATE, "b"), TR_ANSWER_DONE);
    hears(rig, "-b");
    assert_state(rig, "b", "stopped");
    assert_answer(ask_life(rig, TR_VERB_FIND, by_name.incarnation), TR_ANSWER_NOT_FOUND);
    assert_unknown(rig, "c");
    stops_so(rig, "-a !");
}

static void order_of_children(void **state)
{
    rig_t *rig = *state;
    start_top(rig, TR_REST_FOR_ONE, 5);
    hears(rig, "+a +b +c +d +e *");
    kill_child(rig, "c");
    hears(rig, "-c -e -d +c +d +e");
    assert_answer(add(rig, spec_of(rig, 'f')), TR_ANSWER_DONE);
    hears(rig, "+f");
    tr_letter_t *letter = survey(rig);
    for (size_t i = 0; i < 6; i++) {
        assert_string_equal(((const tr_report_t *)letter)->children[i].name,
                            rig->specs[i].name);
    }
    tr_letter_destroy(&letter);
    kill_child(rig, "e");
    hears(rig, "-e -f +e +f");
    stops_so(rig, "-f -e -d -c -b -a !");
}

/* ---- what is not kept of temporary children ---- */

/* What a child is started with, its spec too; only its supervisor keeps it. */
typedef struct baggage {
    atomic_int *n_kept;
    rig_t *rig;
    char name[16];
    tr_child_spec_t spec;
    char bytes[10000];
} baggage_t;

static void lose(void *what)
{
    baggage_t *baggage = what;
    atomic_fetch_sub(baggage->n_kept, 1);
    free(baggage);
}

static troupe_status_t start_with_baggage(const tr_birth_t *birth, tr_actor_t **out)
{
    rig_t *rig = ((const baggage_t *)birth->what)->rig;
    tr_birth_t lighter = *birth;
    lighter.what = script_of(rig, 'a');
    return spec_of(rig, 'a')->start(&lighter, out);
}

static void add_with_baggage(rig_t *rig, size_t number, tr_restart_t restart,
                             atomic_int *n_kept)
{
    baggage_t *baggage = malloc(sizeof *baggage);
    assert_non_null(baggage);
    *baggage = (baggage_t){.n_kept = n_kept, .rig = rig, .spec = *spec_of(rig, 'a')};
    snprintf(baggage->name, sizeof baggage->name, "n%zu", number);
    baggage->spec.name = baggage->name;
    baggage->spec.start = start_with_baggage;
    baggage->spec.what = baggage;
    baggage->spec.restart = restart;
    atomic_fetch_add(n_kept, 1);
    tr_command_t *asked = command(rig, TR_VERB_ADD, NULL);
    asked->spec = &baggage->spec;
    asked->what = baggage;
    asked->keepsake = tr_keepsake_new(baggage, lose);
    assert_non_null(asked->keepsake);
    tr_answer_t added = await(rig, give(rig, asked));
    assert_answer(added, TR_ANSWER_DONE);
    hears_many(rig, '+', 1);
    assert_answer(ask(rig, TR_VERB_TERMINATE, added.name), TR_ANSWER_DONE);
    hears_many(rig, '-', 1);
}

static const tr_strategy_t strategies[] = {TR_ONE_FOR_ONE, TR_ONE_FOR_ALL, TR_REST_FOR_ONE,
                                           TR_SIMPLE_ONE_FOR_ONE};

/* What is measured is what is still held. */
static void do_not_save_start_parameters_for_temporary_children(void **state)
{
    rig_t *rig = *state;
    for (size_t i = 0; i < 4; i++) {
        for (tr_restart_t type = TR_RESTART_PERMANENT; type <= TR_RESTART_TEMPORARY; type++) {
            atomic_int n_kept = 0;
            tr_child_spec_t template = *spec_of(rig, 'a');
            template.restart = type;
            template.start = start_with_baggage;
            bool is_template = strategies[i] == TR_SIMPLE_ONE_FOR_ONE;
            rig->spec.children = &template;
            start_top(rig, strategies[i], is_template ? 1 : 0);
            hears(rig, "*");
            for (size_t k = 0; k < 20; k++) {
                add_with_baggage(rig, k, type, &n_kept);
            }
            assert_counts(rig,
                          is_template                    ? 1
                          : type == TR_RESTART_TEMPORARY ? 0
                                                         : 20,
                          0, 0, is_template || type == TR_RESTART_TEMPORARY ? 0 : 20);
            assert_int_equal(atomic_load(&n_kept),
                             is_template || type == TR_RESTART_TEMPORARY ? 0 : 20);
            stops_so(rig, "!");
            assert_int_equal(atomic_load(&n_kept), 0);
        }
    }
}

static void do_not_save_child_specs_for_temporary_children(void **state)
{
    rig_t *rig = *state;
    static const troupe_reason_kind_t kinds[] = {TROUPE_REASON_CRASHED, TROUPE_REASON_NORMAL,
                                                 TROUPE_REASON_FAILED};
    for (size_t i = 0; i < 3; i++) {
        start_top(rig, strategies[i], 0);
        hears(rig, "*");
        spec_of(rig, 'a')->restart = TR_RESTART_TEMPORARY;
        for (size_t k = 0; k < 4; k++) {
            assert_answer(add(rig, spec_of(rig, 'a')), TR_ANSWER_DONE);
            hears(rig, "+a");
            if (k < 3) {
                end_child(rig, "a", kinds[k], "");
            } else {
                assert_answer(ask(rig, TR_VERB_TERMINATE, "a"), TR_ANSWER_DONE);
            }
            hears(rig, "-a");
            assert_counts(rig, 0, 0, 0, 0);
        }
        spec_of(rig, 'a')->restart = TR_RESTART_PERMANENT;
        assert_answer(add(rig, spec_of(rig, 'a')), TR_ANSWER_DONE);
        hears(rig, "+a");
        for (size_t k = 0; k < 3; k++) {
            end_child(rig, "a", kinds[k], "");
            hears(rig, "-a +a");
            assert_answer(add(rig, spec_of(rig, 'a')), TR_ANSWER_ALREADY_STARTED);
        }
        assert_answer(ask(rig, TR_VERB_TERMINATE, "a"), TR_ANSWER_DONE);
        hears(rig, "-a");
        assert_answer(add(rig, spec_of(rig, 'a')), TR_ANSWER_ALREADY_PRESENT);
        stops_so(rig, "!");
    }
}

/* ---- scale ---- */

typedef int64_t(measure_fn)(rig_t *rig, size_t n); /* in us */

/* How many times longer the larger size takes; the best of three each. */
static double ratio(rig_t *rig, const char *what, measure_fn *measure, size_t small,
                    size_t large)
{
    int64_t best_small = TR_NEVER, best_large = TR_NEVER;
    for (size_t i = 0; i < 3; i++) {
        int64_t one = measure(rig, small);
        wait_for_descriptors();
        int64_t other = measure(rig, large);
        wait_for_descriptors();
        best_small = one < best_small ? one : best_small;
        best_large = other < best_large ? other : best_large;
    }
    double times = (double)best_large / (double)(best_small > 0 ? best_small : 1);
    print_message("%s: %zu in %lld us, %zu in %lld us: %.1f times\n", what, small,
                  (long long)best_small, large, (long long)best_large, times);
    return times;
}

static void quiet_log(void)
{
    tr_log_set_level(TR_LOG_WARNING);
}

static pthread_t supervisor_thread;
static tr_start_fn *start_stub;

/* A child is started on the thread of its supervisor. */
static troupe_status_t start_and_note(const tr_birth_t *birth, tr_actor_t **out)
{
    supervisor_thread = pthread_self();
    return start_stub(birth, out);
}

static void watch_the_supervisor(rig_t *rig)
{
    quiet_log();
    start_stub = spec_of(rig, 'a')->start;
    spec_of(rig, 'a')->start = start_and_note;
}

/* What the supervisor's thread has worked so far. The clock on the wall would measure libzmq,
 * which looks through all endpoints of the process whenever it closes a socket. */
static int64_t worked_us(void)
{
    clockid_t clock;
    struct timespec worked;
    assert_int_equal(pthread_getcpuclockid(supervisor_thread, &clock), 0);
    assert_int_equal(clock_gettime(clock, &worked), 0);
    return (int64_t)worked.tv_sec * 1000000 + worked.tv_nsec / 1000;
}

static int64_t start_temporary_ones(rig_t *rig, size_t n)
{
    start_top(rig, TR_SIMPLE_ONE_FOR_ONE, 1);
    hears(rig, "*");
    add_many(rig, n);
    int64_t took_us = worked_us();
    ask_top_to_stop(rig, TROUPE_REASON_SHUTDOWN);
    hears_many(rig, '-', n);
    hears(rig, "!");
    reap_top(rig);
    return took_us;
}

/* Ten times as many may give the supervisor fifty times as much work. */
static void simple_one_for_one_scale_many_temporary_children(void **state)
{
    rig_t *rig = *state;
    watch_the_supervisor(rig);
    spec_of(rig, 'a')->restart = TR_RESTART_TEMPORARY;
    size_t large = make_room(2000);
    assert_true(ratio(rig, "start", start_temporary_ones, large / 10, large) <= 50);
}

static int64_t start_and_stop(rig_t *rig, size_t n)
{
    start_top(rig, TR_ONE_FOR_ONE, 0);
    hears(rig, "*");
    char(*names)[24] = calloc(n, sizeof *names);
    tr_child_spec_t *specs = calloc(n, sizeof *specs);
    assert_non_null(names);
    assert_non_null(specs);
    for (size_t i = 0; i < n; i++) {
        snprintf(names[i], sizeof names[i], "n%zu", i);
        specs[i] = *spec_of(rig, 'a');
        specs[i].name = names[i];
        assert_answer(add(rig, &specs[i]), TR_ANSWER_DONE);
    }
    for (size_t i = 0; i < n; i++) {
        assert_answer(ask(rig, TR_VERB_TERMINATE, names[i]), TR_ANSWER_DONE);
        assert_answer(ask(rig, TR_VERB_REMOVE, names[i]), TR_ANSWER_DONE);
    }
    int64_t took_us = worked_us();
    assert_counts(rig, 0, 0, 0, 0);
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(rig->story, NULL)) != NULL) { /* +n0 … -n0 … */
        tr_letter_destroy(&letter);
    }
    stops_so(rig, "!");
    free(specs);
    free(names);
    return took_us;
}

static void scale_start_stop_many_children(void **state)
{
    rig_t *rig = *state;
    watch_the_supervisor(rig);
    size_t large = make_room(2000);
    assert_true(ratio(rig, "start and stop", start_and_stop, large / 10, large) <= 50);
}

static int64_t end_all_at_once(rig_t *rig, size_t n)
{
    start_top(rig, TR_SIMPLE_ONE_FOR_ONE, 1);
    hears(rig, "*");
    add_many(rig, n);
    tr_mailbox_t **mailboxes = calloc(n, sizeof(*mailboxes));
    assert_non_null(mailboxes);
    for (size_t i = 0; i < n; i++) {
        char name[32];
        snprintf(name, sizeof name, "a/%zu", i + 1);
        mailboxes[i] =
            tr_directory_find(rig->runtime->directory, TR_NAMES_ACTOR, tr_span_of(name));
        assert_non_null(mailboxes[i]);
    }
    int64_t since_us = worked_us();
    for (size_t i = 0; i < n; i++) {
        tr_control_say(mailboxes[i], TR_WORD_DRAIN, 0);
        tr_mailbox_release(&mailboxes[i]);
    }
    hears_many(rig, '-', n);
    assert_counts(rig, 1, 0, 0, 0);
    int64_t took_us = worked_us() - since_us;
    free(mailboxes);
    stops_so(rig, "!");
    return took_us;
}

/* Five times as many may give the supervisor twelve times as much work. */
static void scale_mass_exit_children(void **state)
{
    rig_t *rig = *state;
    watch_the_supervisor(rig);
    spec_of(rig, 'a')->restart = TR_RESTART_TEMPORARY;
    size_t large = make_room(2000);
    assert_true(ratio(rig, "end at once", end_all_at_once, large / 5, large) <= 12);
}

/* ---- names ---- */

/* The life that is known under that name; 0: none. */
static uint64_t registered(rig_t *rig, const char *name)
{
    tr_mailbox_t *mailbox =
        tr_directory_find(rig->runtime->directory, TR_NAMES_ACTOR, tr_span_of(name));
    uint64_t incarnation = mailbox ? tr_mailbox_incarnation(mailbox) : 0;
    tr_mailbox_release(&mailbox);
    return incarnation;
}

static void simple_global_supervisor(void **state)
{
    rig_t *rig = *state;
    tr_supervisor_spec_t inner = supervisor_spec("inner", TR_ONE_FOR_ONE, spec_of(rig, 'k'), 2);
    inner.max_restarts = 3;
    make_supervisor(rig, 'a', &inner);
    start_top(rig, TR_ONE_FOR_ONE, 1);
    hears(rig, "+k +l *");
    uint64_t supervisor = registered(rig, "inner"), k = registered(rig, "k"),
             l = registered(rig, "l");
    assert_int_not_equal(supervisor, 0);

    kill_child(rig, "k"); /* a worker is killed */
    hears(rig, "-k +k");
    assert_int_not_equal(registered(rig, "k"), 0);
    assert_int_not_equal(registered(rig, "k"), k);
    assert_int_equal(registered(rig, "l"), l);
    k = registered(rig, "k");
    end_child(rig, "k", TROUPE_REASON_NORMAL, ""); /* ends */
    hears(rig, "-k +k");
    assert_int_not_equal(registered(rig, "k"), 0);
    assert_int_not_equal(registered(rig, "k"), k);
    k = registered(rig, "k");
    assert_answer(await(rig, give_to(rig, "inner", command(rig, TR_VERB_TERMINATE, "k"))),
                  TR_ANSWER_DONE);
    hears(rig, "-k");
    assert_int_equal(registered(rig, "k"), 0);
    assert_answer(await(rig, give_to(rig, "inner", command(rig, TR_VERB_RESTART, "k"))),
                  TR_ANSWER_DONE); /* is restarted by hand */
    hears(rig, "+k");
    assert_int_not_equal(registered(rig, "k"), 0);
    assert_int_not_equal(registered(rig, "k"), k);

    /* A supervisor cannot be killed; past its intensity it ends. */
    kill_child(rig, "l");
    hears(rig, "-l +l");
    l = registered(rig, "l");
    kill_child(rig, "l");
    hears(rig, "-l -k -inner +k +l");
    assert_int_not_equal(registered(rig, "inner"), 0);
    assert_int_not_equal(registered(rig, "inner"), supervisor);
    assert_int_not_equal(registered(rig, "l"), 0);
    assert_int_not_equal(registered(rig, "l"), l);
    stops_so(rig, "-l -k -inner !");
}

static void already_started_outside_supervisor(void **state)
{
    rig_t *rig = *state;
    tr_actor_t *outsider = NULL;
    assert_status(spec_of(rig, 'a')->start(&(tr_birth_t){.what = script_of(rig, 'z'),
                                                         .name = "a",
                                                         .runtime = rig->runtime,
                                                         .parent = rig->replies},
                                           &outsider),
                  TROUPE_OK);
    hears(rig, "+a");
    tr_letter_t *letter = next_reply(rig); /* that it has started */
    tr_letter_destroy(&letter);
    start_top(rig, TR_ONE_FOR_ONE, 0);
    hears(rig, "*");
    tr_answer_t answer = add(rig, spec_of(rig, 'a'));
    assert_answer(answer, TR_ANSWER_FAILED);
    assert_string_equal(answer.text, "failed: there is another actor called a");
    hears(rig, "-a");
    assert_int_equal(registered(rig, "a"), outsider->incarnation); /* that one */
    assert_unknown(rig, "a");
    stops_so(rig, "!");
    start_top(rig, TR_ONE_FOR_ONE, 1); /* and from the list */
    hears(rig, "-a !");
    assert_reason(rig->end_reason, TROUPE_REASON_FAILED,
                  "a did not start: failed: there is another actor called a");
    reap_top(rig);
    tr_actor_ask_to_stop(outsider, tr_reason_of(TROUPE_REASON_SHUTDOWN));
    hears(rig, "-a");
    assert_status(tr_actor_reap(&outsider, RIG_PATIENCE_MS), TROUPE_OK);
}

/* ---- starts that fail for ever, or never end ---- */

#define NEVER_TOO_OFTEN TR_MAX_RESTARTS

/* While `name` is being restarted again and again, the supervisor answers. */
static void answers_about_restarting(rig_t *rig, const char *name)
{
    assert_state(rig, name, "restarting");
    assert_answer(add(rig, spec_of(rig, name[0])), TR_ANSWER_ALREADY_PRESENT);
    assert_answer(ask(rig, TR_VERB_RESTART, name), TR_ANSWER_RESTARTING);
    assert_answer(ask(rig, TR_VERB_REMOVE, name), TR_ANSWER_RESTARTING);
}

static void hanging_restart_loop(void **state)
{
    rig_t *rig = *state;
    quiet_log();
    rig->spec.max_restarts = NEVER_TOO_OFTEN;
    set_births(rig, 'a', "of");
    start_top(rig, TR_ONE_FOR_ONE, 1);
    hears(rig, "+a *");
    kill_child(rig, "a");
    hears(rig, "-a xa xa xa");
    rig->muted = 'x';
    answers_about_restarting(rig, "a");
    assert_counts(rig, 1, 0, 0, 1);
    assert_goes_on(rig, 'z');
    assert_answer(ask(rig, TR_VERB_TERMINATE, "a"), TR_ANSWER_DONE);
    assert_state(rig, "a", "stopped");
    set_births(rig, 'a', "of");
    assert_answer(ask(rig, TR_VERB_RESTART, "a"), TR_ANSWER_DONE);
    kill_child(rig, "a");
    hears(rig, "+a -a");
    stops_so(rig, "!");

    /* The same with a start that does not end. */
    set_births(rig, 'a', "oh");
    spec_of(rig, 'a')->shutdown_ms = 50;
    start_top(rig, TR_ONE_FOR_ONE, 1);
    hears(rig, "+a *");
    kill_child(rig, "a");
    hears(rig, "-a ?a");
    answers_about_restarting(rig, "a");
    assert_counts(rig, 1, 0, 0, 1);
    assert_goes_on(rig, 'z');
    assert_answer(ask(rig, TR_VERB_TERMINATE, "a"), TR_ANSWER_DONE);
    assert_state(rig, "a", "stopped");
    stops_so(rig, "!");
    release(rig, 'a');
    hears(rig, "-a");
}

static void hanging_restart_loop_rest_for_one(void **state)
{
    rig_t *rig = *state;
    quiet_log();
    rig->spec.max_restarts = NEVER_TOO_OFTEN;
    set_births(rig, 'b', "of");
    start_top(rig, TR_REST_FOR_ONE, 3);
    hears(rig, "+a +b +c *");
    kill_child(rig, "b");
    hears(rig, "-b -c xb xb xb");
    rig->muted = 'x';
    answers_about_restarting(rig, "b");
    assert_state(rig, "c", "waiting"); /* until b is up */
    assert_answer(ask(rig, TR_VERB_RESTART, "c"), TR_ANSWER_RESTARTING);
    assert_answer(ask(rig, TR_VERB_REMOVE, "c"), TR_ANSWER_RESTARTING);
    assert_answer(add(rig, spec_of(rig, 'c')), TR_ANSWER_ALREADY_PRESENT);
    assert_state(rig, "a", "ready");
    assert_counts(rig, 3, 1, 0, 3);
    assert_answer(ask(rig, TR_VERB_TERMINATE, "b"), TR_ANSWER_DONE);
    assert_state(rig, "b", "stopped");
    hears(rig, "+c"); /* nobody is before it any more */
    stops_so(rig, "-c -a !");
}

static void hanging_restart_loop_simple(void **state)
{
    rig_t *rig = *state;
    quiet_log();
    rig->spec.max_restarts = NEVER_TOO_OFTEN;
    set_births(rig, 'a', "oof");
    start_top(rig, TR_SIMPLE_ONE_FOR_ONE, 1);
    hears(rig, "*");
    add_many(rig, 2);
    kill_child(rig, "a/1");
    hears(rig, "-a/1 xa/1 xa/1 xa/1");
    rig->muted = 'x';
    assert_state(rig, "a/1", "restarting");
    assert_counts(rig, 1, 1, 0, 2);
    assert_answer(add_from_template(rig), TR_ANSWER_FAILED); /* this one is not tried again */
    assert_counts(rig, 1, 1, 0, 2);
    assert_answer(ask(rig, TR_VERB_TERMINATE, "a/1"), TR_ANSWER_DONE);
    assert_unknown(rig, "a/1");
    kill_child(rig, "a/2");
    hears(rig, "-a/2");
    stops_so(rig, "!"); /* in the middle of it */
}

/* ---- what has no equivalent, or another form ---- */

/* Nothing is done to an idle child: it is the same one, and takes its next letter. */
static void auto_hibernate(void **state)
{
    rig_t *rig = *state;
    tr_clock_hold(tr_clock_now_ms());
    start_top(rig, TR_ONE_FOR_ONE, 1);
    hears(rig, "+a *");
    uint64_t before = incarnation_of(rig, "a");
    tr_clock_advance(30000); /* less than would be asked after its health */
    assert_same_life(rig, "a", before);
    assert_state(rig, "a", "ready");
    end_child(rig, "a", TROUPE_REASON_NORMAL, "");
    hears(rig, "-a +a");
    stops_so(rig, "-a !");
}

/* A child ends for a reason of many lines: each event is one line in the log, the text is cut
 * at the size of a reason. */
static void log_is_bounded(rig_t *rig, tr_log_format_t format)
{
    FILE *log = tmpfile();
    assert_non_null(log);
    tr_log_flush(RIG_PATIENCE_MS);
    tr_log_set_descriptor(fileno(log));
    tr_log_set_format(format);
    tr_log_set_level(TR_LOG_INFO);
    char words[1000];
    for (size_t i = 0; i + 1 < sizeof words; i++) {
        words[i] = i % 3 ? 'w' : '\n';
    }
    words[sizeof words - 1] = '\0';
    start_top(rig, TR_ONE_FOR_ONE, 1);
    hears(rig, "+a *");
    end_child(rig, "a", TROUPE_REASON_FAILED, words);
    hears(rig, "-a +a");
    assert_int_equal(strlen(rig->ends[0].text), TR_REASON_TEXT - 1);
    stops_so(rig, "-a !");
    tr_log_flush(RIG_PATIENCE_MS);
    tr_log_set_descriptor(2);
    tr_log_set_format(TR_LOG_LOGFMT);
    rewind(log);
    char line[4096];
    size_t n_ends = 0;
    while (fgets(line, sizeof line, log)) {
        assert_true(line[strlen(line) - 1] == '\n');
        assert_true(format == TR_LOG_JSON ? line[0] == '{' : strncmp(line, "time=", 5) == 0);
        assert_true(strlen(line) < 3 * TR_REASON_TEXT);
        n_ends += strstr(line, "www") == NULL && strstr(line, "failed: ") != NULL;
    }
    fclose(log);
    assert_int_equal(n_ends, 1);
}

static void format_log_1(void **state)
{
    log_is_bounded(*state, TR_LOG_LOGFMT);
}

static void format_log_2(void **state)
{
    log_is_bounded(*state, TR_LOG_JSON);
}

int main(void)
{
    zsys_set_max_sockets(0); /* before the first socket: as many as there can be */
    const struct CMUnitTest tests[] = {
        rule(child_unlink),
        rule(tree),
        rule(count_children),
        rule(count_children_supervisor),
        rule(count_restarting_children),
        rule(get_callback_module),
        rule(do_not_save_start_parameters_for_temporary_children),
        rule(do_not_save_child_specs_for_temporary_children),
        rule(simple_one_for_one_scale_many_temporary_children),
        rule(scale_start_stop_many_children),
        rule(scale_mass_exit_children),
        rule(simple_global_supervisor),
        rule(hanging_restart_loop),
        rule(hanging_restart_loop_rest_for_one),
        rule(hanging_restart_loop_simple),
        rule(order_of_children),
        rule(already_started_outside_supervisor),
        rule(which_children),
        rule(which_child),
        rule(auto_hibernate),
        rule(format_log_1),
        rule(format_log_2),
    };
    return cmocka_run_group_tests_name("conformance/otp_scale", tests, NULL, NULL) != 0;
}
