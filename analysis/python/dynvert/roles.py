"""What a dataset is for: its attributes role, layer, loop, .., as docs/file-format.md lists them.

Readers find populations by these, never by their names or by the name of a model. Files of 0.1.0 have no such attributes:
`annotate` adds them, and is the only place that knows how those files named things.
"""

from __future__ import annotations

import re
from typing import Any, Iterator, Optional

import xarray as xr

# Names of 0.1.0: role, and what the numbers in the name count.
_NAMES_0_1 = (
    (re.compile(r"delta_(?P<layer>\d+)(_run_(?P<loop>\d+))?"), "error"),
    (re.compile(r"u_(?P<loop>\d+)"), "controller"),
    (re.compile(r"s_(?P<loop>\d+)"), "inverted"),
    (re.compile(r"a_(?P<layer>\d+)"), "forward"),
    (re.compile(r"h_(?P<layer>0)"), "input"),
    (re.compile(r"t"), "target"),
    (re.compile(r"e"), "output_error"),
    (re.compile(r"stimulus|target"), "switch"),
    (re.compile(r"[Wb](?P<target_layer>\d+)"), "weights"),
    (re.compile(r"B\d*"), "feedback"),
)


def of_role(data: xr.Dataset, role: str, **wanted: Any) -> list[str]:
    """Names of the datasets of a role, by layer from the input up; of one loop or layer only, where `wanted` says so."""
    found = [
        (values.attrs.get("layer", values.attrs.get("target_layer", -1)), str(name))
        for name, values in data.data_vars.items()
        if values.attrs.get("role") == role and all(values.attrs.get(key) == value for key, value in wanted.items())
    ]
    return [name for _, name in sorted(found)]


def one_of_role(data: xr.Dataset, role: str, **wanted: Any) -> Optional[str]:
    """The first of them; None where there is none."""
    return next(iter(of_role(data, role, **wanted)), None)


def _layers_of_axes(values: xr.DataArray) -> Iterator[int]:
    for axis in values.dims:
        found = re.fullmatch(r"unit_(\d+)", str(axis))
        if found:
            yield int(found[1])


def _by_name(name: str, values: xr.DataArray, has_loops: bool) -> dict[str, Any]:
    """The attributes that the name and the axes of a dataset of 0.1.0 say."""
    for pattern, role in _NAMES_0_1:
        match = pattern.fullmatch(name)
        if match:
            numbers = {key: int(number) for key, number in match.groupdict().items() if number is not None}
            break
    else:
        return {"role": "auxiliary"}
    layers = list(_layers_of_axes(values))
    if role in ("weights", "feedback"):
        numbers.update(zip(("target_layer", "source_layer"), layers))
        if role == "feedback" and has_loops:
            # "B" is that of the only loop, which is called after the output layer
            numbers["loop"] = int(name[1:] or layers[-1])
    elif layers:
        numbers["layer"] = layers[-1]
    if role == "error" and "_run_" not in name:
        numbers["credit_layer"] = numbers["layer"]
    return {"role": role, **numbers}


def annotate(data: xr.Dataset, model: dict[str, Any], feedback: Optional[xr.Dataset] = None) -> xr.Dataset:
    """The attributes above for a group (weights, trace) of 0.1.0, which has none; a newer one is left as it is.

    model: attributes of the model. feedback: its weights, annotated, by which error populations find their loops.
    """
    if any("role" in values.attrs for values in data.data_vars.values()) or "credit" not in model:
        return data
    for name, values in data.data_vars.items():
        values.attrs.update(_by_name(str(name), values, "alpha" in model))
    if feedback is None:
        return data
    loops = [v.attrs for v in feedback.data_vars.values() if v.attrs.get("role") == "feedback" and "loop" in v.attrs]
    for name in of_role(data, "error"):
        attrs = data[name].attrs
        # that whose feedback arrives at the layer, else that which passes through it
        own = [b for b in loops if b["target_layer"] == attrs["layer"]]
        through = [b for b in loops if b["target_layer"] < attrs["layer"] < b["source_layer"]]
        for b in own or through:
            attrs.setdefault("loop", b["loop"])
    return data
