"""A sweep: the folder of runs that `dynvert sweep` writes, with its index sweep.csv."""

from __future__ import annotations

import csv
import pathlib
import tomllib
from typing import Any

import pandas as pd

from .errors import FileError
from .opening import PathLike

_INDEX = "sweep.csv"


def _value(text: str) -> Any:
    """A value as it was typed: TOML, or text where it is none. Lists as tuples, so that a table can be grouped by them."""

    def hashable(value: Any) -> Any:
        return tuple(map(hashable, value)) if isinstance(value, list) else text if isinstance(value, dict) else value

    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return hashable(parsed["value"]) if parsed.keys() == {"value"} else text


def read_sweep(folder: PathLike) -> pd.DataFrame:
    """The index of a sweep, a row a run: file (its path, for open_run), a column for each swept key, seed, status ("complete",
    "interrupted", "diverged", "failed", "not run"), trials (that its file can be trusted up to), and train_loss_NAME,
    train_accuracy_NAME, test_loss_NAME, test_accuracy_NAME, the last ones, of each model that learns; NaN where none is known.

    Raises FileError where the folder has no index, or one that is damaged.
    """
    path = pathlib.Path(folder) / _INDEX
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            header, *rows = csv.reader(stream, strict=True)
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path}: cannot be read ({error}); expected the index of a folder that dynvert sweep wrote") from error
    except (csv.Error, ValueError) as error:
        raise FileError(f"{path}: is not an index of a sweep, or is damaged") from error
    if header[:1] != ["file"] or not {"seed", "status", "trials"} <= set(header) or any(len(row) != len(header) for row in rows):
        raise FileError(f"{path}: is not an index of a sweep, or is damaged")
    table = pd.DataFrame(rows, columns=header)
    known = header.index("seed")
    try:
        for name in header[1:known]:
            table[name] = [_value(text) for text in table[name]]
        for name in ("seed", "trials"):
            table[name] = table[name].astype("int64")
        for name in header[known + 3 :]:
            table[name] = [float(text or "nan") for text in table[name]]
    except ValueError as error:
        raise FileError(f"{path}: is damaged ({error})") from error
    table["file"] = [str(path.parent / name) for name in table["file"]]
    return table
