"""The table of actors/worker_state.[ch] as Promela, so that the model has no copy of its own."""
import re


def read_table(header, source):
    """[(name, {names that may follow})] in the order of the states' numbers."""
    block = re.search(r"#define TR_WORKER_STATE_MAP\(X\)(.*?[^\\])\n", header, re.S)
    names = re.findall(r"\bX\((\w+), \w+\)", block.group(1))
    body = re.search(r"successors\[TR_N_WORKER_STATES\] = \{(.*?)\n\};", source, re.S).group(1)
    rows = re.findall(r"\[TR_WORKER_(\w+)\]\s*=\s*([^,]*),", body)
    successors = {}
    for name, row in rows:
        followers = re.findall(r"BIT\((\w+)\)", row)
        # Whatever is not a name in this row is something that this reader does not understand.
        rest = re.sub(r"BIT\(\w+\)|[|\s]", "", row)
        if rest not in ("", "0") or (rest == "0") == bool(followers):
            raise ValueError(f"worker_state.c: cannot read the row of {name}: {row!r}")
        successors[name] = set(followers)
    known = set(names)
    if not names or set(successors) != known or len(rows) != len(names):
        raise ValueError("worker_state.[ch]: the states and the rows of the table differ")
    if not all(followers <= known for followers in successors.values()):
        raise ValueError("worker_state.c: a row names a state that does not exist")
    return [(name, successors[name]) for name in names]


def as_promela(table):
    names = [name for name, _ in table]
    lines = [f"#define {name} {number}" for number, name in enumerate(names)]
    row = "0"
    for name, followers in table:
        mask = sum(1 << names.index(follower) for follower in followers)
        row = f"(from_state == {name} -> {mask} : {row})"
    lines.append(f"#define ROW(from_state) {row}")
    lines.append("#define MAY(from_state, to_state) ((ROW(from_state) >> (to_state)) & 1)")
    return "\n".join(lines) + "\n"
