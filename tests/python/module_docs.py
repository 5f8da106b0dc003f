"""What is said of the Python module is true: the blocks of docs/python.md and of README run, doctests hold, the stub has what the
module has, and without the module the package says what to install.

Usage: module_docs.py SOURCE_DIR
"""

import ast
import contextlib
import doctest
import importlib
import io
import os
import pathlib
import pkgutil
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import matplotlib

matplotlib.use("Agg")

import dynvert
from dynvert import _dynvert

SOURCE = pathlib.Path(sys.argv.pop(1)).resolve()


def blocks(page: str) -> list[tuple[int, str]]:
    """The blocks of Python of a page, with the line on which each begins."""
    text = (SOURCE / page).read_text()
    return [(text[: found.start()].count("\n") + 2, found[1]) for found in re.finditer(r"^```python\n(.*?)^```", text, re.M | re.S)]


class Pages(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder.name)
        os.symlink(SOURCE / "examples", "examples")
        shutil.copy(SOURCE / "examples/smallest.toml", ".")

    def run_blocks(self, page, wanted):
        names, printed = {}, io.StringIO()
        found = [(line, text) for line, text in blocks(page) if wanted in text or wanted == ""]
        self.assertGreater(len(found), 0)
        with contextlib.redirect_stdout(printed):
            for line, text in found:
                exec(compile("\n" * (line - 1) + text, page, "exec"), names)
        return printed.getvalue()

    def test_the_page(self):
        printed = self.run_blocks("docs/python.md", "")
        self.assertIn("model.DI.sovler -> solver", printed)

    def test_the_readme(self):
        self.run_blocks("README.md", "dynvert.simulate")


class Doctests(unittest.TestCase):
    def test_of_all_modules(self):
        tried = 0
        for module in pkgutil.iter_modules(dynvert.__path__):
            if module.name in ("__main__", "_dynvert"):
                continue
            result = doctest.testmod(importlib.import_module(f"dynvert.{module.name}"), extraglobs={"dynvert": dynvert})
            self.assertEqual(result.failed, 0, module.name)
            tried += result.attempted
        self.assertGreater(tried, 10)


class Names(unittest.TestCase):
    def test_the_stub_has_what_the_module_has(self):
        stub = ast.parse((pathlib.Path(dynvert.__file__).parent / "_dynvert.pyi").read_text())
        said = {n.target.id for n in stub.body if isinstance(n, ast.AnnAssign)}
        for item in (n for n in stub.body if isinstance(n, ast.ClassDef)):
            said.add(item.name)
            there = {n for n in vars(getattr(_dynvert, item.name)) if not n.startswith("_")}
            self.assertEqual({n.name for n in item.body if not n.name.startswith("_")}, there, item.name)
            for function in item.body:
                signature = getattr(getattr(_dynvert, item.name), function.name).__doc__ or ""
                for argument in function.args.kwonlyargs:
                    self.assertIn(f"{argument.arg}: ", signature)
        self.assertEqual(said, {n for n in vars(_dynvert) if not n.startswith("_")})

    def test_every_public_name_has_a_docstring(self):
        for name in dynvert.__all__:
            item = getattr(dynvert, name)
            self.assertTrue(item.__doc__, name)
            for member in vars(item) if isinstance(item, type) else ():
                if not member.startswith("_") and callable(getattr(item, member)):
                    self.assertTrue(getattr(item, member).__doc__, f"{name}.{member}")
        self.assertNotIn("ValueError", dynvert.__all__)  # a star import would hide Python's own
        self.assertTrue(issubclass(dynvert.ValueError, ValueError))


class WithoutTheModule(unittest.TestCase):
    def test_files_are_read_and_one_message_says_what_to_install(self):
        script = """
import dynvert
for call in (lambda: dynvert.simulate("x.toml"), lambda: dynvert.Simulation("x.toml")):
    try:
        call()
    except dynvert.SimulatorMissing as error:
        print(error)
try:
    dynvert.open_run("x.h5")
except dynvert.FileError as error:
    print(error)
"""
        environment = {**os.environ, "PYTHONPATH": str(SOURCE / "analysis/python"), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
        told = done.stdout.splitlines()
        self.assertEqual(len(told), 3, told)
        self.assertIn("apt install pybind11-dev python3-dev", told[0])
        self.assertIn("there is no such file", told[2])


if __name__ == "__main__":
    unittest.main()
