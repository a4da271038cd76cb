"""Type checkers understand the package, and who uses it wrongly is told."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import kit

MYPY = shutil.which("mypy")


class Checked(unittest.TestCase):
    def check(self, *paths):
        with tempfile.TemporaryDirectory() as cache:
            done = subprocess.run([MYPY, "--strict", "--cache-dir", cache, *paths],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  timeout=5 * kit.LONG, stdin=subprocess.DEVNULL,
                                  env={**os.environ, "MYPYPATH": kit.PACKAGE})
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_package_and_who_uses_it(self):
        self.check(os.path.join(kit.PACKAGE, "troupe"), os.path.join(kit.HERE, "checked.py"))


if __name__ == "__main__":
    if MYPY is None:
        print("skipped: there is no mypy")
        sys.exit(77)
    unittest.main()
