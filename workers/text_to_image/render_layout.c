/* Always true here:
 *   - Nothing comes from the surroundings but the fonts: hinting is off and edges are grey, so
 *     neither the desktop's settings nor an earlier request changes a pixel.
 *   - Pango counts in 1/1024 pixel in an int, and wraps around without a word where a line
 *     is longer than that, or where markup makes a letter absurdly large. So no measure is
 *     believed before the widths of all letters of each line were added up again.
 */

#include "render_layout.h"

#include <stdlib.h>
#include <string.h>

#include <pango/pangocairo.h>

#define DEFAULT_MARGIN   40
#define DEFAULT_SIZE     14 /* points */
#define DEFAULT_DPI      200
#define DEFAULT_FONT     "DejaVu Sans, Sans"
#define NATURAL_WIDTH    1600
#define MAX_MARKUP_SIZE  600 /* points */
#define MAX_MARKUP_SCALE 10

/* A request with its defaults in place. */
typedef struct style {
    int width;  /* 0: as wide as the text, NATURAL_WIDTH at most */
    int height; /* 0: as high as the text */
    int margin;
    int size;
    int dpi;
    const char *font;
} style_t;

/* ---- what is asked ---- */

static troupe_status_t number(const char *name, int64_t value, int64_t none, int fallback,
                              int least, int most, int *out, troupe_why_t *why)
{
    if (value == none) {
        *out = fallback;
        return TROUPE_OK;
    }
    if (value < least || value > most) {
        troupe_why_set(why, "%s is a number from %d to %d, not %lld", name, least, most,
                       (long long)value);
        return TROUPE_ERR_INVALID;
    }
    *out = (int)value;
    return TROUPE_OK;
}

static troupe_status_t read_style(const troupe_text_to_image_request_t *request, style_t *style,
                                  troupe_why_t *why)
{
    const struct {
        const char *name;
        int64_t value;
        int64_t none;
        int fallback;
        int least;
        int most;
        int *out;
    } numbers[] = {
        {"width", request->width, 0, 0, 16, TR_LAYOUT_MAX_SIDE, &style->width},
        {"height", request->height, 0, 0, 16, TR_LAYOUT_MAX_SIDE, &style->height},
        {"margin", request->margin, -1, DEFAULT_MARGIN, 0, 1000, &style->margin},
        {"size", request->size, 0, DEFAULT_SIZE, 4, 400, &style->size},
        {"dpi", request->dpi, 0, DEFAULT_DPI, 50, 1200, &style->dpi},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        troupe_status_t status =
            number(numbers[i].name, numbers[i].value, numbers[i].none, numbers[i].fallback,
                   numbers[i].least, numbers[i].most, numbers[i].out, why);
        if (status != TROUPE_OK) {
            return status;
        }
    }
    style->font = request->font ? request->font : DEFAULT_FONT;
    int width = style->width > 0 ? style->width : NATURAL_WIDTH;
    if (width <= 2 * style->margin) {
        troupe_why_set(why, "margins of %d leave nothing of a width of %d", style->margin,
                       width);
        return TROUPE_ERR_INVALID;
    }
    return TROUPE_OK;
}

int tr_layout_dpi(const troupe_text_to_image_request_t *request)
{
    return request->dpi > 0 ? (int)request->dpi : DEFAULT_DPI;
}

static troupe_status_t check_text(const char *text, troupe_why_t *why)
{
    size_t size = text ? strlen(text) : 0;
    if (size == 0) {
        troupe_why_set(why, "the text is empty");
        return TROUPE_ERR_INVALID;
    }
    if (size > TR_LAYOUT_MAX_TEXT) {
        troupe_why_set(why, "the text has %zu bytes, more than %d", size, TR_LAYOUT_MAX_TEXT);
        return TROUPE_LIMIT;
    }
    const char *end = NULL;
    if (!g_utf8_validate(text, (gssize)size, &end)) {
        troupe_why_set(why, "the text is no valid UTF-8 at byte %zu", (size_t)(end - text));
        return TROUPE_ERR_INVALID;
    }
    return TROUPE_OK;
}

/* ---- fonts ---- */

/* Pango takes another family in silence where one is missing; we would rather say so. Of
 * several, as "Times, Serif", one is enough. */
static bool knows_one_of(PangoFontMap *fonts, const char *names)
{
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

static troupe_status_t refuse_font(const char *font, troupe_why_t *why)
{
    troupe_why_set(why, "no font '%s' is installed here", font);
    return TROUPE_ERR_INVALID;
}

static troupe_status_t set_font(PangoFontMap *fonts, PangoLayout *layout, const style_t *style,
                                troupe_why_t *why)
{
    if (!g_utf8_validate(style->font, -1, NULL)) {
        troupe_why_set(why, "the name of the font is no valid UTF-8");
        return TROUPE_ERR_INVALID;
    }
    PangoFontDescription *font = pango_font_description_from_string(style->font);
    bool known = knows_one_of(fonts, pango_font_description_get_family(font));
    if (known) {
        pango_font_description_set_size(font, style->size * PANGO_SCALE);
        pango_layout_set_font_description(layout, font);
    }
    pango_font_description_free(font);
    return known ? TROUPE_OK : refuse_font(style->font, why);
}

/* ---- markup ---- */

/* What is looked for in markup, and what was found. */
typedef struct scrutiny {
    PangoFontMap *fonts;
    bool has_absurd_size;
    char *missing_font;
} scrutiny_t;

static void scrutinise_font(scrutiny_t *self, const char *names)
{
    if (!self->missing_font && !knows_one_of(self->fonts, names)) {
        self->missing_font = g_strdup(names);
    }
}

/* Letters that no picture could hold are asked about before Pango sees them, because FreeType
 * fails on some and each failure goes to stderr past our handler. */
static gboolean scrutinise(PangoAttribute *attribute, gpointer data)
{
    scrutiny_t *self = data;
    const PangoFontDescription *font = NULL;
    int size = 0;
    double scale = 1;

    switch ((int)attribute->klass->type) {
    case PANGO_ATTR_SIZE:
    case PANGO_ATTR_ABSOLUTE_SIZE:
        size = ((const PangoAttrSize *)attribute)->size;
        break;
    case PANGO_ATTR_FONT_DESC:
        font = ((const PangoAttrFontDesc *)attribute)->desc;
        size = pango_font_description_get_size(font);
        scrutinise_font(self, pango_font_description_get_family(font));
        break;
    case PANGO_ATTR_FAMILY:
        scrutinise_font(self, ((const PangoAttrString *)attribute)->value);
        break;
    case PANGO_ATTR_SCALE:
        scale = ((const PangoAttrFloat *)attribute)->value;
        break;
    default:
        break;
    }
    self->has_absurd_size = self->has_absurd_size || size < 0 ||
                            size > MAX_MARKUP_SIZE * PANGO_SCALE || scale < 0 ||
                            scale > MAX_MARKUP_SCALE;
    return FALSE; /* it stays in the list */
}

static troupe_status_t check_markup(PangoFontMap *fonts, PangoAttrList *attributes,
                                    troupe_why_t *why)
{
    scrutiny_t scrutiny = {.fonts = fonts};
    (void)pango_attr_list_filter(attributes, scrutinise, &scrutiny);

    troupe_status_t status = TROUPE_OK;
    if (scrutiny.has_absurd_size) {
        troupe_why_set(why, "the markup asks for letters above %d points or %d times the size",
                       MAX_MARKUP_SIZE, MAX_MARKUP_SCALE);
        status = TROUPE_LIMIT;
    } else if (scrutiny.missing_font) {
        status = refuse_font(scrutiny.missing_font, why);
    }
    g_free(scrutiny.missing_font);
    return status;
}

/* Puts the text into the layout, as what the request says it is. */
static troupe_status_t set_text(PangoFontMap *fonts, PangoLayout *layout, const char *text,
                                troupe_markup_t markup, troupe_why_t *why)
{
    bool must_be_markup = markup == TROUPE_MARKUP_YES;
    if (must_be_markup || (markup == TROUPE_MARKUP_AUTO && text[0] == '<')) {
        PangoAttrList *attributes = NULL;
        char *plain = NULL;
        GError *error = NULL;
        if (pango_parse_markup(text, -1, 0, &attributes, &plain, NULL, &error)) {
            troupe_status_t status = check_markup(fonts, attributes, why);
            if (status == TROUPE_OK) {
                pango_layout_set_text(layout, plain, -1);
                pango_layout_set_attributes(layout, attributes);
            }
            pango_attr_list_unref(attributes);
            g_free(plain);
            return status;
        }
        if (must_be_markup) {
            troupe_why_set(why, "no valid markup: %s", error->message);
        }
        g_clear_error(&error);
        if (must_be_markup) {
            return TROUPE_ERR_INVALID;
        }
    }
    pango_layout_set_text(layout, text, -1);
    return TROUPE_OK;
}

/* ---- the page ---- */

static PangoLayout *new_layout(PangoFontMap *fonts, const style_t *style)
{
    PangoContext *context = pango_font_map_create_context(fonts);
    pango_cairo_context_set_resolution(context, style->dpi);
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

    int width = style->width > 0 ? style->width : NATURAL_WIDTH;
    pango_layout_set_width(layout, (width - 2 * style->margin) * PANGO_SCALE);
    pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
    return layout;
}

static bool fits(int64_t pixels)
{
    return pixels >= 0 && pixels <= TR_LAYOUT_MAX_SIDE;
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

static troupe_status_t measure(PangoLayout *layout, const style_t *style, tr_page_t *page,
                               troupe_why_t *why)
{
    PangoRectangle box = {0};
    pango_layout_get_pixel_extents(layout, NULL, &box);

    bool fine = lines_fit(layout) && fits(box.width) && fits(box.height) && fits(llabs(box.x));
    int width = 0;
    int height = 0;
    if (fine && style->height > 0 && box.height + 2 * style->margin > style->height) {
        troupe_why_set(why,
                       "the text is %d pixels high, and margins of %d leave less of a height "
                       "of %d",
                       box.height, style->margin, style->height);
        return TROUPE_ERR_INVALID;
    }
    if (fine) {
        width = style->width > 0 ? style->width : box.width + 2 * style->margin;
        height = style->height > 0 ? style->height : box.height + 2 * style->margin;
        fine = fits(width) && fits(height) && (int64_t)width * height <= TR_LAYOUT_MAX_AREA;
    }
    if (!fine) {
        troupe_why_set(why, "the picture would exceed %d pixels a side or %d million in all",
                       TR_LAYOUT_MAX_SIDE, TR_LAYOUT_MAX_AREA / 1000000);
        return TROUPE_LIMIT;
    }
    page->width = width > 0 ? width : 1;
    page->height = height > 0 ? height : 1;
    page->x = style->margin - (style->width > 0 ? 0 : box.x);
    page->y = style->margin;
    return TROUPE_OK;
}

troupe_status_t tr_layout_make(PangoFontMap *fonts,
                               const troupe_text_to_image_request_t *request,
                               PangoLayout **layout, tr_page_t *page, troupe_why_t *why)
{
    style_t style = {0};
    troupe_status_t status = check_text(request->prompt, why);
    if (status == TROUPE_OK) {
        status = read_style(request, &style, why);
    }
    if (status != TROUPE_OK) {
        return status;
    }
    *layout = new_layout(fonts, &style);
    status = set_font(fonts, *layout, &style, why);
    if (status == TROUPE_OK) {
        status = set_text(fonts, *layout, request->prompt, request->markup, why);
    }
    if (status == TROUPE_OK) {
        status = measure(*layout, &style, page, why);
    }
    if (status != TROUPE_OK) {
        g_clear_object(layout);
    }
    return status;
}
