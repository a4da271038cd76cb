/* troupe/node.h - a node: one process running one supervisor tree
 *
 * Make it, give it behaviours and a description of the tree, start it. Functions
 * belong to the thread that made the node, except where they say "any thread".
 */

#ifndef TROUPE_NODE_H
#define TROUPE_NODE_H

#include <stdint.h>

#include <troupe/api.h>
#include <troupe/behaviour.h>
#include <troupe/message.h>
#include <troupe/status.h>

TROUPE_BEGIN_DECLS

/* One supervisor tree in this process. */
typedef struct troupe_node troupe_node_t;

/* What troupe_node_run and troupe_node_wait report, fit for exit(). */
enum {
    TROUPE_EXIT_OK = 0,     /* stopped as asked */
    TROUPE_EXIT_FAILED = 1, /* not started: a module, an endpoint or a limit stood in the way */
    TROUPE_EXIT_GAVE_UP = 70, /* the root supervisor gave up, in its first start or later */
};

/* Called once for each problem in a configuration, with one line such as
 * "studio.yaml:7:5: error: unknown key 'keep-aliv'; did you mean 'keep-alive'?". */
typedef void(troupe_problem_fn)(void *arg, const char *line);

/* A node that does nothing yet, owned by the caller; NULL when out of memory. */
TROUPE_API TROUPE_NODISCARD troupe_node_t *troupe_node_new(void);

/* Stop what runs, bounded by the configured times, let go of all, and set *self_p to
 * NULL; NULL is fine. */
TROUPE_API void troupe_node_destroy(troupe_node_t **self_p);

/* Make a linked-in behaviour known under its name, before the description is loaded.
 * It must live as long as the process. TROUPE_EXISTS when the name is taken;
 * TROUPE_ERR_INVALID when it lacks a name or has neither handle nor receive. */
TROUPE_API TROUPE_NODISCARD troupe_status_t
troupe_node_register(troupe_node_t *self, const troupe_behaviour_t *behaviour);

/* Look for behaviour modules in this folder too: after those added before, and before those
 * that $TROUPE_MODULE_PATH names and the installed one. The text is copied. */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_node_add_module_path(troupe_node_t *self,
                                                                        const char *folder);

/* Describe the tree by a YAML file. Every problem found is reported through `report (arg,
 * line)`; report may be NULL. On anything but TROUPE_OK nothing was taken.
 *
 *   TROUPE_OK           described
 *   TROUPE_ERR_INVALID  at least one problem was reported
 *   TROUPE_ERR_IO       the file cannot be read; reported too
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_node_load_file(troupe_node_t *self,
                                                                  const char *path,
                                                                  troupe_problem_fn *report,
                                                                  void *arg);

/* The same by YAML text; `name` stands for the file in problems. */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_node_load_text(troupe_node_t *self,
                                                                  const char *name,
                                                                  const char *yaml,
                                                                  troupe_problem_fn *report,
                                                                  void *arg);

/* One line that says what starting would start, for `troupe check`. A new string, to be
 * released with free(); NULL when out of memory or nothing is loaded. */
TROUPE_API TROUPE_NODISCARD char *troupe_node_summary(const troupe_node_t *self);

/* One more line, of what the workers of all full pools together would need of the memory
 * budget: "memory: 3 capabilities declare up to 1.2GiB with all pools full; the budget is
 * 700MiB: idle workers will give way". Empty when no capability declares any memory; else as
 * above. */
TROUPE_API TROUPE_NODISCARD char *troupe_node_outlook(const troupe_node_t *self);

/* The description in YAML, with every default filled in and every variable replaced, for
 * `troupe check --effective`. Describing a node by it means the same. A new string, to be
 * released with free(); NULL when out of memory or nothing is loaded. */
TROUPE_API TROUPE_NODISCARD char *troupe_node_effective(const troupe_node_t *self);

/* Start the tree and return when it is ready or has failed. Problems are reported as
 * for loading.
 *
 *   TROUPE_OK           everything that was described is up; a pool whose workers do
 *                       not start is up too, and says `spawn_failed` to its callers
 *   TROUPE_CLOSED       a child did not start, and what had started was stopped
 *   TROUPE_ERR_INVALID  nothing is loaded, or it was started before
 *   TROUPE_ERR_IO       an endpoint, a module or a limit could not be had
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_node_start(troupe_node_t *self,
                                                              troupe_problem_fn *report,
                                                              void *arg);

/* Ask the node to drain and stop: it refuses new requests, finishes those accepted
 * within `drain-timeout`, stops its children in reverse order. Asked a second time it
 * does not wait for requests any more. Returns at once; any thread. */
TROUPE_API void troupe_node_stop(troupe_node_t *self);

/* Ask the node to read the file that it was loaded from again, and to do what has changed in
 * it: children that are new are started, those that are gone are stopped, what has changed
 * follows, and nothing else notices. What was done is in the log and the events, and so is
 * every problem of a file that is not applied; then nothing has changed. A node that was loaded
 * from text has no file: the log says so. While one reload is under way another is refused.
 * Returns at once; any thread.
 *
 *   TROUPE_OK         asked for
 *   TROUPE_CLOSED     the node does not run
 *   TROUPE_ERR_NOMEM  not asked for
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_node_reload(troupe_node_t *self);

/* The same with this text instead of the file; `name` stands for it in problems. */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_node_reload_text(troupe_node_t *self,
                                                                    const char *name,
                                                                    const char *yaml);

/* Wait until the node has ended, up to `timeout_ms` (-1: however long); *exit_out gets
 * one of the exit codes above. TROUPE_TIMEOUT when it still runs. */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_node_wait(troupe_node_t *self,
                                                             int64_t timeout_ms, int *exit_out);

/* Start, serve until the node ends by itself or by SIGTERM or SIGINT (which drain),
 * and return an exit code. SIGHUP is troupe_node_reload. For programs that are nothing but a
 * node: it blocks those signals in the calling thread while it runs. */
TROUPE_API int troupe_node_run(troupe_node_t *self, troupe_problem_fn *report, void *arg);

/* Send a message to the actor called `name`; takes the message. Any thread. The actor sees no
 * sender (troupe/actor.h): a thread of the program is nobody who could be sent to.
 *
 *   TROUPE_OK         in its mailbox
 *   TROUPE_NOT_FOUND  no such actor; the message became a dead letter
 *   TROUPE_FULL       its mailbox is full; likewise
 */
TROUPE_API TROUPE_NODISCARD troupe_status_t troupe_node_send(troupe_node_t *self,
                                                             const char *name,
                                                             troupe_message_t **message_p);

TROUPE_END_DECLS

#endif
