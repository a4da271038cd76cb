/* supervisors/commands.h - how a supervisor carries out what it is asked while it runs
 *
 * For the supervisor; whoever asks uses command.h.
 */

#ifndef TROUPE_SUPERVISORS_COMMANDS_H
#define TROUPE_SUPERVISORS_COMMANDS_H

#include "supervisors/supervisor.h"

/* Take a command: begin it, or let it wait for those before it about the same child. */
void tr_commands_take(tr_supervisor_t *self, tr_command_t *command);

/* Answer a command, which is taken; about `child`, unless that is NULL. `text` may be NULL. */
void tr_commands_answer(tr_command_t *command, tr_answer_code_t code, const tr_child_t *child,
                        const char *text);

/* Answer the one that is under way for `child`. */
void tr_commands_finish(tr_child_t *child, tr_answer_code_t code, const char *text);

/* The child came up or went down: go on with what waits for that. False when the child was to
 * leave, and has: nobody will find it any more, those that still waited for it included. */
bool tr_commands_go_on(tr_supervisor_t *self, tr_child_t *child);

/* Whether the start that the child is in was asked for, so that its failure is an answer and no
 * fall. */
bool tr_commands_want_start(const tr_child_t *child);

/* The child's start failed: whoever asked for it will hear. */
void tr_commands_note_failure(tr_child_t *child);

#endif
