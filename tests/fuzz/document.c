/* msgpack as a node and the command read it from each other and from behaviours, and as they
 * write it as JSON. What one reader takes within its bounds, the other takes too.
 */

#include "tests/fuzz/target.h"

#include "base/json.h"
#include "cli/document.h"
#include "cli/text.h"
#include "node/admin/account.h"
#include "tests/kit/valid.h"

static void is_json_of(const msgpack_object *object)
{
    tr_builder_t builder = {0};
    size_t size;
    tr_json_object(&builder, object);
    char *text = tr_builder_take(&builder, &size);
    HOLDS(text && is_json(text, size) && !memchr(text, '\n', size));
    free(text);
}

static void is_a_string(const uint8_t *data, size_t size)
{
    tr_builder_t builder = {0};
    size_t text_size;
    tr_json_string(&builder, data, size);
    char *text = tr_builder_take(&builder, &text_size);
    HOLDS(text && text[0] == '"' && is_json(text, text_size));
    free(text);
}

/* Nothing of it moves a terminal's cursor. */
static void is_clean(const uint8_t *data, size_t size)
{
    char *text = cli_clean((const char *)data, size, 80);
    HOLDS(is_utf8(text, strlen(text)));
    for (const char *at = text; *at; at++) {
        HOLDS((unsigned char)*at >= 0x20 && *at != 0x7f);
    }
    free(text);
    HOLDS(!cli_is_text(data, size) || is_utf8((const char *)data, size));
}

static bool is_account(const uint8_t *data, size_t size)
{
    tr_account_t account = {0};
    if (tr_account_open(&account, data, size) != TROUPE_OK) {
        return false;
    }
    is_json_of(&account.root);
    tr_account_close(&account);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    is_a_string(data, size);
    is_clean(data, size);
    bool is_read = is_account(data, size);
    cli_document_t document;
    const char *reason = NULL;
    if (cli_document_open(&document, data, size, &reason)) {
        HOLDS(is_read);
        is_json_of(cli_document_root(&document));
        char *text = cli_member_text(cli_document_root(&document), "name", 40);
        HOLDS(is_utf8(text, strlen(text)));
        free(text);
        cli_document_close(&document);
    } else {
        HOLDS(reason && reason[0]);
    }
    return 0;
}
