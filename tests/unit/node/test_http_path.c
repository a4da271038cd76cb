#include "tests/kit/check.h"

#include "node/http/path.h"

struct row {
    const char *path;
    tr_http_place_t place;
    const char *capability;
};

static void leads_to(void **state)
{
    const struct row *row = *state;
    tr_http_path_t found = tr_http_path_of(row->path);
    assert_int_equal(found.place, row->place);
    assert_string_equal(found.capability, row->capability);
}

/* clang-format off */
#define LEADS(path, ...) \
    { .name = path, .test_func = leads_to, .initial_state = &(struct row){path, __VA_ARGS__} }
#define NOWHERE(path) LEADS(path, TR_HTTP_NOWHERE, "")
/* clang-format on */

#define LONG "a1234567890123456789012345678901234567890123456789012345678901234567890123456789"

int main(void)
{
    const struct CMUnitTest tests[] = {
        LEADS("/", TR_HTTP_DASHBOARD, ""),
        LEADS("/metrics", TR_HTTP_METRICS, ""),
        LEADS("/healthz", TR_HTTP_ALIVE, ""),
        LEADS("/v2/health/live", TR_HTTP_ALIVE, ""),
        LEADS("/readyz", TR_HTTP_READY, ""),
        LEADS("/v2/health/ready", TR_HTTP_READY, ""),
        LEADS("/state", TR_HTTP_STATE, ""),
        LEADS("/readyz/vision", TR_HTTP_READY_ONE, "vision"),
        LEADS("/readyz/a.b-c_1", TR_HTTP_READY_ONE, "a.b-c_1"),
        LEADS("/v2/models/vision/ready", TR_HTTP_READY_ONE, "vision"),
        LEADS("/v2/models/ready/ready", TR_HTTP_READY_ONE, "ready"),
        NOWHERE(""),
        NOWHERE("//"),
        NOWHERE("/metrics/"),
        NOWHERE("/Metrics"),
        NOWHERE("/../metrics"),
        NOWHERE("/..//metrics"),
        NOWHERE("/metrics%00"),
        NOWHERE("/readyz/"),
        NOWHERE("/readyz/a/b"),
        NOWHERE("/readyz/.."),
        NOWHERE("/readyz/a%2fb"),
        NOWHERE("/readyz/a b"),
        NOWHERE("/readyz/" LONG),
        NOWHERE("/v2/models/ready"),
        NOWHERE("/v2/models//ready"),
        NOWHERE("/v2/models/vision"),
        NOWHERE("/v2/models/vision/ready/"),
        NOWHERE("*"),
        NOWHERE("http://127.0.0.1/metrics"),
    };
    return cmocka_run_group_tests_name("node/http_path", tests, NULL, NULL) != 0;
}
