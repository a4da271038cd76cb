/* cli/top_view.h - what `troupe top` shows of a node, as text
 *
 * Made from two looks at its metrics and one at its tree. Pure, but for the locale and colours
 * that cli/output.h knows.
 */

#ifndef TROUPE_CLI_TOP_VIEW_H
#define TROUPE_CLI_TOP_VIEW_H

#include <stdbool.h>

#include <msgpack.h>
#include <troupe/api.h>

/* What comes first. */
typedef enum cli_top_order {
    CLI_TOP_BY_TREE,   /* as in the file */
    CLI_TOP_BY_NAME,   /* from a to z */
    CLI_TOP_BY_RATE,   /* the most requests or messages a second, */
    CLI_TOP_BY_QUEUE,  /* the most that wait, */
    CLI_TOP_BY_P99,    /* the slowest, */
    CLI_TOP_BY_FAILED, /* or those with the most failures */
    CLI_TOP_N_ORDERS
} cli_top_order_t;

/* "tree", "name", "rate", "queue", "p99", "failed". */
const char *cli_top_order_name(cli_top_order_t order);

/* Find the order called so; false when there is none. */
TROUPE_NODISCARD bool cli_top_order_parse(const char *name, cli_top_order_t *out);

typedef struct cli_top_looks {
    const msgpack_object *tree;
    const msgpack_object *earlier; /* metrics of the look before; NULL: there was none */
    const msgpack_object *stats;
} cli_top_looks_t;

/* Each is a new string of whole lines, to be released with free(). Tables without rows are "".
 */
TROUPE_NODISCARD char *cli_top_heading(const cli_top_looks_t *looks);
TROUPE_NODISCARD char *cli_top_capabilities(const cli_top_looks_t *looks, cli_top_order_t order,
                                            bool is_reversed);
TROUPE_NODISCARD char *cli_top_actors(const cli_top_looks_t *looks, cli_top_order_t order,
                                      bool is_reversed);

#endif
