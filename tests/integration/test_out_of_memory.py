"""Workers and memory, seen from outside: what is measured, who is killed for want of it, and
which files no machine could serve.

Where a control group can be made here, the kernel really kills one.
"""

import os
import re
import signal
import subprocess
import sys
import time
import unittest

try:
    import msgpack  # noqa: F401  (node_kit needs it)
    import zmq  # noqa: F401
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

from node_kit import run_troupe
from process_kit import IS_SANITIZED, ProcessTest, echo, read, wait_until

HOST = os.environ.get("TROUPE_HOST", "troupe-host")
MODULE = os.path.join(os.environ["TROUPE_MODULE_PATH"].split(":")[0], "echo.so")
WANT = r"the kernel killed it for want of memory \(out of memory\)"
MIB = 1 << 20


def find_group(controller):
    """The folder of this process's own group, and the file of its limit; None: there is none."""
    for line in read("/proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controller == "v1" and "memory" in controllers.split(","):
            return "/sys/fs/cgroup/memory" + path.rstrip("/"), "memory.limit_in_bytes"
        if controller == "v2" and controllers == "":
            return "/sys/fs/cgroup" + path.rstrip("/"), "memory.max"
    return None


class Group:
    """A control group of so many bytes, below our own."""

    def __init__(self, size):
        self.folder = None
        for controller in "v1", "v2":
            found = find_group(controller)
            if found and self._make(*found, size):
                return
        raise unittest.SkipTest("no control group can be made here")

    def _make(self, above, limit, size):
        folder = f"{above}/troupe-test-{os.getpid()}-{time.monotonic_ns()}"
        try:
            os.mkdir(folder)
        except OSError:
            return False
        self.folder = folder
        try:
            with open(f"{folder}/{limit}", "w") as file:
                file.write(str(size))
        except OSError:
            self.remove()
            return False
        for name in "memory.memsw.limit_in_bytes", "memory.swap.max":  # where swap is counted
            try:
                with open(f"{folder}/{name}", "w") as file:
                    file.write(str(size) if "memsw" in name else "0")
            except OSError:
                pass
        return True

    def remove(self):
        """The kernel says for a while that it is busy after the last one in it has died."""
        folder, self.folder = self.folder, None

        def is_gone():
            try:
                os.rmdir(folder)
            except FileNotFoundError:
                return True
            except OSError:
                return False
            return True

        if folder:
            wait_until(is_gone, 20, lambda: f"{folder} has {read(folder + '/cgroup.procs')!r}")

    def enter(self, program):
        """A command that runs `program`, words of a shell, in this group."""
        return ["sh", "-c", f"echo $$ > '{self.folder}/cgroup.procs' && {program}"]


def command(words, **more):
    words = [word.replace("$", "$$") for word in words]  # no variable of the file
    return echo(**{"worker": {"command": words}, **more})


@unittest.skipIf(IS_SANITIZED, "a sanitized program is too large for a small group")
class WantOfMemory(ProcessTest):
    def group(self, mib):
        group = Group(mib * MIB)
        self.addCleanup(group.remove)
        return group

    def test_the_kernel_kills_a_worker(self):
        group = self.group(96)
        node = self.node(command(group.enter(f"exec '{HOST}' --module '{MODULE}'")))
        peer = self.peer(node)
        self.assertEqual(self.ask(peer, "echo", b"well", "echo"), "well")
        outcome, headers, _ = peer.call("echo", "leak", b"512")
        self.assertEqual(outcome, "worker_lost", headers)
        self.assertIn("signal 9", headers["text"])
        self.assertRegex(headers["text"], WANT)
        self.assertEqual(self.ask(peer, "echo", b"again", "echo"), "again")
        self.assert_stops(node)

    def test_the_kernel_kills_what_a_shell_waits_for(self):
        group = self.group(96)
        node = self.node(command(group.enter(f"'{HOST}' --module '{MODULE}'; exit $?")))
        peer = self.peer(node)
        outcome, headers, _ = peer.call("echo", "leak", b"512")
        self.assertEqual(outcome, "worker_lost", headers)
        self.assertRegex(headers["text"], "status 137.*" + WANT)
        self.assert_stops(node)

    def test_a_start_that_finds_too_little(self):
        group = self.group(96)
        node = self.node(command(group.enter(f"exec '{HOST}' --module '{MODULE}' init-leak=512")))
        node.wait_line("signal 9.*" + WANT)
        node.kill(signal.SIGKILL)

    def test_check_knows_the_limit_of_its_group(self):
        group = self.group(96)
        path = os.path.join(self.folder, "node.yaml")
        with open(path, "w") as file:
            file.write("troupe: 1\nsupervisor:\n  children:\n"
                       "    - {capability: a, worker: {module: echo}, memory: 90MiB}\n")
        words = group.enter(f"exec '{os.environ['TROUPE_BIN']}' check '{path}'")
        result = subprocess.run(words, capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, 1, result)
        self.assertIn("one worker needs 90MiB, and the budget is 76.8MiB (80% of the 96MiB that "
                      "its control group allows)", result.stderr)


class Memory(ProcessTest):
    def memory(self, node, capability):
        return [one["memory"] or 0 for one in node.capability(capability)["workers"]]

    def test_what_a_shell_has_started_counts(self):
        words = ["sh", "-c", f"'{HOST}' --module '{MODULE}' init-leak=64 & wait"]
        node = self.node(command(words, health={"interval": "100ms"}))
        wait_until(lambda: self.memory(node, "echo")[0] > 64 * MIB, 30,
                   lambda: f"{self.memory(node, 'echo')} bytes")
        self.assert_stops(node)

    def test_an_init_without_memory_says_so(self):
        file = os.path.join(self.folder, "memory")
        node = self.node(
            echo("threads", isolation="thread",
                 worker={"module": "echo", "args": {"init-no-memory-until": file}}),
            echo("processes", worker={"module": "echo", "args": {"init-no-memory-until": file}}))
        for name in "threads", "processes":
            node.wait_line(f"{name}.*failed: there is no .*, and no memory")
        with open(file, "w"):
            pass
        peer = self.peer(node)
        for name in "threads", "processes":  # until its next try who asks is told to try again
            wait_until(lambda: peer.call(name, "echo", b"well")[0] != "memory_exhausted", 30)
            self.assertEqual(self.ask(peer, "echo", b"well", name), "well")
        self.assert_stops(node)

    def test_check_says_what_full_pools_would_need(self):
        node = self.node(echo("a", n=3, memory="100MiB"), memory={"budget": "1GiB"})
        result = run_troupe("check", node.file)
        self.assertEqual(result.returncode, 0, result)
        lines = result.stdout.splitlines()
        self.assertEqual(len(lines), 2, lines)
        self.assertRegex(lines[0], "^node tested: capabilities 1 with 3 to 3 workers")
        self.assertEqual(lines[1], "memory: 1 capability declares up to 300MiB with all pools "
                                   "full; the budget is 1GiB: all fit")
        self.assert_stops(node)

    def test_what_does_not_fit_is_not_started(self):
        node = self.node(echo("a", n=3, memory="400MiB"), memory={"budget": "1GiB"}, wait=False)
        self.assertEqual(node.wait(), 1)
        self.assertRegex(node.text(), re.escape("need 1200MiB, and the budget is 1GiB"))


if __name__ == "__main__":
    unittest.main()
