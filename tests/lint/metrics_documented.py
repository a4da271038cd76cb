#!/usr/bin/env python3
"""Hold docs/metrics.md to the source: each family of metrics that is made is described, once.

A family is made where a source names it that makes series or writes an exposition. One line is
printed for each fault, in either direction.

Usage: metrics_documented.py SOURCE_ROOT
"""
import collections
import pathlib
import re
import sys

LAYERS = ["base", "mailbox", "wire", "actors", "supervisors", "capabilities", "remote", "node"]
MAKES = re.compile(r"\btr_metrics_series\b|\btr_exposition_family\b")
FAMILY = re.compile(r'"((?:troupe|process)_[a-z_]+)"')
ROW = re.compile(r"^\| `((?:troupe|process)_[a-z_]+)` \| (\w+) \|([^|]*)\|", re.M)
TYPES = {"counter", "gauge", "histogram"}


def families_in(root):
    found = set()
    for layer in LAYERS:
        for path in sorted((root / layer).rglob("*.c")):
            text = path.read_text(encoding="utf-8")
            if MAKES.search(text):
                found.update(FAMILY.findall(text))
    return found


def rows_of(page):
    """{family: (type, {label, ...})}, and how often each is there."""
    rows = ROW.findall(page)
    described = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    return described, collections.Counter(name for name, _, _ in rows)


def faults_in(root, page):
    made = families_in(root)
    described, times = rows_of(page)
    for name in sorted(made - set(described)):
        yield f"'{name}' is made and not described"
    for name in sorted(set(described) - made):
        yield f"'{name}' is described and nowhere made"
    for name, (kind, _) in described.items():
        if times[name] > 1:
            yield f"'{name}' is described {times[name]} times"
        if kind not in TYPES:
            yield f"'{name}' has the type '{kind}', which is none"
        elif (kind == "counter") != name.endswith("_total"):
            yield f"'{name}' is a {kind}: counters, and they alone, end in _total"


def main():
    root = pathlib.Path(sys.argv[1])
    page = (root / "docs" / "metrics.md").read_text(encoding="utf-8")
    faults = list(faults_in(root, page))
    print("\n".join(f"docs/metrics.md: {fault}" for fault in faults) or "all metrics are described")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
