"""Spectra of the loops in the complex plane, from the weights in the file."""

from __future__ import annotations

from typing import Optional

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from ..loops import Loop, loops_at, state_at
from ..run import Model
from ..style import BLUE, GREY, ORANGE, VERMILION, drawing

# a chain of more states is not put into one matrix for a picture
_MOST_STATES = 3000


def spectra(model: Model, row: int) -> list[tuple[Loop, np.ndarray]]:
    """Each loop of a snapshot with its eigenvalues, units 1/time.

    A nonlinear loop's Jacobian is taken where the trial after the snapshot ended, if its trajectories are in the file, else
    at rest (delta = 0). Loops through several layers with more than 3,000 states are left out.
    """
    trial = int(model.weights["snapshot"].values[row])
    trace = model.transient(trial) if trial in model.recorded else None
    found = []
    for loop in loops_at(model, row):
        if len(loop.W) > 1 and sum(loop.sizes) > _MOST_STATES:
            continue
        state = None if loop.linear or trace is None else state_at(loop, trace)
        found.append((loop, loop.spectrum(state)))
    return found


def snapshots_shown(model: Model) -> list[int]:
    """Rows of the first, the middle and the last snapshot."""
    count = model.weights.sizes.get("snapshot", 0)
    return sorted({0, (count - 1) // 2, count - 1}) if count else []


@drawing()
def spectrum(model: Model) -> Optional[Figure]:
    """Eigenvalues of each loop at the start, in the middle and at the end of learning; None for a model without loops."""
    shown = [(int(model.weights["snapshot"].values[row]), spectra(model, row)) for row in snapshots_shown(model)]
    shown = [(trial, found) for trial, found in shown if found]
    if not shown:
        return None
    loops = [loop.number for loop, _ in shown[0][1]]
    width = 4.4 if len(loops) == 1 else 3.6 * len(loops)
    figure, panels = plt.subplots(1, len(loops), figsize=(width, 4.2), squeeze=False, layout="constrained")
    markers = [
        {"marker": "o", "markerfacecolor": "none", "markeredgecolor": ORANGE, "markersize": 6},
        {"marker": "x", "color": VERMILION, "markersize": 5},
        {"marker": ".", "color": BLUE, "markersize": 6},
    ]
    for k, (axes, number) in enumerate(zip(panels[0], loops)):
        for (trial, found), marker in zip(shown, markers if len(shown) == 3 else markers[::2]):
            values = next(v for loop, v in found if loop.number == number)
            label = f"{trial} trials: abscissa {values.real.max():.3g}".replace("-", "\N{MINUS SIGN}")
            axes.plot(values.real, values.imag, linestyle="none", label=label, **marker)
        low, high = axes.get_xlim()
        high = max(high, 0.05 * (high - low))
        axes.axvspan(0, high, color="0.92", zorder=0, linewidth=0)
        axes.axvline(0, color=GREY, linewidth=0.8, zorder=0)
        axes.set_xlim(low, high)
        axes.set_xlabel("real part (1/time)")
        if k == 0:
            axes.set_ylabel("imaginary part (1/time)")
        axes.set_title(f"{model.label}, loop {number}; unstable where grey")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), handlelength=1.2, handletextpad=0.3)
    return figure
