/* actors/worker/worker_state.pml - the state of a worker, with its two movers
 *
 * A worker's own thread (actors/worker) and its supervisor (tr_child_quarantine in child.c) move one
 * atomic, each step of the compare-and-swap of worker_state.c on its own here, so that the other
 * may come in between. The table is not written down: tests/model/check.py makes
 * worker_table.pml (names, MAY and ROW) from worker_state.[ch], so the two cannot differ.
 *
 * Time is left out. The supervisor may lose patience whenever it likes, and a callback may take
 * any time, or for ever.
 *
 * Variants, by -D:
 *   BUG_...     seeded faults that the check must find
 */

#include "worker_table.pml"

#define MAX_JOBS 2

byte state = SPAWNING; /* the atomic */
bool is_abandoned = false;
bool has_stop = false; /* the word to stop is in the worker's mailbox */
bool is_over = false;  /* the thread has ended */
bool is_lost = false;  /* a callback of it never returns */
bool is_done = false;  /* the supervisor has nothing left to do */

/* tr_worker_state_try. `from` and `ok` are locals of the caller. */
inline try(to)
{
    from = state;
    do
    :: from == to -> ok = true; break
#ifdef BUG_ANY_MOVE
    :: from != to && !MAY(from, to) && from != FAILED -> ok = false; break
    :: from != to && (MAY(from, to) || from == FAILED) ->
#else
    :: from != to && !MAY(from, to) -> ok = false; break
    :: from != to && MAY(from, to) ->
#endif
#ifdef BUG_NO_SWAP
        /* A plain store: what the other did meanwhile is not seen. */
        d_step { assert(MAY(state, to)); state = to; ok = true }
        break
#else
        if
        :: d_step { state == from -> assert(MAY(state, to)); state = to; ok = true }
            break
        :: d_step { state != from -> from = state }
        fi
#endif
    od
}

/* tr_worker_move_to: only one that was written off may be refused. */
inline move_to(to)
{
    try(to);
    if
    :: ok
    :: !ok ->
        from = state;
        if
        :: from == HUNG || from == DEAD
        :: else ->
            try(to);
            assert(ok); /* "illegal_state" */
            ok = false
        fi
    fi
}

/* A callback of the behaviour: it returns at some time, or never. */
inline callback()
{
    if
    :: true
    :: is_lost = true; goto end_lost
    fi
}

proctype Worker()
{
    byte from = 0, jobs = 0;
    bool ok = false, is_begun = false, is_stopping = false;

    /* begin */
    move_to(LOADING);
    callback(); /* init */
    if
    :: move_to(FAILED); goto leave
    :: move_to(EVICTING); goto leave /* it wants to be ignored */
    :: is_begun = true
    fi;
    if
    :: is_abandoned -> goto leave
    :: else
    fi;
    move_to(READY);
    if
    :: !ok -> goto leave
    :: else
    fi;

    /* serve: control first, then what there is to do, then the turn */
serving:
    if
    :: has_stop && !is_stopping ->
        is_stopping = true;
        move_to(DRAINING)
    :: (!has_stop || is_stopping) && jobs > 0 ->
        jobs--;
        if
        :: !is_stopping -> move_to(PROCESSING)
        :: else
        fi;
        callback(); /* handle, receive */
        if
        :: move_to(FAILED); goto leave /* it broke */
        :: true
        fi;
        if
        :: !is_stopping -> move_to(READY)
        :: else
        fi;
        if
#ifndef BUG_STAYS_WHEN_BACK
        :: is_abandoned -> goto leave
#endif
        :: else
        fi
    :: !has_stop && jobs < MAX_JOBS -> jobs++
    :: is_stopping && jobs == 0 -> goto leave
    :: !is_stopping && jobs == 0 && state == READY -> move_to(IDLE)
    fi;
    goto serving;

leave: /* end */
#ifndef BUG_NOT_FINAL
    try(EVICTING);
#endif
    if
    :: is_begun -> callback() /* terminate */
    :: else
    fi;
    try(DEAD);
    is_over = true;
end_lost:
    skip
}

inline quarantine()
{
    is_abandoned = true;
    try(HUNG);
#ifndef BUG_STAYS_WHEN_BACK
    has_stop = true
#endif
}

proctype Supervisor()
{
    byte from = 0;
    bool ok = false;
    if
    :: quarantine() /* it hangs, in its start or later */
    :: has_stop = true;
        if
        :: is_over
        :: quarantine() /* patience ended */
        fi
    :: is_over /* it ended by itself */
    fi;
    is_done = true
}

/* When both are done the worker is dead. */
proctype Judge()
{
end_waits: /* a thread may be lost */
    is_over && is_done;
    assert(state == DEAD)
}

init
{
    atomic {
        run Worker();
        run Supervisor();
        run Judge()
    }
}

/* Dead is final. */
ltl dead_is_final { [] (state == DEAD -> [] (state == DEAD)) }

/* Whoever was written off or told to stop ends, unless a callback of it never returns. */
ltl told_ends { [] (has_stop || is_abandoned -> <> (is_over || is_lost)) }
