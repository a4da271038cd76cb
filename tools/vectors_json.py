#!/usr/bin/env python3
"""docs/vectors.json: the test vectors of TRP/1 for programs in any language.

    tools/vectors_json.py               print it
    tools/vectors_json.py --check FILE  fail when FILE is not what would be printed

It is made from tests/vectors, whose every line the tests of the library in C hold against what
that library reads and writes. So what is said here is what a node does.
"""

import difflib
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
VECTORS = ROOT / "tests" / "vectors"
KEYS = ("sticky", "dedup")  # headers whose values are any bytes
ABOUT = [
    "TRP/1 test vectors, see docs/protocol.md. Made by tools/vectors_json.py.",
    "trp1: frame 0. canonical: a reader understands it so, and a writer of the shortest forms "
    "writes just these bytes, headers in this order; accepted: a reader understands it so; "
    "malformed: a reader refuses it, and can still read this id, or 0.",
    "Headers that are absent, or say what holds without them, are left out. Bytes that need not "
    "be a text are an object with the key hex. Numbers go up to 2^63-1.",
    "bundle: frame 1 of a bundle, and for each command in it its frame 0 and its payload frames; "
    "malformed: these can be read, and behind them nothing.",
]
VALUE = re.compile(r'([a-z-]+)=(?:"((?:[^"])*)"|(\d+)|(true|false)|(\[[^\]]*\]))')


def bytes_of(text):
    """What a text of a vector stands for; other bytes than printable ASCII are written \\xNN."""
    return re.sub(rb"\\x([0-9a-f]{2})", lambda found: bytes([int(found[1], 16)]), text.encode())


def text_of(name, quoted):
    data = bytes_of(quoted)
    try:
        return {"hex": data.hex()} if name in KEYS else data.decode()
    except UnicodeDecodeError:
        return {"hex": data.hex()}


def headers_of(rest):
    headers = {}
    at = 0
    while at < len(rest):
        found = VALUE.match(rest, at)
        if not found:
            raise ValueError(f"not understood: {rest[at:]}")
        name, quoted, number, flag, texts = found.groups()
        if quoted is not None:
            headers[name] = text_of(name, quoted)
        elif number is not None:
            headers[name] = int(number)
        elif flag is not None:
            headers[name] = flag == "true"
        else:
            headers[name] = [text_of(name, one) for one in re.findall(r'"([^"]*)"', texts)]
        at = found.end() + 1
    return headers


def columns_of(file):
    for line in (VECTORS / file).read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield [column.strip() for column in line.split(" | ", 3)]


def frame_0():
    for kind, text, what, meaning in columns_of("trp1.txt"):
        vector = {"kind": kind, "hex": text}
        if kind == "malformed":
            vector["id"] = int(what)
        else:
            name, number, *rest = what.split(" ", 2)
            vector.update(command=name, id=int(number), headers=headers_of("".join(rest)))
        yield {**vector, "meaning": meaning}


def bundles():
    for kind, text, what, meaning in columns_of("bundle.txt"):
        commands = [["" if frame == "-" else frame for frame in command.split()]
                    for command in what.split(" ; ") if command != "nothing"]
        yield {"kind": kind, "hex": text, "commands": commands, "meaning": meaning}


def rows(vectors):
    return ",\n".join("    " + json.dumps(vector, ensure_ascii=False) for vector in vectors)


def document():
    about = ",\n".join("    " + json.dumps(line) for line in ABOUT)
    return (f'{{\n  "about": [\n{about}\n  ],\n  "trp1": [\n{rows(frame_0())}\n  ],\n'
            f'  "bundle": [\n{rows(bundles())}\n  ]\n}}\n')


def main(words):
    if words[:1] != ["--check"]:
        sys.stdout.write(document())
        return 0
    there = pathlib.Path(words[1]).read_text(encoding="utf-8")
    faults = list(difflib.unified_diff(there.splitlines(), document().splitlines(),
                                       words[1], "tools/vectors_json.py", n=0, lineterm=""))
    print("\n".join(faults) or f"{words[1]} is what the vectors say")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
