/* tests/fuzz/target.h - what each target of the fuzzing is made of
 *
 * A target is one file with LLVMFuzzerTestOneInput. libFuzzer calls it with whatever it can
 * think of; in any other build replay.c calls it with each file of its corpus. Not to crash is
 * the least: a target holds what it has read to what the header of the decoder promises.
 */

#ifndef TROUPE_TESTS_FUZZ_TARGET_H
#define TROUPE_TESTS_FUZZ_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/span.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Also where asserts are compiled out. */
#define HOLDS(condition)                                                                       \
    do {                                                                                       \
        if (!(condition)) {                                                                    \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);     \
            abort();                                                                           \
        }                                                                                      \
    } while (0)

/* What is left of an input that is taken apart. Of one that has ended come zeros and nothing.
 */
typedef struct input {
    const uint8_t *at;
    size_t left;
} input_t;

static inline uint8_t take_byte(input_t *input)
{
    if (input->left == 0) {
        return 0;
    }
    input->left--;
    return *input->at++;
}

static inline tr_span_t take_bytes(input_t *input, size_t size)
{
    tr_span_t span = {(const char *)input->at, size < input->left ? size : input->left};
    input->at += span.size;
    input->left -= span.size;
    return span;
}

/* A copy with nothing behind it, so that reading on is seen. For free(). */
static inline void *copy_of(const void *data, size_t size)
{
    void *copy = malloc(size > 0 ? size : 1);
    HOLDS(copy);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    return copy;
}

/* The same as text, which ends at the first NUL if there is one. For free(). */
static inline char *text_of(const void *data, size_t size)
{
    char *text = malloc(size + 1);
    HOLDS(text);
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    return text;
}

#define INPUT_FRAMES 20

/* An input that is a list of frames: each is behind a byte of length, of 255 there are two
 * bytes more. Each is a copy. Returns how many there are. */
static inline size_t take_frames(input_t *input, tr_span_t frames[INPUT_FRAMES])
{
    size_t n = 0;
    while (input->left > 0 && n < INPUT_FRAMES) {
        size_t size = take_byte(input);
        if (size == 255) {
            size = take_byte(input);
            size = size << 8 | take_byte(input);
        }
        tr_span_t frame = take_bytes(input, size);
        frames[n++] = (tr_span_t){copy_of(frame.data, frame.size), frame.size};
    }
    return n;
}

static inline void free_frames(const tr_span_t *frames, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free((char *)(uintptr_t)frames[i].data);
    }
}

#endif
