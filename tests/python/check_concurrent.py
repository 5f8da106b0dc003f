"""Integrates recorded trials of concurrent inversion with SciPy, from their equations and the file alone, and checks that
the models that learn concurrently solve the task.

    tau_h da_l/dt = -a_l + W_l h_{l-1},  tau_delta d(delta_1)/dt = -delta_1 + B_2 u_2,
    tau_u du_2/dt = -alpha u_2 + W_2 delta_1 - e,  e = t - a_2 while the target is on,
    tau_w dW_l/dt = eta delta_l h_{l-1}'  (continuous plasticity)

Usage: check_concurrent.py FILE
"""

import sys
import tomllib

import h5py
import numpy as np
from scipy.integrate import solve_ivp

# dopri5 of the file has rtol 1e-6 a step, over some hundreds of steps of a stable circuit
TOLERANCE = 1e-4
LARGEST_NSE = 1e-3


def integrate(phases, model, rate, W, B, x, t, times):
    """States at the given times: dict of arrays (time, unit)."""
    n1, n0 = W[1].shape
    n2 = W[2].shape[0]
    plastic = model["plasticity"] == "continuous"
    z = np.concatenate([np.zeros(n1 + n2 + n1 + n2), W[1].ravel(), W[2].ravel()])
    samples = []

    def unpack(z):
        a1, a2, delta, u, w1, w2 = np.split(z, np.cumsum([n1, n2, n1, n2, n1 * n0]))
        return a1, a2, delta, u, w1.reshape(n1, n0), w2.reshape(n2, n1)

    for k, phase in enumerate(phases):
        h0 = x * phase["stimulus"]
        end = phase["start"] + phase["duration"]

        def slope(_, z):
            a1, a2, delta, u, w1, w2 = unpack(z)
            e = (t - a2) * phase["target"]
            w1_slope = rate / model["tau_w"] * np.outer(delta, h0) if plastic else np.zeros_like(w1)
            w2_slope = rate / model["tau_w"] * np.outer(e, a1) if plastic else np.zeros_like(w2)
            return np.concatenate([
                (-a1 + w1 @ h0) / model["tau_h"],
                (-a2 + w2 @ a1) / model["tau_h"],
                (-delta + B @ u) / model["tau_delta"],
                (-model["alpha"] * u + w2 @ delta - e) / model["tau_u"],
                w1_slope.ravel(),
                w2_slope.ravel(),
            ])

        last = k == len(phases) - 1
        at = times[(times >= phase["start"] - 1e-9) & ((times < end - 1e-9) | last)]
        solution = solve_ivp(slope, (phase["start"], end), z, method="DOP853", rtol=1e-9, atol=1e-12,
                             t_eval=np.unique(np.append(at, end)))
        samples.extend(solution.y.T[: len(at)])
        z = solution.y[:, -1]
    a1, a2, delta, u, w1, w2 = zip(*map(unpack, samples))
    return {"a_1": a1, "a_2": a2, "delta_1": delta, "u_2": u, "W1": w1, "W2": w2}


def main(path):
    good = True
    with h5py.File(path) as file:
        config = tomllib.loads(file.attrs["config"])
        for model in config["model"]:
            if model["credit"] != "concurrent_inversion":
                continue
            group = file["models"][model["name"]]
            trace, plastic = group["trace"], model["plasticity"] == "continuous"
            compared, largest = 0, 0.0
            for row, trial in enumerate(trace["trial"][:].tolist()):
                # weights before a trial: the first snapshot, or where they are traced
                if trial != 0 and not plastic:
                    continue
                W = {l: trace[f"W{l}"][row, 0] if plastic else group[f"weights/W{l}"][0] for l in (1, 2)}
                sample = file["task/order"][trial]
                states = integrate(model["phases"], model, config["learning"]["rate"], W, group["weights/B2"][0],
                                   file["task/x"][sample], file["task/t"][sample], trace["time"][:])
                for name, expected in states.items():
                    if name not in trace:
                        continue
                    expected, recorded = np.array(expected), trace[name][row]
                    largest = max(largest, np.max(np.abs(recorded - expected)) / max(1e-3, np.max(np.abs(expected))))
                    compared += 1
            nse = group["eval/nse"][-1]
            line = f"{model['name']}: {compared} trajectories within {largest:.1e} of SciPy's, final NSE {nse:.2g}"
            ok = compared > 0 and largest < TOLERANCE and nse < LARGEST_NSE
            print(line + ("" if ok else "  FAILED"))
            good = good and ok
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
