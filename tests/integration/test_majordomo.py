"""Majordomo clients and workers of every dialect against a node, on the sockets that TRP/1 uses.

$TROUPE_BIN names the command, $TROUPE_MODULE_PATH where the module `echo` is.
"""

import http.client
import json
import os
import re
import shutil
import sys
import tempfile
import threading
import time
import unittest

try:
    import msgpack
    import zmq
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

from majordomo_kit import ERROR, Client, Worker
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

    def worker(self, endpoint, kind="mdp0.1", service=b"far", **options):
        worker = Worker(self.context, endpoint, kind, service, **options)
        self.addCleanup(worker.close)
        return worker

    def peer(self, endpoint):
        peer = Peer(self.context, endpoint)
        self.addCleanup(peer.close)
        return peer

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONG)
        connection.request("GET", path)
        text = connection.getresponse().read().decode()
        connection.close()
        return text

    def n_bad(self, dialect):
        text = self.get("/metrics")
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

    def until_up(self, node, count=1, capability="far"):
        """Until the node knows of so many workers, each ready or busy."""
        def is_so():
            workers = node.capability(capability)["workers"]
            return sum(one["state"] in ("ready", "idle", "processing")
                       for one in workers) == count
        self.until(is_so)


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

    def test_what_a_client_sends_far_ahead_waits_for_it(self):
        """More than may be open, and more than the queue holds."""
        node = self.node(echo())
        for kind in "mdp0.1", "mdp0.2", "majortomo":
            client = self.client(node.tcp, kind, True)
            for number in range(5000):
                client.request(b"echo", b"%d" % number)
            self.assertEqual(sorted(int(client.final()[1][0]) for _ in range(5000)),
                             list(range(5000)))

    def test_what_cannot_wait_is_refused(self):
        node = self.node(told(), limits={"queue-bytes": "64KiB"})
        client = self.client(node.tcp, "mdp0.1", True)
        free = os.path.join(self.folder, "free")
        n_sent = 64 + 1000
        for _ in range(n_sent):
            client.request(b"told", b"wait " + free.encode())
        self.assert_error(client.final()[1], "overloaded", "wait")
        with open(free, "w", encoding="ascii"):
            pass
        bodies = [client.final()[1] for _ in range(n_sent - 1)]
        n_refused = 1 + sum(body[0] == ERROR for body in bodies)
        self.assertGreater(n_refused, 500)
        self.assertGreater(n_sent - n_refused, 64)
        self.assertEqual(node.capability("told")["finished"], n_sent - n_refused)

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
            self.assert_error(client.call(b"troupe.admin", b"x"), "forbidden", "may not call")

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


def far(name="far", **more):
    return {"capability": name, "workers": {"remote": True}, **more}


LANGUAGES = ("mdp0.1", "mdp0.2", "majortomo")


class Workers(MajordomoTest):
    def test_all_serve_all(self):
        node = self.node(far())
        clients = [self.client(node.tcp, *kind) for kind in KINDS]
        peer = self.peer(node.tcp)
        for language in LANGUAGES:
            worker = self.worker(node.tcp, language)
            for number in range(5):
                for client in clients:
                    body = [b"%d" % number, b"", os.urandom(300)]
                    client.request(b"far", *body)
                    address, got = worker.request()
                    self.assertEqual(got, body)
                    worker.answer(address, b"from " + language.encode(), *body)
                    self.assertEqual(client.final(),
                                     ([], [b"from " + language.encode(), *body]))
                asked = peer.request("far", "", b"x")
                address, got = worker.request()
                self.assertEqual(got, [b"x"])
                worker.answer(address, b"y", b"")
                self.assertEqual(peer.final(asked)[2], [b"y", b""])
            worker.say("disconnect")
            self.until_up(node, 0)

    def test_bodies_of_any_shape(self):
        node = self.node(far())
        for language in LANGUAGES:
            worker = self.worker(node.tcp, language)
            client = self.client(node.tcp, "mdp0.2")
            for body in ([b""], [b"", b""], [os.urandom(1 << 20)], [b"x"] * 64,
                         [ERROR, b"not an", b"error", b"of three"]):
                client.request(b"far", *body)
                address, got = worker.request()
                self.assertEqual(got, body)
                worker.answer(address, *body)
                self.assertEqual(client.final()[1], body)
            for count in 65, 69, 70, 300:
                client.request(b"far", b"much")
                worker.answer(worker.request()[0], *[b"x"] * count)
                self.assert_error(client.final()[1], "too_large", "frames")
            peer = self.peer(node.tcp)
            peer.send("request", 1, {"capability": "far"})
            address, got = worker.request()
            self.assertEqual(got, [b""])  # there is always a body
            worker.answer(address, b"")
            self.assertEqual(peer.final(1)[2], [b""])
            worker.say("disconnect")
            self.until_up(node, 0)

    def test_partials(self):
        node = self.node(far())
        for language in LANGUAGES[1:]:
            worker = self.worker(node.tcp, language)
            for kind in KINDS:
                client = self.client(node.tcp, *kind)
                client.request(b"far", b"stream")
                address, _ = worker.request()
                for number in range(100):
                    worker.answer(address, b"%d" % number, b"", how="partial")
                worker.answer(address, b"end")
                want = [[b"%d" % number, b""] for number in range(100)]
                if kind[0] == "mdp0.1":
                    self.assertEqual(client.final()[1], sum(want, []) + [b"end"])
                else:
                    self.assertEqual(client.final(), (want, [b"end"]))
            worker.say("disconnect")
            self.until_up(node, 0)

    def test_a_worker_can_fail_a_request(self):
        node = self.node(far())
        worker = self.worker(node.tcp)
        peer = self.peer(node.tcp)
        for said, heard in (b"bad_request", "bad_request"), (b"nonsense", "worker_error"):
            asked = peer.request("far", "", b"x")
            worker.answer(worker.request()[0], ERROR, said, b"the ink is dry")
            outcome, headers, _ = peer.final(asked)
            self.assertEqual(outcome, heard)
            self.assertIn("the ink is dry", headers["text"])

    def test_one_request_at_a_time(self):
        node = self.node(far())
        worker = self.worker(node.tcp)
        client = self.client(node.tcp, "mdp0.2")
        for number in range(8):
            client.request(b"far", b"%d" % number)
        got = []
        for _ in range(8):
            address, body = worker.request()
            self.assertIsNone(worker.take(0.01))
            worker.answer(address, *body)
            got.append(client.final()[1])
        self.assertEqual(sorted(got), [[b"%d" % number] for number in range(8)])

    def test_requests_wait_for_a_service_that_nobody_offers_yet(self):
        node = self.node(far(timeout="300ms"), far("later"))
        early = self.client(node.tcp)
        early.request(b"later", b"x")
        hopeless = self.client(node.tcp)
        self.assert_error(hopeless.call(b"far", b"x"), "no_workers", "")
        worker = self.worker(node.tcp, service=b"later")
        worker.answer(worker.request()[0], b"here")
        self.assertEqual(early.final()[1], [b"here"])

    def test_a_request_whose_worker_vanishes(self):
        """It is tried again, or answered; in no case lost."""
        node = self.node(far(retry=1), far("once"))
        for language in LANGUAGES:
            worker = self.worker(node.tcp, language)
            client = self.client(node.tcp)
            client.request(b"far", b"x")
            worker.request()
            other = self.worker(node.tcp, language)
            self.until_up(node, 2)
            worker.close()
            address, body = other.request()
            self.assertEqual(body, [b"x"])
            other.answer(address, b"done")
            self.assertEqual(client.final()[1], [b"done"])
            other.say("disconnect")
            self.until_up(node, 0)
        worker = self.worker(node.tcp, service=b"once")
        client.request(b"once", b"x")
        worker.request()
        worker.say("disconnect")
        self.assert_error(client.final()[1], "worker_lost", "")

    def test_after_disconnect_nothing_is_sent(self):
        node = self.node(far())
        for language in LANGUAGES:
            worker = self.worker(node.tcp, language)
            self.until_up(node)
            worker.say("disconnect")
            self.until_up(node, 0)
            client = self.client(node.tcp)
            client.request(b"far", b"x")
            other = self.worker(node.tcp, language)
            other.answer(other.request()[0], b"done")
            self.assertEqual(client.final()[1], [b"done"])
            self.assertIsNone(worker.take(0))
            other.say("disconnect")
            self.until_up(node, 0)


    def test_they_are_told_when_they_are_evicted_or_drained(self):
        node = self.node(far())
        for language in LANGUAGES:
            worker = self.worker(node.tcp, language)
            self.until_up(node)
            name = node.capability("far")["workers"][0]["id"]
            self.assertEqual(node.run("evict", name).returncode, 0)
            worker.assert_sent_away()
            self.assertEqual(node.capability("far")["workers"], [])
            worker = self.worker(node.tcp, language)
            client = self.client(node.tcp)
            client.request(b"far", b"x")
            address, _ = worker.request()
            drain = threading.Thread(target=node.run, args=("drain", "far"))
            drain.start()
            self.until(lambda: node.capability("far")["state"] == "draining")
            worker.answer(address, b"the last")
            self.assertEqual(client.final()[1], [b"the last"])
            drain.join(LONG)
            worker.assert_sent_away()
            self.assertEqual(node.run("resume", "far").returncode, 0)

    def test_they_are_told_when_the_node_stops(self):
        node = self.node(far())
        idle = [self.worker(node.tcp, language) for language in LANGUAGES]
        self.until_up(node, 3)
        client = self.client(node.tcp)
        client.request(b"far", b"x")
        busy = next(one for one in idle * 1000 if one.socket.poll(5))
        address, _ = busy.request()
        node.kill()
        node.wait_line("event=node_draining")
        busy.answer(address, b"the last")
        self.assertEqual(client.final()[1], [b"the last"])
        for worker in idle:
            worker.assert_sent_away()
        self.assertEqual(node.wait(), 0)

    def test_one_that_hangs_is_sent_away_once(self):
        health = {"interval": "100ms", "stall": "1s", "overrun": "1s"}
        for language in LANGUAGES:
            node = self.node(far(timeout="1s", health=health))
            worker = self.worker(node.tcp, language)
            client = self.client(node.tcp)
            client.request(b"far", b"x")
            address, _ = worker.request()
            self.assertIn(client.final()[1][1], (b"timeout", b"worker_lost"))
            worker.assert_sent_away()
            worker.say("heartbeat")
            worker.answer(address, b"too late")
            self.until_up(node, 0)
            other = self.worker(node.tcp, language)
            self.until_up(node)
            client.request(b"far", b"x")
            other.answer(other.request()[0], b"in time")
            self.assertEqual(client.final()[1], [b"in time"])
            self.assertIsNone(worker.take(0))


class Unexpected(MajordomoTest):
    """Well-formed, but not now: the worker is sent away, and not listened to any more."""

    def test_it_is_sent_away_and_ignored(self):
        node = self.node(far())
        ignored = []
        for language in LANGUAGES:
            for words in (("heartbeat",), ("final", b"1", b"", b"x"),
                          ("request", b"1", b"", b"x")):
                worker = self.worker(node.tcp, language, service=None)
                worker.say(*words)
                worker.assert_sent_away()
                ignored.append(worker)
            for words in (("ready", b"far"), ("final", b"1", b"", b"x"),
                          ("request", b"1", b"", b"x")):
                worker = self.worker(node.tcp, language)
                worker.say(*words)
                worker.assert_sent_away()
                ignored.append(worker)
        for worker in ignored:
            worker.say("ready", b"far")
            worker.say("heartbeat")
        other = self.worker(node.tcp, "mdp0.2", service=b"none of these")
        other.assert_sent_away()  # all that was said before has been read
        for worker in ignored:
            self.assertIsNone(worker.take(0))

    def test_an_answer_to_another_address(self):
        for language in LANGUAGES:
            node = self.node(far(retry=5, poison=10))
            client = self.client(node.tcp, "mdp0.2")
            client.request(b"far", b"x")
            for how in "final", "partial":
                worker = self.worker(node.tcp, language)
                if how in worker.commands:
                    worker.answer(worker.request()[0] + b"0", b"wrong", how=how)
                    worker.assert_sent_away()
                else:
                    worker.close()
            worker = self.worker(node.tcp, language)
            worker.answer(worker.request()[0], b"right")
            self.assertEqual(client.final(), ([], [b"right"]))

    def test_two_answers_to_one_request(self):
        node = self.node(far())
        for language in LANGUAGES:
            worker = self.worker(node.tcp, language)
            client = self.client(node.tcp)
            client.request(b"far", b"x")
            address, _ = worker.request()
            worker.answer(address, b"one")
            worker.answer(address, b"two")
            self.assertEqual(client.final()[1], [b"one"])
            worker.assert_sent_away()

    def test_names_that_cannot_be_offered(self):
        node = self.node(echo(), far())
        names = (b"mmi.service", b"mmi.anything", b"troupe.admin", b"troupe.x", b"echo",
                 b"nobody", b"\0\xff", b"x" * 128)
        workers = [self.worker(node.tcp, language, service=name)
                   for language in LANGUAGES for name in names]
        for worker in workers:
            worker.assert_sent_away()
        node.wait_line("event=worker_dismissed.*reserved")
        node.wait_line("event=remote_worker_refused capability=echo")
        client = self.client(node.tcp)
        self.assertEqual(client.call(b"mmi.service", b"mmi.anything"), [b"404"])
        self.assertEqual(client.call(b"mmi.anything", b"x"), [b"501"])

    def test_after_a_restart_a_worker_begins_anew(self):
        node = self.node(far())
        worker = self.worker(node.tcp, beat=0.05)
        client = self.client(node.tcp)
        client.request(b"far", b"x")
        worker.answer(worker.request()[0], b"y")
        self.assertEqual(client.final()[1], [b"y"])
        node.kill(9)
        node.wait()
        node.start()
        worker.assert_sent_away()

    def test_what_is_malformed_is_dropped_and_its_request_tried_again(self):
        for language in LANGUAGES:
            for frames in ([b"\0"], [b""], [], [b"\3"], [b"\4", b"", b"", b"x"],
                           [b"\1", b"far", b"more"]):
                if language == "mdp0.1" and frames[:1] == [b"\4"]:
                    continue
                node = self.node(far(retry=1))
                client = self.client(node.tcp)
                client.request(b"far", b"x")
                worker = self.worker(node.tcp, language)
                address, _ = worker.request()
                worker.socket.send_multipart(worker.head + frames)
                self.until(lambda: self.n_bad(language) == 1)
                worker.answer(address, b"not heard")
                other = self.worker(node.tcp, language)
                other.answer(other.request()[0], b"heard")
                self.assertEqual(client.final()[1], [b"heard"])
                self.assertIsNone(worker.take(0))
                node.end()


class Heartbeats(MajordomoTest):
    BEAT = 0.2

    def node(self, *children, **top):
        return super().node(*children, majordomo={"heartbeat": "200ms", "liveness": 6}, **top)

    def listen(self, workers, n_heard, seconds=0):
        """Until each has heard so many heartbeats, and for so long at least."""
        began = time.monotonic()
        while (any(len(one.heard) < n_heard for one in workers) or
               time.monotonic() < began + seconds):
            for one in workers:
                self.assertIsNone(one.take(0.005))
            self.assertLess(time.monotonic(), began + LONG)

    def test_they_come_each_interval(self):
        node = self.node(far())
        self.listen([self.worker(node.tcp, language, beat=self.BEAT) for language in LANGUAGES],
                    n_heard=10)

    def test_silent_ones_are_gone_also_behind_a_lively_one(self):
        for order in range(3):
            node = self.node(far())
            workers = [self.worker(node.tcp, language, beat=self.BEAT if place == order else None)
                       for place, language in enumerate(LANGUAGES)]
            lively = workers[order]
            silent = [one for one in workers if one != lively]
            until = time.monotonic() + LONG
            while silent:
                self.assertIsNone(lively.take(0.02))
                self.assertLess(time.monotonic(), until)
                for one in list(silent):
                    told = one.take(0)
                    if told:
                        self.assertEqual(told, ("disconnect", []))
                        silent.remove(one)
            client = self.client(node.tcp)
            client.request(b"far", b"x")
            lively.answer(lively.request()[0], b"alive")
            self.assertEqual(client.final()[1], [b"alive"])
            for one in workers:
                self.assertIsNone(one.take(0))

    def test_a_busy_one_may_be_silent(self):
        node = self.node(far())
        workers = [self.worker(node.tcp, language) for language in LANGUAGES]
        self.until_up(node, len(workers))
        clients = self.ask_each(node, workers)
        addresses = [one.request()[0] for one in workers]
        self.listen(workers, n_heard=10)  # more than it may be silent when it has nothing to do
        self.answer_each(workers, addresses, clients)

    def ask_each(self, node, workers):
        """As many requests as there are workers, each of which takes one at a time."""
        clients = [self.client(node.tcp) for _ in workers]
        for one in clients:
            one.request(b"far", b"x")
        return clients

    def answer_each(self, workers, addresses, clients):
        for one, address in zip(workers, addresses):
            one.answer(address, b"alive")
        for one in clients:
            self.assertEqual(one.final()[1], [b"alive"])

    def test_different_intervals_do_not_flap(self):
        """One that beats four times as often hears as often; one that beats half as often is
        waited for."""
        node = self.node(far())
        workers = [self.worker(node.tcp, language, beat=beat) for language in LANGUAGES
                   for beat in (self.BEAT / 4, self.BEAT * 2)]
        self.listen(workers, n_heard=6, seconds=12 * self.BEAT)
        clients = self.ask_each(node, workers)
        self.answer_each(workers, [one.request()[0] for one in workers], clients)
        self.assertNotIn("worker_dismissed", node.text())

    def test_a_reload_sets_another_interval(self):
        node = super().node(far(), majordomo={"heartbeat": "1h", "liveness": 10})
        worker = self.worker(node.tcp)
        client = self.client(node.tcp)
        client.request(b"far", b"x")
        worker.answer(worker.request()[0], b"up")
        node.config["majordomo"] = {"heartbeat": "100ms", "liveness": 10}
        node.write()
        worker.beat = 0.1
        reload = threading.Thread(target=node.run, args=("reload",))
        reload.start()
        self.listen([worker], n_heard=3)
        reload.join(LONG)
        worker.beat = None
        worker.assert_sent_away()


class Sharing(MajordomoTest):
    """A client that waits no longer sends its request again, by a new socket."""

    def send_again(self, kind, **more):
        node = self.node(told(**more))
        opens = os.path.join(self.folder, f"opens-{node.port}")
        body = b"wait " + opens.encode()
        first = self.client(node.tcp, *kind)
        first.request(b"told", body)
        self.until(lambda: node.capability("told")["pending"] == 1)
        first.close()
        node.wait_line("event=peer_gone why=disconnected open=1")
        again = self.client(node.tcp, *kind)
        again.request(b"told", body)
        self.until(lambda: self.n_accepted("told") == 2)
        other = self.client(node.tcp, *kind)
        other.request(b"told", body, b"and more")
        self.until(lambda: self.n_accepted("told") == 3)
        with open(opens, "w"):
            pass
        return again.final()[1], other.final()[1]

    def n_accepted(self, capability):
        state = json.loads(self.get("/state"))
        one = next(one for one in state["capabilities"] if one["name"] == capability)
        return one["accepted"]

    def test_by_body_the_job_runs_once(self):
        for kind in KINDS:
            self.assertEqual(self.send_again(kind, dedup="body"), ([b"1"], [b"2"]))

    def test_else_it_runs_again(self):
        self.assertEqual(self.send_again(KINDS[0]), ([b"2"], [b"3"]))


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
        self.n_told += 1
        self.assertIn(words, node.wait_line("event=dialect_unknown", self.n_told))
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
        node.kill()
        node.wait()  # now all that it has to tell is told
        self.assertEqual(sum("event=dialect_unknown" in line for line in node.lines),
                         self.n_told)

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
            self.until(lambda: self.n_bad(dialect) == before + 3)
            self.assertFalse(socket.poll(0))


if __name__ == "__main__":
    unittest.main(verbosity=2)
