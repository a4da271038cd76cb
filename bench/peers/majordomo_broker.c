/* Written the usual way, with zmsg, zlist and zhash: one ROUTER, one request at a time for each
 * worker, and the worker that has waited longest goes first. Heartbeats are answered, but
 * silent workers are not purged, since a run lasts seconds.
 */

#include "bench/peers/majordomo_broker.h"

#include <czmq.h>

typedef struct service {
    char *name;
    zlist_t *requests; /* zmsg_t: the client's address, empty, body */
    zlist_t *waiting;  /* worker_t, borrowed */
} service_t;

typedef struct worker {
    zframe_t *address;
    service_t *service;
} worker_t;

typedef struct broker {
    zsock_t *router;
    zhash_t *services;
    zhash_t *workers; /* by address in hexadecimal */
} broker_t;

static service_t *service_of(broker_t *self, const char *name)
{
    service_t *service = zhash_lookup(self->services, name);
    if (!service) {
        service = zmalloc(sizeof *service);
        service->name = strdup(name);
        service->requests = zlist_new();
        service->waiting = zlist_new();
        zhash_insert(self->services, name, service);
    }
    return service;
}

static void send_to_worker(broker_t *self, worker_t *worker, const char *command,
                           zmsg_t *message)
{
    zframe_t *address = zframe_dup(worker->address);
    zmsg_pushmem(message, command, 1);
    zmsg_pushstr(message, "MDPW01");
    zmsg_pushmem(message, "", 0);
    zmsg_prepend(message, &address);
    zmsg_send(&message, self->router);
}

static void dispatch(broker_t *self, service_t *service)
{
    while (zlist_size(service->requests) > 0 && zlist_size(service->waiting) > 0) {
        worker_t *worker = zlist_pop(service->waiting);
        send_to_worker(self, worker, "\002", zlist_pop(service->requests));
    }
}

static void welcome(broker_t *self, const char *id, zframe_t *sender, zmsg_t *message)
{
    char *name = zmsg_popstr(message);
    worker_t *worker = zmalloc(sizeof *worker);
    worker->address = zframe_dup(sender);
    worker->service = service_of(self, name ? name : "");
    freen(name);
    zhash_insert(self->workers, id, worker);
    zlist_append(worker->service->waiting, worker);
    dispatch(self, worker->service);
}

static void pass_on_reply(broker_t *self, worker_t *worker, zmsg_t *message)
{
    zframe_t *client = zmsg_unwrap(message);
    zmsg_pushstr(message, worker->service->name);
    zmsg_pushstr(message, "MDPC01");
    zmsg_wrap(message, client);
    zmsg_send(&message, self->router);
    zlist_append(worker->service->waiting, worker);
    dispatch(self, worker->service);
}

static void take_from_worker(broker_t *self, zframe_t *sender, zmsg_t *message)
{
    zframe_t *command = zmsg_pop(message);
    char *id = zframe_strhex(sender);
    worker_t *worker = zhash_lookup(self->workers, id);
    char code = command && zframe_size(command) == 1 ? (char)*zframe_data(command) : 0;
    if (code == 1 && !worker) {
        welcome(self, id, sender, message);
    } else if (code == 3 && worker) {
        pass_on_reply(self, worker, message);
        message = NULL;
    } else if (code == 4 && worker) {
        send_to_worker(self, worker, "\004", zmsg_new());
    }
    freen(id);
    zframe_destroy(&command);
    zmsg_destroy(&message);
}

static void take_from_client(broker_t *self, zframe_t *sender, zmsg_t *message)
{
    char *name = zmsg_popstr(message);
    service_t *service = service_of(self, name ? name : "");
    freen(name);
    zmsg_wrap(message, zframe_dup(sender));
    zlist_append(service->requests, message);
    dispatch(self, service);
}

static void take(broker_t *self, zmsg_t *message)
{
    zframe_t *sender = zmsg_pop(message);
    zframe_t *empty = zmsg_pop(message);
    zframe_t *header = zmsg_pop(message);
    if (header && zframe_streq(header, "MDPC01")) {
        take_from_client(self, sender, message);
    } else if (header && zframe_streq(header, "MDPW01")) {
        take_from_worker(self, sender, message);
    } else {
        zmsg_destroy(&message);
    }
    zframe_destroy(&sender);
    zframe_destroy(&empty);
    zframe_destroy(&header);
}

void majordomo_broker_run(int port_fd)
{
    zsys_handler_set(NULL);
    broker_t broker = {
        .router = zsock_new(ZMQ_ROUTER), .services = zhash_new(), .workers = zhash_new()};
    zsock_set_unbounded(broker.router);
    int port = zsock_bind(broker.router, "tcp://127.0.0.1:*");
    if (port < 0 || write(port_fd, &port, sizeof port) != sizeof port) {
        return;
    }
    zpoller_t *poller = zpoller_new(broker.router, NULL);
    while (zpoller_wait(poller, -1) == broker.router) {
        zmsg_t *message = zmsg_recv(broker.router);
        if (message) {
            take(&broker, message);
        }
    }
}
