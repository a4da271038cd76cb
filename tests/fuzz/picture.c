/* Images, as the workers unpack them: what comes out is within the limits, and has a descriptor
 * of length 1; or there is a reason, and nothing. The input is the file.
 */

#include "tests/fuzz/target.h"

#include <math.h>

#include <leptonica/allheaders.h>

#include "workers/image_embedding/gist.h"
#include "workers/images/pixels.h"

static void take_picture(PIX *picture)
{
    tr_canvas_t canvas;
    float gist[TR_GIST_DIMENSION];
    double square = 0;
    HOLDS((int64_t)pixGetWidth(picture) * pixGetHeight(picture) <= TR_PIXELS_MAX_AREA);
    HOLDS(tr_canvas_draw(&canvas, picture) == TROUPE_OK);
    tr_gist_of(&canvas, gist);
    for (int i = 0; i < TR_GIST_DIMENSION; i++) {
        square += (double)gist[i] * (double)gist[i];
    }
    HOLDS(fabs(square - 1) < 1e-4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int enough = 0; enough <= 64; enough += 64) {
        PIX *picture = NULL;
        troupe_why_t why = {""};
        troupe_status_t status = tr_pixels_unpack(data, size, enough, &picture, &why);
        if (status == TROUPE_OK) {
            take_picture(picture);
        } else {
            HOLDS(!picture && why.text[0]);
        }
        pixDestroy(&picture);
    }
    return 0;
}
