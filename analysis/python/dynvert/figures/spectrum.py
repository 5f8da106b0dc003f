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


def spectra(model: Model, row: int, trial: Optional[int] = None) -> list[tuple[Loop, np.ndarray]]:
    """Each loop of a snapshot with its eigenvalues, units 1/time.

    trial: run with these weights; by default the one after the snapshot. A nonlinear loop's Jacobian is taken where that trial
    ended, if its trajectories are in the file, else at rest (delta = 0). Loops through several layers with more than 3,000
    states are left out.
    """
    if trial is None:
        trial = int(model.weights["snapshot"].values[row])
    trace = model.transient(trial) if trial in model.recorded else None
    found = []
    for loop in loops_at(model, row, trial):
        if len(loop.W) > 1 and sum(loop.sizes) > _MOST_STATES:
            continue
        state = None if loop.linear or trace is None else state_at(loop, trace)
        found.append((loop, loop.spectrum(state)))
    return found


def point_of(model: Model, trial: int) -> str:
    """Where on the grid a trial is: leak and ratio of the time constants."""
    alpha, tau_u, tau_delta = (model.parameter(name, trial) for name in ("alpha", "tau_u", "tau_delta"))
    return rf"$\alpha$ = {alpha:g}, $\tau_u/\tau_\delta$ = {tau_u / tau_delta:g}"


def _shown(model: Model) -> list[tuple[str, list[tuple[Loop, np.ndarray]]]]:
    """Label and spectra of the first, the middle and the last snapshot, or point of the grid."""

    def thirds(count: int) -> list[int]:
        return sorted({0, (count - 1) // 2, count - 1}) if count else []

    if "alpha" in model.grid:
        return [(point_of(model, trial), spectra(model, 0, trial)) for trial in thirds(model.grid.sizes["trial"])]
    rows = thirds(model.weights.sizes.get("snapshot", 0))
    return [(f"{model.weights['snapshot'].values[row]} trials", spectra(model, row)) for row in rows]


@drawing()
def spectrum(model: Model) -> Optional[Figure]:
    """Eigenvalues of each loop at the start, in the middle and at the end of learning, or at three points of the grid of an
    experiment without learning; None for a model without loops."""
    shown = [(label, found) for label, found in _shown(model) if found]
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
        for (what, found), marker in zip(shown, markers if len(shown) == 3 else markers[::2]):
            values = next(v for loop, v in found if loop.number == number)
            label = f"{what}: abscissa {values.real.max():.3g}".replace("-", "\N{MINUS SIGN}")
            axes.plot(values.real, values.imag, linestyle="none", label=label, **marker)
        axes.margins(0.06)
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
