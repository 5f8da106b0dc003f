"""A stability map: the file that `dynvert inspect --map` writes (format dynvert-map-1)."""

from __future__ import annotations

from types import TracebackType

import h5py
import xarray as xr

from .arrays import attributes, read_group
from .errors import FileError, RequestError
from .opening import MAP_FORMAT, PathLike, check_format, open_file, reading


class StabilityMap:
    """Measures of the loops of each model over leak and tau_u / tau_delta. A context manager."""

    def __init__(self, path: PathLike) -> None:
        """Raises FileError where it is not a dynvert-map-1 file, is truncated, damaged, or being written."""
        self.path = str(path)
        self.file = open_file(path)
        try:
            check_format(self.file, MAP_FORMAT)
            self.attrs = attributes(self.file)
            with reading(f"{self.path}:/maps"):
                maps = self.file.get("maps")
                if not isinstance(maps, h5py.Group):
                    raise FileError(f"{self.path}: has no group /maps, the file is damaged")
                self.models = tuple(name for name, item in maps.items() if isinstance(item, h5py.Group))
        except BaseException:
            self.file.close()
            raise

    def __getitem__(self, name: str) -> xr.Dataset:
        """spectral_abscissa_l, .. over (alpha, ratio) of one model."""
        if name not in self.models:
            raise RequestError(f"{self.path}: no map of a model {name!r}; there are maps of: {', '.join(self.models)}")
        return read_group(self.file["maps"][name])

    def __enter__(self) -> "StabilityMap":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, where: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self.file.close()

    def __repr__(self) -> str:
        return f"<dynvert.StabilityMap {self.path!r}: {', '.join(self.models)}>"


def open_map(path: PathLike) -> StabilityMap:
    """Opens what `dynvert inspect --map` wrote. Raises FileError as open_run does."""
    return StabilityMap(path)
