"""Actors in Python that a real node has started as processes, and what others have to do with them."""

import json
import os
import re
import signal
import sys
import threading
import unittest

import kit
from kit import ECHO, LONG, NodeCase, until

import troupe

ACTED = os.path.join(kit.HERE, "acted.py")
QUICK = {"min": "1ms", "max": "2ms"}


def acted(name, *words, **more):
    return {"actor": name, "worker": {"command": [sys.executable, ACTED, *words]},
            "isolation": "process", "backoff": QUICK, **more}


class Acted(NodeCase):
    """py and other are actors."""

    children = (ECHO, acted("py"), acted("other"))

    def setUp(self):
        self.served = self.node(*self.children, start=False)
        self.served.config["supervisor"]["intensity"] = {"restarts": 100, "period": "1s"}
        self.served.config["listen"] = [{"endpoint": self.served.ipc, "actors": ["*"]}]
        self.served.write()
        self.served.start()
        self.client = troupe.Client(self.served.ipc, timeout=LONG, messages=True)
        self.addCleanup(self.client.close)

    def ask(self, *words, to="py"):
        return self.client.ask(to, list(words))

    def send(self, *words, to="py", **options):
        self.client.send(to, list(words), **options)

    def heard(self, to="py"):
        found = self.ask("heard", to=to).decode()
        return found.split(",") if found else []

    def until_heard(self, *lines, to="py"):
        found = []

        def is_so():
            found[:] = self.heard(to)
            return found == list(lines)

        try:
            until(is_so)
        except AssertionError:
            self.assertEqual(found, list(lines))

    def pid(self, to="py"):
        return int(self.ask("pid", to=to))

    def in_tree(self, name):
        return next(one for one in self.served.tree()["tree"]["children"] if one["name"] == name)

    def until_replaced(self, pid, to="py"):
        """There is another life, and it answers."""
        def is_another():
            try:
                return self.pid(to) != pid
            except troupe.WorkerLost:
                return False

        until(is_another, "another life")

    def hold(self, to="py"):
        """Have it wait, and return what ends that."""
        path = os.path.join(self.served.folder, f"gate-{len(self.gates)}")
        self.gates.append(path)
        self.send("wait", path, to=to)
        self.served.wait_line(f"waits for {os.path.basename(path)}")

        def let_go():
            with open(path, "w", encoding="ascii"):
                pass

        self.addCleanup(let_go)
        return let_go

    @property
    def gates(self):
        return self.__dict__.setdefault("_gates", [])


class Messages(Acted):
    def test_what_a_message_is(self):
        self.assertEqual(self.ask("told", "x", "y"),
                         b"('ask', True, False, True, 2, 'troupe actor')")
        self.send("echo", "and", "back")
        self.assertEqual(self.client.next_message(LONG),
                         troupe.Message("py", [b"and", b"back"]))
        self.client.send("py")
        self.until_heard("nothing")

    def test_order(self):
        for number in range(3000):
            self.send("note", str(number))
        self.assertEqual(self.heard(), [str(number) for number in range(3000)])
        self.send("send_many", "other", "3000")
        self.until_heard(*[str(number) for number in range(3000)], to="other")

    def test_urgent_overtakes(self):
        let_go = self.hold()
        for number in range(40):  # more than may be under way
            self.send("note", str(number))
        self.send("note", "quick", urgent=True, confirm=True)
        let_go()
        found = self.heard()
        self.assertLess(found.index("quick"), 39)
        self.assertEqual([one for one in found if one != "quick"], [str(n) for n in range(40)])

    def test_urgent_from_an_actor(self):
        let_go = self.hold("other")
        self.send("send", "other", "note", "slow")
        self.send("urgent", "other", "note", "quick")
        self.ask("pid")
        let_go()
        until(lambda: len(self.heard("other")) == 2)
        self.assertEqual(self.heard("other"), ["quick", "slow"])

    def test_nobody(self):
        self.send("send", "nobody", "x")
        self.served.wait_line("dead_letter.*nobody")
        self.assertEqual(self.ask("echo", "well"), b"well")

    def test_a_name_that_cannot_be(self):
        pid = self.pid()
        self.send("send", "")
        self.served.wait_line("ValueError: which actor?")
        self.until_replaced(pid)

    def test_large_ones(self):
        large = os.urandom(3000000)
        self.assertEqual(self.ask("echo", large), large)
        self.assertEqual(self.ask("ask", "other", "echo", large), large)

    def test_too_many_frames(self):
        with self.assertRaises(troupe.TroupeError):
            self.client.ask("py", ["echo"] * 65)
        self.assertEqual(self.ask("echo", *["x"] * 63), [b"x"] * 63)

    def test_a_reference_is_good_for_as_long_as_it_is_kept(self):
        self.send("remember", "me")
        self.send("remind", "me", "are you there?")
        self.assertEqual(self.client.next_message(LONG).payload, b"are you there?")

    def test_references_go_back(self):
        """What is forgotten here is forgotten there, and gets another number the next time."""
        numbers = [int(self.ask("number")) for _ in range(20)]
        self.assertEqual(numbers, sorted(numbers))
        self.assertGreater(numbers[-1], numbers[0])
        self.send("remember", "me")
        kept = int(self.ask("number"))
        for _ in range(100):
            self.send("note")
        self.assertEqual(int(self.ask("number")), kept)
        self.send("forget", "me")
        until(lambda: int(self.ask("number")) > kept, "another number")
        until(lambda: int(self.ask("n_known")) <= 1, "that the others are forgotten")


class Questions(Acted):
    def test_answers(self):
        self.assertEqual(self.ask("echo", "a", "b"), [b"a", b"b"])
        self.assertEqual(self.ask("answer_from_a_thread", "later"), b"later")
        with self.assertRaises(troupe.WorkerError) as caught:
            self.ask("refuse", "not today")
        self.assertEqual(caught.exception.text, "not today")

    def test_none(self):
        with self.assertRaises(troupe.WorkerLost) as caught:
            self.ask("silent")
        self.assertIn("it was received, and was not answered", caught.exception.text)
        self.assertEqual(self.ask("echo", "well"), b"well")

    def test_one_that_is_kept(self):
        call = self.client.start_ask("py", ["keep", "it"])
        self.send("answer_kept", "it", "now")
        self.assertEqual(call.result(), b"now")

    def test_one_that_is_forgotten(self):
        call = self.client.start_ask("py", ["keep", "it"])
        self.send("forget", "it")
        with self.assertRaises(troupe.WorkerLost) as caught:
            call.result()
        self.assertIn("nobody has answered it", caught.exception.text)

    def test_questions_of_its_own(self):
        for verb in ("ask", "ask_then"):
            with self.subTest(verb):
                self.assertEqual(self.ask(verb, "other", "echo", "there"), b"there")
                self.assert_refused("worker_error | no", verb, "other", "refuse", "no")
                self.assert_refused("no_capability", verb, "nobody", "x")
                self.assert_refused("worker_lost | other", verb, "other", "exit", "1")

    def assert_refused(self, text, *words):
        with self.assertRaises(troupe.WorkerError) as caught:
            self.ask(*words)
        self.assertIn(text, caught.exception.text)

    def test_no_answer_in_time(self):
        self.assert_refused("timeout | no answer has come in time",
                            "ask_briefly", "other", "keep", "it")
        self.send("answer_kept", "it", "too late", to="other")
        self.assertEqual(self.ask("echo", "well"), b"well")

    def test_one_that_is_cancelled(self):
        self.assert_refused("cancelled", "ask_and_cancel", "other", "keep", "it")

    def test_what_is_called_back_fails(self):
        pid = self.pid()
        self.send("fail_then", "other", "echo")
        self.served.wait_line("ZeroDivisionError")
        self.until_replaced(pid)

    def test_capabilities(self):
        self.assertEqual(self.ask("call", "echo", "echo", "inside"), b"inside")
        self.assert_refused("no_capability", "call", "nothing", "")

    def test_nothing_is_confirmed(self):
        self.assert_refused("bad_request", "confirm", "other")

    def test_forward(self):
        self.assertEqual(self.ask("forward", "other"), b"from afar")
        self.served.wait_line("goes elsewhere already, and cannot be forwarded")
        self.assertNotIn("went on twice", self.served.text())
        self.assert_refused("no_capability", "ask", "other", "forward", "nobody")

    def test_many_at_a_time(self):
        calls = [self.client.start_ask("py", ["ask_then", "other", "echo", str(n)])
                 for n in range(500)]
        self.assertEqual([call.result() for call in calls], [b"%d" % n for n in range(500)])


class Aside(Acted):
    def test_what_is_aside_comes_again_in_order(self):
        self.send("close")
        for number in range(50):
            self.send("note", str(number))
        call = self.client.start_ask("py", ["echo", "open?"])
        self.assertEqual(self.heard(), [])
        self.send("open")
        self.send("note", "last")
        self.assertEqual(call.result(), b"open?")
        self.until_heard(*[str(number) for number in range(50)], "last")

    def test_what_is_aside_is_there_in_the_next_life(self):
        pid = self.pid()
        self.send("close")
        self.send("note", "aside")
        call = self.client.start_ask("py", ["echo", "there?"])
        self.heard()
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(call.result(), b"there?")
        self.until_heard("aside")


class Timers(Acted):
    def test_ticks(self):
        self.send("after", "one", "0.01", "once")
        self.until_heard("tick once")
        self.assertEqual(self.ask("cancel", "one"), b"False")
        self.send("every", "many", "0.01", "again")
        until(lambda: self.heard().count("tick again") >= 3)
        self.assertEqual(self.ask("cancel", "many"), b"True")
        found = self.heard()
        self.assertEqual(self.heard(), found)

    def test_what_is_called(self):
        self.assertEqual(self.ask("call_after", "0.01"), b"troupe actor")


class Watching(Acted):
    def test_a_down_of_each_kind_of_end(self):
        for verb, told in ((["stop"], "down other normal"), (["exit", "3"], "down other exited (3)"),
                           (["fail", "why"], "down other failed: KeyError: 'why'")):
            with self.subTest(verb[0]):
                pid = self.pid("other")
                self.send("monitor", "m", "other")
                self.ask("pid")
                self.send(*verb, to="other")
                until(lambda: any(line.startswith(told) for line in self.heard()), told)
                self.until_replaced(pid, "other")

    def test_a_down_comes_behind_all_that_was_sent(self):
        self.send("monitor", "m", "other")
        self.ask("pid")
        self.send("send_many", "py", "500", to="other")
        self.send("exit", "3", to="other")
        until(lambda: any(line.startswith("down") for line in self.heard()))
        found = self.heard()
        self.assertEqual(found[:-1], [str(number) for number in range(len(found) - 1)])

    def test_nobody(self):
        self.send("monitor", "m", "nobody")
        self.until_heard("down nobody gone")

    def test_a_client_that_goes(self):
        with troupe.Client(self.served.ipc, timeout=LONG) as one:
            one.ask("py", ["monitor_sender_and_answer", "m"])
        until(lambda: any(re.match("down .* normal", line) for line in self.heard()))

    def test_one_that_is_cancelled(self):
        pid = self.pid("other")
        self.send("monitor", "kept", "other")
        self.send("monitor", "m", "other")
        self.assertEqual(self.ask("cancel", "m"), b"True")
        os.kill(pid, signal.SIGKILL)
        until(lambda: self.heard())
        self.until_replaced(pid, "other")
        self.assertEqual(len(self.heard()), 1)
        self.assertEqual(self.ask("cancel", "kept"), b"False")

    def test_links(self):
        pid = self.pid()
        self.send("link", "other")
        self.ask("pid")
        self.send("exit", "1", to="other")
        self.until_replaced(pid)
        self.served.wait_line("linked to other")

    def test_links_that_are_untied(self):
        pid, others = self.pid(), self.pid("other")
        self.send("link", "other")
        self.send("unlink", "other")
        self.ask("pid")
        os.kill(others, signal.SIGKILL)
        self.until_replaced(others, "other")
        self.assertEqual(self.pid(), pid)

    def test_groups(self):
        self.send("join", "news")
        self.send("join", "news", to="other")
        self.ask("pid")
        self.ask("pid", to="other")
        self.send("publish", "news", "note", "first")
        self.until_heard("first", to="other")
        self.assertEqual(self.heard(), [])  # nobody hears what it says itself
        self.send("depart", "news", to="other")
        self.ask("pid", to="other")
        self.send("publish", "news", "note", "second")
        self.send("publish", "news", "note", "from the other", to="other")
        self.until_heard("from the other")
        self.assertEqual(self.heard("other"), ["first"])


class Looks(Acted):
    def troupe(self, *words):
        done = self.served.run(*words)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def inspect(self, name):
        return json.loads(self.troupe("inspect", name, "--json"))

    def test_the_state(self):
        self.send("note", "x")
        self.send("every", "t", "60", "tick")
        self.send("monitor", "m", "other")
        self.ask("pid")
        found = self.inspect("py")
        self.assertEqual(found["inside"], {"heard": 1, "closed": False})
        self.assertEqual((found["timers"], found["monitors"]), (1, 1))

    def test_a_state_that_cannot_be_shown(self):
        pid = self.pid()
        for said, text in (("unshowable", "can not serialize"), ("too much", "is not shown")):
            self.send("note", said)
            self.ask("pid")
            self.assertIn(text, json.dumps(self.inspect("py")))
        self.assertEqual(self.pid(), pid)

    def test_suspended(self):
        self.send("every", "t", "0.01", "tick")
        until(lambda: self.heard())
        self.troupe("suspend", "py")
        calls = [self.client.start_ask("py", ["echo", str(number)]) for number in range(40)]
        before = self.inspect("py")["inside"]["heard"]
        self.assertEqual(self.inspect("py")["inside"]["heard"], before)
        self.assertFalse(any(call.done() for call in calls))
        self.troupe("resume", "py")
        self.assertEqual([call.result() for call in calls], [b"%d" % n for n in range(40)])


    def test_restarted_while_suspended(self):
        let_go = self.hold()
        for number in range(40):
            self.send("note", str(number))
        self.client.send("py", ["note", "last"], confirm=True)
        self.troupe("suspend", "py")
        let_go()
        self.troupe("restart", "py")
        self.assertEqual(self.heard(), [*[str(number) for number in range(40)], "last"])


class Ends(Acted):
    def test_receive_fails_and_what_waits_is_not_lost(self):
        """But what was on its way to it."""
        pid = self.pid()
        let_go = self.hold()
        self.send("note", "of the first life")
        self.send("fail", "a mistake")
        for number in range(100):
            self.send("note", str(number))
        call = self.client.start_ask("py", ["echo", "still there?"])
        let_go()
        self.assertEqual(call.result(), b"still there?")
        found = [int(one) for one in self.heard()]
        self.assertEqual(found, list(range(100 - len(found), 100)))
        self.assertGreaterEqual(len(found), 100 - 16)
        self.assertNotEqual(self.pid(), pid)
        self.served.wait_line("KeyError: 'a mistake'")
        self.assertEqual(self.in_tree("py")["restarts"], 1)

    def test_ways_to_fail(self):
        for verb, text in (("broken", "the camera is gone"), ("leave", "SystemExit: 3"),
                           ("fail", "KeyError: 'why'")):
            with self.subTest(verb):
                pid = self.pid()
                with self.assertRaises(troupe.WorkerLost):
                    self.ask(verb, "the camera is gone" if verb == "broken" else "why")
                self.served.wait_line(re.escape(text))
                self.until_replaced(pid)

    def test_killed_while_it_has_a_question(self):
        pid = self.pid()
        call = self.client.start_ask("py", ["keep", "it"])
        in_hand = self.client.start_ask("py", ["hang"])
        self.served.wait_line("hangs")
        os.kill(pid, signal.SIGKILL)
        for one in (call, in_hand):
            with self.assertRaises(troupe.WorkerLost):
                one.result()
        self.until_replaced(pid)

    def test_killed_while_many_wait(self):
        """Those that are under way are lost; the others come in order."""
        pid = self.pid()
        let_go = self.hold()
        for number in range(200):
            self.send("note", str(number))
        self.client.send("other", "x", confirm=True)
        os.kill(pid, signal.SIGKILL)
        let_go()
        self.until_replaced(pid)
        found = [int(one) for one in self.heard()]
        self.assertEqual(found, list(range(200 - len(found), 200)))
        self.assertGreaterEqual(len(found), 200 - 16)

    def test_sigterm_gives_back_what_is_not_begun(self):
        pid = self.pid()
        let_go = self.hold()
        for number in range(30):
            self.send("note", str(number))
        self.client.send("py", ["note", "behind"], confirm=True)
        os.kill(pid, signal.SIGTERM)
        self.served.wait_line("leaves: it was told to end by SIGTERM")
        let_go()
        self.until_replaced(pid)
        self.assertEqual(self.heard(), [*[str(number) for number in range(30)], "behind"])

    def test_one_that_ends_well(self):
        pid = self.pid()
        let_go = self.hold()
        call = self.client.start_ask("py", ["stop"])
        for number in range(100):
            self.send("note", str(number))
        self.client.send("py", ["note", "last"], confirm=True)
        let_go()
        self.assertEqual(call.result(), b"bye")
        self.assertEqual(self.heard(), [*[str(number) for number in range(100)], "last"])
        self.assertNotEqual(self.pid(), pid)
        self.served.wait_line("event=ended child=py .*reason=normal")

    def test_the_node_stops_it_in_good_order(self):
        let_go = self.hold()
        self.send("note", "x")
        self.served.kill()
        self.served.wait_line("draining|stopping")
        let_go()
        self.assertEqual(self.served.wait(), 0)
        self.assertNotIn("exited", self.served.text())

    def test_a_lost_node_is_the_end(self):
        pid = self.pid()
        self.hold()
        self.served.kill(signal.SIGKILL)
        self.served.wait()

        def has_gone():
            try:
                with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                    return file.read().split()[2] == "Z"
            except FileNotFoundError:
                return True

        until(has_gone, "the end of the actor")

    def test_nonsense(self):
        pid = self.pid()
        for payload in (b"\xff\xfe", b"", b"\0" * 1000, "ünïcödé", b"\x93\xc1"):
            self.send(payload)
        self.client.send("py", [b""] * 64)
        until(lambda: len(self.heard()) == 6)
        self.assertEqual(self.pid(), pid)


class Health(Acted):
    children = (ECHO, acted("py", health={"interval": "100ms", "misses": 20, "stall": "1s"}),
                acted("other"))

    def test_one_that_hangs_is_replaced(self):
        pid = self.pid()
        self.send("hang")
        self.send("note", "waits")
        for number in range(20):
            self.send("note", str(number))
        self.until_replaced(pid)

    def test_progress_keeps_a_slow_one_alive(self):
        pid = self.pid()
        let_go = self.hold()
        threading.Timer(2.5, let_go).start()
        self.assertEqual(self.pid(), pid)

    def test_to_wait_for_an_answer_is_not_to_hang(self):
        pid = self.pid()
        call = self.client.start_ask("py", ["ask", "other", "keep", "it"])
        threading.Timer(2.5, lambda: self.send("answer_kept", "it", "at last", to="other")).start()
        self.assertEqual(call.result(), b"at last")
        self.assertEqual(self.pid(), pid)


class Pools(Acted):
    """A worker that serves, and takes messages as well."""

    children = (ECHO, acted("other"), {
        "capability": "both", "isolation": "process", "workers": {"min": 1, "max": 1},
        "worker": {"command": [sys.executable, ACTED, "--capability", "both"]}})

    def test_requests_and_messages(self):
        self.assertEqual(self.client.call("both", ["other", "echo", "x"], method="ask"), b"x")
        self.assertEqual(self.client.call("both", ["other", "echo", "y"], method="worker ask"),
                         b"y")
        self.client.call("both", ["other", "note", "sent"], method="send")
        self.until_heard("sent", to="other")
        self.assertEqual(self.ask("echo", "you, too", to="both/1"), b"you, too")
        self.assertEqual(self.ask("ask", "other", "echo", "z", to="both/1"), b"z")

    def test_a_reference_in_a_request(self):
        self.send("send", "both/1", "remember", "it", to="other")
        self.assertEqual(self.ask("ask", "both/1", "heard", to="other"), b"")
        self.assertEqual(self.client.call("both", ["it", "note", "I know you"], method="remind"),
                         b"I know you")

    def test_a_message_that_breaks_it(self):
        pid = self.client.call("both")
        with self.assertRaises(troupe.WorkerLost):
            self.ask("fail", "why", to="both/1")

        def is_another():
            try:
                return self.client.call("both") != pid
            except troupe.WorkerLost:
                return False  # it was given to the one that fails

        until(is_another)


class Starts(Acted):
    children = (acted("py"), acted("other", "--load", "speaks"))

    def test_one_that_speaks_while_it_loads(self):
        self.until_heard("I load")
        self.assertEqual(sorted(self.heard("other")), ["tick tock", "while it loads"])


class Alone(unittest.TestCase):
    def test_one_that_dials_in_is_no_actor(self):
        worker = troupe.Worker("tcp://127.0.0.1:1")
        worker.receive(len)
        with self.assertRaisesRegex(ValueError, "takes no messages"):
            worker.run()

    def test_before_it_runs(self):
        worker = troupe.Worker()
        for do in (lambda: worker.send("x"), lambda: worker.ask("x"), lambda: worker.after(1),
                   lambda: worker.monitor("x"), worker.unstash, lambda: worker.join("x")):
            with self.assertRaisesRegex(RuntimeError, "the worker does not run"):
                do()

    def test_what_cannot_receive(self):
        worker = troupe.Worker()

        def generator(message):
            yield message

        async def coroutine(message):
            pass

        for one in (generator, coroutine):
            with self.assertRaises(TypeError):
                worker.receive(one)

    def test_words_that_cannot_be(self):
        worker = troupe.Worker()
        for do in (lambda: worker.join(""), lambda: worker.publish("x" * 128), lambda: worker.every(0),
                   lambda: worker.link(""), lambda: worker.monitor("x" * 129),
                   lambda: worker.after(float("inf"))):
            with self.assertRaises(ValueError):
                do()


if __name__ == "__main__":
    unittest.main()
