"""Workers in Python that a real node has started as processes."""

import os
import re
import signal
import time
import unittest

import kit
from kit import ECHO, LONG, NodeCase, until

import troupe


class Served(NodeCase):
    words = ()
    more = {}

    def setUp(self):
        self.served = self.node(
            ECHO, self.process_worker("py", *self.words, "py", **self.more),
            self.process_worker("stream", "stream", **self.more))
        self.client = troupe.Client(self.served.ipc, timeout=LONG)
        self.addCleanup(self.client.close)

    def py(self, method, payload=None, **options):
        return self.client.call("py", payload, method=method, **options)


class Requests(Served):
    def test_what_handlers_return(self):
        self.assertEqual(self.py("upper", "a text"), b"A TEXT")
        self.assertEqual(self.py("none"), b"")
        self.assertEqual(self.py("frames", ["a", "b"]), [b"a", b"b", b"and one"])
        self.assertEqual(self.py("told", ["x"] * 3, priority="high", traceparent="00-1-2-03",
                                 timeout=5), b"('py', 'high', '00-1-2-03', True, 3)")

    def test_what_handlers_raise(self):
        for method, text, kind, told in (
                ("fail", "not today", troupe.WorkerError, "not today"),
                ("refuse", "no such thing", troupe.BadRequest, "no such thing"),
                ("large", "", troupe.TooLarge, "too much of it"),
                ("many", "", troupe.TooLarge, "a payload has at most 64 frames"),
                ("raise", "", troupe.WorkerError, "KeyError: 'a mistake'"),
                ("odd", "", troupe.WorkerError, "TypeError: a payload is bytes, str or a list of "
                                                "them, not int")):
            with self.subTest(method), self.assertRaises(kind) as caught:
                self.py(method, text)
            self.assertIs(type(caught.exception), kind)
            self.assertEqual(caught.exception.text, told)
        self.assertEqual(self.served.capability("py")["workers"][0]["restarts"], 0)

    def test_streams(self):
        with self.client.stream("stream", "500") as stream:
            self.assertEqual(list(stream), [str(n).encode() for n in range(500)])
            self.assertEqual(stream.result(), b"that was all")
        with self.client.stream("py", method="part") as stream:
            self.assertEqual(list(stream), [b"one", [b"two", b"three"]])

    def test_a_stream_that_breaks(self):
        parts = []
        with self.assertRaises(troupe.WorkerError):
            for part in self.client.stream("stream", "9", method="breaks"):
                parts.append(part)
        self.assertEqual(parts, [b"0", b"1"])

    def test_a_stream_keeps_to_its_credit_and_ends_when_its_reader_leaves(self):
        with self.client.stream("stream", "x", method="endless", window=3) as stream:
            for _ in range(50):
                next(stream)
        self.served.wait_line("endless has ended")
        self.assertEqual(list(self.client.stream("stream", "2")), [b"0", b"1"])

    def test_a_cancel(self):
        call = self.client.start("py", "60", method="sleep")
        self.served.wait_line("began sleep")
        call.cancel()
        with self.assertRaises(troupe.Cancelled):
            call.result()
        self.served.wait_line("was cancelled")

    def test_one_that_is_cancelled_while_it_waits_is_not_begun(self):
        long = self.client.start("py", "60", method="sleep")
        self.served.wait_line("began sleep")
        waiting = self.client.start("py", "0", method="sleep")
        waiting.cancel()
        with self.assertRaises(troupe.Cancelled):
            waiting.result()
        long.cancel()
        self.assertEqual(self.py("upper", "x"), b"X")
        self.assertEqual(self.served.text().count("began sleep"), 1)

    def test_a_deadline(self):
        with self.assertRaises(troupe.Timeout):
            self.py("sleep", "60", timeout=0.1)
        self.served.wait_line("was cancelled")

    def test_calls_of_handlers(self):
        self.assertEqual(self.py("call", ["echo", "echo", "inside"]), b"inside")
        self.assertEqual(self.py("many calls", "20"), b" ".join(b"%d" % n for n in range(20)))
        self.assertEqual(self.py("relay", "40 25"), b"1000")
        with self.assertRaises(troupe.WorkerError) as caught:
            self.py("call", ["nothing", ""])
        self.assertIn("no_capability", caught.exception.text)

    def test_what_a_handler_has_called_is_cancelled_with_it(self):
        call = self.client.start("py", ["echo", "sleep", "60000"], method="call")
        until(lambda: self.served.capability("echo")["pending"] == 1)
        call.cancel()
        with self.assertRaises(troupe.Cancelled):
            call.result()
        until(lambda: self.served.capability("echo")["pending"] == 0)
        self.assertEqual(self.py("upper", "x"), b"X")

    def test_a_call_has_no_more_time_than_its_request(self):
        with self.assertRaises(troupe.Timeout):
            self.py("call", ["echo", "sleep", "60000"], timeout=0.2)
        until(lambda: self.served.capability("echo")["pending"] == 0)

    def test_a_handler_that_finds_the_worker_broken(self):
        before = self.py("pid")
        with self.assertRaises(troupe.WorkerLost) as caught:
            self.py("broken", "the camera is gone")
        self.assertIn("the camera is gone", caught.exception.text)
        self.assertNotEqual(self.py("pid"), before)
        self.served.wait_line("the camera is gone")

    def test_a_process_that_ends(self):
        with self.assertRaises(troupe.WorkerLost):
            self.py("exit", "3")
        self.assertEqual(self.py("upper", "x"), b"X")

    def test_a_lost_node_is_the_end(self):
        pid = int(self.py("pid"))
        self.client.start("py", "60", method="doze")
        self.served.wait_line("began doze")
        self.served.kill(signal.SIGKILL)
        self.served.wait()

        def has_gone():
            try:
                with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                    return file.read().split()[2] == "Z"
            except FileNotFoundError:
                return True

        until(has_gone, "the end of the worker")

    def test_the_node_stops_it_in_good_order(self):
        call = self.client.start("py", "0.3", method="doze")
        self.served.wait_line("began doze")
        self.served.kill()
        self.assertEqual(call.result(), b"dozed")
        self.assertEqual(self.served.wait(), 0)
        self.assertNotIn("exited", self.served.text())


class Health(Served):
    """The node asks often, and is strict."""

    words = ("--concurrency", "2")
    more = {"workers": {"min": 1, "max": 1, "concurrency": 2},
            "health": {"interval": "200ms", "misses": 15, "stall": "2s"}}

    def test_progress_keeps_a_slow_one_alive(self):
        pid = self.py("pid")
        self.assertEqual(self.py("sleep", "3"), b"slept")
        self.assertEqual(self.py("pid"), pid)

    def test_to_wait_for_others_is_not_to_hang(self):
        pid = self.py("pid")
        self.py("call", ["echo", "sleep", "3000"])
        self.assertEqual(self.py("pid"), pid)

    def test_one_that_hangs_is_replaced(self):
        pid = self.py("pid")
        with self.assertRaises(troupe.WorkerLost):
            self.py("doze", "60")
        self.assertNotEqual(self.py("pid"), pid)

    def test_two_at_a_time(self):
        one = self.client.start("py", "60", method="sleep")
        self.served.wait_line("began sleep")
        self.assertEqual(self.py("upper", "meanwhile"), b"MEANWHILE")
        one.cancel()


class Signals(Served):
    more = {"retry": 1}

    def test_sigterm_lets_go_of_what_is_not_begun(self):
        pid = int(self.py("pid"))
        running = self.client.start("py", "0.2", method="doze")
        self.served.wait_line("began doze")
        os.kill(pid, signal.SIGTERM)
        self.assertEqual(running.result(), b"dozed")  # what ran had its moment
        self.served.wait_line("it was told to end by SIGTERM")
        until(lambda: int(self.py("pid")) != pid)

    def test_sigint_is_the_nodes_business(self):
        pid = self.py("pid")
        os.kill(int(pid), signal.SIGINT)
        self.assertEqual(self.py("pid"), pid)


class Starts(NodeCase):
    def start_with(self, load, **more):
        served = self.node(self.process_worker("py", "--load", load, "py", **more), start=False)
        served.start(wait=False)
        return served

    def test_a_start_may_take_its_time(self):
        served = self.start_with("slow", **{"start-stall": "3s"})
        with troupe.Client(served.ipc, timeout=LONG) as client:
            self.assertEqual(client.call("py", "x"), b"X")

    def test_one_that_cannot_start_says_why(self):
        for load, text in (("fails", "RuntimeError: no such model"),
                           ("breaks", "the device is gone"),
                           ("memory", "MemoryError: a model of 900 GiB")):
            with self.subTest(load):
                served = self.start_with(load)
                served.wait_line(re.escape(text))
                served.end()

    def test_one_that_is_not_needed(self):
        served = self.start_with("needless")
        served.wait_line("event=node_ready")
        served.wait_line("not_needed|ignored|not needed")

    def test_one_that_serves_something_else(self):
        served = self.node(self.process_worker("py", "this", "that"), start=False)
        served.start(wait=False)
        served.wait_line("this worker does not serve py, but this, that")


class Alone(unittest.TestCase):
    def test_without_a_node(self):
        program = kit.Program(self, "py")
        program.wait_line("no node has started this process")
        self.assertNotEqual(program.wait(), 0)

    def test_a_node_that_is_not_there(self):
        before = time.monotonic()
        program = kit.Program(self, "py", TROUPE_WORKER_ENDPOINT="ipc:///tmp/no-such-node.sock")
        self.assertEqual(program.wait(), 1)
        self.assertLess(time.monotonic() - before, LONG)

    def test_what_cannot_be_offered(self):
        worker = troupe.Worker("tcp://127.0.0.1:1")
        for name in ("", "x" * 129):
            with self.assertRaises(ValueError):
                worker.capability(name)
        with self.assertRaises(ValueError):
            worker.run()
        for number in range(16):
            worker.capability(str(number))(len)
        with self.assertRaises(ValueError):
            worker.capability("one too many")
        with self.assertRaises(ValueError):
            troupe.Worker(concurrency=0)
        with self.assertRaises(ValueError):
            troupe.Worker(heartbeat=0)


if __name__ == "__main__":
    unittest.main()
