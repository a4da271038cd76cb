/* mailbox/lasting.pml - lives that follow one another in one mailbox, and come back late
 *
 * What lasting.c, actor.c (leave_lasting_mailbox, tr_actor_abandon), worker/mail.c (deliver) and
 * runtime.c (tr_runtime_bury) do with what they share, each atomic access on its own. A mailbox
 * is a number of letters: who wakes whom, and that a lane keeps its order, is in mailbox.pml and
 * needs none.
 *
 *   Sender      posts letters
 *   Life        takes one after another; while it runs a callback it is outside, and fails, or
 *               comes back late, or never
 *   Supervisor  starts one life after another, when the one before has ended or is given up,
 *               as it may be at any moment; and buries the reference in the end
 *   Judge       looks when nothing can move any more
 *
 * Assumed: all accesses are in one order, which is what sequentially consistent atomics are.
 *
 * Bounds and variants, by -D:
 *   SENDERS, LETTERS   threads that post, and what each of them does
 *   LIVES              one after another
 *   BUG_...            seeded faults that the check must find
 */

#ifndef SENDERS
#define SENDERS 1
#endif
#ifndef LETTERS
#define LETTERS 2
#endif
#ifndef LIVES
#define LIVES 2
#endif
#define MOST_LIVES (LIVES + 1)

#define NOBODY     0
#define LAST       255
#define OUTSIDE(n) (2 * (n))
#define INSIDE(n)  (2 * (n) + 1)

byte owner;
byte posted;    /* in the stack */
byte taken;     /* out of it, and not handled: the owner's */
bool is_closed; /* the stack */
bool is_over;   /* the reference */

bool hand[MOST_LIVES];         /* a message is in its hands */
bool is_told[MOST_LIVES];      /* to stop */
bool is_abandoned[MOST_LIVES]; /* it is to end when it can */
bool has_ended[MOST_LIVES];

/* the judge's */
bool is_used; /* what is the owner's */
byte n_sent, n_handled, n_dead;

inline begin_use()
{
    atomic { assert(!is_used); is_used = true }
}

/* ---- the end of the reference ---- */

inline drain()
{
    begin_use();
    atomic { taken = taken + posted; posted = 0; is_closed = true };
    atomic { n_dead = n_dead + taken; taken = 0 };
    is_used = false
}

inline bury()
{
#ifndef BUG_OVER_AFTER_THE_LOOK
    is_over = true;
#endif
    if
#ifdef BUG_NO_SEIZE
    :: owner == NOBODY -> drain()
#else
    :: atomic { owner == NOBODY -> owner = LAST }; drain()
#endif
    :: else
    fi;
    is_over = true
}

/* ---- one life ---- */

inline take()
{
    begin_use();
    if
    :: taken == 0 -> atomic { taken = posted; posted = 0 }
    :: else
    fi;
    if
    :: taken > 0 -> taken--; has_one = true
    :: else -> has_one = false
    fi;
    is_used = false
}

#ifdef BUG_NO_NUMBER
#define IS_STILL_MINE (owner != NOBODY && owner != LAST && owner % 2 == 0)
#else
#define IS_STILL_MINE (owner == OUTSIDE(me))
#endif

inline step_in()
{
    if
    :: atomic { IS_STILL_MINE -> owner = INSIDE(me) }; is_mine = true
    :: else -> is_mine = false
    fi
}

inline settle()
{
    if
#ifndef BUG_SETTLES_WHAT_IS_LOST
    :: !is_held
#endif
    :: else ->
        if
        :: fails -> n_dead++
        :: else -> n_handled++
        fi
    fi
}

proctype Life(byte me)
{
    bool has_one, is_held, is_mine, fails;

    do
    :: is_told[me] -> break
    :: else ->
        take();
        if
        :: !has_one ->
            posted > 0 || taken > 0 || is_told[me]
        :: else ->
#ifdef BUG_IN_HAND_WHEN_OUTSIDE
            owner = OUTSIDE(me);
            hand[me] = true;
#else
            hand[me] = true;
            owner = OUTSIDE(me);
#endif
            if
            :: fails = true
            :: fails = false
            :: true ->
end_hangs:      false
            fi;
            atomic { is_held = hand[me]; hand[me] = false };
            step_in();
            settle();
            if
            :: !is_mine -> goto gone
            :: is_mine && (fails || is_abandoned[me]) -> break
            :: else
            fi
        fi
    od;
    owner = NOBODY;
#ifndef BUG_LEAVES_WITHOUT_A_LOOK
    if
    :: is_over -> bury()
    :: else
    fi;
#endif
    if
    :: true
    :: true -> /* in terminate */
end_at_its_end:
        false
    fi;
gone:
    has_ended[me] = true
}

/* ---- its supervisor ---- */

inline move_out()
{
    is_abandoned[n] = true;
#ifdef BUG_LOOKS_TWICE
    if
    :: atomic { owner == OUTSIDE(n) -> owner = NOBODY }; is_out = true
    :: else -> is_out = (owner != INSIDE(n))
    fi
#else
    atomic {
        if
        :: owner == OUTSIDE(n) -> owner = NOBODY; is_out = true
#ifdef BUG_MOVES_OUT_WHO_IS_INSIDE
        :: owner == INSIDE(n) -> owner = NOBODY; is_out = true
#endif
        :: else -> is_out = (owner != INSIDE(n))
        fi
    }
#endif
}

inline lose()
{
    atomic { was_held = hand[n]; hand[n] = false };
    if
    :: was_held -> n_dead++
    :: else
    fi
}

proctype Supervisor()
{
    bool is_out, was_held;
    byte n;

    do
    :: n == LIVES -> break
    :: else ->
        n++;
        assert(owner == NOBODY);
        owner = INSIDE(n);
        run Life(n);
        if
        :: has_ended[n]
        :: is_told[n] = true; /* an operator restarts it */
            if
            :: has_ended[n]
            :: goto give_up
            fi
        :: true ->
give_up:    move_out();
            if
            :: is_out -> lose()
            :: else ->
                is_told[n] = true; /* it is back: it hears that */
                if
                :: has_ended[n]
                :: true -> /* no patience is left */
                    move_out();
                    lose();
                    if
                    :: is_out
                    :: else -> break
                    fi
                fi
            fi
        fi
    od;
    bury()
}

proctype Sender()
{
    byte n_posted;

    do
    :: n_posted == LETTERS -> break
    :: else ->
        n_posted++;
        n_sent++;
        if
        :: is_over -> n_dead++
        :: else ->
            if
#ifndef BUG_POSTS_TO_THE_CLOSED
            :: atomic { is_closed -> n_dead++ }
#endif
            :: atomic { !is_closed -> posted++ }
#ifdef BUG_POSTS_TO_THE_CLOSED
            :: atomic { is_closed -> posted++ }
#endif
            fi
        fi
    od
}

/* A life that is over and neither ends nor comes back may keep what is its own; no other does. */
proctype Judge()
{
end_waits:
    timeout;
    assert(is_over);
    assert(is_closed || owner != NOBODY);
    assert(!is_closed || (posted == 0 && taken == 0));
    assert(!is_closed || n_sent == n_handled + n_dead)
}

init
{
    atomic {
        byte k = 0;
        run Supervisor();
        do
        :: k < SENDERS -> run Sender(); k++
        :: else -> break
        od;
        run Judge()
    }
}
