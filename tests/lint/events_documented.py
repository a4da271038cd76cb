#!/usr/bin/env python3
"""Hold docs/events.md to the source: each event that is told is there, with its fields.

An event is told by tr_event (or tr_event_new, for one subscriber), or by tr_router_trace, which
adds fields of its own. Its name stands there as a literal, or as one of two literals with a
condition. The page has tables of which the first column is the event's name and the second its
fields. One line is printed for each fault.

Usage: events_documented.py ROOT docs/events.md
"""
import pathlib
import re
import sys

FOLDERS = ["actors", "supervisors", "capabilities", "remote", "node"]
RESERVED = {"time", "seq", "level", "event"}  # what each event has besides
TELLERS = re.compile(r"\btr_event(?:_new)?\s*\(|\btr_events_tell\s*\(")
TRACER = re.compile(r"\btr_router_trace\s*\(")
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


def told_in(root):
    """What the sources tell: {name: fields}."""
    texts = {path: path.read_text(encoding="utf-8")
             for folder in FOLDERS for path in sorted((root / folder).rglob("*.[ch]"))}
    constants = {name: value for text in texts.values() for name, value in
                 re.findall(r'^#define\s+(TR_EVENTS_\w+)\s+"(\w+)"', text, re.M)}
    told = {}
    traced = set()
    for path, text in texts.items():
        text = re.sub(r"/\*.*?\*/|^#define.*?[^\\]$", "", text, flags=re.S | re.M)
        for names, fields in events_in(text, constants):
            if path.name == "router_trace.c":
                traced |= fields
            for name in names:
                told.setdefault(name, set()).update(fields)
    for text in texts.values():
        for match in TRACER.finditer(text):
            for name in NAME.findall(call_at(text, match.end())):
                told.setdefault(name, set()).update(traced)
    if TR_SHED := constants.get("TR_EVENTS_SHED"):
        told.setdefault(TR_SHED, set()).add("count")  # its field is made apart
    return told


def described_in(page):
    """What the page says: {name: fields}; and names that it has twice."""
    described = {}
    twice = []
    for name, fields in re.findall(r"^\|\s*`([a-z0-9_]+)`\s*\|([^|]*)\|", page, re.M):
        twice += [name] if name in described else []
        described[name] = set(re.findall(r"`([a-z_]+)`", fields))
    return described, twice


def faults_in(root, page):
    told = told_in(root)
    described, twice = described_in(page)
    if not told:
        yield "no event is told in the sources"
    for name, fields in sorted(told.items()):
        for field in sorted(fields & RESERVED):
            yield f"'{name}' is told with a field '{field}', which every event has already"
        if name not in described:
            yield f"'{name}' is told, and not described"
            continue
        for field in sorted(fields - described[name]):
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
