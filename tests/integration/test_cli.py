"""The troupe command from outside: what it prints, where, and what it exits with.

The node is a fake one, so that every answer can be had, the rude ones too. $TROUPE_BIN names
the command. Nothing sleeps: a test waits for what the node has seen, or for bytes.
"""

import base64
import json
import os
import pty
import random
import select
import signal
import stat
import subprocess
import sys
import tempfile
import unittest

try:
    import msgpack
    import zmq  # noqa: F401  (fake_node needs it)
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

from fake_node import FakeNode

TROUPE = os.environ["TROUPE_BIN"]
LONG = 60  # seconds; only a hanging command takes so long


def worker(name, **more):
    entry = {"id": name, "isolation": "thread", "pid": 0, "state": "ready", "reason": "",
             "pending": 0, "done": 0, "restarts": 0, "memory": 0}
    entry.update(more)
    return entry


def studio():
    """A node's account of itself with one of everything."""
    vision = {"name": "vision", "state": "ready", "reason": "", "queue": 0, "pending": 1,
              "min": 0, "max": 4, "workers": [
                  worker("vision.1", isolation="process", pid=812, state="busy", pending=1,
                         done=120, memory=180 << 20),
                  worker("vision.2", isolation="process", pid=813, state="loading",
                         restarts=1)]}
    upper = {"name": "upper", "state": "unavailable", "reason": "no worker starts: exited: 1",
             "queue": 3, "pending": 0, "min": 1, "max": 1, "workers": []}
    return {
        "node": "studio", "boot": "boot-1", "state": "degraded",
        "reasons": ["upper: no worker starts: exited: 1"],
        "capabilities": [vision, upper],
        "tree": {"kind": "supervisor", "name": "root", "strategy": "one_for_one",
                 "state": "running", "reason": "", "restarts": 0, "children": [
                     {"kind": "capability", "name": "vision", "state": "ready",
                      "restarts": 1, "children": [{"kind": "worker", "name": "vision.1"}]},
                     {"kind": "supervisor", "name": "inner", "strategy": "rest_for_one",
                      "state": "running", "restarts": 0, "children": [
                          {"kind": "actor", "name": "audit", "state": "running",
                           "restarts": 2}]}]},
    }


def replies(*frames):
    return lambda node, peer, number, headers, sent: node.reply(peer, number, *frames)


def fails(code, text="", **more):
    return lambda node, peer, number, *_: node.error(peer, number, code, text, **more)


def echoes(node, peer, number, headers, frames):
    node.reply(peer, number, *frames)


def is_silent(*_):
    pass


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="troupe-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.endpoint = f"ipc://{self.folder}/node.sock"

    def path(self, name, data=None):
        path = os.path.join(self.folder, name)
        if data is not None:
            with open(path, "wb") as file:
                file.write(data)
        return path

    def node(self, on_request, **more):
        node = FakeNode(self.endpoint, on_request, **more)
        self.addCleanup(node.close)
        return node

    def environment(self, **changes):
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TERM": "xterm",
                       "TROUPE_ENDPOINT": self.endpoint, "XDG_RUNTIME_DIR": self.folder}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LD_LIBRARY_PATH"):
            if name in os.environ:
                environment[name] = os.environ[name]
        environment.update(changes)
        return environment

    def start(self, *words, **more):
        more.setdefault("stdin", subprocess.DEVNULL)
        process = subprocess.Popen([TROUPE, *words], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=self.environment(), **more)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def troupe(self, *words, code=0, stdin=b"", **environment):
        """Run it to its end; its stdout. A failure is one line on stderr, kept in .line."""
        done = subprocess.run([TROUPE, *words], input=stdin, capture_output=True, timeout=LONG,
                              env=self.environment(**environment), check=False)
        self.assertEqual(done.returncode, code, done)
        self.line = done.stderr.decode()
        if code == 0:
            self.assertEqual(self.line, "")
        else:
            self.assert_one_line(self.line)
        return done.stdout

    def assert_one_line(self, text):
        self.assertTrue(text.startswith("troupe: "), text)
        self.assertTrue(text.endswith("\n"), text)
        self.assertEqual(text.count("\n"), 1, text)
        self.assertTrue(text[:-1].isprintable(), ascii(text))

    def on_terminal(self, *words, code=0, **environment):
        """Run it with a terminal as stdout; what the terminal got."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen([TROUPE, *words], stdin=subprocess.DEVNULL, stdout=theirs,
                                   stderr=subprocess.PIPE, env=self.environment(**environment))
        os.close(theirs)
        shown = b""
        while True:
            try:
                some = os.read(ours, 65536)
            except OSError:  # the last one closed the terminal
                break
            if not some:
                break
            shown += some
        os.close(ours)
        self.line = process.stderr.read().decode()
        process.stderr.close()
        self.assertEqual(process.wait(LONG), code, (shown, self.line))
        return shown.replace(b"\r\n", b"\n")


class Usage(Case):
    WRONG = [
        [],
        ["cal"],
        ["--nonsense"],
        ["help", "nonsense"],
        ["help", "call", "more"],
        ["call"],
        ["call", ""],
        ["call", "one", "two"],
        ["ask"],
        ["ask", ""],
        ["ask", "a", "-m", "method"],
        ["ask", "a", "-t", "5"],
        ["send"],
        ["send", "a", "--json"],
        ["send", "a", "-t", "soon"],
        ["call", "upper", "--nonsense"],
        ["call", "upper", "-Z"],
        ["call", "upper", "-d"],
        ["call", "upper", "--json=yes"],
        ["call", "upper", "-t", "5"],
        ["call", "upper", "-t", "0s"],
        ["call", "upper", "-t", "-5s"],
        ["call", "upper", "-t", "99999999999999999999h"],
        ["call", "upper", "-t", "721h"],
        ["call", "upper", "-p", "urgent"],
        ["call", "upper", "--frame", "-1"],
        ["call", "upper", "--frame", "1x"],
        ["call", "upper", "--connect-timeout", "soon"],
        ["call", "upper", "-e", ""],
        ["call", "upper", "-d", "x", "-e", "no endpoint"],
        ["tree", "more"],
        ["tree", "-t", "x"],
        ["stop", "-t", "x"],
        ["run"],
        ["run", "one", "two"],
        ["run", "file", "--log-level", "loud"],
        ["run", "file", "--log-format", "xml"],
        ["check"],
        ["call", "\x1b[31m\n", "-Z"],
        ["\x1b[31m\n"],
    ]

    def test_wrong_usage_is_one_line_and_2(self):
        for words in self.WRONG:
            with self.subTest(words=words):
                self.assertEqual(self.troupe(*words, code=2), b"")

    def test_a_slip_of_the_pen_is_understood(self):
        self.troupe("chek", code=2)
        self.assertIn("did you mean 'check'?", self.line)

    def test_help_names_every_verb(self):
        text = self.troupe("--help").decode()
        self.assertEqual(text, self.troupe("help").decode())
        for verb in ("run FILE", "check FILE", "call CAPABILITY", "tree", "stop"):
            self.assertIn(f"  {verb} ", text)

    def test_each_verb_explains_itself(self):
        for verb in ("run", "check", "call", "tree", "stop"):
            text = self.troupe("help", verb).decode()
            self.assertEqual(text, self.troupe(verb, "--help").decode())
            self.assertEqual(text, self.troupe(verb, "-h").decode())
            self.assertTrue(text.startswith(f"usage: troupe {verb}"))
            self.assertIn("\nexamples:\n  troupe " + verb, text)
            self.assertLessEqual(max(len(line) for line in text.splitlines()), 96)

    def test_version(self):
        self.assertRegex(self.troupe("--version").decode(), r"^troupe \d+\.\d+\.\d+\n$")

    def test_a_full_disk_is_noticed(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([TROUPE, "--help"], stdout=full, stderr=subprocess.PIPE,
                                  env=self.environment(), timeout=LONG, check=False)
        self.assertEqual(done.returncode, 1)
        self.assert_one_line(done.stderr.decode())


class Reaching(Case):
    def test_nobody_there_is_3(self):
        for verb in (["call", "upper", "-d", "x"], ["tree"], ["stop"]):
            self.troupe(*verb, "--connect-timeout", "200ms", code=3)
            self.assertIn(f"no node answers at {self.endpoint}", self.line)

    def test_nobody_on_tcp_is_3(self):
        self.troupe("tree", "-e", "tcp://127.0.0.1:1", "--connect-timeout", "200ms", code=3)
        self.assertIn("no node answers at tcp://127.0.0.1:1", self.line)

    def test_another_version_is_3(self):
        self.node(echoes, hello={"version-min": 98, "version-max": 99, "node": "x"})
        self.troupe("tree", "--connect-timeout", "2s", code=3)

    def test_the_option_beats_the_environment(self):
        self.node(replies(b"here"))
        self.assertEqual(self.troupe("call", "upper", "-d", "x", "-e", self.endpoint,
                                     TROUPE_ENDPOINT="ipc:///nowhere/at/all"), b"here")

    def test_without_both_the_users_own_socket_counts(self):
        self.endpoint = f"ipc://{self.folder}/troupe.sock"
        self.node(replies(b"here"))
        self.assertEqual(self.troupe("call", "upper", "-d", "x", TROUPE_ENDPOINT=""), b"here")

    def test_without_any_the_example_counts(self):
        if os.path.exists("/tmp/troupe-studio.sock"):
            self.skipTest("a node runs there")
        self.troupe("tree", "--connect-timeout", "100ms", code=3, TROUPE_ENDPOINT="")
        self.assertIn("ipc:///tmp/troupe-studio.sock", self.line)

    def test_ctrl_c_while_connecting_is_130(self):
        # The greeting is swallowed, and says that connecting has begun.
        node = self.node(is_silent)
        node._take = lambda message: node.seen.put(("hello", 0, {}, []))
        process = self.start("tree", "--connect-timeout", "10m")
        node.wait_for("hello")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(LONG), 130)


class Calling(Case):
    def test_frames_go_in_the_order_given(self):
        node = self.node(replies(b"done"))
        picture = self.path("picture", b"\x00\xff\xd8")
        self.troupe("call", "vision", "-d", "one", "-f", picture, "-d", "", "-d", "-x",
                    "-m", "describe", "-t", "1500ms", "-p", "high")
        _, _, headers, frames = node.wait_for("request")
        self.assertEqual(frames, [b"one", b"\x00\xff\xd8", b"", b"-x"])
        self.assertEqual(headers["capability"], "vision")
        self.assertEqual(headers["method"], "describe")
        self.assertEqual(headers["priority"], "high")
        self.assertLessEqual(headers["timeout"], 1500)
        self.assertGreater(headers["timeout"], 0)

    def test_without_data_it_reads_stdin(self):
        node = self.node(echoes)
        data = bytes(range(256)) * 1024
        self.assertEqual(self.troupe("call", "echo", stdin=data), data)
        self.assertEqual(self.troupe("call", "echo", stdin=b""), b"")
        self.assertEqual(self.troupe("call", "echo", "-f", "-", stdin=b"x"), b"x")
        self.assertNotIn("timeout", node.wait_for("request")[2])

    def test_a_file_that_is_not_there_is_1(self):
        self.troupe("call", "echo", "-f", self.path("absent"), code=1)
        self.assertIn("absent: No such file", self.line)
        self.troupe("call", "echo", "-f", self.folder, code=1)
        self.assertIn("Is a directory", self.line)

    def test_the_chosen_frame_is_printed(self):
        self.node(replies(b"zero", b"one"))
        self.assertEqual(self.troupe("call", "x", "-d", ""), b"zero")
        self.assertEqual(self.troupe("call", "x", "-d", "", "--frame", "1"), b"one")
        self.assertEqual(self.troupe("call", "x", "-d", "", "--frame", "2", code=1), b"")
        self.assertIn("the reply has 2 frames", self.line)

    def test_a_reply_without_frames_prints_nothing(self):
        self.node(replies())
        self.assertEqual(self.troupe("call", "x", "-d", ""), b"")

    def test_parts_are_printed_as_they_arrive(self):
        waiting = []

        def begin(node, peer, number, *_):
            if waiting:
                node.reply(*waiting.pop(), b"END")
                node.reply(peer, number)
                return
            waiting.append((peer, number))
            node.part(peer, number, 0, b"a")
            node.part(peer, number, 1, b"b")

        self.node(begin)
        process = self.start("call", "x", "-d", "")
        self.assertEqual(process.stdout.read(2), b"ab")
        self.troupe("call", "x", "-d", "")  # lets the node finish the first one
        self.assertEqual(process.stdout.read(), b"END")
        self.assertEqual(process.wait(LONG), 0)

    def test_json_says_it_all(self):
        def serve(node, peer, number, *_):
            node.part(peer, number, 0, b"first")
            node.part(peer, number, 1, b"\xff\xfe", "zwei \u00fc \U0001f3ad".encode())
            node.reply(peer, number, b'q"\\\n\x1b\x7f', b"\x00", b"")

        self.node(serve)
        lines = self.troupe("call", "x", "-d", "", "--json").splitlines()
        objects = [json.loads(line) for line in lines]
        self.assertEqual(objects[0], {"part": 0, "frames": ["first"]})
        self.assertEqual(objects[1], {"part": 1, "frames": [
            {"base64": "//4="}, "zwei \u00fc \U0001f3ad"]})
        self.assertEqual(objects[2]["frames"], ['q"\\\n\x1b\x7f', {"base64": "AA=="}, ""])
        self.assertEqual(objects[2]["outcome"], "ok")
        self.assertEqual(objects[2]["parts"], 2)
        self.assertGreaterEqual(objects[2]["ms"], 0)

    def test_base64_of_any_length(self):
        self.node(echoes)
        for length in range(1, 8):
            data = bytes([0] * length)
            last = json.loads(self.troupe("call", "x", "--json", stdin=data))
            self.assertEqual(base64.b64decode(last["frames"][0]["base64"]), data)

    def test_an_error_is_one_line_and_1(self):
        self.node(fails("worker_error", "no such language"))
        self.assertEqual(self.troupe("call", "upper", "-d", "x", code=1), b"")
        self.assertEqual(self.line, "troupe: upper: worker_error: no such language\n")

    def test_an_error_says_when_to_try_again(self):
        self.node(fails("overloaded", "100 wait", retryable=True, hint=1500))
        self.troupe("call", "upper", "-d", "x", code=1)
        self.assertEqual(self.line,
                         "troupe: upper: overloaded: 100 wait (worth trying in 1.5 s)\n")

    def test_an_error_text_cannot_forge_lines(self):
        self.node(fails("worker_error", "one\ntroupe: two\x1b[31m\u202e\x7f"))
        self.troupe("call", "upper", "-d", "x", code=1)

    def test_an_error_in_json(self):
        self.node(fails("overloaded", 'say "please"', retryable=True, hint=20))
        last = json.loads(self.troupe("call", "x", "-d", "", "--json", code=1))
        self.assertEqual(last.pop("ms") >= 0, True)
        self.assertEqual(last, {"outcome": "overloaded", "text": 'say "please"',
                                "retryable": True, "hint_ms": 20, "frames": [], "parts": 0})

    def test_a_timeout_is_4(self):
        self.node(fails("timeout", "queued for 5 s"))
        self.troupe("call", "upper", "-d", "x", code=4)
        self.assertIn("upper: timeout: queued for 5 s", self.line)

    def test_a_silent_node_times_out_too(self):
        self.node(is_silent)
        self.troupe("call", "upper", "-d", "x", "-t", "200ms", code=4)

    def test_a_node_that_dies_is_1(self):
        self.node(lambda node, *_: node.leave())
        self.troupe("call", "upper", "-d", "x", code=1)
        self.assertIn("upper: worker_lost: ", self.line)

    def test_ctrl_c_cancels_the_call(self):
        node = self.node(is_silent)
        process = self.start("call", "slow", "-d", "x")
        _, number, _, _ = node.wait_for("request")
        process.send_signal(signal.SIGINT)
        self.assertEqual(node.wait_for("cancel")[1], number)
        self.assertEqual(process.wait(LONG), 130)
        self.assert_one_line(process.stderr.read().decode())


def goes_down(reason, **more):
    def serve(node, peer, number, headers, _):
        node.send(peer, "down", number, {"from": headers["actor"], "reason": reason, **more})
    return serve


class Monitoring(Case):
    def test_the_end_is_one_line(self):
        node = self.node(goes_down("failed", text="no such door"))
        self.assertEqual(self.troupe("monitor", "room"), b"room: failed: no such door\n")
        self.assertEqual(node.wait_for("monitor")[2:], ({"actor": "room"}, []))

    def test_a_signal_is_named(self):
        self.node(goes_down("crashed", **{"reason-code": 9}))
        self.assertEqual(self.troupe("monitor", "room"), b"room: crashed: signal 9 (Killed)\n")

    def test_json(self):
        self.node(goes_down("crashed", text='a "word"\n', **{"reason-code": 9}))
        self.assertEqual(json.loads(self.troupe("monitor", "room", "--json")),
                         {"actor": "room", "reason": "crashed", "code": 9, "text": 'a "word"\n'})

    def test_json_without_a_code(self):
        self.node(goes_down("gone"))
        self.assertEqual(json.loads(self.troupe("monitor", "room", "--json")),
                         {"actor": "room", "reason": "gone", "text": ""})

    def test_what_a_terminal_could_not_show_is_cleaned(self):
        self.node(goes_down("failed", text="red \x1b[31m\nline"))
        said = self.troupe("monitor", "room")
        self.assertNotIn(b"\x1b", said)
        self.assertEqual(said.count(b"\n"), 1)

    def test_what_keeps_it_from_being_known_is_1(self):
        self.node(fails("forbidden", "not from here"))
        self.troupe("monitor", "room", code=1)
        self.assertIn("room: forbidden: not from here", self.line)

    def test_a_node_that_dies_is_1(self):
        self.node(lambda node, *_: node.leave())
        self.troupe("monitor", "room", code=1)
        self.assertIn("room: worker_lost: ", self.line)

    def test_the_time_is_up(self):
        node = self.node(is_silent)
        self.troupe("monitor", "room", "-t", "100ms", code=4)
        self.assertIn("room: timeout: it has not gone down in that time", self.line)
        node.wait_for("demonitor")

    def test_ctrl_c_ends_the_wait(self):
        node = self.node(is_silent)
        process = self.start("monitor", "room")
        _, number, _, _ = node.wait_for("monitor")
        process.send_signal(signal.SIGINT)
        self.assertEqual(node.wait_for("demonitor")[1], number)
        self.assertEqual(process.wait(LONG), 130)
        self.assert_one_line(process.stderr.read().decode())

    def test_wrong_usage(self):
        self.troupe("monitor", code=2)
        self.troupe("monitor", "", code=2)
        self.troupe("monitor", "room", "-t", "soon", code=2)


class Contracts(Case):
    def test_json_goes_out_as_frames_and_comes_back_as_json(self):
        node = self.node(replies(b"a text\n", msgpack.packb({"confidence": 0.5, "words": [
            {"text": "a", "confidence": 1, "left": 1, "top": 2, "width": 3, "height": 4}]})))
        picture = self.path("picture", b"\x00\xff\xd8")
        said = self.troupe("call", "vision", "-f", picture, "-r", '{"details": true}')
        reply = json.loads(said)
        self.assertEqual(reply["text"], "a text\n")
        self.assertEqual(reply["words"][0]["height"], 4)
        _, _, headers, frames = node.wait_for("request")
        self.assertEqual(headers["method"], "describe")
        self.assertEqual(frames, [b"\x00\xff\xd8", msgpack.packb({"details": True})])

    def test_the_subject_may_be_json_too(self):
        node = self.node(replies(b"\x00\x00\x80\x3f" * 4, msgpack.packb({"dimension": 2})))
        said = self.troupe("call", "text_embedding", "-r", '{"texts": ["a", "b"]}')
        self.assertEqual(json.loads(said), {"vectors": [[1, 1], [1, 1]], "dimension": 2})
        _, _, headers, frames = node.wait_for("request")
        self.assertEqual(headers["method"], "embed_batch")
        self.assertEqual(msgpack.unpackb(frames[0]), ["a", "b"])

    def test_json_may_be_a_file_or_stdin(self):
        node = self.node(replies(b"%PDF", msgpack.packb({"format": "pdf"})))
        request = b'{"prompt": "a boat", "format": "pdf"}'
        path = self.path("request", request)
        answer = {"image": {"base64": "JVBERg=="}, "format": "pdf", "width": 0, "height": 0}
        for given in ("@" + path, "-"):
            said = self.troupe("call", "text_to_image", "-r", given, stdin=request)
            self.assertEqual(json.loads(said), answer)
        self.assertEqual(node.wait_for("request")[3][0], b"a boat")

    def test_what_it_is_about_goes_to_a_file(self):
        self.node(replies(b"\x89PNG", msgpack.packb({"format": "png"})))
        path = self.path("boat.png")
        self.assertEqual(self.troupe("call", "text_to_image", "-d", "boat", "-r", "{}", "-o",
                                     path), b"")
        with open(path, "rb") as file:
            self.assertEqual(file.read(), b"\x89PNG")

    def test_json_says_it_all_of_a_contract_too(self):
        def serve(node, peer, number, *_):
            node.part(peer, number, 0, b"a ")
            node.part(peer, number, 1, b"text")
            node.reply(peer, number, b"a text", msgpack.packb({"finish": "length"}))

        self.node(serve)
        said = self.troupe("call", "mender", "--contract", "text_to_text", "-d", "x", "-r", "{}",
                           "--json")
        end = json.loads(said)
        self.assertEqual(end["reply"]["text"], "a text")
        self.assertEqual(end["reply"]["finish"], "length")
        self.assertEqual(end["parts"], 2)

    def test_a_wrong_request_is_not_sent(self):
        node = self.node(echoes)
        for words, line in [
                (["vision", "-r", "{}"], "image is missing"),
                (["vision", "-d", "x", "-r", '{"detials": 1}'], "has no 'detials'"),
                (["vision", "-d", "x", "-r", "details=true"], "neither msgpack nor JSON"),
                (["vision", "-d", "x", "-d", "y", "-r", "{}"], "one -d or -f, not 2"),
                (["vision", "-r", "{}", "-m", "look"], "no method 'look'"),
                (["reader", "-d", "x", "-r", "{}"], "say with --contract whose it keeps to"),
                (["reader", "-d", "x", "-r", "{}", "--contract", "y"], "no contract 'y'"),
                (["vision", "-r", "@" + self.path("absent")], "No such file")]:
            self.troupe("call", *words, code=1)
            self.assertIn(line, self.line)
        self.troupe("call", "vision", "-d", "x", "--contract", "vision", code=2)
        self.assertEqual([one for one in list(node.seen.queue) if one[0] == "request"], [])

    def test_a_wrong_reply_is_not_shown(self):
        self.node(replies(b"abc", msgpack.packb({"dimension": 1})))
        self.assertEqual(self.troupe("call", "text_embedding", "-d", "x", "-r", "{}", code=1),
                         b"")
        self.assertIn("3 bytes are no float32 values", self.line)

    def test_what_came_in_parts_is_not_shown_again(self):
        def serve(node, peer, number, headers, frames):
            node.part(peer, number, 0, b"one\n")
            node.part(peer, number, 1, b"two\n")
            node.reply(peer, number, frames[0])

        self.node(serve)
        self.assertEqual(self.troupe("call", "x", "-d", "one\ntwo\n"), b"one\ntwo\n")
        self.assertEqual(self.troupe("call", "x", "-d", "one\n"), b"one\ntwo\none\n")

    def test_contracts_are_told(self):
        told = json.loads(self.troupe("contract", "vision"))
        self.assertEqual((told["capability"], told["method"]), ("vision", "describe"))
        self.troupe("contract", "visions", code=1)
        self.assertIn("there is no contract 'visions'", self.line)


class Writing(Case):
    def test_the_reply_goes_to_the_file_and_parts_to_stdout(self):
        def serve(node, peer, number, *_):
            node.part(peer, number, 0, b"half\n")
            node.reply(peer, number, b"\x89PNG\x00", b"second")

        self.node(serve)
        path = self.path("boat.png")
        self.assertEqual(self.troupe("call", "x", "-d", "", "-o", path), b"half\n")
        with open(path, "rb") as file:
            self.assertEqual(file.read(), b"\x89PNG\x00")
        self.troupe("call", "x", "-d", "", "-o", path, "--frame", "1")
        with open(path, "rb") as file:
            self.assertEqual(file.read(), b"second")
        self.assertEqual(os.listdir(self.folder).count("boat.png"), 1)
        self.assertFalse([name for name in os.listdir(self.folder) if "png." in name])

    def test_json_names_the_file(self):
        self.node(replies(b"123"))
        path = self.path("out")
        last = json.loads(self.troupe("call", "x", "-d", "", "-o", path, "--json"))
        self.assertEqual((last["file"], last["bytes"]), (path, 3))
        self.assertNotIn("frames", last)

    def test_a_failed_call_leaves_the_file_alone(self):
        self.node(fails("worker_error", "no"))
        path = self.path("old", b"as it was")
        self.troupe("call", "x", "-d", "", "-o", path, code=1)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), b"as it was")

    def test_mode_and_links_survive(self):
        self.node(replies(b"new"))
        path = self.path("old", b"old")
        os.chmod(path, 0o640)
        link = self.path("link")
        os.symlink("old", link)
        self.troupe("call", "x", "-d", "", "-o", link)
        self.assertTrue(os.path.islink(link))
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o640)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), b"new")

    def test_a_device_is_written_to_and_not_replaced(self):
        self.node(replies(b"new"))
        self.troupe("call", "x", "-d", "", "-o", "/dev/null")
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/null").st_mode))

    def test_a_folder_that_is_not_there_is_1(self):
        self.node(replies(b"new"))
        self.troupe("call", "x", "-d", "", "-o", self.path("no/such/folder"), code=1)
        self.assertIn("No such file", self.line)


class Terminal(Case):
    def test_text_ends_its_line(self):
        self.node(echoes)
        self.assertEqual(self.on_terminal("call", "x", "-d", "word"), b"word\n")
        self.assertEqual(self.on_terminal("call", "x", "-d", "word\n"), b"word\n")
        self.assertEqual(self.on_terminal("call", "x", "-d", ""), b"")

    def test_a_character_may_be_split_over_parts(self):
        def serve(node, peer, number, *_):
            mask = "\U0001f3ad".encode()
            node.part(peer, number, 0, b"a " + mask[:2])
            node.part(peer, number, 1, mask[2:])
            node.reply(peer, number, b"end")

        self.node(serve)
        self.assertEqual(self.on_terminal("call", "x", "-d", "").decode(),
                         "a \U0001f3ad\nend\n")

    def test_binary_is_refused_with_a_hint(self):
        for data in (b"a\x00b", b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"):
            with FakeNode(self.endpoint, replies(data)):
                self.assertEqual(self.on_terminal("call", "x", "-d", "", code=1), b"")
                self.assert_one_line(self.line)
                self.assertIn("use -o FILE", self.line)

    def test_binary_parts_are_counted(self):
        def serve(node, peer, number, *_):
            node.part(peer, number, 0, b"\x00")
            node.part(peer, number, 1, b"text")
            node.reply(peer, number, b"end")

        self.node(serve)
        self.assertEqual(self.on_terminal("call", "x", "-d", "", code=1), b"text\nend\n")
        self.assert_one_line(self.line)
        self.assertIn("1 binary part was not shown", self.line)

    def test_colours_only_where_wanted(self):
        self.node(replies(msgpack.packb(studio())))
        self.assertIn(b"\x1b[", self.on_terminal("tree"))
        self.assertNotIn(b"\x1b[", self.on_terminal("tree", NO_COLOR="1"))
        self.assertNotIn(b"\x1b[", self.on_terminal("tree", TERM="dumb"))
        self.assertNotIn(b"\x1b[", self.troupe("tree"))

    def test_a_request_typed_by_hand_gets_a_hint(self):
        node = self.node(echoes)
        ours, theirs = pty.openpty()
        process = self.start("call", "x", stdin=theirs)
        os.close(theirs)
        self.assertTrue(select.select([process.stderr], [], [], LONG)[0])
        self.assertIn(b"Ctrl-D", process.stderr.readline())
        os.write(ours, b"typed\n\x04")
        self.assertEqual(process.stdout.read(), b"typed\n")
        self.assertEqual(node.wait_for("request")[3], [b"typed\n"])
        self.assertEqual(process.wait(LONG), 0)
        os.close(ours)


DRAWN = """\
studio is degraded, boot boot-1
  - upper: no worker starts: exited: 1

NAME            KIND                     STATE        QUEUE  PENDING  DONE  RESTARTS   MEMORY  REASON
root            supervisor one_for_one   running                                   0
├─ vision       capability 0..4          ready            0        1               1
│  ├─ vision.1  process 812              busy                      1   120         0  180 MiB
│  └─ vision.2  process 813              loading                   0     0         1
└─ inner        supervisor rest_for_one  running                                   0
   └─ audit     actor                    running                                   2
upper           capability 1..1          unavailable      3        0                           no worker starts: exited: 1
"""


class Tree(Case):
    def serve(self, data):
        return self.node(replies(data))

    def test_it_is_drawn(self):
        node = self.serve(msgpack.packb(studio()))
        self.assertEqual(self.troupe("tree").decode(), DRAWN)
        _, _, headers, _ = node.wait_for("request")
        self.assertEqual((headers["capability"], headers["method"]), ("troupe.admin", "tree"))

    def test_it_is_drawn_in_ascii(self):
        self.serve(msgpack.packb(studio()))
        drawn = self.troupe("tree", LC_ALL="C").decode("ascii")
        plain = DRAWN.replace("├─", "|-").replace("└─", "`-").replace("│", "|")
        self.assertEqual(drawn, plain)

    def test_a_budget_is_told_below_the_name(self):
        account = studio()
        account["memory"] = {"budget": 4 << 30, "charged": 1536 << 20, "measured": 900 << 20,
                             "pressure": "low"}
        self.serve(msgpack.packb(account))
        self.assertEqual(self.troupe("tree").decode().splitlines()[1],
                         "memory: 1.5 GiB charged, 900 MiB measured, of 4.0 GiB; pressure low")

    def test_no_budget_is_not_told(self):
        for memory in ({"budget": None, "charged": 0, "measured": 9, "pressure": None}, 7, [],
                       {"budget": 1}, {"budget": "x", "charged": 1, "measured": 1}):
            account = dict(studio(), memory=memory)
            with FakeNode(self.endpoint, replies(msgpack.packb(account))):
                self.assertEqual(self.troupe("tree").decode(), DRAWN)

    def test_json_is_the_same_map(self):
        self.serve(msgpack.packb(studio()))
        self.assertEqual(json.loads(self.troupe("tree", "--json")), studio())

    def test_json_of_everything_msgpack_can_say(self):
        odd = {"f": 0.1, "f32": 1.5, "nan": float("nan"), "inf": float("inf"), "nil": None,
               "yes": True, "no": False, "big": 2**64 - 1, "small": -2**63, "neg": -1,
               "bin": b"\x00", 7: "number", None: "nil", "ext": msgpack.ExtType(5, b"abc")}
        self.serve(msgpack.packb(odd))
        got = json.loads(self.troupe("tree", "--json"))
        self.assertEqual(got, {
            "f": 0.1, "f32": 1.5, "nan": None, "inf": None, "nil": None, "yes": True,
            "no": False, "big": 2**64 - 1, "small": -2**63, "neg": -1,
            "bin": {"base64": "AA=="}, "7": "number", "null": "nil",
            "ext": {"ext": 5, "base64": "YWJj"}})

    def test_a_bare_node_is_drawn_too(self):
        self.serve(msgpack.packb({}))
        self.assertEqual(self.troupe("tree"), b"a node without name\n")

    def test_other_types_than_expected_leave_cells_empty(self):
        for odd in (7, "text", [], [1, "x", None], {}, {"children": [3]}, None, -1, b"\xff"):
            account = {key: odd for key in ("node", "boot", "state", "reasons", "capabilities",
                                            "tree")}
            with FakeNode(self.endpoint, replies(msgpack.packb(account))):
                self.troupe("tree")
            account = studio()
            for entry in account["capabilities"]:
                entry.update({key: odd for key in entry if key != "name"})
            account["tree"].update({key: odd for key in account["tree"] if key != "children"})
            with FakeNode(self.endpoint, replies(msgpack.packb(account))):
                self.troupe("tree")

    def test_names_cannot_command_the_terminal(self):
        account = studio()
        account["node"] = "a\x1b]0;title\x07b"
        account["capabilities"][0]["name"] = "x" * 100000
        account["tree"]["name"] = b"\xff\xfe".decode("latin-1") + "\u202e\x9b31m"
        account["reasons"] = ["line\nline\r", "\x00"]
        self.serve(msgpack.packb(account))
        drawn = self.troupe("tree").decode()
        self.assertFalse([c for c in drawn if c != "\n" and not c.isprintable()])
        self.assertLess(max(len(line) for line in drawn.splitlines()), 700)

    def nested(self, depth):
        account = None
        for _ in range(depth):
            account = {"a": account}
        return msgpack.packb(account)

    def test_a_hostile_answer_is_refused_in_one_line(self):
        hostile = {
            "nothing": b"",
            "no map": msgpack.packb([1]),
            "no msgpack": b"\xc1",
            "cut off": msgpack.packb(studio())[:-1],
            "more follows": msgpack.packb({}) + b"\x00",
            "a huge array": b"\x81\xa1a\xdd\xff\xff\xff\xff",
            "a huge map": b"\xdf\xff\xff\xff\xff",
            "a huge string": b"\x81\xa1a\xdb\xff\xff\xff\xff",
            "a huge ext": b"\x81\xa1a\xc9\xff\xff\xff\xff\x00",
            "too deep": self.nested(102),
            "far too deep": b"\x81\xa1a" + b"\x91" * 100000,
            "claims upon claims": (b"\x81\xa1a" + b"\xdd\x00\x02\x00\x00" * 90
                                   + b"\xc0" * (1 << 18)),
            "too many parts": msgpack.packb({"a": [0] * (1 << 19)}),
            "too large": msgpack.packb({"a": b"x" * (17 << 20)}),
        }
        for name, data in hostile.items():
            for more in ([], ["--json"]):
                with self.subTest(name=name), FakeNode(self.endpoint, replies(data)):
                    self.assertEqual(self.troupe("tree", *more, code=1), b"")

    def test_the_deepest_that_is_allowed(self):
        self.serve(self.nested(100))
        self.troupe("tree", "--json")

    def test_the_deepest_tree_is_drawn(self):
        tree = {"name": "leaf"}
        for _ in range(49):
            tree = {"name": "s", "kind": "supervisor", "children": [tree]}
        self.serve(msgpack.packb({"tree": tree}))
        self.assertEqual(self.troupe("tree").count(b"\n"), 3 + 50)

    def test_no_answer_crashes_it(self):
        dice = random.Random(1)
        whole = msgpack.packb(studio())
        for _ in range(60):
            data = bytearray(whole)
            for _ in range(dice.randint(1, 6)):
                data[dice.randrange(len(data))] = dice.randrange(256)
            with FakeNode(self.endpoint, replies(bytes(data))):
                done = subprocess.run([TROUPE, "tree"], capture_output=True, timeout=LONG,
                                      env=self.environment(), check=False)
            self.assertIn(done.returncode, (0, 1), (bytes(data), done))

    def test_a_node_that_refuses_is_1(self):
        self.node(fails("forbidden", "not from here"))
        self.troupe("tree", code=1)
        self.assertEqual(self.line, "troupe: troupe.admin: forbidden: not from here\n")

    def test_a_node_that_is_silent_is_4(self):
        self.node(is_silent)
        self.troupe("tree", "-t", "200ms", code=4)


class Stop(Case):
    def test_it_waits_until_the_node_is_gone(self):
        def serve(node, peer, number, headers, _):
            if headers["method"] == "tree":
                node.reply(peer, number, msgpack.packb(studio()))
            else:
                node.reply(peer, number)
                node.leave()

        self.node(serve)
        self.assertEqual(self.troupe("stop"), b"studio has stopped\n")

    def test_it_waits_for_a_node_that_takes_its_time(self):
        looks = []

        def serve(node, peer, number, headers, _):
            if headers["method"] == "tree":
                node.reply(peer, number, msgpack.packb(studio()))
                looks.append(number)
                if len(looks) == 3:
                    node.leave()
            else:
                node.reply(peer, number)

        self.node(serve)
        self.assertEqual(self.troupe("stop"), b"studio has stopped\n")
        self.assertEqual(len(looks), 3)

    def test_a_node_that_goes_without_an_answer_has_stopped_too(self):
        def serve(node, peer, number, headers, _):
            if headers["method"] == "tree":
                node.reply(peer, number, msgpack.packb(studio()))
            else:
                node.leave()

        self.node(serve)
        self.assertEqual(self.troupe("stop"), b"studio has stopped\n")

    def test_a_node_born_again_is_another_one(self):
        boots = iter(["boot-1", "boot-1", "boot-2"])

        def serve(node, peer, number, headers, _):
            if headers["method"] == "tree":
                account = studio()
                account["boot"] = next(boots)
                node.reply(peer, number, msgpack.packb(account))
            else:
                node.reply(peer, number)

        self.node(serve)
        self.assertEqual(self.troupe("stop"), b"studio has stopped\n")

    def test_a_node_that_stays_is_4(self):
        self.node(replies(msgpack.packb(studio())))
        self.troupe("stop", "-t", "300ms", code=4)
        self.assertIn("studio was told to stop and still runs", self.line)

    def test_a_node_that_refuses_is_1(self):
        self.node(fails("forbidden", "not from here"))
        self.troupe("stop", code=1)
        self.assertIn("forbidden", self.line)

    def test_ctrl_c_ends_the_wait(self):
        node = self.node(replies(msgpack.packb(studio())))
        process = self.start("stop")
        while node.wait_for("request")[2]["method"] != "stop":
            pass
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(LONG), 130)


if __name__ == "__main__":
    unittest.main(verbosity=2)
