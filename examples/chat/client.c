/* client.c - talk in the chat room, line by line: chat_client ENDPOINT NICK
 *
 * What client.py does, with the client library: what is typed is said; /who asks who is there,
 * /leave or the end of the input leaves. A room that was restarted, or whose node was away, is
 * empty, and is entered again.
 */

#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <troupe.h>

#define ROOM         "room"
#define MAX_MESSAGES 1000 /* that wait to be shown */
#define SEND_MS      5000

typedef struct chat {
    troupe_client_t *client;
    const char *nick;
    uint64_t monitor; /* of the room */
} chat_t;

/* ---- what goes out ---- */

static troupe_message_t *words(const char *verb, const char *rest)
{
    troupe_message_t *message = troupe_message_from_text(verb);
    if (message && rest && troupe_message_add(message, rest, strlen(rest)) != TROUPE_OK) {
        troupe_message_destroy(&message);
    }
    return message;
}

static void send_words(troupe_client_t *client, const char *verb, const char *rest,
                       int64_t timeout_ms)
{
    troupe_message_t *message = words(verb, rest);
    uint64_t id;
    if (troupe_client_start_send(client, ROOM, timeout_ms, false, &message, &id) != TROUPE_OK) {
        fprintf(stderr, "chat_client: out of memory\n");
    }
}

static void ask_who(troupe_client_t *client)
{
    troupe_message_t *message = words("who", NULL);
    uint64_t id;
    if (troupe_client_start_ask(client, ROOM, SEND_MS, &message, &id) != TROUPE_OK) {
        fprintf(stderr, "chat_client: out of memory\n");
    }
}

/* What is sent behind a monitor finds the room watched. */
static void enter(chat_t *chat)
{
    if (troupe_client_start_monitor(chat->client, ROOM, &chat->monitor) != TROUPE_OK) {
        fprintf(stderr, "chat_client: out of memory\n");
    }
    send_words(chat->client, "join", chat->nick, 0); /* as patient as the monitor */
}

/* False: it is the end. */
static bool obey_line(troupe_client_t *client)
{
    char line[1024];
    if (!fgets(line, sizeof line, stdin) || strcmp(line, "/leave\n") == 0) {
        return false;
    }
    line[strcspn(line, "\n")] = '\0';
    if (strcmp(line, "/who") == 0) {
        ask_who(client);
    } else if (*line) {
        send_words(client, "say", line, SEND_MS);
    }
    return true;
}

/* ---- what comes in ---- */

static void show_frames(const char *before, const troupe_message_t *message)
{
    fputs(before, stdout);
    for (size_t i = 0; i < troupe_message_count(message); i++) {
        printf("%s%.*s", i > 0 || *before ? " " : "", (int)troupe_message_size(message, i),
               (const char *)troupe_message_data(message, i));
    }
    putchar('\n');
}

static void show_messages(troupe_client_t *client)
{
    troupe_message_t *message;
    while (troupe_client_next_message(client, 0, NULL, &message) == TROUPE_OK) {
        show_frames("", message);
        troupe_message_destroy(&message);
    }
}

/* The room has ended, or the way to it; unless that is for good, come in again. */
static void follow(chat_t *chat, const troupe_reply_t *end)
{
    troupe_outcome_t outcome = troupe_reply_outcome(end);
    bool has_ended = outcome == TROUPE_OUTCOME_OK;
    bool is_gone = has_ended && troupe_reply_reason(end).kind == TROUPE_REASON_GONE;
    printf("%s%s\n", has_ended ? "* the room has ended: " : "! ", troupe_reply_text(end));
    if ((has_ended && !is_gone) || outcome == TROUPE_OUTCOME_WORKER_LOST) {
        enter(chat);
    }
}

/* How what was sent and asked has ended: that a message was delivered is not worth a word. */
static void show_replies(chat_t *chat)
{
    troupe_reply_t *reply;
    while (troupe_client_next(chat->client, 0, &reply) == TROUPE_OK) {
        if (troupe_reply_id(reply) == chat->monitor) {
            follow(chat, reply);
        } else if (troupe_reply_outcome(reply) != TROUPE_OUTCOME_OK) {
            printf("! %s\n", troupe_reply_text(reply));
        } else if (troupe_message_count(troupe_reply_message(reply)) > 0) {
            show_frames("here:", troupe_reply_message(reply));
        }
        troupe_reply_destroy(&reply);
    }
}

static void talk(chat_t *chat)
{
    enum { KEYBOARD, NODE };
    struct pollfd ready[] = {{.fd = 0, .events = POLLIN},
                             {.fd = troupe_client_fd(chat->client), .events = POLLIN}};
    bool goes_on = true;
    while (goes_on && poll(ready, 2, -1) > 0) {
        if (ready[KEYBOARD].revents) {
            goes_on = obey_line(chat->client);
        }
        show_messages(chat->client);
        show_replies(chat);
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    chat_t chat = {.client = argc == 3 ? troupe_client_new(argv[1]) : NULL};
    if (!chat.client) {
        fprintf(stderr, "usage: chat_client ENDPOINT NICK\n");
        return 2;
    }
    setvbuf(stdin, NULL, _IONBF, 0); /* poll knows nothing of what stdio has read ahead */
    chat.nick = argv[2];
    troupe_client_listen(chat.client, MAX_MESSAGES);
    enter(&chat);
    talk(&chat);
    troupe_client_destroy(&chat.client);
    return 0;
}
