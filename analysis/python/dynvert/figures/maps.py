"""Stability maps: measures of a loop over the leak alpha and the ratio tau_u / tau_delta."""

from __future__ import annotations

import textwrap
from typing import Optional

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize, SymLogNorm
from matplotlib.figure import Figure

from ..style import drawing

_AXES = {"alpha": r"leak $\alpha$ of the controller", "ratio": r"ratio $\tau_u / \tau_\delta$"}

_NAMES = {
    "angle_ndi": "angle to NDI",
    "angle_pbp": "angle to PBP",
    "angle_bp": "angle to BP",
    "angle_feedback": "angle of $B$ to $-W'$",
}


def _edges(values: np.ndarray, log: bool) -> np.ndarray:
    """Edges of the cells around the values of a coordinate."""
    x = np.log(values) if log else values
    if len(x) == 1:
        return values * np.array([0.9, 1.1]) if log else values + np.array([-0.5, 0.5])
    middle = (x[1:] + x[:-1]) / 2
    edges = np.concatenate([[1.5 * x[0] - 0.5 * x[1]], middle, [1.5 * x[-1] - 0.5 * x[-2]]])
    return np.exp(edges) if log else edges


def _is_log(values: np.ndarray) -> bool:
    """Whether a coordinate is spaced evenly on a logarithmic axis rather than on a linear one."""
    if np.any(values <= 0):
        return False
    if len(values) < 3:
        return float(values.max()) > 10 * float(values.min())
    return float(np.ptp(np.diff(np.log(values)))) < float(np.ptp(np.diff(values) / np.abs(values).max()))


def _norm(finite: np.ndarray) -> Normalize:
    """A logarithmic scale where the values are of one sign and span more than a decade, else a linear one."""
    if not finite.size:
        return Normalize(0.0, 1.0)
    low, high = float(finite.min()), float(finite.max())
    sizes = np.abs(finite[finite != 0])
    if low < 0 < high or not sizes.size or sizes.max() <= 10 * sizes.min():
        return Normalize(low, high)
    if low > 0:
        return LogNorm(low, high)
    return SymLogNorm(10 ** np.floor(np.log10(sizes.min())), vmin=low, vmax=high)


def _panel(figure: Figure, axes: Axes, data: xr.Dataset, name: str, spread: Optional[xr.Dataset] = None) -> None:
    """A measure, or its spread over samples where that is given."""
    grid = (data if spread is None else spread)[name].transpose("ratio", "alpha")
    values = grid.values
    x, y = data["alpha"].values, data["ratio"].values
    log = {"alpha": _is_log(x), "ratio": _is_log(y)}
    finite = values[np.isfinite(values)]
    norm = _norm(finite)
    colours = matplotlib.colormaps["cividis"].with_extremes(bad="0.8", over="white")
    # matplotlib takes infinity for missing; it is beyond the scale
    shown = np.ma.masked_invalid(np.where(np.isposinf(values), 10 * abs(norm.vmax or 1.0), values))
    mesh = axes.pcolormesh(
        _edges(x, log["alpha"]),
        _edges(y, log["ratio"]),
        shown,
        cmap=colours,
        norm=norm,
        rasterized=values.size > 10_000,
    )
    if log["alpha"]:
        axes.set_xscale("log")
    if log["ratio"]:
        axes.set_yscale("log")
    zero = boundary(data, name)
    if zero is not None and min(zero.shape) > 1 and np.any(zero > 0):
        if np.any(zero < 0):
            axes.contour(x, y, zero, levels=[0], colors="white", linewidths=3.2)
            axes.contour(x, y, zero, levels=[0], colors="black", linewidths=1.4)
        axes.contourf(x, y, zero, levels=[0, np.inf], colors="none", hatches=["///"])
    axes.set_xlabel(_AXES["alpha"])
    axes.set_ylabel(_AXES["ratio"])
    stem, _, number = name.rpartition("_")
    credit = stem.startswith("angle_") and stem != "angle_feedback"
    notes = [f"{'layer' if credit else 'loop'} {number}" if number.isdigit() else ""]
    notes += ["grey: no value"] if np.any(np.isnan(values)) else []
    unlimited = "not settled" if stem == "settling_time" else "no limit"
    notes += [f"white: {unlimited}"] if np.any(np.isposinf(values)) else []
    axes.set_title("; ".join(note for note in notes if note))
    if {"alpha", "ratio"} <= data.attrs.keys():
        axes.plot(data.attrs["alpha"], data.attrs["ratio"], "*", color="white", markeredgecolor="black", markersize=11,
                  markeredgewidth=0.8, clip_on=False)  # fmt: skip
        axes.set_xlim(_edges(x, log["alpha"])[[0, -1]])
        axes.set_ylim(_edges(y, log["ratio"])[[0, -1]])
    units = grid.attrs.get("units", "")
    what = stem if number.isdigit() else name
    what = _NAMES.get(what, what.replace("_", " ").replace("euler", "Euler").replace("rk4", "RK4"))
    what = what if spread is None else f"{what}, between quartiles"
    if not finite.size:
        axes.set_title(f"{axes.get_title(loc='left')}: {what}")
        return
    figure.colorbar(mesh, ax=axes, label=textwrap.fill(what + (f" ({units})" if units not in ("", "1") else ""), 28))


def boundary(data: xr.Dataset, name: str) -> Optional[np.ndarray]:
    """The spectral abscissa (ratio, alpha) of the loop that a measure is of; where it is zero, stability ends."""
    abscissa = f"spectral_abscissa_{name.rsplit('_', 1)[1]}"
    return data[abscissa].transpose("ratio", "alpha").values if abscissa in data else None


@drawing()
def stability_map(
    data: xr.Dataset, model: str, spread: Optional[xr.Dataset] = None, samples: Optional[int] = None
) -> Optional[Figure]:
    """Every measure of a model over alpha and ratio, a panel for each measure and loop; None where there is none.

    spread: of each measure over samples, which has a panel beside that of the measure, unless it is zero. samples: how many
    the measures are medians of.

    The line is where the spectral abscissa of the loop is zero, hatched beyond it: unstable. Grey cells have no value, white
    ones are infinite. A star shows where the run was.
    """
    names = [str(n) for n, v in data.data_vars.items() if set(v.dims) == {"alpha", "ratio"}]
    if not names:
        return None
    names.sort(key=lambda name: not name.startswith("spectral_abscissa"))  # first
    shown: list[tuple[str, Optional[xr.Dataset]]] = []
    for name in names:
        shown.append((name, None))
        if spread is not None and np.any(np.abs(spread[name].values) > 1e-9 * np.abs(data[name].values)):
            shown.append((name, spread))
    columns = min(4 if spread is not None else 3, len(shown))
    rows = -(-len(shown) // columns)
    figure, panels = plt.subplots(rows, columns, figsize=(3.7 * columns, 2.9 * rows), squeeze=False, layout="constrained")
    for axes in panels.flat[len(shown) :]:
        axes.axis("off")
    for axes, (name, of) in zip(panels.flat, shown):
        _panel(figure, axes, data, name, of)
    title = model.replace("_", " ")
    if "snapshot" in data.attrs:
        title += f", weights after {data.attrs['snapshot']} trials"
    if samples is not None:
        title += f": medians of {samples} samples" if samples > 1 else ": one sample"
    figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    return figure
