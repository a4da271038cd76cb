/* What goes through a message, or through JSON, is what was meant; what was not meant is
 * refused in words that help.
 */

#include "tests/kit/check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <msgpack.h>
#include <troupe.h>

static troupe_message_t *message_of(const char *subject, const char *details)
{
    troupe_message_t *message = troupe_message_from_text(subject);
    assert_non_null(message);
    if (details) {
        assert_status(troupe_message_add(message, details, strlen(details)), TROUPE_OK);
    }
    return message;
}

/* ---- requests ---- */

static void all_of_a_request_gets_through(void **state)
{
    (void)state;
    const troupe_turn_t turns[] = {{TROUPE_ROLE_SYSTEM, "Be brief."}, {TROUPE_ROLE_USER, "Hi"}};
    const char *const stop[] = {"\n\n", "END"};
    const char *const words[] = {"Troupe"};
    troupe_text_to_text_request_t sent, got;
    troupe_why_t why;
    troupe_text_to_text_init(&sent);
    sent.turns = turns;
    sent.n_turns = 2;
    sent.max_tokens = 17;
    sent.temperature = 0.25;
    sent.top_p = 0.5;
    sent.top_k = 40;
    sent.seed = INT64_MAX;
    sent.stop = stop;
    sent.n_stop = 2;
    sent.language = "en_US";
    sent.words = words;
    sent.n_words = 1;
    sent.suggest = true;
    sent.stream = false;

    troupe_message_t *message = NULL;
    assert_status(troupe_text_to_text_pack(&sent, &message, &why), TROUPE_OK);
    assert_status(troupe_text_to_text_unpack("prompt", message, &got, &why), TROUPE_OK);
    troupe_message_destroy(&message);

    assert_null(got.prompt);
    assert_int_equal(got.n_turns, 2);
    assert_int_equal(got.turns[0].role, TROUPE_ROLE_SYSTEM);
    assert_string_equal(got.turns[1].content, "Hi");
    assert_int_equal(got.max_tokens, 17);
    assert_true(got.temperature > 0.24 && got.temperature < 0.26);
    assert_true(got.top_p > 0.49 && got.top_p < 0.51);
    assert_int_equal(got.top_k, 40);
    assert_true(got.seed == INT64_MAX);
    assert_int_equal(got.n_stop, 2);
    assert_string_equal(got.stop[1], "END");
    assert_string_equal(got.language, "en_US");
    assert_int_equal(got.n_words, 1);
    assert_string_equal(got.words[0], "Troupe");
    assert_true(got.suggest);
    assert_false(got.stream);
    troupe_text_to_text_release(&got);
    assert_null(got.memory);
}

static void a_bare_subject_is_a_request_with_defaults(void **state)
{
    (void)state;
    troupe_why_t why;
    troupe_message_t *message = message_of("a boat", NULL);
    troupe_text_to_image_request_t got;
    assert_status(troupe_text_to_image_unpack("", message, &got, &why), TROUPE_OK);
    assert_string_equal(got.prompt, "a boat");
    assert_int_equal(got.format, TROUPE_IMAGE_PNG);
    assert_int_equal(got.seed, -1);
    assert_int_equal(got.margin, -1);
    troupe_text_to_image_release(&got);
    troupe_message_destroy(&message);
}

static void defaults_need_no_frame(void **state)
{
    (void)state;
    troupe_why_t why;
    troupe_text_to_image_request_t request;
    troupe_message_t *message = NULL;
    troupe_text_to_image_init(&request);
    request.prompt = "a boat";
    assert_status(troupe_text_to_image_pack(&request, &message, &why), TROUPE_OK);
    assert_int_equal(troupe_message_count(message), 1);
    troupe_message_destroy(&message);
}

static void details_may_be_json(void **state)
{
    (void)state;
    troupe_why_t why;
    troupe_message_t *message = message_of("a boat", "{}");
    troupe_text_to_image_request_t got;
    assert_status(troupe_text_to_image_unpack("", message, &got, &why), TROUPE_OK);
    troupe_text_to_image_release(&got);
    troupe_message_destroy(&message);

    message = message_of(
        "a boat", "{\"format\": \"svg\", \"width\": 640.0, \"font\": \"D\\u00e9j\\u00e0\","
                  " \"color\": null, \"progress\": true}");
    assert_status(troupe_text_to_image_unpack("", message, &got, &why), TROUPE_OK);
    assert_int_equal(got.format, TROUPE_IMAGE_SVG);
    assert_int_equal(got.width, 640);
    assert_string_equal(got.font, "D\xc3\xa9j\xc3\xa0");
    assert_null(got.color);
    assert_true(got.progress);
    troupe_text_to_image_release(&got);
    troupe_message_destroy(&message);
}

static void bytes_are_not_copied(void **state)
{
    (void)state;
    troupe_why_t why;
    static char picture[100000];
    troupe_message_t *message = troupe_message_from(picture, sizeof picture);
    troupe_vision_request_t got;
    assert_status(troupe_vision_unpack("describe", message, &got, &why), TROUPE_OK);
    assert_ptr_equal(got.image.data, troupe_message_data(message, 0));
    assert_int_equal(got.image.size, sizeof picture);
    assert_true(got.stream);
    troupe_vision_release(&got);
    troupe_message_destroy(&message);
}

struct refusal {
    const troupe_contract_t *contract;
    const char *method;
    const char *subject;
    const char *details;
    troupe_status_t status;
    const char *why;
};

#define INVALID TROUPE_ERR_INVALID

static void says_what_is_wrong(void **state)
{
    (void)state;
    const struct refusal rows[] = {
        {&troupe_vision_contract, "read", "x", NULL, INVALID,
         "vision has no method 'read', only describe"},
        {&troupe_text_embedding_contract, "x", "x", NULL, INVALID,
         "text_embedding has no method 'x', only embed and embed_batch"},
        {&troupe_vision_contract, "", "", NULL, INVALID, "image is empty"},
        {&troupe_vision_contract, "", "x", "{\"detials\": true}", INVALID,
         "a request of vision has no 'detials', only query, language, layout, details, stream"},
        {&troupe_vision_contract, "", "x", "{\"details\": 1}", INVALID,
         "details must be true or false"},
        {&troupe_vision_contract, "", "x", "{\"layout\": \"round\"}", INVALID,
         "layout must be auto, column, block, line, word or sparse"},
        {&troupe_vision_contract, "", "x", "{\"query\": 3}", INVALID, "query must be a text"},
        {&troupe_vision_contract, "", "", "{\"url\": \"http://x/y.png\"}", INVALID,
         "images are not fetched from URLs: send the bytes, or a path"},
        {&troupe_vision_contract, "", "x", "{\"path\": \"y.png\"}", INVALID,
         "there is an image and a path, and only one of them can be meant"},
        {&troupe_text_to_image_contract, "", "x", "{\"path\": \"y.png\"}", INVALID,
         "a request of text_to_image has no 'path', only format, width, height, steps, seed, "
         "markup, font, size, margin, dpi, color, background, progress"},
        {&troupe_text_to_image_contract, "", "x", "{\"width\": 99999}", INVALID,
         "width is 99999, and must be from 0 to 16384"},
        {&troupe_text_to_image_contract, "", "x", "{\"width\": 1.5}", INVALID,
         "width must be a whole number"},
        {&troupe_text_to_image_contract, "", "x", "{\"width\": 1, \"width\": 1}", INVALID,
         "no JSON:"},
        {&troupe_text_to_image_contract, "", "x", "{\"width\": 1} x", INVALID, "no JSON:"},
        {&troupe_text_to_image_contract, "", "x", "\x82\xa5width\x01\xa5width\x02", INVALID,
         "width must be there only once"},
        {&troupe_text_to_image_contract, "", "x", "width=1", INVALID,
         "the details are neither msgpack nor JSON"},
        {&troupe_text_to_image_contract, "", "x", "\x93\x01\x02\x03", INVALID,
         "the details are no map of names and values"},
        {&troupe_text_to_image_contract, "", "x", "\xdf\xff\xff\xff\xff", INVALID,
         "the details are neither msgpack nor JSON"},
        {&troupe_text_to_image_contract, "", "a\xff", NULL, INVALID,
         "prompt is not UTF-8 from byte 1 on"},
        {&troupe_text_to_text_contract, "", "", NULL, INVALID, "prompt is missing"},
        {&troupe_text_to_text_contract, "", "x", "{\"turns\": [{\"content\": \"y\"}]}", INVALID,
         "there are a prompt and turns, and only one of them can be meant"},
        {&troupe_text_to_text_contract, "", "", "{\"turns\": [{\"role\": \"user\"}]}", INVALID,
         "turns[0].content is missing"},
        {&troupe_text_to_text_contract, "", "", "{\"turns\": [{\"content\": \"y\"}, 3]}",
         INVALID, "turns must be a list of maps"},
        {&troupe_text_to_text_contract, "", "x", "{\"temperature\": 1e999}", INVALID,
         "no JSON:"},
        {&troupe_text_to_text_contract, "", "x", "{\"stop\": [\"a\", \"\\ud800\"]}", INVALID,
         "no JSON:"},
        {&troupe_text_to_text_contract, "", "x",
         "{\"stop\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]}", TROUPE_LIMIT,
         "stop has 17 items, of which there may be 16"},
        {&troupe_text_to_text_contract, "", "x",
         "{\"stop\":[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]}", INVALID,
         "the JSON is nested more than 16 deep"},
        {&troupe_text_embedding_contract, "embed_batch", "x", NULL, INVALID,
         "texts must be a msgpack array of texts"},
        {&troupe_text_embedding_contract, "embed_batch", "\xdd\xff\xff\xff\xff", NULL, INVALID,
         "texts must be a msgpack array of texts"},
        {&troupe_text_embedding_contract, "embed_batch", "\x92\xa1x\x07", NULL, INVALID,
         "texts must be a msgpack array of texts"},
        {&troupe_text_embedding_contract, "embed_batch", "\x91\xa1x!", NULL, INVALID,
         "texts must be a msgpack array of texts"},
        {&troupe_image_embedding_contract, "embed_batch", "\x91\xa1x", "{\"path\": \"y\"}",
         INVALID, "a request of image_embedding has no 'path', only dimensions"},
        {&troupe_image_embedding_contract, "embed_batch", "\x91\xa0", NULL, INVALID,
         "image is empty"},
        {&troupe_image_embedding_contract, "embed_batch", "\x91\x81\xa3url\xa1x", NULL, INVALID,
         "images must be a msgpack array of bytes, or maps with a path"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct refusal *row = &rows[i];
        char request[400]; /* for any of them */
        troupe_why_t why = {""};
        troupe_message_t *message = message_of(row->subject, row->details);
        troupe_status_t status =
            troupe_contract_unpack(row->contract, row->method, message, request, &why);
        bool is_prefix = row->why[strlen(row->why) - 1] == ':'; /* the rest is the parser's */
        size_t length = strlen(is_prefix ? row->why : why.text);
        if (status != row->status || strncmp(why.text, row->why, length) != 0 ||
            strlen(row->why) > strlen(why.text)) {
            fail_msg("row %zu: %s, '%s', not '%s'", i, troupe_status_name(status), why.text,
                     row->why);
        }
        troupe_message_destroy(&message);
    }
}

static void what_is_wrong_is_one_line(void **state)
{
    (void)state;
    troupe_why_t why;
    troupe_vision_request_t got;
    troupe_message_t *message = message_of("GIF", "{\"one\\ntwo\\u001b\": 1}");
    assert_status(troupe_vision_unpack("", message, &got, &why), TROUPE_ERR_INVALID);
    assert_string_equal(why.text,
                        "a request of vision has no 'one?two?', only query, language, "
                        "layout, details, stream");
    troupe_message_destroy(&message);
}

static void a_third_frame_is_refused(void **state)
{
    (void)state;
    troupe_why_t why;
    troupe_vision_request_t got;
    troupe_message_t *message = message_of("x", "{}");
    assert_status(troupe_message_add(message, "y", 1), TROUPE_OK);
    assert_status(troupe_vision_unpack("", message, &got, &why), TROUPE_ERR_INVALID);
    assert_string_equal(why.text, "a request of vision has two frames, not 3");
    troupe_message_destroy(&message);
}

static void too_much_is_not_even_copied(void **state)
{
    (void)state;
    size_t size = 100 * 1024 * 1024;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, 'a', size);
    troupe_why_t why;
    troupe_message_t *message = troupe_message_from(text, size);
    troupe_text_embedding_request_t embedding;
    assert_status(troupe_text_embedding_unpack("", message, &embedding, &why), TROUPE_LIMIT);
    assert_string_equal(why.text, "text has 104857600 bytes, of which there may be 1048576");
    troupe_vision_request_t vision;
    assert_status(troupe_vision_unpack("", message, &vision, &why), TROUPE_LIMIT);
    assert_string_equal(why.text, "image has 104857600 bytes, of which there may be 33554432");
    troupe_message_destroy(&message);

    message = troupe_message_from_text("x");
    assert_status(troupe_message_add(message, text, size), TROUPE_OK);
    assert_status(troupe_vision_unpack("", message, &vision, &why), TROUPE_LIMIT);
    assert_string_equal(why.text,
                        "the details have 104857600 bytes, of which there may be 1048576");
    troupe_message_destroy(&message);
    free(text);
}

/* ---- batches and vectors ---- */

static void a_batch_gets_through(void **state)
{
    (void)state;
    const troupe_image_t images[] = {{"bytes", 5, NULL}, {NULL, 0, "a/b.png"}};
    troupe_image_embedding_request_t sent, got;
    troupe_why_t why;
    troupe_message_t *message = NULL;
    troupe_image_embedding_init(&sent);
    sent.images = images;
    sent.n_images = 2;
    assert_status(troupe_image_embedding_pack(&sent, &message, &why), TROUPE_OK);
    assert_status(troupe_image_embedding_unpack("embed_batch", message, &got, &why), TROUPE_OK);
    assert_int_equal(got.n_images, 2);
    assert_int_equal(got.images[0].size, 5);
    assert_memory_equal(got.images[0].data, "bytes", 5);
    assert_null(got.images[0].path);
    assert_string_equal(got.images[1].path, "a/b.png");
    troupe_image_embedding_release(&got);
    troupe_message_destroy(&message);
}

static void an_empty_batch_is_one(void **state)
{
    (void)state;
    troupe_text_embedding_request_t sent, got;
    troupe_why_t why;
    troupe_message_t *message = NULL;
    troupe_text_embedding_init(&sent);
    assert_status(troupe_text_embedding_pack(&sent, &message, &why), TROUPE_OK);
    assert_status(troupe_text_embedding_unpack("embed_batch", message, &got, &why), TROUPE_OK);
    assert_int_equal(got.n_texts, 0);
    troupe_text_embedding_release(&got);
    troupe_message_destroy(&message);
}

static void a_path_stands_for_bytes(void **state)
{
    (void)state;
    const troupe_image_t image = {.path = "scans/1.png"};
    troupe_why_t why;
    troupe_message_t *message = NULL;
    troupe_vision_request_t vision, seen;
    troupe_vision_init(&vision);
    vision.image = image;
    assert_status(troupe_vision_pack(&vision, &message, &why), TROUPE_OK);
    assert_int_equal(troupe_message_size(message, 0), 0);
    assert_status(troupe_vision_unpack("", message, &seen, &why), TROUPE_OK);
    assert_string_equal(seen.image.path, "scans/1.png");
    troupe_vision_release(&seen);
    troupe_message_destroy(&message);

    troupe_image_embedding_request_t embedding, got;
    troupe_image_embedding_init(&embedding);
    embedding.images = &image;
    embedding.n_images = 1;
    assert_status(troupe_image_embedding_pack(&embedding, &message, &why), TROUPE_OK);
    assert_status(troupe_image_embedding_unpack("embed", message, &got, &why), TROUPE_OK);
    assert_string_equal(got.images[0].path, "scans/1.png");
    troupe_image_embedding_release(&got);
    troupe_message_destroy(&message);
}

static void vectors_get_through_as_float32(void **state)
{
    (void)state;
    const float values[] = {0.1f, -2, 3e-30f, 4, 5, 6};
    const char *const texts[] = {"a", "b"};
    troupe_text_embedding_request_t request;
    troupe_text_embedding_init(&request);
    request.texts = texts;
    request.n_texts = 2;
    troupe_text_embedding_reply_t sent = {
        .values = values, .n_values = 6, .dimension = 3, .model = "test"};
    troupe_text_embedding_reply_t got;
    troupe_why_t why;
    troupe_message_t *message = NULL;
    assert_status(troupe_text_embedding_pack_reply(&request, &sent, &message, &why), TROUPE_OK);
    const unsigned char tenth[] = {0xcd, 0xcc, 0xcc, 0x3d};
    assert_int_equal(troupe_message_size(message, 0), sizeof values);
    assert_memory_equal(troupe_message_data(message, 0), tenth, sizeof tenth);
    assert_status(troupe_text_embedding_unpack_reply("embed_batch", message, &got, &why),
                  TROUPE_OK);
    assert_int_equal(got.n_values, 6);
    assert_memory_equal(got.values, values, sizeof values);
    assert_string_equal(got.model, "test");
    troupe_text_embedding_release_reply(&got);

    char *json = NULL;
    assert_status(troupe_contract_reply_to_json(&troupe_text_embedding_contract, "embed_batch",
                                                message, &json, &why),
                  TROUPE_OK);
    assert_string_equal(json, "{\"vectors\":[[0.1,-2,3e-30],[4,5,6]],\"dimension\":3,"
                              "\"model\":\"test\"}");
    free(json);
    troupe_message_destroy(&message);

    sent.n_values = 5;
    assert_status(troupe_text_embedding_pack_reply(&request, &sent, &message, &why),
                  TROUPE_ERR_INVALID);
    assert_string_equal(why.text, "5 values are no vectors of 3");
}

/* ---- replies ---- */

static const troupe_correction_t corrections[] = {
    {.word = "teh",
     .offset = 3,
     .replacement = "the",
     .suggestions = (const char *const[]){"the", "eh"},
     .n_suggestions = 2},
    {.word = "qqq", .offset = 9},
};

static const troupe_text_to_text_reply_t corrected = {.text = "of the qqq",
                                                      .model = "test",
                                                      .finish = TROUPE_FINISH_LENGTH,
                                                      .prompt_tokens = 3,
                                                      .reply_tokens = 3,
                                                      .corrections = corrections,
                                                      .n_corrections = 2};

static void all_of_a_reply_gets_through(void **state)
{
    (void)state;
    troupe_text_to_text_request_t request;
    troupe_text_to_text_reply_t got;
    troupe_why_t why;
    troupe_message_t *message = NULL;
    troupe_text_to_text_init(&request);
    request.prompt = "of teh qqq";
    assert_status(troupe_text_to_text_pack_reply(&request, &corrected, &message, &why),
                  TROUPE_OK);
    assert_int_not_equal(*(const char *)troupe_message_data(message, 1), '{');
    assert_status(troupe_text_to_text_unpack_reply("", message, &got, &why), TROUPE_OK);
    troupe_message_destroy(&message);
    assert_string_equal(got.text, "of the qqq");
    assert_int_equal(got.finish, TROUPE_FINISH_LENGTH);
    assert_int_equal(got.n_corrections, 2);
    assert_string_equal(got.corrections[0].suggestions[1], "eh");
    assert_int_equal(got.corrections[1].offset, 9);
    assert_null(got.corrections[1].replacement);
    troupe_text_to_text_release_reply(&got);
}

static void json_is_answered_in_json(void **state)
{
    (void)state;
    troupe_text_to_text_request_t request;
    troupe_why_t why;
    troupe_message_t *asked = message_of("of teh qqq", "{\"stream\": false}");
    troupe_message_t *message = NULL;
    assert_status(troupe_text_to_text_unpack("prompt", asked, &request, &why), TROUPE_OK);
    assert_status(troupe_text_to_text_pack_reply(&request, &corrected, &message, &why),
                  TROUPE_OK);
    char *details = troupe_message_text(message, 1);
    assert_string_equal(details,
                        "{\"model\":\"test\",\"finish\":\"length\",\"prompt_tokens\":3,"
                        "\"reply_tokens\":3,\"corrections\":[{\"word\":\"teh\",\"offset\":3,"
                        "\"replacement\":\"the\",\"suggestions\":[\"the\",\"eh\"]},"
                        "{\"word\":\"qqq\",\"offset\":9}]}");
    free(details);
    troupe_message_destroy(&message);

    assert_status(troupe_contract_pack_progress(request.memory, 0.5, &message), TROUPE_OK);
    details = troupe_message_text(message, 1);
    assert_string_equal(details, "{\"progress\":0.5}");
    free(details);
    troupe_message_destroy(&message);
    troupe_text_to_text_release(&request);
    troupe_message_destroy(&asked);
}

/* ---- the JSON form ---- */

static void a_request_can_be_json_as_a_whole(void **state)
{
    (void)state;
    static const char json[] = " \r\n\t{\"image\": {\"base64\": \"AP8K\"}, \"details\": true}";
    troupe_why_t why;
    troupe_message_t *message = NULL;
    assert_status(troupe_contract_request_from_json(&troupe_vision_contract, NULL, json,
                                                    strlen(json), NULL, &message, NULL, &why),
                  TROUPE_OK);
    troupe_vision_request_t got;
    assert_status(troupe_vision_unpack("", message, &got, &why), TROUPE_OK);
    assert_int_equal(got.image.size, 3);
    assert_memory_equal(got.image.data, "\x00\xff\n", 3);
    assert_true(got.details);
    troupe_vision_release(&got);
    troupe_message_destroy(&message);
}

static void json_takes_its_subject_from_elsewhere(void **state)
{
    (void)state;
    static const char json[] = "{\"details\": true}";
    troupe_why_t why;
    troupe_message_t *image = troupe_message_from_text("picture"), *message = NULL;
    assert_status(troupe_contract_request_from_json(&troupe_vision_contract, "describe", json,
                                                    strlen(json), image, &message, NULL, &why),
                  TROUPE_OK);
    assert_int_equal(troupe_message_size(message, 0), 7);
    assert_int_equal(troupe_message_count(message), 2);
    troupe_message_destroy(&message);

    static const char both[] = "{\"image\": {\"path\": \"x\"}}";
    assert_status(troupe_contract_request_from_json(&troupe_vision_contract, "describe", both,
                                                    strlen(both), image, &message, NULL, &why),
                  TROUPE_ERR_INVALID);
    assert_string_equal(why.text, "a request of vision has no 'image', only query, language, "
                                  "layout, details, stream");
    troupe_message_destroy(&image);
}

static void a_batch_can_be_json(void **state)
{
    (void)state;
    static const char json[] = "{\"texts\": [\"one\", \"two\"], \"task\": \"query\"}";
    troupe_why_t why;
    troupe_message_t *message = NULL;
    const char *method = NULL;
    assert_status(troupe_contract_request_from_json(&troupe_text_embedding_contract, NULL, json,
                                                    strlen(json), NULL, &message, &method,
                                                    &why),
                  TROUPE_OK);
    assert_string_equal(method, "embed_batch");
    troupe_text_embedding_request_t got;
    assert_status(troupe_text_embedding_unpack("embed_batch", message, &got, &why), TROUPE_OK);
    assert_int_equal(got.n_texts, 2);
    assert_string_equal(got.texts[1], "two");
    assert_int_equal(got.task, TROUPE_EMBEDDING_QUERY);
    troupe_text_embedding_release(&got);
    troupe_message_destroy(&message);
}

static void a_batch_of_one_stays_a_batch(void **state)
{
    (void)state;
    static const char json[] = "{\"texts\": [\"one\"]}";
    troupe_why_t why;
    troupe_message_t *message = NULL;
    const char *method = NULL;
    assert_status(troupe_contract_request_from_json(&troupe_text_embedding_contract, "", json,
                                                    strlen(json), NULL, &message, &method,
                                                    &why),
                  TROUPE_OK);
    assert_string_equal(method, "embed_batch");
    assert_int_equal(troupe_message_size(message, 0), 5);
    troupe_message_destroy(&message);
}

static void bad_json_is_refused(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"describe", "{}", "image is missing"},
        {"describe", "[]", "the details are neither msgpack nor JSON"},
        {"describe", "{\"image\": \"x\"}",
         "image must be {\"base64\": \"...\"} or {\"path\": \"...\"}"},
        {"describe", "{\"image\": {\"base64\": \"A\"}}", "image must be base64 (RFC 4648)"},
        {"describe", "{\"image\": {\"url\": \"http://x\"}}",
         "images are not fetched from URLs: send the bytes, or a path"},
        {"describe", "{\"image\": {\"base64\": \"\"}}", "image is empty"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        troupe_why_t why = {""};
        troupe_message_t *message = NULL;
        assert_status(troupe_contract_request_from_json(&troupe_vision_contract, rows[i][0],
                                                        rows[i][1], strlen(rows[i][1]), NULL,
                                                        &message, NULL, &why),
                      TROUPE_ERR_INVALID);
        assert_null(message);
        assert_string_equal(why.text, rows[i][2]);
    }
}

/* ---- any bytes ---- */

static uint32_t dice = 1;

static uint32_t roll(uint32_t n)
{
    dice = dice * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)dice * n >> 32);
}

/* A request that is damaged anywhere is refused with a reason, or read as another one. */
static void no_bytes_do_harm(void **state)
{
    (void)state;
    static const char *const names[] = {"vision", "text_to_image", "text_embedding",
                                        "image_embedding", "text_to_text"};
    static const char details[] = "\x84\xa5turns\x91\x82\xa4role\xa4user\xa7"
                                  "content\xa2hi\xa4stop\x92\xa1"
                                  "a\xa1"
                                  "b\xabtemperature\xcb?\xe0\0\0\0\0\0\0\xa4seed\x05";
    for (int i = 0; i < 20000; i++) {
        char bytes[sizeof details], request[400];
        memcpy(bytes, details, sizeof bytes);
        for (uint32_t n = roll(4); n > 0; n--) {
            bytes[roll(sizeof bytes)] = (char)roll(256);
        }
        troupe_message_t *message = troupe_message_from(bytes, roll(2) ? 0 : sizeof bytes - 1);
        assert_status(troupe_message_add(message, bytes, sizeof bytes - 1 - roll(3)),
                      TROUPE_OK);
        const troupe_contract_t *contract = troupe_contract_find(names[i % 5]);
        troupe_why_t why = {""};
        troupe_status_t status = troupe_contract_unpack(
            contract, roll(2) && i % 5 > 1 && i % 5 < 4 ? "embed_batch" : "", message, request,
            &why);
        if (status != TROUPE_OK) {
            assert_int_not_equal(why.text[0], '\0');
        } else if (i % 5 == 4) {
            troupe_text_to_text_release((troupe_text_to_text_request_t *)(void *)request);
        } else if (i % 5 == 3) {
            troupe_image_embedding_release((troupe_image_embedding_request_t *)(void *)request);
        } else if (i % 5 == 2) {
            troupe_text_embedding_release((troupe_text_embedding_request_t *)(void *)request);
        } else if (i % 5 == 1) {
            troupe_text_to_image_release((troupe_text_to_image_request_t *)(void *)request);
        } else {
            troupe_vision_release((troupe_vision_request_t *)(void *)request);
        }
        troupe_message_destroy(&message);
    }
}

static void each_can_be_found_and_described(void **state)
{
    (void)state;
    static const char *const names[] = {"vision", "text_to_image", "text_embedding",
                                        "image_embedding", "text_to_text"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const troupe_contract_t *contract = troupe_contract_find(names[i]);
        assert_non_null(contract);
        assert_string_equal(troupe_contract_name(contract), names[i]);
        char *text = troupe_contract_describe(contract);
        assert_non_null(text);
        assert_non_null(strstr(text, names[i]));
        free(text);
    }
    assert_null(troupe_contract_find("visions"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_a_request_gets_through),
        cmocka_unit_test(a_bare_subject_is_a_request_with_defaults),
        cmocka_unit_test(defaults_need_no_frame),
        cmocka_unit_test(details_may_be_json),
        cmocka_unit_test(bytes_are_not_copied),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(what_is_wrong_is_one_line),
        cmocka_unit_test(a_third_frame_is_refused),
        cmocka_unit_test(too_much_is_not_even_copied),
        cmocka_unit_test(a_batch_gets_through),
        cmocka_unit_test(an_empty_batch_is_one),
        cmocka_unit_test(a_path_stands_for_bytes),
        cmocka_unit_test(vectors_get_through_as_float32),
        cmocka_unit_test(all_of_a_reply_gets_through),
        cmocka_unit_test(json_is_answered_in_json),
        cmocka_unit_test(a_request_can_be_json_as_a_whole),
        cmocka_unit_test(json_takes_its_subject_from_elsewhere),
        cmocka_unit_test(a_batch_can_be_json),
        cmocka_unit_test(a_batch_of_one_stays_a_batch),
        cmocka_unit_test(bad_json_is_refused),
        cmocka_unit_test(no_bytes_do_harm),
        cmocka_unit_test(each_can_be_found_and_described),
    };
    return cmocka_run_group_tests_name("capabilities/contracts", tests, NULL, NULL) != 0;
}
