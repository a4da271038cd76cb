#!/usr/bin/env python3
"""Count the instructions of a request, and fail when they have become more than they may.

    instructions.py --program build/tests/cost/metered --budgets tests/cost/budgets.json
    instructions.py ... --update      write down what is counted as the budgets

Instructions tell of a change what seconds on a shared machine cannot. Each case of the budgets is
run under callgrind, in rounds of the same work; the round with the fewest instructions counts,
since whatever disturbs one adds to it. What all threads of the process do in user space is
counted, in our code and in libraries; the kernel is not, nor is waiting.

Valgrind runs one thread at a time. Which one is next, and so how many letters a wake-up serves,
is the kernel's choice: on one core, and as a batch job, whose threads do not push each other
aside, it is nearly the same one each time. Valgrind's own fair scheduling makes it worse. Over a
socket there are two ways to take turns, of which a run keeps to one; they are some 15 % apart, and
the tolerance of that case has both.
"""
import argparse
import collections
import contextlib
import json
import os
import pathlib
import platform
import re
import shlex
import statistics
import subprocess
import sys
import tempfile

SKIPPED = 77
PATIENCE_S = 120
ATTEMPTS = 3
TOP = 15


class Fault(Exception):
    """The program under callgrind did not do its work."""


# ---- counting ----


def take_steady_core():
    """In the child, before valgrind: one core, and turns as of a batch job."""
    with contextlib.suppress(OSError):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def plain_environment():
    """Nothing that changes what is executed: meson has malloc fill memory, for one."""
    kept = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ}


def run_under_callgrind(program, work, folder):
    command = ["valgrind", "--command-line-only=yes", "--quiet", "--fair-sched=no",
               "--tool=callgrind", "--compress-strings=no",
               f"--callgrind-out-file={folder}/counted", program, *shlex.split(work)]
    try:
        done = subprocess.run(command, cwd=folder, env=plain_environment(), timeout=PATIENCE_S,
                              preexec_fn=take_steady_core, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    except subprocess.TimeoutExpired as late:
        raise Fault(f"not done after {PATIENCE_S} s") from late
    if done.returncode != 0:
        raise Fault(f"exit status {done.returncode}\n{done.stdout}")


def instructions_of(text):
    """All that a file of callgrind counted, if it is that of a round; else None."""
    if "desc: Trigger: Client Request: round\n" not in text:
        return None
    return int(re.search(r"^totals: (\d+)", text, re.MULTILINE).group(1))


def units_of(work):
    """How many requests, parts or pings are a round."""
    words = shlex.split(work)
    return int(words[words.index("--each") + 1])


def count(program, work, folder):
    """Instructions of a unit in the best round, and that round's file."""
    run_under_callgrind(program, work, folder)
    rounds = []
    for path in sorted(pathlib.Path(folder).glob("counted.*")):
        instructions = instructions_of(path.read_text(encoding="utf-8", errors="replace"))
        if instructions is not None:
            rounds.append((instructions / units_of(work), path))
    if not rounds:
        raise Fault("callgrind wrote nothing down")
    return min(rounds)


# ---- judging ----


def excess_percent(case, counted):
    return 100.0 * (counted - case["budget"]) / case["budget"]


def is_over(case, counted):
    return excess_percent(case, counted) > case["tolerance_percent"]


def is_far_under(case, counted):
    return excess_percent(case, counted) < -case["tolerance_percent"]


def row(case, counted):
    note = ("  TOO MANY" if is_over(case, counted) else
            "  the budget may be lowered" if is_far_under(case, counted) else "")
    return (f"{case['name']:44} {counted:8.0f} {case['budget']:8} "
            f"{excess_percent(case, counted):+6.1f} %  of {case['tolerance_percent']} %{note}")


def self_costs(text):
    """Instructions of each function itself, without those that it calls."""
    costs = collections.Counter()
    library = function = ""
    lines = iter(text.splitlines())
    for line in lines:
        key, _, value = line.partition("=")
        if key == "ob":
            library = pathlib.Path(value).name
        elif key == "fn":
            function = value
        elif key == "calls":
            next(lines)  # what was called cost so much, and is listed by itself
        elif line[:1] in tuple("+-*0123456789"):
            costs[function, library] += int(line.split()[1])
    return costs


def top_functions(path, n_units):
    """Where the instructions of a unit went, the most first, one line a function."""
    costs = self_costs(path.read_text(encoding="utf-8", errors="replace"))
    return [f"{instructions / n_units:10.1f}  {function} [{library}]"
            for (function, library), instructions in costs.most_common(TOP)]


# ---- the two ways to use it ----


def measure(program, case):
    """What a unit costs, and for one that costs too much the functions that do. Too much is
    counted again before it is believed."""
    for attempt in range(ATTEMPTS):
        with tempfile.TemporaryDirectory(prefix="troupe-cost.") as folder:
            counted, path = count(program, case["work"], folder)
            if not is_over(case, counted):
                break
            if attempt == ATTEMPTS - 1:
                return counted, top_functions(path, units_of(case["work"]))
    return counted, []


def check(options, budgets):
    """Compare each case with its budget; whether none is over it."""
    print(f"{'instructions of':44} {'counted':>8} {'budget':>8}")
    over = []
    for case in budgets["cases"]:
        counted, functions = measure(options.program, case)
        print(row(case, counted), flush=True)
        if functions:
            over.append((case, functions))
    for case, functions in over:
        print(f"\n{case['name']}: the instructions of one, by function")
        print("\n".join(functions))
    if over:
        print(f"\nbudgets of {budgets['measured_with']}\ncounted of {options.measured_with}\n"
              f"If they are meant to be more: {options.update_command}")
    return not over


def count_usually(program, work):
    """The middle one of some counts: what the next will be near."""
    counts = []
    for _ in range(ATTEMPTS):
        with tempfile.TemporaryDirectory(prefix="troupe-cost.") as folder:
            counts.append(count(program, work, folder)[0])
    return statistics.median(counts)


def update(options, budgets):
    budgets["measured_with"] = options.measured_with
    for case in budgets["cases"]:
        counted = count_usually(options.program, case["work"])
        print(f"{case['name']:44} {case['budget']:8} -> {counted:.0f}", flush=True)
        case["budget"] = round(counted)
    text = json.dumps(budgets, indent=2, ensure_ascii=False) + "\n"
    pathlib.Path(options.budgets).write_text(text, encoding="utf-8")
    return True


def main():
    parser = argparse.ArgumentParser(description="Count the instructions of a request.")
    parser.add_argument("--program", type=os.path.abspath, help="metered, of a release build")
    parser.add_argument("--budgets", required=True, help="the file of cases and budgets")
    parser.add_argument("--measured-with", default="a program built by hand",
                        help="compiler and libraries, in words")
    parser.add_argument("--update-command", default="the same with --update",
                        help="what to say that updates the budgets")
    parser.add_argument("--update", action="store_true", help="write the budgets anew")
    parser.add_argument("--skip", default="", help="why nothing can be counted, in words")
    options = parser.parse_args()
    options.measured_with += f", Linux {platform.release().split('-')[0]}"
    if options.skip:
        print(f"instructions are not counted: {options.skip}")
        return SKIPPED
    budgets = json.loads(pathlib.Path(options.budgets).read_text(encoding="utf-8"))
    try:
        return 0 if (update if options.update else check)(options, budgets) else 1
    except Fault as fault:
        print(f"nothing was counted: {fault}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
