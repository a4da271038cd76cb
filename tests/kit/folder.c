#include "tests/kit/folder.h"

#include "tests/kit/check.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void folder_begin(folder_t *self)
{
    snprintf(self->path, sizeof self->path, "/tmp/troupe-test-XXXXXX");
    assert_non_null(mkdtemp(self->path));
}

void folder_put(const folder_t *self, const char *path, const char *text)
{
    char whole[4096];
    snprintf(whole, sizeof whole, "%s%s", self->path, path);
    for (char *slash = strchr(whole + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(whole, 0755);
        *slash = '/';
    }
    FILE *file = fopen(whole, "w");
    if (!file) {
        fail_msg("%s cannot be written", whole);
    }
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static int drop(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

void folder_end(folder_t *self)
{
    assert_int_equal(nftw(self->path, drop, 8, FTW_DEPTH | FTW_PHYS), 0);
}
