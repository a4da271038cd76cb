"""What the tests share: where the package is, a node to talk to, and the bounds of waiting."""

import os
import subprocess
import sys
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PACKAGE = os.path.join(ROOT, "python")
sys.path[:0] = [PACKAGE, os.path.join(ROOT, "tests", "integration")]

try:
    import msgpack  # noqa: F401
    import zmq  # noqa: F401
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

LONG = 60  # seconds; only what hangs takes so long
WORKER = os.path.join(HERE, "served.py")
ECHO = {"capability": "echo", "worker": {"module": "echo"}, "workers": {"min": 1, "max": 1},
        "queue": {"limit": 1000}}


def until(is_so, what="it"):
    """Wait until it is so; that it never gets so is a failure."""
    ends_at = time.monotonic() + LONG
    while not is_so():
        if time.monotonic() >= ends_at:
            raise AssertionError(f"{what} did not come about")
        time.sleep(0.005)


class NodeCase(unittest.TestCase):
    """A case with a node of its own."""

    def node(self, *children, start=True, **top):
        from node_kit import Node
        node = Node({"children": list(children)}, **top)
        self.addCleanup(node.end)
        return node.start() if start else node

    def process_worker(self, name, *words, **more):
        """A child that is served.py, started by the node."""
        return {"capability": name, "isolation": "process", "workers": {"min": 1, "max": 1},
                "worker": {"command": [sys.executable, WORKER, *words]}, **more}


class Program:
    """served.py as anybody starts it, with what it says."""

    def __init__(self, case, *words, **environment):
        self.lines = []
        self.changed = threading.Condition()
        self.is_over = False
        self.process = subprocess.Popen(
            [sys.executable, "-u", WORKER, *words], stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL,
            env={**os.environ, **environment})
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        case.addCleanup(self.end)

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.is_over = True
            self.changed.notify_all()

    def wait_line(self, text, count=1):
        def is_there():
            return self.is_over or sum(text in line for line in self.lines) >= count

        with self.changed:
            self.changed.wait_for(is_there, LONG)
        if sum(text in line for line in self.lines) < count:
            raise AssertionError(f"no line {text!r} in {self.lines}")

    def wait(self):
        status = self.process.wait(LONG)
        self.reader.join(LONG)
        return status

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.wait()
        self.process.stdout.close()
