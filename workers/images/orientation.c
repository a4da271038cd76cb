/* Exif is a TIFF without a picture: 8 bytes of header, of which two say in which order bytes
 * are, and four where the first directory is: how many entries, and 12 bytes for each. All of
 * it is a stranger's, so nothing is read that was not seen to be there.
 */

#include "orientation.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#define NAME        "Exif\0" /* with its NUL, two of them */
#define NAME_SIZE   6
#define HEADER_SIZE 8
#define ENTRY_SIZE  12

enum { TIFF_MARK = 42, TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3 };

typedef struct tiff {
    const unsigned char *data;
    size_t size;
    bool is_little; /* the least byte first */
} tiff_t;

static uint32_t number_at(const tiff_t *tiff, size_t at, size_t n_bytes)
{
    uint32_t number = 0;
    for (size_t i = 0; i < n_bytes; i++) {
        size_t byte = tiff->is_little ? n_bytes - 1 - i : i;
        number = number << 8 | tiff->data[at + byte];
    }
    return number;
}

/* False: it is no TIFF. */
static bool open_tiff(const unsigned char *segment, size_t size, tiff_t *out)
{
    if (size < NAME_SIZE + HEADER_SIZE || memcmp(segment, NAME, NAME_SIZE) != 0) {
        return false;
    }
    *out = (tiff_t){.data = segment + NAME_SIZE, .size = size - NAME_SIZE};
    out->is_little = memcmp(out->data, "II", 2) == 0;
    return (out->is_little || memcmp(out->data, "MM", 2) == 0) &&
           number_at(out, 2, 2) == TIFF_MARK;
}

/* Returns 0 when the entry is about something else. */
static uint32_t orientation_in(const tiff_t *tiff, size_t entry)
{
    bool is_meant = number_at(tiff, entry, 2) == TAG_ORIENTATION &&
                    number_at(tiff, entry + 2, 2) == TYPE_SHORT &&
                    number_at(tiff, entry + 4, 4) == 1;
    return is_meant ? number_at(tiff, entry + 8, 2) : 0;
}

tr_orientation_t tr_orientation_of(const void *segment, size_t size)
{
    assert(segment || size == 0);
    tiff_t tiff;
    if (!open_tiff(segment, size, &tiff)) {
        return TR_UPRIGHT;
    }
    size_t directory = number_at(&tiff, 4, 4);
    if (directory > tiff.size || tiff.size - directory < 2) {
        return TR_UPRIGHT;
    }
    size_t n_entries = number_at(&tiff, directory, 2);
    size_t n_there = (tiff.size - directory - 2) / ENTRY_SIZE;
    uint32_t found = 0;
    for (size_t i = 0; i < n_entries && i < n_there && found == 0; i++) {
        found = orientation_in(&tiff, directory + 2 + i * ENTRY_SIZE);
    }
    return found >= TR_UPRIGHT && found <= TR_TURNED_270 ? (tr_orientation_t)found : TR_UPRIGHT;
}

bool tr_orientation_swaps(tr_orientation_t self)
{
    return self >= TR_TRANSPOSED;
}

tr_way_t tr_orientation_way(tr_orientation_t self, int width, int height, int line)
{
    int right = width - 1; /* of the line, as it is in the file */
    int above = height - 1 - line;
    switch (self) {
    case TR_MIRRORED:
        return (tr_way_t){right, line, -1, 0};
    case TR_TURNED_180:
        return (tr_way_t){right, above, -1, 0};
    case TR_UPSIDE_DOWN:
        return (tr_way_t){0, above, 1, 0};
    case TR_TRANSPOSED:
        return (tr_way_t){line, 0, 0, 1};
    case TR_TURNED_90:
        return (tr_way_t){above, 0, 0, 1};
    case TR_TRANSVERSED:
        return (tr_way_t){above, right, 0, -1};
    case TR_TURNED_270:
        return (tr_way_t){line, right, 0, -1};
    default:
        return (tr_way_t){0, line, 1, 0};
    }
}
