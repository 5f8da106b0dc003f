"""python3 -m dynvert plot: what it draws, its messages and exit codes, and that its memory does not grow with the file.

Usage: package_plots.py RUN.h5 LOOPS.h5      LOOPS.h5 is of loops.toml
"""

import contextlib
import io
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

import h5py
import numpy as np
from dynvert.__main__ import main

LOOPS = sys.argv.pop()
RUN = sys.argv.pop()
CONFIG = """
[experiment]
seed = 1
[network]
layers = [3, 20, 10]
activation = ["linear"]
output = "linear"
[record]
every = 1
[[model]]
name = "DI"
"""


class Command(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_it(self, *arguments, code=0):
        """Standard output as lines, and standard error, of the command line in this process."""
        output, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            try:
                returned = main([str(a) for a in arguments])
            except SystemExit as stopped:  # argparse
                returned = stopped.code
        self.assertEqual(returned, code, errors.getvalue())
        return output.getvalue().splitlines(), errors.getvalue()

    def as_process(self, *arguments, code=0):
        """The same, of a process of its own."""
        command = [sys.executable, "-m", "dynvert", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout.splitlines(), done.stderr

    def names(self, pictures):
        return {pathlib.Path(p).name.split("-", 1)[1].rsplit(".", 1)[0] for p in pictures}


class Pictures(Command):
    def test_everything_that_a_file_supports(self):
        pictures, errors = self.run_it("plot", LOOPS, "-o", self.folder / "new" / "folder", "--formats", "svg", "--most", 1)
        names = self.names(pictures)
        loops = ["linear", "nonlinear", "linearised", "slow", "single", "repeat", "forward", "concurrent"]
        expected = {f"transient_{m}_trial_0" for m in loops} | {f"spectrum_{m}" for m in [*loops, "settled"]}
        expected |= {"learning_curves", "forward_forward_trial_0", "settling_time", "spectral_abscissa", "residual"}
        expected |= {f"angle_{a}" for a in ("bp", "pbp", "ndi", "feedback")}
        self.assertEqual(names, expected)
        self.assertEqual(sorted(pictures), sorted(str(p) for p in (self.folder / "new" / "folder").iterdir()))
        for picture in pictures:
            self.assertTrue(xml.etree.ElementTree.parse(picture).getroot().tag.endswith("svg"))
        self.assertIn("linear: showing 1 of 5 recorded trials; --trial N draws another", errors)

    def test_formats_and_the_same_bytes_each_time(self):
        options = ["--only", "learning_curves,transient", "--model", "DI_2", "--trial", 500]
        pictures, errors = self.run_it("plot", RUN, "-o", self.folder, *options)
        self.assertEqual(errors, "")
        stems = ("learning_curves", "transient_DI_2_trial_500")
        stem = pathlib.Path(RUN).stem
        self.assertEqual(pictures, [f"{self.folder}/{stem}-{s}.{f}" for s in stems for f in ("pdf", "png", "svg")])
        starts = {"pdf": b"%PDF", "png": b"\x89PNG", "svg": b"<?xml"}
        first = {p: pathlib.Path(p).read_bytes() for p in pictures}
        for path, content in first.items():
            self.assertTrue(content.startswith(starts[path[-3:]]))
        self.run_it("plot", RUN, "-o", self.folder, *options)
        self.assertEqual(first, {p: pathlib.Path(p).read_bytes() for p in pictures})

    def test_a_trial_alone(self):
        pictures, _ = self.run_it("plot", RUN, "-o", self.folder, "--model", "DI_2", "--trial", 500, "--formats", "png")
        self.assertEqual(self.names(pictures), {"transient_DI_2_trial_500"})
        pictures, _ = self.run_it("plot", RUN, "-o", self.folder, "--trial", 500, "--formats", "png")
        self.assertEqual(self.names(pictures), {f"transient_{m}_trial_500" for m in ("DI", "DI_2", "DI_3")})

    def test_figure_3(self):
        pictures, _ = self.run_it("plot", RUN, "-o", self.folder, "--only", "figure_3", "--formats", "pdf")
        self.assertEqual(self.names(pictures), {"figure_3"})

    def test_maps(self):
        path = self.folder / "map.h5"
        with h5py.File(path, "w") as file:
            file.attrs["Conventions"] = "dynvert-map-1"
            group = file.create_group("maps/DI")
            for name, values in (("alpha", np.geomspace(0.01, 1, 5)), ("ratio", np.linspace(0.5, 2, 4))):
                group.create_dataset(name, data=values).make_scale(name)
            abscissa = group.create_dataset("spectral_abscissa_2", data=np.linspace(-1, 1, 20).reshape(5, 4))
            for axis, name in enumerate(("alpha", "ratio")):
                abscissa.dims[axis].attach_scale(group[name])
        pictures, _ = self.run_it("plot", path, "-o", self.folder, "--formats", "png")
        self.assertEqual(self.names(pictures), {"map_DI"})
        _, errors = self.run_it("plot", path, "-o", self.folder, "--model", "DJ", code=2)
        self.assertIn("no map of a model 'DJ'; there are maps of: DI", errors)

    def test_a_run_that_was_cut_short(self):
        path = self.folder / "cut.h5"
        shutil.copy(RUN, path)
        with h5py.File(path, "r+") as file:
            file.attrs["complete"], file.attrs["status"] = np.int64(0), "interrupted"
            file.attrs["trials_committed"] = np.int64(700)
            for group in file["models"].values():
                group["eval/nse"][...] = np.nan
        pictures, errors = self.run_it(
            "plot", path, "-o", self.folder, "--only", "learning_curves,angle_bp", "--formats", "png"
        )
        self.assertEqual(self.names(pictures), {"learning_curves", "angle_bp"})
        self.assertIn("the run did not end (status interrupted); showing its 700 trials", errors)


class Messages(Command):
    def refused(self, code, pattern, *arguments, runner=None):
        output, errors = (runner or self.run_it)("plot", *arguments, code=code)
        self.assertEqual(output, [])
        self.assertEqual(len(errors.splitlines()), 1, errors)
        self.assertTrue(errors.startswith("dynvert: "), errors)
        self.assertRegex(errors, pattern)

    def test_bad_files(self):
        text = self.folder / "text.h5"
        text.write_text("hello")
        self.refused(4, "not an HDF5 file", text)
        self.refused(4, "no such file", self.folder / "missing.h5")
        short = self.folder / "short.h5"
        short.write_bytes(pathlib.Path(RUN).read_bytes()[:100_000])
        self.refused(4, "short.h5: is truncated", short)
        newer = self.folder / "newer.h5"
        shutil.copy(RUN, newer)
        with h5py.File(newer, "r+") as file:
            file.attrs["Conventions"] = "dynvert-2"
        self.refused(4, "is of the format dynvert-2", newer, "-o", self.folder / "never")
        self.assertFalse((self.folder / "never").exists())

    def test_a_file_that_is_being_written(self):
        path = self.folder / "open.h5"
        shutil.copy(RUN, path)
        with h5py.File(path, "r+"):
            self.refused(4, "is being written by another program", path, runner=self.as_process)

    def test_bad_folders(self):
        (self.folder / "file").write_text("")
        self.refused(4, "file/pictures: the folder cannot be created", RUN, "-o", self.folder / "file" / "pictures")
        self.assertEqual((self.folder / "file").read_text(), "")
        if os.getuid() != 0:  # root may write anywhere
            (self.folder / "locked").mkdir(mode=0o500)
            self.refused(4, "cannot be written", RUN, "-o", self.folder / "locked", "--only", "learning_curves")

    def test_bad_requests(self):
        self.refused(2, "no model has the name 'DJ'; there are: BP", RUN, "-o", self.folder, "--model", "DJ")
        self.refused(2, "trial 7 of DI was not recorded; recorded: 0", RUN, "-o", self.folder, "--model", "DI", "--trial", 7)
        self.refused(2, "no figure is called 'spectra'; there are: figure_3, ", RUN, "-o", self.folder, "--only", "spectra")
        self.refused(2, "no format is called 'jpg'; there are: pdf, png, svg", RUN, "-o", self.folder, "--formats", "jpg")
        self.refused(2, "holds nothing to draw of map", RUN, "-o", self.folder, "--only", "map")
        self.run_it("plot", code=2)
        self.run_it(code=2)


def big_file(path):
    """A run of 4 GB, as its readers see it. Most of it is never written: it is its fill value, and takes no space on disk."""
    trials, samples, records = 10_000_000, 1_000_000, 4_000
    with h5py.File(path, "w") as file:
        file.attrs["Conventions"], file.attrs["config"] = "dynvert-1", CONFIG
        file.attrs["complete"], file.attrs["trials_committed"] = np.int64(1), np.int64(trials)
        model = file.create_group("models/DI")
        text = {"credit": "sequential_inversion", "transfer": "linear", "solver": "euler", "status": "complete"}
        for name, value in {**text, "alpha": 0.01, "tau_u": 1.0, "tau_delta": 1.0}.items():
            model.attrs[name] = value

        def scale(group, name, values):
            options = {"chunks": (100_000,), "compression": 1, "shuffle": True} if len(values) > 100_000 else {}
            group.create_dataset(name, data=values, **options).make_scale(name)

        def filled(group, name, axes, value, dtype="f8"):
            shape = tuple(len(group[a]) for a in axes)
            chunk = (1,) * (len(shape) - 2) + ((3000, 20)[: len(shape)] if len(shape) > 1 else (100_000,))
            chunk = tuple(min(c, n) for c, n in zip(chunk, shape))
            dataset = group.create_dataset(name, shape, dtype, chunks=chunk, fillvalue=value)
            for axis, a in zip(dataset.dims, axes):
                axis.attach_scale(group[a])
            return dataset

        learning, evaluation, weights, trace = (model.create_group(n) for n in ("learning", "eval", "weights", "trace"))
        scale(learning, "trial", np.arange(trials))
        for name in ("trial_error", "angle_bp_1", "angle_ndi_1", "settling_time_2", "spectral_abscissa_2", "residual_2"):
            filled(learning, name, ["trial"], 30.0)
        scale(evaluation, "evaluation", np.arange(trials + 1))
        filled(evaluation, "nse", ["evaluation"], 0.5)
        filled(evaluation, "train_loss", ["evaluation"], 0.5)
        for l, units in enumerate((3, 20, 10)):
            scale(weights, f"unit_{l}", np.arange(units))
            scale(trace, f"unit_{l}", np.arange(units))
        scale(weights, "snapshot", np.arange(0, trials + 1, 1000))
        filled(weights, "W1", ["snapshot", "unit_1", "unit_0"], 0.1)
        filled(weights, "W2", ["snapshot", "unit_2", "unit_1"], 0.1)
        filled(weights, "B2", ["snapshot", "unit_1", "unit_2"], -0.1)
        scale(trace, "record", np.arange(records))
        filled(trace, "trial", ["record"], 0, "i8")[:] = np.arange(0, trials, trials // records)
        scale(trace, "time", np.arange(samples) * 0.5)
        # the first record alone is 240 MB
        filled(trace, "delta_1", ["record", "time", "unit_1"], 0.01)
        filled(trace, "u_2", ["record", "time", "unit_2"], 0.2)
        filled(trace, "s_2", ["record", "unit_2"], 1.0)
        filled(trace, "settling_time", ["record"], 12.0)
        return sum(item.nbytes for item in items(file))


def items(file):
    found = []
    file.visititems(lambda _, item: found.append(item) if isinstance(item, h5py.Dataset) else None)
    return found


MEASURED = """
import resource, sys
from dynvert.__main__ import main
code = main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
sys.exit(code)
"""


class Memory(Command):
    def test_a_file_larger_than_memory(self):
        path = self.folder / "big.h5"
        self.assertGreater(big_file(path), 2 << 30)
        command = [sys.executable, "-c", MEASURED, "plot", path, "-o", self.folder, "--formats", "png", "--most", "1"]
        done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        *pictures, peak = done.stdout.splitlines()
        expected = {"learning_curves", "angle_bp", "angle_ndi", "settling_time", "spectral_abscissa", "residual"}
        self.assertEqual(self.names(pictures), expected | {"spectrum_DI", "transient_DI_trial_0"})
        # The libraries alone take some 150 MB.
        self.assertLess(int(peak), 500, "MB at most")
        print(f"peak memory: {peak} MB")


if __name__ == "__main__":
    unittest.main()
