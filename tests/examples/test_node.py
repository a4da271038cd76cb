"""The client for Node.js, and a real node. Skipped where Node.js or its packages are missing."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path[:0] = [os.path.join(ROOT, "tests", "integration")]
EXAMPLE = os.path.join(ROOT, "examples", "node")
MODULES = os.environ.get("TROUPE_NODE_MODULES") or os.path.join(EXAMPLE, "node_modules")
LONG = 60  # seconds; only what hangs takes so long

try:
    from node_kit import Node
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)
if not shutil.which("node") or not os.path.isdir(os.path.join(MODULES, "zeromq")):
    print("skipped: there is no Node.js with the package zeromq")
    sys.exit(77)

PROGRAM = """
import { Client } from "./client.mjs";
const client = new Client(process.argv[2]);
const texts = [...Array(50).keys()].map(String);
const replies = await Promise.all(
  texts.map((text) => client.call("echo", text, { method: "echo" })));
console.log(replies.every(([frame], n) => frame.toString() === texts[n]));
let count = 0;
for await (const part of client.stream("echo", "1000 10", { method: "parts" })) count += part.length;
console.log(count);
for await (const part of client.stream("echo", "1000000 10", { method: "parts" })) break;
for (const [capability, method, timeoutMs] of
    [["nothing", ""], ["echo", "fail"], ["echo", "sleep", 50]]) {
  await client.call(capability, "60000", { method, timeoutMs }).catch(
    (error) => console.log(error.code, error.retryable));
}
console.log((await client.call("echo", ["a", "b"], { method: "echo" })).map(String).join());
await client.close();
"""


class NodeJs(unittest.TestCase):
    def setUp(self):
        self.served = Node({"children": [{"capability": "echo", "worker": {"module": "echo"},
                                          "workers": {"min": 1, "max": 1}}]})
        self.addCleanup(self.served.end)
        self.served.start()
        folder = tempfile.TemporaryDirectory(prefix="troupe-js-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        shutil.copy(os.path.join(EXAMPLE, "client.mjs"), self.folder)
        os.symlink(MODULES, os.path.join(self.folder, "node_modules"))

    def run_it(self, file, *words):
        done = subprocess.run(["node", os.path.join(self.folder, file), *words], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LONG,
                              stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout

    def test_the_command(self):
        self.assertEqual(self.run_it("client.mjs", self.served.ipc, "echo", "echo", "a text"),
                         (0, "a text\n"))
        status, said = self.run_it("client.mjs", self.served.tcp, "echo", "parts", "3 5")
        self.assertEqual((status, len(said.splitlines())), (0, 4))
        self.assertEqual(self.run_it("client.mjs", self.served.ipc, "echo", "fail", "no"),
                         (1, "client.mjs: worker_error: no\n"))
        self.assertEqual(self.run_it("client.mjs")[0], 2)

    def test_the_module(self):
        with open(os.path.join(self.folder, "program.mjs"), "w", encoding="utf-8") as file:
            file.write(PROGRAM)
        self.assertEqual(self.run_it("program.mjs", self.served.ipc), (0, "\n".join((
            "true", "1000", "no_capability false", "worker_error false", "timeout true", "a,b",
            ""))))


if __name__ == "__main__":
    unittest.main()
