/* Figures keep their unit beside them and few digits: who wants more of them takes --json.
 */

#include "cli/figures.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void cli_show_size(double bytes, char text[static CLI_FIGURE])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 0;
    while (bytes >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        bytes /= 1024;
        unit++;
    }
    snprintf(text, CLI_FIGURE, "%.*f %s", unit > 0 && bytes < 10 ? 1 : 0, bytes, units[unit]);
}

void cli_show_time(int64_t ns, char text[static CLI_FIGURE])
{
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
    size_t unit = 0;
    while (unit + 1 < sizeof units / sizeof units[0] && (double)ns >= 999.5 * units[unit].ns) {
        unit++;
    }
    double amount = (double)ns / units[unit].ns;
    int n_decimals = unit == 0 || amount >= 99.95 ? 0 : amount >= 9.995 || unit < 2 ? 1 : 2;
    snprintf(text, CLI_FIGURE, "%.*f %s", n_decimals, amount, units[unit].name);
}

void cli_show_rate(double rate, char text[static CLI_FIGURE])
{
    snprintf(text, CLI_FIGURE, "%.*f", rate < 9.95 ? 1 : 0, rate);
}

void cli_show_age(int64_t ms, char text[static CLI_FIGURE])
{
    int64_t s = ms / 1000;
    if (s < 60) {
        snprintf(text, CLI_FIGURE, "%" PRId64 " s", s);
    } else if (s < 3600) {
        snprintf(text, CLI_FIGURE, "%" PRId64 " min %02" PRId64 " s", s / 60, s % 60);
    } else if (s < 24 * 3600) {
        snprintf(text, CLI_FIGURE, "%" PRId64 " h %02" PRId64 " min", s / 3600, s / 60 % 60);
    } else {
        snprintf(text, CLI_FIGURE, "%" PRId64 " d %" PRId64 " h", s / 86400, s / 3600 % 24);
    }
}

static bool is_among(const char *word, const char *const *words)
{
    for (; *words; words++) {
        if (strcmp(*words, word) == 0) {
            return true;
        }
    }
    return false;
}

cli_colour_t cli_state_colour(const char *state)
{
    static const char *const good[] = {"ready", "running",    "idle", "busy",
                                       "up",    "processing", NULL};
    static const char *const passing[] = {
        "starting", "loading", "restarting", "backoff",  "resting",  "draining", "stopping",
        "doubtful", "probing", "paused",     "spawning", "evicting", NULL};
    return is_among(state, good) ? CLI_GREEN : is_among(state, passing) ? CLI_YELLOW : CLI_RED;
}
