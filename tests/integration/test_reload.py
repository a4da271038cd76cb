"""A node that runs follows its file: what has changed is done, and nothing else notices. The file
is read again by SIGHUP and by `troupe reload`, and every reload here is one of these."""

import json
import os
import re
import signal
import subprocess
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

from node_kit import LONG, TROUPE, Node, Peer, free_port

NO_CHANGE = "nothing has changed\n"


def capability(name, module="echo", args=None, **keys):
    worker = {"module": module, **({"args": args} if args else {})}
    return {"capability": name, "worker": worker, "workers": {"min": 1, "max": 1}, **keys}


def actor(name, args=None, **keys):
    return {"actor": name, "worker": {"module": "echo", **({"args": args} if args else {})},
            **keys}


def supervisor(name, *children, **keys):
    return {"supervisor": name, "children": list(children), **keys}


class Reload(unittest.TestCase):
    def start(self, *children, top=None, **tree):
        self.n_done = 0  # reloads that were applied
        self.node = Node({"children": list(children), **tree}, **(top or {})).start()
        self.addCleanup(self.node.end)
        self.addCleanup(self.stop_well)
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, 0)
        self.peer = Peer(self.context, self.node.ipc)

    def stop_well(self):
        """Whatever it was reloaded to, it goes without a fault, and leaves nothing behind."""
        if self.node.process.poll() is None:
            self.node.kill(signal.SIGTERM)
            try:
                self.node.process.wait(1)
            except subprocess.TimeoutExpired:
                self.node.kill(signal.SIGTERM)  # what still runs is not waited for
        self.assertEqual(self.node.wait(), 0, self.node.text())

    def write(self, *children, top=None, **tree):
        self.node.config["supervisor"] = {"children": list(children), **tree}
        self.node.config.update(top or {})
        with open(self.node.file, "w") as file:
            json.dump(self.node.config, file)

    def troupe(self, *words):
        return subprocess.run([TROUPE, *words, "-e", self.node.ipc], capture_output=True,
                              text=True, timeout=LONG, stdin=subprocess.DEVNULL)

    def reload(self, *lines, code=0):
        """`troupe reload` prints exactly these lines, and so did `check --against` before."""
        told = subprocess.run(
            [TROUPE, "check", self.node.file, "--against", self.node.ipc],
            capture_output=True, text=True, timeout=LONG, stdin=subprocess.DEVNULL)
        self.seen = len(self.node.lines)
        result = self.troupe("reload")
        text = "".join(line + "\n" for line in lines) or NO_CHANGE
        self.assertEqual((result.returncode, result.stdout, result.stderr), (code, text, ""))
        expected = "".join(line + "\n" for line in lines
                           if not re.match("but: |[a-z]+ is stopped, ", line)) or NO_CHANGE
        self.assertEqual((told.returncode, told.stdout), (0, expected), told.stderr)
        self.n_done += 1
        self.node.wait_line("event=reloaded ", self.n_done)

    def hang_up(self, pattern):
        """SIGHUP, until a line of the log says what came of it."""
        count = len([1 for line in self.node.lines if re.search(pattern, line)])
        self.seen = len(self.node.lines)
        self.node.kill(signal.SIGHUP)
        line = self.node.wait_line(pattern, count + 1)
        self.n_done += "event=reloaded " in line
        return line

    def moved(self):
        """The children that were started or ended by the last reload, in order."""
        found = []
        for line in self.node.lines[self.seen:]:
            match = re.search(r"event=(started|ended) child=(\S+)", line)
            if match:
                found.append(("+" if match[1] == "started" else "-") + match[2])
        return found

    def echo(self, name, data=b"x"):
        outcome, headers, frames = self.peer.call(name, "echo", data)
        self.assertEqual((outcome, frames), ("ok", [data]), headers)

    def children(self, *path):
        node = self.node.tree()["tree"]
        for name in path:
            node = next(one for one in node["children"] if one["name"] == name)
        return [one["name"] for one in node["children"]]

    def state(self, name):
        def find(node):
            if node["name"] == name and node is not tree:
                return node["state"]
            return next((found for one in node.get("children", []) if (found := find(one))),
                        None)
        tree = self.node.tree()["tree"]
        state = find(tree)
        return "ready" if state == "idle" else state  # with nothing to do for a second

    def pids(self, name):
        return [one["pid"] for one in self.node.capability(name)["workers"]]

    def look_at(self, name):
        """The capability, over the peer's own connection: quicker than by the command."""
        tree = msgpack.unpackb(self.peer.call("troupe.admin", "tree")[2][0])
        return next(one for one in tree["capabilities"] if one["name"] == name)

    def await_pending(self, name):
        until = time.monotonic() + LONG
        while self.look_at(name)["pending"] == 0:
            self.assertLess(time.monotonic(), until)

    def await_workers(self, name, count):
        until = time.monotonic() + LONG
        while len(self.look_at(name)["workers"]) != count:
            self.assertLess(time.monotonic(), until)

    # ---- children ----

    def test_nothing_has_changed(self):
        self.start(capability("a"), actor("x"))
        self.reload()
        self.assertEqual(self.moved(), [])
        effective = subprocess.run([TROUPE, "check", self.node.file, "--effective"],
                                   capture_output=True, text=True, timeout=LONG)
        self.assertEqual(effective.returncode, 0, effective.stderr)
        with open(self.node.file, "w") as file:
            file.write("# all is written out\n" + effective.stdout)
        self.reload()
        self.hang_up("event=reloaded changes=0")
        self.assertEqual(self.moved(), [])

    def test_what_check_says_beside(self):
        self.start(capability("a"))

        def check(*words):
            result = subprocess.run([TROUPE, "check", self.node.file, *words], text=True,
                                    capture_output=True, timeout=LONG, stdin=subprocess.DEVNULL)
            return result.returncode, result.stdout, result.stderr

        code, out, err = check("--effective", "--against", self.node.ipc)
        self.assertEqual((code, out), (2, ""))
        self.assertIn("not both", err)
        nobody = f"ipc://{self.node.folder}/nobody.sock"
        self.assertEqual(check("--against", nobody)[:2], (3, ""))
        self.assertEqual(check("--against", "nonsense")[:2], (2, ""))
        self.assertEqual(check("--against", self.node.ipc), (0, NO_CHANGE, ""))

    def test_children_come_and_go(self):
        self.start(capability("a"), actor("x"), supervisor("s", actor("y"), actor("z")))
        self.write(capability("a"), capability("b"), supervisor("s", actor("z"), actor("v")),
                   supervisor("t", actor("u"), capability("c")))
        self.reload("remove actor y from s", "remove actor x from root",
                    "add capability b to root", "add actor v to s", "add supervisor t to root")
        self.assertEqual(self.moved()[:2], ["-y", "-x"])
        self.assertEqual([one for one in self.moved() if "/" not in one],
                         ["-y", "-x", "+b", "+v", "+u", "+c", "+t"])
        self.assertEqual(self.children(), ["a", "b", "s", "t"])
        self.assertEqual(self.children("s"), ["z", "v"])
        for name in "abc":
            self.echo(name)
        self.reload()
        self.write(capability("a"))
        self.reload("remove supervisor t from root", "remove supervisor s from root",
                    "remove capability b from root")
        self.assertEqual(self.children(), ["a"])
        self.assertEqual(self.peer.call("b")[0], "no_capability")
        self.echo("a")

    def test_children_move(self):
        self.start(supervisor("s", actor("x"), capability("c")), supervisor("t"), actor("y"))
        self.write(supervisor("t", actor("x"), actor("y")), capability("c"))
        stopped = ": it is stopped and started"
        self.reload("move actor y from root to t" + stopped, "move capability c from s to root" +
                    stopped, "move actor x from s to t" + stopped, "remove supervisor s from root")
        self.assertEqual(self.children(), ["t", "c"])
        self.assertEqual(self.children("t"), ["x", "y"])
        self.echo("c")

    def test_another_kind_of_the_same_name(self):
        self.start(actor("a"), actor("b"))
        self.write(capability("a"), supervisor("b", actor("c")))
        self.reload("remove actor b from root", "remove actor a from root",
                    "add capability a to root", "add supervisor b to root")
        self.echo("a")

    def test_what_is_removed_finishes_first(self):
        self.start(capability("a"), capability("b"))
        number = self.peer.request("b", "sleep", b"400")
        self.peer.request("b", "sleep", b"1")
        self.await_pending("b")
        self.write(capability("a"))
        self.reload("remove capability b from root")
        self.assertEqual(self.peer.final(number)[0], "ok")
        self.assertEqual(self.peer.final(number + 1)[0], "ok")

    def test_so_does_what_is_removed_with_its_supervisor(self):
        self.start(capability("a"),
                   supervisor("s", capability("b"), supervisor("t", capability("c"))))
        numbers = [self.peer.request(name, "sleep", b"400") for name in ("b", "c", "b", "c")]
        self.await_pending("b")
        self.await_pending("c")
        self.write(capability("a"), capability("c"))
        self.reload("move capability c from t to root: it is stopped and started",
                    "remove supervisor s from root")
        self.assertEqual([self.peer.final(number)[0] for number in numbers], ["ok"] * 4)
        self.echo("c")

    def test_what_does_not_finish_is_not_waited_for(self):
        self.start(capability("a", health={"stall": "1h"}), top={"drain-timeout": "200ms"})
        number = self.peer.request("a", "sleep", b"30000")
        self.await_pending("a")
        self.write()
        self.reload("remove capability a from root")
        self.assertNotEqual(self.peer.final(number)[0], "ok")
        self.node.wait_line("event=not_drained capability=a")

    def test_only_what_changed_restarts(self):
        own = {"isolation": "process"}
        self.start(capability("a", **own), capability("b", **own), actor("x"), actor("y"),
                   supervisor("s", actor("z")))
        before = self.pids("a"), self.pids("b")
        self.write(capability("a", **own), capability("b", args={"k": 1}, **own), actor("x"),
                   actor("y", {"k": 1}), supervisor("s", actor("z", shutdown="1s")))
        self.reload("capability b: worker.args; its workers are replaced one after another",
                    "actor y: worker.args; it is restarted", "actor z: shutdown 5s -> 1s")
        self.assertEqual(self.pids("a"), before[0])
        self.assertNotEqual(self.pids("b")[-1], before[1][0])
        self.assertEqual([one for one in self.moved() if "b/" not in one], ["-y", "+y"])
        self.assertEqual(self.state("y"), "ready")

    def test_a_command_is_another_worker(self):
        own = {"isolation": "process"}
        self.start(capability("a", **own))
        before = self.pids("a")
        self.write({**capability("a", **own),
                    "worker": {"module": "echo", "env": {"A": "b"}, "directory": "/tmp"}})
        self.reload("capability a: worker.env, worker.directory (none) -> \"/tmp\"; its workers "
                    "are replaced one after another")
        after = self.pids("a")[-1]
        self.assertNotIn(after, before)
        self.assertEqual(os.readlink(f"/proc/{after}/cwd"), "/tmp")

    def test_where_workers_run(self):
        self.start(capability("a"))
        own = self.node.process.pid
        how = "thread"
        for isolation in "process", "inline", "process", "thread":
            self.write(capability("a", isolation=isolation))
            self.reload(f"capability a: isolation {how} -> {isolation}; its workers are replaced "
                        "one after another")
            how = isolation
            self.echo("a")
            self.assertEqual(self.pids("a")[-1] not in (None, own), isolation == "process")

    def test_a_worker_that_does_not_start_is_tried_at_once(self):
        """With other arguments it may: its pool need not be waited for."""
        keys = {"backoff": {"min": "10m", "max": "10m"}, "intensity": {"restarts": 1}}
        self.start(capability("a", args={"init": "fail"}, **keys))
        self.node.wait_line("event=pool_unavailable")
        self.write(capability("a", **keys))
        self.reload("capability a: worker.args; its workers are replaced one after another")
        self.node.wait_line("event=started child=a/1")
        self.echo("a")

    def test_a_roll_under_way_begins_anew(self):
        """What is just starting is outdated too when the file changes once more."""
        def marked(mark, init_ms="0"):
            return {**capability("a", args={"mark": mark, "init": "slow", "init-ms": init_ms},
                                 isolation="process"), "workers": {"min": 2, "max": 2}}

        self.start(marked("one"))
        self.write(marked("two", "1000"))
        self.troupe("reload", "-t", "50ms")
        self.node.wait_line("event=reloaded")
        self.n_done = 1
        restart = subprocess.Popen([TROUPE, "restart", "a", "-e", self.node.ipc],
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.await_workers("a", 3)
        self.write(marked("three"))
        self.reload("capability a: worker.args; its workers are replaced one after another")
        self.assertIn("has been restarted", restart.communicate(timeout=LONG)[0])
        self.await_workers("a", 2)
        for pid in self.pids("a"):
            with open(f"/proc/{pid}/cmdline") as words:
                self.assertIn("mark=three", words.read())

    def test_workers_are_replaced_while_requests_go_on(self):
        keys = {"workers": {"min": 3, "max": 3, "concurrency": 2}}
        self.start({**capability("a"), **keys})
        outcomes = {}
        for turn in range(10):
            numbers = [self.peer.request("a", "sleep", b"2") for _ in range(50)]
            self.write({**capability("a", args={"turn": turn}), **keys})
            self.reload("capability a: worker.args; its workers are replaced one after another")
            for number in numbers:
                outcome = self.peer.final(number)
                outcomes[outcome[0]] = outcomes.get(outcome[0], 0) + 1
        self.assertEqual(outcomes, {"ok": 500})
        self.assertEqual(len([1 for line in self.node.lines if "event=replaced" in line]), 30)

    # ---- keys that restart nobody ----

    def test_a_capability_follows_without_a_restart(self):
        own = {"isolation": "process"}
        self.start(capability("a", **own))
        before = self.pids("a")
        changed = capability("a", queue={"limit": 1}, timeout="2s", shutdown="1s",
                             backoff={"min": "5ms"}, health={"interval": "100ms"}, **own)
        self.write(changed)
        self.reload("capability a: queue.limit 100 -> 1, timeout 30s -> 2s, backoff.min "
                    "100ms -> 5ms, shutdown 5s -> 1s, health.interval 1s -> 100ms")
        self.assertEqual(self.moved(), [])
        running = self.peer.request("a", "sleep", b"5000")
        self.await_pending("a")
        waiting = self.peer.request("a")
        refused = self.peer.request("a")
        self.assertEqual(self.peer.final(refused)[0], "overloaded")
        self.assertEqual(self.peer.final(running)[0], "timeout")
        self.assertIn(self.peer.final(waiting)[0], ("ok", "timeout"))
        self.assertEqual(self.pids("a"), before)

    def test_a_pool_grows_and_shrinks(self):
        health = {"interval": "20ms"}
        self.start(capability("a", health=health))
        self.write({**capability("a", health=health), "workers": {"min": 3, "max": 5},
                    "intensity": {"restarts": 7}})
        self.reload("capability a: workers.min 1 -> 3, workers.max 1 -> 5")
        self.node.wait_line("event=started child=a/3")
        self.assertEqual((self.node.capability("a")["min"], self.node.capability("a")["max"]),
                         (3, 5))
        self.write(capability("a", health=health, intensity={"restarts": 7}))
        self.reload("capability a: workers.min 3 -> 1, workers.max 5 -> 1")
        self.node.wait_line(r"event=ended child=a/\d", 2)
        self.echo("a")
        self.assertEqual(len(self.node.capability("a")["workers"]), 1)

    def test_a_supervisor_follows(self):
        self.start(supervisor("s", actor("x"), actor("y"), actor("z")),
                   intensity={"restarts": 5})
        self.write(supervisor("s", actor("z"), actor("x"), actor("y"), strategy="rest_for_one",
                              intensity={"restarts": 3}), intensity={"restarts": 5})
        self.reload("supervisor s: strategy one_for_one -> rest_for_one, intensity.restarts 1 -> "
                    "3, the order of its children")
        self.assertEqual(self.moved(), [])
        self.assertEqual(self.children("s"), ["z", "x", "y"])
        self.troupe("stop")
        self.node.wait()
        order = [one for one in re.findall(r"event=ended child=([xyz]) ", self.node.text())]
        self.assertEqual(order, ["y", "x", "z"])

    def test_what_changed_holds_after_a_restart_too(self):
        """The capability's own supervisor has the new specs, should it have to start again."""
        self.start(capability("a"), intensity={"restarts": 5})
        self.write(capability("a", timeout="200ms"), intensity={"restarts": 5})
        self.reload("capability a: timeout 30s -> 200ms")
        self.troupe("terminate", "a")
        self.troupe("restart", "a")
        self.assertEqual(self.peer.call("a", "sleep", b"5000")[0], "timeout")

    # ---- the node's own ----

    def test_the_nodes_own_keys(self):
        self.start(actor("x"))
        self.write(actor("x"), top={"memory": {"budget": "123MiB", "residency": "2s"},
                                    "resources": {"gpu": 2}, "drain-timeout": "7s",
                                    "quarantine-limit": 5})
        self.reload("memory.budget 80% -> 123MiB, memory.residency 1s -> 2s, resources",
                    "drain-timeout 5s -> 7s", "quarantine-limit 100 -> 5")
        self.assertEqual(self.moved(), [])
        until = time.monotonic() + LONG
        while self.node.tree()["memory"]["budget"] != 123 << 20:
            self.assertLess(time.monotonic(), until)
        self.write(actor("x"), top={"resources": {f"r{n}": 1 for n in range(7)}})
        self.refused("there may be 7 resources, and those that the node was started with count")
        self.write(actor("x"), top={"resources": {}, "node": "another", "spin": "20us"})
        self.reload("node tested -> another, spin 0 -> 20us; not changed, since that needs a "
                    "restart of the node", "resources")
        self.assertEqual(self.node.tree()["node"], "tested")
        self.reload("node tested -> another, spin 0 -> 20us; not changed, since that needs a "
                    "restart of the node")

    def test_a_larger_budget_is_used_at_once(self):
        def two(budget):
            return {"children": [{**capability(name, memory="60MiB", pinned=name == "a"),
                                  "workers": {"min": 0}} for name in "ab"],
                    "top": {"memory": {"budget": budget}}}

        def write(budget):
            tree = two(budget)
            self.write(*tree["children"], top=tree["top"])

        tree = two("100MiB")
        self.start(*tree["children"], top=tree["top"])
        self.echo("a")
        self.assertEqual(self.peer.call("b")[0], "memory_exhausted")
        write("200MiB")
        self.reload("memory.budget 100MiB -> 200MiB")
        self.echo("b")
        self.echo("a")
        self.assertEqual([one for one in self.moved() if "a/" in one], [])

    def test_a_drain_timeout_that_changed_is_used(self):
        self.start(capability("a"), top={"drain-timeout": "10m"})
        self.write(capability("a"), top={"drain-timeout": "50ms"})
        self.reload("drain-timeout 10m -> 50ms")
        number = self.peer.request("a", "sleep", b"20000")
        self.peer.is_quiet()
        self.troupe("stop")
        self.node.wait_line("event=drain_timed_out")
        self.assertNotEqual(self.peer.final(number)[0], "ok")
        self.assertEqual(self.node.wait(), 0)

    def test_endpoints_come_and_go(self):
        self.start(capability("a"))
        other = f"ipc://{self.node.folder}/other.sock"
        port = f"tcp://127.0.0.1:{free_port()}"
        on_tcp = Peer(self.context, self.node.tcp)
        number = on_tcp.request("a", "sleep", b"300")
        on_tcp.is_quiet()
        self.write(capability("a"), top={"listen": [other, self.node.ipc, port]})
        self.reload(f"listen: no more at {self.node.tcp}, from now on at {other}, from now on at "
                    f"{port}")
        self.assertEqual(self.moved(), [])
        self.node.wait_line(f"event=listening endpoint={port}")
        self.assertEqual(on_tcp.take("goaway")[0], "goaway")
        self.assertEqual(on_tcp.final(number)[0], "ok")  # what was open is finished
        on_tcp.close()
        self.echo("a")
        for endpoint in other, port:
            peer = Peer(self.context, endpoint)
            self.assertEqual(peer.call("a")[0], "ok")
            peer.close()
        tree = subprocess.run([TROUPE, "tree", "-e", self.node.tcp, "--connect-timeout", "300ms"],
                              capture_output=True, text=True, timeout=LONG)
        self.assertEqual(tree.returncode, 3, tree.stderr)
        self.write(capability("a"), top={"listen": [self.node.ipc]})
        self.reload(f"listen: no more at {other}, no more at {port}")
        self.node.wait_line("event=listening_no_more endpoint=tcp://127.0.0.1", 2)
        self.assertEqual(self.troupe("tree").returncode, 0)  # the gateway has had its turn
        self.assertFalse(os.path.exists(f"{self.node.folder}/other.sock"))

    def test_pages_come_move_and_go(self):
        """Where there are any: a build without HTTP has none."""
        def get(port):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=LONG) as page:
                return page.status

        one, other = free_port(), free_port()
        self.start(capability("a"))
        self.write(capability("a"), top={"http": f"127.0.0.1:{one}"})
        result = self.troupe("reload")
        if "without HTTP" in result.stderr:
            self.skipTest(result.stderr)
        self.assertEqual((result.returncode, result.stdout),
                         (0, f'http (none) -> "127.0.0.1:{one}"\n'), result.stderr)
        self.node.wait_line("event=reloaded ")
        self.n_done = 1
        self.assertEqual(get(one), 200)
        self.write(capability("a"), top={"http": f"127.0.0.1:{other}"})
        self.reload(f'http "127.0.0.1:{one}" -> "127.0.0.1:{other}"')
        self.assertEqual(get(other), 200)
        self.assertRaises(OSError, get, one)
        del self.node.config["http"]
        self.write(capability("a"))
        self.reload(f'http "127.0.0.1:{other}" -> (none)')
        self.assertRaises(OSError, get, other)
        self.assertEqual(self.moved(), ["-troupe.http"])

    def test_an_endpoint_that_is_taken_is_told_before(self):
        self.start(capability("a"))
        with self.context.socket(zmq.ROUTER) as taken:
            port = taken.bind_to_random_port("tcp://127.0.0.1")
            self.write(capability("b"),
                       top={"listen": [self.node.ipc, f"tcp://127.0.0.1:{port}"]})
            self.refused(rf"cannot listen on tcp://127.0.0.1:{port}")
        self.echo("a")

    def test_a_node_that_listens_no_more(self):
        self.start(capability("a"))
        self.write(capability("a"), top={"listen": []})
        self.hang_up("event=reloaded changes=1")
        self.assertEqual(self.moved(), ["-troupe.gateway"])
        self.write(capability("a"), top={"listen": [self.node.ipc]})
        self.hang_up("event=reloaded changes=1")
        self.assertEqual(self.moved(), ["+troupe.gateway"])
        self.peer.close()
        self.peer = Peer(self.context, self.node.ipc)
        self.echo("a")

    # ---- what is refused ----

    def refused(self, pattern, lines=None):
        """By the command and by the signal; exactly these lines, if they are given."""
        refusal = "event=reload_refused reason=.*" + pattern
        count = len([1 for line in self.node.lines if re.search(refusal, line)])
        result = self.troupe("reload")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertRegex(result.stderr, pattern)
        self.node.wait_line(refusal, count + 1)
        if lines:
            self.assertEqual(result.stderr.splitlines(), lines)
            for line in lines:
                self.node.wait_line("event=reload_refused reason=.*" +
                                    re.escape(line.replace('"', '\\"')))
        self.hang_up(refusal)
        self.assertEqual(self.moved(), [])

    def test_a_file_that_is_wrong_changes_nothing(self):
        self.start(capability("a"), actor("x"))
        with open(self.node.file, "w") as file:
            file.write("troupe: 1\n"
                       "nod: x\n"
                       "supervisor:\n"
                       "  children:\n"
                       "    - capability: a\n"
                       "      worker: {module: echo}\n"
                       "      timeout: soon\n")
        file = self.node.file
        self.refused("unknown key 'nod'", [
            f"{file}:2:1: error: unknown key 'nod'; did you mean 'node'?",
            f"{file}:7:16: error: 'timeout' must be a duration from 1ms to 365d, not 'soon'"])
        told = subprocess.run([TROUPE, "check", file, "--against", self.node.ipc],
                              capture_output=True, text=True, timeout=LONG)
        self.assertEqual((told.returncode, told.stdout), (1, ""))
        self.assertIn("7:16: error: 'timeout' must be a duration", told.stderr)
        self.echo("a")

    def test_every_problem_is_told(self):
        self.start(actor("x"))
        with open(self.node.file, "w") as file:
            file.write("troupe: 1\nsupervisor:\n  children:\n")
            for number in range(200):
                file.write(f"    - {{actor: a{number}, worker: {{module: echo}}, retry: 5}}\n")
        result = self.troupe("reload")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(len(result.stderr.splitlines()), 200, result.stderr[:2000])

    def test_nonsense_in_place_of_the_file(self):
        self.start(capability("a"))
        os.remove(self.node.file)
        self.refused("No such file or directory",
                     [f"{self.node.file}: error: No such file or directory"])
        os.mkdir(self.node.file)
        self.refused("no plain file",
                     [f"{self.node.file}: error: it is no plain file, and cannot be read again"])
        os.rmdir(self.node.file)
        os.mkfifo(self.node.file)
        self.refused("no plain file")
        os.remove(self.node.file)
        open(self.node.file, "w").close()
        self.refused(r"error: ")
        with open(self.node.file, "wb") as file:
            file.write(os.urandom(5000))
        self.refused(r"error: ")
        if os.geteuid() != 0:
            os.chmod(self.node.file, 0)
            self.refused("Permission denied")
        self.echo("a")

    def test_a_module_that_is_missing(self):
        self.start(capability("a"))
        self.write(capability("a", timeout="1s"), capability("b", module="no-such-module"))
        self.refused("module 'no-such-module'")
        self.reload_again_with_less()

    def reload_again_with_less(self):
        self.write(capability("a"))
        self.reload()

    def test_more_than_the_node_was_started_for(self):
        self.start(capability("a"))
        self.write({**capability("a"), "workers": {"min": 1, "max": 9000}})
        self.refused("this tree needs up to 90.. actors, and the node was started for")
        self.write(actor("x"), strategy="simple_one_for_one")
        self.refused("the root cannot become simple_one_for_one")

    def test_a_text_has_no_file(self):
        """What was read from a pipe is a file that is none."""
        self.start(actor("x"))
        result = self.troupe("call", "troupe.admin", "-m", "difference", "-d", "nonsense: [")
        self.assertEqual(result.returncode, 1)

    # ---- what fails in part ----

    def test_a_child_that_does_not_start_is_told_and_tried_again(self):
        self.start(actor("x"))
        self.write(actor("x"), actor("bad", {"init": "fail"}), actor("good"))
        add = "add actor bad to root"
        self.reload(add, "add actor good to root",
                    f"but: {add}: it did not start: failed: init failed as asked", code=1)
        self.assertEqual((self.state("good"), self.state("bad")), ("ready", "stopped"))
        again = add + ", which did not start before"
        self.reload(again, f"but: {again}: it did not start: failed: init failed as asked", code=1)
        self.write(actor("x"), actor("bad"), actor("good"))
        self.reload(again)
        self.assertEqual(self.moved(), ["+bad"])
        self.reload()

    def test_one_that_did_not_start_is_forgotten(self):
        self.start(actor("x"))
        self.write(actor("x"), actor("bad", {"init": "fail"}))
        self.reload("add actor bad to root",
                    "but: add actor bad to root: it did not start: failed: init failed as asked", code=1)
        self.write(actor("x"))
        self.reload("remove actor bad from root")
        self.assertEqual(self.children(), ["x"])

    def test_workers_that_do_not_start_leave_the_old_ones(self):
        keys = {"workers": {"min": 2, "max": 2}, "isolation": "process"}
        self.start({**capability("a"), **keys})
        before = self.pids("a")
        line = "capability a: worker.args; its workers are replaced one after another"
        self.write({**capability("a", args={"init": "fail"}), **keys})
        self.reload(line, f"but: {line}: failed: init failed as asked", code=1)
        self.assertEqual(self.pids("a"), before)
        self.echo("a")
        self.write({**capability("a", args={"k": "v"}), **keys})
        self.reload(line)
        self.node.wait_line("event=replaced", 2)
        self.echo("a")

    # ---- commands and reloads ----

    def test_what_was_terminated_stays_so(self):
        self.start(capability("a"), actor("x"), supervisor("s", actor("y")))
        for name in "a", "x", "s":
            self.assertEqual(self.troupe("terminate", name).returncode, 0)
        self.write(capability("a", args={"k": 1}), actor("x", {"k": 1}),
                   supervisor("s", actor("y", {"k": 1}), actor("z")))
        self.reload("capability a: worker.args; its workers are replaced one after another",
                    "actor x: worker.args; it is restarted",
                    "actor y: worker.args; it is restarted", "add actor z to s",
                    "x is stopped, and stays so until it is restarted")
        self.assertEqual(self.moved(), [])
        self.assertEqual([self.state(name) for name in "axs"], ["stopped"] * 3)
        self.write(capability("a", args={"k": 1}), supervisor("s", actor("y", {"k": 1}),
                                                              actor("z"), actor("x")))
        self.reload("move actor x from root to s: it is stopped and started",
                    "x is stopped, and stays so until it is restarted")
        for name in "a", "s":
            self.assertEqual(self.troupe("restart", name).returncode, 0)
        self.assertEqual(self.children("s"), ["y", "z", "x"])
        self.echo("a")

    def test_one_that_moves_while_it_is_stopped_stays_so(self):
        self.start(actor("x"), supervisor("s"))
        self.troupe("terminate", "x")
        self.write(supervisor("s", actor("x")))
        self.reload("move actor x from root to s: it is stopped and started",
                    "x is stopped, and stays so until it is restarted")
        self.assertEqual((self.state("x"), self.moved()), ("stopped", []))
        self.assertEqual(self.troupe("restart", "x").returncode, 0)

    def test_what_was_added_by_a_command_goes_on(self):
        self.start(actor("x"))
        added = os.path.join(self.node.folder, "added.yaml")
        with open(added, "w") as file:
            json.dump(actor("more"), file)
        self.assertEqual(self.troupe("add", "root", "-f", added).returncode, 0)
        self.write(actor("y"), actor("x", shutdown="1s"))
        self.reload("actor x: shutdown 5s -> 1s", "add actor y to root")
        self.assertEqual(self.moved(), ["+y"])
        self.assertEqual(self.children(), ["y", "x", "more"])
        self.write(actor("y"), actor("x", shutdown="1s"), actor("more", {"k": 1}))
        self.reload("add actor more to root")
        self.assertEqual(self.moved(), ["-more", "+more"])

    def test_two_at_once(self):
        self.start(capability("a"))
        self.write(capability("a"), actor("slow", {"init": "slow", "init-ms": "2000"}))
        first = subprocess.Popen([TROUPE, "reload", "-e", self.node.ipc], text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.node.wait_line("event=reloading change=")
        outcome, headers, _ = self.peer.call("troupe.admin", "reload")
        self.assertEqual((outcome, "a reload is under way" in headers["text"]),
                         ("overloaded", True), headers)
        self.hang_up('event=reload_refused reason="a reload is under way"')
        self.echo("a")
        out, err = first.communicate(timeout=LONG)
        self.assertEqual((first.returncode, out), (0, "add actor slow to root\n"), err)
        self.node.wait_line("event=reloaded ")
        self.n_done += 1
        self.reload()

    def test_a_caller_that_waits_no_longer(self):
        self.start(capability("a"))
        self.write(capability("a"), actor("slow", {"init": "slow"}))
        result = self.troupe("reload", "-t", "100ms")
        self.assertEqual(result.returncode, 4, result.stderr)
        self.node.wait_line("event=reloaded changes=1")
        self.assertEqual(self.state("slow"), "ready")

    def test_not_while_the_node_drains(self):
        self.start(capability("a"), top={"drain-timeout": "1m"})
        number = self.peer.request("a", "sleep", b"50000")
        self.await_pending("a")
        self.write(capability("a"), actor("x"))
        self.node.kill(signal.SIGTERM)
        self.node.wait_line("event=node_draining")
        self.hang_up('event=reload_refused reason="the node is draining"')
        self.peer.cancel(number)
        self.assertEqual(self.peer.final(number)[0], "cancelled")
        self.assertEqual(self.node.wait(), 0)
        self.assertNotIn("child=x", self.node.text())

    def test_a_stop_ends_a_reload(self):
        self.start(capability("a"))
        self.write(capability("a"), actor("slow", {"init": "slow", "init-ms": "30000"},
                                          shutdown="100ms"), actor("never"))
        self.hang_up("event=reloading change=.add actor never")
        self.node.kill(signal.SIGTERM)
        self.node.wait_line("event=node_stopping")
        self.node.wait()
        self.assertNotIn("event=started child=never", self.node.text())


if __name__ == "__main__":
    unittest.main(verbosity=2)
