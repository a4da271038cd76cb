#!/usr/bin/env python3
"""Let spin look at every order of events that the models allow. Usage: check.py ROOT

A run must end without an error and must have seen everything. A seeded fault must be found: a
model that cannot fail proves nothing. Two runs go at a time; each has less than a GiB.
"""
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from worker_table import as_promela, read_table  # noqa: E402

AT_A_TIME = 2
MEGABYTES = 950
SECONDS = 800  # for one run; only on a machine that has others to serve it takes so long
SKIPPED = 77

SUPERVISION = "supervisors/supervision.pml"
WORKER = "actors/worker/worker_state.pml"
MAILBOX = "mailbox/mailbox.pml"
LASTING = "mailbox/lasting.pml"
GRANTS = "supervisors/grants.pml"

# Words of a turn are taken one by one and the parent gives up at once, where several words, or
# a parent that restarts, would be too many cases together with what else is looked at.
SMALL = "STEPWISE MAX_PARENT_RESTARTS=0"

# (model, bounds and variants, properties in temporal logic; "" for assertions and deadlocks)
# Most of the time is theirs: where time is short, CI says so. With rest_for_one, all fall or one
# alone: it has the cases of both.
LONG_RUNS = [
    (SUPERVISION, "STRATEGY=ONE_FOR_ALL MAX_PARENT_RESTARTS=0", ""),
    (SUPERVISION, "STRATEGY=REST_FOR_ONE MAX_PARENT_RESTARTS=0", ""),
    (SUPERVISION, "STRATEGY=ONE_FOR_ONE MAX_PARENT_RESTARTS=0", ""),
    (SUPERVISION, "N=3 HANGS=0", ""),
    (SUPERVISION, f"STRATEGY=REST_FOR_ONE COMMANDS=1 {SMALL}", ""),
    (SUPERVISION, f"STRATEGY=REST_FOR_ONE FAIR {SMALL}", "stop_ends comes_to_rest"),
    (SUPERVISION, f"STRATEGY=REST_FOR_ONE COMMANDS=2 HANGS=0 {SMALL}", ""),
    (SUPERVISION, f"STRATEGY=ONE_FOR_ALL FAIR COMMANDS=1 HANGS=0 {SMALL}",
     "stop_ends comes_to_rest commands_are_answered"),
]

RUNS = [
    # The longest first.
    (SUPERVISION, "STRATEGY=REST_FOR_ONE STEPWISE START_FAILS", ""),
    (SUPERVISION, "N=3 STRATEGY=ONE_FOR_ALL MAX_PARENT_RESTARTS=0 HANGS=0", ""),
    (SUPERVISION, "STEPWISE KIND=TEMPORARY SIGNIFICANT START_FAILS", ""),
    (WORKER, "", ""),
    (WORKER, "", "dead_is_final told_ends"),
    (MAILBOX, "FOREVER CAPACITY=1", "owner_is_next nothing_lies"),
    (MAILBOX, "LETTERS=2", ""),
    (MAILBOX, "LETTERS=1 TIMES ENDS", ""),
    (MAILBOX, "LETTERS=1 TIMES ENDS CAPACITY=1", ""),
    (MAILBOX, "LETTERS=2 ENDS CAPACITY=1 PLAIN", ""),
    (LASTING, "", ""),
    (LASTING, "SENDERS=2 LETTERS=1", ""),
    (GRANTS, "LIVES=3", ""),
    (GRANTS, "LIMIT=2", ""),
    (GRANTS, "POOLS=3 LIVES=1", ""),
    (GRANTS, "FAIR", "all_are_served"),
]

# (model, fault and bounds, property that must break; "" for an assertion or a deadlock)
FAULTS = [
    (SUPERVISION, "BUG_DOUBLE_START", ""),
    (SUPERVISION, "BUG_NO_PATIENCE", ""),
    (SUPERVISION, "BUG_NO_PATIENCE FAIR", "stop_ends"),
    (SUPERVISION, "BUG_FORGET_CHILD HANGS=0", ""),
    (SUPERVISION, "BUG_FORGET_STOP HANGS=0", ""),
    (SUPERVISION, "BUG_NO_INCARNATION", ""),
    (SUPERVISION, "BUG_RESTART_WHEN_STOPPING", ""),
    (SUPERVISION, "BUG_WAITS_FOR_UNWANTED STRATEGY=ONE_FOR_ALL COMMANDS=1 HANGS=0 N=3", ""),
    (SUPERVISION, "BUG_STOPS_AGAIN STRATEGY=ONE_FOR_ALL HANGS=0 FAIR", "comes_to_rest"),
    (SUPERVISION, "BUG_ANSWER_TWICE COMMANDS=1 HANGS=0", ""),
    (SUPERVISION, "BUG_LOST_COMMAND COMMANDS=1 HANGS=0", ""),
    (SUPERVISION, "BUG_LOST_ANSWER COMMANDS=1 HANGS=0", ""),
    (SUPERVISION, "BUG_LOST_ANSWER COMMANDS=1 HANGS=0 FAIR", "commands_are_answered"),
    (WORKER, "BUG_ANY_MOVE", ""),
    (WORKER, "BUG_NO_SWAP", ""),
    (WORKER, "BUG_STAYS_WHEN_BACK", "told_ends"),
    (WORKER, "BUG_NOT_FINAL", ""),
    (MAILBOX, "BUG_LOOKS_THEN_PARKS PLAIN", ""),
    (MAILBOX, "BUG_LOOKS_THEN_PUSHES PLAIN", ""),
    (MAILBOX, "BUG_LOOKS_THEN_COUNTS CAPACITY=1 PLAIN", ""),
    (MAILBOX, "BUG_OWNER_DOES_NOT_LOOK_AGAIN", ""),
    (MAILBOX, "BUG_CARRIER_DOES_NOT_LOOK", ""),
    (MAILBOX, "BUG_FORGETS_WHAT_IS_TAKEN", ""),
    (MAILBOX, "BUG_TIRED_AND_SILENT", ""),
    (MAILBOX, "BUG_KEEPS_TIME_TO_ITSELF TIMES", ""),
    (MAILBOX, "BUG_KEEPS_TIME_TO_ITSELF ENDS", ""),
    (MAILBOX, "BUG_NO_SWAP", ""),
    (MAILBOX, "BUG_NO_RING_FOR_WANTED TIMES", ""),
    (MAILBOX, "BUG_NO_CLAIM FOREVER CAPACITY=1", "owner_is_next"),
    (LASTING, "BUG_NO_NUMBER", ""),
    (LASTING, "BUG_LOOKS_TWICE", ""),
    (LASTING, "BUG_MOVES_OUT_WHO_IS_INSIDE", ""),
    (LASTING, "BUG_IN_HAND_WHEN_OUTSIDE", ""),
    (LASTING, "BUG_SETTLES_WHAT_IS_LOST", ""),
    (LASTING, "BUG_LEAVES_WITHOUT_A_LOOK", ""),
    (LASTING, "BUG_OVER_AFTER_THE_LOOK", ""),
    (LASTING, "BUG_NO_SEIZE", ""),
    (LASTING, "BUG_POSTS_TO_THE_CLOSED", ""),
    (GRANTS, "BUG_QUARANTINE_IS_FREE", ""),
    (GRANTS, "BUG_NOBODY_SWEEPS", ""),
    (GRANTS, "BUG_CLOSED_IS_LOST", ""),
    (GRANTS, "BUG_WITHDRAW_RELEASES", ""),
    (GRANTS, "BUG_HOME_IS_NO_NEWS", ""),
]


class Broken(Exception):
    """The check itself does not work."""


def run(command, folder):
    try:
        done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as late:
        raise Broken(f"{command[0]} took more than {SECONDS} s") from late
    return done.returncode, done.stdout


def compiler():
    return shutil.which("gcc") or shutil.which("cc")


def compile_pan(folder, defines, properties, optimize):
    flags = [f"-D{define}" for define in defines.split()]
    status, text = run(["spin", *flags, "-a", "model.pml"], folder)
    if status != 0 or "rror:" in text or "Error" in text:
        raise Broken(text)
    for named in properties.split():
        if f"ltl {named}:" not in text:
            raise Broken(f"the model has no property {named}:\n{text}")
    options = ["-DNFAIR=3"] if properties else ["-DNOCLAIM", "-DSAFETY"]
    status, text = run([compiler(), optimize, "-w", f"-DMEMLIM={MEGABYTES}",
                        *options, "-o", "pan", "pan.c"], folder)
    if status != 0:
        raise Broken(text)


def search(folder, named):
    """Run pan once. Returns (number of errors, states, megabytes, the first error in words)."""
    # One claim alone has no name to choose it by: -N is then ignored, with a warning.
    claim = ["-a", "-f", "-N", named] if named else []
    _, text = run(["./pan", "-n", "-m1000000", *claim], folder)
    errors = re.search(r"errors: (\d+)", text)
    states = re.search(r"(\d+) states, stored", text) or re.search(r"([\d.e+]+) states, st", text)
    memory = re.search(r"([\d.]+)\s+total actual memory", text)
    if not errors or not states:
        raise Broken(text)
    n_errors = int(errors.group(1))
    cuts = ["too small", "Search not completed", "reached -DMEMLIM", "out of memory"]
    if n_errors == 0 and any(cut in text for cut in cuts):
        raise Broken(f"not everything was seen:\n{text}")
    if named and "fairness enabled" not in text:
        raise Broken(f"fairness is not taken for granted:\n{text}")
    first = re.search(r"pan:1: (.*)", text)
    return n_errors, int(float(states.group(1))), float(memory.group(1)) if memory else 0, \
        first.group(1)[:70] if first else ""


def look(root, table, case, is_fault):
    """One line of the result, and whether it is as it must be."""
    model, defines, properties = case
    begin = time.monotonic()
    name = f"{pathlib.Path(model).stem} {defines} {properties}".strip()
    lines = []
    try:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(root / model, pathlib.Path(folder, "model.pml"))
            pathlib.Path(folder, "worker_table.pml").write_text(table)
            compile_pan(folder, defines, properties, "-O0" if is_fault else "-Og")
            is_right = True
            for named in properties.split() or [""]:
                n_errors, states, megabytes, first = search(folder, named)
                is_right = is_right and (n_errors > 0) == is_fault
                lines.append(f"{states} states, {megabytes:.0f} MB {first}".strip())
    except Broken as why:
        return False, f"BROKEN  {name}\n{why}"
    word = ("found" if is_fault else "ok") if is_right else "MISSED" if is_fault else "FAILED"
    return is_right, \
        f"{word:7} {name}: {'; '.join(lines)}, {time.monotonic() - begin:.1f} s"


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    if not shutil.which("spin") or not compiler():
        print("spin or a C compiler is not there: the models are not checked")
        return SKIPPED
    table = as_promela(read_table((root / "actors/worker/worker_state.h").read_text(),
                                  (root / "actors/worker/worker_state.c").read_text()))
    is_fine = True
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        runs = RUNS if os.environ.get("CI") == "true" else LONG_RUNS + RUNS
        cases = [(case, False) for case in runs] + [(case, True) for case in FAULTS]
        for is_right, line in pool.map(lambda case: look(root, table, *case), cases):
            print(line, flush=True)
            is_fine = is_fine and is_right
    return 0 if is_fine else 1


if __name__ == "__main__":
    sys.exit(main())
