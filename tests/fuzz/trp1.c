/* Frame 0 of TRP/1. What was read keeps its limits, can be written, and means the same again.
 */

#include "tests/fuzz/target.h"

#include "base/utf8.h"
#include "wire/trp1.h"

static void holds_limits(const tr_trp1_t *command)
{
    const tr_span_t names[] = {command->capability, command->method, command->actor,
                               command->from};
    const tr_span_t keys[] = {command->sticky, command->dedup, command->traceparent};
    const tr_span_t words[] = {command->node, command->boot, command->code, command->state,
                               command->token};
    const int64_t numbers[] = {
        command->version_min, command->version_max,  command->heartbeat_ms, command->max_frame,
        command->max_open,    command->bundle,       command->timeout_ms,   command->credit,
        command->batch,       command->parent,       command->sequence,     command->hint_ms,
        command->position,    command->concurrency,  command->memory,       command->running,
        command->running_for, command->progress_age, command->done,         command->ref,
        command->forward,     command->count,
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        HOLDS(names[i].size <= TR_TRP1_MAX_NAME);
    }
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        HOLDS(keys[i].size <= TR_TRP1_MAX_KEY);
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        HOLDS(words[i].size <= TR_TRP1_MAX_WORD);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        HOLDS(numbers[i] >= -1);
    }
    HOLDS(command->text.size <= TR_TRP1_MAX_TEXT);
    HOLDS(command->id <= TR_TRP1_MAX_NUMBER);
}

static void holds_list(const tr_trp1_t *command)
{
    tr_span_t left = command->capabilities;
    tr_span_t text;
    size_t n_texts = 0;
    while (tr_trp1_next_text(&left, &text)) {
        HOLDS(text.size > 0 && text.size <= TR_TRP1_MAX_NAME);
        n_texts++;
    }
    HOLDS(n_texts <= TR_TRP1_MAX_LIST);
    HOLDS(left.size == 0 || n_texts == 0);
}

static void holds_what_a_request_needs(const tr_trp1_t *request)
{
    bool has_actor = request->actor.size > 0 || request->ref >= 0;
    HOLDS(request->id > 0 && (request->capability.size > 0) != has_actor);
}

static void means_the_same_again(const tr_trp1_t *command, size_t size)
{
    static unsigned char first[TR_TRP1_MAX_HEADER];
    static unsigned char second[TR_TRP1_MAX_HEADER];
    size_t first_size;
    size_t second_size;
    const char *reason;
    tr_trp1_t again;
    if (tr_trp1_encode(command, first, sizeof first, &first_size) != TROUPE_OK) {
        /* Of an error `retryable` is written even if it was not there. */
        HOLDS(command->command == TR_TRP1_ERROR && size + 16 > TR_TRP1_MAX_HEADER);
        return;
    }
    HOLDS(tr_trp1_decode(first, first_size, &again, &reason) == TROUPE_OK);
    HOLDS(again.command == command->command && again.id == command->id);
    HOLDS(tr_trp1_encode(&again, second, sizeof second, &second_size) == TROUPE_OK);
    HOLDS(first_size == second_size && memcmp(first, second, first_size) == 0);

    /* It is written just where it fits. */
    HOLDS(tr_trp1_encode(command, second, first_size, &second_size) == TROUPE_OK);
    HOLDS(tr_trp1_encode(command, second, first_size - 1, &second_size) == TROUPE_LIMIT);

    /* What is for people is text, whatever came. */
    for (size_t at = 0, step; at < again.text.size; at += step) {
        step = tr_utf8_size(again.text.data + at, again.text.size - at);
        HOLDS(step > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tr_trp1_t command;
    const char *reason = NULL;
    troupe_status_t status = tr_trp1_decode(data, size, &command, &reason);
    holds_limits(&command);
    holds_list(&command);
    if (status != TROUPE_OK) {
        HOLDS(status == TROUPE_ERR_PROTOCOL && reason && reason[0]);
        HOLDS(command.capability.size == 0 && command.timeout_ms == -1);
        return 0;
    }
    HOLDS(size <= TR_TRP1_MAX_HEADER && tr_trp1_recognise(data, size));
    if (command.command == TR_TRP1_REQUEST) {
        holds_what_a_request_needs(&command);
    }
    if (command.command != TR_TRP1_UNKNOWN) {
        means_the_same_again(&command, size);
    }
    return 0;
}
