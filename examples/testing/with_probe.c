/* with_probe.c - the door in a node, as it will run: with threads, a supervisor and restarts
 *
 * The clock is held, so that the ten seconds of the door take no time.
 */

#include "check.h"
#include "door.h"

#define PATIENCE_MS 5000 /* only what hangs takes so long */

static const char tree[] = "troupe: 1\n"
                           "supervisor:\n"
                           "  children:\n"
                           "    - {actor: front, worker: {module: door}}\n";

static void problem(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

static troupe_node_t *start(void)
{
    troupe_node_t *node = troupe_node_new();
    CHECK(node);
    CHECK(troupe_node_register(node, &door_behaviour) == TROUPE_OK);
    CHECK(troupe_node_load_text(node, "tree", tree, problem, NULL) == TROUPE_OK);
    CHECK(troupe_node_start(node, problem, NULL) == TROUPE_OK);
    return node;
}

static void it_closes_ten_seconds_after_it_was_opened_last(troupe_probe_t *visitor,
                                                           troupe_ref_t *door)
{
    CHECK(troupe_probe_send_text(visitor, door, "open") == TROUPE_OK);
    CHECK_COMES(visitor, troupe_probe_expect_nothing(visitor, 9000));
    CHECK(troupe_probe_send_text(visitor, door, "open") == TROUPE_OK);
    CHECK_COMES(visitor, troupe_probe_expect_nothing(visitor, 9999));
    CHECK(troupe_clock_advance(1) == TROUPE_OK);
    CHECK_COMES(visitor, troupe_probe_expect_text(visitor, 0, "closed"));
    CHECK_COMES(visitor, troupe_probe_expect_nothing(visitor, 3600 * 1000));
}

static void it_is_hung_again_when_it_is_kicked_in(troupe_probe_t *visitor, troupe_ref_t *door)
{
    troupe_reason_t reason;
    CHECK(troupe_probe_monitor(visitor, door, NULL) == TROUPE_OK);
    CHECK(troupe_probe_send_text(visitor, door, "open") == TROUPE_OK);
    CHECK(troupe_probe_send_text(visitor, door, "kick") == TROUPE_OK);
    CHECK_COMES(visitor, troupe_probe_expect_down(visitor, PATIENCE_MS, door, &reason));
    CHECK(reason.kind == TROUPE_REASON_FAILED);

    troupe_reply_t *reply = NULL;
    troupe_message_t *question = NULL;
    CHECK(troupe_probe_ask(visitor, door, &question, PATIENCE_MS, &reply) == TROUPE_OK);
    char *answer = troupe_message_text(troupe_reply_message(reply), 0);
    CHECK(answer && answer[0] == 'c'); /* the new one is closed */
    free(answer);
    troupe_reply_destroy(&reply);
}

int main(void)
{
    troupe_clock_hold();
    troupe_node_t *node = start();
    troupe_probe_t *visitor = troupe_probe_new(node, NULL);
    CHECK(visitor);
    troupe_ref_t *door = troupe_probe_find(visitor, "front");
    CHECK(door);
    it_closes_ten_seconds_after_it_was_opened_last(visitor, door);
    it_is_hung_again_when_it_is_kicked_in(visitor, door);
    troupe_ref_release(&door);
    troupe_probe_destroy(&visitor);
    troupe_clock_release();
    troupe_node_destroy(&node);
    puts("fine");
    return 0;
}
