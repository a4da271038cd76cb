/* mailbox/directory.h - who answers to this name on this node
 *
 * Two name spaces: capabilities (their routers) and actors. Any thread may look up; whoever
 * owns a mailbox registers it when it is ready and removes it before it ends. A mailbox that
 * was looked up is a share: it stays valid, and says so when its owner is gone.
 */

#ifndef TROUPE_MAILBOX_DIRECTORY_H
#define TROUPE_MAILBOX_DIRECTORY_H

#include <troupe/status.h>

#include "base/span.h"
#include "mailbox/mailbox.h"
#include "mailbox/ref.h"

/* Of the longest name, with its NUL. */
#define TR_DIRECTORY_NAME_SIZE 128

typedef struct tr_directory tr_directory_t;

typedef enum tr_name_space {
    TR_NAMES_CAPABILITY,
    TR_NAMES_ACTOR,
    TR_N_NAME_SPACES
} tr_name_space_t;

/* NULL when out of memory. */
TROUPE_NODISCARD tr_directory_t *tr_directory_new(void);
void tr_directory_destroy(tr_directory_t **self_p);

/* Register `mailbox` under `name`. The directory takes a share of its own. TROUPE_EXISTS while
 * the name stands for another mailbox, TROUPE_ERR_NOMEM. */
TROUPE_NODISCARD troupe_status_t tr_directory_register(tr_directory_t *self,
                                                       tr_name_space_t space, const char *name,
                                                       tr_mailbox_t *mailbox);

/* Remove `name`, but only while it stands for this very mailbox. */
void tr_directory_remove(tr_directory_t *self, tr_name_space_t space, const char *name,
                         const tr_mailbox_t *mailbox);

/* Remove every name that stands for this mailbox: its owner hangs and will not do so. */
void tr_directory_forget(tr_directory_t *self, const tr_mailbox_t *mailbox);

/* Call `visit (arg, name, mailbox)` for each name of a space, in no order. The directory is
 * locked meanwhile: the visitor posts at most. */
void tr_directory_each(tr_directory_t *self, tr_name_space_t space,
                       void (*visit)(void *arg, const char *name, tr_mailbox_t *mailbox),
                       void *arg);

/* ---- actors that can be referred to ----
 *
 * Their names are a space of its own. The path of a supervisor, by which what is below it
 * can be found when it is gone, is made of names, each but the first after TR_PATH_SEPARATOR.
 */

#define TR_PATH_SEPARATOR '\n'

/* The child of the supervisor of that path that is, or is above, the supervisor `home`; empty
 * when that is `path` itself, and borrowed from `home`. False: it is elsewhere. */
bool tr_path_branch(const char *home, const char *path, tr_span_t *out);

/* The reference `name`, whose home is the path of its supervisor: the one that it had in its
 * last life, if that was there and has left a lasting mailbox, which has these limits then, or
 * a new one. A share of the caller's.
 *
 *   TROUPE_OK
 *   TROUPE_EXISTS     the name stands for somebody else, or for one who lives
 *   TROUPE_ERR_NOMEM
 */
TROUPE_NODISCARD troupe_status_t tr_directory_claim(tr_directory_t *self, const char *name,
                                                    const char *home,
                                                    tr_mailbox_limits_t limits, bool is_lasting,
                                                    troupe_ref_t **out);

/* A share of the reference of that name, the caller's to release; NULL when there is none. */
TROUPE_NODISCARD troupe_ref_t *tr_directory_refer(tr_directory_t *self, tr_span_t name);

/* Remove `ref`, and its name: it is not found any more. The share that the directory had
 * becomes the caller's; NULL when it was removed before. */
TROUPE_NODISCARD troupe_ref_t *tr_directory_take_out(tr_directory_t *self,
                                                     const troupe_ref_t *ref);

/* One of the references that are vacant, and below the supervisor of that path ("": all), taken
 * out in the same way; NULL when there are no more. Only those for which `is_gone (arg, child)`
 * says true: `child` is the supervisor's child that it is, or is below. The directory is locked
 * meanwhile. */
TROUPE_NODISCARD troupe_ref_t *
tr_directory_take_out_vacant(tr_directory_t *self, const char *path,
                             bool (*is_gone)(const void *arg, tr_span_t child),
                             const void *arg);

/* A share of the mailbox under `name`, the caller's to release; NULL when there is none. Here
 * as above a name may be any bytes. */
TROUPE_NODISCARD tr_mailbox_t *tr_directory_find(tr_directory_t *self, tr_name_space_t space,
                                                 tr_span_t name);

#endif
