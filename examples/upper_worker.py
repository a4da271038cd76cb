#!/usr/bin/env python3
"""A worker of a Troupe node, written from docs/protocol.md ("Workers") alone.

A node starts it as a process of its own; without one it does nothing:

    worker: {command: [examples/upper_worker.py]}

It replies to whatever is asked with the same frames in upper case, as far as they are UTF-8. A
thread does the work, so that the main one can answer pings, cancel and stop meanwhile. Only the
main thread touches the node's socket; the two pass each other what they have through queues.
"""

import os
import queue
import signal
import sys
import threading
import time

import msgpack
import zmq

CONNECT_SECONDS = 2


class BadRequest(Exception):
    """The caller asked for something that cannot be done."""


def to_upper(frames):
    """What this worker is for. Takes and returns the frames of a payload."""
    try:
        return [frame.decode().upper().encode() for frame in frames]
    except UnicodeDecodeError as error:
        raise BadRequest(f"the text is no UTF-8: {error.reason}") from error


class Worker:
    def __init__(self, handle, endpoint, token):
        self.handle = handle
        self.jobs = queue.SimpleQueue()  # (id, deadline, frames); None: end
        self.results = queue.SimpleQueue()  # messages for the node; None: that was all
        self.open = set()  # ids that have had no final yet
        self.cancelled = set()  # those of them that nobody waits for any more
        self.running = None  # (id, since), written by the handler's thread
        self.done = 0
        self.node = zmq.Context.instance().socket(zmq.DEALER)
        self.node.linger = 1000  # what was said must leave before the process ends
        self.node.reconnect_ivl = -1  # a node that was lost has given this worker up
        self.monitor = self.node.get_monitor_socket(
            zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED
        )
        self.node.connect(endpoint)
        self.bell, self.ring = os.pipe()  # wakes the main thread: results are there
        hello = {"version-min": 1, "version-max": 1, "state": "loading", "token": token}
        self.send("hello", 0, hello)

    def serve(self):
        """Until the node says stop; returns the exit status."""
        if not self.is_connected():
            return 1
        threading.Thread(target=self.work, daemon=True).start()
        self.send("ready", 0, {})
        poller = zmq.Poller()
        for source in (self.node, self.monitor, self.bell):
            poller.register(source, zmq.POLLIN)
        while True:
            events = dict(poller.poll())
            if self.monitor in events:
                return 1  # nobody is there to work for
            if self.node in events and not self.take(*self.node.recv_multipart()):
                return 1  # it has given this worker up
            if self.bell in events:
                os.read(self.bell, 4096)
            while not self.results.empty():
                result = self.results.get()
                if result is None:
                    return 0
                self.open.discard(result[1])
                self.cancelled.discard(result[1])
                self.send(*result)

    def is_connected(self):
        if not self.monitor.poll(CONNECT_SECONDS * 1000):
            return False
        event = int.from_bytes(self.monitor.recv_multipart()[0][:2], sys.byteorder)
        return event == zmq.EVENT_HANDSHAKE_SUCCEEDED

    def take(self, head, *frames):
        """False when that was the end of the conversation."""
        _, command, about, headers = msgpack.unpackb(head)
        if command == "request" and about in self.open:
            self.send(*self.error(about, "bad_request", "that id is open already"))
        elif command == "request":
            timeout = headers.get("timeout")
            deadline = None if timeout is None else time.monotonic() + timeout / 1000
            self.open.add(about)
            self.jobs.put((about, deadline, frames))
        elif command == "cancel" and about in self.open:
            self.cancelled.add(about)
        elif command == "ping":
            self.send("pong", about, self.sign_of_life())
        elif command == "stop":
            self.jobs.put(None)
        # drain: what is there gets finished anyway. What is unknown is ignored.
        return command != "bye"

    def sign_of_life(self):
        with open("/proc/self/statm") as statm:
            memory = int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")
        told = {"state": "idle", "memory": memory, "done": self.done}
        running = self.running
        if running:
            age_ms = int((time.monotonic() - running[1]) * 1000)
            told.update({"state": "processing", "running": running[0]})
            told.update({"running-for": age_ms, "progress-age": age_ms})
        return told

    def send(self, command, about, headers, frames=()):
        self.node.send_multipart([msgpack.packb(["TRP1", command, about, headers]), *frames])

    def work(self):
        """The handler's thread: one request at a time, each ends exactly once."""
        while (job := self.jobs.get()) is not None:
            about, deadline, frames = job
            self.running = (about, time.monotonic())
            if about in self.cancelled or (deadline and time.monotonic() >= deadline):
                result = self.error(about, "cancelled", "")
            else:
                result = self.answer(about, frames)
            self.running = None
            self.done += 1
            self.put(result)
        self.put(None)

    def answer(self, about, frames):
        try:
            return "reply", about, {}, self.handle(frames)
        except BadRequest as error:
            return self.error(about, "bad_request", str(error))
        except Exception as error:  # the request fails, the worker stays
            return self.error(about, "worker_error", f"{type(error).__name__}: {error}")

    @staticmethod
    def error(about, code, text):
        return "error", about, {"code": code, "text": text, "retryable": False}

    def put(self, result):
        self.results.put(result)
        os.write(self.ring, b".")


def main():
    endpoint = os.environ.get("TROUPE_WORKER_ENDPOINT")
    if not endpoint:
        sys.exit("upper_worker.py: a node starts this: TROUPE_WORKER_ENDPOINT is not set")
    # A terminal interrupts all processes; what is to be done about it the node says.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    worker = Worker(to_upper, endpoint, os.environ.get("TROUPE_WORKER_TOKEN", ""))
    status = worker.serve()
    zmq.Context.instance().destroy(linger=1000 if status == 0 else 0)
    os._exit(status)  # whatever a handler still does


if __name__ == "__main__":
    main()
