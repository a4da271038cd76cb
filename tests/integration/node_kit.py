"""A real node and a bare peer, for tests that look at the node from outside.

The node is `troupe run` in a process of its own, in a folder and on ports of its own, so that
tests may run side by side. Nothing sleeps: whoever waits, waits for a line of the log, a frame
or the end of the process, and each of these has a bound. Processes end by the ids started here.
"""

import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

import msgpack
import zmq

TROUPE = os.environ["TROUPE_BIN"]
LONG = 60  # seconds; only what hangs takes so long
MAGIC = "TRP1"


GIVEN = set()  # ports of this program that are not listened on yet, perhaps


def free_port():
    """One that nobody listens on, another one each time. The system gives connections theirs from 32768 up: such a port
    could be taken by any of other tests before the node has it."""
    while True:
        port = random.SystemRandom().randrange(10000, 32768)
        if port in GIVEN:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                GIVEN.add(port)
                return port
            except OSError:
                pass  # somebody has it


def run_troupe(*words, **options):
    return subprocess.run([TROUPE, *words], capture_output=True, text=True, timeout=LONG,
                          stdin=subprocess.DEVNULL, **options)


class Node:
    """`tree` is the value of `supervisor`, as Python's own; JSON is YAML too."""

    def __init__(self, tree, folder=None, limits=None, limits_of_all=None, **top):
        self.folder = folder or tempfile.mkdtemp(prefix="troupe-node-")
        self.owns_folder = folder is None
        self.ipc = f"ipc://{self.folder}/n.sock"
        self.port = free_port()
        self.tcp = f"tcp://127.0.0.1:{self.port}"
        self.file = os.path.join(self.folder, "node.yaml")
        listeners = [{"endpoint": endpoint, "limits": limits} if limits else endpoint
                     for endpoint in (self.ipc, self.tcp)]
        self.config = {"troupe": 1, "node": "tested", "listen": listeners,
                       "drain-timeout": "5s", "supervisor": tree}
        self.config.update(top)
        if limits_of_all:
            self.config["limits"] = limits_of_all
        self.write()
        self.process = None

    def write(self):
        """The file, as `config` is now."""
        with open(self.file, "w") as file:
            json.dump(self.config, file)

    def run(self, *words):
        """A command of the operator."""
        return run_troupe(*words, "-e", self.ipc)

    def start(self, wait=True):
        self.lines = []
        self.changed = threading.Condition()
        self.is_silent = False
        self.process = subprocess.Popen([TROUPE, "run", self.file], text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE)
        self.reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self.reader.start()
        if wait:
            self.wait_line("event=node_ready")
        return self

    def _read(self, process):
        for line in process.stderr:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()
        process.stderr.close()
        with self.changed:
            self.is_silent = True
            self.changed.notify_all()

    def wait_line(self, pattern, count=1):
        """Wait until `count` lines of the log match; returns the last of them."""
        expression = re.compile(pattern)
        found = []

        def is_there():
            found[:] = [line for line in self.lines if expression.search(line)]
            return len(found) >= count or self.is_silent

        with self.changed:
            self.changed.wait_for(is_there, LONG)
        if len(found) < count:
            raise AssertionError(f"no line {pattern!r} in:\n" + "\n".join(self.lines))
        return found[count - 1]

    def kill(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self):
        """The exit status, and all the log is there."""
        code = self.process.wait(LONG)
        self.reader.join(LONG)
        return code

    def text(self):
        return "\n".join(self.lines)

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.wait()
        if self.owns_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def tree(self):
        result = run_troupe("tree", "--json", "-e", self.ipc)
        if result.returncode != 0:
            raise AssertionError(f"{result.returncode}: {result.stderr}\n{self.text()}")
        return json.loads(result.stdout)

    def capability(self, name):
        return next(one for one in self.tree()["capabilities"] if one["name"] == name)


class Peer:
    """A DEALER that speaks TRP/1, and may speak nonsense just as well."""

    def __init__(self, context, endpoint, greets=True, answers_pings=True, bundle=0, prepare=None):
        self.socket = context.socket(zmq.DEALER)
        self.socket.linger = 0
        if prepare:
            prepare(self.socket)
        self.socket.reconnect_ivl = 20
        self.socket.reconnect_ivl_max = 100
        self.socket.connect(endpoint)
        self.last = 0
        self.kept = []
        self.bundled = []
        self.n_bundles = 0
        self.bundle = bundle
        self.answers_pings = answers_pings
        if greets:
            self.hello = self.greet()

    def close(self):
        self.socket.close(0)

    def raw(self, *frames):
        self.socket.send_multipart(list(frames))

    def send(self, command, number=0, headers=None, *frames):
        self.raw(msgpack.packb([MAGIC, command, number, headers or {}]), *frames)

    def greet(self):
        self.send("hello", 0, {"version-min": 1, "version-max": 1, "heartbeat": 0,
                               **({"bundle": self.bundle} if self.bundle else {})})
        return self.take("hello")[2]

    def send_bundle(self, *items):
        """Each item is (command, id, headers, frames...), or bytes that stand for themselves."""
        self.raw(msgpack.packb([MAGIC, "bundle", 0, {}]), b"".join(
            item if isinstance(item, bytes) else
            msgpack.packb(msgpack.packb([MAGIC, *item[:3]])) + msgpack.packb(item[3:])
            for item in items))

    def take_frames(self, left_ms):
        """The frames of the next message, or of the next command of a bundle; None in time."""
        if not self.bundled:
            if not self.socket.poll(left_ms):
                return None
            frames = self.socket.recv_multipart()
            if msgpack.unpackb(frames[0])[1] != "bundle":
                return frames
            assert len(frames) == 2 and len(frames[1]) <= self.bundle
            self.n_bundles += 1
            unpacker = msgpack.Unpacker()
            unpacker.feed(frames[1])
            items = list(unpacker)
            self.bundled = [[head, *rest] for head, rest in zip(items[::2], items[1::2])]
        return self.bundled.pop(0)

    def request(self, capability, method="echo", data=b"", number=None, **headers):
        self.last = number or self.last + 1
        self.send("request", self.last,
                  {"capability": capability, "method": method, **headers}, data)
        return self.last

    def cancel(self, number):
        self.send("cancel", number)

    def receive(self, seconds=LONG):
        """The next command that is no ping: (command, id, headers, frames); None in time."""
        until = time.monotonic() + seconds
        while True:
            left_ms = max(0, int((until - time.monotonic()) * 1000))
            message = self.take_frames(left_ms)
            if not message:
                return None
            header, *frames = message
            magic, command, number, headers = msgpack.unpackb(header)
            assert magic == MAGIC
            if command != "ping":
                return command, number, headers, frames
            if self.answers_pings:
                self.send("pong", number)

    def take(self, command, number=None):
        """The next `command`, about `number` if that is given; others are kept."""
        def fits(one):
            return one[0] == command and number in (None, one[1])

        for one in self.kept:
            if fits(one):
                self.kept.remove(one)
                return one
        while True:
            one = self.receive()
            if not one:
                raise AssertionError(f"no {command} {number}, but {self.kept}")
            if fits(one):
                return one
            self.kept.append(one)

    def final(self, number):
        """How request `number` ended: (outcome, headers, frames)."""
        def fits(one):
            return one[0] in ("reply", "error") and one[1] == number

        one = next((one for one in self.kept if fits(one)), None)
        if one:
            self.kept.remove(one)
        while not one:
            one = self.receive()
            if not one:
                raise AssertionError(f"request {number} was not answered; kept {self.kept}")
            if not fits(one):
                self.kept.append(one)
                one = None
        return ("ok" if one[0] == "reply" else one[2]["code"]), one[2], one[3]

    def call(self, *words, **headers):
        return self.final(self.request(*words, **headers))

    def is_quiet(self):
        """Whether nothing more came before the answer to a question asked now."""
        self.send("ping", 0)
        self.take("pong")
        return self.kept == []
