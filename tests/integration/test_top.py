"""troupe top: what is seen on a terminal, what the keys do, and that the terminal is given back
however it ends. Real nodes; one fake one that is rude."""

import os
import re
import signal
import sys
import tempfile
import termios
import unittest

try:
    import msgpack
    import zmq  # noqa: F401  (node_kit needs it)
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

from fake_node import FakeNode
from node_kit import LONG, TROUPE, Node, run_troupe
from terminal import Terminal

LEAVES = b"\x1b[0m\x1b[?25h\x1b[?1049l"  # colours off, a cursor, the first screen
ECHO = {"worker": {"module": "echo"}, "workers": {"min": 1, "max": 2}}


def top_environment(**changes):
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TERM": "xterm",
                   "NO_COLOR": ""}
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "LD_LIBRARY_PATH"):
        if name in os.environ:
            environment[name] = os.environ[name]
    environment.update(changes)
    return environment


class Case(unittest.TestCase):
    def top(self, *words, endpoint=None, rows=24, columns=100, **changes):
        terminal = Terminal([TROUPE, "top", "-i", "50ms", "-e", endpoint or self.node.ipc, *words],
                            top_environment(**changes), rows, columns)
        self.addCleanup(terminal.close)
        return terminal

    def assert_given_back(self, terminal, code):
        """It has ended, and left the terminal as it was."""
        self.assertEqual(terminal.wait_for_the_end(), code, terminal.all[-2000:])
        self.assertFalse(terminal.screen.is_alternate)
        self.assertTrue(terminal.screen.has_cursor)
        self.assertTrue(terminal.all.endswith(LEAVES), terminal.all[-200:])
        self.assertEqual(termios.tcgetattr(terminal.theirs), terminal.before)


class Watching(Case):
    @classmethod
    def setUpClass(cls):
        children = [{"capability": name, **ECHO} for name in ("echo", "alpha")]
        children += [{"capability": f"c{i:02}", "worker": {"module": "echo"},
                      "workers": {"min": 0}} for i in range(30)]
        children.append({"actor": "audit", "worker": {"module": "echo"}})
        cls.node = Node({"children": children}, memory={"budget": "1GiB"}).start()

    @classmethod
    def tearDownClass(cls):
        cls.node.end()

    def test_a_node_is_shown(self):
        terminal = self.top(rows=60)
        text = terminal.wait_for(r"REQ/S")
        self.assertTrue(terminal.screen.is_alternate)
        self.assertFalse(terminal.screen.has_cursor)
        for pattern in (r"^tested is ready, up \d+ s, 1 peer, 0 dead letters$",
                        r"^memory: .* of 1.0 GiB; pressure low$",
                        r"^requests: 0 waiting, 0 running; 0.0/s ended, 0.0/s failed$",
                        r"^CAPABILITY +STATE +QUEUE +PENDING +REQ/S +FAIL/S +SIZE +WORKERS$",
                        r"^echo +ready +0 +0 +0.0 +0.0 +1..2 +1 (idle|ready)$",
                        r"^c29 +ready .* none$",
                        r"^ACTOR +STATE +MAILBOX +MSG/S +DONE +RESTARTS$",
                        r"^audit +(idle|ready) +0 +0 +0 +0$",
                        r"^q quit  s sort: tree  p pause  h help$"):
            self.assertRegex(text, "(?m)" + pattern)

    def test_rates_and_times_are_of_what_happens(self):
        terminal = self.top()
        bench = Terminal([TROUPE, "bench", "echo", "-m", "echo", "--for", "10m", "-e",
                          self.node.ipc], top_environment())
        self.addCleanup(bench.close)
        terminal.wait_for(r"^echo +ready +\d+ +\d+ +[1-9]\d+ +0.0 +\d+ us +[\d.]+ [um]s ")
        os.kill(bench.process.pid, signal.SIGTERM)
        bench.wait_for_the_end()
        terminal.wait_for(r"^echo +ready +0 +0 +0.0 +0.0 +1..2")
        terminal.press(b"q")
        self.assert_given_back(terminal, 0)

    def test_each_way_to_end_gives_the_terminal_back(self):
        ways = [(lambda t: t.press(b"q"), 0), (lambda t: t.press(b"\x03"), 130),
                (lambda t: t.press(b"\x1c"), 130)]
        ways += [(lambda t, n=number: os.kill(t.process.pid, n), 130)
                 for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)]
        for number, (way, code) in enumerate(ways):
            with self.subTest(way=number):
                terminal = self.top()
                terminal.wait_for("REQ/S")
                self.assertNotEqual(termios.tcgetattr(terminal.theirs), terminal.before)
                way(terminal)
                self.assert_given_back(terminal, code)
                self.assertEqual(terminal.errors(), "")

    def test_so_does_a_number_of_frames(self):
        self.assert_given_back(self.top("-n", "3"), 0)

    def test_a_terminal_that_goes_away_ends_it(self):
        terminal = self.top()
        terminal.wait_for("REQ/S")
        for name in ("ours", "theirs"):
            os.close(getattr(terminal, name))
            setattr(terminal, name, -1)
        terminal.process.wait(LONG)

    def test_stopped_and_continued(self):
        terminal = self.top()
        terminal.wait_for("REQ/S")
        terminal.press(b"\x1a")
        while not os.WIFSTOPPED(os.waitpid(terminal.process.pid, os.WUNTRACED)[1]):
            pass
        terminal.read_what_is_there()
        self.assertTrue(terminal.all.endswith(LEAVES))
        self.assertEqual(termios.tcgetattr(terminal.theirs), terminal.before)
        terminal.screen.resize(24, 100)
        os.kill(terminal.process.pid, signal.SIGCONT)
        terminal.wait_for("REQ/S")
        self.assertTrue(terminal.screen.is_alternate)
        terminal.press(b"q")
        self.assert_given_back(terminal, 0)

    def test_another_size(self):
        terminal = self.top(rows=60)
        terminal.wait_for("^audit")
        terminal.press(b"p")  # so that no frame of the old size is on its way
        terminal.wait_for(r"\(paused\)")
        terminal.resize(12, 70)
        text = terminal.wait_for(r"lines 1-")
        self.assertNotIn("audit", text)
        self.assertRegex(text.split("\n")[-1], r"^q quit  s sort: tree  p go on \(paused\)  h help  ")
        terminal.resize(3, 5)
        terminal.wait_for(r"\Ateste\n.*\nq qui\Z")
        terminal.resize(1, 1)
        terminal.wait_for(r"\Aq\Z")
        terminal.press(b"p")
        terminal.resize(60, 150)
        terminal.wait_for("^audit")
        terminal.press(b"q")
        self.assert_given_back(terminal, 0)

    def test_scrolling(self):
        terminal = self.top(rows=12)
        terminal.wait_for("^echo")
        terminal.press(b"\x1b[B")
        terminal.wait_for(r"lines 2-8 of ")
        self.assertRegex(terminal.screen.text(), r"(?m)^CAPABILITY")  # the title stays
        self.assertNotRegex(terminal.screen.text(), r"(?m)^echo")
        terminal.press(b"\x1b[6~")
        terminal.wait_for(r"lines 6-")
        terminal.press(b"\x1b[F")
        terminal.wait_for(r"^audit")
        terminal.press(b"k\x1b[5~")
        terminal.wait(lambda text: "audit" not in text)
        terminal.press(b"\x1bOH")
        terminal.wait_for(r"^echo")
        terminal.wait_for(r"lines 1-")

    def test_sorting(self):
        terminal = self.top()
        terminal.wait_for(r"^CAPABILITY.*\necho ")
        terminal.press(b"s")
        terminal.wait_for(r"sort: name")
        terminal.wait_for(r"^CAPABILITY.*\nalpha ")
        terminal.press(b"r")
        terminal.wait_for(r"sort: name reversed")
        terminal.wait_for(r"^CAPABILITY.*\necho .*\nc29 ")
        terminal.press(b"rsssss")
        terminal.wait_for(r"sort: tree  ")
        by_queue = self.top("-s", "queue")
        by_queue.wait_for(r"sort: queue  ")

    def test_pausing(self):
        terminal = self.top()
        terminal.wait_for(r"REQ/S")
        terminal.press(b"p")
        terminal.wait_for(r"go on \(paused\)")
        terminal.press(b"s")  # keys are heard all the same
        terminal.wait_for(r"sort: name")
        terminal.press(b"p")
        terminal.wait_for(r"p pause")

    def test_help_comes_and_goes(self):
        for keys in (b"h", b"?"):
            terminal = self.top()
            terminal.wait_for(r"^CAPABILITY")
            terminal.press(keys)
            text = terminal.wait_for(r"^KEY +DOES$")
            self.assertNotIn("CAPABILITY", text)
            terminal.press(b"\x1b\x1b" if keys == b"?" else b"h")
            terminal.wait_for(r"^CAPABILITY")

    def test_colours_only_where_wanted(self):
        coloured = self.top()
        coloured.wait_for("REQ/S")
        self.assertIn(b"\x1b[32m", coloured.all)
        plain = self.top(NO_COLOR="1")
        plain.wait_for("REQ/S")
        self.assertNotIn(b"m", b"".join(re.findall(rb"\x1b\[[0-9;]*m", plain.all)))

    def test_a_dumb_terminal_gets_text(self):
        for changes in ({"TERM": "dumb"}, {"TERM": ""}):
            terminal = self.top("-n", "2", rows=200, **changes)
            self.assertEqual(terminal.wait_for_the_end(), 0)
            self.assertNotIn(b"\x1b", terminal.all)
            self.assertEqual(terminal.all.count(b"tested is ready"), 2)

    def test_without_a_terminal_frames_are_printed(self):
        done = run_troupe("top", "-n", "2", "-i", "20ms", "-e", self.node.ipc)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        frames = re.split(r"(?m)^\d\d:\d\d:\d\d\n", done.stdout)
        self.assertEqual(len(frames), 3)
        for frame in frames[1:]:
            self.assertRegex(frame, r"\Atested is ready, up ")
            self.assertRegex(frame, r"(?m)^echo +ready +0 +0 +\d+")
            self.assertRegex(frame, r"(?m)^audit ")

    def test_plain_frames_end_with_a_closed_pipe_or_ctrl_c(self):
        terminal = self.top("--plain", rows=2000)
        terminal.wait_for("REQ/S")
        os.kill(terminal.process.pid, signal.SIGINT)
        self.assertEqual(terminal.wait_for_the_end(), 130)

    def test_wrong_usage_is_2(self):
        for words in (["-i", "0s"], ["-n", "0"], ["-s", "size"], ["-t", "x"], ["more"]):
            with self.subTest(words=words):
                self.assertEqual(run_troupe("top", *words).returncode, 2)

    def test_nobody_there_is_3_and_the_terminal_is_not_touched(self):
        terminal = self.top("--connect-timeout", "100ms", endpoint="ipc:///tmp/nobody-at-all.sock")
        self.assertEqual(terminal.wait_for_the_end(), 3)
        self.assertEqual(terminal.all, b"")
        self.assertIn("no node answers", terminal.errors())


class GoneAndBack(Case):
    def setUp(self):
        self.node = Node({"children": [{"capability": "echo", **ECHO}]}).start()
        self.addCleanup(self.node.end)

    def test_a_node_that_goes_away_is_waited_for(self):
        terminal = self.top()
        terminal.wait_for("REQ/S")
        for number in (signal.SIGKILL, signal.SIGTERM):
            self.node.kill(number)
            self.node.wait()
            text = terminal.wait_for(r"^no answer for \d+ s.*it is asked again")
            self.assertRegex(text, "(?m)^echo ")  # what was seen last
            self.node.start()
            terminal.wait(lambda text: "no answer" not in text and "tested is ready" in text)
            terminal.wait_for(r"REQ/S")
        terminal.press(b"q")
        self.assert_given_back(terminal, 0)

    def test_one_may_leave_while_it_is_away(self):
        terminal = self.top()
        terminal.wait_for("REQ/S")
        self.node.kill(signal.SIGKILL)
        self.node.wait()
        terminal.wait_for(r"^no answer for")
        terminal.press(b"q")
        self.assert_given_back(terminal, 0)

    def test_frames_tell_of_it_too(self):
        self.node.kill(signal.SIGSTOP)
        self.addCleanup(self.node.kill, signal.SIGCONT)
        done = run_troupe("top", "-n", "1", "-t", "100ms", "-i", "10ms", "--connect-timeout",
                          "100ms", "-e", self.node.ipc)
        self.assertEqual(done.returncode, 3, done)


class Odd(Case):
    """Nodes that are none."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="troupe-")
        self.addCleanup(folder.cleanup)
        self.endpoint = f"ipc://{folder.name}/node.sock"

    def run_top(self, serve, *words, **options):
        with FakeNode(self.endpoint, serve):
            return run_troupe("top", "-n", "1", "-i", "10ms", "-e", self.endpoint, *words, **options)

    def test_one_that_lets_nobody_look_is_1(self):
        def serve(node, peer, number, *_):
            node.error(peer, number, "forbidden", "not from here")

        done = self.run_top(serve)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertEqual(done.stderr, "troupe: troupe.admin: forbidden: not from here\n")
        with FakeNode(self.endpoint, serve):
            terminal = self.top(endpoint=self.endpoint)
            self.assertEqual(terminal.wait_for_the_end(), 1)
            self.assertEqual(termios.tcgetattr(terminal.theirs), terminal.before)
            self.assertFalse(terminal.screen.is_alternate)
            self.assertEqual(terminal.errors(), "troupe: troupe.admin: forbidden: not from here\n")

    def test_one_that_never_answers_is_3(self):
        done = self.run_top(lambda *_: None, "-t", "100ms")
        self.assertEqual(done.returncode, 3)
        self.assertIn("no answer for", done.stdout)

    def test_one_that_talks_nonsense_does_no_harm(self):
        odd = [{}, {"metrics": 7, "capabilities": [1, None, {"name": 5, "workers": [{}, 3]}]},
               {"tree": {"kind": "actor", "children": [{"kind": "actor", "name": "\x1b[2Jx"}]},
                "node": "a\x1b]0;t\x07", "metrics": [{"name": "troupe_requests_total"}]}]
        for answer in odd:
            with self.subTest(answer=answer):
                done = self.run_top(lambda node, peer, number, *_: node.reply(
                    peer, number, msgpack.packb(answer)))
                self.assertEqual(done.returncode, 0, done)
                self.assertFalse([c for c in done.stdout if c != "\n" and not c.isprintable()])
        done = self.run_top(lambda node, peer, number, *_: node.reply(peer, number, b"\xc1"))
        self.assertEqual(done.returncode, 3)
        self.assertIn("its answer cannot be read", done.stdout)

    def test_one_of_an_older_version_tells_times_since_its_start(self):
        stats = {"boot": "b", "clock_us": 0, "metrics": [
            {"name": "troupe_request_duration_seconds", "kind": "histogram", "value": 5,
             "labels": {"capability": "x"}, "p50_us": 2000, "p99_us": 30000}]}
        tree = {"node": "old", "state": "ready", "capabilities": [
            {"name": "x", "state": "ready", "queue": 1, "pending": 2, "workers": []}]}

        def serve(node, peer, number, headers, _):
            stats["clock_us"] += 1000000
            node.reply(peer, number, msgpack.packb(stats if headers["method"] == "stats" else tree))

        self.assertRegex(self.run_top(serve).stdout, r"(?m)^x +ready +1 +2 +0.0 +0.0 +2.0 ms +30.0 ms")


if __name__ == "__main__":
    unittest.main(verbosity=2)
