"""Running cases: in rounds, each case once a round, and with an eye on who else is running."""

import os
import resource
import signal
import subprocess
import time

from comparison import figures

TIMEOUT_S = 60
CALM = 0.02  # of one processor
CALM_WAIT_S = 0.3


class Failed(Exception):
    """A program did not do what it should; the text says how."""


class Unknown(Failed):
    """A program does not know an option or its value."""


def busy_s():
    """Processor time that all processes have used, and that the machine below has taken."""
    with open("/proc/stat", encoding="ascii") as stat:
        ticks = [int(field) for field in stat.readline().split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def own_s():
    """Processor time of this process and of those that it has waited for."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def wait_for_calm():
    """Until hardly anybody runs, but not for long: on some machines somebody always does."""
    until = time.monotonic() + CALM_WAIT_S
    while time.monotonic() < until:
        busy, begin = busy_s(), time.monotonic()
        time.sleep(0.05)
        if (busy_s() - busy) / (time.monotonic() - begin) <= CALM:
            return


def output_of(command):
    """What a command prints. It and all that it has started are gone afterwards."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            output, errors = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise Failed(f"has not ended within {TIMEOUT_S} s") from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        last = (errors.strip().splitlines() or ["nothing said"])[-1]
        raise (Unknown if process.returncode == 2 else Failed)(f"{last} ({process.returncode})")
    return output


def run_once(how, case, requests, folder):
    """One run, as `figures` wants it, without its round."""
    wait_for_calm()
    busy, own, begin = busy_s(), own_s(), time.monotonic()
    output = output_of(how.command(case, requests, folder))
    foreign_s = (busy_s() - busy) - (own_s() - own)
    run = figures.parse_line(output)
    if not run or run.get("requests") != requests:
        raise Failed("printed no line of result")
    return {**run, "foreign": max(0.0, foreign_s) / (time.monotonic() - begin)}


def run_twice_if_needed(how, case, requests, folder):
    """One run, and another one when it fails, as a busy machine may let it."""
    try:
        return run_once(how, case, requests, folder)
    except Unknown:
        raise
    except Failed:
        return run_once(how, case, requests, folder)


def run_all(how, chosen, rounds, folder, say, leave_out, until_s=None):
    """The runs of each case; `how` says what a case is: `cases`, or a module like it. Rounds are interleaved, so that a machine that becomes slower does so
    for all. A case that fails is left out from then on. No round but the first begins when it would
    not end before `until_s` of time.monotonic(). `say` is told how far it is, `leave_out` what is
    left out and why."""
    sizes = first_runs(how, chosen, folder, leave_out)
    say(f"{len(sizes)} cases")
    runs_of = {case: [] for case in sizes}
    try:
        run_rounds(how, sizes, runs_of, rounds, folder, say, leave_out, until_s)
    except KeyboardInterrupt:
        say("interrupted; what has been measured is told")
    return {case: runs for case, runs in runs_of.items() if runs}


def run_rounds(how, sizes, runs_of, rounds, folder, say, leave_out, until_s):
    took_s = 0.0
    for count in range(rounds):
        begin = time.monotonic()
        if count > 0 and until_s is not None and begin + took_s > until_s:
            say(f"no time for more than {count} rounds")
            return
        for case in list(sizes):
            try:
                run = run_once(how, case, sizes[case], folder)
                runs_of[case].append({**run, "round": count})
            except Failed as failure:
                leave_out(f"{case}, round {count + 1} and later: {failure}")
                del sizes[case]
        took_s = time.monotonic() - begin
        say(f"round {count + 1} of {rounds}: {took_s:.0f} s")


def first_runs(how, chosen, folder, leave_out):
    """How many requests each case is given; those that cannot run are not in it."""
    sizes, unknown = {}, set()
    for case in chosen:
        if (case.system, case.variant) in unknown:
            continue
        try:
            run = run_twice_if_needed(how, case, how.first_requests(case), folder)
            sizes[case] = how.requests_for(case, run["rps"])
        except Unknown as failure:
            unknown.add((case.system, case.variant))
            leave_out(f"{case.name()}: {failure}")
        except Failed as failure:
            leave_out(f"{case}: {failure}")
    return sizes
