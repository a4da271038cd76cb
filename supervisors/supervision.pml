/* supervisors/supervision.pml - a parent, a supervisor, its children, and who gives commands
 *
 * What supervisor.c, fall.c, care.c, child.c and strategy.c do, without payloads, logs and clocks.
 * Nobody waits for anybody: each process sends words and goes on. A thread is a slot; a slot is
 * used again only when the last word of its thread has been taken, so a slot is what an
 * incarnation number is: no two lives whose words are under way share one.
 *
 *   Parent      starts the supervisor, restarts it when it fails, until that is too often, and
 *               may ask it to stop at any moment
 *   Supervisor  strategy.c to the letter; one word, then as many more as there are, then a turn
 *   Thread      one life of a child after another: fails to start, comes up, crashes, ends by
 *               itself, hangs and may come back, each at any moment, also while being stopped
 *   Commander   says terminate, restart and remove of any child at any moment, waits for nothing
 *   Judge       looks when nothing can move any more
 *
 * Time is left out: whatever waits for a time may happen at any moment. So may the start of a
 * child that is held for want of room, which only pools do. A restart is too often
 * at the moment when MAX_RESTARTS were counted, or the window has moved on; both are tried. A
 * thread counts as hung only if it does hang, for as long as it likes: one that is merely slow is
 * one that hangs and comes back.
 *
 * A mailbox is one channel for each sender: what one sender says arrives in order, what several
 * say arrives in any order. That is more than the real mailbox does, which has one order.
 *
 * Assumed: a supervisor does not hang, words are not lost for want of memory.
 *
 * Bounds and variants, by -D:
 *   N            children; the first is permanent, the second of KIND, the third transient
 *   STRATEGY     left out: all three
 *   HANGS        threads that hang or are in quarantine at one time
 *   COMMANDS     how many are given
 *   MAX_PARENT_RESTARTS  0: the parent ends when the supervisor fails
 *   STEPWISE     a turn after each word, not after several: far fewer cases
 *   START_FAILS  a start may fail at once, without a thread
 *   SIGNIFICANT  the supervisor ends when its last child has ended by itself
 *   FAIR         for the properties of liveness: threads are busy for ever, and no word is
 *                overtaken for ever by later ones
 *   BUG_...      seeded faults that the check must find
 */

#ifndef N
#define N 2
#endif
#ifndef HANGS
#define HANGS 1
#endif
#ifndef COMMANDS
#define COMMANDS 0
#endif
#ifndef KIND
#define KIND TRANSIENT
#endif
#define MAX_RESTARTS        1
#ifndef MAX_PARENT_RESTARTS
#define MAX_PARENT_RESTARTS 1
#endif
#define SLOTS               (N + HANGS)
#define NOBODY              255

/* strategies */
#define ONE_FOR_ONE  0
#define ONE_FOR_ALL  1
#define REST_FOR_ONE 2

/* kinds of restart */
#define PERMANENT 0
#define TRANSIENT 1
#define TEMPORARY 2

/* phases of a child */
#define DOWN     0
#define STARTING 1
#define UP       2
#define STOPPING 3

/* a thread */
#define FREE         0 /* no thread, and nothing of one under way */
#define BORN         1
#define RUNS         2 /* up */
#define HANGS_BORN   3
#define HANGS_UP     4
#define GONE         5 /* ended; its last word has not been taken */
#define IS_ALIVE(s)  (thread[s] != FREE && thread[s] != GONE)
#define IS_HUNG(s)   (thread[s] == HANGS_BORN || thread[s] == HANGS_UP)

/* words */
mtype = { STARTED, FAILED, NORMAL, IGNORED, SHUT_DOWN };
mtype = { TERMINATE, RESTART, REMOVE };

chan words[SLOTS] = [2] of { mtype }; /* thread -> supervisor: STARTED, or how it ended */
chan to_parent = [2] of { mtype };    /* supervisor -> parent */

byte thread[SLOTS];
byte child_of_slot[SLOTS];
bool has_stop[SLOTS]; /* the word to stop is in its mailbox */
bool is_odd[SLOTS];   /* it hung, or was put into quarantine, in this life */
bool is_quarantined[SLOTS];
bool is_orphan[SLOTS]; /* its supervisor is gone: its words go nowhere */
byte n_odd;

byte strategy;
byte kind[N];

/* From some moment on nobody does anything of his own accord: threads that are born come up,
 * those that run go on running, those that hang never come back, nobody gives commands. What was begun is brought to its
 * end. So the Judge has something to look at. */
bool is_quiet;

/* the supervisor's books */
#define NOT_THERE 0
#define SUP_BORN  1
#define SUP_RUNS  2
byte sup;
bool sup_has_stop; /* the word to stop is in its mailbox */
bool is_stopping, has_started, is_dirty;
bool stop_was_taken;
byte n_restarts;
bool has_failed;
bool is_listed[N], is_wanted[N], must_stop[N], is_in_turn[N], is_delayed[N], is_leaving[N];
byte phase[N];
byte actor[N];

/* the parent's */
bool stop_asked, is_over;
byte n_parent_restarts;

/* commands */
#if COMMANDS > 0
chan commands[COMMANDS] = [1] of { mtype, byte };
byte n_said;
byte n_answers[COMMANDS];
mtype pending[COMMANDS]; /* accepted, the child is on its way */
byte pending_child[COMMANDS];
#endif

/* ---- threads ---- */

inline free_slot(s)
{
    thread[s] = FREE;
    has_stop[s] = false;
    is_quarantined[s] = false;
    is_orphan[s] = false;
    child_of_slot[s] = 0;
    if
    :: is_odd[s] -> n_odd--; is_odd[s] = false
    :: else
    fi
}

inline say(s, word)
{
    if
    :: !is_orphan[s] -> words[s]!word
    :: else
    fi
}

inline leave(s, how)
{
    if
    :: is_orphan[s] -> free_slot(s)
    :: else -> thread[s] = GONE; has_stop[s] = false; words[s]!how
    fi
}

inline hang(s, how)
{
    thread[s] = how;
    is_odd[s] = true;
    n_odd++
}

#define MAY_HANG(s) (!is_odd[s] && n_odd < HANGS)

proctype Thread(byte s)
{
end_waits:
    do
    :: d_step { thread[s] == BORN -> say(s, STARTED); thread[s] = RUNS }
    :: d_step { thread[s] == BORN && !has_stop[s] && !is_quiet -> leave(s, FAILED) }
    :: d_step { thread[s] == BORN && !has_stop[s] && !is_quiet -> leave(s, IGNORED) }
    :: d_step { thread[s] == RUNS && !has_stop[s] && !is_quiet -> leave(s, FAILED) }
    :: d_step { thread[s] == RUNS && !has_stop[s] && !is_quiet -> leave(s, NORMAL) }
    /* It takes the word, or ends by itself before it sees it: why matters to nobody now. */
    :: d_step { (thread[s] == BORN || thread[s] == RUNS) && has_stop[s] -> leave(s, SHUT_DOWN) }
    :: d_step { thread[s] == BORN && MAY_HANG(s) -> hang(s, HANGS_BORN) }
    :: d_step { thread[s] == RUNS && MAY_HANG(s) -> hang(s, HANGS_UP) }
    :: d_step { thread[s] == HANGS_BORN && !is_quiet -> thread[s] = BORN }
    :: d_step { thread[s] == HANGS_UP && !is_quiet -> thread[s] = RUNS }
#ifdef FAIR
    /* Its own work goes on for ever, until it is told to stop. */
    :: d_step { thread[s] == RUNS && !has_stop[s] -> skip }
#endif
    od
}

/* ---- the supervisor: commands ---- */

/* Locals of Supervisor that are used here: c, i, k, first, end, n, w, was, step, who. */

inline answer(number)
{
#if COMMANDS > 0
    n_answers[number]++;
    assert(n_answers[number] == 1); /* once */
#ifndef BUG_ANSWER_TWICE
    pending[number] = 0;
    pending_child[number] = 0
#endif
#else
    skip
#endif
}

/* The child has come to rest in one of its phases: whoever waited for it is answered. */
inline answer_all_of(which)
{
#if COMMANDS > 0
    k = 0;
    do
    :: k == COMMANDS -> break
    :: k < COMMANDS ->
        if
        :: pending[k] != 0 && pending_child[k] == which &&
               (phase[which] == DOWN || pending[k] == RESTART) -> answer(k)
        :: else
        fi;
        k++
    od;
    k = 0
#else
    skip
#endif
}

/* ---- the supervisor: falling (fall.c) ---- */

inline stop_all()
{
    if
    :: is_stopping
    :: else ->
        is_stopping = true;
        i = 0;
        do
        :: i == N -> break
        :: i < N ->
            if
            :: is_listed[i] -> is_wanted[i] = false; must_stop[i] = true
            :: else
            fi;
            i++
        od;
        i = 0
    fi;
    stop_was_taken = true
}

inline give_up()
{
    has_failed = has_failed || !is_stopping;
    stop_all()
}

/* tr_strategy_affected, then fell_siblings. */
inline fell_siblings(which)
{
    first = (strategy == ONE_FOR_ALL -> 0 : which);
    end = (strategy == ONE_FOR_ONE -> which + 1 : N);
    n = 0;
    i = first;
    do
    :: i >= end -> break
    :: i < end -> n = n + is_listed[i]; i++
    od;
    i = first;
    do
    :: n <= 1 || i >= end -> break
    :: n > 1 && i < end ->
        if
        :: is_listed[i] ->
            must_stop[i] = phase[i] != DOWN;
            is_in_turn[i] = true;
            if
            :: i != which && kind[i] == TEMPORARY -> is_wanted[i] = false
            :: else
            fi
        :: else
        fi;
        i++
    od;
    first = 0;
    end = 0;
    n = 0;
    i = 0
}

/* A child is down that nobody told to stop. */
inline child_fell(which, how)
{
    if
    :: how == IGNORED ->
        is_wanted[which] = false;
        is_leaving[which] = is_leaving[which] || kind[which] == TEMPORARY
#ifndef BUG_RESTART_WHEN_STOPPING
    :: how != IGNORED && is_stopping
#else
    :: how != IGNORED && is_stopping -> is_wanted[which] = true
#endif
    /* A command has said that it shall be down: it is, whoever came first. */
    :: how != IGNORED && !is_stopping && !is_wanted[which]
    :: how != IGNORED && !is_stopping && is_wanted[which] ->
        if
        :: was == STARTING && !has_started -> give_up()
        :: !(was == STARTING && !has_started) &&
               (kind[which] == TEMPORARY ||
                (kind[which] == TRANSIENT && was != STARTING && how == NORMAL)) ->
            is_wanted[which] = false;
            is_leaving[which] = kind[which] == TEMPORARY;
#ifdef SIGNIFICANT
            if
            :: which == N - 1 -> stop_all()
            :: else
            fi
#endif
        :: else ->
            if
            :: n_restarts < MAX_RESTARTS -> n_restarts++; is_delayed[which] = true
            :: n_restarts == MAX_RESTARTS -> is_delayed[which] = true /* the window moved on */
            :: n_restarts == MAX_RESTARTS -> give_up()
            fi;
            if
            :: is_delayed[which] -> fell_siblings(which)
            :: else
            fi
        fi
    fi
}

inline be_down(which)
{
    phase[which] = DOWN;
#ifndef BUG_STOPS_AGAIN
    must_stop[which] = false;
#endif
    actor[which] = NOBODY
}

inline unlist(which)
{
    is_listed[which] = false;
    is_wanted[which] = false;
    is_in_turn[which] = false;
    is_delayed[which] = false;
    is_leaving[which] = false
}

inline child_is_down(which, how)
{
    if
    :: was != STOPPING -> child_fell(which, how)
    :: else
    fi;
    answer_all_of(which);
    if
    :: is_leaving[which] -> unlist(which)
    :: else
    fi;
    is_dirty = true
}

inline quarantine(which)
{
    i = actor[which];
#ifndef BUG_DOUBLE_START
    is_quarantined[i] = true;
#endif
    if
    :: !is_odd[i] -> is_odd[i] = true; n_odd++
    :: else
    fi;
    has_stop[i] = IS_ALIVE(i);
    i = 0;
    be_down(which)
}

/* ---- the supervisor: words ---- */

inline on_word(s)
{
    /* child_of: by the number of the incarnation */
    c = 0;
    do
    :: c == N -> break
#ifdef BUG_NO_INCARNATION
    :: c < N && c == child_of_slot[s] && phase[c] != DOWN -> break
#else
    :: c < N && phase[c] != DOWN && actor[c] == s -> break
#endif
    :: else -> c++
    od;
    if
    :: w == STARTED ->
        if
        :: c < N && phase[c] == STARTING ->
            phase[c] = UP;
            is_in_turn[c] = false;
            answer_all_of(c);
            is_dirty = true
        :: else /* told to stop meanwhile, or of an old incarnation */
        fi
    :: else ->
        free_slot(s); /* reaped, or swept */
        if
        :: c < N ->
            was = phase[c];
            be_down(c);
            child_is_down(c, w)
        :: else
        fi
    fi;
    c = 0;
    w = 0;
    was = 0
}

#if COMMANDS > 0
inline on_command(number)
{
    /* `w` what, `c` of whom */
    if
    :: !is_listed[c] || is_stopping -> answer(number) /* refused */
    :: is_listed[c] && !is_stopping && w == RESTART ->
        if
        :: is_wanted[c] || phase[c] != DOWN -> answer(number) /* refused: it is not stopped */
        :: else ->
            is_wanted[c] = true;
            is_in_turn[c] = false;
            is_delayed[c] = false;
            pending[number] = RESTART;
            pending_child[number] = c
        fi
    :: else -> /* TERMINATE, REMOVE */
        is_wanted[c] = false;
        is_delayed[c] = false;
        pending[number] = w;
        pending_child[number] = c;
        is_leaving[c] = is_leaving[c] || w == REMOVE;
        if
        :: phase[c] == DOWN ->
            answer_all_of(c);
            if
            :: is_leaving[c] -> unlist(c)
            :: else
            fi
        :: else -> must_stop[c] = true
        fi
    fi;
    is_dirty = true;
    c = 0;
    w = 0
}
#endif

/* ---- the supervisor: turns (strategy.c, and act) ---- */

#define NOTHING 0
#define START   1
#define STOP    2

/* tr_strategy_next. `first` is is_group_going, `n` is are_earlier_up. */
inline next_step()
{
    step = NOTHING;
    who = 0;
    i = N;
    do
    :: i == 0 -> break
    :: i > 0 ->
        i--;
        if
        :: is_listed[i] && must_stop[i] && (phase[i] == UP || phase[i] == STARTING) ->
            step = STOP;
            who = i;
            break
        :: is_listed[i] && phase[i] == STOPPING -> break
        :: else
        fi
    od;
    if
    :: step == NOTHING ->
        first = false;
        i = 0;
        do
        :: i == N -> break
        :: i < N -> first = first || (is_listed[i] && must_stop[i] && phase[i] != DOWN); i++
        od;
        n = true;
        i = 0;
        do
        :: i == N -> break
        :: i < N ->
            if
            :: is_listed[i] && is_wanted[i] && phase[i] == DOWN && !is_delayed[i] &&
                   (!is_in_turn[i] || (n && !first)) ->
                step = START;
                who = i;
                break
            :: else
            fi;
#ifdef BUG_WAITS_FOR_UNWANTED
            n = n && !(is_listed[i] && phase[i] != UP);
#else
            n = n && !(is_listed[i] && is_wanted[i] && phase[i] != UP);
#endif
            i++
        od
    :: else
    fi;
    first = 0;
    n = 0;
    i = 0
}

inline start_child(which)
{
    assert(!stop_was_taken); /* nothing is started any more */
    i = 0;
    do
    :: i == SLOTS -> break
    :: i < SLOTS ->
        /* no two lives of one child, but for those in quarantine */
        assert(thread[i] == FREE || child_of_slot[i] != which || is_quarantined[i]);
        i++
    od;
    i = 0;
    if
    :: thread[which] == FREE -> i = which /* any would do; so there are fewer cases */
    :: else ->
        do
        :: thread[i] == FREE -> break
        :: else -> i++; assert(i < SLOTS)
        od
    fi;
    thread[i] = BORN;
    child_of_slot[i] = which;
    actor[which] = i;
    phase[which] = STARTING;
    i = 0
}

inline act()
{
    do
    :: true ->
        next_step();
        if
        :: step == NOTHING -> break
        :: step == STOP ->
            phase[who] = STOPPING;
#ifndef BUG_FORGET_STOP
            has_stop[actor[who]] = IS_ALIVE(actor[who])
#endif
        :: step == START -> start_child(who)
#ifdef START_FAILS
        :: step == START && !is_quiet -> was = STARTING; child_is_down(who, FAILED); was = 0
#endif
        fi
    od;
    who = 0
}

/* Each living thread is in exactly one book; each child that is not down has a thread, or the
 * last word of one. */
inline look_into_books()
{
    i = 0;
    do
    :: i == SLOTS -> break
    :: i < SLOTS ->
        n = is_quarantined[i];
        c = 0;
        do
        :: c == N -> break
        :: c < N -> n = n + (phase[c] != DOWN && actor[c] == i); c++
        od;
        assert(!IS_ALIVE(i) || n == 1);
        i++
    od;
    c = 0;
    do
    :: c == N -> break
    :: c < N ->
        assert((phase[c] == DOWN) == (actor[c] == NOBODY));
        assert(phase[c] == DOWN || thread[actor[c]] != FREE);
        c++
    od;
    i = 0;
    c = 0;
    n = 0
}

inline begin()
{
    sup = SUP_RUNS;
    i = 0;
    do
    :: i == N -> break
    :: i < N ->
        is_listed[i] = true;
        is_wanted[i] = true;
        is_in_turn[i] = true;
        actor[i] = NOBODY;
        i++
    od;
    i = 0;
    is_dirty = true
}

/* The actor is about to end: its mailbox is closed, its leftovers answered, its parent told. */
inline end_supervisor()
{
    i = 0;
    do
    :: i == SLOTS -> break
    :: i < SLOTS ->
        /* what was started has ended, or is in quarantine */
        assert(!IS_ALIVE(i) || is_quarantined[i]);
        do
        :: nempty(words[i]) -> words[i]?w
        :: empty(words[i]) -> break
        od;
        if
        :: thread[i] == GONE -> free_slot(i)
        :: IS_ALIVE(i) -> is_orphan[i] = true
        :: else
        fi;
        i++
    od;
#if COMMANDS > 0
    i = 0;
    do
    :: i == COMMANDS -> break
    :: i < COMMANDS ->
        if
        :: len(commands[i]) > 0 ->
            commands[i]?w, c;
#ifndef BUG_LOST_COMMAND
            answer(i)
#endif
        :: len(commands[i]) == 0 && pending[i] != 0 ->
#ifndef BUG_LOST_ANSWER
            answer(i)
#endif
        :: else
        fi;
        i++
    od;
#endif
    i = 0;
    do
    :: i == N -> break
    :: i < N -> phase[i] = DOWN; must_stop[i] = false; actor[i] = NOBODY; unlist(i); i++
    od;
    i = 0;
    w = 0;
    c = 0;
    to_parent!(has_failed -> FAILED : SHUT_DOWN);
    sup = NOT_THERE;
    sup_has_stop = false;
    is_stopping = false;
    has_started = false;
    has_failed = false;
    stop_was_taken = false;
    n_restarts = 0
}

inline turn()
{
    act();
    look_into_books();
    is_dirty = false;
    /* are_all_down, are_all_started */
    first = true;
    n = true;
    i = 0;
    do
    :: i == N -> break
    :: i < N ->
#ifdef BUG_FORGET_CHILD
        first = first && phase[i] != UP && phase[i] != STARTING;
#else
        first = first && phase[i] == DOWN;
#endif
        n = n && (!is_listed[i] || phase[i] == UP || !is_wanted[i]);
        i++
    od;
    i = 0;
    if
    :: is_stopping && first -> end_supervisor()
    :: !is_stopping && !has_started && n -> has_started = true; to_parent!STARTED
    :: else
    fi;
    first = 0;
    n = 0
}

/* Who has said to stop is heard before those who go on for ever. */
#ifdef FAIR
#define IS_ASKED sup_has_stop
#else
#define IS_ASKED false
#endif
#ifdef STEPWISE
#define HEARS (sup == SUP_RUNS && !IS_ASKED && !is_dirty)
#else
#define HEARS (sup == SUP_RUNS && !IS_ASKED)
#endif

#define TAKE(s)                                                                                \
    :: atomic { HEARS && nempty(words[s]) -> words[s]?w; on_word(s) }

/* look_after: patience with one that was told to stop, or one that hangs. The word of one that
 * has just ended may come too late. */
#define IS_TIME_UP(c)                                                                          \
    (is_listed[c] && phase[c] != DOWN &&                                                       \
     (IS_HUNG(actor[c]) ||                                                                     \
      (phase[c] == STOPPING && thread[actor[c]] == GONE && n_odd < HANGS)))

#ifdef BUG_NO_PATIENCE
#define HAS_PATIENCE(c) (phase[c] == STOPPING)
#else
#define HAS_PATIENCE(c) false
#endif

#define LOOK_AFTER(c)                                                                          \
    :: atomic { HEARS && !is_dirty && IS_TIME_UP(c) && !HAS_PATIENCE(c) ->                     \
           was = phase[c]; quarantine(c); child_is_down(c, FAILED); was = 0 }                  \
    :: atomic { HEARS && is_delayed[c] -> is_delayed[c] = false; is_dirty = true }

#define OBEY(k) :: atomic { HEARS && nempty(commands[k]) -> commands[k]?w, c; on_command(k) }

proctype Supervisor()
{
    byte c = 0, i = 0, k = 0, first = 0, end = 0, n = 0, was = 0, step = 0, who = 0;
    mtype w = 0;
end_waits:
    do
    :: atomic { sup == SUP_BORN -> begin() }
    :: atomic { sup == SUP_RUNS && is_dirty -> turn() }
    :: atomic { sup == SUP_RUNS && sup_has_stop ->
           sup_has_stop = false; stop_all(); is_dirty = true }
    TAKE(0)
    TAKE(1)
#if SLOTS > 2
    TAKE(2)
#endif
#if SLOTS > 3
    TAKE(3)
#endif
#if SLOTS > 4
    TAKE(4)
#endif
    LOOK_AFTER(0)
    LOOK_AFTER(1)
#if N > 2
    LOOK_AFTER(2)
#endif
#if COMMANDS > 0
    OBEY(0)
#endif
#if COMMANDS > 1
    OBEY(1)
#endif
#if COMMANDS > 2
    OBEY(2)
#endif
    od
}

/* ---- the parent ---- */

proctype Parent()
{
    mtype w = 0;
    bool is_delayed_start = false;
    sup = SUP_BORN;
end_waits:
    do
    :: atomic { nempty(to_parent) ->
           to_parent?w;
           if
           :: w == STARTED
           :: w != STARTED && stop_asked -> is_over = true
           :: w != STARTED && !stop_asked && n_parent_restarts < MAX_PARENT_RESTARTS ->
               n_parent_restarts++;
               is_delayed_start = true
           :: w != STARTED && !stop_asked && n_parent_restarts == MAX_PARENT_RESTARTS &&
                  MAX_PARENT_RESTARTS > 0 ->
               is_delayed_start = true /* the window moved on */
           :: w != STARTED && !stop_asked && n_parent_restarts == MAX_PARENT_RESTARTS ->
               is_over = true
           fi;
           w = 0 }
    :: d_step { is_delayed_start && !stop_asked ->
           is_delayed_start = false;
           assert(sup == NOT_THERE);
           sup = SUP_BORN }
    :: d_step { !stop_asked && !is_quiet && !is_over ->
           stop_asked = true;
           if
           :: is_delayed_start -> is_delayed_start = false; is_over = true
           :: !is_delayed_start && sup != NOT_THERE -> sup_has_stop = true
           :: else /* it has ended already; its word is under way */
           fi }
    od
}

/* ---- who gives commands ---- */

#if COMMANDS > 0
inline command(what, which)
{
    if
    :: sup == NOT_THERE -> n_answers[n_said]++ /* there is no such mailbox: told at once */
    :: else -> commands[n_said]!what, which
    fi;
    n_said++
}

proctype Commander()
{
end_waits:
    do
    :: d_step { n_said < COMMANDS && !is_quiet -> command(TERMINATE, 0) }
    :: d_step { n_said < COMMANDS && !is_quiet -> command(RESTART, 0) }
    :: d_step { n_said < COMMANDS && !is_quiet -> command(REMOVE, 0) }
    :: d_step { n_said < COMMANDS && !is_quiet -> command(TERMINATE, 1) }
    :: d_step { n_said < COMMANDS && !is_quiet -> command(RESTART, 1) }
    :: d_step { n_said < COMMANDS && !is_quiet -> command(REMOVE, 1) }
    od
}
#endif

/* ---- when nothing moves ---- */

proctype Calm()
{
end_waits:
    do
    :: d_step { !is_quiet -> is_quiet = true }
#ifdef FAIR
    :: d_step { !is_quiet -> skip } /* it need not come */
#endif
    od
}

#ifndef FAIR
proctype Judge()
{
    byte i = 0;
    timeout;
    d_step {
        assert(!stop_asked || is_over); /* every stop ends */
        assert(is_over || (sup == SUP_RUNS && has_started && !is_stopping));
        assert(!is_over || sup == NOT_THERE);
        do
        :: i == N -> break
        :: i < N ->
            /* every child is where it should be */
            assert(is_over || !is_listed[i] || phase[i] == (is_wanted[i] -> UP : DOWN));
            i++
        od;
        i = 0;
        do
        :: i == SLOTS -> break
        :: i < SLOTS ->
            /* every thread is looked after, or in quarantine; of those, all that came back ended */
            assert(!IS_ALIVE(i) || IS_HUNG(i) == is_quarantined[i]);
            assert(!is_over || !IS_ALIVE(i) || is_quarantined[i]);
            i++
        od;
#if COMMANDS > 0
        i = 0;
        do
        :: i == COMMANDS -> break
        :: i < COMMANDS -> assert(n_answers[i] == (i < n_said)); i++
        od
#endif
    }
}
#endif

init
{
    byte i = 0;
    atomic {
#ifdef STRATEGY
        strategy = STRATEGY;
#else
        if
        :: strategy = ONE_FOR_ONE
        :: strategy = ONE_FOR_ALL
        :: strategy = REST_FOR_ONE
        fi;
#endif
        /* The first is permanent, the second as wished, a third transient. */
        kind[0] = PERMANENT;
#if N > 2
        kind[2] = TRANSIENT;
#endif
        kind[1] = KIND;
        do
        :: i == N -> break
        :: i < N -> actor[i] = NOBODY; i++
        od;
        i = 0;
        do
        :: i == SLOTS -> break
        :: i < SLOTS -> run Thread(i); i++
        od;
        i = 0;
        run Supervisor();
        run Parent();
        run Calm();
#if COMMANDS > 0
        run Commander();
#endif
#ifndef FAIR
        run Judge()
#endif
    }
}

#ifdef FAIR
#if N > 2
#error "comes_to_rest is written for two children"
#endif
#define IS_IN_PLACE(c)                                                                         \
    (!is_listed[c] || (is_wanted[c] && phase[c] == UP) || (!is_wanted[c] && phase[c] == DOWN))
#define IS_AT_REST                                                                             \
    (is_over || (sup == SUP_RUNS && has_started && !is_stopping && IS_IN_PLACE(0) &&           \
                 IS_IN_PLACE(1)))

/* Once nothing happens any more that nobody asked for, everything comes to rest and stays so. */
ltl comes_to_rest { [] (is_quiet -> <> [] IS_AT_REST) }

/* Every stop ends. */
ltl stop_ends { [] (stop_asked -> <> is_over) }

#if COMMANDS > 0
/* Every command that was said is answered once the tree is asked to stop, at the latest. */
ltl commands_are_answered { [] (stop_asked && n_said == 1 -> <> (n_answers[0] == 1)) }
#endif
#endif
