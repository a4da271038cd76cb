// The C++ Actor Framework, 0.17 as Debian 12 has it: the workloads of bench/savina
//
//     caf_savina --workload ping_pong --rounds 40000
//
// Event-based actors know each other from a table that is filled before the time begins. What
// is checked is what is checked there. In the bank an account that asks `awaits` the answer:
// other messages wait meanwhile.

#include <getopt.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <future>
#include <vector>

#include "caf/all.hpp"

extern "C" {
#include "bench/measure.h"
}

using namespace caf;

using start_atom = atom_constant<atom("start")>;
using ping_atom = atom_constant<atom("ping")>;
using pong_atom = atom_constant<atom("pong")>;
using increment_atom = atom_constant<atom("increment")>;
using tell_atom = atom_constant<atom("tell")>;
using token_atom = atom_constant<atom("token")>;
using meet_atom = atom_constant<atom("meet")>;
using change_atom = atom_constant<atom("change")>;
using leave_atom = atom_constant<atom("leave")>;
using credit_atom = atom_constant<atom("credit")>;
using debit_atom = atom_constant<atom("debit")>;

static const std::chrono::seconds patience{50};

// Written before any message is sent.
static long n_actors;
static long n_rounds;
static std::vector<actor> cells;

static std::atomic<long> n_done;
static std::promise<void> all_done;

static void done(long n)
{
    long sum = n_done.fetch_add(n) + n;
    if (sum == n_rounds) {
        all_done.set_value();
    } else if (sum > n_rounds) {
        bench_give_up("more rounds were done than there are");
    }
}

static actor sender_of(event_based_actor *self)
{
    return actor_cast<actor>(self->current_sender());
}

// ---- ping-pong

struct count_state {
    long n = 0;
};

static behavior ping(stateful_actor<count_state> *self)
{
    return {[=](start_atom) { self->send(cells[1], ping_atom::value); },
            [=](pong_atom) {
                if (++self->state.n == n_rounds) {
                    done(n_rounds);
                } else {
                    self->send(cells[1], ping_atom::value);
                }
            }};
}

static behavior pong(event_based_actor *self)
{
    return {[](start_atom) {},
            [=](ping_atom) { self->send(sender_of(self), pong_atom::value); }};
}

// ---- counting: nothing bounds a mailbox here

static behavior producer(event_based_actor *self)
{
    return {[=](start_atom) {
                for (long i = 0; i < n_rounds; i++) {
                    self->send(cells[1], increment_atom::value);
                }
                self->send(cells[1], tell_atom::value);
            },
            [=](tell_atom, long n) {
                if (n != n_rounds) {
                    bench_give_up("%ld were counted, not %ld", n, n_rounds);
                }
                done(n);
            }};
}

static behavior counter(stateful_actor<count_state> *self)
{
    return {[](start_atom) {}, [=](increment_atom) { self->state.n++; },
            [=](tell_atom) { self->send(sender_of(self), tell_atom::value, self->state.n); }};
}

// ---- fork-join

static void compute()
{
    volatile double x = 37.2;
    x = x * x - x / 37.2;
}

static behavior worker(stateful_actor<count_state> *self)
{
    return {[=](increment_atom) {
        compute();
        if (++self->state.n == n_rounds / n_actors) {
            done(self->state.n);
        }
    }};
}

static behavior short_lived(event_based_actor *self)
{
    return {[=](increment_atom) {
        compute();
        done(1);
        self->quit();
    }};
}

// ---- thread ring

static behavior link_of_ring(event_based_actor *self, long index)
{
    return {[=](token_atom, long n) {
        if (n == n_rounds) {
            done(n);
        } else {
            self->send(cells[static_cast<size_t>((index + 1) % n_actors)], token_atom::value,
                       n + 1);
        }
    }};
}

// ---- chameneos

struct mall_state {
    actor waiting;
    long n_left = n_rounds;
    long n_faded = 0;
    long n_told = 0;
};

static behavior mall(stateful_actor<mall_state> *self)
{
    return {[](start_atom) {},
            [=](meet_atom, int colour, const actor &from) {
                mall_state &state = self->state;
                if (state.n_left == 0) {
                    self->send(from, leave_atom::value);
                } else if (state.waiting) {
                    self->send(state.waiting, meet_atom::value, colour, from);
                    state.waiting = nullptr;
                    state.n_left--;
                } else {
                    state.waiting = from;
                }
            },
            [=](tell_atom, long n) {
                mall_state &state = self->state;
                state.n_told += n;
                if (++state.n_faded == n_actors - 1) {
                    if (state.n_told != 2 * n_rounds) {
                        bench_give_up("%ld were met, not twice %ld", state.n_told, n_rounds);
                    }
                    done(n_rounds);
                }
            }};
}

struct creature_state {
    int colour = 0;
    long n_meetings = 0;
};

static int complement(int one, int other)
{
    return one == other ? one : 3 - one - other;
}

static behavior creature(stateful_actor<creature_state> *self, long index)
{
    self->state.colour = static_cast<int>(index % 3);
    auto go_to_mall = [=] {
        self->send(cells[0], meet_atom::value, self->state.colour, actor_cast<actor>(self));
    };
    return {
        [=](start_atom) { go_to_mall(); },
        [=](meet_atom, int colour, const actor &from) {
            self->state.colour = complement(self->state.colour, colour);
            self->state.n_meetings++;
            self->send(from, change_atom::value, self->state.colour);
            go_to_mall();
        },
        [=](change_atom, int colour) {
            self->state.colour = colour;
            self->state.n_meetings++;
            go_to_mall();
        },
        [=](leave_atom) { self->send(cells[0], tell_atom::value, self->state.n_meetings); }};
}

// ---- big

struct neighbour_state {
    bench_random_t random = {0};
    long n_answered = 0;
    long whom = 0; // it has pinged
};

static behavior neighbour(stateful_actor<neighbour_state> *self, long index)
{
    self->state.random.state = static_cast<uint64_t>(index);
    auto ping_somebody = [=] {
        size_t whom = bench_random_bits(&self->state.random) % cells.size();
        self->state.whom = static_cast<long>(whom);
        self->send(cells[whom], ping_atom::value);
    };
    return {[=](start_atom) { ping_somebody(); },
            [=](ping_atom) { self->send(sender_of(self), pong_atom::value, index); },
            [=](pong_atom, long from) {
                if (from != self->state.whom) {
                    bench_give_up("%ld answered, and %ld was asked", from, self->state.whom);
                }
                if (++self->state.n_answered == n_rounds / n_actors) {
                    done(self->state.n_answered);
                } else {
                    ping_somebody();
                }
            }};
}

// ---- bank transaction

struct teller_state {
    long balance = 0;
    long n_done = 0;
};

static void send_credits(stateful_actor<teller_state> *self)
{
    bench_random_t random = {123456};
    uint64_t n_accounts = cells.size() - 1;
    for (long i = 0; i < n_rounds; i++) {
        uint64_t from = bench_random_bits(&random) % (n_accounts / 10 * 8);
        uint64_t to = from + 1 + bench_random_bits(&random) % (n_accounts - from - 1);
        long amount = static_cast<long>(bench_random_bits(&random) % 1000);
        self->state.balance += amount;
        self->send(cells[1 + from], credit_atom::value, amount, cells[1 + to]);
    }
}

static behavior teller(stateful_actor<teller_state> *self)
{
    return {[=](start_atom) { send_credits(self); },
            [=](tell_atom, long amount) {
                self->state.balance -= amount;
                if (++self->state.n_done == n_rounds) {
                    if (self->state.balance != 0) {
                        bench_give_up("%ld was lost", self->state.balance);
                    }
                    done(n_rounds);
                }
            }};
}

static behavior account(stateful_actor<count_state> *self)
{
    return {
        [](start_atom) {},
        [=](credit_atom, long amount, const actor &other) {
            self->state.n += amount;
            self->request(other, infinite, debit_atom::value, amount).await([=](long debited) {
                self->send(cells[0], tell_atom::value, debited);
            });
        },
        [=](debit_atom, long amount) {
            self->state.n -= amount;
            return amount;
        }};
}

// ---- the run

static actor spawn_cell(actor_system &system, const char *workload, long index)
{
    bool is_first = index == 0;
    if (strcmp(workload, "ping_pong") == 0) {
        return is_first ? system.spawn(ping) : system.spawn(pong);
    }
    if (strcmp(workload, "counting") == 0) {
        return is_first ? system.spawn(producer) : system.spawn(counter);
    }
    if (strcmp(workload, "fork_join") == 0) {
        return system.spawn(worker);
    }
    if (strcmp(workload, "creation") == 0) {
        return system.spawn(short_lived);
    }
    if (strcmp(workload, "ring") == 0) {
        return system.spawn(link_of_ring, index);
    }
    if (strcmp(workload, "chameneos") == 0) {
        return is_first ? system.spawn(mall) : system.spawn(creature, index);
    }
    if (strcmp(workload, "big") == 0) {
        return system.spawn(neighbour, index);
    }
    return is_first ? system.spawn(teller) : system.spawn(account);
}

static void spawn_cells(actor_system &system, const char *workload)
{
    for (long i = 0; i < n_actors; i++) {
        cells.push_back(spawn_cell(system, workload, i));
    }
}

static void begin(const char *workload)
{
    if (strcmp(workload, "fork_join") == 0 || strcmp(workload, "creation") == 0) {
        for (long i = 0; i < n_rounds / n_actors; i++) {
            for (const actor &cell : cells) {
                anon_send(cell, increment_atom::value);
            }
        }
    } else if (strcmp(workload, "ring") == 0) {
        anon_send(cells[0], token_atom::value, 1L);
    } else {
        for (const actor &cell : cells) {
            anon_send(cell, start_atom::value);
        }
    }
}

static void run(const char *workload)
{
    bool is_of_creation = strcmp(workload, "creation") == 0;
    actor_system_config config;
    actor_system system{config};
    if (!is_of_creation) {
        spawn_cells(system, workload);
    }
    double cpu_s = bench_cpu_s();
    int64_t begin_ns = bench_now_ns();
    if (is_of_creation) {
        spawn_cells(system, workload);
    }
    begin(workload);
    if (all_done.get_future().wait_for(patience) != std::future_status::ready) {
        bench_give_up("%ld of %ld rounds were done", n_done.load(), n_rounds);
    }
    double seconds = static_cast<double>(bench_now_ns() - begin_ns) / BENCH_NS_PER_S;
    printf("name=caf workload=%s actors=%ld requests=%ld rps=%.0f seconds=%.3f cpu_s=%.3f\n",
           workload, n_actors, n_rounds, static_cast<double>(n_rounds) / seconds, seconds,
           bench_cpu_s() - cpu_s);
    for (const actor &cell : cells) {
        anon_send_exit(cell, exit_reason::kill);
    }
    cells.clear();
}

// The suite's: how many actors, and how many rounds in all.
static const struct {
    const char *name;
    long actors;
    long rounds;
} workloads[] = {
    {"ping_pong", 2, 40000}, {"counting", 2, 1000000}, {"fork_join", 60, 600000},
    {"creation", 0, 40000},  {"ring", 100, 100000},    {"chameneos", 101, 200000},
    {"big", 120, 2400000},   {"bank", 1001, 50000},
};

static size_t workload_called(const char *name)
{
    for (size_t i = 0; i < sizeof workloads / sizeof workloads[0]; i++) {
        if (strcmp(workloads[i].name, name) == 0) {
            return i;
        }
    }
    bench_misused("workload", name, "one of the suite, as ping_pong");
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"workload", required_argument, nullptr, 'w'},
                                            {"rounds", required_argument, nullptr, 'r'},
                                            {nullptr, 0, nullptr, 0}};
    size_t workload = 0;
    int option;
    while ((option = getopt_long(argc, argv, "", options, nullptr)) != -1) {
        switch (option) {
        case 'w':
            workload = workload_called(optarg);
            break;
        case 'r':
            n_rounds = bench_whole("rounds", optarg, 1, 1000000000);
            break;
        default:
            return 2;
        }
    }
    n_rounds = n_rounds ? n_rounds : workloads[workload].rounds;
    n_actors = workloads[workload].actors ? workloads[workload].actors : n_rounds;
    run(workloads[workload].name);
    return 0;
}
