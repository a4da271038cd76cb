"""The client that docs/protocol.md is enough for: examples/client.py against a real node, over
ipc and over tcp."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

try:
    import msgpack  # noqa: F401 - the example needs it
    import zmq
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

from node_kit import Node

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples")
sys.path.insert(0, EXAMPLES)

import client  # noqa: E402 - found by the line above


class OverIpc(unittest.TestCase):
    """Each test over one transport; OverTcp runs them all again."""

    isolation = "thread"

    def endpoint_of(self, node):
        return node.ipc

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="troupe-client-")
        worker = {"capability": "echo", "worker": {"module": "echo"}, "isolation": cls.isolation}
        cls.node = Node({"children": [worker]}, folder=cls.folder).start()

    @classmethod
    def tearDownClass(cls):
        cls.node.end()
        shutil.rmtree(cls.folder)

    def setUp(self):
        self.client = client.Client(self.endpoint_of(self.node))
        self.addCleanup(self.client.close)

    def test_a_call_gets_its_reply(self):
        frames = [b"one", b"", os.urandom(100_000)]
        self.assertEqual(self.client.call("echo", *frames, method="echo"), frames)

    def test_a_stream_comes_in_parts_and_ends(self):
        got = list(self.client.stream("echo", b"3 10", method="parts"))
        parts = [(False, [letter * 10]) for letter in (b"a", b"b", b"c")]
        self.assertEqual(got, [*parts, (True, [b"3 10"])])

    def test_a_stream_longer_than_the_window(self):
        got = list(self.client.stream("echo", b"1000 10", method="parts"))
        self.assertEqual(len(got), 1001)
        self.assertEqual(got[-1], (True, [b"1000 10"]))

    def assert_fails(self, code, *args, **headers):
        with self.assertRaises(client.Failure) as caught:
            self.client.call(*args, **headers)
        self.assertEqual(caught.exception.code, code)
        return caught.exception

    def test_a_failure_says_what_it_is(self):
        failure = self.assert_fails("worker_error", "echo", b"no paper", method="fail")
        self.assertIn("no paper", failure.text)
        self.assertFalse(failure.retryable)

    def test_nobody_offers_it(self):
        self.assert_fails("no_capability", "nothing", b"")

    def test_the_deadline_is_kept_by_the_node(self):
        failure = self.assert_fails("timeout", "echo", b"60000", method="sleep", timeout=0.1)
        self.assertTrue(failure.retryable)

    def test_as_a_command(self):
        done = subprocess.run(
            [sys.executable, os.path.join(EXAMPLES, "client.py"), self.endpoint_of(self.node),
             "echo", "hello"], capture_output=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"hello\n", b""))
        done = subprocess.run(
            [sys.executable, os.path.join(EXAMPLES, "client.py"), self.endpoint_of(self.node),
             "echo", "-m", "fail", "oops"], capture_output=True, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"worker_error: oops", done.stderr)


class OverTcp(OverIpc):
    def endpoint_of(self, node):
        return node.tcp


class ToInlineWorkers(OverIpc):
    isolation = "inline"

    def test_a_stream_longer_than_the_window(self):
        with self.assertRaises(client.Failure) as caught:
            list(self.client.stream("echo", b"1000 10", method="parts"))
        self.assertEqual(caught.exception.code, "worker_error")  # it does not wait for room


if __name__ == "__main__":
    unittest.main(verbosity=2)
