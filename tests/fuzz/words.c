/* What people write into a line, a URL or a frame of an operation: durations, sizes, shares,
 * numbers, processors, names, paths, addresses, hosts, endpoints, deeds, variables. What was
 * read is within its bounds, and what is printed of it reads as the same.
 */

#include "tests/fuzz/target.h"

#include "base/text.h"
#include "mailbox/message.h"
#include "node/admin/operation_text.h"
#include "node/config/endpoint.h"
#include "node/config/expand.h"
#include "node/http/address.h"
#include "node/http/path.h"
#include "tests/kit/valid.h"

static void quantities(const char *text)
{
    int64_t time = -1;
    int64_t again = -1;
    uint64_t bytes = 0;
    uint64_t bytes_again = 0;
    double share = -1;
    char printed[32];
    char shown[32];
    if (tr_text_duration(text, &time) == TROUPE_OK) {
        HOLDS(time >= 0);
        tr_text_print_duration(time, printed, sizeof printed);
        HOLDS(tr_text_duration(printed, &again) == TROUPE_OK && again == time);
        tr_text_show_duration_us(time, shown, sizeof shown);
        HOLDS(strlen(shown) < sizeof shown - 1);
    }
    if (tr_text_size(text, &bytes) == TROUPE_OK) {
        tr_text_print_size(bytes, printed, sizeof printed);
        HOLDS(tr_text_size(printed, &bytes_again) == TROUPE_OK && bytes_again == bytes);
        tr_text_show_size(bytes, shown, sizeof shown);
        HOLDS(strlen(shown) < sizeof shown - 1);
    }
    if (tr_text_moment(text, &time) == TROUPE_OK) {
        HOLDS(time >= 0);
    }
    if (tr_text_share(text, &share) == TROUPE_OK) {
        HOLDS(share >= 0 && share <= 1);
    }
    if (tr_text_number(text, &time) == TROUPE_OK) {
        HOLDS(time >= 0);
        snprintf(printed, sizeof printed, "%lld", (long long)time);
        HOLDS(tr_text_number(printed, &again) == TROUPE_OK && again == time);
    }
}

static void processors(const char *text)
{
    cpu_set_t set;
    if (tr_text_cpus(text, &set) == TROUPE_OK) {
        HOLDS(CPU_COUNT(&set) > 0);
    }
}

/* Two words, the one behind the first space. */
static void distances(const char *text)
{
    char one[40];
    const char *space = strchr(text, ' ');
    const char *other = space ? space + 1 : "";
    snprintf(one, sizeof one, "%.*s", space ? (int)(space - text) : 39, text);
    size_t distance = tr_text_distance(one, other);
    HOLDS(distance == tr_text_distance(other, one));
    HOLDS((distance == 0) == (strcmp(one, other) == 0) || distance == 99);
}

static void places(const char *text)
{
    struct sockaddr_in address;
    tr_http_path_t path = tr_http_path_of(text);
    HOLDS((path.place == TR_HTTP_READY_ONE) == (path.capability[0] != '\0'));
    HOLDS(!path.capability[0] || tr_text_is_name(path.capability));
    const char *problem = tr_http_address_problem(text, &address);
    HOLDS(problem || (address.sin_family == AF_INET && address.sin_port != 0));
    if (tr_http_host_is_ours(text, "studio")) {
        HOLDS(text[0] && !strpbrk(text, "/ \t\r\n"));
    }
    if (!tr_config_endpoint_problem(text)) {
        HOLDS(strncmp(text, "ipc://", 6) == 0 || strncmp(text, "tcp://", 6) == 0);
    }
}

static void operations(const char *text, const uint8_t *data, size_t size)
{
    tr_size_t pool;
    tr_deed_t deed;
    if (tr_size_parse(text, &pool)) {
        HOLDS(pool.least >= -1 && pool.most >= -1 && pool.most != 0);
        HOLDS(pool.least <= TR_SIZE_MAX && pool.most <= TR_SIZE_MAX);
        HOLDS(pool.most < 0 || pool.least <= pool.most);
    }
    if (tr_deed_parse(text, &deed)) {
        HOLDS(strcmp(tr_deed_name(deed), text) == 0);
    }
    char frame[65];
    troupe_message_t *message = troupe_message_from(data, size);
    HOLDS(message);
    if (tr_frame_text(message, 0, frame, sizeof frame)) {
        HOLDS(strlen(frame) == size && strcmp(frame, text) == 0);
    }
    HOLDS(tr_frame_text(message, 1, frame, sizeof frame) && !frame[0]);
    troupe_message_destroy(&message);
}

static void variables(const char *text)
{
    char why[TR_CONFIG_WHY_BYTES] = "";
    char *value = NULL;
    troupe_status_t status = tr_config_expand(text, why, &value);
    HOLDS((status == TROUPE_OK) == (value != NULL));
    HOLDS(!value || strlen(value) <= TR_CONFIG_EXPANDED_MAX);
    HOLDS(value || why[0]);
    free(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = text_of(data, size);
    quantities(text);
    processors(text);
    distances(text);
    places(text);
    operations(text, data, size);
    variables(text);
    HOLDS(!tr_text_is_name(text) || strlen(text) <= 64);
    free(text);
    return 0;
}
