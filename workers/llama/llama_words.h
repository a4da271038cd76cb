/* workers/llama/llama_words.h - what llama.cpp has said was wrong
 *
 * Set up for the process, kept for each thread.
 */

#ifndef TROUPE_WORKERS_LLAMA_WORDS_H
#define TROUPE_WORKERS_LLAMA_WORDS_H

#include <troupe/contract.h>
#include <troupe/status.h>

/* Make llama.cpp ready, and listen to it from now on. Calls after the first do nothing. */
void tr_llama_words_listen(void);

/* Forget what it said on this thread: something new begins. */
void tr_llama_words_forget(void);

/* Write down that `what` went wrong, and why in the words of llama.cpp. Returns
 * TROUPE_ERR_NOMEM when they were about memory, else `otherwise`. */
TROUPE_NODISCARD troupe_status_t tr_llama_words_failed(const char *what,
                                                       troupe_status_t otherwise,
                                                       troupe_why_t *why);

#endif
