"""An independent replay of a regression from the file alone, in NumPy: networks of any depth, linear or tanh.

Takes initial weights, data and order from the file, runs every model's credit assignment and learning again without any
code of dynvert, and compares train_loss after every evaluation (relative 1e-6) and the recorded states of every loop
(1e-9 of their scale). Linear loops with a fixed step: the state at the end of a trial follows from the step's affine map,
applied by repeated squaring; nonlinear loops and recorded trials are stepped one by one.

Usage: replay.py FILE [--models NAME,NAME,..]
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
class Dynamics:
    """The parameters of a model's loops."""

    alpha: float
    tau_u: float
    tau_delta: float
    dt: float
    steps: int
    nonlinear: bool  # transfer: the error populations transmit tanh(delta)


def tanh_slope(a):
    return 1 - np.tanh(a) ** 2


class Chain:
    """A loop: u drives delta_m by B, each delta the next by W_l, the last one u by W_top; u is driven by -s.

    W: the forward weights from bottom + 1 to top. The sequential loop is the chain of one W, and takes u first; the single
    loop takes the error populations from the bottom up, then u (sequential Euler).
    """

    def __init__(self, W, B, dynamics, controller_first):
        self.W, self.B, self.d, self.controller_first = W, B, dynamics, controller_first

    def f(self, x):
        return np.tanh(x) if self.d.nonlinear else x

    def step(self, u, deltas, s):
        d = self.d

        def controller(u):
            return u + d.dt / d.tau_u * (-d.alpha * u + self.W[-1] @ self.f(deltas[-1]) - s)

        if self.controller_first:
            u = controller(u)
        for i, delta in enumerate(deltas):
            arriving = self.B @ u if i == 0 else self.W[i - 1] @ self.f(deltas[i - 1])
            deltas[i] = delta + d.dt / d.tau_delta * (-delta + arriving)
        if not self.controller_first:
            u = controller(u)
        return u, deltas

    def start(self):
        return np.zeros(self.W[-1].shape[0]), [np.zeros(w.shape[1]) for w in self.W]

    def path(self, s):
        """u and every delta at each step, from zero."""
        u, deltas = self.start()
        us, all_deltas = [u], [[x] for x in deltas]
        for _ in range(self.d.steps):
            u, deltas = self.step(u, list(deltas), s)
            us.append(u)
            for trace, delta in zip(all_deltas, deltas):
                trace.append(delta)
        return np.array(us), [np.array(t) for t in all_deltas]

    def end(self, s):
        """Every delta after all steps."""
        if self.d.nonlinear:
            u, deltas = self.start()
            for _ in range(self.d.steps):
                u, deltas = self.step(u, deltas, s)
            return deltas
        # one step is an affine map of (u, deltas, 1): its columns are the images of the unit vectors
        sizes = [self.W[-1].shape[0]] + [w.shape[1] for w in self.W]
        ends = np.cumsum(sizes)
        n = ends[-1]

        def image(z, s):
            parts = np.split(z, ends[:-1])
            u, deltas = self.step(parts[0], parts[1:], s)
            return np.concatenate([u, *deltas])

        constant = image(np.zeros(n), s)
        A = np.zeros((n + 1, n + 1))
        for j in range(n):
            A[:n, j] = image(np.eye(n)[j], s) - constant
        A[:n, n] = constant
        A[n, n] = 1
        z = np.linalg.matrix_power(A, self.d.steps)[:n, n]
        return np.split(z, ends[:-1])[1:]

    def steady(self, s):
        """Every delta of the linear loop where it has settled."""
        path = self.W[-1]
        for w in self.W[-2::-1]:
            path = path @ w
        delta = self.B @ np.linalg.solve(path @ self.B - self.d.alpha * np.eye(path.shape[0]), s)
        deltas = [delta]
        for w in self.W[:-1]:
            deltas.append(w @ deltas[-1])
        return deltas


class Model:
    """A model of the file, and the network as it learns."""

    def __init__(self, file, config, name):
        self.settings = next(m for m in config["model"] if m["name"] == name)
        self.credit, self.solver = self.settings["credit"], self.settings.get("solver")
        group = file["models"][name]
        self.depth = len(config["network"]["layers"]) - 1
        layers = range(1, self.depth + 1)
        self.W = {l: group[f"weights/W{l}"][0] for l in layers}
        self.bias = config["network"]["bias"]
        self.b = {l: group[f"weights/b{l}"][0] if self.bias else 0.0 for l in layers}
        self.tanh = {l: config["network"]["activation"][l - 1] == "tanh" for l in range(1, self.depth)}
        self.tanh[self.depth] = False
        names = [k for k in group["weights"] if k.startswith("B")]
        self.snapshots = group["weights/snapshot"][:]
        self.feedback = {k: group[f"weights/{k}"][:] for k in names}
        self.B = {k: v[0] for k, v in self.feedback.items()}
        flags = [k for k in group["learning"] if k.startswith("restabilised_")]
        self.restabilised = np.sum([group[f"learning/{k}"][:] for k in flags], axis=0) if flags else None
        self.dynamics = None
        if self.credit.endswith("_inversion"):
            m = self.settings
            steps = round(m["duration"] / m["dt"]) if "duration" in m else 0
            nonlinear = m["transfer"] == "nonlinear"
            self.dynamics = Dynamics(m["alpha"], m["tau_u"], m["tau_delta"], m.get("dt", 0), steps, nonlinear)

    def before(self, trial):
        """Feedback that was optimised again before this trial is in the last snapshot with that number."""
        if self.restabilised is not None and self.restabilised[trial]:
            row = np.flatnonzero(self.snapshots == trial)[-1]
            self.B = {k: v[row] for k, v in self.feedback.items()}

    def forward(self, x):
        h, a = {0: x}, {}
        for l in range(1, self.depth + 1):
            a[l] = self.W[l] @ h[l - 1] + self.b[l]
            h[l] = np.tanh(a[l]) if self.tanh[l] else a[l]
        return a, h

    def loss(self, x, t):
        h = x.T
        for l in range(1, self.depth + 1):
            h = self.W[l] @ h + (self.b[l][:, None] if self.bias else 0.0)
            h = np.tanh(h) if self.tanh[l] else h
        return np.sum((t.T - h) ** 2)

    def chains(self):
        """Number of each loop, and the loop, in the order in which they run; with the layer of its signal and those that
        its deltas are the credit of."""
        L = self.depth
        if self.credit == "single_loop_inversion":
            W = [self.W[l] for l in range(2, L + 1)]
            return [(L, Chain(W, self.B["B"], self.dynamics, False), L, list(range(1, L)))]
        return [(l, Chain([self.W[l]], self.B[f"B{l}"], self.dynamics, True), l, [l - 1]) for l in range(L, 1, -1)]

    def slope(self, l, a):
        return tanh_slope(a[l]) if self.tanh[l] else 1.0

    def assign(self, e, a, seen):
        """delta_l of every layer. @param seen  takes (chain, s) by number of the loop"""
        delta = {self.depth: e}
        if self.dynamics is None:
            for l in range(self.depth, 1, -1):
                back = {
                    "backprop": lambda l: self.W[l].T @ delta[l],
                    "pseudo_backprop": lambda l: np.linalg.pinv(self.W[l]) @ delta[l],
                    "feedback_alignment": lambda l: -self.B[f"B{l}"] @ delta[l],
                }[self.credit]
                delta[l - 1] = back(l) * self.slope(l - 1, a)
            return delta
        for number, chain, source, layers in self.chains():
            seen[number] = chain
            ends = chain.steady(delta[source]) if self.solver == "fixed_point" else chain.end(delta[source])
            for l, end in zip(layers, ends):
                delta[l] = end if self.dynamics.nonlinear else end * self.slope(l, a)
        return delta

    def learn(self, delta, h, learning):
        eta, decay, clip = learning["rate"], learning["decay"], learning.get("clip_delta", np.inf)
        for l in range(1, self.depth + 1):
            d = delta[l]
            if l < self.depth and np.linalg.norm(d) > clip:
                d = d * (clip / np.linalg.norm(d))
            gradient = np.outer(d, h[l - 1])
            scale, scale_b = eta, eta
            if learning["normalise_updates"]:
                scale, scale_b = eta / np.linalg.norm(gradient), eta / np.linalg.norm(d)
            self.W[l] = self.W[l] + scale * gradient - decay * self.W[l]
            if self.bias:
                self.b[l] = self.b[l] + scale_b * d - decay * self.b[l]


@dataclass
class Replay:
    """What a replay of one model gives: loss before the first trial and at each evaluation, and the recorded trials."""

    loss: list = field(default_factory=list)
    trials: dict = field(default_factory=dict)  # recorded trial -> Trial


@dataclass
class Trial:
    """A recorded trial before its weight change."""

    loops: dict  # by number: Chain
    e: np.ndarray
    a: dict  # drives, by layer
    W: dict  # forward weights, by layer
    model: object


def replay(file, config, name):
    learning = config["learning"]
    model = Model(file, config, name)
    group = file["models"][name]
    x, t, order = file["task/x"][:], file["task/t"][:], file["task/order"][:]
    recorded = set(group["trace/trial"][:].tolist()) if "trace" in group else set()
    evaluations = set(group["eval/evaluation"][:].tolist())
    result = Replay()
    result.loss.append(model.loss(x, t))
    for k, sample in enumerate(order):
        model.before(k)
        a, h = model.forward(x[sample])
        e = t[sample] - h[model.depth]
        loops = {}
        delta = model.assign(e, a, loops)
        if k in recorded:
            result.trials[k] = Trial(loops, e, a, dict(model.W), model)
        if not (k == 0 and learning["skip_first"]):
            model.learn(delta, h, learning)
        if k + 1 in evaluations:
            result.loss.append(model.loss(x, t))
    return result


def relative(a, b):
    return np.max(np.abs(a - b)) / max(np.max(np.abs(b)), np.finfo(float).tiny)


def compare_traces(file, group, trials):
    """The largest deviation of a recorded state from the replayed path, relative to its scale."""
    largest = 0.0
    targets = np.max(np.abs(file["task/t"][:]))
    for row, trial in enumerate(group["trace/trial"][:]):
        loops, e = trials[int(trial)].loops, trials[int(trial)].e
        for number, chain in loops.items():
            # Late in learning the error is a difference of almost equal numbers: it agrees to rounding of the targets,
            # not of itself. The loops are therefore driven by the signal as recorded.
            s = group[f"trace/s_{number}"][row]
            if number == max(loops):
                largest = max(largest, np.max(np.abs(s - e)) / targets)
            u, deltas = chain.path(s)
            every = round((group["trace/time"][1] - group["trace/time"][0]) / chain.d.dt)
            largest = max(largest, relative(group[f"trace/u_{number}"][row], u[::every]))
            bottom = 1 if len(deltas) > 1 else number - 1
            for i, delta in enumerate(deltas):
                largest = max(largest, relative(group[f"trace/delta_{bottom + i}"][row], delta[::every]))
    return largest


def main(path, only):
    good = True
    with h5py.File(path) as file:
        config = tomllib.loads(file.attrs["config"])
        for name in only or file["models"]:
            group = file["models"][name]
            result = replay(file, config, name)
            loss, replayed = group["eval/train_loss"][:], np.array(result.loss)
            # Losses fall by ten decades and more; what is left is the square of a residual that has lost as many digits
            # to cancellation as the loss has decades, in both computations: below 1e-20 of the start it is rounding.
            floor = 1e-20 * replayed[0]
            worst = np.max(np.abs(loss - replayed) / (replayed + floor / LOSS_TOLERANCE))
            trials = len(group["learning/trial"])
            line = f"{name}: train_loss, {len(replayed)} evaluations over {trials} trials, within {worst:.1e}"
            ok = worst < LOSS_TOLERANCE
            if "trace" in group:
                largest = compare_traces(file, group, result.trials)
                line += f", {len(group['trace/trial'])} trajectories within {largest:.1e}"
                ok = ok and largest < TRACE_TOLERANCE
            print(line + ("" if ok else "  FAILED"))
            good = good and ok
    return 0 if good else 1


if __name__ == "__main__":
    models = sys.argv[3].split(",") if len(sys.argv) > 3 and sys.argv[2] == "--models" else None
    sys.exit(main(sys.argv[1], models))
