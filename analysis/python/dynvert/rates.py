"""Rate functions g of a layer, and their slopes g', by the names of the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

import numpy as np

from .errors import FileError

Elementwise = Callable[[np.ndarray], np.ndarray]

_LEAK_BELOW_ZERO = 0.01


@dataclass(frozen=True)
class RateFunction:
    """value and slope, element by element, of arrays of any shape."""

    value: Elementwise
    slope: Elementwise
    linear: bool = False


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0.0, -x))


RATE_FUNCTIONS: dict[str, RateFunction] = {
    "linear": RateFunction(lambda x: x, np.ones_like, linear=True),
    "tanh": RateFunction(np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "relu": RateFunction(lambda x: np.where(x < 0, 0.0, x), lambda x: np.where(x > 0, 1.0, 0.0)),
    "leaky_relu": RateFunction(
        lambda x: np.where(x < 0, _LEAK_BELOW_ZERO * x, x), lambda x: np.where(x > 0, 1.0, _LEAK_BELOW_ZERO)
    ),
    "sigmoid": RateFunction(_sigmoid, lambda x: _sigmoid(x) * (1 - _sigmoid(x))),
    "softplus": RateFunction(lambda x: np.logaddexp(0.0, x), _sigmoid),
}


def rate_function(name: str) -> RateFunction:
    """By name. Raises FileError for a name that this version does not know."""
    if name not in RATE_FUNCTIONS:
        raise FileError(f"the rate function {name!r} is not known; known: {', '.join(RATE_FUNCTIONS)}")
    return RATE_FUNCTIONS[name]


def scaled(gain: np.ndarray) -> RateFunction:
    """f(x) = gain x, element by element: the linearised transfer, gain 1 / g'(a)."""
    return RateFunction(lambda x: gain * x, lambda x: np.broadcast_to(gain, x.shape), linear=True)
