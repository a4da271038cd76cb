/* The typed capabilities, called by a client in C: typed_calls ENDPOINT CAPABILITY WORD...
 *
 *   vision FILE             what it reads in it: a line "N words, N parts", and the text
 *   text_to_image TEXT OUT  draws it into a file: "WIDTH HEIGHT"
 *   text_embedding TEXT...  a line of values for each
 *   image_embedding FILE... likewise
 *   text_to_text TEXT       corrects it: "N corrections, N parts", and the text
 *
 * A call that does not end well is told as "OUTCOME: WHY", and the exit status is 1.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/client.h>
#include <troupe/image_embedding.h>
#include <troupe/text_embedding.h>
#include <troupe/text_to_image.h>
#include <troupe/text_to_text.h>
#include <troupe/vision.h>

enum { MAX_WORDS = 16 };

/* ---- files ---- */

static void give_up(const char *what)
{
    perror(what);
    exit(2);
}

static troupe_image_t read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) {
        give_up(path);
    }
    troupe_image_t image = {.size = (size_t)ftell(file)};
    char *bytes = malloc(image.size + 1);
    rewind(file);
    if (!bytes || fread(bytes, 1, image.size, file) != image.size) {
        give_up(path);
    }
    fclose(file);
    image.data = bytes;
    return image;
}

static void release_image(const troupe_image_t *image)
{
    free((void *)(uintptr_t)image->data);
}

static void write_file(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
        give_up(path);
    }
}

/* ---- parts, which put together are the text ---- */

typedef struct parts {
    char *text;
    size_t size;
    size_t count;
} parts_t;

static void take_part(void *arg, const troupe_reply_t *reply)
{
    parts_t *parts = arg;
    const troupe_message_t *part = troupe_reply_message(reply);
    size_t size = troupe_message_size(part, 0);
    char *text = realloc(parts->text, parts->size + size + 1);
    if (!text) {
        give_up("a part");
    }
    memcpy(text + parts->size, troupe_message_data(part, 0), size);
    parts->text = text;
    parts->size += size;
    parts->count++;
}

static void print_text(const char *text, size_t count, const char *of_what, parts_t *parts)
{
    if (strlen(text) != parts->size || strncmp(text, parts->text, parts->size) != 0) {
        fprintf(stderr, "the parts are '%.*s', and not '%s'\n", (int)parts->size, parts->text,
                text);
        exit(2);
    }
    printf("%zu %s, %zu parts\n%s", count, of_what, parts->count, text);
    free(parts->text);
}

static void print_vectors(const float *values, size_t n_values, int64_t dimension)
{
    for (size_t i = 0; i < n_values; i++) {
        bool is_last = (int64_t)(i + 1) % dimension == 0;
        printf("%.9g%c", (double)values[i], is_last ? '\n' : ' ');
    }
}

/* ---- a call of each ---- */

static troupe_outcome_t read_image(troupe_client_t *client, const char *const *words,
                                   troupe_why_t *why)
{
    parts_t parts = {NULL, 0, 0};
    const troupe_typed_call_t how = {.on_part = take_part, .arg = &parts};
    troupe_vision_request_t request;
    troupe_vision_reply_t reply;
    troupe_vision_init(&request);
    request.image = read_file(words[0]);
    request.layout = TROUPE_VISION_BLOCK;
    request.details = true;
    troupe_outcome_t outcome = troupe_vision_call(client, &how, &request, &reply, why);
    if (outcome == TROUPE_OUTCOME_OK) {
        print_text(reply.text, reply.n_words, "words", &parts);
        troupe_vision_release_reply(&reply);
    }
    release_image(&request.image);
    return outcome;
}

static troupe_outcome_t draw(troupe_client_t *client, const char *const *words,
                             troupe_why_t *why)
{
    troupe_text_to_image_request_t request;
    troupe_text_to_image_reply_t reply;
    troupe_text_to_image_init(&request);
    request.prompt = words[0];
    request.size = 24;
    troupe_outcome_t outcome = troupe_text_to_image_call(client, NULL, &request, &reply, why);
    if (outcome == TROUPE_OUTCOME_OK) {
        write_file(words[1], reply.data, reply.size);
        printf("%lld %lld\n", (long long)reply.width, (long long)reply.height);
        troupe_text_to_image_release_reply(&reply);
    }
    return outcome;
}

static troupe_outcome_t embed_texts(troupe_client_t *client, const char *const *words,
                                    troupe_why_t *why)
{
    troupe_text_embedding_request_t request;
    troupe_text_embedding_reply_t reply;
    troupe_text_embedding_init(&request);
    request.texts = words;
    for (; words[request.n_texts]; request.n_texts++) {
    }
    troupe_outcome_t outcome = troupe_text_embedding_call(client, NULL, &request, &reply, why);
    if (outcome == TROUPE_OUTCOME_OK) {
        print_vectors(reply.values, reply.n_values, reply.dimension);
        troupe_text_embedding_release_reply(&reply);
    }
    return outcome;
}

static troupe_outcome_t embed_images(troupe_client_t *client, const char *const *words,
                                     troupe_why_t *why)
{
    troupe_image_t images[MAX_WORDS];
    troupe_image_embedding_request_t request;
    troupe_image_embedding_reply_t reply;
    troupe_image_embedding_init(&request);
    request.images = images;
    for (; words[request.n_images]; request.n_images++) {
        images[request.n_images] = read_file(words[request.n_images]);
    }
    troupe_outcome_t outcome = troupe_image_embedding_call(client, NULL, &request, &reply, why);
    if (outcome == TROUPE_OUTCOME_OK) {
        print_vectors(reply.values, reply.n_values, reply.dimension);
        troupe_image_embedding_release_reply(&reply);
    }
    for (size_t i = 0; i < request.n_images; i++) {
        release_image(&images[i]);
    }
    return outcome;
}

static troupe_outcome_t correct(troupe_client_t *client, const char *const *words,
                                troupe_why_t *why)
{
    parts_t parts = {NULL, 0, 0};
    const troupe_typed_call_t how = {.on_part = take_part, .arg = &parts};
    troupe_text_to_text_request_t request;
    troupe_text_to_text_reply_t reply;
    troupe_text_to_text_init(&request);
    request.prompt = words[0];
    troupe_outcome_t outcome = troupe_text_to_text_call(client, &how, &request, &reply, why);
    if (outcome == TROUPE_OUTCOME_OK) {
        print_text(reply.text, reply.n_corrections, "corrections", &parts);
        troupe_text_to_text_release_reply(&reply);
    }
    return outcome;
}

static const struct {
    const char *name;
    int n_words; /* at least */
    troupe_outcome_t (*call)(troupe_client_t *client, const char *const *words,
                             troupe_why_t *why);
} calls[] = {
    {"vision", 1, read_image},          {"text_to_image", 2, draw},
    {"text_embedding", 1, embed_texts}, {"image_embedding", 1, embed_images},
    {"text_to_text", 1, correct},
};

int main(int n_words, char **words)
{
    for (size_t i = 0; n_words > 3 && n_words < MAX_WORDS && i < sizeof calls / sizeof *calls;
         i++) {
        if (strcmp(calls[i].name, words[2]) != 0 || n_words - 3 < calls[i].n_words) {
            continue;
        }
        troupe_why_t why;
        troupe_client_t *client = troupe_client_new(words[1]);
        if (!client) {
            give_up(words[1]);
        }
        troupe_outcome_t outcome = calls[i].call(client, (const char *const *)words + 3, &why);
        troupe_client_destroy(&client);
        if (outcome != TROUPE_OUTCOME_OK) {
            printf("%s: %s\n", troupe_outcome_name(outcome), why.text);
        }
        return outcome == TROUPE_OUTCOME_OK ? 0 : 1;
    }
    fprintf(stderr, "usage: %s ENDPOINT CAPABILITY WORD...\n", words[0]);
    return 2;
}
