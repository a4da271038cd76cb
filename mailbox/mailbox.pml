/* mailbox/mailbox.pml - an owner, its senders, and who wakes whom
 *
 * What mailbox.c does with its atomics, and actor.c around it (sleep_until, work_for, the end),
 * each atomic access on its own. A lane is a number of letters: that a stack turned round keeps
 * each sender's order needs no model. There is one lane, since nothing in here goes by which.
 *
 *   Owner    works, parks, puts the baton down, sleeps until the bell rings, takes the baton; ends
 *            when a letter says so
 *   Sender   posts letters; waits for room; carries the owner, or, when it has carried enough,
 *            rings
 *   Judge    looks when nothing can move any more
 *
 * Nobody wakes by time here, neither the owner nor who waits for room, though in mailbox.c they
 * do: that would only hide what is forgotten.
 *
 * Assumed: all accesses are in one order, which is what sequentially consistent atomics are.
 *
 * The threads of a crew are senders here: that they are called, instead of coming by themselves,
 * is not in it, and no owner hangs.
 *
 * Bounds and variants, by -D:
 *   SENDERS      threads that post
 *   LETTERS      that each of them posts
 *   CAPACITY     letters for which there is room; more must wait
 *   TIMES        a letter may bring a time that is due before the owner would wake
 *   ENDS         a letter may bring the owner's end
 *   PLAIN        an owner that is not carried
 *   FOREVER      senders never cease to post, the owner does not end: for liveness
 *   BUG_...      seeded faults that the check must find
 */

#ifndef SENDERS
#define SENDERS 2
#endif
#ifndef LETTERS
#define LETTERS 2
#endif
#ifndef CAPACITY
#define CAPACITY 9
#endif
#define CARRIES 2 /* for one post */

byte posted; /* in the stack */
byte taken;  /* out of it, and not handled */
byte load;   /* for which there is no room any more */
bool is_lane_closed, is_closed;

bool is_parked;
byte n_unheard; /* rings that were counted and not read */
byte bell;      /* what can be read */

bool is_free;   /* the baton */
bool is_wanted; /* by the owner's own thread */

byte n_waiting; /* for room */
bool is_locked;
bool is_asleep[SENDERS];

/* the owner's state, for whoever has the baton */
bool is_inside, is_due, is_ending, is_gone;

/* the judge's */
byte n_accepted, n_handled, n_done;

#define HAS_LETTERS (posted > 0 || taken > 0)

/* ---- the bell ---- */

inline ring()
{
    n_unheard++;
    bell++
}

/* A look before the exchange changes nothing. */
inline wake_owner()
{
    if
    :: atomic { is_parked -> is_parked = false }; ring()
    :: else
    fi
}

inline unpark()
{
    is_parked = false;
    if
    :: n_unheard > 0 -> d_step { n_unheard = n_unheard - bell; bell = 0 }
    :: else
    fi
}

/* ---- room ---- */

inline broadcast()
{
    atomic { !is_locked -> is_locked = true };
    d_step {
        i = 0;
        do
        :: i < SENDERS -> is_asleep[i] = false; i++
        :: else -> break
        od;
        i = 0
    };
    is_locked = false
}

#define HAS_ROOM (is_closed || load < CAPACITY)

inline sleep_for_room(me)
{
#ifdef BUG_LOOKS_THEN_COUNTS
    if
    :: HAS_ROOM -> goto again
    :: else
    fi;
#endif
    atomic { !is_locked -> is_locked = true };
    n_waiting++;
    if
#ifndef BUG_LOOKS_THEN_COUNTS
    :: HAS_ROOM
#endif
    :: else ->
        atomic { is_asleep[me] = true; is_locked = false };
        atomic { !is_asleep[me] && !is_locked -> is_locked = true }
    fi;
    n_waiting--;
    is_locked = false
}

/* ---- work, for whoever has the baton ---- */

inline work()
{
    atomic {
        assert(!is_inside && !is_gone);
        is_inside = true;
        if
        :: !is_ending && taken == 0 -> taken = posted; posted = 0
        :: else
        fi
    };
    if
    :: atomic {
            !is_ending && taken > 0 ->
            taken--;
            load--;
#ifndef FOREVER
            n_handled++;
#endif
            if
            :: true
#ifdef TIMES
            :: is_due = true
#endif
#ifdef ENDS
            :: is_ending = true
#endif
            fi
        };
        if
        :: n_waiting > 0 -> broadcast()
        :: else
        fi
    :: else
    fi;
    is_inside = false
}

/* ---- the baton ---- */

#ifdef BUG_NO_SWAP
#define GET_BATON is_free -> is_free = false
#else
#define GET_BATON atomic { is_free -> is_free = false }
#endif

inline put_baton()
{
    is_free = true;
#ifndef BUG_NO_RING_FOR_WANTED
    if
    :: is_wanted -> ring()
    :: else
    fi
#endif
}

inline take_baton()
{
    do
    :: GET_BATON; break
    :: else ->
        is_wanted = true;
        if
        :: GET_BATON; break
        :: else
        fi;
        bell > 0;
        unpark()
    od;
    is_wanted = false
}

inline carry()
{
    is_enough = true;
    do
    :: !is_enough -> break
    :: is_enough && !has_more && posted == 0 -> break
    :: is_enough && (has_more || posted > 0) ->
        if
        :: n == CARRIES ->
#ifdef BUG_TIRED_AND_SILENT
            break
#else
            is_enough = false
#endif
        :: n < CARRIES ->
#ifndef BUG_NO_CLAIM
            if
            :: is_wanted -> break
            :: else
            fi;
#endif
            if
            :: GET_BATON
            :: else -> break
            fi;
            work();
            d_step {
                is_enough = !is_ending && !is_due;
                n++;
#ifndef BUG_FORGETS_WHAT_IS_TAKEN
                has_more = HAS_LETTERS
#endif
            };
            put_baton();
#ifdef BUG_CARRIER_DOES_NOT_LOOK
            if
            :: is_enough -> break
            :: else
            fi
#endif
        fi
    od;
    if
#ifndef BUG_KEEPS_TIME_TO_ITSELF
    :: !is_enough -> wake_owner()
#endif
    :: else
    fi;
    d_step { n = 0; is_enough = false; has_more = false }
}

/* ---- who is there ---- */

proctype Owner()
{
    bool is_awake;
    byte i;

    do
    :: work();
        is_due = false; /* it has looked at all that is */
        if
        :: is_ending -> break
        :: else
        fi;
#ifdef BUG_LOOKS_THEN_PARKS
        is_awake = HAS_LETTERS;
        is_parked = true;
#else
        is_parked = true;
        is_awake = HAS_LETTERS;
#endif
        if
        :: is_awake -> is_parked = false
        :: else
        fi;
#ifndef PLAIN
        put_baton();
#ifndef BUG_OWNER_DOES_NOT_LOOK_AGAIN
        is_awake = is_awake || posted > 0;
#endif
#endif
end_asleep:
        atomic { is_awake || bell > 0 -> is_awake = false };
#ifndef PLAIN
        take_baton();
        if
        :: is_ending -> break
        :: else
        fi;
#endif
        unpark()
    od;
    is_closed = true;
    atomic { taken = taken + posted; posted = 0; is_lane_closed = true };
    broadcast();
    n_handled = n_handled + taken; /* as leftovers */
    taken = 0;
    is_gone = true
}

proctype Sender(byte me)
{
    bool is_enough, has_more;
    byte i, n, n_posted;

    do
    :: n_posted == LETTERS -> break
    :: n_posted < LETTERS ->
#ifndef FOREVER
        n_posted++;
#endif
        /* a place */
again:
        if
        :: atomic { load < CAPACITY -> load++ }
        :: else ->
            if
            :: is_closed -> goto refused
            :: else
            fi;
            sleep_for_room(me);
            goto again
        fi;
#ifdef BUG_LOOKS_THEN_PUSHES
        has_more = is_parked;
#endif
        /* the letter */
        if
        :: atomic {
                !is_lane_closed -> posted++;
#ifndef FOREVER
                n_accepted++
#endif
            }
        :: else -> load--; goto refused
        fi;
#ifdef PLAIN
#ifdef BUG_LOOKS_THEN_PUSHES
        if
        :: has_more -> wake_owner()
        :: else
        fi
#else
        wake_owner()
#endif
#else
        if
        :: carry()
        :: wake_owner() /* it has carried enough */
        fi
#endif
    od;
refused:
    n_done++
}

proctype Judge()
{
end_waits:
    timeout;
    assert(!HAS_LETTERS);
    assert(n_done == SENDERS);
    assert(n_accepted == n_handled);
    assert(is_gone || (!is_due && !is_ending && load == 0))
}

init
{
    atomic {
        run Owner();
        byte k = 0;
        do
        :: k < SENDERS -> run Sender(k); k++
        :: else -> break
        od;
#ifndef FOREVER
        run Judge()
#endif
    }
}

/* An owner that wants the baton gets it, however many carry. */
ltl owner_is_next { [] (is_wanted -> <> !is_wanted) }

/* What was posted is taken, though all others go on posting. */
ltl nothing_lies { [] (posted > 0 -> <> (posted == 0)) }
