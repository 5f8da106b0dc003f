"""The control loops of a model, from the weights in the file: spectrum, steady state, residual.

A loop is a controller u, the feedback B to the lowest of a chain of error populations, and the forward weights back to the
controller (Podlaski & Machens, NeurIPS 2020, arXiv 2007.05112):

    tau_delta d(delta_m)/dt = -delta_m + B u                                  m = bottom
    tau_delta d(delta_l)/dt = -delta_l + W_l f(delta_{l-1})                   bottom < l < top
    tau_u     du/dt         = -alpha u + W_top f(delta_{top-1}) - s

| symbol  | shape             | meaning                                     |
|---------|-------------------|---------------------------------------------|
| delta_l | n_l               | error population of layer l                 |
| u, s    | n_top             | controller; the signal that the loop inverts |
| W_l     | n_l x n_{l-1}     | forward weights                             |
| B       | n_bottom x n_top  | feedback weights                            |
| f       |                   | identity, g_l, or x / g_l'(a_l): `transfer` |

A state is delta_bottom, .., delta_{top-1}, u, one after the other. Times are in units of the time constants.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

import numpy as np
import xarray as xr

from .errors import FileError
from .rates import RATE_FUNCTIONS, RateFunction, rate_function, scaled
from .roles import of_role, one_of_role
from .run import Model

_NEWTON_STEPS = 50


@dataclass(frozen=True)
class Loop:
    """One loop with the weights of one moment."""

    number: int  # l, as in spectral_abscissa_l
    errors: tuple[str, ...]  # names of its error populations in the trace, from the bottom up, as far as they were recorded
    controller: Optional[str]  # name of u in the trace; None: it was not recorded
    signal: Optional[str]  # name of s in the trace; None: it was not recorded, or moves with other populations
    W: tuple[np.ndarray, ...]  # W_{bottom+1} .. W_top
    B: np.ndarray
    f: tuple[RateFunction, ...]  # of each error population
    alpha: float
    tau_delta: float
    tau_u: float

    @property
    def linear(self) -> bool:
        return all(f.linear for f in self.f)

    @property
    def sizes(self) -> list[int]:
        """Units of each part of the state."""
        return [w.shape[1] for w in self.W] + [self.W[-1].shape[0]]

    def _split(self, state: np.ndarray) -> list[np.ndarray]:
        return np.split(state, np.cumsum(self.sizes)[:-1])

    def jacobian(self, state: Optional[np.ndarray] = None) -> np.ndarray:
        """d(dx/dt)/dx at a state (zero, where none is given), units 1/time."""
        sizes = self.sizes
        parts = self._split(np.zeros(sum(sizes)) if state is None else state)
        start = np.concatenate([[0], np.cumsum(sizes)])
        J = np.diag(np.repeat([-1 / self.tau_delta] * len(self.W) + [-self.alpha / self.tau_u], sizes))
        J[: sizes[0], start[-2] :] = self.B / self.tau_delta
        for i, (w, f) in enumerate(zip(self.W, self.f)):
            tau = self.tau_u if i == len(self.W) - 1 else self.tau_delta
            J[start[i + 1] : start[i + 2], start[i] : start[i + 1]] += w * f.slope(parts[i]) / tau
        return J

    def spectrum(self, state: Optional[np.ndarray] = None) -> np.ndarray:
        """All eigenvalues of the Jacobian, complex, units 1/time.

        Of a loop of one error population from the eigenvalues mu of the smaller of W f' B and B W f': the two roots of
        (tau_delta x + 1)(tau_u x + alpha) = mu each, and -1/tau_delta or -alpha/tau_u for the remaining dimensions.
        """
        if len(self.W) > 1:
            return np.linalg.eigvals(self.jacobian(state)).astype(complex)
        m, n = self.W[0].shape
        W = self.W[0] * self.f[0].slope(np.zeros(n) if state is None else state[:n])
        mu = np.linalg.eigvals(W @ self.B if m <= n else self.B @ W).astype(complex)
        a, b, c = self.tau_delta * self.tau_u, self.tau_delta * self.alpha + self.tau_u, self.alpha - mu
        # the root of larger modulus without cancellation, the other from their product
        large = -(b + np.sqrt(b * b - 4 * a * c)) / (2 * a)
        rest = np.full(n - len(mu), -1 / self.tau_delta), np.full(m - len(mu), -self.alpha / self.tau_u)
        return np.concatenate([large, c / (a * large), *rest])

    def slope(self, state: np.ndarray, s: np.ndarray) -> np.ndarray:
        """dx/dt."""
        *deltas, u = self._split(state)
        arriving = [self.B @ u] + [w @ f.value(d) for w, f, d in zip(self.W, self.f, deltas)]
        parts = [(a - d) / self.tau_delta for a, d in zip(arriving, deltas)]
        return np.concatenate([*parts, (arriving[-1] - self.alpha * u - s) / self.tau_u])

    def steady_state(self, s: np.ndarray, start: Optional[np.ndarray] = None) -> Optional[np.ndarray]:
        """The state that does not move under s, by Newton's method from a start; None where it is not unique or not found."""
        state = np.zeros(sum(self.sizes)) if start is None else start.copy()
        for _ in range(_NEWTON_STEPS):
            try:
                step = np.linalg.solve(self.jacobian(state), self.slope(state, s))
            except np.linalg.LinAlgError:
                return None
            if not np.all(np.isfinite(step)):
                return None
            state -= step
            if np.linalg.norm(step) <= 1e-12 * np.linalg.norm(state):
                return state
            if self.linear:
                # one step is exact; its rounding is that of a solve, a matrix without an inverse leaves much more
                left = np.linalg.norm(self.slope(state, s)) * self.tau_u
                return state if left <= 1e-6 * np.linalg.norm(s) else None
        return None

    def residual(self, delta: np.ndarray, u: np.ndarray, s: np.ndarray) -> np.ndarray:
        """|W f(delta) - alpha u - s| / |s| of each row. delta (time, n_{top-1}), u (time, n_top), s (n_top)."""
        return np.linalg.norm(self.f[-1].value(delta) @ self.W[-1].T - self.alpha * u - s, axis=1) / np.linalg.norm(s)


def state_at(loop: Loop, trace: xr.Dataset, time: int = -1) -> Optional[np.ndarray]:
    """The loop's state at a sample of a trial's trajectories (run.Model.transient); None where some are not recorded."""
    if len(loop.errors) < len(loop.W) or loop.controller is None:
        return None
    names = [*loop.errors, loop.controller]
    state = np.concatenate([trace[name].isel(time=time).values for name in names])
    return state if np.all(np.isfinite(state)) else None


def loop_layout(model: Model) -> list[tuple[int, int, int, str]]:
    """(number, bottom, top, name of B) of each loop, in the order in which a trial runs them; [] where there are none."""
    feedback = [(name, model.weights[name].attrs) for name in of_role(model.weights, "feedback")]
    loops = [(B["loop"], B["target_layer"], B["source_layer"], name) for name, B in feedback if "loop" in B]
    return sorted(loops, reverse=True)


def _drives(model: Model, row: int, trial: int) -> Optional[list[np.ndarray]]:
    """a_0 .. a_L of the sample that a trial showed; None where the data are not in the file."""
    task = model.run.task
    if "x" not in task or "order" not in task or trial >= task.sizes["trial"]:
        return None
    network = model.run.config["network"]
    order = task["order"].isel(trial=trial).values.reshape(-1)
    h = task["x"].isel(sample=int(order[0])).values
    drives = [h]
    for l, name in enumerate([*network["activation"], network["output"]], start=1):
        a = model.weights[f"W{l}"].isel(snapshot=row).values @ h
        if f"b{l}" in model.weights:
            a = a + model.weights[f"b{l}"].isel(snapshot=row).values
        drives.append(a)
        if l < len(network["layers"]) - 1:  # the output's rate drives nothing
            h = rate_function(name).value(a)
    return drives


def loops_at(model: Model, row: int, trial: Optional[int] = None) -> list[Loop]:
    """The loops of a model with the weights of a snapshot; [] for a model without loops, or where the weights do not say.

    row: of the snapshot; negative rows count from the end. trial: whose point of the grid sets alpha and tau_u, in an
    experiment without learning; else the model's own. With the linearised transfer the gains are those of the sample that the
    trial after the snapshot showed.
    Raises FileError where weights are missing or not finite.
    """
    weights, trace = model.weights, model.trace
    layout = loop_layout(model)
    if not layout or "snapshot" not in weights.coords:
        return []
    row = range(weights.sizes["snapshot"])[row]
    network = model.run.config["network"]
    names = [*network["activation"], network["output"]]
    transfer = model.attrs.get("transfer", "linear")
    drives = None
    if transfer == "linearised":
        drives = _drives(model, row, int(weights["snapshot"].values[row]))
        if drives is None:
            return []

    def matrix(name: str) -> np.ndarray:
        where = f"{model.run.path}:/models/{model.name}/weights/{name}"
        if name not in weights:
            raise FileError(f"{where}: is not in the file")
        values = weights[name].isel(snapshot=row).values
        if not np.all(np.isfinite(values)):
            raise FileError(f"{where}: is not finite in snapshot {row}")
        return values

    def transmits(l: int) -> RateFunction:
        g = rate_function(names[l - 1])
        if g.linear or transfer == "linear":
            return RATE_FUNCTIONS["linear"]
        return g if drives is None else scaled(1 / g.slope(drives[l]))

    return [
        Loop(
            number=number,
            errors=tuple(of_role(trace, "error", loop=number)),
            controller=one_of_role(trace, "controller", loop=number),
            signal=one_of_role(trace, "inverted", loop=number),
            W=tuple(matrix(f"W{l}") for l in range(bottom + 1, top + 1)),
            B=matrix(feedback),
            f=tuple(transmits(l) for l in range(bottom, top)),
            alpha=model.parameter("alpha", trial),
            tau_delta=model.parameter("tau_delta", trial),
            tau_u=model.parameter("tau_u", trial),
        )
        for number, bottom, top, feedback in layout
    ]
