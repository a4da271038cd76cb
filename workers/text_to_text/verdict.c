/* Costs are compared with what a word of that shape and length may cost. The figures were found
 * by trying: bench/spelling.py shows what others would do. */

#include "verdict.h"

#include "confusion.h"
#include "letters.h"

enum shape {
    PLAIN,   /* small letters */
    CAPITAL, /* the first one is large */
    CAPITALS,
    MIXED,      /* as in "iPhone" */
    WITH_DIGIT, /* or another sign that is no letter */
};

enum {
    OFTEN = 3,        /* who writes it so often, means it */
    MUCH_OFTENER = 8, /* unless what he might have meant is there so many times as often */
    COST_OF_NAME = 70,
    CAREFUL = 15, /* what begins a sentence may be a name */
};

static bool is_sign(wchar_t c)
{
    return tr_letters_is_digit(c) || c == '|' || c == '!';
}

static enum shape shape_of(const wchar_t *seen, size_t n)
{
    size_t n_upper = 0;
    size_t n_lower = 0;
    size_t n_signs = 0;
    for (size_t i = 0; i < n; i++) {
        n_upper += tr_letters_is_upper(seen[i]);
        n_lower += tr_letters_is_lower(seen[i]);
        n_signs += is_sign(seen[i]);
    }
    return n_signs > 0                                    ? WITH_DIGIT
           : n_upper == 0                                 ? PLAIN
           : n_upper == 1 && tr_letters_is_upper(seen[0]) ? CAPITAL
           : n_lower == 0                                 ? CAPITALS
                                                          : MIXED;
}

/* Short words have many neighbours. */
static int cost_that_a_word_may_have(size_t n)
{
    static const int by_length[] = {0, 0, 30, 65, 80, 105, 125, 150};
    return n < sizeof by_length / sizeof by_length[0] ? by_length[n] : TR_VERDICT_MAX_COST;
}

static size_t count_signs(const wchar_t *seen, size_t n)
{
    size_t n_signs = 0;
    for (size_t i = 0; i < n; i++) {
        n_signs += is_sign(seen[i]);
    }
    return n_signs;
}

bool tr_verdict_has_signs(const wchar_t *seen, size_t n)
{
    return count_signs(seen, n) > 0;
}

bool tr_verdict_is_word(const wchar_t *seen, size_t n)
{
    size_t n_signs = count_signs(seen, n);
    return n_signs == 0 || n_signs * 3 <= n;
}

bool tr_verdict_may_be_far(const wchar_t *seen, size_t n, bool begins_sentence)
{
    enum shape shape = shape_of(seen, n);
    return shape == PLAIN || (shape == CAPITAL && begins_sentence);
}

static bool is_meant(const tr_verdict_case_t *about)
{
    return about->count >= OFTEN && about->count_of_best < MUCH_OFTENER * about->count;
}

/* Compounds of our own making look like two words that have lost their space. */
static bool is_odd(const tr_verdict_case_t *about)
{
    return (about->is_split || about->n == 2) && about->count_of_best < OFTEN;
}

bool tr_verdict_replaces(const tr_verdict_case_t *about)
{
    if (is_odd(about) || (about->is_same && about->cost_of_looks >= TR_CONFUSION_FAR)) {
        return false;
    }
    bool was_misread = about->cost_of_looks < TR_CONFUSION_FAR;
    switch (shape_of(about->seen, about->n)) {
    case WITH_DIGIT:
        return was_misread && about->n > 2 && tr_verdict_is_word(about->seen, about->n);
    case CAPITALS:
    case MIXED:
        return was_misread && !is_meant(about);
    case CAPITAL:
        if (is_meant(about)) {
            return false;
        }
        return was_misread || (about->n >= 6 && about->cost <= COST_OF_NAME) ||
               (about->begins_sentence &&
                about->cost - about->bonus <= cost_that_a_word_may_have(about->n) - CAREFUL);
    case PLAIN:
        break;
    }
    return (was_misread || !is_meant(about)) &&
           about->cost - about->bonus <= cost_that_a_word_may_have(about->n);
}
