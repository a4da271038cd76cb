/* tests/kit/folder.h - a folder of made-up files, gone when the test is over */

#ifndef TROUPE_TESTS_KIT_FOLDER_H
#define TROUPE_TESTS_KIT_FOLDER_H

typedef struct folder {
    char path[64];
} folder_t;

/* An empty one. */
void folder_begin(folder_t *self);

/* Write `text` into the file at `path`, which begins with '/'; the folders above it are made.
 */
void folder_put(const folder_t *self, const char *path, const char *text);

/* With all that is in it. */
void folder_end(folder_t *self);

#endif
