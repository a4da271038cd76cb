#include <troupe/key.h>

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "wire/curve_key.h"

_Static_assert(TROUPE_KEY_SIZE == TR_CURVE_KEY_TEXT, "a public key is a key as text");

troupe_status_t troupe_key_make(const char *path, const char *name,
                                char public_key[TROUPE_KEY_SIZE], char *why, size_t size)
{
    assert(path && name && public_key && why && size > 0);
    tr_curve_pair_t pair;
    if (!tr_text_is_name(name)) {
        snprintf(why, size, "'%.64s' is no name", name);
        return TROUPE_ERR_INVALID;
    }
    troupe_status_t status = tr_curve_pair_write(path, name, &pair, why, size);
    memcpy(public_key, pair.public_key, TROUPE_KEY_SIZE);
    tr_curve_pair_forget(&pair);
    return status;
}
