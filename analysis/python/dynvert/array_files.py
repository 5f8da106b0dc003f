"""Arrays where a configuration names a file of HDF5: the file is made.

    {"task": {"kind": "dataset", "path": {"x": inputs, "t": targets}}}

Each array becomes the dataset of its name, "train/x" in a group. Beside an output NAME.h5 the file is NAME.task.path.h5, for
whoever resumes or inspects the run; else it is a temporary file, for as long as the run takes.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import tempfile
from typing import Any, Callable, Iterator, Mapping, Optional

import h5py
import numpy as np

from .errors import IoError, ValueError

Tables = Mapping[str, Any]


def is_arrays(value: Any) -> bool:
    return isinstance(value, Mapping) and len(value) > 0 and all(isinstance(v, np.ndarray) for v in value.values())


def _image(arrays: Mapping[str, np.ndarray]) -> bytes:
    """The same arrays give the same bytes: a run says of its files what their checksum was."""
    with h5py.File("arrays", "w", driver="core", backing_store=False) as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array, track_times=False)
        file.flush()
        return file.id.get_file_image()


def _replaced(value: Any, key: str, make: Callable[[str, Mapping[str, np.ndarray]], str]) -> Any:
    if is_arrays(value):
        return make(key, value)
    if isinstance(value, Mapping):
        return {name: _replaced(below, f"{key}.{name}" if key else str(name), make) for name, below in value.items()}
    if isinstance(value, (list, tuple)) and any(isinstance(below, Mapping) for below in value):
        return [_replaced(below, f"{key}.{below.get('name', i)}", make) for i, below in enumerate(value)]
    return value


@contextlib.contextmanager
def in_place_of_arrays(config: Any, set: Optional[Tables], output: Optional[str], there: str) -> Iterator[tuple[Any, Any]]:
    """The configuration and the keys that are set, with the names of files where arrays were.

    output: of the run; None: the files are temporary. there: what a file that is there already may be, "refused", "replaced", or
    "resumed": then it holds the same arrays.
    Raises IoError where it may not be there or cannot be written, ValueError where it holds others.
    """
    with contextlib.ExitStack() as temporary:

        def make(key: str, arrays: Mapping[str, np.ndarray]) -> str:
            image = _image(arrays)
            if output is not None:
                return _write(pathlib.Path(output).with_suffix(f".{key}.h5"), image, there)
            file = temporary.enter_context(tempfile.NamedTemporaryFile(prefix=f"dynvert_{key}_", suffix=".h5"))
            file.write(image)
            file.flush()
            return file.name

        yield (_replaced(config, "", make) if isinstance(config, Mapping) else config), _replaced(dict(set or {}), "", make)


def _write(path: pathlib.Path, image: bytes, there: str) -> str:
    def refused(fault: str, remedy: str) -> IoError:
        return IoError(f"{path}: {fault}. Try: {remedy}", path=str(path), fault=fault, remedy=remedy)

    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if os.path.lexists(path) and there != "replaced":
            if there == "refused":
                raise refused("exists already, and is to hold arrays of the configuration", "another output, or overwrite=True")
            if path.read_bytes() != image:
                fault, allowed = "does not hold these arrays, with which the run was not begun", "the same arrays, or another output"
                raise ValueError(f"{path}: {fault}; allowed: {allowed}", object=str(path), fault=fault, allowed=allowed)
        else:
            beside.write_bytes(image)
            os.replace(beside, path)
    except IoError:
        raise
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise refused(f"cannot be written: {error.strerror}", "more room, or another folder") from error
    return str(path.absolute())
