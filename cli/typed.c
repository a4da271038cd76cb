#include "cli/typed.h"

#include <stdlib.h>
#include <string.h>

#include "cli/file.h"
#include "cli/output.h"

static bool find_contract(cli_typed_t *self, const char *capability)
{
    self->found = troupe_contract_find(self->contract ? self->contract : capability);
    if (self->found) {
        return true;
    }
    if (self->contract) {
        cli_complain("there is no contract '%s': vision, text_to_image, text_embedding, "
                     "image_embedding and text_to_text have one",
                     self->contract);
    } else {
        cli_complain(
            "%s is no capability with a contract: say with --contract whose it keeps to",
            capability);
    }
    return false;
}

/* The JSON itself, or what the file has; *owned_out is to be released with free(). */
static bool load(const char *given, const char **json_out, size_t *size_out, void **owned_out)
{
    bool is_file = given[0] == '@' || strcmp(given, "-") == 0;
    *owned_out = NULL;
    if (is_file && !cli_file_read(given[0] == '@' ? given + 1 : "-", owned_out, size_out)) {
        return false;
    }
    *json_out = is_file ? *owned_out : given;
    *size_out = is_file ? *size_out : strlen(given);
    return true;
}

bool cli_typed_request(cli_typed_t *self, const char *capability, const char *method,
                       const troupe_message_t *subject, troupe_message_t **out)
{
    const char *json;
    size_t size;
    void *owned;
    if (!find_contract(self, capability) || !load(self->json, &json, &size, &owned)) {
        return false;
    }
    troupe_why_t why;
    troupe_status_t status = troupe_contract_request_from_json(
        self->found, method, json, size, subject, out, &self->method, &why);
    free(owned);
    if (status != TROUPE_OK) {
        cli_complain("%s: the request: %s", capability, why.text);
    }
    return status == TROUPE_OK;
}

bool cli_typed_apply(cli_typed_t *self, const char *capability, const char **method_p,
                     troupe_message_t **message_p)
{
    size_t n_frames = troupe_message_count(*message_p);
    if (n_frames > 1) {
        cli_complain("%s: with --request there may be one -d or -f, not %zu", capability,
                     n_frames);
        return false;
    }
    troupe_message_t *request = NULL;
    bool is_fine = cli_typed_request(self, capability, *method_p,
                                     n_frames > 0 ? *message_p : NULL, &request);
    troupe_message_destroy(message_p);
    *message_p = request;
    *method_p = self->method;
    return is_fine;
}

char *cli_typed_reply(const cli_typed_t *self, const char *capability,
                      const troupe_message_t *reply)
{
    char *json = NULL;
    troupe_why_t why;
    if (troupe_contract_reply_to_json(self->found, self->method, reply, &json, &why) !=
        TROUPE_OK) {
        cli_complain("%s: the reply: %s", capability, why.text);
        return NULL;
    }
    return json;
}
