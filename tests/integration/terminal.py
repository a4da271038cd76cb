"""A terminal for tests: a program runs on it, what it shows can be read, keys can be pressed.

It knows the few codes that the command writes and gives up at any other, so that none slips in
unseen. A test waits for what it wants to see; nothing sleeps.
"""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

LONG = 60  # seconds
CODE = re.compile(rb"\x1b\[(\??[0-9;]*)([A-Za-z])")


class Screen:
    """What the codes have come to."""

    def __init__(self, rows, columns):
        self.is_alternate = False
        self.has_cursor = True
        self.before = None  # what is seen while more is being written
        self.resize(rows, columns)

    def resize(self, rows, columns):
        self.rows, self.columns = rows, columns
        self.cells = [[" "] * columns for _ in range(rows)]
        self.row = self.column = 0

    def text(self):
        return self.before if self.before is not None else self.written()

    def written(self):
        return "\n".join("".join(line).rstrip() for line in self.cells)

    def obey(self, number, letter):
        if letter == "H" and number == "":
            self.row = self.column = 0
        elif letter == "K" and number == "":
            self.cells[self.row][self.column:] = [" "] * (self.columns - self.column)
        elif letter == "J" and number == "2":
            self.cells = [[" "] * self.columns for _ in range(self.rows)]
        elif letter in "hl" and number == "?1049":
            self.is_alternate = letter == "h"
        elif letter in "hl" and number == "?2026":
            self.before = self.written() if letter == "h" else None
        elif letter in "hl" and number == "?25":
            self.has_cursor = letter == "h"
        elif letter != "m":
            raise AssertionError(f"unknown code {number}{letter}")

    def put(self, character):
        if character == "\r":
            self.column = 0
        elif character == "\n":
            assert self.row + 1 < self.rows, "the screen was scrolled:\n" + self.text()
            self.row += 1
        else:
            assert self.column < self.columns, "a line is too long:\n" + self.text()
            self.cells[self.row][self.column] = character
            self.column += 1

    def feed(self, data):
        """Returns what is left over: the beginning of a code or of a character."""
        while data:
            if data[:1] == b"\x1b":
                match = CODE.match(data)
                if not match:
                    return data
                self.obey(match.group(1).decode(), match.group(2).decode())
                data = data[match.end():]
                continue
            length = 1 if data[0] < 0x80 else 2 if data[0] < 0xe0 else 3 if data[0] < 0xf0 else 4
            if len(data) < length:
                return data
            self.put(data[:length].decode())
            data = data[length:]
        return b""


class Terminal:
    def __init__(self, words, environment, rows=24, columns=80):
        self.ours, self.theirs = pty.openpty()
        self.screen = Screen(rows, columns)
        self.all = b""
        self.left = b""
        self.set_size(rows, columns)
        self.before = termios.tcgetattr(self.theirs)
        self.process = subprocess.Popen(words, stdin=self.theirs, stdout=self.theirs,
                                        stderr=subprocess.PIPE, env=environment,
                                        start_new_session=True, preexec_fn=self.take)

    def take(self):
        """In the child: it is its terminal, so that Ctrl-C and a hang-up reach it."""
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def set_size(self, rows, columns):
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, rows, columns):
        self.read_what_is_there()
        self.screen.resize(rows, columns)
        self.set_size(rows, columns)

    def press(self, keys):
        os.write(self.ours, keys)

    def take_in(self, data):
        self.all += data
        self.left = self.screen.feed(self.left + data)

    def read_what_is_there(self):
        while select.select([self.ours], [], [], 0)[0]:
            self.take_in(os.read(self.ours, 65536))

    def wait(self, condition, what="it"):
        """Read on until the condition holds of what is shown."""
        end = time.monotonic() + LONG
        while self.left or not condition(self.screen.text()):
            if not select.select([self.ours], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"{what} never came:\n" + self.screen.text())
            self.take_in(os.read(self.ours, 65536))
        return self.screen.text()

    def wait_for(self, pattern):
        return self.wait(lambda text: re.search(pattern, text, re.M), pattern)

    def wait_for_the_end(self):
        """The exit status; all that it has written was read."""
        end = time.monotonic() + LONG
        while self.process.poll() is None and time.monotonic() < end:
            if select.select([self.ours], [], [], 0.01)[0]:
                self.take_in(os.read(self.ours, 65536))
        code = self.process.wait(0)
        self.read_what_is_there()
        return code

    def errors(self):
        return self.process.stderr.read().decode()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        for descriptor in (self.ours, self.theirs):
            if descriptor >= 0:
                os.close(descriptor)
