/* Where only processes of this host come in, whoever gets to the endpoint is let in by default.
 * Where others do, the file has to say which it is to be: nobody opens a node by forgetting a
 * line.
 */

#include "node/config/security.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "mailbox/directory.h"
#include "node/config/endpoint.h"
#include "wire/curve_key.h"

/* ---- defaults ---- */

static void allow_all(tr_config_notes_t *notes, tr_config_words_t *words)
{
    if (tr_config_notes_find(notes, words)) {
        return;
    }
    words->items = calloc(1, sizeof *words->items);
    char *all = words->items ? strdup("*") : NULL;
    notes->nomem |= !all;
    if (all) {
        words->items[words->n++] = all;
    }
}

void tr_config_complete_security(tr_config_notes_t *notes, tr_config_t *config)
{
    assert(notes && config);
    config->security_key_place =
        tr_config_notes_place(notes, &config->security_key, (tr_config_place_t){1, 1});
    for (size_t i = 0; i < config->n_listeners; i++) {
        tr_config_listener_t *listener = &config->listeners[i];
        allow_all(notes, &listener->rights.call);
        allow_all(notes, &listener->rights.offer);
        if (listener->endpoint && !tr_config_notes_find(notes, &listener->rights.is_admin)) {
            listener->rights.is_admin = tr_config_endpoint_is_ipc(listener->endpoint);
        }
    }
    for (size_t i = 0; i < config->n_peers; i++) {
        allow_all(notes, &config->peers[i].rights.call);
    }
}

/* ---- rights ---- */

/* A name, the beginning of one with a star behind it, or the star alone. */
static bool is_pattern(const char *text, const char *letters, size_t longest)
{
    size_t size = strspn(text, letters);
    bool has_star = text[size] == '*' && text[size + 1] == '\0';
    return size <= longest && (has_star || (size > 0 && text[size] == '\0'));
}

static void check_patterns(tr_config_notes_t *notes, const char *key, const char *what,
                           const char *letters, size_t longest, const tr_config_words_t *words,
                           tr_config_place_t place)
{
    char cut[TR_CONFIG_CUT_BYTES];
    for (size_t i = 0; i < words->n; i++) {
        if (!is_pattern(words->items[i], letters, longest)) {
            tr_config_notes_problem(notes, tr_config_notes_place(notes, words, place),
                                    "'%s': '%s' is no name of %s", key,
                                    tr_config_cut(words->items[i], cut), what);
        }
    }
}

static void check_rights(tr_config_notes_t *notes, const tr_config_rights_t *rights,
                         tr_config_place_t place)
{
    static const char of_capabilities[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    /* Also those that actors start have names. */
    static const char of_actors[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/";
    check_patterns(notes, "call", "a capability", of_capabilities, 64, &rights->call, place);
    check_patterns(notes, "offer", "a capability", of_capabilities, 64, &rights->offer, place);
    check_patterns(notes, "actors", "an actor", of_actors, TR_DIRECTORY_NAME_SIZE - 1,
                   &rights->actors, place);
}

/* ---- listeners ---- */

static bool is_owner(const char *text)
{
    const char *colon = strchr(text, ':');
    return !colon || (colon[1] != '\0' && !strchr(colon + 1, ':'));
}

static void check_owner(tr_config_notes_t *notes, const tr_config_listener_t *listener)
{
    if (!listener->owner) {
        return;
    }
    char cut[TR_CONFIG_CUT_BYTES];
    tr_config_place_t place = tr_config_notes_place(notes, &listener->owner, listener->place);
    if (!tr_config_endpoint_is_ipc(listener->endpoint)) {
        tr_config_notes_problem(notes, place, "'owner' is for ipc endpoints only");
    } else if (!is_owner(listener->owner)) {
        tr_config_notes_problem(notes, place,
                                "'owner' must be USER, USER:GROUP or :GROUP, not '%s'",
                                tr_config_cut(listener->owner, cut));
    }
}

static void check_listener(tr_config_notes_t *notes, const tr_config_t *config,
                           const tr_config_listener_t *listener)
{
    check_rights(notes, &listener->rights, listener->place);
    if (!listener->endpoint) {
        return;
    }
    check_owner(notes, listener);
    char cut[TR_CONFIG_CUT_BYTES];
    bool is_sound = !tr_config_endpoint_problem(listener->endpoint);
    const tr_config_mark_t *security = tr_config_notes_find(notes, &listener->security);
    if (is_sound && !security && tr_config_endpoint_is_open(listener->endpoint)) {
        tr_config_notes_problem(
            notes, tr_config_notes_place(notes, &listener->endpoint, listener->place),
            "endpoint '%s' is open to the network and needs 'security': with 'curve' only "
            "those come in whose keys are known, with 'none' everybody does",
            tr_config_cut(listener->endpoint, cut));
    }
    if (security && listener->security == TR_CONFIG_SECURITY_CURVE && !config->security_key) {
        tr_config_notes_problem(notes, security->place,
                                "'security: curve' needs a key of the node: say "
                                "'security: {key: FILE}' in the top mapping, with a file that "
                                "'troupe keygen' has made");
    }
}

/* ---- peers ---- */

static void check_twins(tr_config_notes_t *notes, const tr_config_t *config, size_t index)
{
    const tr_config_peer_t *peer = &config->peers[index];
    for (size_t i = 0; i < index; i++) {
        const tr_config_peer_t *other = &config->peers[i];
        if (peer->name && other->name && strcmp(peer->name, other->name) == 0) {
            tr_config_notes_problem(notes,
                                    tr_config_notes_place(notes, &peer->name, peer->place),
                                    "the peer '%s' is there at %d:%d already", peer->name,
                                    other->place.line, other->place.column);
            return;
        }
        if (peer->key && other->key && strcmp(peer->key, other->key) == 0) {
            tr_config_notes_problem(notes,
                                    tr_config_notes_place(notes, &peer->key, peer->place),
                                    "this is the key of the peer at %d:%d already",
                                    other->place.line, other->place.column);
            return;
        }
    }
}

static void check_peer(tr_config_notes_t *notes, const tr_config_t *config, size_t index)
{
    const tr_config_peer_t *peer = &config->peers[index];
    check_rights(notes, &peer->rights, peer->place);
    if (peer->key && !tr_curve_key_decode(peer->key, NULL)) {
        char cut[TR_CONFIG_CUT_BYTES];
        tr_config_notes_problem(notes, tr_config_notes_place(notes, &peer->key, peer->place),
                                "'key' must be a public key of 40 characters, not '%s'",
                                tr_config_cut(peer->key, cut));
    }
    check_twins(notes, config, index);
}

void tr_config_check_security(tr_config_notes_t *notes, const tr_config_t *config)
{
    assert(notes && config);
    for (size_t i = 0; i < config->n_listeners; i++) {
        check_listener(notes, config, &config->listeners[i]);
    }
    if (config->n_peers > TR_CONFIG_PEERS_MAX) {
        tr_config_notes_problem(notes, config->peers[TR_CONFIG_PEERS_MAX].place,
                                "more than %d peers", TR_CONFIG_PEERS_MAX);
    }
    for (size_t i = 0; i < config->n_peers && i < TR_CONFIG_PEERS_MAX; i++) {
        check_peer(notes, config, i);
    }
}
