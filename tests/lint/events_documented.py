#!/usr/bin/env python3
"""Hold docs/events.md to the source: each event that is told is there, with its fields.

An event is told by tr_event (or tr_event_new, for one subscriber; tr_event_live, not kept), or by a function of the kind
of tr_router_trace, whose third argument at the latest is the name, and which adds the fields, not
all of them each time; or has one, whose name is the argument `key` behind that of the event. Names
stand there as literals, or as one of two literals with a condition. The page has tables of which the first column
is the event's name and the second its fields. One line is printed for each fault.

Usage: events_documented.py ROOT docs/events.md
"""
import pathlib
import re
import sys

FOLDERS = ["actors", "supervisors", "capabilities", "remote", "node"]
RESERVED = {"time", "seq", "level", "event"}  # what each event has besides
TELLERS = re.compile(r"\btr_event(?:_new|_live)?\s*\(|\btr_events_tell\s*\(")
WRAPPER = re.compile(r"^(?:static )?void (\w+)\(([^;{]*?const char \*event\b[^;{]*)\)\n\{\n(.*?)^\}",
                     re.M | re.S)
FIELD = re.compile(r'TR_(?:TEXT|NUMBER)\s*\(\s*"([^"]+)"')
NAME = re.compile(r'"([a-z][a-z0-9_]*)"')


def call_at(text, start):
    """The call's arguments, whose opening parenthesis ends at `start`."""
    depth = 1
    for end in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        if depth == 0:
            return text[start:end]
    return text[start:]


def events_in(text, constants):
    """(names, fields) of each call that tells an event."""
    for match in TELLERS.finditer(text):
        call = call_at(text, match.end())
        head = re.split(r"TR_(?:TEXT|NUMBER)\b", call)[0]
        for constant, value in constants.items():
            head = re.sub(rf"\b{constant}\b", f'"{value}"', head)
        yield set(NAME.findall(head)), set(FIELD.findall(call))


def wrappers_in(texts):
    """Functions that tell the event which they are given: {name: (has a key, fields)}."""
    found = [match for text in texts for match in WRAPPER.findall(text)]
    wrappers = {}
    for _ in range(3):  # one may call another
        calls = "|".join(["tr_event", "tr_events_tell", *wrappers])
        wrappers = {name: ("*key" in head, set(FIELD.findall(body))) for name, head, body in found
                    if re.search(rf"\b({calls})\s*\(", body)}
    return wrappers


def told_in(root):
    """What the sources tell: {name: (fields, whether it always has all of them)}."""
    texts = [path.read_text(encoding="utf-8")
             for folder in FOLDERS for path in sorted((root / folder).rglob("*.[ch]"))]
    constants = dict(re.findall(r'^#define\s+(TR_EVENTS_\w+)\s+"(\w+)"', "\n".join(texts), re.M))
    texts = [re.sub(r"^#define(?:.*\\\n)*.*$", "", re.sub(r"/\*.*?\*/", "", text, flags=re.S),
                    flags=re.M) for text in texts]
    told = {}
    for text in texts:
        for names, fields in events_in(text, constants):
            for name in names:
                told[name] = (told.get(name, (set(), True))[0] | fields, True)
    for wrapper, (has_key, fields) in wrappers_in(texts).items():
        for text in texts:
            for match in re.finditer(rf"\b{wrapper}\s*\(", text):
                words = call_at(text, match.end()).split(",")
                for name in NAME.findall(",".join(words[:3])):
                    known = told.get(name, (set(), True))[0]
                    key = set(NAME.findall(words[3])) if has_key and len(words) > 3 else set()
                    told[name] = (known | fields | key, has_key)
    if "TR_EVENTS_SHED" in constants:
        told[constants["TR_EVENTS_SHED"]] = ({"count"}, True)  # its field is made apart
    return told


def described_in(page):
    """What the page says: {name: fields}; and names that it has twice."""
    described = {}
    twice = []
    for name, fields in re.findall(r"^\|\s*`([a-z0-9_]+)`\s*\|([^|]*)\|", page, re.M):
        if name in RESERVED:
            continue  # the table of what every event has
        twice += [name] if name in described else []
        described[name] = set(re.findall(r"`([a-z_]+)`", fields))
    return described, twice


def faults_in(root, page):
    told = told_in(root)
    described, twice = described_in(page)
    if not told:
        yield "no event is told in the sources"
    for name, (fields, is_all) in sorted(told.items()):
        for field in sorted(fields & RESERVED):
            yield f"'{name}' is told with a field '{field}', which every event has already"
        if name not in described:
            yield f"'{name}' is told, and not described"
            continue
        for field in sorted(fields - described[name] if is_all else ()):
            yield f"'{name}' has a field '{field}', which is not described"
        for field in sorted(described[name] - fields):
            yield f"'{name}' is said to have a field '{field}', and has not"
    for name in sorted(set(described) - set(told)):
        yield f"'{name}' is described, and nobody tells it"
    for name in twice:
        yield f"'{name}' is described twice"


def main():
    page = pathlib.Path(sys.argv[2])
    faults = [f"{page}: {fault}" for fault in
              faults_in(pathlib.Path(sys.argv[1]), page.read_text(encoding="utf-8"))]
    print("\n".join(faults) or "every event is described")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
