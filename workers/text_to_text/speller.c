/* Hunspell keeps a table that all dictionaries of a process share, and counts its users
 * without a lock; so dictionaries are made and destroyed one at a time. Asking them is not
 * concerned. */

#include "speller.h"

#include <assert.h>
#include <iconv.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hunspell/hunspell.h>

struct tr_speller {
    Hunhandle *hunspell;
    iconv_t to_dictionary; /* NONE: both are UTF-8 */
    iconv_t to_utf8;
    char language[TR_SPELLER_MAX_LANGUAGE + 1];
};

#define NONE ((iconv_t)-1)

enum { MAX_SUGGESTION = 4 * TR_SPELLER_MAX_WORD };

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

/* ---- life ---- */

static bool is_name(const char *language)
{
    size_t n = strspn(language, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789_-");
    return n >= 2 && n <= TR_SPELLER_MAX_LANGUAGE && language[n] == '\0' && language[0] != '-';
}

/* Debian's package of en_US is hunspell-en-us. */
static void explain_missing(const char *folder, const char *language, troupe_why_t *why)
{
    char package[TR_SPELLER_MAX_LANGUAGE + 1];
    snprintf(package, sizeof package, "%s", language);
    for (char *c = package; *c; c++) {
        *c = *c == '_' ? '-' : *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
    }
    troupe_why_set(why,
                   "no dictionary of Hunspell for the language '%s' in %.100s: "
                   "install the package hunspell-%s",
                   language, folder, package);
}

static troupe_status_t open_dictionary(tr_speller_t *self, const char *folder,
                                       troupe_why_t *why)
{
    char rules[PATH_MAX];
    char words[PATH_MAX];
    int n = snprintf(rules, sizeof rules, "%s/%s.aff", folder, self->language);
    snprintf(words, sizeof words, "%s/%s.dic", folder, self->language);

    /* Hunspell itself says nothing of missing files, and knows no word then. */
    if (n >= (int)sizeof rules || access(rules, R_OK) != 0 || access(words, R_OK) != 0) {
        explain_missing(folder, self->language, why);
        return TROUPE_NOT_FOUND;
    }
    pthread_mutex_lock(&one_at_a_time);
    self->hunspell = Hunspell_create(rules, words);
    pthread_mutex_unlock(&one_at_a_time);
    if (!self->hunspell) {
        troupe_why_set(why, "out of memory");
        return TROUPE_ERR_NOMEM;
    }
    return TROUPE_OK;
}

/* Hunspell calls some encodings as others do not. */
static troupe_status_t find_encoding(tr_speller_t *self, troupe_why_t *why)
{
    static const char theirs[] = "microsoft-";
    const char *encoding = Hunspell_get_dic_encoding(self->hunspell);
    if (strcmp(encoding, "UTF-8") == 0) {
        return TROUPE_OK;
    }
    if (strncmp(encoding, theirs, strlen(theirs)) == 0) {
        encoding += strlen(theirs);
    }
    self->to_dictionary = iconv_open(encoding, "UTF-8");
    self->to_utf8 = iconv_open("UTF-8", encoding);
    if (self->to_dictionary == NONE || self->to_utf8 == NONE) {
        troupe_why_set(why, "the dictionary '%s' is in an unknown encoding, %.100s",
                       self->language, encoding);
        return TROUPE_ERR_IO;
    }
    return TROUPE_OK;
}

troupe_status_t tr_speller_load(const char *folder, const char *language, tr_speller_t **out,
                                troupe_why_t *why)
{
    assert(folder && language && out && why);

    if (!is_name(language)) {
        troupe_why_set(why, "'%.60s' is no name of a language, such as en_US", language);
        return TROUPE_ERR_INVALID;
    }
    tr_speller_t *self = calloc(1, sizeof *self);
    if (!self) {
        troupe_why_set(why, "out of memory");
        return TROUPE_ERR_NOMEM;
    }
    self->to_dictionary = self->to_utf8 = NONE;
    snprintf(self->language, sizeof self->language, "%s", language);
    troupe_status_t status = open_dictionary(self, folder, why);
    if (status == TROUPE_OK) {
        status = find_encoding(self, why);
    }
    if (status == TROUPE_OK) {
        *out = self;
    } else {
        tr_speller_destroy(&self);
    }
    return status;
}

void tr_speller_destroy(tr_speller_t **self_p)
{
    assert(self_p);
    tr_speller_t *self = *self_p;
    if (self) {
        if (self->to_dictionary != NONE) {
            iconv_close(self->to_dictionary);
        }
        if (self->to_utf8 != NONE) {
            iconv_close(self->to_utf8);
        }
        if (self->hunspell) {
            pthread_mutex_lock(&one_at_a_time);
            Hunspell_destroy(self->hunspell);
            pthread_mutex_unlock(&one_at_a_time);
        }
        free(self);
        *self_p = NULL;
    }
}

const char *tr_speller_language(const tr_speller_t *self)
{
    return self->language;
}

/* ---- encodings ---- */

/* Into `out`, which has `room`; false when that encoding has no such letters, or no room. */
static bool convert(iconv_t how, const char *text, char *out, size_t room)
{
    size_t size = strlen(text);
    if (how == NONE) {
        if (size >= room) {
            return false;
        }
        memcpy(out, text, size + 1);
        return true;
    }
    char *from = (char *)text; /* iconv does not write there */
    char *to = out;
    size_t left = room - 1;
    iconv(how, NULL, NULL, NULL, NULL);
    if (iconv(how, &from, &size, &to, &left) != 0) { /* more than 0: it was not reversible */
        return false;
    }
    *to = '\0';
    return true;
}

/* ---- asking ---- */

bool tr_speller_knows(tr_speller_t *self, const char *word)
{
    char asked[TR_SPELLER_MAX_WORD + 1];
    return convert(self->to_dictionary, word, asked, sizeof asked) &&
           Hunspell_spell(self->hunspell, asked) != 0;
}

static troupe_status_t keep_suggestions(tr_speller_t *self, char **suggested, int n_suggested,
                                        tr_arena_t *arena, const char ***out, size_t *n_out)
{
    const char **kept = tr_arena_take(arena, (size_t)n_suggested * sizeof *kept);
    if (!kept) {
        return TROUPE_ERR_NOMEM;
    }
    size_t n = 0;
    for (int i = 0; i < n_suggested; i++) {
        char text[MAX_SUGGESTION];
        if (convert(self->to_utf8, suggested[i], text, sizeof text)) {
            kept[n] = tr_arena_copy(arena, text, strlen(text));
            if (!kept[n++]) {
                return TROUPE_ERR_NOMEM;
            }
        }
    }
    *out = kept;
    *n_out = n;
    return TROUPE_OK;
}

troupe_status_t tr_speller_suggest(tr_speller_t *self, const char *word, tr_arena_t *arena,
                                   const char ***out, size_t *n_out)
{
    char asked[TR_SPELLER_MAX_WORD + 1];
    *out = NULL;
    *n_out = 0;
    if (!convert(self->to_dictionary, word, asked, sizeof asked)) {
        return TROUPE_OK;
    }
    char **suggested = NULL;
    int n_suggested = Hunspell_suggest(self->hunspell, &suggested, asked);
    troupe_status_t status = TROUPE_OK;
    if (n_suggested > 0) {
        status = keep_suggestions(self, suggested, n_suggested, arena, out, n_out);
    }
    Hunspell_free_list(self->hunspell, &suggested, n_suggested);
    return status;
}
