/* Compiled once for each public header, as C and as C++, with nothing included before it: a
 * header that needs another one, or does not guard itself, does not compile here.
 */

#include HEADER
#include HEADER

extern int troupe_header_check;
int troupe_header_check = TROUPE_VERSION_MAJOR; /* every header brings troupe/api.h along */
