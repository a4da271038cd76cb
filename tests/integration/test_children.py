"""Children of a tree that runs: added, terminated, restarted and removed, by the command and by
calls of troupe.admin."""

import os
import subprocess
import sys
import time
import unittest

try:
    import msgpack  # noqa: F401  (node_kit needs it)
    import zmq
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

from node_kit import LONG, TROUPE, Node, Peer

ECHO = {"capability": "echo", "worker": {"module": "echo"}, "workers": {"min": 2, "max": 2}}
AUDIT = {"actor": "audit", "worker": {"module": "echo"}}


class Children(unittest.TestCase):
    def setUp(self):
        tree = {"intensity": {"restarts": 0, "period": "1s"}, "children": [ECHO, AUDIT]}
        self.node = Node(tree).start()
        self.addCleanup(self.node.end)
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, 0)
        self.peer = Peer(self.context, self.node.ipc)

    def troupe(self, *words, stdin=None):
        return subprocess.run([TROUPE, *words, "-e", self.node.ipc], input=stdin, text=True,
                              capture_output=True, timeout=LONG)

    def assert_done(self, text, *words, **options):
        result = self.troupe(*words, **options)
        self.assertEqual((result.returncode, result.stdout), (0, text + "\n"), result.stderr)

    def assert_refused(self, text, *words, **options):
        result = self.troupe(*words, **options)
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn(text, result.stderr)

    def child(self, name):
        return next((one for one in self.node.tree()["tree"]["children"]
                     if one["name"] == name), None)

    def test_a_child_is_terminated_restarted_and_removed(self):
        self.assert_refused("audit is running: terminate it first", "remove", "audit")
        self.assert_done("audit has been terminated", "terminate", "audit")
        self.assertEqual(self.child("audit")["state"], "stopped")
        self.assert_done("audit has been terminated", "terminate", "audit")
        self.assert_done("audit has been restarted", "restart", "audit")
        self.assertNotEqual(self.child("audit")["state"], "stopped")
        self.assert_done("audit has been terminated", "terminate", "audit")
        self.assert_done("audit has been removed", "remove", "audit")
        self.assertIsNone(self.child("audit"))
        self.assert_refused("there is no child called audit", "restart", "audit")

    def test_what_is_added_has_its_share_of_what_there_is(self):
        """Two have a resource of which there is one: the second waits until the first is gone."""
        self.node.end()
        self.node = Node({"children": [ECHO]}, resources={"gpu": 1},
                         memory={"budget": "1GiB", "reserve": 0}).start()
        self.addCleanup(self.node.end)

        def text(name, needs, memory="1MiB"):
            return (f"{{capability: {name}, worker: {{module: echo}}, keep-alive: infinity, "
                    f"workers: {{min: 0, max: 1}}, memory: {memory}, needs: {{gpu: {needs}}}}}")

        def workers(name):
            return self.node.capability(name)["workers"]

        self.assert_refused("one worker needs 2 of 'gpu', and there is 1", "add", "root",
                            "-f", "-", stdin=text("two", 2))
        self.assert_refused("one worker needs 2GiB, and the budget is 1GiB", "add", "root",
                            "-f", "-", stdin=text("large", 1, "2GiB"))
        for name in ("one", "other"):
            self.assert_done(f"{name} has been added", "add", "root", "-f", "-",
                             stdin=text(name, 1))
        peer = Peer(self.context, self.node.ipc)
        self.assertEqual(peer.call("one", "echo", b"x")[0], "ok")
        self.assertEqual(self.node.tree()["memory"]["charged"], 1 << 20)
        self.assertEqual(peer.call("other", "echo", b"y")[0], "ok")  # `one` gives way
        self.assertEqual((len(workers("one")), len(workers("other"))), (0, 1))

    def test_one_worker_is_replaced_and_nobody_notices(self):
        for number in range(20):
            self.assert_done("echo/1 has been restarted", "restart", "echo/1")
            data = b"%d" % number
            outcome, headers, frames = self.peer.call("echo", "echo", data)
            self.assertEqual((outcome, frames), ("ok", [data]), headers)
        workers = self.node.capability("echo")["workers"]
        self.assertEqual([one["restarts"] for one in workers], [0, 0])
        self.assert_refused("a pool adds and removes its workers by itself", "terminate",
                            "echo/1")

    def test_workers_are_replaced_one_after_another(self):
        def pids():
            return {one["pid"] for one in self.node.capability("own")["workers"]}

        text = ("{capability: own, worker: {module: echo}, isolation: process, "
                "workers: {min: 3, max: 3}, health: {interval: 20ms}}")
        self.assert_done("own has been added", "add", "root", "-f", "-", stdin=text)
        before = pids()
        running = self.peer.request("own", "sleep", b"300")
        number = self.peer.last = self.peer.last + 1
        self.peer.send("request", number, {"capability": "troupe.admin", "method": "restart"},
                       b"own")
        n_calls = 0
        while not any(one[1] == number for one in self.peer.kept):
            outcome, headers, _ = self.peer.call("own", "echo", b"x")
            self.assertEqual(outcome, "ok", headers)
            n_calls += 1
        self.assertEqual(self.peer.final(number)[0], "ok")
        self.assertEqual(self.peer.final(running)[0], "ok")
        self.assertGreater(n_calls, 0)
        self.node.wait_line(r"event=ended child=own/\d", 3)
        until = time.monotonic() + LONG
        while pids() & before:  # what has ended is told before it is gone from the tree
            self.assertLess(time.monotonic(), until)
        self.assertEqual(len(pids()), 3)
        self.assertEqual([one["restarts"] for one in self.node.capability("own")["workers"]],
                         [0, 0, 0])

    def test_a_replacement_that_does_not_start_ends_the_rolling_restart(self):
        program = os.path.join(self.node.folder, "worker.sh")
        host = os.path.join(os.path.dirname(TROUPE), "troupe-host")
        module = os.path.join(os.environ["TROUPE_MODULE_PATH"], "echo.so")

        def install(script):
            with open(program + ".new", "w") as file:
                file.write("#!/bin/sh\n" + script)
            os.chmod(program + ".new", 0o755)
            os.rename(program + ".new", program)

        install(f"exec {host} --module {module}\n")
        text = (f"{{capability: own, worker: {{command: [{program}]}}, "
                "workers: {min: 2, max: 2}, backoff: {min: 1ms, max: 1ms}}")
        self.assert_done("own has been added", "add", "root", "-f", "-", stdin=text)
        before = [one["pid"] for one in self.node.capability("own")["workers"]]
        install("echo the new version is broken >&2; exit 3\n")
        result = self.troupe("restart", "own")
        self.assertEqual(result.returncode, 1)
        self.assertIn("a replacement did not start: exited: status 3: the new version is broken",
                      result.stderr)
        self.assertEqual(self.peer.call("own", "echo", b"x")[0], "ok")
        self.assertEqual([one["pid"] for one in self.node.capability("own")["workers"]], before)
        install(f"exec {host} --module {module}\n")
        self.assert_done("own has been restarted: one worker after another", "restart", "own")
        self.assertEqual(self.peer.call("own", "echo", b"x")[0], "ok")

    def test_a_worker_is_recycled_after_so_many_requests(self):
        text = ("{capability: own, worker: {module: echo}, isolation: process, "
                "recycle: {requests: 10, jitter: 0%}, health: {interval: 20ms}}")
        self.assert_done("own has been added", "add", "root", "-f", "-", stdin=text)
        pids = set()
        while len(pids) < 4:
            for _ in range(10):
                outcome, headers, _ = self.peer.call("own", "echo", b"x")
                self.assertEqual(outcome, "ok", headers)
            pids |= {one["pid"] for one in self.node.capability("own")["workers"]}
        self.assertNotIn("event=restarting", self.node.text())

    def test_a_capability_comes_and_goes(self):
        outcome, _, _ = self.peer.call("late", "echo", b"x")
        self.assertEqual(outcome, "no_capability")
        text = '{capability: late, worker: {module: echo}, workers: {min: 1, max: 3}}'
        self.assert_done("late has been added", "add", "root", "-f", "-", stdin=text)
        outcome, headers, frames = self.peer.call("late", "echo", b"x")
        self.assertEqual((outcome, frames), ("ok", [b"x"]), headers)
        self.assert_refused("there is a child called late already, and it runs", "add", "root",
                            "-f", "-", stdin=text)
        self.assert_done("late has been terminated", "terminate", "late")
        outcome, _, _ = self.peer.call("late", "echo", b"x")
        self.assertEqual(outcome, "no_capability")
        self.assert_refused("there is a child called late already: restart or remove it", "add",
                            "root", "-f", "-", stdin=text)
        self.assert_done("late has been removed", "remove", "late")
        self.assert_done("late has been added", "add", "root", "-f", "-", stdin=text)

    def test_what_was_added_is_drained_like_the_rest(self):
        text = '{capability: late, worker: {module: echo}}'
        self.assert_done("late has been added", "add", "root", "-f", "-", stdin=text)
        running = self.peer.request("late", "sleep", b"500")
        while self.node.capability("late")["pending"] != 1:
            pass  # each look is a call
        self.node.kill()
        self.assertEqual(self.peer.final(running)[0], "ok")
        self.assertEqual(self.node.wait(), 0)

    def test_a_whole_tree_is_added(self):
        path = os.path.join(self.node.folder, "inner.yaml")
        with open(path, "w") as file:
            file.write("supervisor: inner\n"
                       "strategy: rest_for_one\n"
                       "children:\n"
                       "  - actor: one\n"
                       "    worker: {module: echo}\n"
                       "  - capability: two\n"
                       "    worker: {module: echo}\n")
        self.assert_done("inner has been added", "add", "root", "-f", path)
        text = "{actor: three, worker: {module: echo}, restart: temporary}"
        self.assert_done("three has been added", "add", "inner", "-f", "-", stdin=text)
        names = [one["name"] for one in self.child("inner")["children"]]
        self.assertEqual(names, ["one", "two", "three"])
        self.assert_done("three has been terminated", "terminate", "three")
        self.assert_refused("there is no child called three", "terminate", "three")
        self.assert_done("inner has been restarted", "restart", "inner")
        outcome, headers, _ = self.peer.call("two", "echo", b"x")
        self.assertEqual(outcome, "ok", headers)

    def test_what_does_not_start_is_not_added(self):
        text = "{actor: bad, worker: {module: echo, args: {init: fail}}}"
        result = self.troupe("add", "root", "-f", "-", stdin=text)
        self.assertEqual(result.returncode, 1)
        self.assertIn("spawn_failed: bad did not start: failed: init failed as asked", result.stderr)
        self.assertIsNone(self.child("bad"))
        self.assertEqual(self.child("audit")["restarts"], 0)

    def test_more_than_there_are_sockets_for_are_refused(self):
        path = os.path.join(self.node.folder, "lots.yaml")
        with open(path, "w") as file:
            file.write("supervisor: lots\nchildren:\n")
            for number in range(400):
                file.write(f"  - {{actor: a{number}, worker: {{module: echo}}}}\n")
        result = self.troupe("add", "root", "-f", path)
        self.assertEqual(result.returncode, 1)
        self.assertIn("did not start: failed: a configured limit was reached", result.stderr)
        self.assertIsNone(self.child("lots"))
        self.assertEqual(self.peer.call("echo", "echo", b"x")[0], "ok")

    def test_nonsense_is_refused(self):
        self.assert_refused("there is no supervisor called nobody", "add", "nobody", "-f", "-",
                            stdin="{actor: a, worker: {module: echo}}")
        self.assert_refused("child:1:2: error: unknown key 'actr'", "add", "root", "-f", "-",
                            stdin="{actr: a}")
        self.assert_refused("no module 'nix'", "add", "root", "-f", "-",
                            stdin="{actor: a, worker: {module: nix}}")
        self.assert_refused("another actor called audit", "add", "root", "-f", "-",
                            stdin="{supervisor: s, children: "
                                  "[{actor: audit, worker: {module: echo}}]}")
        self.assert_refused("significant, but auto-shutdown is never", "add", "root", "-f", "-",
                            stdin="{actor: a, worker: {module: echo}, restart: temporary, "
                                  "significant: true}")
        for method in ("add", "terminate", "restart", "remove"):
            for frames in ([], [b""], [b"x" * 200], [b"a\0b"], [b"\xff\xfe"], [b"root", b""]):
                self.peer.last += 1
                self.peer.send("request", self.peer.last,
                               {"capability": "troupe.admin", "method": method}, *frames)
                outcome, headers, _ = self.peer.final(self.peer.last)
                self.assertEqual(outcome, "bad_request", (method, frames, headers))
        self.assertEqual(self.child("audit")["state"] in ("ready", "idle"), True)

    def test_the_node_stops_while_a_child_is_being_added(self):
        text = ("{actor: slow, worker: {module: echo, args: {init-ms: 60000}}, "
                "start-stall: 2m, shutdown: 100ms}")
        number = self.peer.last = self.peer.last + 1
        self.peer.send("request", number, {"capability": "troupe.admin", "method": "add"},
                       b"root", text.encode())
        while not self.child("slow"):
            pass  # each look is a call
        self.node.kill()
        outcome, headers, _ = self.peer.final(number)
        self.assertIn(outcome, ("shutting_down", "spawn_failed"), headers)
        self.node.wait()


if __name__ == "__main__":
    unittest.main(verbosity=2)
