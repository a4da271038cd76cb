/* supervisors/grants.pml - a paper that goes from hand to hand, and the charge that it stands for
 *
 * What claims.c, governor.c, quarantine.c, actors/actor.c and actors/grant.c do with the papers
 * of workers that need one unit each, where there are LIMIT units.
 *
 *   Pool      asks, withdraws, starts a worker when a paper has come, may end at any moment: then
 *             its mailbox is closed, and what was in it or comes later goes home by itself
 *   Governor  takes one letter after another; charges and hands out what fits
 *   Worker    one for each paper: ends, or hangs and ends later, when it is in quarantine and its
 *             pool has long asked again, or is gone
 *   Judge     looks when nothing can move any more
 *
 * A paper is a place in an array. Whoever lets go of a worker hands its paper in: the pool, or,
 * when the worker hung, whoever sweeps the quarantine.
 *
 * Always true: what is charged and what is used are at most LIMIT, a paper is in one hand, and
 * its charge is taken off once. In the end: all papers are gone, nothing is charged, and whoever
 * asked and still waits is only there when somebody else's worker uses what there is.
 *
 * Bounds and variants, by -D:
 *   POOLS, LIVES  how many there are, and how many papers each makes out
 *   LIMIT         units
 *   FAIR          for the property of liveness: workers end, pools withdraw nothing and do not end
 *   BUG_...       seeded faults that the check must find
 */

#ifndef POOLS
#define POOLS 2
#endif
#ifndef LIVES
#define LIVES 2
#endif
#ifndef LIMIT
#define LIMIT 1
#endif
#define PAPERS (POOLS * LIVES)
#define NONE   255
#define POOL_OF(p) ((p) / LIVES)

/* whose hand a paper is in */
#define NOT_MADE   0
#define TO_HOME    1 /* asked or returned, in the governor's mailbox */
#define IN_LINE    2
#define ON_THE_WAY 3 /* charged, and not posted yet */
#define TO_POOL    4 /* in the pool's mailbox */
#define WITH_POOL  5
#define WITH_ACTOR 6
#define GONE       7

mtype = { ASK, WITHDRAW, HOME };

chan to_governor = [3 * PAPERS] of { mtype, byte };
chan to_pool[POOLS] = [LIVES] of { byte };

byte hand[PAPERS];
bool is_charged[PAPERS];
bool runs[PAPERS], hangs[PAPERS], is_hung_still[PAPERS];
byte n_charged, n_using;
byte n_in_line, n_on_the_way;
bool must_look; /* something has changed since the governor has walked its line */

bool is_open[POOLS];
byte claim[POOLS];  /* the paper it waits for, or has in hand */
byte worker[POOLS]; /* the paper of the worker that it knows of */
byte n_made[POOLS];

#define MAKE(p, to) assert(hand[p] != (to)); hand[p] = (to)

/* Let go of a paper that was given. */
inline give_back(p)
{
    MAKE(p, TO_HOME);
    to_governor!HOME,p
}

inline destroy(p)
{
    assert(!is_charged[p]);
    MAKE(p, GONE)
}

/* ---- workers ---- */

inline stop_using(p)
{
    runs[p] = false;
    n_using--
}

proctype Worker(byte p)
{
end_waits:
    do
    /* It ends and is reaped by its pool. */
    :: d_step { runs[p] && !hangs[p] && worker[POOL_OF(p)] == p && is_open[POOL_OF(p)] ->
           stop_using(p);
           worker[POOL_OF(p)] = NONE;
           give_back(p) }
    /* It hangs: its pool puts it into quarantine and forgets it. */
    :: d_step { runs[p] && !hangs[p] && worker[POOL_OF(p)] == p && is_open[POOL_OF(p)] ->
           hangs[p] = true;
#ifdef BUG_QUARANTINE_IS_FREE
           give_back(p);
#endif
           worker[POOL_OF(p)] = NONE }
    /* What hung, or was left by its pool, ends, and is swept out. */
    :: d_step { runs[p] && hangs[p] ->
           stop_using(p);
#ifndef BUG_QUARANTINE_IS_FREE
#ifndef BUG_NOBODY_SWEEPS
           give_back(p);
#endif
#endif
           hangs[p] = false }
    od
}

/* ---- pools ---- */

proctype Pool(byte i)
{
    byte p;
end_waits:
    do
    :: d_step { is_open[i] && claim[i] == NONE && worker[i] == NONE && n_made[i] < LIVES ->
           p = i * LIVES + n_made[i];
           n_made[i]++;
           claim[i] = p;
           MAKE(p, TO_HOME);
           to_governor!ASK,p;
           p = 0 }
#ifndef FAIR
    :: d_step { is_open[i] && claim[i] != NONE && hand[claim[i]] != WITH_POOL ->
           to_governor!WITHDRAW,claim[i];
           claim[i] = NONE }
#endif
    :: d_step { is_open[i] && nempty(to_pool[i]) ->
           to_pool[i]?p;
           MAKE(p, WITH_POOL);
           if
           :: claim[i] == p -> skip
           :: else -> give_back(p) /* it was withdrawn when it was on its way */
           fi;
           p = 0 }
    /* The worker is started with it. */
    :: d_step { is_open[i] && claim[i] != NONE && hand[claim[i]] == WITH_POOL ->
           p = claim[i];
           MAKE(p, WITH_ACTOR);
           worker[i] = p;
           claim[i] = NONE;
           runs[p] = true;
           n_using++;
           assert(n_using <= LIMIT);
           p = 0 }
    /* Or the start fails, or nobody wants it any more. */
    :: d_step { is_open[i] && claim[i] != NONE && hand[claim[i]] == WITH_POOL ->
           give_back(claim[i]);
           claim[i] = NONE }
#ifndef FAIR
    /* The pool ends. */
    :: d_step { is_open[i] ->
           is_open[i] = false;
           do
           :: nempty(to_pool[i]) ->
               to_pool[i]?p;
#ifndef BUG_CLOSED_IS_LOST
               give_back(p)
#else
               hand[p] = GONE
#endif
           :: empty(to_pool[i]) -> break
           od;
           if
           :: claim[i] != NONE && hand[claim[i]] == WITH_POOL -> give_back(claim[i])
           :: else
           fi;
           claim[i] = NONE;
           if
           :: worker[i] != NONE -> hangs[worker[i]] = true; worker[i] = NONE
           :: else
           fi;
           p = 0 }
#endif
    od
}

/* ---- the governor ---- */

inline take_off(p)
{
    assert(is_charged[p]);
    is_charged[p] = false;
    n_charged--
}

proctype Governor()
{
    byte p;
    mtype word;
end_waits:
    do
    :: d_step { nempty(to_governor) ->
           to_governor?word,p;
           if
           :: word == ASK -> MAKE(p, IN_LINE); n_in_line++; must_look = true
           :: word == HOME ->
               take_off(p);
               MAKE(p, GONE);
#ifndef BUG_HOME_IS_NO_NEWS
               must_look = true
#endif
           :: word == WITHDRAW && hand[p] == IN_LINE -> destroy(p); n_in_line--
#ifdef BUG_WITHDRAW_RELEASES
           :: word == WITHDRAW && is_charged[p] -> take_off(p)
           :: word == WITHDRAW && hand[p] != IN_LINE && !is_charged[p] -> skip
#else
           :: word == WITHDRAW && hand[p] != IN_LINE -> skip
#endif
           fi;
           p = 0;
           word = 0 }
    :: d_step { must_look && (n_in_line == 0 || n_charged >= LIMIT) -> must_look = false }
    :: d_step { must_look && n_in_line > 0 && n_charged < LIMIT ->
           p = 0;
           do
           :: p < PAPERS && hand[p] != IN_LINE -> p++
           :: else -> break
           od;
           n_in_line--;
           if
           :: !is_open[POOL_OF(p)] -> destroy(p)
           :: else ->
               is_charged[p] = true;
               n_charged++;
               assert(n_charged <= LIMIT);
               MAKE(p, ON_THE_WAY);
               n_on_the_way++
           fi;
           p = 0 }
    /* The pool may have ended between the look and the post. */
    :: d_step { n_on_the_way > 0 ->
           p = 0;
           do
           :: p < PAPERS && hand[p] != ON_THE_WAY -> p++
           :: else -> break
           od;
           n_on_the_way--;
           if
           :: is_open[POOL_OF(p)] -> MAKE(p, TO_POOL); to_pool[POOL_OF(p)]!p
           :: else ->
#ifdef BUG_CLOSED_IS_LOST
               hand[p] = GONE
#else
               give_back(p)
#endif
           fi;
           p = 0 }
    od
}

/* ---- the judge ---- */

/* Nothing moves any more: every word is read, every worker has ended. */
proctype Judge()
{
    byte p, n;
    timeout ->
    atomic {
        n = 0;
        p = 0;
        do
        :: p < PAPERS ->
            assert(hand[p] == NOT_MADE || hand[p] == GONE);
            assert(!is_charged[p]);
            n = n + is_charged[p];
            p++
        :: else -> break
        od;
        assert(n == 0 && n_charged == 0 && n_using == 0)
    }
}

#ifdef FAIR
ltl all_are_served { <> (hand[0] == GONE && hand[LIVES] == GONE) }
#endif

init
{
    byte i;
    atomic {
        do
        :: i < POOLS -> is_open[i] = true; claim[i] = NONE; worker[i] = NONE; run Pool(i); i++
        :: else -> break
        od;
        i = 0;
        do
        :: i < PAPERS -> run Worker(i); i++
        :: else -> break
        od;
        run Governor();
        run Judge()
    }
}
