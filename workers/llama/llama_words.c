/* llama.cpp says what is wrong in its log and nowhere else. So the first error that it tells on
 * a thread is kept there, to be the reason; all else that it logs is let go.
 */

#include "llama_words.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <llama.h>

static _Thread_local struct {
    char text[200]; /* the first error; "": none yet */
    bool is_memory; /* one of them was about memory */
} last_words;

void tr_llama_words_forget(void)
{
    last_words.text[0] = '\0';
    last_words.is_memory = false;
}

static bool is_about_memory(const char *text)
{
    static const char *const signs[] = {"bad_alloc", "failed to allocate", "unable to allocate",
                                        "annot allocate memory", "out of memory"};
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++) {
        if (strstr(text, signs[i])) {
            return true;
        }
    }
    return false;
}

/* Behind the name of the function that begins most lines. */
static const char *without_function(const char *text)
{
    const char *rest = strstr(text, ": ");
    return rest && !memchr(text, ' ', (size_t)(rest - text)) ? rest + 2 : text;
}

static void listen(enum ggml_log_level level, const char *text, void *arg)
{
    (void)arg;
    if (level != GGML_LOG_LEVEL_ERROR) {
        return;
    }
    last_words.is_memory = last_words.is_memory || is_about_memory(text);
    if (last_words.text[0] == '\0') {
        const char *rest = without_function(text);
        snprintf(last_words.text, sizeof last_words.text, "%.*s", (int)strcspn(rest, "\n"),
                 rest);
    }
}

#ifdef TR_HAVE_GGML_SET_ABORT_CALLBACK
/* The last line of a process is why it ended. Without this a debugger would be started. */
static void give_up(const char *text)
{
    fprintf(stderr, "llama.cpp gave up: %s\n", text);
}
#endif

static void begin(void)
{
    llama_log_set(listen, NULL);
#ifdef TR_HAVE_GGML_SET_ABORT_CALLBACK
    ggml_set_abort_callback(give_up);
#endif
    ggml_backend_load_all();
    llama_backend_init();
}

void tr_llama_words_listen(void)
{
    static pthread_once_t begun = PTHREAD_ONCE_INIT;
    pthread_once(&begun, begin);
}

troupe_status_t tr_llama_words_failed(const char *what, troupe_status_t otherwise,
                                      troupe_why_t *why)
{
    troupe_why_set(why, "%s: %s", what,
                   last_words.text[0] ? last_words.text : "llama.cpp does not say why");
    return last_words.is_memory ? TROUPE_ERR_NOMEM : otherwise;
}
