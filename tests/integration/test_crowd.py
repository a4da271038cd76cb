#!/usr/bin/env python3
"""A crowd of clients of which some misbehave in every way: the others see no error, the node's
memory stays within its bound, and comes back when they have gone."""

import multiprocessing
import os
import random
import re
import resource
import sys
import threading
import time
import unittest
import urllib.request

import msgpack
import zmq

import hostile
from node_kit import LONG, MAGIC, free_port
from test_node import NodeTest, pool

IS_SANITIZED = os.environ.get("TROUPE_SANITIZED") == "1"
GOOD = int(os.environ.get("TROUPE_CROWD_GOOD", "180" if IS_SANITIZED else "1800"))
BAD = int(os.environ.get("TROUPE_CROWD_BAD", "20" if IS_SANITIZED else "200"))
SECONDS = float(os.environ.get("TROUPE_CROWD_SECONDS", "12"))
SEED = int(os.environ.get("TROUPE_SEED", random.randrange(1 << 32)))
MIB = 1 << 20
QUEUE_OF_ALL = 64 * MIB
MESSAGE = MIB
LIMITS = {"malformed": 20, "queue-bytes": "1MiB", "stall": "1s", "frame": "1MiB", "open": 50,
          "connections": 2 * (GOOD + BAD), "idle": "60s"}
# Of those that misbehave each may have a message under way that is not whole, as long as that is
# not noticed; what waits for it; and what libzmq has of that. docs/how-to.md has the terms.
PER_CONNECTION = 64 << 10
BOUND = 96 * MIB + (GOOD + BAD) * PER_CONNECTION + QUEUE_OF_ALL + BAD * 2 * MESSAGE


def misbehave(endpoint, number, seconds, seed):
    """One that does one thing after another; in a process with others like it."""
    dice = random.Random(f"{seed} {number}")
    until = time.monotonic() + seconds
    kinds = [kind for name, kind in hostile.KINDS.items() if name != "twins"]  # they stay
    dice.shuffle(kinds)
    while time.monotonic() < until:
        for kind in kinds:
            left = until - time.monotonic()
            if left > 0:
                try:
                    kind(endpoint, hostile.Bounds(50, min(left, 2), f"{seed} {number} {kind}"))
                except (OSError, zmq.ZMQError):
                    pass


def misbehave_many(endpoint, first, count, seconds, seed):
    """A process; its members take turns on threads, since most of the time they wait."""
    threads = [threading.Thread(target=misbehave, args=(endpoint, first + n, seconds, seed),
                                daemon=True) for n in range(count)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(seconds + 30)


class Crowd:
    """Many clients in one context, each with one request open at most."""

    def __init__(self, endpoint, count):
        self.context = zmq.Context(io_threads=1)
        self.context.max_sockets = count + 16
        self.poller = zmq.Poller()
        self.peers = {}
        for _ in range(count):
            peer = self.context.socket(zmq.DEALER)
            peer.linger = 0
            peer.connect(endpoint)
            self.peers[peer] = 0
            self.poller.register(peer, zmq.POLLIN)
        self.n_answers = 0
        self.wrong = []

    def ask(self, peer):
        self.peers[peer] += 1
        number = self.peers[peer]
        peer.send_multipart([msgpack.packb([MAGIC, "request", number,
                                            {"capability": "echo", "method": "echo"}]),
                             b"%d" % number])

    def take(self, peer):
        """True: its answer has come."""
        head, *frames = peer.recv_multipart()
        magic, command, number, headers = msgpack.unpackb(head)
        if command == "ping":
            peer.send(msgpack.packb([MAGIC, "pong", 0, {}]))
            return False
        if (command, number, frames) != ("reply", self.peers[peer], [b"%d" % number]):
            self.wrong.append((command, number, headers))
        self.n_answers += 1
        return True

    def round(self):
        """Everybody asks, and all wait for all; in lots, as one would not come all at once."""
        peers = list(self.peers)
        for first in range(0, len(peers), 200):
            waiting = set(peers[first:first + 200])
            for peer in waiting:
                self.ask(peer)
            until = time.monotonic() + LONG
            while waiting and not self.wrong:
                if time.monotonic() > until:
                    self.wrong.append(("silence", len(waiting)))
                for peer, _ in self.poller.poll(1000):
                    if self.take(peer):
                        waiting.discard(peer)

    def close(self):
        self.context.destroy(0)


def provide_descriptors(count):
    """As many as there may be; this process, and the node that it starts, need some for each."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


class TestCrowd(NodeTest):
    def memory(self, what="VmRSS"):
        with open(f"/proc/{self.process.pid}/status") as file:
            return int(re.search(what + r":\s+(\d+) kB", file.read()).group(1)) * 1024

    def value(self, name):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=LONG) as page:
            text = page.read().decode()
        return int(re.search(r"^%s (\d+)$" % re.escape(name), text, re.MULTILINE).group(1))

    def until(self, holds):
        until = time.monotonic() + LONG
        while not holds():
            self.assertLess(time.monotonic(), until, self.crowd_node.text()[-3000:])
            time.sleep(0.05)

    def test_the_others_see_nothing_of_it(self):
        print(f"seed {SEED}")
        provide_descriptors(4 * (GOOD + BAD) + 1000)
        self.port = free_port()
        node = self.crowd_node = self.node(
            pool(workers={"min": 2, "max": 2, "concurrency": 16}, queue={"limit": 20000}),
            limits=LIMITS, limits_of_all={"queue-bytes": "64MiB"},
            http=f"127.0.0.1:{self.port}")
        self.process = node.process
        begin = self.memory()
        crowd = Crowd(node.tcp, GOOD)
        crowd.round()
        self.assertEqual(crowd.wrong, [])
        self.assertGreaterEqual(self.value("troupe_gateway_connections"), GOOD)
        n_processes = min(4, BAD)
        bad = [multiprocessing.Process(target=misbehave_many, daemon=True, args=(
            node.tcp, n * BAD // n_processes, BAD // n_processes, SECONDS, SEED))
            for n in range(n_processes)]
        for one in bad:
            one.start()
        until = time.monotonic() + SECONDS
        while time.monotonic() < until and not crowd.wrong:
            crowd.round()
        self.assertEqual(crowd.wrong, [])
        for one in bad:
            one.join(LONG)
            if one.is_alive():
                one.kill()
        most = self.memory("VmHWM")
        crowd.round()
        self.assertEqual(crowd.wrong, [])
        crowd.close()
        self.until(lambda: self.value("troupe_gateway_connections") == 0)
        self.until(lambda: self.value("troupe_gateway_peers") == 0)
        if not IS_SANITIZED:  # what is freed stays with the sanitizer
            self.until(lambda: self.memory() < begin + 64 * MIB)
        print(f"{crowd.n_answers} answers; memory {begin >> 20} MiB at first, {most >> 20} at "
              f"most (bound {BOUND >> 20}), {self.memory() >> 20} at last", file=sys.stderr)
        if not IS_SANITIZED:
            self.assertLess(most, BOUND)
        self.assert_ends(node, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
