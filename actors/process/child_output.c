/* Bytes become lines in a buffer for each stream, and a line is copied once more into the short
 * ring of last lines: that costs the same for every line, logged or not, so a flood is handled
 * at the speed of memory.
 *
 * Seconds are counted from the first line on, not by a wheel of tokens: so a burst is whole,
 * and what was dropped can be told for a second that people can find in the log.
 */

#include "actors/process/child_output.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define PIECE_BYTES      (64 << 10)
#define BYTES_PER_TURN   (256 << 10)
#define LINES_PER_SECOND 100
#define SECOND_MS        1000
#define N_LAST_LINES     8

typedef struct line {
    size_t size;
    char bytes[TR_CHILD_LINE];
} line_t;

typedef struct last_line {
    tr_child_stream_t stream;
    bool is_logged;
    line_t line;
} last_line_t;

struct tr_child_output {
    line_t begun[TR_N_CHILD_STREAMS]; /* the line that has no end yet, or its head */
    line_t words[TR_N_CHILD_STREAMS]; /* the last one that was not blank */
    last_line_t last[N_LAST_LINES];   /* a ring */
    size_t n_lines;                   /* ever; its place in the ring is the remainder */
    int64_t second_ms;                /* when the present second began */
    unsigned n_logged;                /* in it */
    uint64_t n_untold;
    uint64_t n_dropped;
    char piece[PIECE_BYTES];
    char worker[];
};

tr_child_output_t *tr_child_output_new(const char *worker)
{
    assert(worker);
    size_t size = strlen(worker) + 1;
    tr_child_output_t *self = calloc(1, sizeof *self + size);
    if (self) {
        memcpy(self->worker, worker, size);
    }
    return self;
}

void tr_child_output_destroy(tr_child_output_t **self_p)
{
    assert(self_p);
    free(*self_p);
    *self_p = NULL;
}

/* ---- one line ---- */

static void log_line(const tr_child_output_t *self, tr_child_stream_t stream, const char *text)
{
    tr_log(TR_LOG_INFO, "worker_output", TR_TEXT("worker", self->worker),
           TR_TEXT("stream", stream == TR_CHILD_ERR ? "stderr" : "stdout"),
           TR_TEXT("text", text));
}

static bool is_blank(const line_t *line)
{
    return strspn(line->bytes, " \t\r") == line->size;
}

/* A line is a C string: a NUL in it would hide the rest. */
static void close_line(line_t *line)
{
    if (line->size > 0 && line->bytes[line->size - 1] == '\r') {
        line->size--;
    }
    for (char *nul = memchr(line->bytes, '\0', line->size); nul;
         nul = memchr(nul, '\0', line->size - (size_t)(nul - line->bytes))) {
        *nul = '?';
    }
    line->bytes[line->size] = '\0';
}

static void copy_line(line_t *to, const line_t *from)
{
    to->size = from->size;
    memcpy(to->bytes, from->bytes, from->size + 1);
}

static void end_line(tr_child_output_t *self, tr_child_stream_t stream)
{
    line_t *line = &self->begun[stream];
    close_line(line);
    last_line_t *last = &self->last[self->n_lines++ % N_LAST_LINES];
    last->stream = stream;
    last->is_logged = self->n_logged < LINES_PER_SECOND;
    copy_line(&last->line, line);
    if (!is_blank(line)) {
        copy_line(&self->words[stream], line);
    }
    if (last->is_logged) {
        self->n_logged++;
        log_line(self, stream, line->bytes);
    } else {
        self->n_untold++;
        self->n_dropped++;
    }
    line->size = 0;
}

static void append(tr_child_output_t *self, tr_child_stream_t stream, const char *bytes,
                   size_t size)
{
    line_t *line = &self->begun[stream];
    size_t room = sizeof line->bytes - 1 - line->size;
    size_t n_taken = size < room ? size : room;
    memcpy(line->bytes + line->size, bytes, n_taken);
    line->size += n_taken;
}

static void take(tr_child_output_t *self, tr_child_stream_t stream, size_t size)
{
    const char *at = self->piece;
    const char *end = at + size;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        append(self, stream, at, (size_t)((newline ? newline : end) - at));
        if (newline) {
            end_line(self, stream);
        }
        at = newline ? newline + 1 : end;
    }
}

/* ---- the seconds ---- */

static void tell_dropped(tr_child_output_t *self)
{
    if (self->n_untold > 0) {
        tr_log(TR_LOG_WARNING, "worker_output_dropped", TR_TEXT("worker", self->worker),
               TR_NUMBER("lines", self->n_untold));
        self->n_untold = 0;
    }
}

static void begin_second(tr_child_output_t *self, int64_t now_ms)
{
    if (now_ms - self->second_ms >= SECOND_MS) {
        tell_dropped(self);
        self->second_ms = now_ms;
        self->n_logged = 0;
    }
}

int64_t tr_child_output_turn(tr_child_output_t *self, int64_t now_ms)
{
    assert(self);
    begin_second(self, now_ms);
    return self->n_untold > 0 ? tr_clock_after(self->second_ms, SECOND_MS) : TR_NEVER;
}

/* ---- the public rest ---- */

bool tr_child_output_read(tr_child_output_t *self, tr_child_stream_t stream, int descriptor,
                          int64_t now_ms)
{
    assert(self && stream < TR_N_CHILD_STREAMS && descriptor >= 0);
    begin_second(self, now_ms);
    for (size_t n_read = 0; n_read < BYTES_PER_TURN;) {
        ssize_t n = read(descriptor, self->piece, sizeof self->piece);
        if (n <= 0) {
            return n < 0 && (errno == EAGAIN || errno == EINTR);
        }
        take(self, stream, (size_t)n);
        n_read += (size_t)n;
    }
    return true;
}

/* Those that had been dropped, though most likely they say why the process died. */
static void log_last_lines(tr_child_output_t *self)
{
    size_t n_kept = self->n_lines < N_LAST_LINES ? self->n_lines : N_LAST_LINES;
    for (size_t i = self->n_lines - n_kept; i < self->n_lines; i++) {
        last_line_t *last = &self->last[i % N_LAST_LINES];
        if (!last->is_logged) {
            last->is_logged = true;
            self->n_untold -= self->n_untold > 0; /* or it was told in its own second */
            self->n_dropped--;
            log_line(self, last->stream, last->line.bytes);
        }
    }
}

void tr_child_output_finish(tr_child_output_t *self, int64_t now_ms)
{
    assert(self);
    begin_second(self, now_ms);
    for (int stream = 0; stream < TR_N_CHILD_STREAMS; stream++) {
        if (self->begun[stream].size > 0) {
            end_line(self, (tr_child_stream_t)stream);
        }
    }
    log_last_lines(self);
    tell_dropped(self);
}

const char *tr_child_output_last_words(const tr_child_output_t *self)
{
    assert(self);
    const line_t *errors = &self->words[TR_CHILD_ERR];
    return errors->size > 0 ? errors->bytes : self->words[TR_CHILD_OUT].bytes;
}

uint64_t tr_child_output_n_dropped(const tr_child_output_t *self)
{
    assert(self);
    return self->n_dropped;
}
