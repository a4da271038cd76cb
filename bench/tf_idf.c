/* For each word there is the list of the documents that have it, with its weight in each, so
 * that a question costs only what its words are in.
 */

#include "bench/tf_idf.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure.h"

#define N_SLOTS   (1U << 20)
#define WORD_ROOM 64

/* A document that has the word. */
struct use {
    size_t document;
    float weight;
};

struct entry {
    char text[WORD_ROOM];
    struct use *uses;
    size_t n_uses;
    unsigned count;      /* in the text that is being counted */
    struct entry *other; /* the next word of that text */
};

struct tf_idf {
    struct entry **slots; /* by hash, at most half of them taken */
    size_t n_entries;
    size_t n_documents;
};

/* ---- words ---- */

static bool is_of_a_word(char byte)
{
    return isalnum((unsigned char)byte) || (unsigned char)byte >= 0x80;
}

/* The next word at *at_p, in lower case and cut where there is no room; false at the end. */
static bool next_word(const char **at_p, char *word)
{
    size_t size = 0;
    const char *at = *at_p;
    while (*at && !is_of_a_word(*at)) {
        at++;
    }
    for (; is_of_a_word(*at); at++) {
        if (size < WORD_ROOM - 1) {
            word[size++] = (char)tolower((unsigned char)*at);
        }
    }
    word[size] = '\0';
    *at_p = at;
    return size > 0;
}

static struct entry *entry_of(tf_idf_t *self, const char *word)
{
    uint64_t hash = 0;
    for (const char *at = word; *at; at++) {
        hash = bench_scramble(hash ^ (unsigned char)*at);
    }
    size_t slot = hash & (N_SLOTS - 1);
    while (self->slots[slot] && strcmp(self->slots[slot]->text, word) != 0) {
        slot = (slot + 1) & (N_SLOTS - 1);
    }
    if (!self->slots[slot]) {
        if (++self->n_entries > N_SLOTS / 2) {
            bench_give_up("too many words");
        }
        self->slots[slot] = bench_alloc(1, sizeof *self->slots[slot]);
        strcpy(self->slots[slot]->text, word);
    }
    return self->slots[slot];
}

/* The words of `text`, each once, with their count. */
static struct entry *count(tf_idf_t *self, const char *text)
{
    struct entry *first = NULL;
    char word[WORD_ROOM];
    while (next_word(&text, word)) {
        struct entry *entry = entry_of(self, word);
        if (entry->count++ == 0) {
            entry->other = first;
            first = entry;
        }
    }
    return first;
}

static double weight_of(const tf_idf_t *self, const struct entry *entry)
{
    return (1 + log(entry->count)) *
           (1 + log((1 + (double)self->n_documents) / (1 + (double)entry->n_uses)));
}

/* The length of the vector of the text that begins with `first`. */
static double length_of(const tf_idf_t *self, const struct entry *first)
{
    double square = 0;
    for (; first; first = first->other) {
        square += weight_of(self, first) * weight_of(self, first);
    }
    return square > 0 ? sqrt(square) : 1;
}

static void forget(struct entry *first)
{
    for (; first; first = first->other) {
        first->count = 0;
    }
}

/* ---- documents ---- */

static void add_use(struct entry *entry, size_t document)
{
    if ((entry->n_uses & (entry->n_uses - 1)) == 0) {
        size_t room = entry->n_uses ? 2 * entry->n_uses : 1;
        entry->uses = realloc(entry->uses, room * sizeof *entry->uses);
        if (!entry->uses) {
            bench_give_up("out of memory");
        }
    }
    entry->uses[entry->n_uses++] = (struct use){.document = document};
}

/* Once it is known how many documents have each word. The uses of a word are in the order of
 * the documents. */
static void weigh(tf_idf_t *self, struct entry *first, size_t document)
{
    double length = length_of(self, first);
    for (struct entry *entry = first; entry; entry = entry->other) {
        size_t low = 0;
        size_t high = entry->n_uses - 1;
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (entry->uses[middle].document < document) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        entry->uses[low].weight = (float)(weight_of(self, entry) / length);
    }
}

tf_idf_t *tf_idf_new(char *const *documents, size_t n)
{
    tf_idf_t *self = bench_alloc(1, sizeof *self);
    self->slots = bench_alloc(N_SLOTS, sizeof(struct entry *));
    self->n_documents = n;
    for (size_t i = 0; i < n; i++) {
        struct entry *first = count(self, documents[i]);
        for (struct entry *entry = first; entry; entry = entry->other) {
            add_use(entry, i);
        }
        forget(first);
    }
    for (size_t i = 0; i < n; i++) {
        struct entry *first = count(self, documents[i]);
        weigh(self, first, i);
        forget(first);
    }
    return self;
}

void tf_idf_destroy(tf_idf_t **self_p)
{
    if (*self_p) {
        for (size_t i = 0; i < N_SLOTS; i++) {
            if ((*self_p)->slots[i]) {
                free((*self_p)->slots[i]->uses);
                free((*self_p)->slots[i]);
            }
        }
        free((*self_p)->slots);
        free(*self_p);
        *self_p = NULL;
    }
}

bool tf_idf_score(tf_idf_t *self, const char *text, size_t own, float *scores)
{
    bool shares = false;
    struct entry *first = count(self, text);
    double length = length_of(self, first);
    memset(scores, 0, self->n_documents * sizeof *scores);
    for (struct entry *entry = first; entry; entry = entry->other) {
        float weight = (float)(weight_of(self, entry) / length);
        for (size_t i = 0; i < entry->n_uses; i++) {
            scores[entry->uses[i].document] += weight * entry->uses[i].weight;
            shares = shares || (entry->uses[i].document == own &&
                                20 * entry->n_uses <= self->n_documents);
        }
    }
    forget(first);
    return shares;
}
