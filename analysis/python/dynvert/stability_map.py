"""A stability map: the file that `dynvert inspect --map` writes (format dynvert-map-1)."""

from __future__ import annotations

import xarray as xr

from .arrays import read_group
from .errors import RequestError
from .opened import OpenFile
from .opening import MAP_FORMAT, PathLike


class StabilityMap(OpenFile):
    """Measures of the loops of each model over leak and tau_u / tau_delta. A context manager."""

    def __init__(self, path: PathLike) -> None:
        """Raises FileError where it is not a dynvert-map-1 file, is truncated, damaged, or being written."""
        super().__init__(path, MAP_FORMAT)

    def _read_names(self) -> None:
        self.models = self._groups_in("maps")

    def __getitem__(self, name: str) -> xr.Dataset:
        """spectral_abscissa_l, .. over (alpha, ratio) of one model."""
        if name not in self.models:
            raise RequestError(f"{self.path}: no map of a model {name!r}; there are maps of: {', '.join(self.models)}")
        return read_group(self.file["maps"][name])


def open_map(path: PathLike) -> StabilityMap:
    """Opens what `dynvert inspect --map` wrote. Raises FileError as open_run does."""
    return StabilityMap(path)
