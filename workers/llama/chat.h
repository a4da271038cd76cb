/* workers/llama/chat.h - a conversation as one prompt, for models without a template of their
 * own
 *
 *   System: Answer briefly.
 *
 *   User: What is a troupe?
 *
 *   Assistant:
 *
 * A model that only ever learnt to go on with a text goes on with this, too, and then plays the
 * user as well: its text ends where it begins the next turn. Pure.
 */

#ifndef TROUPE_WORKERS_CHAT_H
#define TROUPE_WORKERS_CHAT_H

#include <stddef.h>

#include <troupe/status.h>
#include <troupe/text_to_text.h>

/* Where the reply to such a prompt ends. */
#define TR_CHAT_STOP "\n\nUser:"

/* The turns as a prompt; to be released with free(), NULL when out of memory. */
TROUPE_NODISCARD char *tr_chat_prompt(const troupe_turn_t *turns, size_t n_turns);

/* What a role is called in templates: "user", "assistant" or "system". */
const char *tr_chat_role(troupe_role_t role);

#endif
