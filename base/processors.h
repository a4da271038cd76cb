/* base/processors.h - how many processors this process may use */

#ifndef TROUPE_BASE_PROCESSORS_H
#define TROUPE_BASE_PROCESSORS_H

#include <stddef.h>

/* At least 1; as it was when first asked. Any thread. */
size_t tr_processors(void);

#endif
