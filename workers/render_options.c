/* A line at a time into a copy, which replaces the options only when every line was good.
 */

#include "render_options.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

tr_render_options_t tr_render_options_default(void)
{
    return (tr_render_options_t){
        .width = 0,
        .margin = 40,
        .size_pt = 14,
        .dpi = 200,
        .font = "DejaVu Sans, Sans",
        .markup = TR_RENDER_MARKUP_AUTO,
    };
}

static troupe_status_t parse_number(const char *key, const char *value, int min, int max,
                                    int *out, tr_why_t *why)
{
    int number = 0;
    const char *at = value;
    for (; *at >= '0' && *at <= '9' && number <= max; at++) {
        number = number * 10 + (*at - '0');
    }
    if (at == value || *at != '\0' || number < min || number > max) {
        tr_why_set(why, "%s is a whole number from %d to %d, not '%s'", key, min, max, value);
        return TROUPE_ERR_INVALID;
    }
    *out = number;
    return TROUPE_OK;
}

static troupe_status_t parse_option(const char *key, const char *value,
                                    tr_render_options_t *options, tr_why_t *why)
{
    if (strcmp(key, "width") == 0) {
        return parse_number(key, value, 16, TR_RENDER_MAX_SIDE, &options->width, why);
    }
    if (strcmp(key, "margin") == 0) {
        return parse_number(key, value, 0, 1000, &options->margin, why);
    }
    if (strcmp(key, "size") == 0) {
        return parse_number(key, value, 4, 400, &options->size_pt, why);
    }
    if (strcmp(key, "dpi") == 0) {
        return parse_number(key, value, 50, 1200, &options->dpi, why);
    }
    if (strcmp(key, "font") == 0) {
        if (strlen(value) >= sizeof options->font) {
            tr_why_set(why, "font is a text of at most %zu bytes", sizeof options->font - 1);
            return TROUPE_ERR_INVALID;
        }
        snprintf(options->font, sizeof options->font, "%s", value);
        return TROUPE_OK;
    }
    if (strcmp(key, "markup") == 0) {
        if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0) {
            tr_why_set(why, "markup is yes or no, not '%s'", value);
            return TROUPE_ERR_INVALID;
        }
        options->markup = value[0] == 'y' ? TR_RENDER_MARKUP_YES : TR_RENDER_MARKUP_NO;
        return TROUPE_OK;
    }
    tr_why_set(why, "no option '%s'; there are width, margin, size, dpi, font and markup", key);
    return TROUPE_ERR_INVALID;
}

troupe_status_t tr_render_options_parse(const char *text, size_t size,
                                        tr_render_options_t *options, tr_why_t *why)
{
    assert((text || size == 0) && options && why);

    if (size > TR_RENDER_MAX_OPTIONS || !g_utf8_validate(text, (gssize)size, NULL)) {
        tr_why_set(why, "options are a UTF-8 text of at most %d bytes", TR_RENDER_MAX_OPTIONS);
        return TROUPE_ERR_INVALID;
    }
    char lines[TR_RENDER_MAX_OPTIONS + 1] = "";
    if (size > 0) {
        memcpy(lines, text, size);
    }
    tr_render_options_t parsed = *options;
    char *rest = lines;
    for (char *line = strsep(&rest, "\r\n"); line; line = strsep(&rest, "\r\n")) {
        if (line[0] == '\0') {
            continue;
        }
        char *value = strchr(line, '=');
        if (!value) {
            tr_why_set(why, "an option is written key=value, not '%s'", line);
            return TROUPE_ERR_INVALID;
        }
        *value++ = '\0';
        troupe_status_t status = parse_option(line, value, &parsed, why);
        if (status != TROUPE_OK) {
            return status;
        }
    }
    *options = parsed;
    return TROUPE_OK;
}
