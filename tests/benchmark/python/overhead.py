#!/usr/bin/env python3
"""What Python adds: to one step of a 10x20 loop, and to the run of examples/smallest.toml. Asserts nothing.

    tests/benchmark/python/overhead.py BUILD_DIR        of a build with DYNVERT_PYTHON_MODULE=ON, optimised

Both sides are timed in turns, so that a machine that is busy is so for both; medians.
"""

import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(sys.argv[1]).resolve()
sys.path.insert(0, str(BUILD / "python"))

import dynvert  # noqa: E402
import numpy as np  # noqa: E402
from dynvert.toml import to_toml  # noqa: E402

TURNS, REPETITIONS, CALLS = 7, 5, 20_000


def loop(solver: str) -> dict:
    draw = np.random.default_rng(1)
    W = draw.normal(size=(10, 20)) / 10
    return {
        "experiment": {"trials": 1},
        "dynamics": {"solver": solver, "dt": 0.5, "duration": 500.0},
        "population": [{"name": "u", "units": 10, "leak": 0.01}, {"name": "delta", "units": 20}],
        "projection": [
            {"name": "W", "source": "delta", "target": "u", "kind": "matrix", "matrix": W},
            {"name": "B", "source": "u", "target": "delta", "kind": "matrix", "matrix": -W.T},
        ],
        "input": [{"population": "u", "amplitude": 1.0}],
    }


def step_in_python(config: dict) -> float:
    sim = dynvert.Simulation(config)
    seconds = []
    for _ in range(REPETITIONS):
        begin = time.perf_counter()
        for _ in range(CALLS):
            sim.advance(0.5)
        seconds.append((time.perf_counter() - begin) / CALLS)
    return statistics.median(seconds)


def step_in_cpp(config: dict, folder: pathlib.Path) -> float:
    path = folder / "loop.toml"
    path.write_text(to_toml(config))
    words = [BUILD / "tests/python_overhead", path, str(REPETITIONS), str(CALLS)]
    return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def run_in_python(config: pathlib.Path, folder: pathlib.Path) -> float:
    begin = time.perf_counter()
    dynvert.simulate(config, output=folder / "python.h5", overwrite=True).close()
    return time.perf_counter() - begin


def run_of_the_program(config: pathlib.Path, folder: pathlib.Path) -> float:
    words = [BUILD / "dynvert", "simulate", config, "-o", folder / "program.h5", "--overwrite", "--quiet"]
    begin = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def main() -> None:
    subprocess.run(["cmake", "--build", BUILD, "--target", "python_overhead"], check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for solver in ("sequential_euler", "rk4"):
            turns = [(step_in_python(loop(solver)), step_in_cpp(loop(solver), folder)) for _ in range(TURNS)]
            python, cpp = (1e6 * statistics.median(side) for side in zip(*turns))
            print(f"one step, 10x20 loop, {solver}: Python {python:.2f} us, C++ {cpp:.2f} us, {python - cpp:+.2f} us")
        config = SOURCE / "examples/smallest.toml"
        run_in_python(config, folder)  # what is loaded once
        turns = [(run_in_python(config, folder), run_of_the_program(config, folder)) for _ in range(3 * TURNS)]
        python, program = (1e3 * statistics.median(side) for side in zip(*turns))
        print(f"smallest.toml: Python {python:.1f} ms, the program {program:.1f} ms, {100 * (python / program - 1):+.1f} %")


if __name__ == "__main__":
    main()
