/* page.h - a text becomes a picture */

#ifndef PAGE_H
#define PAGE_H

#include <stddef.h>

/* A page with these lines on it, as PNG; to be released with free(). NULL: it could not be
 * drawn.
 */
unsigned char *draw_page(const char *text, size_t *size_out);

#endif
