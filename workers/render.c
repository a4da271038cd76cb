/* Pango lays out and measures, then the limits are applied, and only what fits gets a
 * surface. The surface is written as PNG into a growing buffer that becomes the reply.
 *
 * Always true here:
 *   - Nothing comes from the surroundings but the fonts: the font map is the renderer's own,
 *     hinting is off and edges are grey, so neither the desktop's settings nor an earlier
 *     request changes a pixel.
 *   - Pango counts in 1/1024 pixel in an int, and wraps around without a word where a line
 *     is longer than that, or where markup makes a letter absurdly large. So no measure is
 *     believed before the widths of all letters of each line were added up again.
 */

#include "render.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <pango/pangocairo.h>

#define NATURAL_WIDTH    1600
#define FIRST_ROOM       (64 * 1024)
#define MAX_MARKUP_SIZE  600 /* points */
#define MAX_MARKUP_SCALE 10

struct tr_renderer {
    PangoFontMap *fonts;
};

/* ---- life ---- */

/* What Pango has to say about strangers' texts is not for our stderr. */
static void drop_log_line(const gchar *domain, GLogLevelFlags level, const gchar *line,
                          gpointer data)
{
    (void)domain;
    (void)level;
    (void)line;
    (void)data;
}

static void silence_pango(void)
{
    g_log_set_handler("Pango", G_LOG_LEVEL_MASK | G_LOG_FLAG_RECURSION, drop_log_line, NULL);
}

tr_renderer_t *tr_renderer_new(void)
{
    static pthread_once_t silenced = PTHREAD_ONCE_INIT;
    pthread_once(&silenced, silence_pango);

    tr_renderer_t *self = calloc(1, sizeof *self);
    if (self) {
        self->fonts = pango_cairo_font_map_new_for_font_type(CAIRO_FONT_TYPE_FT);
        if (!self->fonts) {
            tr_renderer_destroy(&self);
        }
    }
    return self;
}

void tr_renderer_destroy(tr_renderer_t **self_p)
{
    assert(self_p);
    if (*self_p) {
        g_clear_object(&(*self_p)->fonts);
        free(*self_p);
        *self_p = NULL;
    }
}

bool tr_renderer_has_fonts(tr_renderer_t *self)
{
    assert(self);
    PangoFontFamily **families = NULL;
    int n_families = 0;
    pango_font_map_list_families(self->fonts, &families, &n_families);

    /* Pango lists generic families such as "Sans" even where there is nothing behind them. */
    bool found = false;
    for (int i = 0; i < n_families && !found; i++) {
        PangoFontFace **faces = NULL;
        int n_faces = 0;
        pango_font_family_list_faces(families[i], &faces, &n_faces);
        for (int j = 0; j < n_faces && !found; j++) {
            found = !pango_font_face_is_synthesized(faces[j]);
        }
        g_free(faces);
    }
    g_free(families);
    return found;
}

/* ---- layout ---- */

/* Whether an attribute asks for letters that no picture could hold. Asked before Pango sees
 * them, because FreeType fails on some and each failure goes to stderr past our handler. */
static gboolean is_absurd(PangoAttribute *attribute, gpointer data)
{
    (void)data;
    int size = 0;
    double scale = 1;

    switch ((int)attribute->klass->type) {
    case PANGO_ATTR_SIZE:
    case PANGO_ATTR_ABSOLUTE_SIZE:
        size = ((const PangoAttrSize *)attribute)->size;
        break;
    case PANGO_ATTR_FONT_DESC:
        size = pango_font_description_get_size(((const PangoAttrFontDesc *)attribute)->desc);
        break;
    case PANGO_ATTR_SCALE:
        scale = ((const PangoAttrFloat *)attribute)->value;
        break;
    default:
        break;
    }
    return size < 0 || size > MAX_MARKUP_SIZE * PANGO_SCALE || scale < 0 ||
           scale > MAX_MARKUP_SCALE;
}

static bool has_absurd_sizes(PangoAttrList *attributes)
{
    /* The filter takes out what it finds; the list is given up then anyway. */
    PangoAttrList *found = pango_attr_list_filter(attributes, is_absurd, NULL);
    if (found) {
        pango_attr_list_unref(found);
    }
    return found != NULL;
}

/* Puts the text into the layout, as what the options say it is. */
static troupe_status_t set_text(PangoLayout *layout, const char *text, size_t size,
                                tr_render_markup_t markup, tr_why_t *why)
{
    bool may_be_markup =
        markup == TR_RENDER_MARKUP_YES || (markup == TR_RENDER_MARKUP_AUTO && text[0] == '<');
    if (may_be_markup) {
        PangoAttrList *attributes = NULL;
        char *plain = NULL;
        GError *error = NULL;
        if (pango_parse_markup(text, (int)size, 0, &attributes, &plain, NULL, &error)) {
            troupe_status_t status = TROUPE_OK;
            if (has_absurd_sizes(attributes)) {
                tr_why_set(why,
                           "the markup asks for letters above %d points or %d times the size",
                           MAX_MARKUP_SIZE, MAX_MARKUP_SCALE);
                status = TROUPE_LIMIT;
            } else {
                pango_layout_set_text(layout, plain, -1);
                pango_layout_set_attributes(layout, attributes);
            }
            pango_attr_list_unref(attributes);
            g_free(plain);
            return status;
        }
        if (markup == TR_RENDER_MARKUP_YES) {
            tr_why_set(why, "no valid markup: %s", error->message);
        }
        g_clear_error(&error);
        if (markup == TR_RENDER_MARKUP_YES) {
            return TROUPE_ERR_INVALID;
        }
    }
    pango_layout_set_text(layout, text, (int)size);
    return TROUPE_OK;
}

/* Pango takes another family in silence where one is missing; we would rather say so. */
static bool knows_a_family_of(PangoFontMap *fonts, const PangoFontDescription *font)
{
    const char *names = pango_font_description_get_family(font);
    if (!names) {
        return true;
    }
    bool found = false;
    char **families = g_strsplit(names, ",", -1);
    for (size_t i = 0; families[i] && !found; i++) {
        found = pango_font_map_get_family(fonts, g_strstrip(families[i])) != NULL;
    }
    g_strfreev(families);
    return found;
}

static troupe_status_t set_font(tr_renderer_t *self, PangoLayout *layout,
                                const tr_render_options_t *options, tr_why_t *why)
{
    PangoFontDescription *font = pango_font_description_from_string(options->font);
    bool known = knows_a_family_of(self->fonts, font);
    if (known) {
        pango_font_description_set_size(font, options->size_pt * PANGO_SCALE);
        pango_layout_set_font_description(layout, font);
    } else {
        tr_why_set(why, "no font '%s' is installed here", options->font);
    }
    pango_font_description_free(font);
    return known ? TROUPE_OK : TROUPE_ERR_INVALID;
}

static PangoLayout *new_layout(tr_renderer_t *self, const tr_render_options_t *options)
{
    PangoContext *context = pango_font_map_create_context(self->fonts);
    pango_cairo_context_set_resolution(context, options->dpi);
    pango_context_set_language(context, pango_language_from_string("en"));
    pango_context_set_round_glyph_positions(context, false);

    cairo_font_options_t *edges = cairo_font_options_create();
    cairo_font_options_set_antialias(edges, CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(edges, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(edges, CAIRO_HINT_METRICS_OFF);
    pango_cairo_context_set_font_options(context, edges);
    cairo_font_options_destroy(edges);

    PangoLayout *layout = pango_layout_new(context);
    g_object_unref(context);

    int width = options->width > 0 ? options->width : NATURAL_WIDTH;
    pango_layout_set_width(layout, (width - 2 * options->margin) * PANGO_SCALE);
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    return layout;
}

static bool fits(int64_t pixels)
{
    return pixels >= 0 && pixels <= TR_RENDER_MAX_SIDE;
}

/* Whether each line, letter by letter, is as wide as a picture may be. */
static bool lines_fit(PangoLayout *layout)
{
    for (GSList *at = pango_layout_get_lines_readonly(layout); at; at = at->next) {
        const PangoLayoutLine *line = at->data;
        int64_t width = 0;
        for (GSList *run_at = line->runs; run_at; run_at = run_at->next) {
            const PangoGlyphString *glyphs = ((PangoLayoutRun *)run_at->data)->glyphs;
            for (int i = 0; i < glyphs->num_glyphs; i++) {
                width += glyphs->glyphs[i].geometry.width;
            }
        }
        if (!fits(width / PANGO_SCALE)) {
            return false;
        }
    }
    return true;
}

/* How large the picture will be, and where in it the layout begins. */
typedef struct page {
    int width;
    int height;
    int x;
    int y;
} page_t;

static troupe_status_t measure(PangoLayout *layout, const tr_render_options_t *options,
                               page_t *page, tr_why_t *why)
{
    PangoRectangle box = {0};
    pango_layout_get_pixel_extents(layout, NULL, &box);

    bool fine = lines_fit(layout) && fits(box.width) && fits(box.height) && fits(llabs(box.x));
    int width = 0;
    int height = 0;
    if (fine) {
        width = options->width > 0 ? options->width : box.width + 2 * options->margin;
        height = box.height + 2 * options->margin;
        fine = fits(width) && fits(height) && (int64_t)width * height <= TR_RENDER_MAX_AREA;
    }
    if (!fine) {
        tr_why_set(why, "the picture would exceed %d pixels a side or %d million in all",
                   TR_RENDER_MAX_SIDE, TR_RENDER_MAX_AREA / 1000000);
        return TROUPE_LIMIT;
    }
    page->width = width > 0 ? width : 1;
    page->height = height > 0 ? height : 1;
    page->x = options->margin - (options->width > 0 ? 0 : box.x);
    page->y = options->margin;
    return TROUPE_OK;
}

/* ---- PNG ---- */

/* Where the encoder writes to. */
typedef struct sink {
    unsigned char *bytes;
    size_t used;
    size_t room;
    tr_render_go_on_fn *go_on;
    void *arg;
    troupe_status_t status;
} sink_t;

static cairo_status_t write_bytes(void *closure, const unsigned char *bytes, unsigned size)
{
    sink_t *sink = closure;

    if (sink->go_on && !sink->go_on(sink->arg)) {
        sink->status = TROUPE_INTERRUPTED;
        return CAIRO_STATUS_WRITE_ERROR;
    }
    if (size > sink->room - sink->used) {
        size_t room = sink->room > 0 ? sink->room * 2 : FIRST_ROOM;
        while (room - sink->used < size) {
            room *= 2;
        }
        unsigned char *grown = realloc(sink->bytes, room);
        if (!grown) {
            sink->status = TROUPE_ERR_NOMEM;
            return CAIRO_STATUS_NO_MEMORY;
        }
        sink->bytes = grown;
        sink->room = room;
    }
    memcpy(sink->bytes + sink->used, bytes, size);
    sink->used += size;
    return CAIRO_STATUS_SUCCESS;
}

static troupe_status_t paint(PangoLayout *layout, const page_t *page, sink_t *sink,
                             tr_why_t *why)
{
    cairo_surface_t *surface =
        cairo_image_surface_create(CAIRO_FORMAT_RGB24, page->width, page->height);
    cairo_t *cairo = cairo_create(surface);

    cairo_set_source_rgb(cairo, 1, 1, 1);
    cairo_paint(cairo);
    cairo_set_source_rgb(cairo, 0, 0, 0);
    cairo_move_to(cairo, page->x, page->y);
    pango_cairo_show_layout(cairo, layout);
    cairo_status_t drawn = cairo_status(cairo);
    cairo_destroy(cairo);

    if (drawn == CAIRO_STATUS_SUCCESS) {
        drawn = cairo_surface_write_to_png_stream(surface, write_bytes, sink);
    }
    cairo_surface_destroy(surface);

    if (sink->status == TROUPE_INTERRUPTED) {
        tr_why_set(why, "stopped before the picture was done");
        return TROUPE_INTERRUPTED;
    }
    if (drawn == CAIRO_STATUS_SUCCESS) {
        return TROUPE_OK;
    }
    tr_why_set(why, "drawing failed: %s", cairo_status_to_string(drawn));
    return drawn == CAIRO_STATUS_NO_MEMORY ? TROUPE_ERR_NOMEM : TROUPE_ERR_INVALID;
}

/* ---- all of it ---- */

static troupe_status_t check_request(const char *text, size_t size,
                                     const tr_render_options_t *options, tr_why_t *why)
{
    if (size == 0) {
        tr_why_set(why, "the text is empty");
        return TROUPE_ERR_INVALID;
    }
    if (size > TR_RENDER_MAX_TEXT) {
        tr_why_set(why, "the text has %zu bytes, more than %d", size, TR_RENDER_MAX_TEXT);
        return TROUPE_LIMIT;
    }
    const char *end = NULL;
    if (!g_utf8_validate(text, (gssize)size, &end)) {
        tr_why_set(why, "the text is no valid UTF-8 at byte %zu", (size_t)(end - text));
        return TROUPE_ERR_INVALID;
    }
    int width = options->width > 0 ? options->width : NATURAL_WIDTH;
    if (width <= 2 * options->margin) {
        tr_why_set(why, "margins of %d leave nothing of a width of %d", options->margin, width);
        return TROUPE_ERR_INVALID;
    }
    return TROUPE_OK;
}

troupe_status_t tr_renderer_draw(tr_renderer_t *self, const char *text, size_t size,
                                 const tr_render_options_t *options, tr_render_go_on_fn *go_on,
                                 void *arg, tr_picture_t *out, tr_why_t *why)
{
    assert(self && (text || size == 0) && options && out && why);

    troupe_status_t status = check_request(text, size, options, why);
    if (status != TROUPE_OK) {
        return status;
    }
    PangoLayout *layout = new_layout(self, options);
    sink_t sink = {.go_on = go_on, .arg = arg};
    page_t page = {0};

    status = set_font(self, layout, options, why);
    if (status == TROUPE_OK) {
        status = set_text(layout, text, size, options->markup, why);
    }
    if (status == TROUPE_OK) {
        status = measure(layout, options, &page, why);
    }
    if (status == TROUPE_OK) {
        status = paint(layout, &page, &sink, why);
    }
    g_object_unref(layout);

    if (status == TROUPE_OK) {
        *out = (tr_picture_t){sink.bytes, sink.used, page.width, page.height};
    } else {
        free(sink.bytes);
    }
    return status;
}
