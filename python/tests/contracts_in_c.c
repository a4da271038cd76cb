/* The contracts as the node's own library knows them, for tests of other languages.
 *
 * Without arguments it prints all of them, a line of JSON each. With "pass" it reads lines
 *
 *   WHAT CAPABILITY METHOD FRAME...
 *
 * where WHAT is "request", "reply", or "json" for a reply to a request whose details were JSON;
 * METHOD may be "-" for none, and a frame is a '.' and hexadecimal digits. It unpacks what they
 * say, packs it again, and prints "ok" and the frames likewise, or how and why it was refused.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe/image_embedding.h>
#include <troupe/text_embedding.h>
#include <troupe/text_to_image.h>
#include <troupe/text_to_text.h>
#include <troupe/vision.h>

typedef troupe_status_t(pass_fn)(const char *method, const troupe_message_t *message,
                                 bool is_json, troupe_message_t **out, troupe_why_t *why);

/* From a message to a struct and back, for the contract called `name`. A reply is packed for a
 * request, any. */
#define PASS(name)                                                                             \
    static troupe_status_t pass_##name(const char *method, const troupe_message_t *message,    \
                                       bool is_json, troupe_message_t **out,                   \
                                       troupe_why_t *why)                                      \
    {                                                                                          \
        (void)is_json;                                                                         \
        troupe_##name##_request_t request;                                                     \
        troupe_status_t status = troupe_##name##_unpack(method, message, &request, why);       \
        if (status == TROUPE_OK) {                                                             \
            status = troupe_##name##_pack(&request, out, why);                                 \
            troupe_##name##_release(&request);                                                 \
        }                                                                                      \
        return status;                                                                         \
    }                                                                                          \
    static troupe_status_t pass_##name##_reply(const char *method,                             \
                                               const troupe_message_t *message, bool is_json,  \
                                               troupe_message_t **out, troupe_why_t *why)      \
    {                                                                                          \
        troupe_##name##_request_t request;                                                     \
        troupe_##name##_reply_t reply;                                                         \
        troupe_message_t *asked = any_request(is_json);                                        \
        troupe_status_t status = troupe_##name##_unpack("", asked, &request, why);             \
        if (status != TROUPE_OK) {                                                             \
            abort();                                                                           \
        }                                                                                      \
        status = troupe_##name##_unpack_reply(method, message, &reply, why);                   \
        if (status == TROUPE_OK) {                                                             \
            status = troupe_##name##_pack_reply(&request, &reply, out, why);                   \
            troupe_##name##_release_reply(&reply);                                             \
        }                                                                                      \
        troupe_##name##_release(&request);                                                     \
        troupe_message_destroy(&asked);                                                        \
        return status;                                                                         \
    }

static void add(troupe_message_t *message, const void *data, size_t size)
{
    if (!message || troupe_message_add(message, data, size) != TROUPE_OK) {
        abort();
    }
}

static troupe_message_t *any_request(bool is_json)
{
    troupe_message_t *message = troupe_message_new();
    add(message, "x", 1);
    add(message, "{}", is_json ? 2 : 0);
    return message;
}

PASS(image_embedding)
PASS(text_embedding)
PASS(text_to_image)
PASS(text_to_text)
PASS(vision)

static const struct {
    const char *name;
    pass_fn *request;
    pass_fn *reply;
} contracts[] = {
    {"image_embedding", pass_image_embedding, pass_image_embedding_reply},
    {"text_embedding", pass_text_embedding, pass_text_embedding_reply},
    {"text_to_image", pass_text_to_image, pass_text_to_image_reply},
    {"text_to_text", pass_text_to_text, pass_text_to_text_reply},
    {"vision", pass_vision, pass_vision_reply},
};
enum { N_CONTRACTS = sizeof contracts / sizeof *contracts };

static int describe(void)
{
    for (size_t i = 0; i < N_CONTRACTS; i++) {
        char *text = troupe_contract_describe(troupe_contract_find(contracts[i].name));
        if (!text) {
            return 1;
        }
        puts(text);
        free(text);
    }
    return 0;
}

/* ---- lines ---- */

static int digit(char letter)
{
    return letter <= '9' ? letter - '0' : letter - 'a' + 10;
}

/* The frame behind a '.', in place: what comes out is shorter. */
static void add_frame(troupe_message_t *message, char *word)
{
    if (*word != '.') {
        abort();
    }
    size_t size = strlen(word + 1) / 2;
    for (size_t i = 0; i < size; i++) {
        word[i] = (char)(digit(word[1 + 2 * i]) << 4 | digit(word[2 + 2 * i]));
    }
    add(message, word, size);
}

static void print_frames(const troupe_message_t *message)
{
    printf("ok");
    for (size_t i = 0; i < troupe_message_count(message); i++) {
        const unsigned char *bytes = troupe_message_data(message, i);
        printf(" .");
        for (size_t at = 0; at < troupe_message_size(message, i); at++) {
            printf("%02x", bytes[at]);
        }
    }
    putchar('\n');
}

static pass_fn *find(const char *name, bool is_request)
{
    for (size_t i = 0; i < N_CONTRACTS; i++) {
        if (strcmp(contracts[i].name, name) == 0) {
            return is_request ? contracts[i].request : contracts[i].reply;
        }
    }
    abort();
}

static void pass_line(char *line)
{
    char *rest = NULL;
    const char *what = strtok_r(line, " \n", &rest);
    const char *name = strtok_r(NULL, " \n", &rest);
    const char *method = strtok_r(NULL, " \n", &rest);
    if (!what || !name || !method) {
        abort();
    }
    troupe_message_t *message = troupe_message_new(), *out = NULL;
    for (char *word = strtok_r(NULL, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
        add_frame(message, word);
    }
    pass_fn *pass = find(name, strcmp(what, "request") == 0);
    troupe_why_t why;
    troupe_status_t status = pass(strcmp(method, "-") == 0 ? "" : method, message,
                                  strcmp(what, "json") == 0, &out, &why);
    if (status == TROUPE_OK) {
        print_frames(out);
    } else {
        printf("%s %s\n", status == TROUPE_LIMIT ? "too_large" : "bad_request", why.text);
    }
    fflush(stdout);
    troupe_message_destroy(&message);
    troupe_message_destroy(&out);
}

int main(int n_words, char **words)
{
    if (n_words < 2 || strcmp(words[1], "pass") != 0) {
        return describe();
    }
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) {
        pass_line(line);
    }
    free(line);
    return 0;
}
