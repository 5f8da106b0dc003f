"""One trial of a concurrent model: stimulus on, rates rise, target on, error, controllers and credit signals settle, weights
move."""

from __future__ import annotations

from typing import Optional

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..run import Model, numbered
from ..series import blocks, thin
from ..style import BLACK, BLUE, GREEN, TIME, VERMILION, drawing
from .transient import lines, symbol

_DASHES = ("-", "--", ":", "-.")


def weights_moved(trace: xr.Dataset, name: str) -> np.ndarray:
    """|W(t) - W(0)|, Frobenius, over the samples of a trial in which the weights move."""
    start = trace[name].isel(time=0).values
    return np.concatenate([np.linalg.norm(values - start, axis=(1, 2)) for _, values in blocks(trace[name], "time")])


def _bar(axes: Axes, time: np.ndarray, on: np.ndarray, shade: str, height: float, label: str) -> None:
    """A bar over the time in which something is on."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], on > 0, [0]])))
    for start, stop in edges.reshape(-1, 2):
        last = time[min(stop, len(time) - 1)]
        axes.axvspan(time[start], last, ymin=height, ymax=height + 0.4, color=shade, linewidth=0)
    axes.text(-0.01, height + 0.2, label, transform=axes.transAxes, ha="right", va="center", fontsize=8)


@drawing()
def concurrent_trial(model: Model, trial: int) -> Optional[Figure]:
    """Everything that moves in a trial; None for a model that is not concurrent.

    Raises RequestError where the trial was not recorded.
    """
    trace = model.transient(trial)
    if "stimulus" not in trace:
        return None
    time = trace["time"].values
    panels = [(f"drive {symbol(n)}", n, BLUE) for n in numbered(trace.data_vars, "a_")]
    panels += [("error $e$", "e", VERMILION)] if "e" in trace else []
    panels += [(f"controller {symbol(n)}", n, GREEN) for n in reversed(numbered(trace.data_vars, "u_"))]
    panels += [(f"credit {symbol(n)}", n, BLUE) for n in reversed(numbered(trace.data_vars, "delta_"))]
    weights = numbered(trace.data_vars, "W")
    count = len(panels) + bool(weights)
    figure, all_axes = plt.subplots(
        count + 1, 1, figsize=(6.4, 1.05 * count + 1), sharex=True, layout="constrained",
        gridspec_kw={"height_ratios": [0.35] + [1] * count},
    )  # fmt: skip
    bars = all_axes[0]
    bars.axis("off")
    stimulus, target = trace["stimulus"].values, trace["target"].values
    _bar(bars, time, stimulus, "0.3", 0.55, "stimulus")
    _bar(bars, time, target, "0.6", 0.05, "target")
    for axes, (label, name, colour) in zip(all_axes[1:], panels):
        lines(axes, trace, name, colour)
        axes.set_ylabel(label, rotation=0, ha="right", va="center")
    if weights:
        axes = all_axes[-1]
        for name, dashes in zip(weights, _DASHES * (1 + len(weights) // len(_DASHES))):
            rows, moved = thin(xr.DataArray(weights_moved(trace, name), dims="time"), "time")
            axes.plot(time[rows], moved, color=BLACK, linestyle=dashes, linewidth=1, label=rf"$|\Delta W_{{{name[1:]}}}|$")
        axes.legend(loc="upper left", handlelength=2, ncol=min(4, len(weights)))
        axes.set_ylabel("weights moved", rotation=0, ha="right", va="center")
    switches = time[np.flatnonzero(np.diff(stimulus + 2 * target)) + 1]
    for axes in all_axes[1:]:
        for t in switches:
            axes.axvline(t, color="0.8", linewidth=0.7, zorder=0)
    all_axes[-1].set_xlabel(TIME)
    figure.suptitle(f"{model.label}, trial {trial}", x=0.01, ha="left", fontsize=10)
    return figure
