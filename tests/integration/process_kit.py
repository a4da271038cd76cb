"""What the kernel says about a node and its children, for tests that look from outside.

The node gets a folder for its sockets, so that what it leaves there can be seen. Whatever is
waited for is looked at again and again, with a bound: the kernel sends no word when somebody
else's child is gone.
"""

import os
import resource
import shutil
import tempfile
import time
import unittest

import zmq

from node_kit import LONG, Node, Peer

HERE = os.path.dirname(os.path.abspath(__file__))
ODD_PROGRAM = os.environ.get("TROUPE_ODD_WORKER", "odd_worker")
IS_SANITIZED = os.environ.get("TROUPE_SANITIZED", "") == "1"
IS_LONG = os.environ.get("TROUPE_LONG", "") == "1"
TICKS = os.sysconf("SC_CLK_TCK")
LOOK_AGAIN = 0.002  # seconds


def read(path):
    """The text, or "" when the process is gone."""
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return ""


def stat_of(pid):
    """The fields of /proc/PID/stat from the state on; [] when it is gone."""
    return read(f"/proc/{pid}/stat").rpartition(")")[2].split()


def is_there(pid):
    """A zombie is there: somebody has to reap it."""
    return os.path.exists(f"/proc/{pid}")


def is_alive(pid):
    return stat_of(pid)[:1] not in ([], ["Z"], ["X"])


def children_of(pid):
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    texts = (read(f"/proc/{pid}/task/{thread}/children") for thread in threads)
    return [int(word) for text in texts for word in text.split()]


def family_of(pid):
    """Children and theirs."""
    family = children_of(pid)
    for child in family:  # grows meanwhile
        family.extend(children_of(child))
    return family


def n_descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def n_threads(pid):
    return len(os.listdir(f"/proc/{pid}/task"))


def n_zombies(pid):
    return sum(stat_of(child)[:1] == ["Z"] for child in children_of(pid))


def resident_mib(pid, field="VmRSS"):
    for line in read(f"/proc/{pid}/status").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 1024
    return 0.0


def cpu_seconds(pid):
    """Of its threads that live, without children; by the nanosecond where the kernel can."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return 0.0
    times = [read(f"/proc/{pid}/task/{thread}/schedstat").split()[:1] for thread in threads]
    if any(times):
        return sum(int(one[0]) for one in times if one) / 1e9
    fields = stat_of(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS if fields else 0.0


def wait_until(condition, seconds=LONG, why="it did not come true"):
    """Look until it is true; returns what it was, or fails."""
    until = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > until:
            raise AssertionError(why() if callable(why) else why)
        time.sleep(LOOK_AGAIN)
    return result


def wait_gone(pids, seconds=LONG):
    """How long it took until none of them was alive."""
    began = time.monotonic()
    wait_until(lambda: not any(is_alive(pid) for pid in pids), seconds,
               lambda: "still there: " + ", ".join(
                   f"{pid} {read(f'/proc/{pid}/cmdline')!r}" for pid in pids if is_alive(pid)))
    return time.monotonic() - began


def odd(name="odd", n=1, **more):
    """A capability of the worker that misbehaves, each worker in a process."""
    child = {"capability": name, "worker": {"module": "odd"}, "isolation": "process",
             "workers": {"min": n, "max": n}, "backoff": {"min": "1ms", "max": "1ms"},
             "intensity": {"restarts": 1000000, "period": "1h"}}
    child.update(more)
    return child


def echo(name="echo", n=1, **more):
    return odd(name, n, **{"worker": {"module": "echo"}, **more})


class ProcessTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="troupe-fire-")
        self.context = zmq.Context()
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.addCleanup(self.context.destroy, 0)

    def node(self, *children, supervisor=None, wait=True, **top):
        folder = tempfile.mkdtemp(dir=self.folder)
        self.sockets = os.path.join(folder, "run")
        os.mkdir(self.sockets, 0o700)
        before = os.environ.get("XDG_RUNTIME_DIR")
        os.environ["XDG_RUNTIME_DIR"] = self.sockets
        try:
            node = Node({"children": list(children), **(supervisor or {})}, folder=folder, **top)
            self.addCleanup(node.end)
            return node.start(wait)
        finally:
            if before is None:
                del os.environ["XDG_RUNTIME_DIR"]
            else:
                os.environ["XDG_RUNTIME_DIR"] = before

    def peer(self, node, **options):
        peer = Peer(self.context, node.ipc, **options)
        self.addCleanup(peer.close)
        return peer

    def begin(self, peer, method="begin", capability="odd", data=b""):
        """A request whose handler runs: its number and the process it runs in."""
        number = peer.request(capability, method, data)
        part = peer.take("part", number)
        return number, int(part[3][0])

    def ask(self, peer, method, data=b"", capability="odd"):
        outcome, headers, frames = peer.call(capability, method, data)
        self.assertEqual(outcome, "ok", headers)
        return frames[0].decode()

    def pids(self, node, capability):
        return [one["pid"] for one in node.capability(capability)["workers"]]

    def assert_stops(self, node, seconds=20):
        """The node ends well, in time, and leaves neither a process nor a file."""
        family = family_of(node.process.pid)
        began = time.monotonic()
        node.kill()
        self.assertEqual(node.wait(), 0, node.text()[-5000:])
        self.assertNotRegex(node.text(), "Sanitizer|runtime error:")  # its own, and its workers'
        took = time.monotonic() - began
        self.assertLess(took, seconds)
        wait_gone(family, 5)
        self.assertEqual([os.path.join(root, name) for root, folders, files
                          in os.walk(self.sockets) for name in folders + files], [])
        return took


def raise_limits():
    """As many descriptors as we may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
