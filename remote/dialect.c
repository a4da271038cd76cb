/* Whoever begins with anything else is told what is wrong in TRP/1. */

#include "remote/dialect.h"

const tr_dialect_t *tr_dialect_of(tr_span_t first, const troupe_message_t *rest)
{
    (void)first;
    (void)rest;
    return &tr_native;
}
