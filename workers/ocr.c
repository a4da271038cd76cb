/* An image is unpacked by pixels.c, Tesseract reads. It writes to stderr when an image is odd;
 * strangers' images shall not fill our log, so it is silenced once.
 *
 * Always true here:
 *   - Only the LSTM engine is loaded: it does not learn while it reads, so no request leaves
 *     a trace in the next.
 *   - After a read the image and its results are gone; the model alone stays.
 *
 * Why not OMP_THREAD_LIMIT, as everybody advises: libgomp reads it when it is loaded, which
 * is before any code of a module that depends on it; and setenv is not safe in a process
 * with threads. Forbidding parallel regions on the reader's own thread needs neither.
 */

#include "ocr.h"

#include <assert.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leptonica/allheaders.h>
#include <tesseract/capi.h>

#include "pixels.h"

#define ASSUMED_DPI 300 /* of an image that does not say */

struct tr_ocr {
    TessBaseAPI *engine;
};

/* What the monitor hands back to us. */
struct watch {
    tr_ocr_go_on_fn *go_on;
    void *arg;
    bool stopped;
};

/* ---- the process and the thread ---- */

/* Both settings are global to the process; set before the first engine loads anything. */
static void silence_libraries(void)
{
    tr_pixels_silence();
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

tr_ocr_t *tr_ocr_new(void)
{
    static pthread_once_t silenced = PTHREAD_ONCE_INIT;
    pthread_once(&silenced, silence_libraries);

    tr_ocr_t *self = calloc(1, sizeof *self);
    if (self) {
        self->engine = TessBaseAPICreate();
    }
    return self;
}

void tr_ocr_destroy(tr_ocr_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        TessBaseAPIDelete((*self_p)->engine);
        free(*self_p);
        *self_p = NULL;
    }
}

/* Whether `name` of `length` bytes is among the languages that were loaded. */
static bool is_loaded(TessBaseAPI *engine, const char *name, size_t length)
{
    char **loaded = TessBaseAPIGetLoadedLanguagesAsVector(engine);
    bool found = false;
    for (size_t i = 0; loaded && loaded[i] && !found; i++) {
        found = strlen(loaded[i]) == length && memcmp(loaded[i], name, length) == 0;
    }
    if (loaded) {
        TessDeleteTextArray(loaded);
    }
    return found;
}

/* Debian's package of chi_sim is tesseract-ocr-chi-sim. */
static void explain_missing(const char *language, size_t length, const char *tessdata,
                            tr_why_t *why)
{
    char name[40];
    char package[40];
    snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : 0), language);
    snprintf(package, sizeof package, "%s", name);
    for (char *at = strchr(package, '_'); at; at = strchr(at, '_')) {
        *at = '-';
    }
    tr_why_set(why,
               "no Tesseract data for the language '%s'%s%.100s: "
               "install the package tesseract-ocr-%s",
               name, tessdata ? " in " : "", tessdata ? tessdata : "", package);
}

troupe_status_t tr_ocr_load(tr_ocr_t *self, const char *language, const char *tessdata,
                            tr_why_t *why)
{
    assert(self && language && why);

    if (language[0] == '\0') {
        tr_why_set(why, "no language is named");
        return TROUPE_NOT_FOUND;
    }
    compute_alone();
    bool any = TessBaseAPIInit2(self->engine, tessdata, language, OEM_LSTM_ONLY) == 0;

    /* Of several languages Tesseract is content with one; we are not. */
    for (const char *name = language; *name != '\0';) {
        size_t length = strcspn(name, "+");
        if (!any || !is_loaded(self->engine, name, length)) {
            explain_missing(name, length, tessdata, why);
            return TROUPE_NOT_FOUND;
        }
        name += length + (name[length] == '+');
    }
    TessBaseAPISetPageSegMode(self->engine, PSM_AUTO);
    return TROUPE_OK;
}

/* ---- reading ---- */

static bool is_to_stop(void *arg, int n_words)
{
    (void)n_words;
    struct watch *watch = arg;
    if (watch->go_on && !watch->stopped) {
        watch->stopped = !watch->go_on(watch->arg);
    }
    return watch->stopped;
}

static size_t length_without_white_space_at_end(const char *text)
{
    size_t length = strlen(text);
    while (length > 0 && strchr(" \t\r\n\f", text[length - 1])) {
        length--;
    }
    return length;
}

/* Recognise the image that the engine holds. */
static troupe_status_t recognise(TessBaseAPI *engine, struct watch *watch, char **text_out,
                                 tr_why_t *why)
{
    ETEXT_DESC *monitor = TessMonitorCreate();
    TessMonitorSetCancelThis(monitor, watch);
    TessMonitorSetCancelFunc(monitor, is_to_stop);
    int failed = TessBaseAPIRecognize(engine, monitor);
    TessMonitorDelete(monitor);

    if (watch->stopped) {
        tr_why_set(why, "stopped before the image was read");
        return TROUPE_INTERRUPTED;
    }
    char *text = failed ? NULL : TessBaseAPIGetUTF8Text(engine);
    if (!text) {
        tr_why_set(why, "Tesseract could not read the image");
        return TROUPE_ERR_IO;
    }
    char *copy = strndup(text, length_without_white_space_at_end(text));
    TessDeleteText(text);
    if (!copy) {
        tr_why_set(why, "out of memory");
        return TROUPE_ERR_NOMEM;
    }
    *text_out = copy;
    return TROUPE_OK;
}

troupe_status_t tr_ocr_read(tr_ocr_t *self, const void *image, size_t size,
                            tr_ocr_go_on_fn *go_on, void *arg, char **text_out, tr_why_t *why)
{
    assert(self && (image || size == 0) && text_out && why);

    struct watch watch = {.go_on = go_on, .arg = arg};
    if (is_to_stop(&watch, 0)) {
        tr_why_set(why, "stopped before the image was unpacked");
        return TROUPE_INTERRUPTED;
    }
    PIX *pixels = NULL;
    troupe_status_t status = tr_pixels_unpack(image, size, 0, &pixels, why);
    if (status != TROUPE_OK) {
        return status;
    }
    if (pixGetXRes(pixels) <= 0) {
        pixSetResolution(pixels, ASSUMED_DPI, ASSUMED_DPI);
    }
    TessBaseAPISetImage2(self->engine, pixels);
    pixDestroy(&pixels);

    status = recognise(self->engine, &watch, text_out, why);
    TessBaseAPIClear(self->engine);
    return status;
}
