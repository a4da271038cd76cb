/* People write "1.5s"; the node counts in whole milliseconds and bytes. A number is read
 * once as a fraction of two integers and then scaled by its unit, exactly: no floating
 * point, no locale, and what does not come out whole is refused instead of rounded.
 */

#include "base/text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *name;
    uint64_t factor;
};

/* From large to small; printing takes the first that divides. */
static const struct unit duration_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1},
};

static const struct unit moment_units[] = {{"ms", 1000}, {"us", 1}};

static const struct unit size_units[] = {
    {"TiB", 1ull << 40}, {"TB", 1000000000000}, {"GiB", 1ull << 30},
    {"GB", 1000000000},  {"MiB", 1ull << 20},   {"MB", 1000000},
    {"KiB", 1ull << 10}, {"kB", 1000},          {"B", 1},
};

/* In hundredths of a percent: finer shares nobody means. */
static const struct unit share_units[] = {{"%", 100}};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* More decimals never come out whole, and six times the largest factor fits 64 bits. */
#define MAX_DECIMALS 6

/* whole + part / scale, where scale is a power of ten. */
struct decimal {
    uint64_t whole;
    uint64_t part;
    uint64_t scale;
    bool is_huge;    /* `whole` did not fit */
    bool is_precise; /* more decimals than counted here */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *read_whole(const char *text, struct decimal *out)
{
    for (; is_digit(*text); text++) {
        uint64_t digit = (uint64_t)(*text - '0');
        if (out->whole > (UINT64_MAX - digit) / 10) {
            out->is_huge = true;
        } else {
            out->whole = out->whole * 10 + digit;
        }
    }
    return text;
}

static const char *read_part(const char *text, struct decimal *out)
{
    size_t n_decimals = 0;
    for (; is_digit(*text); text++) {
        if (n_decimals < MAX_DECIMALS) {
            out->part = out->part * 10 + (uint64_t)(*text - '0');
            out->scale *= 10;
            n_decimals++;
        } else if (*text != '0') {
            out->is_precise = true;
        }
    }
    return text;
}

/* Read digits, or digits, a point and digits. Returns what follows; NULL when that is not
 * what `text` begins with. */
static const char *read_decimal(const char *text, struct decimal *out)
{
    *out = (struct decimal){.scale = 1};
    const char *end = read_whole(text, out);
    if (end == text) {
        return NULL;
    }
    if (*end != '.') {
        return end;
    }
    const char *part = end + 1;
    end = read_part(part, out);
    return end == part ? NULL : end;
}

static troupe_status_t multiply(const struct decimal *decimal, uint64_t factor, uint64_t max,
                                uint64_t *out)
{
    uint64_t part = decimal->part * factor;
    if (decimal->is_precise || part % decimal->scale != 0) {
        return TROUPE_ERR_INVALID;
    }
    part /= decimal->scale;
    if (decimal->is_huge || decimal->whole > max / factor ||
        decimal->whole * factor > max - part) {
        return TROUPE_LIMIT;
    }
    *out = decimal->whole * factor + part;
    return TROUPE_OK;
}

static troupe_status_t parse_quantity(const char *text, const struct unit *units,
                                      size_t n_units, uint64_t max, uint64_t *out)
{
    struct decimal decimal;
    const char *name = read_decimal(text, &decimal);
    if (!name) {
        return TROUPE_ERR_INVALID;
    }
    for (size_t i = 0; i < n_units; i++) {
        if (strcmp(name, units[i].name) == 0) {
            return multiply(&decimal, units[i].factor, max, out);
        }
    }
    return TROUPE_ERR_INVALID;
}

/* 0 needs no unit. */
static troupe_status_t parse_time(const char *text, const struct unit *units, size_t n_units,
                                  int64_t *out)
{
    uint64_t time = 0;
    if (strcmp(text, "0") != 0) {
        troupe_status_t status = parse_quantity(text, units, n_units, INT64_MAX, &time);
        if (status != TROUPE_OK) {
            return status;
        }
    }
    *out = (int64_t)time;
    return TROUPE_OK;
}

troupe_status_t tr_text_duration(const char *text, int64_t *ms_out)
{
    assert(text && ms_out);
    return parse_time(text, duration_units, COUNT(duration_units), ms_out);
}

troupe_status_t tr_text_moment(const char *text, int64_t *us_out)
{
    assert(text && us_out);
    return parse_time(text, moment_units, COUNT(moment_units), us_out);
}

troupe_status_t tr_text_size(const char *text, uint64_t *bytes_out)
{
    assert(text && bytes_out);
    if (strcmp(text, "0") == 0) {
        *bytes_out = 0;
        return TROUPE_OK;
    }
    return parse_quantity(text, size_units, COUNT(size_units), UINT64_MAX, bytes_out);
}

troupe_status_t tr_text_share(const char *text, double *share_out)
{
    assert(text && share_out);
    uint64_t hundredths;
    troupe_status_t status =
        parse_quantity(text, share_units, COUNT(share_units), 10000, &hundredths);
    if (status == TROUPE_OK) {
        *share_out = (double)hundredths / 10000;
    }
    return status;
}

troupe_status_t tr_text_number(const char *text, int64_t *out)
{
    assert(text && out);
    struct decimal decimal = {0};
    const char *end = read_whole(text, &decimal);
    if (end == text || *end) {
        return TROUPE_ERR_INVALID;
    }
    if (decimal.is_huge || decimal.whole > INT64_MAX) {
        return TROUPE_LIMIT;
    }
    *out = (int64_t)decimal.whole;
    return TROUPE_OK;
}

static char *print_quantity(uint64_t amount, const struct unit *units, char *buffer,
                            size_t size)
{
    while (amount % units->factor != 0) {
        units++; /* stops at the last, which is 1 */
    }
    snprintf(buffer, size, "%" PRIu64 "%s", amount / units->factor, units->name);
    return buffer;
}

/* One processor's number at *text_p, which moves behind it. */
static troupe_status_t take_cpu(const char **text_p, size_t *out)
{
    size_t value = 0;
    if (**text_p < '0' || **text_p > '9') {
        return TROUPE_ERR_INVALID;
    }
    for (; **text_p >= '0' && **text_p <= '9'; (*text_p)++) {
        value = value * 10 + (size_t)(**text_p - '0');
        if (value >= CPU_SETSIZE) {
            return TROUPE_LIMIT;
        }
    }
    *out = value;
    return TROUPE_OK;
}

troupe_status_t tr_text_cpus(const char *text, cpu_set_t *out)
{
    assert(text && out);
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    for (bool is_more = true; is_more; text++) {
        size_t first, last;
        troupe_status_t status = take_cpu(&text, &first);
        last = first;
        if (status == TROUPE_OK && *text == '-') {
            text++;
            status = take_cpu(&text, &last);
        }
        if (status != TROUPE_OK) {
            return status;
        }
        if (last < first || (*text != ',' && *text != '\0')) {
            return TROUPE_ERR_INVALID;
        }
        for (size_t i = first; i <= last; i++) {
            CPU_SET(i, &cpus);
        }
        is_more = *text == ',';
    }
    *out = cpus;
    return TROUPE_OK;
}

char *tr_text_print_duration(int64_t ms, char *buffer, size_t size)
{
    assert(buffer && ms >= 0);
    if (ms == 0) {
        snprintf(buffer, size, "0");
        return buffer;
    }
    return print_quantity((uint64_t)ms, duration_units, buffer, size);
}

char *tr_text_print_size(uint64_t bytes, char *buffer, size_t size)
{
    assert(buffer);
    if (bytes == 0) {
        snprintf(buffer, size, "0");
        return buffer;
    }
    return print_quantity(bytes, size_units, buffer, size);
}

/* Two digits are enough to see. Cut, not rounded: 999.9 ms has not become a second yet. */
static char *show_quantity(uint64_t amount, const struct unit *units, char *buffer, size_t size)
{
    while (units->factor > 1 && amount < units->factor) {
        units++;
    }
    uint64_t whole = amount / units->factor;
    if (units->factor == 1 || whole >= 10) {
        snprintf(buffer, size, "%" PRIu64 " %s", whole, units->name);
    } else {
        uint64_t tenth = amount % units->factor * 10 / units->factor;
        snprintf(buffer, size, "%" PRIu64 ".%" PRIu64 " %s", whole, tenth, units->name);
    }
    return buffer;
}

char *tr_text_show_duration_us(int64_t us, char *buffer, size_t size)
{
    static const struct unit units[] = {
        {"d", 86400000000}, {"h", 3600000000}, {"m", 60000000},
        {"s", 1000000},     {"ms", 1000},      {"us", 1},
    };
    assert(buffer);
    return show_quantity(us > 0 ? (uint64_t)us : 0, units, buffer, size);
}

char *tr_text_show_size(uint64_t bytes, char *buffer, size_t size)
{
    static const struct unit units[] = {
        {"TiB", 1ull << 40},
        {"GiB", 1ull << 30},
        {"MiB", 1ull << 20},
        {"KiB", 1ull << 10},
        {"B", 1},
    };
    assert(buffer);
    return show_quantity(bytes, units, buffer, size);
}

static bool is_letter_or_digit(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool tr_text_is_name(const char *text)
{
    assert(text);
    if (!is_letter_or_digit(text[0])) {
        return false;
    }
    size_t size = 1;
    for (; text[size]; size++) {
        if (size == 64 || !(is_letter_or_digit(text[size]) || strchr("._-", text[size]))) {
            return false;
        }
    }
    return true;
}

/* Words above this are never close to a key of ours. */
#define MAX_WORD 32

static size_t smaller(size_t one, size_t other)
{
    return one < other ? one : other;
}

size_t tr_text_distance(const char *one, const char *other)
{
    assert(one && other);
    size_t n_one = strlen(one);
    size_t n_other = strlen(other);
    if (n_one > MAX_WORD || n_other > MAX_WORD) {
        return 99;
    }
    /* steps[i][j]: from the first i letters of one to the first j of other */
    size_t steps[MAX_WORD + 1][MAX_WORD + 1];
    for (size_t i = 0; i <= n_one; i++) {
        steps[i][0] = i;
    }
    for (size_t j = 0; j <= n_other; j++) {
        steps[0][j] = j;
    }
    for (size_t i = 1; i <= n_one; i++) {
        for (size_t j = 1; j <= n_other; j++) {
            size_t replace = steps[i - 1][j - 1] + (one[i - 1] != other[j - 1]);
            size_t add_or_drop = smaller(steps[i - 1][j], steps[i][j - 1]) + 1;
            steps[i][j] = smaller(replace, add_or_drop);
            if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1]) {
                steps[i][j] = smaller(steps[i][j], steps[i - 2][j - 2] + 1);
            }
        }
    }
    return steps[n_one][n_other];
}
