/* Word by word. A language that is named as such is taken as it is: whether it is there, and
 * what to install if not, is said where it is used.
 */

#include "ocr_query.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    troupe_vision_layout_t layout;
} layouts[] = {
    {"auto", TROUPE_VISION_AUTO},   {"column", TROUPE_VISION_COLUMN},
    {"block", TROUPE_VISION_BLOCK}, {"line", TROUPE_VISION_LINE},
    {"word", TROUPE_VISION_WORD},   {"sparse", TROUPE_VISION_SPARSE},
};

static bool take_layout(const char *name, tr_ocr_query_t *query)
{
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        if (strcmp(layouts[i].name, name) == 0) {
            query->has_layout = true;
            query->layout = layouts[i].layout;
            return true;
        }
    }
    return false;
}

static bool take_language(const char *name, tr_ocr_query_t *query)
{
    size_t length = strlen(name);
    if (length == 0 || length >= sizeof query->language) {
        return false;
    }
    memcpy(query->language, name, length + 1);
    return true;
}

/* What stands behind `key` and '=' in `word`; NULL when it does not begin so. */
static const char *value_of(const char *word, const char *key)
{
    size_t length = strlen(key);
    return strncmp(word, key, length) == 0 && word[length] == '=' ? word + length + 1 : NULL;
}

static bool take_word(tr_engines_t *engines, const char *word, tr_ocr_query_t *query)
{
    const char *layout = value_of(word, "layout");
    const char *language = value_of(word, "language");
    if (layout) {
        return take_layout(layout, query);
    }
    if (language) {
        return take_language(language, query);
    }
    return take_layout(word, query) ||
           (tr_engines_has(engines, word) && take_language(word, query));
}

/* Quotes what of the word is shown, without cutting a character of it. */
static void explain(tr_engines_t *engines, const char *word, size_t length, troupe_why_t *why)
{
    enum { MOST_SHOWN = 30 };
    size_t shown = length < MOST_SHOWN ? length : MOST_SHOWN;
    while (shown < length && shown > 0 && ((unsigned char)word[shown] & 0xC0) == 0x80) {
        shown--;
    }
    char languages[80];
    tr_engines_list(engines, languages, sizeof languages);
    troupe_why_set(
        why,
        "'%.*s' cannot be asked: this reads text, and a query names a layout (auto, "
        "column, block, line, word, sparse) or a language (%s), as in \"sparse eng\" or "
        "\"layout=line language=eng\"",
        (int)shown, word, languages);
}

troupe_status_t tr_ocr_query_parse(tr_engines_t *engines, const char *query,
                                   tr_ocr_query_t *out, troupe_why_t *why)
{
    static const char white[] = " \t\r\n,;";
    assert(engines && query && out && why);

    tr_ocr_query_t parsed = {0};
    for (const char *at = query + strspn(query, white); *at != '\0'; at += strspn(at, white)) {
        size_t length = strcspn(at, white);
        char word[sizeof "language=" + TR_ENGINES_MAX_NAME];
        snprintf(word, sizeof word, "%.*s", (int)length, at);
        if (length >= sizeof word || !take_word(engines, word, &parsed)) {
            explain(engines, at, length, why);
            return TROUPE_ERR_INVALID;
        }
        at += length;
    }
    *out = parsed;
    return TROUPE_OK;
}
