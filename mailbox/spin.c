/* The number of those that spin is the one thing that is shared. */

#include "mailbox/spin.h"

#include <stdatomic.h>
#include <stddef.h>

#include "base/processors.h"

#define MOST_SCORE 8
#define PAYS       2 /* scores from here on */

static atomic_size_t n_spinning;

void tr_spin_note(tr_spin_t *self, int64_t waited_us)
{
    int score = waited_us < TR_SPIN_SHORT_US ? self->score + 1 : self->score - 2;
    self->score = score < 0 ? 0 : score > MOST_SCORE ? MOST_SCORE : score;
}

static bool take_place(void)
{
    size_t n_places = tr_processors() / 2;
    size_t n = atomic_load_explicit(&n_spinning, memory_order_relaxed);
    return n < n_places && atomic_compare_exchange_strong(&n_spinning, &n, n + 1);
}

int64_t tr_spin_begin(const tr_spin_t *self, int64_t told_us)
{
    if (tr_processors() == 1) {
        return 0;
    }
    if (told_us != TR_SPIN_AUTO) {
        return told_us;
    }
    return self->score >= PAYS && take_place() ? TR_SPIN_SHORT_US : 0;
}

void tr_spin_end(int64_t told_us)
{
    if (told_us == TR_SPIN_AUTO) {
        atomic_fetch_sub(&n_spinning, 1);
    }
}
