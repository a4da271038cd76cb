/* room.c - a chat room: one actor, and whoever joins from other processes
 *
 * Frame 0 of what a client sends is the verb, frame 1 what belongs to it:
 *
 *   join NICK   come in; everybody is told
 *   say TEXT    everybody hears it, who says it too
 *   leave       go; everybody is told
 *   who         asked: the nicks of all who are here
 *
 * What the room sends is one frame, a line of text. Members are monitored, so that one whose
 * connection is lost is announced as well. A room that is restarted is empty: its clients
 * monitor it, and join again.
 */

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <troupe.h>

#define MAX_NICK 32
#define MAX_LINE 2000

typedef struct member {
    struct member *next;
    troupe_ref_t *ref;
    uint64_t monitor;
    char nick[MAX_NICK + 1];
} member_t;

typedef struct room {
    member_t *members;
} room_t;

/* ---- speaking ---- */

/* One that is too slow, or has just gone, misses it. */
static void tell(troupe_worker_t *self, troupe_ref_t *whom, const char *line)
{
    troupe_message_t *message = troupe_message_from_text(line);
    troupe_status_t status = message ? troupe_send(self, whom, &message) : TROUPE_ERR_NOMEM;
    (void)status;
}

static void tell_all(troupe_worker_t *self, const room_t *room, const char *line)
{
    for (const member_t *member = room->members; member; member = member->next) {
        tell(self, member->ref, line);
    }
}

static void announce(troupe_worker_t *self, const room_t *room, const char *nick,
                     const char *what)
{
    char line[MAX_LINE];
    snprintf(line, sizeof line, "* %s %s", nick, what);
    tell_all(self, room, line);
}

/* ---- members ---- */

/* Where the member is in the list; the end of it when there is none. */
static member_t **place_of(room_t *room, const troupe_ref_t *ref)
{
    member_t **place = &room->members;
    while (*place && (*place)->ref != ref) {
        place = &(*place)->next;
    }
    return place;
}

static bool is_taken(const room_t *room, const char *nick)
{
    const member_t *member = room->members;
    while (member && strcmp(member->nick, nick) != 0) {
        member = member->next;
    }
    return member != NULL;
}

static bool is_nick(const char *nick)
{
    size_t size = strlen(nick);
    for (size_t i = 0; i < size; i++) {
        if (!isgraph((unsigned char)nick[i])) {
            return false;
        }
    }
    return size > 0 && size <= MAX_NICK;
}

static int add(troupe_worker_t *self, room_t *room, troupe_ref_t *who, const char *nick)
{
    member_t *member = calloc(1, sizeof *member);
    if (!member || troupe_monitor(self, who, &member->monitor) != TROUPE_OK) {
        free(member);
        return -1;
    }
    member->ref = troupe_ref_share(who);
    memcpy(member->nick, nick, strlen(nick) + 1);
    *place_of(room, NULL) = member; /* behind the last one */
    announce(self, room, nick, "has joined");
    return 0;
}

static void take_out(troupe_worker_t *self, room_t *room, member_t **place, const char *how)
{
    member_t *member = *place;
    *place = member->next;
    announce(self, room, member->nick, how);
    troupe_ref_release(&member->ref);
    free(member);
}

/* ---- what is said ---- */

static int on_join(troupe_worker_t *self, room_t *room, troupe_ref_t *who, const char *nick)
{
    if (*place_of(room, who)) {
        tell(self, who, "! you are here already");
    } else if (!is_nick(nick)) {
        tell(self, who, "! a nick is a word of up to 32 letters");
    } else if (is_taken(room, nick)) {
        tell(self, who, "! that nick is taken");
    } else {
        return add(self, room, who, nick);
    }
    return 0;
}

static void on_say(troupe_worker_t *self, room_t *room, troupe_ref_t *who, const char *text)
{
    const member_t *member = *place_of(room, who);
    if (member) {
        char line[MAX_LINE];
        snprintf(line, sizeof line, "%s: %s", member->nick, text);
        tell_all(self, room, line);
    } else {
        tell(self, who, "! join first");
    }
}

static void on_leave(troupe_worker_t *self, room_t *room, troupe_ref_t *who)
{
    member_t **place = place_of(room, who);
    if (*place) {
        troupe_demonitor(self, (*place)->monitor);
        tell(self, who, "* good-bye");
        take_out(self, room, place, "has left");
    }
}

static void on_down(troupe_worker_t *self, room_t *room, const troupe_message_t *notice)
{
    member_t **place = place_of(room, troupe_message_sender(notice));
    if (*place) {
        bool is_lost = troupe_message_reason(notice).kind == TROUPE_REASON_LOST;
        take_out(self, room, place, is_lost ? "is lost" : "has left");
    }
}

static void answer_who(troupe_worker_t *self, const room_t *room)
{
    troupe_message_t *answer = troupe_message_new();
    for (const member_t *member = room->members; answer && member; member = member->next) {
        if (troupe_message_add(answer, member->nick, strlen(member->nick)) != TROUPE_OK) {
            troupe_message_destroy(&answer);
        }
    }
    troupe_answer(self, &answer);
}

static int obey(troupe_worker_t *self, room_t *room, troupe_ref_t *who, const char *verb,
                const char *rest)
{
    if (strcmp(verb, "join") == 0) {
        return on_join(self, room, who, rest);
    }
    if (strcmp(verb, "say") == 0) {
        on_say(self, room, who, rest);
    } else if (strcmp(verb, "leave") == 0) {
        on_leave(self, room, who);
    } else if (strcmp(verb, "who") == 0) {
        answer_who(self, room);
    } else {
        tell(self, who, "! join, say, leave or who?");
    }
    return 0;
}

static int room_receive(troupe_worker_t *self, const troupe_message_t *message, void *state)
{
    troupe_ref_t *sender = troupe_message_sender(message);
    if (troupe_message_kind(message) == TROUPE_MESSAGE_DOWN) {
        on_down(self, state, message);
        return 0;
    }
    if (!sender) {
        return 0;
    }
    char *verb = troupe_message_text(message, 0);
    char *rest = troupe_message_text(message, 1);
    int result = verb && rest ? obey(self, state, sender, verb, rest) : -1;
    free(verb);
    free(rest);
    return result;
}

/* ---- life ---- */

static int room_init(troupe_worker_t *self, const troupe_args_t *args, void **state_p)
{
    (void)self;
    (void)args;
    *state_p = calloc(1, sizeof(room_t));
    return *state_p ? TROUPE_INIT_OK : TROUPE_INIT_NO_MEMORY;
}

static void room_terminate(troupe_worker_t *self, void **state_p, troupe_reason_t reason)
{
    (void)self;
    (void)reason;
    room_t *room = *state_p;
    while (room->members) {
        member_t *member = room->members;
        room->members = member->next;
        troupe_ref_release(&member->ref);
        free(member);
    }
    free(room);
}

static const troupe_behaviour_t room = {
    .name = "room",
    .init = room_init,
    .receive = room_receive,
    .terminate = room_terminate,
};

TROUPE_MODULE(room);
