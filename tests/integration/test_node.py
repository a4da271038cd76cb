"""A node as its peers and its operator see it: hung and broken workers, deadlines, cancels,
garbage on the wire, signals, and what is refused before anything starts.

The node is the real command, the peers are bare sockets that say what no client would.
$TROUPE_BIN names the command, $TROUPE_MODULE_PATH where the module `echo` is.
"""

import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import time
import unittest

try:
    import msgpack
    import zmq
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

from node_kit import LONG, MAGIC, Node, Peer, run_troupe

HERE = os.path.dirname(os.path.abspath(__file__))
BAD = os.path.join(HERE, "..", "config", "bad")
VECTORS = os.path.join(HERE, "..", "vectors", "trp1.txt")


def pool(name="echo", n=2, **more):
    child = {"capability": name, "worker": {"module": "echo"}, "workers": {"min": n, "max": n}}
    child.update(more)
    return child


def actor(name="a", **args):
    return {"actor": name, "worker": {"module": "echo", "args": args} if args
            else {"module": "echo"}, "backoff": {"min": "10ms", "max": "20ms"}}


class NodeTest(unittest.TestCase):
    isolation = None  # of all workers

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="troupe-node-")
        self.context = zmq.Context()
        self.addCleanup(shutil.rmtree, self.folder)
        self.addCleanup(self.context.destroy, 0)

    def node(self, *children, wait=True, folder=None, supervisor=None, **top):
        for child in children:
            if self.isolation and "capability" in child:
                child.setdefault("isolation", self.isolation)
        node = Node({"children": list(children), **(supervisor or {})},
                    folder=folder or tempfile.mkdtemp(dir=self.folder), **top)
        self.addCleanup(node.end)
        return node.start(wait)

    def peer(self, endpoint, **options):
        peer = Peer(self.context, endpoint, **options)
        self.addCleanup(peer.close)
        return peer

    def wait_running(self, node, count):
        """Wait until so many requests run; each look is a call, so nothing spins."""
        until = time.monotonic() + LONG
        while node.capability("echo")["pending"] != count:
            self.assertLess(time.monotonic(), until, "the requests do not run")

    def assert_ends(self, node, code, number=signal.SIGTERM):
        if number:
            node.kill(number)
        self.assertEqual(node.wait(), code, node.text())

    def assert_serves(self, peer, capability="echo"):
        data = os.urandom(100)
        outcome, headers, frames = peer.call(capability, "echo", data)
        self.assertEqual((outcome, frames), ("ok", [data]), headers)


class Workers(NodeTest):
    def test_a_hung_worker_is_replaced_and_holds_nobody_up(self):
        health = {"interval": "100ms", "misses": 10, "stall": "1s"}
        node = self.node(pool(health=health, shutdown="1s"), **{"drain-timeout": "1s"})
        peer = self.peer(node.tcp)
        hung = peer.request("echo", "hang")
        n_others = 0
        while n_others < 50 or not any(one[1] == hung for one in peer.kept):
            data = b"%d" % n_others
            outcome, headers, frames = peer.call("echo", "echo", data)
            self.assertEqual((outcome, frames), ("ok", [data]), headers)
            n_others += 1
        outcome, headers, _ = peer.final(hung)
        self.assertEqual(outcome, "worker_lost", headers)
        self.assertTrue(headers["retryable"])
        self.assertIn("hung", headers["text"])
        node.wait_line(r"event=started child=echo/\d .*kind=worker", 3)
        capability = node.capability("echo")
        self.assertEqual(capability["pending"], 0)
        self.assertEqual(capability["queue"], 0)
        self.assertEqual(sum(one["restarts"] for one in capability["workers"]), 1)
        self.assertEqual(len(capability["workers"]), 2)
        self.assert_serves(peer)
        self.assertTrue(peer.is_quiet())
        began = time.monotonic()
        self.assert_ends(node, 0)
        self.assertLess(time.monotonic() - began, 1 + 1 + 10)

    def test_busy_is_not_hung(self):
        """Eight times as long as an idle worker may be silent, and longer than it may stall."""
        health = {"interval": "100ms", "misses": 5, "stall": "2s"}
        node = self.node(pool(n=1, health=health))
        peer = self.peer(node.ipc)
        outcome, headers, _ = peer.call("echo", "progress", b"4000")
        self.assertEqual(outcome, "ok", headers)
        self.assertEqual(node.capability("echo")["workers"][0]["restarts"], 0)
        self.assertNotIn("hung", node.text())
        self.assert_ends(node, 0)

    def test_a_thread_that_comes_back_ends_and_is_forgotten(self):
        health = {"interval": "50ms", "misses": 100, "stall": "500ms"}
        node = self.node(pool(n=1, health=health))
        peer = self.peer(node.ipc)
        for n_hung in range(1, 6):  # `sleep` says nothing, and sees that it was given up
            outcome, headers, _ = peer.call("echo", "sleep", b"20000")
            self.assertEqual(outcome, "worker_lost", headers)
            node.wait_line("event=quarantined_thread_ended", n_hung)
            self.assert_serves(peer)
        self.assertEqual(node.capability("echo")["workers"][0]["restarts"], 5)
        with open(f"/proc/{node.process.pid}/status") as file:
            n_threads = int(next(line for line in file if line.startswith("Threads")).split()[1])
        self.assertLess(n_threads, 20)
        self.assert_ends(node, 0)
        self.assertNotIn("threads_left_hanging", node.text())

    def test_too_many_hanging_threads_end_the_node(self):
        health = {"interval": "50ms", "misses": 10, "stall": "500ms"}
        node = self.node(pool(n=1, health=health, shutdown="100ms",
                              intensity={"restarts": 100, "period": "1s"}),
                         supervisor={"intensity": {"restarts": 100, "period": "1s"}},
                         **{"quarantine-limit": 2})
        peer = self.peer(node.ipc)
        for _ in range(2):
            self.assertEqual(peer.call("echo", "hang")[0], "worker_lost")
            self.assert_serves(peer)
        peer.request("echo", "hang")
        self.assert_ends(node, 70, number=None)
        self.assertIn("more threads hang than the 2 that may", node.text())

    def test_a_worker_that_fails_its_probe_is_replaced(self):
        path = os.path.join(self.folder, "lamp")
        with open(path, "w"):
            pass
        node = self.node({"capability": "echo", "health": {"probe-interval": "50ms"},
                          "worker": {"module": "echo", "args": {"probe-file": path}},
                          "backoff": {"min": "10ms", "max": "20ms"},
                          "intensity": {"restarts": 1000, "period": "1s"}})
        peer = self.peer(node.ipc)
        self.assert_serves(peer)
        os.remove(path)
        node.wait_line("event=ended child=echo/1 .*its probe found no", 2)
        with open(path, "w"):
            pass
        self.assert_serves(peer)
        self.assert_ends(node, 0)

    def test_a_node_that_was_stopped_gives_nobody_up(self):
        """What could not answer because the whole node stood still does not hang."""
        health = {"interval": "100ms", "misses": 10, "stall": "1s"}
        node = self.node(pool(n=4, health=health))
        peer = self.peer(node.ipc)
        for _ in range(2):
            running = peer.request("echo", "progress", b"2000")
            self.wait_running(node, 1)
            node.kill(signal.SIGSTOP)
            time.sleep(2.5)  # the time that passes is the test
            node.kill(signal.SIGCONT)
            self.assertEqual(peer.final(running)[0], "ok")
        self.assertNotIn("hung", node.text())
        self.assert_ends(node, 0)

    def test_a_broken_worker_is_replaced(self):
        node = self.node(pool(n=1, backoff={"min": "10ms", "max": "20ms"}))
        peer = self.peer(node.ipc)
        outcome, headers, _ = peer.call("echo", "broken", b"the lamp is out")
        self.assertEqual(outcome, "worker_lost", headers)
        self.assertIn("the lamp is out", headers["text"])
        self.assert_serves(peer)  # it waits for the replacement
        self.assertEqual([one["restarts"] for one in node.capability("echo")["workers"]], [1])
        self.assert_ends(node, 0)

    def test_fail_is_the_requests_end_only(self):
        node = self.node(pool(n=1))
        peer = self.peer(node.ipc)
        outcome, headers, _ = peer.call("echo", "fail", b"no such picture")
        self.assertEqual((outcome, headers["text"]), ("worker_error", "no such picture"))
        self.assertFalse(headers["retryable"])
        self.assertEqual([one["restarts"] for one in node.capability("echo")["workers"]], [0])
        self.assert_ends(node, 0)

    def test_a_pool_that_cannot_start_says_so_and_others_serve(self):
        bad = pool("bad", n=1, worker={"module": "echo", "args": {"init": "fail"}},
                   backoff={"min": "10ms", "max": "20s"},
                   intensity={"restarts": 2, "period": "10s"})
        node = self.node(bad, pool())
        peer = self.peer(node.tcp)
        early = peer.request("bad")
        outcome, headers, _ = peer.final(early)
        self.assertEqual(outcome, "spawn_failed", headers)
        self.assertTrue(headers["retryable"])
        self.assertIn("init failed as asked", headers["text"])
        node.wait_line("event=pool_unavailable.*capability=bad")
        self.assert_serves(peer)
        self.assertIn("init failed as asked", " ".join(node.tree()["reasons"]))
        state = node.capability("bad")
        self.assertEqual(state["state"], "unavailable")
        self.assertIn("init failed as asked", state["reason"])
        self.assert_ends(node, 0)

    def test_an_actor_that_cannot_start_ends_the_node(self):
        node = self.node(pool(), actor("a", init="fail"), wait=False)
        self.assert_ends(node, 70, number=None)
        self.assertIn("a did not start: failed: init failed as asked", node.text())
        self.assertNotIn("node_ready", node.text())


class Ends(NodeTest):
    def test_a_deadline_while_queued(self):
        node = self.node(pool())
        peer = self.peer(node.tcp)
        busy = [peer.request("echo", "sleep", b"20000") for _ in range(2)]
        self.wait_running(node, 2)
        began = time.monotonic()
        outcome, headers, _ = peer.call("echo", "echo", b"", timeout=200)
        took = time.monotonic() - began
        self.assertEqual(outcome, "timeout", headers)
        self.assertGreaterEqual(took, 0.19)
        self.assertLess(took, 5)
        for one in busy:
            peer.cancel(one)
            self.assertEqual(peer.final(one)[0], "cancelled")
        self.assertTrue(peer.is_quiet())

    def test_a_deadline_while_running(self):
        node = self.node(pool(n=1))
        peer = self.peer(node.ipc)
        began = time.monotonic()
        outcome, headers, _ = peer.call("echo", "sleep", b"20000", timeout=200)
        took = time.monotonic() - began
        self.assertEqual(outcome, "timeout", headers)
        self.assertGreaterEqual(took, 0.19)
        self.assertLess(took, 5)
        self.assert_serves(peer)  # the worker saw that nobody waits
        self.assertTrue(peer.is_quiet())

    def test_no_time_at_all(self):
        node = self.node(pool(n=1))
        peer = self.peer(node.ipc)
        self.assertEqual(peer.call("echo", "echo", b"", timeout=0)[0], "timeout")

    def test_the_capabilitys_own_time_is_the_most(self):
        node = self.node(pool(n=1, timeout="200ms"))
        peer = self.peer(node.ipc)
        self.assertEqual(peer.call("echo", "sleep", b"20000", timeout=60000)[0], "timeout")
        self.assertEqual(peer.call("echo", "sleep", b"20000")[0], "timeout")

    def test_cancels_end_a_request_once(self):
        node = self.node(pool(n=1))
        peer = self.peer(node.tcp)
        running = peer.request("echo", "sleep", b"20000")
        self.wait_running(node, 1)
        queued = peer.request("echo", "echo", b"never")
        peer.cancel(queued)
        peer.cancel(queued)
        self.assertEqual(peer.final(queued)[0], "cancelled")
        peer.cancel(running)
        peer.cancel(running)
        self.assertEqual(peer.final(running)[0], "cancelled")
        peer.cancel(running)
        peer.cancel(12345)
        self.assert_serves(peer)
        self.assertTrue(peer.is_quiet())
        state = node.capability("echo")
        self.assertEqual((state["pending"], state["queue"]), (0, 0))
        self.assertEqual(state["accepted"], state["finished"])

    def test_a_full_queue_refuses_with_a_hint(self):
        node = self.node(pool(n=1, queue={"limit": 2}))
        peer = self.peer(node.tcp)
        running = peer.request("echo", "sleep", b"20000")
        self.wait_running(node, 1)
        waiting = [peer.request("echo", "echo", b"%d" % i) for i in range(2)]
        outcome, headers, _ = peer.final(peer.request("echo"))
        self.assertEqual(outcome, "overloaded", headers)
        self.assertGreater(headers["hint"], 0)
        self.assertTrue(headers["retryable"])
        peer.cancel(running)
        self.assertEqual([peer.final(one)[0] for one in [running, *waiting]],
                         ["cancelled", "ok", "ok"])
        self.assert_serves(peer)

    def test_what_cannot_be_called(self):
        node = self.node(pool(n=1), actor("a"))
        far, near = self.peer(node.tcp), self.peer(node.ipc)
        for peer in far, near:
            self.assertEqual(peer.call("nobody")[0], "no_capability")
            self.assertEqual(peer.call("a")[0], "no_capability")
            self.assertEqual(peer.call("echo", "frobnicate")[0], "bad_request")
        self.assertEqual(far.call("troupe.admin", "tree")[0], "forbidden")
        self.assertEqual(far.call("troupe.other", "tree")[0], "forbidden")
        self.assertEqual(near.call("troupe.admin", "tree")[0], "ok")
        self.assertEqual(near.call("troupe.admin", "frobnicate")[0], "bad_request")
        self.assertEqual(near.call("troupe.other", "tree")[0], "no_capability")
        self.assert_serves(far)


class InlineWorkers(Workers):
    """To whoever calls from afar they are as any others: they run on threads of their own."""
    isolation = "inline"

    def test_the_tree_calls_them_inline(self):
        node = self.node(pool(n=1))
        worker, = node.capability("echo")["workers"]
        self.assertEqual(worker["isolation"], "inline")
        self.assertEqual(worker["pid"], node.process.pid)
        self.assertRegex(run_troupe("tree", "-e", node.ipc).stdout, r"echo/1 +inline +(ready|idle)")

    def test_a_stream_ends_where_it_would_have_to_wait(self):
        node = self.node(pool(n=1))
        peer = self.peer(node.ipc)
        self.assertEqual(peer.call("echo", "parts", b"3 10")[0], "ok")
        number = peer.request("echo", "parts", b"1000 10", credit=8)
        outcome, headers, _ = peer.final(number)
        self.assertEqual(outcome, "worker_error")
        self.assertIn("no room", headers["text"])
        self.assert_serves(peer)


class Garbage(NodeTest):
    def setUp(self):
        super().setUp()
        if self._testMethodName == "test_bytes_that_are_no_zmtp":
            self.let_zmq_leak()
        self.serving = self.node(pool(), limits={"malformed": 1000000})
        self.good = self.peer(self.serving.tcp)
        self.bad = self.peer(self.serving.tcp)

    def tearDown(self):
        """Whatever came: the node lives, serves old peers and new ones, and ends well."""
        self.assert_serves(self.good)
        self.assert_serves(self.bad)
        for endpoint in self.serving.tcp, self.serving.ipc:
            self.assert_serves(self.peer(endpoint))
        state = self.serving.capability("echo")
        self.assertEqual((state["pending"], state["queue"]), (0, 0))
        self.assertEqual(sum(one["restarts"] for one in state["workers"]), 0)
        self.assert_ends(self.serving, 0)

    def let_zmq_leak(self):
        known = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lsan.supp")
        os.environ["LSAN_OPTIONS"] = f"suppressions={known}:print_suppressions=0"
        self.addCleanup(os.environ.pop, "LSAN_OPTIONS")

    def connect(self):
        stream = socket.create_connection(("127.0.0.1", self.serving.port), LONG)
        self.addCleanup(stream.close)
        return stream

    def test_bytes_that_are_no_zmtp(self):
        seed = random.randrange(1 << 32)
        print(f"seed {seed}")
        dice = random.Random(seed)
        for size in 1, 10, 64, 1000, 100000:
            try:
                self.connect().sendall(dice.randbytes(size))
            except (BrokenPipeError, ConnectionResetError):
                pass
            self.assert_serves(self.good)
        self.connect().sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assert_serves(self.good)

    def test_greetings_that_stop_in_the_middle(self):
        greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(16) + bytes(32)
        for size in 1, 9, 10, 11, 12, 30, 63, 64:
            self.connect().sendall(greeting[:size])
            self.assert_serves(self.good)
        half = self.connect()
        half.sendall(greeting + b"\x04\x26\x05READY")
        self.assert_serves(self.good)

    def test_random_first_frames(self):
        seed = random.randrange(1 << 32)
        print(f"seed {seed}")
        dice = random.Random(seed)
        whole = msgpack.packb([MAGIC, "request", 7, {"capability": "echo", "timeout": 1}])
        for _ in range(300):
            kind = dice.randrange(3)
            if kind == 0:
                self.bad.raw(dice.randbytes(dice.randrange(200)), b"payload")
            elif kind == 1:
                self.bad.raw(b"\x94\xa4TRP1" + dice.randbytes(dice.randrange(200)))
            else:
                bent = bytearray(whole)
                bent[dice.randrange(len(bent))] = dice.randrange(256)
                self.bad.raw(bytes(bent))
        self.bad.raw(b"")
        self.bad.raw(b"", b"", b"")
        self.bad.last = 1000
        self.assert_serves(self.bad)
        for command, *_ in self.bad.kept:
            self.assertIn(command, ("error", "reply", "hello", "pong"))
        self.bad.kept.clear()

    def test_truncated_headers(self):
        """Each beginning of a request; those with their id are answered under it."""
        number = 77
        whole = msgpack.packb([MAGIC, "request", number, {"capability": "echo"}])
        behind_id = len(msgpack.packb([MAGIC, "request", number]))
        for size in range(len(whole)):
            self.bad.raw(whole[:size])
            if size >= behind_id:
                outcome, headers, _ = self.bad.final(number)
                self.assertEqual(outcome, "bad_request", headers)
        self.assertTrue(self.bad.is_quiet())

    def test_what_the_vectors_call_malformed(self):
        answered = 0
        with open(VECTORS) as file:
            lines = [line.split(" | ") for line in file if line.startswith("malformed")]
        for _, data, number, meaning in lines:
            self.bad.raw(bytes.fromhex(data))
            if int(number) > 0:
                outcome, headers, _ = self.bad.final(int(number))
                self.assertEqual(outcome, "bad_request", meaning)
                answered += 1
        self.assertGreater(answered, 0)
        self.assertTrue(self.bad.is_quiet())

    def test_commands_that_no_client_sends(self):
        for command in ("goaway", "status", "stop", "nonsense"):
            self.bad.send(command, 5)
            self.assertEqual(self.bad.final(5)[0], "bad_request", command)
            self.bad.send(command, 0)
        self.bad.send("credit", 5, {"credit": 1})
        self.bad.send("pong")
        self.bad.send("hello", 6, {"version-min": 2, "version-max": 3})
        self.assertEqual(self.bad.final(6)[0], "bad_request")
        self.assertTrue(self.bad.is_quiet())

    def test_a_request_for_nobody(self):
        """Numbers are for what processes ask; of those of a peer nobody knows."""
        self.bad.send("request", 5, {"ref": 1})
        self.assertEqual(self.bad.final(5)[0], "bad_request")
        for name in "echo\0", "\0", "echo\0x":
            self.bad.send("request", 6, {"capability": name})
            self.assertEqual(self.bad.final(6)[0], "no_capability", name)

    def test_too_many_frames(self):
        for count in 65, 66, 1000, 10000:
            self.bad.send("request", count, {"capability": "echo"}, *[b"x"] * count)
            self.assertEqual(self.bad.final(count)[0], "too_large", count)
        self.bad.send("request", 64, {"capability": "echo"}, *[b"x"] * 64)
        outcome, _, frames = self.bad.final(64)
        self.assertEqual(outcome, "ok")
        self.assertEqual(frames, [b"x"] * 64)

    def test_a_frame_above_the_bound(self):
        self.bad.request("echo", "echo", bytes((65 << 20)))
        self.assertEqual(self.bad.final(self.bad.last)[0], "too_large")

    def test_a_frame_that_cuts_the_connection(self):
        """The socket comes back by itself and is greeted anew."""
        self.bad.request("echo", "echo", bytes((129 << 20)))
        self.assert_serves(self.good)
        self.bad.close()
        self.bad = self.peer(self.serving.tcp)

    def test_an_id_that_is_in_use(self):
        first = self.bad.request("echo", "progress", b"1000", number=9)
        self.bad.request("echo", "echo", b"second", number=9)
        outcome, headers, _ = self.bad.final(first)
        self.assertEqual(outcome, "bad_request")
        self.assertIn("in use", headers["text"])
        outcome, _, frames = self.bad.final(first)
        self.assertEqual((outcome, frames), ("ok", [b"1000"]))
        self.assertEqual(self.bad.call("echo", "echo", b"again", number=9)[0], "ok")

    def test_ids_of_others(self):
        mine = self.good.request("echo", "progress", b"1000", number=50)
        self.bad.cancel(50)
        theirs = self.bad.request("echo", "echo", b"theirs", number=50)
        self.assertEqual(self.bad.final(theirs)[2], [b"theirs"])
        self.bad.cancel(50)
        self.bad.send("bye")
        outcome, _, frames = self.good.final(mine)
        self.assertEqual((outcome, frames), ("ok", [b"1000"]))
        self.assertTrue(self.good.is_quiet())

    def test_many_tiny_messages(self):
        for _ in range(10000):
            self.bad.raw(b"x")
        self.assert_serves(self.bad)
        self.assertTrue(self.bad.is_quiet())

    def test_more_open_requests_than_a_peer_may(self):
        self.bad.request("echo", "sleep", b"20000", number=1)
        numbers = range(2, 1202)
        for number in numbers:
            self.bad.request("echo", "sleep", b"20000", number=number)
        outcomes = [self.bad.final(number)[0] for number in range(1001, 1202)]
        self.assertEqual(set(outcomes), {"overloaded"})
        self.bad.send("bye")
        self.bad.kept.clear()
        self.bad.close()
        self.bad = self.peer(self.serving.tcp)


class Bundles(NodeTest):
    def setUp(self):
        super().setUp()
        self.serving = self.node(pool(workers={"min": 1, "max": 1, "concurrency": 200},
                                      queue={"limit": 2000}), limits={"malformed": 1000000})
        self.peers = self.peer(self.serving.tcp, bundle=65536)

    def requests(self, *numbers, data=b"x", method="echo"):
        return [("request", number, {"capability": "echo", "method": method}, data)
                for number in numbers]

    def assert_answered(self, *numbers, data=b"x"):
        for number in numbers:
            outcome, headers, frames = self.peers.final(number)
            self.assertEqual((outcome, frames), ("ok", [data]), headers)

    def test_each_command_counts_for_itself(self):
        self.assertEqual(self.peers.hello["bundle"], 65536)
        self.peers.send_bundle(*self.requests(1, 2, 3))
        self.assert_answered(1, 2, 3)
        self.peers.send_bundle()
        self.peers.send_bundle(*self.requests(4, data=b"20000", method="sleep"),
                               *self.requests(5), ("cancel", 4, {}), ("ping", 0, {}))
        self.assert_answered(5)
        self.assertEqual(self.peers.final(4)[0], "cancelled")
        self.peers.take("pong")
        self.assertTrue(self.peers.is_quiet())

    def test_answers_leave_together_and_none_is_lost(self):
        numbers = range(1, 1001)
        for first in numbers[::200]:
            self.peers.send_bundle(*self.requests(*range(first, first + 200)))
        self.assert_answered(*numbers)
        self.assertGreater(self.peers.n_bundles, 0)
        self.assertLess(self.peers.n_bundles, 1000)
        self.assertTrue(self.peers.is_quiet())

    def test_bundles_are_no_larger_than_was_said(self):
        self.peers = self.peer(self.serving.tcp, bundle=100)
        self.peers.send_bundle(*self.requests(*range(1, 101)))
        self.assert_answered(*range(1, 101))

    def test_a_large_answer_comes_by_itself(self):
        self.peers.send_bundle(*self.requests(1), *self.requests(2, data=bytes(5000)),
                               *self.requests(3))
        self.assert_answered(2, data=bytes(5000))
        self.assert_answered(1, 3)

    def test_who_does_not_ask_gets_none(self):
        plain = self.peers = self.peer(self.serving.tcp)
        plain.send_bundle(*self.requests(*range(1, 101)))
        self.assert_answered(*range(1, 101))
        self.assertEqual(plain.n_bundles, 0)

    def test_what_is_malformed_harms_nothing_else(self):
        peer = self.peers
        inner = msgpack.packb([MAGIC, "bundle", 0, {}])
        peer.send_bundle(("request", 1, {}), *self.requests(2), ("nonsense", 3, {}),
                         msgpack.packb(b"") + b"\x90", msgpack.packb(inner) + b"\x91\xa0",
                         ("request", 4, {"capability": "echo"}, *[b"x"] * 65),
                         *self.requests(5))
        for number, want in (1, "bad_request"), (3, "bad_request"), (4, "too_large"):
            self.assertEqual(peer.final(number)[0], want)
        self.assert_answered(2, 5)
        whole = msgpack.packb(msgpack.packb([MAGIC, "ping", 0, {}])) + b"\x90"
        for junk in b"\x01", b"\xc1", whole[:-1], b"\xc6\xff\xff\xff\xff":
            peer.send_bundle(*self.requests(6), junk, *self.requests(7))
            self.assert_answered(6)
        head = msgpack.packb([MAGIC, "bundle", 0, {}])
        peer.raw(head)
        peer.raw(head, whole, whole)
        peer.raw(head, whole * 20000)
        peer.send_bundle(bytes(65536))
        self.assertTrue(peer.is_quiet())

    def test_random_bundles(self):
        seed = random.randrange(1 << 32)
        print(f"seed {seed}")
        dice = random.Random(seed)
        head = msgpack.packb([MAGIC, "bundle", 0, {}])
        entry = msgpack.packb(msgpack.packb([MAGIC, "request", 7, {"capability": "echo",
                                                                   "timeout": 1}])) + b"\x90"
        for _ in range(300):
            bent = bytearray(entry * dice.randrange(1, 4))
            for _ in range(dice.randrange(1, 4)):
                bent[dice.randrange(len(bent))] = dice.randrange(256)
            self.peers.raw(head, bytes(bent))
        self.peers.last = 1000
        self.assert_serves(self.peers)

    def test_the_bounds_hold_inside_a_bundle(self):
        for first in range(1, 1201, 400):
            self.peers.send_bundle(*self.requests(*range(first, first + 400), data=b"20000",
                                                  method="sleep"))
        outcomes = [self.peers.final(number)[0] for number in range(1001, 1201)]
        self.assertEqual(set(outcomes), {"overloaded"})
        self.peers.send_bundle(("bye", 0, {}), *self.requests(2000))
        self.wait_running(self.serving, 0)


class Streams(NodeTest):
    def setUp(self):
        super().setUp()
        self.serving = self.node(pool())
        self.reader = self.peer(self.serving.ipc)

    def parts(self, number, count):
        """Take so many parts, and see that nothing else has come."""
        got = [self.reader.take("part", number)[2]["sequence"] for _ in range(count)]
        self.assertTrue(self.reader.is_quiet())
        return got

    def test_no_part_comes_that_was_not_granted(self):
        number = self.reader.request("echo", "parts", b"10 100", credit=0)
        self.wait_running(self.serving, 1)
        self.assertEqual(self.parts(number, 0), [])
        self.reader.send("credit", number, {"credit": 3})
        self.assertEqual(self.parts(number, 3), [0, 1, 2])
        self.reader.send("credit", number, {"credit": 1})
        self.reader.send("credit", number, {"credit": 2})
        self.assertEqual(self.parts(number, 3), [3, 4, 5])
        self.reader.send("credit", number, {"credit": 2**63 - 1})
        self.reader.send("credit", number, {"credit": 2**63 - 1})
        self.assertEqual([self.reader.take("part", number)[2]["sequence"] for _ in range(4)],
                         [6, 7, 8, 9])
        self.assertEqual(self.reader.final(number)[0], "ok")

    def test_a_credit_that_says_nothing_grants_nothing(self):
        number = self.reader.request("echo", "parts", b"10 100", credit=1)
        self.assertEqual(self.parts(number, 1), [0])
        self.reader.send("credit", number)
        self.reader.send("credit", number, {"credit": 0})
        self.reader.send("credit", number + 1, {"credit": 5})
        self.assertEqual(self.parts(number, 0), [])

    def test_a_stream_that_waits_holds_up_no_other(self):
        waiting = self.reader.request("echo", "parts", b"10 100", credit=2)
        running = self.reader.request("echo", "parts", b"5000 100")
        self.assertEqual(self.reader.final(running)[0], "ok")
        self.assertEqual(sum(one[:2] == ("part", running) for one in self.reader.kept), 5000)
        self.reader.kept = [one for one in self.reader.kept if one[1] != running]
        self.assertEqual(self.parts(waiting, 2), [0, 1])
        self.reader.cancel(waiting)
        self.assertEqual(self.reader.final(waiting)[0], "cancelled")

    def test_a_stream_that_nobody_reads_cuts_nobody_off(self):
        """More than all that lies between, and the peer is none the worse for it."""
        number = self.reader.request("echo", "parts", b"20000 8192")
        other = self.peer(self.serving.ipc)
        for _ in range(200):
            self.assert_serves(other)
        self.assertEqual(self.reader.final(number)[0], "ok")
        self.assertEqual(len(self.reader.kept), 20000)

    def test_what_is_to_finish_runs_on_without_its_reader(self):
        for credit in {}, {"credit": 0}, {"credit": 5}:
            headers = {"on-disconnect": "finish", **credit}
            self.reader.request("echo", "parts", b"2000 100000", **headers)
            self.wait_running(self.serving, 1)
            self.reader.send("bye")
            self.wait_running(self.serving, 0)
            self.reader.close()
            self.reader = self.peer(self.serving.ipc)


class Cut(NodeTest):
    def test_a_silent_peer_is_cut_off_and_told(self):
        node = self.node(pool())
        peer = self.peer(node.tcp, greets=False, answers_pings=False)
        peer.send("hello", 0, {"version-min": 1, "version-max": 1, "heartbeat": 100})
        peer.take("hello")
        peer.request("echo", "sleep", b"60000")
        peer.take("bye")
        self.wait_running(node, 0)
        self.assert_serves(self.peer(node.tcp))

    def test_a_peer_that_does_not_read_is_cut_off_and_told(self):
        node = self.node(pool())
        peer = self.peer(node.ipc)
        other = self.peer(node.ipc)
        peer.socket.sndtimeo = 5000  # who is cut off before the last of them sends no more
        try:
            for _ in range(40000):
                peer.request("nothing")
        except zmq.Again:
            pass
        node.wait_line("event=peer_gone why=.too slow")
        self.assert_serves(other)
        peer.take("bye")
        self.wait_running(node, 0)
        self.assert_ends(node, 0)


class Signals(NodeTest):
    def test_what_runs_is_finished_and_what_is_new_refused(self):
        node = self.node(pool(), **{"drain-timeout": "30s"})
        peer = self.peer(node.tcp)
        running = [peer.request("echo", "sleep", b"1500") for _ in range(2)]
        queued = peer.request("echo", "echo", b"last")
        self.wait_running(node, 2)
        node.kill()
        peer.take("goaway")
        node.wait_line("event=node_draining")
        outcome, headers, _ = peer.call("echo", "echo", b"too late")
        self.assertEqual(outcome, "shutting_down", headers)
        self.assertTrue(headers["retryable"])
        self.assertEqual([peer.final(one)[0] for one in [*running, queued]], ["ok"] * 3)
        self.assert_ends(node, 0, number=None)

    def test_what_does_not_end_in_time_is_told(self):
        node = self.node(pool(), **{"drain-timeout": "200ms"})
        peer = self.peer(node.tcp)
        running = peer.request("echo", "sleep", b"20000")
        self.wait_running(node, 1)
        self.assert_ends(node, 0)
        outcome, headers, _ = peer.final(running)
        self.assertIn(outcome, ("shutting_down", "worker_lost"), headers)
        self.assertIn("event=drain_timed_out", node.text())

    def test_the_second_signal_does_not_wait(self):
        for number in signal.SIGTERM, signal.SIGINT:
            node = self.node(pool(), **{"drain-timeout": "1h"})
            peer = self.peer(node.ipc)
            peer.request("echo", "sleep", b"60000")
            self.wait_running(node, 1)
            node.kill(number)
            node.wait_line("event=node_draining")
            began = time.monotonic()
            self.assert_ends(node, 0, number)
            self.assertLess(time.monotonic() - began, 10)

    def test_a_second_node_on_the_same_endpoint_is_refused(self):
        node = self.node(pool())
        peer = self.peer(node.tcp)
        for endpoint, why in (node.ipc, "another node listens"), (node.tcp, "in use"):
            second = self.node(pool(), wait=False, listen=[endpoint])
            self.assert_ends(second, 1, number=None)
            complaints = [line for line in second.lines if ": error: " in line]
            self.assertEqual(len(complaints), 1, second.text())
            self.assertIn(f"cannot listen on {endpoint}", complaints[0])
            self.assertIn(why, complaints[0])
            self.assertNotIn("event=started", second.text())
            self.assert_serves(peer)
            self.assert_serves(self.peer(node.ipc))
        path = node.ipc.removeprefix("ipc://")
        self.assertTrue(os.path.exists(path))
        self.assert_ends(node, 0)
        self.assertFalse(os.path.exists(path), "a node takes its socket file with it")

    def test_what_is_no_socket_is_not_taken(self):
        folder = tempfile.mkdtemp(dir=self.folder)
        path = os.path.join(folder, "n.sock")
        with open(path, "w") as file:
            file.write("precious")
        node = self.node(pool(), wait=False, folder=folder)
        self.assert_ends(node, 1, number=None)
        self.assertIn("is no socket", node.text())
        with open(path) as file:
            self.assertEqual(file.read(), "precious")

    def test_a_stale_socket_file_is_taken_over(self):
        folder = tempfile.mkdtemp(dir=self.folder)
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(os.path.join(folder, "n.sock"))
        node = self.node(pool(), folder=folder)
        self.assert_serves(self.peer(node.ipc))
        self.assert_ends(node, 0)

    def test_a_killed_node_comes_back_to_its_callers(self):
        node = self.node(pool())
        peers = [self.peer(endpoint) for endpoint in (node.tcp, node.ipc)]
        boots = {peer.hello["boot"] for peer in peers}
        self.assertEqual(len(boots), 1)
        for _ in range(2):
            self.assert_ends(node, -signal.SIGKILL, signal.SIGKILL)
            result = run_troupe("call", "echo", "-e", node.ipc, "-d", "x",
                                "--connect-timeout", "100ms")
            self.assertEqual(result.returncode, 3, result)
            node.start()
            for peer in peers:
                self.assert_serves(peer)
                boots.add(peer.greet()["boot"])
            for endpoint in node.tcp, node.ipc:
                result = run_troupe("call", "echo", "-e", endpoint, "-d", "again")
                self.assertEqual((result.returncode, result.stdout.strip()), (0, "again"))
        self.assertEqual(len(boots), 3)
        self.assert_ends(node, 0)


class Configurations(NodeTest):
    def test_what_is_malformed_starts_nothing(self):
        names = sorted(name for name in os.listdir(BAD) if name.endswith(".yaml"))
        for name in names[:20]:
            with self.subTest(name):
                with open(os.path.join(BAD, name.replace(".yaml", ".expected"))) as file:
                    first = file.readline().rstrip("\n")
                for verb in "check", "run":
                    result = run_troupe(verb, name, cwd=BAD)
                    self.assertEqual(result.returncode, 1, result)
                    self.assertEqual(result.stderr.splitlines()[0], first)
                    self.assertNotIn("event=", result.stderr)
                    self.assertEqual(result.stdout, "")


if __name__ == "__main__":
    unittest.main(verbosity=2)
