#include "base/base64.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *tr_base64_encode(const void *data, size_t size)
{
    assert(data || size == 0);
    const unsigned char *bytes = data;
    char *text = malloc((size / 3 + 1) * 4 + 1);
    char *to = text;
    for (size_t at = 0; text && at < size; at += 3) {
        size_t n_left = size - at;
        uint32_t group = (uint32_t)bytes[at] << 16;
        group |= n_left > 1 ? (uint32_t)bytes[at + 1] << 8 : 0;
        group |= n_left > 2 ? bytes[at + 2] : 0;
        *to++ = digits[group >> 18];
        *to++ = digits[group >> 12 & 63];
        *to++ = n_left > 1 ? digits[group >> 6 & 63] : '=';
        *to++ = n_left > 2 ? digits[group & 63] : '=';
    }
    if (text) {
        *to = '\0';
    }
    return text;
}

static int value_of(char digit)
{
    if (digit >= 'A' && digit <= 'Z') {
        return digit - 'A';
    } else if (digit >= 'a' && digit <= 'z') {
        return digit - 'a' + 26;
    } else if (digit >= '0' && digit <= '9') {
        return digit - '0' + 52;
    }
    return digit == '+' ? 62 : digit == '/' ? 63 : -1;
}

bool tr_base64_decode(const char *text, size_t size, unsigned char *out, size_t *size_out)
{
    assert((text || size == 0) && out && size_out);
    if (size % 4 != 0) {
        return false;
    }
    size_t n_padding = 0;
    while (n_padding < 2 && n_padding < size && text[size - 1 - n_padding] == '=') {
        n_padding++;
    }
    uint32_t bits = 0;
    int n_bits = 0;
    unsigned char *to = out;
    for (size_t i = 0; i < size - n_padding; i++) {
        int value = value_of(text[i]);
        if (value < 0) {
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            *to++ = (unsigned char)(bits >> n_bits);
            bits &= (1u << n_bits) - 1;
        }
    }
    *size_out = (size_t)(to - out);
    return bits == 0;
}
