"""The datasets of a file, for tests that compare runs."""

import pathlib

import h5py
import numpy as np


def arrays(path: pathlib.Path) -> dict[str, np.ndarray]:
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


def datasets(path: pathlib.Path) -> dict[str, bytes]:
    """Bit for bit."""
    return {name: values.tobytes() for name, values in arrays(path).items()}
