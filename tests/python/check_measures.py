"""Recomputes the measures of every recorded trial with NumPy and SciPy, from the file and the replay alone.

Usage: check_measures.py FILE
"""

import sys
import tomllib

from replay import loop_of, replay  # first: it sets the number of BLAS threads

import h5py
import numpy as np
import scipy.linalg


def angle(a, b):
    cosine = np.sum(a * b) / (np.linalg.norm(a) * np.linalg.norm(b))
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def settling_time(time, path, target):
    outside = np.linalg.norm(path - target, axis=1) > 0.02 * np.linalg.norm(target)
    if outside[-1]:
        return np.nan
    return time[np.flatnonzero(outside)[-1] + 1] if outside.any() else time[0]


def main(path):
    failures = 0
    with h5py.File(path) as file:
        config = tomllib.loads(file.attrs["config"])
        for name in file["models"]:
            group = file["models"][name]
            if "trace" not in group:
                continue
            loop, _ = loop_of(next(m for m in config["model"] if m["name"] == name))
            trials = replay(file, name).trials
            learning = group["learning"]
            time = group["trace/time"][:]
            for row, trial in enumerate(group["trace/trial"][:].tolist()):
                _, W, B, _ = trials[trial]
                m, n = W.shape
                M = np.block([[-loop.alpha * np.eye(m) / loop.tau_u, W / loop.tau_u], [B / loop.tau_delta, -np.eye(n) / loop.tau_delta]])
                delta, u, s = group["trace/delta_1"][row], group["trace/u_2"][row], group["trace/s_2"][row]
                steady = loop.steady(W, B, s)
                expected = {
                    "spectral_abscissa_2": (scipy.linalg.eigvals(M).real.max(), 1e-9),
                    # arccos keeps half the digits near zero
                    "angle_feedback_2": (angle(B, -W.T), 1e-5),
                    "angle_bp_1": (angle(delta[-1], W.T @ s), 1e-5),
                    "angle_pbp_1": (angle(delta[-1], scipy.linalg.pinv(W) @ s), 1e-5),
                    "angle_ndi_1": (angle(delta[-1], steady), 1e-5),
                    "residual_2": (np.linalg.norm(W @ delta[-1] - loop.alpha * u[-1] - s) / np.linalg.norm(s), 1e-8),
                    "settling_time_2": (settling_time(time, delta, steady), 1e-9),
                    "converged_2": (float(np.linalg.norm(delta[-1] - steady) <= 0.02 * np.linalg.norm(steady)), 0),
                }
                for measure, (value, tolerance) in expected.items():
                    recorded = learning[measure][trial]
                    if not np.isclose(recorded, value, rtol=0, atol=tolerance, equal_nan=True):
                        failures += 1
                        print(f"{name}, trial {trial}: {measure} is {recorded}, recomputed {value}")
                if not np.isclose(group["trace/settling_time"][row], expected["settling_time_2"][0], equal_nan=True):
                    failures += 1
                    print(f"{name}, trial {trial}: the trace's settling time differs")
            print(f"{name}: {len(trials)} trials, {len(expected)} measures each")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
