"""One line a model: what its learning and its loops came to, as `dynvert inspect` prints it."""

from __future__ import annotations

from typing import Optional

import numpy as np
import xarray as xr

from .run import Model, Run, numbered

_COLUMNS = {
    "final_nse": ("1", "normalised squared error at the last evaluation"),
    "settled_fraction": ("1", "trials in which every loop ended within 2 % of its steady state"),
    "median_settling_time": ("time", "over the trials that settled, all loops"),
    "median_angle_ndi": ("degree", "angle to the settled loops, over trials and layers"),
    "largest_spectral_abscissa": ("1/time", "largest real part of a loop's spectrum, over trials and loops"),
}


def _values(model: Model, prefix: str) -> Optional[np.ndarray]:
    """(l, trial) of a measure; None where the model does not have it."""
    names = numbered(model.rows.data_vars, f"{prefix}_")
    return np.stack([model.rows[name].values for name in names]) if names else None


def _finite(values: Optional[np.ndarray]) -> np.ndarray:
    return np.empty(0) if values is None else values[np.isfinite(values)]


def summary(run: Run) -> xr.Dataset:
    """final_nse, settled_fraction, median_settling_time, median_angle_ndi, largest_spectral_abscissa over (model); NaN where a model
    does not have it. One measure of one model is in memory at a time."""
    rows: dict[str, list[float]] = {name: [] for name in _COLUMNS}
    for model in run:
        rows["final_nse"].append(float(model.eval["nse"][-1]) if "nse" in model.eval else np.nan)
        converged = _values(model, "converged")
        rows["settled_fraction"].append(np.nan if converged is None else float(np.mean(np.all(converged == 1, axis=0))))
        for name, prefix in (("median_settling_time", "settling_time"), ("median_angle_ndi", "angle_ndi")):
            values = _finite(_values(model, prefix))
            rows[name].append(float(np.median(values)) if values.size else np.nan)
        abscissas = _finite(_values(model, "spectral_abscissa"))
        rows["largest_spectral_abscissa"].append(float(abscissas.max()) if abscissas.size else np.nan)
    return xr.Dataset(
        {name: ("model", rows[name], {"units": units, "long_name": text}) for name, (units, text) in _COLUMNS.items()},
        {"model": list(run.models)},
    )
