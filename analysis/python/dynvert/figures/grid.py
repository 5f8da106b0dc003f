"""Experiments without learning: the loops of a model over a grid of leaks and time constants (figure 1 of the paper)."""

from __future__ import annotations

import warnings
from typing import Any, Optional, Sequence

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..loops import loop_layout
from ..roles import of_role, one_of_role
from ..run import Model, Run
from ..style import BLUE, TIME, VERMILION, drawing
from .maps import stability_map
from .spectrum import point_of
from .transient import approach, last_sample, lines, settling_time, symbol

_MOST = 4  # values of an axis of the grid that a figure of transients shows


def _spread(items: Any, most: int) -> list[float]:
    return [items[round(k)] for k in np.linspace(0, len(items) - 1, min(len(items), most))]


def on_grid(model: Model) -> xr.Dataset:
    """The measures of a model over (alpha, ratio, sample); empty where the experiment has no grid."""
    grid = model.grid
    if "alpha" not in grid or "tau_u" not in grid or "sample" not in grid:
        return xr.Dataset()
    axes = {"alpha": grid["alpha"].values, "ratio": (grid["tau_u"] / grid["tau_delta"]).values, "sample": grid["sample"].values}
    coordinates = {name: np.unique(values) for name, values in axes.items()}
    place = tuple(np.searchsorted(coordinates[name], values) for name, values in axes.items())
    shape = tuple(len(values) for values in coordinates.values())
    found = {}
    for name, values in grid.data_vars.items():
        if values.dims == ("trial",) and name not in ("alpha", "tau_u", "tau_delta", "sample"):
            table = np.full(shape, np.nan)
            table[place] = values.values
            found[name] = (tuple(axes), table, values.attrs)
    trials = np.full(shape, -1)
    trials[place] = np.arange(grid.sizes["trial"])
    found["trial"] = (tuple(axes), trials, {})
    return xr.Dataset(found, coordinates)


def over_samples(data: xr.Dataset) -> tuple[xr.Dataset, xr.Dataset]:
    """Median over the samples of each measure of `on_grid`, and the distance between its quartiles.

    A loop that did not settle settles later than any other: infinite. Of other measures what has no value is left out, but for
    a point of the grid at which more than half of the samples have none: NaN.
    """
    medians, ranges = {}, {}
    for name, array in data.data_vars.items():
        values = array.transpose("alpha", "ratio", "sample").values
        if str(name).startswith("settling_time"):
            values = np.where(np.isnan(values), np.inf, values)
        few = np.isnan(values).mean(axis=2) > 0.5
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # points without any value; infinite minus infinite
            median = np.nanmedian(values, axis=2)
            # quartiles that occur: between a number and infinity there is none
            lower, upper = (np.nanquantile(values, q, axis=2, method="inverted_cdf") for q in (0.25, 0.75))
            between = upper - lower
        medians[name] = (("alpha", "ratio"), np.where(few, np.nan, median), array.attrs)
        ranges[name] = (("alpha", "ratio"), np.where(few, np.nan, between), array.attrs)
    coordinates = {name: data[name].values for name in ("alpha", "ratio")}
    return xr.Dataset(medians, coordinates), xr.Dataset(ranges, coordinates)


def grid_map(model: Model) -> Optional[Figure]:
    """What was measured over the grid, as a map; None where the grid has not two values of each parameter."""
    data = on_grid(model)
    if data.sizes.get("alpha", 0) < 2 or data.sizes.get("ratio", 0) < 2:
        return None
    counts = [n for n in data.data_vars if n == "trial" or str(n).startswith(("steps_", "converged_"))]
    samples = data.sizes["sample"]
    median, spread = over_samples(data.drop_vars(counts))
    return stability_map(median, model.name, spread if samples > 1 else None, samples)


def _top_loop(model: Model) -> tuple[int, str]:
    """Number of the loop that a trial runs first, and its lowest error population, which is its credit signal."""
    number, *_ = loop_layout(model)[0]
    return number, of_role(model.trace, "error", loop=number)[0]


def _panel(axes: Axes, model: Model, trial: int) -> None:
    """The credit signal of the top loop, where it settles, or that it does not."""
    number, name = _top_loop(model)
    trace = model.transient(trial)
    steps = approach(model, trial, number)
    shown = lines(axes, trace, name, BLUE)
    end = last_sample(trace, name)
    time = trace["time"].values
    axes.set_xlim(time[0] - 0.01 * time[-1], 1.01 * time[-1])
    settled = settling_time(model, trial, number, steps)
    note = "not settled" if int(trace["converged"].values) != -3 else ""
    if end < len(time) - 1 and int(trace["converged"].values) == -1:
        note = f"diverges at {time[end]:g}"
        signal = trace[one_of_role(trace, "inverted", loop=number)].values
        axes.set_ylim(*(20 * np.abs(signal).max() * np.array([-1, 1])))
    elif settled is not None:
        note = f"settles at {settled:g}"
        axes.axvline(settled, color=VERMILION, linestyle="--", linewidth=0.8)
        if steps is not None and steps.steady is not None:
            axes.plot(np.full(len(shown), time[-1]), steps.steady[shown], "<", color=VERMILION, markersize=3, clip_on=False)
    axes.set_title(note, loc="right", fontsize=6.5, color=VERMILION, pad=2)


def _matrix(table: Sequence[Sequence[tuple[Model, int]]], titles: Sequence[str], names: Sequence[str]) -> Figure:
    """A panel for each model and trial; titles of the columns, names of the rows."""
    rows, columns = len(table), len(table[0])
    figure, panels = plt.subplots(
        rows, columns, figsize=(1.9 * columns + 0.8, 1.45 * rows + 0.6), sharex=True, squeeze=False, layout="constrained"
    )
    for row, cells, name in zip(panels, table, names):
        row[0].set_ylabel(name)
        for axes, (model, trial) in zip(row, cells):
            _panel(axes, model, trial)
            axes.tick_params(labelsize=6.5)
    for axes, title in zip(panels[0], titles):
        axes.set_title(title, fontsize=8)
    figure.supxlabel(TIME, fontsize=9)
    return figure


def _supported(model: Model) -> bool:
    layout = loop_layout(model)
    if "alpha" not in model.grid or not layout or not model.recorded:
        return False
    number, bottom, *_ = layout[0]
    return bool(of_role(model.trace, "error", loop=number, layer=bottom) and of_role(model.trace, "inverted", loop=number))


@drawing()
def grid_of_transients(model: Model) -> Optional[Figure]:
    """The credit signal of the top loop of one model, of the first sample, a row for each leak, a column for each ratio of time
    constants, at most four of each; None where the experiment has no grid, or its trajectories were not recorded."""
    if not _supported(model):
        return None
    samples = on_grid(model)["trial"]
    trials = samples.isel(sample=0)
    recorded = set(model.recorded)
    alpha, ratio = _spread(trials["alpha"].values, _MOST), _spread(trials["ratio"].values, _MOST)
    table = [[(model, int(trials.sel(alpha=a, ratio=r))) for r in ratio] for a in alpha]
    if not all(trial in recorded for row in table for _, trial in row):
        return None
    names = [rf"{symbol(_top_loop(model)[1])}, $\alpha$ = {a:g}" for a in alpha]
    figure = _matrix(table, [rf"$\tau_u/\tau_\delta$ = {r:g}" for r in ratio], names)
    count = samples.sizes["sample"]
    note = f", sample 0 of {count}" if count > 1 else ""
    figure.suptitle(model.label + note, x=0.01, ha="left", fontsize=10)
    return figure


@drawing()
def figure_1(run: Run) -> Optional[Figure]:
    """Transients of several models at the same points of the grid, a row for each model, at most six columns; None where the
    run has no grid or no trajectories of all its points."""
    models = [model for model in run if _supported(model)]
    if not models:
        return None
    points = [t for t in models[0].recorded if all(t in model.recorded for model in models)]
    shown = [int(t) for t in _spread(points, 6)]
    if not shown:
        return None
    titles = [point_of(models[0], trial).replace(", ", "\n") for trial in shown]
    return _matrix([[(model, trial) for trial in shown] for model in models], titles, [model.label for model in models])
