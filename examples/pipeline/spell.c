/* spell.c - the module `spell`: a text in, the text with its misspelt words corrected out
 *
 * A word that Hunspell does not know is replaced by what it suggests first; what it has no
 * suggestion for stays. All else in the text stays as it is.
 */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hunspell/hunspell.h>
#include <troupe.h>

#define DICTIONARIES "/usr/share/hunspell"

static bool is_of_word(char c)
{
    return isalpha((unsigned char)c) || c == '\'';
}

/* Write `word`, or what it should be. */
static void write_corrected(FILE *out, Hunhandle *speller, const char *word)
{
    char **suggestions = NULL;
    int n_suggestions =
        Hunspell_spell(speller, word) ? 0 : Hunspell_suggest(speller, &suggestions, word);
    fputs(n_suggestions > 0 ? suggestions[0] : word, out);
    Hunspell_free_list(speller, &suggestions, n_suggestions);
}

static void correct(FILE *out, Hunhandle *speller, const char *text)
{
    while (*text) {
        size_t length = 0;
        while (is_of_word(text[length])) {
            length++;
        }
        char *word = strndup(text, length);
        if (length > 0 && word) {
            write_corrected(out, speller, word);
        } else {
            length = 1;
            fputc(*text, out);
        }
        free(word);
        text += length;
    }
}

static int spell_handle(troupe_worker_t *self, troupe_request_t *request, void *speller)
{
    (void)self;
    char *text = troupe_message_text(troupe_request_message(request), 0);
    char *corrected = NULL;
    size_t size = 0;
    FILE *out = text ? open_memstream(&corrected, &size) : NULL;
    if (out) {
        correct(out, speller, text);
    }
    if (out && fclose(out) == 0) {
        troupe_request_reply_data(request, corrected, size);
    } else {
        troupe_request_fail(request, "out of memory");
    }
    free(corrected);
    free(text);
    return 0;
}

static int spell_init(troupe_worker_t *self, const troupe_args_t *args, void **speller_p)
{
    const char *language = troupe_args_get_or(args, "language", "en_US");
    char rules[200], words[200];
    snprintf(rules, sizeof rules, DICTIONARIES "/%s.aff", language);
    snprintf(words, sizeof words, DICTIONARIES "/%s.dic", language);
    if (access(words, R_OK) != 0) { /* Hunspell itself says nothing, and knows no word */
        troupe_worker_explain(self, "there is no %s: install a dictionary of Hunspell", words);
        return -1;
    }
    *speller_p = Hunspell_create(rules, words);
    return *speller_p ? TROUPE_INIT_OK : -1;
}

static void spell_terminate(troupe_worker_t *self, void **speller_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    Hunspell_destroy(*speller_p);
}

static const troupe_behaviour_t spell = {
    .name = "spell",
    .init = spell_init,
    .handle = spell_handle,
    .terminate = spell_terminate,
};

TROUPE_MODULE(spell);
