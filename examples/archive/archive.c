/* archive.c - from a page to what it is about: archive [ENDPOINT [TEXT]]
 *
 * Has a text drawn as a page, the page read, what was read corrected, and then looks which of
 * some texts means the most like it, and which of some pages looks the most like it. Each step
 * is a typed call of a node that offers all five capabilities, such as that of
 * examples/studio.yaml:
 *
 *   build/cli/troupe run examples/studio.yaml &
 *   build/examples/archive
 */

#include <stdio.h>
#include <stdlib.h>

#include <troupe.h>

static const char usual_endpoint[] = "ipc:///tmp/troupe-studio.sock";
static const char usual_text[] = "Actors recieve messages in seperate\n"
                                 "threads, and share nothing else.";

/* What is on file, and the paper that it is on. */
static const struct {
    const char *text;
    const char *paper;
} filed[] = {
    {"Bake the bread\nuntil its crust\nis brown,\nand share it.", "wheat"},
    {"An actor is a thread that receives\nmessages, and shares no memory\nwith other threads.",
     "white"},
    {"Rain\nis expected in the north,\nand sunshine elsewhere.", "lightblue"},
};
enum { N_FILED = sizeof filed / sizeof *filed };

/* A call did not end well: why is told, and nothing more can be done. */
static void check(troupe_outcome_t outcome, const char *who, const troupe_why_t *why)
{
    if (outcome != TROUPE_OUTCOME_OK) {
        fprintf(stderr, "%s: %s: %s\n", who, troupe_outcome_name(outcome), why->text);
        exit(1);
    }
}

/* In one line. */
static void print_text(const char *what, const char *text)
{
    printf("%-10s ", what);
    for (const char *c = text; *c; c++) {
        if (*c != '\n') {
            putchar(*c);
        } else if (c[1]) {
            putchar(' ');
        }
    }
    putchar('\n');
}

/* ---- a call of each ---- */

static troupe_text_to_image_reply_t draw(troupe_client_t *client, const char *text,
                                         int64_t size_pt, const char *paper)
{
    troupe_why_t why;
    troupe_text_to_image_request_t request;
    troupe_text_to_image_reply_t reply;
    troupe_text_to_image_init(&request);
    request.prompt = text;
    request.size = size_pt;
    request.background = paper;
    check(troupe_text_to_image_call(client, NULL, &request, &reply, &why), "text_to_image",
          &why);
    return reply;
}

static troupe_vision_reply_t read_page(troupe_client_t *client, troupe_image_t page)
{
    troupe_why_t why;
    troupe_vision_request_t request;
    troupe_vision_reply_t reply;
    troupe_vision_init(&request);
    request.image = page;
    request.layout = TROUPE_VISION_BLOCK;
    check(troupe_vision_call(client, NULL, &request, &reply, &why), "vision", &why);
    return reply;
}

static troupe_text_to_text_reply_t correct(troupe_client_t *client, const char *text)
{
    troupe_why_t why;
    troupe_text_to_text_request_t request;
    troupe_text_to_text_reply_t reply;
    troupe_text_to_text_init(&request);
    request.prompt = text;
    check(troupe_text_to_text_call(client, NULL, &request, &reply, &why), "text_to_text", &why);
    return reply;
}

/* Which of the vectors behind the first has most in common with it. All have the length 1. */
static size_t nearest(const float *values, int64_t dimension, double *similarity_out)
{
    size_t best = 0;
    *similarity_out = -1;
    for (size_t i = 0; i < N_FILED; i++) {
        double similarity = 0;
        for (int64_t at = 0; at < dimension; at++) {
            similarity +=
                (double)values[at] * (double)values[(int64_t)(i + 1) * dimension + at];
        }
        if (similarity > *similarity_out) {
            *similarity_out = similarity;
            best = i;
        }
    }
    return best;
}

static void print_nearest(const char *what, const float *values, int64_t dimension)
{
    double similarity;
    size_t best = nearest(values, dimension, &similarity);
    print_text(what, filed[best].text);
    fprintf(stderr, "%-10s similarity %.2f of at most 1\n", what, similarity);
}

static void find_meaning(troupe_client_t *client, const char *text)
{
    const char *texts[1 + N_FILED] = {text};
    for (size_t i = 0; i < N_FILED; i++) {
        texts[1 + i] = filed[i].text;
    }
    troupe_why_t why;
    troupe_text_embedding_request_t request;
    troupe_text_embedding_reply_t reply;
    troupe_text_embedding_init(&request);
    request.texts = texts;
    request.n_texts = 1 + N_FILED;
    check(troupe_text_embedding_call(client, NULL, &request, &reply, &why), "text_embedding",
          &why);
    print_nearest("means", reply.values, reply.dimension);
    troupe_text_embedding_release_reply(&reply);
}

/* One that is on file comes in again, in larger letters. */
static void find_look(troupe_client_t *client, size_t which)
{
    troupe_text_to_image_reply_t pages[1 + N_FILED] = {
        draw(client, filed[which].text, 20, filed[which].paper)};
    troupe_image_t images[1 + N_FILED];
    for (size_t i = 0; i < N_FILED; i++) {
        pages[1 + i] = draw(client, filed[i].text, 14, filed[i].paper);
    }
    for (size_t i = 0; i < 1 + N_FILED; i++) {
        images[i] = (troupe_image_t){.data = pages[i].data, .size = pages[i].size};
    }
    troupe_why_t why;
    troupe_image_embedding_request_t request;
    troupe_image_embedding_reply_t reply;
    troupe_image_embedding_init(&request);
    request.images = images;
    request.n_images = 1 + N_FILED;
    check(troupe_image_embedding_call(client, NULL, &request, &reply, &why), "image_embedding",
          &why);
    print_nearest("looks like", reply.values, reply.dimension);
    troupe_image_embedding_release_reply(&reply);
    for (size_t i = 0; i < 1 + N_FILED; i++) {
        troupe_text_to_image_release_reply(&pages[i]);
    }
}

int main(int argc, char **argv)
{
    const char *text = argc > 2 ? argv[2] : usual_text;
    troupe_client_t *client = troupe_client_new(argc > 1 ? argv[1] : usual_endpoint);
    if (!client || troupe_client_connect(client, 5000) != TROUPE_OK) {
        fprintf(stderr, "no node at %s: troupe run examples/studio.yaml\n",
                argc > 1 ? argv[1] : usual_endpoint);
        troupe_client_destroy(&client);
        return 1;
    }
    troupe_text_to_image_reply_t page = draw(client, text, 0, NULL);
    print_text("drawn", text);
    troupe_vision_reply_t read =
        read_page(client, (troupe_image_t){.data = page.data, .size = page.size});
    print_text("read", read.text);
    troupe_text_to_text_reply_t corrected = correct(client, read.text);
    print_text("corrected", corrected.text);
    find_meaning(client, corrected.text);
    find_look(client, N_FILED - 1);

    troupe_text_to_text_release_reply(&corrected);
    troupe_vision_release_reply(&read);
    troupe_text_to_image_release_reply(&page);
    troupe_client_destroy(&client);
    return 0;
}
