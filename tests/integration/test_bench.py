"""troupe bench: each request counted once, with its outcome, however the bench ends. Against a
real node, and against a fake one for what no real one does."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest

try:
    import zmq  # noqa: F401  (node_kit needs it)
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

from fake_node import FakeNode
from node_kit import LONG, TROUPE, Node, run_troupe


def heed_interrupts():
    """Which are ignored by what runs in the background of a shell."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Case(unittest.TestCase):
    endpoint = None

    def run_bench(self, *words, code=0):
        done = run_troupe("bench", *words, "-e", self.endpoint)
        self.assertEqual(done.returncode, code, done)
        self.line = done.stderr
        self.assertEqual(self.line.count("\n"), 0 if code == 0 else 1, self.line)
        return done.stdout

    def bench(self, *words, code=0):
        return json.loads(self.run_bench(*words, "--json", code=code))

    def start(self, *words):
        process = subprocess.Popen([TROUPE, "bench", *words, "-e", self.endpoint], text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, preexec_fn=heed_interrupts)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def assert_sound(self, report):
        """What holds of any report."""
        self.assertEqual(sum(report["outcomes"].values()), report["requests"])
        self.assertEqual((report["missing"], report["stray"]), (0, 0))
        if report["latency_us"]:
            self.assertEqual(report["latency_us"]["n"], report["outcomes"]["ok"])
            figures = [report["latency_us"][key] for key in ("p50", "p90", "p99", "p99_9", "max")]
            self.assertEqual(figures, sorted(figures))


class Loading(Case):
    @classmethod
    def setUpClass(cls):
        echo = {"worker": {"module": "echo"}, "workers": {"min": 2, "max": 2}}
        cls.node = Node({"children": [{"capability": "echo", **echo},
                                      {"capability": "small", **echo, "queue": {"limit": 1}},
                                      {"capability": "ocean", **echo,
                                       "queue": {"limit": 100000}}]}).start()
        cls.endpoint = cls.node.ipc

    @classmethod
    def tearDownClass(cls):
        cls.node.end()

    def counted(self, capability):
        """How many have ended there, as the node says."""
        stats = json.loads(self.node.run("stats", "--json").stdout)
        return sum(one["value"] for one in stats["metrics"]
                   if one["name"] == "troupe_requests_total"
                   and one["labels"]["capability"] == capability)

    def test_as_many_as_asked_for_and_no_more(self):
        before = self.counted("echo")
        report = self.bench("echo", "-m", "echo", "-d", "hello", "-n", "1000")
        self.assert_sound(report)
        self.assertEqual(report["outcomes"], {"ok": 1000})
        self.assertEqual(self.counted("echo") - before, 1000)
        self.assertEqual(report["bytes_sent"], 5000)
        self.assertEqual(report["bytes_received"], 5000)
        self.assertEqual(report["node_run_us"]["n"], 1000)
        self.assertEqual(report["node_queue_us"]["n"], 1000)

    def test_clients_share_them_out(self):
        before = self.counted("echo")
        report = self.bench("echo", "-m", "echo", "-n", "1001", "-c", "4", "-w", "8")
        self.assert_sound(report)
        self.assertEqual(report["outcomes"], {"ok": 1001})
        self.assertEqual(self.counted("echo") - before, 1001)

    def test_fewer_than_clients(self):
        self.assertEqual(self.bench("echo", "-m", "echo", "-n", "2", "-c", "5")["outcomes"],
                         {"ok": 2})

    def test_for_a_time(self):
        report = self.bench("echo", "-m", "echo", "--for", "300ms", "-w", "4")
        self.assert_sound(report)
        self.assertGreaterEqual(report["seconds"], 0.2)
        self.assertAlmostEqual(report["requests_per_second"] * report["seconds"],
                               report["requests"], delta=1)

    def test_what_warms_up_does_not_count(self):
        before = self.counted("echo")
        report = self.bench("echo", "-m", "echo", "-n", "50", "--warm-up", "100ms")
        self.assert_sound(report)
        self.assertEqual(report["requests"], 50)
        self.assertGreater(self.counted("echo") - before, 50)

    def test_a_size(self):
        report = self.bench("echo", "-m", "echo", "--size", "4KiB", "-n", "10")
        self.assertEqual((report["bytes_sent"], report["bytes_received"]), (40960, 40960))
        self.assertEqual(self.bench("echo", "-m", "echo", "-n", "3")["bytes_sent"], 0)

    def test_several_frames_and_a_file(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"x" * 100)
            file.flush()
            report = self.bench("echo", "-m", "echo", "-d", "abc", "-f", file.name, "-n", "10")
        self.assertEqual(report["bytes_sent"], 1030)

    def test_parts_count_and_are_timed(self):
        report = self.bench("echo", "-m", "parts", "-d", "4 100", "-n", "20", "-w", "2")
        self.assert_sound(report)
        self.assertEqual(report["first_part_us"]["n"], 20)
        self.assertEqual(report["bytes_received"], 20 * (400 + len("4 100")))
        self.assertLessEqual(report["first_part_us"]["p50"], report["latency_us"]["max"])

    def test_all_due_by_a_rate_are_sent(self):
        # No more than may wait: a slow node may have to let all of them.
        report = self.bench("echo", "-m", "echo", "--rate", "500", "-n", "90", "-c", "3")
        self.assert_sound(report)
        self.assertEqual((report["requests"], report["unsent"]), (90, 0))
        self.assertGreaterEqual(report["seconds"], 0.17)

    def test_latency_counts_from_when_a_request_was_due(self):
        # One worker's slot, 50 ms each, a thousand due in a second: each has to wait for all
        # before it, though it is sent only when there is room.
        report = self.bench("echo", "-m", "sleep", "-d", "50", "--rate", "1000", "-n", "10",
                            "-w", "1")
        self.assert_sound(report)
        self.assertEqual(report["outcomes"], {"ok": 10})
        self.assertGreaterEqual(report["latency_us"]["max"], 10 * 50000 - 10000)
        self.assertLess(report["node_queue_us"]["p99"], report["latency_us"]["p50"])

    def test_what_was_due_and_not_sent_is_told(self):
        report = self.bench("echo", "-m", "sleep", "-d", "100", "--rate", "500", "-w", "1",
                            "--for", "200ms")
        self.assert_sound(report)
        self.assertEqual(report["requests"] + report["unsent"], 100)
        self.assertGreater(report["unsent"], 50)
        self.assertIn("more were due", self.run_bench("echo", "-m", "sleep", "-d", "100", "--rate",
                                                      "500", "-w", "1", "--for", "200ms"))

    def test_others_than_ok_are_told_by_outcome_and_are_1(self):
        report = self.bench("echo", "-m", "fail", "-d", "no", "-n", "20", code=1)
        self.assert_sound(report)
        self.assertEqual(report["outcomes"], {"worker_error": 20})
        self.assertIsNone(report["latency_us"])
        self.assertIn("20 of 20 requests did not end ok", self.line)

    def test_a_full_queue(self):
        report = self.bench("small", "-m", "sleep", "-d", "20", "-n", "100", "-w", "30", code=1)
        self.assert_sound(report)
        self.assertEqual(set(report["outcomes"]), {"ok", "overloaded"})

    def test_a_deadline(self):
        report = self.bench("ocean", "-m", "sleep", "-d", "60", "-n", "30", "-w", "30", "-t",
                            "150ms", code=1)
        self.assert_sound(report)
        self.assertEqual(set(report["outcomes"]), {"ok", "timeout"})

    def test_many_outstanding(self):
        report = self.bench("ocean", "-m", "echo", "-n", "20000", "-w", "5000", "-c", "2")
        self.assert_sound(report)
        self.assertEqual(report["outcomes"], {"ok": 20000})

    def test_what_is_hopeless_ends_at_once(self):
        report = self.bench("nothing", "--for", "10m", "-w", "4", code=1)
        self.assert_sound(report)
        self.assertEqual(set(report["outcomes"]) - {"cancelled"}, {"no_capability"})
        self.assertIn("nothing: no_capability: nobody offers 'nothing' here", self.line)

    def test_ctrl_c_ends_it_and_it_reports(self):
        for words in (["-d", "10"], ["-d", "60000", "-w", "3"], ["-d", "60000", "--warm-up", "1h"]):
            with self.subTest(words=words):
                process = self.start("ocean", "-m", "sleep", "--for", "10m", "--json", *words)
                self.wait_until_busy("ocean")
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=LONG)
                self.assertEqual(process.returncode, 130, err)
                self.assertEqual(err, "troupe: ocean: interrupted\n")
                report = json.loads(out)
                self.assert_sound(report)
                self.assertTrue(report["interrupted"])

    def wait_until_busy(self, name):
        while not any(one["name"] == name and one["pending"] > 0
                      for one in self.node.tree()["capabilities"]):
            pass

    def test_people_get_tables(self):
        text = self.run_bench("echo", "-m", "echo", "-n", "100", "-w", "4", "-c", "2")
        self.assertRegex(text, r"^echo: 100 requests in .*; 2 clients, 4 outstanding each\n")
        self.assertRegex(text, r"(?m)^[\d.]+ requests/s, 0 B/s sent, 0 B/s received$")
        for pattern in (r"LATENCY +MEAN +P50 +P90 +P99 +P99.9 +MAX", r"answer  ",
                        r"at the node, waiting  ", r"at the node, running  ",
                        r"OUTCOME  REQUESTS +SHARE", r"ok +100  100.00 %"):
            self.assertRegex(text, "(?m)^" + pattern)

    def test_over_tcp_without_the_right_to_ask_it_goes_without_the_node(self):
        done = run_troupe("bench", "echo", "-m", "echo", "-n", "10", "--json", "-e", self.node.tcp)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["outcomes"], {"ok": 10})

    def test_wrong_usage_is_2(self):
        for words in (["-n", "0"], ["-n", "x"], ["-w", "0"], ["-c", "1001"], ["--rate", "0"],
                      ["--for", "0s"], ["--size", "4 KiB"], ["--size", "2GiB"], ["-p", "urgent"],
                      ["--size", "4", "-d", "x"], ["--contract", "vision"], ["more"]):
            with self.subTest(words=words):
                self.run_bench("echo", *words, code=2)
        self.run_bench("", code=2)


class Odd(Case):
    """Nodes that are none."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="troupe-")
        self.addCleanup(folder.cleanup)
        self.endpoint = f"ipc://{folder.name}/node.sock"

    def test_nobody_there_is_3(self):
        self.run_bench("echo", "--connect-timeout", "100ms", code=3)

    def test_one_that_never_answers_is_given_up(self):
        def serve(node, peer, number, headers, _):
            if headers["capability"] == "troupe.admin":
                node.error(peer, number, "forbidden", "not from here")

        with FakeNode(self.endpoint, serve):
            report = self.bench("echo", "-n", "3", "-w", "3", "-t", "200ms", code=1)
        self.assert_sound(report)
        self.assertEqual(report["outcomes"], {"timeout": 3})
        self.assertIsNone(report["node_run_us"])

    def test_one_that_does_not_tell_its_metrics(self):
        def serve(node, peer, number, headers, frames):
            if headers["capability"] == "troupe.admin":
                node.error(peer, number, "forbidden", "not from here")
            else:
                node.reply(peer, number, *frames)

        with FakeNode(self.endpoint, serve):
            report = self.bench("echo", "-n", "10", "-d", "x")
        self.assert_sound(report)
        self.assertEqual(report["outcomes"], {"ok": 10})
        self.assertIsNone(report["node_run_us"])

    def test_one_that_goes_away_meanwhile(self):
        seen = []

        def serve(node, peer, number, headers, frames):
            if headers["capability"] == "troupe.admin":
                node.error(peer, number, "forbidden", "not from here")
                return
            node.reply(peer, number)
            seen.append(number)
            if len(seen) == 20:
                node.leave()

        with FakeNode(self.endpoint, serve):
            report = self.bench("echo", "-n", "30", "-t", "100ms", code=1)
        self.assert_sound(report)
        self.assertEqual(report["requests"], 30)
        self.assertLessEqual(report["outcomes"]["ok"], 20)


if __name__ == "__main__":
    unittest.main(verbosity=2)
