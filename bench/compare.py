#!/usr/bin/env python3
"""Measures Troupe beside other systems, and says whether it is as fast as it should be.

    make bench                        # builds all, the long form
    make bench BENCH_QUICK=1          # the cases that the bars need, three rounds
    bench/compare.py --build build-bench --only troupe,zmq --report build-bench/report
    bench/compare.py --savina                # actors of the Savina suite, beside Erlang and CAF
    bench/compare.py --encrypted             # tcp with CURVE, beside a bare broker: under 5 minutes

README.md beside this file says what the systems are and how to read the figures.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import time

from comparison import bars, cases, encrypted, figures, plot, report, running, savina

QUICK_S = 480  # what the short form may take, but for its first round
ENCRYPTED_S = 270


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build-bench", help="the build folder")
    parser.add_argument("--quick", action="store_true", help="the short form")
    parser.add_argument("--savina", action="store_true", help="the actors of the Savina suite")
    parser.add_argument("--encrypted", action="store_true",
                        help="Troupe and a bare broker over tcp, open and encrypted")
    parser.add_argument("--rounds", type=int, help="5, in the short form and encrypted 3")
    parser.add_argument("--only", default="", metavar="SYSTEM,...", help="leave others out")
    parser.add_argument("--json", metavar="FILE", help="write a row for each case")
    parser.add_argument("--report", metavar="FOLDER", help="write the tables and the plots")
    options = parser.parse_args()
    options.systems = savina.SYSTEMS if options.savina else cases.SYSTEMS
    known = encrypted.SYSTEMS if options.encrypted else list(options.systems)
    options.only = options.only.split(",") if options.only else known
    for name in options.only:
        if name not in known:
            parser.error(f"{name} is none of {', '.join(known)}")
    return options


def say(text):
    print(text, file=sys.stderr, flush=True)


def present(folder, systems, names):
    """Those of the systems that are here, and a word for each that is not."""
    # What only root usually runs is not in everybody's path.
    os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin"
    missing = {name: cases.lack_of(systems[name], folder, shutil.which) for name in names}
    return ([name for name in names if not missing[name]],
            [f"{name}: {why}" for name, why in missing.items() if why])


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        models = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    kind = models[0] if models else platform.machine()
    return f"{os.cpu_count()} processors ({kind}), Linux {platform.release().split('-')[0]}."


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def measure_requests(options, systems, left_out, leave_out, begin):
    """Rows for the JSON, the files of the report, and its text."""
    all_bars = bars.all_bars()
    wanted = list(bars.cases_of(all_bars))
    wanted += cases.quick_form() if options.quick else cases.long_form()
    chosen = cases.in_order(case for case in wanted if case.system in systems)
    rounds = options.rounds or (3 if options.quick else 5)
    runs_of = running.run_all(cases, chosen, rounds, options.build, say, leave_out,
                              begin + QUICK_S if options.quick else None)
    rows = [figures.row(case, runs) for case, runs in runs_of.items()]
    verdicts = [bars.judge(bar, runs_of) for bar in all_bars]
    text = report.text(rows, verdicts, machine(), left_out)
    return rows, {"report.md": text, **plot.pictures(rows, verdicts)}, text


def measure_encrypted(options, systems, left_out, leave_out, begin):
    """The same of what encryption costs, without pictures."""
    chosen = cases.in_order(case for case in encrypted.all_cases() if case.system in systems)
    runs_of = running.run_all(cases, chosen, options.rounds or 3, options.build, say, leave_out,
                              begin + ENCRYPTED_S)
    rows = [figures.row(case, runs) for case, runs in runs_of.items()]
    verdicts = [bars.judge(bar, runs_of) for bar in encrypted.all_bars()]
    text = report.text(rows, verdicts, machine(), left_out, encrypted.tables(runs_of))
    return rows, {"encrypted.md": text}, text


def measure_actors(options, systems, left_out, leave_out, begin):
    """The same of the Savina suite."""
    rounds = options.rounds or (3 if options.quick else 5)
    runs_of = running.run_all(savina, savina.all_cases(systems), rounds, options.build, say,
                              leave_out, begin + QUICK_S if options.quick else None)
    text = savina.text(runs_of, machine(), left_out)
    return savina.rows(runs_of), {"savina.md": text}, text


def main():
    options = arguments()
    begin = time.monotonic()
    systems, left_out = present(options.build, options.systems, options.only)
    for why in left_out:
        say(f"left out: {why}")

    def leave_out(why):
        left_out.append(why)
        say(f"left out: {why}")

    measure = (measure_actors if options.savina else
               measure_encrypted if options.encrypted else measure_requests)
    rows, files, text = measure(options, systems, left_out, leave_out, begin)
    print(text)
    if options.json:
        write(options.json, json.dumps(rows, indent=1) + "\n")
    if options.report:
        os.makedirs(options.report, exist_ok=True)
        for name, content in files.items():
            write(os.path.join(options.report, name), content)
    say(f"{time.monotonic() - begin:.0f} s")


if __name__ == "__main__":
    main()
