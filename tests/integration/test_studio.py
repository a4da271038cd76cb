"""The five typed capabilities of examples/studio.yaml under one budget of memory: none is there
until it is called, each is there when it is, and none stays."""

import os
import re
import sys
import unittest

try:
    import msgpack
    import zmq
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

from node_kit import Node, Peer

MIB = 1 << 20
IDLE_MIB = 30
BUDGET_MIB = 300
IS_SANITIZED = os.environ.get("TROUPE_SANITIZED") == "1"  # its memory is not that of the node
STUDIO = os.environ["TROUPE_STUDIO"]
REQUESTS = {
    "text_to_image": (b"A boat", {}),
    "vision": (None, {}),  # what text_to_image has drawn
    "text_to_text": (b"a lettre", {}),
    "text_embedding": (b"a boat", {"dimensions": 8}),
    "image_embedding": (None, {}),
}


def resident_mib(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1)) / 1024


class Studio(unittest.TestCase):
    def setUp(self):
        """The file as it is, but for its endpoints and how long idle workers stay."""
        self.node = Node({"children": []})
        self.addCleanup(self.node.end)
        with open(STUDIO) as file:
            text = file.read()
        text = re.sub(r"^  - endpoint: ipc:.*\n.*\n", f"  - endpoint: {self.node.ipc}\n", text,
                      flags=re.M)
        text = re.sub(r"tcp://.*", self.node.tcp, text)
        text = re.sub(r"^http:.*\n", "", text, flags=re.M)
        text, n_changed = re.subn(r"keep-alive: .*", "keep-alive: 500ms", text)
        self.assertEqual(n_changed, len(REQUESTS))
        # The two that are there to fail are no part of this.
        text = text[:text.index("    # Two that do as they are told")]
        with open(self.node.file, "w") as file:
            file.write(text)
        self.node.start()
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, 0)
        self.peer = Peer(self.context, self.node.ipc)

    def call(self, capability, subject, details):
        number = self.peer.last = self.peer.last + 1
        self.peer.send("request", number, {"capability": capability}, subject,
                       msgpack.packb(details))
        outcome, headers, frames = self.peer.final(number)
        self.assertEqual(outcome, "ok", headers)
        return frames[0]

    def workers(self):
        return [one["workers"] for one in self.node.tree()["capabilities"]]

    def test_they_come_when_called_and_leave_when_idle(self):
        node = self.node.process.pid
        before = resident_mib(node)
        self.assertEqual(self.workers(), [[]] * len(REQUESTS))
        drawn = None
        for name, (subject, details) in REQUESTS.items():
            reply = self.call(name, subject if subject is not None else drawn, details)
            self.assertGreater(len(reply), 0)
            drawn = reply if name == "text_to_image" else drawn
            budget = self.node.tree()["memory"]
            self.assertLessEqual(budget["charged"], BUDGET_MIB * MIB)
        for name in REQUESTS:
            self.node.wait_line(f"event=evicted .*{name}/1")
        self.assertEqual(self.workers(), [[]] * len(REQUESTS))
        after = resident_mib(node)
        print(f"the node has {before:.1f} MiB before, {after:.1f} MiB after")
        if not IS_SANITIZED:
            self.assertLess(before, IDLE_MIB)
            self.assertLess(after, IDLE_MIB)


if __name__ == "__main__":
    unittest.main(verbosity=2)
