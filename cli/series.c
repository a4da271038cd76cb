/* A histogram's steps are pairs of where a step begins and how many times lie in it, both looks
 * in the same order, so that the difference is found in one walk over the two.
 */

#include "cli/series.h"

#include <stdlib.h>
#include <string.h>

#include "cli/document.h"

bool cli_says(const msgpack_object *map, const char *key, const char *text)
{
    const msgpack_object *value = cli_member(map, key);
    return value && value->type == MSGPACK_OBJECT_STR && value->via.str.size == strlen(text) &&
           memcmp(value->via.str.ptr, text, strlen(text)) == 0;
}

const msgpack_object *cli_series_next(const msgpack_object *stats, const char *name,
                                      const char *capability, uint32_t *place)
{
    msgpack_object_array metrics = cli_member_array(stats, "metrics");
    while (*place < metrics.size) {
        const msgpack_object *series = &metrics.ptr[(*place)++];
        if (cli_says(series, "name", name) &&
            (!capability || cli_says(cli_member(series, "labels"), "capability", capability))) {
            return series;
        }
    }
    return NULL;
}

uint64_t cli_series_value(const msgpack_object *stats, const char *name)
{
    uint64_t value = 0;
    uint32_t place = 0;
    const msgpack_object *series = cli_series_next(stats, name, NULL, &place);
    return cli_member_number(series, "value", &value) ? value : 0;
}

static cli_counts_t count_all(const msgpack_object *stats, const char *capability)
{
    cli_counts_t counts = {0};
    uint32_t place = 0;
    const msgpack_object *series;
    while ((series = cli_series_next(stats, "troupe_requests_total", capability, &place))) {
        uint64_t value = 0;
        const msgpack_object *labels = cli_member(series, "labels");
        if (cli_member_number(series, "value", &value)) {
            bool is_ok = cli_says(labels, "outcome", "ok");
            bool is_cancelled = cli_says(labels, "outcome", "cancelled");
            counts.n_all += value;
            counts.n_ok += is_ok ? value : 0;
            counts.n_failed += is_ok || is_cancelled ? 0 : value;
        }
    }
    return counts;
}

static uint64_t grown(uint64_t before, uint64_t after)
{
    return after > before ? after - before : 0;
}

cli_counts_t cli_series_counts(const msgpack_object *earlier, const msgpack_object *stats,
                               const char *capability)
{
    cli_counts_t before = count_all(earlier, capability);
    cli_counts_t after = count_all(stats, capability);
    return (cli_counts_t){
        .n_ok = grown(before.n_ok, after.n_ok),
        .n_failed = grown(before.n_failed, after.n_failed),
        .n_all = grown(before.n_all, after.n_all),
    };
}

double cli_series_seconds(const msgpack_object *earlier, const msgpack_object *stats)
{
    uint64_t begin_us;
    uint64_t end_us;
    char *one = cli_member_text(earlier, "boot", 64);
    char *other = cli_member_text(stats, "boot", 64);
    bool is_same = strcmp(one, other) == 0;
    free(one);
    free(other);
    if (!is_same || !cli_member_number(earlier, "clock_us", &begin_us) ||
        !cli_member_number(stats, "clock_us", &end_us) || end_us <= begin_us) {
        return 0;
    }
    return (double)(end_us - begin_us) / 1e6;
}

/* One histogram's steps, walked from the first on. */
typedef struct walk {
    msgpack_object_array steps;
    uint32_t at;
} walk_t;

static bool walk_steps(const msgpack_object *stats, const char *name, const char *capability,
                       walk_t *out)
{
    uint32_t place = 0;
    const msgpack_object *series = cli_series_next(stats, name, capability, &place);
    const msgpack_object *steps = cli_member(series, "steps");
    *out = (walk_t){.steps = cli_member_array(series, "steps")};
    return steps && steps->type == MSGPACK_OBJECT_ARRAY;
}

/* The step under the walk; false at the end, and where something else than numbers stands. */
static bool step_here(const walk_t *walk, uint64_t *lowest_us_out, uint64_t *n_out)
{
    if (walk->at + 1 >= walk->steps.size) {
        return false;
    }
    const msgpack_object *lowest = &walk->steps.ptr[walk->at];
    const msgpack_object *n = &walk->steps.ptr[walk->at + 1];
    if (lowest->type != MSGPACK_OBJECT_POSITIVE_INTEGER ||
        n->type != MSGPACK_OBJECT_POSITIVE_INTEGER || lowest->via.u64 > INT64_MAX / 2000) {
        return false;
    }
    *lowest_us_out = lowest->via.u64;
    *n_out = n->via.u64;
    return true;
}

/* How many were in that step at the earlier look, whose walk is moved there. */
static uint64_t n_in_step(walk_t *earlier, uint64_t lowest_us)
{
    uint64_t lowest;
    uint64_t n;
    while (step_here(earlier, &lowest, &n) && lowest <= lowest_us) {
        earlier->at += 2;
        if (lowest == lowest_us) {
            return n;
        }
    }
    return 0;
}

/* An eighth of a power of two is a step's width, below 16 us it is one microsecond. */
static int64_t middle_ns(uint64_t lowest_us)
{
    uint64_t width_us =
        lowest_us < 16 ? 1 : UINT64_C(1) << (60 - (unsigned)__builtin_clzll(lowest_us));
    return (int64_t)(lowest_us * 1000 + width_us * 500);
}

bool cli_series_times(const msgpack_object *earlier, const msgpack_object *stats,
                      const char *name, const char *capability, cli_histogram_t *out)
{
    walk_t before;
    walk_t after;
    if (!walk_steps(stats, name, capability, &after)) {
        return false;
    }
    (void)walk_steps(earlier, name, capability, &before);
    uint64_t lowest_us;
    uint64_t n;
    for (; step_here(&after, &lowest_us, &n); after.at += 2) {
        cli_histogram_add(out, middle_ns(lowest_us), grown(n_in_step(&before, lowest_us), n));
    }
    return true;
}
