/* bench/tf_idf.h - the classical way to find a text: by the words it shares with a question
 *
 * A word weighs (1 + ln how often) * (1 + ln ((1 + N) / (1 + how many of the N documents have
 * it))), and texts are compared by the cosine. It knows the collection, which an embedding does
 * not. Words are runs of letters and digits, in lower case; all beyond ASCII are letters.
 */

#ifndef TROUPE_BENCH_TF_IDF_H
#define TROUPE_BENCH_TF_IDF_H

#include <stdbool.h>
#include <stddef.h>

typedef struct tf_idf tf_idf_t;

/* Of these documents, which are not looked at again. */
tf_idf_t *tf_idf_new(char *const *documents, size_t n);

void tf_idf_destroy(tf_idf_t **self_p);

/* scores[i] becomes how near document i is to `text`. Returns whether document `own` shares a
 * word with it that at most one in twenty documents has. */
bool tf_idf_score(tf_idf_t *self, const char *text, size_t own, float *scores);

#endif
