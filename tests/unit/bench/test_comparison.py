"""The pure parts of bench/compare.py: cases, figures, bars, and what is told of them."""

import json
import sys
import unittest
import xml.etree.ElementTree
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "bench"))

from comparison import bars, cases, encrypted, figures, plot, report, savina  # noqa: E402
from comparison.cases import Case  # noqa: E402

LINE = ("name=zmq mode=drain transport=inproc workers=4 window=64 size=64 requests=2000 rps=1000"
        " p50_us=1.50 p99_us=2.00 p999_us=3.00 cpu_s=0.004 csw=500")


def run(rps, count=0, foreign=0.0, **more):
    return {"rps": float(rps), "p50_us": 1.5, "p99_us": 2.0, "p999_us": 3.0, "cpu_s": 0.004,
            "csw": 500.0, "requests": 2000.0, "round": count, "foreign": foreign, **more}


def runs(*rates):
    return [run(rate, count) for count, rate in enumerate(rates)]


class Lines(unittest.TestCase):
    def test_numbers_become_numbers_and_words_stay(self):
        found = figures.parse_line("hello\n" + LINE + "\n")
        self.assertEqual((found["mode"], found["rps"], found["p50_us"]), ("drain", 1000.0, 1.5))

    def test_output_without_a_line_is_none(self):
        self.assertIsNone(figures.parse_line("Segmentation fault\n"))
        self.assertIsNone(figures.parse_line(""))


class Rows(unittest.TestCase):
    def test_a_row_has_the_median_the_least_and_the_most(self):
        row = figures.row(Case("zmq", "drain"), runs(30, 10, 20))
        self.assertEqual(row["requests_per_s"], 20)
        self.assertEqual((row["requests_per_s_min"], row["requests_per_s_max"]), (10, 30))
        self.assertEqual((row["rounds"], row["disturbed"]), (3, 0))
        self.assertEqual((row["cpu_us_per_request"], row["switches_per_request"]), (2.0, 0.25))

    def test_a_program_need_not_tell_all(self):
        silent = run(5)
        del silent["csw"]
        self.assertIsNone(figures.row(Case("erlang", "spawn"), [silent])["switches_per_request"])

    def test_disturbed_runs_do_not_count_where_three_others_do(self):
        disturbed = run(1, 3, foreign=0.5)
        row = figures.row(Case("zmq", "drain"), runs(10, 20, 30) + [disturbed])
        self.assertEqual((row["requests_per_s_min"], row["rounds"], row["disturbed"]), (10, 3, 0))
        row = figures.row(Case("zmq", "drain"), runs(10, 20) + [disturbed])
        self.assertEqual((row["requests_per_s_min"], row["rounds"], row["disturbed"]), (1, 3, 1))

    def test_rows_are_json(self):
        row = figures.row(Case("zmq", "drain"), runs(10))
        self.assertEqual(json.loads(json.dumps([row])), [row])


class Ratios(unittest.TestCase):
    def test_of_the_medians_and_of_runs_in_one_round(self):
        found = figures.ratio(runs(10, 20, 60), runs(10, 10, 20), "requests_per_s")
        self.assertEqual(found, (2.0, 1.0, 3.0))

    def test_only_rounds_that_both_have(self):
        found = figures.ratio(runs(10, 20), [run(10, count=1)], "requests_per_s")
        self.assertEqual(found, (1.5, 1.5, 2.0))

    def test_none_without_runs(self):
        self.assertIsNone(figures.ratio([], runs(1), "requests_per_s"))


class Commands(unittest.TestCase):
    def test_a_peer_in_c(self):
        command = cases.command(Case("zmq", "batch", "ipc", 4, 64), 500, "build")
        self.assertEqual(" ".join(command), (
            "build/bench/peers/zmq_peer --mode batch --transport ipc --workers 4 --window 64"
            " --requests 500 --size 64"))

    def test_troupe_has_no_modes(self):
        command = cases.command(Case("troupe", "spin"), 500, "build")
        self.assertEqual(command[:4], ["build/bench/request_bench", "--spin", "50", "--transport"])

    def test_erlang_is_started_by_its_emulator(self):
        command = cases.command(Case("erlang", "gen_server"), 500, "build")
        self.assertEqual(command[0], "erl")
        self.assertIn("build/bench/peers", command)
        self.assertLess(command.index("-extra"), command.index("--mode"))

    def test_what_is_not_there_is_said(self):
        self.assertIn("nats-server", cases.lacking("nats", "nowhere", lambda name: None))
        self.assertIn("not built", cases.lacking("zmq", "nowhere", lambda name: name))


class Savina(unittest.TestCase):
    def test_each_workload_is_run_by_all_systems_one_after_another(self):
        order = [case.workload for case in savina.all_cases(["troupe", "erlang", "caf"])]
        self.assertEqual(order, [name for name in savina.WORKLOADS for _ in range(4)])

    def test_commands(self):
        command = savina.command(savina.Case("troupe", "inline", "ring"), 500, "build")
        self.assertEqual(" ".join(command), (
            "build/bench/savina_bench --isolation inline --workload ring --rounds 500"))
        command = savina.command(savina.Case("erlang", "processes", "big"), 500, "build")
        self.assertEqual(command[-5:], ["-extra", "--workload", "big", "--rounds", "500"])

    def test_each_actor_gets_as_many_rounds(self):
        for name, workload in savina.WORKLOADS.items():
            case = savina.Case("caf", "event-based", name)
            with self.subTest(name):
                self.assertEqual(savina.requests_for(case, 123457) % workload.step, 0)
                self.assertEqual(savina.first_requests(case) % workload.step, 0)
                self.assertLessEqual(savina.requests_for(case, 1e9), workload.most)

    def test_no_more_threads_than_are_meant(self):
        case = savina.Case("troupe", "thread", "creation")
        self.assertEqual(savina.requests_for(case, 1e9), savina.MOST_THREADS)

    def test_ratios_are_told_of_what_was_measured(self):
        text = savina.text({savina.Case("troupe", "thread", "ring"): runs(10000, 20000, 30000),
                            savina.Case("caf", "event-based", "ring"): runs(40000, 40000, 40000)},
                           "A machine.", ["erlang: it is not there"])
        self.assertIn("| ring | hop | thread | 20.0 | – | 40.0 | – | 0.5 (0.25 … 0.75) |", text)
        self.assertIn("Left out: erlang: it is not there.", text)
        self.assertNotIn("inline", text)


class Encrypted(unittest.TestCase):
    def test_every_case_can_be_and_is_one_of_tcp(self):
        for case in encrypted.all_cases():
            with self.subTest(case):
                self.assertTrue(cases.is_possible(case))
                self.assertIn(case.transport, ("tcp", "curve"))
                self.assertIn(case.variant, cases.SYSTEMS[case.system].variants)

    def test_each_is_measured_open_and_encrypted_beside_the_bare_broker(self):
        chosen = set(encrypted.all_cases())
        for load in encrypted.LOADS:
            for name in (("troupe", "thread"), ("zmq", "drain")):
                for transport in ("tcp", "curve"):
                    self.assertIn(Case(*name, transport, **load), chosen)

    def test_it_is_short_enough_for_three_rounds_in_five_minutes(self):
        self.assertLessEqual(len(set(encrypted.all_cases())), 50)

    def test_the_bar_of_tcp_holds_encrypted_too(self):
        bounds = {(bar.ours.workers, bar.ours.window, bar.ours.payload): bar.bound
                  for bar in bars.all_bars() if bar.what == "encrypted"}
        self.assertEqual(bounds, {(1, 1000, 64): 0.7, (4, 1000, 64): 0.7})
        self.assertTrue(set(bars.encrypted()) < set(encrypted.all_bars()))

    def test_commands(self):
        command = cases.command(Case("troupe", "visit", "curve", window=8), 500, "build")
        self.assertEqual(" ".join(command), (
            "build/bench/request_bench --visit --transport curve --workers 1 --window 8"
            " --requests 500 --size 64"))
        command = cases.command(Case("zmq", "visit", "tcp"), 500, "build")
        self.assertEqual(command[1:5], ["--mode", "visit", "--transport", "tcp"])

    def test_visits_are_in_no_other_matrix(self):
        self.assertEqual([case for case in [*cases.long_form(), *cases.quick_form()]
                          if case.variant == "visit" or case.transport == "curve"], [])
        self.assertFalse(cases.is_possible(Case("troupe", "visit", "inproc")))

    def test_all_four_stand_side_by_side(self):
        load = {"workers": 4, "window": 1000}
        rates = {("troupe", "tcp"): 400000, ("troupe", "curve"): 300000, ("zmq", "tcp"): 200000,
                 ("zmq", "curve"): 100000}
        variants = {"troupe": "thread", "zmq": "drain"}
        lines = encrypted.tables({Case(system, variants[system], transport, **load): runs(rate)
                                  for (system, transport), rate in rates.items()})
        self.assertIn("| N=4 W=1000 | 400 | 300 | 0.75 (0.75 … 0.75) | 200 | 100 |"
                      " 0.50 (0.50 … 0.50) | 2.00 (2.00 … 2.00) | 3.00 (3.00 … 3.00) |", lines)
        self.assertIn("| N=1 W=1 | – | – | – | – | – | – | – | – |", lines)

    def test_visits_are_told(self):
        lines = encrypted.tables({Case("troupe", "visit", "curve"): runs(700)})
        self.assertIn("| tcp, encrypted | 1 | Troupe | 0.700 | 1.50 | 2.00 | 2.00 |", lines)
        self.assertIn("| tcp | 8 | bare broker | – | – | – | – |", lines)

    def test_its_report_has_bars_tables_and_figures(self):
        runs_of = {case: runs(40, 60) for case in encrypted.all_cases()}
        rows = [figures.row(case, found) for case, found in runs_of.items()]
        verdicts = [bars.judge(bar, runs_of) for bar in encrypted.all_bars()]
        lines = report.text(rows, verdicts, "", [], encrypted.tables(runs_of)).splitlines()
        places = [lines.index(line) for line in (
            "## Bars", "## Open and encrypted", "## A connection for each request", "## Figures",
            "### tcp, encrypted, 64 B", "### tcp, encrypted, 1 MiB")]
        self.assertEqual(places, sorted(places))


class Sizes(unittest.TestCase):
    def test_a_run_takes_about_as_long_as_it_should(self):
        self.assertEqual(cases.requests_for(Case("zmq", "drain"), 100000), 60000)

    def test_and_fills_its_window_but_not_the_memory(self):
        self.assertEqual(cases.requests_for(Case("zmq", "drain", window=1000), 1), 3000)
        self.assertEqual(cases.requests_for(Case("limits", "pool"), 1e9), cases.MOST_REQUESTS)


class Matrices(unittest.TestCase):
    def test_every_case_can_be(self):
        for case in [*cases.long_form(), *cases.quick_form(), *bars.cases_of(bars.all_bars())]:
            with self.subTest(case):
                self.assertTrue(cases.is_possible(case))
                self.assertIn(case.variant, cases.SYSTEMS[case.system].variants)

    def test_the_long_form_has_every_load_for_troupe(self):
        loads = {(case.workers, case.window) for case in cases.long_form()
                 if case.system == "troupe" and case.payload == 64 and case.transport == "tcp"}
        self.assertEqual(len(loads), len(cases.WORKERS) * len(cases.WINDOWS))

    def test_the_quick_form_is_quick(self):
        chosen = cases.in_order([*bars.cases_of(bars.all_bars()), *cases.quick_form()])
        self.assertLess(len(chosen), 100)

    def test_what_is_compared_runs_together_and_once(self):
        peer, ours = Case("zmq", "drain", window=8), Case("troupe", "thread", window=8)
        chosen = cases.in_order([peer, Case("troupe", "thread"), ours, peer])
        self.assertEqual([(case.system, case.window) for case in chosen],
                         [("troupe", 1), ("troupe", 8), ("zmq", 8)])


class Bars(unittest.TestCase):
    OURS = Case("troupe", "thread", window=64)
    THEIRS = Case("zmq", "drain", window=64)

    def verdict(self, ours, theirs, **how):
        bar = bars.Bar("test", self.OURS, self.THEIRS, **how)
        return bars.judge(bar, {self.OURS: ours, self.THEIRS: theirs})

    def test_met_from_the_bound_on(self):
        self.assertTrue(self.verdict(runs(15), runs(10), bound=1.5).is_met)
        self.assertFalse(self.verdict(runs(14), runs(10), bound=1.5).is_met)

    def test_at_most(self):
        slow, fast = [run(1, p50_us=14.0)], [run(1, p50_us=10.0)]
        how = {"figure": "p50_us", "relation": "≤", "bound": 1.3}
        self.assertFalse(self.verdict(slow, fast, **how).is_met)
        self.assertTrue(self.verdict(fast, fast, **how).is_met)

    def test_a_figure_alone(self):
        bar = bars.Bar("test", self.OURS, None, "p50_us", "≤", 10.0)
        verdict = bars.judge(bar, {self.OURS: [run(1, p50_us=9.0), run(1, p50_us=10.0)]})
        self.assertEqual((verdict.ratio, verdict.least, verdict.most, verdict.is_met),
                         (9.5, 9.0, 10.0, True))

    def test_neither_met_nor_missed(self):
        self.assertIsNone(self.verdict(runs(1), runs(10)).is_met)
        self.assertIsNone(self.verdict([], runs(10), bound=1.0).is_met)
        self.assertIsNone(self.verdict(runs(10), [], bound=1.0).ratio)

    def test_a_disturbed_run_is_told_of(self):
        self.assertTrue(self.verdict(runs(1), [run(1, foreign=0.9)], bound=1.0).is_disturbed)
        self.assertFalse(self.verdict(runs(1), runs(1), bound=1.0).is_disturbed)


def everything_measured():
    """As if each case had been measured, in two rounds; Troupe is twice as fast as all others."""
    chosen = cases.in_order([*bars.cases_of(bars.all_bars()), *cases.long_form()])
    return {case: runs(*((40, 60) if case.system == "troupe" else (20, 30))) for case in chosen}


class Reports(unittest.TestCase):
    def setUp(self):
        self.runs_of = everything_measured()
        self.rows = [figures.row(case, found) for case, found in self.runs_of.items()]
        self.verdicts = [bars.judge(bar, self.runs_of) for bar in bars.all_bars()]

    def test_every_bar_and_row_is_in_the_text(self):
        text = report.text(self.rows, self.verdicts, "Two processors.", ["go: not built"])
        lines = text.splitlines()
        self.assertIn("Left out: go: not built.", lines)
        self.assertEqual(sum(line.startswith("| over tcp") for line in lines),
                         sum(bar.what == "over tcp" for bar in bars.all_bars()))
        self.assertEqual(sum(line.startswith("| majordomo") for line in lines),
                         sum(row["system"] == "majordomo" for row in self.rows))
        self.assertIn("### inproc, 1 MiB", lines)

    def test_all_lines_of_a_table_have_as_many_cells(self):
        for lines in (report.bars_table(self.verdicts), report.rows_tables(self.rows)[3:9]):
            self.assertEqual(len({line.count("|") for line in lines}), 1)

    def test_the_summary_counts(self):
        missing = bars.judge(bars.all_bars()[0], {})
        self.assertTrue(report.summary([missing]).endswith("1 not measured."))
        self.assertIn("0 not measured", report.summary(self.verdicts))

    def test_rates_have_the_digits_that_they_are_worth(self):
        self.assertEqual([report.thousands(rate) for rate in (1234567, 45678, 1234, 57)],
                         ["1235", "45.7", "1.23", "0.057"])

    def test_pictures_are_xml(self):
        pictures = plot.pictures(self.rows, self.verdicts)
        self.assertIn("ratios.svg", pictures)
        self.assertIn("throughput-inproc.svg", pictures)
        for name, text in pictures.items():
            with self.subTest(name):
                root = xml.etree.ElementTree.fromstring(text)
                self.assertTrue(root.tag.endswith("svg"))

    def test_nothing_measured_is_no_picture(self):
        nothing = [bars.judge(bar, {}) for bar in bars.all_bars()]
        self.assertEqual(plot.pictures([], nothing), {})
        self.assertIn("not measured", report.text([], nothing, "", []))


class Axes(unittest.TestCase):
    def test_decades_hold_what_they_are_for(self):
        self.assertEqual(plot.decades(3, 2500), [1, 10, 100, 1000, 10000])
        self.assertEqual(plot.decades(10, 10), [10, 100])

    def test_numbers_are_short(self):
        self.assertEqual([plot.short(value) for value in (10, 1000, 1e6)], ["10", "1k", "1M"])
        self.assertEqual([plot.duration(us) for us in (1, 1000, 1e6)], ["1 µs", "1 ms", "1 s"])


if __name__ == "__main__":
    unittest.main()
