/* mailbox/spin.h - whether it pays to look for a letter a little longer before sleeping
 *
 * A thread that sleeps is woken by a system call and gets up some 50 us later. One whose
 * letters mostly come sooner than that had better not sleep. It learns so from how long it had
 * to wait: some short waits make it spin, and spins in vain make it stop. Of all threads that
 * spin so only half as many as there are processors do at a time.
 *
 * A thread that is told how long to spin always does.
 */

#ifndef TROUPE_MAILBOX_SPIN_H
#define TROUPE_MAILBOX_SPIN_H

#include <stdbool.h>
#include <stdint.h>

/* To be found out, instead of told. */
#define TR_SPIN_AUTO (-1)

/* What is a short wait, and how long one spins who was not told. */
#define TR_SPIN_SHORT_US 50

/* What one thread has learnt; all zero to begin with. */
typedef struct tr_spin {
    int score;
} tr_spin_t;

/* It waited so long for a letter. */
void tr_spin_note(tr_spin_t *self, int64_t waited_us);

/* Begin to spin: how long at most, as it was told or has learnt. 0: not at all. */
int64_t tr_spin_begin(const tr_spin_t *self, int64_t told_us);

/* End it, unless it had not begun. */
void tr_spin_end(int64_t told_us);

#endif
