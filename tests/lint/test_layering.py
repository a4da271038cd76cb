#!/usr/bin/env python3
"""A check that finds nothing is only worth something if it can find: here are seeded faults."""
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import layering  # noqa: E402

HEADERS = ["base/log.h", "mailbox/message.h", "wire/trp1.h", "actors/actor.h",
           "supervisors/health.h", "capabilities/pending.h", "remote/gateway/peer.h", "node/config/config.h",
           "cli/output.h", "include/troupe/status.h"]


class Layering(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name).resolve()
        for header in HEADERS:
            self.write(header, "")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def check(self, name, include, fault):
        self.write(name, f"/* one */\n#include {include}\n")
        found = list(layering.faults_in(self.root))
        (self.root / name).unlink()
        self.assertEqual(found, [f"{name}:2: {fault}"] if fault else [])

    def test_what_lies_below_is_fine(self):
        for name, include in [("mailbox/a.c", '"base/log.h"'),
                              ("actors/a.c", '"wire/trp1.h"'),
                              ("node/a.c", '"wire/trp1.h"'),
                              ("node/a.c", '"capabilities/pending.h"'),
                              ("remote/deep/a.c", '"remote/gateway/peer.h"'),
                              ("cli/a.c", '"cli/output.h"'),
                              ("cli/a.c", '"output.h"'),
                              ("cli/a.c", "<troupe/status.h>"),
                              ("base/a.c", "<stdio.h>")]:
            with self.subTest(f"{name} includes {include}"):
                self.check(name, include, None)

    def test_what_lies_above_is_found(self):
        self.check("base/a.c", '"node/config/config.h"',
                   "base does not stand on node, but includes node/config/config.h")

    def test_siblings_are_found(self):
        self.check("supervisors/a.c", '"capabilities/pending.h"',
                   "supervisors does not stand on capabilities, "
                   "but includes capabilities/pending.h")
        self.check("capabilities/a.h", '"../supervisors/health.h"',
                   "capabilities does not stand on supervisors, "
                   "but includes supervisors/health.h")

    def test_a_skipped_layer_is_found(self):
        self.check("supervisors/a.c", '"wire/trp1.h"',
                   "supervisors does not stand on wire, but includes wire/trp1.h")

    def test_users_get_public_headers_only(self):
        self.check("cli/a.c", '"base/log.h"',
                   "cli may only use public headers, not base/log.h")

    def test_public_headers_show_nothing(self):
        self.check("include/troupe/a.h", '"base/log.h"', 'a public header shows "base/log.h"')

    def test_marks_tell_ours_from_theirs(self):
        self.check("mailbox/a.c", "<base/log.h>", "<base/log.h> is ours: use quotes")
        self.check("mailbox/a.c", '"include/troupe/status.h"',
                   '"include/troupe/status.h" is public: use <>')

    def test_what_is_not_there_is_found(self):
        self.check("mailbox/a.c", '"base/lgo.h"', '"base/lgo.h" is not in the tree')


if __name__ == "__main__":
    unittest.main()
