"""What a client says, story by story: no socket, and a clock that the story moves."""

import math
import unittest

import kit  # noqa: F401

import troupe
from troupe import wire
from troupe.conversation import Conversation, Sink
from troupe.wire import encode


class Heard(Sink):
    def __init__(self):
        self.parts = []
        self.end = None

    def part(self, frames):
        self.parts.append(frames)

    def reply(self, frames):
        assert self.end is None
        self.end = frames

    def error(self, error):
        assert self.end is None
        self.end = error

    def down(self, headers):
        assert self.end is None
        self.end = headers


class Story(unittest.TestCase):
    def setUp(self):
        self.messages = []
        self.talk = Conversation(5.0, {}, lambda sender, frames: self.messages.append(
            (sender, frames)))

    def connect(self, now=0.0, **hello):
        self.talk.connected(now)
        self.assertEqual(self.said(now)[0][:2], ("hello", 0))
        self.hear("hello", 0, {"heartbeat": 5000, **hello}, now=now)

    def hear(self, name, about=0, headers=None, *frames, now=0.0):
        return self.talk.hear([encode(name, about, headers), *frames], now)

    def said(self, now=0.0):
        found = []
        for message in self.talk.take_messages(now):
            command = wire.decode_message(message)
            found.append((command.name, command.id, command.headers, command.payload))
        return found

    def start(self, now=0.0, timeout=None, frames=(), **headers):
        heard = Heard()
        about = self.talk.start(heard, {"capability": "echo", **headers}, list(frames), now,
                                timeout)
        return about, heard

    def monitor(self, now=0.0, timeout=None):
        heard = Heard()
        return self.talk.start(heard, {"actor": "room"}, [], now, timeout, "monitor"), heard

    def test_a_monitor(self):
        self.connect()
        about, heard = self.monitor(timeout=2.0)
        self.assertEqual(self.said(), [("monitor", about, {"actor": "room"}, [])])
        self.talk.tick(1e9)  # it has been said: no time bounds it any more
        for name in "reply", "part":
            self.hear(name, about)
        self.assertIsNone(heard.end)
        told = {"from": "room", "reason": "crashed", "reason-code": 11}
        self.hear("down", about, told)
        self.assertEqual(heard.end, told)
        self.hear("down", about, {"reason": "failed"})
        self.assertEqual((heard.end, len(self.talk), heard.parts), (told, 0, []))

    def test_a_monitor_that_is_refused(self):
        self.connect()
        about, heard = self.monitor()
        self.hear("error", about, {"code": "forbidden", "text": "no"})
        self.assertIsInstance(heard.end, troupe.Forbidden)

    def test_a_monitor_waits_for_a_connection_and_ends_with_it(self):
        _, late = self.monitor(now=1.0, timeout=5.0)
        self.talk.tick(6.0)
        self.assertIsInstance(late.end, troupe.Timeout)
        about, heard = self.monitor(now=6.0, timeout=5.0)
        self.talk.connected(7.0)
        self.assertEqual(self.said()[1], ("monitor", about, {"actor": "room"}, []))
        self.talk.tick(100.0)
        self.assertIsNone(heard.end)
        self.talk.disconnected()
        self.assertIsInstance(heard.end, troupe.WorkerLost)

    def test_a_monitor_that_is_not_wanted_any_more(self):
        unsaid, heard = self.monitor()
        self.talk.cancel(unsaid)
        self.assertIsInstance(heard.end, troupe.Cancelled)
        self.connect()
        for end in (self.talk.cancel, self.talk.drop):
            about, heard = self.monitor()
            end(about)
            self.assertEqual([one[:2] for one in self.said()],
                             [("monitor", about), ("demonitor", about)])
            self.hear("down", about, {"reason": "failed"})
            end(about)
            self.assertEqual(self.said(), [])
        self.assertEqual(len(self.talk), 0)

    def test_a_down_of_no_monitor(self):
        self.connect()
        about, heard = self.start()
        self.said()
        self.hear("down", about, {"reason": "failed"})
        self.hear("down", 99, {"reason": "failed"})
        self.hear("down")
        self.assertIsNone(heard.end)
        self.hear("reply", about)
        self.assertEqual(heard.end, [])

    def test_a_call(self):
        self.connect()
        about, heard = self.start(timeout=2.5, frames=[b"hi"])
        self.assertEqual(self.said(), [
            ("request", about, {"capability": "echo", "timeout": 2500}, [b"hi"])])
        self.hear("part", about, {"sequence": 0}, b"p")
        self.hear("reply", about, {}, b"ho", b"ho")
        self.assertEqual((heard.parts, heard.end), ([[b"p"]], [b"ho", b"ho"]))
        self.hear("reply", about)  # there is nobody any more
        self.assertEqual(len(self.talk), 0)

    def test_a_status_goes_to_who_wants_it(self):
        self.connect()
        about, heard = self.start()
        self.hear("status", about, {"state": "queued", "position": 1})  # nobody wants it
        told = []
        heard.on_status = told.append
        self.hear("status", about, {"state": "queued", "position": 3})
        self.hear("status", about, {"state": "running"})
        self.hear("status", about + 1, {"state": "running"})
        heard.on_status = lambda status: 1 / 0
        with self.assertLogs("troupe"):
            self.hear("status", about, {"state": "running"})
        self.hear("reply", about)
        self.hear("status", about, {"state": "running"})  # too late
        self.assertEqual(told, [troupe.Status("queued", 3), troupe.Status("running", 0)])
        self.assertEqual((heard.parts, heard.end), ([], []))

    def test_calls_wait_for_a_connection_and_have_less_time_then(self):
        about, _ = self.start(now=1.0, timeout=5.0)
        self.assertEqual(self.said(), [])
        self.talk.connected(3.0)
        self.assertEqual(self.said()[1], ("request", about,
                                          {"capability": "echo", "timeout": 3000}, []))

    def test_one_that_was_not_sent_ends_at_its_deadline(self):
        _, heard = self.start(now=1.0, timeout=5.0)
        self.assertEqual(self.talk.wakes_at(), 6.0)
        self.talk.tick(5.9)
        self.assertIsNone(heard.end)
        self.talk.tick(6.0)
        self.assertIsInstance(heard.end, troupe.Timeout)
        self.assertEqual(self.talk.wakes_at(), math.inf)

    def test_calls_that_have_ended_do_not_pile_up(self):
        self.connect()
        _, waits = self.start(timeout=5.0)
        for _ in range(2000):
            about, _ = self.start(timeout=30.0)
            self.hear("reply", about)
        self.assertLess(len(self.talk._late), 200)
        self.talk.tick(6.0)
        self.assertIsInstance(waits.end, troupe.Timeout)

    def test_one_that_was_sent_is_the_nodes_to_end_and_ours_a_second_later(self):
        self.connect()
        about, heard = self.start(timeout=5.0)
        self.said()
        self.talk.tick(5.5)
        self.assertIsNone(heard.end)
        self.talk.tick(6.0)
        self.assertIsInstance(heard.end, troupe.Timeout)
        self.assertIn(("cancel", about, {}, []), self.said())

    def test_a_lost_connection_ends_what_was_said_on_it_only(self):
        self.connect()
        _, sent = self.start()
        self.said()
        self.talk.disconnected()
        _, waiting = self.start()
        self.assertIsInstance(sent.end, troupe.WorkerLost)
        self.assertTrue(sent.end.retryable)
        self.assertIsNone(waiting.end)
        self.talk.connected(9.0)
        self.assertEqual([one[0] for one in self.said()], ["hello", "request"])

    def test_messages_wait_for_a_connection_in_order_with_calls(self):
        self.talk.send({"actor": "bank"}, [b"first"])
        self.start(frames=[b"second"])
        self.talk.send({"actor": "bank"}, [b"third"])
        self.talk.send({"actor": "bank"}, [b"fourth"])
        self.start(frames=[b"fifth"])
        self.talk.send({"actor": "bank"}, [b"sixth"])
        self.talk.connected(0.0)
        self.assertEqual([payload for *_, payload in self.said()[1:]], [
            [b"first"], [b"second"], [b"third"], [b"fourth"], [b"fifth"], [b"sixth"]])

    def test_a_cancel(self):
        about, heard = self.start()
        self.talk.cancel(about)  # that was never sent
        self.assertIsInstance(heard.end, troupe.Cancelled)
        self.connect()
        about, heard = self.start()
        self.talk.cancel(about)
        self.assertEqual([one[0] for one in self.said()], ["request", "cancel"])
        self.assertIsNone(heard.end)
        self.hear("error", about, {"code": "cancelled", "retryable": False})
        self.assertIsInstance(heard.end, troupe.Cancelled)
        self.talk.cancel(about)
        self.assertEqual(self.said(), [])

    def test_credit_before_and_behind_the_request(self):
        about, _ = self.start(credit=4)
        self.talk.grant(about, 3)
        self.talk.connected(0.0)
        self.assertEqual(self.said()[1][2]["credit"], 7)
        self.talk.grant(about, 2)
        self.assertEqual(self.said(), [("credit", about, {"credit": 2}, [])])

    def test_a_part_that_is_missing_ends_the_stream(self):
        self.connect()
        about, heard = self.start()
        self.hear("part", about, {"sequence": 1})
        self.assertIsInstance(heard.end, troupe.WorkerLost)
        self.assertEqual([one[0] for one in self.said()], ["request", "cancel"])

    def test_the_heartbeat(self):
        self.connect()
        self.assertEqual(self.talk.wakes_at(), 5.0)
        self.assertTrue(self.talk.tick(5.0))
        self.assertEqual(self.said(5.0), [("ping", 0, {}, [])])
        self.hear("pong", now=5.1)
        self.assertTrue(self.talk.tick(20.0))
        self.said(20.0)
        self.assertFalse(self.talk.tick(20.2))  # three intervals without a word

    def test_the_node_decides_the_interval(self):
        self.connect(heartbeat=100)
        self.assertEqual(self.talk.wakes_at(), 0.1)

    def test_no_heartbeat_when_none_is_wanted(self):
        self.talk = Conversation(0.0, {})
        self.talk.connected(0.0)
        self.assertEqual(self.said()[0][2]["version-max"], 1)
        self.hear("hello", 0, {"heartbeat": 5000})
        self.assertEqual(self.talk.wakes_at(), math.inf)
        self.assertTrue(self.talk.tick(1e9))

    def test_pings_are_answered(self):
        self.connect()
        self.hear("ping", 3)
        self.assertEqual(self.said(), [("pong", 3, {}, [])])

    def test_bye_is_the_end_and_goaway_is_not(self):
        self.connect()
        self.assertTrue(self.hear("goaway"))
        self.assertTrue(self.talk.is_draining)
        self.assertFalse(self.hear("bye"))

    def test_a_node_that_does_not_like_the_greeting(self):
        _, heard = self.start()
        self.talk.connected(0.0)
        self.assertFalse(self.hear("error", 0, {"code": "bad_request", "text": "version 2 only"}))
        self.assertIsInstance(heard.end, troupe.BadRequest)
        self.connect()
        self.assertTrue(self.hear("error", 0, {"code": "bad_request"}))

    def test_what_cannot_be_read_or_is_unknown_is_ignored(self):
        self.connect()
        about, heard = self.start()
        for message in ([b""], [b"\xc1"], [encode("dance", about)], [encode("bundle")],
                        [encode("bundle"), b"\xff\xff"], []):
            self.assertTrue(self.talk.hear(message, 0.0))
        self.assertIsNone(heard.end)

    def test_bundles_are_taken_and_none_is_inside_another(self):
        self.connect()
        one, first = self.start()
        two, second = self.start()
        inner = [encode("bundle"), b""]
        packed = list(wire.pack_bundles(
            [[encode("reply", one), b"1"], inner, [encode("reply", two), b"2"]], 65536))
        self.assertEqual(len(packed), 1)
        self.assertTrue(self.talk.hear(packed[0], 0.0))
        self.assertEqual((first.end, second.end), ([b"1"], [b"2"]))
        self.assertFalse(self.talk.hear(list(wire.pack_bundles(
            [[encode("ping")], [encode("bye")], [encode("ping")]], 65536))[0], 0.0))

    def test_bundles_are_made_for_a_node_that_takes_them(self):
        self.connect(bundle=65536)
        for _ in range(50):
            self.start(frames=[b"x"])
        messages = list(self.talk.take_messages(0.0))
        self.assertEqual(len(messages), 1)
        self.assertEqual(len(list(wire.unpack_bundle(messages[0][1]))), 50)

    def test_outcomes_are_exceptions(self):
        self.connect()
        about, heard = self.start()
        self.hear("error", about, {"code": "overloaded", "text": "full", "retryable": True,
                                   "hint": 250})
        self.assertIsInstance(heard.end, troupe.Overloaded)
        self.assertEqual((heard.end.code, heard.end.retryable, heard.end.hint, heard.end.text),
                         ("overloaded", True, 0.25, "full"))
        about, heard = self.start()
        self.hear("error", about, {"code": "rained_off", "retryable": True})
        self.assertIs(type(heard.end), troupe.TroupeError)
        self.assertEqual((heard.end.code, heard.end.retryable), ("rained_off", True))
        self.assertEqual(str(heard.end), "rained_off")

    def test_every_code_has_its_class(self):
        codes = ("worker_error worker_lost timeout cancelled overloaded no_capability no_workers "
                 "circuit_open memory_exhausted spawn_failed spawn_timeout shutting_down "
                 "bad_request too_large forbidden internal").split()
        from troupe.outcomes import _BY_CODE
        self.assertEqual(sorted(_BY_CODE), sorted(codes))
        for code, one in _BY_CODE.items():
            self.assertEqual(one().code, code)
            self.assertEqual(one.__name__.lower(), code.replace("_", ""))
            self.assertIs(getattr(troupe, one.__name__), one)

    def test_what_is_too_large_is_not_sent(self):
        self.connect(**{"max-frame": 10})
        for frames in ([b"x"] * 65, [b"x" * 11]):
            _, heard = self.start(frames=frames)
            self.assertIsInstance(heard.end, troupe.TooLarge)
        self.assertEqual(self.said(), [])

    def test_too_many_calls(self):
        from troupe import conversation
        for _ in range(conversation.MAX_CALLS):
            self.start()
        _, heard = self.start()
        self.assertIsInstance(heard.end, troupe.Overloaded)

    def test_messages_of_actors(self):
        self.connect()
        self.hear("message", 0, {"from": "room"}, b"hi")
        self.assertEqual(self.messages, [("room", [b"hi"])])

    def test_messages_to_actors_wait_for_a_connection(self):
        self.talk.send({"actor": "room"}, [b"1"])
        self.talk.connected(0.0)
        self.talk.send({"actor": "room"}, [b"2"])
        self.assertEqual(self.said()[1:], [("send", 0, {"actor": "room"}, [b"1"]),
                                           ("send", 0, {"actor": "room"}, [b"2"])])

    def test_a_call_that_is_dropped_is_cancelled_and_heard_of_no_more(self):
        self.connect()
        about, heard = self.start()
        self.talk.drop(about)
        self.hear("reply", about)
        self.assertIsNone(heard.end)
        self.assertEqual([one[0] for one in self.said()], ["request", "cancel"])


if __name__ == "__main__":
    unittest.main()
