"""Integrates recorded trials of experiments without learning with SciPy, from their equations and the file alone: loops
driven by errors of their own over a grid of parameters, and circuits of populations and projections.

Usage: check_transients.py FILE
"""

import sys
import tomllib

import h5py
import numpy as np
from scipy.integrate import solve_ivp

# dopri5 of the file has rtol 1e-6 a step; an unstable loop multiplies errors as it does states, so that they are compared
# relative to the largest state
TOLERANCE = 1e-4
RATES = {"linear": lambda x: x, "tanh": np.tanh, "relu": lambda x: np.maximum(x, 0)}


def solve(slope, start, time, switches):
    """States at `time`, the solver starting anew at each switch."""
    edges = [time[0], *[s for s in sorted(set(switches)) if time[0] < s < time[-1]], time[-1]]
    rows, x = [], start
    for begin, end in zip(edges[:-1], edges[1:]):
        at = time[(time >= begin - 1e-9) & (time < end - 1e-9)]
        middle = (begin + end) / 2
        result = solve_ivp(lambda t, y: slope(t, y, middle), (begin, end), x, method="DOP853", rtol=1e-10, atol=1e-12,
                           t_eval=np.append(at, end), max_step=(end - begin) / 8)
        rows.extend(result.y.T[:-1])
        x = result.y[:, -1]
    return np.array([*rows, x])


def compare(recorded, expected):
    """Largest deviation relative to the largest state; where a trial has ended early there is nothing to compare."""
    kept = np.isfinite(recorded).all(axis=1)
    if not kept.any():
        return 0.0
    return np.max(np.abs(recorded[kept] - expected[kept])) / np.max(np.abs(expected[kept]))


def check_inversion(file, config, model):
    group = file["models"][model["name"]]
    trace, grid = group["trace"], group["grid"]
    W, B = group["weights/W2"][0], group["weights/B2"][0]
    g = RATES[config["network"]["activation"][0]] if model["transfer"] == "nonlinear" else RATES["linear"]
    onset, n = config["inversion"]["onset"], W.shape[0]
    largest = 0.0
    for row, trial in enumerate(trace["trial"][:].tolist()):
        alpha, tau_u, tau_delta = (grid[k][trial] for k in ("alpha", "tau_u", "tau_delta"))
        s = trace["s_2"][row]
        time = trace["time"][:]
        recorded = np.hstack([trace["u_2"][row], trace["delta_1"][row]])
        last = np.flatnonzero(np.isfinite(recorded).all(axis=1))[-1]

        def slope(t, x, middle):
            u, delta = x[:n], x[n:]
            e = s if middle > onset else 0 * s
            return np.concatenate([(-alpha * u + W @ g(delta) - e) / tau_u, (-delta + B @ u) / tau_delta])

        expected = solve(slope, np.zeros(n + len(B)), time[: last + 1], [onset])
        largest = max(largest, compare(recorded[: last + 1], expected))
    return len(trace["trial"]), largest


def check_circuit(file, config):
    group = file["models/circuit"]
    trace, time = group["trace"], group["trace/time"][:]
    names = [p["name"] for p in config["population"]]
    at = dict(zip(names, np.cumsum([0] + [p["units"] for p in config["population"]])))
    part = {p["name"]: slice(at[p["name"]], at[p["name"]] + p["units"]) for p in config["population"]}
    switches = [t for i in config["input"] for t in (i["start"], i["start"] + i["duration"]) if t > 0]
    largest = 0.0
    for row in range(len(trace["trial"])):
        recorded = np.hstack([trace[name][row] for name in names])
        # constant parts from the configuration, noise from the file: it is linear between the samples of the trace
        noise = {name: np.zeros_like(trace[name][row]) for name in names}
        for i in config["input"]:
            if i["shape"] == "noise":
                on = (time >= i["start"] - 1e-9) & (time < i["start"] + (i["duration"] or np.inf) + 1e-9)
                steps = sum(j["amplitude"][0] * (time >= j["start"] - 1e-9) for j in config["input"]
                            if j["shape"] == "step" and j["population"] == i["population"])
                values = trace[f"input_{i['population']}"][row] - steps[:, None]
                # the knot at the end of the noise is beyond the switch, where the file shows what comes then
                noise[i["population"]] = (on, values, i)

        def slope(t, x, middle):
            dx = np.zeros_like(x)
            for p in config["population"]:
                dx[part[p["name"]]] -= p["leak"] * x[part[p["name"]]]
            for c in config["projection"]:
                rate = RATES[config["population"][names.index(c["source"])]["rate"]]
                weights = np.array(c["matrix"]) if c["kind"] == "matrix" else c["weight"] * np.eye(1)
                dx[part[c["target"]]] += weights @ rate(x[part[c["source"]]])
            for i in config["input"]:
                end = i["start"] + (i["duration"] or np.inf)
                if not i["start"] < middle < end:
                    continue
                if i["shape"] == "step":
                    dx[part[i["population"]]] += i["amplitude"][0]
                else:
                    _, values, _ = noise[i["population"]]
                    dx[part[i["population"]]] += np.interp(t, time, values[:, 0])
            for p in config["population"]:
                dx[part[p["name"]]] /= p["tau"]
            return dx

        # up to the last knot before the noise ends
        ends = [i["start"] + i["duration"] for i in config["input"] if i["shape"] == "noise" and i["duration"] > 0]
        last = np.searchsorted(time, min(ends) - 1e-9) - 1 if ends else len(time) - 1
        expected = solve(slope, recorded[0], time[: last + 1], switches)
        largest = max(largest, compare(recorded[: last + 1], expected))
        if ends:
            first = last + 1
            expected = solve(slope, recorded[first], time[first:], switches)
            largest = max(largest, compare(recorded[first:], expected))
    return len(trace["trial"]), largest


def main(path):
    good = True
    with h5py.File(path) as file:
        config = tomllib.loads(file.attrs["config"])
        if "population" in config:
            results = {"circuit": check_circuit(file, config)}
        else:
            results = {m["name"]: check_inversion(file, config, m) for m in config["model"]}
        for name, (trials, largest) in results.items():
            ok = trials > 0 and largest < TOLERANCE
            print(f"{name}: {trials} trials within {largest:.1e} of SciPy's" + ("" if ok else "  FAILED"))
            good = good and ok
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
