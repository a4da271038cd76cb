// The C++ Actor Framework, 0.17 as Debian 12 has it: N workers that send back what they get
//
//     --mode dispatcher   an actor picks the worker with the fewest pending, and each reply
//     passes
//                         through it, as through a router
//     --mode actor_pool   the library's pool, round robin: it dispatches in the sender's
//     thread,
//                         so a request has a hop less, and a reply goes straight back
//
// A message holds its 64 bytes by value, so there is only this size.

#include <cstring>
#include <future>
#include <vector>

#include "caf/all.hpp"

extern "C" {
#include "bench/measure.h"
#include "bench/peers/peer.h"
}

struct payload {
    char bytes[64];
};
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(payload)

using namespace caf;

static peer_options_t options;
static bench_requests_t requests;

static behavior worker(event_based_actor *)
{
    return {[](const payload &request) { return request; }};
}

// ---- the dispatcher

struct dispatcher_state {
    std::vector<actor> workers;
    std::vector<long> pending;

    size_t least_pending() const
    {
        size_t best = 0;
        for (size_t i = 1; i < pending.size() && pending[best] > 0; i++) {
            if (pending[i] < pending[best]) {
                best = i;
            }
        }
        return best;
    }
};

static behavior dispatcher(stateful_actor<dispatcher_state> *self)
{
    for (long i = 0; i < options.workers; i++) {
        self->state.workers.push_back(self->spawn(worker));
        self->state.pending.push_back(0);
    }
    return {[=](const payload &request) {
        auto promise = self->make_response_promise<payload>();
        size_t chosen = self->state.least_pending();
        self->state.pending[chosen]++;
        self->request(self->state.workers[chosen], infinite, request)
            .then([=](const payload &reply) mutable {
                self->state.pending[chosen]--;
                promise.deliver(reply);
            });
        return promise;
    }};
}

// ---- the client

static void begin_those_that_may(event_based_actor *self, const actor &pool,
                                 std::promise<void> *ended)
{
    while (bench_requests_may_begin(&requests)) {
        payload request = {};
        bench_requests_begin(&requests, request.bytes);
        self->request(pool, infinite, request).then([=](const payload &reply) {
            bench_requests_end(&requests, reply.bytes, sizeof reply.bytes);
            begin_those_that_may(self, pool, ended);
            if (!bench_requests_go_on(&requests)) {
                ended->set_value();
            }
        });
    }
}

static behavior client(event_based_actor *self, const actor &pool, std::promise<void> *ended)
{
    begin_those_that_may(self, pool, ended);
    return {[](int) {}};
}

// ---- the run

static actor pool_new(actor_system &system)
{
    if (peer_mode_is(&options, "dispatcher")) {
        return system.spawn(dispatcher);
    }
    scoped_execution_unit unit{&system};
    return actor_pool::make(
        &unit, static_cast<size_t>(options.workers), [&] { return system.spawn(worker); },
        actor_pool::round_robin());
}

int main(int argc, char **argv)
{
    static const char *const modes[] = {"dispatcher", "actor_pool", nullptr};
    static const char *const transports[] = {"inproc", nullptr};
    options = peer_options(argc, argv, modes, transports);
    if (options.size != sizeof(payload)) {
        bench_misused("size", "another", "64");
    }
    peer_requests_init(&requests, &options);
    actor_system_config config;
    actor_system system{config};
    actor pool = pool_new(system);
    std::promise<void> ended;
    bench_requests_start(&requests);
    actor self = system.spawn(client, pool, &ended);
    ended.get_future().wait();
    peer_print(&requests, "caf", &options);
    anon_send_exit(self, exit_reason::kill);
    anon_send_exit(pool, exit_reason::kill);
    return 0;
}
