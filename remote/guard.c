#include "remote/door_monitor.h"
#include "remote/gateway_inside.h"

static void on_event(tr_gateway_t *gateway, uint32_t door, const tr_door_event_t *event)
{
    tr_entry_hear(&gateway->entry, &gateway->doors.all[door], event,
                  tr_gateway_now_ms(gateway));
}

static void read_monitor(tr_gateway_t *gateway, uint32_t door)
{
    tr_door_event_t event;
    while (tr_door_monitor_next(gateway->doors.all[door].monitor, &event)) {
        on_event(gateway, door, &event);
    }
}

void tr_guard_told(tr_self_t *self, void *socket, int descriptor)
{
    (void)descriptor;
    tr_gateway_t *gateway = self->state;
    read_monitor(gateway, tr_doors_of(&gateway->doors, socket));
}
