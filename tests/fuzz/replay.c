/* Call a target with files, as they are named or as they lie in folders that are named, and
 * with nothing at all. What libFuzzer found once is looked at again by each build and each
 * sanitizer.
 */

#include "tests/fuzz/target.h"

#include <dirent.h>
#include <sys/stat.h>

static size_t n_files;

static void replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat status;
    if (!file || fstat(fileno(file), &status) != 0) {
        perror(path);
        exit(1);
    }
    size_t size = (size_t)status.st_size;
    uint8_t *data = malloc(size > 0 ? size : 1);
    HOLDS(data && fread(data, 1, size, file) == size);
    fclose(file);
    fprintf(stderr, "%s\n", path); /* the last one is the one that it was */
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    n_files++;
}

static void replay_folder(const char *path)
{
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, alphasort);
    if (n < 0) {
        perror(path);
        exit(1);
    }
    for (int i = 0; i < n; i++) {
        char *inside = NULL;
        HOLDS(asprintf(&inside, "%s/%s", path, entries[i]->d_name) > 0);
        if (entries[i]->d_name[0] != '.') {
            replay_file(inside);
        }
        free(inside);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++) {
        struct stat status;
        if (stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode)) {
            replay_folder(argv[i]);
        } else {
            replay_file(argv[i]);
        }
    }
    printf("%zu files\n", n_files);
    return n_files > 0 ? 0 : 1;
}
