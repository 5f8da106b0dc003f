"""Configurations that are dicts, as TOML.

    >>> print(to_toml({"experiment": {"trials": 500}, "model": [{"name": "DI", "alpha": 0.1}]}), end="")
    [experiment]
    trials = 500
    <BLANKLINE>
    [[model]]
    name = "DI"
    alpha = 0.1
    <BLANKLINE>
"""

from __future__ import annotations

import math
from typing import Any, Mapping

import numpy as np

from .errors import ConfigError

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f"}


def _fail(key: str, fault: str, allowed: str) -> ConfigError:
    message = f"<dict>: {key}: {fault}; allowed: {allowed}"
    data = {"found": "", "nearest": "", "line": None, "column": None}
    return ConfigError(message, file="<dict>", key=key, fault=fault, allowed=allowed, **data)


def _text(value: str) -> str:
    return '"' + "".join(_ESCAPES.get(c, f"\\u{ord(c):04X}" if ord(c) < 32 or ord(c) == 127 else c) for c in value) + '"'


def _word(key: Any, path: str) -> str:
    if not isinstance(key, str) or not key:
        raise _fail(path or "the configuration", f"has the key {key!r}", "names")
    return key if all(c.isascii() and (c.isalnum() or c in "_-") for c in key) else _text(key)


def to_value(value: Any, key: str = "") -> str:
    """A value as it stands in a TOML file. Reading it back gives the same value, reals to the last bit.

    >>> to_value([1, 2.5, "a", True])
    '[1, 2.5, "a", true]'

    Raises ConfigError for what TOML has no value for. key: what it is the value of, for the message.
    """
    if isinstance(value, np.ndarray):
        value = value.tolist()
    elif isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise _fail(key, f"the integer {value} is too large", "64 bits with sign")
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else "nan" if value != value else "inf" if value > 0 else "-inf"
    if isinstance(value, str):
        return _text(value)
    if hasattr(value, "__fspath__"):
        return _text(str(value))
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_word(k, key)} = {to_value(v, f'{key}.{k}')}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(to_value(v, f"{key}[{i}]") for i, v in enumerate(value)) + "]"
    raise _fail(key, f"is {'None' if value is None else 'a ' + type(value).__name__}", "a number, text, a list or a dict")


def _is_tables(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and len(value) > 0 and all(isinstance(v, Mapping) for v in value)


def to_toml(table: Mapping[str, Any], _path: str = "") -> str:
    """A configuration as text. Dicts become tables, lists of dicts arrays of tables.

    Raises ConfigError for what TOML has no value for.
    """
    plain, below = "", ""
    for name, value in table.items():
        word = _word(name, _path)
        path = f"{_path}.{word}" if _path else word
        if isinstance(value, Mapping):
            below += f"[{path}]\n{to_toml(value, path)}\n"
        elif _is_tables(value):
            below += "".join(f"[[{path}]]\n{to_toml(v, path)}\n" for v in value)
        else:
            plain += f"{word} = {to_value(value, path)}\n"
    return plain + below
