"""What Troupe must reach: a bar compares one of its cases with another case of the same run.

Some comparisons have no bound: they are told all the same.
"""

import operator
from dataclasses import dataclass
from typing import Optional

from comparison import figures
from comparison.cases import LARGE, Case

RELATIONS = {"≥": operator.ge, "≤": operator.le}


@dataclass(frozen=True)
class Bar:
    what: str
    ours: Case
    theirs: Optional[Case]  # None: the figure itself is held against the bound
    figure: str = "requests_per_s"
    relation: str = "≥"
    bound: Optional[float] = None  # None: without a bar


@dataclass(frozen=True)
class Verdict:
    bar: Bar
    ours: Optional[float]  # the median of the figure; None: not measured
    theirs: Optional[float]
    ratio: Optional[float]  # or the figure itself
    least: Optional[float]
    most: Optional[float]
    is_met: Optional[bool]  # None: not measured, or without a bar
    is_disturbed: bool


RIVALS = (("erlang", "dispatcher"), ("erlang", "gen_server"), ("caf", "dispatcher"),
          ("caf", "actor_pool"))


def in_process():
    """Rivals share threads among all, as inline workers do; threads of their own beside them."""
    for window, bound in ((1000, 1.5), (64, 1.0)):
        for n in (1, 4, 16):
            ours = Case("troupe", "inline", workers=n, window=window)
            for system, variant in RIVALS:
                yield Bar("in process", ours, Case(system, variant, workers=n, window=window),
                          bound=bound)
            yield Bar("in process", ours, Case("go", "dispatcher", workers=n, window=window))
            yield Bar("in process, a thread each", Case("troupe", "thread", workers=n, window=window),
                      Case("erlang", "dispatcher", workers=n, window=window))


def lockstep():
    yield Bar("lockstep", Case("troupe", "thread"), Case("limits", "futex"), "p50_us", "≤", 1.3)
    yield Bar("lockstep, spinning", Case("troupe", "spin"), None, "p50_us", "≤", 10.0)
    yield Bar("lockstep, inline", Case("troupe", "inline"), Case("erlang", "dispatcher"))


def remote():
    for transport in ("ipc", "tcp"):
        for n in (1, 4):
            load = {"workers": n, "window": 1000}
            ours = Case("troupe", "thread", transport, **load)
            what = f"over {transport}"
            yield Bar(what, ours, Case("zmq", "drain", transport, **load), bound=0.7)
            yield Bar(what, ours, Case("zmq", "batch", transport, **load))
            yield Bar(what, ours, Case("nats", "request", "tcp", **load), bound=5.0)
            yield Bar(what, ours, Case("nats", "pipelined", "tcp", **load))
            yield Bar(what, ours, Case("majordomo", "broker", "tcp", **load))


def encrypted():
    """The bar of tcp; `encrypted` has more to compare."""
    for n in (1, 4):
        load = {"transport": "curve", "workers": n, "window": 1000}
        yield Bar("encrypted", Case("troupe", "thread", **load), Case("zmq", "drain", **load),
                  bound=0.7)


def payload_and_pool():
    for n in (1, 4):
        small = Case("troupe", "thread", workers=n, window=64)
        large = Case("troupe", "thread", workers=n, window=64, payload=LARGE)
        yield Bar("1 MiB as 64 B", large, small, bound=0.5)
    for n, bound in ((16, 0.75), (64, 0.6)):
        yield Bar("many workers as one", Case("troupe", "thread", workers=n, window=1000),
                  Case("troupe", "thread", workers=1, window=1000), bound=bound)


def all_bars():
    return [*in_process(), *lockstep(), *remote(), *encrypted(), *payload_and_pool()]


def cases_of(bars):
    for bar in bars:
        yield bar.ours
        if bar.theirs:
            yield bar.theirs


def judge(bar, runs_of):
    """The verdict, from the runs of each case."""
    ours = runs_of.get(bar.ours, [])
    theirs = runs_of.get(bar.theirs, []) if bar.theirs else []
    values = (figures.median(figures.counted(ours), bar.figure) if ours else None,
              figures.median(figures.counted(theirs), bar.figure) if theirs else None)
    if bar.theirs:
        found = figures.ratio(ours, theirs, bar.figure) if ours and theirs else None
    else:
        found = alone(ours, bar.figure) if ours else None
    middle, least, most = found or (None, None, None)
    is_met = RELATIONS[bar.relation](middle, bar.bound) if found and bar.bound else None
    is_disturbed = any(map(figures.is_disturbed, figures.counted(ours) + figures.counted(theirs)))
    return Verdict(bar, *values, middle, least, most, is_met, is_disturbed)


def alone(runs, figure):
    values = [figures.figure_of(run, figure) for run in figures.counted(runs)]
    return figures.median(figures.counted(runs), figure), min(values), max(values)
