/* What a thread keeps of one size is a list. When it grows too long, a lump is cut off and left
 * in the depot, where a thread whose list is empty finds it; so the depot's lock is taken once
 * in a lump. A thread that ends leaves all it has.
 */

#include "base/slab.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_WATCHED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                     \
    __has_feature(memory_sanitizer)
#define IS_WATCHED 1
#endif
#endif

#ifdef IS_WATCHED

void *tr_slab_alloc(size_t size)
{
    return malloc(size);
}

void tr_slab_free(void *memory, size_t size)
{
    (void)size;
    free(memory);
}

#else

#define STEP      64u /* sizes are multiples of it: that of a cache line */
#define N_SIZES   16u
#define LUMP      64u
#define MOST_KEPT (2 * LUMP) /* by a thread, of each size */
#define MOST_LEFT 64u        /* lumps in the depot, of each size */

typedef struct piece {
    struct piece *next;
    struct piece *next_lump; /* of the first of a lump */
} piece_t;

typedef struct list {
    piece_t *first;
    size_t n;
} list_t;

typedef struct depot {
    pthread_mutex_t mutex;
    piece_t *lumps;
    atomic_size_t n_lumps;
} depot_t;

static depot_t depots[N_SIZES];
static pthread_key_t at_thread_end;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Looked up at every turn, so not by a call; the model fits a library that is loaded late, too,
 * as long as it is this small. */
static _Thread_local list_t kept[N_SIZES] __attribute__((tls_model("initial-exec")));
static _Thread_local bool is_registered __attribute__((tls_model("initial-exec")));

static void free_list(piece_t *piece)
{
    while (piece) {
        piece_t *next = piece->next;
        free(piece);
        piece = next;
    }
}

static void leave_lump(depot_t *depot, piece_t *lump)
{
    pthread_mutex_lock(&depot->mutex);
    bool has_room = atomic_load_explicit(&depot->n_lumps, memory_order_relaxed) < MOST_LEFT;
    if (has_room) {
        lump->next_lump = depot->lumps;
        depot->lumps = lump;
        atomic_fetch_add_explicit(&depot->n_lumps, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&depot->mutex);
    if (!has_room) {
        free_list(lump);
    }
}

static piece_t *find_lump(depot_t *depot)
{
    if (atomic_load_explicit(&depot->n_lumps, memory_order_relaxed) == 0) {
        return NULL;
    }
    pthread_mutex_lock(&depot->mutex);
    piece_t *lump = depot->lumps;
    if (lump) {
        depot->lumps = lump->next_lump;
        atomic_fetch_sub_explicit(&depot->n_lumps, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&depot->mutex);
    return lump;
}

/* Lumps are of equal length, but for what a thread leaves at its end, which is freed. */
static void leave_all(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < N_SIZES; i++) {
        free_list(kept[i].first);
        kept[i] = (list_t){NULL, 0};
    }
    is_registered = false;
}

static void init(void)
{
    for (size_t i = 0; i < N_SIZES; i++) {
        pthread_mutex_init(&depots[i].mutex, NULL);
    }
    pthread_key_create(&at_thread_end, leave_all);
}

/* Have the thread leave what it keeps when it ends. */
static void register_thread(void)
{
    pthread_once(&once, init);
    pthread_setspecific(at_thread_end, kept);
    is_registered = true;
}

static size_t index_of(size_t size)
{
    return size > 0 ? (size - 1) / STEP : 0;
}

static void *alloc_anew(size_t index)
{
    if (!is_registered) {
        register_thread();
    }
    piece_t *lump = find_lump(&depots[index]);
    if (!lump) {
        return aligned_alloc(STEP, (index + 1) * STEP);
    }
    kept[index] = (list_t){lump->next, LUMP - 1};
    return lump;
}

void *tr_slab_alloc(size_t size)
{
    size_t index = index_of(size);
    if (index >= N_SIZES) {
        return malloc(size);
    }
    list_t *list = &kept[index];
    piece_t *piece = list->first;
    if (!piece) {
        return alloc_anew(index);
    }
    list->first = piece->next;
    list->n--;
    return piece;
}

/* The list is as long as it may be: cut a lump off. */
static void cut_lump(size_t index)
{
    list_t *list = &kept[index];
    piece_t *lump = list->first;
    piece_t *last = lump;
    for (size_t i = 1; i < LUMP; i++) {
        last = last->next;
    }
    list->first = last->next;
    list->n -= LUMP;
    last->next = NULL;
    leave_lump(&depots[index], lump);
}

void tr_slab_free(void *memory, size_t size)
{
    size_t index = index_of(size);
    if (!memory || index >= N_SIZES) {
        free(memory);
        return;
    }
    if (!is_registered) {
        register_thread();
    }
    list_t *list = &kept[index];
    piece_t *piece = memory;
    piece->next = list->first;
    list->first = piece;
    if (++list->n >= MOST_KEPT) {
        cut_lump(index);
    }
}

#endif
