/* Shared by whoever shows a node, so that it is the same node everywhere.
 */

#include "cli/heading.h"

#include <stdint.h>
#include <stdlib.h>

#include "cli/document.h"
#include "cli/figures.h"
#include "cli/output.h"

enum { NAME_LENGTH = 64, REASON_LENGTH = 300 };

/* "memory: 1.2 GiB charged, 900 MiB measured of 4.0 GiB, pressure low"; without a budget
 * nothing, for nothing is bounded then. */
static void print_memory(FILE *stream, const msgpack_object *state)
{
    const msgpack_object *memory = cli_member(state, "memory");
    uint64_t budget;
    uint64_t charged;
    uint64_t measured;
    if (!memory || !cli_member_number(memory, "budget", &budget) ||
        !cli_member_number(memory, "charged", &charged) ||
        !cli_member_number(memory, "measured", &measured)) {
        return;
    }
    char texts[3][CLI_FIGURE];
    cli_show_size((double)charged, texts[0]);
    cli_show_size((double)measured, texts[1]);
    cli_show_size((double)budget, texts[2]);
    char *pressure = cli_member_text(memory, "pressure", NAME_LENGTH);
    fprintf(stream, "memory: %s charged, %s measured, of %s; pressure %s\n", texts[0], texts[1],
            texts[2], *pressure ? pressure : "unknown");
    free(pressure);
}

void cli_heading_reasons(FILE *stream, const msgpack_object *state)
{
    msgpack_object_array reasons = cli_member_array(state, "reasons");
    for (uint32_t i = 0; i < reasons.size; i++) {
        char *reason = cli_object_text(&reasons.ptr[i], REASON_LENGTH);
        fprintf(stream, "  - %s\n", reason);
        free(reason);
    }
}

void cli_heading_print(FILE *stream, const msgpack_object *state, const char *more)
{
    char *node = cli_member_text(state, "node", NAME_LENGTH);
    char *word = cli_member_text(state, "state", NAME_LENGTH);
    cli_print_to(stream, CLI_BOLD, *node ? node : "a node without name");
    if (*word) {
        fprintf(stream, " is ");
        cli_print_to(stream, cli_state_colour(word), word);
    }
    fprintf(stream, "%s\n", more);
    free(node);
    free(word);
    print_memory(stream, state);
}
