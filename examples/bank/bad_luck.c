/* bad_luck.c - makes actors fail at places where it hurts */

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "bank.h"

static atomic_int percent;

void set_bad_luck(int value)
{
    atomic_store(&percent, value);
}

bool has_bad_luck(troupe_worker_t *self, const char *where)
{
    if (rand() % 100 >= atomic_load(&percent)) {
        return false;
    }
    printf("  %s fails %s\n", troupe_worker_name(self), where);
    troupe_worker_explain(self, "bad luck %s", where);
    return true;
}
