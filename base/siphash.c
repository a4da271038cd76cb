#include "base/siphash.h"

#include <assert.h>
#include <string.h>

#define ROUNDS       2
#define FINAL_ROUNDS 4

static uint64_t rotate(uint64_t word, unsigned bits)
{
    return word << bits | word >> (64 - bits);
}

static void mix(uint64_t v[4], int n_rounds)
{
    for (int i = 0; i < n_rounds; i++) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] = rotate(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] = rotate(v[2], 32);
    }
}

static uint64_t read_word(const unsigned char *bytes)
{
    uint64_t word = 0;
    for (unsigned i = 0; i < 8; i++) {
        word |= (uint64_t)bytes[i] << (8 * i);
    }
    return word;
}

static void write_word(unsigned char *bytes, uint64_t word)
{
    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)(word >> (8 * i));
    }
}

static void take_word(tr_siphash_t *self, uint64_t word)
{
    self->v[3] ^= word;
    mix(self->v, ROUNDS);
    self->v[0] ^= word;
}

void tr_siphash_start(tr_siphash_t *self, const unsigned char key[TR_SIPHASH_KEY_SIZE])
{
    assert(self && key);
    uint64_t low = read_word(key);
    uint64_t high = read_word(key + 8);
    *self = (tr_siphash_t){
        .v = {UINT64_C(0x736f6d6570736575) ^ low, UINT64_C(0x646f72616e646f6d) ^ high ^ 0xee,
              UINT64_C(0x6c7967656e657261) ^ low, UINT64_C(0x7465646279746573) ^ high}};
}

void tr_siphash_add(tr_siphash_t *self, const void *bytes, size_t size)
{
    assert(self && (bytes || size == 0));
    const unsigned char *at = bytes;
    size_t n_tail = self->size % 8;
    self->size += size;
    for (; n_tail > 0 && size > 0; size--) {
        self->tail |= (uint64_t)*at++ << (8 * n_tail);
        n_tail = (n_tail + 1) % 8;
        if (n_tail == 0) {
            take_word(self, self->tail);
            self->tail = 0;
        }
    }
    for (; size >= 8; size -= 8, at += 8) {
        take_word(self, read_word(at));
    }
    for (; size > 0; size--) {
        self->tail |= (uint64_t)*at++ << (8 * n_tail++);
    }
}

void tr_siphash_finish(tr_siphash_t *self, unsigned char hash[TR_SIPHASH_SIZE])
{
    assert(self && hash);
    take_word(self, self->tail | self->size << 56);
    self->v[2] ^= 0xee;
    mix(self->v, FINAL_ROUNDS);
    write_word(hash, self->v[0] ^ self->v[1] ^ self->v[2] ^ self->v[3]);
    self->v[1] ^= 0xdd;
    mix(self->v, FINAL_ROUNDS);
    write_word(hash + 8, self->v[0] ^ self->v[1] ^ self->v[2] ^ self->v[3]);
}
