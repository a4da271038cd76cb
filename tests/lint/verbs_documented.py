#!/usr/bin/env python3
"""Hold docs/cli.md to the command: what `troupe help` lists is described there.

Each verb has a line in the page's overview, with its operand, and a heading with its name; each
of its options is mentioned below that heading, but for those that all verbs share and the page
describes once. A verb of the page that the command does not have is a fault too. One line is
printed for each fault.

Usage: verbs_documented.py TROUPE docs/cli.md
"""
import pathlib
import re
import subprocess
import sys

SHARED = {"-h", "--help", "-e", "--endpoint", "--key", "--server-key", "--connect-timeout"}
INDIRECT = {"help"}  # what describes the others


def said_by(troupe, *words):
    return subprocess.run([troupe, "help", *words], stdout=subprocess.PIPE, text=True,
                          timeout=20, check=True).stdout


def verbs_of(text):
    """The lines of the part `verbs:`, as {name: "name OPERAND"}."""
    part = re.search(r"^verbs:\n((?:  .*\n)+)", text, re.M)
    lines = part.group(1).splitlines() if part else []
    words = [re.match(r"  ([a-z]+(?: [A-Z]+)?)", line).group(1) for line in lines]
    return {word.split()[0]: word for word in words}


def options_of(text):
    """The names of each option, as sets: any one of them will do."""
    part = re.search(r"^options:\n((?:  .*\n)+)", text, re.M)
    lines = part.group(1).splitlines() if part else []
    found = [re.match(r"\s+(?:(-\w), )?(--[\w-]+)", line) for line in lines]
    return [{name for name in match.groups() if name} for match in found if match]


def sections_of(page):
    """The text below each heading that names verbs, as `## add, remove`, by verb."""
    parts = re.split(r"^## (.*)\n", page, flags=re.M)[1:]
    return {verb: text for title, text in zip(parts[::2], parts[1::2])
            for verb in title.split(", ")}


def faults_in(troupe, page):
    verbs = verbs_of(said_by(troupe))
    sections = sections_of(page)
    if not verbs:
        yield "troupe help lists no verbs"
    for verb, words in verbs.items():
        if not re.search(rf"^troupe {words}\s", page, re.M):
            yield f"the overview has no line 'troupe {words}'"
        if verb not in sections:
            yield f"there is no section about '{verb}'"
            continue
        for names in options_of(said_by(troupe, verb)):
            is_there = any(re.search(rf"(?<![\w-]){name}(?![\w-])", sections[verb])
                           for name in names)
            if not names & SHARED and not is_there:
                yield f"'{verb}' has an option {'/'.join(sorted(names))}, its section has not"
    for verb in re.findall(r"^troupe ([a-z]+)\b.*  \S", page, re.M):
        if verb not in verbs and verb not in INDIRECT:
            yield f"the overview has '{verb}', which troupe has not"


def main():
    page = pathlib.Path(sys.argv[2]).read_text(encoding="utf-8")
    faults = [f"{sys.argv[2]}: {fault}" for fault in faults_in(sys.argv[1], page)]
    print("\n".join(faults) or "every verb is described")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
