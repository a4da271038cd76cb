#include "node/http/answer.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "node/http/dashboard.h"
#include "node/http/exposition.h"
#include "node/http/node_metrics.h"
#include "node/http/readiness.h"

#define PLAIN_TYPE "text/plain; charset=utf-8"
#define JSON_TYPE  "application/json"
#define HTML_TYPE  "text/html; charset=utf-8"
#define NOTHING    "default-src 'none'; frame-ancestors 'none'"

tr_http_answer_t tr_http_plain(unsigned status, const char *text)
{
    assert(text);
    return (tr_http_answer_t){.status = status,
                              .type = PLAIN_TYPE,
                              .policy = NOTHING,
                              .page = text,
                              .size = strlen(text)};
}

/* Takes what was written. */
static tr_http_answer_t written(unsigned status, const char *type, tr_builder_t *text)
{
    tr_http_answer_t answer = {.status = status, .type = type, .policy = NOTHING};
    answer.text = tr_builder_take(text, &answer.size);
    return answer;
}

bool tr_http_needs_account(tr_http_place_t place)
{
    return place == TR_HTTP_METRICS || place == TR_HTTP_READY || place == TR_HTTP_READY_ONE ||
           place == TR_HTTP_STATE;
}

static tr_http_answer_t lacking(tr_http_lack_t lack)
{
    switch (lack) {
    case TR_HTTP_LACKS_NODE:
        return tr_http_plain(503, "the node is stopping\n");
    case TR_HTTP_LACKS_MEMORY:
        return tr_http_plain(503, "the node is out of memory\n");
    default:
        return tr_http_plain(504, "the node did not give an account of itself in time\n");
    }
}

/* A node that is not known to be ready is not, whatever the reason. */
static tr_http_answer_t unready(tr_http_lack_t lack)
{
    tr_http_answer_t answer = lacking(lack);
    answer.status = 503;
    return answer;
}

static tr_http_answer_t readiness(const tr_http_path_t *path, bool any,
                                  const msgpack_object *account)
{
    static const unsigned statuses[] = {
        [TR_READY] = 200, [TR_UNREADY] = 503, [TR_NO_SUCH_CAPABILITY] = 404};
    tr_builder_t why = {0};
    tr_readiness_t verdict = path->place == TR_HTTP_READY
                                 ? tr_readiness_of_node(account, any, &why)
                                 : tr_readiness_of(account, path->capability, &why);
    if (verdict == TR_READY) {
        tr_builder_finish(&why);
        return tr_http_plain(200, "ready\n");
    }
    return written(statuses[verdict], PLAIN_TYPE, &why);
}

static tr_http_answer_t metrics(tr_runtime_t *runtime, const msgpack_object *account)
{
    tr_builder_t text = {0};
    tr_exposition_metrics(&text, runtime->metrics);
    tr_node_metrics(&text, runtime, account);
    return written(200, TR_EXPOSITION_TYPE, &text);
}

static tr_http_answer_t state(const msgpack_object *account)
{
    tr_builder_t text = {0};
    tr_json_object(&text, account);
    tr_builder_add_char(&text, '\n');
    return written(200, JSON_TYPE, &text);
}

static tr_http_answer_t dashboard(void)
{
    return (tr_http_answer_t){.status = 200,
                              .type = HTML_TYPE,
                              .policy = tr_dashboard_policy,
                              .page = tr_dashboard_page,
                              .size = tr_dashboard_size};
}

tr_http_answer_t tr_http_answer(const tr_http_path_t *path, bool any, tr_runtime_t *runtime,
                                const msgpack_object *account, tr_http_lack_t lack)
{
    assert(path && runtime);
    switch (path->place) {
    case TR_HTTP_DASHBOARD:
        return dashboard();
    case TR_HTTP_METRICS:
        return metrics(runtime, account);
    case TR_HTTP_ALIVE:
        return tr_http_plain(200, "alive\n");
    case TR_HTTP_READY:
    case TR_HTTP_READY_ONE:
        return account ? readiness(path, any, account) : unready(lack);
    case TR_HTTP_STATE:
        return account ? state(account) : lacking(lack);
    default:
        return tr_http_plain(404, "there is nothing here: see / for people, /metrics, "
                                  "/healthz, /readyz and /state for programs\n");
    }
}
