"""The Python package opens files: values and names as h5py has them, nothing read before it is used, bad files refused.

Usage: package_reading.py RUN.h5
"""

import copy
import pathlib
import shutil
import sys
import tempfile
import unittest

import dynvert
import h5py
import numpy as np
import pandas as pd
import xarray as xr

RUN = sys.argv.pop(1)


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)


class Values(unittest.TestCase):
    def test_every_dataset_is_there_with_its_axes_and_values(self):
        parts = {"learning", "eval", "weights", "trace"}
        seen = 0
        with dynvert.open_run(RUN) as run, h5py.File(RUN) as file:
            self.assertEqual(set(run.models), set(file["models"]))
            for model in run:
                group = file["models"][model.name]
                self.assertLessEqual(set(group), parts)
                for part in parts:
                    dataset = getattr(model, part)
                    stored = group.get(part, {})
                    self.assertEqual(set(dataset.variables), set(stored))
                    for name, item in stored.items():
                        axes = [d[0].name.rsplit("/", 1)[1] if len(d) else name for d in item.dims]
                        self.assertEqual(list(dataset[name].dims), axes)
                        self.assertEqual(dataset[name].attrs["long_name"], item.attrs["long_name"])
                        np.testing.assert_array_equal(dataset[name].values, item[...])
                        seen += 1
        self.assertGreater(seen, 100)

    def test_models_come_in_the_order_of_the_configuration(self):
        with dynvert.open_run(RUN) as run:
            self.assertEqual(list(run.models), [m["name"] for m in run.config["model"]])
            self.assertEqual(run["DI"].config["credit"], "sequential_inversion")
            self.assertEqual(run["DI"].attrs["alpha"], 0.01)
            self.assertTrue(run.complete)

    def test_the_task(self):
        with dynvert.open_run(RUN) as run, h5py.File(RUN) as file:
            np.testing.assert_array_equal(run.task["x"].values, file["task/x"][:])
            self.assertEqual(run.task["order"].dims, ("trial",))

    def test_labels_select(self):
        with dynvert.open_run(RUN) as run, h5py.File(RUN) as file:
            time = run["DI"].learning["settling_time_2"].sel(trial=500)
            self.assertEqual(float(time), file["models/DI/learning/settling_time_2"][500])
            transient = run["DI"].transient(500)
            row = list(file["models/DI/trace/trial"][:]).index(500)
            stored = file["models/DI/trace/delta_1"][row]
            self.assertEqual(transient["delta_1"].dims, ("time", "unit_1"))
            np.testing.assert_array_equal(transient["delta_1"].values, stored)
            nearest = transient["delta_1"].sel(time=[10.2, 100.0], method="nearest")
            np.testing.assert_array_equal(nearest.values, stored[[20, 200]])

    def test_any_index_reads_what_it_selects(self):
        keys = [
            {"record": -1}, {"time": slice(None, None, -7)}, {"unit_1": [3, 1, 1]}, {"record": [0, 2], "time": [5, 4]},
            {"record": 1, "time": slice(10, 2), "unit_1": slice(0, 100)}, {"time": slice(-3, None), "unit_1": np.array([0])},
        ]  # fmt: skip
        with dynvert.open_run(RUN) as run, h5py.File(RUN) as file:
            lazy = run["DI"].trace["delta_1"]
            plain = xr.DataArray(file["models/DI/trace/delta_1"][:], dims=lazy.dims)
            for key in keys:
                np.testing.assert_array_equal(lazy.isel(key).values, plain.isel(key).values, err_msg=str(key))


class Laziness(Folder):
    def test_opening_reads_no_array(self):
        read = []
        original = h5py.Dataset.__getitem__

        def counted(dataset, key, *rest):
            result = original(dataset, key, *rest)
            read.append(np.size(result))
            return result

        h5py.Dataset.__getitem__ = counted
        try:
            with dynvert.open_run(RUN) as run:
                trace = run["DI"].trace
                coordinates, read[:] = list(read), []
                self.assertLessEqual(max(coordinates), 1000)  # the longest coordinate, time
                trace["delta_1"].isel(record=0, time=0).values
                self.assertEqual(read, [20])
        finally:
            h5py.Dataset.__getitem__ = original

    def test_numbers_of_trials_take_no_memory(self):
        with dynvert.open_run(RUN) as run:
            self.assertIsInstance(run["DI"].learning.indexes["trial"], pd.RangeIndex)

    def test_a_copy_reads_the_same(self):
        with dynvert.open_run(RUN) as run:
            weights = run["DI"].weights
            np.testing.assert_array_equal(copy.deepcopy(weights)["W1"].values, weights["W1"].values)

    def test_after_closing_the_message_says_so(self):
        with dynvert.open_run(RUN) as run:
            learning = run["DI"].learning
            loaded = run["DI"].eval.load()
        self.assertEqual(loaded["nse"].shape, (2001,))
        with self.assertRaisesRegex(dynvert.FileError, "closed"):
            learning["trial_error"].values


class Refusals(Folder):
    def refuse(self, path, pattern, opener=dynvert.open_run):
        with self.assertRaisesRegex(dynvert.FileError, pattern) as caught:
            opener(path)
        self.assertEqual(len(str(caught.exception).splitlines()), 1)
        self.assertIn(str(path), str(caught.exception))
        self.assertEqual(caught.exception.exit_code, 4)

    def copied(self):
        path = self.folder / "copy.h5"
        shutil.copy(RUN, path)
        return path

    def test_what_is_no_file_of_ours(self):
        self.refuse(self.folder / "missing.h5", "there is no such file")
        self.refuse(self.folder, "is not a file")
        text = self.folder / "text.h5"
        text.write_text("hello")
        self.refuse(text, "not an HDF5 file")
        text.write_text("")
        self.refuse(text, "not an HDF5 file")
        with h5py.File(self.folder / "foreign.h5", "w") as file:
            file["x"] = [1.0]
        self.refuse(self.folder / "foreign.h5", "not written by dynvert")
        with h5py.File(self.folder / "other.h5", "w") as file:
            file.attrs["Conventions"] = "CF-1.8"
        self.refuse(self.folder / "other.h5", "not written by dynvert.*CF-1.8")
        with h5py.File(self.folder / "number.h5", "w") as file:
            file.attrs["Conventions"] = 1
        self.refuse(self.folder / "number.h5", "not written by dynvert")

    def test_truncated_anywhere(self):
        content = pathlib.Path(RUN).read_bytes()
        for length in (9, 60, 100, 1000, 5000, len(content) // 2, len(content) - 1):
            path = self.folder / f"truncated_{length}.h5"
            path.write_bytes(content[:length])
            self.refuse(path, "truncated|HDF5")

    def test_newer_format(self):
        path = self.copied()
        with h5py.File(path, "r+") as file:
            file.attrs["Conventions"] = "dynvert-2"
        self.refuse(path, "format dynvert-2, and this version reads dynvert-1")
        self.refuse(path, "format dynvert-2", dynvert.open_map)

    def test_one_kind_for_the_other(self):
        self.refuse(RUN, "is a run .* dynvert.open_run reads it", dynvert.open_map)
        path = self.folder / "map.h5"
        with h5py.File(path, "w") as file:
            file.attrs["Conventions"] = "dynvert-map-1"
        self.refuse(path, "is a stability map .* dynvert.open_map reads it")
        self.refuse(path, "no group /maps", dynvert.open_map)

    def test_damaged_structure(self):
        path = self.copied()
        with h5py.File(path, "r+") as file:
            del file["models"]
            file["models"] = [1.0]
        self.refuse(path, "no group /models")
        with h5py.File(path, "r+") as file:
            file.attrs["config"] = "not = [ toml"
        self.refuse(path, "config is missing or damaged")
        path = self.copied()
        with h5py.File(path, "r+") as file:
            file["models/DI/trace"].create_dataset("unnamed", data=np.zeros((2, 3)))
        with dynvert.open_run(path) as run:
            with self.assertRaisesRegex(dynvert.FileError, "unnamed: axis 0 has no name"):
                run["DI"].trace

    def test_a_damaged_chunk_is_named(self):
        path = self.copied()
        with h5py.File(path, "r+") as file:
            group = file["models/DI/learning"]
            packed = group.create_dataset("packed", data=np.arange(2000.0), compression="gzip")
            packed.dims[0].attach_scale(group["trial"])
            place = packed.id.get_chunk_info(0)
        with open(path, "r+b") as raw:
            raw.seek(place.byte_offset)
            raw.write(bytes(place.size))
        with dynvert.open_run(path) as run:
            with self.assertRaisesRegex(dynvert.FileError, "/models/DI/learning/packed: cannot be read, the file is damaged"):
                run["DI"].learning["packed"].values

    def test_what_the_file_does_not_hold(self):
        with dynvert.open_run(RUN) as run:
            with self.assertRaisesRegex(dynvert.RequestError, "no model has the name 'DJ'; there are: BP, FA"):
                run["DJ"]
            with self.assertRaisesRegex(dynvert.RequestError, "trial 7 of DI was not recorded; recorded: 0, 100, 500"):
                run["DI"].transient(7)
            with self.assertRaisesRegex(dynvert.RequestError, "BP was not recorded; this model has no trajectories"):
                run["BP"].transient(0)
            self.assertEqual(len(run["BP"].trace), 0)
            self.assertEqual(len(run["BP"].grid), 0)


class CutShort(Folder):
    def test_only_committed_trials_are_shown(self):
        path = self.folder / "cut.h5"
        shutil.copy(RUN, path)
        with h5py.File(path, "r+") as file:
            file.attrs["complete"], file.attrs["status"] = np.int64(0), "interrupted"
            file.attrs["trials_committed"] = np.int64(700)
            file["models/DI/eval/nse"][...] = np.nan
        with dynvert.open_run(path) as run:
            self.assertFalse(run.complete)
            self.assertEqual(run["DI"].learning.sizes["trial"], 700)
            self.assertEqual(run["DI"].learning["trial_error"][-1:].values.shape, (1,))
            self.assertEqual(run.task["order"].shape, (700,))


if __name__ == "__main__":
    unittest.main()
