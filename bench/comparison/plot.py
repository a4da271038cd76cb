"""Plots as SVG: throughput against W, ratios with their bars, and latency.

Every picture is a list of elements with coordinates in pixels. A system has the same colour in
all of them, its variants differ in their dashes.
"""

import math
from html import escape

from comparison import report

COLOURS = {
    "troupe": "#c8401c", "zmq": "#8a4fae", "erlang": "#1f6fb4", "caf": "#2a8f5b", "go": "#12a5b8",
    "nats": "#c98a00", "majordomo": "#7b6650", "limits": "#8c8c8c",
}
DASHES = ("", "6 4", "2 3", "9 3 2 3")
INK, FAINT, GRID, PAPER = "#2b2b2b", "#6a6a6a", "#e4e4e4", "#fdfdfb"
MET, MISSED, UNBOUND = "#2a8f5b", "#c8401c", "#b4b4b4"
FONT = "font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\""


# ---- elements


def text(x, y, words, size=12, anchor="start", colour=INK, extra=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
            f'fill="{colour}" {extra}>{escape(words)}</text>')


def line(x1, y1, x2, y2, colour=GRID, width=1.0, dash=""):
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{colour}" stroke-width="{width}"{dashes}/>')


def path(points, colour, dash, width):
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return (f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="{width}" '
            f'stroke-linejoin="round"{dashes}/>')


def dot(x, y, colour, radius=3.5, fill=None):
    return (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{fill or colour}" '
            f'stroke="{colour}" stroke-width="1.5"/>')


def box(x, y, width, height, colour):
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="1.5" '
            f'fill="{colour}"/>')


def picture(width, height, title, subtitle, elements):
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height:.0f}" '
        f'viewBox="0 0 {width} {height:.0f}" {FONT}>',
        f'<rect width="100%" height="100%" fill="{PAPER}"/>',
        text(24, 32, title, 17, extra='font-weight="bold"'),
        text(24, 52, subtitle, colour=FAINT),
        *elements, "</svg>", ""])


# ---- scales


def decades(least, most):
    """The powers of ten around these values, from the one below to the one above."""
    low = math.floor(math.log10(least))
    high = max(low + 1, math.ceil(math.log10(most)))
    return [10.0 ** power for power in range(low, high + 1)]


def log_scale(least, most, begin, end):
    """A function from values to pixels; logarithmic."""
    span = math.log10(most) - math.log10(least)
    return lambda value: begin + (math.log10(value) - math.log10(least)) / span * (end - begin)


def short(value):
    """A round number the way an axis shows it."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def duration(us):
    """So many microseconds the way an axis shows them."""
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if us >= size:
            return f"{us / size:g} {unit}"
    return f"{us:g} µs"


# ---- throughput against W


def series_of(rows):
    """(name, colour, dash, rows by W) of each system and variant that has more than one row."""
    names = sorted({(row["system"], row["variant"]) for row in rows},
                   key=lambda name: (list(COLOURS).index(name[0]), name[1]))
    found, n_of = [], {}
    for system, variant in names:
        own = sorted((row for row in rows if (row["system"], row["variant"]) == (system, variant)),
                     key=lambda row: row["window"])
        if len(own) > 1:
            place = n_of[system] = n_of.get(system, -1) + 1
            found.append((f"{system} {variant}", COLOURS[system], DASHES[place % 4], own))
    return found


def throughput(rows, title, subtitle):
    left, right, top, bottom, width = 84, 250, 84, 56, 860
    height = 480
    series = series_of(rows)
    rates = [row[key] for *_, own in series for row in own
             for key in ("requests_per_s_min", "requests_per_s_max")]
    windows = sorted({row["window"] for *_, own in series for row in own})
    ticks = decades(min(rates), max(rates))
    x = log_scale(windows[0], windows[-1], left, width - right)
    y = log_scale(ticks[0], ticks[-1], height - bottom, top)
    shapes = []
    for tick in ticks:
        shapes += [line(left, y(tick), width - right, y(tick)),
                   text(left - 8, y(tick) + 4, short(tick), anchor="end", colour=FAINT)]
        for part in range(2, 10):
            if tick * part < ticks[-1]:
                shapes.append(line(left - 4, y(tick * part), left, y(tick * part), FAINT, 0.6))
    for window in windows:
        shapes += [line(x(window), top, x(window), height - bottom),
                   text(x(window), height - bottom + 20, str(window), anchor="middle",
                        colour=FAINT)]
    shapes += [
        text((left + width - right) / 2, height - 14, "W, requests outstanding", anchor="middle"),
        text(0, 0, "requests a second", anchor="middle",
             extra=f'transform="translate(24 {(top + height - bottom) / 2:.0f}) rotate(-90)"')]
    for place, (name, colour, dash, own) in enumerate(series):
        shapes += one_series(x, y, colour, dash, own, 3 if name.startswith("troupe") else 1.8)
        shapes += legend_entry(width - right + 24, top + 12 + 22 * place, name, colour, dash)
    return picture(width, height, title, subtitle, shapes)


def one_series(x, y, colour, dash, own, width):
    for row in own:
        yield line(x(row["window"]), y(row["requests_per_s_min"]), x(row["window"]),
                   y(row["requests_per_s_max"]), colour, 1)
    yield path([(x(row["window"]), y(row["requests_per_s"])) for row in own], colour, dash, width)
    for row in own:
        yield dot(x(row["window"]), y(row["requests_per_s"]), colour)


def legend_entry(x, y, name, colour, dash):
    bold = 'font-weight="bold"' if name.startswith("troupe") else ""
    return [path([(x, y), (x + 34, y)], colour, dash, 2.5), dot(x + 17, y, colour),
            text(x + 44, y + 4, name, extra=bold)]


# ---- ratios


def ratios(verdicts):
    shown = [verdict for verdict in verdicts if verdict.ratio is not None and verdict.bar.theirs]
    left, right, top, step, width = 430, 90, 108, 22, 900
    bottom = top + step * len(shown)
    values = [value for verdict in shown for value in (verdict.ratio, verdict.bar.bound) if value]
    least = min(0.5, min(values))
    most = max(2.0, max(values)) * 1.1
    x = log_scale(least / 1.15, most, left, width - right)
    shapes = []
    for tick in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50):
        if least / 1.15 <= tick <= most:
            shapes += [line(x(tick), top - 8, x(tick), bottom, INK if tick == 1 else GRID),
                       text(x(tick), top - 14, f"{tick:g}×", anchor="middle", colour=FAINT)]
    for place, verdict in enumerate(shown):
        shapes += one_ratio(x, verdict, top + step * place, left)
    legend = [("met", MET), ("not met", MISSED), ("without a bar", UNBOUND)]
    for place, (words, colour) in enumerate(legend):
        at = 24 + 90 * place
        shapes += [box(at, top - 27, 12, 12, colour), text(at + 18, top - 17, words)]
    shapes += [line(330, top - 29, 330, top - 13, INK, 2.5), text(338, top - 17, "the bar")]
    return picture(width, bottom + 24, "Troupe beside others, and what it should reach",
                   "Ratios of requests a second, or of p50 where it says so: medians of one run;"
                   " thin lines: the least and the most of its rounds", shapes)


def one_ratio(x, verdict, y, left):
    bar = verdict.bar
    colour = UNBOUND if verdict.is_met is None else MET if verdict.is_met else MISSED
    what = f"{bar.what}, {report.load_of(bar.ours)}"
    if bar.relation == "≤":
        what += ": p50, at most"
    begin, end = sorted((x(1), x(verdict.ratio)))
    yield text(24, y + 12, what)
    yield text(left - 12, y + 12, f"÷ {report.other_of(bar)}", anchor="end", colour=FAINT)
    yield box(begin, y + 2, max(end - begin, 1.5), 13, colour)
    lowest, highest = x(verdict.least), x(verdict.most)
    yield line(max(lowest, left), y + 8.5, min(highest, 830), y + 8.5, INK, 0.8)
    if bar.bound:
        yield line(x(bar.bound), y - 1, x(bar.bound), y + 18, INK, 2.5)
    yield text(890, y + 12, f"{verdict.ratio:.2f}", anchor="end")


# ---- latency


def latency(rows, title, subtitle):
    shown = sorted((row for row in rows if row["p50_us"]), key=lambda row: row["p50_us"])
    left, right, top, step, width = 180, 40, 100, 26, 860
    bottom = top + step * len(shown)
    ticks = decades(min(row["p50_us"] for row in shown), max(row["p999_us"] for row in shown))
    x = log_scale(ticks[0], ticks[-1], left, width - right)
    shapes = []
    for tick in ticks:
        shapes += [line(x(tick), top - 6, x(tick), bottom),
                   text(x(tick), bottom + 20, duration(tick), anchor="middle", colour=FAINT)]
    for place, row in enumerate(shown):
        shapes += one_latency(x, row, top + step * place + step / 2, left)
    for place, (words, fill) in enumerate((("p50", None), ("p99", PAPER), ("p99.9", "#c9c9c9"))):
        at = left + 4 + 70 * place
        shapes += [dot(at, top - 24, INK, 4, fill), text(at + 10, top - 20, words)]
    return picture(width, bottom + 40, title, subtitle, shapes)


def one_latency(x, row, y, left):
    colour = COLOURS[row["system"]]
    bold = 'font-weight="bold"' if row["system"] == "troupe" else ""
    yield text(left - 14, y + 4, f"{row['system']} {row['variant']}", anchor="end", extra=bold)
    yield line(x(row["p50_us"]), y, x(row["p999_us"]), y, colour, 1.5)
    yield dot(x(row["p999_us"]), y, colour, 4, "#c9c9c9")
    yield dot(x(row["p99_us"]), y, colour, 4, PAPER)
    yield dot(x(row["p50_us"]), y, colour, 5)


# ---- all


def pictures(rows, verdicts):
    """File name -> SVG; a picture for which there is nothing is left out."""
    found = {}
    for transport, where in (("inproc", "In process"), ("ipc", "Over ipc"), ("tcp", "Over tcp")):
        own = [row for row in rows if (row["transport"], row["payload"], row["workers"])
               == (transport, 64, 4)]
        if series_of(own):
            found[f"throughput-{transport}.svg"] = throughput(
                own, f"{where}: throughput by requests outstanding",
                "4 workers, 64 B there and back; medians, with the least and the most")
        for window in (1, 1000):
            waiting = [row for row in own if row["window"] == window and row["p50_us"]]
            if waiting:
                found[f"latency-{transport}-{window}.svg"] = latency(
                    waiting, f"{where}: how long a request takes, W = {window}",
                    "4 workers, 64 B there and back; medians of the rounds")
    if any(verdict.ratio is not None and verdict.bar.theirs for verdict in verdicts):
        found["ratios.svg"] = ratios(verdicts)
    return found
