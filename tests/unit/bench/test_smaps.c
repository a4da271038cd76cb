#include "tests/kit/check.h"

#include <string.h>

#include "bench/smaps.h"

#define MAPPING(addresses, rss)                                                                \
    addresses " rw-p 00000000 00:00 0 \n"                                                      \
              "Size:                132 kB\n"                                                  \
              "Rss:                " rss " kB\n"                                               \
              "Private_Dirty:        99 kB\n"

static const char text[] = MAPPING("1000-2000", "1") MAPPING("2000-4000", "20")
    MAPPING("4000-5000", "300") MAPPING("7f0000000000-7f0000800000", "4000")
        MAPPING("7ffffffde000-7ffffffff000", "50000");

static bench_resident_t sum_of(const uintptr_t *marks, size_t n)
{
    FILE *file = fmemopen((void *)text, strlen(text), "r");
    assert_non_null(file);
    bench_resident_t sum = bench_smaps_sum(file, marks, n);
    fclose(file);
    return sum;
}

static void all_mappings_count(void **state)
{
    (void)state;
    bench_resident_t sum = sum_of(NULL, 0);
    assert_int_equal(sum.all_bytes, 54321 * 1024);
    assert_int_equal(sum.marked_bytes, 0);
}

static void a_mapping_with_marks_counts_once(void **state)
{
    (void)state;
    const uintptr_t marks[] = {0x2000, 0x2008, 0x3fff, 0x7f00007fffff};
    bench_resident_t sum = sum_of(marks, 4);
    assert_int_equal(sum.all_bytes, 54321 * 1024);
    assert_int_equal(sum.marked_bytes, 4020 * 1024);
}

static void marks_in_no_mapping_count_nothing(void **state)
{
    (void)state;
    const uintptr_t marks[] = {0xfff, 0x5000, 0x7f0000800000, UINTPTR_MAX};
    assert_int_equal(sum_of(marks, 4).marked_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_mappings_count),
        cmocka_unit_test(a_mapping_with_marks_counts_once),
        cmocka_unit_test(marks_in_no_mapping_count_nothing),
    };
    return cmocka_run_group_tests_name("bench/smaps", tests, NULL, NULL) != 0;
}
