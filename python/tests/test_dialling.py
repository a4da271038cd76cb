"""A worker that dials in, word by word: the node is nothing but a socket here."""

import shutil
import signal
import tempfile
import unittest

import kit
from kit import LONG, Program

import zmq

from troupe import wire
from troupe.wire import encode


class DialCase(unittest.TestCase):
    words = ("--heartbeat", "5", "py", "stream")

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="troupe-dial-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.endpoint = f"ipc://{self.folder}/n"
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, linger=0)
        self.open()
        self.program = Program(self, "--endpoint", self.endpoint, *self.words)

    def open(self):
        self.node = self.context.socket(zmq.ROUTER)
        self.node.linger = 0
        self.node.bind(self.endpoint)
        self.peer = None
        self.kept = []

    def hear(self, name, about=None):
        """The next such command of the worker that is spoken to; of a new one with `hello`."""
        for number, one in enumerate(self.kept):
            if one.name == name and about in (None, one.id):
                return self.kept.pop(number)
        while True:
            self.assertTrue(self.node.poll(LONG * 1000), f"no {name}, but {self.kept}")
            peer, *frames = self.node.recv_multipart()
            command = wire.decode_message(frames)
            if command.name == "hello":
                self.peer = peer
            if peer == self.peer:
                inner = wire.unpack_bundle(frames[1]) if command.name == "bundle" else [frames]
                self.kept += [wire.decode_message(one) for one in inner]
                return self.hear(name, about)

    def say(self, name, about=0, headers=None, *frames):
        self.node.send_multipart([self.peer, encode(name, about, headers), *frames])

    def request(self, about, method, *frames, capability="py", **headers):
        self.say("request", about, {"capability": capability, "method": method, **headers}, *frames)

    def greet(self):
        hello = self.hear("hello")
        self.say("hello", 0, {"version-min": 1, "version-max": 1, "node": "n", "boot": "b",
                              "heartbeat": hello.headers["heartbeat"], "bundle": 65536})
        return self.hear("ready")


class Dialling(DialCase):
    def test_the_greeting(self):
        hello = self.hear("hello").headers
        self.assertEqual((hello["version-min"], hello["version-max"], hello["heartbeat"]),
                         (1, 1, 5000))
        self.assertNotIn("token", hello)
        ready = self.hear("ready")
        self.assertEqual(ready.id, 0)
        self.assertEqual(ready.headers["capabilities"], ["py", "stream"])
        self.assertEqual(ready.headers["concurrency"], 1)
        self.assertGreater(ready.headers["memory"], 1000000)

    def test_requests(self):
        self.greet()
        self.request(7, "upper", b"x")
        self.assertEqual(self.hear("reply", 7).payload, [b"X"])
        self.request(8, "fail", b"no")
        self.assertEqual(self.hear("error", 8).headers,
                         {"code": "worker_error", "text": "no", "retryable": False})
        self.request(9, "x", capability="what is that")
        self.assertEqual(self.hear("error", 9).headers["code"], "bad_request")

    def test_an_id_that_is_open_already(self):
        self.greet()
        self.request(1, "sleep", b"60")
        self.program.wait_line("began sleep")
        self.request(1, "sleep", b"60")
        self.assertEqual(self.hear("error", 1).headers["code"], "bad_request")
        self.say("cancel", 1)
        self.hear("reply", 1)

    def test_credit(self):
        self.greet()
        self.request(1, "", b"5", capability="stream", credit=2)
        for sequence in range(2):
            self.assertEqual(self.hear("part", 1).headers["sequence"], sequence)
        self.say("ping", 3)
        self.hear("pong", 3)
        self.assertEqual([one for one in self.kept if one.name == "part"], [])
        self.say("credit", 1, {"credit": 0})
        self.say("credit", 99, {"credit": 5})
        self.say("credit", 1, {"credit": 3})
        self.assertEqual([self.hear("part", 1).payload for _ in range(3)], [[b"2"], [b"3"], [b"4"]])
        self.assertEqual(self.hear("reply", 1).payload, [b"that was all"])

    def test_a_cancel_ends_waiting_for_credit(self):
        self.greet()
        self.request(1, "endless", b"x", capability="stream", credit=1)
        self.hear("part", 1)
        self.say("cancel", 1)
        self.assertEqual(self.hear("error", 1).headers["code"], "cancelled")
        self.program.wait_line("endless has ended")

    def test_pings(self):
        self.greet()
        self.say("ping", 5)
        pong = self.hear("pong", 5).headers
        self.assertEqual((pong["state"], pong["done"]), ("idle", 0))
        self.assertNotIn("running", pong)
        self.request(4, "doze", b"0.5")
        self.program.wait_line("began doze")
        self.say("ping", 6)
        pong = self.hear("pong", 6).headers
        self.assertEqual((pong["state"], pong["running"]), ("processing", 4))
        self.assertLessEqual(pong["progress-age"], pong["running-for"] + 1)
        self.hear("reply", 4)

    def test_each_capability_has_its_own_turn(self):
        self.greet()
        self.request(1, "doze", b"60")
        self.program.wait_line("began doze")
        self.request(2, "", b"1", capability="stream")
        self.hear("reply", 2)

    def test_calls_of_handlers(self):
        self.greet()
        self.request(3, "call", b"other", b"do", b"x", timeout=30000, priority="high",
                     traceparent="00-1-2-03")
        call = self.hear("request")
        self.assertEqual((call.headers["capability"], call.headers["method"]), ("other", "do"))
        self.assertLessEqual(call.headers["timeout"], 30000)
        self.assertEqual((call.headers["priority"], call.headers["traceparent"]),
                         ("high", "00-1-2-03"))
        self.assertNotIn("parent", call.headers)
        self.say("reply", call.id, {}, b"done")
        self.assertEqual(self.hear("reply", 3).payload, [b"done"])

    def test_a_call_is_cancelled_with_its_request(self):
        self.greet()
        self.request(3, "call", b"other", b"do")
        call = self.hear("request")
        self.say("cancel", 3)
        self.assertEqual(self.hear("cancel").id, call.id)
        self.say("error", call.id, {"code": "cancelled"})
        self.assertEqual(self.hear("error", 3).headers["code"], "cancelled")

    def test_bundles(self):
        self.greet()
        for message in wire.pack_bundles(
                [[encode("request", n, {"capability": "py"}), b"x"] for n in (1, 2, 3)], 65536):
            self.node.send_multipart([self.peer, *message])
        for number in (1, 2, 3):
            self.assertEqual(self.hear("reply", number).payload, [b"X"])

    def test_sigterm_drains(self):
        self.greet()
        self.request(1, "doze", b"0.3")
        self.program.wait_line("began doze")
        self.program.process.send_signal(signal.SIGTERM)
        self.hear("drain", 0)
        self.assertEqual(self.hear("reply", 1).payload, [b"dozed"])
        for capability in ("py", "stream"):
            self.say("stop", 0, {"capability": capability})
        self.hear("bye", 0)
        self.assertEqual(self.program.wait(), 0)
        self.assertIn("left in good order", self.program.lines)

    def test_a_node_that_wants_it_no_more(self):
        self.greet()
        self.say("drain", 0, {"capability": "py"})
        self.say("stop", 0, {"capability": "py"})
        self.request(1, "", b"1", capability="stream")
        self.hear("reply", 1)  # the other one goes on
        self.say("stop", 0, {"capability": "stream"})
        self.hear("bye", 0)
        self.assertEqual(self.program.wait(), 0)

    def test_a_stop_waits_for_what_is_open(self):
        self.greet()
        self.request(1, "doze", b"0.3")
        self.say("stop")
        self.hear("reply", 1)
        self.hear("bye", 0)
        self.assertEqual(self.program.wait(), 0)

    def test_bye_makes_it_come_again(self):
        self.greet()
        self.request(1, "doze", b"0.4")
        self.program.wait_line("began doze")
        old = self.peer
        self.say("bye")
        self.greet()
        self.assertNotEqual(self.peer, old)
        self.request(1, "upper", b"new")  # the same number, on another connection
        self.assertEqual(self.hear("reply", 1).payload, [b"NEW"])
        self.assertEqual(self.kept, [])  # nothing of the doze

    def test_a_node_that_was_away(self):
        self.greet()
        for _ in range(2):
            self.node.close(0)
            self.program.wait_line("it will be dialled again")
            self.open()
            self.greet()
        self.request(1, "upper", b"x")
        self.hear("reply", 1)

    def test_sigterm_while_there_is_no_node(self):
        self.greet()
        self.node.close(0)
        self.program.wait_line("it will be dialled again")
        self.program.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.program.wait(), 0)

    def test_one_of_two_is_refused(self):
        self.greet()
        self.say("error", 0, {"capability": "stream", "code": "no_capability", "text": "none",
                              "retryable": False})
        self.request(1, "upper", b"x")
        self.hear("reply", 1)
        self.say("stop", 0, {"capability": "py"})
        self.hear("bye", 0)
        self.assertEqual(self.program.wait(), 0)

    def test_all_are_refused_for_now(self):
        self.greet()
        for capability in ("py", "stream"):
            self.say("error", 0, {"capability": capability, "code": "overloaded", "hint": 200,
                                  "retryable": True})
        self.greet()
        self.request(1, "upper", b"x")
        self.hear("reply", 1)

    def test_all_are_refused_for_good(self):
        self.greet()
        for capability in ("py", "stream"):
            self.say("error", 0, {"capability": capability, "code": "forbidden",
                                  "text": "not you", "retryable": False})
        self.assertEqual(self.program.wait(), 1)
        self.assertIn("troupe.outcomes.Forbidden: forbidden: not you", self.program.lines)

    def test_a_handler_that_finds_the_worker_broken(self):
        self.greet()
        self.request(1, "broken", b"no camera")
        self.assertEqual(self.hear("error").headers["code"], "worker_lost")
        self.assertEqual(self.hear("error", 0).headers["text"], "no camera")
        self.hear("bye", 0)
        self.assertEqual(self.program.wait(), 1)


class Heartbeat(DialCase):
    words = ("--heartbeat", "0.3", "--drain", "0.2", "py", "stream")

    def test_the_greeting(self):
        self.assertEqual(self.hear("hello").headers["heartbeat"], 300)

    def test_it_says_something_at_least_once_an_interval(self):
        self.greet()
        for _ in range(5):
            self.hear("ping")
            self.say("pong")

    def test_a_node_that_is_silent_is_given_up(self):
        self.greet()
        old = self.peer
        self.greet()
        self.assertNotEqual(self.peer, old)

    def test_a_handler_that_hangs_is_given_up(self):
        for count in (1, 2, 3):
            self.greet()
            self.request(1, "doze", b"60")
            self.program.wait_line("began doze", count)
            self.say("bye")
        self.greet()
        self.program.wait_line("does not end, and is given up", 3)
        self.request(1, "upper", b"x")
        self.assertEqual(self.hear("reply", 1).payload, [b"X"])

    def test_a_drain_has_its_bound(self):
        self.greet()
        self.request(1, "doze", b"60")
        self.program.wait_line("began doze")
        self.program.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.program.wait(), 0)


if __name__ == "__main__":
    unittest.main()
