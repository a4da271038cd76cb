/* A program that loads the library late, and lets go of it before its threads end: what these
 * have of the library's then must still be there to clean up after them. */

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

typedef void *(new_fn)(void);
typedef void(destroy_fn)(void **self_p);

static void give_up(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(1);
}

static void *use_and_let_go(void *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        give_up(dlerror());
    }
    new_fn *make;
    destroy_fn *destroy;
    *(void **)&make = dlsym(library, "troupe_message_new"); /* as POSIX has it */
    *(void **)&destroy = dlsym(library, "troupe_message_destroy");
    if (!make || !destroy) {
        give_up("the library lacks messages");
    }
    void *message = make();
    destroy(&message);
    dlclose(library);
    return NULL;
}

int main(int n_args, char **args)
{
    pthread_t thread = {0};
    if (n_args != 2 || pthread_create(&thread, NULL, use_and_let_go, args[1]) != 0) {
        give_up("usage: test_unload LIBRARY");
    }
    pthread_join(thread, NULL);
    return 0;
}
