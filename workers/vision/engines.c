/* Slot 0 holds the language that is always there. The others are sorted by use, latest first.
 *
 * Why not OMP_THREAD_LIMIT, as everybody advises: libgomp reads it when it is loaded, which
 * is before any code of a module that depends on it; and setenv is not safe in a process
 * with threads. Forbidding parallel regions on the reader's own thread needs neither.
 */

#include "engines.h"

#include <assert.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tesseract/capi.h>

#define NAME_BYTES 40 /* of a single language with its end, more than any has */

typedef struct slot {
    TessBaseAPI *engine; /* NULL: free */
    char *language;
} slot_t;

struct tr_engines {
    slot_t slots[TR_ENGINES_MAX];
    char *tessdata; /* NULL: where Tesseract was told to look */
};

/* ---- the process and the thread ---- */

/* Tesseract's remarks on odd images shall not fill our log. The setting is global to the
 * process; set before the first engine loads anything. */
static void silence_tesseract(void)
{
    TessBaseAPI *engine = TessBaseAPICreate();
    TessBaseAPISetVariable(engine, "debug_file", "/dev/null");
    TessBaseAPIDelete(engine);
}

/* OpenMP's own call, looked up because it is Tesseract that brings a runtime, or none. */
static void compute_alone(void)
{
    void (*set_max_active_levels)(int) = NULL;
    void *found = dlsym(RTLD_DEFAULT, "omp_set_max_active_levels");

    if (found && !getenv("OMP_THREAD_LIMIT")) {
        memcpy(&set_max_active_levels, &found, sizeof found);
        set_max_active_levels(0);
    }
}

/* ---- life ---- */

tr_engines_t *tr_engines_new(void)
{
    static pthread_once_t silenced = PTHREAD_ONCE_INIT;
    pthread_once(&silenced, silence_tesseract);
    return calloc(1, sizeof(tr_engines_t));
}

static void clear_slot(slot_t *slot)
{
    if (slot->engine) {
        TessBaseAPIDelete(slot->engine);
    }
    free(slot->language);
    *slot = (slot_t){0};
}

void tr_engines_destroy(tr_engines_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        for (size_t i = 0; i < TR_ENGINES_MAX; i++) {
            clear_slot(&(*self_p)->slots[i]);
        }
        free((*self_p)->tessdata);
        free(*self_p);
        *self_p = NULL;
    }
}

/* ---- what is installed ---- */

/* Whether `names` has `name` of `length` bytes. */
static bool is_among(char **names, const char *name, size_t length)
{
    bool found = false;
    for (size_t i = 0; names && names[i] && !found; i++) {
        found = strlen(names[i]) == length && memcmp(names[i], name, length) == 0;
    }
    return found;
}

/* The length of the first language of `names`, which are joined by '+'. */
static size_t first_name(const char *names)
{
    return strcspn(names, "+");
}

/* The names behind the first one; "" when there is none. */
static const char *other_names(const char *names)
{
    size_t length = first_name(names);
    return names + length + (names[length] == '+');
}

/* The first language of `language` that is not in `names`; NULL when all are. */
static const char *first_missing(char **names, const char *language)
{
    for (; *language != '\0'; language = other_names(language)) {
        if (!is_among(names, language, first_name(language))) {
            return language;
        }
    }
    return NULL;
}

bool tr_engines_has(tr_engines_t *self, const char *language)
{
    assert(self && language);
    if (!self->slots[0].engine) {
        return false;
    }
    char **installed = TessBaseAPIGetAvailableLanguagesAsVector(self->slots[0].engine);
    bool found = *language != '\0' && !first_missing(installed, language);
    TessDeleteTextArray(installed);
    return found;
}

void tr_engines_list(tr_engines_t *self, char *text, size_t size)
{
    assert(self && text && size > 0);
    *text = '\0';
    if (!self->slots[0].engine) {
        return;
    }
    char **installed = TessBaseAPIGetAvailableLanguagesAsVector(self->slots[0].engine);
    size_t used = 0;
    for (size_t i = 0; installed && installed[i]; i++) {
        size_t more = strlen(installed[i]) + (used > 0 ? 2 : 0);
        if (more >= size - used) {
            break;
        }
        snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "", installed[i]);
        used += more;
    }
    TessDeleteTextArray(installed);
}

/* ---- loading ---- */

/* Debian's package of chi_sim is tesseract-ocr-chi-sim. */
static void explain_missing(const char *language, const char *tessdata, troupe_why_t *why)
{
    char name[NAME_BYTES];
    char package[NAME_BYTES];
    snprintf(name, sizeof name, "%.*s", (int)first_name(language), language);
    snprintf(package, sizeof package, "%s", name);
    for (char *at = strchr(package, '_'); at; at = strchr(at, '_')) {
        *at = '-';
    }
    troupe_why_set(why,
                   "no Tesseract data for the language '%s'%s%.100s: "
                   "install the package tesseract-ocr-%s",
                   name, tessdata ? " in " : "", tessdata ? tessdata : "", package);
}

/* Loads into a free slot, and leaves it free when that fails. */
static troupe_status_t load(slot_t *slot, const char *language, const char *tessdata,
                            troupe_why_t *why)
{
    compute_alone();
    slot->engine = TessBaseAPICreate();
    slot->language = strdup(language);
    if (!slot->engine || !slot->language) {
        clear_slot(slot);
        troupe_why_set(why, "out of memory");
        return TROUPE_ERR_NOMEM;
    }
    bool any = TessBaseAPIInit2(slot->engine, tessdata, language, OEM_LSTM_ONLY) == 0;

    /* Of several languages Tesseract is content with one; we are not. */
    char **loaded = any ? TessBaseAPIGetLoadedLanguagesAsVector(slot->engine) : NULL;
    const char *missing = first_missing(loaded, language);
    if (loaded) {
        TessDeleteTextArray(loaded);
    }
    if (missing) {
        explain_missing(missing, tessdata, why);
        clear_slot(slot);
        return TROUPE_NOT_FOUND;
    }
    return TROUPE_OK;
}

troupe_status_t tr_engines_load(tr_engines_t *self, const char *language, const char *tessdata,
                                troupe_why_t *why)
{
    assert(self && !self->slots[0].engine && language && why);

    if (*language == '\0') {
        troupe_why_set(why, "no language is named");
        return TROUPE_NOT_FOUND;
    }
    if (tessdata) {
        self->tessdata = strdup(tessdata);
        if (!self->tessdata) {
            troupe_why_set(why, "out of memory");
            return TROUPE_ERR_NOMEM;
        }
    }
    return load(&self->slots[0], language, tessdata, why);
}

/* ---- others ---- */

/* A name becomes part of that of a file, so what could lead elsewhere is none. */
static bool is_name(const char *language)
{
    if (strlen(language) > TR_ENGINES_MAX_NAME) {
        return false;
    }
    do {
        size_t length = first_name(language);
        if (length == 0 || length >= NAME_BYTES) {
            return false;
        }
        for (size_t i = 0; i < length; i++) {
            char letter = language[i];
            if (!(letter >= 'a' && letter <= 'z') && !(letter >= 'A' && letter <= 'Z') &&
                !(letter >= '0' && letter <= '9') && letter != '_') {
                return false;
            }
        }
        language += length;
    } while (*language++ == '+');
    return true;
}

/* Puts slot `i` before all others but the first. */
static void move_up(slot_t *slots, size_t i)
{
    slot_t used = slots[i];
    memmove(slots + 2, slots + 1, (i - 1) * sizeof *slots);
    slots[1] = used;
}

static troupe_status_t find_or_load(tr_engines_t *self, const char *language, size_t *index,
                                    troupe_why_t *why)
{
    slot_t *slots = self->slots;
    size_t i = 0;
    while (i < TR_ENGINES_MAX && slots[i].engine && strcmp(slots[i].language, language) != 0) {
        i++;
    }
    if (i < TR_ENGINES_MAX && slots[i].engine) {
        *index = i;
        return TROUPE_OK;
    }
    char **installed = TessBaseAPIGetAvailableLanguagesAsVector(slots[0].engine);
    const char *missing = first_missing(installed, language);
    TessDeleteTextArray(installed);
    if (missing) {
        explain_missing(missing, self->tessdata, why);
        return TROUPE_ERR_INVALID;
    }
    if (i == TR_ENGINES_MAX) {
        clear_slot(&slots[--i]);
    }
    *index = i;
    troupe_status_t status = load(&slots[i], language, self->tessdata, why);
    return status == TROUPE_NOT_FOUND ? TROUPE_ERR_INVALID : status;
}

troupe_status_t tr_engines_use(tr_engines_t *self, const char *language,
                               struct TessBaseAPI **engine_out, const char **name_out,
                               troupe_why_t *why)
{
    assert(self && self->slots[0].engine && engine_out && why);

    size_t i = 0;
    if (language) {
        if (!is_name(language)) {
            troupe_why_set(why,
                           "a language is named as 'eng', or 'eng+deu' for several, not '%s'",
                           language);
            return TROUPE_ERR_INVALID;
        }
        troupe_status_t status = find_or_load(self, language, &i, why);
        if (status != TROUPE_OK) {
            return status;
        }
    }
    if (i > 0) {
        move_up(self->slots, i);
        i = 1;
    }
    *engine_out = self->slots[i].engine;
    if (name_out) {
        *name_out = self->slots[i].language;
    }
    return TROUPE_OK;
}
