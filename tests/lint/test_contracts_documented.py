#!/usr/bin/env python3
"""A check that finds nothing is only worth something if it can find: here are seeded faults."""
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
import contracts_documented  # noqa: E402

TROUPE = sys.argv.pop(1)
PAGE = pathlib.Path(sys.argv.pop(1)).read_text(encoding="utf-8")


class Contracts(unittest.TestCase):
    def faults(self, old, new):
        self.assertIn(old, PAGE)
        return "; ".join(contracts_documented.faults_in(TROUPE, PAGE.replace(old, new, 1)))

    def test_all_is_there(self):
        self.assertEqual(self.faults("vision", "vision"), "")

    def test_no_row(self):
        self.assertIn("vision: the request has 'query'", self.faults("| `query` |", "| query |"))

    def test_a_row_too_many(self):
        self.assertIn("the table has 'tint'", self.faults("| `dpi` |", "| `dpi`, `tint` |"))

    def test_no_choice(self):
        self.assertIn("'format' does not say `pdf`", self.faults("`svg`, `pdf`", "`svg`"))

    def test_another_limit(self):
        self.assertIn("'top_p' does not say 0 to 1", self.faults("real, 0 to 1 | 1:", "real | 1:"))

    def test_another_default(self):
        self.assertIn("'suggest' does not say false", self.faults("`suggest` | flag | false",
                                                                  "`suggest` | flag | true"))

    def test_no_column(self):
        self.assertIn("'words' does not say `left`", self.faults("`left`, ", ""))


if __name__ == "__main__":
    unittest.main()
