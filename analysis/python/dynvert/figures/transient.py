"""One trial in time: error populations, controllers, and how far each loop is from its steady state."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from typing import Optional

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..loops import Loop, loop_layout, loops_at, state_at
from ..roles import of_role, one_of_role
from ..run import Model
from ..series import blocks, thin
from ..style import BLACK, BLUE, GREEN, GREY, TIME, VERMILION, drawing
from .spectrum import point_of

#: the band around the steady state within which a loop is settled, of models that name no other
SETTLING_BAND = 0.02
_MOST_LINES = 24
_GREEK = ("alpha", "beta", "gamma", "delta", "epsilon", "theta", "lambda", "mu", "rho", "sigma", "tau", "phi", "psi", "omega")


@dataclass(frozen=True)
class Approach:
    """How a loop comes to rest: arrays over the samples of a trial."""

    time: np.ndarray
    distance: np.ndarray  #: |delta - target| / |target|, the largest of the loop's credit signals
    residual: np.ndarray  #: |W f(delta) - alpha u - s| / |s|
    residual_time: np.ndarray
    steady: Optional[np.ndarray]  #: the loop's steady state; None: the weights of the trial are not in the file
    band: float = SETTLING_BAND  #: of the model


def _distance(trace: xr.Dataset, name: str, target: np.ndarray) -> np.ndarray:
    norm = np.linalg.norm(target)
    pieces = [np.linalg.norm(values - target, axis=1) for _, values in blocks(trace[name], "time")]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.concatenate(pieces) / norm


def last_sample(trace: xr.Dataset, name: str) -> int:
    """The last sample that the trial came to; those after it are NaN."""
    reached = np.flatnonzero(np.isfinite(trace[name][:, 0].values))
    return int(reached[-1]) if len(reached) else 0


def approach(model: Model, trial: int, number: int) -> Optional[Approach]:
    """The approach of a loop to its steady state in a recorded trial; None where its populations were not recorded.

    The steady state and the residual are those of the weights of the trial, if a snapshot of them is in the file. If not, the
    distance is that from the end of the trial, and the residual is |tau_u du/dt| / |s|, the same quantity by the equation of
    the controller, from the differences of consecutive samples.
    Raises RequestError where the trial was not recorded.
    """
    trace = model.transient(trial)
    layout = {n: (bottom, top) for n, bottom, top, _ in loop_layout(model)}
    if number not in layout:
        return None
    bottom, top = layout[number]
    names = of_role(trace, "error", loop=number)
    controller, signal = (one_of_role(trace, role, loop=number) for role in ("controller", "inverted"))
    if len(names) < top - bottom or controller is None or signal is None:
        return None
    read_out = [name for name in names if "credit_layer" in trace[name].attrs]
    s = trace[signal].values
    time = trace["time"].values
    band = float(model.attrs.get("settling_band", SETTLING_BAND))
    loop = _loop(model, trial, number)
    end = state_at(loop, trace, last_sample(trace, controller)) if loop else None
    steady = loop.steady_state(s, None if loop.linear else end) if loop and end is not None else None
    if loop is not None and steady is not None:
        targets = dict(zip(names, np.split(steady, np.cumsum(loop.sizes)[:-1])))
    else:
        targets = {name: trace[name].isel(time=last_sample(trace, name)).values for name in read_out}
    distance = np.max([_distance(trace, name, targets[name]) for name in read_out], axis=0)
    if loop is not None:
        pieces = []
        for start, u in blocks(trace[controller], "time"):
            delta = trace[names[-1]].isel(time=slice(start, start + len(u))).values
            pieces.append(loop.residual(delta, u, s))
        return Approach(time, distance, np.concatenate(pieces), time, steady, band)
    changes, previous = [], trace[controller].isel(time=slice(0, 1)).values
    for start, u in blocks(trace[controller], "time"):
        changes.append(np.linalg.norm(np.diff(np.vstack([previous, u]), axis=0), axis=1)[0 if start else 1 :])
        previous = u[-1:]
    residual = model.parameter("tau_u", trial) * np.concatenate(changes) / np.diff(time) / np.linalg.norm(s)
    return Approach(time, distance, residual, (time[1:] + time[:-1]) / 2, None, band)


def _loop(model: Model, trial: int, number: int) -> Optional[Loop]:
    row = model.snapshot_before(trial)
    if row is None:
        return None
    return next((loop for loop in loops_at(model, row, trial) if loop.number == number), None)


def settling_time(model: Model, trial: int, number: int, steps: Optional[Approach]) -> Optional[float]:
    """The time of the trial from which on the loop stays within the settling band around its steady state; None where it does not, or where that
    is not known, or where it is not defined because the error fluctuates. From the distances where the steady state is known, else
    as the run recorded it."""
    trace = model.transient(trial)
    if "converged" in trace and int(trace["converged"].values) == -3:
        return None
    if steps is not None and steps.steady is not None:
        reached = np.flatnonzero(np.isfinite(steps.distance))
        outside = np.flatnonzero(steps.distance[reached] > steps.band)
        first = reached[0] if not len(outside) else outside[-1] + 1
        return float(steps.time[reached[first]]) if first < len(reached) else None
    name = f"settling_time_{number}"
    if name in model.learning:
        time = float(model.learning[name].isel(trial=trial).values)
        return time if np.isfinite(time) else None
    return None


def lines(axes: Axes, trace: xr.Dataset, name: str, colour: str) -> np.ndarray:
    """One line a unit of a population over its time, at most 24 of them. Returns the numbers of the units that are shown."""
    values = trace[name]
    time, unit = (str(d) for d in values.dims)
    units = values.sizes[unit]
    shown = np.unique(np.linspace(0, units - 1, min(units, _MOST_LINES)).astype(int))
    rows, y = thin(values if len(shown) == units else values.isel({unit: shown}), time)
    axes.plot(trace[time].values[rows], y, linewidth=0.7, color=colour, alpha=0.75)
    axes.axhline(0, color="0.75", linewidth=0.6, zorder=0)
    if len(shown) < units:
        axes.text(1, 1, f"{len(shown)} of {units} units", transform=axes.transAxes, ha="right", va="bottom", fontsize=7)
    return shown


def symbol(name: str) -> str:
    """A name as mathematics: delta_2 -> $\\delta_{2}$, W1 -> $W_{1}$, delta_2_run_1 -> $\\delta_{2}$ (run 1); a word stays one."""
    match = re.fullmatch(r"([A-Za-z]+)_?(\d+)(?:_(\w+))?", name)
    letter, number, rest = match.groups() if match else (name, "", None)
    if len(letter) > 1 and letter not in _GREEK:
        return name.replace("_", " ")
    text = "\\" + letter if letter in _GREEK else letter
    text = f"${text}_{{{number}}}$" if number else f"${text}$"
    return text + (f" ({rest.replace('_', ' ')})" if rest else "")


@drawing()
def transient(model: Model, trial: int) -> Optional[Figure]:
    """delta, u, distance and residual of every loop of a trial of a model whose loops run one after the other.

    Raises RequestError where the trial was not recorded.
    """
    trace = model.transient(trial)
    controllers = {n: of_role(trace, "controller", loop=n) for n, *_ in loop_layout(model)}
    layout = [entry for entry in loop_layout(model) if controllers[entry[0]] and of_role(trace, "inverted", loop=entry[0])]
    if not layout or of_role(trace, "switch"):
        return None
    errors = {n: of_role(trace, "error", loop=n) for n, *_ in layout}
    drives = of_role(trace, "output_error")  # an error that moves in time, of an experiment without learning
    driven = len(drives)
    rows = max(len(e) for e in errors.values()) + 2 + driven
    width = 5.6 if len(layout) == 1 else 3.6 * len(layout)
    figure, panels = plt.subplots(
        rows, len(layout), figsize=(width, 1.55 * rows + 0.5), sharex=True, squeeze=False, layout="constrained"
    )
    for column, (number, bottom, top, _) in zip(panels.T, layout):
        steps = approach(model, trial, number)
        settled = settling_time(model, trial, number, steps)
        places = _places(trace, [*errors[number], *controllers[number]], steps)
        for axes, name in zip(column, drives):
            lines(axes, trace, name, BLACK)
            axes.set_ylabel(f"error {symbol(name)}")
        for axes, name in zip(column[driven:], [*errors[number], *controllers[number]]):
            kind, colour = ("controller", GREEN) if name in controllers[number] else ("error", BLUE)
            kind = "credit" if "credit_layer" in trace[name].attrs else kind
            shown = lines(axes, trace, name, colour)
            axes.set_ylabel(f"{kind}\n{symbol(name)}")
            if name in places and _is_near(axes, places[name]):
                steady = places[name][shown]
                axes.plot(np.full(len(steady), trace["time"].values[-1]), steady, "<", color=VERMILION, markersize=3.5,
                          clip_on=False, zorder=3)  # fmt: skip
        unused = column[driven + len(errors[number]) + 1 : -1]
        for axes in unused:
            axes.set_visible(False)
        if steps is not None:
            _approach_panel(column[-1], steps, settled)
        if settled is not None:
            for axes in (a for a in column if a.get_visible()):
                axes.axvline(settled, color=VERMILION, linestyle="--", linewidth=1)
        column[-1].set_xlabel(TIME)
        if len(layout) > 1:
            inverted = " ".join(f"W_{{{l}}}" for l in range(top, bottom, -1))
            column[0].set_title(f"loop {number}, inverts ${inverted}$")
    figure.suptitle(title_of(model, trial), x=0.01, ha="left", fontsize=10)
    return figure


def title_of(model: Model, trial: int) -> str:
    """Model, trial, and the point of the grid where there is one."""
    return f"{model.label}, trial {trial}" + (f": {point_of(model, trial)}" if "alpha" in model.grid else "")


def _is_near(axes: Axes, steady: np.ndarray) -> bool:
    """Whether the steady state can be marked without squeezing the curves: a loop may be far from it, or flee it."""
    return bool(np.abs(steady).max() <= 5 * np.abs(axes.get_ylim()).max())


def _places(trace: xr.Dataset, names: list[str], steps: Optional[Approach]) -> dict[str, np.ndarray]:
    """The steady state of each population of a loop."""
    if steps is None or steps.steady is None:
        return {}
    sizes = [trace[name].shape[-1] for name in names]
    return dict(zip(names, np.split(steps.steady, np.cumsum(sizes)[:-1])))


def _approach_panel(axes: Axes, steps: Approach, settled: Optional[float]) -> None:
    what = "steady state" if steps.steady is not None else "the trial's end"
    dots = "-" if steps.steady is not None else ":"
    for time, values, style in (
        (steps.time, steps.distance, {"color": BLACK, "linestyle": dots, "label": f"distance from {what}"}),
        (steps.residual_time, steps.residual, {"color": GREY, "linestyle": "--", "label": "residual"}),
    ):
        rows, y = thin(xr.DataArray(values, dims="time"), "time")
        axes.plot(time[rows], np.where(y > 0, y, np.nan), **style)
    axes.set_yscale("log")
    if steps.steady is not None:
        axes.axhline(steps.band, color=VERMILION, linewidth=0.6, zorder=0)
    axes.set_ylabel("relative size")
    axes.legend(loc="lower left", handlelength=2, fontsize=7, frameon=True, edgecolor="none", framealpha=0.85)
    within = f"within {100 * steps.band:g} %"
    if settled is None and steps.steady is not None and not steps.distance[np.isfinite(steps.distance)][-1] <= steps.band:
        axes.text(
            1, 1, f"not {within} in this trial", transform=axes.transAxes, ha="right", va="top", color=VERMILION, fontsize=7
        )
    if settled is not None:
        side = 1 if settled < 0.7 * steps.time[-1] else -1
        axes.annotate(f"{within}\nfrom t = {settled:g}", (settled, 1), xycoords=("data", "axes fraction"),
                      xytext=(4 * side, -3), textcoords="offset points", va="top", ha="left" if side > 0 else "right",
                      color=VERMILION, fontsize=7)  # fmt: skip


def _stacked(trace: xr.Dataset, labels: dict[str, str], title: str) -> Figure:
    """A panel for each of the named trajectories, with its label."""
    figure, panels = plt.subplots(
        len(labels), 1, figsize=(5.6, 1.5 * len(labels) + 0.8), sharex=True, squeeze=False, layout="constrained"
    )
    for axes, (name, label) in zip(panels[:, 0], labels.items()):
        lines(axes, trace, name, BLUE)
        axes.set_ylabel(label)
    panels[-1, 0].set_xlabel(TIME)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    return figure


@drawing()
def forward_transient(model: Model, trial: int) -> Optional[Figure]:
    """The drives a_l of a dynamic forward pass; None for a model whose forward pass takes no time."""
    trace = model.transient(trial)
    names = [n for n in of_role(trace, "forward") if "time_forward" in trace[n].dims]
    if not names:
        return None
    labels = [f"drive {symbol(name)}" for name in names]
    return _stacked(trace, dict(zip(names, labels)), f"{model.label}, trial {trial}: forward pass")


@drawing()
def populations(model: Model, trial: int) -> Optional[Figure]:
    """Every population of a circuit that is no control loop, over time; None where no trajectory was recorded.

    Raises RequestError where the trial was not recorded.
    """
    trace = model.transient(trial)
    names = [
        str(name)
        for name, values in trace.data_vars.items()
        if values.ndim == 2 and values.dims[0] in ("time", f"time_of_{name}")
    ]
    if not names:
        return None
    labels = [textwrap.fill(name.replace("_", " "), 16) for name in names]
    return _stacked(trace, dict(zip(names, labels)), f"{model.label}, trial {trial}")
