/* A letter owns its texts, but those of a request are its envelope's, which it shares. */

#include "remote/workers/line.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void destroy(tr_letter_t *letter)
{
    tr_line_letter_t *self = (tr_line_letter_t *)letter;
    tr_mailbox_release(&self->mailbox);
    tr_envelope_release(&self->envelope);
    troupe_message_destroy(&self->message);
    free(self);
}

const tr_letter_type_t tr_line_letter_type = {.name = "word of a remote worker",
                                              .destroy = destroy};

static void copy_text(char **place, tr_span_t *text)
{
    if (text->size > 0) {
        memcpy(*place, text->data, text->size);
    }
    text->data = *place;
    *place += text->size;
}

tr_line_letter_t *tr_line_letter_new(uint64_t line, const tr_trp1_t *command,
                                     troupe_message_t **message_p)
{
    assert(command);
    size_t n_texts = command->code.size + command->text.size + command->state.size;
    tr_line_letter_t *self = malloc(sizeof *self + n_texts);
    if (!self) {
        return NULL;
    }
    troupe_message_t *message = message_p ? *message_p : NULL;
    *self = (tr_line_letter_t){.line = line, .command = *command, .message = message};
    if (message_p) {
        *message_p = NULL;
    }
    tr_letter_init(&self->letter, &tr_line_letter_type,
                   sizeof *self + n_texts + (message ? troupe_message_bytes(message) : 0));
    char *place = self->texts;
    copy_text(&place, &self->command.code);
    copy_text(&place, &self->command.text);
    copy_text(&place, &self->command.state);
    return self;
}

tr_line_letter_t *tr_line_letter_in(tr_letter_t *letter)
{
    return letter->type == &tr_line_letter_type ? (tr_line_letter_t *)letter : NULL;
}

/* ---- offers ---- */

typedef struct kept_offer {
    tr_line_offer_t offer;
    tr_letter_t *farewell; /* made beforehand: it cannot fail to be said */
} kept_offer_t;

static void free_offer(void *what)
{
    kept_offer_t *kept = what;
    if (tr_mailbox_post_answer(kept->offer.gateway, TR_LANE_CONTROL, &kept->farewell) !=
        TROUPE_OK) {
        tr_letter_destroy(&kept->farewell); /* the gateway has gone, with all its lines */
    }
    tr_mailbox_release(&kept->offer.gateway);
    free(kept);
}

tr_keepsake_t *tr_line_offer_new(const tr_line_offer_t *offer,
                                 const tr_line_offer_t **offer_out)
{
    assert(offer && offer->gateway && offer_out);
    tr_trp1_t over;
    tr_trp1_init(&over, TR_TRP1_GOAWAY, 0);
    tr_line_letter_t *farewell = tr_line_letter_new(offer->line, &over, NULL);
    kept_offer_t *kept = farewell ? malloc(sizeof *kept) : NULL;
    tr_keepsake_t *keepsake = kept ? tr_keepsake_new(kept, free_offer) : NULL;
    if (!keepsake) {
        tr_letter_t *letter = farewell ? &farewell->letter : NULL;
        tr_letter_destroy(&letter);
        free(kept);
        return NULL;
    }
    *kept = (kept_offer_t){.offer = *offer, .farewell = &farewell->letter};
    kept->offer.gateway = tr_mailbox_share(offer->gateway);
    *offer_out = &kept->offer;
    return keepsake;
}
