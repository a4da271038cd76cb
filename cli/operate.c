/* `troupe evict`, `scale`, `pause`, `drain`, `resume`, `suspend`: what runs is told to do less,
 * or more. The node has the last word, and says it in one line.
 */

#include <string.h>

#include "cli/order.h"
#include "cli/verbs.h"

enum { MOST_WORKERS = 10000 };

static const cli_option_t options[] = {
    {'t', "timeout", "TIME", "how long to wait until it is done (default 60s)"},
    CLI_TARGET_OPTIONS,
    {0},
};

static const cli_option_t later_options[] = {
    CLI_LATER_OPTION,
    {'t', "timeout", "TIME", "how long to wait until it is done (default 60s)"},
    CLI_TARGET_OPTIONS,
    {0},
};

static int operate(const cli_args_t *args)
{
    cli_order_t order;
    if (args->operand && !*args->operand) {
        return cli_wrong_usage(args->verb, "the name is empty");
    }
    int code = cli_order_read(args, &order);
    return code == CLI_OK ? cli_order_give(args, &order, NULL) : code;
}

/* A bound of "MIN..MAX", which may be left out. */
static bool is_bound(const char *text, size_t size)
{
    char number[8];
    uint64_t value;
    if (size == 0) {
        return true;
    }
    if (size >= sizeof number) {
        return false;
    }
    memcpy(number, text, size);
    number[size] = '\0';
    return cli_parse_number(number, MOST_WORKERS, &value);
}

static bool is_size(const char *text)
{
    const char *dots = strstr(text, "..");
    size_t length = strlen(text);
    if (!dots) {
        return length > 0 && is_bound(text, length);
    }
    return length > strlen("..") && is_bound(text, (size_t)(dots - text)) &&
           is_bound(dots + 2, strlen(dots + 2));
}

static int scale(const cli_args_t *args)
{
    return is_size(args->second)
               ? operate(args)
               : cli_wrong_usage(args->verb,
                                 "'%s' is no number of workers; say 4, 1..4, 1.. or ..4",
                                 args->second);
}

const cli_verb_t cli_verb_evict = {
    .name = "evict",
    .operand = "NAME",
    .brief = "let a worker go, or the idle ones of a capability",
    .about =
        "Let a worker such as vision/2 go, or, with the name of a capability, all its workers\n"
        "that have nothing to do. None goes that is busy or pinned, or that the capability\n"
        "needs for its 'min'. What comes later starts new ones, as always.\n",
    .options = later_options,
    .examples = "  troupe evict vision\n"
                "  troupe evict vision/2 --in 5m\n",
    .run = operate,
};

const cli_verb_t cli_verb_scale = {
    .name = "scale",
    .operand = "CAPABILITY",
    .second = "SIZE",
    .brief = "say how many workers a capability has",
    .about =
        "Set 'min' and 'max' of a capability's workers until its part of the file changes, or\n"
        "the node starts anew. SIZE is N, for exactly so many, or MIN..MAX, of which one may\n"
        "be left out: that one stays as it is.\n",
    .options = later_options,
    .examples = "  troupe scale vision 4\n"
                "  troupe scale vision 1..8\n"
                "  troupe scale vision ..2 --in 1h\n",
    .run = scale,
};

const cli_verb_t cli_verb_pause = {
    .name = "pause",
    .operand = "CAPABILITY",
    .brief = "let the requests of a capability wait",
    .about =
        "Give no request of a capability to a worker until it is resumed. Those that run go\n"
        "on, those that come wait, as far as its queue and their time allow.\n",
    .options = options,
    .examples = "  troupe pause vision && troupe restart camera && troupe resume vision\n",
    .run = operate,
};

const cli_verb_t cli_verb_drain = {
    .name = "drain",
    .operand = "[NAME]",
    .brief = "finish what was accepted and refuse what comes",
    .about =
        "Drain a worker, which goes when it has finished what it has, and is replaced as far\n"
        "as 'min' demands; a capability, which refuses what comes, finishes what it has and\n"
        "lets its workers go; or, without a name, the node: all its capabilities. The node\n"
        "stays up and answers 'troupe'; 'resume' ends it. Returns when it is done. When that\n"
        "takes longer than the time given the status is 4, and the draining goes on.\n",
    .options = options,
    .examples = "  troupe drain vision/1\n"
                "  troupe drain vision -t 5m\n"
                "  troupe drain && troupe stop\n",
    .run = operate,
};

const cli_verb_t cli_verb_resume = {
    .name = "resume",
    .operand = "[NAME]",
    .brief = "end a pause, a drain or a suspension",
    .about =
        "Let a capability that is paused or drained go on, an actor that is suspended, or,\n"
        "without a name, the node with all its capabilities. A worker that drains is kept if "
        "it\n"
        "has not gone yet.\n",
    .options = options,
    .examples = "  troupe resume vision\n"
                "  troupe resume audit\n"
                "  troupe resume\n",
    .run = operate,
};

const cli_verb_t cli_verb_suspend = {
    .name = "suspend",
    .operand = "ACTOR",
    .brief = "let what comes for an actor wait",
    .about =
        "Let an actor do nothing until it is resumed: messages, ticks, answers and notices "
        "wait\n"
        "for it, in their order. It can be inspected, stopped and restarted meanwhile; a life\n"
        "that begins anew is not suspended. Returns when the callback that it is in is done.\n",
    .options = options,
    .examples = "  troupe suspend audit && troupe inspect audit; troupe resume audit\n",
    .run = operate,
};
