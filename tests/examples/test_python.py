"""The example in Python: one worker that the node starts, one that dials in, and who asks."""

import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path[:0] = [os.path.join(ROOT, "python", "tests")]

import kit  # noqa: E402
from kit import LONG, until  # noqa: E402

import troupe  # noqa: E402

EXAMPLE = os.path.join(ROOT, "examples", "python")


class Example(kit.NodeCase):
    def setUp(self):
        from node_kit import Node
        self.folder = tempfile.TemporaryDirectory(prefix="troupe-words-")
        self.addCleanup(self.folder.cleanup)
        bin_folder = os.path.join(self.folder.name, "bin")
        os.mkdir(bin_folder)
        # The one that has what it needs, which need not be the first in the path.
        os.symlink(sys.executable, os.path.join(bin_folder, "python3"))
        self.environment = {"TROUPE_SOCKET": os.path.join(self.folder.name, "n.sock"),
                            "PYTHONPATH": kit.PACKAGE,
                            "PATH": bin_folder + os.pathsep + os.environ["PATH"]}
        before = {key: os.environ.get(key) for key in self.environment}
        os.environ.update(self.environment)
        self.addCleanup(self.restore, before)
        self.served = Node({})
        self.addCleanup(self.served.end)
        self.served.file = os.path.join(EXAMPLE, "studio.yaml")
        here = os.getcwd()
        self.addCleanup(os.chdir, here)
        os.chdir(ROOT)
        self.served.start()
        self.served.ipc = "ipc://" + self.environment["TROUPE_SOCKET"]
        self.client = troupe.Client(self.served.ipc, timeout=LONG)
        self.addCleanup(self.client.close)

    @staticmethod
    def restore(before):
        for key, value in before.items():
            if value is None:
                del os.environ[key]
            else:
                os.environ[key] = value

    def workers(self):
        return next(one for one in self.client.tree()["capabilities"]
                    if one["name"] == "keywords")["workers"]

    def ask(self, *paths):
        return subprocess.run([sys.executable, os.path.join(EXAMPLE, "ask.py"), self.served.ipc,
                               *paths], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=LONG, stdin=subprocess.DEVNULL)

    def ask_many(self):
        calls = [self.client.start("keywords", "one two three", method="count") for _ in range(20)]
        return [call.result() for call in calls]

    def test_it(self):
        text = os.path.join(self.folder.name, "text")
        with open(text, "w", encoding="utf-8") as file:
            file.write("The cat saw the dog. The dog saw a cat, and the cat ran to the house.")
        answer = self.ask(text, text)
        line = f"{text}: cat 3, saw 2, dog 2, ran 1, house 1; 17 words\n"
        self.assertEqual((answer.returncode, answer.stdout), (0, 2 * line))

        with self.assertRaises(troupe.BadRequest) as caught:
            self.client.call("keywords", b"\xff")
        self.assertIn("no UTF-8", caught.exception.text)
        with self.assertRaises(troupe.BadRequest):
            self.client.call("keywords", "x", method="dance")

        program = subprocess.Popen(
            [sys.executable, os.path.join(EXAMPLE, "keywords.py"), self.served.ipc],
            stdin=subprocess.DEVNULL)
        self.addCleanup(program.wait)
        self.addCleanup(program.kill)
        until(lambda: "remote" in [one["isolation"] for one in self.workers()
                                   if one["state"] in ("ready", "idle")])
        # Both kinds have a hand in it, while many are asked at a time.
        until(lambda: self.ask_many() == [b"3"] * 20 and {"process", "remote"} <= {
            one["isolation"] for one in self.workers() if one["done"] > 0})
        program.terminate()
        self.assertEqual(program.wait(LONG), 0)
        self.assertEqual(self.client.call("keywords", "still there", method="count"), b"2")

    def test_no_such_file(self):
        answer = self.ask("/no/such/file")
        self.assertEqual(answer.returncode, 1)
        self.assertIn("ask.py: ", answer.stdout)


if __name__ == "__main__":
    unittest.main()
