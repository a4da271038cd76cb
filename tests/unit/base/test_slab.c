/* Memory that is kept must be had again, belong to one at a time, and not be kept without end:
 * so all of malloc and free is counted here, and what threads hold is stamped. Under a
 * sanitizer nothing is kept, and only the stamps say something. */

#include "tests/kit/check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/slab.h"
#include "tests/kit/sanitized.h"

#ifdef TR_TEST_SANITIZED
#define KEEPS false
#else
#define KEEPS true
#endif

#define LARGEST    1024          /* that is kept */
#define A_THREAD   ((size_t)128) /* keeps of one size */
#define THE_OTHERS ((size_t)64 * 64)
#define A_CROWD    20000

static atomic_size_t n_got;
static atomic_size_t n_given;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *memory);
void __wrap_free(void *memory);

void *__wrap_malloc(size_t size)
{
    atomic_fetch_add(&n_got, 1);
    return __real_malloc(size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    atomic_fetch_add(&n_got, 1);
    return __real_aligned_alloc(alignment, size);
}

void __wrap_free(void *memory)
{
    atomic_fetch_add(&n_given, memory != NULL);
    __real_free(memory);
}

/* Of malloc's, by the slab or by whoever has it. */
static size_t n_out(void)
{
    return atomic_load(&n_got) - atomic_load(&n_given);
}

static void *alloc(size_t size)
{
    void *memory = tr_slab_alloc(size);
    if (!memory) {
        abort();
    }
    return memory;
}

static void what_is_given_back_is_had_again(void **state)
{
    (void)state;
    tr_slab_free(alloc(100), 100);
    size_t n_before = atomic_load(&n_got);
    for (size_t i = 0; i < 1000; i++) {
        char *one = alloc(100);
        char *other = alloc(65); /* as large when rounded up */
        assert_ptr_not_equal(one, other);
        tr_slab_free(one, 100);
        tr_slab_free(other, 65);
    }
    if (KEEPS) {
        assert_int_equal(atomic_load(&n_got), n_before + 1);
    }
}

static void every_size_is_as_large_as_it_says(void **state)
{
    (void)state;
    static void *all[LARGEST + 100];
    for (size_t size = 0; size < LARGEST + 100; size++) {
        all[size] = alloc(size);
        assert_int_equal((uintptr_t)all[size] % _Alignof(max_align_t), 0);
        memset(all[size], (int)(size % 251), size);
    }
    for (size_t size = 0; size < LARGEST + 100; size++) {
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(((unsigned char *)all[size])[i], size % 251);
        }
        tr_slab_free(all[size], size);
    }
    tr_slab_free(NULL, 10);
    tr_slab_free(NULL, LARGEST + 1);
}

static void what_is_large_goes_back_at_once(void **state)
{
    (void)state;
    size_t n_before = n_out();
    for (size_t i = 0; i < 10; i++) {
        void *memory = alloc(LARGEST + 1);
        assert_int_equal(n_out(), n_before + 1);
        tr_slab_free(memory, LARGEST + 1);
        assert_int_equal(n_out(), n_before);
    }
}

static void a_crowd_is_not_kept_for_ever(void **state)
{
    (void)state;
    static void *all[A_CROWD];
    size_t n_before = n_out();
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < A_CROWD; i++) {
            all[i] = alloc(300);
        }
        for (size_t i = 0; i < A_CROWD; i++) {
            tr_slab_free(all[i], 300);
        }
        assert_in_range(n_out() - n_before, 0, A_THREAD + THE_OTHERS);
    }
}

/* ---- threads ---- */

static void *use_some_and_end(void *arg)
{
    (void)arg;
    void *all[100];
    for (size_t i = 0; i < 100; i++) {
        all[i] = alloc(500);
    }
    for (size_t i = 0; i < 100; i++) {
        tr_slab_free(all[i], 500);
    }
    return NULL;
}

static void run_thread(void *(*run)(void *), void *arg)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run, arg), 0);
    pthread_join(thread, NULL);
}

static void a_thread_leaves_nothing_behind(void **state)
{
    (void)state;
    size_t n_before = n_out();
    for (size_t i = 0; i < 20; i++) {
        run_thread(use_some_and_end, NULL);
        assert_int_equal(n_out(), n_before);
    }
}

static pthread_key_t last_words;

static void free_late(void *memory)
{
    tr_slab_free(memory, 500);
}

static void *keep_until_the_end(void *arg)
{
    use_some_and_end(arg);
    pthread_setspecific(last_words, alloc(500));
    return NULL;
}

/* Others clean up at a thread's end too, maybe after the slab has. */
static void what_comes_back_at_the_very_end_is_not_lost(void **state)
{
    (void)state;
    assert_int_equal(pthread_key_create(&last_words, free_late), 0);
    size_t n_before = n_out();
    for (size_t i = 0; i < 20; i++) {
        run_thread(keep_until_the_end, NULL);
        assert_int_equal(n_out(), n_before);
    }
    pthread_key_delete(last_words);
}

#define A_BASKET  500
#define N_BASKETS 400

/* Filled by one thread and emptied by the other. */
typedef struct basket {
    pthread_mutex_t mutex;
    pthread_cond_t moved;
    bool is_full;
    void *all[A_BASKET];
} basket_t;

static void await_basket(basket_t *self, bool is_full)
{
    pthread_mutex_lock(&self->mutex);
    while (self->is_full != is_full) {
        pthread_cond_wait(&self->moved, &self->mutex);
    }
    pthread_mutex_unlock(&self->mutex);
}

static void pass_basket(basket_t *self, bool is_full)
{
    pthread_mutex_lock(&self->mutex);
    self->is_full = is_full;
    pthread_cond_signal(&self->moved);
    pthread_mutex_unlock(&self->mutex);
}

static void *empty_baskets(void *arg)
{
    basket_t *basket = arg;
    for (size_t n = 0; n < N_BASKETS; n++) {
        await_basket(basket, true);
        for (size_t i = 0; i < A_BASKET; i++) {
            tr_slab_free(basket->all[i], 700);
        }
        pass_basket(basket, false);
    }
    return NULL;
}

static void what_one_thread_frees_another_gets(void **state)
{
    (void)state;
    static basket_t basket = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                              .moved = PTHREAD_COND_INITIALIZER};
    pthread_t other;
    size_t n_before = atomic_load(&n_got);
    assert_int_equal(pthread_create(&other, NULL, empty_baskets, &basket), 0);
    for (size_t n = 0; n < N_BASKETS; n++) {
        await_basket(&basket, false);
        for (size_t i = 0; i < A_BASKET; i++) {
            basket.all[i] = alloc(700);
        }
        pass_basket(&basket, true);
    }
    pthread_join(other, NULL);
    if (KEEPS) {
        assert_in_range(atomic_load(&n_got) - n_before, 1, A_BASKET + 2 * A_THREAD);
    }
}

#define N_THREADS 4
#define N_PLACES  64
#define N_MOVES   50000

static _Atomic(unsigned char *) places[N_PLACES];

static size_t size_of(const unsigned char *memory)
{
    return (size_t)memory[0] * 4 + 4;
}

static void stamp(unsigned char *memory, size_t size, unsigned char sign)
{
    memset(memory, sign, size);
    memory[0] = (unsigned char)((size - 4) / 4);
}

static bool is_stamped(const unsigned char *memory)
{
    for (size_t i = 2; i < size_of(memory); i++) {
        if (memory[i] != memory[1]) {
            return false;
        }
    }
    return true;
}

/* Put something of one's own into a place, and let go of what somebody else had put there. */
static void *change_places(void *arg)
{
    uint64_t seed = 1 + (uint64_t)(uintptr_t)arg;
    size_t n_broken = 0;
    for (size_t move = 0; move < N_MOVES; move++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        size_t size = 4 + 4 * (seed % 256);
        unsigned char *mine = alloc(size);
        stamp(mine, size, (unsigned char)(seed >> 32));
        unsigned char *theirs = atomic_exchange(&places[(seed >> 16) % N_PLACES], mine);
        if (theirs) {
            n_broken += !is_stamped(theirs);
            tr_slab_free(theirs, size_of(theirs));
        }
    }
    return (void *)n_broken;
}

static void nothing_belongs_to_two(void **state)
{
    (void)state;
    pthread_t threads[N_THREADS];
    for (size_t i = 0; i < N_THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, change_places, (void *)i), 0);
    }
    for (size_t i = 0; i < N_THREADS; i++) {
        void *n_broken;
        pthread_join(threads[i], &n_broken);
        assert_null(n_broken);
    }
    for (size_t i = 0; i < N_PLACES; i++) {
        unsigned char *memory = atomic_exchange(&places[i], NULL);
        if (memory) {
            assert_true(is_stamped(memory));
            tr_slab_free(memory, size_of(memory));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_given_back_is_had_again),
        cmocka_unit_test(every_size_is_as_large_as_it_says),
        cmocka_unit_test(what_is_large_goes_back_at_once),
        cmocka_unit_test(a_crowd_is_not_kept_for_ever),
        cmocka_unit_test(a_thread_leaves_nothing_behind),
        cmocka_unit_test(what_comes_back_at_the_very_end_is_not_lost),
        cmocka_unit_test(what_one_thread_frees_another_gets),
        cmocka_unit_test(nothing_belongs_to_two),
    };
    return cmocka_run_group_tests_name("base/slab", tests, NULL, NULL) != 0;
}
