"""Actors in processes of their own and on threads monitor each other, are linked, and are members
of groups: whichever of the two one is, it is the same. A foreign program does so by bare frames,
and says what cannot be, too. The actors do as tests/integration/watching_actor.c and
puppet_worker.py are told."""

import itertools
import os
import re
import signal
import sys
import unittest

try:
    import msgpack
    import zmq
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

from node_kit import Peer
from process_kit import HERE, ProcessTest, wait_until

NORMAL, SHUTDOWN, FAILED, CRASHED, EXITED, GONE = 0, 1, 2, 3, 4, 9  # of troupe_reason_kind_t
KINDS = ("thread", "process")
MANY = {"intensity": {"restarts": 1000, "period": "1s"}}
SOON = {"min": "1ms", "max": "1ms"}


def actor(name, isolation="process", args=None, **more):
    worker = {"module": "watching", **({"args": args} if args else {})}
    return {"actor": name, "worker": worker, "isolation": isolation, "backoff": SOON, **more}


def puppet(name):
    return {"actor": name, "backoff": SOON,
            "worker": {"command": [sys.executable, os.path.join(HERE, "puppet_worker.py")]}}


class Watching(ProcessTest):
    def start(self, *actors):
        self.at = self.node(*actors, supervisor=MANY)
        self.peer = self.peer(self.at)

    def node(self, *children, **options):
        node = super().node(*children, wait=False, **options)
        node.end()
        node.config["listen"] = [{"endpoint": node.ipc, "actors": ["*"]}]
        node.write()
        return node.start()

    def tell(self, name, *words):
        self.peer.send("send", 0, {"actor": name},
                       *[word if isinstance(word, bytes) else word.encode() for word in words])

    def ask(self, name):
        """What it has noted, or None: it was not there."""
        self.peer.last += 1
        self.peer.send("request", self.peer.last, {"actor": name}, b"what?")
        outcome, _, frames = self.peer.final(self.peer.last)
        return frames[0] if outcome == "ok" else None

    def notes(self, name):
        notes = self.ask(name)
        return notes and notes.decode().splitlines() or []

    def wait_for(self, name, *notes):
        last = []

        def is_there():
            last[:] = self.notes(name)
            return last == list(notes)

        wait_until(is_there, why=lambda: f"{name} has {last}\n{self.at.text()[-3000:]}")

    def wait_for_note(self, name, pattern, count=1):
        """Until so many match; all notes then."""
        last = []

        def is_there():
            last[:] = self.notes(name)
            return sum(bool(re.fullmatch(pattern, one)) for one in last) >= count

        wait_until(is_there, why=lambda: f"{name} has {last}\n{self.at.text()[-3000:]}")
        return last

    def pid(self, name, life=1):
        line = self.at.wait_line(rf"event=process_started .*worker={name} ", life)
        return int(re.search(r"pid=(\d+)", line)[1])

    def assert_falls_with(self, name, other):
        self.at.wait_line(rf'{name}\b.*linked to {other}, which ended')


class Monitors(Watching):
    def test_an_end_is_told_with_its_reason_behind_all_that_was_sent(self):
        pairs = list(itertools.product(KINDS, KINDS))
        self.start(*[actor(f"{end}-{a}-{b}-{role}", kind)
                     for end in ("fail", "end") for a, b in pairs
                     for role, kind in (("watcher", a), ("watched", b))])
        for end, kind, text in ("fail", FAILED, "its receive returned an error"), ("end", NORMAL, ""):
            for a, b in pairs:
                watcher, watched = (f"{end}-{a}-{b}-{role}" for role in ("watcher", "watched"))
                self.tell(watcher, "monitor", watched)
                self.assertEqual(self.notes(watcher), [])
                self.tell(watched, "say", watcher, "500", end)
                self.wait_for(watcher, *[str(one) for one in range(1, 501)],
                              f"down {watched} {kind} 0 {text}")
        self.assert_stops(self.at)

    def test_a_crash_is_told_with_its_signal(self):
        self.start(*[actor(f"watcher-{kind}", kind) for kind in KINDS], actor("watched"))
        for kind in KINDS:
            self.tell(f"watcher-{kind}", "monitor", "watched")
            self.assertEqual(self.notes(f"watcher-{kind}"), [])
        os.kill(self.pid("watched"), signal.SIGKILL)
        for kind in KINDS:
            self.wait_for_note(f"watcher-{kind}", f"down watched {CRASHED} 9 .*")

    def test_of_nobody_and_of_who_has_ended_for_good_it_is_told_at_once(self):
        self.start(actor("watcher"), actor("watched", restart="temporary"))
        self.tell("watcher", "monitor", "nobody")
        self.wait_for("watcher", f"down nobody {GONE} 0 ")
        self.tell("watcher", "monitor", "watched")
        self.assertEqual(len(self.notes("watcher")), 1)
        self.tell("watched", "end")
        self.wait_for_note("watcher", f"down watched {NORMAL} 0 .*")
        self.tell("watcher", "monitor", "watched")
        self.wait_for_note("watcher", f"down watched {GONE} 0 .*")

    def test_after_a_restart_the_next_life_is_meant(self):
        for kind in KINDS:
            with self.subTest(kind):
                self.start(actor("watcher"), actor("watched", kind))
                self.tell("watcher", "insist")
                self.tell("watcher", "monitor", "watched")
                for times in range(1, 6):
                    self.assertEqual(len(self.notes("watcher")), times - 1)
                    self.tell("watched", "fail")
                    self.wait_for("watcher", *[f"down watched {FAILED} 0 as it was told"] * times)
                del self.peer

    def test_one_that_is_taken_back_is_not_told(self):
        self.start(actor("watcher"), actor("watched", "thread"))
        self.tell("watcher", "monitor", "watched")
        self.tell("watcher", "demonitor")
        self.tell("watcher", "demonitor")
        self.tell("watcher", "monitor", "watched")
        self.wait_for("watcher", "it was open", "it was not")
        self.tell("watched", "fail")
        self.wait_for_note("watcher", "down .*")
        self.assertEqual(len(self.notes("watcher")), 3)

    def test_a_notice_can_be_put_aside(self):
        self.start(actor("watcher"), actor("watched"))
        self.tell("watcher", "aside")
        self.tell("watcher", "monitor", "watched")
        self.assertEqual(self.notes("watcher"), [])
        self.tell("watched", "say", "watcher", "1", "fail")
        self.wait_for("watcher", "1", "put aside")
        self.tell("watcher", "monitor", "nobody")
        self.wait_for("watcher", "1", "put aside", "put aside")
        self.tell("watcher", "take")
        self.wait_for("watcher", "1", "put aside", "put aside",
                      f"down watched {FAILED} 0 its receive returned an error",
                      f"down nobody {GONE} 0 ")

    def test_monitors_end_with_their_process(self):
        self.start(actor("watcher"), actor("watched", "thread"))
        self.tell("watcher", "monitor", "watched")
        self.assertEqual(self.notes("watcher"), [])
        os.kill(self.pid("watcher"), signal.SIGKILL)
        self.pid("watcher", 2)
        self.tell("watched", "fail")
        self.tell("watched", "say", "watcher", "1", "")
        self.wait_for("watcher", "1")

    def test_init_watches_too(self):
        self.start(actor("watched", "thread"),
                   actor("watcher", args={"monitors": "watched", "joins": "news"}))
        self.tell("watched", "publish", "news", "extra")
        self.wait_for("watched", "told 1")
        self.tell("watched", "fail")
        self.wait_for("watcher", "extra", f"down watched {FAILED} 0 as it was told")

    def test_a_storm_of_ends_loses_none(self):
        n, lives = 8, 25
        self.start(actor("watcher"), *[actor(f"a{i}", KINDS[i % 2]) for i in range(n)])
        self.tell("watcher", "insist")
        for i in range(n):
            self.tell("watcher", "monitor", f"a{i}")
        self.assertEqual(self.notes("watcher"), [])
        for life in range(lives):
            for i in range(n):
                self.tell(f"a{i}", "fail")
            self.wait_for_note("watcher", r"down a\d .*", n * (life + 1))
        downs = self.notes("watcher")
        self.assertEqual(sorted(downs), sorted(
            f"down a{i} {FAILED} 0 as it was told" for i in range(n) for _ in range(lives)))
        self.assert_stops(self.at)


class Links(Watching):
    def test_each_falls_with_the_other(self):
        for one, other in ("process", "thread"), ("process", "process"), ("thread", "process"):
            for failing, falling in ("one", "other"), ("other", "one"):
                with self.subTest(f"{failing} of {one} and {other}"):
                    self.start(actor("one", one), actor("other", other))
                    self.tell("one", "link", "other")
                    self.assertEqual(self.notes("one"), [])
                    self.tell(failing, "fail")
                    self.assert_falls_with(falling, failing)
                    del self.peer

    def test_a_killed_one_takes_the_other_along(self):
        self.start(actor("one"), actor("other", "thread"))
        self.tell("one", "link", "other")
        self.assertEqual(self.notes("one"), [])
        os.kill(self.pid("one"), signal.SIGKILL)
        self.assert_falls_with("other", "one")

    def test_it_falls_with_nobody(self):
        self.start(actor("one"))
        self.tell("one", "link", "nobody")
        self.assert_falls_with("one", "nobody")

    def test_an_end_that_was_well_and_one_that_is_untied_harm_nobody(self):
        self.start(actor("one"), actor("well", "thread"), actor("untied", "thread"))
        self.tell("one", "link", "well")
        self.tell("one", "link", "untied")
        self.tell("one", "link", "one")
        self.tell("one", "monitor", "well")
        self.tell("one", "monitor", "untied")
        self.tell("one", "unlink", "untied")
        self.assertEqual(self.notes("one"), [])
        self.tell("well", "end")
        self.wait_for_note("one", "down well .*")
        self.tell("untied", "fail")
        self.wait_for_note("one", "down untied .*")
        self.assertEqual(len(self.notes("one")), 2)


class Groups(Watching):
    def setUp(self):
        super().setUp()
        self.start(actor("t", "thread"), actor("p"), actor("q"))
        for name in "tpq":
            self.tell(name, "join", "news")
            self.wait_for(name, "join: ok")

    def test_all_hear_what_one_publishes(self):
        for name, told in ("t", 2), ("p", 0), ("q", 0):
            self.tell(name, "publish", "news", f"of {name}")
            self.wait_for_note(name, f"told {told}")
            for other in "tpq".replace(name, ""):
                self.wait_for_note(other, f"of {name}")
        for name in "tpq":
            self.assertNotIn(f"of {name}", self.notes(name))

    def test_all_that_one_publishes_is_in_order(self):
        for number in range(300):
            self.tell("p", "publish", "news", str(number))
        for name in "tq":
            notes = self.wait_for_note(name, "299")
            self.assertEqual(notes[1:], [str(number) for number in range(300)])

    def test_one_that_leaves_hears_nothing(self):
        self.tell("q", "join", "news")
        self.tell("q", "leave", "news")
        self.tell("q", "leave", "news")
        self.wait_for("q", "join: ok", "join: exists", "leave: ok", "leave: not_found")
        self.tell("t", "publish", "news", "extra")
        self.wait_for_note("t", "told 1")
        self.wait_for_note("p", "extra")
        self.assertNotIn("extra", self.notes("q"))

    def test_one_that_is_killed_is_no_member_any_more(self):
        os.kill(self.pid("q"), signal.SIGKILL)
        self.pid("q", 2)
        self.wait_for("q")  # it has noted nothing yet
        self.tell("t", "publish", "news", "extra")
        self.wait_for_note("t", "told 1")
        self.wait_for_note("p", "extra")
        self.assertEqual(self.notes("q"), [])

    def test_names_that_cannot_be(self):
        self.tell("p", "join", "")
        self.tell("p", "join", "g" * 128)
        self.tell("p", "join", "g" * 127)
        self.tell("p", "leave", "nowhere")
        self.wait_for("p", "join: ok", "join: err_invalid", "join: err_invalid", "join: ok",
                      "leave: not_found")


class Looks(Watching):
    """What operators do and see is the same for notices as for messages."""

    def test_notices_and_publications_are_traced(self):
        self.start(actor("watcher"), actor("watched", "thread"), actor("member", "thread"))
        self.tell("member", "join", "news")
        self.wait_for("member", "join: ok")
        self.tell("watcher", "monitor", "watched")
        self.assertEqual(self.notes("watcher"), [])
        self.peer.send("request", 10000, {"capability": "troupe.admin", "method": "events"}, b"message")
        traced = self.at.run("trace", "watcher")
        self.assertEqual(traced.returncode, 0, traced.stderr)
        self.tell("watched", "fail")
        self.wait_for_note("watcher", "down .*")
        self.tell("watcher", "publish", "news", "extra")
        self.wait_for_note("member", "extra")
        self.assertEqual(self.traced("message", "down"), ("watched", "watcher", "done"))
        self.assertEqual(self.traced("message_sent", "plain"), ("watcher", "member", None))

    def traced(self, event, kind):
        """The next event of that kind: from whom, to whom, and what became of it."""
        while True:
            told = msgpack.unpackb(self.peer.take("part", 10000)[3][0])
            if (told["event"], told["kind"]) == (event, kind):
                return told["from"], told["to"], told.get("became")

    def test_suspended_it_is_told_later(self):
        for kind in KINDS:
            with self.subTest(kind):
                self.start(actor("watcher", kind), actor("watched"), actor("tied", "thread"))
                self.tell("watcher", "monitor", "watched")
                self.tell("watcher", "link", "tied")
                self.assertEqual(self.notes("watcher"), [])
                self.assertEqual(self.at.run("suspend", "watcher").returncode, 0)
                self.tell("watched", "say", "watcher", "2", "fail")
                self.at.wait_line("event=started child=watched", 2)
                self.assertEqual(self.at.run("resume", "watcher").returncode, 0)
                self.wait_for("watcher", "1", "2", f"down watched {FAILED} 0 its receive returned an error")
                self.assertEqual(self.at.run("suspend", "watcher").returncode, 0)
                self.tell("tied", "fail")
                self.at.wait_line("event=started child=tied", 2)
                self.assertNotIn("linked to tied", self.at.text())
                self.assertEqual(self.at.run("resume", "watcher").returncode, 0)
                self.assert_falls_with("watcher", "tied")
                del self.peer


class Foreign(Watching):
    def setUp(self):
        super().setUp()
        self.start(puppet("puppet"), actor("store", "thread"))

    def say(self, command, about=0, headers=None, *frames):
        self.tell("puppet", msgpack.packb(["TRP1", command, about, headers or {}]), *frames)

    def heard(self):
        """What the node has said to it so far; messages are not among that."""
        answer = self.ask("puppet")
        self.assertIsNotNone(answer, self.at.text()[-3000:])
        return msgpack.unpackb(answer)

    def wait_heard(self, *want):
        last = []

        def is_there():
            last[:] = self.heard()
            return last == list(want)

        wait_until(is_there, why=lambda: f"it has heard {last}\n{self.at.text()[-3000:]}")

    def test_it_monitors_by_name_and_by_number(self):
        self.say("monitor", 5, {"actor": "store"})
        self.assertEqual(self.heard(), [])
        self.tell("store", "fail")
        failed = {"from": "store", "reason": "failed", "text": "as it was told"}
        self.wait_heard(["down", 5, failed])
        self.tell("store", "say", "puppet", "0", "")
        self.say("monitor", 5, {"actor": "store"})  # that number is free again
        self.say("monitor", 6, {"actor": "store"})
        self.say("demonitor", 5)
        self.assertEqual(len(self.heard()), 1)
        self.tell("store", "fail")
        self.wait_heard(["down", 5, failed], ["down", 6, failed])

    def test_it_falls_with_another_one(self):
        self.say("link", 0, {"actor": "store"})
        self.assertEqual(self.heard(), [])
        self.tell("store", "fail")
        self.assert_falls_with("puppet", "store")

    def test_it_speaks_to_groups(self):
        self.tell("store", "join", "news")
        self.wait_for("store", "join: ok")
        self.say("join", 0, {"group": "news"})
        self.say("publish", 0, {"group": "news"}, b"extra")
        self.wait_for_note("store", "extra")
        self.say("leave", 0, {"group": "news"})
        self.assertEqual(self.heard(), [])
        self.tell("store", "publish", "news", "nothing")
        self.wait_for_note("store", "told 0")

    def test_a_program_that_exits_is_no_member_and_is_told_of(self):
        self.say("join", 0, {"group": "news"})
        self.assertEqual(self.heard(), [])
        self.tell("store", "monitor", "puppet")
        self.assertEqual(self.notes("store"), [])
        self.tell("puppet", "exit")
        self.wait_for_note("store", f"down puppet ({NORMAL}|{EXITED}) 0 .*")
        self.tell("store", "publish", "news", "nothing")
        self.wait_for_note("store", "told 0")

    def test_nonsense_harms_nobody(self):
        for number, headers in enumerate([{"ref": 4711}, {}, {"actor": ""}, {"ref": 0},
                                          {"actor": "x" * 128}, {"actor": "store\0"}], 1):
            self.say("monitor", number, headers)
        self.say("monitor", 7, {"actor": "store"})
        for headers in {"actor": "store"}, {"actor": "nobody"}, {}:
            self.say("monitor", 7, headers)  # it is open
            self.say("monitor", 0, headers)
        for command in "demonitor", "unlink", "leave", "join", "publish":
            for headers in {}, {"ref": 4711}, {"actor": "nobody"}, {"group": ""}, {"group": "g" * 128}, \
                    {"group": "a\0b"}:
                self.say(command, 99 if command == "demonitor" else 0, headers, b"payload")
        for command in "down", "inspected", "suspend", "resume", "inspect":  # which the node says
            self.say(command, 7, {"actor": "store", "reason": "no such word"})
        wait_until(lambda: len(self.heard()) == 6)
        downs = self.heard()
        self.assertEqual([(*one[:2], one[2]["reason"]) for one in downs],
                         [("down", number, "gone") for number in range(1, 7)])
        self.assertEqual([one[2].get("from") for one in downs],
                         [None, None, None, None, "x" * 128, "store"])
        self.at.wait_line("event=unknown_answer .*worker=puppet")
        self.at.wait_line("event=dead_letter .*from=puppet .*published to what is no group")
        self.tell("store", "fail")
        self.wait_heard(*downs, ["down", 7, {"from": "store", "reason": "failed",
                                             "text": "as it was told"}])
        self.assert_stops(self.at)

    def test_what_cannot_be_read_ends_it(self):
        wrongs = {"group": 7}, {"group": "g" * 129}, {"actor": "x" * 129}, {"ref": -1}
        for lives, wrong in enumerate(wrongs, 1):
            self.say("join", 0, wrong)
            self.at.wait_line("event=ended .*it sent what is no TRP/1", lives)

    def assert_given_up(self, why):
        self.at.wait_line(f"puppet.*{why}")
        self.wait_heard()  # the next life
        self.tell("store", "alive")
        self.wait_for_note("store", "alive")
        self.assert_stops(self.at)

    def test_a_flood_of_monitors_ends_it(self):
        self.tell("puppet", "flood monitor 100001")
        self.assert_given_up("it monitors too many")

    def test_as_many_as_it_may_have_are_told(self):
        n = 20000
        self.tell("puppet", f"flood monitor {n}")
        self.assertEqual(self.heard(), [])
        self.tell("store", "fail")
        wait_until(lambda: len(self.heard()) == n)
        self.assertEqual([one[1] for one in self.heard()], list(range(1, n + 1)))

    def test_a_flood_of_groups_ends_it(self):
        self.tell("puppet", "flood join 10001")
        self.assert_given_up("it joins too many groups")


if __name__ == "__main__":
    unittest.main()
