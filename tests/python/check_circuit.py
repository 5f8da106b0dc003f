"""Fixed points and spectra of user-defined circuits: what inspect says, computed again by SciPy from the recorded weights.

Two populations of several units with tanh and softplus rates and dense recurrent weights; the last trial starts elsewhere.

Usage: check_circuit.py DYNVERT
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import h5py
import numpy as np
import scipy.linalg
import scipy.optimize

CONFIG = """
[experiment]
seed = 5
trials = 3
[dynamics]
solver = "dopri5"
dt = 0.5
duration = 60.0
[[population]]
name = "A"
units = 6
tau = 1.0
rate = "tanh"
initial_half_width = 1.0
[[population]]
name = "B"
units = 4
tau = 2.5
leak = 1.5
rate = "softplus"
[[projection]]
source = "A"
target = "A"
kind = "uniform"
half_width = 0.5
[[projection]]
source = "A"
target = "B"
kind = "uniform"
half_width = 0.8
[[projection]]
source = "B"
target = "A"
kind = "uniform"
half_width = 0.8
[[projection]]
source = "B"
target = "B"
weight = -0.7
[[input]]
population = "A"
amplitude = 0.4
"""
RATES = {"A": (np.tanh, lambda x: 1 - np.tanh(x) ** 2), "B": (lambda x: np.logaddexp(0, x), lambda x: 1 / (1 + np.exp(-x)))}
UNITS = {"A": slice(0, 6), "B": slice(6, 10)}
TAU = np.repeat([1.0, 2.5], [6, 4])
LEAK = np.repeat([1.0, 1.5], [6, 4])
INPUT = np.repeat([0.4, 0.0], [6, 4])


def recorded(path):
    """The matrix of all weights, targets x sources, and where trials ended."""
    C = np.zeros((10, 10))
    with h5py.File(path) as file:
        for name, dataset in file["models/circuit/weights"].items():
            if dataset.attrs.get("role") == b"weights" or dataset.attrs.get("role") == "weights":
                target, source = UNITS[dataset.attrs["target"]], UNITS[dataset.attrs["source"]]
                block = np.asarray(dataset[0])
                C[target, source] = block if block.ndim else block * np.eye(target.stop - target.start)
        grid = file["models/circuit/grid"]
        return C, np.hstack([grid["end_A"][:], grid["end_B"][:]])


def main():
    dynvert = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "circuit.toml").write_text(CONFIG)
        run = folder / "circuit.h5"
        subprocess.run([dynvert, "simulate", folder / "circuit.toml", "-o", run, "--quiet"], check=True)
        C, ends = recorded(run)

        def rate(x, which):
            return np.concatenate([RATES[name][which](x[UNITS[name]]) for name in "AB"])

        def slope(x):
            return (-LEAK * x + C @ rate(x, 0) + INPUT) / TAU

        def jacobian(x):
            return (np.diag(-LEAK) + C * rate(x, 1)) / TAU[:, None]

        for trial in range(3):
            text = subprocess.check_output([dynvert, "inspect", run, "--trial", str(trial), "--json"], text=True)
            point = json.loads(text)["models"][0]["trial"]["circuit"]["fixed_point"]
            x = np.concatenate([point["states"][name] for name in "AB"])
            found = scipy.optimize.root(slope, ends[trial], jac=jacobian, tol=1e-13)
            # both end when a step is below 1e-12 of the state; the Jacobian's condition is below 100
            assert np.abs(x - found.x).max() < 1e-10, (trial, x, found.x)
            assert np.abs(np.concatenate([point["rates"][name] for name in "AB"]) - rate(x, 0)).max() < 1e-14
            ours = np.array([complex(*v) for v in point["eigenvalues"]])
            theirs = scipy.linalg.eigvals(jacobian(x))
            assert np.all(np.diff(ours.real) <= 1e-12), "the slowest first"
            # as sets: each has a partner
            for v in ours:
                assert np.abs(theirs - v).min() < 1e-10, (trial, v, theirs)
            for v in theirs:
                assert np.abs(ours - v).min() < 1e-10, (trial, v, ours)
            J = jacobian(x)
            stability = point["stability"]
            assert abs(stability["spectral_abscissa"] - theirs.real.max()) < 1e-10
            assert abs(stability["numerical_abscissa"] - np.linalg.eigvalsh((J + J.T) / 2).max()) < 1e-10
            euler = np.min(-2 * theirs.real / np.abs(theirs) ** 2)
            assert abs(stability["largest_stable_step_euler"] / euler - 1) < 1e-6, (stability, euler)
    print("fixed points, rates, spectra and stability of three trials as SciPy has them")


if __name__ == "__main__":
    main()
