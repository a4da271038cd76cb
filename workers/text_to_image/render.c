/* The layout is measured before it gets a surface, and drawn line by line. What the surface
 * writes goes into a growing buffer that becomes the reply.
 *
 * Always true here: the bytes depend on the request and the fonts alone. So the font map is the
 * renderer's own, a PDF was always made in 1970, and an SVG has names of its own.
 */

#include "render.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cairo-pdf.h>
#include <cairo-svg.h>
#include <pango/pangocairo.h>

#include "render_layout.h"
#include "svg_ids.h"

#define FIRST_ROOM       (64 * 1024)
#define POINTS_PER_INCH  72
#define DATE_OF_ALL_PDFS "1970-01-01T00:00:00Z"
#define DONE_DRAWING     0.5 /* the rest is writing */

struct tr_renderer {
    PangoFontMap *fonts;
};

typedef struct color {
    double red;
    double green;
    double blue;
    double alpha;
} color_t;

/* One picture as it is drawn. */
typedef struct drawing {
    const troupe_text_to_image_request_t *request;
    tr_render_go_on_fn *go_on;
    void *arg;
    PangoLayout *layout;
    tr_page_t page;
    color_t color;
    color_t background;

    unsigned char *bytes;
    size_t used;
    size_t room;
    troupe_status_t status; /* what has stopped it */
} drawing_t;

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

static char model[80];

static void name_model(void)
{
    snprintf(model, sizeof model, "pango %s cairo %s", pango_version_string(),
             cairo_version_string());
}

const char *tr_renderer_model(void)
{
    static pthread_once_t named = PTHREAD_ONCE_INIT;
    pthread_once(&named, name_model);
    return model;
}

/* ---- colours ---- */

static bool read_color(const char *text, color_t *out)
{
    PangoColor color;
    guint16 alpha;
    if (!g_utf8_validate(text, -1, NULL) ||
        !pango_color_parse_with_alpha(&color, &alpha, text)) {
        return false;
    }
    *out = (color_t){color.red / 65535.0, color.green / 65535.0, color.blue / 65535.0,
                     alpha / 65535.0};
    return true;
}

static troupe_status_t read_colors(drawing_t *self, troupe_why_t *why)
{
    const troupe_text_to_image_request_t *request = self->request;
    const char *wrong = NULL;

    self->color = (color_t){0, 0, 0, 1};
    self->background = (color_t){1, 1, 1, 1};
    if (request->color && !read_color(request->color, &self->color)) {
        wrong = request->color;
    } else if (request->background && strcmp(request->background, "transparent") == 0) {
        self->background.alpha = 0;
    } else if (request->background && !read_color(request->background, &self->background)) {
        wrong = request->background;
    }
    if (wrong) {
        troupe_why_set(why, "'%s' is no colour; one is written as \"#203040\" or \"navy\"",
                       wrong);
        return TROUPE_ERR_INVALID;
    }
    return TROUPE_OK;
}

/* ---- drawing ---- */

/* False, and that is the status, when it is to stop. */
static bool goes_on(drawing_t *self, double done)
{
    if (self->status == TROUPE_OK && self->go_on && !self->go_on(done, self->arg)) {
        self->status = TROUPE_INTERRUPTED;
    }
    return self->status == TROUPE_OK;
}

static cairo_status_t write_bytes(void *closure, const unsigned char *bytes, unsigned size)
{
    drawing_t *self = closure;

    if (!goes_on(self, DONE_DRAWING)) {
        return CAIRO_STATUS_WRITE_ERROR;
    }
    if (size > self->room - self->used) {
        size_t room = self->room > 0 ? self->room * 2 : FIRST_ROOM;
        while (room - self->used < size) {
            room *= 2;
        }
        unsigned char *grown = realloc(self->bytes, room);
        if (!grown) {
            self->status = TROUPE_ERR_NOMEM;
            return CAIRO_STATUS_NO_MEMORY;
        }
        self->bytes = grown;
        self->room = room;
    }
    memcpy(self->bytes + self->used, bytes, size);
    self->used += size;
    return CAIRO_STATUS_SUCCESS;
}

/* Points to a pixel, where the surface of a PDF counts in points. */
static double points_per_pixel(const drawing_t *self)
{
    return (double)POINTS_PER_INCH / tr_layout_dpi(self->request);
}

static cairo_surface_t *new_surface(drawing_t *self)
{
    cairo_surface_t *surface = NULL;
    double scale = points_per_pixel(self);
    bool is_opaque = self->background.alpha >= 1;

    switch (self->request->format) {
    case TROUPE_IMAGE_SVG:
        surface = cairo_svg_surface_create_for_stream(write_bytes, self, self->page.width,
                                                      self->page.height);
        cairo_svg_surface_set_document_unit(surface, CAIRO_SVG_UNIT_PX);
        break;
    case TROUPE_IMAGE_PDF:
        surface = cairo_pdf_surface_create_for_stream(
            write_bytes, self, self->page.width * scale, self->page.height * scale);
        /* Later versions of the format pack what the file says about itself. */
        cairo_pdf_surface_restrict_to_version(surface, CAIRO_PDF_VERSION_1_4);
        cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE,
                                       DATE_OF_ALL_PDFS);
        break;
    default:
        surface =
            cairo_image_surface_create(is_opaque ? CAIRO_FORMAT_RGB24 : CAIRO_FORMAT_ARGB32,
                                       self->page.width, self->page.height);
        break;
    }
    return surface;
}

static void use_color(cairo_t *cairo, const color_t *color)
{
    cairo_set_source_rgba(cairo, color->red, color->green, color->blue, color->alpha);
}

static void draw_lines(drawing_t *self, cairo_t *cairo)
{
    int n_lines = pango_layout_get_line_count(self->layout);
    int n_drawn = 0;
    PangoLayoutIter *at = pango_layout_get_iter(self->layout);
    do {
        PangoRectangle box;
        pango_layout_iter_get_line_extents(at, NULL, &box);
        cairo_move_to(cairo, self->page.x + pango_units_to_double(box.x),
                      self->page.y + pango_units_to_double(pango_layout_iter_get_baseline(at)));
        pango_cairo_show_layout_line(cairo, pango_layout_iter_get_line_readonly(at));
    } while (goes_on(self, DONE_DRAWING * ++n_drawn / n_lines) &&
             pango_layout_iter_next_line(at));
    pango_layout_iter_free(at);
}

/* Draws all, and has it written. */
static cairo_status_t draw(drawing_t *self, cairo_surface_t *surface)
{
    cairo_t *cairo = cairo_create(surface);
    if (self->request->format == TROUPE_IMAGE_PDF) {
        cairo_scale(cairo, points_per_pixel(self), points_per_pixel(self));
    }
    if (self->background.alpha > 0) {
        use_color(cairo, &self->background);
        cairo_paint(cairo);
    }
    use_color(cairo, &self->color);
    draw_lines(self, cairo);
    cairo_status_t status = cairo_status(cairo);
    cairo_destroy(cairo);

    if (self->request->format == TROUPE_IMAGE_PNG) {
        return status == CAIRO_STATUS_SUCCESS && self->status == TROUPE_OK
                   ? cairo_surface_write_to_png_stream(surface, write_bytes, self)
                   : status;
    }
    cairo_surface_finish(surface);
    return status == CAIRO_STATUS_SUCCESS ? cairo_surface_status(surface) : status;
}

static void settle_ids(drawing_t *self)
{
    size_t size = 0;
    char *svg = tr_svg_with_own_ids((const char *)self->bytes, self->used, &size);
    if (svg) {
        free(self->bytes);
        self->bytes = (unsigned char *)svg;
        self->used = size;
    } else {
        self->status = TROUPE_ERR_NOMEM;
    }
}

static troupe_status_t paint(drawing_t *self, troupe_why_t *why)
{
    cairo_surface_t *surface = new_surface(self);
    cairo_status_t drawn = draw(self, surface);
    cairo_surface_destroy(surface);

    if (self->status == TROUPE_OK && drawn != CAIRO_STATUS_SUCCESS) {
        troupe_why_set(why, "drawing failed: %s", cairo_status_to_string(drawn));
        return drawn == CAIRO_STATUS_NO_MEMORY ? TROUPE_ERR_NOMEM : TROUPE_ERR_INVALID;
    }
    if (self->status == TROUPE_OK && self->request->format == TROUPE_IMAGE_SVG) {
        settle_ids(self);
    }
    if (self->status == TROUPE_INTERRUPTED) {
        troupe_why_set(why, "stopped before the picture was done");
    } else if (self->status == TROUPE_ERR_NOMEM) {
        troupe_why_set(why, "out of memory");
    }
    return self->status;
}

/* As wide or high as the picture says it is: whole points, if it is a PDF. */
static int measured(const drawing_t *self, int pixels)
{
    int dpi = tr_layout_dpi(self->request);
    return self->request->format == TROUPE_IMAGE_PDF
               ? (pixels * POINTS_PER_INCH + dpi - 1) / dpi
               : pixels;
}

troupe_status_t tr_renderer_draw(tr_renderer_t *self,
                                 const troupe_text_to_image_request_t *request,
                                 tr_render_go_on_fn *go_on, void *arg, tr_picture_t *out,
                                 troupe_why_t *why)
{
    assert(self && request && out && why);

    drawing_t drawing = {.request = request, .go_on = go_on, .arg = arg};
    troupe_status_t status = read_colors(&drawing, why);
    if (status == TROUPE_OK) {
        status = tr_layout_make(self->fonts, request, &drawing.layout, &drawing.page, why);
    }
    if (status == TROUPE_OK) {
        status = paint(&drawing, why);
        g_object_unref(drawing.layout);
    }
    if (status == TROUPE_OK) {
        *out = (tr_picture_t){
            .bytes = drawing.bytes,
            .size = drawing.used,
            .width = measured(&drawing, drawing.page.width),
            .height = measured(&drawing, drawing.page.height),
        };
    } else {
        free(drawing.bytes);
    }
    return status;
}
