/* `troupe reload`: the node reads its file again, and says what it did.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/lines.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/verbs.h"

enum { DEFAULT_TIMEOUT_MS = 60 * 1000 };

static const cli_option_t options[] = {
    {'t', "timeout", "TIME", "how long to wait until it is done (default 60s)"},
    CLI_TARGET_OPTIONS,
    {0},
};

static int reload(const cli_args_t *args)
{
    cli_target_t target;
    int64_t timeout_ms = DEFAULT_TIMEOUT_MS;
    cli_target_init(&target);
    for (size_t i = 0; i < args->n_given; i++) {
        const cli_given_t *given = &args->given[i];
        if (given->key == 't' && !cli_parse_duration(given->value, &timeout_ms)) {
            return cli_wrong_usage(args->verb, "'%s' is no time; say 250ms, 5s or 10m",
                                   given->value);
        }
        int code = cli_target_option(&target, args->verb, given);
        if (code != CLI_OK) {
            return code;
        }
    }
    return cli_ask_for_lines(&target, "reload", timeout_ms, NULL);
}

const cli_verb_t cli_verb_reload = {
    .name = "reload",
    .brief = "let a node read its file again and do what has changed",
    .about =
        "The node reads the file that it was started with again, as SIGHUP lets it. What has\n"
        "changed is done and printed, one line each; what has not does not notice. A file "
        "with\n"
        "a problem changes nothing: every problem is one line on stderr. A line that begins\n"
        "with 'but: ' says what could not be done; the rest is done all the same, and the "
        "exit\n"
        "status is 1. 'troupe check FILE --against ENDPOINT' says before what it would do.\n",
    .options = options,
    .examples =
        "  troupe reload\n"
        "  troupe check studio.yaml --against ipc:///run/studio.sock && troupe reload\n",
    .run = reload,
};
