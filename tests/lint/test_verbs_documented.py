#!/usr/bin/env python3
"""A check that finds nothing is only worth something if it can find: here are seeded faults."""
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import verbs_documented  # noqa: E402

TROUPE = """#!/bin/sh
case "$2" in
    '') printf 'usage: troupe VERB\\n\\nverbs:\\n  run FILE   serve\\n  stop       end\\n\\nmore:\\n' ;;
    *) printf 'usage\\n\\noptions:\\n  -t, --timeout TIME  how long\\n      --json  all\\n  -h, --help  this\\n' ;;
esac
"""
PAGE = """# The command
troupe run FILE   serve
troupe stop       end
troupe help       this

## run, stop
`-t` and `--json`.
"""


class Verbs(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.troupe = pathlib.Path(folder.name) / "troupe"
        self.troupe.write_text(TROUPE)
        self.troupe.chmod(0o755)

    def faults(self, old, new):
        self.assertIn(old, PAGE)
        page = PAGE.replace(old, new)
        return "; ".join(verbs_documented.faults_in(str(self.troupe), page))

    def test_all_is_there(self):
        self.assertEqual(self.faults("end", "end"), "")

    def test_no_line(self):
        self.assertIn("no line 'troupe run FILE'", self.faults("troupe run FILE ", "troupe run "))

    def test_no_section(self):
        self.assertIn("no section about 'stop'", self.faults("## run, stop", "## run"))

    def test_no_option(self):
        self.assertIn("'run' has an option --json", self.faults("--json", "--jsonl"))

    def test_one_too_many(self):
        self.assertIn("has 'halt'", self.faults("troupe help", "troupe halt       at once\ntroupe help"))


if __name__ == "__main__":
    unittest.main()
