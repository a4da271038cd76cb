/* The names of options are those of request_bench. */

#include "bench/peers/peer.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure.h"

static const char *one_of(const char *option, const char *text, const char *const *words)
{
    for (const char *const *word = words; *word; word++) {
        if (strcmp(*word, text) == 0) {
            return *word;
        }
    }
    bench_misused(option, text, "one of those that this program knows");
}

peer_options_t peer_options(int argc, char **argv, const char *const *modes,
                            const char *const *transports)
{
    static const struct option options[] = {
        {"mode", required_argument, NULL, 'm'},
        {"transport", required_argument, NULL, 't'},
        {"workers", required_argument, NULL, 'n'},
        {"window", required_argument, NULL, 'w'},
        {"requests", required_argument, NULL, 'r'},
        {"size", required_argument, NULL, 's'},
        {NULL, 0, NULL, 0},
    };
    peer_options_t self = {.mode = modes[0],
                           .transport = transports[0],
                           .workers = 1,
                           .window = 1,
                           .requests = 10000,
                           .size = 64};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'm':
            self.mode = one_of("mode", optarg, modes);
            break;
        case 't':
            self.transport = one_of("transport", optarg, transports);
            break;
        case 'n':
            self.workers = bench_whole("workers", optarg, 1, 1000);
            break;
        case 'w':
            self.window = bench_whole("window", optarg, 1, PEER_MOST_WINDOW);
            break;
        case 'r':
            self.requests = bench_whole("requests", optarg, 1, 100000000);
            break;
        case 's':
            self.size = (size_t)bench_whole("size", optarg, BENCH_LEAST_SIZE, 1 << 30);
            break;
        default:
            exit(2);
        }
    }
    return self;
}

bool peer_mode_is(const peer_options_t *options, const char *mode)
{
    return strcmp(options->mode, mode) == 0;
}

void peer_requests_init(bench_requests_t *requests, const peer_options_t *options)
{
    bench_requests_init(requests, options->requests, options->window, options->size);
}

void peer_print(bench_requests_t *requests, const char *name, const peer_options_t *options)
{
    bench_requests_print(requests, "name=%s mode=%s transport=%s workers=%ld", name,
                         options->mode, options->transport, options->workers);
}
