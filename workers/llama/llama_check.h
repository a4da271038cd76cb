/* workers/llama/llama_check.h - is a file worth showing to llama.cpp?
 *
 * llama.cpp reads a damaged file with care, mostly: it says what is wrong and goes on. Of two
 * things it makes sure with an assertion instead, which ends the process. They are looked for
 * here first, among the file's metadata alone, which takes milliseconds for a small vocabulary
 * and a tenth of a second for one of 150,000 tokens. Any thread.
 */

#ifndef TROUPE_WORKERS_LLAMA_CHECK_H
#define TROUPE_WORKERS_LLAMA_CHECK_H

#include <troupe/contract.h>
#include <troupe/status.h>

/* The file at `path`.
 *
 *   TROUPE_NOT_FOUND    it cannot be read
 *   TROUPE_ERR_INVALID  it is no GGUF file, or one that must not be loaded
 *   TROUPE_ERR_NOMEM
 *
 * *why is set on all but TROUPE_OK. */
TROUPE_NODISCARD troupe_status_t tr_llama_check(const char *path, troupe_why_t *why);

#endif
