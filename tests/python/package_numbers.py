"""The numbers that the Python package computes and draws are those of the file, of the program, and of SciPy.

Usage: package_numbers.py RUN.h5 LOOPS.h5 GRID.h5 DYNVERT      LOOPS.h5 is of loops.toml, GRID.h5 of grid.toml
"""

import dataclasses
import json
import os
import subprocess
import sys
import unittest

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # small matrices
import dynvert
import h5py
import matplotlib
import numpy as np
import scipy.linalg
import scipy.optimize
import xarray as xr

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from dynvert import series
from dynvert.figures import concurrent, curves, grid, maps, spectrum, transient
from dynvert.loops import loop_layout, loops_at
from dynvert.rates import RATE_FUNCTIONS

DYNVERT = sys.argv.pop()
GRID = sys.argv.pop()
LOOPS = sys.argv.pop()
RUN = sys.argv.pop()
# Snapshots are taken before each trial. The program computes an abscissa from another form of the loop (a reduction to the
# smaller side): both are backward stable, and the spectra are not far from normal.
ABSCISSA = 1e-9


class Plots(unittest.TestCase):
    def tearDown(self):
        plt.close("all")


def rows_of_trials(model):
    """(row, trial) of the snapshots that hold the weights of a trial."""
    return [(model.snapshot_before(t), t) for t in range(model.learning.sizes["trial"]) if model.snapshot_before(t) is not None]


class Loop:
    """The equations of a loop once more, from h5py alone: state delta_bottom .. delta_{top-1}, u."""

    def __init__(self, file, name, row, number):
        group = file["models"][name]
        layers = 3
        credit = group.attrs["credit"]
        bottom, top = {
            "sequential_inversion": (number - 1, number),
            "concurrent_inversion": (number - 1, number),
            "single_loop_inversion": (1, layers),
            "repeat_inversion": (number, layers),
        }[credit]
        self.W = [group[f"weights/W{l}"][row] for l in range(bottom + 1, top + 1)]
        self.B = group["weights/B" if credit == "single_loop_inversion" else f"weights/B{number}"][row]
        self.a = {k: group.attrs[k] for k in ("alpha", "tau_delta", "tau_u")}
        transfer = group.attrs["transfer"]
        self.f = np.tanh if transfer == "nonlinear" else lambda x: x
        if transfer == "linearised":
            trial = int(group["weights/snapshot"][row])
            h = file["task/x"][file["task/order"][trial]]
            for l in range(1, bottom + 1):
                a = group[f"weights/W{l}"][row] @ h + group[f"weights/b{l}"][row]
                h = np.tanh(a)
            self.f = lambda x: x / (1 - np.tanh(a) ** 2)
        self.sizes = [w.shape[1] for w in self.W] + [self.W[-1].shape[0]]
        self.s = np.zeros(self.sizes[-1])

    def __call__(self, state):
        *deltas, u = np.split(state, np.cumsum(self.sizes)[:-1])
        changes = [(self.B @ u - deltas[0]) / self.a["tau_delta"]]
        for w, below, delta in zip(self.W, deltas, deltas[1:]):
            changes.append((w @ self.f(below) - delta) / self.a["tau_delta"])
        changes.append((self.W[-1] @ self.f(deltas[-1]) - self.a["alpha"] * u - self.s) / self.a["tau_u"])
        return np.concatenate(changes)

    def jacobian(self, state):
        """Central differences: the error is some 1e-10 of the entries."""
        step = 1e-5
        moves = step * np.eye(len(state))
        return np.stack([(self(state + m) - self(state - m)) / (2 * step) for m in moves], axis=1)


def distance_of_spectra(a, b):
    """The largest distance of an eigenvalue from its partner in the other list."""
    cost = np.abs(np.asarray(a)[:, None] - np.asarray(b)[None, :])
    return cost[scipy.optimize.linear_sum_assignment(cost)].max()


class Loops(unittest.TestCase):
    def test_spectra_are_those_of_the_equations_and_of_the_program(self):
        checked = 0
        with dynvert.open_run(LOOPS) as run, h5py.File(LOOPS) as file:
            for model in run:
                for row, trial in rows_of_trials(model):
                    recorded = trial in model.recorded
                    for loop, values in spectrum.spectra(model, row):
                        state = np.zeros(sum(loop.sizes))
                        if not loop.linear:
                            if not recorded:
                                continue  # the program takes the Jacobian where the trial ended
                            trace = model.transient(trial)
                            state = np.concatenate([trace[n][-1].values for n in (*loop.errors, loop.controller)])
                        J = Loop(file, model.name, row, loop.number).jacobian(state)
                        np.testing.assert_allclose(loop.jacobian(state), J, rtol=0, atol=1e-8)
                        # eigenvalues of a defective group move with the square root of the difference
                        self.assertLess(distance_of_spectra(values, scipy.linalg.eigvals(loop.jacobian(state))), 1e-6)
                        abscissa = float(model.learning[f"spectral_abscissa_{loop.number}"][trial])
                        self.assertAlmostEqual(values.real.max(), abscissa, delta=ABSCISSA)
                        checked += 1
        self.assertGreater(checked, 200)

    def test_steady_states_are_roots(self):
        checked = 0
        with dynvert.open_run(LOOPS) as run, h5py.File(LOOPS) as file:
            for model in run:
                for trial in model.recorded:
                    trace = model.transient(trial)
                    for loop in loops_at(model, model.snapshot_before(trial)):
                        if loop.signal not in trace:
                            continue  # concurrent: s moves
                        independent = Loop(file, model.name, model.snapshot_before(trial), loop.number)
                        independent.s = trace[loop.signal].values
                        start = np.concatenate([trace[n][-1].values for n in (*loop.errors, loop.controller)])
                        start = np.nan_to_num(start)
                        mine = loop.steady_state(independent.s, start)
                        found = scipy.optimize.root(independent, start, tol=1e-13)
                        scale = np.abs(found.x).max()
                        np.testing.assert_allclose(mine, found.x, rtol=0, atol=1e-8 * scale)
                        checked += 1
        self.assertGreater(checked, 50)

    def test_no_steady_state_where_there_is_none(self):
        with dynvert.open_run(LOOPS) as run:
            loop = loops_at(run["linear"], 0)[1]  # 7 outputs of 5 units
            self.assertGreater(loop.W[0].shape[0], loop.W[0].shape[1])
            self.assertIsNone(dataclasses.replace(loop, alpha=0.0).steady_state(np.ones(7)))

    def test_settling_times_and_residuals_are_those_of_the_program(self):
        checked = 0
        for path in (LOOPS, RUN):
            with dynvert.open_run(path) as run:
                for model in run:
                    for trial in model.recorded:
                        for number, *_ in loop_layout(model):
                            steps = transient.approach(model, trial, number)
                            if steps is None or steps.steady is None:
                                continue
                            finite = np.isfinite(steps.distance)
                            outside = np.flatnonzero(steps.distance[finite] > transient.SETTLING_BAND)
                            settled = np.nan
                            if outside[-1] + 1 < finite.sum():
                                settled = steps.time[outside[-1] + 1]
                            recorded = float(model.learning[f"settling_time_{number}"][trial])
                            np.testing.assert_equal(settled, recorded, f"{model.name}, trial {trial}, loop {number}")
                            # the trace of an adaptive solver is interpolated, to some 1e-9 of the states
                            last = steps.residual[np.isfinite(steps.residual)][-1]
                            expected = float(model.learning[f"residual_{number}"][trial])
                            self.assertAlmostEqual(last, expected, delta=1e-6 * expected + 1e-9)
                            checked += 1
        self.assertGreater(checked, 70)

    def test_without_weights_the_residual_follows_from_the_controller(self):
        with dynvert.open_run(RUN) as run:
            model = run["DI"]
            self.assertIsNone(model.snapshot_before(100))
            steps = transient.approach(model, 100, 2)
            self.assertIsNone(steps.steady)
            trace = model.transient(100)
            self.assertEqual(steps.distance[-1], 0)
            # sequential Euler takes u first: the change of u is the residual where the step began
            trial = 500
            known = transient.approach(model, trial, 2)
            u, s = model.transient(trial)["u_2"].values, model.transient(trial)["s_2"].values
            changes = np.linalg.norm(np.diff(u, axis=0), axis=1) / 0.5 / np.linalg.norm(s)
            np.testing.assert_allclose(changes, known.residual[:-1], rtol=1e-6, atol=1e-12)
            self.assertEqual(len(steps.residual), len(trace["time"]) - 1)

    def test_slopes_of_rate_functions(self):
        x = np.linspace(-4, 4, 81) + 0.003
        for name, g in RATE_FUNCTIONS.items():
            differences = (g.value(x + 1e-6) - g.value(x - 1e-6)) / 2e-6
            np.testing.assert_allclose(g.slope(x), differences, rtol=1e-8, atol=1e-9, err_msg=name)
        self.assertTrue(np.all(np.isfinite(RATE_FUNCTIONS["sigmoid"].slope(np.array([-800.0, 800.0])))))


class Grids(Plots):
    def test_loops_have_the_parameters_of_their_point(self):
        checked = 0
        with dynvert.open_run(GRID) as run:
            for model in run:
                for trial in model.recorded:
                    for loop, values in spectrum.spectra(model, 0, trial):
                        recorded = float(model.grid[f"spectral_abscissa_{loop.number}"][trial])
                        if np.isnan(recorded):
                            continue  # a nonlinear loop that diverged
                        self.assertAlmostEqual(values.real.max(), recorded, delta=ABSCISSA)
                        if model.grid[f"converged_{loop.number}"][trial] < 0:
                            continue  # of a trial that failed the program says no settling time
                        steps = transient.approach(model, trial, loop.number)
                        settled = transient.settling_time(model, trial, loop.number, steps)
                        # recorded from the onset of the error, which the loops of lower layers do not wait for
                        driven = loop.number == 3 or model.attrs["credit"] == "repeat_inversion"
                        expected = float(model.grid[f"settling_time_{loop.number}"][trial]) + (5.0 if driven else 0.0)
                        np.testing.assert_equal(np.nan if settled is None else settled, expected)
                        checked += 1
            self.assertGreater(checked, 60)

    def test_the_grid_as_a_map(self):
        with dynvert.open_run(GRID) as run, h5py.File(GRID) as file:
            data = grid.on_grid(run["linear"])
            stored = file["models/linear/grid"]
            self.assertEqual(dict(data.sizes), {"alpha": 3, "ratio": 2, "sample": 2})
            for trial in range(12):
                ratio = stored["tau_u"][trial] / stored["tau_delta"][trial]
                at = data.sel(alpha=stored["alpha"][trial], ratio=ratio, sample=stored["sample"][trial])
                self.assertEqual(int(at["trial"]), trial)
                self.assertEqual(float(at["residual_3"]), stored["residual_3"][trial])
            self.assertIsNotNone(grid.grid_map(run["linear"]))
            self.assertEqual(len(grid.figure_1(run).axes), 4 * 6)
            figure = grid.grid_of_transients(run["unstable"])
            notes = [axes.get_title(loc="right") for axes in figure.axes]
            self.assertEqual(len(notes), 6)
            diverged = int(np.sum(np.isnan(file["models/unstable/trace/delta_2"][::2, -1, 0])))  # of the loop that is shown
            self.assertEqual(sum(note.startswith("diverges at") for note in notes), diverged)
            self.assertGreater(diverged, 0)
        with dynvert.open_run(RUN) as run:
            self.assertIsNone(grid.figure_1(run))
            self.assertIsNone(grid.grid_map(run["DI"]))
            self.assertIsNone(grid.grid_of_transients(run["DI"]))


class Summaries(unittest.TestCase):
    def test_they_are_those_of_inspect(self):
        printed = subprocess.run([DYNVERT, "inspect", RUN, "--json"], capture_output=True, check=True).stdout
        models = {model["name"]: model for model in json.loads(printed)["models"]}
        with dynvert.open_run(RUN) as run:
            summary = dynvert.summary(run)
        for name in summary["model"].values:
            for column, value in summary.sel(model=name).data_vars.items():
                expected = models[name][column]
                # a median of an even number of values is a mean, which may be rounded in another way
                np.testing.assert_allclose(float(value), np.nan if expected is None else expected, rtol=1e-12)


class Series(unittest.TestCase):
    def setUp(self):
        original = series._BLOCK_BYTES
        self.addCleanup(setattr, series, "_BLOCK_BYTES", original)
        series._BLOCK_BYTES = 1000  # several blocks, ending anywhere
        self.random = np.random.default_rng(0)

    def test_short_series_are_left_as_they_are(self):
        values = self.random.normal(size=(100, 3))
        rows, y = series.thin(xr.DataArray(values, dims=("time", "unit")), "time", points=100)
        np.testing.assert_array_equal(rows, np.arange(100))
        np.testing.assert_array_equal(y, values)

    def test_downsampling_keeps_every_peak(self):
        for length in (1001, 4999, 5000):
            values = self.random.normal(size=(length, 2))
            values[self.random.integers(length)] = 50
            values[100:300, 1] = np.nan
            rows, y = series.thin(xr.DataArray(values, dims=("time", "unit")), "time", points=200)
            self.assertLessEqual(len(rows), 200)
            self.assertTrue(np.all(np.diff(rows) >= 0) and rows[-1] < length)
            np.testing.assert_array_equal(np.nanmax(y, axis=0), np.nanmax(values, axis=0))
            np.testing.assert_array_equal(np.nanmin(y, axis=0), np.nanmin(values, axis=0))
            self.assertTrue(np.isnan(y).any())
            width = -(-length // 100)
            for k in range(0, len(rows), 2):
                interval = values[k // 2 * width : (k // 2 + 1) * width]
                np.testing.assert_array_equal(np.sort(y[k : k + 2, 0]), [interval[:, 0].min(), interval[:, 0].max()])

    def test_medians(self):
        values = self.random.normal(size=10_050)
        values[::3] = np.nan
        middle, found = series.medians(xr.DataArray(values, dims="trial"), "trial")
        intervals = values[:10_000].reshape(100, 100)
        np.testing.assert_array_equal(found, np.nanmedian(intervals, axis=1))
        self.assertEqual(middle[0], 49.5)
        late = series.medians(xr.DataArray(values, dims="trial"), "trial", missing=np.inf)[1]
        np.testing.assert_array_equal(late, np.median(np.nan_to_num(intervals, nan=np.inf), axis=1))
        values[:70] = np.nan
        self.assertTrue(np.isnan(series.medians(xr.DataArray(values, dims="trial"), "trial", missing=np.inf)[1][0]))


class Figures(Plots):
    def test_losses_are_called_what_they_are(self):
        for path in (RUN, LOOPS):
            with dynvert.open_run(path) as run, h5py.File(path) as file:
                loss = file[f"models/{run.models[0]}/eval"].attrs["loss"]
                self.assertEqual(curves.learning_curves(run).axes[0].get_ylabel(), f"normalised {loss}")
                self.assertEqual(loss, "squared error")
                run.config["network"]["output"] = "softmax"
                for model in run:
                    model.eval.attrs["loss"] = "cross-entropy"
                self.assertEqual(curves.learning_curves(run).axes[0].get_ylabel(), "normalised cross-entropy")
                for model in run:
                    del model.eval.attrs["loss"]  # as in files of 0.1.0
                self.assertEqual(run["BP" if "BP" in run.models else "FA"].loss, "cross-entropy")

    def test_no_label_is_cut_off(self):
        with dynvert.open_run(LOOPS) as run, dynvert.open_run(GRID) as inversions:
            figures = [curves.measures(run, measure) for measure in curves.measures_of(run)]
            original = curves.label_of
            self.addCleanup(setattr, curves, "label_of", original)
            curves.label_of = lambda run, measure: "distance from pseudo-backpropagation (relative)"
            figures.append(curves.measures(run, "angle_bp"))
            figures += [transient.transient(run[name], 5) for name in ("linear", "single", "repeat")]
            figures += [concurrent.concurrent_trial(run["concurrent"], 5), grid.grid_map(inversions["linear"])]
            figures += [grid.grid_of_transients(inversions["linear"]), curves.learning_curves(run)]
            for figure in figures:
                figure.canvas.draw()
                for axes in figure.axes:
                    label = axes.yaxis.label
                    place = label.get_window_extent()
                    if label.get_text() and axes.get_visible():
                        self.assertGreaterEqual(min(place.x0, place.y0), 0, label.get_text())
                        self.assertLessEqual(place.y1, figure.bbox.y1, label.get_text())
                        if label.get_rotation() == 90:  # no label runs into that of the next panel
                            self.assertLessEqual(place.height, 1.25 * axes.bbox.height, label.get_text())

    def test_learning_curves_are_the_files(self):
        with dynvert.open_run(RUN) as run, h5py.File(RUN) as file:
            axes = curves.learning_curves(run).axes[0]
            self.assertEqual(axes.get_yscale(), "log")
            self.assertEqual([line.get_label() for line in axes.get_lines()], [m.label for m in run])
            for line, model in zip(axes.get_lines(), run):
                nse = file[f"models/{model.name}/eval/nse"][:]
                trials = file[f"models/{model.name}/eval/evaluation"][:]
                x, y = line.get_data()
                self.assertEqual(y.max(), nse.max())
                self.assertEqual(y.min(), nse.min())
                self.assertEqual((x[0], y[0]), (trials[0], nse[0]))
                self.assertTrue(set(y) <= set(nse))

    def test_every_line_is_told_apart_without_colour(self):
        for path in (RUN, LOOPS):
            with dynvert.open_run(path) as run:
                seen = set()
                for line in curves.learning_curves(run).axes[0].get_lines():
                    seen.add(
                        (str(line.get_linestyle()), str(line._dash_pattern), line.get_marker() or None, line.get_linewidth())
                    )
                self.assertEqual(len(seen), len(run))

    def test_angles_are_medians(self):
        with dynvert.open_run(RUN) as run, h5py.File(RUN) as file:
            axes = curves.measures(run, "angle_bp").axes[0]
            lines = {line.get_label(): line for line in axes.get_lines()}
            stored = file["models/DI/learning/angle_bp_1"][:]
            np.testing.assert_allclose(lines["DI"].get_ydata(), np.median(stored.reshape(100, 20), axis=1))
            self.assertIn("medians of 20 trials", axes.get_title(loc="left"))
            self.assertIsNone(curves.measures(run, "angle_none"))

    def test_transients_are_the_files(self):
        with dynvert.open_run(RUN) as run, h5py.File(RUN) as file:
            figure = transient.transient(run["DI"], 500)
            row = list(file["models/DI/trace/trial"][:]).index(500)
            stored = file["models/DI/trace/delta_1"][row]
            drawn = [line.get_ydata() for line in figure.axes[0].get_lines() if len(line.get_ydata()) == len(stored)]
            np.testing.assert_array_equal(np.array(drawn).T, stored)
            W, B = file["models/DI/weights/W2"][1], file["models/DI/weights/B2"][1]
            s = file["models/DI/trace/s_2"][row]
            steady = B @ scipy.linalg.solve(W @ B - 0.01 * np.eye(10), s)
            markers = [line.get_ydata() for line in figure.axes[0].get_lines() if line.get_marker() == "<"]
            np.testing.assert_allclose(markers[0], steady, rtol=1e-9, atol=1e-12)
            note = [text.get_text() for text in figure.axes[-1].texts]
            self.assertEqual(note, [f"within 2 %\nfrom t = {file['models/DI/learning/settling_time_2'][500]:g}"])

    def test_spectra_are_scipys(self):
        with dynvert.open_run(RUN) as run, h5py.File(RUN) as file:
            axes = spectrum.spectrum(run["DI_3"]).axes[0]
            last = [line for line in axes.get_lines() if line.get_marker() == "."][0]
            W, B = file["models/DI_3/weights/W2"][-1], file["models/DI_3/weights/B2"][-1]
            M = np.block([[-np.eye(20), B], [W, -0.01 * np.eye(10)]])
            values = scipy.linalg.eigvals(M)
            x, y = last.get_data()
            self.assertLess(distance_of_spectra(x + 1j * y, values), 1e-6)
            label = f"2000 trials: abscissa {values.real.max():.3g}".replace("-", "\N{MINUS SIGN}")
            self.assertEqual(last.get_label(), label)
            self.assertIsNone(spectrum.spectrum(run["BP"]))

    def test_concurrent_trials(self):
        with dynvert.open_run(LOOPS) as run, h5py.File(LOOPS) as file:
            figure = concurrent.concurrent_trial(run["concurrent"], 5)
            group = file["models/concurrent/trace"]
            row = list(group["trial"][:]).index(5)
            drawn = np.array([line.get_ydata() for line in figure.axes[1].get_lines() if len(line.get_ydata()) > 2])
            np.testing.assert_array_equal(drawn.T, group["a_1"][row])
            self.assertIsNone(concurrent.concurrent_trial(run["linear"], 5))
            self.assertIsNone(transient.transient(run["concurrent"], 5))
            forward = transient.forward_transient(run["forward"], 5)
            self.assertEqual(len(forward.axes), 3)

    def test_weights_that_move(self):
        values = np.cumsum(np.random.default_rng(0).normal(size=(50, 3, 4)), axis=0)
        moved = concurrent.weights_moved(xr.Dataset({"W1": (("time", "unit_1", "unit_0"), values)}), "W1")
        np.testing.assert_allclose(moved, [np.linalg.norm(w - values[0]) for w in values])

    def test_maps(self):
        alpha, ratio = np.geomspace(1e-4, 1, 9), np.geomspace(0.1, 10, 7)
        abscissa = np.log10(alpha)[:, None] + 2 + 0 * ratio
        grid = ("alpha", "ratio")
        data = xr.Dataset(
            {
                "delay_margin_2": (grid, np.where(abscissa < -1, np.inf, np.where(abscissa < 0, -abscissa, np.nan))),
                "spectral_abscissa_2": (grid, abscissa, {"units": "1/time"}),
            },
            {"alpha": alpha, "ratio": ratio},
            {"alpha": 0.01, "ratio": 1.0, "snapshot": 5},
        )
        figure = maps.stability_map(data, "DI_2")
        first = figure.axes[0]
        self.assertEqual((first.get_xscale(), first.get_yscale()), ("log", "log"))
        np.testing.assert_allclose(first.collections[0].get_array().reshape(7, 9), abscissa.T)
        line = [p for c in first.collections for p in c.get_paths() if len(c.get_paths()) == 1 and not len(c.get_array() or ())]
        crossing = np.concatenate([path.vertices for path in line])[:, 0]
        self.assertTrue(np.any(np.isclose(crossing, 0.01)))  # where the abscissa is zero
        self.assertIsNone(maps.stability_map(data[["alpha"]], "DI_2"))
        with dynvert.open_run(RUN) as run:
            self.assertEqual(run["DI_2"].label, "DI 2")


if __name__ == "__main__":
    unittest.main()
