/* tests/fuzz/wraps.h - what the linker puts in the place of functions, by -Wl,--wrap */

#ifndef TROUPE_TESTS_FUZZ_WRAPS_H
#define TROUPE_TESTS_FUZZ_WRAPS_H

#include <zmq.h>

#include "actors/process/child_link.h"
#include "remote/doors/doors.h"

int __wrap_zmq_msg_recv(zmq_msg_t *message, void *socket, int flags);
int __wrap_zmq_msg_more(const zmq_msg_t *message);
int __wrap_zmq_send(void *socket, const void *data, size_t size, int flags);
int __wrap_zmq_msg_send(zmq_msg_t *frame, void *socket, int flags);
int __wrap_zmq_recv(void *socket, void *buffer, size_t size, int flags);
void *__wrap_zmq_socket(void *context, int type);
int __wrap_zmq_setsockopt(void *socket, int option, const void *value, size_t size);
int __wrap_zmq_getsockopt(void *socket, int option, void *value, size_t *size);
int __wrap_zmq_connect(void *socket, const char *endpoint);
int __wrap_zmq_close(void *socket);
int __wrap_zmq_socket_monitor(void *socket, const char *endpoint, int events);
int64_t __wrap_tr_clock_now_ms(void);
troupe_status_t __wrap_tr_actor_start(const tr_actor_setup_t *setup, tr_actor_t **out);
bool __wrap_tr_doors_open_all(tr_doors_t *doors, const tr_gateway_spec_t *spec, char *why,
                              size_t size);
void __wrap_tr_doors_finish(tr_doors_t *doors);

troupe_status_t __wrap_tr_child_link_receive(tr_child_link_t *link, tr_trp1_t *command_out,
                                             troupe_message_t **message_out,
                                             const char **why_out);
troupe_status_t __wrap_tr_child_link_send(tr_child_link_t *link, const tr_trp1_t *command,
                                          const troupe_message_t *message);
bool __wrap_tr_child_link_is_known(const tr_child_link_t *link);
void *__wrap_tr_child_link_socket(tr_child_link_t *link);
void __wrap_tr_child_link_destroy(tr_child_link_t **link_p);
troupe_status_t __wrap_tr_self_watch_socket(tr_self_t *self, void *socket,
                                            void (*ready)(tr_self_t *self, void *socket,
                                                          int descriptor));
void __wrap_tr_self_unwatch(tr_self_t *self, void *socket, int descriptor);

#endif
