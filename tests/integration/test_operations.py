"""What operators do to workers, capabilities and the node, by the command and by calls of
troupe.admin written from docs/protocol.md; and what they hear about it, by its events."""

import json
import os
import signal
import subprocess
import sys
import unittest

try:
    import msgpack
    import zmq
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

from node_kit import LONG, TROUPE, Node, Peer, run_troupe

ADMIN = "troupe.admin"
ECHO = {"capability": "echo", "worker": {"module": "echo"},
        "workers": {"min": 1, "max": 3}, "keep-alive": "infinity"}
LATE = {"capability": "late", "worker": {"module": "echo"}, "workers": {"min": 0, "max": 2}}
AUDIT = {"actor": "audit", "worker": {"module": "echo"}}


class Listener:
    """A peer that listens to events, from the moment on in which it is made."""

    def __init__(self, peer, *frames, **headers):
        self.peer = peer
        self.number = peer.last = peer.last + 1
        peer.send("request", self.number, {"capability": ADMIN, "method": "events", **headers},
                  *frames)
        peer.call(ADMIN, "help")  # what was sent before has been read

    def next(self):
        command, _, headers, frames = self.peer.take("part", self.number)
        assert command == "part" and len(frames) == 1
        return {"sequence": headers["sequence"], **msgpack.unpackb(frames[0])}

    def until(self, name, **fields):
        """The next event of that name with those fields."""
        while True:
            event = self.next()
            if event["event"] == name and fields.items() <= event.items():
                return event


class Operations(unittest.TestCase):
    schedule = None

    def setUp(self):
        top = {"schedule": self.schedule} if self.schedule else {}
        self.node = Node({"intensity": {"restarts": 0, "period": "1s"},
                          "children": [ECHO, LATE, AUDIT]}, **top).start()
        self.addCleanup(self.node.end)
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, 0)
        self.peers = []  # closed with their context
        self.peer = self.connect()

    def connect(self, endpoint=None):
        self.peers.append(Peer(self.context, endpoint or self.node.ipc))
        return self.peers[-1]

    def listen(self, *frames, **headers):
        return Listener(self.connect(), *frames, **headers)

    def admin(self, method, *frames, peer=None, **headers):
        peer = peer or self.peer
        peer.last += 1
        peer.send("request", peer.last, {"capability": ADMIN, "method": method, **headers},
                  *frames)
        return peer.last

    def ask(self, method, *frames, **headers):
        return self.peer.final(self.admin(method, *frames, **headers))

    def troupe(self, *words):
        return run_troupe(*words, "-e", self.node.ipc)

    def assert_done(self, text, *words):
        result = self.troupe(*words)
        self.assertEqual((result.returncode, result.stdout), (0, text + "\n"), result.stderr)

    def assert_refused(self, text, *words, code=1):
        result = self.troupe(*words)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        self.assertIn(text, result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1)

    def state(self, name):
        return self.node.capability(name)["state"]

    def names(self, name):
        return [one["id"] for one in self.node.capability(name)["workers"]]

    def occupy(self, peer, n=1, ms=60000):
        """Let that many requests run, which end when they are cancelled."""
        listener = self.listen(b"process_started started")
        numbers = [peer.request("echo", "sleep", b"%d" % ms) for _ in range(n)]
        while self.node.capability("echo")["pending"] < n:
            listener.peer.receive(0.01)
        listener.peer.close()
        return numbers


class Workers(Operations):
    def test_a_pool_is_scaled_and_workers_are_evicted(self):
        listener = self.listen(b"started ended scaled")
        self.assert_done("echo has been scaled: between 2 and 3 workers", "scale", "echo", "2..")
        self.assertEqual((listener.until("scaled")["min"]), 2)
        listener.until("started", child="echo/2")
        self.assertEqual(self.names("echo"), ["echo/1", "echo/2"])
        self.assert_refused("echo/2 cannot be evicted: its pool has no more than its min",
                            "evict", "echo/2")
        self.assert_done("echo has been scaled: between 0 and 3 workers", "scale", "echo", "0..")
        self.assert_done("echo/2 has been evicted", "evict", "echo/2")
        self.assertEqual(self.names("echo"), ["echo/1"])
        self.assert_done("echo has let its idle workers go: 1 worker went", "evict", "echo")
        self.assertEqual(self.names("echo"), [])
        self.assert_done("echo has let its idle workers go: 0 workers went", "evict", "echo")
        self.assertEqual(self.peer.call("echo", "echo", b"x")[0], "ok")

    def test_a_pool_that_is_scaled_down_lets_the_surplus_go(self):
        listener = self.listen(b"started ended")
        self.assert_done("echo has been scaled: between 3 and 3 workers", "scale", "echo", "3")
        listener.until("started", child="echo/3")
        self.assert_done("echo has been scaled: between 1 and 1 workers", "scale", "echo", "1")
        listener.until("ended", reason="shutdown")
        listener.until("ended", reason="shutdown")
        self.assertEqual(len(self.names("echo")), 1)

    def test_a_busy_worker_is_not_evicted_but_drained(self):
        self.assert_done("echo has been scaled: between 0 and 3 workers", "scale", "echo", "0..")
        running, = self.occupy(self.peer)
        self.assert_refused("echo/1 cannot be evicted: it is busy", "evict", "echo/1")
        other = self.connect()
        drain = self.admin("drain", b"echo/1", peer=other)
        self.assertEqual(self.peer.call("echo", "echo", b"x")[0], "ok")  # by another one
        self.assertIn("echo/1", self.names("echo"))
        self.peer.cancel(running)
        self.assertEqual(self.peer.final(running)[0], "cancelled")
        self.assertEqual(other.final(drain)[2], [b"echo/1 has been drained"])
        self.assertNotIn("echo/1", self.names("echo"))

    def test_a_worker_that_drains_may_be_kept(self):
        running, = self.occupy(self.peer)
        other = self.connect()
        drain = self.admin("drain", b"echo/1", peer=other)
        other.call(ADMIN, "tree")
        self.assert_done("echo/1 goes on", "resume", "echo/1")
        outcome, headers, _ = other.final(drain)
        self.assertEqual(outcome, "bad_request")
        self.assertIn("echo/1 cannot be drained: it was told to resume", headers["text"])
        self.peer.cancel(running)
        self.peer.final(running)
        self.assertIn("echo/1", self.names("echo"))
        self.assert_refused("echo/1 cannot be resumed: it is not draining", "resume", "echo/1")


class Capabilities(Operations):
    def test_a_paused_one_takes_requests_that_wait(self):
        self.assert_done("echo is paused: its requests wait", "pause", "echo")
        self.assert_done("echo is paused: its requests wait", "pause", "echo")
        self.assertEqual(self.state("echo"), "paused")
        number = self.peer.request("echo", "echo", b"x")
        self.assertEqual(self.peer.call("late", "echo", b"y")[0], "ok")  # the others go on
        self.assertEqual(self.node.capability("echo")["queue"], 1)
        self.assert_done("echo goes on", "resume", "echo")
        self.assertEqual(self.peer.final(number), ("ok", {}, [b"x"]))
        self.assert_done("echo was not paused or drained", "resume", "echo")
        self.assertEqual(self.state("echo"), "ready")

    def test_a_drained_one_finishes_what_it_has_and_rests(self):
        listener = self.listen(b"ended")
        running, = self.occupy(self.peer)
        other = self.connect()
        drain = self.admin("drain", b"echo", peer=other)
        other.call(ADMIN, "tree")
        self.assertEqual(self.state("echo"), "draining")
        outcome, headers, _ = self.peer.call("echo", "echo", b"x")
        self.assertEqual(outcome, "shutting_down")
        self.assertIn("echo is draining", headers["text"])
        self.assertEqual(self.peer.call("late", "echo", b"y")[0], "ok")
        self.assert_refused("echo is draining: resume it first", "pause", "echo")
        self.peer.cancel(running)
        self.peer.final(running)
        self.assertEqual(other.final(drain)[2], [b"echo has been drained"])
        listener.until("ended", child="echo/1")
        self.assertEqual((self.state("echo"), self.names("echo")), ("drained", []))
        self.assert_done("echo has been drained", "drain", "echo")  # again
        listener = self.listen(b"started")
        self.assert_done("echo goes on", "resume", "echo")
        listener.until("started", kind="worker")
        self.assertEqual(self.peer.call("echo", "echo", b"x")[0], "ok")

    def test_one_that_is_resumed_has_not_drained(self):
        running, = self.occupy(self.peer)
        other = self.connect()
        drain = self.admin("drain", b"echo", peer=other)
        other.call(ADMIN, "tree")
        self.assert_done("echo goes on", "resume", "echo")
        outcome, headers, _ = other.final(drain)
        self.assertEqual(outcome, "cancelled")
        self.assertIn("resumed before it had drained", headers["text"])
        self.assertEqual(self.peer.call("echo", "echo", b"x")[0], "ok")
        self.peer.cancel(running)

    def test_the_wait_for_a_drain_is_bounded_and_the_drain_goes_on(self):
        listener = self.listen(b"ended")
        running, = self.occupy(self.peer)
        self.assert_refused("timeout: the draining goes on", "drain", "echo", "-t", "50ms",
                            code=4)
        self.assertEqual(self.state("echo"), "draining")
        self.peer.cancel(running)
        listener.until("ended", child="echo/1")

    def test_one_that_does_not_run_is_left_alone(self):
        self.assert_done("echo has been terminated", "terminate", "echo")
        for verb in (["evict", "echo"], ["scale", "echo", "2"], ["pause", "echo"],
                     ["drain", "echo"], ["resume", "echo"]):
            self.assert_refused("echo does not run: restart it first", *verb)
        self.assert_done("echo has been restarted", "restart", "echo")
        self.assert_done("echo is paused: its requests wait", "pause", "echo")


class Failures(unittest.TestCase):
    """What was ordered of a capability holds when it falls with others, or by itself."""

    def setUp(self):
        def pool(name, **more):
            return {"capability": name, "worker": {"module": "echo"},
                    "workers": {"min": 1, "max": 1}, **more}

        fragile = pool("fragile", isolation="process",
                       intensity={"restarts": 0, "period": "1s"}, **{"on-intensity": "escalate"})
        self.node = Node({"children": [
            {"supervisor": "group", "strategy": "one_for_all",
             "intensity": {"restarts": 10, "period": "10s"},
             "children": [pool("paused"), pool("drained"), pool("scaled"), fragile]}]}).start()
        self.addCleanup(self.node.end)
        self.falls = 0

    def told(self, *words):
        result = self.node.run(*words)
        self.assertEqual(result.returncode, 0, result.stderr)

    def fall(self):
        """The capability `fragile` gives up, and all beside it are started anew."""
        self.falls += 1
        worker, = self.node.capability("fragile")["workers"]
        os.kill(worker["pid"], signal.SIGKILL)
        self.node.wait_line("event=started child=fragile .*kind=capability", 1 + self.falls)

    def now(self, name):
        one = self.node.capability(name)
        return one["state"], one["min"], one["max"], len(one["workers"])

    def test_orders_outlive_what_they_were_given_to(self):
        self.told("pause", "paused")
        self.told("drain", "drained")
        self.told("scale", "scaled", "2..3")
        self.told("scale", "fragile", "1..2")
        for _ in range(2):
            self.fall()
            self.assertEqual(self.now("paused"), ("paused", 1, 1, 1))
            self.assertEqual(self.now("drained"), ("drained", 1, 1, 0))
            self.assertEqual(self.now("scaled")[1:], (2, 3, 2))
            self.assertEqual(self.now("fragile")[1:3], (1, 2))
        self.told("resume", "paused")
        self.told("resume", "drained")
        self.told("scale", "scaled", "1..1")
        self.fall()
        self.assertEqual(self.now("paused")[:3], ("ready", 1, 1))
        self.assertEqual(self.now("drained")[:3], ("ready", 1, 1))
        self.assertEqual(self.now("scaled")[1:], (1, 1, 1))

    def test_what_is_stopped_begins_as_it_is_described(self):
        self.told("pause", "paused")
        self.told("scale", "paused", "2")
        self.told("terminate", "paused")
        self.told("restart", "paused")
        self.assertEqual(self.now("paused")[1:3], (1, 1))
        self.assertNotEqual(self.now("paused")[0], "paused")


class WholeNode(Operations):
    def test_a_drained_node_answers_operators_and_nobody_else(self):
        listener = self.listen(b"node")
        ends = self.listen(b"ended")
        running, = self.occupy(self.peer)
        other = self.connect()
        drain = self.admin("drain", peer=other)
        listener.until("node_draining")
        self.assertEqual(self.node.tree()["state"], "draining")
        for name in ("echo", "late"):
            self.assertEqual(self.peer.call(name, "echo", b"x")[0], "shutting_down")
        self.assert_refused("the node itself is draining", "pause", "late")
        self.assert_refused("the node is drained: resume it first", "restart", "late")
        self.peer.cancel(running)
        self.peer.final(running)
        self.assertEqual(other.final(drain)[2], [b"tested has been drained"])
        listener.until("node_drained")
        ends.until("ended", child="echo/1")
        tree = self.node.tree()
        self.assertEqual([(one["state"], one["workers"]) for one in tree["capabilities"]],
                         [("drained", [])] * 2)
        self.assertEqual(other.kept, [])  # no goaway
        self.assert_done("tested has been drained", "drain")

        self.assert_done("tested goes on", "resume")
        listener.until("node_resumed")
        self.assertEqual(self.node.tree()["state"], "ready")
        for name in ("echo", "late"):
            self.assertEqual(self.peer.call(name, "echo", b"x")[0], "ok")
        self.assert_done("the node was not drained", "resume")

    def test_a_drained_node_stops_at_once(self):
        self.assert_done("tested has been drained", "drain")
        self.node.kill()
        self.assertEqual(self.node.wait(), 0)
        self.assertNotIn("drain_timed_out", self.node.text())

    def test_a_draining_node_that_is_told_to_stop_finishes_first(self):
        listener = self.listen(b"node")
        running = self.peer.request("echo", "sleep", b"400")
        while self.node.capability("echo")["pending"] == 0:
            self.peer.receive(0.01)
        self.admin("drain", peer=self.connect())
        listener.until("node_draining")
        self.node.kill()
        self.assertEqual(self.peer.final(running)[0], "ok")
        self.assertEqual(self.node.wait(), 0)
        self.assertNotIn("drain_timed_out", self.node.text())


class Later(Operations):
    def test_what_is_put_off_is_done_later(self):
        listener = self.listen(b"scheduled ended started")
        self.assert_done("echo will be restarted in 100ms", "restart", "echo", "--in", "100ms")
        event = listener.until("scheduled")
        self.assertEqual((event["what"], event["capability"], event["outcome"]),
                         ("restart", "echo", "ok"))
        self.assertIn("echo has been restarted", event["result"])
        self.assert_done("echo will be scaled in 50ms", "scale", "echo", "0..2", "--in", "50ms")
        listener.until("scheduled", what="scale", outcome="ok")
        self.assertEqual(self.node.capability("echo")["max"], 2)
        self.assert_done("late will be evicted in 50ms", "evict", "late", "--in", "50ms")
        listener.until("scheduled", what="evict",
                       result="late has let its idle workers go: 0 workers went")

    def test_what_fails_later_is_told_too(self):
        listener = self.listen(b"scheduled")
        self.assert_done("echo/1 will be evicted in 50ms", "evict", "echo/1", "--in", "50ms")
        event = listener.next()
        self.assertEqual(event["outcome"], "bad_request")
        self.assertIn("echo/1 cannot be evicted: its pool has no more than its min",
                      event["result"])

    def test_only_so_much_can_be_put_off(self):
        self.assert_refused("there is no child called nobody", "restart", "nobody", "--in", "1h")
        for number in range(100):
            self.assertEqual(self.ask("restart", b"echo", b"1h")[0], "ok", number)
        outcome, headers, _ = self.ask("restart", b"echo", b"1h")
        self.assertEqual(outcome, "overloaded")
        self.assertIn("too much is put off already", headers["text"])
        self.assertEqual(self.ask("evict", b"echo")[0], "ok")


class Scheduled(Operations):
    schedule = [{"every": "200ms", "evict": "late"}, {"every": "300ms", "scale": "echo", "max": 2}]

    def test_errands_come_again(self):
        listener = self.listen(b"scheduled ended")
        self.assertEqual(self.peer.call("late", "echo", b"x")[0], "ok")
        listener.until("ended", child="late/1")  # nothing else lets it go so soon
        for _ in range(3):
            listener.until("scheduled", what="evict", capability="late", outcome="ok")
        listener.until("scheduled", what="scale", capability="echo")
        self.assertEqual(self.node.capability("echo")["max"], 2)
        self.assertEqual(self.node.capability("echo")["min"], 1)


class Nonsense(Operations):
    def test_names_that_do_not_fit_are_refused(self):
        for name in ("nobody", "root", "troupe.admin", "echo/pool", "echo/router", "echo/99"):
            for verb in ("evict", "drain"):
                self.assert_refused(f"there is no worker or capability called {name}", verb, name)
            self.assert_refused(f"there is no worker, capability or actor called {name}",
                                "resume", name)
        for verb in ("evict", "drain"):
            self.assert_refused("there is no worker or capability called audit", verb, "audit")
        for name in ("nobody", "audit", "echo/1"):
            self.assert_refused(f"there is no capability called {name}", "pause", name)
            self.assert_refused(f"there is no capability called {name}", "scale", name, "2")
        self.assertEqual(self.state("echo"), "ready")

    def test_wrong_usage_is_told_from_what_the_node_refuses(self):
        for words in (["evict"], ["scale", "echo"], ["pause"], ["evict", ""], ["drain", ""],
                      ["scale", "echo", "x"], ["scale", "echo", ".."], ["scale", "echo", "-1"],
                      ["scale", "echo", "10001"], ["evict", "echo", "echo"],
                      ["evict", "echo", "--in", "soon"], ["pause", "echo", "--in", "1s"],
                      ["events", "-n", "0"], ["events", "--replay", "257"], ["events", "echo"],
                      ["stats", "-i", "x"]):
            result = self.troupe(*words)
            self.assertEqual((result.returncode, result.stdout), (2, ""), words)
            self.assertEqual(result.stderr.count("\n"), 1, words)
        self.assert_refused("the second frame must be a number of workers", "scale", "echo", "0")
        self.assert_refused("the second frame must be", "scale", "echo", "3..1")
        self.assert_refused("at least 5 and at most 3 workers", "scale", "echo", "5..")
        self.assert_refused("sockets for", "scale", "echo", "10000")

    def test_frames_may_be_anything(self):
        big = b"x" * 100000
        for method in ("evict", "scale", "pause", "drain", "resume", "restart", "events"):
            for frames in ([big], [b"\0"], [b"echo\0"], [b"echo", big], [b"echo", b"\xff" * 9],
                           [b"\xff\xfe"], [b"x" * 79], [b"x" * 80], [b"echo", b"1", big],
                           [b"echo", b"9" * 30]):
                if method == "events" and frames in ([b"\xff\xfe"], [b"x" * 79], [b"x" * 80]):
                    continue  # words that no event has are fine
                if frames[0] == b"echo" and (method in ("pause", "drain", "resume") or
                                             (method, len(frames)) == ("events", 3)):
                    continue  # further frames are not looked at
                outcome, headers, _ = self.ask(method, *frames, timeout=20000)
                self.assertEqual(outcome, "bad_request",
                                 (method, [frame[:20] for frame in frames], headers))
        outcome, headers, _ = self.ask("evict")
        self.assertIn("the first frame must be the child's name", headers["text"])
        outcome, headers, _ = self.ask("dance")
        self.assertIn("it has tree, stats, requests, events, add", headers["text"])
        self.assertEqual(self.ask("help")[0], "ok")
        self.assertEqual(self.state("echo"), "ready")

    def test_over_tcp_nobody_operates_or_listens(self):
        peer = self.connect(self.node.tcp)
        for method in ("events", "drain", "stats"):
            number = self.admin(method, peer=peer)
            self.assertEqual(peer.final(number)[0], "forbidden")


class Events(Operations):
    def test_a_reader_hears_what_happens_as_it_happens(self):
        listener = self.listen(b"ended started operation")
        self.assert_done("audit has been restarted", "restart", "audit")
        heard = [listener.next() for _ in range(3)]
        self.assertEqual([one["event"] for one in heard], ["ended", "started", "operation"])
        self.assertEqual([one["sequence"] for one in heard], [0, 1, 2])
        self.assertEqual([one["seq"] - heard[0]["seq"] for one in heard], [0, 1, 2])
        self.assertEqual((heard[0]["child"], heard[0]["kind"], heard[0]["level"]),
                         ("audit", "actor", "info"))
        self.assertAlmostEqual(heard[0]["time"] / 1000, os.stat(self.node.file).st_mtime,
                               delta=LONG)
        listener.peer.cancel(listener.number)
        self.assertEqual(listener.peer.final(listener.number)[0], "cancelled")

    def test_past_events_come_first(self):
        self.node.wait_line("event=node_ready")
        listener = self.listen(b"node listening", b"100")
        self.assertEqual([listener.next()["event"] for _ in range(3)],
                         ["listening", "listening", "node_ready"])
        self.assert_done("tested has been drained", "drain")
        self.assertEqual([listener.next()["event"] for _ in range(2)],
                         ["node_draining", "node_drained"])
        listener = self.listen(b"node", b"1")
        self.assertEqual(listener.next()["event"], "node_drained")

    def test_a_slow_reader_holds_nobody_and_is_told_what_it_lost(self):
        slow = self.listen(b"operation", credit=1)
        quick = self.listen(b"operation")
        n = 300  # one was granted, 256 wait
        for number in range(n):
            self.assertEqual(self.ask("scale", b"echo", b"1..3")[0], "ok", number)
        for _ in range(n):
            self.assertEqual(quick.next()["event"], "operation")
        first = slow.next()
        self.assertTrue(slow.peer.is_quiet())
        slow.peer.send("credit", slow.number, {"credit": 1000})
        for number in range(256):
            self.assertEqual(slow.next()["seq"] > first["seq"], True)
        shed = slow.next()
        self.assertEqual((shed["event"], shed["count"], shed["seq"]),
                         ("events_shed", n - 257, 0))
        self.ask("scale", b"echo", b"1..3")
        self.assertEqual(slow.next()["event"], "operation")

    def test_a_reader_that_does_not_read_holds_nobody(self):
        deaf = self.connect()
        self.admin("events", b"", peer=deaf)
        for number in range(1500):
            self.assertEqual(self.ask("scale", b"echo", b"1..3")[0], "ok", number)
        self.assertEqual(self.peer.call("echo", "echo", b"x")[0], "ok")

    def test_many_readers_come_and_go(self):
        peers = [self.connect() for _ in range(10)]
        listeners = [Listener(peers[number % 10], b"operation") for number in range(50)]
        self.assertEqual(self.ask("scale", b"echo", b"1..3")[0], "ok")
        self.assertEqual(len({listener.next()["seq"] for listener in listeners}), 1)
        for listener in listeners[::2]:
            listener.peer.cancel(listener.number)
        for peer in peers[5:]:
            peer.send("bye", 0)
        self.assertEqual(self.ask("scale", b"echo", b"1..3")[0], "ok")
        for number, listener in enumerate(listeners):
            if number % 2 and number % 10 < 5:
                self.assertEqual(listener.next()["text"][:4], "echo")
        for _ in range(200):  # nothing of those that have left takes a place
            number = self.admin("events", b"")
            self.peer.cancel(number)
            self.assertEqual(self.peer.final(number)[0], "cancelled")

    def test_a_stream_ends_with_its_time_or_its_node(self):
        brief = self.listen(b"none", timeout=50)
        self.assertEqual(brief.peer.final(brief.number)[0], "timeout")
        endless = self.listen(b"node_stopping")
        self.node.kill()
        self.assertEqual(endless.peer.final(endless.number)[0], "shutting_down")
        self.assertEqual(self.node.wait(), 0)

    def test_a_stream_ends_with_its_reader_whatever_that_says(self):
        for _ in range(150):  # more than may listen at a time
            peer = self.connect()
            self.admin("events", b"", peer=peer, **{"on-disconnect": "finish"})
            self.admin("help", peer=peer)
            peer.final(peer.last)
            peer.send("bye", 0)
            peer.socket.close(1000)
        self.listen(b"none")

    def test_the_command_shows_events(self):
        self.assert_done("audit has been restarted", "restart", "audit")
        result = self.troupe("events", "--replay", "50", "-f", "operation", "-n", "1", "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        event = json.loads(result.stdout)
        self.assertEqual((event["event"], event["child"]), ("operation", "audit"))
        result = self.troupe("events", "--replay", "50", "-f", "ended", "-f", "none", "-n", "1")
        self.assertRegex(result.stdout, r"^\d\d:\d\d:\d\d\.\d{3} ended child=audit kind=actor "
                                        r"reason=shutdown\n$")
        self.assertEqual(self.troupe("events", "-t", "50ms").returncode, 0)
        result = self.troupe("events", "-f", "none", "-t", "50ms", "-n", "1")
        self.assertEqual(result.returncode, 4)
        self.assertIn("0 of 1 events came in time", result.stderr)

    def test_the_command_follows_until_it_is_interrupted(self):
        def heed_interrupts():  # which are ignored by what runs in the background of a shell
            signal.signal(signal.SIGINT, signal.SIG_DFL)

        with subprocess.Popen([TROUPE, "events", "-e", self.node.ipc, "--replay", "1"], text=True,
                              stdout=subprocess.PIPE, preexec_fn=heed_interrupts) as process:
            try:
                process.stdout.readline()  # it listens
                self.assert_done("audit has been restarted", "restart", "audit")
                while "ended child=audit" not in process.stdout.readline():
                    self.assertIsNone(process.poll())
                process.send_signal(signal.SIGINT)
                self.assertEqual(process.wait(LONG), 130)
            finally:
                process.kill()


class Stats(Operations):
    def test_counters_and_times_are_shown(self):
        for _ in range(3):
            self.assertEqual(self.peer.call("echo", "echo", b"x")[0], "ok")
        self.assertEqual(self.peer.call("echo", "fail", b"x")[0], "worker_error")
        running, = self.occupy(self.peer)
        lines = self.troupe("stats", "-i", "20ms").stdout.splitlines()
        titles = lines[0].split()
        self.assertEqual(titles, ["CAPABILITY", "STATE", "QUEUE", "PENDING", "DONE", "FAILED",
                                  "REQ/S", "P50", "P95", "P99", "WORKERS", "SIZE"])
        echo = lines[1].split()
        self.assertEqual(echo[:7], ["echo", "ready", "0", "1", "3", "1", "0.0"])
        self.assertEqual(echo[-2:], ["1", "1..3"])
        self.assertEqual(lines[2].split()[:2], ["late", "ready"])
        self.peer.cancel(running)

    def test_all_metrics_are_there_for_programs(self):
        self.peer.call("echo", "echo", b"x")
        stats = json.loads(self.troupe("stats", "--json").stdout)
        self.assertEqual(stats["node"], "tested")
        found = [one for one in stats["metrics"]
                 if one["labels"] == {"capability": "echo", "outcome": "ok"}]
        self.assertEqual([(one["name"], one["kind"], one["value"]) for one in found],
                         [("troupe_requests_total", "counter", 1)])
        times = next(one for one in stats["metrics"] if one["labels"] == {"capability": "echo"}
                     and one["name"] == "troupe_request_duration_seconds")
        self.assertEqual((times["kind"], times["value"]), ("histogram", 1))
        self.assertLessEqual(times["p50_us"], times["p99_us"])
        self.assertNotIn("steps", times)
        self.assertLessEqual(stats["started"], stats["time"])

    def test_the_steps_of_histograms_are_told_to_who_wants_them(self):
        for _ in range(3):
            self.peer.call("echo", "echo", b"x")
        outcome, _, frames = self.ask("stats", b"steps")
        self.assertEqual(outcome, "ok")
        times = next(one for one in msgpack.unpackb(frames[0])["metrics"]
                     if one["labels"] == {"capability": "echo"}
                     and one["name"] == "troupe_request_duration_seconds")
        begins, counts = times["steps"][::2], times["steps"][1::2]
        self.assertEqual(sum(counts), times["value"])
        self.assertEqual(begins, sorted(set(begins)))
        self.assertEqual(self.ask("stats", b"stairs")[0], "bad_request")


class Requests(Operations):
    def requests(self, *frames):
        outcome, _, frames = self.ask("requests", *frames)
        self.assertEqual(outcome, "ok")
        return msgpack.unpackb(frames[0])

    def test_all_that_is_queued_and_running_is_told(self):
        self.assertEqual(self.requests(), {"requests": [], "left_off": 0, "silent": []})
        self.assertEqual(self.troupe("requests").stdout, "nothing is queued or running\n")
        running = self.occupy(self.peer, 3)
        waiting = [self.peer.request("echo", "echo", b"x", priority=priority, timeout=60000)
                   for priority in ("low", "high")]
        self.peer.call("late", "echo", b"x")  # they have been read
        found = self.requests()
        self.assertEqual([(one["capability"], one["state"], one["method"], one["priority"])
                          for one in found["requests"]],
                         [("echo", "running", "sleep", "normal")] * 3 +
                         [("echo", "queued", "echo", "low"), ("echo", "queued", "echo", "high")])
        self.assertEqual(sorted(one["worker"] for one in found["requests"]),
                         ["", "", *self.names("echo")])
        for one in found["requests"]:
            self.assertEqual((one["attempt"], one["parts"], one["shares"]), (1, 0, False))
            self.assertEqual(one["running"] is None, one["state"] == "queued")
            self.assertGreater(one["remaining"], 0)
        few = self.requests(b"echo", b"4")
        self.assertEqual((len(few["requests"]), few["left_off"]), (4, 1))
        lines = self.troupe("requests", "echo", "-n", "4").stdout.splitlines()
        self.assertEqual(lines[0].split(), ["CAPABILITY", "STATE", "AGE", "RUNNING", "LEFT",
                                            "PRIORITY", "METHOD", "PEER", "WORKER"])
        self.assertEqual(lines[4].split()[:2], ["echo", "queued"])
        self.assertEqual(lines[5:], ["and 1 more"])
        shown = json.loads(self.troupe("requests", "--json").stdout)
        self.assertEqual(len(shown["requests"]), 5)
        for number in running + waiting:
            self.peer.cancel(number)
            self.peer.final(number)

    def test_who_wants_to_know_is_told_how_its_request_stands(self):
        self.assert_done("echo is paused: its requests wait", "pause", "echo")
        first = self.peer.request("echo", "echo", b"x")
        number = self.peer.request("echo", "parts", b"2 1", **{"wants-status": True})
        self.assertEqual(self.peer.take("status", number),
                         ("status", number, {"state": "queued", "position": 2}, []))
        self.assert_done("echo goes on", "resume", "echo")
        self.assertEqual(self.peer.take("status", number),
                         ("status", number, {"state": "running"}, []))
        self.assertEqual([self.peer.take("part", number)[2]["sequence"] for _ in range(2)],
                         [0, 1])
        self.assertEqual(self.peer.final(number)[0], "ok")
        self.assertEqual(self.peer.final(first)[0], "ok")
        result = self.troupe("call", "late", "-m", "echo", "-d", "x", "--status")
        self.assertEqual((result.returncode, result.stdout), (0, "x"))
        self.assertEqual(result.stderr.splitlines(),
                         ["troupe: late: it waits for a worker that is starting, with 1 in all",
                          "troupe: late: a worker has it"])
        lines = self.troupe("call", "echo", "-m", "echo", "-d", "x", "--status", "--json").stdout
        self.assertEqual(json.loads(lines.splitlines()[0]), {"status": "running", "position": 0})
        self.assertEqual(self.peer.call(ADMIN, "help", **{"wants-status": True})[0], "ok")
        self.assertTrue(self.peer.is_quiet())

    def test_wishes_that_cannot_be_are_refused(self):
        self.assert_refused("there is no such capability", "requests", "nobody")
        for frames in ((b"\0",), (b"x" * 100,), (b"", b"0"), (b"", b"-1"), (b"", b"many"),
                       (b"", b"100001"), (b"", b"9" * 40)):
            self.assertEqual(self.ask("requests", *frames)[0], "bad_request")
        for number in ("0", "x", "100001"):
            self.assert_refused("is no number", "requests", "-n", number, code=2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
