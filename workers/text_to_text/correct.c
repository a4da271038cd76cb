/* A text is gone through twice. The first time every different word is looked up, so that the
 * second time, when words are replaced, it is known which the text uses often, and whether it
 * is in this language at all. What is slow, looking for suggestions, is done once for each
 * different word, when it is first needed.
 *
 * Always true: what was handed to `part` is a beginning of what comes out. Where a text is to
 * end at a certain string, words are held back until they cannot be part of one. */

#include "correct.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "confusion.h"
#include "letters.h"
#include "patience.h"
#include "rank.h"
#include "verdict.h"
#include "words.h"

enum { ENOUGH_TO_TELL = 40 }; /* words, whether a text is in this language */

struct run {
    const troupe_text_to_text_request_t *request;
    const tr_correct_watch_t *watch;
    const char *text;
    size_t size;
    tr_rank_sources_t sources;
    tr_vocabulary_t *words;
    tr_vocabulary_t *personal;
    bool is_foreign;
    size_t n_ranked;
    tr_patience_t patience;
    tr_corrected_t *out;
    size_t text_room;
    size_t corrections_room;
    size_t *ends; /* of words in out->text */
    size_t n_ends;
    size_t ends_room;
    size_t n_ends_sent;
    size_t sent;    /* bytes of out->text */
    size_t longest; /* of request->stop, in bytes */
};

/* ---- small things ---- */

/* Make room for `more` of `item` bytes each beyond `used` in *array_p. */
static bool make_room(void *array_p, size_t *room, size_t used, size_t more, size_t item)
{
    if (*room - used >= more) {
        return true;
    }
    size_t wanted = 2 * (used + more) + 16;
    void *larger = realloc(*(void **)array_p, wanted * item);
    if (!larger) {
        return false;
    }
    *(void **)array_p = larger;
    *room = wanted;
    return true;
}

static troupe_status_t append(struct run *run, const char *bytes, size_t size)
{
    tr_corrected_t *out = run->out;
    if (!make_room(&out->text, &run->text_room, out->size, size + 1, 1)) {
        return TROUPE_ERR_NOMEM;
    }
    memcpy(out->text + out->size, bytes, size);
    out->size += size;
    out->text[out->size] = '\0';
    return TROUPE_OK;
}

static bool goes_on(const tr_correct_watch_t *watch)
{
    return !watch || !watch->go_on || watch->go_on(watch->arg);
}

/* What the dictionary is asked for: the word without what divides it, with the apostrophe of
 * typewriters. False when it is too long to be a word. */
static bool key_of(const char *text, const tr_word_t *word, char *key, size_t *size_out)
{
    static const char curly[] = "\xE2\x80\x99";
    size_t size = 0;
    for (size_t i = 0; i < word->length;) {
        if (word->division > 0 && i == word->divided_at) {
            i += word->division;
            continue;
        }
        if (size == TR_SPELLER_MAX_WORD) {
            return false;
        }
        bool is_curly = strncmp(text + word->offset + i, curly, 3) == 0;
        key[size++] = is_curly ? '\'' : text[word->offset + i];
        i += is_curly ? 3 : 1;
    }
    key[size] = '\0';
    *size_out = size;
    return size > 0;
}

/* ---- the first time ---- */

static troupe_status_t learn_word(struct run *run, const tr_word_t *word, size_t *n_wrong)
{
    char key[TR_SPELLER_MAX_WORD + 1];
    size_t size;
    if (word->is_verbatim || !key_of(run->text, word, key, &size)) {
        return TROUPE_OK;
    }
    tr_entry_t *entry = tr_vocabulary_add(run->words, key, size);
    if (!entry) {
        return TROUPE_ERR_NOMEM;
    }
    if (entry->count++ == 0) {
        entry->is_wrong = !tr_rank_knows(&run->sources, entry->text, size);
    }
    *n_wrong += entry->is_wrong;
    return TROUPE_OK;
}

static troupe_status_t learn(struct run *run)
{
    tr_words_t words = tr_words_of(run->text, run->size);
    tr_word_t word;
    size_t n_wrong = 0;
    while (tr_words_next(&words, &word)) {
        if (!goes_on(run->watch)) {
            return TROUPE_INTERRUPTED;
        }
        if (learn_word(run, &word, &n_wrong) != TROUPE_OK) {
            return TROUPE_ERR_NOMEM;
        }
        run->out->n_words_in += word.length > 0;
    }
    run->is_foreign =
        run->out->n_words_in >= ENOUGH_TO_TELL && (int64_t)n_wrong * 2 > run->out->n_words_in;
    return TROUPE_OK;
}

/* ---- a wrong word ---- */

/* The bytes of `with` that have as many letters as `bytes` of the word. */
static size_t prefix_of_same_length(const char *word, size_t bytes, const char *with)
{
    size_t size = strlen(with);
    size_t at = 0;
    wchar_t c;
    for (size_t i = 0; i < bytes && at < size;) {
        i += tr_letters_decode(word + i, bytes - i, &c);
        at += tr_letters_decode(with + at, size - at, &c);
    }
    return at;
}

/* What stands in the text instead: with the apostrophes of the word, and divided where it was.
 * NULL when out of memory. */
static const char *fit(struct run *run, const tr_word_t *word, const char *with)
{
    static const char curly[] = "\xE2\x80\x99";
    const char *seen = run->text + word->offset;
    size_t size = strlen(with);
    size_t divided_at =
        word->division > 0 ? prefix_of_same_length(seen, word->divided_at, with) : size + 1;
    bool is_curly = memmem(seen, word->length, curly, 3) != NULL;
    char *fitted = tr_arena_take(&run->out->arena, 3 * size + word->division + 1);
    char *at = fitted;
    for (size_t i = 0; fitted && i <= size; i++) {
        if (i == divided_at) {
            /* At its end there is nothing to divide, only the line ends. */
            wchar_t c;
            size_t hyphen =
                i < size ? 0 : tr_letters_decode(seen + word->divided_at, word->division, &c);
            memcpy(at, seen + word->divided_at + hyphen, word->division - hyphen);
            at += word->division - hyphen;
        }
        if (is_curly && with[i] == '\'') {
            memcpy(at, curly, 3);
            at += 3;
        } else if (i < size) {
            *at++ = with[i];
        }
    }
    return fitted;
}

static troupe_status_t list(struct run *run, const tr_word_t *word, const tr_entry_t *entry,
                            const char *replacement)
{
    tr_corrected_t *out = run->out;
    if (out->n_corrections == TR_CORRECT_MAX_LISTED) {
        return TROUPE_OK;
    }
    const char *seen = tr_arena_copy(&out->arena, run->text + word->offset, word->length);
    if (!seen || !make_room(&out->corrections, &run->corrections_room, out->n_corrections, 1,
                            sizeof *out->corrections)) {
        return TROUPE_ERR_NOMEM;
    }
    out->corrections[out->n_corrections++] = (troupe_correction_t){
        .word = seen,
        .offset = (int64_t)word->offset,
        .replacement = replacement,
        .suggestions = entry->suggestions,
        .n_suggestions = entry->n_suggestions,
    };
    return TROUPE_OK;
}

/* Find suggestions, unless that was done, or leads nowhere. */
static troupe_status_t rank(struct run *run, tr_entry_t *entry, int effort)
{
    if (run->is_foreign || (entry->effort == 0 && run->n_ranked == TR_CORRECT_MAX_SUGGESTED)) {
        return TROUPE_OK;
    }
    run->n_ranked += entry->effort == 0;
    return tr_rank(&run->sources, entry, effort, TR_CORRECT_N_SUGGESTIONS, &run->out->arena);
}

static bool is_to_be_replaced(const tr_word_t *word, const tr_entry_t *entry,
                              const wchar_t *seen, size_t n)
{
    return entry->n_suggestions > 0 && tr_verdict_replaces(&(tr_verdict_case_t){
                                           .seen = seen,
                                           .n = n,
                                           .begins_sentence = word->begins_sentence,
                                           .cost = entry->cost,
                                           .cost_of_looks = entry->cost_of_looks,
                                           .is_split = strchr(entry->suggestions[0], ' '),
                                           .is_same = entry->is_same,
                                           .bonus = entry->bonus,
                                           .count = entry->count,
                                           .count_of_best = entry->count_of_best,
                                       });
}

/* How hard to look for what was meant. */
static int effort_for(const struct run *run, const tr_word_t *word, const wchar_t *seen,
                      size_t n)
{
    return !tr_patience_lasts(&run->patience, n)                   ? TR_RANK_QUICK
           : run->request->suggest                                 ? TR_RANK_ALL
           : tr_verdict_may_be_far(seen, n, word->begins_sentence) ? TR_RANK_ENOUGH
                                                                   : TR_RANK_QUICK;
}

/* Suggestions so far away are none. */
static bool has_likely_suggestion(const tr_entry_t *entry)
{
    return entry->n_suggestions > 0 && entry->cost <= TR_VERDICT_MAX_COST;
}

/* What to write for a wrong word: *with, or when that stays NULL the word as it is. */
static troupe_status_t treat(struct run *run, const tr_word_t *word, tr_entry_t *entry,
                             const char **with)
{
    wchar_t seen[TR_SPELLER_MAX_WORD];
    long n = tr_letters_decode_all(entry->text, strlen(entry->text), seen, TR_SPELLER_MAX_WORD);
    if (n < 0) {
        return TROUPE_OK;
    }
    int effort = effort_for(run, word, seen, (size_t)n);
    bool is_asked_for = effort > TR_RANK_QUICK && entry->effort < effort && !run->is_foreign &&
                        !tr_verdict_has_signs(seen, (size_t)n);
    troupe_status_t status = rank(run, entry, effort);
    if (status != TROUPE_OK) {
        return status;
    }
    if (is_asked_for) {
        tr_patience_note(&run->patience, !has_likely_suggestion(entry));
    }
    if (run->request->suggest) {
        return tr_verdict_is_word(seen, (size_t)n) ? list(run, word, entry, NULL) : TROUPE_OK;
    }
    if (!is_to_be_replaced(word, entry, seen, (size_t)n)) {
        return TROUPE_OK;
    }
    *with = fit(run, word, entry->suggestions[0]);
    return *with ? list(run, word, entry, *with) : TROUPE_ERR_NOMEM;
}

/* ---- the second time ---- */

static troupe_status_t write_word(struct run *run, const tr_word_t *word)
{
    char key[TR_SPELLER_MAX_WORD + 1];
    size_t size;
    const char *with = NULL;
    troupe_status_t status = TROUPE_OK;

    if (!word->is_verbatim && key_of(run->text, word, key, &size)) {
        tr_entry_t *entry = tr_vocabulary_find(run->words, key, size);
        tr_patience_see(&run->patience, !entry->is_wrong);
        if (entry->is_wrong) {
            status = treat(run, word, entry, &with);
        }
    }
    if (status == TROUPE_OK && with) {
        status = append(run, with, strlen(with));
    } else if (status == TROUPE_OK) {
        status = append(run, run->text + word->offset, word->length);
    }
    if (status == TROUPE_OK) {
        status = append(run, run->text + word->offset + word->length, word->gap);
    }
    if (status == TROUPE_OK &&
        !make_room(&run->ends, &run->ends_room, run->n_ends, 1, sizeof *run->ends)) {
        status = TROUPE_ERR_NOMEM;
    }
    if (status == TROUPE_OK) {
        run->ends[run->n_ends++] = run->out->size;
    }
    return status;
}

/* Hand on the words that end before `until`, or there. */
static troupe_status_t send(struct run *run, size_t until)
{
    const tr_correct_watch_t *watch = run->watch;
    while (run->n_ends_sent < run->n_ends && run->sent < until) {
        size_t end = run->ends[run->n_ends_sent];
        if (end > run->out->size) {
            end = run->out->size; /* the text was cut there */
        }
        if (end > until) {
            break;
        }
        if (watch && watch->part && end > run->sent &&
            !watch->part(watch->arg, run->out->text + run->sent, end - run->sent)) {
            return TROUPE_INTERRUPTED;
        }
        run->sent = end;
        run->n_ends_sent++;
    }
    return TROUPE_OK;
}

/* Cut what comes out before the first string that is to end it, if there is one in what was
 * written since `from`. */
static bool is_stopped(struct run *run, size_t from)
{
    tr_corrected_t *out = run->out;
    size_t begin = from > run->longest ? from - run->longest : 0;
    bool stopped = false;
    for (size_t i = 0; i < run->request->n_stop; i++) {
        const char *stop = run->request->stop[i];
        const char *found = stop[0] ? strstr(out->text + begin, stop) : NULL;
        if (found) {
            out->size = (size_t)(found - out->text);
            out->text[out->size] = '\0';
            stopped = true;
        }
    }
    return stopped;
}

static troupe_status_t write_all(struct run *run)
{
    int64_t max = run->request->max_tokens;
    tr_words_t words = tr_words_of(run->text, run->size);
    tr_word_t word;
    tr_corrected_t *out = run->out;
    troupe_status_t status = append(run, "", 0);

    while (status == TROUPE_OK && tr_words_next(&words, &word)) {
        if (max > 0 && word.length > 0 && out->n_words_out == max) {
            out->finish = TROUPE_FINISH_LENGTH;
            break;
        }
        size_t before = out->size;
        status = goes_on(run->watch) ? write_word(run, &word) : TROUPE_INTERRUPTED;
        if (status != TROUPE_OK) {
            break;
        }
        if (is_stopped(run, before)) {
            out->n_words_out += word.length > 0 && out->size > before;
            break;
        }
        out->n_words_out += word.length > 0;
        status = send(run, out->size > run->longest ? out->size - run->longest : 0);
    }
    return status == TROUPE_OK ? send(run, out->size) : status;
}

/* ---- a run ---- */

static troupe_status_t check(const troupe_text_to_text_request_t *request, const char *text,
                             size_t size, troupe_why_t *why)
{
    if (size > TROUPE_MAX_TEXT) {
        troupe_why_set(why, "a text of %zu bytes, more than %d", size, TROUPE_MAX_TEXT);
        return TROUPE_LIMIT;
    }
    if (request->n_words > TR_CORRECT_MAX_PERSONAL) {
        troupe_why_set(why, "%zu personal words, more than %d", request->n_words,
                       TR_CORRECT_MAX_PERSONAL);
        return TROUPE_LIMIT;
    }
    size_t invalid = tr_letters_first_invalid(text, size);
    if (invalid < size) {
        troupe_why_set(why, "the text is no UTF-8: the byte at %zu", invalid);
        return TROUPE_ERR_INVALID;
    }
    return TROUPE_OK;
}

static troupe_status_t prepare(struct run *run)
{
    const troupe_text_to_text_request_t *request = run->request;
    run->words = tr_vocabulary_new();
    run->personal = tr_vocabulary_new();
    if (!run->words || !run->personal) {
        return TROUPE_ERR_NOMEM;
    }
    for (size_t i = 0; i < request->n_words; i++) {
        tr_entry_t *entry =
            tr_vocabulary_add(run->personal, request->words[i], strlen(request->words[i]));
        if (!entry) {
            return TROUPE_ERR_NOMEM;
        }
        entry->count = 1;
    }
    for (size_t i = 0; i < request->n_stop; i++) {
        size_t size = strlen(request->stop[i]);
        run->longest = size > run->longest ? size : run->longest;
    }
    run->sources.text = run->words;
    run->sources.personal = run->personal;
    run->sources.personal_words = request->words;
    run->sources.n_personal_words = request->n_words;
    return TROUPE_OK;
}

troupe_status_t tr_correct(tr_speller_t *speller, const tr_vocabulary_t *likely,
                           const troupe_text_to_text_request_t *request, const char *text,
                           const tr_correct_watch_t *watch, tr_corrected_t *out,
                           troupe_why_t *why)
{
    assert(speller && request && text && out && why);

    *out = (tr_corrected_t){.finish = TROUPE_FINISH_STOP};
    struct run run = {
        .request = request,
        .watch = watch,
        .text = text,
        .size = strlen(text),
        .sources = {.speller = speller, .likely = likely},
        .out = out,
    };
    troupe_status_t status = check(request, text, run.size, why);
    if (status != TROUPE_OK) {
        return status;
    }
    status = prepare(&run);
    if (status == TROUPE_OK) {
        status = learn(&run);
    }
    if (status == TROUPE_OK) {
        status = write_all(&run);
    }
    if (status != TROUPE_OK) {
        tr_corrected_release(out);
        troupe_why_set(why, "%s",
                       status == TROUPE_INTERRUPTED ? "stopped before all was corrected"
                                                    : "out of memory");
    }
    free(run.ends);
    tr_vocabulary_destroy(&run.words);
    tr_vocabulary_destroy(&run.personal);
    return status;
}

void tr_corrected_release(tr_corrected_t *out)
{
    free(out->text);
    free(out->corrections);
    tr_arena_release(&out->arena);
    *out = (tr_corrected_t){.text = NULL};
}

troupe_status_t tr_correct_count(const char *text, size_t size, tr_vocabulary_t *likely)
{
    if (tr_letters_first_invalid(text, size) < size) {
        return TROUPE_ERR_INVALID;
    }
    tr_words_t words = tr_words_of(text, size);
    tr_word_t word;
    while (tr_words_next(&words, &word)) {
        char key[TR_SPELLER_MAX_WORD + 1];
        wchar_t letters[TR_SPELLER_MAX_WORD];
        char small[4 * TR_SPELLER_MAX_WORD + 1];
        size_t key_size;
        if (word.is_verbatim || !key_of(text, &word, key, &key_size)) {
            continue;
        }
        long n = tr_letters_decode_all(key, key_size, letters, TR_SPELLER_MAX_WORD);
        for (long i = 0; i < n; i++) {
            letters[i] = tr_letters_to_lower(letters[i]);
        }
        tr_entry_t *entry =
            tr_vocabulary_add(likely, small, tr_letters_encode_all(letters, (size_t)n, small));
        if (!entry) {
            return TROUPE_ERR_NOMEM;
        }
        entry->count++;
    }
    return TROUPE_OK;
}
