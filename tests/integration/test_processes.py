"""Workers in processes of their own, under fire: they crash, exit, stop, take too much, say too
much or nothing, and are not to be got rid of; their node is killed. Each time what was hit is
told why, and nobody else notices.

$TROUPE_IDLE_THREADS and $TROUPE_IDLE_PROCESSES say how many idle workers one node shall have;
$TROUPE_LONG=1 makes it watch them for a minute instead of ten seconds.
"""

import os
import re
import signal
import stat
import sys
import threading
import time
import unittest

try:
    import msgpack  # noqa: F401  (node_kit needs it)
    import zmq  # noqa: F401
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

from node_kit import LONG, Peer, run_troupe
from process_kit import (HERE, IS_LONG, IS_SANITIZED, ODD_PROGRAM, ProcessTest, children_of,
                         cpu_seconds, echo, family_of, is_alive, n_threads, n_zombies, odd,
                         resident_mib, wait_gone, wait_until)

ROGUE = os.path.join(HERE, "rogue_worker.py")
N_IDLE_THREADS = int(os.environ.get("TROUPE_IDLE_THREADS", "1000"))
N_IDLE_PROCESSES = int(os.environ.get("TROUPE_IDLE_PROCESSES", "200"))
IDLE_SECONDS = 60 if IS_LONG else 10
CHAT_MIB = 128 if IS_SANITIZED else 1024
LARGE = 64 << 20


def rogue(how, name="odd", **more):
    return odd(name, worker={"command": [sys.executable, ROGUE, how]}, **more)


class Caller:
    """Calls a capability all the time, from a thread of its own, and keeps what failed."""

    def __init__(self, context, endpoint, capability="steady"):
        self.endpoint, self.capability = endpoint, capability
        self.context = context
        self.n_good, self.failures, self.slowest = 0, [], 0.0
        self.must_stop = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        peer = Peer(self.context, self.endpoint)
        try:
            while not self.must_stop.is_set():
                began = time.monotonic()
                data = b"%d" % self.n_good
                outcome, headers, frames = peer.call(self.capability, "echo", data)
                if outcome != "ok" or frames != [data]:
                    self.failures.append((outcome, headers))
                self.n_good += 1
                self.slowest = max(self.slowest, time.monotonic() - began)
        except Exception as error:
            self.failures.append(error)
        finally:
            peer.close()

    def stop(self):
        self.must_stop.set()
        self.thread.join(LONG)


class Faults(ProcessTest):
    """Whatever `odd` does, `steady` is called all the while, and no request to it fails."""

    def start(self, **more):
        self.serving = self.node(echo("steady", 2), odd(**more))
        self.good = self.peer(self.serving)
        self.caller = Caller(self.context, self.serving.ipc)
        wait_until(lambda: self.caller.n_good > 0 or self.caller.failures)
        return self.serving

    def tearDown(self):
        n_before = self.caller.n_good
        wait_until(lambda: self.caller.n_good > n_before or self.caller.failures)
        self.caller.stop()
        self.assertEqual(self.caller.failures, [])
        steady = self.serving.capability("steady")["workers"]
        self.assertEqual([one["restarts"] for one in steady], [0, 0])
        self.assert_stops(self.serving)

    def assert_replaced(self, node, log, n_restarts=1):
        """The log says why; the tree shows the restart; the replacement serves."""
        node.wait_line(r"event=ended child=odd/1 .*" + log, n_restarts)
        self.assertGreater(int(self.ask(self.good, "pid")), 0)
        workers = node.capability("odd")["workers"]
        self.assertEqual([one["restarts"] for one in workers], [n_restarts])
        tree = run_troupe("tree", "-e", node.ipc).stdout
        shown = re.search(r"odd/1 +process \d+ +\w+ +\d+ +\d+ +(\d+)", tree)
        self.assertEqual(shown and shown[1], str(n_restarts), tree)

    def assert_lost(self, number, *words):
        outcome, headers, _ = self.good.final(number)
        self.assertEqual(outcome, "worker_lost", headers)
        self.assertTrue(headers["retryable"])
        for word in words:
            self.assertIn(word, headers["text"])

    def test_it_is_killed(self):
        node = self.start()
        for n_restarts in range(1, 4):
            number, pid = self.begin(self.good)
            os.kill(pid, signal.SIGKILL)
            self.assert_lost(number, "crashed: signal 9 (Killed)")
            self.assert_replaced(node, r"crashed: signal 9 \(Killed\)", n_restarts)

    def test_it_has_a_segmentation_fault(self):
        node = self.start()
        self.assert_lost(self.good.request("odd", "segv"), "signal 11 (Segmentation fault)")
        self.assert_replaced(node, r"crashed: signal 11 \(Segmentation fault\)")

    def test_it_aborts(self):
        node = self.start(worker={"module": "echo"})
        self.assert_lost(self.good.request("odd", "crash"), "signal 6 (Aborted)")
        node.wait_line(r"event=ended child=odd/1 .*crashed: signal 6 \(Aborted\)")
        self.assertEqual(self.ask(self.good, "echo", b"again"), "again")

    def test_it_exits(self):
        node = self.start(worker={"module": "echo"})
        self.assert_lost(self.good.request("odd", "exit", b"3"), "exited: status 3")
        node.wait_line("event=ended child=odd/1 .*exited: status 3")
        self.assert_lost(self.good.request("odd", "exit", b"0"))
        self.assertEqual(self.ask(self.good, "echo", b"again"), "again")
        self.assertEqual([one["restarts"] for one in node.capability("odd")["workers"]], [2])

    def test_it_is_stopped_while_idle(self):
        node = self.start(health={"interval": "100ms", "misses": 10})
        pid = int(self.ask(self.good, "pid"))
        os.kill(pid, signal.SIGSTOP)
        self.assert_replaced(node, "hung: 10 pings in a row unanswered")
        wait_gone([pid])

    def test_it_is_stopped_with_a_request(self):
        node = self.start(health={"interval": "100ms", "misses": 10, "stall": "1s"})
        number, pid = self.begin(self.good)
        os.kill(pid, signal.SIGSTOP)
        self.assert_lost(number, "hung", "without progress")
        self.assert_replaced(node, "hung: busy without progress")
        wait_gone([pid])

    def test_it_hangs(self):
        node = self.start(health={"interval": "100ms", "misses": 10, "stall": "1s"})
        for n_restarts, method in enumerate(("hang", "deaf"), 1):
            number, pid = self.begin(self.good, method)
            self.assert_lost(number, "hung")
            self.assert_replaced(node, "hung: busy without progress", n_restarts)
            wait_gone([pid])

    @unittest.skipIf(IS_SANITIZED, "a sanitizer's own memory is more than any limit")
    def test_it_wants_more_data_than_it_may_have(self):
        """The kernel refuses it; the worker says so and goes on."""
        node = self.start(worker={"module": "echo", "limits": {"memory": "100MiB"}})
        outcome, headers, _ = self.good.call("odd", "leak", b"200")
        self.assertEqual((outcome, headers["text"]), ("worker_error", "out of memory"))
        self.assertEqual(self.ask(self.good, "leak", b"20"), "20")
        self.assertEqual([one["restarts"] for one in node.capability("odd")["workers"]], [0])

    @unittest.skipIf(IS_SANITIZED, "a sanitizer's own memory is more than any limit")
    def test_it_has_more_memory_than_it_may(self):
        node = self.start(worker={"module": "odd", "limits": {"memory": "100MiB"}},
                          health={"interval": "100ms"})
        number = self.good.request("odd", "hog", b"200")
        self.assert_lost(number, "above its limit of 100 MiB")
        self.assert_replaced(node, r"failed: uses \d+ MiB, above its limit of 100 MiB")

    def test_it_takes_more_processor_time_than_it_may(self):
        node = self.start(worker={"module": "odd", "limits": {"cpu-time": "1s"}},
                          timeout="10m", health={"stall": "5m"})
        self.assert_lost(self.good.request("odd", "spin"), "signal 24 (CPU time limit exceeded)")
        self.assert_replaced(node, r"crashed: signal 24 \(CPU time limit exceeded\)")

    def test_it_does_not_heed_the_end_of_its_processor_time(self):
        node = self.start(worker={"module": "odd", "limits": {"cpu-time": "1s"}},
                          timeout="10m", health={"stall": "5m"})
        self.assert_lost(self.good.request("odd", "insist"), "signal 9 (Killed)")
        self.assert_replaced(node, r"crashed: signal 9 \(Killed\)")

    def test_it_says_one_line_without_an_end(self):
        node = self.start(timeout="10m", health={"stall": "5m"})
        before_mib = resident_mib(node.process.pid)
        self.ask(self.good, "drone", b"%d" % (CHAT_MIB // 8))
        most_mib = resident_mib(node.process.pid, "VmHWM")
        self.assertLess(most_mib - before_mib, 200 if IS_SANITIZED else 30)
        self.assertLess(len(node.text()), 100000)

    def test_it_closes_what_it_could_say_something_by(self):
        node = self.start()
        pid = int(self.ask(self.good, "mute"))
        self.assertEqual(int(self.ask(self.good, "pid")), pid)
        number, _ = self.begin(self.good)
        os.kill(pid, signal.SIGKILL)
        self.assert_lost(number, "crashed: signal 9 (Killed)")
        self.assert_replaced(node, r"crashed: signal 9 \(Killed\)")

    def test_its_child_that_goes_its_own_way_does_not_hold_its_end_up(self):
        """It has the pipes and the connection of the dead still open."""
        node = self.start()
        stray = int(self.ask(self.good, "stray"))
        self.addCleanup(os.kill, stray, signal.SIGKILL)
        number, pid = self.begin(self.good)
        os.kill(pid, signal.SIGKILL)
        self.assert_lost(number, "crashed: signal 9 (Killed)")
        self.assert_replaced(node, r"crashed: signal 9 \(Killed\)")
        self.assertTrue(is_alive(stray))

    def test_it_says_too_much(self):
        node = self.start(timeout="10m", health={"stall": "5m"})
        pid = int(self.ask(self.good, "pid"))
        before_mib = resident_mib(node.process.pid)
        began = time.monotonic()
        n_lines = int(self.ask(self.good, "chat", b"%d" % CHAT_MIB))
        took = time.monotonic() - began
        self.assertEqual(n_lines, CHAT_MIB * 256)
        most_mib = resident_mib(node.process.pid, "VmHWM")
        print(f"{CHAT_MIB} MiB on stdout in {took:.2f} s; the node's memory: {before_mib:.1f} "
              f"MiB before, {most_mib:.1f} MiB at most; its log: {len(node.lines)} lines; "
              f"the slowest call beside it {1000 * self.caller.slowest:.1f} ms")
        self.assertLess(most_mib - before_mib, 200 if IS_SANITIZED else 30)
        n_shown = sum("event=worker_output " in line for line in node.lines)
        self.assertLessEqual(n_shown, 100 * (took + 2))
        node.wait_line("event=worker_output_dropped worker=odd/1 lines=")
        self.assertEqual(int(self.ask(self.good, "pid")), pid)

    def test_its_last_words_are_told(self):
        node = self.start(worker={"command": ["/bin/sh", "-c", "echo the lamp is out >&2; exit 7"]})
        node.wait_line("event=did_not_start child=odd/1 .*exited: status 7: the lamp is out")


class Ends(ProcessTest):
    """What is left when the node goes: nothing."""

    def with_grandchildren(self):
        node = self.node(odd("odd", 2), echo("echo", 2), rogue("deaf", "deaf"))
        peer = self.peer(node)
        grandchildren = [int(self.ask(peer, "fork")) for _ in range(4)]
        family = family_of(node.process.pid)
        self.assertEqual(set(grandchildren) - set(family), set())
        self.assertEqual(len(family), 2 + 2 + 1 + 1 + 4)
        return node, peer, family

    def test_a_killed_node_leaves_no_child_and_no_grandchild(self):
        node, _, family = self.with_grandchildren()
        folder = os.path.join(self.sockets, "troupe-" + node.tree()["boot"])
        self.assertTrue(os.path.isdir(folder))
        took = self.kill_with(node, family)
        self.assertFalse(os.path.exists(folder))  # the guard is of the family
        print(f"{len(family)} processes were gone {1000 * took:.1f} ms after their node")
        self.assertLess(took, 5)

    def kill_with(self, node, family):
        began = time.monotonic()
        node.kill(signal.SIGKILL)
        wait_gone(family, 10)
        return time.monotonic() - began

    def test_a_killed_node_leaves_no_child_that_is_stopped_or_hangs(self):
        node, peer, _ = self.with_grandchildren()
        self.begin(peer, "hang")
        os.kill(self.begin(peer, "deaf")[1], signal.SIGSTOP)
        for pid in self.pids(node, "echo"):
            os.kill(pid, signal.SIGSTOP)
        family = family_of(node.process.pid)
        self.assertLess(self.kill_with(node, family), 1)

    def test_a_worker_takes_its_children_with_it(self):
        node = self.node(odd())
        peer = self.peer(node)
        for how in signal.SIGKILL, signal.SIGTERM:
            grandchild = int(self.ask(peer, "fork"))
            os.kill(int(self.ask(peer, "pid")), how)
            wait_gone([grandchild])
        grandchild = int(self.ask(peer, "fork"))
        self.assert_stops(node)
        self.assertFalse(is_alive(grandchild))

    def stopping(self, *children, **top):
        return self.node(*children, **{"drain-timeout": "200ms", **top})

    def test_it_stops_with_busy_workers(self):
        node = self.stopping(odd(n=2, shutdown="2s"))
        peer = self.peer(node)
        numbers = [self.begin(peer)[0] for _ in range(2)]
        self.assert_stops(node, 0.2 + 2 + 3)
        for number in numbers:
            self.assertIn(peer.final(number)[0], ("shutting_down", "worker_lost", "cancelled"))

    def test_it_stops_with_hung_workers(self):
        node = self.stopping(odd(n=2, shutdown="500ms"))
        peer = self.peer(node)
        numbers = [self.begin(peer, "hang")[0], self.begin(peer, "deaf")[0]]
        took = self.assert_stops(node, 0.2 + 0.5 + 3)
        self.assertGreater(took, 0.2)
        for number in numbers:
            self.assertIn(peer.final(number)[0], ("shutting_down", "worker_lost"))

    def test_it_stops_with_stopped_workers(self):
        node = self.stopping(odd(n=2, shutdown="500ms"), echo(n=2, shutdown="500ms"))
        peer = self.peer(node)
        for pid in self.begin(peer)[1], *self.pids(node, "echo"):
            os.kill(pid, signal.SIGSTOP)
        self.assert_stops(node, 0.2 + 2 * 0.5 + 3)

    def test_it_stops_with_workers_that_do_not_listen(self):
        node = self.stopping(rogue("deaf", n=2, shutdown="500ms"))
        self.assertEqual(self.ask(self.peer(node), "any", b"x"), "x")
        self.assert_stops(node, 0.5 + 3)

    def test_it_stops_at_once_when_it_does_not_ask(self):
        node = self.stopping(rogue("deaf", n=2, shutdown="0"), odd("hung", n=2, shutdown="0"))
        peer = self.peer(node)
        self.begin(peer, "hang", "hung")
        self.assert_stops(node, 0.2 + 3)

    def test_it_stops_while_workers_start(self):
        node = self.stopping(echo("ok"), odd("silent", worker={
            "command": [sys.executable, ROGUE, "silent"]}, shutdown="500ms"), wait=False)
        node.wait_line("event=process_started worker=silent/1")
        self.assert_stops(node, 0.5 + 3)

    def test_the_second_signal_does_not_wait_for_requests(self):
        node = self.node(odd(n=2, shutdown="500ms"), **{"drain-timeout": "1h"})
        self.begin(self.peer(node), "hang")
        node.kill()
        node.wait_line("event=node_draining")
        self.assert_stops(node, 0.5 + 3)


class Starts(ProcessTest):
    """A worker that does not come up: callers are told why, and others serve."""

    def assert_cannot_start(self, child, *words, stall="30s"):
        child.update({"intensity": {"restarts": 1, "period": "1h"}, "start-stall": stall,
                      "backoff": {"min": "1ms", "max": "1h"}, "shutdown": "500ms"})
        node = self.node(child, echo())
        peer = self.peer(node)
        outcome, headers, _ = peer.call("odd", "any", b"x")
        has_stalled = any("no progress" in word for word in words)
        self.assertEqual(outcome, "spawn_timeout" if has_stalled else "spawn_failed", headers)
        self.assertTrue(headers["retryable"])
        self.assertEqual(self.ask(peer, "echo", b"x", "echo"), "x")
        node.wait_line("event=pool_unavailable capability=odd")
        reason = node.capability("odd")["reason"]
        for word in words:
            self.assertIn(word, headers["text"])
            self.assertIn(word, reason)
        wait_until(lambda: len(children_of(node.process.pid)) == 2 and  # echo's, and the guard
                   n_zombies(node.process.pid) == 0)
        self.assert_stops(node)
        return headers["text"]

    def command(self, *words):
        return odd(worker={"command": list(words)})

    def test_a_program_that_does_not_exist(self):
        self.assert_cannot_start(self.command("/nowhere/worker"),
                                 "cannot run /nowhere/worker: No such file or directory")

    def test_a_program_that_cannot_be_executed(self):
        path = os.path.join(self.folder, "worker")
        with open(path, "w") as file:
            file.write("#!/bin/sh\n")
        self.assert_cannot_start(self.command(path), f"cannot run {path}: Permission denied")
        os.chmod(path, stat.S_IRWXU)
        with open(path, "wb") as file:
            file.write(b"\x7fELF, or so it says")
        self.assert_cannot_start(self.command(path), "odd/1")

    def test_a_folder_that_does_not_exist(self):
        child = self.command("/bin/true")
        child["worker"]["directory"] = "/nowhere/at/all"
        self.assert_cannot_start(child, "/nowhere/at/all: No such file or directory")

    def test_a_program_that_exits_at_once(self):
        self.assert_cannot_start(rogue("exits"), "exited: status 3", "I have no mind to work")
        self.assert_cannot_start(self.command("/bin/true"), "odd/1")

    def test_a_program_that_says_nothing(self):
        self.assert_cannot_start(rogue("silent"), "no progress in its start for 500 ms",
                                 stall="500ms")

    def test_a_program_that_says_nonsense(self):
        self.assert_cannot_start(rogue("nonsense"), "it sent what is no TRP/1")

    def test_a_program_that_speaks_another_protocol(self):
        self.assert_cannot_start(rogue("no zmtp"), "no progress in its start",
                                 stall="500ms")

    def test_a_program_that_says_nonsense_before_it_is_known(self):
        self.assert_cannot_start(rogue("nonsense before hello"), "no progress in its start",
                                 stall="500ms")

    def test_a_program_with_a_wrong_token(self):
        self.assert_cannot_start(rogue("wrong token"), "no progress in its start",
                                 stall="500ms")

    def test_a_program_that_dies_before_it_is_ready(self):
        self.assert_cannot_start(rogue("dies before ready"), "crashed: signal 9 (Killed)")

    def test_a_program_that_says_why_it_cannot(self):
        self.assert_cannot_start(rogue("says why"), "no lamp is there")

    def test_a_limit_that_leaves_no_room_to_start(self):
        child = odd(worker={"module": "echo", "limits": {"memory": "1MiB"}})
        self.assert_cannot_start(child, "odd/1")

    def test_a_program_that_connects_twice(self):
        """The second connection is a stranger's, whatever it shows."""
        node = self.node(rogue("twice", health={"interval": "100ms"}))
        peer = self.peer(node)
        for number in range(10):
            self.assertEqual(self.ask(peer, "any", b"%d" % number), str(number))
        node.wait_line("event=worker_stranger worker=odd/1")
        self.assertEqual(self.ask(peer, "any", b"x"), "x")
        self.assertEqual([one["restarts"] for one in node.capability("odd")["workers"]], [0])
        self.assert_stops(node)


class Surroundings(ProcessTest):
    def look(self, **worker):
        node = self.node(odd(worker={"module": "odd", **worker}))
        seen = {}
        for line in self.ask(self.peer(node), "look").splitlines():
            key, _, value = line.partition(" ")
            seen.setdefault(key, []).append(value)
        self.assert_stops(node)
        return seen

    def test_env_directory_and_limits(self):
        folder = os.path.realpath(self.folder)
        seen = self.look(env={"LAMP": "green", "PATH": "/bin", "EMPTY": ""}, directory=folder,
                         limits={"open-files": 200, "nice": 7, "cpus": "0"})
        self.assertEqual(seen["directory"], [folder])
        env = dict(one.split("=", 1) for one in seen["env"])
        self.assertEqual((env["LAMP"], env["PATH"]), ("green", "/bin"))
        self.assertEqual(env["TROUPE_WORKER_NAME"], "odd/1")
        self.assertEqual(env["TROUPE_WORKER_CAPABILITY"], "odd")
        self.assertEqual(len({one.split("=", 1)[0] for one in seen["env"]}), len(seen["env"]))
        self.assertEqual(seen["open-files"], ["200 200"])
        self.assertEqual(seen["nice"], ["7"])
        self.assertEqual(seen["cpu"], ["0"])

    def test_what_is_not_said_is_the_nodes(self):
        seen = self.look()
        self.assertEqual(seen["directory"], [os.getcwd()])
        self.assertEqual(seen["nice"], [str(os.getpriority(os.PRIO_PROCESS, 0))])
        self.assertEqual(sorted(int(one) for one in seen["cpu"]), sorted(os.sched_getaffinity(0)))
        self.assertEqual(seen["group"], ["1"])

    def test_no_descriptor_is_inherited_and_stdin_is_empty(self):
        leaked = os.open(os.devnull, os.O_RDONLY)
        os.set_inheritable(leaked, True)
        self.addCleanup(os.close, leaked)
        node = self.node(odd(worker={"command": [
            "/bin/sh", "-c", "ls -l /proc/self/fd | sed 's/^.* \\([0-9]* ->\\)/fd \\1/' >&2; "
                             "wc -c >&2; echo all >&2; exit 1"]}), wait=False)
        node.wait_line("text=all")
        fds = [line.partition("fd ")[2].rstrip('"') for line in node.lines if "fd " in line]
        fds = [one for one in fds if "/proc/" not in one]  # the one ls looks with
        self.assertEqual([one.split(" -> ")[0] for one in fds], ["0", "1", "2"], node.text())
        self.assertEqual(fds[0], "0 -> /dev/null")
        self.assertTrue(fds[1].startswith("1 -> pipe:"))
        self.assertTrue(fds[2].startswith("2 -> pipe:"))
        node.wait_line("text=0$")

    def test_a_host_has_only_what_it_opened_itself(self):
        seen = self.look()
        self.assertEqual(seen["stdin"], ["0"])
        fds = dict(one.split(" ", 1) for one in seen["fd"])
        self.assertEqual(fds["0"], "/dev/null")
        for number, target in fds.items():
            self.assertRegex(target, r"^(/dev/null|pipe:|socket:|anon_inode:)", number)
        self.assertLess(len(fds), 30)


class Payloads(ProcessTest):
    def test_large_payloads(self):
        node = self.node(echo(), odd(worker={"command": [ODD_PROGRAM]}))
        peer = self.peer(node)
        data = os.urandom(1 << 20) * (LARGE >> 20)
        for _ in range(3):
            outcome, headers, frames = peer.call("echo", "echo", data)
            self.assertEqual(outcome, "ok", headers)
            self.assertTrue(frames == [data])
        self.assertGreater(int(self.ask(peer, "pid")), 0)
        self.assert_stops(node)

    def test_streams_of_parts(self):
        node = self.node(echo())
        peer = self.peer(node)
        number = peer.request("echo", "parts", b"5000 1000")
        self.assertEqual(peer.final(number)[0], "ok")
        parts = [one for one in peer.kept if one[0] == "part"]
        self.assertEqual([one[2]["sequence"] for one in parts], list(range(5000)))
        for i, part in enumerate(parts):
            self.assertEqual(part[3], [bytes([97 + i % 26]) * 1000])
        peer.kept.clear()
        number = peer.request("echo", "parts", b"16 %d" % (4 << 20))
        self.assertEqual(peer.final(number)[0], "ok")
        self.assertEqual(sum(len(one[3][0]) for one in peer.kept), 64 << 20)
        self.assert_stops(node)

    def test_a_cancel_reaches_the_handler(self):
        node = self.node(odd())
        peer = self.peer(node)
        number, pid = self.begin(peer)
        peer.cancel(number)
        self.assertEqual(peer.final(number)[0], "cancelled")
        node.wait_line("event=worker_output worker=odd/1 .*the handler saw the cancel")
        self.assertEqual(int(self.ask(peer, "pid")), pid)
        self.assert_stops(node)

    def test_a_deadline(self):
        node = self.node(odd())
        peer = self.peer(node)
        number = peer.request("odd", "begin", timeout=300)
        pid = int(peer.take("part", number)[3][0])
        self.assertEqual(peer.final(number)[0], "timeout")
        node.wait_line("event=worker_output worker=odd/1 .*the handler saw the cancel")
        self.assertEqual(int(self.ask(peer, "pid")), pid)
        self.assert_stops(node)

    def test_a_caller_that_leaves_frees_the_worker(self):
        node = self.node(odd())
        leaver = self.peer(node)
        _, pid = self.begin(leaver)
        leaver.send("bye")
        self.assertEqual(int(self.ask(self.peer(node), "pid")), pid)
        self.assert_stops(node)

    def test_four_at_a_time_with_a_foreign_worker(self):
        node = self.node(rogue("four", workers={"min": 1, "max": 1, "concurrency": 4}))
        peer = self.peer(node)
        for _ in range(50):
            numbers = [peer.request("odd", "any", b"%d" % i) for i in range(4)]
            for i, number in reversed(list(enumerate(numbers))):
                outcome, headers, frames = peer.final(number)
                self.assertEqual((outcome, frames), ("ok", [b"%d" % i]), headers)
                self.assertEqual(peer.take("part", number)[3], [b"of four"])
        kept = [peer.request("odd", "any", b"%d" % i) for i in range(3)]
        wait_until(lambda: node.capability("odd")["pending"] == 3)
        peer.cancel(kept[1])
        self.assertEqual(peer.final(kept[1])[0], "cancelled")
        others = [peer.request("odd", "any", b"%d" % i) for i in range(2)]
        for number in kept[0], kept[2], *others:
            self.assertEqual(peer.final(number)[0], "ok")
        self.assertTrue(peer.is_quiet() or all(one[0] == "part" for one in peer.kept))
        self.assert_stops(node)


class Crowd(ProcessTest):
    def test_many_idle_workers(self):
        """They start, answer pings, cost little, and leave nothing."""
        began = time.monotonic()
        node = self.node({"capability": "threads", "worker": {"module": "echo"},
                          "workers": {"min": N_IDLE_THREADS, "max": N_IDLE_THREADS}},
                         echo("processes", N_IDLE_PROCESSES))
        started = time.monotonic() - began
        pid = node.process.pid
        hosts = [one["pid"] for one in node.capability("processes")["workers"]]
        self.assertEqual(len(set(hosts)), N_IDLE_PROCESSES)
        before = cpu_seconds(pid), sum(cpu_seconds(host) for host in hosts), time.monotonic()
        self.assertIsNone(self.line_within(node, "hung|event=ended", IDLE_SECONDS), node.text())
        seconds = time.monotonic() - before[2]
        node_percent = 100 * (cpu_seconds(pid) - before[0]) / seconds
        host_percent = 100 * (sum(cpu_seconds(host) for host in hosts) - before[1]) / seconds
        print(f"{N_IDLE_THREADS} threads and {N_IDLE_PROCESSES} processes: up in {started:.1f} s;"
              f" idle for {seconds:.0f} s: node {node_percent:.2f} % of one core, its children "
              f"{host_percent:.2f} %; node {resident_mib(pid):.0f} MiB, {n_threads(pid)} threads")
        capability = node.capability("processes")
        self.assertEqual({one["restarts"] for one in capability["workers"]}, {0})
        peer = self.peer(node)
        for name in "threads", "processes":
            self.assertEqual(self.ask(peer, "echo", b"x", name), "x")
        took = self.assert_stops(node, 60)
        print(f"all gone after {took:.1f} s")

    def line_within(self, node, pattern, seconds):
        """The first such line of the log that comes in that time, or None."""
        n_seen = len(node.lines)
        with node.changed:
            node.changed.wait_for(
                lambda: any(re.search(pattern, line) for line in node.lines[n_seen:]), seconds)
        return next((line for line in node.lines[n_seen:] if re.search(pattern, line)), None)


if __name__ == "__main__":
    unittest.main(verbosity=2)
