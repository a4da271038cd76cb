"""From runs to rows: the median of each figure, the least and the most, and ratios.

A run is a dictionary: what the line of the program says, the `round` it was in, and `foreign`,
the share of one processor that other processes used meanwhile.
"""

import statistics

# Above this share others have had a say in the figures.
DISTURBED = 0.15

COLUMNS = {"requests_per_s": "rps", "p50_us": "p50_us", "p99_us": "p99_us", "p999_us": "p999_us"}


def parse_line(text):
    """The key=value pairs of the last line that has a name, with numbers as numbers; or None."""
    lines = [line for line in text.splitlines() if line.startswith("name=")]
    if not lines:
        return None
    pairs = dict(word.split("=", 1) for word in lines[-1].split() if "=" in word)
    return {key: number(value) for key, value in pairs.items()}


def number(text):
    try:
        return float(text)
    except ValueError:
        return text


def is_disturbed(run):
    return run["foreign"] > DISTURBED


def figure_of(run, figure):
    """One figure of one run, or None where the program does not tell."""
    if figure == "cpu_us_per_request":
        return run["cpu_s"] * 1e6 / run["requests"] if "cpu_s" in run else None
    if figure == "switches_per_request":
        return run["csw"] / run["requests"] if "csw" in run else None
    return run.get(COLUMNS[figure])


def median(runs, figure):
    values = [value for value in (figure_of(run, figure) for run in runs) if value is not None]
    return statistics.median(values) if values else None


def counted(runs):
    """The undisturbed runs, where there are three of them; else all."""
    calm = [run for run in runs if not is_disturbed(run)]
    return calm if len(calm) >= 3 else runs


def row(case, runs):
    """What is known of a case, as it goes into the JSON."""
    runs = counted(runs)
    rates = [run["rps"] for run in runs]
    return {
        "system": case.system,
        "variant": case.variant,
        "transport": case.transport,
        "workers": case.workers,
        "window": case.window,
        "payload": case.payload,
        "requests_per_s": statistics.median(rates),
        "requests_per_s_min": min(rates),
        "requests_per_s_max": max(rates),
        "p50_us": median(runs, "p50_us"),
        "p99_us": median(runs, "p99_us"),
        "p999_us": median(runs, "p999_us"),
        "cpu_us_per_request": median(runs, "cpu_us_per_request"),
        "switches_per_request": median(runs, "switches_per_request"),
        "rounds": len(runs),
        "disturbed": sum(map(is_disturbed, runs)),
    }


def ratio(runs, other_runs, figure):
    """(ratio of the medians, least, most): the last two of runs in the same round. None when
    either has no runs."""
    ours, theirs = median(counted(runs), figure), median(counted(other_runs), figure)
    if not ours or not theirs:
        return None
    others = {run["round"]: run for run in other_runs}
    pairs = [figure_of(run, figure) / figure_of(others[run["round"]], figure)
             for run in runs if run["round"] in others]
    middle = ours / theirs
    return middle, min(pairs + [middle]), max(pairs + [middle])
