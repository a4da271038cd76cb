#!/usr/bin/env python3
"""Each way to misbehave against a node of its own, while a good client is served: it sees no
error, what was refused is counted, and the node lives."""

import os
import random
import re
import threading
import time
import unittest
import urllib.request

import zmq

import hostile
from node_kit import LONG, Peer, free_port
from test_node import NodeTest, pool

SEED = int(os.environ.get("TROUPE_SEED", random.randrange(1 << 32)))
SCALE = 1 if os.environ.get("TROUPE_SANITIZED") == "1" else 4
LIMITS = {"malformed": 20, "queue-bytes": "1MiB", "stall": "500ms", "idle": "1s", "frame": "1MiB",
          "open": 50, "connections": 100}


class Good(threading.Thread):
    """Asks until it is told to stop; `wrong` is what was not as it should be."""

    def __init__(self, endpoint):
        super().__init__(daemon=True)
        self.context = zmq.Context()
        self.endpoint = endpoint
        self.wrong = None
        self.n_answers = 0
        self.is_over = threading.Event()

    def run(self):
        peer = Peer(self.context, self.endpoint)
        while not self.is_over.is_set() and not self.wrong:
            data = b"%d" % self.n_answers
            outcome, headers, frames = peer.call("echo", "echo", data)
            if (outcome, frames) != ("ok", [data]):
                self.wrong = (outcome, headers, frames)
            self.n_answers += 1
        peer.close()

    def end(self):
        self.is_over.set()
        self.join(LONG)
        self.context.destroy(0)


class Hostile(NodeTest):
    def setUp(self):
        super().setUp()
        print(f"seed {SEED}")
        self.port = free_port()
        self.tried = self.node(pool(workers={"min": 2, "max": 2, "concurrency": 8},
                                    queue={"limit": 10000}),
                               limits=dict(LIMITS), http=f"127.0.0.1:{self.port}")
        self.good = Good(self.tried.tcp)
        self.good.start()
        self.until(lambda: self.good.n_answers > 0)

    def tearDown(self):
        before = self.good.n_answers
        self.until(lambda: self.good.n_answers > before + 20)
        self.good.end()
        self.assertIsNone(self.good.wrong)
        self.assert_ends(self.tried, 0)

    def until(self, holds):
        until = time.monotonic() + LONG
        while not holds():
            self.assertLess(time.monotonic(), until, self.tried.text()[-3000:])
            time.sleep(0.01)

    def value(self, name, **labels):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=LONG) as page:
            text = page.read().decode()
        label = "".join('{%s="%s"}' % one for one in labels.items())
        found = re.search(r"^%s (\d+)$" % re.escape(name + label), text, re.MULTILINE)
        return int(found.group(1)) if found else 0

    def limited(self, limit):
        return self.value("troupe_gateway_limited_total", limit=limit)

    def n_bad(self):
        return sum(self.value("troupe_gateway_bad_messages_total", dialect=one)
                   for one in ("trp1", "unknown"))

    def misbehave(self, kind, count, seconds=3):
        return hostile.KINDS[kind](self.tried.tcp,
                                   hostile.Bounds(count * SCALE, seconds, f"{SEED} {kind}"))

    def wait_alone(self):
        """Only the good client is left; its metrics are read by http, not by the gateway."""
        self.until(lambda: self.value("troupe_gateway_connections") == 1)
        self.until(lambda: self.value("troupe_gateway_peers") == 1)

    def test_who_says_nothing_is_sent_away(self):
        held = [hostile.Zmtp(self.tried.tcp, greets=n % 2 == 1) for n in range(20)]
        self.until(lambda: self.limited("idle") >= 10)
        for one in held:
            self.assertTrue(one.is_closed(LONG))  # also those that libzmq itself sends away
        self.wait_alone()

    def test_more_connections_than_there_may_be(self):
        held = []
        for _ in range(150):
            try:
                held.append(hostile.Zmtp(self.tried.tcp, greets=False))
            except OSError:
                pass
        self.until(lambda: self.limited("connections") >= 51)
        self.assertEqual(self.value("troupe_gateway_peers"), 1)
        self.tried.wait_line("event=connections_refused")
        told = [line for line in self.tried.lines if "event=connections_refused" in line]
        self.assertLess(len(told), 5)
        self.tried.tree()  # whoever operates the node still gets in
        for one in held:
            one.close()
        self.wait_alone()
        Peer(self.context, self.tried.tcp).close()

    def test_frames_that_stop_in_the_middle(self):
        self.misbehave("half_frame", 50)
        self.wait_alone()

    def test_messages_that_stop_in_the_middle(self):
        self.misbehave("half_message", 50)
        self.wait_alone()
        self.assertEqual(self.n_bad(), 0)

    def test_messages_that_do_not_end(self):
        self.misbehave("endless", 10000, 20)
        self.until(lambda: self.limited("size") >= 1)
        self.wait_alone()

    def test_garbage(self):
        self.misbehave("garbage", 500)
        self.assertGreater(self.n_bad(), 0)
        self.wait_alone()

    def test_too_much_that_is_malformed(self):
        peer = Peer(self.context, self.tried.tcp)
        for _ in range(100):
            peer.send("request", 1)
        peer.take("bye")
        self.until(lambda: self.limited("malformed") == 1)
        self.tried.wait_line("event=bad_message")
        told = [line for line in self.tried.lines if "event=bad_message" in line]
        self.assertEqual(len(told), 1)
        peer.close()
        self.wait_alone()

    def test_wrong_commands(self):
        self.misbehave("wrong", 500)
        self.wait_alone()

    def test_deep_and_long(self):
        self.misbehave("deep", 5000)  # so many that some must have been read when it ends
        self.until(lambda: self.limited("malformed") >= 1)
        self.wait_alone()

    def test_lies_about_numbers(self):
        self.misbehave("ids", 2000)
        self.wait_alone()

    def test_replays(self):
        self.misbehave("replay", 2000)
        self.wait_alone()

    def test_tiny_messages(self):
        n = self.misbehave("tiny", int(os.environ.get("TROUPE_TINY", "100000")), 20)
        self.until(lambda: self.limited("malformed") >= 1)
        self.assertGreater(n, 0)
        self.wait_alone()

    def test_what_is_too_large(self):
        self.misbehave("oversize", 15)
        peer = Peer(self.context, self.tried.tcp)
        self.assertEqual(peer.hello["max-frame"], 1 << 20)
        self.assertEqual(peer.hello["max-open"], 50)
        self.assertEqual(peer.call("echo", "echo", bytes((1 << 20) + 1))[0], "too_large")
        self.until(lambda: self.limited("size") >= 1)
        peer.send("request", 9, {"capability": "echo", "method": "echo"}, bytes(1 << 19),
                  bytes(1 << 19), b"x")
        outcome, headers, _ = peer.final(9)
        self.assertEqual(outcome, "too_large")
        self.assertIn("in all frames", headers["text"])
        peer.close()
        self.wait_alone()

    def test_who_does_not_read_is_cut_off(self):
        self.misbehave("deaf", 1000, 3)
        self.until(lambda: self.limited("queue") + self.limited("stall") >= 1)
        self.wait_alone()

    def test_who_comes_and_goes(self):
        self.misbehave("restless", 200)
        self.wait_alone()

    def test_who_comes_again_when_cut_off(self):
        """To come again begins nothing anew that costs others: each life ends where the limit
        says, nothing of it stays, and what is told of it is told once."""
        n = self.misbehave("returning", 15, 5)
        self.assertGreater(n, 3)
        self.wait_alone()
        self.assertGreaterEqual(self.limited("malformed"), n)
        n_lives = self.limited("malformed")
        self.assertLess(self.n_bad(), n_lives * 50)  # of 100; 20, and what a slow life adds
        told = [line for line in self.tried.lines if "event=bad_message" in line]
        self.assertLessEqual(len(told), n_lives)
        self.assertLess(len(os.listdir(f"/proc/{self.tried.process.pid}/fd")), 250)

    def test_who_takes_the_name_of_another(self):
        """libzmq leaves such a connection alone, for ever: nobody reads what it has said. When it
        was asked to look after its connections itself, every ten seconds, it ended the process
        at the first look behind such an end."""
        self.misbehave("twins", 5)
        until = time.monotonic() + 11
        self.until(lambda: time.monotonic() > until)  # the good one is served meanwhile
        self.tried.wait_line("event=connections_stuck")
        self.assertGreater(self.value("troupe_gateway_connections"), 1)  # they are bounded, too
        self.assertLess(self.value("troupe_gateway_connections"), LIMITS["connections"])

    def test_a_flood_of_requests(self):
        self.misbehave("flood", 5000)
        self.wait_alone()

    def test_a_flood_of_bundles(self):
        self.misbehave("bundles", 20)
        self.until(lambda: self.limited("open") >= 1)
        self.wait_alone()


class Limits(NodeTest):
    def test_a_rate_refuses_with_a_hint(self):
        node = self.node(pool(), limits={"rate": 10, "burst": 5})
        peer = self.peer(node.tcp)
        numbers = [peer.request("echo", "echo", b"x") for _ in range(20)]
        ends = [peer.final(number) for number in numbers]
        self.assertEqual([end[0] for end in ends[:5]], ["ok"] * 5)
        refused = [end for end in ends if end[0] == "overloaded"]
        self.assertGreater(len(refused), 5)
        for _, headers, _ in refused:
            self.assertIn("more often", headers["text"])
            self.assertLessEqual(1, headers["hint"])
            self.assertLessEqual(headers["hint"], 100)
        node.wait_line("event=peer_limited")
        told = [line for line in node.lines if "event=peer_limited" in line]
        self.assertEqual(len(told), 1)

    def test_all_peers_together(self):
        node = self.node(pool(workers={"min": 1, "max": 1, "concurrency": 50}),
                         limits_of_all={"open": 3})
        one, other = self.peer(node.tcp), self.peer(node.tcp)
        held = [one.request("echo", "sleep", b"60000") for _ in range(3)]
        self.wait_running(node, 3)  # whoever operates the node is not held to it
        outcome, headers, _ = other.call("echo", "echo", b"x")
        self.assertEqual(outcome, "overloaded")
        self.assertIn("all peers together", headers["text"])
        for number in held:
            one.cancel(number)
            one.final(number)
        self.assertEqual(other.call("echo", "echo", b"x")[0], "ok")

    def test_a_reload_changes_them_for_who_is_there(self):
        node = self.node(pool(), limits={"open": 1000})
        peer = self.peer(node.tcp)
        for listener in node.config["listen"]:
            listener["limits"] = {"open": 1, "frame": "1KiB"}
        node.write()
        result = node.run("reload")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("other limits at", result.stdout)
        self.assertEqual(peer.call("echo", "echo", bytes(2000))[0], "too_large")
        self.assertEqual(peer.greet()["max-open"], 1)

    def test_more_connections_of_all_than_there_may_be(self):
        node = self.node(pool(), limits_of_all={"connections": 3})
        held = [self.peer(node.tcp) for _ in range(3)]
        fourth = hostile.Zmtp(node.tcp, greets=False)
        self.assertTrue(fourth.is_closed(LONG))
        fourth.close()
        self.assertEqual(held[0].call("echo", "echo", b"x")[0], "ok")
        self.assertEqual(self.peer(node.ipc).call("echo", "echo", b"x")[0], "ok")

    def test_an_endpoint_that_is_stuck_begins_anew(self):
        node = self.node(pool(), limits={"connections": 20, "idle": "1s"})
        hostile.twins(node.tcp, hostile.Bounds(200, 5, "twins"))
        node.wait_line("event=endpoint_renewed")
        self.assertEqual(self.peer(node.tcp).call("echo", "echo", b"x")[0], "ok")
        self.assertEqual(self.peer(node.ipc).call("echo", "echo", b"x")[0], "ok")
        self.assertLess(len(os.listdir(f"/proc/{node.process.pid}/fd")), 250)

    def test_an_idle_peer_is_told_and_may_come_again(self):
        node = self.node(pool(), limits={"idle": "100ms"})
        peer = self.peer(node.tcp)
        peer.take("bye")
        again = self.peer(node.tcp)
        self.assertEqual(again.call("echo", "echo", b"x")[0], "ok")
        node.wait_line("event=peer_limited.*limit=idle")


if __name__ == "__main__":
    unittest.main(verbosity=2)
