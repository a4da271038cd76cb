#!/usr/bin/env python3
"""Hold the arrows down: each folder includes only what it stands on.

Layers are read from the table below, bottom to top; whatever is not named there for a
folder is above it or beside it. Programs around the library (cli, workers, examples, bench)
get what any user gets: the public headers. The public headers themselves show nothing of the
inside. One line is printed for each fault.
"""
import pathlib
import re
import sys

BELOW = {
    "base": [],
    "mailbox": ["base"],
    "wire": ["base", "mailbox"],
    "actors": ["base", "mailbox", "wire"],
    "supervisors": ["base", "mailbox", "actors"],
    "capabilities": ["base", "mailbox", "wire", "actors"],
    "remote": ["base", "mailbox", "wire", "actors"],
    "node": ["base", "mailbox", "wire", "actors", "supervisors", "capabilities", "remote"],
}
USERS = ["cli", "workers", "examples", "bench"]
MEASURED = {"bench": ["workers"]}  # what a worker does is measured beside the worker
PUBLIC = "include"

INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')


def target_of(root, source, name):
    """Where a quoted include leads, from the root or from beside its source; None: nowhere."""
    for base in (root, source.parent):
        path = (base / name).resolve()
        if path.is_file() and root in path.parents:
            return path.relative_to(root)
    return None


def fault_of(root, source, mark, name):
    """What is wrong with this include, in words; None when it is fine."""
    folder = source.relative_to(root).parts[0]
    if mark == "<":
        is_ours = name.split("/")[0] in [*BELOW, *USERS]
        return f"<{name}> is ours: use quotes" if is_ours and (root / name).exists() else None
    if folder == PUBLIC:
        return f'a public header shows "{name}"'
    target = target_of(root, source, name)
    if target is None:
        return f'"{name}" is not in the tree'
    other = target.parts[0]
    if other == PUBLIC:
        return f'"{name}" is public: use <>'
    if other == folder or other in BELOW.get(folder, []):
        return None
    if other in MEASURED.get(folder, []):
        return None
    if folder in USERS:
        return f"{folder} may only use public headers, not {target}"
    return f"{folder} does not stand on {other}, but includes {target}"


def faults_in(root):
    for folder in [*BELOW, *USERS, PUBLIC]:
        for source in sorted((root / folder).rglob("*.[ch]")):
            lines = source.read_text(encoding="utf-8", errors="replace").splitlines()
            for number, line in enumerate(lines, start=1):
                match = INCLUDE.match(line)
                fault = match and fault_of(root, source, *match.groups())
                if fault:
                    yield f"{source.relative_to(root)}:{number}: {fault}"


def main():
    faults = list(faults_in(pathlib.Path(sys.argv[1]).resolve()))
    print("\n".join(faults) or "every arrow points down")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
