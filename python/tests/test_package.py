"""The package, installed by pip into an environment of its own, without a network."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import kit

PROGRAM = """
import os, troupe, troupe.aio
folder = os.path.dirname(troupe.__file__)
assert folder.startswith(os.environ["EXPECTED"]), folder
assert os.path.exists(os.path.join(folder, "py.typed"))
print(troupe.__version__)
"""


def run(*words, **options):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          stdin=subprocess.DEVNULL, timeout=5 * kit.LONG, **options)


class Package(unittest.TestCase):
    def test_pip_installs_it(self):
        for module in ("pip", "venv", "ensurepip", "setuptools", "wheel"):
            if run(sys.executable, "-c", f"import {module}").returncode != 0:
                self.skipTest(f"{sys.executable} has no {module}")
        folder = tempfile.mkdtemp(prefix="troupe-venv-")
        self.addCleanup(shutil.rmtree, folder)
        # A copy: a build leaves things in its source folder.
        source = os.path.join(folder, "source")
        shutil.copytree(kit.PACKAGE, source, ignore=shutil.ignore_patterns("tests", "__pycache__"))
        venv = os.path.join(folder, "venv")
        made = run(sys.executable, "-m", "venv", "--system-site-packages", "--without-pip", venv)
        self.assertEqual(made.returncode, 0, made.stdout)
        python = os.path.join(venv, "bin", "python3")
        installed = run(python, "-m", "pip", "install", "--no-build-isolation", "--no-deps",
                        "--no-index", "--disable-pip-version-check", source)
        self.assertEqual(installed.returncode, 0, installed.stdout)
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        found = run(python, "-c", PROGRAM, cwd=folder, env={**environment, "EXPECTED": venv})
        self.assertEqual((found.returncode, found.stdout), (0, "0.1.0\n"))

    def test_the_versions_agree(self):
        with open(os.path.join(kit.ROOT, "meson.build"), encoding="utf-8") as file:
            whole = file.read()
        import troupe
        self.assertIn(f"version: '{troupe.__version__}'", whole)
        with open(os.path.join(kit.PACKAGE, "pyproject.toml"), encoding="utf-8") as file:
            self.assertIn(f'version = "{troupe.__version__}"', file.read())


if __name__ == "__main__":
    unittest.main()
