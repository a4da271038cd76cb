/* troupe-host - the program that a node starts for a worker whose behaviour is a module
 *
 *     troupe-host --module FILE.so [key=value ...]
 *
 * Nothing but the command line is done here; who wants a program of one's own for a behaviour
 * that is linked in calls the library likewise (troupe/worker_process.h). It is installed where
 * people do not look for commands: without a node it has nothing to do.
 */

#include <stdio.h>
#include <string.h>

#include <troupe/worker_process.h>

#define USAGE_STATUS 2

int main(int argc, char **argv)
{
    if (argc < 3 || strcmp(argv[1], "--module") != 0) {
        fprintf(stderr, "usage: troupe-host --module FILE.so [key=value ...]\n"
                        "A node starts this program for a worker in a process of its own.\n");
        return USAGE_STATUS;
    }
    /* The node reads lines; those that a behaviour prints must not wait until the end. */
    setvbuf(stdout, NULL, _IOLBF, 0);
    return troupe_worker_process_run_module(argv[2], argc - 3, argv + 3);
}
