"""The chat room: three clients of the real node, two in Python and one in C, and who hears what."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

try:
    import msgpack  # noqa: F401 - the client needs it
    import zmq  # noqa: F401
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

CHAT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "chat")
LONG = 60  # seconds; only what hangs takes so long


class Program:
    """One that is spoken to line by line, and whose lines are waited for."""

    def __init__(self, *words, output="stdout", **environment):
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, text=True, bufsize=1,
                                        env={**os.environ, **environment},
                                        **{output: subprocess.PIPE})
        self.stream = getattr(self.process, output)
        self.lines = []
        self.changed = threading.Condition()
        self.is_silent = False
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.stream:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.is_silent = True
            self.changed.notify_all()

    def say(self, line):
        self.process.stdin.write(line + "\n")

    def wait_line(self, text, count=1):
        def is_there():
            return sum(text in line for line in self.lines) >= count

        with self.changed:
            self.changed.wait_for(lambda: self.is_silent or is_there(), LONG)
            if not is_there():
                raise AssertionError(f"no {text!r} in {self.lines}")

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(LONG)
        self.reader.join(LONG)
        self.process.stdin.close()
        self.stream.close()


class Chat(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="troupe-chat-")
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "chat.sock")
        self.endpoint = "ipc://" + self.path
        self.start_node()

    def start_node(self):
        self.node = Program(os.environ["TROUPE_BIN"], "run", os.path.join(CHAT, "chat.yaml"),
                            output="stderr", CHAT_SOCKET=self.path)
        self.addCleanup(self.node.end)
        self.node.wait_line("event=node_ready")

    def client(self, nick, *program):
        client = Program(*program or (sys.executable, os.path.join(CHAT, "client.py")),
                         self.endpoint, nick)
        self.addCleanup(client.end)
        return client

    def test_who_hears_what(self):
        ann = self.client("ann")
        ann.wait_line("* ann has joined")
        bob = self.client("bob", os.environ["CHAT_CLIENT"])
        bob.wait_line("* bob has joined")
        cyd = self.client("cyd")
        cyd.wait_line("* cyd has joined")
        for client in ann, bob:
            client.wait_line("* cyd has joined")
        bob.say("good morning")
        for client in ann, bob, cyd:
            client.wait_line("bob: good morning")
        cyd.say("/who")
        cyd.wait_line("here: ann bob cyd")
        bob.say("/who")
        bob.wait_line("here: ann bob cyd")

        cyd.process.send_signal(signal.SIGKILL)
        for client in ann, bob:
            client.wait_line("* cyd is lost")
        bob.say("poor cyd")
        for client in ann, bob:
            client.wait_line("bob: poor cyd")
        bob.say("/leave")
        self.assertEqual(bob.process.wait(LONG), 0)
        ann.wait_line("* bob has left")
        ann.say("/who")
        ann.wait_line("here: ann")
        ann.process.stdin.close()
        self.assertEqual(ann.process.wait(LONG), 0)

        for client in ann, bob, cyd:
            client.reader.join(LONG)
        joined = ["* ann has joined", "* bob has joined", "* cyd has joined"]
        self.assertEqual(ann.lines, [*joined, "bob: good morning", "* cyd is lost",
                                     "bob: poor cyd", "* bob has left", "here: ann"])
        self.assertEqual(bob.lines, [*joined[1:], "bob: good morning", "here: ann bob cyd",
                                     "* cyd is lost", "bob: poor cyd"])
        self.assertEqual(cyd.lines, [joined[2], "bob: good morning", "here: ann bob cyd"])

    def test_a_room_that_is_restarted_is_entered_again(self):
        ann = self.client("ann")
        ann.wait_line("* ann has joined")
        bob = self.client("bob", os.environ["CHAT_CLIENT"])
        bob.wait_line("* bob has joined")
        for count in 2, 3:
            subprocess.run([os.environ["TROUPE_BIN"], "restart", "room", "-e", self.endpoint],
                           check=True, timeout=LONG)
            for client, nick in (ann, "ann"), (bob, "bob"):
                client.wait_line("* the room has ended: shutdown", count - 1)
                client.wait_line(f"* {nick} has joined", count)
        bob.say("here we are again")
        for client in ann, bob:
            client.wait_line("bob: here we are again")

    def test_a_node_that_was_away(self):
        bob = self.client("bob", os.environ["CHAT_CLIENT"])
        bob.wait_line("* bob has joined")
        self.node.process.kill()
        bob.wait_line("! ")
        self.start_node()
        bob.wait_line("* bob has joined", 2)

    def test_what_is_refused(self):
        ann = self.client("ann")
        ann.wait_line("* ann has joined")
        other = self.client("ann")
        other.wait_line("! that nick is taken")
        other.say("hello?")
        other.wait_line("! join first")
        two_words = self.client("an nick")
        two_words.wait_line("! a nick is a word")
        ann.say("/who")
        ann.wait_line("here: ann")
        self.assertEqual(ann.lines, ["* ann has joined", "here: ann"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
