"""Majordomo clients and workers of every dialect against a node, on the sockets that TRP/1 uses.

$TROUPE_BIN names the command, $TROUPE_MODULE_PATH where the module `echo` is.
"""

import http.client
import os
import re
import shutil
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

from majordomo_kit import ERROR, Client
from node_kit import LONG, Node, Peer, free_port

HERE = os.path.dirname(os.path.abspath(__file__))
TOLD = {"command": [sys.executable, os.path.join(HERE, "told_worker.py")]}
KINDS = (("mdp0.1", False), ("mdp0.1", True), ("mdp0.2", True), ("majortomo", True))


def echo(name="echo", n=2, **more):
    return {"capability": name, "worker": {"module": "echo"}, "workers": {"min": n, "max": n},
            **more}


def told(name="told", n=1, **more):
    return {"capability": name, "worker": TOLD, "workers": {"min": n, "max": n}, **more}


class MajordomoTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="troupe-mdp-")
        self.context = zmq.Context()
        self.addCleanup(shutil.rmtree, self.folder)
        self.addCleanup(self.context.destroy, 0)

    def node(self, *children, **top):
        self.port = free_port()
        node = Node({"children": list(children)}, folder=tempfile.mkdtemp(dir=self.folder),
                    http=f"127.0.0.1:{self.port}", **top)
        self.addCleanup(node.end)
        return node.start()

    def client(self, endpoint, kind="mdp0.1", is_dealer=False):
        client = Client(self.context, endpoint, kind, is_dealer)
        self.addCleanup(client.close)
        return client

    def dealer(self, endpoint):
        socket = self.context.socket(zmq.DEALER)
        socket.linger = 0
        socket.connect(endpoint)
        self.addCleanup(socket.close, 0)
        return socket

    def peer(self, endpoint):
        peer = Peer(self.context, endpoint)
        self.addCleanup(peer.close)
        return peer

    def n_bad(self, dialect):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONG)
        self.addCleanup(connection.close)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        line = re.search(r'^troupe_gateway_bad_messages_total\{dialect="%s"\} (\d+)$'
                         % re.escape(dialect), text, re.MULTILINE)
        return int(line.group(1))

    def assert_error(self, body, code, words):
        self.assertEqual(len(body), 3, body)
        self.assertEqual(body[:2], [ERROR, code.encode()])
        self.assertIn(words, body[2].decode())

    def until(self, fits, *looks):
        until = time.monotonic() + LONG
        while not fits():
            self.assertLess(time.monotonic(), until, looks)


class Clients(MajordomoTest):
    def test_all_dialects_and_the_native_one_on_one_socket(self):
        node = self.node(echo())
        for endpoint in node.tcp, node.ipc:
            peer = self.peer(endpoint)
            clients = [self.client(endpoint, *kind) for kind in KINDS]
            for number in range(20):
                for client in clients:
                    data = [b"%d" % number, b"", os.urandom(300)]
                    self.assertEqual(client.call(b"echo", *data), data)
                self.assertEqual(peer.call("echo", "echo", b"x")[2], [b"x"])
        for dialect in "trp1", "mdp0.1", "mdp0.2", "majortomo", "unknown":
            self.assertEqual(self.n_bad(dialect), 0)

    def test_bodies_of_any_shape(self):
        node = self.node(echo())
        for kind in KINDS:
            client = self.client(node.tcp, *kind)
            for body in ([b""], [b"", b""], [b"MDPC01", b"", b"\4"], [os.urandom(1 << 20)],
                         [bytes([i]) for i in range(64)]):
                self.assertEqual(client.call(b"echo", *body), body)
            for count in 65, 70, 300:
                self.assert_error(client.call(b"echo", *[b"x"] * count), "too_large",
                                  "64 payload frames")
            self.assertEqual(client.call(b"echo", b"still"), [b"still"])

    def test_requests_of_a_dealer_need_not_wait_for_each_other(self):
        node = self.node(echo(queue={"limit": 1000}))
        for kind in "mdp0.1", "mdp0.2", "majortomo":
            client = self.client(node.tcp, kind, True)
            for number in range(500):
                client.request(b"echo", b"%d" % number)
            got = sorted(int(client.final()[1][0]) for _ in range(500))
            self.assertEqual(got, list(range(500)))

    def test_parts_come_as_partials_or_in_front_of_the_one_reply(self):
        node = self.node(told())
        count = 200  # more than a window
        want = [[b"%d" % number, bytes(10)] for number in range(count)]
        for kind in KINDS:
            client = self.client(node.tcp, *kind)
            client.request(b"told", b"parts %d 10" % count)
            partials, final = client.final()
            if kind[0] == "mdp0.1":
                self.assertEqual(partials, [])
                self.assertEqual(final, [frame for part in want for frame in part] + [b"end"])
            else:
                self.assertEqual(partials, want)
                self.assertEqual(final, [b"end"])

    def test_parts_that_are_too_much_for_one_reply(self):
        node = self.node(told())
        for is_dealer in False, True:
            client = self.client(node.tcp, "mdp0.1", is_dealer)
            self.assert_error(client.call(b"told", b"parts 70 1048576"), "too_large", "parts")
            self.assertEqual(client.call(b"told", b"echo"), [b"echo"])
            self.assertEqual(len(client.call(b"told", b"parts 40 1048576")), 81)

    def test_errors_are_replies_of_three_frames(self):
        node = self.node(told())
        for kind in KINDS:
            client = self.client(node.tcp, *kind)
            self.assert_error(client.call(b"told", b"fail no such luck"), "worker_error",
                              "no such luck")
            self.assert_error(client.call(b"nobody", b"x"), "no_capability", "'nobody'")
            self.assert_error(client.call(b"troupe.admin", b"x"), "forbidden", "ipc only")

    def test_a_deadline_that_passes(self):
        node = self.node(told("slow", timeout="150ms"))
        opens = os.path.join(self.folder, "opens")
        for kind in KINDS:
            client = self.client(node.tcp, *kind)
            self.assert_error(client.call(b"slow", b"wait " + opens.encode()), "timeout", "")
            with open(opens, "w"):
                pass  # the worker is free again
            self.until(lambda: node.capability("slow")["pending"] == 0)
            os.remove(opens)

    def test_names_of_services_are_any_bytes(self):
        node = self.node(echo())
        for kind in KINDS:
            client = self.client(node.tcp, *kind)
            for name in b"\0", b"\xff\xfe", b"a b", b"%s%n", "ä".encode(), b"x" * 128:
                self.assert_error(client.call(name, b"x"), "no_capability", "nobody offers")
            self.assertEqual(client.call(b"echo", b"x"), [b"x"])
        self.assertEqual(self.n_bad(kind[0]), 0)

    def test_while_the_node_drains(self):
        node = self.node(told(), echo(), **{"drain-timeout": "60s"})
        opens = os.path.join(self.folder, "opens")
        held = self.client(node.tcp)
        held.request(b"told", b"wait " + opens.encode())
        self.until(lambda: node.capability("told")["pending"] == 1)
        clients = [self.client(node.tcp, *kind) for kind in KINDS]
        for client in clients:
            client.call(b"echo", b"x")
        node.kill()
        node.wait_line("event=node_draining")
        for client in clients:
            body = client.call(b"echo", b"x")
            while body == [b"x"]:  # the gateway has not heard of it yet
                body = client.call(b"echo", b"x")
            self.assert_error(body, "shutting_down", "draining")
        with open(opens, "w"):
            pass
        self.assertEqual(held.final()[1], [b"1"])
        self.assertEqual(node.wait(), 0)

    def test_a_client_that_leaves_harms_nobody(self):
        node = self.node(told())
        opens = os.path.join(self.folder, "opens")
        for kind in KINDS:
            client = self.client(node.tcp, *kind)
            client.request(b"told", b"wait " + opens.encode())
            self.until(lambda: node.capability("told")["pending"] == 1)
            client.close()
            with open(opens, "w"):
                pass
            self.until(lambda: node.capability("told")["pending"] == 0)
            os.remove(opens)
            self.assertEqual(self.client(node.tcp, *kind).call(b"told", b"echo"), [b"echo"])


class Management(MajordomoTest):
    def test_what_is_served_and_what_is_not(self):
        node = self.node(echo(), {"capability": "resting", "worker": {"module": "echo"}})
        for kind in KINDS:
            client = self.client(node.tcp, *kind)
            for name, want in ((b"echo", b"200"), (b"resting", b"200"), (b"nobody", b"404"),
                               (b"\0\xff", b"404"), (b"", b"404"), (b"troupe.admin", b"404"),
                               (b"mmi.service", b"404"), (b"x" * 1000, b"404")):
                self.assertEqual(client.call(b"mmi.service", name), [want], name)
            self.assertEqual(client.call(b"mmi.service", b"of several", b"echo"), [b"200"])
            for name in b"mmi.", b"mmi.echo", b"mmi.services", b"mmi.\xff":
                self.assertEqual(client.call(name, b"echo"), [b"501"], name)

    def test_a_drained_service_is_not_to_be_had(self):
        node = self.node(echo(), echo("other"))
        client = self.client(node.tcp)
        self.assertEqual(node.run("drain", "echo").returncode, 0)
        self.assertEqual(client.call(b"mmi.service", b"echo"), [b"404"])
        self.assertEqual(client.call(b"mmi.service", b"other"), [b"200"])
        self.assertEqual(node.run("resume", "echo").returncode, 0)
        self.assertEqual(client.call(b"mmi.service", b"echo"), [b"200"])

    def test_many_questions_at_once(self):
        node = self.node(echo())
        client = self.client(node.tcp, "mdp0.2")
        for _ in range(500):
            client.request(b"mmi.service", b"echo")
        self.assertEqual([client.final()[1] for _ in range(500)], [[b"200"]] * 500)


class Strangers(MajordomoTest):
    """Others are counted, and told once."""

    def assert_refused(self, node, frames, words):
        before = self.n_bad("unknown")
        socket = self.dealer(node.tcp)
        for _ in range(3):
            socket.send_multipart(frames)
        self.until(lambda: self.n_bad("unknown") == before + 3)
        told = [line for line in node.lines if "event=dialect_unknown" in line]
        self.assertEqual(len(told), self.n_told + 1)
        self.assertIn(words, told[-1])
        self.n_told += 1
        # It may say what it likes now: it is not listened to.
        socket.send_multipart([b"", b"MDPC01", b"echo", b"x"])
        socket.send_multipart([msgpack.packb(["TRP1", "ping", 0, {}])])
        self.until(lambda: self.n_bad("unknown") == before + 5)
        self.assertFalse(socket.poll(0))

    def test_they_are_told_apart_and_refused(self):
        self.n_told = 0
        node = self.node(echo())
        head = msgpack.packb(["TRP1", "hello", 0, {}])
        for frames, words in (([b"\1"], "Paranoid Pirate"), ([b"MDPC03", b"x"], "of a version"),
                              ([b"MDPC01", b"echo", b"x"], "without its empty frame"),
                              ([b"", head], "TRP/1 behind an empty frame"),
                              ([b"", b"hello"], "a REQ socket"), ([b""], "an empty message"),
                              ([b"GET / HTTP/1.1"], "nothing known")):
            self.assert_refused(node, frames, words)
            self.assertEqual(self.client(node.tcp).call(b"echo", b"x"), [b"x"])

    def test_what_is_malformed_is_dropped_and_its_peer_not_listened_to(self):
        node = self.node(echo())
        for dialect, frames in (("mdp0.1", [b"", b"MDPC01"]), ("mdp0.1", [b"", b"MDPC01", b"e"]),
                                ("mdp0.1", [b"", b"MDPC01", b"", b"x"]),
                                ("mdp0.1", [b"", b"MDPC01", b"x" * 129, b"x"]),
                                ("mdp0.2", [b"MDPC02"]), ("mdp0.2", [b"MDPC02", b"\1"]),
                                ("mdp0.2", [b"MDPC02", b"\7", b"echo", b"x"]),
                                ("mdp0.2", [b"MDPC02", b"\3", b"echo", b"x"]),
                                ("mdp0.2", [b"MDPC02", b"\1\1", b"echo", b"x"]),
                                ("majortomo", [b"", b"MDPC02", b"\1", b"echo", b"x"])):
            before = self.n_bad(dialect)
            socket = self.dealer(node.tcp)
            socket.send_multipart(frames)
            self.until(lambda: self.n_bad(dialect) == before + 1)
            socket.send_multipart([b"", b"MDPC01", b"echo", b"x"])
            socket.send_multipart([b"MDPC02", b"\1", b"echo", b"x"])
            other = self.client(node.tcp, "mdp0.2")
            self.assertEqual(other.call(b"echo", b"x"), [b"x"])
            self.assertFalse(socket.poll(0))
            self.assertEqual(self.n_bad(dialect), before + 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
