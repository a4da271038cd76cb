"""What encryption costs: Troupe and a bare broker over tcp, each open and encrypted (CURVE).

The cases are those of `cases`; here is which, and the tables in which all four stand side by side.
"""

from comparison import bars, figures, report
from comparison.cases import LARGE, Case

LOADS = [{"workers": n, "window": window} for n in (1, 4) for window in (1, 64, 1000)] \
    + [{"workers": n, "window": window, "payload": LARGE} for n in (1, 4) for window in (1, 8)]
VISITS = [{"window": window} for window in (1, 8)]  # so many connections at a time

SYSTEMS = ["troupe", "zmq"]
OURS, BARE = ("troupe", "thread"), ("zmq", "drain")


def both_ways(name, load):
    """(open, encrypted)"""
    return tuple(Case(*name, transport, **load) for transport in ("tcp", "curve"))


def all_bars():
    """That of tcp, and the same where payloads are large and the cipher takes most of the time."""
    found = list(bars.encrypted())
    for n in (1, 4):
        load = {"transport": "curve", "workers": n, "window": 1000}
        found.append(bars.Bar("encrypted", Case(*OURS, **load), Case("zmq", "batch", **load)))
    for n in (1, 4):
        load = {"transport": "curve", "workers": n, "window": 8, "payload": LARGE}
        found.append(bars.Bar("encrypted", Case(*OURS, **load), Case(*BARE, **load), bound=0.7))
    return found


def all_cases():
    yield from bars.cases_of(all_bars())
    for load in LOADS:
        yield from both_ways(OURS, load) + both_ways(BARE, load)
    for load in VISITS:
        yield from both_ways(("troupe", "visit"), load) + both_ways(("zmq", "visit"), load)


# ---- what is told


def median(runs_of, case, figure):
    runs = runs_of.get(case)
    return figures.median(figures.counted(runs), figure) if runs else None


def rate_cell(runs_of, case):
    rate = median(runs_of, case, "requests_per_s")
    return "–" if rate is None else report.thousands(rate)


def micros_cell(runs_of, case, figure):
    value = median(runs_of, case, figure)
    return "–" if value is None else report.micros(value)


def ratio_cell(runs_of, case, other):
    ours, theirs = runs_of.get(case), runs_of.get(other)
    found = figures.ratio(ours, theirs, "requests_per_s") if ours and theirs else None
    return "–" if not found else "{:.2f} ({:.2f} … {:.2f})".format(*found)


def load_cells(runs_of, load):
    ours, bare = both_ways(OURS, load), both_ways(BARE, load)
    cells = [report.load_of(ours[0])]
    for way in (ours, bare):
        cells += [rate_cell(runs_of, case) for case in way] + [ratio_cell(runs_of, way[1], way[0])]
    return cells + [ratio_cell(runs_of, ours[0], bare[0]), ratio_cell(runs_of, ours[1], bare[1])]


def visit_cells(runs_of, system, case):
    return [report.TRANSPORTS[case.transport], str(case.window), system,
            rate_cell(runs_of, case), micros_cell(runs_of, case, "p50_us"),
            micros_cell(runs_of, case, "p99_us"),
            micros_cell(runs_of, case, "cpu_us_per_request")]


def tables(runs_of):
    """Lines of Markdown, from the runs of each case."""
    loads = ["load", "Troupe, open", "encrypted", "ratio", "bare broker, open", "encrypted",
             "ratio", "Troupe / bare, open", "Troupe / bare, encrypted"]
    visits = ["over", "at a time", "who", "thousand connections/s", "p50 µs", "p99 µs",
              "cpu µs a connection, both ends"]
    visit_rows = [visit_cells(runs_of, system, case)
                  for load in VISITS for way in (0, 1)
                  for system, name in (("Troupe", "troupe"), ("bare broker", "zmq"))
                  for case in [both_ways((name, "visit"), load)[way]]]
    return ["## Open and encrypted", "", "Thousand requests/s, and their ratios.", "",
            *report.table(loads, [load_cells(runs_of, load) for load in LOADS], 1), "",
            "## A connection for each request", "",
            *report.table(visits, visit_rows, 3), ""]
