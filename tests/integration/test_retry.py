"""What a capability promises about requests whose worker is lost, that share a run, that stream
or that wait their turn, held to by a peer that knows the protocol and nothing else.

$TROUPE_RETRIES says how many requests there are while workers are killed, $TROUPE_RETRY_SEED
repeats the order of the kills.
"""

import os
import random
import signal
import sys
import threading
import time
import unittest

try:
    import msgpack  # noqa: F401  (node_kit needs it)
    import zmq
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

from node_kit import LONG, Peer
from process_kit import ProcessTest, echo, odd, read, wait_until

N_REQUESTS = int(os.environ.get("TROUPE_RETRIES", "10000"))
SEED = int(os.environ.get("TROUPE_RETRY_SEED", time.time_ns() % 2**32))
WINDOW = 64  # requests under way
N_WORKERS = 4
EVERY = 50  # one kill for so many answers


class RetryTest(ProcessTest):
    def tcp_peer(self, node):
        peer = Peer(self.context, node.tcp)
        self.addCleanup(peer.close)
        return peer

    def await_books(self, node, capability, **wanted):
        """Ask the node until its account says so."""
        def is_so():
            one = node.capability(capability)
            return all(one[key] == value for key, value in wanted.items())
        wait_until(is_so, LONG, lambda: f"{node.capability(capability)}, not {wanted}")

    def assert_quiet(self, peer):
        """Nothing more comes, which would be a second answer."""
        self.assertTrue(peer.is_quiet(), peer.kept)


class Killer:
    """Kills one of the workers each time it is told to, on a thread of its own, for `troupe
    tree` takes its time."""

    def __init__(self, node, capability):
        self.node = node
        self.capability = capability
        self.dice = random.Random(SEED)
        self.kills = threading.Semaphore(0)
        self.is_over = False
        self.n_killed = 0
        self.failure = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            while True:
                self.kills.acquire()
                if self.is_over:
                    return
                workers = self.node.capability(self.capability)["workers"]
                pids = [one["pid"] for one in workers if one["pid"]]
                if pids:
                    self.kill(self.dice.choice(pids))
        except Exception as error:  # told by the test's own thread
            self.failure = error

    def kill(self, pid):
        """Only what is a child of the node still: its number may be another's by now."""
        if read(f"/proc/{pid}/stat").rpartition(")")[2].split()[1:2] == [
                str(self.node.process.pid)]:
            os.kill(pid, signal.SIGKILL)
            self.n_killed += 1

    def strike(self):
        self.kills.release()

    def end(self):
        self.is_over = True
        self.kills.release()
        self.thread.join(LONG)
        if self.failure:
            raise self.failure


class Kills(RetryTest):
    def test_all_end_well_while_workers_are_killed(self):
        print(f"TROUPE_RETRY_SEED={SEED}")
        node = self.node(echo("echo", N_WORKERS, retry=3, poison=100, timeout="10m",
                              queue={"limit": 1000}))
        peer = self.tcp_peer(node)
        killer = Killer(node, "echo")
        n_sent = n_answered = 0
        open_ones = {}
        while n_answered < N_REQUESTS:
            while n_sent < N_REQUESTS and len(open_ones) < WINDOW:
                n_sent += 1
                data = b"%d" % n_sent
                # Some take a while, so that a kill finds them begun.
                method, data = ("sleep", b"1") if n_sent % 8 == 0 else ("echo", data)
                open_ones[peer.request("echo", method, data)] = data
            answer = peer.receive()
            self.assertIsNotNone(answer, f"{len(open_ones)} of {n_sent} open")
            command, number, headers, frames = answer
            self.assertIn(number, open_ones, f"answered twice: {answer}")
            self.assertEqual((command, frames), ("reply", [open_ones.pop(number)]), headers)
            n_answered += 1
            if n_answered % EVERY == 0:
                killer.strike()
        killer.end()
        self.assert_quiet(peer)
        self.assertGreater(killer.n_killed, 0)
        self.await_books(node, "echo", queue=0, pending=0, accepted=N_REQUESTS,
                         finished=N_REQUESTS)
        print(f"{N_REQUESTS} requests, {killer.n_killed} kills")
        self.assert_stops(node)

    def test_one_that_kills_its_workers_is_given_up(self):
        """However often it may be tried again, it may not cost more workers than `poison`."""
        node = self.node(echo("echo", N_WORKERS, retry=100, poison=2, timeout="10m"))
        peer = self.tcp_peer(node)
        outcome, headers, _ = peer.call("echo", "crash")
        self.assertEqual(outcome, "worker_lost", headers)
        self.assertTrue(headers["retryable"])
        wait_until(lambda: sum(one["restarts"] for one in
                               node.capability("echo")["workers"]) == 2)
        self.assertEqual(peer.call("echo", "echo", b"x")[2], [b"x"])
        self.assert_quiet(peer)
        self.assert_stops(node)

    def test_without_retry_the_loss_is_told(self):
        node = self.node(echo("echo", 1, timeout="10m"))
        peer = self.tcp_peer(node)
        self.assertEqual(peer.call("echo", "crash")[0], "worker_lost")
        self.assertEqual(peer.call("echo", "echo", b"x")[2], [b"x"])
        self.assert_quiet(peer)


class Sharing(RetryTest):
    def test_equal_keys_share_a_run(self):
        """A worker that tells its process and waits: one run, one first part for all."""
        node = self.node(odd("odd", 2, timeout="10m"))
        one, two = self.tcp_peer(node), self.tcp_peer(node)
        holders = [self.begin(one, capability="odd") for _ in range(2)]  # both are busy
        first = one.request("odd", "begin", dedup=b"\x00key")
        second = two.request("odd", "begin", dedup=b"\x00key")
        third = two.request("odd", "begin", dedup="other")
        self.await_books(node, "odd", accepted=5, queue=3)
        one.cancel(holders[0][0])
        self.assertEqual(one.final(holders[0][0])[0], "cancelled")
        self.assertEqual(one.take("part", first)[3], two.take("part", second)[3])
        one.cancel(first)
        self.assertEqual(one.final(first)[0], "cancelled")
        one.cancel(holders[1][0])
        self.assertEqual(one.final(holders[1][0])[0], "cancelled")
        two.take("part", third)  # the other key has a run of its own
        two.cancel(second)
        two.cancel(third)
        self.assertEqual(two.final(second)[0], "cancelled")
        self.assertEqual(two.final(third)[0], "cancelled")
        self.await_books(node, "odd", queue=0, pending=0, accepted=5, finished=5)
        self.assert_quiet(one)
        self.assert_quiet(two)

    def test_sharers_are_tried_again_together(self):
        node = self.node(odd("odd", 1, timeout="10m", retry=1))
        one, two = self.tcp_peer(node), self.tcp_peer(node)
        first = one.request("odd", "spin", dedup="k")
        second = two.request("odd", "spin", dedup="k")
        self.await_books(node, "odd", pending=2)
        pid = self.pids(node, "odd")[0]
        os.kill(pid, signal.SIGKILL)
        successor = wait_until(lambda: [one for one in self.pids(node, "odd")
                                        if one and one != pid])[0]
        self.await_books(node, "odd", pending=2)
        os.kill(successor, signal.SIGKILL)
        self.assertEqual(one.final(first)[0], "worker_lost")
        self.assertEqual(two.final(second)[0], "worker_lost")
        self.assert_quiet(one)
        self.assert_quiet(two)


class Credit(RetryTest):
    def test_credit_keeps_a_stream_back(self):
        for isolation in "thread", "process":
            with self.subTest(isolation):
                node = self.node(echo("echo", 1, isolation=isolation, timeout="10m",
                                      workers={"min": 1, "max": 1, "concurrency": 2}))
                peer = self.tcp_peer(node)
                number = peer.request("echo", "parts", b"100 1000", credit=3)
                n_parts = 3
                for granted in 0, 1, 5, 30:
                    if granted:
                        peer.send("credit", number, {"credit": granted})
                        n_parts += granted
                    peer.take_parts(number, n_parts)
                    self.assertTrue(peer.has_no_more(number))
                peer.send("credit", number, {"credit": 1000})
                outcome, headers, frames = peer.final(number)
                self.assertEqual((outcome, frames), ("ok", [b"100 1000"]), headers)
                self.assertEqual(peer.sequences(number), list(range(100)))

    def test_a_cancel_ends_a_stream_that_waits_for_credit(self):
        for isolation in "thread", "process":
            with self.subTest(isolation):
                node = self.node(echo("echo", 1, isolation=isolation, timeout="10m"))
                peer = self.tcp_peer(node)
                number = peer.request("echo", "parts", b"100 1000", credit=1)
                peer.take("part", number)
                peer.cancel(number)
                self.assertEqual(peer.final(number)[0], "cancelled")
                self.assertEqual(peer.call("echo", "echo", b"x")[2], [b"x"])
                self.assert_quiet(peer)

    def test_a_reader_without_credit_is_cut_off(self):
        for isolation in "thread", "process":
            with self.subTest(isolation):
                node = self.node(echo("echo", 1, isolation=isolation, timeout="10m",
                                      **{"reader-stall": "100ms"}))
                peer = self.tcp_peer(node)
                number = peer.request("echo", "parts", b"100 1000", credit=1)
                outcome, headers, _ = peer.final(number)
                self.assertEqual(outcome, "overloaded", headers)
                self.assertEqual(peer.sequences(number), [0])
                self.assertEqual(peer.call("echo", "echo", b"x")[2], [b"x"])

    def tcp_peer(self, node):
        peer = StreamPeer(self.context, node.tcp)
        self.addCleanup(peer.close)
        return peer


class StreamPeer(Peer):
    def sequences(self, number):
        return [one[2]["sequence"] for one in self.kept if one[:2] == ("part", number)]

    def take_parts(self, number, count):
        """Wait until so many parts have come in all."""
        while len(self.sequences(number)) < count:
            one = self.receive()
            assert one, f"{count} parts, of which came {self.sequences(number)}"
            self.kept.append(one)

    def has_no_more(self, number):
        """None comes before the answers to a ping and to a call that is served meanwhile."""
        before = len(self.sequences(number))
        for _ in range(2):
            self.send("ping", 0)
            self.take("pong")
        return len(self.sequences(number)) == before


class Fairness(RetryTest):
    def test_a_crowd_does_not_delay_another_peer(self):
        """One worker numbers what it serves; the single request of one peer comes among the
        next few, whatever another one has waiting."""
        crowd_size, a_few = 500, 5
        node = self.node(odd("odd", 1, isolation="thread", timeout="10m",
                             queue={"limit": 1000}))
        crowd, single = self.tcp_peer(node), self.tcp_peer(node)
        holder = crowd.request("odd", "begin")
        crowd.take("part", holder)
        numbers = [crowd.request("odd", "count") for _ in range(crowd_size)]
        self.await_books(node, "odd", queue=crowd_size, pending=1)
        one = single.request("odd", "count")
        self.await_books(node, "odd", queue=crowd_size + 1, pending=1)
        crowd.cancel(holder)
        served_as = int(single.final(one)[2][0])
        served = [int(crowd.final(number)[2][0]) for number in numbers]
        self.assertEqual(sorted(served + [served_as]),
                         list(range(min(served), min(served) + crowd_size + 1)))
        self.assertLess(served_as - min(served + [served_as]), a_few)
        self.assertEqual(served, sorted(served))  # for one peer, first come
        self.assertEqual(crowd.final(holder)[0], "cancelled")
        self.assert_quiet(single)


if __name__ == "__main__":
    unittest.main(verbosity=2)
