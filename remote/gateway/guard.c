/* What keeps peers within their limits: who may come in, how much they may want, and when they
 * are cut off. What is refused is counted each time and told once for each peer; about
 * strangers above the limit of connections nothing is kept, so that is told once in a while.
 *
 * Always true: a connection that was refused is not heard, and costs its entry among the others
 * until libzmq has closed it.
 */

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "base/clock.h"
#include "remote/doors/descriptor.h"
#include "remote/doors/door_monitor.h"
#include "remote/doors/endpoint.h"
#include "remote/gateway/inside.h"

#define SWEEP_MS            1000
#define STUCK_AFTER_MS      5000 /* a connection that was shut has gone much sooner */
#define DESCRIPTORS_KEPT    256
#define MANY                64 /* connections that have gone */
#define TRIM_MS             5000
#define LOOKS               2 /* rounds in which each connection is looked at once */
#define MESSAGE_SLACK       ((size_t)1 << 20)
#define TELL_FULL_MS        10000
#define HEAR_OUT_MS         20  /* who is gone, before its requests end */
#define OPEN_HINT_MS        100 /* nobody knows when a request will end */
#define MALFORMED_PERIOD_NS (60 * TR_BUCKET_SECOND_NS)

static const char *const limit_names[TR_LIMITS] = {
    [TR_LIMIT_CONNECTIONS] = "connections",
    [TR_LIMIT_OPEN] = "open",
    [TR_LIMIT_RATE] = "rate",
    [TR_LIMIT_SIZE] = "size",
    [TR_LIMIT_MALFORMED] = "malformed",
    [TR_LIMIT_QUEUE] = "queue",
    [TR_LIMIT_STALL] = "stall",
    [TR_LIMIT_IDLE] = "idle",
};

bool tr_guard_begin(tr_gateway_t *gateway)
{
    tr_metrics_t *metrics = gateway->self->runtime->metrics;
    for (int i = TR_LIMIT_NONE + 1; i < TR_LIMITS; i++) {
        gateway->limited[i] =
            tr_metrics_series(metrics, TR_METRIC_COUNTER, "troupe_gateway_limited_total",
                              "What was refused, and who was cut off, because of a limit",
                              (tr_label_t){"limit", limit_names[i]}, (tr_label_t){0});
    }
    gateway->n_connections =
        tr_metrics_series(metrics, TR_METRIC_GAUGE, "troupe_gateway_connections",
                          "Connections now", (tr_label_t){0}, (tr_label_t){0});
    gateway->parties = tr_parties_new();
    return gateway->parties;
}

/* Descriptors that are left for connections when everything else has what it may need. */
static size_t count_room(void)
{
    struct rlimit limit;
    int next = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0); /* the lowest that is free */
    size_t n_used = next < 0 ? 0 : (size_t)next;
    if (next >= 0) {
        close(next);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return SIZE_MAX;
    }
    return limit.rlim_cur > n_used + DESCRIPTORS_KEPT
               ? (size_t)limit.rlim_cur - n_used - DESCRIPTORS_KEPT
               : 1;
}

/* libzmq runs in circles when there is no descriptor for who wants to come in. */
void tr_guard_limit(tr_gateway_t *gateway, const tr_node_limits_t *limits)
{
    size_t room = gateway->room > 0 ? gateway->room : count_room();
    gateway->room = room;
    gateway->limits = *limits;
    if (room < limits->max_connections) {
        gateway->limits.max_connections = room;
        tr_event(gateway->self->runtime->events, TR_LOG_WARNING, "connections_bounded",
                 TR_NUMBER("limit", limits->max_connections), TR_NUMBER("room", room));
    }
}

void tr_guard_end(tr_gateway_t *gateway)
{
    tr_parties_destroy(&gateway->parties);
}

/* ---- connections ---- */

static void count_connections(tr_gateway_t *gateway)
{
    gateway->n_open_connections = 0;
    for (size_t i = 0; i < TR_DOORS_MAX; i++) {
        gateway->n_open_connections += gateway->doors.all[i].connections.n_open;
    }
    tr_metric_set(gateway->n_connections, (int64_t)gateway->n_open_connections);
}

/* Close it, and hear no more of what it has said already. */
static void shut(tr_gateway_t *gateway, tr_door_t *door, tr_connection_t *connection)
{
    tr_connections_refuse(&door->connections, connection, tr_gateway_now_ms(gateway));
    (void)tr_descriptor_shut(connection->descriptor, connection->cookie);
    gateway->n_gone = MANY; /* it may have left much */
}

static void tell_full(tr_gateway_t *gateway, const tr_door_t *door, int64_t now_ms)
{
    gateway->n_turned_away++;
    tr_metric_add(gateway->limited[TR_LIMIT_CONNECTIONS], 1);
    if (gateway->told_full_ms == 0 || now_ms - gateway->told_full_ms >= TELL_FULL_MS) {
        gateway->told_full_ms = now_ms;
        tr_event(gateway->self->runtime->events, TR_LOG_WARNING, "connections_refused",
                 TR_TEXT("endpoint", door->endpoint),
                 TR_NUMBER("connections", door->connections.n_open),
                 TR_NUMBER("count", gateway->n_turned_away));
        gateway->n_turned_away = 0;
    }
}

/* Whoever operates the node gets in although others have filled it. */
static bool is_full(const tr_gateway_t *gateway, const tr_door_t *door)
{
    return door->connections.n_open > door->limits.max_connections ||
           (!door->rights.is_admin &&
            gateway->n_open_connections > gateway->limits.max_connections);
}

static void on_accepted(tr_gateway_t *gateway, tr_door_t *door, int descriptor)
{
    int64_t now_ms = tr_gateway_now_ms(gateway);
    uint64_t cookie = tr_descriptor_cookie(descriptor, door->endpoint);
    tr_connection_t *connection =
        tr_connections_add(&door->connections, descriptor, cookie, now_ms);
    count_connections(gateway);
    if (connection) {
        connection->newest = door->departed.newest;
        connection->has_newest = door->departed.has_newest;
    }
    if (!connection) {
        (void)tr_descriptor_shut(descriptor, cookie);
    } else if (is_full(gateway, door)) {
        shut(gateway, door, connection);
        tell_full(gateway, door, now_ms);
    }
}

static void lose(tr_gateway_t *gateway, tr_peer_t *peer)
{
    peer->connection = NULL;
    peer->lost_ms = tr_gateway_now_ms(gateway);
}

/* What it has said before may not have been read yet: a later round forgets it. */
static void on_disconnected(tr_gateway_t *gateway, tr_door_t *door, int descriptor)
{
    tr_peer_t *peer = tr_connections_remove(&door->connections, descriptor);
    gateway->n_gone++;
    if (peer) {
        lose(gateway, peer);
    }
}

static void on_event(tr_gateway_t *gateway, tr_door_t *door, const tr_door_event_t *event)
{
    tr_entry_hear(&gateway->entry, door, event, tr_gateway_now_ms(gateway));
    if (event->what == ZMQ_EVENT_ACCEPTED) {
        on_accepted(gateway, door, event->value);
    } else if (event->what == ZMQ_EVENT_DISCONNECTED) {
        on_disconnected(gateway, door, event->value);
    } else if (event->what == ZMQ_EVENT_ACCEPT_FAILED) {
        tell_full(gateway, door, tr_gateway_now_ms(gateway));
    }
}

static void read_monitor(tr_gateway_t *gateway, tr_door_t *door)
{
    tr_door_event_t event;
    while (tr_door_monitor_next(door->monitor, &event)) {
        on_event(gateway, door, &event);
    }
    count_connections(gateway);
}

void tr_guard_told(tr_self_t *self, void *socket, int descriptor)
{
    (void)descriptor;
    tr_gateway_t *gateway = self->state;
    read_monitor(gateway, &gateway->doors.all[tr_doors_of(&gateway->doors, socket)]);
}

/* ---- peers come and go ---- */

bool tr_guard_hears(tr_gateway_t *gateway, uint32_t number_of_door, int descriptor,
                    zmq_msg_t *routing_id)
{
    tr_door_t *door = &gateway->doors.all[number_of_door];
    read_monitor(gateway, door); /* its connection is told of by now */
    uint32_t number;
    if (tr_departed_number(zmq_msg_data(routing_id), zmq_msg_size(routing_id), &number)) {
        if (tr_departed_has(&door->departed, number)) {
            return false;
        }
        tr_departed_note_speaker(&door->departed, number);
    }
    const tr_connection_t *connection = tr_connections_find(&door->connections, descriptor);
    return !connection || !connection->is_refused;
}

/* Descriptors are used again: whoever was numbered before the connection came is of one that
 * had the descriptor before, and so is the older one of two. */
static bool is_of_another(const tr_connection_t *connection, const tr_peer_t *peer)
{
    uint32_t number;
    uint32_t other;
    if (!tr_departed_number(peer->routing_id, peer->routing_id_size, &number)) {
        return false;
    }
    return (connection->has_newest && !tr_departed_is_before(connection->newest, number)) ||
           (connection->peer &&
            (!tr_departed_number(connection->peer->routing_id,
                                 connection->peer->routing_id_size, &other) ||
             tr_departed_is_before(number, other)));
}

/* Whoever was thought to be behind the same descriptor had a connection before it. And where
 * none is known, it has ended before what came by it was read. */
bool tr_guard_meet(tr_gateway_t *gateway, tr_peer_t *peer, int descriptor)
{
    tr_connection_t *connection =
        tr_connections_find(&gateway->doors.all[peer->door].connections, descriptor);
    gateway->knows_descriptors = gateway->knows_descriptors || descriptor >= 0;
    if (connection && connection->peer && tr_peers_has_chosen(peer)) {
        peer->connection = NULL; /* there is no telling which of the two it is */
    } else if (connection && !is_of_another(connection, peer)) {
        if (connection->peer) {
            lose(gateway, connection->peer);
        }
        connection->peer = peer;
        peer->connection = connection;
    } else if (gateway->knows_descriptors) {
        lose(gateway, peer);
    }
    peer->party = tr_parties_join(gateway->parties, peer->name);
    return peer->party;
}

void tr_guard_part(tr_gateway_t *gateway, tr_peer_t *peer)
{
    tr_connection_t *connection = peer->connection;
    tr_door_t *door = &gateway->doors.all[peer->door];
    uint32_t number;
    if ((peer->lost_ms > 0 || (connection && peer->is_cut)) &&
        tr_departed_number(peer->routing_id, peer->routing_id_size, &number)) {
        tr_departed_add(&door->departed, number);
    }
    if (connection) {
        connection->peer = NULL;
        peer->connection = NULL;
        connection->since_ms = tr_gateway_now_ms(gateway);
        if (peer->is_cut) {
            shut(gateway, door, connection);
        }
    }
    tr_parties_leave(gateway->parties, &peer->party);
}

/* ---- what they want ---- */

void tr_guard_note(tr_gateway_t *gateway, tr_peer_t *peer, tr_limit_t limit)
{
    if (limit == TR_LIMIT_NONE) {
        return;
    }
    tr_metric_add(gateway->limited[limit], 1);
    if (!(peer->told_of & 1u << limit)) {
        peer->told_of |= 1u << limit;
        tr_event_live(gateway->self->runtime->events, TR_LOG_WARNING, "peer_limited",
                      TR_TEXT("limit", limit_names[limit]), TR_NUMBER("peer", peer->number),
                      TR_TEXT("name", peer->name), TR_TEXT("address", peer->address),
                      TR_TEXT("endpoint", gateway->doors.all[peer->door].endpoint));
    }
}

static void refuse(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *request,
                   tr_limit_t limit, int64_t hint_ms, const char *why)
{
    tr_guard_note(gateway, peer, limit);
    tr_requests_refuse_for(gateway, peer, request, TROUPE_OUTCOME_OVERLOADED, hint_ms, why);
}

bool tr_guard_admits(tr_gateway_t *gateway, tr_peer_t *peer, const tr_trp1_t *request,
                     bool is_operation)
{
    const tr_peer_limits_t *limits = peer->limits;
    int64_t wait_ms = 0;
    if (peer->party->n_open >= limits->max_open) {
        refuse(gateway, peer, request, TR_LIMIT_OPEN, OPEN_HINT_MS,
               "this peer has as many requests open as it may");
        return false;
    }
    if (!(is_operation && peer->rights->is_admin) &&
        gateway->calls.n_items >= gateway->limits.max_open) {
        refuse(gateway, peer, request, TR_LIMIT_OPEN, OPEN_HINT_MS,
               "all peers together have as many requests open as they may");
        return false;
    }
    if (limits->rate > 0) {
        wait_ms =
            tr_bucket_take(&peer->party->asked, TR_BUCKET_SECOND_NS / (int64_t)limits->rate,
                           limits->burst, tr_gateway_now_ms(gateway));
    }
    if (wait_ms > 0) {
        refuse(gateway, peer, request, TR_LIMIT_RATE, wait_ms,
               "this peer asks more often than it may");
    }
    return wait_ms == 0;
}

void tr_guard_count_bad(tr_gateway_t *gateway, tr_peer_t *peer)
{
    size_t most = peer->limits->max_malformed;
    tr_metric_add(gateway->bad_messages[peer->dialect->number], 1);
    if (tr_bucket_take(&peer->malformed, MALFORMED_PERIOD_NS / (int64_t)most, most,
                       tr_gateway_now_ms(gateway)) > 0) {
        tr_peer_cut_by(peer, TR_LIMIT_MALFORMED, "too much of what it says is malformed");
    }
}

void tr_gateway_note_bad(tr_gateway_t *gateway, tr_peer_t *peer, const char *why)
{
    if (!(peer->told_of & 1u << TR_LIMIT_NONE)) {
        peer->told_of |= 1u << TR_LIMIT_NONE;
        tr_event_live(gateway->self->runtime->events, TR_LOG_WARNING, "bad_message",
                      TR_TEXT("dialect", peer->dialect->name), TR_TEXT("why", why),
                      TR_NUMBER("peer", peer->number), TR_TEXT("name", peer->name),
                      TR_TEXT("address", peer->address));
    }
    tr_guard_count_bad(gateway, peer);
}

/* ---- time passes ---- */

/* Who keeps a heartbeat is judged by that, and whom actors know, or who serves, is wanted. */
static bool is_idle(const tr_peer_t *peer, int64_t now_ms)
{
    return peer->heartbeat_ms == 0 && peer->calls.n_items == 0 && !peer->ref && !peer->lines &&
           !peer->first_out && now_ms - peer->last_heard_ms > peer->limits->idle_ms;
}

void tr_guard_look(tr_peer_t *peer, int64_t now_ms)
{
    if (peer->lost_ms > 0 && now_ms - peer->lost_ms > HEAR_OUT_MS) {
        tr_peer_lose(peer);
    } else if (peer->first_out && now_ms - peer->waits_since_ms > peer->limits->stall_ms) {
        tr_peer_cut_by(peer, TR_LIMIT_STALL, "too slow: what waits for it does not move");
    } else if (is_idle(peer, now_ms)) {
        tr_peer_cut_by(peer, TR_LIMIT_IDLE, "it has wanted nothing for long");
    }
}

static void shut_silent(tr_gateway_t *gateway, tr_door_t *door, int64_t now_ms)
{
    size_t place = 0;
    tr_connection_t *connection;
    while (door->limits.idle_ms < now_ms &&
           (connection = tr_connections_next_silent(
                &door->connections, now_ms - door->limits.idle_ms, &place)) != NULL) {
        tr_metric_add(gateway->limited[TR_LIMIT_IDLE], 1);
        shut(gateway, door, connection);
    }
}

bool tr_guard_is_stuck(const tr_door_t *door)
{
    return door->is_open && 2 * door->connections.n_stuck > door->limits.max_connections;
}

/* Such a connection costs a descriptor until its endpoint begins anew, so it counts. */
static void look_for_stuck(tr_gateway_t *gateway, tr_door_t *door, int64_t now_ms)
{
    size_t n_stuck = tr_connections_find_stuck(&door->connections, now_ms - STUCK_AFTER_MS);
    if (n_stuck > 0) {
        tr_event(gateway->self->runtime->events, TR_LOG_WARNING, "connections_stuck",
                 TR_TEXT("endpoint", door->endpoint), TR_NUMBER("count", n_stuck));
        gateway->has_stuck_doors = gateway->has_stuck_doors || tr_guard_is_stuck(door);
    }
}

/* Of all for whom too much waits together, it is the one for whom most does that goes. */
void tr_guard_look_at_all(tr_gateway_t *gateway)
{
    size_t n_bytes = 0;
    tr_peer_t *slowest = NULL;
    for (tr_peer_t *peer = gateway->peers.first; peer; peer = peer->next) {
        n_bytes += peer->out_bytes;
        slowest = !slowest || peer->out_bytes > slowest->out_bytes ? peer : slowest;
    }
    if (slowest && n_bytes > gateway->limits.max_out_bytes && !slowest->is_leaving) {
        tr_peer_cut_by(slowest, TR_LIMIT_QUEUE, "too slow: what waits for all is too much");
    }
}

/* A message is seen when it is whole; what libzmq keeps until then is seen only in what has
 * come by the connection. */
static void shut_endless(tr_gateway_t *gateway, tr_door_t *door)
{
    size_t n_slots = door->connections.all.n_slots;
    size_t n_looks = n_slots / LOOKS + 1;
    for (size_t n = 0; n < n_looks && n_slots > 0; n++) {
        tr_connection_t *connection =
            door->connections.all.slots[door->looked_at++ % n_slots].item;
        if (connection && !connection->is_refused &&
            tr_connection_overruns(connection, tr_descriptor_received(connection->descriptor),
                                   connection->peer ? connection->peer->n_heard : 0,
                                   door->limits.max_message + MESSAGE_SLACK)) {
            tr_metric_add(gateway->limited[TR_LIMIT_SIZE], 1);
            tr_event_live(gateway->self->runtime->events, TR_LOG_WARNING, "message_endless",
                          TR_TEXT("endpoint", door->endpoint),
                          TR_NUMBER("peer", connection->peer ? connection->peer->number : 0));
            shut(gateway, door, connection);
        }
    }
}

void tr_guard_look_inside(tr_gateway_t *gateway)
{
    for (size_t i = 0; i < TR_DOORS_MAX; i++) {
        tr_door_t *door = &gateway->doors.all[i];
        if (door->connections.n_open > 0 && !tr_endpoint_is_ipc(door->endpoint)) {
            shut_endless(gateway, door);
        }
    }
}

/* What those who have gone have left behind is given back to the system, and not only to the
 * allocator, which would keep it for as many as were there at the worst of times. */
static void give_memory_back(tr_gateway_t *gateway, int64_t now_ms)
{
#ifdef __GLIBC__
    if (gateway->n_gone >= MANY && now_ms - gateway->trimmed_ms >= TRIM_MS) {
        gateway->n_gone = 0;
        gateway->trimmed_ms = now_ms;
        malloc_trim(0);
    }
#endif
}

static bool has_connections(const tr_gateway_t *gateway)
{
    bool has_some = false;
    for (size_t i = 0; !has_some && i < TR_DOORS_MAX; i++) {
        has_some = gateway->doors.all[i].connections.all.n_items > 0;
    }
    return has_some;
}

int64_t tr_guard_sweep(tr_gateway_t *gateway, int64_t now_ms)
{
    if (now_ms >= gateway->next_sweep_ms) {
        for (size_t i = 0; i < TR_DOORS_MAX; i++) {
            tr_door_t *door = &gateway->doors.all[i];
            if (door->connections.all.n_items > 0) {
                shut_silent(gateway, door, now_ms);
                look_for_stuck(gateway, door, now_ms);
            }
        }
        count_connections(gateway);
        give_memory_back(gateway, now_ms);
        gateway->next_sweep_ms = tr_clock_after(now_ms, SWEEP_MS);
    }
    return has_connections(gateway) || gateway->n_gone >= MANY ? gateway->next_sweep_ms
                                                               : TR_NEVER;
}
