"""Images that are meant to break who reads them. In processes of their own the decoders may
crash, and take what memory they get: it costs one worker, whose request is told so, and never the
node, nor anybody else who asks.

The module `fragile` is image_embedding with a decoder that crashes when it is told to.
"""

import random
import struct
import sys
import threading
import unittest
import zlib

try:
    import msgpack
    import zmq  # noqa: F401
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

from node_kit import LONG, Peer
from process_kit import IS_SANITIZED, ProcessTest, odd, resident_mib, wait_until

N_SPOILT = 300 if IS_SANITIZED else 2000


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, row=None):
    """In red, green and blue; black unless a row is given."""
    packer = zlib.compressobj(9)
    row = b"\0" + (row or bytes(3 * width))
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", data) + chunk(b"IEND", b""))


ROW = bytes(x * y % 251 for x in range(120) for y in range(3))
GOOD = png(120, 80, ROW)
PLAIN = b"P6\n120 80\n255\n" + 80 * ROW  # nothing in it is held to a checksum
BOMB = png(6000, 6000)  # 100 KiB that become 144 MB


def spoilt(chance):
    """A good one, cut off or with some bits turned."""
    image = bytearray(chance.choice([GOOD, PLAIN]))
    if chance.random() < 0.3:
        return bytes(image[:chance.randrange(len(image))])
    for _ in range(chance.randint(1, 4)):
        image[chance.randrange(len(image))] ^= 1 << chance.randrange(8)
    return bytes(image)


class Painter:
    """Asks about the good image all the time, from a thread of its own, for the same answer."""

    def __init__(self, context, endpoint):
        self.context, self.endpoint = context, endpoint
        self.n_good, self.failures = 0, []
        self.must_stop = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        peer = Peer(self.context, self.endpoint)
        vector = None
        try:
            while not self.must_stop.is_set():
                outcome, headers, frames = peer.call("steady", "embed", GOOD)
                vector = vector or frames[0]
                if outcome != "ok" or frames[0] != vector or len(vector) != 4 * 529:
                    self.failures.append((outcome, headers))
                self.n_good += 1
        except Exception as error:
            self.failures.append(error)
        finally:
            peer.close()

    def stop(self):
        self.must_stop.set()
        self.thread.join(LONG)


class Decoders(ProcessTest):
    """Whatever is sent to `target`, who asks `steady` notices nothing."""

    def start(self, module="image_embedding", limits=None):
        """A node with `steady`, which is called all the while, and `target`."""
        worker = {"module": module, **({"limits": limits} if limits else {})}
        self.serving = self.node(odd("steady", worker={"module": "image_embedding"}),
                                 odd("target", 2, worker=worker))
        self.asking = self.peer(self.serving)
        self.painter = Painter(self.context, self.serving.ipc)
        self.addCleanup(self.painter.stop)
        wait_until(lambda: self.painter.n_good > 0 or self.painter.failures)
        return self.serving

    def assert_unmoved(self, n_restarts):
        """Who asks has been served to the end, the target is whole, and the node stops well."""
        n_before = self.painter.n_good
        wait_until(lambda: self.painter.n_good > n_before or self.painter.failures)
        self.painter.stop()
        self.assertEqual(self.painter.failures, [])
        outcome, headers, frames = self.asking.call("target", "embed", GOOD)
        self.assertEqual((outcome, len(frames[0])), ("ok", 4 * 529), headers)
        wait_until(lambda: sum(one["restarts"] for one in
                               self.serving.capability("target")["workers"]) == n_restarts)
        steady = self.serving.capability("steady")["workers"]
        self.assertEqual([one["restarts"] for one in steady], [0])
        self.assert_stops(self.serving)

    @unittest.skipIf(IS_SANITIZED, "a sanitizer takes the signal first")
    def test_a_decoder_crashes(self):
        node = self.start("fragile")
        for n_restarts in range(1, 6):
            outcome, headers, _ = self.asking.call("target", "embed", b"CRASH")
            self.assertEqual(outcome, "worker_lost", headers)
            self.assertIn("signal 11 (Segmentation fault)", headers["text"])
            node.wait_line(r"event=ended child=target/\d .*crashed: signal 11", n_restarts)
        self.assert_unmoved(n_restarts=5)

    @unittest.skipIf(IS_SANITIZED, "a sanitizer needs more address space than any limit")
    def test_a_decoder_takes_all_memory(self):
        self.start("fragile", limits={"memory": "128MiB"})
        n_before = resident_mib(self.serving.process.pid)
        for _ in range(3):
            outcome, headers, _ = self.asking.call("target", "embed", b"HOG")
            self.assertEqual(outcome, "worker_lost", headers)
        self.assertLess(resident_mib(self.serving.process.pid), n_before + 50)
        self.assert_unmoved(n_restarts=3)

    @unittest.skipIf(IS_SANITIZED, "a sanitizer needs more address space than any limit")
    def test_a_bomb_goes_off_below_its_limit(self):
        """It has more in it than the worker may have; the worker says so, and goes on."""
        self.start(limits={"memory": "100MiB"})
        for _ in range(3):
            outcome, headers, _ = self.asking.call("target", "embed", BOMB)
            self.assertEqual((outcome, headers["text"]), ("worker_error", "out of memory"))
        self.assert_unmoved(n_restarts=0)

    def test_a_bomb_within_the_limits_is_a_picture(self):
        self.start()
        outcome, headers, frames = self.asking.call("target", "embed", BOMB)
        self.assertEqual((outcome, len(frames[0])), ("ok", 4 * 529), headers)
        self.assert_unmoved(n_restarts=0)

    def test_a_vector_is_the_same_wherever_it_is_made(self):
        """In a thread, in a process, in another process, and in a batch."""
        node = self.node(odd("outside", worker={"module": "image_embedding"}),
                         odd("again", worker={"module": "image_embedding"}),
                         odd("inside", worker={"module": "image_embedding"}, isolation="thread"))
        peer = self.peer(node)
        alone = {}
        for name in ("outside", "again", "inside"):
            for image in (GOOD, PLAIN, BOMB):
                outcome, headers, frames = peer.call(name, "embed", image)
                self.assertEqual(outcome, "ok", headers)
                self.assertEqual(alone.setdefault(image, frames[0]), frames[0])
            outcome, headers, frames = peer.call(name, "embed_batch",
                                                 msgpack.packb([PLAIN, GOOD, GOOD]))
            self.assertEqual(outcome, "ok", headers)
            self.assertEqual(frames[0], alone[PLAIN] + 2 * alone[GOOD])
        self.assertNotEqual(alone[GOOD], alone[BOMB])
        self.assert_stops(node)

    def test_spoilt_images_are_refused_or_read(self):
        node = self.start()
        chance = random.Random(7)
        ends = {"ok": 0, "bad_request": 0, "too_large": 0}
        for _ in range(N_SPOILT // 50):
            numbers = [self.asking.request("target", "embed", spoilt(chance)) for _ in range(50)]
            for number in numbers:
                outcome, headers, _ = self.asking.final(number)
                self.assertIn(outcome, ends, headers)
                ends[outcome] += 1
        self.assertGreater(ends["bad_request"], N_SPOILT // 3)
        self.assertGreater(ends["ok"], N_SPOILT // 10)
        self.assert_unmoved(n_restarts=0)
        self.assertNotIn("event=worker_output", node.text())


if __name__ == "__main__":
    unittest.main(verbosity=2)
