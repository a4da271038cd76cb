#!/usr/bin/env python3
"""Hold docs/capabilities.md to the contracts: each name, choice and limit is in its table.

Below the heading of a capability are two tables, of the request and of the reply. A name that
one of both has and the other has not is a fault, and so is a choice, a limit or a default that
the row does not mention. One line is printed for each fault.

Usage: contracts_documented.py TROUPE docs/capabilities.md
"""
import json
import pathlib
import re
import subprocess
import sys

NAMES = ["vision", "text_to_image", "text_embedding", "image_embedding", "text_to_text"]
OF_IMAGES = {"path"}  # belongs to the subject, and is in no table of fields


def contract_of(troupe, name):
    return json.loads(subprocess.run([troupe, "contract", name], stdout=subprocess.PIPE,
                                     timeout=20, check=True).stdout)


def rows_of(page, name, half):
    """The rows of a table as {name: text of the row}."""
    section = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", page, re.M | re.S)
    table = section and re.search(rf"^\| {half} \|.*\n\|[-|]+\n((?:\|.*\n)+)", section.group(1),
                                  re.M)
    rows = {}
    for line in table.group(1).splitlines() if table else []:
        for key in re.findall(r"`(\w+)`", line.split("|")[1]):
            rows[key] = line
    return rows


def words_of(field, half):
    """What a row must mention of a field."""
    yield field["type"] if field["type"] != "choice" else field["choices"][0]
    for choice in field.get("choices", []):
        yield f"`{choice}`"
    if half == "request":
        if field["type"] == "text":
            yield str(field["max_bytes"])
        if field["type"] in ("whole", "real") and field["max"] < 2**62:
            yield f"{field['min']:g} to {field['max']:.0f}"
        if field["type"] == "flag":
            yield json.dumps(field["default"])
        if "max_count" in field:
            yield str(field["max_count"])
    for inner in field.get("fields", []):
        yield f"`{inner['name']}`"
        yield from (f"`{choice}`" for choice in inner.get("choices", []))


def faults_in(troupe, page):
    for name in NAMES:
        contract = contract_of(troupe, name)
        for half in ("request", "reply"):
            rows = rows_of(page, name, half)
            fields = {field["name"]: field for field in contract[half]["fields"]}
            for key in fields.keys() - rows.keys():
                yield f"{name}: the {half} has '{key}', the table has not"
            for key in rows.keys() - fields.keys() - OF_IMAGES:
                yield f"{name}: the table has '{key}', the {half} has not"
            for key in fields.keys() & rows.keys():
                for word in words_of(fields[key], half):
                    if word not in rows[key] and "as above" not in rows[key]:
                        yield f"{name}: the row of '{key}' does not say {word}"


def main():
    page = pathlib.Path(sys.argv[2]).read_text(encoding="utf-8")
    faults = [f"{sys.argv[2]}: {fault}" for fault in faults_in(sys.argv[1], page)]
    print("\n".join(faults) or "every detail is described")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
