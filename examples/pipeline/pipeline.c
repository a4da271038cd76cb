/* pipeline.c - from a picture to a text without mistakes: pipeline FILE [TEXT]
 *
 * Draws a page with a text that is full of mistakes, starts the node that FILE describes
 * (examples/pipeline/pipeline.yaml), has it read the page and correct what it has read, and
 * prints all three.
 *
 *   TROUPE_MODULE_PATH=build/workers build/examples/pipeline examples/pipeline/pipeline.yaml
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe.h>

#include "page.h"
#include "reader.h"

static const char text[] = "Actors recieve messsages in seperate threads, and definately "
                           "beleive what they are told.";

static void print_problem(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

static void print_frame(const char *what, const troupe_message_t *message, size_t frame)
{
    char *lines = troupe_message_text(message, frame);
    for (char *c = lines; c && *c; c++) {
        *c = *c != '\n' ? *c : c[1] != '\0' ? ' ' : '\0';
    }
    printf("%-10s %s\n", what, lines ? lines : "");
    free(lines);
}

static int have_read(troupe_node_t *node, troupe_message_t **page_p)
{
    troupe_caller_t *caller = troupe_caller_new(node);
    troupe_reply_t *reply = NULL;
    int code = 1;
    if (caller &&
        troupe_caller_call(caller, "reader", NULL, page_p, NULL, NULL, &reply) == TROUPE_OK) {
        if (troupe_reply_outcome(reply) == TROUPE_OUTCOME_OK) {
            print_frame("read", troupe_reply_message(reply), 1);
            print_frame("corrected", troupe_reply_message(reply), 0);
            code = 0;
        } else {
            printf("%s: %s\n", troupe_outcome_name(troupe_reply_outcome(reply)),
                   troupe_reply_text(reply));
        }
    }
    troupe_reply_destroy(&reply);
    troupe_caller_destroy(&caller);
    return code;
}

static int run(const char *file, troupe_message_t **page_p)
{
    int code = 1, exit_code = TROUPE_EXIT_FAILED;
    troupe_node_t *node = troupe_node_new();
    if (node && troupe_node_register(node, &reader_behaviour) == TROUPE_OK &&
        troupe_node_load_file(node, file, print_problem, NULL) == TROUPE_OK &&
        troupe_node_start(node, print_problem, NULL) == TROUPE_OK) {
        code = have_read(node, page_p);
        troupe_node_stop(node);
        if (troupe_node_wait(node, 10000, &exit_code) != TROUPE_OK ||
            exit_code != TROUPE_EXIT_OK) {
            code = 1;
        }
    }
    troupe_node_destroy(&node);
    return code;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s FILE [TEXT]\n", argv[0]);
        return 2;
    }
    setenv("TROUPE_LOG_LEVEL", "warning", 0);
    const char *drawn = argc > 2 ? argv[2] : text;
    size_t size;
    unsigned char *png = draw_page(drawn, &size);
    troupe_message_t *page = png ? troupe_message_from(png, size) : NULL;
    free(png);
    if (!page) {
        fprintf(stderr, "the page cannot be drawn\n");
        return 1;
    }
    printf("%-10s %s\n", "drawn", drawn);
    int code = run(argv[1], &page);
    troupe_message_destroy(&page);
    return code;
}
