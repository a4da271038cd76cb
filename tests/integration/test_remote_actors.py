"""Peers and actors, as docs/protocol.md tells it: bare sockets send to actors, ask them, and are
sent to. The actor is tests/integration/talking_actor.c, which does as it is told."""

import json
import os
import subprocess
import sys
import time
import unittest

try:
    import msgpack
    import zmq
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

from node_kit import LONG, MAGIC, TROUPE, Node, Peer, run_troupe

NORMAL, LOST = 0, 6  # of troupe_reason_kind_t
MAILBOX = 2000  # messages that may wait for an actor
SHORT = {"backoff": {"min": "10ms", "max": "20ms"}}


ECHO = {"capability": "echo", "worker": {"module": "echo"}}


def actor(name, **more):
    return {"actor": name, "worker": {"module": "talking"}, "mailbox": {"limit": MAILBOX},
            **SHORT, **more}


class Talk(unittest.TestCase):
    """Each test over one transport; OverTcp runs them all again."""

    def endpoint_of(self, node):
        return node.ipc

    def node_of(self, allowed, *names, **special):
        listen = [{"endpoint": "", **({"actors": allowed} if allowed else {})} for _ in range(2)]
        node = Node({"intensity": {"restarts": 100, "period": "1s"},
                     "children": [*[actor(name) for name in names],
                                  *[actor(name, **more) for name, more in special.items()],
                                  ECHO]}, listen=listen)
        listen[0]["endpoint"], listen[1]["endpoint"] = node.ipc, node.tcp
        node.write()
        self.addCleanup(node.end)
        return node.start()

    def setUp(self):
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, 0)
        self.node = self.node_of(["a", "b", "once", "process", "nobody"], "a", "b", "secret",
                                 once={"restart": "temporary"},
                                 process={"isolation": "process"})
        self.one = self.peer()

    def peer(self, **options):
        peer = Peer(self.context, self.endpoint_of(self.node), **options)
        self.addCleanup(peer.close)
        return peer

    def slow_peer(self):
        return self.peer(prepare=lambda socket: setattr(socket, "rcvhwm", 10))

    def say(self, peer, *words, to="a", number=0, **headers):
        peer.send("send", number, {"actor": to, **headers},
                  *[word.encode() if isinstance(word, str) else word for word in words])

    def ask(self, peer, *words, of="a", **headers):
        peer.last += 1
        peer.send("request", peer.last, {"actor": of, **headers},
                  *[word.encode() if isinstance(word, str) else word for word in words])
        return peer.last

    def assert_message(self, peer, sender, *frames):
        _, number, headers, got = peer.take("message")
        self.assertEqual((number, headers, got), (0, {"from": sender}, list(frames)))

    def assert_logged(self, text, count=1):
        return self.node.wait_line(text, count)


class Sending(Talk):
    def test_what_is_sent_arrives_and_comes_back(self):
        self.say(self.one, "echo", "hello", b"\x00\xff")
        self.assert_message(self.one, "a", b"hello", b"\x00\xff")
        self.assertTrue(self.one.is_quiet())

    def test_a_message_without_frames(self):
        self.say(self.one)
        self.assert_logged(r"heard ")
        self.assertTrue(self.one.is_quiet())

    def test_all_is_in_order(self):
        for number in range(1000):
            self.say(self.one, "echo", str(number), to="ab"[number % 2])
        for name, first in ("a", 0), ("b", 1):
            for number in range(first, 1000, 2):
                _, _, headers, frames = self._from(name)
                self.assertEqual(frames, [str(number).encode()])

    def _from(self, name):
        for one in self.one.kept:
            if one[0] == "message" and one[2]["from"] == name:
                self.one.kept.remove(one)
                return one
        while True:
            one = self.one.receive()
            self.assertIsNotNone(one)
            if one[0] == "message" and one[2]["from"] == name:
                return one
            self.one.kept.append(one)

    def test_urgent_ones_overtake(self):
        gate = os.path.join(self.node.folder, "gate")
        self.say(self.one, "wait", gate)
        self.assert_logged("waiting")
        self.say(self.one, "echo", "first")
        self.say(self.one, "echo", "urgent", urgent=True)
        self.assertTrue(self.one.is_quiet())  # both are in its mailbox
        open(gate, "w").close()
        self.assert_message(self.one, "a", b"urgent")
        self.assert_message(self.one, "a", b"first")

    def test_delivery_can_be_confirmed(self):
        self.say(self.one, "quiet", number=5, confirm=True)
        self.assertEqual(self.one.final(5)[0], "ok")
        self.say(self.one, "quiet", number=6)
        self.assertTrue(self.one.is_quiet())

    def test_a_peer_that_only_says_that_it_takes_messages(self):
        listener = self.peer(greets=False)
        listener.send("hello", 0, {"version-min": 1, "version-max": 1, "messages": True})
        listener.take("hello")
        self.assertEqual(listener.final(self.ask(listener, "remember me"))[0], "worker_lost")
        self.say(self.one, "speak")
        self.assert_message(listener, "a", b"hello")

    def test_a_peer_that_never_said_so_gets_none(self):
        deaf = self.peer()
        deaf.final(self.ask(deaf, "remember me"))
        self.say(self.one, "speak")
        self.assert_logged(r"said hello to peer/\d+: ok")
        self.assert_logged(r"event=dead_letter .*to=peer/\d+ .*takes no messages")
        self.assertTrue(deaf.is_quiet())

    def test_messages_come_in_bundles_to_those_who_take_them(self):
        bundler = self.peer(bundle=65536)
        self.say(bundler, "flood", "1000", "10")
        for _ in range(1000):
            self.assert_message(bundler, "a", bytes(10))
        self.assertGreater(bundler.n_bundles, 0)

    def test_sends_in_a_bundle(self):
        bundler = self.peer(bundle=65536)
        bundler.send_bundle(("send", 0, {"actor": "a"}, b"echo", b"1"),
                            ("send", 7, {"actor": "nobody"}, b"x"),
                            ("send", 0, {"actor": "a"}, b"echo", b"2"))
        self.assertEqual(bundler.final(7)[0], "no_capability")
        self.assert_message(bundler, "a", b"1")
        self.assert_message(bundler, "a", b"2")


class NotDelivered(Talk):
    def assert_refused(self, outcome, number, *words, to="a", **headers):
        self.say(self.one, *words, to=to, number=number, **headers)
        code, told, _ = self.one.final(number)
        self.assertEqual(code, outcome, told)
        return told

    def test_no_such_actor(self):
        told = self.assert_refused("no_capability", 9, "hello", to="nobody")
        self.assertIn("nobody", told["text"])
        self.assert_logged(r"event=dead_letter .*to=nobody .*from=peer/\d+")

    def test_without_a_number_nothing_is_told(self):
        self.say(self.one, "hello", to="nobody")
        self.say(self.one, "hello", to="secret", confirm=True)
        self.assertTrue(self.one.is_quiet())

    def test_actors_that_are_not_for_peers(self):
        for number in 3, 4, 5:
            self.assertFalse(self.assert_refused("forbidden", number, "x", to="secret")["retryable"])
        self.assertEqual(self.one.final(self.ask(self.one, "echo", of="secret"))[0], "forbidden")
        self.assertEqual(self.one.final(self.ask(self.one, "echo", of="unheard-of"))[0],
                         "forbidden")
        self.say(self.one, "echo", "still here")
        self.assert_message(self.one, "a", b"still here")
        self.assert_logged("event=peer_forbidden .*right=actor what=unheard-of")
        told = [line for line in self.node.lines if "event=peer_forbidden" in line]
        self.assertEqual(len(told), 2, told)  # once for each, however often it was tried
        self.assertIn("right=actor what=secret", told[0])

    def test_a_full_mailbox(self):
        gate = os.path.join(self.node.folder, "gate")
        self.say(self.one, "wait", gate)
        self.assert_logged("waiting")
        item = ("send", 0, {"actor": "a"}, b"quiet")
        for _ in range(MAILBOX // 1000):
            self.one.send_bundle(*[item] * 1000)
        told = self.assert_refused("overloaded", 8, "one too many")
        self.assertTrue(told["retryable"])
        self.assertEqual(self.one.final(self.ask(self.one, "echo", "x"))[0], "overloaded")
        self.say(self.one, "echo", "another has room", to="b")
        self.assert_message(self.one, "b", b"another has room")
        open(gate, "w").close()
        self.assert_logged("heard quiet", 100)

    def test_malformed_ones(self):
        for number, (headers, outcome) in enumerate([
                ({}, "bad_request"), ({"actor": ""}, "bad_request"),
                ({"actor": 5}, "bad_request"), ({"actor": "a" * 129}, "bad_request"),
                ({"actor": "a" * 128}, "forbidden"),
                ({"actor": "a", "urgent": "yes"}, "bad_request"),
                ({"actor": "a", "capability": "a"}, "bad_request"),
                ({"actor": b"\xff\x00\n"}, "forbidden")], 10):
            self.one.send("send", number, headers, b"x")
            self.assertEqual(self.one.final(number)[0], outcome, headers)
            self.one.send("send", 0, headers, b"x")
        self.one.raw(msgpack.packb([MAGIC, "send", 99, {"actor": "a"}])[:-1])
        self.assertEqual(self.one.final(99)[0], "bad_request")
        self.one.send("message", 98, {"from": "a"}, b"x")
        self.assertEqual(self.one.final(98)[0], "bad_request")
        self.assertTrue(self.one.is_quiet())

    def test_too_many_frames(self):
        self.say(self.one, *["x"] * 65, number=3)
        self.assertEqual(self.one.final(3)[0], "too_large")
        self.say(self.one, "echo", *["x"] * 63)
        self.assert_message(self.one, "a", *[b"x"] * 63)

    def test_unknown_headers_mean_nothing(self):
        self.say(self.one, "echo", "x", colour="red", number=3)
        self.assert_message(self.one, "a", b"x")
        self.assertTrue(self.one.is_quiet())


class Asking(Talk):
    def test_an_answer(self):
        outcome, headers, frames = self.one.final(self.ask(self.one, "echo", "x", b"", b"\xff"))
        self.assertEqual((outcome, headers, frames), ("ok", {}, [b"x", b"", b"\xff"]))

    def test_a_refusal(self):
        outcome, headers, _ = self.one.final(self.ask(self.one, "refuse"))
        self.assertEqual((outcome, headers["text"]), ("worker_error", "not today"))

    def test_an_actor_that_does_not_answer(self):
        self.assertEqual(self.one.final(self.ask(self.one, "quiet"))[0], "worker_lost")

    def test_an_actor_that_fails_meanwhile(self):
        self.assertEqual(self.one.final(self.ask(self.one, "fail"))[0], "worker_lost")
        self.assertEqual(self.one.final(self.ask(self.one, "echo", "again"))[2], [b"again"])

    def test_no_such_actor(self):
        self.assertEqual(self.one.final(self.ask(self.one, "x", of="nobody"))[0],
                         "no_capability")

    def test_the_deadline(self):
        outcome, headers, _ = self.one.final(self.ask(self.one, "keep", timeout=100))
        self.assertEqual((outcome, headers["retryable"]), ("timeout", True))
        self.say(self.one, "answer", "too late")
        self.assertEqual(self.one.final(self.ask(self.one, "keep", timeout=0))[0], "timeout")
        self.assertEqual(self.one.final(self.ask(self.one, "echo", "x"))[0], "ok")
        self.assertTrue(self.one.is_quiet())

    def test_a_cancel(self):
        number = self.ask(self.one, "keep", timeout=60000)
        self.assert_logged("kept a question")
        self.one.cancel(number)
        self.one.cancel(number)
        self.assertEqual(self.one.final(number)[0], "cancelled")
        self.say(self.one, "answer", "too late")
        self.assertTrue(self.one.is_quiet())

    def test_an_answer_that_comes_later(self):
        number = self.ask(self.one, "keep", timeout=60000)
        self.assert_logged("kept a question")
        self.say(self.one, "awaited")
        self.assert_logged("awaited: 1")
        self.say(self.one, "answer", "at last")
        self.assertEqual(self.one.final(number)[2], [b"at last"])

    def test_as_many_as_requests_may_be_open(self):
        numbers = [self.ask(self.one, "keep", timeout=60000) for _ in range(1)]
        self.assert_logged("kept a question")
        gate = os.path.join(self.node.folder, "gate")
        self.say(self.one, "wait", gate, to="b")
        numbers = [self.ask(self.one, "echo", "x", of="b", timeout=60000) for _ in range(999)]
        self.assertEqual(self.one.final(self.ask(self.one, "x", of="b"))[0], "overloaded")
        open(gate, "w").close()
        for number in numbers:
            self.assertEqual(self.one.final(number)[0], "ok")

    def test_an_id_that_is_open(self):
        number = self.ask(self.one, "keep", timeout=60000)
        self.assert_logged("kept a question")
        self.one.send("request", number, {"actor": "a"}, b"echo")
        self.assertEqual(self.one.final(number)[0], "bad_request")
        self.say(self.one, "answer", "the first")
        self.assertEqual(self.one.final(number)[2], [b"the first"])

    def test_both_a_capability_and_an_actor(self):
        self.one.send("request", 7, {"actor": "a", "capability": "a"})
        self.assertEqual(self.one.final(7)[0], "bad_request")

    def test_answers_and_messages_keep_their_order(self):
        for bundle in 0, 65536:
            peer = self.peer(bundle=bundle)
            for number in range(100):
                self.say(peer, "echo", str(number))
                self.ask(peer, "echo", str(number))
            got = []
            while len(got) < 200:
                one = peer.receive()
                got.append((one[0], one[3][0]))
            self.assertEqual(got, [(command, str(number).encode()) for number in range(100)
                                   for command in ("message", "reply")])


class BeingKnown(Talk):
    def tied(self, how="watch me"):
        """One that is pinged often, and so found gone soon, and what actors call it."""
        peer = self.peer(greets=False)
        peer.send("hello", 0, {"version-min": 1, "version-max": 1, "heartbeat": 1000})
        self.say(peer, how)
        self.n_tied = getattr(self, "n_tied", 0) + 1
        line = self.assert_logged(r"tied to peer/\d+: ok", self.n_tied)
        return peer, line.split("tied to ")[1].split(":")[0]

    def test_one_that_says_bye_has_ended_well(self):
        peer, name = self.tied()
        peer.send("bye")
        self.assert_logged(rf"down: {name}, kind {NORMAL}")

    def test_one_that_is_gone_is_lost(self):
        peer, name = self.tied()
        peer.close()
        self.assert_logged(rf"down: {name}, kind {LOST}: disconnected")

    def test_one_that_does_not_keep_its_heartbeat(self):
        peer = self.peer(greets=False)
        peer.send("hello", 0, {"version-min": 1, "version-max": 1, "heartbeat": 100})
        self.say(peer, "watch me")
        self.assert_logged(rf"down: peer/\d+, kind {LOST}: silent")
        peer.take("bye")

    def test_its_reference_is_over_then(self):
        self.say(self.one, "echo", "", to="b")
        self.assert_message(self.one, "b", b"")
        peer, _ = self.tied()
        self.say(peer, "remember me")
        peer.send("bye")
        self.assert_logged(rf"down: peer/\d+, kind {NORMAL}")
        self.say(self.one, "speak")
        self.assert_logged("is over: 1")
        self.assert_logged(r"said hello to peer/\d+: not_found")
        self.assert_logged(r"event=dead_letter .*to=peer/\d+ ")
        self.say(self.one, "watch it")
        self.assert_logged(r"down: peer/\d+, kind 9")
        again = self.peer()
        self.say(again, "echo", "new")
        self.assert_message(again, "a", b"new")

    def test_what_it_had_sent_comes_before_the_notice(self):
        peer, name = self.tied()
        for _ in range(100):
            self.say(peer, "quiet")
        peer.send("bye")
        self.assert_logged(rf"down: {name}")
        before = self.node.text().split(f"down: {name}")[0]
        self.assertEqual(before.count("heard quiet"), 100)

    def test_an_ask_of_one_that_has_gone_is_answered_to_nobody(self):
        peer = self.peer()
        self.ask(peer, "keep", timeout=60000)
        self.assert_logged("kept a question")
        peer.send("bye")
        self.assertTrue(self.one.is_quiet())  # the gateway has gone on
        self.say(self.one, "answer", "too late")
        self.say(self.one, "echo", "well")
        self.assert_message(self.one, "a", b"well")

    def test_a_peer_cannot_be_asked(self):
        self.say(self.one, "ask me")
        self.assert_logged("its answer: worker_error: a peer takes messages, but answers none")
        self.assertTrue(self.one.is_quiet())

    def test_a_link_ends_both(self):
        peer, _ = self.tied("link me")
        peer.close()
        self.assert_logged(r"event=ended .*child=a .*")
        self.one.final(self.ask(self.one, "echo", timeout=60000))
        other, _ = self.tied("link me")
        self.say(self.one, "fail")
        other.take("bye")

    def test_a_link_ends_well_with_a_peer_that_says_bye(self):
        peer, _ = self.tied("link me")
        other, _ = self.tied("link me")
        self.say(other, "unlink me")
        self.assert_logged("untied")
        peer.send("bye")
        other.close()
        self.node.wait_line("event=peer_gone")
        self.say(self.one, "echo", "well")
        self.assert_message(self.one, "a", b"well")

    def test_links_with_two_are_two(self):
        first, _ = self.tied("link me")
        second, _ = self.tied("link me")
        first.send("bye")
        self.say(self.one, "echo", "one is left")
        self.assert_message(self.one, "a", b"one is left")
        second.close()
        self.assert_logged(r"event=ended .*child=a .*")


class Monitoring(Talk):
    def monitor(self, peer, of="a"):
        peer.last += 1
        peer.send("monitor", peer.last, {"actor": of})
        return peer.last

    def down(self, peer, number):
        _, _, headers, frames = peer.take("down", number)
        self.assertEqual(frames, [])
        return headers

    def assert_fails(self, peer, number, name="a"):
        """It is told to, and that is told."""
        self.say(self.one, "fail", to=name)
        self.assertEqual(self.down(peer, number),
                         {"from": name, "reason": "failed", "text": "as it was told"})

    def test_it_is_told_once_of_a_life(self):
        self.assert_fails(self.one, self.monitor(self.one))
        self.say(self.one, "fail")
        self.assert_logged("event=ended .*child=a ", 2)
        self.assertTrue(self.one.is_quiet())
        self.assert_fails(self.one, self.monitor(self.one))

    def test_each_monitor_has_an_end_of_its_own(self):
        other = self.peer()
        numbers = [self.monitor(self.one), self.monitor(self.one)]
        one_of_b = self.monitor(self.one, of="b")
        one_of_other = self.monitor(other)
        self.say(other, "echo", "it has the monitor")
        self.assert_message(other, "a", b"it has the monitor")
        self.assert_fails(self.one, numbers[0])
        self.assertEqual(self.down(self.one, numbers[1])["reason"], "failed")
        self.assertEqual(self.down(other, one_of_other)["reason"], "failed")
        self.assertTrue(self.one.is_quiet())
        self.assert_fails(self.one, one_of_b, name="b")

    def test_it_comes_behind_what_the_actor_had_sent(self):
        for bundle in 0, 65536:
            peer = self.peer(bundle=bundle)
            number = self.monitor(peer)
            self.say(peer, "flood", "1000", "10")
            self.say(peer, "flood", "10", "2000")
            self.say(peer, "fail")
            got = [peer.receive()[:2] for _ in range(1011)]
            self.assertEqual(got, [("message", 0)] * 1010 + [("down", number)])

    def test_a_process_that_exits_tells_its_status(self):
        number = self.monitor(self.one, of="process")
        self.say(self.one, "exit", "3", to="process")
        headers = self.down(self.one, number)
        self.assertEqual((headers["from"], headers["reason"], headers["reason-code"]),
                         ("process", "exited", 3))

    def test_one_that_is_told_to_stop(self):
        number = self.monitor(self.one)
        self.say(self.one, "echo", "")
        self.assert_message(self.one, "a", b"")
        self.assertEqual(self.node.run("restart", "a").returncode, 0)
        self.assertEqual(self.down(self.one, number)["reason"], "shutdown")

    def test_nobody_is_gone_at_once(self):
        number = self.monitor(self.one, of="nobody")
        self.assertEqual(self.down(self.one, number), {"from": "nobody", "reason": "gone"})
        number = self.monitor(self.one, of="once")
        self.assert_fails(self.one, number, name="once")
        number = self.monitor(self.one, of="once")
        self.assertEqual(self.down(self.one, number), {"from": "once", "reason": "gone"})

    def test_a_peer_that_monitors_is_nobody_to_actors(self):
        watcher = self.peer()
        self.down(watcher, self.monitor(watcher, of="nobody"))
        self.monitor(watcher)
        watcher.send("bye")
        self.say(self.one, "echo", "")
        self.assert_message(self.one, "a", b"")
        self.assertNotIn("down: peer", self.node.text())

    def test_nonsense(self):
        for number, headers in enumerate([
                {}, {"actor": ""}, {"actor": 5}, {"actor": "a" * 129}, {"ref": 1},
                {"actor": "a", "capability": "a"}], 10):
            self.one.send("monitor", number, headers)
            self.assertEqual(self.one.final(number)[0], "bad_request", headers)
            self.one.send("monitor", 0, headers)
        self.one.send("monitor", 0, {"actor": "a"})
        self.one.send("down", 97, {"from": "a", "reason": "gone"})
        self.assertEqual(self.one.final(97)[0], "bad_request")
        self.one.send("link", 96, {"actor": "a"})
        self.assertEqual(self.one.final(96)[0], "bad_request")
        self.one.send("monitor", 95, {"actor": "a"}, *[b"x"] * 65)
        self.assertEqual(self.one.final(95)[0], "too_large")
        self.say(self.one, "fail")
        self.assert_logged("event=ended .*child=a ")
        self.assertTrue(self.one.is_quiet())

    def test_actors_that_are_not_for_peers(self):
        for name in "secret", "unheard-of", "a" * 128, b"\xff\x00":
            outcome, headers, _ = self.one.final(self.monitor(self.one, of=name))
            self.assertEqual((outcome, headers["retryable"]), ("forbidden", False))
            self.assertIn("peers of this endpoint may not monitor it", headers["text"])
        self.assert_logged("event=peer_forbidden .*right=actor what=secret")
        self.say(self.one, "fail", to="secret")
        self.assertTrue(self.one.is_quiet())

    def test_an_id_that_is_open(self):
        number = self.monitor(self.one)
        self.one.send("monitor", number, {"actor": "b"})
        self.assertEqual(self.one.final(number)[0], "bad_request")
        self.one.send("request", number, {"actor": "b"}, b"echo")
        self.assertEqual(self.one.final(number)[0], "bad_request")
        asked = self.ask(self.one, "keep", of="b", timeout=60000)
        self.one.send("monitor", asked, {"actor": "a"})
        self.assertEqual(self.one.final(asked)[0], "bad_request")
        self.assert_logged("kept a question")
        self.say(self.one, "answer", "well", to="b")
        self.assertEqual(self.one.final(asked)[2], [b"well"])
        self.assert_fails(self.one, number)
        self.one.send("monitor", number, {"actor": "b"})
        self.assert_fails(self.one, number, name="b")

    def test_one_that_is_taken_back(self):
        number = self.monitor(self.one)
        self.one.send("demonitor", number)
        self.say(self.one, "fail")
        self.assert_logged("event=ended .*child=a ")
        self.assertTrue(self.one.is_quiet())
        self.one.send("monitor", number, {"actor": "b"})
        self.assert_fails(self.one, number, name="b")

    def test_what_takes_nothing_back(self):
        number = self.monitor(self.one)
        asked = self.ask(self.one, "keep", of="b", timeout=60000)
        self.assert_logged("kept a question")
        for unknown in 0, 77, asked:
            self.one.send("demonitor", unknown)
        self.one.cancel(number)
        self.one.send("credit", number, {"credit": 5})
        self.assertTrue(self.one.is_quiet())
        self.assert_fails(self.one, number)
        self.one.send("demonitor", number)  # it crosses its `down`
        self.say(self.one, "answer", "well", to="b")
        self.assertEqual(self.one.final(asked)[2], [b"well"])

    def test_they_count_among_what_is_open(self):
        numbers = [self.monitor(self.one) for _ in range(1000)]
        self.assertEqual(self.one.final(self.monitor(self.one))[0], "overloaded")
        self.assertEqual(self.one.final(self.ask(self.one, "echo"))[0], "overloaded")
        self.one.send("demonitor", numbers.pop())
        self.assertEqual(self.one.final(self.ask(self.one, "echo", "x"))[2], [b"x"])
        numbers.append(self.monitor(self.one))
        self.assertEqual(self.one.final(self.monitor(self.one))[0], "overloaded")
        self.say(self.one, "fail")
        for number in numbers:
            self.assertEqual(self.down(self.one, number)["reason"], "failed")
        self.assertTrue(self.one.is_quiet())

    def test_one_that_leaves_leaves_nothing_behind(self):
        for leaves in (lambda peer: peer.send("bye"), lambda peer: peer.close()):
            peer = self.peer()
            for _ in range(1000):
                self.monitor(peer)
            self.say(peer, "echo", "they are all there")
            self.assert_message(peer, "a", b"they are all there")
            leaves(peer)
            self.assert_fails(self.one, self.monitor(self.one))
        again = self.peer()
        self.assert_fails(again, self.monitor(again))

    def test_a_slow_reader_is_told_behind_its_messages(self):
        slow = self.slow_peer()
        watched = self.monitor(self.one)
        self.assertTrue(self.one.is_quiet())
        number = self.monitor(slow)
        self.say(slow, "flood", "30000", "4000")
        self.say(slow, "fail")
        self.down(self.one, watched)
        while (one := slow.receive())[0] == "message":
            self.assertEqual(one[1], 0)
        self.assertEqual(one[:2], ("down", number))


class SlowReaders(Talk):
    def test_a_slow_reader_loses_messages_and_not_its_place(self):
        slow = self.slow_peer()
        self.say(slow, "flood", "30000", "4000", confirm=True, number=1)
        # Its answer comes behind all that the actor has sent to the other one.
        outcome, _, frames = self.one.final(self.ask(self.one, "echo", "x", timeout=60000))
        self.assertEqual((outcome, frames), ("ok", [b"x"]))
        self.assert_logged(r"event=dead_letter .*too slow")
        number = self.ask(slow, "echo", "and answers have room")
        n_messages = 0
        while True:
            command, about, _, frames = slow.receive()
            if command == "message":
                n_messages += 1
            elif about == number and command == "reply" and frames:
                break
        self.assertEqual(frames, [b"and answers have room"])
        self.assertGreater(n_messages, 4000)
        self.assertLess(n_messages, 30000)


class Allowed(Talk):
    def setUp(self):
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, 0)

    def test_nobody_unless_it_is_said(self):
        self.node = self.node_of(None, "a")
        one = self.peer()
        self.assertEqual(one.final(self.ask(one, "echo"))[0], "forbidden")

    def test_a_star_for_all(self):
        self.node = self.node_of(["*"], "a", "b")
        one = self.peer()
        for name in "a", "b":
            self.assertEqual(one.final(self.ask(one, "echo", "x", of=name))[2], [b"x"])
        self.assertEqual(one.final(self.ask(one, "echo", of="c"))[0], "no_capability")

    def test_a_reload_changes_it_for_all(self):
        self.node = self.node_of(["a"], "a", "b")
        one = self.peer()
        one.send("monitor", 70, {"actor": "a"})
        self.say(one, "echo", "x")
        self.assert_message(one, "a", b"x")
        for listener in self.node.config["listen"]:
            listener["actors"] = ["b"]
        self.node.write()
        result = self.node.run("reload")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("listen: other actors at", result.stdout)
        self.assertEqual(one.final(self.ask(one, "echo"))[0], "forbidden")
        self.assertEqual(one.final(self.ask(one, "echo", "y", of="b"))[2], [b"y"])
        one.send("monitor", 71, {"actor": "a"})
        self.assertEqual(one.final(71)[0], "forbidden")
        self.assertEqual(self.node.run("restart", "a").returncode, 0)
        self.assertEqual(one.take("down", 70)[2]["reason"], "shutdown")  # it was allowed then

    def test_a_node_that_drains_takes_nothing(self):
        self.node = self.node_of(["a", "b"], "a", "b")
        one = self.peer()
        one.request("echo", "sleep", b"60000")  # as long as it runs the node does not stop
        until = time.monotonic() + LONG
        while self.node.capability("echo")["pending"] != 1:
            self.assertLess(time.monotonic(), until)
        for number, name in (60, "a"), (61, "b"):
            one.send("monitor", number, {"actor": name})
        gate = os.path.join(self.node.folder, "gate")
        self.say(one, "wait", gate)
        self.say(one, "fail")
        self.assert_logged("waiting")
        self.node.kill()
        one.take("goaway")
        self.say(one, "echo", number=50)
        self.assertEqual(one.final(50)[0], "shutting_down")
        self.assertEqual(one.final(self.ask(one, "echo"))[0], "shutting_down")
        one.send("monitor", 51, {"actor": "a"})
        self.assertEqual(one.final(51)[0], "shutting_down")
        open(gate, "w").close()
        self.assertEqual(one.take("down", 60)[2]["reason"], "failed")
        self.node.kill()  # it waits for nothing any more
        self.assertEqual(one.final(61)[0], "shutting_down")


class Command(Talk):
    """`troupe send` and `troupe ask`."""

    def troupe(self, *words, code=0):
        done = run_troupe(*words, "-e", self.endpoint_of(self.node))
        self.assertEqual(done.returncode, code, done)
        return done

    def test_an_ask(self):
        done = self.troupe("ask", "a", "-d", "echo", "-d", "x", "-d", "y")
        self.assertEqual((done.stdout, done.stderr), ("x", ""))
        done = self.troupe("ask", "a", "-d", "echo", "-d", "x", "-d", "y", "--frame", "1")
        self.assertEqual(done.stdout, "y")
        done = self.troupe("ask", "a", "-d", "echo", "-d", "x", "--json")
        self.assertEqual(json.loads(done.stdout)["frames"], ["x"])

    def test_an_ask_that_ends_badly(self):
        self.assertIn("worker_error: not today",
                      self.troupe("ask", "a", "-d", "refuse", code=1).stderr)
        self.assertIn("timeout", self.troupe("ask", "a", "-d", "keep", "-t", "50ms",
                                             code=4).stderr)
        self.assertIn("forbidden", self.troupe("ask", "secret", "-d", "x", code=1).stderr)

    def test_a_send(self):
        done = self.troupe("send", "a", "-d", "quiet")
        self.assertEqual((done.stdout, done.stderr), ("", ""))
        self.assert_logged("heard quiet")
        self.assertIn("there is no such actor",
                      self.troupe("send", "nobody", "-d", "x", code=1).stderr)

    def test_a_monitor(self):
        self.assertEqual(self.troupe("monitor", "nobody").stdout, "nobody: gone\n")
        self.assertEqual(json.loads(self.troupe("monitor", "nobody", "--json").stdout),
                         {"actor": "nobody", "reason": "gone", "text": ""})
        self.assertIn("forbidden", self.troupe("monitor", "secret", "--json", code=1).stderr)
        self.troupe("monitor", "a", "-t", "50ms", code=4)

    def test_a_monitor_until_the_end(self):
        process = subprocess.Popen([TROUPE, "monitor", "process", "-e",
                                    self.endpoint_of(self.node)],
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        while process.poll() is None:  # nobody says when it has begun to look
            self.say(self.one, "exit", "3", to="process")
            try:
                process.wait(0.2)
            except subprocess.TimeoutExpired:
                pass
        self.assertEqual((process.returncode, process.stdout.read()),
                         (0, "process: exited: status 3\n"))

    def test_an_urgent_one_overtakes(self):
        gate = os.path.join(self.node.folder, "gate")
        self.troupe("send", "a", "-d", "wait", "-d", gate)
        self.assert_logged("waiting")
        self.troupe("send", "a", "-d", "later")
        self.troupe("send", "a", "-d", "sooner", "-u")
        open(gate, "w").close()
        self.assert_logged("heard later")
        self.assertIn("heard sooner", self.node.text().split("heard later")[0])


TESTS = (Sending, NotDelivered, Asking, BeingKnown, Monitoring, SlowReaders, Allowed, Command)


class OverTcp:
    def endpoint_of(self, node):
        return node.tcp


for case in TESTS:
    globals()[case.__name__ + "OverTcp"] = type(case.__name__ + "OverTcp", (OverTcp, case), {})
del case

if __name__ == "__main__":
    unittest.main(verbosity=2)
