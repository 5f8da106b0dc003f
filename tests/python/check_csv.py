"""Tables that dynvert export writes, read by Python's csv and by NumPy, against the file.

Usage: check_csv.py FILE DYNVERT
"""

import csv
import pathlib
import re
import subprocess
import sys
import tempfile

import h5py
import numpy as np


def read(path):
    with open(path, newline="") as stream:
        header, *rows = csv.reader(stream)
    values = np.array([[float(v) for v in row] for row in rows])
    same = np.genfromtxt(path, delimiter=",", skip_header=1)
    assert np.array_equal(values, same, equal_nan=True), "csv and NumPy read different numbers"
    return header, values


def check(header, values, group, select):
    """Each column is a part of a dataset; exactly the same doubles."""
    for column, title in enumerate(header):
        name, index, units = re.fullmatch(r"(\w+)((?:\[\d+\])*)(?: \((.*)\))?", title).groups()
        dataset = group[name]
        assert (units or "1") == dataset.attrs["units"], f"{title}: units are {dataset.attrs['units']}"
        expected = select(dataset)[(slice(None), *map(int, re.findall(r"\d+", index)))]
        assert np.array_equal(values[:, column], expected, equal_nan=True), f"{group.name}/{title} differs"
    return values.size


def main(path, program):
    numbers = 0
    with h5py.File(path) as file, tempfile.TemporaryDirectory() as folder:
        out = str(pathlib.Path(folder) / "table.csv")

        def export(*words):
            subprocess.run([program, "export", path, "-o", out, "--overwrite", *words], check=True, capture_output=True)
            return read(out)

        for name, model in file["models"].items():
            for group in ("learning", "eval", "weights"):
                header, values = export("--model", name, "--group", group)
                rows = ("trial", "evaluation", "snapshot")
                over_rows = {k for k, v in model[group].items() if k in rows or not h5py.h5ds.is_scale(v.id)}
                assert {h.split("[")[0].split(" ")[0] for h in header} == over_rows, f"{name}/{group}: columns are {header}"
                numbers += check(header, values, model[group], lambda d: d[:])
            if "trace" not in model:
                continue
            for record, trial in enumerate(model["trace/trial"][:2].tolist()):
                header, values = export("--model", name, "--trial", str(trial))
                numbers += check(header, values, model["trace"], lambda d: d[:] if d.ndim == 1 else d[record])
    print(f"{numbers} numbers are the same")


if __name__ == "__main__":
    main(*sys.argv[1:])
