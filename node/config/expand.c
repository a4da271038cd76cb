/* One walk from left to right; what is put is counted, so that a short text cannot name a long
 * variable a thousand times. A dollar that begins nothing is an error, not a dollar: a
 * forgotten brace would otherwise reach a worker as text. A default ends at the first brace;
 * there is none inside another.
 */

#include "node/config/expand.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_FIRST "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
#define NAME_OTHER NAME_FIRST "0123456789"

/* The longest name of a variable; room for the NUL is extra. */
enum { NAME_BYTES = 64 };

/* One `${...}`, taken apart. */
struct reference {
    char name[NAME_BYTES + 1];
    const char *fallback; /* NULL: none */
    size_t fallback_size;
    const char *end; /* behind the brace */
};

struct sink {
    FILE *stream;
    size_t size;
};

static void put(struct sink *sink, const char *bytes, size_t size)
{
    sink->size += size;
    if (sink->size <= TR_CONFIG_EXPANDED_MAX) {
        fwrite(bytes, 1, size, sink->stream);
    }
}

/* Take apart what begins with "${". */
static bool parse_reference(const char *text, struct reference *out, char *why)
{
    const char *name = text + 2;
    size_t length = strspn(name, NAME_OTHER);
    if (length == 0 || !strchr(NAME_FIRST, name[0])) {
        snprintf(why, TR_CONFIG_WHY_BYTES, "no name of a variable behind '${'");
        return false;
    }
    if (length > NAME_BYTES) {
        snprintf(why, TR_CONFIG_WHY_BYTES, "the name of a variable is longer than %d",
                 NAME_BYTES);
        return false;
    }
    memcpy(out->name, name, length);
    out->name[length] = '\0';

    const char *behind = name + length;
    bool has_fallback = strncmp(behind, ":-", 2) == 0;
    const char *brace = has_fallback ? strchr(behind, '}') : behind;
    if (!brace || *brace != '}') {
        snprintf(why, TR_CONFIG_WHY_BYTES, "'${%s' must go on with '}' or ':-DEFAULT}'",
                 out->name);
        return false;
    }
    out->fallback = has_fallback ? behind + 2 : NULL;
    out->fallback_size = has_fallback ? (size_t)(brace - out->fallback) : 0;
    out->end = brace + 1;
    return true;
}

/* Put what the reference at *at_p stands for, and move behind it. */
static bool put_reference(struct sink *sink, const char **at_p, char *why)
{
    struct reference reference;
    if (!parse_reference(*at_p, &reference, why)) {
        return false;
    }
    const char *value = getenv(reference.name);
    if (reference.fallback && (!value || !*value)) {
        put(sink, reference.fallback, reference.fallback_size);
    } else if (value) {
        put(sink, value, strlen(value));
    } else {
        snprintf(why, TR_CONFIG_WHY_BYTES, "the environment has no variable '%s'",
                 reference.name);
        return false;
    }
    *at_p = reference.end;
    return true;
}

static bool put_expanded(struct sink *sink, const char *text, char *why)
{
    for (const char *at = text; *at;) {
        size_t plain = strcspn(at, "$");
        put(sink, at, plain);
        at += plain;
        if (*at == '\0') {
            break;
        }
        if (at[1] == '$') {
            put(sink, "$", 1);
            at += 2;
        } else if (at[1] != '{') {
            snprintf(why, TR_CONFIG_WHY_BYTES,
                     "a '$' that begins no '${VAR}'; write '$$' for a dollar");
            return false;
        } else if (!put_reference(sink, &at, why)) {
            return false;
        }
    }
    if (sink->size > TR_CONFIG_EXPANDED_MAX) {
        snprintf(why, TR_CONFIG_WHY_BYTES, "longer than %d bytes", TR_CONFIG_EXPANDED_MAX);
        return false;
    }
    return true;
}

troupe_status_t tr_config_expand(const char *text, char why[TR_CONFIG_WHY_BYTES], char **out)
{
    assert(text && why && out);
    char *written = NULL;
    size_t size = 0;
    struct sink sink = {.stream = open_memstream(&written, &size)};
    if (!sink.stream) {
        return TROUPE_ERR_NOMEM;
    }
    troupe_status_t status = put_expanded(&sink, text, why) ? TROUPE_OK : TROUPE_ERR_INVALID;
    if (fclose(sink.stream) != 0) {
        status = TROUPE_ERR_NOMEM;
    }
    if (status != TROUPE_OK) {
        free(written);
        return status;
    }
    *out = written;
    return TROUPE_OK;
}
