/* reader.c - reads the text in a picture, and has its spelling corrected
 *
 * It knows neither Tesseract nor Hunspell: it calls the capabilities `vision` and
 * `text_to_text`, one after the other, on behalf of the request that it keeps. Their contracts
 * make the requests, and say that the text is frame 0 of either answer. Its own answer has two
 * frames, the text as corrected and as read.
 */

#include <stdlib.h>
#include <string.h>

#include <troupe.h>

#include "reader.h"

struct page {
    troupe_request_t *request;
    char *read; /* NULL: not yet */
};

static int give_up(struct page *page, const char *who, const troupe_reply_t *reply)
{
    troupe_request_fail(page->request, "%s: %s", who, troupe_reply_text(reply));
    return 0;
}

static int take_corrected(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    (void)self;
    struct page *page = arg;
    if (troupe_reply_outcome(reply) != TROUPE_OUTCOME_OK) {
        return give_up(page, "text_to_text", reply);
    }
    const troupe_message_t *corrected = troupe_reply_message(reply);
    troupe_message_t *answer = troupe_message_from(troupe_message_data(corrected, 0),
                                                   troupe_message_size(corrected, 0));
    if (!answer || troupe_message_add(answer, page->read, strlen(page->read)) != TROUPE_OK) {
        troupe_message_destroy(&answer);
        return -1;
    }
    troupe_request_reply(page->request, &answer);
    return 0;
}

/* Takes the message. */
static int call(troupe_worker_t *self, struct page *page, const char *capability,
                troupe_message_t **message_p, troupe_answer_fn *on_answer)
{
    uint64_t id;
    return troupe_worker_call(self, page->request, capability, NULL, message_p, on_answer, page,
                              &id);
}

static int have_corrected(troupe_worker_t *self, struct page *page)
{
    troupe_text_to_text_request_t what;
    troupe_message_t *message = NULL;
    troupe_why_t why;
    troupe_text_to_text_init(&what);
    what.prompt = page->read;
    what.stream = false;
    if (troupe_text_to_text_pack(&what, &message, &why) != TROUPE_OK) {
        troupe_request_fail(page->request, "%s", why.text);
        return 0;
    }
    return call(self, page, "text_to_text", &message, take_corrected);
}

static int take_text(troupe_worker_t *self, const troupe_reply_t *reply, void *arg)
{
    struct page *page = arg;
    if (troupe_reply_outcome(reply) != TROUPE_OUTCOME_OK) {
        return give_up(page, "vision", reply);
    }
    free(page->read);
    page->read = troupe_message_text(troupe_reply_message(reply), 0);
    return page->read ? have_corrected(self, page) : -1;
}

static int handle(troupe_worker_t *self, troupe_request_t *request, void *state)
{
    struct page *page = state; /* the only one: `concurrency` is 1 */
    troupe_vision_request_t what;
    troupe_message_t *message = NULL;
    troupe_why_t why;
    troupe_vision_init(&what);
    what.image.data = troupe_request_data(request);
    what.image.size = troupe_request_size(request);
    what.stream = false;
    if (troupe_vision_pack(&what, &message, &why) != TROUPE_OK) {
        troupe_request_refuse(request, TROUPE_OUTCOME_BAD_REQUEST, "%s", why.text);
        return 0;
    }
    page->request = request;
    troupe_request_keep(request);
    return call(self, page, "vision", &message, take_text);
}

static int init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)self;
    (void)args;
    *state_p = calloc(1, sizeof(struct page));
    return *state_p ? TROUPE_INIT_OK : -1;
}

static void terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    struct page *page = *state_p;
    free(page->read);
    free(page);
}

const troupe_behaviour_t reader_behaviour = {
    .name = "reader", .init = init, .handle = handle, .terminate = terminate};
