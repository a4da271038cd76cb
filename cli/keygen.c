/* `troupe keygen`: a pair of keys, and what to tell the others. The secret one is in the file
 * and is never printed.
 */

#include <stdio.h>
#include <string.h>

#include <troupe/key.h>

#include "cli/json.h"
#include "cli/output.h"
#include "cli/verbs.h"

static const cli_option_t options[] = {
    {'o', "output", "FILE",
     "where it goes (default NAME.key); a file that is there is not touched"},
    {CLI_KEY_JSON, "json", NULL, "the name, the file and the public key as JSON"},
    {0},
};

static void print_json(const char *name, const char *path, const char *public_key)
{
    printf("{\"name\": ");
    cli_json_string(name, strlen(name));
    printf(", \"file\": ");
    cli_json_string(path, strlen(path));
    printf(", \"public_key\": ");
    cli_json_string(public_key, strlen(public_key));
    printf("}\n");
}

static void print_lines(const char *name, const char *path, const char *public_key)
{
    printf("public key: %s\n"
           "both keys:  %s, which nobody else may read\n"
           "\n"
           "To let %s in, put into the file of a node:\n"
           "\n"
           "security:\n"
           "  peers:\n"
           "    - name: %s\n"
           "      key: \"%s\"\n"
           "\n"
           "If they are a node's own:\n"
           "\n"
           "security:\n"
           "  key: %s\n",
           public_key, path, name, name, public_key, path);
}

static int keygen(const cli_args_t *args)
{
    char path[512];
    char why[640];
    char public_key[TROUPE_KEY_SIZE];
    bool is_json = false;
    int length = snprintf(path, sizeof path, "%s.key", args->operand);
    for (size_t i = 0; i < args->n_given; i++) {
        const cli_given_t *given = &args->given[i];
        if (given->key == 'o') {
            length = snprintf(path, sizeof path, "%s", given->value);
        }
        is_json = is_json || given->key == CLI_KEY_JSON;
    }
    if (length <= 0 || (size_t)length >= sizeof path) {
        return cli_wrong_usage(args->verb, "the name of the file is empty or too long");
    }
    troupe_status_t status = troupe_key_make(path, args->operand, public_key, why, sizeof why);
    if (status == TROUPE_ERR_INVALID) {
        return cli_wrong_usage(args->verb,
                               "'%s' is no name: 1 to 64 of A-Z a-z 0-9 . _ -, first a letter "
                               "or digit",
                               args->operand);
    }
    if (status != TROUPE_OK) {
        cli_complain("%s", why);
        return CLI_FAILED;
    }
    if (is_json) {
        print_json(args->operand, path, public_key);
    } else {
        print_lines(args->operand, path, public_key);
    }
    return CLI_OK;
}

const cli_verb_t cli_verb_keygen = {
    .name = "keygen",
    .operand = "NAME",
    .brief = "make a pair of keys, for a node or for who calls it",
    .about =
        "Writes a pair of CURVE keys to a file that nobody else may read, and prints the "
        "public\n"
        "one with the lines that the other side needs. NAME is who it is for. The secret key "
        "is\n"
        "not printed; a file that is there is never overwritten. The format is that of the\n"
        "certificates of czmq and pyzmq.\n",
    .options = options,
    .examples = "  troupe keygen studio -o /etc/troupe/studio.key\n"
                "  troupe keygen alice\n",
    .run = keygen,
};
