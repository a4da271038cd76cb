/* cli/verbs.h - what the command can do: one row and one file for each verb */

#ifndef TROUPE_CLI_VERBS_H
#define TROUPE_CLI_VERBS_H

#include "cli/options.h"

extern const cli_verb_t cli_verb_run;
extern const cli_verb_t cli_verb_check;
extern const cli_verb_t cli_verb_call;
extern const cli_verb_t cli_verb_ask;
extern const cli_verb_t cli_verb_send;
extern const cli_verb_t cli_verb_monitor;
extern const cli_verb_t cli_verb_tree;
extern const cli_verb_t cli_verb_stats;
extern const cli_verb_t cli_verb_requests;
extern const cli_verb_t cli_verb_events;
extern const cli_verb_t cli_verb_add;
extern const cli_verb_t cli_verb_terminate;
extern const cli_verb_t cli_verb_restart;
extern const cli_verb_t cli_verb_remove;
extern const cli_verb_t cli_verb_evict;
extern const cli_verb_t cli_verb_scale;
extern const cli_verb_t cli_verb_pause;
extern const cli_verb_t cli_verb_drain;
extern const cli_verb_t cli_verb_resume;
extern const cli_verb_t cli_verb_suspend;
extern const cli_verb_t cli_verb_inspect;
extern const cli_verb_t cli_verb_trace;
extern const cli_verb_t cli_verb_reload;
extern const cli_verb_t cli_verb_stop;
extern const cli_verb_t cli_verb_keygen;
extern const cli_verb_t cli_verb_contract;
extern const cli_verb_t cli_verb_bench;
extern const cli_verb_t cli_verb_top;

#endif
