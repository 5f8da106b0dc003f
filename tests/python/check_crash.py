"""Runs that are killed (SIGKILL) at random moments: each file opens and is right up to trials_committed, and the runs that
are resumed end with the same bits as one that was never stopped.

Usage: check_crash.py DYNVERT [RUNS]
"""

import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np
from run_files import arrays

CONFIG = """
[experiment]
trials = 300
[task]
kind = "linear_teacher"
samples = 100
[network]
layers = [12, 9, 6]
[learning]
rate = 1e-2
[dynamics]
solver = "sequential_euler"
dt = 0.5
duration = 5000.0
[record]
every = 3
interval = 250.0
weights_every = 10
measures = ["angle_ndi", "settling_time"]
commit_interval = 0
[[model]]
name = "BP"
credit = "backprop"
[[model]]
name = "DI"
credit = "sequential_inversion"
[[model]]
name = "NDI"
credit = "sequential_inversion"
solver = "fixed_point"
"""


def without_state(path: pathlib.Path) -> dict[str, np.ndarray]:
    return {name: values for name, values in arrays(path).items() if "/state/" not in name}


def same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def check_prefix(output: pathlib.Path, whole: dict[str, np.ndarray]) -> int:
    """What the last commit guarantees is what a run without a crash has there. @return trials_committed"""
    with h5py.File(output) as file:
        trials = int(file.attrs["trials_committed"])
        for name, expected in whole.items():
            if trials == 0:
                break
            found = file[name]
            scale = found if h5py.h5ds.is_scale(found.id) else found.dims[0][0]
            # an axis has no rows, and nse is filled in at the end
            if "rows_committed" not in scale.attrs or name.endswith("/nse"):
                continue
            rows = int(scale.attrs["rows_committed"])
            assert same(found[:rows], expected[:rows]), (name, trials, rows)
            if scale.name.endswith("/trial") and "trace" not in scale.name:
                assert rows == trials, (name, trials, rows)
    return trials


def is_complete(output: pathlib.Path) -> bool:
    try:
        with h5py.File(output) as file:
            return file.attrs["complete"] == 1
    except OSError:
        return False


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(arguments, capture_output=True, text=True, check=False)


program, runs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 100
draw = random.Random(20261124)
# in memory where that is to be had: 100 runs commit some thousand times, and a disk makes each wait
memory = pathlib.Path("/dev/shm")
with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as name:
    folder = pathlib.Path(name)
    config = folder / "run.toml"
    config.write_text(CONFIG)
    start = time.monotonic()
    assert run(program, "simulate", str(config), "-o", str(folder / "whole.h5"), "--quiet").returncode == 0
    duration = time.monotonic() - start
    whole = without_state(folder / "whole.h5")
    killed = resumed = mended = complete = number = 0
    committed = []
    # A run that ends before its moment has not been killed, and is not counted. Where the machine was busy when the whole run
    # was timed, the later ones are shorter, and so are the moments.
    while killed < runs and number < 10 * runs:
        number += 1
        output = folder / f"{number}.h5"
        command = [program, "simulate", str(config), "-o", str(output), "--quiet"]
        process = subprocess.Popen(command)
        time.sleep(draw.uniform(0, duration))
        process.kill()
        process.wait()
        left = sorted(path.name for path in folder.iterdir() if path.name not in ("run.toml", "whole.h5"))
        assert left in ([], [output.name]), left
        if not output.exists():  # killed before it stood
            continue
        if is_complete(output):
            complete += 1
            duration *= 0.9
        else:
            killed += 1
            try:
                committed.append(check_prefix(output, whole))
            except (OSError, KeyError, RuntimeError, AssertionError):
                result = run(program, "recover", str(output))
                assert result.returncode == 0 and "has been completed" in result.stdout, (number, result)
                mended += 1
                committed.append(check_prefix(output, whole))
            if number % 4 == 0:
                result = run(*command, "--resume")
                assert result.returncode == 0, (number, result)
                resumed += 1
                with h5py.File(output) as file:
                    assert file.attrs["complete"] == 1 and file.attrs["status"] == "complete"
                found = without_state(output)
                assert found.keys() == whole.keys(), found.keys() ^ whole.keys()
                for path, values in whole.items():
                    assert same(found[path], values), (number, path)
        output.unlink()
    print(f"{number} runs of {duration:.2f} s: {killed} killed after {min(committed)} to {max(committed)} committed trials "
          f"({len(set(committed))} different), {mended} mended, {resumed} resumed; {complete} had ended before")
    assert killed == runs and resumed > 0 and len(set(committed)) > 2
