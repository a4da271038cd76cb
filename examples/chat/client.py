#!/usr/bin/env python3
"""Talk in the chat room, line by line: client.py ENDPOINT NICK

What is typed is said; /who asks who is there, /leave or the end of the input leaves. A room that was
restarted is empty, and is entered again. Written from docs/protocol.md, section Actors, alone.
"""

import sys
import time

import msgpack
import zmq

BEAT = 1.0  # seconds; as often the node hears of us at least, and we of it
ROOM = "room"


class Connection:
    def __init__(self, endpoint, nick):
        self.nick = nick
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 500
        self.socket.connect(endpoint)
        self.last_id = 0
        self.command("hello", 0, {"heartbeat": int(BEAT * 1000), "messages": True})
        self.heard = self.beaten = time.monotonic()
        self.enter()

    def enter(self):
        """What is sent behind a monitor finds the room watched."""
        self.last_id += 1
        self.command("monitor", self.last_id, {"actor": ROOM})
        self.send("join", self.nick)

    def command(self, name, number, headers, *frames):
        self.socket.send_multipart([msgpack.packb(["TRP1", name, number, headers]), *frames])

    def send(self, *words):
        """To the room; the node answers only if it cannot be delivered."""
        self.last_id += 1
        self.command("send", self.last_id, {"actor": ROOM}, *[word.encode() for word in words])

    def ask(self, *words):
        self.last_id += 1
        self.command("request", self.last_id, {"actor": ROOM, "timeout": 5000},
                     *[word.encode() for word in words])

    def keep_heartbeat(self):
        now = time.monotonic()
        if now - self.heard > 3 * BEAT:
            sys.exit("client.py: the node has fallen silent")
        if now - self.beaten >= BEAT / 2:
            self.beaten = now
            self.command("ping", 0, {})

    def receive(self):
        self.heard = time.monotonic()
        head, *frames = self.socket.recv_multipart()
        _, name, _, headers = msgpack.unpackb(head)
        return name, headers, [frame.decode(errors="replace") for frame in frames]


def show(connection):
    name, headers, frames = connection.receive()
    if name == "message":
        print("".join(frames), flush=True)
    elif name == "reply":
        print("here:", *frames, flush=True)
    elif name == "down" and headers["reason"] == "gone":
        sys.exit("client.py: there is no room")
    elif name == "down":
        print(f"* the room has ended: {headers['reason']}", flush=True)
        connection.enter()
    elif name == "error":
        print(f"! {headers.get('code')}: {headers.get('text')}", flush=True)
    elif name == "bye":
        sys.exit("client.py: the node has cut us off")


def obey(connection, line):
    """False: it is the end."""
    if line in ("", "/leave\n"):
        connection.command("bye", 0, {})
        return False
    if line == "/who\n":
        connection.ask("who")
    elif line.strip():
        connection.send("say", line.strip())
    return True


def main(endpoint, nick):
    connection = Connection(endpoint, nick)
    poller = zmq.Poller()
    poller.register(connection.socket, zmq.POLLIN)
    poller.register(sys.stdin.fileno(), zmq.POLLIN)
    while True:
        ready = dict(poller.poll(BEAT * 250))
        connection.keep_heartbeat()
        if connection.socket in ready:
            show(connection)
        if sys.stdin.fileno() in ready and not obey(connection, sys.stdin.buffer.raw.readline().decode()):
            return


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
