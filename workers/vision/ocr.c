/* Tesseract finds the layout first, then asks whether to go on before each of its words, which
 * at that stage are whole lines. Then lines are behind it that nothing changes any more, and
 * its results can be read by the iterator that it offers: that is where ours are told. So the
 * first line comes long before the last is read, and it is the same as at the end. What is
 * left is told at the end.
 *
 * Always true here:
 *   - The text of a page is what was told, so parts and reply cannot differ.
 *   - No line is looked at that is not read: Tesseract would end the process. Hence the count
 *     of words, line by line, before the first is read.
 *   - Paragraphs are found by the layout, not by the text, so that they are known by then.
 *   - To find a line means to walk to it. Lines are told in groups, the larger the more there
 *     are, so that a page of noise does not take a time that grows with the square of its
 * lines.
 */

#include "ocr.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <leptonica/allheaders.h>
#include <tesseract/capi.h>

#include "../images/pixels.h"

#define ASSUMED_DPI       300                /* of an image that does not say */
#define TINY_LINE         15                 /* pixels; lower ones are read better enlarged */
#define LARGER            5                  /* pixels of those are made of ... */
#define SMALLER           2                  /* ... so many */
#define MAX_ENLARGED_AREA (16 * 1000 * 1000) /* pixels */
#define GROUPS            16                 /* lines are told 1/16 of those so far at a time */

/* One page as it is read. */
typedef struct reading {
    const tr_ocr_question_t *question;
    TessBaseAPI *engine;
    tr_ocr_page_t *page;
    bool is_enlarged; /* what the engine sees */

    /* Of the layout. */
    size_t *words_until; /* by row: how many words there are up to its end */
    size_t n_rows;
    size_t rows_room;
    bool is_tiny;

    size_t n_asked; /* words begun */
    size_t n_read;  /* rows all of whose words are read */
    size_t n_taken; /* of those */
    size_t n_told;  /* lines, which are rows that are not blank */
    size_t text_room;
    size_t words_room;
    size_t n_words;
    double confidences; /* of those, added up */

    troupe_status_t status; /* what has stopped it */
} reading_t;

/* ---- growing ---- */

/* *room items of `size` bytes in `block` become `wanted` or more. The block, which may have
 * moved; NULL, and that is the status, when there is no memory. */
static void *with_room(reading_t *self, void *block, size_t *room, size_t wanted, size_t size)
{
    if (wanted <= *room) {
        return block;
    }
    size_t more = 2 * wanted;
    void *grown = realloc(block, more * size);
    if (grown) {
        *room = more;
    } else {
        self->status = TROUPE_ERR_NOMEM;
    }
    return grown;
}

/* ---- the layout ---- */

static bool is_low(TessPageIterator *place)
{
    int left = 0;
    int top = 0;
    int right = 0;
    int bottom = 0;
    return TessPageIteratorBoundingBox(place, RIL_TEXTLINE, &left, &top, &right, &bottom) &&
           bottom - top < TINY_LINE;
}

static bool may_be_enlarged(const reading_t *self)
{
    int64_t area = self->page->width * self->page->height;
    return !self->is_enlarged &&
           area * LARGER * LARGER <= (int64_t)MAX_ENLARGED_AREA * SMALLER * SMALLER;
}

/* Count the words of each row, and see whether most rows are too low. */
static void survey(reading_t *self)
{
    TessPageIterator *place =
        TessResultIteratorGetPageIterator(TessBaseAPIGetIterator(self->engine));
    size_t n_words = 0;
    size_t n_low = 0;

    self->n_rows = 0;
    do {
        if (self->n_rows == 0 || TessPageIteratorIsAtBeginningOf(place, RIL_TEXTLINE)) {
            size_t *rows = with_room(self, self->words_until, &self->rows_room,
                                     self->n_rows + 1, sizeof *rows);
            if (!rows) {
                break;
            }
            self->words_until = rows;
            self->n_rows++;
            n_low += is_low(place);
        }
        self->words_until[self->n_rows - 1] = ++n_words;
    } while (TessPageIteratorNext(place, RIL_WORD));
    TessPageIteratorDelete(place);
    self->is_tiny = 2 * n_low > self->n_rows && may_be_enlarged(self);
}

/* ---- lines and words ---- */

/* The bounds of what is no white space in `text`; false when there is nothing. */
static bool trim(const char *text, const char **begin, size_t *length)
{
    static const char white[] = " \t\r\n\f";
    *begin = text + strspn(text, white);
    *length = strlen(*begin);
    while (*length > 0 && strchr(white, (*begin)[*length - 1])) {
        --*length;
    }
    return *length > 0;
}

/* Adds a line to the text of the page, and tells it. */
static void tell(reading_t *self, const char *line, size_t length)
{
    tr_ocr_page_t *page = self->page;
    char *text =
        with_room(self, page->text, &self->text_room, page->length + length + 2, sizeof *text);
    if (!text) {
        return;
    }
    page->text = text;
    char *end = page->text + page->length;
    memcpy(end, line, length);
    end[length] = '\n';
    end[length + 1] = '\0';
    page->length += length + 1;
    if (self->question->on_line &&
        !self->question->on_line(end, length + 1, self->question->arg)) {
        self->status = TROUPE_INTERRUPTED;
    }
}

/* Of two bounds, the first rounded down and the second up: where they are in the image. */
static void as_in_image(const reading_t *self, int64_t size, int from, int to, int64_t *begin,
                        int64_t *length)
{
    int64_t first = self->is_enlarged ? (int64_t)from * SMALLER / LARGER : from;
    int64_t last = self->is_enlarged ? ((int64_t)to * SMALLER + LARGER - 1) / LARGER : to;
    *begin = first;
    *length = (last < size ? last : size) - first;
}

static void locate(const reading_t *self, TessPageIterator *place, troupe_vision_word_t *word)
{
    int left = 0;
    int top = 0;
    int right = 0;
    int bottom = 0;
    (void)TessPageIteratorBoundingBox(place, RIL_WORD, &left, &top, &right, &bottom);
    as_in_image(self, self->page->width, left, right, &word->left, &word->width);
    as_in_image(self, self->page->height, top, bottom, &word->top, &word->height);
}

static void keep_word(reading_t *self, TessPageIterator *place, const char *text, size_t length,
                      double confidence)
{
    tr_ocr_page_t *page = self->page;
    troupe_vision_word_t *words =
        with_room(self, page->words, &self->words_room, page->n_words + 1, sizeof *words);
    char *copy = words ? strndup(text, length) : NULL;
    if (words) {
        page->words = words;
    }
    if (!copy) {
        self->status = TROUPE_ERR_NOMEM;
        return;
    }
    troupe_vision_word_t *word = &page->words[page->n_words++];
    *word = (troupe_vision_word_t){.text = copy, .confidence = confidence};
    locate(self, place, word);
}

/* Of percents, which should be between 0 and 100. */
static double share_of(float percents)
{
    return percents >= 100 ? 1 : percents > 0 ? (double)percents / 100 : 0;
}

static void take_word(reading_t *self, TessResultIterator *at, TessPageIterator *place)
{
    char *text = TessResultIteratorGetUTF8Text(at, RIL_WORD);
    const char *begin = NULL;
    size_t length = 0;
    if (text && trim(text, &begin, &length)) {
        double confidence = share_of(TessResultIteratorConfidence(at, RIL_WORD));
        self->confidences += confidence;
        self->n_words++;
        if (self->question->details) {
            keep_word(self, place, begin, length, confidence);
        }
    }
    TessDeleteText(text);
}

/* Takes the line that begins here, and its words, unless it is blank or one of the first
 * *n_skipped. Goes on to the next; false when there is none. */
static bool take_line(reading_t *self, TessResultIterator *at, TessPageIterator *place,
                      size_t *n_skipped, bool *parted)
{
    *parted = *parted || TessPageIteratorIsAtBeginningOf(place, RIL_PARA);
    char *text = TessResultIteratorGetUTF8Text(at, RIL_TEXTLINE);
    const char *begin = NULL;
    size_t length = 0;
    bool is_blank = !text || !trim(text, &begin, &length);
    bool is_told = !is_blank && *n_skipped < self->n_told;
    bool more = false;

    if (is_blank || is_told) {
        *n_skipped += is_told;
        more = TessPageIteratorNext(place, RIL_TEXTLINE);
    } else {
        if (*parted && self->page->length > 0) {
            tell(self, "", 0);
        }
        tell(self, begin, length);
        self->n_told++;
        ++*n_skipped;
        do {
            take_word(self, at, place);
            more = TessPageIteratorNext(place, RIL_WORD);
        } while (more && !TessPageIteratorIsAtBeginningOf(place, RIL_TEXTLINE));
    }
    *parted = *parted && is_blank;
    TessDeleteText(text);
    return more;
}

/* Takes what was not told yet of the first `n_rows`, all of which are read. */
static void take_lines(reading_t *self, size_t n_rows)
{
    TessResultIterator *at = TessBaseAPIGetIterator(self->engine);
    if (!at) {
        return;
    }
    TessPageIterator *place = TessResultIteratorGetPageIterator(at); /* the same, seen so */
    size_t n_skipped = 0;
    bool parted = false;
    bool more = true;
    for (size_t row = 0; row < n_rows && more && self->status == TROUPE_OK; row++) {
        more = take_line(self, at, place, &n_skipped, &parted);
    }
    TessResultIteratorDelete(at);
}

/* ---- reading ---- */

/* Takes lines when enough new ones are read. */
static void take_some_lines(reading_t *self)
{
    while (self->n_read < self->n_rows && self->words_until[self->n_read] <= self->n_asked) {
        self->n_read++;
    }
    if (self->n_read > self->n_taken + self->n_taken / GROUPS) {
        self->n_taken = self->n_read;
        take_lines(self, self->n_read);
    }
}

/* What Tesseract asks before each word. Its number says nothing. */
static bool is_to_stop(void *arg, int number)
{
    (void)number;
    reading_t *self = arg;
    const tr_ocr_question_t *question = self->question;

    if (self->status == TROUPE_OK && question->go_on && !question->go_on(question->arg)) {
        self->status = TROUPE_INTERRUPTED;
    }
    if (self->status != TROUPE_OK) {
        return true;
    }
    if (self->n_asked == 0) {
        survey(self);
    } else if (question->on_line) {
        take_some_lines(self);
    }
    self->n_asked++;
    return self->is_tiny || self->status != TROUPE_OK;
}

/* Recognise what is in `pixels`, or find that it is tiny. */
static void recognise(reading_t *self, PIX *pixels)
{
    self->n_asked = 0;
    self->is_tiny = false;
    TessBaseAPISetImage2(self->engine, pixels);

    ETEXT_DESC *monitor = TessMonitorCreate();
    TessMonitorSetCancelThis(monitor, self);
    TessMonitorSetCancelFunc(monitor, is_to_stop);
    bool failed = TessBaseAPIRecognize(self->engine, monitor) != 0;
    TessMonitorDelete(monitor);

    if (failed && !self->is_tiny && self->status == TROUPE_OK) {
        self->status = TROUPE_ERR_IO;
    }
    if (!failed && self->status == TROUPE_OK) {
        take_lines(self, SIZE_MAX);
    }
    TessBaseAPIClear(self->engine);
}

/* NULL when out of memory. */
static PIX *enlarged(PIX *pixels)
{
    PIX *opaque = pixRemoveAlpha(pixels);
    PIX *plain = opaque ? pixConvertTo8Or32(opaque, L_CLONE, 0) : NULL;
    const float factor = (float)LARGER / SMALLER;
    PIX *scaled = plain ? pixScale(plain, factor, factor) : NULL;
    pixDestroy(&opaque);
    pixDestroy(&plain);
    return scaled;
}

static void read_pixels(reading_t *self, PIX *pixels)
{
    self->page->width = pixGetWidth(pixels);
    self->page->height = pixGetHeight(pixels);
    if (pixGetXRes(pixels) <= 0) {
        pixSetResolution(pixels, ASSUMED_DPI, ASSUMED_DPI);
    }
    recognise(self, pixels);
    if (!self->is_tiny || self->status != TROUPE_OK) {
        return;
    }
    PIX *larger = enlarged(pixels);
    if (!larger) {
        self->status = TROUPE_ERR_NOMEM;
        return;
    }
    pixSetResolution(larger, ASSUMED_DPI, ASSUMED_DPI);
    self->is_enlarged = true;
    recognise(self, larger);
    pixDestroy(&larger);
}

/* What is said of the page when all is read. */
static troupe_status_t finish(reading_t *self)
{
    tr_ocr_page_t *page = self->page;
    page->confidence = self->n_words > 0 ? self->confidences / (double)self->n_words : 0;
    if (self->status == TROUPE_OK && !page->text) {
        page->text = strdup("");
        self->status = page->text ? TROUPE_OK : TROUPE_ERR_NOMEM;
    }
    return self->status;
}

static TessPageSegMode mode_of(troupe_vision_layout_t layout)
{
    switch (layout) {
    case TROUPE_VISION_COLUMN:
        return PSM_SINGLE_COLUMN;
    case TROUPE_VISION_BLOCK:
        return PSM_SINGLE_BLOCK;
    case TROUPE_VISION_LINE:
        return PSM_SINGLE_LINE;
    case TROUPE_VISION_WORD:
        return PSM_SINGLE_WORD;
    case TROUPE_VISION_SPARSE:
        return PSM_SPARSE_TEXT;
    default:
        return PSM_AUTO;
    }
}

static void explain(troupe_status_t status, troupe_why_t *why)
{
    switch (status) {
    case TROUPE_OK:
        break;
    case TROUPE_INTERRUPTED:
        troupe_why_set(why, "stopped before the image was read");
        break;
    case TROUPE_ERR_NOMEM:
        troupe_why_set(why, "out of memory");
        break;
    default:
        troupe_why_set(why, "Tesseract could not read the image");
        break;
    }
}

/* Finds the engine, and tells it what it needs to know. */
static troupe_status_t prepare(reading_t *self, tr_engines_t *engines, troupe_why_t *why)
{
    const char *language = NULL;
    troupe_status_t status =
        tr_engines_use(engines, self->question->language, &self->engine, &language, why);
    if (status == TROUPE_OK) {
        TessBaseAPISetPageSegMode(self->engine, mode_of(self->question->layout));
        TessBaseAPISetVariable(self->engine, "paragraph_text_based", "0");
        snprintf(self->page->model, sizeof self->page->model, "tesseract %.40s %s",
                 TessVersion(), language);
    }
    return status;
}

troupe_status_t tr_ocr_read(tr_engines_t *engines, const tr_ocr_question_t *question,
                            tr_ocr_page_t *page, troupe_why_t *why)
{
    assert(engines && question && page && why);

    *page = (tr_ocr_page_t){0};
    reading_t reading = {.question = question, .page = page};
    if (question->go_on && !question->go_on(question->arg)) {
        explain(TROUPE_INTERRUPTED, why);
        return TROUPE_INTERRUPTED;
    }
    PIX *pixels = NULL;
    troupe_status_t status = tr_pixels_unpack(question->image, question->size, 0, &pixels, why);
    if (status == TROUPE_OK) {
        status = prepare(&reading, engines, why);
    }
    if (status == TROUPE_OK) {
        read_pixels(&reading, pixels);
        status = finish(&reading);
        explain(status, why);
    }
    pixDestroy(&pixels);
    free(reading.words_until);
    if (status != TROUPE_OK) {
        tr_ocr_page_release(page);
    }
    return status;
}

void tr_ocr_page_release(tr_ocr_page_t *page)
{
    assert(page);
    for (size_t i = 0; i < page->n_words; i++) {
        free((char *)page->words[i].text);
    }
    free(page->words);
    free(page->text);
    *page = (tr_ocr_page_t){0};
}
