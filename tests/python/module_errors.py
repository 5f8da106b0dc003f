"""dynvert.simulate: dicts as TOML, and exceptions with their data.

Usage: module_errors.py DYNVERT SOURCE_DIR
"""

import builtins
import os
import pathlib
import pickle
import random
import subprocess
import sys
import tomllib
import unittest
import warnings

import dynvert
import numpy as np
from dynvert.toml import to_toml

from module_cases import CIRCUIT, SMALL, TemporaryFolder

PROGRAM, SOURCE = sys.argv[1], pathlib.Path(sys.argv[2])
del sys.argv[1:3]
EXAMPLES = SOURCE / "examples"


class Toml(unittest.TestCase):
    def test_values_come_back_as_they_were(self):
        draw = random.Random(1)

        def value(depth):
            kinds = [
                lambda: draw.choice([True, False]),
                lambda: draw.randint(-(2**63), 2**63 - 1),
                lambda: draw.uniform(-1, 1) * 10.0 ** draw.randint(-320, 308),
                lambda: draw.choice([float("inf"), -0.0, 5e-324]),
                lambda: "".join(chr(draw.choice([9, 10, 13, 31, 34, 39, 92, 127, 65, 0xE9, 0x1F600])) for _ in range(5)),
                lambda: [value(depth + 1) for _ in range(draw.randint(0, 3))],
                lambda: {name(): value(depth + 1) for _ in range(draw.randint(0, 3))},
                lambda: [{name(): value(depth + 1)} for _ in range(draw.randint(1, 3))],
            ]
            return draw.choice(kinds if depth < 3 else kinds[:5])()

        def name():
            return draw.choice(["a", "b_c", "d-e", "two words", 'quo"te', "é", "x.y"])

        for _ in range(500):
            table = {name(): value(0) for _ in range(4)}
            read = tomllib.loads(to_toml(table))
            self.assertEqual(repr(read), repr({k: read[k] for k in read}))
            self.assertEqual(read, table)

    def test_numpy_values(self):
        table = {"a": np.float64(0.1), "b": np.int32(3), "c": np.array([[1.5, 2], [3, 4]]), "d": np.bool_(True)}
        self.assertEqual(tomllib.loads(to_toml(table)), {"a": 0.1, "b": 3, "c": [[1.5, 2.0], [3.0, 4.0]], "d": True})

    def test_what_toml_cannot_say(self):
        for config, key in (({"a": {"b": None}}, "a.b"), ({"a": {"b": [1, 2**63]}}, "a.b[1]"), ({"a": {1: 2}}, "a")):
            with self.assertRaises(dynvert.ConfigError) as caught:
                dynvert.simulate(config)
            self.assertEqual(caught.exception.key, key)


class Errors(TemporaryFolder):
    def test_a_key_of_a_file(self):
        path = self.folder / "wrong.toml"
        path.write_text(to_toml(SMALL).replace("rate =", "raet ="))
        with self.assertRaises(dynvert.ConfigError) as caught:
            dynvert.simulate(path)
        error = caught.exception
        self.assertEqual((error.file, error.key, error.nearest, error.exit_code), (str(path), "learning.raet", "rate", 2))
        self.assertEqual(path.read_text().split("\n")[error.line - 1], "raet = 0.005")
        self.assertIn("rate", error.allowed)
        told = subprocess.run([PROGRAM, "check", str(path)], capture_output=True, text=True).stderr
        self.assertIn(str(error), told)  # what the program says

    def test_a_key_of_a_dict_names_no_line(self):
        with self.assertRaises(dynvert.ConfigError) as caught:
            dynvert.simulate({**SMALL, "learning": {"rate": -1.0}})
        self.assertEqual((caught.exception.key, caught.exception.line), ("learning.rate", None))
        self.assertTrue(str(caught.exception).startswith("<dict>: learning.rate: "), caught.exception)

    def test_a_key_that_is_set(self):
        with self.assertRaises(dynvert.ConfigError) as caught:
            dynvert.simulate(SMALL, set={"model.DI.sovler": "rk4"})
        self.assertEqual(caught.exception.file, 'set: model.DI.sovler="rk4"')
        self.assertEqual(caught.exception.nearest, "solver")

    def test_values_files_and_numbers(self):
        taken = self.folder / "taken.h5"
        taken.write_text("mine")
        with self.assertRaises(dynvert.IoError) as caught:
            dynvert.simulate(SMALL, output=taken)
        self.assertIsInstance(caught.exception, OSError)
        self.assertIsInstance(caught.exception, dynvert.FileError)
        self.assertEqual(caught.exception.path, str(taken))
        self.assertEqual(taken.read_text(), "mine")
        with self.assertRaises(dynvert.IoError):
            dynvert.simulate(SMALL, output=taken, overwrite=True)  # it is not a file of dynvert
        with self.assertRaises(dynvert.IoError):
            dynvert.simulate({**SMALL, "task": {"kind": "dataset", "path": str(self.folder / "none.h5"), "samples": 3}})
        with self.assertRaises(builtins.ValueError) as caught:
            dynvert.simulate(CIRCUIT, set={"dynamics.solver": "exact", "population.E.rate": "tanh", "projection.E_E.transmits": "rate"})
        self.assertIsInstance(caught.exception, dynvert.DynvertError)
        self.assertTrue(caught.exception.allowed)

    def test_divergence_has_its_data(self):
        output = self.folder / "diverging.h5"
        with self.assertRaises(dynvert.DivergenceError) as caught:
            dynvert.simulate(SMALL, set={"model.DI.solver": "euler", "model.DI.dt": 4.0, "model.DI.duration": 4000.0}, output=output)
        error = caught.exception
        self.assertEqual((error.model, error.trial, error.kind, error.exit_code), ("DI", 0, "diverged", 3))
        self.assertIn(error.population, ("u_2", "delta_1"))
        self.assertGreater(error.time, 0)
        self.assertEqual(error.limit, 1e6)
        self.assertIsInstance(error, dynvert.NumericalError)
        self.assertIsInstance(error, ArithmeticError)
        with dynvert.open_run(output) as run:
            self.assertEqual(run.attrs["status"], "diverged")

    def test_trials_that_fail_are_told(self):
        growing = {**CIRCUIT, "dynamics": {**CIRCUIT["dynamics"], "duration": 100.0, "on_divergence": "skip"}}
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            with dynvert.simulate(growing, set={"projection.E_E.weight": 3.0}) as run:
                self.assertEqual(len(run.failed), 1)
                self.assertIn("3 trials failed", run.failed[0])
        self.assertEqual([str(w.message) for w in told], list(run.failed))
        self.assertEqual(told[0].filename, __file__)

    def test_equations(self):
        circuit = self.folder / "wrong_circuit.toml"
        text = (EXAMPLES / "circuits/backprop.toml").read_text()
        circuit.write_text(text.replace("g[l](a[l])", "g[l](aa[l])"))
        with self.assertRaises(dynvert.EquationError) as caught:
            dynvert.simulate({**SMALL, "record": {}, "model": [{"name": "X", "circuit": str(circuit)}]})
        self.assertEqual(caught.exception.file, str(circuit))
        self.assertIn("aa[l]", text.replace("g[l](a[l])", "g[l](aa[l])").split("\n")[caught.exception.line - 1])

    def test_a_run_too_large_for_the_memory_says_output(self):
        with self.assertRaises(dynvert.IoError) as caught:
            dynvert.simulate(SMALL, set={"experiment.trials": 10**9, "task.samples": 20, "record.trials": [0]})
        self.assertIn("output=", str(caught.exception))
        self.assertIn("output=", caught.exception.remedy)

    def test_reproducible_says_how_to_start_python(self):
        with self.assertRaises(dynvert.ValueError) as caught:
            dynvert.simulate(SMALL, set={"experiment.reproducible": True})
        self.assertIn("OPENBLAS_CORETYPE=Nehalem", caught.exception.allowed)
        environment = dict(w.split("=", 1) for w in caught.exception.allowed.split() if "=" in w)
        script = f"import dynvert; dynvert.simulate({SMALL!r}, set={{'experiment.reproducible': True}}).close()"
        subprocess.run([sys.executable, "-c", script], env={**os.environ, **environment}, check=True)

    def test_exceptions_can_be_pickled(self):
        try:
            dynvert.simulate(SMALL, set={"learning.rate": "fast"})
        except dynvert.ConfigError as error:
            copied = pickle.loads(pickle.dumps(error))
            self.assertEqual((str(copied), copied.key, copied.allowed), (str(error), error.key, error.allowed))


if __name__ == "__main__":
    unittest.main()
