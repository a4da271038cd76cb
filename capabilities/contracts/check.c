#include "capabilities/contracts/check.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* What a value is called in a complaint: "stop[3]", "turns[0].content". */
typedef struct place {
    char text[100];
} place_t;

static place_t place_of(const place_t *above, const char *name)
{
    place_t place;
    snprintf(place.text, sizeof place.text, "%.60s%s%.30s", above ? above->text : "",
             above ? "." : "", name);
    return place;
}

static place_t place_in(const place_t *list, size_t index)
{
    place_t place;
    snprintf(place.text, sizeof place.text, "%.70s[%zu]", list->text, index);
    return place;
}

static troupe_status_t check_text(const char *text, double max, const char *name,
                                  troupe_why_t *why)
{
    size_t size = strlen(text);
    if ((double)size > max) {
        troupe_why_set(why, "%s has %zu bytes, of which there may be %.0f", name, size, max);
        return TROUPE_LIMIT;
    }
    for (size_t at = 0, step; at < size; at += step) {
        step = tr_utf8_size(text + at, size - at);
        if (step == 0) {
            troupe_why_set(why, "%s is not UTF-8 from byte %zu on", name, at);
            return TROUPE_ERR_INVALID;
        }
    }
    return TROUPE_OK;
}

static troupe_status_t check_number(const tr_field_t *field, double number, const char *name,
                                    troupe_why_t *why)
{
    if (isfinite(number) && number >= field->min && number <= field->max) {
        return TROUPE_OK;
    }
    troupe_why_set(why, "%s is %.15g, and must be from %.15g to %.15g", name, number,
                   field->min, field->max);
    return TROUPE_ERR_INVALID;
}

static troupe_status_t check_choice(const tr_field_t *field, int choice, const char *name,
                                    troupe_why_t *why)
{
    int n_choices = 0;
    while (field->choices[n_choices]) {
        n_choices++;
    }
    if (choice >= 0 && choice < n_choices) {
        return TROUPE_OK;
    }
    troupe_why_set(why, "%s has no choice number %d", name, choice);
    return TROUPE_ERR_INVALID;
}

static troupe_status_t check_count(size_t count, size_t max, const char *name,
                                   troupe_why_t *why)
{
    if (count <= max) {
        return TROUPE_OK;
    }
    troupe_why_set(why, "%s has %zu items, of which there may be %zu", name, count, max);
    return TROUPE_LIMIT;
}

static troupe_status_t check_fields(const tr_field_t *fields, const void *whole,
                                    const place_t *above, troupe_why_t *why);

static troupe_status_t check_list(const tr_field_t *field, const void *whole,
                                  const place_t *place, troupe_why_t *why)
{
    const void *at = tr_form_at(whole, field->offset);
    size_t count = tr_form_count(whole, field->count_offset);
    troupe_status_t status = check_count(count, field->max_count, place->text, why);
    for (size_t i = 0; i < count && status == TROUPE_OK; i++) {
        place_t item = place_in(place, i);
        if (field->kind == TR_FIELD_TEXTS) {
            status =
                check_text((*(const char *const *const *)at)[i], field->max, item.text, why);
        } else {
            const char *rows = *(const char *const *)at;
            status = check_fields(field->row->fields, rows + i * field->row->size, &item, why);
        }
    }
    return status;
}

static troupe_status_t check_field(const tr_field_t *field, const void *whole,
                                   const place_t *place, troupe_why_t *why)
{
    const void *at = tr_form_at(whole, field->offset);
    const char *text;
    switch (field->kind) {
    case TR_FIELD_WHOLE:
        return check_number(field, (double)*(const int64_t *)at, place->text, why);
    case TR_FIELD_REAL:
        return check_number(field, *(const double *)at, place->text, why);
    case TR_FIELD_CHOICE:
        return check_choice(field, *(const int *)at, place->text, why);
    case TR_FIELD_TEXT:
        text = *(const char *const *)at;
        if (!text && field->is_needed) {
            troupe_why_set(why, "%s is missing", place->text);
            return TROUPE_ERR_INVALID;
        }
        return text ? check_text(text, field->max, place->text, why) : TROUPE_OK;
    case TR_FIELD_TEXTS:
    case TR_FIELD_ROWS:
        return check_list(field, whole, place, why);
    case TR_FIELD_FLAG:
    default:
        return TROUPE_OK;
    }
}

static troupe_status_t check_fields(const tr_field_t *fields, const void *whole,
                                    const place_t *above, troupe_why_t *why)
{
    troupe_status_t status = TROUPE_OK;
    for (const tr_field_t *field = fields; field->name && status == TROUPE_OK; field++) {
        place_t place = place_of(above, field->name);
        status = check_field(field, whole, &place, why);
    }
    return status;
}

/* ---- the subject ---- */

static troupe_status_t check_image(const troupe_image_t *image, const char *name,
                                   troupe_why_t *why)
{
    if (image->path) {
        return check_text(image->path, TROUPE_MAX_PATH, "path", why);
    }
    if (image->size == 0) {
        troupe_why_set(why, "%s is empty", name);
        return TROUPE_ERR_INVALID;
    }
    if (image->size > TROUPE_MAX_IMAGE) {
        troupe_why_set(why, "%s has %zu bytes, of which there may be %d", name, image->size,
                       TROUPE_MAX_IMAGE);
        return TROUPE_LIMIT;
    }
    return TROUPE_OK;
}

static troupe_status_t check_item(const tr_subject_t *subject, const void *items, size_t index,
                                  const char *name, troupe_why_t *why)
{
    if (subject->kind == TR_SUBJECT_IMAGES) {
        return check_image((const troupe_image_t *)items + index, name, why);
    }
    return check_text(((const char *const *)items)[index], TROUPE_MAX_TEXT, name, why);
}

static troupe_status_t check_items(const tr_subject_t *subject, const void *whole,
                                   troupe_why_t *why)
{
    const void *items = *(const void *const *)tr_form_at(whole, subject->offset);
    size_t count = tr_form_count(whole, subject->count_offset);
    if (count == 1) {
        return check_item(subject, items, 0, subject->one, why);
    }
    place_t list = place_of(NULL, subject->name);
    troupe_status_t status = check_count(count, TROUPE_MAX_BATCH, list.text, why);
    for (size_t i = 0; i < count && status == TROUPE_OK; i++) {
        place_t item = place_in(&list, i);
        status = check_item(subject, items, i, item.text, why);
    }
    return status;
}

static troupe_status_t check_values(const tr_subject_t *subject, const void *whole,
                                    troupe_why_t *why)
{
    int64_t dimension = *(const int64_t *)tr_form_at(whole, subject->dimension_offset);
    size_t n_values = tr_form_count(whole, subject->count_offset);
    if (dimension > 0 && n_values % (uint64_t)dimension == 0) {
        return TROUPE_OK;
    }
    troupe_why_set(why, "%zu values are no vectors of %" PRId64, n_values, dimension);
    return TROUPE_ERR_INVALID;
}

static troupe_status_t check_subject(const tr_subject_t *subject, const void *whole,
                                     troupe_why_t *why)
{
    const void *at = tr_form_at(whole, subject->offset);
    const char *text;
    switch (subject->kind) {
    case TR_SUBJECT_TEXT:
        text = *(const char *const *)at;
        if (!text && !subject->may_lack) {
            troupe_why_set(why, "%s is missing", subject->name);
            return TROUPE_ERR_INVALID;
        }
        return text ? check_text(text, TROUPE_MAX_TEXT, subject->name, why) : TROUPE_OK;
    case TR_SUBJECT_IMAGE:
        return check_image(at, subject->name, why);
    case TR_SUBJECT_TEXTS:
    case TR_SUBJECT_IMAGES:
        return check_items(subject, whole, why);
    case TR_SUBJECT_VALUES:
        return check_values(subject, whole, why);
    case TR_SUBJECT_BYTES:
    default:
        return TROUPE_OK;
    }
}

troupe_status_t tr_form_check(const tr_form_t *form, const void *whole, troupe_why_t *why)
{
    assert(form && whole && why);
    troupe_status_t status = check_subject(&form->subject, whole, why);
    if (status == TROUPE_OK) {
        status = check_fields(form->fields, whole, NULL, why);
    }
    return status == TROUPE_OK && form->rule ? form->rule(whole, why) : status;
}
