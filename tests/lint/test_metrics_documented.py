#!/usr/bin/env python3
"""A check that finds nothing is only worth something if it can find: here are seeded faults."""
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import metrics_documented  # noqa: E402

SOURCE = """
x = tr_metrics_series(metrics, TR_METRIC_COUNTER, "troupe_calls_total", "Calls", a, b);
y = tr_metrics_series(metrics, TR_METRIC_GAUGE, "troupe_depth", "Depth", a, b);
"""
PAGE = """# Metrics
| `troupe_calls_total` | counter | `of` | calls |
| `troupe_depth` | gauge | | depth |
"""


class Metrics(unittest.TestCase):
    def faults(self, old, new, source=SOURCE):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "node").mkdir()
            (root / "node" / "a.c").write_text(source)
            (root / "node" / "b.c").write_text('f("troupe_symbol");')
            self.assertIn(old, PAGE)
            return "; ".join(metrics_documented.faults_in(root, PAGE.replace(old, new)))

    def test_all_is_there(self):
        self.assertEqual(self.faults("depth", "depth"), "")

    def test_not_described(self):
        self.assertIn("'troupe_depth' is made and not described",
                      self.faults("| `troupe_depth` | gauge | | depth |\n", ""))

    def test_not_made(self):
        self.assertIn("'troupe_depth' is described and nowhere made",
                      self.faults("depth", "depth", SOURCE.replace("depth", "width")))

    def test_twice(self):
        row = "| `troupe_depth` | gauge | | depth |\n"
        self.assertIn("2 times", self.faults(row, row + row))

    def test_wrong_type(self):
        self.assertIn("which is none", self.faults("gauge", "number"))
        self.assertIn("end in _total", self.faults("| counter", "| gauge"))


if __name__ == "__main__":
    unittest.main()
