/* Requests and replies of the typed capabilities, as messages and as JSON. What is taken keeps
 * to its contract, and packed and unpacked once more it is the same. The input is the number of
 * a contract, a byte of choices, and a list of frames.
 */

#include "tests/fuzz/target.h"

#include <troupe/contract.h>

#include "capabilities/contracts/form.h"
#include "tests/kit/valid.h"

enum { IS_BATCH = 1, IS_REPLY = 2, IS_JSON = 4, HAS_SUBJECT = 8 };

static const char *const names[] = {"vision", "text_to_image", "text_embedding",
                                    "image_embedding", "text_to_text"};

static troupe_contract_memory_t **memory_in(const tr_form_t *form, void *whole)
{
    return (troupe_contract_memory_t **)(void *)((char *)whole + form->memory_offset);
}

static bool are_equal(const troupe_message_t *one, const troupe_message_t *other)
{
    bool is_equal = troupe_message_count(one) == troupe_message_count(other);
    for (size_t i = 0; is_equal && i < troupe_message_count(one); i++) {
        size_t size = troupe_message_size(one, i);
        is_equal =
            size == troupe_message_size(other, i) &&
            memcmp(troupe_message_data(one, i), troupe_message_data(other, i), size) == 0;
    }
    return is_equal;
}

static void is_a_reason(const troupe_why_t *why)
{
    HOLDS(why->text[0] && is_utf8(why->text, strlen(why->text)));
}

/* What was unpacked can be packed; the message is the caller's. */
static troupe_message_t *packed(const troupe_contract_t *contract, const void *request)
{
    troupe_why_t why;
    troupe_message_t *message = NULL;
    HOLDS(troupe_contract_check(contract, request, &why) == TROUPE_OK);
    HOLDS(troupe_contract_pack(contract, request, &message, &why) == TROUPE_OK);
    return message;
}

static void take_request(const troupe_contract_t *contract, bool is_batch,
                         const troupe_message_t *message)
{
    void *request = copy_of(contract->request.defaults, contract->request.size);
    const char *method = is_batch ? contract->batch_method : contract->method;
    troupe_why_t why = {""};
    if (troupe_contract_unpack(contract, method, message, request, &why) == TROUPE_OK) {
        troupe_message_t *first = packed(contract, request);
        troupe_contract_release(memory_in(&contract->request, request));
        /* A batch of one is packed as what it has. */
        troupe_status_t status =
            troupe_contract_unpack(contract, contract->method, first, request, &why);
        if (status != TROUPE_OK) {
            status =
                troupe_contract_unpack(contract, contract->batch_method, first, request, &why);
        }
        HOLDS(status == TROUPE_OK);
        troupe_message_t *second = packed(contract, request);
        HOLDS(is_batch || are_equal(first, second));
        troupe_message_destroy(&first);
        troupe_message_destroy(&second);
        troupe_contract_release(memory_in(&contract->request, request));
    } else {
        is_a_reason(&why);
    }
    free(request);
}

static void take_reply(const troupe_contract_t *contract, bool is_batch,
                       const troupe_message_t *message)
{
    char *json = NULL;
    troupe_why_t why = {""};
    if (troupe_contract_reply_to_json(contract,
                                      is_batch ? contract->batch_method : contract->method,
                                      message, &json, &why) == TROUPE_OK) {
        HOLDS(is_json(json, strlen(json)));
        free(json);
    } else {
        is_a_reason(&why);
    }
}

static void take_json(const troupe_contract_t *contract, const char *method, tr_span_t json,
                      const troupe_message_t *subject)
{
    troupe_message_t *message = NULL;
    troupe_why_t why = {""};
    if (troupe_contract_request_from_json(contract, method, json.data, json.size, subject,
                                          &message, &method, &why) == TROUPE_OK) {
        void *request = copy_of(contract->request.defaults, contract->request.size);
        HOLDS(troupe_contract_unpack(contract, method, message, request, &why) == TROUPE_OK);
        troupe_contract_release(memory_in(&contract->request, request));
        troupe_message_destroy(&message);
        free(request);
    } else {
        is_a_reason(&why);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input_t input = {data, size};
    const troupe_contract_t *contract =
        troupe_contract_find(names[take_byte(&input) % (sizeof names / sizeof *names)]);
    unsigned choices = take_byte(&input);
    bool is_batch = (choices & IS_BATCH) && contract->batch_method;
    tr_span_t frames[INPUT_FRAMES];
    size_t n_frames = take_frames(&input, frames);
    troupe_message_t *message = troupe_message_new();
    HOLDS(message);
    for (size_t i = 0; i < n_frames; i++) {
        HOLDS(troupe_message_add(message, frames[i].data, frames[i].size) == TROUPE_OK);
    }
    if (choices & IS_JSON) {
        tr_span_t json = n_frames > 0 ? frames[n_frames - 1] : tr_span_of("");
        take_json(contract, is_batch ? contract->batch_method : "", json,
                  choices & HAS_SUBJECT ? message : NULL);
    } else if (choices & IS_REPLY) {
        take_reply(contract, is_batch, message);
    } else {
        take_request(contract, is_batch, message);
    }
    troupe_message_destroy(&message);
    free_frames(frames, n_frames);
    return 0;
}
