/* Leptonica looks at the header, and then unpacks. It writes to stderr when an image is odd;
 * strangers' images shall not fill our log, so it is silenced. (What libpng and libjpeg say
 * about a damaged file, a line at most, cannot be helped from here.)
 *
 * A JPEG may have its pixels refined scan by scan, and a scan that says nothing in a dozen
 * bytes is worth a pass over all of them: a small file could keep us busy for days. Honest ones
 * have ten. Within a JPEG the mark of a scan can be nothing else, but for what it carries
 * along, as a thumbnail; so they are counted without reading it.
 */

#include "pixels.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include <leptonica/allheaders.h>

/* What the header says. */
struct header {
    l_int32 format;
    l_int32 width;
    l_int32 height;
};

static void silence(void)
{
    setMsgSeverity(L_SEVERITY_NONE);
}

void tr_pixels_silence(void)
{
    static pthread_once_t silenced = PTHREAD_ONCE_INIT;
    pthread_once(&silenced, silence);
}

/* Those whose size Leptonica tells by the header alone. */
static bool is_known_format(l_int32 format)
{
    switch (format) {
    case IFF_PNG:
    case IFF_JFIF_JPEG:
    case IFF_BMP:
    case IFF_PNM:
    case IFF_WEBP:
    case IFF_TIFF:
    case IFF_TIFF_PACKBITS:
    case IFF_TIFF_RLE:
    case IFF_TIFF_G3:
    case IFF_TIFF_G4:
    case IFF_TIFF_LZW:
    case IFF_TIFF_ZIP:
    case IFF_TIFF_JPEG:
        return true;
    default:
        return false;
    }
}

static bool has_too_many_scans(const unsigned char *jpeg, size_t size)
{
    size_t n = 0;
    const unsigned char *end = jpeg + size;
    const unsigned char *at = memchr(jpeg, 0xFF, size);
    while (at && end - at > 1) {
        n += at[1] == 0xDA;
        at = memchr(at + 1, 0xFF, (size_t)(end - at - 1));
    }
    return n > TR_PIXELS_MAX_SCANS;
}

static troupe_status_t read_header(const void *image, size_t size, struct header *out,
                                   tr_why_t *why)
{
    if (size == 0) {
        tr_why_set(why, "the image is empty");
        return TROUPE_ERR_INVALID;
    }
    /* Leptonica tells formats apart by the first 12 bytes without asking how many there are. */
    if (size < 12 || findFileFormatBuffer(image, &out->format) != 0 ||
        !is_known_format(out->format)) {
        tr_why_set(why, "%zu bytes that are no PNG, JPEG, TIFF, BMP, PNM or WebP", size);
        return TROUPE_ERR_INVALID;
    }
    if (pixReadHeaderMem(image, size, NULL, &out->width, &out->height, NULL, NULL, NULL) != 0 ||
        out->width <= 0 || out->height <= 0) {
        tr_why_set(why, "the header of the image is damaged");
        return TROUPE_ERR_INVALID;
    }
    if (out->width > TR_PIXELS_MAX_SIDE || out->height > TR_PIXELS_MAX_SIDE ||
        (int64_t)out->width * out->height > TR_PIXELS_MAX_AREA) {
        tr_why_set(why, "the image is %d by %d, more than %d a side or %d million pixels",
                   out->width, out->height, TR_PIXELS_MAX_SIDE, TR_PIXELS_MAX_AREA / 1000000);
        return TROUPE_LIMIT;
    }
    if (out->format == IFF_JFIF_JPEG && has_too_many_scans(image, size)) {
        tr_why_set(why, "the JPEG has more than %d scans", TR_PIXELS_MAX_SCANS);
        return TROUPE_LIMIT;
    }
    return TROUPE_OK;
}

/* By how much a JPEG may be made smaller while it is unpacked. */
static l_int32 reduction_for(const struct header *header, int enough)
{
    l_int32 shorter = header->width < header->height ? header->width : header->height;
    l_int32 reduction = 1;
    while (enough > 0 && reduction < 8 && shorter / (2 * reduction) >= enough) {
        reduction *= 2;
    }
    return reduction;
}

troupe_status_t tr_pixels_unpack(const void *image, size_t size, int enough, struct Pix **out,
                                 tr_why_t *why)
{
    assert((image || size == 0) && enough >= 0 && out && why);

    tr_pixels_silence();
    struct header header = {.format = IFF_UNKNOWN};
    troupe_status_t status = read_header(image, size, &header, why);
    if (status != TROUPE_OK) {
        return status;
    }
    l_int32 reduction = reduction_for(&header, enough);
    PIX *pixels = header.format == IFF_JFIF_JPEG && reduction > 1
                      ? pixReadMemJpeg(image, size, 0, reduction, NULL, 0)
                      : pixReadMem(image, size);
    if (!pixels) {
        tr_why_set(why, "the image is damaged");
        return TROUPE_ERR_INVALID;
    }
    *out = pixels;
    return TROUPE_OK;
}
