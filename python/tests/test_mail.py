"""What an actor and its node say to each other, story by story: no socket, no thread, and a clock
that the story moves."""

import gc
import unittest

import kit  # noqa: F401

import msgpack

import troupe
from troupe import wire
from troupe.mail import Mail, check_group, pack_state
from troupe.message import ActorMonitor
from troupe.refs import Ref, Refs, address_of
from troupe.wire import Command, decode_message, encode


class Story(unittest.TestCase):
    def setUp(self):
        self.out = []
        self.posted = []
        self.mail = Mail(self.say, self.posted.append, takes_messages=True)

    def say(self, name, about=0, headers=None, payload=()):
        command = decode_message([encode(name, about, headers), *payload])
        self.out.append((command.name, command.id, command.headers, list(command.payload)))

    def said(self):
        """What was said since, with all that was posted done."""
        while self.posted:
            self.posted.pop(0)()
        found, self.out = self.out, []
        return found

    def hear(self, name, about=0, headers=None, *frames, now=0.0):
        return self.mail.take(Command(name, about, headers or {}, frames), now)

    def message(self, receipt=1, *frames, **headers):
        """The actor has it in its hands."""
        self.hear("message", receipt, headers, *frames)
        return self.take()

    def take(self, now=0.0):
        message = self.mail.agenda.take_now(now)
        if message is not None:
            message._begin()
        return message

    def finish(self, message):
        self.mail.agenda.done(message if message._finish() else None)

    def test_a_message_is_settled_behind_all_that_it_was_answered_by(self):
        message = self.message(7, b"a", b"b", **{"from": "bank", "ref": 3, "ask": True})
        self.assertEqual((message.kind, message.payload, message.sender.name), (
            "ask", [b"a", b"b"], "bank"))
        self.assertEqual(self.said(), [])
        self.assertTrue(message.answer("x"))
        self.assertFalse(message.answer("y"))
        self.assertFalse(message.refuse("no"))
        self.finish(message)
        self.assertEqual(self.said(), [("answer", 7, {}, [b"x"]), ("settled", 7, {}, [])])

    def test_a_plain_one(self):
        message = self.message(7)
        self.assertEqual((message.kind, message.payload, message.sender, message.time_left),
                         ("plain", b"", None, None))
        self.assertFalse(message.answer("x"))
        self.finish(message)
        self.assertEqual(self.said(), [("settled", 7, {}, [])])

    def test_a_refusal(self):
        message = self.message(7, ask=True)
        self.assertTrue(message.refuse("not today"))
        self.assertEqual(self.said(), [
            ("answer", 7, {"code": "worker_error", "text": "not today"}, [])])

    def test_what_was_not_answered_is_told(self):
        self.finish(self.message(7, ask=True))
        (answer, settled) = self.said()
        self.assertEqual((answer[:2], answer[2]["code"]), (("answer", 7), "worker_lost"))
        self.assertEqual(settled[:2], ("settled", 7))

    def test_what_is_kept_is_answered_later(self):
        message = self.message(7, ask=True)
        self.assertIs(message.keep(), message)
        self.finish(message)
        self.assertEqual(self.said(), [("settled", 7, {}, [])])
        self.assertTrue(message.answer("late"))
        self.assertEqual(self.said(), [("answer", 7, {}, [b"late"])])

    def test_what_is_kept_and_forgotten_is_told(self):
        message = self.message(7, ask=True)
        self.finish(message.keep())
        del message
        gc.collect()
        self.assertEqual([(name, about, headers.get("code")) for name, about, headers, _ in
                          self.said()], [("settled", 7, None), ("answer", 7, "worker_lost")])

    def test_a_message_goes_on_once(self):
        message = self.message(7, b"m", ask=True)
        message.forward("bank")
        for do in (message.stash, lambda: message.forward("bank")):
            with self.assertRaises(RuntimeError):
                do()
        self.assertFalse(message.answer("x"))
        self.finish(message)
        self.assertEqual(self.said(), [("send", 0, {"actor": "bank", "forward": 7}, [b"m"]),
                                       ("settled", 7, {}, [])])
        with self.assertRaises(RuntimeError):
            message.forward("bank")

    def test_a_message_that_is_put_aside(self):
        message = self.message(7, ask=True)
        message.stash()
        with self.assertRaises(RuntimeError):
            message.forward("bank")
        self.finish(message)
        self.assertEqual(self.said(), [("settled", 7, {"state": "stashed"}, [])])
        self.mail.agenda.unstash()
        again = self.take()
        self.assertIs(again, message)
        again.answer("now")
        self.finish(again)
        self.assertEqual(self.said(), [("answer", 7, {}, [b"now"]), ("settled", 7, {}, [])])

    def test_the_time_of_who_asks(self):
        self.hear("message", 1, {"ask": True, "timeout": 0}, now=0.0)
        self.assertEqual(self.take().time_left, 0.0)

    def test_what_was_not_begun_goes_back_in_order_with_its_questions(self):
        in_hand = self.message(1)
        self.hear("message", 2, {"ask": True})
        self.hear("message", 3, {})
        self.hear("message", 4, {"urgent": True})
        self.mail.agenda.end()
        self.hear("message", 5, {})
        self.mail.close()
        self.hear("message", 6, {"ask": True})
        self.assertEqual(self.said(), [])
        self.finish(in_hand)
        self.assertEqual(self.said(), [("settled", 1, {}, [])])
        self.mail.give_back()
        gc.collect()
        self.assertEqual(self.said(), [("settled", number, {"state": "queued"}, [])
                                       for number in (4, 2, 3, 5, 6)])

    def test_questions_of_what_is_aside_live_on_when_this_life_ends(self):
        message = self.message(1, ask=True)
        message.stash()
        self.finish(message)
        del message
        self.mail.close()
        self.mail.give_back()
        gc.collect()
        self.assertEqual(self.said(), [("settled", 1, {"state": "stashed"}, [])])

    def test_who_takes_no_messages_loses_them(self):
        self.mail.takes_messages = False
        self.hear("message", 1, {})
        self.assertEqual(self.said(), [("settled", 1, {"state": "lost"}, [])])

    def test_a_number_goes_back_with_how_often_it_came(self):
        for receipt in range(1, 4):
            self.finish(self.message(receipt, **{"from": "bank", "ref": 9}))
        gc.collect()
        said = self.said()
        counts = [headers["count"] for name, _, headers, _ in said if name == "release"]
        self.assertEqual(sum(counts), 3)
        message = self.message(4, **{"from": "bank", "ref": 9})
        sender = message.sender
        self.finish(message)
        del message
        self.finish(self.message(5, **{"from": "bank", "ref": 9}))
        self.assertNotIn("release", [name for name, *_ in self.said()])
        del sender
        self.assertEqual(self.said(), [("release", 0, {"ref": 9, "count": 2}, [])])

    def test_a_number_that_comes_again_before_it_has_gone_back(self):
        unused = []
        refs = Refs(unused.append)
        refs.refer(9, "bank")
        again = refs.refer(9, "bank")
        self.assertEqual((unused, refs.take_unused(9)), ([9], 0))  # it is of use
        self.assertIs(refs.refer(9, "bank"), again)
        del again
        self.assertEqual(refs.take_unused(9), 3)
        self.assertEqual((refs.take_unused(9), len(refs)), (0, 0))

    def test_addresses(self):
        self.assertEqual(address_of("bank"), {"actor": "bank"})
        self.assertEqual(address_of(Ref("bank")), {"actor": "bank"})
        self.assertEqual(address_of(Ref("bank", 9)), {"ref": 9})
        for name in ("", "x" * 129):
            with self.assertRaises(ValueError):
                address_of(name)

    def test_suspended(self):
        self.hear("suspend")
        self.hear("message", 1, {})
        self.assertIsNone(self.take())
        self.hear("resume")
        self.assertIsNotNone(self.take())

    def monitor(self, whom):
        monitor = ActorMonitor(self.mail, whom)
        self.mail.begin_monitor(monitor)
        return monitor

    def test_one_down_for_each_monitor(self):
        first, second = self.monitor(Ref("bank")), self.monitor(Ref("bank", 9))
        self.assertEqual(self.said(), [("monitor", 1, {"actor": "bank"}, []),
                                       ("monitor", 2, {"ref": 9}, [])])
        self.hear("down", 2, {"from": "bank", "reason": "crashed", "reason-code": 9, "text": "x"})
        self.hear("down", 2, {"reason": "gone"})  # there is no such monitor any more
        down = self.take()
        self.assertEqual((down.kind, down.monitor, down.sender, down.down), (
            "down", second, second.whom, troupe.Down("bank", "crashed", 9, "x")))
        self.finish(down)
        self.assertIsNone(self.take())
        self.assertEqual(self.said(), [])  # a down is not settled
        self.assertFalse(second.cancel())
        self.assertTrue(first.cancel())
        self.assertFalse(first.cancel())
        self.assertEqual(self.said(), [("demonitor", 1, {}, [])])

    def test_a_down_that_crosses_the_end_of_its_monitor(self):
        monitor = self.monitor(Ref("bank"))
        self.assertTrue(monitor.cancel())  # and this is not said yet
        self.hear("down", 1, {"reason": "normal"})
        self.assertIsNone(self.take())

    def test_a_monitor_that_is_over_before_it_began(self):
        monitor = ActorMonitor(self.mail, Ref("bank"))
        self.assertTrue(monitor.cancel())
        self.mail.begin_monitor(monitor)
        self.assertEqual(self.said(), [])

    def test_a_down_may_be_put_aside_and_not_forwarded(self):
        self.monitor(Ref("bank"))
        self.hear("down", 1, {"reason": "normal"})
        down = self.take()
        with self.assertRaises(RuntimeError):
            down.forward("other")
        down.stash()
        self.finish(down)
        self.mail.agenda.unstash()
        self.assertIs(self.take(), down)
        self.assertEqual([name for name, *_ in self.said()], ["monitor"])

    def test_groups_and_links(self):
        self.mail.say_of_group("publish", "news", [b"x"])
        self.mail.say_to("link", "bank")
        self.assertEqual(self.said(), [("publish", 0, {"group": "news"}, [b"x"]),
                                       ("link", 0, {"actor": "bank"}, [])])
        for name in ("", "x" * 128, "ü" * 64):
            with self.assertRaises(ValueError):
                check_group(name)
        check_group("x" * 127)

    def test_what_an_operator_is_shown(self):
        self.monitor(Ref("bank"))
        self.hear("message", 1, {"from": "bank", "ref": 3})
        self.said()
        self.mail.say_inspected(5, 1, 2, pack_state({"a": [1]}), "")
        ((name, about, headers, frames),) = self.said()
        self.assertEqual((name, about, headers), ("inspected", 5, {}))
        self.assertEqual(msgpack.unpackb(frames[0]), {
            "timers": 0, "monitors": 1, "asks": 1, "calls": 2, "aside": 0, "waiting": 1, "refs": 1})
        self.assertEqual(msgpack.unpackb(frames[1]), {"a": [1]})
        self.mail.say_inspected(6, 0, 0, None, "why not")
        ((_, _, headers, frames),) = self.said()
        self.assertEqual((headers, len(frames)), ({"text": "why not"}, 1))
        with self.assertRaises(troupe.TroupeError):
            pack_state("x" * 1024 * 1024)

    def test_nonsense(self):
        for command in (("message", 1, {"ref": 0}), ("message", 0, {}), ("down", 0, {}),
                        ("down", 77, {"reason": "?"}), ("suspend", 9, {}), ("resume", 9, {})):
            self.assertTrue(self.hear(*command))
        self.assertFalse(self.hear("request", 1, {}))
        self.assertEqual(wire.MAX_FRAMES, 64)
        message = self.take()
        with self.assertRaises(troupe.TooLarge):
            message.answer([b"x"] * 65)


if __name__ == "__main__":
    unittest.main()
