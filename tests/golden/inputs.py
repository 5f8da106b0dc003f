"""The files that cases read: images, labels and weights, the same bytes everywhere, made of a hash and not of NumPy's
random numbers, whose streams may change with its version."""

import gzip
import hashlib
import pathlib

import h5py
import numpy as np


def some_bytes(name: str, *shape: int) -> np.ndarray:
    return np.frombuffer(hashlib.shake_256(name.encode()).digest(int(np.prod(shape))), np.uint8).reshape(shape)


def some_reals(name: str, *shape: int) -> np.ndarray:
    """From -1 to 1, in steps that sums and products keep exact for long."""
    return (some_bytes(name, *shape).astype(np.float64) - 127.5) / 128


def images(name: str, *shape: int) -> np.ndarray:
    """A fifth of their pixels are not empty."""
    return some_bytes(name, *shape) * (some_bytes(name + " ink", *shape) < 51)


def write_idx(path: pathlib.Path, values: np.ndarray) -> None:
    code = {"uint8": 0x08, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}[values.dtype.name]
    header = bytes([0, 0, code, values.ndim]) + np.array(values.shape, ">u4").tobytes()
    with (gzip.open if path.suffix == ".gz" else open)(path, "wb") as file:
        file.write(header + values.astype(values.dtype.newbyteorder(">")).tobytes())


def write(folder: pathlib.Path) -> None:
    (folder / "mnist").mkdir()
    for part, samples, end in (("train", 200, ""), ("t10k", 40, ".gz")):
        write_idx(folder / "mnist" / f"{part}-images-idx3-ubyte{end}", images(part, samples, 28, 28))
        write_idx(folder / "mnist" / f"{part}-labels-idx1-ubyte{end}", some_bytes(part + " labels", samples) % 10)
    write_idx(folder / "x.idx", some_reals("x", 30, 3, 4).astype(np.float32))
    write_idx(folder / "t.idx.gz", some_reals("t", 30, 4))
    write_idx(folder / "classes.idx", some_bytes("classes", 30).astype(np.int32) % 4)
    with h5py.File(folder / "images.h5", "w") as file:
        for part, samples in (("train", 90), ("test", 20)):
            file[f"{part}/x"] = images(part, samples, 20, 26)
            file[f"{part}/labels"] = some_bytes(part + " labels", samples).astype(np.int64) % 4
    with h5py.File(folder / "reals.h5", "w") as file:
        file["x"], file["t"] = some_reals("x", 30, 12), some_reals("t", 30, 4).astype(np.float32)
    with h5py.File(folder / "weights.h5", "w") as file:
        file["matrix"] = some_reals("matrix", 3, 2)
        for layers in ((8, 6, 5, 3), (8, 7, 4), (6, 5, 3)):
            group = file.create_group("of/" + "_".join(map(str, layers)))
            group["snapshot"] = np.array([0, 10, 20])
            for l in range(1, len(layers)):
                W = 0.4 * some_reals(f"W{l}", 3, layers[l], layers[l - 1])
                group[f"W{l}"], group[f"b{l}"] = W, 0.1 * some_reals(f"b{l}", 3, layers[l])
                if l > 1:
                    group[f"B{l}"] = -W.transpose(0, 2, 1) + 0.05 * some_reals(f"B{l}", 3, layers[l - 1], layers[l])
