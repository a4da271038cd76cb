#include "tests/kit/check.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/kit/random.h"
#include "tests/kit/sanitized.h"
#include "workers/llama/llama_model.h"

/* Made by tests/kit/tiny_gguf.py: what the recital says, and how many tokens that is. */
#define RECITED " Once upon a café, there was… silence. Stop here!"
enum { N_RECITED = 18, DIMENSION = 64 };

static const tr_llama_watch_t nobody = {NULL, NULL};

static const char *path_of(const char *name)
{
    static char path[500];
    const char *folder = getenv("TROUPE_TINY_MODELS");
    snprintf(path, sizeof path, "%s/%s.gguf", folder ? folder : ".", name);
    return path;
}

static tr_llama_setup_t setup_of(const char *path)
{
    return (tr_llama_setup_t){.path = path, .threads = 1, .template = "model"};
}

static tr_llama_t *loaded_by(const tr_llama_setup_t *setup)
{
    tr_llama_t *model = NULL;
    troupe_why_t why = {""};
    if (tr_llama_load(setup, nobody, &model, &why) != TROUPE_OK) {
        fail_msg("%s", why.text);
    }
    return model;
}

static tr_llama_t *loaded(const char *name)
{
    tr_llama_setup_t setup = setup_of(path_of(name));
    return loaded_by(&setup);
}

static tr_llama_ask_t ask_for(const char *prompt)
{
    return (tr_llama_ask_t){.prompt = prompt, .max_tokens = 100, .top_p = 1, .seed = -1};
}

static tr_llama_answer_t answer_to(tr_llama_t *model, const tr_llama_ask_t *ask)
{
    tr_llama_answer_t answer = {0};
    troupe_why_t why = {""};
    if (tr_llama_generate(model, ask, nobody, NULL, &answer, &why) != TROUPE_OK) {
        fail_msg("%s", why.text);
    }
    return answer;
}

/* ---- texts ---- */

static void a_text_ends_where_the_model_ends_it(void **state)
{
    (void)state;
    tr_llama_t *model = loaded("recital");
    tr_llama_ask_t ask = ask_for("z z");
    tr_llama_answer_t answer = answer_to(model, &ask);
    assert_string_equal(answer.text, RECITED);
    assert_int_equal(answer.finish, TROUPE_FINISH_STOP);
    assert_int_equal(answer.reply_tokens, N_RECITED);
    assert_int_equal(answer.prompt_tokens,
                     5); /* <s>, and each character with the space before */
    free(answer.text);

    assert_string_equal(tr_llama_name(model), "tiny recital");
    assert_int_equal(tr_llama_context(model), 2048);
    assert_int_equal(tr_llama_dimension(model), DIMENSION);
    tr_llama_destroy(&model);
    assert_null(model);
    tr_llama_destroy(&model);
}

static void a_text_has_no_more_tokens_than_asked_for(void **state)
{
    (void)state;
    tr_llama_t *model = loaded("recital");
    tr_llama_ask_t ask = ask_for("x");
    ask.max_tokens = 5; /* the last is the first byte of é */
    tr_llama_answer_t answer = answer_to(model, &ask);
    assert_string_equal(answer.text, " Once upon a caf\xEF\xBF\xBD");
    assert_int_equal(answer.finish, TROUPE_FINISH_LENGTH);
    assert_int_equal(answer.reply_tokens, 5);
    free(answer.text);
    tr_llama_destroy(&model);
}

/* "Stop" is two tokens, " St" and "op". */
static void a_stop_string_ends_a_text(void **state)
{
    (void)state;
    static const char *const stop[] = {"never", "Stop"};
    tr_llama_t *model = loaded("recital");
    tr_llama_ask_t ask = ask_for("x");
    ask.stop = stop;
    ask.n_stop = 2;
    tr_llama_answer_t answer = answer_to(model, &ask);
    assert_string_equal(answer.text, " Once upon a café, there was… silence. ");
    assert_int_equal(answer.finish, TROUPE_FINISH_STOP);
    assert_int_equal(answer.reply_tokens, 16);
    free(answer.text);
    tr_llama_destroy(&model);
}

/* What was heard, part by part. */
struct hearer {
    char heard[500];
    size_t n_parts;
    size_t patience; /* parts; 0: endless */
};

static bool hear(void *arg, const char *text, size_t size)
{
    struct hearer *hearer = arg;
    size_t length = strlen(hearer->heard);
    assert_true(size > 0 && length + size < sizeof hearer->heard);
    assert_true(((unsigned char)text[0] & 0xC0) != 0x80);
    memcpy(hearer->heard + length, text, size);
    hearer->heard[length + size] = '\0';
    hearer->n_parts++;
    return hearer->n_parts != hearer->patience;
}

static void a_text_is_said_character_by_character(void **state)
{
    (void)state;
    tr_llama_t *model = loaded("recital");
    tr_llama_ask_t ask = ask_for("x");
    tr_llama_answer_t answer = {0};
    struct hearer hearer = {0};
    troupe_why_t why = {""};
    assert_status(
        tr_llama_generate(model, &ask, (tr_llama_watch_t){NULL, &hearer}, hear, &answer, &why),
        TROUPE_OK);
    assert_string_equal(hearer.heard, RECITED);
    assert_int_equal(hearer.n_parts, N_RECITED - 3); /* bytes that are no character yet */
    free(answer.text);

    hearer = (struct hearer){.patience = 2};
    assert_status(
        tr_llama_generate(model, &ask, (tr_llama_watch_t){NULL, &hearer}, hear, &answer, &why),
        TROUPE_INTERRUPTED);
    assert_string_equal(hearer.heard, " Once upon");
    tr_llama_destroy(&model);
}

static void a_seed_decides(void **state)
{
    (void)state;
    tr_llama_t *model = loaded("noise");
    tr_llama_ask_t ask = ask_for("a seed decides");
    ask.temperature = 1.5;
    ask.top_k = 40;
    ask.top_p = 0.95;
    ask.max_tokens = 40;
    ask.seed = 7;
    tr_llama_answer_t first = answer_to(model, &ask);
    ask.seed = 8;
    tr_llama_answer_t other = answer_to(model, &ask);
    ask.seed = 7;
    tr_llama_answer_t again = answer_to(model, &ask);
    ask.seed = (int64_t)1 << 40;
    tr_llama_answer_t high = answer_to(model, &ask);
    assert_string_equal(first.text, again.text);
    assert_string_not_equal(first.text, other.text);
    assert_string_not_equal(first.text, high.text);
    free(first.text);
    free(other.text);
    free(again.text);
    free(high.text);

    /* Any seed: two of them say the same once in a lifetime. */
    ask.seed = -1;
    first = answer_to(model, &ask);
    again = answer_to(model, &ask);
    assert_string_not_equal(first.text, again.text);
    free(first.text);
    free(again.text);
    tr_llama_destroy(&model);
}

/* The noise depends on every token before, so a trace of another request would show. */
static void one_text_leaves_no_trace_in_the_next(void **state)
{
    (void)state;
    tr_llama_t *model = loaded("noise");
    tr_llama_ask_t ask = ask_for("the same again");
    tr_llama_ask_t between = ask_for("something else, and longer than the other");
    tr_llama_answer_t first = answer_to(model, &ask);
    tr_llama_answer_t other = answer_to(model, &between);
    tr_llama_answer_t again = answer_to(model, &ask);
    assert_string_equal(first.text, again.text);
    assert_string_not_equal(first.text, other.text);
    free(first.text);
    free(other.text);
    free(again.text);
    tr_llama_destroy(&model);
}

/* In either way it is in memory, a model is the same. */
static void a_model_may_be_mapped(void **state)
{
    (void)state;
    tr_llama_setup_t setup = setup_of(path_of("noise"));
    tr_llama_ask_t ask = ask_for("the same");
    tr_llama_t *copied = loaded_by(&setup);
    setup.is_mapped = true;
    tr_llama_t *mapped = loaded_by(&setup);
    tr_llama_answer_t one = answer_to(copied, &ask);
    tr_llama_answer_t other = answer_to(mapped, &ask);
    assert_string_equal(one.text, other.text);
    free(one.text);
    free(other.text);
    tr_llama_destroy(&copied);
    tr_llama_destroy(&mapped);
}

static void a_long_prompt_is_read_piece_by_piece(void **state)
{
    (void)state;
    char prompt[1500];
    memset(prompt, 'z', sizeof prompt - 1);
    prompt[sizeof prompt - 1] = '\0';
    tr_llama_t *model = loaded("recital");
    tr_llama_ask_t ask = ask_for(prompt);
    tr_llama_answer_t answer = answer_to(model, &ask);
    assert_string_equal(answer.text, RECITED);
    assert_true(answer.prompt_tokens > 512);
    free(answer.text);
    tr_llama_destroy(&model);
}

static void a_prompt_too_long_is_told_with_numbers(void **state)
{
    (void)state;
    char prompt[400];
    memset(prompt, 'z', sizeof prompt - 1);
    prompt[sizeof prompt - 1] = '\0';
    tr_llama_setup_t setup = setup_of(path_of("recital"));
    setup.context = 64;
    tr_llama_t *model = loaded_by(&setup);
    tr_llama_ask_t ask = ask_for(prompt);
    tr_llama_answer_t answer = {0};
    troupe_why_t why = {""};
    assert_status(tr_llama_generate(model, &ask, nobody, NULL, &answer, &why), TROUPE_LIMIT);
    assert_non_null(strstr(why.text, "401 tokens"));
    assert_non_null(strstr(why.text, "room for 64"));

    /* What is left of the context is all there is for a reply. */
    prompt[50] = '\0';
    answer = answer_to(model, &ask);
    assert_int_equal(answer.prompt_tokens, 52);
    assert_int_equal(answer.reply_tokens, 12);
    assert_int_equal(answer.finish, TROUPE_FINISH_LENGTH);
    free(answer.text);
    tr_llama_destroy(&model);
}

/* ---- conversations ---- */

static const troupe_turn_t turns[] = {
    {TROUPE_ROLE_SYSTEM, "zz zzzzz"},
    {TROUPE_ROLE_USER, "zzzzz"},
};

static int64_t n_prompt_tokens(const char *template, bool by_turns)
{
    tr_llama_setup_t setup = setup_of(path_of("recital"));
    setup.template = template;
    tr_llama_t *model = loaded_by(&setup);
    tr_llama_ask_t ask = ask_for("zzzzz");
    if (by_turns) {
        ask.prompt = NULL;
        ask.turns = turns;
        ask.n_turns = 2;
    }
    tr_llama_answer_t answer = answer_to(model, &ask);
    assert_string_equal(answer.text, RECITED);
    free(answer.text);
    tr_llama_destroy(&model);
    return answer.prompt_tokens;
}

static void a_template_is_put_around_turns_and_prompts(void **state)
{
    (void)state;
    assert_int_equal(n_prompt_tokens("none", false), 7);
    assert_int_equal(n_prompt_tokens("model", false), 7); /* it has none */
    assert_true(n_prompt_tokens("chatml", false) > 7 + 40);
    assert_true(n_prompt_tokens("none", true) > 7 + 10);
    assert_true(n_prompt_tokens("chatml", true) > n_prompt_tokens("none", true));
}

static void a_model_may_bring_a_template(void **state)
{
    (void)state;
    tr_llama_t *model = loaded("chatty");
    tr_llama_ask_t ask = ask_for("zzzzz");
    tr_llama_answer_t answer = answer_to(model, &ask);
    assert_int_equal(answer.prompt_tokens, n_prompt_tokens("chatml", false));
    free(answer.text);
    tr_llama_destroy(&model);
}

static void what_template_is_unknown_is_told(void **state)
{
    (void)state;
    tr_llama_t *model = NULL;
    troupe_why_t why = {""};
    tr_llama_setup_t setup = setup_of(path_of("recital"));
    setup.template = "no such";
    assert_status(tr_llama_load(&setup, nobody, &model, &why), TROUPE_ERR_INVALID);
    assert_non_null(strstr(why.text, "no template 'no such'"));
    assert_null(model);

    setup = setup_of(path_of("odd"));
    assert_status(tr_llama_load(&setup, nobody, &model, &why), TROUPE_ERR_INVALID);
    assert_non_null(strstr(why.text, "the template of this model"));
    setup.template = "none";
    model = loaded_by(&setup);
    assert_string_equal(tr_llama_name(model), "odd \xEF\xBF\xBD");
    tr_llama_destroy(&model);
}

/* ---- stopping ---- */

struct patience {
    int64_t left; /* questions */
    int64_t n_asked;
};

static bool is_patient(void *arg)
{
    struct patience *patience = arg;
    patience->n_asked++;
    return patience->left-- > 0;
}

static void a_load_can_be_stopped(void **state)
{
    (void)state;
    struct patience patience = {.left = 3};
    tr_llama_setup_t setup = setup_of(path_of("noise"));
    tr_llama_t *model = NULL;
    troupe_why_t why = {""};
    assert_status(
        tr_llama_load(&setup, (tr_llama_watch_t){is_patient, &patience}, &model, &why),
        TROUPE_INTERRUPTED);
    assert_null(model);
    assert_int_equal(patience.n_asked, 4);
}

/* After every number of questions up to all that a text needs: it ends with the first no, and
 * the next text is as if nothing had been. */
static void a_text_can_be_stopped_at_any_time(void **state)
{
    (void)state;
    char prompt[700];
    memset(prompt, 'z', sizeof prompt - 1);
    prompt[sizeof prompt - 1] = '\0';
    tr_llama_t *model = loaded("noise");
    tr_llama_ask_t ask = ask_for(prompt);
    ask.max_tokens = 8;
    tr_llama_answer_t answer = {0};
    troupe_why_t why = {""};
    struct patience patience = {.left = INT64_MAX};
    assert_status(tr_llama_generate(model, &ask, (tr_llama_watch_t){is_patient, &patience},
                                    NULL, &answer, &why),
                  TROUPE_OK);
    int64_t n_all = patience.n_asked;
    assert_true(n_all > 100); /* within the reading of the prompt, too */

    for (int64_t n = 0; n < n_all; n += 1 + n / 8) {
        patience = (struct patience){.left = n};
        tr_llama_answer_t none = {0};
        assert_status(tr_llama_generate(model, &ask, (tr_llama_watch_t){is_patient, &patience},
                                        NULL, &none, &why),
                      TROUPE_INTERRUPTED);
        assert_int_equal(patience.n_asked, n + 1);
        assert_null(none.text);
    }
    tr_llama_answer_t again = answer_to(model, &ask);
    assert_string_equal(again.text, answer.text);
    free(again.text);
    free(answer.text);
    tr_llama_destroy(&model);
}

/* ---- vectors ---- */

static tr_llama_t *loaded_to_embed(const char *name)
{
    tr_llama_setup_t setup = setup_of(path_of(name));
    setup.embeds = true;
    return loaded_by(&setup);
}

static void embed(tr_llama_t *model, const char *text, size_t dimension, float *values)
{
    troupe_why_t why = {""};
    if (tr_llama_embed(model, text, dimension, nobody, values, &why) != TROUPE_OK) {
        fail_msg("%s", why.text);
    }
}

static double product(const float *left, const float *right, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)left[i] * (double)right[i];
    }
    return sum;
}

static void a_vector_has_a_length_of_one(void **state)
{
    (void)state;
    tr_llama_t *model = loaded_to_embed("noise");
    float whole[DIMENSION];
    float again[DIMENSION];
    float other[DIMENSION];
    float part[16];
    embed(model, "a text", DIMENSION, whole);
    embed(model, "quite another", DIMENSION, other);
    embed(model, "a text", DIMENSION, again);
    embed(model, "a text", 16, part);
    assert_true(fabs(product(whole, whole, DIMENSION) - 1) < 1e-5);
    assert_true(fabs(product(part, part, 16) - 1) < 1e-5);
    assert_memory_equal(whole, again, sizeof whole);
    assert_true(product(whole, other, DIMENSION) < 0.99);

    /* The first values of the whole, made longer. */
    double length = sqrt(product(whole, whole, 16));
    for (size_t i = 0; i < 16; i++) {
        assert_true(fabs((double)part[i] - (double)whole[i] / length) < 1e-5);
    }
    tr_llama_destroy(&model);
}

/* The vectors of the recital's tokens do not look at one another: the mean of "zz" is that of
 * "z" with one more of the same, and lies on the way from there to the token's own. */
static void a_vector_is_the_mean_of_its_tokens(void **state)
{
    (void)state;
    tr_llama_t *model = loaded_to_embed("recital");
    float none[DIMENSION];
    float one[DIMENSION];
    float two[DIMENSION];
    float many[DIMENSION];
    char text[201];
    memset(text, 'z', 200);
    text[200] = '\0';
    embed(model, "", DIMENSION, none); /* <s> alone */
    embed(model, "z", DIMENSION, one);
    embed(model, "zz", DIMENSION, two);
    embed(model, text, DIMENSION, many);
    assert_true(product(none, one, DIMENSION) > product(none, two, DIMENSION));
    assert_true(product(none, two, DIMENSION) > product(none, many, DIMENSION));
    assert_true(product(many, two, DIMENSION) > product(many, one, DIMENSION));
    tr_llama_destroy(&model);
}

static void a_text_too_long_to_embed_is_told_with_numbers(void **state)
{
    (void)state;
    char text[1000];
    float values[DIMENSION];
    troupe_why_t why = {""};
    memset(text, 'z', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    tr_llama_t *model = loaded_to_embed("noise");
    assert_status(tr_llama_embed(model, text, DIMENSION, nobody, values, &why), TROUPE_LIMIT);
    assert_non_null(strstr(why.text, "1001 tokens"));
    assert_non_null(strstr(why.text, "room for 512"));

    struct patience patience = {.left = 5};
    assert_status(tr_llama_embed(model, "a", DIMENSION,
                                 (tr_llama_watch_t){is_patient, &patience}, values, &why),
                  TROUPE_INTERRUPTED);
    assert_int_equal(patience.n_asked, 6);
    tr_llama_destroy(&model);
}

/* ---- what is no model ---- */

static void assert_refused(const tr_llama_setup_t *setup, troupe_status_t want,
                           const char *words)
{
    tr_llama_t *model = NULL;
    troupe_why_t why = {""};
    assert_status(tr_llama_load(setup, nobody, &model, &why), want);
    assert_null(model);
    if (!strstr(why.text, words)) {
        fail_msg("'%s' is not in '%s'", words, why.text);
    }
}

static void what_cannot_be_loaded_is_told(void **state)
{
    (void)state;
    tr_llama_setup_t setup = setup_of("/no/such.gguf");
    assert_refused(&setup, TROUPE_NOT_FOUND, "'/no/such.gguf' cannot be read: No such file");
    setup.path = "/";
    assert_refused(&setup, TROUPE_ERR_INVALID, "is no GGUF file");
    setup.path = "/dev/null";
    assert_refused(&setup, TROUPE_ERR_INVALID, "is no GGUF file");

    setup = setup_of(path_of("recital"));
    setup.context = -1;
    assert_refused(&setup, TROUPE_ERR_INVALID, "context");
    setup.context = 0;
    setup.threads = 0;
    assert_refused(&setup, TROUPE_ERR_INVALID, "threads");
    setup.threads = 1;
    setup.gpu_layers = -1;
    assert_refused(&setup, TROUPE_ERR_INVALID, "layers");
}

#ifndef TR_TEST_SANITIZED /* whose own memory is beyond any limit */
/* The context alone takes 512 MiB. */
static void want_of_memory_is_told(void **state)
{
    (void)state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_DATA, &before), 0);
    struct rlimit little = {.rlim_cur = 256 << 20, .rlim_max = before.rlim_max};
    tr_llama_setup_t setup = setup_of(path_of("noise"));
    setup.context = 1 << 20;

    assert_int_equal(setrlimit(RLIMIT_DATA, &little), 0);
    assert_refused(&setup, TROUPE_ERR_NOMEM, "cannot be made ready");
    assert_int_equal(setrlimit(RLIMIT_DATA, &before), 0);
}
#endif

typedef struct bytes {
    unsigned char *data;
    size_t size;
    size_t n_head; /* without the tensors */
} bytes_t;

static bytes_t bytes_of(const char *name)
{
    FILE *file = fopen(path_of(name), "rb");
    struct stat found;
    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &found), 0);
    bytes_t bytes = {.size = (size_t)found.st_size};
    bytes.data = malloc(bytes.size);
    assert_non_null(bytes.data);
    assert_int_equal(fread(bytes.data, 1, bytes.size, file), bytes.size);
    fclose(file);
    for (size_t i = 0; i + 32 < bytes.size; i++) { /* the last tensor's description */
        if (memcmp(bytes.data + i, "blk.1.ffn_down.weight", 21) == 0) {
            bytes.n_head = i + 64;
        }
    }
    assert_true(bytes.n_head > 0);
    return bytes;
}

static void write_to(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* The file with what follows `mark` changed. */
static void assert_changed_is_refused(const char *mark, size_t skip, const char *by, size_t n,
                                      const char *words)
{
    char path[] = "/tmp/troupe-changed-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    close(descriptor);
    bytes_t whole = bytes_of("noise");
    unsigned char *found = memmem(whole.data, whole.size, mark, strlen(mark));
    assert_non_null(found);
    memcpy(found + strlen(mark) + skip, by, n);
    write_to(path, whole.data, whole.size);
    tr_llama_setup_t setup = setup_of(path);
    assert_refused(&setup, TROUPE_ERR_INVALID, words);
    free(whole.data);
    unlink(path);
}

/* llama.cpp makes sure of these with an assertion. Behind a key come its type, in four bytes,
 * and the value. */
static void what_would_end_the_process_is_refused(void **state)
{
    (void)state;
    assert_changed_is_refused("llama.block_count", 4, "\0\0\0\0", 4, "has 0 layers");
    assert_changed_is_refused("llama.block_count", 4, "\1\2\0\0", 4, "has 513 layers");
    assert_changed_is_refused("<0x4", 0, "2", 1, "both called '<0x42>'"); /* was <0x40> */
}

/* How a child of ours ended that was to use a file. */
enum { USED, REFUSED, MUTE };

/* Load it, and have it go on with a text. */
static int use(const char *path)
{
    tr_llama_setup_t setup = setup_of(path);
    setup.context = 256;
    setup.template = "none";
    tr_llama_t *model = NULL;
    troupe_why_t why = {""};
    if (tr_llama_load(&setup, nobody, &model, &why) != TROUPE_OK) {
        return why.text[0] && !model ? REFUSED : MUTE;
    }
    tr_llama_ask_t ask = ask_for("hello");
    ask.temperature = 1;
    ask.max_tokens = 8;
    tr_llama_answer_t answer = {0};
    if (tr_llama_generate(model, &ask, nobody, NULL, &answer, &why) != TROUPE_OK) {
        return why.text[0] ? USED : MUTE;
    }
    free(answer.text);
    tr_llama_destroy(&model);
    return USED;
}

static int use_in_child(const char *path)
{
    fflush(stdout);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(use(path));
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

/* Cut short, or with a few bytes changed, most often where it says what the model is like. */
static size_t damage(uint64_t *dice, int round, const bytes_t *whole, unsigned char *copy)
{
    memcpy(copy, whole->data, whole->size);
    if (round % 4 == 0) {
        return random_below(dice, round % 8 == 0 ? whole->size : whole->n_head);
    }
    size_t most = round % 4 == 1 ? whole->size : whole->n_head;
    for (size_t n = 1 + random_below(dice, 8); n > 0; n--) {
        copy[random_below(dice, most)] ^= (unsigned char)(1 + random_below(dice, 255));
    }
    return whole->size;
}

/* By the hundred. llama.cpp gives up the process at one in some 10,000 of such files; what
 * must not happen at all is that it does something else than it says. */
static void a_damaged_file_is_told(void **state)
{
    (void)state;
    uint64_t dice = random_seed();
    char path[] = "/tmp/troupe-damaged-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    close(descriptor);
    bytes_t whole = bytes_of("noise");
    unsigned char *copy = malloc(whole.size);
    assert_non_null(copy);
    int n_used = 0;
    int n_refused = 0;
    int n_given_up = 0;
    for (int round = 0; round < 300; round++) {
        size_t size = damage(&dice, round, &whole, copy);
        write_to(path, copy, size);
        int status = use_in_child(path);
        if (WIFSIGNALED(status)) {
            assert_int_equal(WTERMSIG(status), SIGABRT);
            n_given_up++;
        } else if (WEXITSTATUS(status) == REFUSED) {
            n_refused++;
        } else {
            assert_int_equal(WEXITSTATUS(status), USED);
            n_used++;
        }
    }
    assert_true(n_used > 40 && n_refused > 80 && n_given_up < 5);
    free(copy);
    free(whole.data);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_ends_where_the_model_ends_it),
        cmocka_unit_test(a_text_has_no_more_tokens_than_asked_for),
        cmocka_unit_test(a_stop_string_ends_a_text),
        cmocka_unit_test(a_text_is_said_character_by_character),
        cmocka_unit_test(a_seed_decides),
        cmocka_unit_test(one_text_leaves_no_trace_in_the_next),
        cmocka_unit_test(a_model_may_be_mapped),
        cmocka_unit_test(a_long_prompt_is_read_piece_by_piece),
        cmocka_unit_test(a_prompt_too_long_is_told_with_numbers),
        cmocka_unit_test(a_template_is_put_around_turns_and_prompts),
        cmocka_unit_test(a_model_may_bring_a_template),
        cmocka_unit_test(what_template_is_unknown_is_told),
        cmocka_unit_test(a_load_can_be_stopped),
        cmocka_unit_test(a_text_can_be_stopped_at_any_time),
        cmocka_unit_test(a_vector_has_a_length_of_one),
        cmocka_unit_test(a_vector_is_the_mean_of_its_tokens),
        cmocka_unit_test(a_text_too_long_to_embed_is_told_with_numbers),
        cmocka_unit_test(what_cannot_be_loaded_is_told),
#ifndef TR_TEST_SANITIZED
        cmocka_unit_test(want_of_memory_is_told),
#endif
        cmocka_unit_test(what_would_end_the_process_is_refused),
        cmocka_unit_test(a_damaged_file_is_told),
    };
    return cmocka_run_group_tests_name("workers/llama_model", tests, NULL, NULL) != 0;
}
