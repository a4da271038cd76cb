"""The programs in Python that the pages print: as printed, but for where the node is."""

import contextlib
import os
import re
import subprocess
import sys
import unittest

import kit
from kit import ECHO, LONG, NodeCase, until

import troupe

FENCED = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TYPED = os.path.join(kit.HERE, "typed.py")
HELLO = """
import troupe
worker = troupe.Worker()
worker.capability("hello")(lambda request: "Hello!")
worker.run()
"""


def programs_of(*path):
    """Those that are whole: the others are pieces."""
    with open(os.path.join(kit.ROOT, *path), encoding="utf-8") as file:
        found = FENCED.findall(file.read())
    for one in found:
        compile(one, path[-1], "exec")
    return [one for one in found if one.startswith("import ")]


class Pages(NodeCase):
    def setUp(self):
        os.environ["PYTHONPATH"] = kit.PACKAGE
        self.served = self.node(
            ECHO,
            {"actor": "counter", "isolation": "process",
             "worker": {"command": [sys.executable, "-c", programs_of("docs", "python.md")[-1]]}},
            {"capability": "hello", "isolation": "process",
             "worker": {"command": [sys.executable, "-c", HELLO]}},
            {"capability": "upper", "workers": {"remote": True}},
            {"capability": "countdown", "workers": {"remote": True}},
            {"capability": "text_to_text", "workers": {"remote": True}},
            *({"capability": name, "isolation": "process", "workers": {"min": 0, "max": 1},
               "worker": {"command": [sys.executable, TYPED, name]}}
              for name in ("text_to_image", "vision", "text_embedding")), start=False)
        self.served.config["listen"] = [{"endpoint": self.served.ipc, "actors": ["*"]}]
        self.served.write()
        self.served.start()

    def here(self, program):
        self.assertIn('"ipc:///tmp/hello.sock"', program)
        return program.replace("ipc:///tmp/hello.sock", self.served.ipc)

    def run_it(self, program):
        done = subprocess.run([sys.executable, "-c", self.here(program)], text=True, timeout=LONG,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout.splitlines()

    def test_readme(self):
        (program,) = programs_of("README.md")
        self.assertLessEqual(len(program.splitlines()), 10)
        greeting, count, refusal = self.run_it(program)
        self.assertEqual((greeting, count), ("Hello!", "50 more at a time"))
        self.assertIn("goodbye", refusal)

    def test_the_page_about_python(self):
        client, stream, asynchronous, typed, typed_worker, worker, _ = programs_of("docs", "python.md")
        lines = self.run_it(client)
        self.assertEqual(lines[:3], ["b'a text'", "[b'two', b'frames']",
                                     str(b" ".join(b"%d" % n for n in range(50)))])
        self.assertTrue(lines[3].startswith("cancelled: "))
        self.assertEqual(lines[4:], ["timeout True"])
        self.assertTrue(self.run_it(stream)[0].startswith("10000 bytes, b'"))
        self.assertEqual(self.run_it(asynchronous), ["50", "100", "enough of that"])
        with self.serving(typed_worker, "text_to_text"):
            self.assertEqual(self.run_it(typed), [
                "b'Actors receive messages.'", "block None", " [1]", "2", "the text", "('the',)",
                "layout must be auto, column, block, line, word or sparse"])
        self.serve(worker)
        with troupe.Client(self.served.ipc, timeout=LONG) as client:
            client.send("counter", "a word is a word")
            self.assertEqual(client.ask("counter", "word"), b"2")

    @contextlib.contextmanager
    def serving(self, worker, *capabilities):
        """While it serves them."""
        with open(os.path.join(self.served.folder, "worker.py"), "w", encoding="utf-8") as file:
            file.write(self.here(worker))
        program = subprocess.Popen([sys.executable, file.name], stdin=subprocess.DEVNULL)
        self.addCleanup(program.wait)
        self.addCleanup(program.kill)
        for name in capabilities:
            until(lambda: any(one["state"] in ("ready", "idle")
                              for one in self.served.capability(name)["workers"]), name)
        yield
        program.terminate()
        self.assertEqual(program.wait(LONG), 0)

    def serve(self, worker):
        with self.serving(worker, "upper", "countdown"), \
                troupe.Client(self.served.ipc, timeout=LONG) as client:
            self.assertEqual(client.call("upper", "loud"), b"LOUD")
            with client.stream("countdown", "3") as parts:
                self.assertEqual(list(parts), [b"3", b"2", b"1"])
                self.assertEqual(parts.result(), b"lift-off")


if __name__ == "__main__":
    unittest.main()
