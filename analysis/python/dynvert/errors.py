"""What can go wrong, each with the exit code of the program: 2 usage, 4 input or output."""

from __future__ import annotations


class DynvertError(Exception):
    """One clear message for people: what, where, and what to do."""

    exit_code = 1


class RequestError(DynvertError):
    """Something was asked for that the file does not hold: a model, a trial, a kind of figure."""

    exit_code = 2


class FileError(DynvertError):
    """A file that cannot be read or written: missing, not ours, truncated, damaged, of another format."""

    exit_code = 4
