"""What is compared: the systems, how the program of each is started, and the matrix of cases.

A case is one system, in one variant, under one load: N workers, W requests outstanding, payloads
of so many bytes, over one transport; `curve` is tcp, encrypted. All programs take the same options and
print the same line.
"""

import itertools
import os
from dataclasses import dataclass, field

LARGE = 1 << 20
WORKERS = (1, 2, 4, 16, 64)
WINDOWS = (1, 8, 64, 1000)

# What a matrix has only where it is named: runs that do other things than requests by one client.
APART = ("restart", "spawn", "visit")

# A run takes about so long, as its number of requests is chosen from a short first one.
SECONDS_A_RUN = 0.6
MOST_REQUESTS = 3_000_000


@dataclass(frozen=True)
class Case:
    system: str
    variant: str
    transport: str = "inproc"
    workers: int = 1
    window: int = 1
    payload: int = 64

    def name(self):
        return f"{self.system} {self.variant}"

    def __str__(self):
        return (f"{self.name()} {self.transport} N={self.workers} W={self.window}"
                f" {self.payload} B")

    def load(self):
        """What this case asks of a system; equal for those that can be compared."""
        return (self.transport, self.payload, self.workers, self.window)


@dataclass(frozen=True)
class System:
    needs: str  # in words, for when its program is not there
    program: str  # in the build folder
    variants: dict  # name -> what to add to the command; the first is the main one
    transports: tuple = ("inproc",)
    payloads: tuple = (64, 4096, LARGE)
    start: tuple = field(default=("{folder}/{program}",))
    commands: tuple = ()  # what must be found in the path


def modes(*names):
    return {name: ("--mode", name) for name in names}


ERLANG = ("erl", "-noshell", "-pa", "{folder}/bench/peers", "-s", "erlang_peer", "main", "-extra")

SYSTEMS = {
    "troupe": System(
        "this project", "bench/request_bench",
        {"thread": (), "spin": ("--spin", "50"), "inline": ("--isolation", "inline"),
         "visit": ("--visit",)},
        transports=("inproc", "ipc", "tcp", "curve")),
    "limits": System("nothing", "bench/peers/limits_peer", modes("pool", "futex")),
    "erlang": System(
        "Erlang/OTP", "bench/peers/erlang_peer.beam",
        modes("dispatcher", "gen_server", "restart", "spawn"), start=ERLANG, commands=("erl",)),
    "caf": System(
        "CAF 0.17 and a C++ compiler", "bench/peers/caf_peer", modes("dispatcher", "actor_pool"),
        payloads=(64,)),
    "go": System("Go", "bench/peers/go_peer", modes("dispatcher")),
    "zmq": System(
        "libzmq", "bench/peers/zmq_peer", modes("drain", "batch", "visit"),
        transports=("inproc", "ipc", "tcp", "curve")),
    "nats": System(
        "libnats and nats-server", "bench/peers/nats_peer", modes("request", "pipelined"),
        transports=("tcp",), commands=("nats-server",)),
    "majordomo": System(
        "libczmq", "bench/peers/majordomo_peer", {"broker": ()}, transports=("tcp",),
        payloads=(64,)),
}


def command(case, requests, folder):
    """The command line that runs a case with so many requests."""
    system = SYSTEMS[case.system]
    start = [part.format(folder=folder, program=system.program) for part in system.start]
    return start + [
        *system.variants[case.variant], "--transport", case.transport,
        "--workers", str(case.workers), "--window", str(case.window),
        "--requests", str(requests), "--size", str(case.payload)]


def lacking(name, folder, which):
    """What a system lacks here, in words, or None. `which` finds a command, as shutil.which."""
    return lack_of(SYSTEMS[name], folder, which)


def lack_of(system, folder, which):
    for needed in system.commands:
        if not which(needed):
            return f"{needed} is not in the path"
    if not os.path.exists(os.path.join(folder, system.program)):
        return f"{system.program} is not built (needs {system.needs})"
    return None


def first_requests(case):
    """So many that a run is short whatever the system, and yet says how fast it is."""
    if case.payload > 65536 and case.transport != "inproc":
        return max(100, 2 * case.window)
    if case.variant == "visit":
        return 200
    return max(1000, min(20000, 20 * case.window))


def requests_for(case, requests_per_s):
    """So many that the next run takes about SECONDS_A_RUN, and fills the window often enough."""
    wanted = int(requests_per_s * SECONDS_A_RUN)
    return max(100, 3 * case.window, min(wanted, MOST_REQUESTS))


# ---- the matrices


def in_order(cases):
    """Each once; those with the same load one after another, so that what is compared is
    measured in the same minute."""
    order = {name: place for place, name in enumerate(SYSTEMS)}
    return sorted(dict.fromkeys(cases), key=lambda case: (case.load(), order[case.system],
                                                          case.variant))


def is_possible(case):
    system = SYSTEMS[case.system]
    return (case.transport in system.transports and case.payload in system.payloads
            and (case.variant != "futex" or (case.workers, case.window) == (1, 1))
            and (case.variant not in ("spin", "inline") or case.transport == "inproc")
            and (case.variant != "visit" or case.transport != "inproc"))


def of_all(workers, windows, payload, transports=("inproc", "ipc", "tcp")):
    """Every system in every variant that can, under each of these loads."""
    for name, transport, n, window in itertools.product(SYSTEMS, transports, workers, windows):
        for variant in SYSTEMS[name].variants:
            if variant not in APART:
                case = Case(name, variant, transport, n, window, payload)
                if is_possible(case):
                    yield case


def with_large_payload(windows, payload):
    """Troupe with few and with many workers, the others with four and in their main variant."""
    for case in of_all((1, 4, 16), windows, payload):
        main = next(iter(SYSTEMS[case.system].variants))
        if case.system == "troupe" or (case.workers, case.variant) == (4, main):
            yield case


def long_form():
    """The whole matrix; large payloads with fewer loads, the largest with fewer outstanding."""
    yield from of_all(WORKERS, WINDOWS, 64)
    yield from with_large_payload((1, 64, 1000), 4096)
    yield from with_large_payload((1, 8, 64), LARGE)
    for variant in ("restart", "spawn"):
        yield Case("erlang", variant, workers=10)


def quick_form():
    """What is worth a look beside the cases that the bars need."""
    yield from of_all((1,), (1,), 64, transports=("inproc",))
    yield from of_all((4,), (1, 64, 1000), 64, transports=("inproc",))
