/* Monitors and links between the lives of a few actors, told step by step: the test is all of
 * them, and takes what lies in their mailboxes when the story says so. */

#include "tests/kit/check.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/worker/watching.h"
#include "tests/kit/fault_point.h"

#define N_ACTORS 3

typedef struct actor {
    tr_mailbox_t *mailbox; /* lasting, but nobody moves in: only words are taken */
    troupe_ref_t *ref;
    uint64_t life;
    tr_watching_t watching;
} actor_t;

typedef struct scene {
    actor_t actors[N_ACTORS]; /* a, b, c */
    uint64_t last_life;
    uint64_t last_number;
    char trace[1000];
} scene_t;

static void note(scene_t *scene, const char *word)
{
    size_t size = strlen(scene->trace);
    snprintf(scene->trace + size, sizeof scene->trace - size, "%s%s", size ? " " : "", word);
}

static void begin(scene_t *scene, actor_t *actor)
{
    actor->life = ++scene->last_life;
    tr_ref_begin(actor->ref, actor->life);
    tr_watching_init(&actor->watching, actor->mailbox, actor->ref, actor->life);
}

static void end(actor_t *actor, troupe_reason_kind_t kind)
{
    const tr_reason_t reason = tr_reason_of(kind);
    tr_watching_finish(&actor->watching);
    tr_ref_end(actor->ref, actor->life, &reason);
    actor->life = 0;
}

static void scene_begin(scene_t *scene)
{
    *scene = (scene_t){.trace = ""};
    for (size_t i = 0; i < N_ACTORS; i++) {
        const char name[] = {(char)('a' + i), '\0'};
        actor_t *actor = &scene->actors[i];
        actor->mailbox = tr_mailbox_new(name, 1, (tr_mailbox_limits_t){1, 1000});
        assert_non_null(actor->mailbox);
        actor->ref = tr_ref_new(name, "", actor->mailbox, 0);
        assert_non_null(actor->ref);
        begin(scene, actor);
    }
}

static void scene_end(scene_t *scene)
{
    for (size_t i = 0; i < N_ACTORS; i++) {
        actor_t *actor = &scene->actors[i];
        if (actor->life) {
            end(actor, TROUPE_REASON_NORMAL);
        }
        tr_ref_finish(actor->ref);
        tr_mailbox_close(actor->mailbox);
    }
    for (size_t i = 0; i < N_ACTORS; i++) {
        tr_letter_t *letter;
        while ((letter = tr_mailbox_next(scene->actors[i].mailbox, NULL)) != NULL) {
            tr_letter_destroy(&letter);
        }
    }
    for (size_t i = 0; i < N_ACTORS; i++) {
        assert_int_equal(atomic_load(&scene->actors[i].ref->holders), 1);
        troupe_ref_release(&scene->actors[i].ref);
        tr_mailbox_release(&scene->actors[i].mailbox);
    }
}

/* What lies in the mailbox of an actor that lives: "a:b1:failed" for the DOWN of b by its
 * monitor 1, "a:b:failed" by a link, "a:-" for one that is of no account. */
static void take(scene_t *scene, actor_t *actor)
{
    tr_letter_t *letter;
    while ((letter = tr_mailbox_next(actor->mailbox, NULL)) != NULL) {
        const tr_mail_t *notice = tr_mail_in(letter);
        assert_int_equal(notice->kind, TROUPE_MESSAGE_DOWN);
        char word[80];
        char number[30] = "";
        if (!notice->is_link) {
            snprintf(number, sizeof number, "%llu", (unsigned long long)notice->number);
        }
        if (tr_watching_take(&actor->watching, notice)) {
            snprintf(word, sizeof word, "%s:%s%s:%s", actor->ref->name,
                     troupe_ref_name(troupe_message_sender(notice->message)), number,
                     tr_reason_name(troupe_message_reason(notice->message).kind));
        } else {
            snprintf(word, sizeof word, "%s:-", actor->ref->name);
        }
        note(scene, word);
        tr_letter_destroy(&letter);
    }
}

/* One row, one story:
 *
 *   am>b  a monitors b                  au>1  a does not any more, by number
 *   al>b  a links b                     ax>b  and does not any more
 *   b!f   b ends: n normal, f failed    b+    its next life begins
 *   b.    it ends for good              a?    a takes what lies in its mailbox
 */
struct story {
    const char *happens;
    const char *comes;
};

static void monitor(scene_t *scene, actor_t *actor, actor_t *whom)
{
    assert_status(tr_watching_monitor(&actor->watching, whom->ref, ++scene->last_number),
                  TROUPE_OK);
}

static void play(scene_t *scene, const char *word)
{
    actor_t *actor = &scene->actors[word[0] - 'a'];
    actor_t *other =
        word[1] && word[2] == '>' && word[3] >= 'a' ? &scene->actors[word[3] - 'a'] : NULL;
    switch (word[1]) {
    case 'm':
        monitor(scene, actor, other);
        break;
    case 'u':
        if (!tr_watching_stop(&actor->watching, strtoull(word + 3, NULL, 10))) {
            note(scene, "none");
        }
        break;
    case 'l':
        assert_status(tr_watching_link(&actor->watching, other->ref), TROUPE_OK);
        break;
    case 'x':
        tr_watching_unlink(&actor->watching, other->ref);
        break;
    case '!':
        end(actor, word[2] == 'n' ? TROUPE_REASON_NORMAL : TROUPE_REASON_FAILED);
        break;
    case '+':
        begin(scene, actor);
        break;
    case '.':
        tr_ref_finish(actor->ref);
        break;
    case '?':
        take(scene, actor);
        break;
    default:
        fail_msg("what is %s?", word);
    }
}

static void story_holds(void **state)
{
    const struct story *story = *state;
    scene_t scene;
    scene_begin(&scene);
    char *words = strdup(story->happens);
    for (char *rest = words, *word; (word = strtok_r(rest, " ", &rest)) != NULL;) {
        play(&scene, word);
    }
    free(words);
    assert_string_equal(scene.trace, story->comes);
    scene_end(&scene);
}

/* ---- memory ---- */

static bool watches_and_links(scene_t *scene)
{
    tr_watching_t *watching = &scene->actors[0].watching;
    troupe_ref_t *b = scene->actors[1].ref;
    bool is_done = tr_watching_monitor(watching, b, 1) == TROUPE_OK;
    assert_int_equal(watching->open.n_items, is_done);
    return is_done && tr_watching_link(watching, b) == TROUPE_OK;
}

static void what_finds_no_memory_is_not_watched(void **state)
{
    (void)state;
    bool is_done = false;
    for (size_t n = 0; !is_done; n++) {
        scene_t scene;
        scene_begin(&scene);
        tr_fault_arm(&tr_fault_memory, n, 1);
        is_done = watches_and_links(&scene);
        assert_int_equal(is_done, tr_fault_memory.n_hits == 0);
        tr_fault_disarm(&tr_fault_memory);
        assert_true(n < 100);
        bool is_monitored = scene.actors[0].watching.open.n_items == 1;
        end(&scene.actors[1], TROUPE_REASON_FAILED);
        take(&scene, &scene.actors[0]);
        assert_string_equal(scene.trace, is_done        ? "a:b1:failed a:b:failed"
                                         : is_monitored ? "a:b1:failed"
                                                        : "");
        scene_end(&scene);
    }
}

static void an_end_is_told_without_memory(void **state)
{
    (void)state;
    scene_t scene;
    scene_begin(&scene);
    assert_true(watches_and_links(&scene));
    tr_fault_arm(&tr_fault_memory, 0, SIZE_MAX);
    end(&scene.actors[1], TROUPE_REASON_FAILED);
    take(&scene, &scene.actors[0]);
    assert_int_equal(tr_fault_memory.n_hits, 0);
    tr_fault_disarm(&tr_fault_memory);
    assert_string_equal(scene.trace, "a:b1:failed a:b:failed");
    scene_end(&scene);
}

/* ---- many ---- */

/* As many as look at one actor are told in the order in which they began to look. */
static void thousands_watch_one(void **state)
{
    (void)state;
    enum { N_MONITORS = 5000 };
    scene_t scene;
    scene_begin(&scene);
    for (uint64_t id = 1; id <= N_MONITORS; id++) {
        assert_status(tr_watching_monitor(&scene.actors[0].watching, scene.actors[1].ref, id),
                      TROUPE_OK);
    }
    assert_true(tr_watching_stop(&scene.actors[0].watching, N_MONITORS)); /* the last one */
    assert_true(tr_watching_stop(&scene.actors[0].watching, 1));
    monitor(&scene, &scene.actors[0], scene.actors + 1); /* number 1 is free again */
    end(&scene.actors[1], TROUPE_REASON_NORMAL);
    for (uint64_t id = 2; id <= N_MONITORS; id++) {
        tr_letter_t *letter = tr_mailbox_next(scene.actors[0].mailbox, NULL);
        assert_non_null(letter);
        assert_int_equal(tr_mail_in(letter)->number, id < N_MONITORS ? id : 1);
        assert_true(tr_watching_take(&scene.actors[0].watching, tr_mail_in(letter)));
        tr_letter_destroy(&letter);
    }
    assert_null(tr_mailbox_next(scene.actors[0].mailbox, NULL));
    scene_end(&scene);
}

/* ---- two at once ---- */

enum { N_RACES = 2000 };

static pthread_barrier_t start_line;

typedef struct racer {
    actor_t *self;
    actor_t *other;
} racer_t;

static void *link_again_and_again(void *arg)
{
    racer_t *racer = arg;
    for (int i = 0; i < N_RACES; i++) {
        pthread_barrier_wait(&start_line);
        assert_status(tr_watching_link(&racer->self->watching, racer->other->ref), TROUPE_OK);
        pthread_barrier_wait(&start_line);
        pthread_barrier_wait(&start_line);
        tr_watching_unlink(&racer->self->watching, racer->other->ref);
        pthread_barrier_wait(&start_line);
    }
    return NULL;
}

static size_t n_watches(const troupe_ref_t *ref);

static void both_link_at_once_and_are_tied_once(void **state)
{
    (void)state;
    scene_t scene;
    scene_begin(&scene);
    actor_t *a = &scene.actors[0];
    actor_t *b = &scene.actors[1];
    racer_t racers[2] = {{a, b}, {b, a}};
    pthread_t threads[2];
    pthread_barrier_init(&start_line, NULL, 3);
    for (int i = 0; i < 2; i++) {
        pthread_create(&threads[i], NULL, link_again_and_again, &racers[i]);
    }
    bool is_sound = true;
    for (int i = 0; i < N_RACES; i++) {
        pthread_barrier_wait(&start_line);
        pthread_barrier_wait(&start_line);
        is_sound &= n_watches(a->ref) == 1 && n_watches(b->ref) == 1;
        pthread_barrier_wait(&start_line);
        pthread_barrier_wait(&start_line);
        is_sound &= n_watches(a->ref) == 0 && n_watches(b->ref) == 0;
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_barrier_destroy(&start_line);
    assert_true(is_sound);
    scene_end(&scene);
}

/* Each link holds a share of whom it tells. */
static size_t n_watches(const troupe_ref_t *ref)
{
    return ref->watches == NULL ? 0 : ref->watches == ref->last_watch ? 1 : 2;
}

/* clang-format off */
#define STORY(title, ...) \
    { .name = title, .test_func = story_holds, .initial_state = &(struct story){__VA_ARGS__} }
/* clang-format on */

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY("an end is told once", "am>b b!f b+ b!f a?", "a:b1:failed"),
        STORY("a good end is told too", "am>b b!n a?", "a:b1:normal"),
        STORY("each monitor is told", "am>b am>b cm>b b!f a? c?",
              "a:b1:failed a:b2:failed c:b3:failed"),
        STORY("who does not monitor any more is not told", "am>b au>1 b!f a? au>1", "none"),
        STORY("not even when it lies in the mailbox", "am>b b!f au>1 a?", "a:-"),
        STORY("one that was told cannot be stopped", "am>b b!f a? au>1", "a:b1:failed none"),
        STORY("between two lives the next one is meant", "b!f am>b a? b+ a? b!n a?",
              "a:b1:normal"),
        STORY("or the end for good", "b!f am>b b. a?", "a:b1:gone"),
        STORY("of one that is gone it comes at once", "b!f b. am>b a?", "a:b1:gone"),
        STORY("monitors end with the life", "am>b a!f a+ b!f a?", ""),
        STORY("and with what is under way", "am>b b!f a!f a+ a?", "a:-"),
        STORY("nobody hears of its own end", "am>a a!f a+ a?", ""),

        STORY("one falls with the other", "al>b b!f a?", "a:b:failed"),
        STORY("either way", "al>b a!f b?", "b:a:failed"),
        STORY("but not twice", "al>b b!f a? b+ b!f a?", "a:b:failed"),
        STORY("a good end unties", "al>b b!n a? b+ b!f a? a!f b+ b?", "a:b:normal"),
        STORY("linked twice is linked once", "al>b al>b bl>a b!f a?", "a:b:failed"),
        STORY("untied by one it is untied", "al>b ax>b b!f a? b+ a!f b?", ""),
        STORY("untied by the other too", "al>b bx>a b!f a?", ""),
        STORY("untied while it is under way", "al>b b!f ax>b a?", "a:-"),
        STORY("not linked can be untied", "ax>b al>c ax>b c!f a?", "a:c:failed"),
        STORY("a link is that of one life", "al>b a!f a+ b!f a?", "a:-"),
        STORY("one that has ended is not tied again", "al>b b!f b+ a!f a+ a? b?", "a:- b:-"),
        STORY("a new link is not untied by the old end", "al>b a!n a+ al>b b? b!f a?",
              "b:a:normal a:b:failed"),
        STORY("nor the other way round", "al>b a!n a+ al>b b? a!f b?", "b:a:normal b:a:failed"),
        STORY("nor is it taken for the old one", "al>b a!n a+ bl>a a!f b?",
              "b:a:normal b:a:failed"),
        STORY("between two lives the next one is tied", "b!f al>b a? b+ b!f a?", "a:b:failed"),
        STORY("and falls for what was meanwhile", "b!f al>b a!f b+ b?", "b:a:failed"),
        STORY("with one that is gone it falls at once", "b!f b. al>b a?", "a:b:gone"),
        STORY("unless it changes its mind", "b!f b. al>b ax>b a?", "a:-"),
        STORY("who waits for one that does not come falls", "b!f al>b b. a?", "a:b:gone"),
        STORY("links and monitors are apart", "am>b al>b ax>b b!f a?", "a:b1:failed"),
        STORY("and apart the other way", "am>b al>b au>1 b!f a?", "a:b:failed"),
        STORY("three in a ring", "al>b bl>c cl>a b!f a? c?", "a:b:failed c:b:failed"),
        cmocka_unit_test(what_finds_no_memory_is_not_watched),
        cmocka_unit_test(an_end_is_told_without_memory),
        cmocka_unit_test(thousands_watch_one),
        cmocka_unit_test(both_link_at_once_and_are_tied_once),
    };
    return cmocka_run_group_tests_name("actors/watching", tests, NULL, NULL) != 0;
}
