"""What inspect says of a grid of inversions, point by point, and the key settling_band: computed again with NumPy from the file.

Usage: check_grid.py DYNVERT
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import h5py
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "analysis" / "python"))
import dynvert  # noqa: E402

DYNVERT = sys.argv[1]
GRID = """
[network]
layers = [8, 6, 4]
init = { kind = "uniform", half_width = 0.6 }
[inversion]
samples = 5
alpha = [0.01, 0.1, 1.0]
ratio = [1.0, 4.0]
[dynamics]
solver = "rk4"
dt = 0.1
duration = 40.0
[record]
measures = ["settling_time", "angle_ndi", "spectral_abscissa"]
[[model]]
name = "DI"
credit = "sequential_inversion"
[[model]]
name = "SDI"
credit = "single_loop_inversion"
"""
CIRCUIT = """
[dynamics]
solver = "rk4"
dt = 0.1
duration = 3.0
[[population]]
name = "A"
[[input]]
population = "A"
"""
SWEPT = """
[experiment]
trials = 4
[task]
kind = "digits"
samples = 20
test_samples = 10
[network]
layers = [256, 8, 10]
output = "softmax"
[learning]
rate = 0.001
[record]
measures = ["spectral_abscissa"]
weights_every = 1
evaluate_every = 2
[[model]]
name = "BP"
credit = "backprop"
[[model]]
name = "DI"
credit = "sequential_inversion"
"""


def run(*words):
    done = subprocess.run([DYNVERT, *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


def median(values, late):
    values = np.ravel(values)
    if not late and np.isnan(values).mean() > 0.5:
        return float("nan")
    values = np.where(np.isnan(values), np.inf, values) if late else values[np.isfinite(values)]
    return float(np.median(values)) if values.size else float("nan")


def same(said, expected):
    if said is None:
        return np.isnan(expected)
    return np.isinf(expected) if said == "infinite" else np.isclose(said, expected, rtol=1e-12)


def check_grid(folder):
    config, path = folder / "grid.toml", folder / "grid.h5"
    config.write_text(GRID)
    run("simulate", config, "-o", path, "--quiet")
    said = json.loads(run("inspect", path, "--json"))
    text = run("inspect", path)
    unsettled = 0
    with h5py.File(path) as file:
        for model in said["models"]:
            grid = file[f"models/{model['name']}/grid"]
            points = [(a, r) for a in (0.01, 0.1, 1.0) for r in (1.0, 4.0)]
            assert [(p["alpha"], p["ratio"]) for p in model["grid"]] == points
            # different points are not pooled
            assert model["median_settling_time"] is None and model["settled_fraction"] is None
            assert model["largest_spectral_abscissa"] is None
            columns = {
                prefix: np.stack([grid[n][:] for n in grid if n.rsplit("_", 1)[0] == prefix])
                for prefix in ("settling_time", "angle_ndi", "spectral_abscissa", "converged")
            }
            for i, point in enumerate(model["grid"]):
                rows = slice(5 * i, 5 * i + 5)
                assert point["samples"] == 5
                for prefix in ("settling_time", "angle_ndi", "spectral_abscissa"):
                    expected = median(columns[prefix][:, rows], prefix == "settling_time")
                    assert same(point[f"median_{prefix}"], expected), (point, prefix, expected)
                    unsettled += np.isinf(expected)
                settled = np.all(columns["converged"][:, rows] == 1, axis=0).mean()
                assert np.isclose(point["settled_fraction"], settled), (point, settled)
    assert unsettled > 0 and "infinite" in text
    lines = [line.split() for line in text.splitlines()]
    assert sum(line[:1] == ["DI"] and line[1:4] == ["0.01", "4", "5"] for line in lines) == 1, text
    assert max(map(len, text.splitlines()[:4])) <= 120
    # random feedback makes loops unstable, and their points say so
    run("simulate", config, "-o", folder / "random.h5", "--quiet", "--set", "feedback.kind=random")
    said = json.loads(run("inspect", folder / "random.h5", "--json"))["models"]
    unstable = sum(point["median_spectral_abscissa"] > 0 for model in said for point in model["grid"])
    rows = [line for line in run("inspect", folder / "random.h5").splitlines() if line.split()[:1] in (["DI"], ["SDI"])]
    assert 0 < unstable == sum(row.endswith("unstable") for row in rows), (unstable, rows)
    with dynvert.open_run(path) as opened:
        summary = dynvert.summary(opened)
    assert all(np.isnan(summary[name]).all() for name in summary.data_vars)
    assert "At each point of the grid" in run("inspect", path, "--model", "SDI")


def check_band(folder):
    """The settling time is that of the band, against steady states that another solver gives."""
    config = folder / "grid.toml"
    steady, narrow, wide = folder / "steady.h5", folder / "narrow.h5", folder / "wide.h5"
    run("simulate", config, "-o", steady, "--quiet", "--set", "dynamics.solver=fixed_point",
        "--set", "record.measures=[]")  # fmt: skip
    run("simulate", config, "-o", narrow, "--quiet")
    run("simulate", config, "-o", wide, "--quiet", "--set", "dynamics.settling_band=0.3")
    later = 0
    with h5py.File(steady) as at_rest:
        times = {}
        for path, band in ((narrow, 0.02), (wide, 0.3)):
            with h5py.File(path) as file:
                model = file["models/DI"]
                assert ("settling_band" in model.attrs) == (band != 0.02)
                assert model.attrs.get("settling_band", 0.02) == band
                time = model["trace/time"][:]
                loop = next(n for n in model["grid"] if n.startswith("settling_time_")).rsplit("_", 1)[1]
                recorded, settled = model[f"grid/settling_time_{loop}"][:], model[f"grid/converged_{loop}"][:]
                for trial in range(30):
                    target = at_rest["models/DI/grid/credit_1"][trial]
                    distance = np.linalg.norm(model["trace/delta_1"][trial] - target, axis=1) / np.linalg.norm(target)
                    outside = np.flatnonzero(distance > band)
                    first = outside[-1] + 1 if outside.size else 0
                    if first == len(time):
                        assert np.isnan(recorded[trial]) and settled[trial] == 0, trial
                    else:
                        assert np.isclose(recorded[trial], time[first]) and settled[trial] == 1, (trial, recorded[trial])
                times[band] = recorded
    later = np.nansum(np.nan_to_num(times[0.02], nan=1e9) > np.nan_to_num(times[0.3], nan=1e9))
    assert later > 20, later
    assert "ended within 30 %" in run("inspect", wide)

    # a circuit x' = -x + 1 has come within exp(-3) = 5 % of its steady state
    circuit = folder / "circuit.toml"
    circuit.write_text(CIRCUIT)
    for band, converged in (("0.02", 0), ("0.06", 1)):
        path = folder / f"circuit_{band}.h5"
        run("simulate", circuit, "-o", path, "--quiet", "--set", f"dynamics.settling_band={band}")
        with h5py.File(path) as file:
            assert file["models/circuit/grid/converged"][0] == converged, band
            assert ("settling_band" in file["models/circuit"].attrs) == (band != "0.02")


def check_learning(folder):
    """Losses and accuracies, the median abscissa, and why a loop is slow."""
    config, path = folder / "learning.toml", folder / "learning.h5"
    config.write_text(SWEPT)
    run("simulate", config, "-o", path, "--quiet")
    names = ["train_loss", "train_accuracy", "test_loss", "test_accuracy"]
    with h5py.File(path) as file:
        said = json.loads(run("inspect", path, "--json"))
        for model in said["models"]:
            evaluated = file[f"models/{model['name']}/eval"]
            for name in names:
                assert model["final"][name] == evaluated[name][-1]
        abscissa = file["models/DI/learning/spectral_abscissa_2"][:]
        assert np.isclose(said["models"][1]["median_spectral_abscissa"], np.median(abscissa), rtol=1e-12)
        assert said["models"][1]["largest_spectral_abscissa"] == abscissa.max()
        text = run("inspect", path)
        assert "abscissa, median and largest over trials" in text and "train_accuracy" in text, text
        assert "train_accuracy" in run("inspect", path, "--model", "DI")

        # trial 3 follows the evaluation after two trials
        trial = json.loads(run("inspect", path, "--model", "DI", "--trial", 3, "--json"))["models"][0]["trial"]
        row = list(file["models/DI/eval/evaluation"][:]).index(2)
        assert trial["evaluated_after"] == 2
        assert trial["evaluation"]["test_accuracy"] == file["models/DI/eval/test_accuracy"][row]
        W, B = (file[f"models/DI/weights/{n}"][3] for n in ("W2", "B2"))
        loop = trial["computed"]["loops"][0]
        assert np.isclose(loop["smallest_singular_value_W"], np.linalg.svd(W, compute_uv=False)[-1], rtol=1e-9)
        expected = np.linalg.eigvals(W @ B)
        found = np.array([complex(*pair) for pair in loop["eigenvalues_WB"]])
        assert np.allclose(np.sort(found.real), np.sort(expected.real), atol=1e-12)
        assert np.all(np.diff(found.real) <= 0)
        text = run("inspect", path, "--model", "DI", "--trial", 3)
        assert "evaluated after 2 trials: train_loss" in text and "smallest singular value of W" in text, text
        assert "eigenvalues of W B, the slowest first" in text, text

    run("sweep", config, "--seeds", "1:2", "-o", folder / "points", "--quiet")
    header, *rows = (folder / "points/sweep.csv").read_text().splitlines()
    columns = header.split(",")
    assert columns[-8:] == [f"{name}_{model}" for model in ("BP", "DI")
                            for name in ("train_loss", "train_accuracy", "test_loss", "test_accuracy")]  # fmt: skip
    for row in rows:
        fields = dict(zip(columns, row.split(",")))
        with h5py.File(folder / "points" / fields["file"]) as file:
            for model in ("BP", "DI"):
                for name in names:
                    assert float(fields[f"{name}_{model}"]) == file[f"models/{model}/eval/{name}"][-1]


with tempfile.TemporaryDirectory() as name:
    check_grid(pathlib.Path(name))
    check_band(pathlib.Path(name))
    check_learning(pathlib.Path(name))
print("points of a grid, the settling band, losses and accuracies")
