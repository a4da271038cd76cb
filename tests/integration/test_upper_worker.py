"""The worker that docs/protocol.md is enough for: examples/upper_worker.py, started by a node
that is nothing but a ROUTER here, so that every word of both sides is seen."""

import os
import shutil
import signal
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

WORKER = os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "upper_worker.py"
)
PATIENCE = 20  # seconds; only what hangs takes so long
TOKEN = "5f2c9d0e1b7a4c36"


class UpperWorker(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="troupe-upper-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.endpoint = f"ipc://{self.folder}/w"
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, linger=0)
        self.router = self.context.socket(zmq.ROUTER)
        self.router.bind(self.endpoint)
        self.start()

    def start(self, **environment):
        settings = {"TROUPE_WORKER_ENDPOINT": self.endpoint, "TROUPE_WORKER_TOKEN": TOKEN}
        self.process = subprocess.Popen(
            [sys.executable, WORKER],
            env={**os.environ, **settings, **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(self.bury, self.process)

    @staticmethod
    def bury(process):
        process.kill()
        process.wait()
        process.stderr.close()

    def say(self, command, about=0, headers=None, *frames):
        head = msgpack.packb(["TRP1", command, about, headers or {}])
        self.router.send_multipart([self.identity, head, *frames])

    def ask(self, about, *frames, **headers):
        self.say("request", about, {"capability": "upper", **headers}, *frames)

    def hear(self, command, about=0):
        self.assertTrue(self.router.poll(PATIENCE * 1000), f"no {command} {about}")
        self.identity, head, *frames = self.router.recv_multipart()
        magic, said, said_about, headers = msgpack.unpackb(head)
        self.assertEqual([magic, said, said_about], ["TRP1", command, about])
        return headers, frames

    def hear_ready(self):
        headers, frames = self.hear("hello")
        self.assertEqual(frames, [])
        self.hear("ready")
        return headers

    def assert_ends(self, status):
        self.assertEqual(self.process.wait(PATIENCE), status)

    def test_it_greets_with_its_token(self):
        hello = self.hear_ready()
        self.assertEqual(hello["token"], TOKEN)
        self.assertEqual(hello["state"], "loading")
        self.assertEqual([hello["version-min"], hello["version-max"]], [1, 1])

    def test_it_replies_in_upper_case(self):
        self.hear_ready()
        self.ask(1, "schön".encode(), b"", b"three")
        self.assertEqual(self.hear("reply", 1)[1], ["SCHÖN".encode(), b"", b"THREE"])
        self.ask(2, b"x" * (8 << 20), timeout=20000, method="any")
        self.assertEqual(self.hear("reply", 2)[1], [b"X" * (8 << 20)])

    def test_requests_are_answered_in_turn(self):
        self.hear_ready()
        for about in range(1, 51):
            self.ask(about, b"%d a" % about)
        for about in range(1, 51):
            self.assertEqual(self.hear("reply", about)[1], [b"%d A" % about])

    def test_what_is_no_text_is_a_bad_request(self):
        self.hear_ready()
        self.ask(1, b"\xff")
        headers, _ = self.hear("error", 1)
        self.assertEqual([headers["code"], headers["retryable"]], ["bad_request", False])
        self.assertIn("UTF-8", headers["text"])

    def test_what_is_too_late_is_not_begun(self):
        self.hear_ready()
        self.ask(1, b"x", timeout=0)
        self.assertEqual(self.hear("error", 1)[0]["code"], "cancelled")

    def test_pings_are_answered(self):
        self.hear_ready()
        self.say("cancel", 7)
        self.say("drain")
        self.say("compliment", 0, {"text": "well done"})
        self.ask(7, b"a")
        self.hear("reply", 7)
        self.say("ping")
        pong, _ = self.hear("pong")
        self.assertEqual([pong["state"], pong["done"]], ["idle", 1])
        self.assertGreater(pong["memory"], 1 << 20)
        self.assertNotIn("running", pong)

    def test_it_finishes_what_it_has_and_stops(self):
        self.hear_ready()
        self.process.send_signal(signal.SIGINT)  # as from a terminal: nothing happens
        self.ask(1, b"one")
        self.ask(2, b"x" * (8 << 20))
        self.say("stop")
        self.hear("reply", 1)
        self.hear("reply", 2)
        self.assert_ends(0)

    def test_an_id_that_is_open_is_refused(self):
        self.hear_ready()
        # Both are on their way before it reads the first.
        self.process.send_signal(signal.SIGSTOP)
        self.ask(1, b"x" * (64 << 20))
        self.ask(1, b"y")
        self.process.send_signal(signal.SIGCONT)
        self.assertEqual(self.hear("error", 1)[0]["code"], "bad_request")
        self.assertEqual(self.hear("reply", 1)[1][0][:1], b"X")

    def test_it_ends_when_it_is_given_up(self):
        self.hear_ready()
        self.say("bye")
        self.assert_ends(1)

    def test_it_ends_with_its_node(self):
        self.hear_ready()
        self.router.close(linger=0)
        self.assert_ends(1)

    def test_it_ends_when_nobody_is_there(self):
        self.start(TROUPE_WORKER_ENDPOINT=self.endpoint + "-nobody")
        self.assert_ends(1)

    def test_without_a_node_it_says_so(self):
        self.start(TROUPE_WORKER_ENDPOINT="")
        self.assert_ends(1)
        self.assertIn("a node starts this", self.process.stderr.read())


if __name__ == "__main__":
    unittest.main()
