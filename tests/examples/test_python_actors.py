"""The example of actors in Python: a counter that publishes, and a board that shows what it hears."""

import os
import sys
import tempfile
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path[:0] = [os.path.join(ROOT, "python", "tests")]

import kit  # noqa: E402
from kit import LONG, until  # noqa: E402

import troupe  # noqa: E402

FILE = os.path.join("examples", "python-actors", "newsroom.yaml")


class Example(kit.NodeCase):
    def setUp(self):
        from node_kit import Node
        folder = tempfile.TemporaryDirectory(prefix="troupe-newsroom-")
        self.addCleanup(folder.cleanup)
        bin_folder = os.path.join(folder.name, "bin")
        os.mkdir(bin_folder)
        # The one that has what it needs, which need not be the first in the path.
        os.symlink(sys.executable, os.path.join(bin_folder, "python3"))
        socket = os.path.join(folder.name, "n.sock")
        os.environ.update({"TROUPE_SOCKET": socket, "PYTHONPATH": kit.PACKAGE,
                           "PATH": bin_folder + os.pathsep + os.environ["PATH"]})
        os.chdir(ROOT)
        self.served = Node({})
        self.addCleanup(self.served.end)
        self.served.file = FILE
        self.served.start()
        self.client = troupe.Client("ipc://" + socket, timeout=LONG)
        self.addCleanup(self.client.close)

    def board(self):
        shown = self.client.ask("board")
        return shown if isinstance(shown, list) else [shown]

    def test_it(self):
        self.client.send("counter", "The cat saw the dog.")
        self.client.send("counter", "The dog saw a cat, and the cat ran to the house.")
        self.assertEqual(self.client.ask("counter", "cat"), b"3")
        until(lambda: self.board() == [b"the"])
        self.client.send("counter", "cat " * 5)
        until(lambda: self.board() == [b"cat"])

        self.client.send("counter", b"\xff")
        self.client.send("counter", "a new start")
        until(lambda: self.board() == [b"start", b"failed"])
        self.assertEqual(self.client.ask("counter", "cat"), b"0")


if __name__ == "__main__":
    unittest.main()
