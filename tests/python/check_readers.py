#!/usr/bin/env python3
"""Opens every group of a dynvert-1 or dynvert-map-1 file with h5py and with xarray (both engines) and checks the rules of the format.

Usage: check_readers.py FILE.h5
"""

import re
import sys
import warnings

import h5netcdf  # noqa: F401  (both engines are loaded here, where warnings of theirs are no errors)
import h5py
import netCDF4  # noqa: F401
import numpy as np
import xarray as xr

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
TYPES = {np.dtype("float64"), np.dtype("float32"), np.dtype("int64")}
# Written by the dimension scales themselves.
SCALE_ATTRIBUTES = {"CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST"}


def check(condition, message):
    if not condition:
        raise SystemExit(f"check_readers: {message}")


def plain(value):
    """An attribute as a plain Python value, whichever reader it comes from."""
    if isinstance(value, bytes):
        value = value.decode()
    return value.item() if isinstance(value, np.generic) else value


def check_attributes(node):
    for name in node.attrs:
        if name in SCALE_ATTRIBUTES:
            continue
        check(NAME.match(name), f"{node.name}: attribute {name!r} is not a name")
        value = node.attrs.get_id(name)
        text = h5py.check_string_dtype(value.dtype)
        if text is not None:
            check(text.encoding == "utf-8" and text.length is None, f"{node.name}@{name}: not variable-length UTF-8")
        else:
            check(value.dtype in (np.dtype("int64"), np.dtype("float64")), f"{node.name}@{name}: is {value.dtype}")


def check_dataset(dataset):
    check(dataset.dtype in TYPES, f"{dataset.name}: is {dataset.dtype}")
    check(dataset.ndim > 0, f"{dataset.name}: has no axis")
    for required in ("units", "long_name"):
        check(required in dataset.attrs, f"{dataset.name}: has no attribute {required}")
    own = dataset.name.rsplit("/", 1)[1]
    names = []
    for axis, dimension in enumerate(dataset.dims):
        if h5py.h5ds.is_scale(dataset.id):
            check(dataset.ndim == 1, f"{dataset.name}: a scale with {dataset.ndim} axes")
            names.append(own)
            continue
        check(len(dimension) == 1, f"{dataset.name}: axis {axis} has {len(dimension)} scales")
        scale = dimension[0]
        check(scale.parent == dataset.parent, f"{dataset.name}: the scale of axis {axis} is in another group")
        check(len(scale) == dataset.shape[axis], f"{dataset.name}: axis {axis} and its scale differ in length")
        names.append(scale.name.rsplit("/", 1)[1])
    if dataset.chunks:
        size = np.prod(dataset.chunks) * dataset.dtype.itemsize
        check(size <= 1 << 20, f"{dataset.name}: chunks of {size} bytes")
    return tuple(names)


def check_group(path, group):
    datasets = {name: item for name, item in group.items() if isinstance(item, h5py.Dataset)}
    dims = {name: check_dataset(item) for name, item in datasets.items()}
    for node in [group, *datasets.values()]:
        check_attributes(node)
    for name in group:
        check(NAME.match(name), f"{group.name}: {name!r} is not a name")
        check(group.get(name, getlink=True).__class__ is h5py.HardLink, f"{group.name}/{name}: is not a hard link")
    for engine in ("h5netcdf", "netcdf4"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a reader that has to guess says so
            with xr.open_dataset(path, group=group.name, engine=engine) as opened:
                check(set(opened.variables) == set(datasets), f"{group.name}: {engine} sees {sorted(opened.variables)}")
                for name, item in datasets.items():
                    seen = opened[name]
                    where = f"{item.name}: {engine}"
                    check(seen.dims == dims[name], f"{where} sees the axes {seen.dims}, the file has {dims[name]}")
                    check(seen.dtype == item.dtype, f"{where} sees {seen.dtype}, the file has {item.dtype}")
                    check(np.array_equal(seen.values, item[...], equal_nan=item.dtype.kind == "f"), f"{where}: values")
                    for attribute in set(item.attrs) - SCALE_ATTRIBUTES:
                        check(
                            plain(seen.attrs.get(attribute)) == plain(item.attrs[attribute]),
                            f"{where} sees {attribute} = {seen.attrs.get(attribute)!r}",
                        )
                for attribute, value in group.attrs.items():
                    same = plain(opened.attrs.get(attribute)) == plain(value)
                    # Not a number is not equal to itself.
                    check(same or value != value, f"{group.name}: {engine} sees {attribute} = {opened.attrs.get(attribute)!r}")
    return len(datasets)


def main(path):
    with h5py.File(path, "r") as file:
        check(file.attrs["Conventions"] in ("dynvert-1", "dynvert-map-1"), "Conventions is not dynvert-1 or dynvert-map-1")
        groups = [file]
        file.visititems(lambda _, item: groups.append(item) if isinstance(item, h5py.Group) else None)
        datasets = sum(check_group(path, group) for group in groups)
    print(f"{path}: {len(groups)} groups, {datasets} datasets agree in h5py, h5netcdf and netcdf4")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
