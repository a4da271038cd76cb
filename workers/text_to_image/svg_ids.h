/* workers/text_to_image/svg_ids.h - the same drawing, the same SVG
 *
 * Cairo names what it draws after a counter that all of the process shares, so a drawing gets
 * other names each time. Here they are numbered anew, in the order in which they come. Pure.
 */

#ifndef TROUPE_WORKERS_SVG_IDS_H
#define TROUPE_WORKERS_SVG_IDS_H

#include <stddef.h>

/* A copy of the SVG in `size` bytes with those names, to be released with free(); its size
 * becomes *size_out. NULL when out of memory. */
char *tr_svg_with_own_ids(const char *svg, size_t size, size_t *size_out);

#endif
