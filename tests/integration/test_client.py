"""A real node, called by examples/client.py and by bare frames, over tcp and over ipc.

What docs/protocol.md promises is asked for here in another language than the node's own.
$TROUPE_BIN names the command, $TROUPE_MODULE_PATH the folder of the modules, if they lie
elsewhere than the command expects them. Nothing sleeps: the node is there when it answers the
greeting.
"""

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

try:
    import msgpack
    import zmq
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

SOURCES = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCES / "examples"))
sys.dont_write_bytecode = True
from client import Client, Failure  # noqa: E402

TROUPE = os.environ.get("TROUPE_BIN", "troupe")
LONG = 30  # seconds; only what hangs takes so long

CONFIGURATION = """\
troupe: 1
node: studio
listen:
  - endpoint: {ipc}
  - endpoint: {tcp}
supervisor:
  children:
    - capability: echo
      worker: {{module: echo}}
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Node:
    """A node of its own, in a folder of its own."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="troupe-")
        self.ipc = f"ipc://{self.folder.name}/node.sock"
        # Between finding a port and listening on it, somebody else may take it.
        for _ in range(5):
            self.tcp = f"tcp://127.0.0.1:{free_port()}"
            self.start()
            try:
                Client(self.tcp, timeout=LONG).close()
                Client(self.ipc, timeout=LONG).close()
                return
            except Failure:
                self.process.kill()
                self.process.communicate()
        raise AssertionError("no node: " + self.log())

    def start(self):
        path = os.path.join(self.folder.name, "node.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(ipc=self.ipc, tcp=self.tcp))
        with open(os.path.join(self.folder.name, "log"), "wb") as log:
            self.process = subprocess.Popen([TROUPE, "run", path], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)

    def log(self):
        return pathlib.Path(self.folder.name, "log").read_text(encoding="utf-8")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(LONG)
        finally:
            self.process.kill()
            self.process.wait()


class Bare:
    """A DEALER socket, and frames as they come to mind."""

    def __init__(self, endpoint):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(endpoint)

    def close(self):
        self.socket.close()

    def send(self, *frames):
        self.socket.send_multipart(frames)

    def say(self, command, number, headers=None, *frames):
        self.send(msgpack.packb(["TRP1", command, number, headers or {}]), *frames)

    def hear(self):
        """Command, id, headers and payload of the next message."""
        if not self.socket.poll(LONG * 1000):
            raise AssertionError("the node says nothing")
        header, *payload = self.socket.recv_multipart()
        magic, command, number, headers = msgpack.unpackb(header)
        assert magic == "TRP1"
        return command, number, headers, payload


def vectors():
    """The lines of tests/vectors/trp1.txt: kind, bytes, what, meaning."""
    text = (SOURCES / "tests/vectors/trp1.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if not line.startswith("#"):
            kind, frame, what, meaning = line.split(" | ", 3)
            yield kind, bytes.fromhex(frame), what, meaning


def said(value):
    """A value as the vectors write it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    data = value.encode() if isinstance(value, str) else value
    plain = (chr(c) if 0x20 <= c < 0x7f and c not in b'"\\' else f"\\x{c:02x}" for c in data)
    return '"' + "".join(plain) + '"'


class Vectors(unittest.TestCase):
    def test_canonical_frames_mean_what_they_say(self):
        for kind, frame, what, meaning in vectors():
            if kind == "canonical":
                with self.subTest(meaning):
                    magic, command, number, headers = msgpack.unpackb(frame)
                    words = [command, str(number)]
                    words += [f"{key}={said(value)}" for key, value in headers.items()]
                    self.assertEqual(magic, "TRP1")
                    self.assertEqual(" ".join(words), what)
                    self.assertEqual(msgpack.packb([magic, command, number, headers]), frame)

    def test_the_document_shows_the_same_frames(self):
        text = (SOURCES / "docs/protocol.md").read_text(encoding="utf-8")
        blocks = re.findall(r"```\n([0-9a-f\s]+?)```", text[text.index("## Test vectors"):])
        shown = {bytes.fromhex("".join(block.split())) for block in blocks}
        known = {frame for _, frame, _, _ in vectors()}
        self.assertGreater(len(shown), 40)
        self.assertEqual(shown - known, set())
        for kind, frame, _, meaning in vectors():
            if kind != "malformed":
                self.assertIn(frame, shown, meaning)


class Calls:
    """For each transport."""

    endpoint = None

    @classmethod
    def setUpClass(cls):
        cls.node = Node()
        cls.endpoint = getattr(cls.node, cls.transport)

    @classmethod
    def tearDownClass(cls):
        status = cls.node.stop()
        log = cls.node.log()
        cls.node.folder.cleanup()
        if status != 0:
            raise AssertionError(f"the node exits with {status}:\n{log}")

    def client(self):
        client = Client(self.endpoint, timeout=LONG)
        self.addCleanup(client.close)
        return client

    def bare(self):
        bare = Bare(self.endpoint)
        self.addCleanup(bare.close)
        return bare

    def fails(self, code, *words, **more):
        with self.assertRaises(Failure) as caught:
            self.client().call(*words, **more)
        self.assertEqual(caught.exception.code, code)
        return caught.exception

    def assert_alive(self):
        self.assertEqual(self.client().call("echo", b"alive"), [b"alive"])

    def test_the_greeting_tells_name_and_limits(self):
        node = self.client().node
        self.assertEqual(node["node"], "studio")
        self.assertLessEqual(node["version-min"], 1)
        self.assertGreaterEqual(node["version-max"], 1)
        self.assertTrue(node["boot"])
        for key in ("heartbeat", "max-frame", "max-open"):
            self.assertGreater(node[key], 0, key)

    def test_what_is_said_comes_back(self):
        client = self.client()
        for frames in ([b"hello"], [b""], [b"a", b"", b"c"], [os.urandom(1 << 20)]):
            self.assertEqual(client.call("echo", *frames, method="echo"), frames)

    def test_parts_come_in_order_before_the_reply(self):
        frames = list(self.client().stream("echo", b"3 10", method="parts"))
        self.assertEqual(frames, [[b"a" * 10], [b"b" * 10], [b"c" * 10], [b"3 10"]])

    def test_parts_are_counted_from_zero(self):
        bare = self.bare()
        bare.say("request", 7, {"capability": "echo", "method": "parts"}, b"100 1")
        for sequence in range(100):
            command, number, headers, _ = bare.hear()
            self.assertEqual((command, number, headers["sequence"]), ("part", 7, sequence))
        self.assertEqual(bare.hear()[:2], ("reply", 7))

    def test_a_failed_request_says_why(self):
        failure = self.fails("worker_error", "echo", b"no luck today", method="fail")
        self.assertIn("no luck today", failure.text)
        self.assertFalse(failure.retryable)

    def test_an_unknown_capability(self):
        failure = self.fails("no_capability", "nowhere", b"x")
        self.assertIn("nowhere", failure.text)
        self.assertFalse(failure.retryable)

    def test_a_deadline_ends_a_long_request(self):
        failure = self.fails("timeout", "echo", b"60000", method="sleep", timeout=0.1)
        self.assertTrue(failure.retryable)

    def test_no_time_left_is_a_timeout(self):
        bare = self.bare()
        bare.say("request", 1, {"capability": "echo", "timeout": 0})
        command, number, headers, _ = bare.hear()
        self.assertEqual((command, number, headers["code"]), ("error", 1, "timeout"))

    def test_cancelling_is_answered_once(self):
        bare = self.bare()
        bare.say("request", 1, {"capability": "echo", "method": "sleep", "timeout": 500}, b"400")
        bare.say("cancel", 1)
        bare.say("cancel", 1)
        bare.say("cancel", 99)
        command, number, headers, _ = bare.hear()
        self.assertEqual((command, number, headers["code"]), ("error", 1, "cancelled"))
        bare.say("ping", 5)
        self.assertEqual(bare.hear()[:2], ("pong", 5))

    def test_requests_are_answered_by_their_ids(self):
        bare = self.bare()
        numbers = [1, 2, 3, 1000, 2**32, 2**63 - 1]
        for number in numbers:
            bare.say("request", number, {"capability": "echo"}, str(number).encode())
        answers = {}
        for _ in numbers:
            command, number, _, payload = bare.hear()
            self.assertEqual(command, "reply")
            answers[number] = payload
        self.assertEqual(answers, {number: [str(number).encode()] for number in numbers})

    def test_an_id_in_use_is_refused_and_the_first_goes_on(self):
        bare = self.bare()
        bare.say("request", 1, {"capability": "echo", "method": "sleep"}, b"300")
        bare.say("request", 1, {"capability": "echo"}, b"twice")
        command, number, headers, _ = bare.hear()
        self.assertEqual((command, number, headers["code"]), ("error", 1, "bad_request"))
        self.assertEqual(bare.hear()[:2], ("reply", 1))

    def test_bad_frames_are_answered_or_dropped_and_stop_nothing(self):
        bare = self.bare()
        for kind, frame, what, meaning in vectors():
            if kind != "malformed":
                continue
            with self.subTest(meaning):
                bare.send(frame, b"a payload")
                if what != "0":
                    command, number, headers, _ = bare.hear()
                    self.assertEqual((command, number), ("error", int(what)))
                    self.assertEqual(headers["code"], "bad_request")
                    self.assertIs(headers["retryable"], False)
                # What was not answered is followed by the answer to this.
                bare.say("ping", 4711)
                self.assertEqual(bare.hear()[:2], ("pong", 4711))
        self.assert_alive()

    def test_commands_that_clients_do_not_send(self):
        bare = self.bare()
        for command in ("dance", "reply", "part", "ready", "stop"):
            with self.subTest(command):
                bare.say(command, 3)
                answer, number, headers, _ = bare.hear()
                self.assertEqual((answer, number, headers["code"]), ("error", 3, "bad_request"))

    def test_unknown_headers_are_skipped(self):
        bare = self.bare()
        bare.say("request", 1, {"capability": "echo", "colour": [{"deep": None}], 7: 1.5}, b"x")
        self.assertEqual(bare.hear(), ("reply", 1, {}, [b"x"]))

    def test_another_version_is_refused(self):
        bare = self.bare()
        bare.say("hello", 0, {"version-min": 2, "version-max": 9})
        command, number, headers, _ = bare.hear()
        self.assertEqual((command, number, headers["code"]), ("error", 0, "bad_request"))

    def test_a_heartbeat_is_agreed(self):
        for wish, answer in ((0, 0), (1, 100), (2500, 2500), (10**9, 60000)):
            with self.subTest(wish):
                bare = self.bare()
                bare.say("hello", 0, {"heartbeat": wish})
                self.assertEqual(bare.hear()[2]["heartbeat"], answer)
                bare.say("bye", 0)

    def test_admin_is_for_ipc(self):
        bare = self.bare()
        bare.say("request", 1, {"capability": "troupe.admin", "method": "no such method"})
        command, _, headers, _ = bare.hear()
        self.assertEqual(command, "error")
        is_forbidden = headers["code"] == "forbidden"
        self.assertEqual(is_forbidden, self.transport == "tcp", headers)

    def test_the_example_is_a_program_too(self):
        script = SOURCES / "examples/client.py"
        for words, status, out, err in (
                (["echo", "hello"], 0, "hello\n", ""),
                (["echo", "-m", "parts", "2 3"], 0, "aaa\nbbb\n2 3\n", ""),
                (["echo", "-m", "fail", "bad day"], 1, "", "client.py: worker_error: bad day\n"),
                (["echo", "-m", "sleep", "-t", "0.1", "60000"], 1, "", "client.py: timeout")):
            with self.subTest(words):
                done = subprocess.run([sys.executable, script, self.endpoint, *words],
                                      capture_output=True, text=True, timeout=LONG, check=False)
                self.assertEqual((done.returncode, done.stdout), (status, out), done.stderr)
                self.assertTrue(done.stderr.startswith(err), done.stderr)


class OverTcp(Calls, unittest.TestCase):
    transport = "tcp"


class OverIpc(Calls, unittest.TestCase):
    transport = "ipc"


class Stopping(unittest.TestCase):
    def test_a_node_that_drains_says_so_and_finishes_what_it_has(self):
        node = Node()
        self.addCleanup(node.folder.cleanup)
        self.addCleanup(node.process.kill)
        bare = Bare(node.tcp)
        self.addCleanup(bare.close)
        bare.say("request", 1, {"capability": "echo", "method": "sleep"}, b"500")
        bare.say("ping", 2)
        self.assertEqual(bare.hear()[0], "pong")  # so the request is there
        node.process.send_signal(signal.SIGTERM)
        self.assertEqual(bare.hear()[0], "goaway")
        bare.say("request", 3, {"capability": "echo"}, b"too late")
        answers = {}
        while len(answers) < 2:
            command, number, headers, _ = bare.hear()
            answers[number] = headers.get("code", command)
        self.assertEqual(answers, {1: "reply", 3: "shutting_down"})
        self.assertEqual(node.process.wait(LONG), 0, node.log())


if __name__ == "__main__":
    unittest.main()
