"""A node made of one ROUTER socket, for tests of those who speak to nodes.

It answers greetings and pings as docs/protocol.md says and hands every request and monitor to a
function of the test. What the function does decides how the story goes: it may answer, answer wrongly,
or not at all. Everything runs on one thread of its own; the test hears of what happened
through a queue, and never has to sleep.
"""

import itertools
import queue
import threading

import msgpack
import zmq

MAGIC = "TRP1"
NUMBERS = itertools.count()


class FakeNode:
    def __init__(self, endpoint, on_request, name="studio", boot="boot-1", hello=None):
        self.endpoint = endpoint
        self.on_request = on_request
        self.hello = hello or {"version-min": 1, "version-max": 1, "node": name, "boot": boot}
        self.seen = queue.Queue()  # (command, id, headers, frames) in the order they came
        self.context = zmq.Context.instance()
        self.control = self.context.socket(zmq.PAIR)
        port = f"inproc://control-{next(NUMBERS)}"
        self.control.linger = 0
        self.control.bind(port)
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.linger = 0
        self.socket.bind(endpoint)
        self.thread = threading.Thread(target=self._serve, args=(port,), daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Leave without a word, as a process that was killed."""
        if self.thread:
            try:
                self.control.send(b"end", zmq.DONTWAIT)
            except zmq.Again:
                pass  # it has left by itself
            self.thread.join()
            self.control.close()
            self.thread = None

    def wait_for(self, command, timeout=20):
        """The next command of that name; what comes before it is dropped."""
        while True:
            seen = self.seen.get(timeout=timeout)
            if seen[0] == command:
                return seen

    # What a test's function calls, on the node's thread.

    def send(self, peer, command, number, headers=None, frames=()):
        head = msgpack.packb([MAGIC, command, number, headers or {}])
        self.socket.send_multipart([peer, head, *frames])

    def reply(self, peer, number, *frames):
        self.send(peer, "reply", number, {}, frames)

    def part(self, peer, number, sequence, *frames):
        self.send(peer, "part", number, {"sequence": sequence}, frames)

    def error(self, peer, number, code, text, **more):
        headers = {"code": code, "text": text, "retryable": False}
        headers.update(more)
        self.send(peer, "error", number, headers)

    # The thread.

    def _serve(self, port):
        control = self.context.socket(zmq.PAIR)
        control.connect(port)
        poller = zmq.Poller()
        poller.register(control, zmq.POLLIN)
        poller.register(self.socket, zmq.POLLIN)
        self.is_gone = False
        while not self.is_gone:
            ready = dict(poller.poll())
            if control in ready:
                break
            self._take(self.socket.recv_multipart())
        self.socket.close()
        control.close()

    def _take(self, message):
        peer, head, *frames = message
        _magic, command, number, headers = msgpack.unpackb(head)
        self.seen.put((command, number, headers, frames))
        if command == "hello":
            self.send(peer, "hello", number, self.hello)
        elif command == "ping":
            self.send(peer, "pong", number)
        elif command in ("request", "monitor"):
            self.on_request(self, peer, number, headers, frames)

    def leave(self):
        """End after the present request, from the function that serves it."""
        self.is_gone = True
