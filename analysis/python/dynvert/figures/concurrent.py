"""One trial of a concurrent model: stimulus on, rates rise, target on, error, controllers and credit signals settle, weights
move."""

from __future__ import annotations

from typing import Optional

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..roles import of_role
from ..run import Model
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
    switches = of_role(trace, "switch")
    if not switches:
        return None
    time = trace["time"].values
    panels = [(f"drive {symbol(n)}", n, BLUE) for n in of_role(trace, "forward")]
    panels += [(f"error {symbol(n)}", n, VERMILION) for n in of_role(trace, "output_error")]
    panels += [(f"controller {symbol(n)}", n, GREEN) for n in reversed(of_role(trace, "controller"))]
    panels += [(f"credit {symbol(n)}", n, BLUE) for n in reversed(of_role(trace, "error"))]
    weights = [n for n in of_role(trace, "weights") if trace[n].ndim == 3]
    count = len(panels) + bool(weights)
    figure, all_axes = plt.subplots(
        count + 1, 1, figsize=(6.4, 1.05 * count + 1), sharex=True, layout="constrained",
        gridspec_kw={"height_ratios": [0.35] + [1] * count},
    )  # fmt: skip
    bars = all_axes[0]
    bars.axis("off")
    for k, name in enumerate(switches):
        _bar(bars, time, trace[name].values, ("0.3", "0.6")[k % 2], 0.55 - 0.5 * k, name)
    for axes, (label, name, colour) in zip(all_axes[1:], panels):
        lines(axes, trace, name, colour)
        axes.set_ylabel(label, rotation=0, ha="right", va="center")
    if weights:
        axes = all_axes[-1]
        for name, dashes in zip(weights, _DASHES * (1 + len(weights) // len(_DASHES))):
            rows, moved = thin(xr.DataArray(weights_moved(trace, name), dims="time"), "time")
            axes.plot(time[rows], moved, color=BLACK, linestyle=dashes, linewidth=1, label=rf"$|\Delta {symbol(name).strip('$')}|$")
        axes.legend(loc="upper left", handlelength=2, ncol=min(4, len(weights)))
        axes.set_ylabel("weights moved", rotation=0, ha="right", va="center")
    changes = np.any(np.diff([trace[name].values for name in switches], axis=1), axis=0)
    for axes in all_axes[1:]:
        for t in time[np.flatnonzero(changes) + 1]:
            axes.axvline(t, color="0.8", linewidth=0.7, zorder=0)
    all_axes[-1].set_xlabel(TIME)
    figure.suptitle(f"{model.label}, trial {trial}", x=0.01, ha="left", fontsize=10)
    return figure
