"""The JSON Schema against the corpus: what the node reads, an editor must not call a mistake.

The other way round it knows less than the node, yet not nothing: what a key may hold, and which
keys there are.
"""

import glob
import json
import os
import sys

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

# Mistakes of keys and of values, not of what follows from several of them.
CAUGHT = ("01-unknown-key", "02-word-for-a-number", "03-unknown-word", "04-missing-keys",
          "08-mapping-for-a-list", "09-out-of-range", "15-not-a-mapping",
          "26-key-of-another-place", "29-durations", "64-memory", "70-schedule-values")


def documents(path):
    """As YAML means it, and as the node reads it: every scalar a text."""
    with open(path, "rb") as file:
        text = file.read().decode("utf-8-sig")
    yield yaml.safe_load(text)
    yield yaml.load(text, yaml.BaseLoader)


def main(schema_path, corpus):
    with open(schema_path) as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    faults = []
    good = sorted(glob.glob(os.path.join(corpus, "good", "*.yaml")))
    for path in good:
        for document in documents(path):
            faults += [f"{path}: {error.message}" for error in validator.iter_errors(document)]
    for name in CAUGHT:
        path = os.path.join(corpus, "bad", name + ".yaml")
        faults += [f"{path}: nothing is found in it" for document in documents(path)
                   if validator.is_valid(document)][:1]
    print("\n".join(faults))
    return 1 if faults or not good else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
