/* `troupe top`: the node again and again, on the whole terminal, or as one text after the other
 * where there is none. Each look is two calls, of its tree and of its metrics, that are under
 * way while keys are heard: nothing here waits for the node alone. When it does not answer,
 * what was seen last stays, with a line that says so, and it goes on being asked.
 */

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/answer.h"
#include "cli/figures.h"
#include "cli/frame.h"
#include "cli/output.h"
#include "cli/screen.h"
#include "cli/session.h"
#include "cli/top_view.h"
#include "cli/verbs.h"

enum {
    DEFAULT_INTERVAL_MS = 1000,
    ANSWER_TIMEOUT_MS = 5000,
    LATE_MS = 1500,         /* then one is told that the node does not answer */
    LONGEST_POLL_MS = 1000, /* so that how long it has been away goes on */
    FOOT_LENGTH = 256,
    WHY_LENGTH = 256,
    N_SECTIONS = 2,
};

static const cli_option_t options[] = {
    {'i', "interval", "TIME", "from one look to the next (default 1s)"},
    {'n', "frames", "COUNT", "end after COUNT of them"},
    {'s', "sort", "ORDER", "tree (default), name, rate, queue, p99 or failed"},
    {CLI_KEY_PLAIN, "plain", NULL, "one text after the other, as without a terminal"},
    {'t', "timeout", "TIME", "how long the node may take to answer (default 5s)"},
    CLI_TARGET_OPTIONS,
    {0},
};

/* One of the two calls of a look. */
typedef struct asking {
    const char *method;
    uint64_t id; /* 0: it has ended */
    cli_answer_t answer;
} asking_t;

typedef struct top {
    cli_target_t target;
    int64_t interval_ms;
    int64_t timeout_ms;
    uint64_t n_frames; /* 0: no end */
    cli_top_order_t order;
    bool is_reversed;
    bool is_plain;

    cli_session_t session;
    cli_screen_t screen;
    asking_t tree;
    asking_t stats;
    int64_t began_ms;    /* the look that is under way, or was last */
    int64_t next_ms;     /* when the next one begins */
    int64_t answered_ms; /* 0: never */
    char why[WHY_LENGTH];
    bool has_failed; /* the last look */

    cli_answer_t seen_tree;
    cli_answer_t seen_stats;
    cli_answer_t seen_earlier;
    uint64_t n_shown;
    size_t first;
    bool is_paused;
    bool has_help;
    bool is_over;
    int code; /* when it is over */
} top_t;

static const char help_text[] =
    "KEY              DOES\n"
    "q                ends\n"
    "up, down         scroll by a line, as k and j do\n"
    "page up, down    scroll by a page, as space does\n"
    "home, end        go to the beginning, to the end\n"
    "s                sorts by the next: tree, name, rate, queue, p99, failed\n"
    "r                turns the order round\n"
    "p                pauses, and goes on\n"
    "h, ?             shows this, and the node again\n"
    "\n"
    "REQ/S, FAIL/S, P50 and P99 are of the last interval: what has ended in it, and\n"
    "how long it ran at a worker. MSG/S is what an actor took in the last second.\n";

/* ---- showing ---- */

static cli_top_looks_t looks_of(const top_t *self)
{
    return (cli_top_looks_t){
        .tree = cli_answer_root(&self->seen_tree),
        .earlier = cli_answer_root(&self->seen_earlier),
        .stats = cli_answer_root(&self->seen_stats),
    };
}

/* Whether it is to be said that the node does not answer. */
static bool is_away(const top_t *self)
{
    bool is_asked = self->tree.id != 0 || self->stats.id != 0;
    return self->has_failed || (is_asked && cli_now_ms() - self->began_ms >= LATE_MS);
}

static char *make_head(const top_t *self)
{
    char *text = NULL;
    size_t size;
    FILE *out = cli_need(open_memstream(&text, &size));
    cli_top_looks_t looks = looks_of(self);
    char *heading = self->answered_ms > 0 ? cli_top_heading(&looks) : cli_need(strdup(""));
    if (is_away(self)) {
        char age[CLI_FIGURE];
        char line[WHY_LENGTH + 200];
        cli_show_age(cli_now_ms() - self->answered_ms, age);
        snprintf(line, sizeof line, "no answer for %s; it is asked again%s%s", age,
                 *self->why ? ": " : "", self->why);
        cli_print_to(out, CLI_RED, line);
        fprintf(out, "\n");
    }
    fprintf(out, "%s\n", heading);
    free(heading);
    return cli_need(fclose(out) == 0 ? text : NULL);
}

/* The tables that have something to show; returns how many. */
static size_t make_sections(const top_t *self, char *sections[N_SECTIONS])
{
    cli_top_looks_t looks = looks_of(self);
    char *made[N_SECTIONS] = {
        cli_top_capabilities(&looks, self->order, self->is_reversed),
        cli_top_actors(&looks, self->order, self->is_reversed),
    };
    size_t n = 0;
    for (size_t i = 0; i < N_SECTIONS; i++) {
        if (*made[i]) {
            sections[n++] = made[i];
        } else {
            free(made[i]);
        }
    }
    return n;
}

static void show_time_of_day(FILE *out)
{
    time_t now = time(NULL);
    struct tm parts = {0};
    char text[16];
    localtime_r(&now, &parts);
    strftime(text, sizeof text, "%H:%M:%S", &parts);
    fprintf(out, "%s\n", text);
}

static void show_plain(const top_t *self)
{
    char *sections[N_SECTIONS];
    char *head = make_head(self);
    size_t n = make_sections(self, sections);
    if (self->n_shown > 0) {
        printf("\n");
    }
    show_time_of_day(stdout);
    fputs(head, stdout);
    for (size_t i = 0; i < n; i++) {
        printf("%s%s", i > 0 ? "\n" : "", sections[i]);
        free(sections[i]);
    }
    free(head);
    fflush(stdout);
}

/* What does not fit is there, too: "lines 1-20 of 43". A new string. */
static char *make_foot(const top_t *self, const cli_frame_t *frame)
{
    size_t room = cli_frame_room(frame);
    size_t n = cli_frame_n_lines(frame);
    char part[80] = "";
    if (n > room && !self->has_help) {
        snprintf(part, sizeof part, "   lines %zu-%zu of %zu", self->first + 1,
                 self->first + room, n);
    }
    char line[FOOT_LENGTH];
    snprintf(line, sizeof line, "q quit  s sort: %s%s  p %s  h %s%s",
             cli_top_order_name(self->order), self->is_reversed ? " reversed" : "",
             self->is_paused ? "go on (paused)" : "pause", self->has_help ? "back" : "help",
             part);
    char *text = NULL;
    size_t size;
    FILE *out = cli_need(open_memstream(&text, &size));
    cli_print_to(out, self->is_paused ? CLI_YELLOW : CLI_DIM, line);
    return cli_need(fclose(out) == 0 ? text : NULL);
}

static void bound_first(top_t *self, const cli_frame_t *frame)
{
    size_t room = cli_frame_room(frame);
    size_t n = cli_frame_n_lines(frame);
    size_t last = n > room ? n - room : 0;
    self->first = self->first < last ? self->first : last;
}

static void show_on_screen(top_t *self)
{
    char *sections[N_SECTIONS];
    char *head = make_head(self);
    size_t n = make_sections(self, sections);
    const char *shown[N_SECTIONS] = {n > 0 ? sections[0] : "", n > 1 ? sections[1] : ""};
    const char *help[] = {help_text};
    cli_frame_t frame = {
        .head = head,
        .sections = self->has_help ? help : shown,
        .n_sections = self->has_help ? 1 : n,
        .rows = self->screen.rows,
        .columns = self->screen.columns,
    };
    bound_first(self, &frame);
    frame.first = self->has_help ? 0 : self->first;
    char *foot = make_foot(self, &frame);
    frame.foot = foot;

    size_t size;
    char *bytes = cli_frame_draw(&frame, &size);
    cli_screen_show(bytes, size);
    free(bytes);
    free(foot);
    free(head);
    for (size_t i = 0; i < n; i++) {
        free(sections[i]);
    }
}

static void end(top_t *self, int code)
{
    self->is_over = true;
    self->code = code;
}

static void redraw(top_t *self)
{
    if (!self->is_plain) {
        show_on_screen(self);
    }
}

/* One more frame, after a look that has ended. */
static void show_frame(top_t *self)
{
    if (self->is_plain) {
        show_plain(self);
    } else {
        show_on_screen(self);
    }
    self->n_shown++;
    if (ferror(stdout)) {
        end(self, CLI_FAILED);
    } else if (self->n_frames > 0 && self->n_shown >= self->n_frames) {
        end(self, self->has_failed ? CLI_UNREACHABLE : CLI_OK);
    }
}

/* ---- looking ---- */

static void ask(top_t *self, asking_t *asking, const char *wish)
{
    const troupe_call_options_t call = {.method = asking->method,
                                        .timeout_ms = self->timeout_ms};
    troupe_message_t *message = cli_need(troupe_message_from_text(wish));
    if (troupe_client_start(self->session.client, CLI_ADMIN, &call, &message, &asking->id) !=
        TROUPE_OK) {
        cli_need(NULL);
    }
}

static void begin_look(top_t *self)
{
    self->began_ms = cli_now_ms();
    self->next_ms = self->began_ms + self->interval_ms;
    self->has_failed = self->has_failed && self->answered_ms > 0;
    ask(self, &self->stats, "steps");
    ask(self, &self->tree, "");
}

static void move_answer(cli_answer_t *to, cli_answer_t *from)
{
    cli_answer_close(to);
    *to = *from;
    *from = (cli_answer_t){.reply = NULL};
}

/* Both calls have ended. Without a terminal the first frame is that of the second look, which
 * has rates. */
static void end_look(top_t *self)
{
    bool is_whole =
        cli_answer_is_open(&self->tree.answer) && cli_answer_is_open(&self->stats.answer);
    self->has_failed = !is_whole;
    if (is_whole) {
        self->answered_ms = cli_now_ms();
        self->why[0] = '\0';
        move_answer(&self->seen_earlier, &self->seen_stats);
        move_answer(&self->seen_stats, &self->stats.answer);
        move_answer(&self->seen_tree, &self->tree.answer);
    }
    cli_answer_close(&self->tree.answer);
    cli_answer_close(&self->stats.answer);
    if (!self->is_plain || cli_answer_is_open(&self->seen_earlier) || !is_whole) {
        show_frame(self);
    }
}

/* What would not be otherwise the next time ends it, and is told as a failure. */
static void note_failure(top_t *self, const troupe_reply_t *final)
{
    troupe_outcome_t outcome = troupe_reply_outcome(final);
    const char *text = troupe_reply_text(final);
    snprintf(self->why, sizeof self->why, "%s", *text ? text : troupe_outcome_text(outcome));
    if (!troupe_outcome_is_retryable(outcome)) {
        if (!self->is_plain) {
            cli_screen_close(&self->screen);
        }
        end(self, cli_explain_outcome(CLI_ADMIN, final));
    }
}

static void take_final(top_t *self, asking_t *asking, troupe_reply_t **reply_p)
{
    const char *reason;
    asking->id = 0;
    if (troupe_reply_outcome(*reply_p) != TROUPE_OUTCOME_OK) {
        note_failure(self, *reply_p);
    } else if (!cli_answer_open(&asking->answer, reply_p, &reason)) {
        asking->answer = (cli_answer_t){.reply = NULL};
        snprintf(self->why, sizeof self->why, "its answer cannot be read: %s", reason);
    }
    if (!self->is_over && self->tree.id == 0 && self->stats.id == 0) {
        end_look(self);
    }
}

static void take_replies(top_t *self)
{
    troupe_reply_t *reply = NULL;
    while (!self->is_over && troupe_client_next(self->session.client, 0, &reply) == TROUPE_OK) {
        uint64_t id = troupe_reply_id(reply);
        if (troupe_reply_is_final(reply) && id == self->tree.id) {
            take_final(self, &self->tree, &reply);
        } else if (troupe_reply_is_final(reply) && id == self->stats.id) {
            take_final(self, &self->stats, &reply);
        }
        troupe_reply_destroy(&reply);
    }
}

/* ---- keys ---- */

static void scroll(top_t *self, int64_t n_lines)
{
    bool is_above = n_lines < 0 && (uint64_t)-n_lines > self->first;
    self->first = is_above ? 0 : self->first + (size_t)n_lines;
}

static void take_key(top_t *self, int key)
{
    int64_t page = self->screen.rows > 8 ? (int64_t)self->screen.rows - 8 : 1;
    switch (key) {
    case 'q':
    case 'Q':
        end(self, CLI_OK);
        break;
    case 's':
        self->order = (self->order + 1) % CLI_TOP_N_ORDERS;
        break;
    case 'r':
        self->is_reversed = !self->is_reversed;
        break;
    case 'p':
        self->is_paused = !self->is_paused;
        break;
    case 'h':
    case '?':
        self->has_help = !self->has_help;
        break;
    case CLI_SCREEN_UP:
    case 'k':
        scroll(self, -1);
        break;
    case CLI_SCREEN_DOWN:
    case 'j':
        scroll(self, 1);
        break;
    case CLI_SCREEN_PAGE_UP:
        scroll(self, -page);
        break;
    case CLI_SCREEN_PAGE_DOWN:
    case ' ':
        scroll(self, page);
        break;
    case CLI_SCREEN_HOME:
        self->first = 0;
        break;
    case CLI_SCREEN_END:
        self->first = SIZE_MAX / 2; /* bounded when it is drawn */
        break;
    default:
        self->has_help = false;
        break;
    }
}

static void take_keys(top_t *self)
{
    cli_key_t key = CLI_SCREEN_NONE;
    do {
        if (!cli_screen_key(&self->screen, &key)) {
            end(self, CLI_OK); /* nobody looks any more */
            return;
        }
        if (key != CLI_SCREEN_NONE) {
            take_key(self, (int)key);
        }
    } while (key != CLI_SCREEN_NONE && !self->is_over);
    if (!self->is_over) {
        redraw(self);
    }
}

/* ---- following ---- */

static int wait_ms(const top_t *self, bool is_asked)
{
    if (is_asked || self->is_paused) {
        return LONGEST_POLL_MS;
    }
    int64_t left_ms = self->next_ms - cli_now_ms();
    return left_ms < 0 ? 0 : left_ms < LONGEST_POLL_MS ? (int)left_ms : LONGEST_POLL_MS;
}

static void wait_for_something(top_t *self)
{
    bool is_asked = self->tree.id != 0 || self->stats.id != 0;
    struct pollfd pollers[] = {
        {.fd = self->session.signals, .events = POLLIN},
        {.fd = troupe_client_fd(self->session.client), .events = POLLIN},
        {.fd = self->is_plain ? -1 : self->screen.signals, .events = POLLIN},
        {.fd = self->is_plain ? -1 : STDIN_FILENO, .events = POLLIN},
    };
    int n_ready = poll(pollers, 4, wait_ms(self, is_asked));
    if (pollers[0].revents && cli_session_pause(&self->session, 0)) {
        end(self, CLI_INTERRUPTED);
        return;
    }
    if (pollers[2].revents) {
        if (!cli_screen_heed(&self->screen)) {
            end(self, CLI_INTERRUPTED);
            return;
        }
        redraw(self);
    }
    if (pollers[3].revents & (POLLHUP | POLLERR | POLLNVAL)) {
        end(self, CLI_OK);
    } else if (pollers[3].revents) {
        take_keys(self);
    } else if (n_ready == 0 && is_away(self)) {
        redraw(self); /* how long it has been away */
    }
}

static void follow(top_t *self)
{
    while (!self->is_over) {
        bool is_asked = self->tree.id != 0 || self->stats.id != 0;
        if (!is_asked && !self->is_paused && cli_now_ms() >= self->next_ms) {
            begin_look(self);
        }
        take_replies(self);
        if (!self->is_over) {
            wait_for_something(self);
        }
    }
}

static int watch_node(top_t *self)
{
    int code = cli_session_open(&self->session, &self->target);
    if (code != CLI_OK) {
        return code;
    }
    if (!self->is_plain && !cli_screen_open(&self->screen)) {
        cli_session_close(&self->session);
        return CLI_FAILED;
    }
    self->tree.method = "tree";
    self->stats.method = "stats";
    follow(self);
    if (!self->is_plain) {
        cli_screen_close(&self->screen);
    }
    if (self->code == CLI_UNREACHABLE) {
        cli_complain("%s does not answer: %s", self->target.endpoint, self->why);
    }
    cli_session_close(&self->session);
    cli_answer_close(&self->tree.answer);
    cli_answer_close(&self->stats.answer);
    cli_answer_close(&self->seen_tree);
    cli_answer_close(&self->seen_stats);
    cli_answer_close(&self->seen_earlier);
    return self->code;
}

static int take_option(top_t *self, const cli_given_t *given)
{
    if (given->key == 'i' || given->key == 't') {
        int64_t *time_ms = given->key == 'i' ? &self->interval_ms : &self->timeout_ms;
        return cli_parse_duration(given->value, time_ms)
                   ? CLI_OK
                   : cli_wrong_usage("top", "'%s' is no time; say 250ms, 5s or 10m",
                                     given->value);
    }
    if (given->key == 'n' &&
        (!cli_parse_number(given->value, UINT32_MAX, &self->n_frames) || self->n_frames == 0)) {
        return cli_wrong_usage("top", "'%s' is no number of frames", given->value);
    }
    if (given->key == 's' && !cli_top_order_parse(given->value, &self->order)) {
        return cli_wrong_usage("top",
                               "'%s' is no order; say tree, name, rate, queue, p99 or failed",
                               given->value);
    }
    self->is_plain |= given->key == CLI_KEY_PLAIN;
    return cli_target_option(&self->target, "top", given);
}

static int top(const cli_args_t *args)
{
    top_t self = {.interval_ms = DEFAULT_INTERVAL_MS, .timeout_ms = ANSWER_TIMEOUT_MS};
    cli_target_init(&self.target);
    self.is_plain = !cli_screen_is_possible();
    for (size_t i = 0; i < args->n_given; i++) {
        int code = take_option(&self, &args->given[i]);
        if (code != CLI_OK) {
            return code;
        }
    }
    return watch_node(&self);
}

const cli_verb_t cli_verb_top = {
    .name = "top",
    .brief = "watch a node on the whole terminal",
    .about =
        "Show how the node is, its capabilities with what waits, runs and ends in a second, "
        "and\n"
        "its actors with their mailboxes, and look again each second. Keys: q ends, s sorts, "
        "p\n"
        "pauses, arrows scroll, h tells of all of them. A node that goes away is waited for.\n"
        "Without a terminal one text after the other is printed.\n",
    .options = options,
    .examples = "  troupe top\n"
                "  troupe top -s rate -i 2s\n"
                "  troupe top --plain -n 1 -i 500ms\n",
    .run = top,
};
