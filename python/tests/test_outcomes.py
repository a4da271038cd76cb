"""Each outcome that a node can end a request in, provoked and raised. (`internal` would be a bug
of the node; that its code has a class is test_conversation.py's to say.)"""

import unittest

from kit import ECHO, LONG, NodeCase, until

import troupe

ONE = {"workers": {"min": 1, "max": 1}}
LAZY = {"workers": {"min": 0, "max": 1}, "intensity": {"restarts": 0},
        "backoff": {"min": "10ms", "max": "10ms"}}


class Outcomes(NodeCase):
    def node_of(self, *children, **top):
        self.served = self.node(*children, **top)
        self.client = troupe.Client(self.served.ipc, timeout=LONG)
        self.addCleanup(self.client.close)

    def echo(self, **more):
        return {**ECHO, **ONE, **more}

    def ends(self, kind, retryable, capability="echo", payload="x", method="echo", **options):
        with self.assertRaises(troupe.TroupeError) as caught:
            self.client.call(capability, payload, method=method, **options)
        self.assertIs(type(caught.exception), kind, caught.exception)
        self.assertIs(caught.exception.retryable, retryable)
        self.assertTrue(caught.exception.text)
        return caught.exception

    def occupy(self):
        call = self.client.start("echo", "60000", method="sleep")
        until(lambda: self.served.capability("echo")["pending"] == 1)
        return call

    def test_what_handlers_say(self):
        self.node_of(self.echo(), self.process_worker("py", "py"))
        self.ends(troupe.WorkerError, False, method="fail")
        self.ends(troupe.BadRequest, False, method="dance")
        self.ends(troupe.TooLarge, False, "py", method="large")

    def test_worker_lost(self):
        self.node_of(self.echo())
        self.ends(troupe.WorkerLost, True, method="broken")

    def test_timeout(self):
        self.node_of(self.echo())
        self.ends(troupe.Timeout, True, payload="60000", method="sleep", timeout=0.05)
        self.ends(troupe.Timeout, True, payload="60000", method="sleep", timeout=0)

    def test_cancelled(self):
        self.node_of(self.echo())
        call = self.occupy()
        call.cancel()
        with self.assertRaises(troupe.Cancelled):
            call.result()

    def test_overloaded(self):
        self.node_of(self.echo(queue={"limit": 1}))
        calls = [self.occupy(), self.client.start("echo", "x", method="echo")]
        error = self.ends(troupe.Overloaded, True)
        self.assertTrue(error.hint is None or error.hint > 0)
        for call in calls:
            call.cancel()

    def test_no_capability(self):
        self.node_of(self.echo())
        self.ends(troupe.NoCapability, False, "that")

    def test_no_workers(self):
        self.node_of(self.echo(backoff={"min": "1m", "max": "1m"}))
        self.ends(troupe.WorkerLost, True, method="broken")
        self.ends(troupe.WorkerLost, True, method="broken")
        self.ends(troupe.NoWorkers, True, timeout=0.1)

    def test_circuit_open(self):
        self.node_of(self.echo(breaker={"failures": 1, "cooldown": "1h", "probes": 1}))
        self.ends(troupe.WorkerError, False, method="fail")
        self.ends(troupe.CircuitOpen, True)

    def test_memory_exhausted(self):
        self.node_of(self.process_worker("py", "--load", "memory", "py", **LAZY))
        self.ends(troupe.MemoryExhausted, True, "py")

    def test_spawn_failed(self):
        self.node_of(self.process_worker("py", "--load", "fails", "py", **LAZY))
        self.assertIn("no such model", self.ends(troupe.SpawnFailed, True, "py").text)

    def test_spawn_timeout(self):
        self.node_of(self.process_worker("py", "--load", "hangs", "py",
                                         **{**LAZY, "start-stall": "300ms"}))
        self.ends(troupe.SpawnTimeout, True, "py")

    def test_shutting_down(self):
        self.node_of(self.echo())
        self.client.admin("drain", "echo")
        self.ends(troupe.ShuttingDown, True)
        self.client.admin("resume", "echo")
        self.assertEqual(self.client.call("echo", "x", method="echo"), b"x")

    def test_forbidden(self):
        self.node_of(self.echo())
        self.client.close()
        self.client = troupe.Client(self.served.tcp, timeout=LONG)
        self.addCleanup(self.client.close)
        self.ends(troupe.Forbidden, False, "troupe.admin", method="tree")


if __name__ == "__main__":
    unittest.main()
