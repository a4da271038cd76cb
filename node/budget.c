#include "node/budget.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* A share is read in hundredths of a percent. */
#define WHOLE 10000

uint64_t tr_budget_plus(uint64_t one, uint64_t other)
{
    uint64_t sum;
    return __builtin_add_overflow(one, other, &sum) ? UINT64_MAX : sum;
}

uint64_t tr_budget_times(uint64_t one, uint64_t other)
{
    uint64_t product;
    return __builtin_mul_overflow(one, other, &product) ? UINT64_MAX : product;
}

/* Divided first, and the rest apart: neither product is larger than `bytes`, for what is no
 * more than the whole. */
static uint64_t share_of(uint64_t bytes, uint32_t share)
{
    return bytes / WHOLE * share + bytes % WHOLE * share / WHOLE;
}

tr_budget_t tr_budget_of(const tr_config_t *config, tr_machine_memory_t there)
{
    assert(config);
    tr_budget_t self = {.there = there, .reserve = (uint64_t)config->memory_reserve};
    if (config->memory_budget.bytes >= 0) {
        self.whole = (uint64_t)config->memory_budget.bytes;
    } else {
        self.share = (uint32_t)(config->memory_budget.share * WHOLE + 0.5);
        assert(self.share <= WHOLE);
        self.whole = share_of(there.bytes, self.share);
    }
    self.bytes = self.whole > self.reserve ? self.whole - self.reserve : 0;
    return self;
}

uint64_t tr_budget_bytes(const tr_config_t *config)
{
    return tr_budget_of(config, tr_machine_memory("")).bytes;
}

/* A number of a unit, in hundredths, without the zeros at its end. */
static void show_hundredths(uint64_t number, const char *unit, char *buffer, size_t size)
{
    uint64_t whole = number / 100;
    unsigned rest = (unsigned)(number % 100);
    if (rest == 0) {
        snprintf(buffer, size, "%" PRIu64 "%s", whole, unit);
    } else if (rest % 10 == 0) {
        snprintf(buffer, size, "%" PRIu64 ".%u%s", whole, rest / 10, unit);
    } else {
        snprintf(buffer, size, "%" PRIu64 ".%02u%s", whole, rest, unit);
    }
}

const char *tr_budget_show_bytes(uint64_t bytes, char *buffer, size_t size)
{
    assert(buffer);
    enum { SHORT = 7 };
    static const struct {
        const char *name;
        unsigned shift;
    } units[] = {{"TiB", 40}, {"GiB", 30}, {"MiB", 20}, {"KiB", 10}, {"B", 0}};
    char exact[32];
    size_t i = 0;
    if (bytes == UINT64_MAX) {
        snprintf(buffer, size, "more than can be counted");
        return buffer;
    }
    if (strlen(tr_text_print_size(bytes, exact, sizeof exact)) <= SHORT) {
        snprintf(buffer, size, "%s", exact);
        return buffer;
    }
    while (bytes >> units[i].shift == 0) {
        i++;
    }
    unsigned shift = units[i].shift;
    uint64_t half = shift > 0 ? UINT64_C(1) << (shift - 1) : 0;
    uint64_t rest = bytes & ((UINT64_C(1) << shift) - 1);
    show_hundredths((bytes >> shift) * 100 + ((rest * 100 + half) >> shift), units[i].name,
                    buffer, size);
    return buffer;
}

const char *tr_budget_show(const tr_budget_t *self, char *buffer, size_t size)
{
    assert(self && buffer);
    char bytes[32];
    char there[32];
    char reserve[32];
    char whole[64] = "";
    char less[64] = "";
    char share[16];
    tr_budget_show_bytes(self->bytes, bytes, sizeof bytes);
    if (self->reserve > 0) {
        snprintf(less, sizeof less, "less the reserve of %s",
                 tr_budget_show_bytes(self->reserve, reserve, sizeof reserve));
    }
    if (self->share > 0) {
        show_hundredths(self->share, "%", share, sizeof share);
        snprintf(buffer, size, "%s (%s of the %s that %s%s%s)", bytes, share,
                 tr_budget_show_bytes(self->there.bytes, there, sizeof there),
                 self->there.is_of_group ? "its control group allows" : "the machine has",
                 less[0] ? ", " : "", less);
    } else if (self->reserve > 0) {
        snprintf(buffer, size, "%s (%s %s)", bytes,
                 tr_budget_show_bytes(self->whole, whole, sizeof whole), less);
    } else {
        snprintf(buffer, size, "%s", bytes);
    }
    return buffer;
}

static void add_demand(const tr_config_child_t *child, tr_demand_t *demand)
{
    if (child->kind == TR_CONFIG_CAPABILITY && child->memory > 0) {
        uint64_t memory = (uint64_t)child->memory;
        demand->n_capabilities++;
        demand->most =
            tr_budget_plus(demand->most, tr_budget_times(memory, (uint64_t)child->workers_max));
        demand->least = tr_budget_plus(demand->least,
                                       tr_budget_times(memory, (uint64_t)child->workers_min));
    }
    for (size_t i = 0; i < child->n_children; i++) {
        add_demand(&child->children[i], demand);
    }
}

tr_demand_t tr_budget_demand(const tr_config_t *config)
{
    assert(config);
    tr_demand_t demand = {0};
    add_demand(&config->root, &demand);
    return demand;
}

char *tr_budget_outlook(const tr_config_t *config, tr_machine_memory_t there)
{
    assert(config);
    tr_budget_t budget = tr_budget_of(config, there);
    tr_demand_t demand = tr_budget_demand(config);
    char text[TR_BUDGET_TEXT];
    char most[32];
    char *line = NULL;
    if (demand.n_capabilities == 0) {
        return strdup("");
    }
    int size =
        asprintf(&line, "memory: %zu %s up to %s with all pools full; the budget is %s: %s",
                 demand.n_capabilities,
                 demand.n_capabilities == 1 ? "capability declares" : "capabilities declare",
                 tr_budget_show_bytes(demand.most, most, sizeof most),
                 tr_budget_show(&budget, text, sizeof text),
                 demand.most > budget.bytes ? "idle workers will give way" : "all fit");
    return size < 0 ? NULL : line;
}
