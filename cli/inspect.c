/* `troupe inspect`: what an actor says of itself, in lines for a person or as it came. What the
 * actor shows of its inside may be anything; a map is shown a key a line.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/answer.h"
#include "cli/document.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/text.h"
#include "cli/verbs.h"

enum { ANSWER_TIMEOUT_MS = 5000, TEXT_LENGTH = 300 };

static const cli_option_t options[] = {
    {'t', "timeout", "TIME", "how long the actor may take to answer (default 5s)"},
    {CLI_KEY_JSON, "json", NULL, "print all that is known as one JSON object"},
    CLI_TARGET_OPTIONS,
    {0},
};

/* ---- lines ---- */

static bool is_true(const msgpack_object *actor, const char *key)
{
    const msgpack_object *value = cli_member(actor, key);
    return value && value->type == MSGPACK_OBJECT_BOOLEAN && value->via.boolean;
}

static void print_text(const msgpack_object *actor, const char *name, const char *key)
{
    char *text = cli_member_text(actor, key, TEXT_LENGTH);
    if (*text) {
        printf("  %-10s %s\n", name, text);
    }
    free(text);
}

/* "audit is idle", and what is unusual about it. */
static void print_heading(const msgpack_object *actor)
{
    char *name = cli_member_text(actor, "name", TEXT_LENGTH);
    char *state = cli_member_text(actor, "state", TEXT_LENGTH);
    bool is_suspended = is_true(actor, "suspended");
    cli_print(CLI_BOLD, *name ? name : "an actor without name");
    printf(" is ");
    cli_print(is_suspended ? CLI_YELLOW : CLI_GREEN, is_suspended ? "suspended" : state);
    printf("%s\n", is_true(actor, "traced") ? ", and traced" : "");
    free(name);
    free(state);
}

static void print_messages(const msgpack_object *actor)
{
    uint64_t n_messages;
    uint64_t rate;
    if (!cli_member_number(actor, "messages", &n_messages) ||
        !cli_member_number(actor, "rate", &rate)) {
        return;
    }
    printf("  %-10s %" PRIu64 " taken, %" PRIu64 " in the last second\n", "messages",
           n_messages, rate);
}

static void print_member(const msgpack_object_kv *pair)
{
    char *key = cli_object_text(&pair->key, TEXT_LENGTH);
    printf("    %s: ", key);
    cli_json_object(&pair->val);
    printf("\n");
    free(key);
}

static void print_inside(const msgpack_object *actor)
{
    const msgpack_object *inside = cli_member(actor, "inside");
    if (!inside || inside->type == MSGPACK_OBJECT_NIL) {
        print_text(actor, "inside", "remark");
    } else if (inside->type != MSGPACK_OBJECT_MAP) {
        printf("  %-10s ", "inside");
        cli_json_object(inside);
        printf("\n");
    } else {
        printf("  inside\n");
        for (uint32_t i = 0; i < inside->via.map.size; i++) {
            print_member(&inside->via.map.ptr[i]);
        }
    }
}

static void print(const msgpack_object *actor)
{
    print_heading(actor);
    print_text(actor, "behaviour", "behaviour");
    print_text(actor, "mailbox", "mailbox");
    print_text(actor, "aside", "aside");
    print_messages(actor);
    print_text(actor, "timers", "timers");
    print_text(actor, "monitors", "monitors");
    print_text(actor, "asks", "asks");
    print_text(actor, "calls", "calls");
    print_text(actor, "restarts", "restarts");
    print_inside(actor);
}

/* ---- the whole ---- */

static void show(const msgpack_object *actor, bool as_json)
{
    if (as_json) {
        cli_json_object(actor);
        printf("\n");
    } else {
        print(actor);
    }
}

static int ask(const cli_args_t *args, const cli_target_t *target, int64_t timeout_ms,
               bool as_json)
{
    cli_session_t session;
    int code = cli_session_open(&session, target);
    if (code != CLI_OK) {
        return code;
    }
    troupe_message_t *message = cli_need(troupe_message_from_text(args->operand));
    cli_answer_t actor;
    code = cli_answer_ask(&actor, &session, args->verb, timeout_ms, &message);
    if (code == CLI_OK) {
        show(cli_answer_root(&actor), as_json);
    }
    cli_answer_close(&actor);
    cli_session_close(&session);
    return code;
}

static int inspect(const cli_args_t *args)
{
    cli_target_t target;
    cli_target_init(&target);
    int64_t timeout_ms = ANSWER_TIMEOUT_MS;
    bool as_json = false;
    if (!*args->operand) {
        return cli_wrong_usage(args->verb, "the name is empty");
    }
    for (size_t i = 0; i < args->n_given; i++) {
        const cli_given_t *given = &args->given[i];
        if (given->key == 't' && !cli_parse_duration(given->value, &timeout_ms)) {
            return cli_wrong_usage(args->verb, "'%s' is no time; say 250ms, 5s or 10m",
                                   given->value);
        }
        as_json = as_json || given->key == CLI_KEY_JSON;
        int code = cli_target_option(&target, args->verb, given);
        if (code != CLI_OK) {
            return code;
        }
    }
    return ask(args, &target, timeout_ms, as_json);
}

const cli_verb_t cli_verb_inspect = {
    .name = "inspect",
    .operand = "ACTOR",
    .brief = "look into an actor",
    .about =
        "Ask an actor, or a single worker such as vision/2, how it is: what waits in its\n"
        "mailbox, what it has taken, its timers, monitors and open questions, and what its\n"
        "behaviour shows of its state. It answers between two callbacks, also while it is\n"
        "suspended.\n",
    .options = options,
    .examples = "  troupe inspect audit\n"
                "  troupe inspect audit --json | jq .inside\n",
    .run = inspect,
};
