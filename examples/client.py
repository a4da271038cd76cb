#!/usr/bin/env python3
"""Call a node from Python: docs/protocol.md in one small class, without the C library.

    client.py ENDPOINT CAPABILITY [-m METHOD] [-t SECONDS] TEXT

One Client is for one thread and has one request open at a time, so what comes for another id is
an answer that nobody waits for any more. A connection is used once: when it broke, close the
Client and make another.
"""

import argparse
import itertools
import sys
import time

import msgpack
import zmq

GRACE_MS = 250  # for the node to say itself that the deadline passed


class Failure(Exception):
    """The request ended otherwise than by a reply; `code` is the outcome."""

    def __init__(self, code, text="", retryable=False, hint_ms=None):
        super().__init__(f"{code}: {text}" if text else code)
        self.code, self.text, self.retryable, self.hint_ms = code, text, retryable, hint_ms


class Client:
    def __init__(self, endpoint, timeout=5.0):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 200
        self.socket.connect(endpoint)
        self.ids = itertools.count(1)
        self._send("hello", 0, {"version-min": 1, "version-max": 1})
        command, self.node, _ = self._receive(0, time.monotonic() + timeout)
        if command == "error":
            raise Failure(self.node["code"], self.node.get("text", ""))

    def close(self):
        self._send("bye", 0, {})
        self.socket.close()

    def stream(self, capability, *frames, method="", timeout=30.0):
        """Yield the frames of each part and at last those of the reply; raise Failure."""
        number = next(self.ids)
        deadline = time.monotonic() + timeout
        headers = {"capability": capability, "method": method, "timeout": int(timeout * 1000)}
        self._send("request", number, headers, *frames)
        is_open = True
        try:
            while is_open:
                command, headers, payload = self._receive(number, deadline + GRACE_MS / 1000)
                is_open = command == "part"
                if command == "error":
                    raise Failure(headers.get("code", "internal"), headers.get("text", ""),
                                  headers.get("retryable", False), headers.get("hint"))
                yield payload
        finally:
            if is_open:  # the caller stopped reading, or the node did not answer
                self._send("cancel", number, {})

    def call(self, capability, *frames, method="", timeout=30.0):
        """The frames of the reply, without the parts before it; raise Failure."""
        for payload in self.stream(capability, *frames, method=method, timeout=timeout):
            pass
        return payload

    def _send(self, command, number, headers, *frames):
        header = msgpack.packb(["TRP1", command, number, headers])
        self.socket.send_multipart([header, *frames])

    def _receive(self, wanted, deadline):
        """The next hello, part, reply or error about `wanted`; everything else is dealt with."""
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not self.socket.poll(int(left * 1000) + 1):
                raise Failure("timeout", "no answer from the node", retryable=True)
            header, *payload = self.socket.recv_multipart()
            try:
                magic, command, number, headers = msgpack.unpackb(header, raw=False)
            except (ValueError, TypeError, msgpack.UnpackException):
                continue
            if magic != "TRP1" or not isinstance(headers, dict):
                continue
            if command == "ping":
                self._send("pong", number, {})
            elif number == wanted and command in ("hello", "part", "reply", "error"):
                return command, headers, payload


def main():
    parser = argparse.ArgumentParser(description="Call a capability of a Troupe node.")
    parser.add_argument("endpoint", help="tcp://HOST:PORT or ipc://PATH")
    parser.add_argument("capability")
    parser.add_argument("-m", "--method", default="")
    parser.add_argument("-t", "--timeout", type=float, default=30.0, metavar="SECONDS")
    parser.add_argument("text")
    options = parser.parse_args()
    try:
        client = Client(options.endpoint, options.timeout)
        for payload in client.stream(options.capability, options.text.encode(),
                                     method=options.method, timeout=options.timeout):
            print(b"".join(payload).decode(errors="replace"), flush=True)
        client.close()
    except Failure as failure:
        sys.exit(f"client.py: {failure}")


if __name__ == "__main__":
    main()
