"""The numbers of a page of `dynvert report`, against the file by h5py, NumPy and SciPy: curves, trajectories, measures;
spectra from loop matrices made here; residuals from the equations where the file has the weights of the trial, and
otherwise from differences made here. And the page itself: nothing in it refers to anything outside.

Usage: check_report.py PROGRAM FILE FOLDER
"""

import os
import re
import subprocess
import sys
import tomllib

import h5py
import numpy as np
import scipy.linalg

from report_data import read_page

# float32 has 24 bits; what is compared was rounded once
SINGLE = 2.0**-23
# eigenvalues of a normal enough loop, twice by different routines, then rounded to float32
SPECTRUM = 1e-6


def close(shown, true, what, tolerance=SINGLE):
    true = np.asarray(true, float)
    assert len(shown) == len(true), f"{what}: {len(shown)} values, expected {len(true)}"
    scale = np.nanmax(np.abs(true)) if np.any(np.isfinite(true)) else 0
    wrong = np.abs(shown - true) > tolerance * np.maximum(np.abs(true), 1e-30 * scale) + 1e-38
    assert not np.any(wrong), f"{what}: differs at {np.flatnonzero(wrong)[:5]}"
    assert np.array_equal(np.isnan(shown), np.isnan(true)), f"{what}: NaN in other places"


def check_curves(page, file):
    for curve in page["curves"]:
        group = file["models"][curve["model"]][curve["group"]]
        values, against = group[curve["name"]][:], group[curve["against"]][:]
        assert curve["rows"] == len(values)
        rows = np.searchsorted(against, curve["x"])
        close(curve["y"], values[rows], f"{curve['model']} {curve['name']}")
        if np.any(np.isfinite(values)):
            assert np.isclose(np.nanmax(curve["y"]), np.nanmax(values)), curve["name"]
            assert np.isclose(np.nanmin(curve["y"]), np.nanmin(values)), curve["name"]


def check_models(page, file):
    for model in page["models"]:
        group = file["models"][model["name"]]
        nse = group["eval/nse"][-1]
        assert model["final_nse"] == nse
        flags = [group[f"learning/{k}"][:] for k in group["learning"] if k.startswith("converged_")]
        if flags:
            assert model["settled"] == np.mean(np.all(np.array(flags) == 1, axis=0))
        times = [group[f"learning/{k}"][:] for k in group["learning"] if k.startswith("settling_time_")]
        if times:
            shown = next(s["value"] for s in model["summary"] if s["title"].startswith("median settling time"))
            # a trial that did not settle counts as later than any other
            assert np.isclose(shown, np.median(np.where(np.isnan(times), np.inf, times)), rtol=1e-15)


def check_populations(trial, trace, record):
    for shown in trial["populations"]:
        true = trace[shown["name"]][record]
        true = true.reshape(len(true), -1)
        rows = np.searchsorted(trace["time"][:], shown["time"] - 1e-6)
        for i, label in enumerate(shown["labels"]):
            values = shown["values"][i * len(rows) : (i + 1) * len(rows)]
            close(values, true[rows, int(label)], f"{shown['name']}, unit {label}")


def check_measures(trial, learning):
    for measure in trial["measures"]:
        true = learning[measure["name"]][trial["trial"]]
        assert measure["value"] == true or (measure["value"] is None and np.isnan(true)), measure["name"]


def check_spectrum(loop, weights, row, settings):
    """Of [[-I/tau_delta, B/tau_delta], [W/tau_u, -alpha I/tau_u]]."""
    l = loop["number"]
    W, B = weights[f"W{l}"][row], weights[f"B{l}"][row]
    m, n = W.shape
    M = np.block(
        [
            [-np.eye(n) / settings["tau_delta"], B / settings["tau_delta"]],
            [W / settings["tau_u"], -settings["alpha"] * np.eye(m) / settings["tau_u"]],
        ]
    )
    shown = loop["spectrum"]
    assert shown["snapshot"] == weights["snapshot"][row]
    values = np.repeat(shown["re"] + 1j * shown["im"].astype(float), shown["count"])
    true = scipy.linalg.eigvals(M)
    assert len(values) == m + n
    away = np.abs(values[:, None] - true[None, :])
    assert away.min(axis=0).max() < SPECTRUM * (m + n) and away.min(axis=1).max() < SPECTRUM * (m + n), away
    assert np.isclose(values.real.max(), true.real.max(), rtol=1e-5, atol=1e-9)


def check_residual(loop, weights, row, exact, trace, record, settings):
    l = loop["number"]
    u, delta, s = trace[f"u_{l}"][record], trace[f"delta_{l - 1}"][record], trace[f"s_{l}"][record]
    if exact:
        assert loop["way"] == "weights"
        true = delta @ weights[f"W{l}"][row].T - settings["alpha"] * u - s
        # the sum cancels to a small part of |s|
        tolerance = 1e-6
    else:
        assert loop["way"] == "differences"
        h = trace["time"][1] - trace["time"][0]
        true = np.empty_like(u)
        true[2:-2] = (8 * (u[3:-1] - u[1:-3]) - (u[4:] - u[:-4])) / (12 * h)
        true[1], true[-2] = (u[2] - u[0]) / (2 * h), (u[-1] - u[-3]) / (2 * h)
        true[0], true[-1] = (4 * u[1] - u[2] - 3 * u[0]) / (2 * h), (3 * u[-1] - 4 * u[-2] + u[-3]) / (2 * h)
        true *= settings["tau_u"]
        tolerance = 1e-6
    true = np.linalg.norm(true, axis=1) / np.linalg.norm(s)
    rows = np.searchsorted(trace["time"][:], loop["time"] - 1e-6)
    assert np.allclose(loop["residual"], true[rows], rtol=tolerance, atol=1e-12), f"residual of loop {l}"
    return rows


def check_trials(page, file, config):
    ways = set()
    for model in page["models"]:
        group = file["models"][model["name"]]
        records = list(group["trace/trial"][:]) if "trace" in group else []
        assert model["records"] == len(records)
        settings = next(m for m in config["model"] if m["name"] == model["name"])
        for trial in model["trials"]:
            record = records.index(trial["trial"])
            trace, weights = group["trace"], group["weights"]
            check_populations(trial, trace, record)
            check_measures(trial, group["learning"])
            row = np.searchsorted(weights["snapshot"][:], trial["trial"], side="right") - 1
            exact = weights["snapshot"][row] == trial["trial"]
            for loop in trial["loops"]:
                check_spectrum(loop, weights, row, settings)
                check_residual(loop, weights, row, exact, trace, record, settings)
                ways.add(loop["way"])
    assert ways == {"weights", "differences"}, ways


def check_self_contained(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    assert re.search(r"default-src 'none'", text)
    # nothing that a browser would fetch, but the empty icon
    for attribute in re.findall(r"<[a-z]+[^<>]*\s(?:src|href)=[\"']([^\"']*)", text):
        assert attribute == "data:,", attribute
    assert "@import" not in text and "url(" not in text
    assert "Permission is hereby granted" in text, "the licence of the library"


def run(program, *words):
    return subprocess.run([program, "report", *words], capture_output=True, text=True, check=False)


def main():
    program, path, folder = sys.argv[1:]
    os.makedirs(folder, exist_ok=True)
    page_path = os.path.join(folder, "report.html")
    done = run(program, path, "-o", page_path, "--overwrite")
    if done.returncode == 4 and "without uPlot" in done.stderr:
        print("SKIPPED: the program was built without uPlot (no npm, or no package registry)")
        sys.exit(77)
    assert done.returncode == 0, done.stderr
    page = read_page(page_path)
    with h5py.File(path) as file:
        config = tomllib.loads(file.attrs["config"])
        assert page["title"] == file.attrs["title"] and page["complete"]
        check_models(page, file)
        check_curves(page, file)
        check_trials(page, file, config)
    check_self_contained(page_path)

    # a small page holds less, and what it holds is right
    small_path = os.path.join(folder, "small.html")
    done = run(program, path, "-o", small_path, "--overwrite", "--max-size", "1")
    assert done.returncode == 0, done.stderr
    assert os.path.getsize(small_path) <= 1e6
    with h5py.File(path) as file:
        small = read_page(small_path)
        check_curves(small, file)
        assert any(len(c["x"]) < c["rows"] for c in small["curves"])
        check_trials(small, file, config)
    print(f"{len(page['curves'])} curves, {sum(len(m['trials']) for m in page['models'])} trials")


if __name__ == "__main__":
    main()
