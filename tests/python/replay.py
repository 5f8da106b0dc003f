"""An independent replay of a linear regression from the file alone, in NumPy.

Takes initial weights, data and order from the file, runs every model's credit assignment and learning again without any
code of dynvert, and compares train_loss after every trial (relative 1e-6) and the recorded delta_1 and u_2 (1e-9 of their
scale). The loops are linear with a fixed step: over the 999 steps of a trial the state follows from the step's affine
map, applied by repeated squaring; recorded trials are stepped one by one.

Usage: replay.py FILE
"""

import os
import sys
import tomllib
from dataclasses import dataclass, field

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # small matrices
import h5py  # noqa: E402
import numpy as np  # noqa: E402

LOSS_TOLERANCE = 1e-6
TRACE_TOLERANCE = 1e-9


@dataclass
class Loop:
    """The loop that inverts W: tau_u du/dt = -alpha u + W delta - s, tau_delta d(delta)/dt = -delta + B u."""

    alpha: float
    tau_u: float
    tau_delta: float
    dt: float
    steps: int

    def steady(self, W, B, s):
        delta = np.linalg.solve(B @ W - self.alpha * np.eye(B.shape[0]), B @ s)
        return delta

    def path(self, W, B, s):
        """Sequential Euler from zero: u with the old delta, then delta with the new u."""
        u, delta = np.zeros(W.shape[0]), np.zeros(W.shape[1])
        us, deltas = [u], [delta]
        for _ in range(self.steps):
            u = u + self.dt / self.tau_u * (-self.alpha * u + W @ delta - s)
            delta = delta + self.dt / self.tau_delta * (-delta + B @ u)
            us.append(u)
            deltas.append(delta)
        return np.array(us), np.array(deltas)

    def end(self, W, B, s):
        """The same after all steps: z_{k+1} = A z_k + c by powers of the augmented map."""
        m, n = W.shape
        a, b = self.dt / self.tau_u, self.dt / self.tau_delta
        top = np.hstack([(1 - a * self.alpha) * np.eye(m), a * W, -a * s[:, None]])
        bottom = np.hstack([np.zeros((n, m)), (1 - b) * np.eye(n), np.zeros((n, 1))]) + b * B @ top
        A = np.vstack([top, bottom, np.eye(1, m + n + 1, m + n)])
        z = np.linalg.matrix_power(A, self.steps)[:, -1]
        return z[m : m + n]


@dataclass
class Replay:
    """What a replay of one model gives: loss before the first and after each trial, and what recorded trials were."""

    loss: list = field(default_factory=list)
    trials: dict = field(default_factory=dict)  # recorded trial -> (W1, W2, B2, s)


def replay(file, name):
    config = tomllib.loads(file.attrs["config"])
    learning = config["learning"]
    model = next(m for m in config["model"] if m["name"] == name)
    group = file["models"][name]
    x, t, order = file["task/x"][:], file["task/t"][:], file["task/order"][:]
    W1, W2 = group["weights/W1"][0], group["weights/W2"][0]
    B = group["weights/B2"][0] if "B2" in group["weights"] else None
    restabilised = group["learning/restabilised_2"][:] if "restabilised_2" in group["learning"] else None
    snapshots = group["weights/snapshot"][:]
    recorded = set(group["trace/trial"][:].tolist()) if "trace" in group else set()
    loop, solver = loop_of(model)
    clip = learning.get("clip_delta", np.inf)
    result = Replay()
    result.loss.append(np.sum((t - x @ (W2 @ W1).T) ** 2))
    for k, sample in enumerate(order):
        if restabilised is not None and restabilised[k] == 1:
            B = group["weights/B2"][np.flatnonzero(snapshots == k)[-1]]
        h = W1 @ x[sample]
        e = t[sample] - W2 @ h
        if k in recorded:
            result.trials[k] = (W1.copy(), W2.copy(), B, e)
        if model["credit"] == "backprop":
            delta = W2.T @ e
        elif model["credit"] == "pseudo_backprop":
            delta = np.linalg.pinv(W2) @ e
        elif model["credit"] == "feedback_alignment":
            delta = -B @ e
        elif solver == "fixed_point":
            delta = loop.steady(W2, B, e)
        else:
            delta = loop.end(W2, B, e)
        if not (k == 0 and learning["skip_first"]):
            delta = delta * min(1.0, clip / np.linalg.norm(delta))
            eta, decay = learning["rate"], learning["decay"]
            W1, W2 = W1 + eta * np.outer(delta, x[sample]) - decay * W1, W2 + eta * np.outer(e, h) - decay * W2
        result.loss.append(np.sum((t - x @ (W2 @ W1).T) ** 2))
    return result


def loop_of(model):
    """The loop of a model of the resolved configuration, and its solver; nothing for algebraic rules."""
    if model["credit"] != "sequential_inversion":
        return None, None
    steps = round(model["duration"] / model["dt"]) if "dt" in model else 0
    return Loop(model["alpha"], model["tau_u"], model["tau_delta"], model.get("dt", 0), steps), model["solver"]


def relative(a, b):
    return np.max(np.abs(a - b)) / max(np.max(np.abs(b)), np.finfo(float).tiny)


def main(path):
    good = True
    with h5py.File(path) as file:
        config = tomllib.loads(file.attrs["config"])
        for name in file["models"]:
            group = file["models"][name]
            result = replay(file, name)
            done = group["eval/evaluation"][:]
            loss, replayed = group["eval/train_loss"][:], np.array(result.loss)[done]
            # Losses fall by ten decades and more; what is left is the square of a residual that has lost as many digits
            # to cancellation as the loss has decades, in both computations: below 1e-20 of the start it is rounding.
            floor = 1e-20 * replayed[0]
            worst = np.max(np.abs(loss - replayed) / (replayed + floor / LOSS_TOLERANCE))
            line = f"{name}: train_loss after {len(replayed) - 1} trials within {worst:.1e}"
            ok = worst < LOSS_TOLERANCE
            if "trace" in group:
                loop, _ = loop_of(next(m for m in config["model"] if m["name"] == name))
                largest = 0.0
                for row, trial in enumerate(group["trace/trial"][:]):
                    _, W2, B, s = result.trials[int(trial)]
                    # Late in learning the error is a difference of almost equal numbers: it agrees to rounding of the
                    # targets, not of itself. The loop is therefore driven by the error as recorded.
                    recorded = group["trace/s_2"][row]
                    largest = max(largest, np.max(np.abs(recorded - s)) / np.max(np.abs(file["task/t"][:])))
                    u, delta = loop.path(W2, B, recorded)
                    every = round((group["trace/time"][1] - group["trace/time"][0]) / loop.dt)
                    largest = max(
                        largest,
                        relative(group["trace/u_2"][row], u[::every]),
                        relative(group["trace/delta_1"][row], delta[::every]),
                    )
                line += f", {len(group['trace/trial'])} trajectories within {largest:.1e}"
                ok = ok and largest < TRACE_TOLERANCE
            print(line + ("" if ok else "  FAILED"))
            good = good and ok
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
