"""Images most of whose pixels are empty, and a network that learns from them one at a time, in blocks."""

import pathlib

import h5py
import numpy as np

CONFIG = """
[experiment]
epochs = 1
[task]
kind = "dataset"
path = "{path}"
targets = "classes"
scaling = "standardised"
[network]
layers = [520, 100, 4]
activation = "tanh"
output = "softmax"
[learning]
rate = 0.01
decay = 1e-3
precision = "{precision}"
[record]
evaluate_every = 50
weights_every = 40
measures = ["angle_bp"]
[[model]]
name = "BP"
credit = "backprop"
[[model]]
name = "NDI"
credit = "sequential_inversion"
solver = "fixed_point"
[[model]]
name = "DI"
credit = "sequential_inversion"
duration = 5.0
"""


def config(folder: pathlib.Path, precision: str = "double") -> str:
    """Writes the images into the folder. @return the experiment: two blocks, the second one of a part of its trials"""
    random = np.random.default_rng(1)
    ink = random.random((90, 520)) < 0.2
    path = folder / "images.h5"
    with h5py.File(path, "w") as file:
        file["x"] = (ink * random.integers(1, 256, ink.shape)).astype(np.uint8)
        file["labels"] = random.integers(0, 4, len(ink))
    return CONFIG.format(path=path, precision=precision)
