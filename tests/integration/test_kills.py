"""A thousand kills in a row: every one is told to the caller that it hits, each time the
replacement works, and nothing of the dead stays with the node.

$TROUPE_KILLS says how many.
"""

import os
import re
import signal
import sys
import time
import unittest

try:
    import msgpack  # noqa: F401  (node_kit needs it)
    import zmq  # noqa: F401
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

from process_kit import (IS_SANITIZED, ProcessTest, children_of, n_descriptors, n_threads,
                         n_zombies, odd, resident_mib, wait_until)

N_KILLS = int(os.environ.get("TROUPE_KILLS", "1000"))
N_WARM_UP = min(100, N_KILLS // 2)
SLACK_MIB = 64 if IS_SANITIZED else 4
BOUND_SECONDS = 10  # for one kill


class Kills(ProcessTest):
    """Two workers, each with a request that does not end by itself. One of them is killed, by
    turns; the other one is occupied, so only the replacement can serve what comes next."""

    def kill_one(self, peer, held):
        number, pid = held.pop(0)
        os.kill(pid, signal.SIGKILL)
        began = time.monotonic()
        successor = int(self.ask(peer, "pid"))
        took = time.monotonic() - began
        outcome, headers, _ = peer.final(number)
        self.assertEqual(outcome, "worker_lost", headers)
        self.assertTrue(headers["retryable"])
        self.assertIn("signal 9", headers["text"])
        self.assertNotIn(successor, [pid, *(one[1] for one in held)])
        held.append(self.begin(peer))
        self.assertEqual(held[-1][1], successor)
        return took

    def usage(self, pid):
        return {"descriptors": n_descriptors(pid), "threads": n_threads(pid),
                "children": len(children_of(pid)), "zombies": n_zombies(pid)}

    def assert_usage(self, pid, wanted):
        """What is closed by other threads is closed soon."""
        wait_until(lambda: self.usage(pid) == wanted, 10,
                   lambda: f"{self.usage(pid)}, not {wanted}")

    def test_a_thousand_kills_in_a_row(self):
        node = self.node(odd(workers={"min": 1, "max": 2}, timeout="1h", **{"keep-alive": "1h"}))
        pid = node.process.pid
        peer = self.peer(node)
        held = [self.begin(peer), self.begin(peer)]
        self.assertNotEqual(held[0][1], held[1][1])
        for _ in range(N_WARM_UP):
            self.kill_one(peer, held)
        n_descriptors_most = 2 * n_descriptors(pid)
        wait_until(lambda: len(children_of(pid)) == 3)  # two workers and the guard
        wanted = wait_until(lambda: self.steady(pid), 10)
        before_mib = resident_mib(pid)
        took = []
        for _ in range(N_KILLS - N_WARM_UP):
            took.append(self.kill_one(peer, held))
            self.assertLess(took[-1], BOUND_SECONDS)
            self.assertLess(n_descriptors(pid), n_descriptors_most)
        self.assert_usage(pid, wanted)
        after_mib = resident_mib(pid)
        took.sort()
        print(f"{len(took)} kills: from the kill to the first reply of the replacement "
              f"p50 {1000 * took[len(took) // 2]:.1f} ms, "
              f"p99 {1000 * took[len(took) * 99 // 100]:.1f} ms, max {1000 * took[-1]:.1f} ms")
        print(f"node: {before_mib:.1f} MiB after {N_WARM_UP} kills, {after_mib:.1f} MiB after "
              f"{N_KILLS}; {wanted}")
        self.assertLess(after_mib - before_mib, SLACK_MIB)
        restarts = sum(one["restarts"] for one in node.capability("odd")["workers"])
        self.assertEqual(restarts, N_KILLS)
        self.assertTrue(peer.is_quiet(), peer.kept)
        for number, _ in held:
            peer.cancel(number)
            self.assertEqual(peer.final(number)[0], "cancelled")
        self.assert_stops(node)

    def test_kills_in_the_middle_of_a_stream(self):
        """Parts come in order and whole, and then the loss is told, once. A stream is short
        enough not to overflow the queue of a reader that is slow."""
        node = self.node(odd(worker={"module": "echo"}, timeout="1h"))
        peer = self.peer(node)
        n_lost = 0
        for _ in range(N_WARM_UP):
            pid = self.pids(node, "odd")[0]
            number = peer.request("odd", "parts", b"9000 1000")
            peer.take("part", number)
            os.kill(pid, signal.SIGKILL)
            outcome, headers, _ = peer.final(number)
            if outcome != "ok":  # it was not done with it before
                self.assertEqual(outcome, "worker_lost", headers)
                n_lost += 1
            parts = [one for one in peer.kept if one[0] == "part"]
            self.assertEqual([one[2]["sequence"] for one in parts],
                             list(range(1, len(parts) + 1)))
            self.assertEqual({len(one[3][0]) for one in parts} - {1000}, set())
            peer.kept.clear()
            self.assertEqual(self.ask(peer, "echo", b"x"), "x")
        self.assertGreater(n_lost, 0)
        self.assert_stops(node)

    def test_kills_before_it_is_ready(self):
        """Who waits is served by the one that is let live."""
        node = self.node(odd(timeout="1h"))
        peer = self.peer(node)
        for n_started in range(1, N_WARM_UP + 1):
            line = node.wait_line("event=process_started worker=odd/1", n_started)
            if n_started == 2:
                waiting = peer.request("odd", "pid")
            try:
                os.kill(int(re.search(r"pid=(\d+)", line)[1]), signal.SIGKILL)
            except ProcessLookupError:
                pass
        outcome, headers, frames = peer.final(waiting)
        if outcome != "ok":  # it may have been begun by one that was killed a moment later
            self.assertEqual(outcome, "worker_lost", headers)
        wait_until(lambda: len(children_of(node.process.pid)) == 2 and
                   n_zombies(node.process.pid) == 0)
        self.assertGreater(int(self.ask(peer, "pid")), 0)
        self.assertEqual([one["restarts"] for one in node.capability("odd")["workers"]],
                         [N_WARM_UP])
        self.assert_stops(node)

    def steady(self, pid):
        """The usage, when it is the same for a while."""
        usage = self.usage(pid)
        until = time.monotonic() + 0.2
        while time.monotonic() < until:
            if self.usage(pid) != usage:
                return None
        return usage


if __name__ == "__main__":
    unittest.main(verbosity=2)
