/* The tables as JSON: what tools check their own types against. */

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/builder.h"
#include "base/json.h"
#include "capabilities/contracts/form.h"

static void add_string(tr_builder_t *to, const char *text)
{
    tr_json_string(to, text, strlen(text));
}

static void add_member(tr_builder_t *to, const char *name)
{
    tr_builder_add_char(to, ',');
    add_string(to, name);
    tr_builder_add_char(to, ':');
}

static const char *kind_name(const tr_field_t *field)
{
    static const char *const names[] = {
        [TR_FIELD_FLAG] = "flag", [TR_FIELD_WHOLE] = "whole",   [TR_FIELD_REAL] = "real",
        [TR_FIELD_TEXT] = "text", [TR_FIELD_CHOICE] = "choice", [TR_FIELD_TEXTS] = "texts",
        [TR_FIELD_ROWS] = "rows",
    };
    return names[field->kind];
}

static const char *subject_kind_name(const tr_subject_t *subject)
{
    static const char *const names[] = {
        [TR_SUBJECT_TEXT] = "text",   [TR_SUBJECT_TEXTS] = "text",
        [TR_SUBJECT_IMAGE] = "image", [TR_SUBJECT_IMAGES] = "image",
        [TR_SUBJECT_BYTES] = "bytes", [TR_SUBJECT_VALUES] = "float32",
    };
    return names[subject->kind];
}

static void add_choices(tr_builder_t *to, const char *const *choices)
{
    add_member(to, "choices");
    for (size_t i = 0; choices[i]; i++) {
        tr_builder_add_char(to, i == 0 ? '[' : ',');
        add_string(to, choices[i]);
    }
    tr_builder_add_char(to, ']');
}

/* Numbers and flags have one, choices the first of theirs but where the struct says another. */
static void add_default(tr_builder_t *to, const tr_field_t *field, const void *defaults)
{
    const void *at = tr_form_at(defaults, field->offset);
    switch (field->kind) {
    case TR_FIELD_FLAG:
        add_member(to, "default");
        tr_builder_add_text(to, *(const bool *)at ? "true" : "false");
        break;
    case TR_FIELD_WHOLE:
        add_member(to, "default");
        tr_builder_format(to, "%lld", (long long)*(const int64_t *)at);
        break;
    case TR_FIELD_REAL:
        add_member(to, "default");
        tr_builder_format(to, "%.15g", *(const double *)at);
        break;
    case TR_FIELD_CHOICE:
        add_member(to, "default");
        add_string(to, field->choices[*(const int *)at]);
        break;
    case TR_FIELD_TEXT:
    case TR_FIELD_TEXTS:
    case TR_FIELD_ROWS:
    default:
        break;
    }
}

static void add_fields(tr_builder_t *to, const tr_field_t *fields, const void *defaults);

static void add_field(tr_builder_t *to, const tr_field_t *field, const void *defaults)
{
    tr_builder_add_text(to, "{\"name\":");
    add_string(to, field->name);
    add_member(to, "type");
    add_string(to, kind_name(field));
    if (defaults) {
        add_default(to, field, defaults);
    }
    if (field->kind == TR_FIELD_WHOLE || field->kind == TR_FIELD_REAL) {
        tr_builder_format(to, ",\"min\":%.15g,\"max\":%.15g", field->min, field->max);
    }
    if (field->kind == TR_FIELD_TEXT || field->kind == TR_FIELD_TEXTS) {
        tr_builder_format(to, ",\"max_bytes\":%.0f", field->max);
    }
    if (field->max_count > 0) {
        tr_builder_format(to, ",\"max_count\":%zu", field->max_count);
    }
    if (field->is_needed) {
        tr_builder_add_text(to, ",\"needed\":true");
    }
    if (field->choices) {
        add_choices(to, field->choices);
    }
    if (field->row) {
        add_member(to, "fields");
        add_fields(to, field->row->fields, NULL);
    }
    tr_builder_add_char(to, '}');
}

static void add_fields(tr_builder_t *to, const tr_field_t *fields, const void *defaults)
{
    tr_builder_add_char(to, '[');
    for (const tr_field_t *field = fields; field->name; field++) {
        if (field != fields) {
            tr_builder_add_char(to, ',');
        }
        add_field(to, field, defaults);
    }
    tr_builder_add_char(to, ']');
}

static void add_form(tr_builder_t *to, const char *name, const tr_form_t *form)
{
    add_member(to, name);
    tr_builder_add_text(to, "{\"subject\":{\"name\":");
    add_string(to, form->subject.one ? form->subject.one : form->subject.name);
    if (form->subject.one) {
        add_member(to, "batch_name");
        add_string(to, form->subject.name);
    }
    add_member(to, "type");
    add_string(to, subject_kind_name(&form->subject));
    tr_builder_add_text(to, "},\"fields\":");
    add_fields(to, form->fields, form->is_reply ? NULL : form->defaults);
    tr_builder_add_char(to, '}');
}

char *troupe_contract_describe(const troupe_contract_t *self)
{
    assert(self);
    tr_builder_t text = {0};
    tr_builder_add_text(&text, "{\"capability\":");
    add_string(&text, self->name);
    add_member(&text, "method");
    add_string(&text, self->method);
    if (self->batch_method) {
        add_member(&text, "batch_method");
        add_string(&text, self->batch_method);
    }
    add_form(&text, "request", &self->request);
    add_form(&text, "reply", &self->reply);
    tr_builder_add_char(&text, '}');
    size_t size;
    return tr_builder_take(&text, &size);
}
