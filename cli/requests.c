/* `troupe requests`: what is queued and running, a row for each. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/document.h"
#include "cli/figures.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/table.h"
#include "cli/verbs.h"

enum { ANSWER_TIMEOUT_MS = 5000, TEXT_LENGTH = 48, MOST = 100000 };

static const cli_option_t options[] = {
    {'n', "most", "COUNT", "of each capability at most so many (default 1000)"},
    {'t', "timeout", "TIME", "how long the node may take to answer (default 5s)"},
    {CLI_KEY_JSON, "json", NULL, "print all that is known as one JSON object"},
    CLI_TARGET_OPTIONS,
    {0},
};

enum column {
    COLUMN_CAPABILITY,
    COLUMN_STATE,
    COLUMN_AGE,
    COLUMN_RUNNING,
    COLUMN_LEFT,
    COLUMN_PRIORITY,
    COLUMN_METHOD,
    COLUMN_PEER,
    COLUMN_WORKER,
    COLUMN_ATTEMPT,
    COLUMN_PARTS,
    N_COLUMNS
};

static const cli_column_t columns[N_COLUMNS] = {
    [COLUMN_CAPABILITY] = {"CAPABILITY", false},
    [COLUMN_STATE] = {"STATE", false},
    [COLUMN_AGE] = {"AGE", true},
    [COLUMN_RUNNING] = {"RUNNING", true},
    [COLUMN_LEFT] = {"LEFT", true},
    [COLUMN_PRIORITY] = {"PRIORITY", false},
    [COLUMN_METHOD] = {"METHOD", false},
    [COLUMN_PEER] = {"PEER", false},
    [COLUMN_WORKER] = {"WORKER", false},
    [COLUMN_ATTEMPT] = {"ATTEMPT", true},
    [COLUMN_PARTS] = {"PARTS", true},
};

typedef struct asking {
    cli_target_t target;
    int64_t timeout_ms;
    uint64_t most;
    bool as_json;
} asking_t;

/* ---- cells ---- */

static void set_text(cli_table_t *table, enum column column, const msgpack_object *request,
                     const char *key)
{
    char *text = cli_member_text(request, key, TEXT_LENGTH);
    cli_table_set(table, column, CLI_PLAIN, text);
    free(text);
}

static void set_state(cli_table_t *table, const msgpack_object *request)
{
    char *state = cli_member_text(request, "state", TEXT_LENGTH);
    const msgpack_object *shares = cli_member(request, "shares");
    bool is_sharer = shares && shares->type == MSGPACK_OBJECT_BOOLEAN && shares->via.boolean;
    char text[TEXT_LENGTH * 4 + 16];
    snprintf(text, sizeof text, "%s%s", state, is_sharer ? ", shared" : "");
    cli_table_set(table, COLUMN_STATE,
                  strcmp(state, "running") == 0     ? CLI_GREEN
                  : strcmp(state, "abandoned") == 0 ? CLI_RED
                                                    : CLI_YELLOW,
                  text);
    free(state);
}

static void set_duration(cli_table_t *table, enum column column, const msgpack_object *request,
                         const char *key)
{
    uint64_t ms;
    char text[CLI_FIGURE];
    if (!cli_member_number(request, key, &ms) || ms > INT64_MAX) {
        return;
    }
    if (ms < 60000) {
        cli_show_time((int64_t)ms * 1000000, text);
    } else {
        cli_show_age((int64_t)ms, text);
    }
    cli_table_set(table, column, CLI_PLAIN, text);
}

/* Only where it says something: most are in their first attempt, and stream nothing. */
static void set_count_above(cli_table_t *table, enum column column,
                            const msgpack_object *request, const char *key, uint64_t usual)
{
    uint64_t count;
    if (cli_member_number(request, key, &count) && count > usual) {
        set_text(table, column, request, key);
    }
}

static void set_peer(cli_table_t *table, const msgpack_object *request)
{
    char *name = cli_member_text(request, "caller", TEXT_LENGTH);
    set_text(table, COLUMN_PEER, request, *name ? "caller" : "peer");
    free(name);
}

static void add_row(cli_table_t *table, const msgpack_object *request)
{
    cli_table_begin(table);
    set_text(table, COLUMN_CAPABILITY, request, "capability");
    set_state(table, request);
    set_duration(table, COLUMN_AGE, request, "age");
    set_duration(table, COLUMN_RUNNING, request, "running");
    set_duration(table, COLUMN_LEFT, request, "remaining");
    set_text(table, COLUMN_PRIORITY, request, "priority");
    set_text(table, COLUMN_METHOD, request, "method");
    set_peer(table, request);
    set_text(table, COLUMN_WORKER, request, "worker");
    set_count_above(table, COLUMN_ATTEMPT, request, "attempt", 1);
    set_count_above(table, COLUMN_PARTS, request, "parts", 0);
}

/* ---- the answer ---- */

static void tell_the_rest(const msgpack_object *answer)
{
    uint64_t n_left_off;
    if (cli_member_number(answer, "left_off", &n_left_off) && n_left_off > 0) {
        printf("and %" PRIu64 " more\n", n_left_off);
    }
    msgpack_object_array silent = cli_member_array(answer, "silent");
    for (uint32_t i = 0; i < silent.size; i++) {
        char *name = cli_object_text(&silent.ptr[i], TEXT_LENGTH);
        cli_complain("%s did not answer", name);
        free(name);
    }
}

static void show_table(const msgpack_object *answer)
{
    cli_table_t *table = cli_table_new(columns, N_COLUMNS);
    msgpack_object_array requests = cli_member_array(answer, "requests");
    for (uint32_t i = 0; i < requests.size; i++) {
        add_row(table, &requests.ptr[i]);
    }
    if (requests.size == 0) {
        printf("nothing is queued or running\n");
    } else {
        cli_table_print(table);
    }
    cli_table_destroy(&table);
    tell_the_rest(answer);
}

static void show(const msgpack_object *answer, bool as_json)
{
    if (as_json) {
        cli_json_object(answer);
        printf("\n");
    } else {
        show_table(answer);
    }
}

/* ---- the verb ---- */

static troupe_message_t *wish(const char *capability, uint64_t most)
{
    troupe_message_t *message = cli_need(troupe_message_from_text(capability));
    char number[24];
    snprintf(number, sizeof number, "%" PRIu64, most);
    if (most > 0 && troupe_message_add(message, number, strlen(number)) != TROUPE_OK) {
        cli_need(NULL);
    }
    return message;
}

static int ask(const char *capability, const asking_t *asking)
{
    cli_session_t session;
    int code = cli_session_open(&session, &asking->target);
    if (code != CLI_OK) {
        return code;
    }
    troupe_message_t *message = wish(capability ? capability : "", asking->most);
    cli_answer_t answer;
    code = cli_answer_ask(&answer, &session, "requests", asking->timeout_ms, &message);
    if (code == CLI_OK) {
        show(cli_answer_root(&answer), asking->as_json);
    }
    cli_answer_close(&answer);
    cli_session_close(&session);
    return code;
}

static int take_option(asking_t *asking, const cli_args_t *args, const cli_given_t *given)
{
    if (given->key == 't' && !cli_parse_duration(given->value, &asking->timeout_ms)) {
        return cli_wrong_usage(args->verb, "'%s' is no time; say 250ms, 5s or 10m",
                               given->value);
    }
    if (given->key == 'n' &&
        (!cli_parse_number(given->value, MOST, &asking->most) || asking->most == 0)) {
        return cli_wrong_usage(args->verb, "'%s' is no number from 1 to %d", given->value,
                               MOST);
    }
    asking->as_json = asking->as_json || given->key == CLI_KEY_JSON;
    return cli_target_option(&asking->target, args->verb, given);
}

static int requests(const cli_args_t *args)
{
    asking_t asking = {.timeout_ms = ANSWER_TIMEOUT_MS};
    cli_target_init(&asking.target);
    for (size_t i = 0; i < args->n_given; i++) {
        int code = take_option(&asking, args, &args->given[i]);
        if (code != CLI_OK) {
            return code;
        }
    }
    return ask(args->operand, &asking);
}

const cli_verb_t cli_verb_requests = {
    .name = "requests",
    .operand = "[CAPABILITY]",
    .brief = "show what is queued and running",
    .about =
        "Print a row for each request that a capability has: first those that its workers\n"
        "have, then those that wait, oldest first. It says how old each is, how long it has\n"
        "been running, how much time is left to it, who asks and who works on it. One that\n"
        "is 'abandoned' keeps its worker busy though nobody waits for it any more.\n",
    .options = options,
    .examples = "  troupe requests\n"
                "  troupe requests vision -n 20\n"
                "  troupe requests --json | jq '.requests[] | select(.age > 60000)'\n",
    .run = requests,
};
