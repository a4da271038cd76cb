/* The header is looked at, and then the image is unpacked: PNG and JPEG by files of their own,
 * all else by Leptonica. Strangers' images shall not fill our log, so nothing here writes to
 * stderr: Leptonica is silenced, and keeps libtiff from it.
 */

#include "pixels.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include <leptonica/allheaders.h>

#include "pixels_inside.h"

static void say_nothing(const char *text)
{
    (void)text;
}

/* For some of what it says Leptonica does not ask how severe it is. The handler stays for good,
 * as modules do. */
static void silence(void)
{
    setMsgSeverity(L_SEVERITY_NONE);
    leptSetStderrHandler(say_nothing);
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

static troupe_status_t read_format(const void *image, size_t size, l_int32 *format,
                                   troupe_why_t *why)
{
    if (size == 0) {
        troupe_why_set(why, "the image is empty");
        return TROUPE_ERR_INVALID;
    }
    /* Leptonica tells formats apart by the first 12 bytes without asking how many there are. */
    if (size < 12 || findFileFormatBuffer(image, format) != 0 || !is_known_format(*format)) {
        troupe_why_set(why, "%zu bytes that are no PNG, JPEG, TIFF, BMP, PNM or WebP", size);
        return TROUPE_ERR_INVALID;
    }
    return TROUPE_OK;
}

static troupe_status_t read_header(const void *image, size_t size, l_int32 format,
                                   tr_pixels_header_t *out, troupe_why_t *why)
{
    bool is_read = format == IFF_JFIF_JPEG
                       ? tr_pixels_read_jpeg_header(image, size, out)
                       : pixReadHeaderMem(image, size, NULL, &out->width, &out->height, NULL,
                                          NULL, NULL) == 0;
    if (!is_read || out->width <= 0 || out->height <= 0) {
        troupe_why_set(why, "the header of the image is damaged");
        return TROUPE_ERR_INVALID;
    }
    if (out->width > TR_PIXELS_MAX_SIDE || out->height > TR_PIXELS_MAX_SIDE ||
        (int64_t)out->width * out->height > TR_PIXELS_MAX_AREA) {
        troupe_why_set(why, "the image is %d by %d, more than %d a side or %d million pixels",
                       out->width, out->height, TR_PIXELS_MAX_SIDE,
                       TR_PIXELS_MAX_AREA / 1000000);
        return TROUPE_LIMIT;
    }
    return TROUPE_OK;
}

/* By how much a JPEG may be made smaller while it is unpacked. */
static unsigned reduction_for(const tr_pixels_header_t *header, int enough)
{
    int shorter = header->width < header->height ? header->width : header->height;
    unsigned reduction = 1;
    while (enough > 0 && reduction < 8 && shorter / (2 * (int)reduction) >= enough) {
        reduction *= 2;
    }
    return reduction;
}

static PIX *read_pixels(const void *image, size_t size, l_int32 format,
                        const tr_pixels_header_t *header, int enough, bool *no_memory)
{
    switch (format) {
    case IFF_PNG:
        return tr_pixels_read_png(image, size, header, no_memory);
    case IFF_JFIF_JPEG:
        return tr_pixels_read_jpeg(image, size, header, reduction_for(header, enough),
                                   no_memory);
    default:
        return pixReadMem(image, size);
    }
}

troupe_status_t tr_pixels_unpack(const void *image, size_t size, int enough, struct Pix **out,
                                 troupe_why_t *why)
{
    assert((image || size == 0) && enough >= 0 && out && why);

    tr_pixels_silence();
    l_int32 format = IFF_UNKNOWN;
    tr_pixels_header_t header = {0};
    troupe_status_t status = read_format(image, size, &format, why);
    if (status == TROUPE_OK) {
        status = read_header(image, size, format, &header, why);
    }
    if (status != TROUPE_OK) {
        return status;
    }
    bool no_memory = false;
    *out = read_pixels(image, size, format, &header, enough, &no_memory);
    if (no_memory) {
        troupe_why_set(why, "out of memory");
        return TROUPE_ERR_NOMEM;
    }
    if (!*out) {
        troupe_why_set(why, "the image is damaged");
        return TROUPE_ERR_INVALID;
    }
    return TROUPE_OK;
}
