"""Opens files of the formats dynvert-1 and dynvert-map-1, and refuses all others with one message."""

from __future__ import annotations

import contextlib
import errno
import os
import pathlib
import re
from typing import BinaryIO, Iterator, Union

import h5py

from .errors import FileError

RUN_FORMAT = "dynvert-1"
MAP_FORMAT = "dynvert-map-1"

# What h5py raises where bytes are damaged, besides OSError.
_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, MemoryError, OverflowError)

PathLike = Union[str, "os.PathLike[str]"]


@contextlib.contextmanager
def reading(where: str) -> Iterator[None]:
    """Turns what h5py raises where a file is damaged into a FileError that names the place."""
    try:
        yield
    except _DAMAGE as error:
        raise FileError(f"{where}: cannot be read, the file is damaged or incomplete ({_first_line(error)})") from error


def _first_line(error: BaseException) -> str:
    text = str(error.args[0]) if error.args else type(error).__name__
    return text.splitlines()[0] if text else type(error).__name__


def open_file(path: PathLike) -> h5py.File:
    """Opens an HDF5 file for reading.

    Raises FileError where it is missing, not HDF5, truncated, or being written.
    """
    path = pathlib.Path(path)
    if not path.exists():
        raise FileError(f"{path}: there is no such file")
    if not path.is_file():
        raise FileError(f"{path}: is not a file")
    if not os.access(path, os.R_OK):
        raise FileError(f"{path}: may not be read (permissions)")
    if not _has_signature(path):
        raise FileError(f"{path}: is not an HDF5 file; expected a file that dynvert wrote")
    try:
        return _open(path)
    except _DAMAGE as error:
        reason = str(error)
        if "truncated" in reason:
            raise FileError(f"{path}: is truncated, its end is missing; copy it again, or run the simulation again") from error
        if "lock" in reason or "Resource temporarily unavailable" in reason:
            raise FileError(f"{path}: is being written by another program; wait until that has ended") from error
        raise FileError(f"{path}: cannot be opened as HDF5, it is damaged or truncated ({_first_line(error)})") from error


def open_stream(stream: BinaryIO, name: str) -> h5py.File:
    """Opens what has no path: a file in memory, which whoever opened it closes."""
    with reading(name):
        return h5py.File(stream, "r")


def _has_signature(path: pathlib.Path) -> bool:
    """HDF5's own test takes a file that it cannot lock for none. The signature stands at 0, 512, 1024, 2048, .."""
    with open(path, "rb") as file:
        size, at = path.stat().st_size, 0
        while at < size:
            file.seek(at)
            if file.read(8) == b"\x89HDF\r\n\x1a\n":
                return True
            at = 2 * at if at else 512
    return False


def _open(path: pathlib.Path) -> h5py.File:
    try:
        return h5py.File(path, "r")
    except OSError as error:
        found = re.search(r"unable to lock file, errno = (\d+)", str(error))
        if not found or int(found.group(1)) in (errno.EAGAIN, errno.EWOULDBLOCK):
            raise
        return h5py.File(path, "r", locking=False)  # a file system without locks


def format_of(file: h5py.File) -> str:
    """The root attribute Conventions; "" where there is none, or where it is no text."""
    try:
        value = file.attrs.get("Conventions", "")
    except _DAMAGE:
        return ""
    return value if isinstance(value, str) else ""


def check_format(file: h5py.File, expected: str) -> None:
    """Raises FileError where the file has another format, and says what would read it."""
    found = format_of(file)
    if found == expected:
        return
    path = file.filename
    if not found.startswith("dynvert-"):
        what = f"is {found!r}" if found else "is missing"
        raise FileError(f"{path}: was not written by dynvert: its attribute Conventions {what}, not {expected!r}")
    if found == MAP_FORMAT:
        raise FileError(f"{path}: is a stability map ({found}), not a run ({expected}); dynvert.open_map reads it")
    if found == RUN_FORMAT:
        raise FileError(f"{path}: is a run ({found}), not a stability map ({expected}); dynvert.open_run reads it")
    raise FileError(
        f"{path}: is of the format {found}, and this version reads {RUN_FORMAT} and {MAP_FORMAT}; "
        "use the version of dynvert that wrote it"
    )
