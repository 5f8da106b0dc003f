"""Recomputes the measures of every recorded trial with NumPy and SciPy, from the file and the replay alone: networks of any
depth, linear and tanh, sequential and single loops.

Usage: check_measures.py FILE [--models NAME,NAME,..]
"""

import sys
import tomllib

from replay import replay, tanh_slope  # first: it sets the number of BLAS threads

import h5py
import numpy as np
import scipy.linalg
import scipy.optimize


def angle(a, b):
    cosine = np.sum(a * b) / (np.linalg.norm(a) * np.linalg.norm(b))
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def settling_time(time, path, target):
    outside = np.linalg.norm(path - target, axis=1) > 0.02 * np.linalg.norm(target)
    if outside[-1]:
        return np.nan
    return time[np.flatnonzero(outside)[-1] + 1] if outside.any() else time[0]


def abscissa(chain, deltas):
    """Of the loop's Jacobian, u first, where the error populations are at `deltas`."""
    slopes = [tanh_slope(d) if chain.d.nonlinear else np.ones_like(d) for d in deltas]
    sizes = [chain.W[-1].shape[0]] + [len(d) for d in deltas]
    at = np.concatenate([[0], np.cumsum(sizes)])
    M = np.zeros((at[-1], at[-1]))
    block = [slice(at[i], at[i + 1]) for i in range(len(sizes))]
    M[block[0], block[0]] = -chain.d.alpha * np.eye(sizes[0]) / chain.d.tau_u
    M[block[0], block[-1]] = chain.W[-1] * slopes[-1] / chain.d.tau_u
    for i in range(1, len(sizes)):
        M[block[i], block[i]] = -np.eye(sizes[i]) / chain.d.tau_delta
        arriving = chain.B if i == 1 else chain.W[i - 2] * slopes[i - 2]
        M[block[i], block[i - 1]] = arriving / chain.d.tau_delta
    return scipy.linalg.eigvals(M).real.max()


def steady(chain, s, u):
    """Every delta where the loop has settled; a nonlinear loop near the state u of its controller."""
    if not chain.d.nonlinear:
        return chain.steady(s)

    def along(u):
        deltas = [chain.B @ u]
        for w in chain.W[:-1]:
            deltas.append(w @ np.tanh(deltas[-1]))
        return deltas

    def residual(u):
        return -chain.d.alpha * u + chain.W[-1] @ np.tanh(along(u)[-1]) - s

    return along(scipy.optimize.root(residual, u, tol=1e-14).x)


def expected_of(trial, group, row):
    """Name of each dataset of /learning, and (value, tolerance)."""
    model = trial.model
    time = group["trace/time"][:]
    result = {}
    credit, settled = {model.depth: trial.e}, {model.depth: trial.e}
    slowest = 0.0
    for number, chain, source, layers in model.chains():
        chain = trial.loops[number]
        s, u = group[f"trace/s_{number}"][row], group[f"trace/u_{number}"][row]
        paths = [group[f"trace/delta_{l}"][row] for l in layers]
        ends = [path[-1] for path in paths]
        here = steady(chain, s, u[-1])
        of_settled = steady(chain, settled[source], u[-1])
        for l, end, far in zip(layers, ends, of_settled):
            slope = 1.0 if chain.d.nonlinear else model.slope(l, trial.a)
            credit[l], settled[l] = end * slope, far * slope
        arriving = chain.W[-1] @ chain.f(ends[-1]) - chain.d.alpha * u[-1] - s
        near = [np.linalg.norm(end - far) <= 0.02 * np.linalg.norm(far) for end, far in zip(ends, here)]
        times = [settling_time(time, path, far) for path, far in zip(paths, here)]
        slowest = max(slowest, max(times))
        result[f"spectral_abscissa_{number}"] = (abscissa(chain, ends), 1e-7)
        result[f"residual_{number}"] = (np.linalg.norm(arriving) / np.linalg.norm(s), 1e-8)
        result[f"settling_time_{number}"] = (max(times) if not np.isnan(times).any() else np.nan, 1e-9)
        result[f"converged_{number}"] = (float(all(near)), 0)
        forward = chain.W[-1]
        for w in chain.W[-2::-1]:
            forward = forward @ w
        result[f"angle_feedback_{number}"] = (angle(chain.B, -forward.T), 1e-5)
    # backpropagation and pseudo-backpropagation of the same error; arccos keeps half the digits near zero
    bp, pbp = {model.depth: trial.e}, {model.depth: trial.e}
    for l in range(model.depth, 1, -1):
        bp[l - 1] = trial.W[l].T @ bp[l] * model.slope(l - 1, trial.a)
        pbp[l - 1] = np.linalg.pinv(trial.W[l]) @ pbp[l] * model.slope(l - 1, trial.a)
        for name, other in (("bp", bp), ("pbp", pbp), ("ndi", settled)):
            result[f"angle_{name}_{l - 1}"] = (angle(credit[l - 1], other[l - 1]), 1e-5)
    return result, slowest


def main(path, only):
    failures = 0
    with h5py.File(path) as file:
        config = tomllib.loads(file.attrs["config"])
        for name in only or file["models"]:
            group = file["models"][name]
            if "trace" not in group:
                continue
            trials = replay(file, config, name).trials
            compared = 0
            for row, trial in enumerate(group["trace/trial"][:].tolist()):
                expected, slowest = expected_of(trials[trial], group, row)
                for measure, (value, tolerance) in expected.items():
                    recorded = group["learning"][measure][trial]
                    compared += 1
                    if not np.isclose(recorded, value, rtol=1e-9, atol=tolerance, equal_nan=True):
                        failures += 1
                        print(f"{name}, trial {trial}: {measure} is {recorded}, recomputed {value}")
                if group["trace/converged"][row] == 1 and not np.isclose(group["trace/settling_time"][row], slowest):
                    failures += 1
                    print(f"{name}, trial {trial}: the trace's settling time differs")
            print(f"{name}: {len(trials)} trials, {compared} values")
    return 1 if failures else 0


if __name__ == "__main__":
    models = sys.argv[3].split(",") if len(sys.argv) > 3 and sys.argv[2] == "--models" else None
    sys.exit(main(sys.argv[1], models))
