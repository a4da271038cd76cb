/* The log sheds by itself when there are many; the counter never does. */

#include "mailbox/dead_letter.h"

#include "base/log.h"

void tr_dead_letter_take(tr_metric_t *counter, const char *to, const char *why,
                         tr_letter_t **letter_p)
{
    assert(to && why && letter_p && *letter_p);
    tr_metric_add(counter, 1);
    tr_log(TR_LOG_WARNING, "dead_letter", TR_TEXT("to", to),
           TR_TEXT("letter", (*letter_p)->type->name), TR_TEXT("why", why));
    tr_letter_destroy(letter_p);
}
