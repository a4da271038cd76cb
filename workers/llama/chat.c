#include "chat.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *speaker(troupe_role_t role)
{
    switch (role) {
    case TROUPE_ROLE_ASSISTANT:
        return "Assistant";
    case TROUPE_ROLE_SYSTEM:
        return "System";
    case TROUPE_ROLE_USER:
        break;
    }
    return "User";
}

const char *tr_chat_role(troupe_role_t role)
{
    switch (role) {
    case TROUPE_ROLE_ASSISTANT:
        return "assistant";
    case TROUPE_ROLE_SYSTEM:
        return "system";
    case TROUPE_ROLE_USER:
        break;
    }
    return "user";
}

char *tr_chat_prompt(const troupe_turn_t *turns, size_t n_turns)
{
    assert(turns || n_turns == 0);
    char *prompt = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&prompt, &size);
    if (!out) {
        return NULL;
    }
    for (size_t i = 0; i < n_turns; i++) {
        fprintf(out, "%s: %s\n\n", speaker(turns[i].role), turns[i].content);
    }
    fprintf(out, "Assistant:");
    if (fclose(out) != 0) {
        free(prompt);
        return NULL;
    }
    return prompt;
}
