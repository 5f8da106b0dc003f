"""Groups of a file as xarray datasets whose values stay in the file until they are asked for."""

from __future__ import annotations

from typing import Any, Mapping, Optional

import h5py
import numpy as np
import pandas as pd
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from .errors import FileError
from .opening import reading

# What HDF5's dimension scales write for themselves.
_SCALE_ATTRIBUTES = {"CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "DIMENSION_LABELS", "_Netcdf4Dimid"}
_BLOCK = 1 << 19  # values that are read at a time where a whole dataset is looked at


class StoredArray(BackendArray):
    """A dataset of an open file: an index reads just what it selects, nothing is kept.

    shape: that of the dataset, or shorter where its last rows are not to be trusted.
    """

    def __init__(self, dataset: h5py.Dataset, shape: tuple[int, ...]) -> None:
        self._dataset = dataset
        self.shape = shape
        self.dtype = dataset.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> np.ndarray:
        backward = [isinstance(k, slice) and k.step is not None and k.step < -1 for k in key.tuple]
        if any(backward):
            # xarray 2022.12 turns [::-2] into [0::2] before it reverses, which are other elements
            if isinstance(key, indexing.VectorizedIndexer):
                raise NotImplementedError("a step below -1 together with arrays of several axes; index one after the other")
            key = indexing.OuterIndexer(tuple(np.arange(n)[k] if b else k for k, n, b in zip(key.tuple, self.shape, backward)))
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER_1VECTOR, self._read)

    def __deepcopy__(self, _: Any) -> "StoredArray":
        return self  # nothing in it can change

    def _read(self, key: tuple) -> np.ndarray:
        if not self._dataset:
            raise FileError("the file has been closed; read what is needed (.load()) before that")
        bounded = tuple(slice(*k.indices(n)) if isinstance(k, slice) else k for k, n in zip(key, self.shape))
        with reading(f"{self._dataset.file.filename}:{self._dataset.name}"):
            return np.asarray(self._dataset[bounded])


def attributes(item: h5py.Group | h5py.Dataset) -> dict[str, Any]:
    """Attributes as plain Python values: text, integers, reals."""
    with reading(f"{item.file.filename}:{item.name}"):
        found = {name: item.attrs[name] for name in item.attrs if name not in _SCALE_ATTRIBUTES}
    return {name: value.item() if isinstance(value, np.generic) else value for name, value in found.items()}


def _dimensions(dataset: h5py.Dataset) -> tuple[str, ...]:
    """Name of each axis: the dimension scale in the same group."""
    own = dataset.name.rsplit("/", 1)[1]
    if dataset.ndim == 1 and h5py.h5ds.is_scale(dataset.id):
        return (own,)
    names = []
    for axis, dimension in enumerate(dataset.dims):
        if len(dimension) != 1:
            raise FileError(f"{dataset.file.filename}:{dataset.name}: axis {axis} has no name, the file is damaged")
        names.append(dimension[0].name.rsplit("/", 1)[1])
    return tuple(names)


def _coordinate(dataset: h5py.Dataset, length: int) -> pd.Index:
    """The values of a scale. Numbers 0, 1, 2, .. (trials, units) take no memory, however many they are."""
    if dataset.dtype.kind == "i":
        for start in range(0, length, _BLOCK):
            stop = min(start + _BLOCK, length)
            if not np.array_equal(dataset[start:stop], np.arange(start, stop)):
                break
        else:
            return pd.RangeIndex(length)
    return pd.Index(dataset[:length])


def read_group(group: h5py.Group, limits: Optional[Mapping[str, int]] = None) -> xr.Dataset:
    """The datasets of a group, with named axes and coordinates, read when they are used.

    limits: the longest that an axis may be, by name ("trial" in a file whose run did not end). Where datasets of one axis
    differ in length, because the run was cut short, the shortest counts.
    Raises FileError where the group is damaged.
    """
    with reading(f"{group.file.filename}:{group.name}"):
        datasets = {name: item for name, item in group.items() if isinstance(item, h5py.Dataset) and item.ndim > 0}
        axes = {name: _dimensions(item) for name, item in datasets.items()}
        lengths: dict[str, int] = dict(limits or {})
        for name, item in datasets.items():
            for axis, n in zip(axes[name], item.shape):
                lengths[axis] = min(n, lengths.get(axis, n))
        variables: dict[str, xr.Variable] = {}
        coordinates: dict[str, xr.Variable] = {}
        for name, item in datasets.items():
            if axes[name] == (name,):
                coordinates[name] = xr.IndexVariable(name, _coordinate(item, lengths[name]), attributes(item))
            else:
                stored = StoredArray(item, tuple(lengths[a] for a in axes[name]))
                variables[name] = xr.Variable(axes[name], indexing.LazilyIndexedArray(stored), attributes(item))
        return xr.Dataset(variables, coordinates, attributes(group))
