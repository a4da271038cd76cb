/* `troupe call`, `ask` and `send`: one request to a capability or an actor, and all that comes
 * back. Parts are shown as they arrive, the reply after them; stdout carries nothing else, so
 * that it can be piped. A terminal gets text only: what is none is counted and said in the end,
 * never shown.
 */

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <troupe/call.h>
#include <troupe/client.h>
#include <troupe/message.h>

#include "cli/file.h"
#include "cli/frames.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/text.h"
#include "cli/typed.h"
#include "cli/verbs.h"

enum {
    CANCEL_WAIT_MS = 1000, /* after Ctrl-C, for the node to say how it ended */
    MAX_FRAME_INDEX = 1000000,
};

#define REPLY_OPTIONS                                                                          \
    {'o', "output", "FILE", "write the reply to FILE, whole or not at all"},                   \
        {CLI_KEY_FRAME, "frame", "N",                                                          \
         "which frame of the reply is shown or written (default 0)"},                          \
    {                                                                                          \
        CLI_KEY_JSON, "json", NULL,                                                            \
            "one JSON object for each part, and one for the end; frames\n"                     \
            "are strings when they are text, else {\"base64\": ...}"                           \
    }

static const cli_option_t call_options[] = {
    CLI_FRAME_OPTIONS,
    {'r', "request", "JSON",
     "the request in JSON, as the contract of the capability has it\n"
     "('@FILE': what FILE holds, '-': stdin); one -d or -f then is what\n"
     "it is about. The reply is shown in JSON, without its parts"},
    {CLI_KEY_CONTRACT, "contract", "NAME", "whose contract (default: of that name)"},
    {'m', "method", "METHOD", "what the worker is to do"},
    {'t', "timeout", "TIME", "deadline, as 250ms, 5s or 10m (default: the capability's own)"},
    {'p', "priority", "PRIORITY", "critical, high, normal (default), low or batch"},
    {CLI_KEY_STICKY, "sticky", "KEY", "go to the worker that other calls with KEY went to"},
    {CLI_KEY_DEDUP, "dedup", "KEY", "share the run, and the reply, of another call with KEY"},
    {CLI_KEY_TRACEPARENT, "traceparent", "VALUE", "W3C trace context, handed to the worker"},
    {CLI_KEY_STATUS, "status", NULL, "say on stderr when it waits, and when a worker has it"},
    REPLY_OPTIONS,
    CLI_TARGET_OPTIONS,
    {0},
};

static const cli_option_t ask_options[] = {
    CLI_FRAME_OPTIONS,
    {'t', "timeout", "TIME", "how long to wait for the answer (default 5s)"},
    REPLY_OPTIONS,
    CLI_TARGET_OPTIONS,
    {0},
};

static const cli_option_t send_options[] = {
    CLI_FRAME_OPTIONS,
    {'t', "timeout", "TIME", "how long to try (default 30s)"},
    {'u', "urgent", NULL, "overtake messages that are not"},
    CLI_TARGET_OPTIONS,
    {0},
};

typedef struct call call_t;

typedef troupe_status_t(start_fn)(troupe_client_t *client, const call_t *call,
                                  troupe_message_t **message_p, uint64_t *id_out);

struct call {
    start_fn *start;
    const char *name; /* of the capability or actor */
    bool is_urgent;
    troupe_call_options_t options;
    cli_target_t target;
    const char *output; /* a file for the reply; NULL: stdout */
    uint64_t frame;
    bool as_json;
    cli_typed_t typed;

    struct timespec began;
    cli_utf8_t parts_text; /* characters may be split over parts */
    bool in_line;          /* what was shown last did not end its line */
    size_t n_hidden;       /* parts not shown because a terminal cannot */
    char *shown;           /* the parts that were shown, one behind the other */
    size_t n_shown;
};

static int take_option(call_t *call, const char *verb, const cli_given_t *given)
{
    switch (given->key) {
    case 'r':
        call->typed.json = given->value;
        break;
    case CLI_KEY_CONTRACT:
        call->typed.contract = given->value;
        break;
    case 'm':
        call->options.method = given->value;
        break;
    case 't':
        if (!cli_parse_duration(given->value, &call->options.timeout_ms)) {
            return cli_wrong_usage(verb, "'%s' is no time; say 250ms, 5s or 10m", given->value);
        }
        break;
    case 'p':
        if (!troupe_priority_parse(given->value, &call->options.priority)) {
            return cli_wrong_usage(
                verb, "'%s' is no priority; say critical, high, normal, low or batch",
                given->value);
        }
        break;
    case CLI_KEY_STICKY:
        call->options.sticky_key = given->value;
        break;
    case CLI_KEY_DEDUP:
        call->options.dedup_key = given->value;
        break;
    case CLI_KEY_TRACEPARENT:
        call->options.traceparent = given->value;
        break;
    case CLI_KEY_STATUS:
        call->options.wants_status = true;
        break;
    case 'o':
        call->output = given->value;
        break;
    case CLI_KEY_FRAME:
        if (!cli_parse_number(given->value, MAX_FRAME_INDEX, &call->frame)) {
            return cli_wrong_usage(verb, "'%s' is no number of a frame", given->value);
        }
        break;
    case 'u':
        call->is_urgent = true;
        break;
    case CLI_KEY_JSON:
        call->as_json = true;
        break;
    default:
        return cli_target_option(&call->target, verb, given);
    }
    return CLI_OK;
}

static int take_options(call_t *call, const cli_args_t *args)
{
    cli_target_init(&call->target);
    if (!*call->name) {
        return cli_wrong_usage(args->verb, "the name is empty");
    }
    for (size_t i = 0; i < args->n_given; i++) {
        int code = take_option(call, args->verb, &args->given[i]);
        if (code != CLI_OK) {
            return code;
        }
    }
    if (call->typed.contract && !call->typed.json) {
        return cli_wrong_usage(args->verb, "--contract says how --request is meant");
    }
    return CLI_OK;
}

/* ---- the request ---- */

static bool add_stdin(troupe_message_t *message)
{
    if (isatty(STDIN_FILENO) == 1) {
        fprintf(stderr, "reading the request from the terminal: end it with Ctrl-D, "
                        "or give it with -d TEXT\n");
    }
    return cli_frames_add_file(message, "-");
}

/* NULL after saying what is wrong. */
static troupe_message_t *make_request(call_t *call, const cli_args_t *args)
{
    troupe_message_t *message = cli_frames_read(args);
    bool is_fine = message != NULL;
    if (is_fine && call->typed.json) {
        is_fine = cli_typed_apply(&call->typed, call->name, &call->options.method, &message);
    } else if (is_fine && troupe_message_count(message) == 0) {
        is_fine = add_stdin(message);
    }
    if (!is_fine) {
        troupe_message_destroy(&message);
    }
    return message;
}

/* ---- what comes back ---- */

static double elapsed_ms(const call_t *call)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - call->began.tv_sec) * 1e3 +
           (double)(now.tv_nsec - call->began.tv_nsec) / 1e6;
}

static void show_bytes(call_t *call, const void *data, size_t size)
{
    if (size > 0) {
        fwrite(data, 1, size, stdout);
        call->in_line = ((const char *)data)[size - 1] != '\n';
    }
}

/* So that a reply that was shown in parts is not shown again. */
static void remember(call_t *call, const void *data, size_t size)
{
    if (size > 0) {
        call->shown = cli_need(realloc(call->shown, call->n_shown + size));
        memcpy(call->shown + call->n_shown, data, size);
        call->n_shown += size;
    }
}

static bool was_shown(const call_t *call, const void *data, size_t size)
{
    return size > 0 && size == call->n_shown && memcmp(call->shown, data, size) == 0;
}

static void end_line_on_terminal(call_t *call)
{
    if (call->in_line && cli_on_terminal()) {
        putchar('\n');
        call->in_line = false;
    }
}

static void show_part(call_t *call, const troupe_reply_t *part)
{
    const troupe_message_t *message = troupe_reply_message(part);
    if (call->typed.json) {
        return;
    }
    if (call->as_json) {
        printf("{\"part\":%" PRIu64 ",\"frames\":", troupe_reply_sequence(part));
        cli_json_frames(message);
        printf("}\n");
        fflush(stdout);
        return;
    }
    const void *data = troupe_message_data(message, 0);
    size_t size = troupe_message_size(message, 0);
    if (cli_on_terminal() && !cli_utf8_feed(&call->parts_text, data, size)) {
        call->parts_text = (cli_utf8_t){0};
        call->n_hidden++;
        return;
    }
    show_bytes(call, data, size);
    remember(call, data, size);
    fflush(stdout);
}

static void show_status(call_t *call, const troupe_reply_t *status)
{
    troupe_standing_t standing = troupe_reply_standing(status);
    uint64_t position = troupe_reply_position(status);
    if (call->as_json) {
        printf("{\"status\":\"%s\",\"position\":%" PRIu64 "}\n", troupe_standing_name(standing),
               position);
        fflush(stdout);
        return;
    }
    end_line_on_terminal(call);
    if (standing == TROUPE_STANDING_RUNNING) {
        cli_complain("%s: a worker has it", call->name);
    } else {
        cli_complain("%s: it waits%s, with %" PRIu64 " in all", call->name,
                     standing == TROUPE_STANDING_STARTING ? " for a worker that is starting"
                                                          : "",
                     position);
    }
}

static int show_typed(const call_t *call, const troupe_message_t *message)
{
    char *json = cli_typed_reply(&call->typed, call->name, message);
    if (json) {
        printf("%s\n", json);
    }
    free(json);
    return json ? CLI_OK : CLI_FAILED;
}

static int show_reply(call_t *call, const troupe_message_t *message)
{
    const void *data = troupe_message_data(message, call->frame);
    size_t size = troupe_message_size(message, call->frame);
    if (call->typed.json) {
        return show_typed(call, message);
    }
    end_line_on_terminal(call);
    if (was_shown(call, data, size)) {
        return CLI_OK;
    }
    if (cli_on_terminal() && !cli_is_text(data, size)) {
        cli_complain("%s: the reply is binary (%zu bytes), which a terminal cannot show; "
                     "use -o FILE, or --json",
                     call->name, size);
        return CLI_FAILED;
    }
    show_bytes(call, data, size);
    end_line_on_terminal(call);
    if (call->n_hidden > 0) {
        cli_complain("%s: %zu binary part%s not shown on the terminal; --json shows them",
                     call->name, call->n_hidden, call->n_hidden == 1 ? " was" : "s were");
        return CLI_FAILED;
    }
    return CLI_OK;
}

/* False, with nothing printed, when the reply does not keep to its contract. */
static bool show_end_as_json(const call_t *call, const troupe_reply_t *final)
{
    troupe_outcome_t outcome = troupe_reply_outcome(final);
    const troupe_message_t *message = troupe_reply_message(final);
    bool is_typed = call->typed.json && outcome == TROUPE_OUTCOME_OK && !call->output;
    char *typed = is_typed ? cli_typed_reply(&call->typed, call->name, message) : NULL;
    if (is_typed && !typed) {
        return false;
    }
    printf("{\"outcome\":\"%s\"", troupe_outcome_name(outcome));
    if (outcome != TROUPE_OUTCOME_OK) {
        const char *text = troupe_reply_text(final);
        printf(",\"text\":");
        cli_json_string(text, strlen(text));
        printf(",\"retryable\":%s,\"hint_ms\":%" PRId64,
               troupe_outcome_is_retryable(outcome) ? "true" : "false",
               troupe_reply_hint_ms(final));
    }
    if (call->output && outcome == TROUPE_OUTCOME_OK) {
        printf(",\"file\":");
        cli_json_string(call->output, strlen(call->output));
        printf(",\"bytes\":%zu", troupe_message_size(message, call->frame));
    } else if (is_typed) {
        printf(",\"reply\":%s", typed);
    } else {
        printf(",\"frames\":");
        cli_json_frames(message);
    }
    printf(",\"parts\":%" PRIu64 ",\"ms\":%.1f}\n", troupe_reply_sequence(final),
           elapsed_ms(call));
    free(typed);
    return true;
}

/* An empty reply has no frame 0, and that is nothing to complain about. */
static bool has_frame(const call_t *call, const troupe_message_t *message)
{
    size_t n_frames = troupe_message_count(message);
    if ((call->as_json && !call->output) || call->frame < n_frames || call->frame == 0) {
        return true;
    }
    cli_complain("%s: the reply has %zu frame%s, so there is no --frame %" PRIu64, call->name,
                 n_frames, n_frames == 1 ? "" : "s", call->frame);
    return false;
}

static int show_end(call_t *call, const troupe_reply_t *final)
{
    if (troupe_reply_outcome(final) != TROUPE_OUTCOME_OK) {
        end_line_on_terminal(call);
        if (call->as_json) {
            (void)show_end_as_json(call, final);
        }
        return cli_explain_outcome(call->name, final);
    }
    const troupe_message_t *message = troupe_reply_message(final);
    if (!has_frame(call, message)) {
        return CLI_FAILED;
    }
    if (call->output && !cli_file_write(call->output, troupe_message_data(message, call->frame),
                                        troupe_message_size(message, call->frame))) {
        return CLI_FAILED;
    }
    if (call->as_json) {
        return show_end_as_json(call, final) ? CLI_OK : CLI_FAILED;
    }
    if (call->output) {
        end_line_on_terminal(call);
        return CLI_OK;
    }
    return show_reply(call, message);
}

/* ---- the call ---- */

/* After the first Ctrl-C the node is asked to cancel, and has a moment to say how it went;
 * after a second one nobody waits. */
static int follow(call_t *call, cli_session_t *session, uint64_t id)
{
    bool is_cancelled = false;
    for (;;) {
        troupe_reply_t *reply = NULL;
        troupe_status_t status = cli_session_next(session, session->client,
                                                  is_cancelled ? CANCEL_WAIT_MS : -1, &reply);
        if (status == TROUPE_INTERRUPTED && !is_cancelled) {
            troupe_client_cancel(session->client, id);
            is_cancelled = true;
            continue;
        }
        if (status != TROUPE_OK) {
            end_line_on_terminal(call);
            return cli_explain_status(call->name, is_cancelled ? TROUPE_INTERRUPTED : status);
        }
        if (!troupe_reply_is_final(reply)) {
            bool is_part = troupe_reply_standing(reply) == TROUPE_STANDING_UNTOLD;
            is_part ? show_part(call, reply) : show_status(call, reply);
            troupe_reply_destroy(&reply);
            continue;
        }
        int code = show_end(call, reply);
        if (is_cancelled && troupe_reply_outcome(reply) == TROUPE_OUTCOME_CANCELLED) {
            code = CLI_INTERRUPTED;
        }
        troupe_reply_destroy(&reply);
        return code;
    }
}

static int call_node(call_t *call, troupe_message_t **message_p)
{
    cli_session_t session;
    int code = cli_session_open(&session, &call->target);
    if (code != CLI_OK) {
        return code;
    }
    clock_gettime(CLOCK_MONOTONIC, &call->began);
    uint64_t id;
    troupe_status_t status = call->start(session.client, call, message_p, &id);
    code = status == TROUPE_OK ? follow(call, &session, id)
                               : cli_explain_status(call->name, status);
    cli_session_close(&session);
    return code;
}

static int run(const cli_args_t *args, start_fn *start)
{
    call_t call = {.start = start, .name = args->operand};
    int code = take_options(&call, args);
    if (code != CLI_OK) {
        return code;
    }
    troupe_message_t *message = make_request(&call, args);
    if (!message) {
        return CLI_FAILED;
    }
    code = call_node(&call, &message);
    troupe_message_destroy(&message);
    free(call.shown);
    return code;
}

static troupe_status_t start_call(troupe_client_t *client, const call_t *call,
                                  troupe_message_t **message_p, uint64_t *id_out)
{
    return troupe_client_start(client, call->name, &call->options, message_p, id_out);
}

static troupe_status_t start_ask(troupe_client_t *client, const call_t *call,
                                 troupe_message_t **message_p, uint64_t *id_out)
{
    return troupe_client_start_ask(client, call->name, call->options.timeout_ms, message_p,
                                   id_out);
}

static troupe_status_t start_send(troupe_client_t *client, const call_t *call,
                                  troupe_message_t **message_p, uint64_t *id_out)
{
    return troupe_client_start_send(client, call->name, call->options.timeout_ms,
                                    call->is_urgent, message_p, id_out);
}

static int call_capability(const cli_args_t *args)
{
    return run(args, start_call);
}

static int ask_actor(const cli_args_t *args)
{
    return run(args, start_ask);
}

static int send_to_actor(const cli_args_t *args)
{
    return run(args, start_send);
}

const cli_verb_t cli_verb_call = {
    .name = "call",
    .operand = "CAPABILITY",
    .brief = "send a request and print what comes back",
    .about =
        "Call CAPABILITY with the frames given by -d and -f, or with one frame read from "
        "stdin\n"
        "when there are none. Parts of a streamed reply are printed as they arrive, the first\n"
        "frame of each, before the reply itself, and that is not printed when it is the parts\n"
        "once more. Ctrl-C cancels the call. Where the call ends otherwise than ok, one line "
        "on\n"
        "stderr says how, and the exit status is 1, or 4 when the deadline passed.\n",
    .options = call_options,
    .examples = "  troupe call upper -d 'hello'\n"
                "  troupe call vision -f page.jpg -r '{\"details\": true}' -t 30s\n"
                "  troupe call text_to_image -d 'a red boat' -o boat.png\n",
    .run = call_capability,
};

const cli_verb_t cli_verb_ask = {
    .name = "ask",
    .operand = "ACTOR",
    .brief = "ask an actor and print its answer",
    .about =
        "Ask ACTOR with the frames given by -d and -f, or with one frame read from stdin when\n"
        "there are none, and print the first frame of what it answers. Where the node's file\n"
        "does not allow that for this endpoint, it is 'forbidden'. Exit statuses are those of\n"
        "call.\n",
    .options = ask_options,
    .examples = "  troupe ask room -d who\n"
                "  troupe ask bank -d balance -d 4711 -t 500ms --json\n",
    .run = ask_actor,
};

const cli_verb_t cli_verb_send = {
    .name = "send",
    .operand = "ACTOR",
    .brief = "send a message to an actor",
    .about =
        "Put a message with the frames given by -d and -f, or with one frame read from stdin,\n"
        "into the mailbox of ACTOR. Nothing is printed when it is there; what the actor does\n"
        "with it is not waited for. Exit statuses are those of call.\n",
    .options = send_options,
    .examples = "  troupe send room -d say -d 'good morning'\n"
                "  troupe send counter -d reset -u\n",
    .run = send_to_actor,
};
