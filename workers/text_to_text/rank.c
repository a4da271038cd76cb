/* Hunspell's own order is worth little: it does not know what recognition does, nor which
 * words are common. So its order only decides between equals. */

#include "rank.h"

#include <stdlib.h>
#include <string.h>

#include "confusion.h"
#include "letters.h"
#include "verdict.h"

enum {
    MAX_CANDIDATES = 64,
    MAX_LOOKS = 300,   /* words that are tried because they look alike */
    BY_ORDER = 3,      /* for each place in Hunspell's order */
    NOT_SUGGESTED = 8, /* by Hunspell */
    LIKELY_COST = 40,  /* of a word that Hunspell will hardly have a better one than */
    BONUS_LIKELY = 3,  /* for twice as often */
    BONUS_HERE = 5,
    MAX_BONUS = 45,
};

struct candidate {
    const char *text;
    int score; /* the smaller the better */
    int cost;
    int cost_of_looks;
    int bonus;
    size_t count;
};

struct ranking {
    const tr_rank_sources_t *sources;
    tr_arena_t *arena;
    wchar_t seen[TR_CONFUSION_MAX_LETTERS];
    size_t n_seen;
    struct candidate candidates[MAX_CANDIDATES];
    size_t n;
    bool no_memory;
};

/* ---- right words ---- */

/* The word in small letters; false when it is too long for that. */
static bool in_small_letters(const char *word, size_t size, char *out, size_t *size_out)
{
    wchar_t letters[TR_SPELLER_MAX_WORD];
    long n = tr_letters_decode_all(word, size, letters, TR_SPELLER_MAX_WORD);
    for (long i = 0; i < n; i++) {
        letters[i] = tr_letters_to_lower(letters[i]);
    }
    if (n < 0) {
        return false;
    }
    *size_out = tr_letters_encode_all(letters, (size_t)n, out);
    return true;
}

/* As it was given, in small letters, or with the 's of an owner. */
static bool is_personal(const tr_rank_sources_t *self, const char *word, size_t size)
{
    char small[4 * TR_SPELLER_MAX_WORD + 1];
    size_t small_size = 0;
    if (self->n_personal_words == 0) {
        return false;
    }
    if (size > 2 && word[size - 2] == '\'' && word[size - 1] == 's' &&
        tr_vocabulary_count(self->personal, word, size - 2) > 0) {
        return true;
    }
    return tr_vocabulary_count(self->personal, word, size) > 0 ||
           (in_small_letters(word, size, small, &small_size) &&
            tr_vocabulary_count(self->personal, small, small_size) > 0);
}

bool tr_rank_knows(const tr_rank_sources_t *self, const char *word, size_t size)
{
    wchar_t first;
    return size > TR_SPELLER_MAX_WORD || tr_letters_decode(word, size, &first) == size ||
           is_personal(self, word, size) || tr_speller_knows(self->speller, word);
}

/* ---- candidates ---- */

static int logarithm(size_t n)
{
    int bits = 0;
    for (; n > 0; n >>= 1) {
        bits++;
    }
    return bits;
}

static size_t count_in(const tr_vocabulary_t *words, const char *word, size_t size)
{
    const tr_entry_t *entry = words ? tr_vocabulary_find(words, word, size) : NULL;
    return entry && !entry->is_wrong ? entry->count : 0;
}

/* How much cheaper a word is for being used. Of two words that a space was lost between, the
 * rarer counts. */
static int bonus_of(const tr_rank_sources_t *self, const char *text, size_t *count_out)
{
    size_t rarest = SIZE_MAX;
    size_t rarest_here = SIZE_MAX;
    while (*text) {
        size_t size = strcspn(text, " -");
        char small[4 * TR_SPELLER_MAX_WORD + 1];
        size_t small_size = 0;
        size_t here = count_in(self->text, text, size);
        size_t likely = 0;
        if (size <= TR_SPELLER_MAX_WORD && in_small_letters(text, size, small, &small_size)) {
            likely = count_in(self->likely, small, small_size);
            here +=
                strncmp(small, text, size) != 0 ? count_in(self->text, small, small_size) : 0;
        }
        rarest = likely < rarest ? likely : rarest;
        rarest_here = here < rarest_here ? here : rarest_here;
        text += size + (text[size] != '\0');
    }
    *count_out = rarest_here;
    int bonus = BONUS_LIKELY * logarithm(rarest) + BONUS_HERE * logarithm(rarest_here);
    return bonus < MAX_BONUS ? bonus : MAX_BONUS;
}

static bool is_there(const struct ranking *ranking, const char *text)
{
    for (size_t i = 0; i < ranking->n; i++) {
        if (strcmp(ranking->candidates[i].text, text) == 0) {
            return true;
        }
    }
    return false;
}

/* `text` is kept. */
static void add(struct ranking *ranking, const char *text, int penalty)
{
    wchar_t meant[TR_CONFUSION_MAX_LETTERS];
    long n = tr_letters_decode_all(text, strlen(text), meant, TR_CONFUSION_MAX_LETTERS);
    if (n <= 0 || ranking->n == MAX_CANDIDATES || is_there(ranking, text)) {
        return;
    }
    struct candidate *new = &ranking->candidates[ranking->n];
    new->text = text;
    new->cost = tr_confusion_cost(ranking->seen, ranking->n_seen, meant, (size_t)n);
    if (new->cost >= TR_CONFUSION_FAR) {
        return;
    }
    new->cost_of_looks =
        tr_confusion_of_looks(ranking->seen, ranking->n_seen, meant, (size_t)n);
    new->bonus = bonus_of(ranking->sources, text, &new->count);
    new->score = new->cost + penalty - new->bonus;
    ranking->n++;
}

static bool add_if_known(void *arg, const wchar_t *meant, size_t n)
{
    struct ranking *ranking = arg;
    char text[4 * TR_CONFUSION_MAX_LETTERS + 1];
    size_t size = tr_letters_encode_all(meant, n, text);
    if (n > 1 && tr_rank_knows(ranking->sources, text, size)) {
        const char *kept = tr_arena_copy(ranking->arena, text, size);
        if (!kept) {
            ranking->no_memory = true;
            return false;
        }
        add(ranking, kept, NOT_SUGGESTED);
    }
    return ranking->n < MAX_CANDIDATES / 2;
}

static void add_personal(struct ranking *ranking)
{
    const tr_rank_sources_t *sources = ranking->sources;
    for (size_t i = 0; i < sources->n_personal_words; i++) {
        wchar_t meant[TR_CONFUSION_MAX_LETTERS];
        const char *word = sources->personal_words[i];
        long n = tr_letters_decode_all(word, strlen(word), meant, TR_CONFUSION_MAX_LETTERS);
        if (n > 0 && labs(n - (long)ranking->n_seen) <= 2 &&
            tr_confusion_cost(ranking->seen, ranking->n_seen, meant, (size_t)n) <= 200) {
            add(ranking, word, 0);
        }
    }
}

static int compare_scores(const void *a, const void *b)
{
    const struct candidate *one = a;
    const struct candidate *other = b;
    return one->score != other->score
               ? (one->score > other->score) - (one->score < other->score)
               : strcmp(one->text, other->text);
}

/* ---- the ranking ---- */

static bool is_same_but_for_capitals(const char *a, const char *b)
{
    char small_a[4 * TR_SPELLER_MAX_WORD + 1];
    char small_b[4 * TR_SPELLER_MAX_WORD + 1];
    size_t n_a = 0;
    size_t n_b = 0;
    return in_small_letters(a, strlen(a), small_a, &n_a) &&
           in_small_letters(b, strlen(b), small_b, &n_b) && n_a == n_b &&
           memcmp(small_a, small_b, n_a) == 0;
}

static troupe_status_t keep(struct ranking *ranking, size_t n_max, tr_entry_t *entry)
{
    size_t n = ranking->n < n_max ? ranking->n : n_max;
    const char **suggestions = tr_arena_take(ranking->arena, n * sizeof *suggestions);
    if (!suggestions || ranking->no_memory) {
        return TROUPE_ERR_NOMEM;
    }
    qsort(ranking->candidates, ranking->n, sizeof ranking->candidates[0], compare_scores);
    for (size_t i = 0; i < n; i++) {
        suggestions[i] = ranking->candidates[i].text;
    }
    entry->suggestions = suggestions;
    entry->n_suggestions = n;
    entry->cost = ranking->candidates[0].cost;
    entry->cost_of_looks = ranking->candidates[0].cost_of_looks;
    entry->is_same = is_same_but_for_capitals(entry->text, suggestions[0]);
    entry->bonus = ranking->candidates[0].bonus;
    entry->count_of_best = ranking->candidates[0].count;
    return TROUPE_OK;
}

static int least_cost(const struct ranking *ranking)
{
    int least = TR_CONFUSION_FAR;
    for (size_t i = 0; i < ranking->n; i++) {
        least = ranking->candidates[i].cost < least ? ranking->candidates[i].cost : least;
    }
    return least;
}

/* Signs among letters are explained by looks, or not at all. */
static bool is_to_be_asked_for(const struct ranking *ranking, int effort)
{
    return !tr_verdict_has_signs(ranking->seen, ranking->n_seen) &&
           (effort == TR_RANK_ALL ||
            (effort == TR_RANK_ENOUGH && least_cost(ranking) > LIKELY_COST));
}

static troupe_status_t add_suggested(struct ranking *ranking, const char *word)
{
    const char **suggested = NULL;
    size_t n_suggested = 0;
    troupe_status_t status = tr_speller_suggest(ranking->sources->speller, word, ranking->arena,
                                                &suggested, &n_suggested);
    for (size_t i = 0; i < n_suggested; i++) {
        add(ranking, suggested[i], BY_ORDER * (int)i);
    }
    return status;
}

troupe_status_t tr_rank(const tr_rank_sources_t *self, tr_entry_t *entry, int effort,
                        size_t n_max, tr_arena_t *arena)
{
    struct ranking ranking = {.sources = self, .arena = arena};
    if (entry->effort >= effort) {
        return TROUPE_OK;
    }
    entry->effort = effort;
    entry->cost = entry->cost_of_looks = TR_CONFUSION_FAR;

    long n = tr_letters_decode_all(entry->text, strlen(entry->text), ranking.seen,
                                   TR_CONFUSION_MAX_LETTERS);
    if (n < 2 || !tr_verdict_is_word(ranking.seen, (size_t)n)) {
        return TROUPE_OK;
    }
    ranking.n_seen = (size_t)n;
    add_personal(&ranking);
    (void)tr_confusion_each(ranking.seen, ranking.n_seen, MAX_LOOKS, add_if_known, &ranking);
    tr_confusion_each_slip(ranking.seen, ranking.n_seen, add_if_known, &ranking);

    troupe_status_t status = TROUPE_OK;
    if (is_to_be_asked_for(&ranking, effort)) {
        status = add_suggested(&ranking, entry->text);
    }
    if (status == TROUPE_OK && ranking.n > 0) {
        status = keep(&ranking, n_max, entry);
    }
    return status;
}
