"""Files of 0.1.0 have no roles: they read as those of today do. And what is read goes by roles, not by names.

Usage: package_old_files.py FOLDER DYNVERT      FOLDER has NAME.toml, and NAME.h5.gz which 0.1.0 made of it
"""

import gzip
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import dynvert
import h5py
import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import report_data
from dynvert.figures import grid, spectrum, transient
from dynvert.loops import loop_layout, loops_at
from dynvert.plotting import plot

DYNVERT = sys.argv.pop()
OLD = pathlib.Path(sys.argv.pop())
RUNS = ("learning", "inversion", "circuit")
KEYS = ("role", "layer", "loop", "credit_layer", "target_layer", "source_layer")


def program(*arguments):
    return subprocess.run([DYNVERT, *map(str, arguments)], capture_output=True, text=True, check=True).stdout


def roles(data):
    """What says what each dataset is for."""
    return {str(name): {k: v.attrs[k] for k in KEYS if k in v.attrs} for name, v in data.data_vars.items()}


class Folder(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.here = pathlib.Path(cls.folder.name)
        for name in RUNS:
            (cls.here / f"{name}_old.h5").write_bytes(gzip.decompress((OLD / f"{name}.h5.gz").read_bytes()))
            program("simulate", OLD / f"{name}.toml", "-o", cls.here / f"{name}_new.h5", "--quiet")

    def tearDown(self):
        plt.close("all")

    def both(self, name):
        return [dynvert.open_run(self.here / f"{name}_{age}.h5") for age in ("old", "new")]


class Files(Folder):
    def test_what_the_names_say_is_what_files_of_today_say(self):
        for name in ("learning", "inversion"):
            old, new = self.both(name)
            with old, new, h5py.File(new.path) as stored:
                for model in new:
                    for part in ("trace", "weights"):
                        said, found = roles(getattr(model, part)), roles(getattr(old[model.name], part))
                        # records and flags of a trial have no role
                        found = {n: v for n, v in found.items() if v != {"role": "auxiliary"}}
                        said = {n: v for n, v in said.items() if v}
                        self.assertEqual(found, said, f"{model.name}/{part}")
                        for n in said:
                            self.assertEqual(stored[f"models/{model.name}/{part}/{n}"].attrs["role"], said[n]["role"])
                    self.assertEqual(loop_layout(old[model.name]), loop_layout(model))

    def test_names_of_a_users_circuit_say_nothing(self):
        old, new = self.both("circuit")
        with old, new:
            self.assertEqual(set(v.get("role") for v in roles(old["circuit"].trace).values()), {None})
            self.assertEqual(roles(new["circuit"].trace)["u_1"], {"role": "auxiliary"})
            for run in (old, new):
                self.assertEqual(len(transient.populations(run["circuit"], 0).axes), 3)
                self.assertEqual(loop_layout(run["circuit"]), [])

    def test_the_same_pictures(self):
        for name in RUNS:
            pictures = {
                age: {p.name.split("-", 1)[1] for p in plot(self.here / f"{name}_{age}.h5", self.here / age, formats=["svg"])}
                for age in ("old", "new")
            }
            self.assertEqual(pictures["old"], pictures["new"])
            self.assertGreater(len(pictures["old"]), 0)

    def test_the_program_reads_them(self):
        for name in RUNS:
            file = self.here / f"{name}_old.h5"
            new = self.here / f"{name}_new.h5"
            model = {"learning": "repeat", "inversion": "DI", "circuit": "circuit"}[name]
            program("inspect", file)
            program("inspect", file, "--json")
            for suffix in ("mat", "csv"):
                program("export", file, "-o", self.here / f"{name}.{suffix}", "--model", model)
            shown = []
            for each in (file, new):
                page = self.here / "page.html"
                try:
                    program("report", each, "-o", page, "--overwrite")
                except subprocess.CalledProcessError as error:
                    if error.returncode != 4:
                        raise
                    return  # a build without the page
                models = report_data.read_page(page)["models"]
                shown.append([(p["name"], p["role"]) for m in models for t in m["trials"] for p in t["populations"]])
            self.assertGreater(len(shown[0]), 1)
            if name == "circuit":
                self.assertEqual({role for _, role in shown[0]}, {"auxiliary"})
            else:
                self.assertEqual(*shown)

    def test_medians_over_samples(self):
        old, new = self.both("inversion")
        with old, new:
            for run in (old, new):
                data = grid.on_grid(run["DI"])
                median, spread = grid.over_samples(data)
                stored = run["DI"].grid["settling_time_2"].values.reshape(2, 2, 3)  # samples are fastest, then ratio
                expected = np.median(np.where(np.isnan(stored), np.inf, stored), axis=2)
                np.testing.assert_array_equal(median["settling_time_2"].values, expected)
                self.assertTrue(np.isinf(expected).any() and np.isfinite(expected).any())
                ordered = np.sort(np.where(np.isnan(stored), np.inf, stored), axis=2)
                with np.errstate(invalid="ignore"):
                    between = ordered[:, :, 2] - ordered[:, :, 0]  # quartiles of three are the first and the last
                np.testing.assert_array_equal(spread["settling_time_2"].values, between)
                figure = grid.grid_map(run["DI"])
                self.assertIn("medians of 3 samples", figure._suptitle.get_text())
                self.assertTrue(any("white: not settled" in axes.get_title(loc="left") for axes in figure.axes))


class Renamed(Folder):
    def test_loops_are_found_whatever_things_are_called(self):
        path = self.here / "learning_new.h5"
        with dynvert.open_run(path) as run:
            axes = len(transient.transient(run["repeat"], 0).axes)
            loops = [(loop.number, len(loop.errors)) for loop in loops_at(run["repeat"], 0)]
        with h5py.File(path, "r+") as file:
            model = file["models/repeat"]
            model.attrs["credit"] = "something_new"
            for name in list(model["trace"]):
                if "role" in model["trace"][name].attrs:
                    model["trace"].move(name, "x_" + name)
        with dynvert.open_run(path) as run:
            figure = transient.transient(run["repeat"], 0)
            self.assertEqual(len(figure.axes), axes)
            self.assertEqual([(loop.number, len(loop.errors)) for loop in loops_at(run["repeat"], 0)], loops)
            self.assertTrue(any("controller" in a.get_ylabel() for a in figure.axes))
            self.assertEqual(len(spectrum.spectrum(run["repeat"]).axes), 2)


if __name__ == "__main__":
    unittest.main()
