"""One line per model: the result of its learning and its loops, as `dynvert inspect` prints it."""

from __future__ import annotations

from typing import Optional

import numpy as np
import xarray as xr

from .run import Model, Run, numbered

_COLUMNS = {
    "final_nse": ("1", "training loss at the last evaluation, over the largest of all models"),
    "settled_fraction": ("1", "trials in which every loop ended within the settling band (2 % by default)"),
    "median_settling_time": ("time", "over all trials and loops, infinite where a loop did not settle; NaN where the median is"),
    "median_angle_ndi": ("degree", "angle to the settled loops, over trials and layers"),
    "median_spectral_abscissa": ("1/time", "largest real part of a loop's spectrum, over trials and loops"),
    "largest_spectral_abscissa": ("1/time", "largest real part of a loop's spectrum, over trials and loops"),
}


def _values(model: Model, prefix: str) -> Optional[np.ndarray]:
    """(l, trial) of a measure; None where the model does not have it."""
    names = numbered(model.rows.data_vars, f"{prefix}_")
    return np.stack([model.rows[name].values for name in names]) if names else None


def _median_of_settling(values: Optional[np.ndarray]) -> float:
    """A trial that did not settle counts as later than any other, as in every picture (`figures.curves`)."""
    if values is None or not values.size:
        return np.nan
    found = float(np.median(np.where(np.isnan(values), np.inf, values)))
    return found if np.isfinite(found) else np.nan


def _settled_fraction(converged: Optional[np.ndarray]) -> float:
    # -3: the error fluctuates, and whether a loop has settled is not defined
    if converged is None or np.all(np.any(converged == -3, axis=0)):
        return np.nan
    return float(np.mean(np.all(converged == 1, axis=0)))


def _finite(values: Optional[np.ndarray]) -> np.ndarray:
    return np.empty(0) if values is None else values[np.isfinite(values)]


def _several_points(model: Model) -> bool:
    """Whether the trials are of different points of an inversion grid, which are not pooled, as in `dynvert inspect`."""
    return any(name in model.rows and len(np.unique(model.rows[name].values)) > 1 for name in ("alpha", "tau_u"))


def summary(run: Run) -> xr.Dataset:
    """final_nse, settled_fraction, median_settling_time, median_angle_ndi, median_spectral_abscissa and largest_spectral_abscissa over
    (model); NaN where a model does not have it, or its trials are of several points of a grid. One measure of one model is in memory
    at a time."""
    rows: dict[str, list[float]] = {name: [] for name in _COLUMNS}
    for model in run:
        rows["final_nse"].append(float(model.eval["nse"][-1]) if "nse" in model.eval else np.nan)
        if _several_points(model):
            for name in rows.keys() - {"final_nse"}:
                rows[name].append(np.nan)
            continue
        converged = _values(model, "converged")
        rows["settled_fraction"].append(_settled_fraction(converged))
        rows["median_settling_time"].append(_median_of_settling(_values(model, "settling_time")))
        angles = _finite(_values(model, "angle_ndi"))
        rows["median_angle_ndi"].append(float(np.median(angles)) if angles.size else np.nan)
        abscissas = _finite(_values(model, "spectral_abscissa"))
        rows["median_spectral_abscissa"].append(float(np.median(abscissas)) if abscissas.size else np.nan)
        rows["largest_spectral_abscissa"].append(float(abscissas.max()) if abscissas.size else np.nan)
    return xr.Dataset(
        {name: ("model", rows[name], {"units": units, "long_name": text}) for name, (units, text) in _COLUMNS.items()},
        {"model": list(run.models)},
    )
