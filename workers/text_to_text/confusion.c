/* The distance is that of Damerau and Levenshtein in its restricted form, with weights, and
 * with steps from several letters to several. A table says what looks like what; it is short
 * enough to be walked for each pair of places. */

#include "confusion.h"

#include <string.h>

#include "letters.h"

enum {
    WRONG = 100,    /* a letter for another; one too many, or too few */
    NEIGHBOUR = 85, /* the key beside */
    VOWEL = 75,     /* a vowel for another: the word was written as it sounds */
    SWAPPED = 65,
    DOUBLED = 55, /* a letter twice, or not */
    APOSTROPHE = 45,
    SPACE = 90, /* was lost */
    HYPHEN = 210,
    CAPITAL = 210,      /* large instead of small, or the other way round: that is meant so */
    CAPITAL_FIRST = 25, /* but for the first */
    ACCENTED = 250,     /* a letter with an accent for one without: seldom made by mistake */
    AT_BEGIN = 25, /* on top when the first letter is not the same: that is seldom mistyped */
    LOOKS = 30,    /* looks much the same */
    CLOSE = 40,    /* is told apart by a dot, a bar, a gap */
    ALIKE = 50,    /* looks alike */
    FAINT = 65,    /* may look alike when it is faint */
};

struct look {
    const wchar_t *seen;
    size_t n_seen;
    const wchar_t *meant;
    size_t n_meant;
    int cost;
};

#define N_LETTERS(text) (sizeof(text) / sizeof(wchar_t) - 1)
#define LOOK(seen, meant, cost)                                                                \
    {                                                                                          \
        seen, N_LETTERS(seen), meant, N_LETTERS(meant), cost                                   \
    }

/* What recognition takes for what. */
static const struct look looks[] = {
    LOOK(L"rn", L"m", LOOKS),       LOOK(L"m", L"rn", LOOKS),
    LOOK(L"cl", L"d", LOOKS),       LOOK(L"d", L"cl", LOOKS),
    LOOK(L"vv", L"w", LOOKS),       LOOK(L"w", L"vv", LOOKS),
    LOOK(L"VV", L"W", LOOKS),       LOOK(L"0", L"o", LOOKS),
    LOOK(L"0", L"O", LOOKS),        LOOK(L"1", L"l", LOOKS),
    LOOK(L"1", L"i", LOOKS),        LOOK(L"1", L"I", LOOKS),
    LOOK(L"|", L"l", LOOKS),        LOOK(L"|", L"I", LOOKS),
    LOOK(L"|", L"i", LOOKS),        LOOK(L"!", L"l", LOOKS),
    LOOK(L"!", L"i", LOOKS),        LOOK(L"!", L"t", ALIKE),
    LOOK(L"5", L"s", LOOKS),        LOOK(L"5", L"S", LOOKS),
    LOOK(L"8", L"B", LOOKS),        LOOK(L"6", L"b", LOOKS),
    LOOK(L"9", L"g", LOOKS),        LOOK(L"2", L"z", LOOKS),
    LOOK(L"4", L"A", ALIKE),        LOOK(L"3", L"e", ALIKE),
    LOOK(L"7", L"T", ALIKE),        LOOK(L"O", L"o", LOOKS),
    LOOK(L"C", L"c", LOOKS),        LOOK(L"S", L"s", LOOKS),
    LOOK(L"V", L"v", LOOKS),        LOOK(L"W", L"w", LOOKS),
    LOOK(L"X", L"x", LOOKS),        LOOK(L"Z", L"z", LOOKS),
    LOOK(L"I", L"l", LOOKS),        LOOK(L"l", L"I", LOOKS),
    LOOK(L"ii", L"u", LOOKS),       LOOK(L"li", L"h", LOOKS),
    LOOK(L"lI", L"h", LOOKS),       LOOK(L"lh", L"th", ALIKE),
    LOOK(L"\xFB00", L"ff", LOOKS),  LOOK(L"\xFB01", L"fi", LOOKS),
    LOOK(L"\xFB02", L"fl", LOOKS),  LOOK(L"\xFB03", L"ffi", LOOKS),
    LOOK(L"\xFB04", L"ffl", LOOKS), LOOK(L"in", L"m", ALIKE),
    LOOK(L"ni", L"m", ALIKE),       LOOK(L"iu", L"m", ALIKE),
    LOOK(L"nn", L"m", ALIKE),       LOOK(L"m", L"in", ALIKE),
    LOOK(L"m", L"ni", ALIKE),       LOOK(L"ri", L"n", ALIKE),
    LOOK(L"n", L"ri", ALIKE),       LOOK(L"h", L"li", ALIKE),
    LOOK(L"u", L"ii", ALIKE),       LOOK(L"lc", L"k", ALIKE),
    LOOK(L"tl", L"d", ALIKE),       LOOK(L"tb", L"th", ALIKE),
    LOOK(L"ll", L"h", ALIKE),       LOOK(L"e", L"c", CLOSE),
    LOOK(L"c", L"e", CLOSE),        LOOK(L"h", L"b", ALIKE),
    LOOK(L"b", L"h", ALIKE),        LOOK(L"i", L"l", CLOSE),
    LOOK(L"l", L"i", CLOSE),        LOOK(L"t", L"f", ALIKE),
    LOOK(L"f", L"t", ALIKE),        LOOK(L"t", L"l", CLOSE),
    LOOK(L"l", L"t", CLOSE),        LOOK(L"i", L"j", ALIKE),
    LOOK(L"j", L"i", ALIKE),        LOOK(L"u", L"n", ALIKE),
    LOOK(L"n", L"u", ALIKE),        LOOK(L"c", L"o", ALIKE),
    LOOK(L"o", L"c", ALIKE),        LOOK(L"b", L"li", FAINT),
    LOOK(L"t", L"il", FAINT),       LOOK(L"a", L"il", FAINT),
    LOOK(L"R", L"it", ALIKE),       LOOK(L"a", L"o", FAINT),
    LOOK(L"o", L"a", FAINT),        LOOK(L"o", L"e", FAINT),
    LOOK(L"e", L"o", FAINT),        LOOK(L"s", L"a", FAINT),
    LOOK(L"a", L"s", FAINT),        LOOK(L"v", L"y", ALIKE),
    LOOK(L"y", L"v", ALIKE),        LOOK(L"g", L"q", ALIKE),
    LOOK(L"q", L"g", ALIKE),        LOOK(L"\xA9", L"c", ALIKE),
};

enum { N_LOOKS = sizeof looks / sizeof looks[0] };

/* ---- one letter for another ---- */

/* Keys of the rows of a typewriter, each half a key to the right of the one above. */
static bool are_neighbours(wchar_t a, wchar_t b)
{
    static const char *const rows[] = {"qwertyuiop", "asdfghjkl", "zxcvbnm"};
    int row[2] = {-1, -1};
    int column[2] = {0, 0};
    const wchar_t keys[2] = {a, b};

    for (int k = 0; k < 2; k++) {
        for (int r = 0; r < 3; r++) {
            const char *found =
                keys[k] > 0 && keys[k] < 0x80 ? strchr(rows[r], (int)keys[k]) : NULL;
            if (found) {
                row[k] = r;
                column[k] = (int)(found - rows[r]);
            }
        }
        if (row[k] < 0) {
            return false;
        }
    }
    int down = row[1] - row[0];
    int right = column[1] - column[0];
    return down == 0   ? right == 1 || right == -1
           : down == 1 ? right == 0 || right == -1
                       : down == -1 && (right == 0 || right == 1);
}

static bool is_vowel(wchar_t c)
{
    return c > 0 && c < 0x80 && strchr("aeiouy", (int)c);
}

static int cost_of_instead(wchar_t seen, wchar_t meant)
{
    if (meant == ' ' || meant == '-') {
        return TR_CONFUSION_FAR;
    }
    if (seen >= 0x80 && meant < 0x80) {
        return ACCENTED;
    }
    if (is_vowel(seen) && is_vowel(meant)) {
        return VOWEL;
    }
    return are_neighbours(seen, meant) ? NEIGHBOUR : WRONG;
}

/* A letter that is missing, or too many, beside `before` and `after`. */
static int cost_of_one(wchar_t c, wchar_t before, wchar_t after)
{
    switch (c) {
    case ' ':
        return SPACE;
    case '-':
        return HYPHEN;
    case '\'':
    case 0x2019:
        return APOSTROPHE;
    default:
        return c == before || c == after ? DOUBLED : WRONG;
    }
}

/* ---- the way from word to word ---- */

struct way {
    const wchar_t *seen;
    const wchar_t *meant;
    wchar_t seen_small[TR_CONFUSION_MAX_LETTERS];
    wchar_t meant_small[TR_CONFUSION_MAX_LETTERS];
    int cost[TR_CONFUSION_MAX_LETTERS + 1][TR_CONFUSION_MAX_LETTERS + 1];
};

static void improve(int *best, int cost)
{
    if (cost < *best) {
        *best = cost;
    }
}

/* Capitals and small letters look different, so they count as they are. */
static bool ends_with(const wchar_t *word, size_t n, const wchar_t *end, size_t n_end)
{
    return n_end <= n && word[n - 1] == end[n_end - 1] &&
           wmemcmp(word + n - n_end, end, n_end) == 0;
}

static void consider_looks(const struct way *way, size_t i, size_t j, int dearest, int *best)
{
    for (size_t k = 0; k < N_LOOKS; k++) {
        const struct look *look = &looks[k];
        if (look->cost <= dearest && ends_with(way->seen, i, look->seen, look->n_seen) &&
            ends_with(way->meant, j, look->meant, look->n_meant)) {
            improve(best, way->cost[i - look->n_seen][j - look->n_meant] + look->cost);
        }
    }
}

/* A letter that is too many. */
static int cost_of_extra(wchar_t c, wchar_t before, wchar_t after)
{
    return c >= 0x80 && c != 0x2019 ? ACCENTED : cost_of_one(c, before, after);
}

static void consider_slips(const struct way *way, size_t i, size_t j, int *best)
{
    const wchar_t *seen = way->seen_small;
    const wchar_t *meant = way->meant_small;
    int at_begin = i <= 1 && j <= 1 ? AT_BEGIN : 0;

    if (i > 0 && j > 0 && seen[i - 1] == meant[j - 1]) {
        improve(best, way->cost[i - 1][j - 1] + (i == 1 && j == 1 ? CAPITAL_FIRST : CAPITAL));
    } else if (i > 0 && j > 0) {
        improve(best, way->cost[i - 1][j - 1] + cost_of_instead(seen[i - 1], meant[j - 1]) +
                          at_begin);
    }
    if (i > 0) {
        improve(best, way->cost[i - 1][j] + at_begin +
                          cost_of_extra(seen[i - 1], i > 1 ? seen[i - 2] : 0,
                                        j > 0 ? meant[j - 1] : 0));
    }
    if (j > 0) {
        improve(best, way->cost[i][j - 1] + at_begin +
                          cost_of_one(meant[j - 1], j > 1 ? meant[j - 2] : 0,
                                      i > 0 ? seen[i - 1] : 0));
    }
    if (i > 1 && j > 1 && seen[i - 1] == meant[j - 2] && seen[i - 2] == meant[j - 1]) {
        improve(best, way->cost[i - 2][j - 2] + SWAPPED + (i == 2 ? AT_BEGIN : 0));
    }
}

static int find_way(const wchar_t *seen, size_t n_seen, const wchar_t *meant, size_t n_meant,
                    bool only_looks)
{
    if (n_seen > TR_CONFUSION_MAX_LETTERS || n_meant > TR_CONFUSION_MAX_LETTERS) {
        return TR_CONFUSION_FAR;
    }
    struct way way;
    way.seen = seen;
    way.meant = meant;
    for (size_t i = 0; i < n_seen; i++) {
        way.seen_small[i] = tr_letters_to_lower(seen[i]);
    }
    for (size_t j = 0; j < n_meant; j++) {
        way.meant_small[j] = tr_letters_to_lower(meant[j]);
    }
    for (size_t i = 0; i <= n_seen; i++) {
        for (size_t j = 0; j <= n_meant; j++) {
            int best = i + j == 0 ? 0 : TR_CONFUSION_FAR;
            if (i > 0 && j > 0 && seen[i - 1] == meant[j - 1]) {
                best = way.cost[i - 1][j - 1];
            }
            consider_looks(&way, i, j, only_looks ? LOOKS : FAINT, &best);
            if (!only_looks) {
                consider_slips(&way, i, j, &best);
            }
            way.cost[i][j] = best;
        }
    }
    return way.cost[n_seen][n_meant];
}

int tr_confusion_cost(const wchar_t *seen, size_t n_seen, const wchar_t *meant, size_t n_meant)
{
    return find_way(seen, n_seen, meant, n_meant, false);
}

int tr_confusion_of_looks(const wchar_t *seen, size_t n_seen, const wchar_t *meant,
                          size_t n_meant)
{
    return find_way(seen, n_seen, meant, n_meant, true);
}

/* ---- words that look alike ---- */

struct search {
    tr_confusion_fn *fn;
    void *arg;
    size_t left;
};

/* Misread `n_more` signs of `seen`, from place `from` on; false: enough. */
static bool misread(struct search *search, const wchar_t *seen, size_t n, size_t from,
                    int n_more)
{
    wchar_t meant[TR_CONFUSION_MAX_LETTERS];
    for (size_t at = from; at < n; at++) {
        for (size_t k = 0; k < N_LOOKS; k++) {
            const wchar_t *with = looks[k].meant;
            size_t n_seen = looks[k].n_seen;
            size_t n_with = looks[k].n_meant;
            if (n_seen > n - at || wmemcmp(seen + at, looks[k].seen, n_seen) != 0 ||
                n - n_seen + n_with > TR_CONFUSION_MAX_LETTERS) {
                continue;
            }
            wmemcpy(meant, seen, at);
            wmemcpy(meant + at, with, n_with);
            wmemcpy(meant + at + n_with, seen + at + n_seen, n - at - n_seen);
            size_t n_meant = n - n_seen + n_with;
            if (n_more > 1) {
                if (!misread(search, meant, n_meant, at + n_with, n_more - 1)) {
                    return false;
                }
            } else if (search->left == 0 || (search->left--, false) ||
                       !search->fn(search->arg, meant, n_meant)) {
                return false;
            }
        }
    }
    return true;
}

size_t tr_confusion_each(const wchar_t *seen, size_t n, size_t max, tr_confusion_fn *fn,
                         void *arg)
{
    struct search search = {fn, arg, max};
    if (n <= TR_CONFUSION_MAX_LETTERS && misread(&search, seen, n, 0, 1)) {
        (void)misread(&search, seen, n, 0, 2);
    }
    return max - search.left;
}

/* ---- words that are a slip away ---- */

void tr_confusion_each_slip(const wchar_t *seen, size_t n, tr_confusion_fn *fn, void *arg)
{
    wchar_t meant[TR_CONFUSION_MAX_LETTERS + 1];
    bool goes_on = n <= TR_CONFUSION_MAX_LETTERS;
    for (size_t at = 0; at < n && goes_on; at++) {
        wmemcpy(meant, seen, at + 1); /* with the letter twice */
        wmemcpy(meant + at + 1, seen + at, n - at);
        goes_on = fn(arg, meant, n + 1);
        if (!goes_on || at + 1 == n) {
            break;
        }
        if (seen[at] == seen[at + 1]) {
            wmemcpy(meant, seen, at); /* or once */
            wmemcpy(meant + at, seen + at + 1, n - at - 1);
            goes_on = fn(arg, meant, n - 1);
        } else {
            wmemcpy(meant, seen, n);
            meant[at] = seen[at + 1];
            meant[at + 1] = seen[at];
            goes_on = fn(arg, meant, n);
        }
    }
}
