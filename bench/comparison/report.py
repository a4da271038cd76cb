"""The report in Markdown: the bars, then a table for each transport and payload."""

import itertools

BYTES = {64: "64 B", 4096: "4 KiB", 1 << 20: "1 MiB"}
TRANSPORTS = {"inproc": "inproc", "ipc": "ipc", "tcp": "tcp", "curve": "tcp, encrypted"}


def thousands(value):
    """A rate in thousands, with as many digits as it is worth."""
    value /= 1000
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:.{digits}f}"


def micros(value):
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def table(head, rows, right):
    """Lines of a Markdown table; the columns from `right` on are figures."""
    rule = ["---" if place < right else "--:" for place in range(len(head))]
    return ["| " + " | ".join(cells) + " |" for cells in [head, rule, *rows]]


def load_of(case):
    text = f"N={case.workers} W={case.window}"
    return text if case.payload == 64 else f"{text}, {BYTES[case.payload]}"


# ---- the bars


def other_of(bar):
    """The other side, with its load where that is another one."""
    if bar.theirs is None:
        return "–"
    if bar.theirs.system == "troupe":
        return load_of(bar.theirs)
    where = f" ({bar.theirs.transport})" if bar.theirs.transport != bar.ours.transport else ""
    return bar.theirs.name() + where


def value_of(verdict, value):
    if value is None:
        return "–"
    return f"{micros(value)} µs" if verdict.bar.figure == "p50_us" else f"{thousands(value)} k/s"


def bound_of(bar):
    if bar.bound is None:
        return "–"
    return f"{bar.relation} {bar.bound:g}" + (" µs" if bar.theirs is None else "")


def answer_of(verdict):
    if verdict.is_met is None:
        return "not measured" if verdict.bar.bound is not None else "–"
    return ("yes" if verdict.is_met else "**no**") + (" !" if verdict.is_disturbed else "")


def verdict_cells(verdict):
    bar = verdict.bar
    spread = "–" if verdict.ratio is None else \
        f"{verdict.ratio:.2f} ({verdict.least:.2f} … {verdict.most:.2f})"
    return [bar.what, load_of(bar.ours), other_of(bar), value_of(verdict, verdict.ours),
            value_of(verdict, verdict.theirs), spread, bound_of(bar), answer_of(verdict)]


def bars_table(verdicts):
    head = ["what", "load", "beside", "Troupe", "other", "ratio", "bar", "met"]
    return table(head, [verdict_cells(verdict) for verdict in verdicts], 3)


def summary(verdicts):
    bound = [verdict for verdict in verdicts if verdict.bar.bound is not None]
    met = sum(verdict.is_met is True for verdict in bound)
    missed = sum(verdict.is_met is False for verdict in bound)
    return f"{met} bars met, {missed} not met, {len(bound) - met - missed} not measured."


# ---- all rows


def row_cells(row):
    rate = (f"{thousands(row['requests_per_s'])} ({thousands(row['requests_per_s_min'])}"
            f" … {thousands(row['requests_per_s_max'])})")
    return [row["system"], row["variant"], str(row["workers"]), str(row["window"]), rate,
            micros(row["p50_us"]), micros(row["p99_us"]), micros(row["p999_us"]),
            micros(row["cpu_us_per_request"]), f"{row['rounds']}" + " !" * bool(row["disturbed"])]


def rows_tables(rows):
    head = ["system", "variant", "N", "W", "thousand requests/s", "p50 µs", "p99 µs", "p99.9 µs",
            "cpu µs a request", "rounds"]

    def place(row):
        return (row["payload"], list(TRANSPORTS).index(row["transport"]))

    lines = []
    for (payload, _), group in itertools.groupby(sorted(rows, key=place), key=place):
        group = sorted(group, key=lambda row: (row["workers"], row["window"]))
        lines += ["", f"### {TRANSPORTS[group[0]['transport']]}, {BYTES[payload]}", ""]
        lines += table(head, [row_cells(row) for row in group], 2)
    return lines


def text(rows, verdicts, machine, left_out, more=()):
    """The whole report; `more` are lines between the bars and the figures."""
    lines = [
        "# Troupe beside other systems", "",
        f"{machine} Medians of interleaved rounds, with the least and the most. `!`: other"
        " processes used much of a processor in some of the rounds.", "",
        *(f"Left out: {word}." for word in left_out), *([""] if left_out else []),
        "## Bars", "", summary(verdicts), "", *bars_table(verdicts), "", *more, "## Figures",
        *rows_tables(rows), ""]
    return "\n".join(lines)
