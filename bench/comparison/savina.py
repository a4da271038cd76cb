"""The workloads of the Savina suite: Troupe's actors beside Erlang's and CAF's.

What `running` asks of a case is here as it is in `cases`; a request is a round of the workload.
"""

from dataclasses import dataclass

from comparison import figures, report
from comparison.cases import System

SECONDS_A_RUN = 0.8


@dataclass(frozen=True)
class Workload:
    a_round: str  # what is repeated
    first: int  # rounds of the run that says how fast it is
    most: int
    step: int = 1  # rounds are so many for each of these actors


WORKLOADS = {
    "ping_pong": Workload("round trip", 2000, 3_000_000),
    "counting": Workload("message", 40_000, 5_000_000),
    "fork_join": Workload("message", 60_000, 3_000_000, step=60),
    "creation": Workload("actor", 200, 40_000),
    "ring": Workload("hop", 2000, 5_000_000),
    "chameneos": Workload("meeting", 2000, 3_000_000),
    "big": Workload("ping with its answer", 12_000, 3_000_000, step=120),
    "bank": Workload("transaction", 2000, 50_000),
}

# A thread for each: more of them at once is another measurement.
MOST_THREADS = 1000

SYSTEMS = {
    "troupe": System("this project", "bench/savina_bench",
                     {"thread": (), "inline": ("--isolation", "inline")}),
    "erlang": System(
        "Erlang/OTP", "bench/peers/erlang_savina.beam", {"processes": ()}, commands=("erl",),
        start=("erl", "-noshell", "-pa", "{folder}/bench/peers", "-s", "erlang_savina", "main",
               "-extra")),
    "caf": System("CAF 0.17 and a C++ compiler", "bench/peers/caf_savina", {"event-based": ()}),
}
RIVALS = ("erlang", "caf")


@dataclass(frozen=True)
class Case:
    system: str
    variant: str
    workload: str

    def name(self):
        return f"{self.system} {self.variant}"

    def __str__(self):
        return f"{self.workload}, {self.name()}"


def all_cases(systems):
    """Those of one workload one after another, so that what is compared is measured in the same
    minute."""
    return [Case(system, variant, workload) for workload in WORKLOADS for system in systems
            for variant in SYSTEMS[system].variants]


def command(case, rounds, folder):
    system = SYSTEMS[case.system]
    start = [part.format(folder=folder, program=system.program) for part in system.start]
    return start + [*system.variants[case.variant], "--workload", case.workload,
                    "--rounds", str(rounds)]


def first_requests(case):
    return WORKLOADS[case.workload].first


def requests_for(case, rounds_per_s):
    """So many that the next run takes about SECONDS_A_RUN, the same number for each actor."""
    workload = WORKLOADS[case.workload]
    most = workload.most
    if (case.system, case.workload) == ("troupe", "creation"):
        most = MOST_THREADS
    wanted = min(int(rounds_per_s * SECONDS_A_RUN), most)
    return max(workload.first, wanted // workload.step * workload.step)


# ---- what is told


def rate_of(runs):
    return figures.median(figures.counted(runs), "requests_per_s") if runs else None


def rate_cell(runs):
    rate = rate_of(runs)
    return "–" if rate is None else report.thousands(rate)


def ratio_cell(ours, theirs):
    found = figures.ratio(ours, theirs, "requests_per_s") if ours and theirs else None
    if not found:
        return "–"
    middle, least, most = (f"{value:.2g}" for value in found)
    return f"{middle} ({least} … {most})"


def row_cells(workload, variant, runs_of):
    ours = runs_of.get(Case("troupe", variant, workload), [])
    theirs = [runs_of.get(Case(rival, next(iter(SYSTEMS[rival].variants)), workload), [])
              for rival in RIVALS]
    cpu_us = figures.median(figures.counted(ours), "cpu_us_per_request") if ours else None
    is_disturbed = any(figures.is_disturbed(run) for run in sum(theirs, ours))
    return [workload.replace("_", " "), WORKLOADS[workload].a_round, variant, rate_cell(ours),
            *map(rate_cell, theirs), *(ratio_cell(ours, their) for their in theirs),
            report.micros(cpu_us), "!" * is_disturbed]


def text(runs_of, machine, left_out):
    """The whole report, from the runs of each case."""
    head = ["workload", "a round", "Troupe's actors", "Troupe, thousand rounds/s", "Erlang", "CAF",
            "Troupe / Erlang", "Troupe / CAF", "cpu µs a round", "disturbed"]
    rows = [row_cells(workload, variant, runs_of) for workload in WORKLOADS
            for variant in SYSTEMS["troupe"].variants
            if runs_of.get(Case("troupe", variant, workload))]
    return "\n".join([
        "# Actors of the Savina suite", "",
        f"{machine} Medians of interleaved rounds; ratios with the least and the most of a round."
        " `!`: other processes used much of a processor in some of the rounds.", "",
        *(f"Left out: {word}." for word in left_out), *([""] if left_out else []),
        *report.table(head, rows, 3), ""])


def rows(runs_of):
    """What is known of each case, as it goes into the JSON."""
    return [{"system": case.system, "variant": case.variant, "workload": case.workload,
             "rounds_per_s": rate_of(runs), "runs": runs} for case, runs in runs_of.items()]
