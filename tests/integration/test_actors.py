"""What operators see of plain actors and do with them: what waits for them, how fast they are,
what they have inside, and who sends what; by the command, by HTTP and by calls of troupe.admin."""

import json
import os
import re
import signal
import sys
import time
import unittest
import urllib.request

try:
    import msgpack
    import zmq
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

from node_kit import LONG, Node, Peer, free_port, run_troupe

ADMIN = "troupe.admin"
STRANGER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stranger_actor.py")
IN_PROCESS = {"isolation": "process"}


class Actors(unittest.TestCase):
    isolation = {}  # of all but those that can have but one

    def actor(self, name, **args):
        return {"actor": name, "worker": {"module": "echo", "args": args}, **self.isolation}

    def children(self):
        actor = self.actor
        return [
            {"capability": "post", "worker": {"module": "echo"}, **self.isolation},
            actor("audit"), actor("silent", shows="nothing"), actor("mad", shows="nonsense"),
            actor("huge", shows="too-much"), actor("deep", shows="hang"),
            {"actor": "plain", "worker": {"module": "talking"}, **self.isolation},
        ]

    def setUp(self):
        self.port = free_port()
        self.node = Node({"children": self.children()}, http=f"127.0.0.1:{self.port}").start()
        self.addCleanup(self.node.end)
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, 0)
        self.peer = Peer(self.context, self.node.ipc)
        self.listeners = []  # closed with their context

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

    def send(self, name, count=1, text="hello"):
        self.assertEqual(self.peer.call("post", "send", f"{name} {count} {text}".encode())[0], "ok")

    def in_tree(self, name):
        return next(one for one in self.node.tree()["tree"]["children"] if one["name"] == name)

    def wait_for(self, is_so):
        """Look at the tree until it is so."""
        until = time.monotonic() + LONG
        while not is_so():
            self.assertLess(time.monotonic(), until)

    def inspect(self, name):
        result = self.troupe("inspect", name, "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=LONG) as page:
            return page.read().decode()

    def listen(self, words):
        listener = Peer(self.context, self.node.ipc)
        self.listeners.append(listener)
        listener.send("request", 1, {"capability": ADMIN, "method": "events"}, words)
        listener.last = 1
        listener.call(ADMIN, "help")  # what was sent before has been read
        return lambda: msgpack.unpackb(listener.take("part", 1)[3][0])


class Suspended(Actors):
    SUSPENDED = "audit is suspended: what comes waits in its mailbox"

    def test_what_comes_waits_and_is_seen(self):
        event = self.listen(b"actor")
        self.assert_done(self.SUSPENDED, "suspend", "audit")
        told = event()
        self.assertEqual((told["event"], told["actor"]), ("actor_suspended", "audit"))
        self.send("audit", 1000)
        audit = self.in_tree("audit")
        self.assertEqual((audit["state"], audit["mailbox"], audit["messages"], audit["rate"]),
                         ("paused", 1000, 0, 0))
        self.assertRegex(self.troupe("tree").stdout, r"audit +actor +paused +1000 +0 +0 +0\n")
        self.wait_for(lambda: '\ntroupe_actor_mailbox_depth{actor="audit"} 1000\n' in self.metrics())
        self.assertEqual(self.inspect("audit")["mailbox"], 1000)
        self.assert_done(self.SUSPENDED, "suspend", "audit")  # again
        self.assert_done("audit goes on", "resume", "audit")
        told = event()
        self.assertEqual((told["event"], told["waiting"]), ("actor_resumed", 1000))
        self.wait_for(lambda: self.in_tree("audit")["messages"] == 1000)
        self.wait_for(lambda: '\ntroupe_actor_messages_total{actor="audit"} 1000\n' in self.metrics())
        self.assertEqual(self.in_tree("audit")["mailbox"], 0)
        self.assert_done("audit was not suspended", "resume", "audit")

    def test_a_new_life_is_not_suspended_and_counts_go_on(self):
        self.send("audit", 5)
        self.wait_for(lambda: self.in_tree("audit")["messages"] == 5)
        self.assert_done(self.SUSPENDED, "suspend", "audit")
        self.send("audit", 3)
        self.assert_done("audit has been restarted", "restart", "audit")
        self.wait_for(lambda: self.in_tree("audit")["messages"] == 8)
        self.assertEqual(self.inspect("audit")["inside"]["messages"], 3)

    def test_it_can_be_terminated(self):
        self.assert_done(self.SUSPENDED, "suspend", "audit")
        self.send("audit", 2)
        self.assert_done("audit has been terminated", "terminate", "audit")
        self.assert_refused("audit does not run: it is stopped", "suspend", "audit")
        self.assert_refused("audit does not run: it is stopped", "inspect", "audit")

    def test_one_that_is_busy_is_suspended_later(self):
        self.send("audit", 1, "hang")
        self.assert_refused("the callback that it is in has not returned; when it has, it is "
                            "suspended", "suspend", "audit", "-t", "300ms", code=4)

    def test_others_are_refused(self):
        for name, text in {
                "nobody": "there is no actor called nobody",
                "post": "post is a capability: pause it instead",
                "post/1": "post/1 is a worker of a capability: drain it, or pause that, instead",
        }.items():
            self.assert_refused(text, "suspend", name)
        self.assert_refused("there is no worker, capability or actor called nobody",
                            "resume", "nobody")
        self.assert_refused("the name is empty", "suspend", "", code=2)


class SuspendedInProcess(Suspended):
    isolation = IN_PROCESS

    def test_one_that_is_busy_is_suspended_later(self):
        """The node need not wait for it."""
        self.send("audit", 1, "hang")
        self.assert_done(self.SUSPENDED, "suspend", "audit")
        self.send("audit", 3)
        audit = self.in_tree("audit")
        self.assertEqual((audit["state"], audit["mailbox"], audit["messages"]), ("paused", 3, 0))


class Parents(Actors):
    """One that may have children stands above two parts, which nobody sees."""

    def children(self):
        return super().children() + [{**self.actor("parent"), "spawns": 2}]

    def test_it_is_one_actor(self):
        self.assert_done("parent is suspended: what comes waits in its mailbox",
                         "suspend", "parent")
        self.send("parent", 2)
        parent = self.in_tree("parent")
        self.assertEqual((parent["kind"], parent["state"], parent["mailbox"], parent["children"]),
                         ("actor", "paused", 2, []))
        self.assertEqual(self.inspect("parent")["mailbox"], 2)
        self.assert_done("parent goes on", "resume", "parent")
        self.wait_for(lambda: self.in_tree("parent")["messages"] == 2)
        self.assertEqual(self.inspect("parent")["inside"]["messages"], 2)


class Rates(Actors):
    def test_a_flood_has_a_rate_and_then_none(self):
        def is_flooded():
            self.send("silent", 500)
            return self.in_tree("silent")["rate"] > 0
        self.wait_for(is_flooded)
        self.assertEqual(self.in_tree("audit")["rate"], 0)
        self.wait_for(lambda: self.in_tree("silent")["rate"] == 0)


class RatesInProcess(Rates):
    isolation = IN_PROCESS


class Inspected(Actors):
    def test_an_actor_shows_its_state(self):
        self.send("audit", 3)
        self.wait_for(lambda: self.in_tree("audit")["messages"] == 3)
        audit = self.inspect("audit")
        self.assertEqual(audit["inside"], {"messages": 3, "requests": 0})
        for key, value in {"name": "audit", "kind": "actor", "behaviour": "echo", "mailbox": 0,
                           "messages": 3, "suspended": False, "traced": False, "aside": 0,
                           "timers": 0, "monitors": 0, "asks": 0, "calls": 0, "restarts": 0,
                           "remark": ""}.items():
            self.assertEqual(audit[key], value, key)
        shown = self.troupe("inspect", "audit").stdout
        self.assertIn("\n  behaviour  echo\n", shown)
        self.assertTrue(shown.endswith("  inside\n    messages: 3\n    requests: 0\n"), shown)

    def test_a_single_worker_does_too(self):
        self.peer.call("post", "echo", b"x")
        worker = self.inspect("post/1")
        self.assertEqual((worker["kind"], worker["inside"]["requests"]), ("worker", 1))

    def test_some_have_nothing_to_show(self):
        self.assertEqual(self.inspect("silent")["remark"], "it has nothing to show")
        plain = self.inspect("plain")
        self.assertEqual((plain["inside"], plain["remark"]),
                         (None, "its behaviour has no callback to show its state"))
        self.assertIn("  inside     its behaviour has no callback",
                      self.troupe("inspect", "plain").stdout)

    def test_what_is_wrong_is_an_error(self):
        self.assert_refused("mad shows a state that is no msgpack", "inspect", "mad")
        self.assertEqual(self.inspect("audit")["mailbox"], 0)  # the node goes on

    def test_too_much_is_not_shown(self):
        self.assert_refused("huge shows a state of 2097152 bytes, and 1048576 are the most",
                            "inspect", "huge")

    def test_one_that_does_not_come_back_is_said_to_be_busy(self):
        self.send("audit", 1, "hang")
        self.assert_refused("audit is busy since ", "inspect", "audit", "-t", "300ms", code=4)
        self.assert_refused("deep is busy since ", "inspect", "deep", "-t", "300ms", code=4)

    def test_others_are_refused(self):
        self.assert_refused("there is no actor called nobody", "inspect", "nobody")
        self.assert_refused("post is a capability: name one of its workers instead",
                            "inspect", "post")
        self.assert_refused("the name is empty", "inspect", "", code=2)


class InspectedInProcess(Inspected):
    isolation = IN_PROCESS
    SILENT = "its process has not answered"
    REST = "; the rest is what the node knows"

    def test_too_much_is_not_shown(self):
        huge = self.inspect("huge")
        self.assertEqual((huge["inside"], huge["behaviour"], huge["remark"]),
                         (None, "echo", "its behaviour shows a state of 2097152 bytes, and "
                                        "1048576 are the most"))

    def inspect_soon(self, name):
        return json.loads(self.troupe("inspect", name, "--json", "-t", "400ms").stdout)

    def test_one_that_does_not_come_back_is_said_to_be_busy(self):
        """The node tells what it knows in the time that there is."""
        self.send("audit", 2)
        self.wait_for(lambda: self.in_tree("audit")["messages"] == 2)
        self.send("audit", 1, "hang")
        self.wait_for(lambda: self.in_tree("audit")["state"] == "processing")
        audit = self.inspect_soon("audit")
        self.assertRegex(audit["remark"],
                         f"^{self.SILENT}: it is busy since [0-9.]+ m?s{self.REST}$")
        self.assertEqual((audit["inside"], audit["messages"], audit["behaviour"]), (None, 2, ""))
        self.assertEqual(self.inspect_soon("deep")["remark"], self.SILENT + self.REST)


class Strangers(Actors):
    """Programs that are not of this project, and may know nothing of these words."""

    def children(self):
        def stranger(mode):
            return {"actor": mode, "worker": {"command": [sys.executable, STRANGER, mode]}}
        return [{"capability": "post", "worker": {"module": "echo"}}, self.actor("audit"),
                *map(stranger, ("deaf", "mumbling", "mad", "deep", "eager", "shy"))]

    def file(self, name="file"):
        return os.path.join(self.node.folder, name)

    def test_one_that_is_deaf_gets_nothing_more_all_the_same(self):
        path = self.file()
        self.send("deaf", 1, f"wait {path}")
        self.send("deaf", 39)
        self.wait_for(lambda: self.in_tree("deaf")["mailbox"] == 40 - 16)
        self.assert_done("deaf is suspended: what comes waits in its mailbox", "suspend", "deaf")
        open(path, "w").close()
        self.wait_for(lambda: self.in_tree("deaf")["messages"] == 16)
        deaf = self.in_tree("deaf")
        self.assertEqual((deaf["state"], deaf["mailbox"]), ("paused", 40 - 16))
        self.assert_done("deaf goes on", "resume", "deaf")
        self.wait_for(lambda: self.in_tree("deaf")["messages"] == 40)

    def test_one_that_is_deaf_is_stopped_at_once(self):
        self.assert_done("deaf is suspended: what comes waits in its mailbox", "suspend", "deaf")
        self.send("deaf", 3)
        self.assert_done("deaf has been restarted", "restart", "deaf")
        self.wait_for(lambda: self.in_tree("deaf")["messages"] == 3)

    def test_of_one_that_is_deaf_the_node_tells_what_it_knows(self):
        self.send("deaf", 1, "aside")
        self.wait_for(lambda: self.in_tree("deaf")["messages"] == 1)
        deaf = json.loads(self.troupe("inspect", "deaf", "--json", "-t", "4s").stdout)
        self.assertEqual((deaf["remark"], deaf["messages"], deaf["aside"], deaf["inside"]),
                         ("its process has not answered; the rest is what the node knows", 1, 1,
                          None))

    def test_what_is_nonsense_is_said_to_be(self):
        mumbling = self.inspect("mumbling")
        self.assertEqual((mumbling["remark"], mumbling["timers"], mumbling["inside"]),
                         ("its process has answered what is no msgpack; "
                          "the rest is what the node knows", 0, None))
        for name in ("mad", "deep"):
            self.assert_refused(f"{name} shows a state that is no msgpack", "inspect", name)
        shy = self.inspect("shy")
        self.assertEqual([shy[key] for key in ("remark", "behaviour", "timers", "monitors", "asks",
                                               "calls", "aside", "inside")],
                         ["it is shy", "stranger", 2, 3, 4, 5, 0, None])
        for name in ("mumbling", "mad", "deep", "shy"):
            self.assertEqual(self.in_tree(name)["restarts"], 0)

    def test_what_was_not_asked_for_is_nothing(self):
        for number in range(1, 20):
            self.assertEqual(self.inspect("eager")["inside"], {"asked": number})
        self.assertEqual(self.in_tree("eager")["restarts"], 0)

    def test_what_they_take_and_send_is_told(self):
        event = self.listen(b"message")
        self.assertEqual(self.troupe("trace", "deaf").returncode, 0)

        def tells(name, **want):
            told = event()
            want["event"] = name
            self.assertEqual({key: told[key] for key in want}, want)
        self.send("deaf", 1, "send audit")
        tells("message_sent", **{"from": "deaf"}, to="audit", kind="plain", bytes=5)
        tells("message", **{"from": "post/1"}, to="deaf", kind="plain", bytes=10, became="done")
        self.send("deaf", 1, "ask audit")
        tells("message_sent", **{"from": "deaf"}, to="audit", kind="ask", bytes=5)
        tells("message", to="deaf", became="done")
        self.send("deaf", 1, "forward audit")
        tells("message_sent", **{"from": "deaf"}, to="audit", kind="plain", bytes=13)
        tells("message", to="deaf", bytes=13, became="forwarded")
        self.send("deaf", 1, "aside")
        tells("message", to="deaf", became="stashed")
        self.send("deaf", 1, "watch nobody")
        self.assertEqual({told["kind"] for told in (event(), event())}, {"plain", "down"})
        path = self.file()
        self.send("deaf", 1, f"wait {path}")
        self.wait_for(lambda: self.in_tree("deaf")["state"] == "processing")
        started = self.node.wait_line("event=process_started worker=deaf ")
        os.kill(int(re.search(r" pid=([0-9]+)", started).group(1)), signal.SIGKILL)
        tells("message", to="deaf", became="lost")


class Traced(Actors):
    def test_messages_are_told_until_it_ends(self):
        event = self.listen(b"message trace")
        self.assert_done("audit is traced for 1m: events 'message' and 'message_sent' tell of it",
                         "trace", "audit")
        self.assertEqual(event()["event"], "trace_started")
        self.assertTrue(self.inspect("audit")["traced"])
        self.send("audit", 1, "hello")
        told = event()
        self.assertEqual({key: told[key] for key in ("event", "level", "to", "from", "kind",
                                                     "bytes", "became")},
                         {"event": "message", "level": "debug", "to": "audit", "from": "post/1",
                          "kind": "plain", "bytes": 5, "became": "done"})
        self.assertGreaterEqual(told["took_us"], 0)
        self.assert_done("audit is not traced any more", "trace", "audit", "--off")
        self.assertEqual(event()["event"], "trace_ended")
        self.send("audit", 1, "unseen")
        self.assert_done("audit was not traced", "trace", "audit", "--off")
        self.assert_done("audit is traced for 1m: events 'message' and 'message_sent' tell of it",
                         "trace", "audit")
        self.assertEqual(event()["event"], "trace_started")  # and nothing between

    def test_what_is_sent_is_told_too(self):
        event = self.listen(b"message")
        self.assertEqual(self.troupe("trace", "post/1").returncode, 0)
        self.send("audit", 1, "hello")
        told = event()
        self.assertEqual((told["event"], told["from"], told["to"], told["kind"], told["bytes"]),
                         ("message_sent", "post/1", "audit", "plain", 5))

    def test_it_outlives_a_life_and_says_what_failed(self):
        event = self.listen(b"message")
        self.assertEqual(self.troupe("trace", "audit").returncode, 0)
        self.send("audit", 1, "broken")
        self.assertEqual(event()["became"], "failed")
        self.send("audit", 1, "hello")
        self.assertEqual(event()["became"], "done")

    def test_it_ends_by_itself(self):
        event = self.listen(b"trace")
        self.assertEqual(self.troupe("trace", "audit", "--for", "100ms").returncode, 0)
        self.assertEqual(event()["for_ms"], 100)
        told = event()
        self.assertEqual((told["event"], told["why"]), ("trace_ended", "its time is over"))
        self.assertFalse(self.inspect("audit")["traced"])

    def test_messages_are_not_kept_for_later(self):
        self.assertEqual(self.troupe("trace", "audit").returncode, 0)
        self.send("audit", 300)
        self.wait_for(lambda: self.in_tree("audit")["messages"] == 300)
        result = self.troupe("events", "--replay", "256", "-n", "1", "--json")
        self.assertNotIn('"message"', result.stdout)

    def test_the_time_must_be_one(self):
        self.assert_refused("'soon' is no time", "trace", "audit", "--for", "soon", code=2)
        self.assert_refused("do not go together", "trace", "audit", "--for", "1s", "--off", code=2)
        self.assert_refused("of 24 hours at most", "trace", "audit", "--for", "25h")
        self.assert_refused("there is no actor called nobody", "trace", "nobody")


class TracedInProcess(Traced):
    isolation = IN_PROCESS


if __name__ == "__main__":
    unittest.main()
