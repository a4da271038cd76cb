/* `troupe contract`: what a typed capability is asked and answers, as the library knows it. */

#include <stdio.h>
#include <stdlib.h>

#include <troupe/contract.h>

#include "cli/output.h"
#include "cli/verbs.h"

static int contract(const cli_args_t *args)
{
    const troupe_contract_t *found = troupe_contract_find(args->operand);
    if (!found) {
        cli_complain("there is no contract '%s': vision, text_to_image, text_embedding, "
                     "image_embedding and text_to_text have one",
                     args->operand);
        return CLI_FAILED;
    }
    char *text = cli_need(troupe_contract_describe(found));
    printf("%s\n", text);
    free(text);
    return CLI_OK;
}

const cli_verb_t cli_verb_contract = {
    .name = "contract",
    .operand = "NAME",
    .brief = "print what a typed capability is asked and answers",
    .about =
        "Print as one line of JSON what the contract NAME says: methods, what a request and\n"
        "a reply may have, with types, limits and defaults. No node is asked. NAME is vision,\n"
        "text_to_image, text_embedding, image_embedding or text_to_text.\n",
    .examples = "  troupe contract vision | jq '.request.fields[].name'\n",
    .run = contract,
};
