"""What inspect says of recorded trials, of snapshots and in a map, computed again with NumPy and SciPy from the file alone.

Linear loops of one hidden layer. Nothing of dynvert's reduced forms is used: spectra are those of the whole loop matrix,
critical leaks and steps are bisected on it, delay margins come from the characteristic equation on a grid of frequencies.

Usage: check_inspect.py FILE DYNVERT
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import tomllib

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # small matrices
import h5py  # noqa: E402
import numpy as np  # noqa: E402
import scipy.linalg  # noqa: E402
import scipy.optimize  # noqa: E402


class Loop:
    """tau_u du/dt = -alpha u + W delta - s, tau_delta d(delta)/dt = -delta + B u; states u, then delta."""

    def __init__(self, W, B, alpha, tau_u, tau_delta):
        self.W, self.B, self.alpha, self.tau_u, self.tau_delta = W, B, alpha, tau_u, tau_delta
        self.m, self.n = W.shape

    def matrix(self, alpha=None):
        alpha = self.alpha if alpha is None else alpha
        top = np.hstack([-alpha / self.tau_u * np.eye(self.m), self.W / self.tau_u])
        return np.vstack([top, np.hstack([self.B / self.tau_delta, -np.eye(self.n) / self.tau_delta])])

    def abscissa(self, alpha=None):
        return scipy.linalg.eigvals(self.matrix(alpha)).real.max()

    def numerical_abscissa(self):
        M = self.matrix()
        return scipy.linalg.eigvalsh((M + M.T) / 2).max()

    def critical_leak(self):
        """Bisected on the abscissa; 0 where the loop is stable with next to no leak."""
        if self.abscissa(1e-9) < 0:
            return 0.0
        return scipy.optimize.bisect(self.abscissa, 1e-9, 10 * np.linalg.norm(self.W) * np.linalg.norm(self.B), xtol=1e-13)

    def delay_margin(self):
        """The smallest T at which (tau_delta iw + 1)(tau_u iw + alpha) = mu exp(-iwT) for some w > 0."""
        best = np.inf
        for mu in scipy.linalg.eigvals(self.W @ self.B):

            def excess(w):
                return abs((self.tau_delta * 1j * w + 1) * (self.tau_u * 1j * w + self.alpha)) - abs(mu)

            if excess(0) >= 0:
                continue
            w = scipy.optimize.brentq(excess, 0, 10 * (1 + abs(mu)), xtol=1e-15)
            gain = mu / ((self.tau_delta * 1j * w + 1) * (self.tau_u * 1j * w + self.alpha))
            best = min(best, np.angle(gain) % (2 * np.pi) / w)
        return best

    def step_matrix(self, solver, h):
        M, eye = self.matrix(), np.eye(self.m + self.n)
        if solver == "euler":
            return eye + h * M
        if solver == "rk4":
            Z = h * M
            return eye + Z @ (eye + Z / 2 @ (eye + Z / 3 @ (eye + Z / 4)))
        first, second = eye + h * M, eye + h * M
        first[self.m :] = eye[self.m :]  # u alone
        second[: self.m] = eye[: self.m]  # then delta, with the new u
        return second @ first

    def largest_step(self, solver):
        def growth(h):
            return abs(scipy.linalg.eigvals(self.step_matrix(solver, h))).max() - 1

        h = np.arange(0.01, 100, 0.01)
        first = next(k for k, step in enumerate(h) if growth(step) >= 0)
        return scipy.optimize.bisect(growth, h[first] - 0.01 if first else 1e-9, h[first], xtol=1e-12)

    def steady(self, s):
        return self.B @ np.linalg.solve(self.W @ self.B - self.alpha * np.eye(self.m), s)


def dynamics_of(config, model):
    d = dict(config.get("dynamics", {}))
    d.update({k: v for k, v in model.items() if k in ("dt", "duration", "tau_u", "tau_delta")})
    return d


def distance(a, b):
    return np.linalg.norm(a - b) / np.linalg.norm(b)


def decay_rate(time, states, target):
    """Least squares through the later half of ln|x - x_inf|, above 1e-6 of |x_inf|."""
    d = np.linalg.norm(states - target, axis=1)
    below = np.flatnonzero(d <= 1e-6 * np.linalg.norm(target))
    end = below[0] if len(below) else len(d)
    part = slice(end // 2, end)
    return np.polyfit(time[part], np.log(d[part]), 1)[0] if end - end // 2 >= 8 else np.nan


class Checker:
    def __init__(self):
        self.compared = self.failed = 0

    def compare(self, where, said, expected, rtol, atol=0.0):
        said = np.inf if said == "infinite" else np.nan if said is None else said
        self.compared += 1
        if not np.isclose(said, expected, rtol=rtol, atol=atol, equal_nan=True):
            self.failed += 1
            print(f"{where}: inspect says {said}, recomputed {expected}")

    def stability(self, where, said, loop):
        # a bisected critical leak ends at the rounding of an abscissa, where that is flat in alpha
        self.compare(f"{where} abscissa", said["spectral_abscissa"], loop.abscissa(), 1e-7, 1e-10)
        self.compare(f"{where} slowest", said["slowest_time_constant"], -1 / loop.abscissa(), 1e-7)
        self.compare(f"{where} numerical", said["numerical_abscissa"], loop.numerical_abscissa(), 1e-9, 1e-12)
        self.compare(f"{where} critical leak", said["critical_leak"], loop.critical_leak(), 1e-5, 1e-8)
        self.compare(f"{where} delay margin", said["delay_margin"], loop.delay_margin(), 1e-7)
        for solver in ("euler", "rk4", "sequential_euler"):
            self.compare(f"{where} step {solver}", said[f"largest_stable_step_{solver}"], loop.largest_step(solver), 1e-7)


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def main(path, program):
    check = Checker()
    with h5py.File(path) as file, tempfile.TemporaryDirectory() as folder:
        config = tomllib.loads(file.attrs["config"])
        for model in config["model"]:
            name = model["name"]
            if model["credit"] != "sequential_inversion":
                continue
            group, d = file["models"][name], dynamics_of(config, model)
            snapshots = group["weights/snapshot"][:]

            def loop_at(row):
                W, B = group["weights/W2"][row], group["weights/B2"][row]
                return Loop(W, B, model["alpha"], d.get("tau_u", 1.0), d.get("tau_delta", 1.0))

            said = json.loads(run(program, "inspect", path, "--model", name, "--json"))["models"][0]
            for entry in said["stability"]:
                row = np.flatnonzero(snapshots == entry["snapshot"])[-1]
                check.stability(f"{name}, snapshot {entry['snapshot']},", entry["loops"][0], loop_at(row))
            if "trace" not in group:
                continue
            for record, trial in enumerate(group["trace/trial"][:].tolist()):
                if trial not in snapshots:
                    continue
                loop = loop_at(np.flatnonzero(snapshots == trial)[-1])
                answer = json.loads(run(program, "inspect", path, "--model", name, "--trial", str(trial), "--json"))
                computed = answer["models"][0]["trial"]["computed"]
                measures, where = computed["measures"], f"{name}, trial {trial},"
                delta, u, s = group["trace/delta_1"][record], group["trace/u_2"][record], group["trace/s_2"][record]
                time = group["trace/time"][:]
                end, steady = delta[-1], loop.steady(s)
                u_steady = np.linalg.solve(loop.W @ loop.B - loop.alpha * np.eye(loop.m), s)
                states, target = np.hstack([u, delta]), np.concatenate([u_steady, steady])
                check.stability(where, computed["loops"][0], loop)
                check.compare(f"{where} NDI", measures["distance_ndi_1"], distance(end, steady), 1e-6, 1e-9)
                check.compare(f"{where} PBP", measures["distance_pbp_1"], distance(end, scipy.linalg.pinv(loop.W) @ s), 1e-6)
                check.compare(f"{where} BP", measures["distance_bp_1"], distance(end, loop.W.T @ s), 1e-6)
                largest = np.linalg.norm(states, axis=1).max() / np.linalg.norm(target)
                check.compare(f"{where} amplification", measures["amplification_2"], largest, 1e-8)
                passed = max(0, (delta @ steady).max() / (steady @ steady) - 1)
                check.compare(f"{where} overshoot", measures["overshoot_2"], passed, 1e-6, 1e-9)
                # the distance next to the floor is known to ten digits or so
                check.compare(f"{where} decay", measures["decay_rate_2"], decay_rate(time, states, target), 1e-6)
                outside = np.linalg.norm(delta - steady, axis=1) > 0.02 * np.linalg.norm(steady)
                settled = np.nan if outside[-1] else time[np.flatnonzero(outside)[-1] + 1]
                check.compare(f"{where} settling time", measures["settling_time_2"], settled, 1e-12)

            map_path = str(pathlib.Path(folder) / f"{name}.h5")
            ranges = "alpha=1e-3:2:log,ratio=0.2:5:log"
            run(program, "inspect", path, "--model", name, "--map", ranges, "--points", "5", "-o", map_path)
            with h5py.File(map_path) as map_file:
                drawn = map_file["maps"][name]
                for i, alpha in enumerate(drawn["alpha"][:]):
                    for j, ratio in enumerate(drawn["ratio"][:]):
                        base = loop_at(-1)
                        loop = Loop(base.W, base.B, alpha, ratio * base.tau_delta, base.tau_delta)
                        where = f"{name}, map at alpha {alpha:.3g}, ratio {ratio:.3g},"
                        check.compare(f"{where} abscissa", drawn["spectral_abscissa_2"][i, j], loop.abscissa(), 1e-7, 1e-10)
                        stable = loop.abscissa() < 0
                        margin = loop.delay_margin() if stable else np.nan
                        check.compare(f"{where} delay", drawn["delay_margin_2"][i, j], margin, 1e-7)
                        step = loop.largest_step("sequential_euler") if stable and i % 2 == 0 else None
                        if step is not None:
                            check.compare(f"{where} step", drawn["largest_stable_step_sequential_euler_2"][i, j], step, 1e-7)
    print(f"{check.compared} numbers compared, {check.failed} differ")
    return 1 if check.failed or check.compared < 100 else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
