/* `troupe bench`: many requests to one capability, and how long they took. The session stays
 * open beside the clients that make the load: it asks the node for its metrics before and
 * after, and hears Ctrl-C.
 */

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <troupe/call.h>
#include <troupe/client.h>
#include <troupe/message.h>

#include "cli/answer.h"
#include "cli/frames.h"
#include "cli/load.h"
#include "cli/load_report.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/typed.h"
#include "cli/verbs.h"

enum {
    ANSWER_TIMEOUT_MS = 2000, /* of the node's metrics */
    DEFAULT_FOR_MS = 10000,
    LONGEST_FOR_MS = 3600 * 1000, /* with -n alone */
    DEFAULT_TIMEOUT_MS = 30000,   /* so that what is never answered ends */
    DEFAULT_AT_RATE = 1000,       /* outstanding, of each client */
    MOST_CLIENTS = 1000,
    MOST_OUTSTANDING = 1000000,
    MOST_RATE = 10000000,
    MOST_SIZE = 1 << 30,
    LONGEST_POLL_MS = 1000,
    DESCRIPTORS_OF_CLIENT = 10, /* and some, for sockets of ZeroMQ have several each */
};

#define MOST_REQUESTS UINT64_C(1000000000000)

static const cli_option_t options[] = {
    {'m', "method", "METHOD", "what the worker is to do"},
    CLI_FRAME_OPTIONS,
    {CLI_KEY_SIZE, "size", "SIZE", "a request of that many bytes, as 64 or 4KiB, without -d"},
    {'r', "request", "JSON", "the request in JSON, as for troupe call"},
    {CLI_KEY_CONTRACT, "contract", "NAME", "whose contract (default: of that name)"},
    {'n', "requests", "N", "end after N requests"},
    {CLI_KEY_FOR, "for", "TIME", "end after that time (default 10s, with -n 1h)"},
    {'w', "outstanding", "N",
     "requests of each client that are under way at a time (default 1;\n"
     "with --rate that many at most, default 1000)"},
    {'c', "clients", "N", "connections, each with a thread of its own (default 1)"},
    {CLI_KEY_RATE, "rate", "N",
     "send N a second, of all clients together, however long answers\n"
     "take; latency counts from when a request was due to be sent"},
    {CLI_KEY_WARM_UP, "warm-up", "TIME", "do the same before, and do not count it"},
    {'p', "priority", "PRIORITY", "critical, high, normal (default), low or batch"},
    {'t', "timeout", "TIME", "deadline of each request (default 30s, or the capability's own)"},
    {CLI_KEY_JSON, "json", NULL, "print one JSON object; times in microseconds"},
    CLI_TARGET_OPTIONS,
    {0},
};

typedef struct bench {
    cli_load_plan_t plan;
    cli_target_t target;
    cli_typed_t typed;
    uint64_t size;
    bool has_size;
    bool as_json;
    bool is_interrupted;
    cli_answer_t before;
    cli_answer_t after;
} bench_t;

/* ---- options ---- */

static int take_time(int64_t *out, const cli_given_t *given)
{
    return cli_parse_duration(given->value, out)
               ? CLI_OK
               : cli_wrong_usage("bench", "'%s' is no time; say 250ms, 5s or 10m",
                                 given->value);
}

static int take_number(uint64_t *out, uint64_t most, const cli_given_t *given, const char *what)
{
    if (!cli_parse_number(given->value, most, out) || *out == 0) {
        return cli_wrong_usage("bench", "'%s' is no number of %s, up to %" PRIu64, given->value,
                               what, most);
    }
    return CLI_OK;
}

static int take_count(size_t *out, uint64_t most, const cli_given_t *given, const char *what)
{
    uint64_t number = 0;
    int code = take_number(&number, most, given, what);
    *out = (size_t)number;
    return code;
}

static int take_option(bench_t *self, const cli_given_t *given)
{
    cli_load_plan_t *plan = &self->plan;
    switch (given->key) {
    case 'd':
    case 'f':
        return CLI_OK;
    case 'm':
        plan->options.method = given->value;
        return CLI_OK;
    case 'r':
        self->typed.json = given->value;
        return CLI_OK;
    case CLI_KEY_CONTRACT:
        self->typed.contract = given->value;
        return CLI_OK;
    case CLI_KEY_SIZE:
        self->has_size = true;
        return cli_parse_size(given->value, MOST_SIZE, &self->size)
                   ? CLI_OK
                   : cli_wrong_usage("bench", "'%s' is no size; say 64, 4KiB or 1MiB",
                                     given->value);
    case 'n':
        return take_number(&plan->n_requests, MOST_REQUESTS, given, "requests");
    case CLI_KEY_FOR:
        return take_time(&plan->lasts_ms, given);
    case 'w':
        return take_count(&plan->n_outstanding, MOST_OUTSTANDING, given, "requests");
    case 'c':
        return take_count(&plan->n_clients, MOST_CLIENTS, given, "clients");
    case CLI_KEY_RATE:
        return take_number(&plan->rate, MOST_RATE, given, "requests a second");
    case CLI_KEY_WARM_UP:
        return take_time(&plan->warm_up_ms, given);
    case 't':
        return take_time(&plan->options.timeout_ms, given);
    case 'p':
        return troupe_priority_parse(given->value, &plan->options.priority)
                   ? CLI_OK
                   : cli_wrong_usage(
                         "bench",
                         "'%s' is no priority; say critical, high, normal, low or batch",
                         given->value);
    case CLI_KEY_JSON:
        self->as_json = true;
        return CLI_OK;
    default:
        return cli_target_option(&self->target, "bench", given);
    }
}

static int take_options(bench_t *self, const cli_args_t *args)
{
    cli_load_plan_t *plan = &self->plan;
    cli_target_init(&self->target);
    plan->capability = args->operand;
    plan->n_clients = 1;
    if (!*args->operand) {
        return cli_wrong_usage("bench", "the name is empty");
    }
    for (size_t i = 0; i < args->n_given; i++) {
        int code = take_option(self, &args->given[i]);
        if (code != CLI_OK) {
            return code;
        }
    }
    if (self->typed.contract && !self->typed.json) {
        return cli_wrong_usage("bench", "--contract says how --request is meant");
    }
    if (plan->lasts_ms == 0) {
        plan->lasts_ms = plan->n_requests > 0 ? LONGEST_FOR_MS : DEFAULT_FOR_MS;
    }
    if (plan->options.timeout_ms == 0) {
        plan->options.timeout_ms = DEFAULT_TIMEOUT_MS;
    }
    if (plan->n_outstanding == 0) {
        plan->n_outstanding = plan->rate > 0 ? DEFAULT_AT_RATE : 1;
    }
    return CLI_OK;
}

/* ---- the request ---- */

static void add_bytes(troupe_message_t *message, uint64_t size)
{
    char *bytes = cli_need(malloc(size + 1));
    memset(bytes, 'x', size);
    troupe_status_t status = troupe_message_add(message, bytes, size);
    cli_need(status == TROUPE_OK ? message : NULL);
    free(bytes);
}

/* NULL after saying what is wrong; *code_out is how to leave then. */
static troupe_message_t *make_request(bench_t *self, const cli_args_t *args, int *code_out)
{
    *code_out = CLI_FAILED;
    troupe_message_t *message = cli_frames_read(args);
    if (message && self->has_size && (self->typed.json || troupe_message_count(message) > 0)) {
        *code_out = cli_wrong_usage("bench", "--size does not go with -d, -f or --request");
        troupe_message_destroy(&message);
    } else if (message && self->typed.json) {
        if (!cli_typed_apply(&self->typed, self->plan.capability, &self->plan.options.method,
                             &message)) {
            troupe_message_destroy(&message);
        }
    } else if (message && troupe_message_count(message) == 0) {
        add_bytes(message, self->size);
    }
    return message;
}

/* ---- clients ---- */

static void provide_descriptors(size_t n_clients)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)(n_clients + 10) * DESCRIPTORS_OF_CLIENT;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < wanted) {
        limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE,
                        &limit); /* if that fails, so does a client, and says so */
    }
}

static void destroy_clients(troupe_client_t **clients, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        troupe_client_destroy(&clients[i]);
    }
    free(clients);
}

/* As many connections as the plan has clients; NULL after saying why not. */
static troupe_client_t **connect_clients(bench_t *self, cli_session_t *session, int *code_out)
{
    size_t n = self->plan.n_clients;
    troupe_client_t **clients = cli_need(calloc(n, sizeof(troupe_client_t *)));
    for (size_t i = 0; i < n; i++) {
        troupe_status_t status = cli_session_probe(
            session, &self->target, self->target.connect_timeout_ms, &clients[i]);
        if (status != TROUPE_OK) {
            cli_complain("client %zu of %zu cannot connect to %s: %s", i + 1, n,
                         self->target.endpoint, troupe_status_text(status));
            *code_out = status == TROUPE_INTERRUPTED ? CLI_INTERRUPTED : CLI_UNREACHABLE;
            destroy_clients(clients, n);
            return NULL;
        }
    }
    return clients;
}

/* ---- running ---- */

/* What the node counts. It may not want to tell, and that is no failure of the bench. */
static void look(bench_t *self, cli_session_t *session, cli_answer_t *out)
{
    troupe_message_t *wish = cli_need(troupe_message_from_text("steps"));
    troupe_reply_t *reply = NULL;
    const char *reason;
    troupe_status_t status =
        cli_session_admin(session, session->client, "stats", ANSWER_TIMEOUT_MS, &wish, &reply);
    self->is_interrupted |= status == TROUPE_INTERRUPTED;
    if (status == TROUPE_OK && troupe_reply_outcome(reply) == TROUPE_OUTCOME_OK &&
        !cli_answer_open(out, &reply, &reason)) {
        *out = (cli_answer_t){.reply = NULL};
    }
    troupe_reply_destroy(&reply);
}

/* Wait until the load has ended, or until `until_ms`. True when it has ended. Meanwhile the
 * session's connection is kept up. */
static bool watch(bench_t *self, cli_session_t *session, cli_load_t *load, int64_t until_ms)
{
    for (;;) {
        int64_t left_ms = until_ms - cli_now_ms();
        if (left_ms <= 0) {
            return false;
        }
        struct pollfd pollers[] = {
            {.fd = cli_load_fd(load), .events = POLLIN},
            {.fd = session->signals, .events = POLLIN},
            {.fd = troupe_client_fd(session->client), .events = POLLIN},
        };
        poll(pollers, 3, left_ms < LONGEST_POLL_MS ? (int)left_ms : LONGEST_POLL_MS);
        if (pollers[0].revents) {
            return true;
        }
        if (cli_session_pause(session, 0)) {
            self->is_interrupted = true;
            cli_load_stop(load);
        }
        troupe_reply_t *reply = NULL;
        if (troupe_client_next(session->client, 0, &reply) == TROUPE_OK) {
            troupe_reply_destroy(&reply); /* of a look that was given up */
        }
    }
}

static void run_load(bench_t *self, cli_session_t *session, cli_load_t *load)
{
    bool has_ended = false;
    if (self->plan.warm_up_ms > 0) {
        has_ended = watch(self, session, load, cli_load_counts_from_ms(load));
        if (!has_ended && !self->is_interrupted) {
            look(self, session, &self->before);
        }
    }
    if (self->is_interrupted) {
        cli_load_stop(load);
    }
    if (!has_ended) {
        (void)watch(self, session, load, INT64_MAX);
    }
}

/* What to leave with, after saying on stderr what was not as it should be. */
static int judge(const bench_t *self, const cli_load_t *load, const cli_tally_t *tally)
{
    const char *capability = self->plan.capability;
    const char *why;
    troupe_outcome_t hopeless = cli_load_hopeless(load, &why);
    uint64_t n_failed = cli_load_n_failed(tally);
    if (tally->n_missing > 0 || tally->n_stray > 0) {
        cli_complain("%s: %" PRIu64 " requests had no final, and %" PRIu64
                     " answers came to requests that had one",
                     capability, tally->n_missing, tally->n_stray);
        return CLI_FAILED;
    }
    if (self->is_interrupted) {
        return cli_explain_status(capability, TROUPE_INTERRUPTED);
    }
    if (hopeless != TROUPE_OUTCOME_OK) {
        cli_complain("%s: %s: %s", capability, troupe_outcome_name(hopeless),
                     *why ? why : troupe_outcome_text(hopeless));
        return CLI_FAILED;
    }
    if (n_failed > 0) {
        cli_complain("%s: %" PRIu64 " of %" PRIu64 " requests did not end ok", capability,
                     n_failed, n_failed + tally->outcomes[TROUPE_OUTCOME_OK]);
        return CLI_FAILED;
    }
    return CLI_OK;
}

static int measure(bench_t *self, cli_session_t *session, cli_load_t *load)
{
    if (self->plan.warm_up_ms == 0) {
        look(self, session, &self->before);
    }
    if (!self->is_interrupted && !cli_load_start(load)) {
        cli_complain("the system has no threads left for %zu clients", self->plan.n_clients);
        return CLI_FAILED;
    }
    if (!self->is_interrupted) {
        run_load(self, session, load);
    }
    look(self, session, &self->after);
    const cli_load_report_t report = {
        .plan = &self->plan,
        .tally = cli_load_finish(load),
        .before = cli_answer_root(&self->before),
        .after = cli_answer_root(&self->after),
        .is_interrupted = self->is_interrupted,
    };
    if (self->as_json) {
        cli_load_report_json(&report);
    } else {
        cli_load_report_print(&report);
    }
    return judge(self, load, report.tally);
}

static int bench_node(bench_t *self)
{
    cli_session_t session;
    provide_descriptors(self->plan.n_clients);
    int code = cli_session_open(&session, &self->target);
    if (code != CLI_OK) {
        return code;
    }
    troupe_client_t **clients = connect_clients(self, &session, &code);
    if (clients) {
        cli_load_t *load = cli_load_new(&self->plan, clients);
        code = measure(self, &session, load);
        cli_load_destroy(&load);
        free(clients);
    }
    cli_answer_close(&self->before);
    cli_answer_close(&self->after);
    cli_session_close(&session);
    return code;
}

static int bench(const cli_args_t *args)
{
    bench_t self = {.plan = {.n_clients = 1}};
    int code = take_options(&self, args);
    if (code != CLI_OK) {
        return code;
    }
    troupe_message_t *request = make_request(&self, args, &code);
    if (!request) {
        return code;
    }
    self.plan.request = request;
    code = bench_node(&self);
    troupe_message_destroy(&request);
    return code;
}

const cli_verb_t cli_verb_bench = {
    .name = "bench",
    .operand = "CAPABILITY",
    .brief = "load a capability and report rate and latency",
    .about =
        "Send requests to CAPABILITY, as many as get answered or as many a second as --rate\n"
        "says, and report how many ended, how, and how long they took: the latency of those\n"
        "that ended ok, and what of it was spent waiting and running at the node. Ctrl-C ends\n"
        "it early, and it still reports. Each request has to have exactly one final. The exit\n"
        "status is 1 when any ended otherwise than ok.\n",
    .options = options,
    .examples = "  troupe bench echo -m echo --size 64 -w 64 -c 2\n"
                "  troupe bench vision -f page.png --rate 20 --for 1m -t 5s\n"
                "  troupe bench upper -d hello -n 10000 --json | jq .latency_us.p99\n",
    .run = bench,
};
