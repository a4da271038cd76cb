"""Workers in Python that dial a real node."""

import signal
import unittest

from kit import ECHO, LONG, NodeCase, Program, until

import troupe

FAR = {"capability": "py", "workers": {"remote": True}}


class Remote(NodeCase):
    def serve(self, *children, **top):
        self.served = self.node(*(children or (ECHO, FAR)), **top)
        self.client = troupe.Client(self.served.ipc, timeout=LONG)
        self.addCleanup(self.client.close)

    def program(self, *words, endpoint=None):
        return Program(self, "--endpoint", endpoint or self.served.ipc, *words)

    def workers(self, capability="py"):
        return self.served.capability(capability)["workers"]

    def wait_for(self, count, capability="py"):
        """So many workers, all of them ready."""
        def are_there():
            states = [one["state"] for one in self.workers(capability)]
            return sum(state in ("ready", "idle", "processing") for state in states) == count

        until(are_there, f"{count} workers of {capability}")

    def py(self, method, payload=None, **options):
        return self.client.call("py", payload, method=method, **options)

    def test_requests_of_all_kinds(self):
        self.serve(ECHO, FAR, {"capability": "stream", "workers": {"remote": True}})
        self.program("py", "stream")
        self.wait_for(1)
        self.assertEqual(self.workers()[0]["isolation"], "remote")
        self.assertEqual(self.py("upper", "a text"), b"A TEXT")
        self.assertEqual(self.py("frames", ["a", "b"]), [b"a", b"b", b"and one"])
        with self.assertRaises(troupe.WorkerError):
            self.py("fail", "no")
        with self.assertRaises(troupe.BadRequest):
            self.py("refuse", "no")
        self.wait_for(1, "stream")
        with self.client.stream("stream", "500") as stream:
            self.assertEqual(list(stream), [str(n).encode() for n in range(500)])
            self.assertEqual(stream.result(), b"that was all")
        self.assertEqual(self.py("call", ["echo", "echo", "inside"]), b"inside")

    def test_over_tcp(self):
        self.serve()
        self.program("py", endpoint=self.served.tcp)
        self.wait_for(1)
        self.assertEqual(self.py("upper", "far"), b"FAR")

    def test_a_slow_reader_and_one_that_leaves(self):
        self.serve({"capability": "stream", "workers": {"remote": True}})
        program = self.program("stream")
        self.wait_for(1, "stream")
        with self.client.stream("stream", "x", method="endless", window=3) as stream:
            for _ in range(200):
                next(stream)
        program.wait_line("endless has ended")
        self.assertEqual(list(self.client.stream("stream", "2")), [b"0", b"1"])

    def test_a_cancel_and_a_deadline(self):
        self.serve()
        program = self.program("py")
        self.wait_for(1)
        call = self.client.start("py", "60", method="sleep")
        program.wait_line("began sleep")
        call.cancel()
        with self.assertRaises(troupe.Cancelled):
            call.result()
        program.wait_line("was cancelled")
        with self.assertRaises(troupe.Timeout):
            self.py("sleep", "60", timeout=0.2)
        program.wait_line("was cancelled", 2)

    def test_several_workers_share_the_work(self):
        self.serve()
        programs = [self.program("--concurrency", "2", "py") for _ in range(2)]
        self.wait_for(2)
        calls = [self.client.start("py", "60", method="sleep") for _ in range(4)]
        for program in programs:
            program.wait_line("began sleep", 2)
        for call in calls:
            call.cancel()

    def test_sigterm_finishes_what_is_there(self):
        self.serve()
        program = self.program("py")
        self.wait_for(1)
        call = self.client.start("py", "0.5", method="doze")
        program.wait_line("began doze")
        program.process.send_signal(signal.SIGTERM)
        self.assertEqual(call.result(), b"dozed")
        self.assertEqual(program.wait(), 0)
        self.assertIn("left in good order", program.lines)

    def test_one_that_is_killed_loses_what_it_had(self):
        self.serve()
        program = self.program("py")
        self.wait_for(1)
        call = self.client.start("py", "60", method="doze")
        program.wait_line("began doze")
        program.process.kill()
        with self.assertRaises(troupe.WorkerLost):
            call.result()

    def test_a_node_that_is_started_again(self):
        self.serve()
        self.program("--heartbeat", "0.5", "py")
        self.wait_for(1)
        for number in (signal.SIGKILL, signal.SIGTERM):
            self.served.kill(number)
            self.served.wait()
            self.served.start()
            self.wait_for(1)
            self.assertEqual(self.py("upper", "again"), b"AGAIN")

    def test_an_operator_sends_it_away(self):
        self.serve()
        program = self.program("py")
        self.wait_for(1)
        self.client.admin("evict", self.workers()[0]["id"])
        self.assertEqual(program.wait(), 0)

    def test_what_the_node_does_not_take(self):
        self.serve()
        program = self.program("echo")
        self.assertEqual(program.wait(), 1)
        self.assertIn("troupe.outcomes.NoCapability", program.lines[-1])

    def test_one_that_hangs_is_dropped_and_comes_again(self):
        self.serve({**FAR, "health": {"interval": "200ms", "stall": "1s"}})
        program = self.program("--drain", "0.2", "py")
        self.wait_for(1)
        with self.assertRaises(troupe.WorkerLost):
            self.py("doze", "600")
        self.assertEqual(self.py("upper", "there again"), b"THERE AGAIN")
        program.wait_line("does not end, and is given up")

    def test_broken(self):
        self.serve()
        program = self.program("py")
        self.wait_for(1)
        with self.assertRaises(troupe.WorkerLost):
            self.py("broken", "no camera")
        self.assertEqual(program.wait(), 1)


if __name__ == "__main__":
    unittest.main()
