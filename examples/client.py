#!/usr/bin/env python3
"""A client of a Troupe node, written from docs/protocol.md alone.

    client.py ENDPOINT CAPABILITY [-m METHOD] [-t SECONDS] TEXT
"""

import argparse
import sys
import time

import msgpack
import zmq


class Failure(Exception):
    """The request ended in an error of the node."""

    def __init__(self, headers):
        self.code = headers.get("code", "internal")
        self.text = headers.get("text", "")
        self.retryable = headers.get("retryable", False)
        self.hint_ms = headers.get("hint")
        super().__init__(f"{self.code}: {self.text}")


WINDOW = 16  # parts that the node may be ahead of us


class Client:
    def __init__(self, endpoint):
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 200
        self.socket.connect(endpoint)
        self.last_id = 0
        self._send("hello", 0, {"version-min": 1, "version-max": 1, "heartbeat": 0})

    def close(self):
        self._send("bye", 0, {})
        self.socket.close()

    def call(self, capability, *frames, timeout=30, **headers):
        """The frames of the reply; parts, if any, are dropped."""
        for is_final, payload in self.stream(capability, *frames, timeout=timeout, **headers):
            if is_final:
                return payload

    def stream(self, capability, *frames, timeout=30, **headers):
        """Yield (False, frames) for each part, then (True, frames) for the reply."""
        self.last_id += 1
        headers.update(capability=capability, timeout=int(timeout * 1000), credit=WINDOW)
        taken = 0
        self._send("request", self.last_id, headers, frames)
        # The node ends the request at its deadline; a little later the node itself is given up.
        give_up = time.monotonic() + timeout + 1
        while True:
            command, about, told, payload = self._receive(give_up)
            if command == "ping":
                self._send("pong", 0, {})
            elif about != self.last_id:
                continue  # hello, or what is left of a request that was given up
            elif command == "error":
                raise Failure(told)
            elif command in ("part", "reply"):
                yield command == "reply", payload
                if command == "reply":
                    return
                taken += 1
                if taken % (WINDOW // 2) == 0:  # these were used up: as many more are welcome
                    self._send("credit", self.last_id, {"credit": WINDOW // 2})

    def _send(self, command, about, headers, frames=()):
        self.socket.send_multipart([msgpack.packb(["TRP1", command, about, headers]), *frames])

    def _receive(self, give_up):
        left_ms = max(0, int((give_up - time.monotonic()) * 1000))
        if not self.socket.poll(left_ms):
            raise Failure({"code": "timeout", "text": "the node does not answer"})
        head, *payload = self.socket.recv_multipart()
        _, command, about, headers = msgpack.unpackb(head)
        return command, about, headers, payload


def main():
    parser = argparse.ArgumentParser(description="Call a capability of a Troupe node.")
    parser.add_argument("endpoint")
    parser.add_argument("capability")
    parser.add_argument("text")
    parser.add_argument("-m", "--method", default="")
    parser.add_argument("-t", "--timeout", type=float, default=30)
    args = parser.parse_args()
    client = Client(args.endpoint)
    try:
        for _, frames in client.stream(
            args.capability, args.text.encode(), timeout=args.timeout, method=args.method
        ):
            print(b"".join(frames).decode(errors="replace"))
    except Failure as failure:
        sys.exit(f"client.py: {failure}")
    finally:
        client.close()


if __name__ == "__main__":
    main()
