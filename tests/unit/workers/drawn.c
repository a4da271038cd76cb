#include "tests/kit/check.h"

#include "tests/unit/workers/drawn.h"

tr_picture_t drawn_page(const char *text, int dpi)
{
    const troupe_text_to_image_request_t request = {
        .prompt = text, .margin = -1, .dpi = dpi, .markup = TROUPE_MARKUP_NO};
    tr_renderer_t *renderer = tr_renderer_new();
    tr_picture_t picture = {0};
    troupe_why_t why = {""};
    assert_non_null(renderer);
    if (tr_renderer_draw(renderer, &request, NULL, NULL, &picture, &why) != TROUPE_OK) {
        fail_msg("not drawn: %s", why.text);
    }
    tr_renderer_destroy(&renderer);
    return picture;
}
