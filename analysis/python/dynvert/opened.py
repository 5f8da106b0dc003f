"""A file that is open: what runs and stability maps have in common."""

from __future__ import annotations

from types import TracebackType
from typing import Any, BinaryIO, Optional, TypeVar

import h5py

from .arrays import attributes
from .errors import FileError
from .opening import PathLike, check_format, open_file, open_stream, reading

Self = TypeVar("Self", bound="OpenFile")


class OpenFile:
    """Nothing but names and attributes is read when it is opened. A context manager."""

    #: the names of the models, in order
    models: tuple[str, ...] = ()

    def __init__(self, path: PathLike, expected: str, stream: Optional[BinaryIO] = None) -> None:
        """Raises FileError where it is not of the expected format, is truncated, damaged, or being written.

        stream: the file itself, which has no path; `path` is then what messages call it. It is closed with this.
        """
        self.path = str(path)
        self._stream = stream
        self.file = open_file(path) if stream is None else open_stream(stream, self.path)
        try:
            check_format(self.file, expected)
            self.attrs: dict[str, Any] = attributes(self.file)
            self._read_names()
        except BaseException:
            self.close()
            raise

    def _read_names(self) -> None:
        """Reads `models`, and what else is known once the file is open."""

    def _groups_in(self, name: str) -> tuple[str, ...]:
        """The groups in /NAME."""
        with reading(f"{self.path}:/{name}"):
            group = self.file.get(name)
            if not isinstance(group, h5py.Group):
                raise FileError(f"{self.path}: has no group /{name}, the file is damaged")
            return tuple(there for there, item in group.items() if isinstance(item, h5py.Group))

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, where: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; values that have not been read by then are out of reach."""
        self.file.close()
        if self._stream is not None:
            self._stream.close()

    def __repr__(self) -> str:
        return f"<dynvert.{type(self).__name__} {self.path!r}: {', '.join(self.models)}>"
