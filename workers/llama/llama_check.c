#include "llama_check.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <gguf.h>

enum { MAX_LAYERS = 512 }; /* that llama.cpp has room for */

static troupe_status_t check_magic(const char *path, troupe_why_t *why)
{
    struct stat found;
    FILE *file = stat(path, &found) == 0 ? fopen(path, "rb") : NULL;
    if (!file) {
        troupe_why_set(why, "the model '%.150s' cannot be read: %s", path, strerror(errno));
        return TROUPE_NOT_FOUND;
    }
    char magic[4] = "";
    bool is_gguf = S_ISREG(found.st_mode) && fread(magic, sizeof magic, 1, file) == 1 &&
                   memcmp(magic, "GGUF", sizeof magic) == 0;
    fclose(file);
    if (!is_gguf) {
        troupe_why_set(why, "the model '%.150s' is no GGUF file", path);
        return TROUPE_ERR_INVALID;
    }
    return TROUPE_OK;
}

/* The number of a key when there is one of that type, else -1. */
static int64_t find(const struct gguf_context *file, const char *key, enum gguf_type type)
{
    int64_t id = gguf_find_key(file, key);
    return id >= 0 && gguf_get_kv_type(file, id) == type ? id : -1;
}

static troupe_status_t check_layers(const struct gguf_context *file, troupe_why_t *why)
{
    int64_t id = find(file, "general.architecture", GGUF_TYPE_STRING);
    char key[200];
    snprintf(key, sizeof key, "%.150s.block_count", id < 0 ? "" : gguf_get_val_str(file, id));
    id = find(file, key, GGUF_TYPE_UINT32);
    uint32_t n_layers = id < 0 ? 1 : gguf_get_val_u32(file, id);
    if (n_layers < 1 || n_layers > MAX_LAYERS) {
        troupe_why_set(why, "the model has %u layers, and may have 1 to %d", n_layers,
                       MAX_LAYERS);
        return TROUPE_ERR_INVALID;
    }
    return TROUPE_OK;
}

static int compare(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* Those without a name get one from llama.cpp. */
static troupe_status_t check_tokens(const struct gguf_context *file, troupe_why_t *why)
{
    int64_t id = find(file, "tokenizer.ggml.tokens", GGUF_TYPE_ARRAY);
    size_t n = 0;
    if (id >= 0 && gguf_get_arr_type(file, id) == GGUF_TYPE_STRING) {
        n = gguf_get_arr_n(file, id);
    }
    if (n < 2) {
        return TROUPE_OK;
    }
    const char **tokens = calloc(n, sizeof *tokens);
    if (!tokens) {
        troupe_why_set(why, "out of memory");
        return TROUPE_ERR_NOMEM;
    }
    for (size_t i = 0; i < n; i++) {
        tokens[i] = gguf_get_arr_str(file, id, i);
    }
    qsort(tokens, n, sizeof *tokens, compare);
    troupe_status_t status = TROUPE_OK;
    for (size_t i = 1; i < n && status == TROUPE_OK; i++) {
        if (tokens[i][0] != '\0' && strcmp(tokens[i - 1], tokens[i]) == 0) {
            troupe_why_set(why, "two tokens of the model are both called '%.100s'", tokens[i]);
            status = TROUPE_ERR_INVALID;
        }
    }
    free(tokens);
    return status;
}

troupe_status_t tr_llama_check(const char *path, troupe_why_t *why)
{
    assert(path && why);
    troupe_status_t status = check_magic(path, why);
    if (status != TROUPE_OK) {
        return status;
    }
    struct gguf_context *file =
        gguf_init_from_file(path, (struct gguf_init_params){.no_alloc = true});
    if (!file) {
        return TROUPE_OK; /* llama.cpp will say why it cannot read it */
    }
    status = check_layers(file, why);
    if (status == TROUPE_OK) {
        status = check_tokens(file, why);
    }
    gguf_free(file);
    return status;
}
