"""Workers in processes that call others, keep to credit and get batches, through a real node.

One is a module, `odd` in troupe-host, the other asking_worker.py, which speaks the protocol by
itself. To whoever calls them they must not differ.
"""

import os
import signal
import sys
import unittest

try:
    import msgpack
    import zmq  # noqa: F401
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

from process_kit import HERE, ProcessTest, echo, odd, wait_until

ASKING = os.path.join(HERE, "asking_worker.py")


def asking(name="asking", **more):
    workers = {"min": 1, "max": 1, "concurrency": 100}
    return odd(name, worker={"command": [sys.executable, ASKING]}, **{"workers": workers, **more})


class WorkerCalls(ProcessTest):
    def start(self):
        workers = {"min": 1, "max": 1, "concurrency": 100}
        node = self.node(asking(), odd(workers=workers), odd("thread", isolation="thread"),
                         echo(), echo("echo-thread", isolation="thread"))
        self.caller = self.peer(node)
        return node

    def ask(self, asker, capability, method, *frames, **headers):
        """Ask `asker` to ask another one; the number of the request."""
        self.caller.last += 1
        self.caller.send("request", self.caller.last,
                         {"capability": asker, "method": "ask", **headers},
                         capability.encode(), method.encode(), *frames)
        return self.caller.last

    def assert_free(self, node, capability):
        wait_until(lambda: node.capability(capability)["pending"] == 0,
                   why=f"{capability} still has requests")

    def test_what_was_asked_comes_back(self):
        node = self.start()
        for asker in "asking", "odd", "thread":
            for asked in "echo", "echo-thread":
                number = self.ask(asker, asked, "echo", b"one", b"", b"x" * 100000)
                outcome, headers, frames = self.caller.final(number)
                self.assertEqual(outcome, "ok", headers)
                self.assertEqual(frames, [b"one", b"", b"x" * 100000])
        self.assert_stops(node)

    def test_streams_pass_through(self):
        node = self.start()
        for asker in "asking", "odd", "thread":
            number = self.ask(asker, "echo", "parts", b"500 1000")
            for i in range(500):
                _, _, headers, frames = self.caller.take("part", number)
                self.assertEqual(headers["sequence"], i)
                self.assertEqual(frames, [bytes([ord("a") + i % 26]) * 1000])
            self.assertEqual(self.caller.final(number)[2], [b"500 1000"])
        self.assert_stops(node)

    def test_one_after_the_other(self):
        """A thread asks a process asks another asks a thread: the answer finds its way."""
        node = self.start()
        number = self.ask("thread", "odd", "ask", b"asking", b"ask", b"echo", b"echo", b"well?")
        outcome, headers, frames = self.caller.final(number)
        self.assertEqual((outcome, frames), ("ok", [b"well?"]), headers)
        self.assert_stops(node)

    def test_failures_are_told(self):
        node = self.start()
        for asker in "asking", "odd", "thread":
            number = self.ask(asker, "nobody", "echo")
            outcome, headers, _ = self.caller.final(number)
            self.assertEqual(outcome, "worker_error")
            self.assertEqual(headers["text"], "no_capability: nobody offers 'nobody' here; "
                                              "check the name and the node")
            number = self.ask(asker, "echo", "fail", b"no paper")
            self.assertEqual(self.caller.final(number)[1]["text"], "worker_error: no paper")
        self.assert_stops(node)

    def test_the_node_itself_may_be_asked(self):
        node = self.start()
        for asker in "asking", "odd", "thread":
            outcome, headers, frames = self.caller.final(self.ask(asker, "troupe.admin", "tree"))
            self.assertEqual(outcome, "ok", headers)
            self.assertEqual(msgpack.unpackb(frames[0])["state"], "ready")
        self.assert_stops(node)

    def test_a_circle_ends(self):
        node = self.start()
        outcome, headers, _ = self.caller.call("asking", "circle")
        self.assertEqual(outcome, "worker_error")
        self.assertIn("bad_request: calls are nested deeper than 32", headers["text"])
        self.assert_free(node, "asking")
        self.assert_stops(node)

    def test_a_cancel_reaches_what_was_asked(self):
        node = self.start()
        for asker in "asking", "odd", "thread":
            number = self.ask(asker, "echo", "progress", b"3600000")
            wait_until(lambda: node.capability("echo")["pending"] == 1)
            self.caller.cancel(number)
            self.assertEqual(self.caller.final(number)[0], "cancelled")
            self.assert_free(node, "echo")
            self.assert_free(node, asker)
        self.assert_stops(node)

    def test_there_is_no_more_time_than_the_caller_has(self):
        node = self.start()
        for asker in "asking", "odd", "thread":
            number = self.ask(asker, "echo", "sleep", b"3600000", timeout=200)
            self.assertEqual(self.caller.final(number)[0], "timeout")
            self.assert_free(node, "echo")
            self.assert_free(node, asker)
        self.assert_stops(node)

    def test_with_a_process_go_its_calls(self):
        node = self.start()
        for asker in "asking", "odd":
            number = self.ask(asker, "echo", "sleep", b"3600000")
            wait_until(lambda: node.capability("echo")["pending"] == 1)
            os.kill(self.pids(node, asker)[0], signal.SIGKILL)
            self.assertEqual(self.caller.final(number)[0], "worker_lost")
            self.assert_free(node, "echo")
        self.assert_stops(node)

    def test_a_lost_worker_is_told_to_who_asked_it(self):
        node = self.start()
        for asker in "asking", "odd":
            number = self.ask(asker, "echo", "exit", b"3")
            outcome, headers, _ = self.caller.final(number)
            self.assertEqual(outcome, "worker_error")
            self.assertTrue(headers["text"].startswith("worker_lost: "), headers)
        self.assert_stops(node)

    def test_a_process_keeps_to_its_callers_credit(self):
        node = self.start()
        number = self.caller.request("asking", "count", b"100", credit=3)
        for i in range(3):
            self.assertEqual(self.caller.take("part", number)[3], [b"%d" % i])
        self.assertEqual(self.caller.call("asking", "sent")[2], [b"3"])
        self.assertEqual(self.caller.kept, [])
        self.caller.send("credit", number, {"credit": 2})
        for i in range(3, 5):
            self.assertEqual(self.caller.take("part", number)[3], [b"%d" % i])
        self.assertEqual(self.caller.call("asking", "sent")[2], [b"5"])
        self.caller.send("credit", number, {"credit": 1000})
        for i in range(5, 100):
            self.assertEqual(self.caller.take("part", number)[3], [b"%d" % i])
        self.assertEqual(self.caller.final(number)[2], [b"100"])
        self.assert_stops(node)

    def test_who_does_not_keep_to_it_is_held_back(self):
        node = self.start()
        number = self.caller.request("asking", "flood", b"1000", credit=2)
        self.caller.take("part", number)
        self.caller.take("part", number)
        other = self.caller.request("asking", "sent")
        self.assertEqual(self.caller.call("echo", "echo", b"well?")[2], [b"well?"])
        self.assertEqual(self.caller.kept, [])
        self.caller.send("credit", number, {"credit": 998})
        for i in range(2, 1000):
            self.assertEqual(self.caller.take("part", number)[3], [b"%d" % i])
        self.assertEqual(self.caller.final(number)[2], [b"1000"])
        self.assertEqual(self.caller.final(other)[2], [b"1000"])
        self.assert_stops(node)

    def test_a_reader_that_stalls_is_cut_off(self):
        node = self.node(asking(**{"reader-stall": "200ms"}))
        self.caller = self.peer(node)
        for method in "count", "flood":
            number = self.caller.request("asking", method, b"1000", credit=2)
            self.assertEqual(self.caller.final(number)[0], "overloaded")
            self.assert_free(node, "asking")
            self.assertEqual(self.caller.call("asking", "sent")[0], "ok")
        self.assertEqual([one[0] for one in self.caller.kept], ["part"] * 4)
        self.assert_stops(node)

    def test_credit_reaches_through_to_who_was_asked(self):
        """Whoever writes is ahead of the reader by the windows on the way, and no more."""
        node = self.node(asking("writer"), asking("asking"))
        self.caller = self.peer(node)
        number = self.ask("asking", "writer", "count", b"1000", credit=2)
        for i in range(2):
            self.assertEqual(self.caller.take("part", number)[3], [b"%d" % i])
        self.assertEqual(self.caller.call("asking", "sent")[2], [b"2"])
        n_sent = wait_until(lambda: int(self.caller.call("writer", "sent")[2][0]))
        self.assertLessEqual(n_sent, 2 + 8)  # what was taken, and the window of `asking`
        self.caller.send("credit", number, {"credit": 1000})
        for i in range(2, 1000):
            self.assertEqual(self.caller.take("part", number)[3], [b"%d" % i])
        self.assertEqual(self.caller.final(number)[2], [b"1000"])
        self.assert_stops(node)

    def test_batches_come_whole(self):
        node = self.node(asking("asking", workers={"min": 1, "max": 1, "concurrency": 1},
                                batch={"max": 4, "window": "10s"}))
        self.caller = self.peer(node)
        numbers = [self.caller.request("asking", "batch") for _ in range(8)]
        for number in numbers:
            self.assertEqual(self.caller.final(number)[2], [b"4"])
        self.assert_stops(node)


if __name__ == "__main__":
    unittest.main()
