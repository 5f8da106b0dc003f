"""Long series, read a piece at a time: what a picture needs of them never takes more memory than the picture.

A block is at most some megabytes, whatever the length of the series.
"""

from __future__ import annotations

import warnings
from typing import Iterator

import numpy as np
import xarray as xr

_BLOCK_BYTES = 4 << 20


def blocks(array: xr.DataArray, dim: str, multiple: int = 1) -> Iterator[tuple[int, np.ndarray]]:
    """(first row, values) of consecutive intervals along dim, which comes first in the values.

    multiple: each interval but the last is a multiple of so many rows.
    """
    length = array.sizes[dim]
    row_bytes = max(1, array.dtype.itemsize * array.size // max(1, length))
    rows = max(multiple, _BLOCK_BYTES // row_bytes // multiple * multiple)
    for start in range(0, length, rows):
        piece = array.isel({dim: slice(start, start + rows)})
        yield start, piece.transpose(dim, ...).values


def thin(array: xr.DataArray, dim: str, points: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    """Positions along dim and values to draw: all of them, or of each interval its least and its largest value.

    array: one axis or two (dim, unit). Returns (positions (m,), values (m,) or (m, unit)) with m <= points; where intervals
    are drawn the positions are right to an interval, and no peak is lost. NaN is kept only where a whole interval is NaN.
    """
    length = array.sizes[dim]
    if length <= points:
        return np.arange(length), array.transpose(dim, ...).values
    width = -(-length // (points // 2))
    positions, values = [], []
    for start, piece in blocks(array, dim, width):
        for first in range(0, len(piece), width):
            interval = piece[first : first + width]
            low = np.where(np.isnan(interval), np.inf, interval)
            high = np.where(np.isnan(interval), -np.inf, interval)
            rising = low.argmin(axis=0) < high.argmax(axis=0)
            low, high = low.min(axis=0), high.max(axis=0)
            empty = low > high
            pair = np.stack([np.where(rising, low, high), np.where(rising, high, low)])
            values.append(np.where(empty, np.nan, pair))
            positions += [start + first, start + first + (len(interval) - 1) // 2 + len(interval) // 2]
    return np.array(positions), np.concatenate(values)


def stretch_length(length: int, bins: int = 100) -> int:
    """Rows of each interval of which `medians` takes one."""
    return max(1, length // bins)


def medians(array: xr.DataArray, dim: str, bins: int = 100, missing: float = np.nan) -> tuple[np.ndarray, np.ndarray]:
    """Middle and median of consecutive intervals of length // bins rows of a series of one axis.

    missing: what a NaN counts as; NaN leaves it out, infinity counts it as later than any number, and the median is then NaN
    where more than half are missing. The last rows that do not fill an interval are left out.
    """
    width = stretch_length(array.sizes[dim], bins)
    count = array.sizes[dim] // width
    results = []
    for _, piece in blocks(array, dim, width):
        whole = piece[: len(piece) // width * width].reshape(-1, width)
        whole = np.where(np.isnan(whole), missing, whole)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # an interval that is all NaN
            results.append(np.nanmedian(whole, axis=1))
    middle = (np.arange(count) + 0.5) * width - 0.5
    found = np.concatenate(results) if results else np.empty(0)
    return middle, np.where(np.isinf(found), np.nan, found)
