"""The example that goes from a page to what it is about, with the workers that come with Troupe."""

import os
import subprocess
import sys
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path[:0] = [os.path.join(ROOT, "tests", "integration")]

try:
    from node_kit import LONG, Node
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

PROGRAM = os.environ["TROUPE_ARCHIVE"]
CAPABILITIES = ("vision", "text_to_image", "text_embedding", "image_embedding", "text_to_text")
MISSING = [name for name in CAPABILITIES
           if not any(os.path.exists(os.path.join(folder, name + ".so"))
                      for folder in os.environ["TROUPE_MODULE_PATH"].split(":"))]


class Example(unittest.TestCase):
    def node(self, *names):
        node = Node({"children": [
            {"capability": name, "isolation": "process", "worker": {"module": name},
             "workers": {"min": 0, "max": 1}, "timeout": f"{LONG}s"} for name in names]})
        self.addCleanup(node.end)
        return node.start()

    def run_it(self, *words):
        return subprocess.run([PROGRAM, *words], text=True, timeout=2 * LONG,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)

    def test_from_a_page_to_what_it_is_about(self):
        done = self.run_it(self.node(*CAPABILITIES).ipc)
        self.assertEqual((done.returncode, done.stdout.splitlines()), (0, [
            "drawn      Actors recieve messages in seperate threads, and share nothing else.",
            "read       Actors recieve messages in seperate threads, and share nothing else.",
            "corrected  Actors receive messages in separate threads, and share nothing else.",
            "means      An actor is a thread that receives messages, and shares no memory "
            "with other threads.",
            "looks like Rain is expected in the north, and sunshine elsewhere."]), done.stderr)

    def test_a_step_that_cannot_be_done_is_told(self):
        done = self.run_it(self.node("text_to_image").ipc)
        self.assertEqual(done.returncode, 1)
        self.assertIn("vision: no_capability: nobody offers 'vision' here", done.stderr)


if __name__ == "__main__":
    if MISSING:
        print(f"skipped: {', '.join(MISSING)} was not built")
        sys.exit(77)
    unittest.main()
