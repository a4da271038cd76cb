#include "node/http/path.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const struct {
    const char *path;
    tr_http_place_t place;
} places[] = {
    {"/", TR_HTTP_DASHBOARD},    {"/metrics", TR_HTTP_METRICS},
    {"/healthz", TR_HTTP_ALIVE}, {"/v2/health/live", TR_HTTP_ALIVE},
    {"/readyz", TR_HTTP_READY},  {"/v2/health/ready", TR_HTTP_READY},
    {"/state", TR_HTTP_STATE},
};

/* The name between `before` and `after`. */
static tr_http_path_t path_of_one(const char *path, const char *before, const char *after)
{
    tr_http_path_t found = {TR_HTTP_NOWHERE, ""};
    size_t n_before = strlen(before);
    size_t n_after = strlen(after);
    size_t size = strlen(path);
    if (size <= n_before + n_after || strncmp(path, before, n_before) != 0 ||
        strcmp(path + size - n_after, after) != 0 ||
        size - n_before - n_after >= sizeof found.capability) {
        return found;
    }
    snprintf(found.capability, sizeof found.capability, "%.*s",
             (int)(size - n_before - n_after), path + n_before);
    if (tr_text_is_name(found.capability)) {
        found.place = TR_HTTP_READY_ONE;
    } else {
        found.capability[0] = '\0';
    }
    return found;
}

tr_http_path_t tr_http_path_of(const char *path)
{
    assert(path);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (strcmp(path, places[i].path) == 0) {
            return (tr_http_path_t){places[i].place, ""};
        }
    }
    tr_http_path_t found = path_of_one(path, "/readyz/", "");
    return found.place == TR_HTTP_NOWHERE ? path_of_one(path, "/v2/models/", "/ready") : found;
}
