"""Ctrl-C and SIGTERM in the middle of a run: exit 130, and the file holds a complete run up to there.

Usage: check_interrupt.py DYNVERT
"""

import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import h5py

CONFIG = """
[experiment]
trials = 1000000
[task]
kind = "linear_teacher"
[network]
layers = [30, 20, 10]
[learning]
rate = 1e-4
[record]
trials = [0]
measures = ["angle_ndi"]
[[model]]
name = "BP"
credit = "backprop"
[[model]]
name = "DI"
credit = "sequential_inversion"
"""


def check(program: str, number: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "long.toml"
        output = pathlib.Path(folder) / "long.h5"
        config.write_text(CONFIG)
        process = subprocess.Popen([program, "simulate", str(config), "-o", str(output)], stderr=subprocess.PIPE, text=True)
        # the handlers are in place before the file is created
        while not output.exists():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.01)
        process.send_signal(number)
        errors = process.communicate()[1]
        assert process.returncode == 130, (process.returncode, errors)
        assert "interrupted" in errors and str(output) in errors, errors
        with h5py.File(output) as file:
            trials = int(file.attrs["trials_committed"])
            assert file.attrs["complete"] == 0 and file.attrs["status"] == "interrupted"
            assert file["task/order"].shape == (trials,)
            for model in ("BP", "DI"):
                group = file["models"][model]
                assert group["learning/trial"].shape == (trials,), (model, trials)
                assert group["weights/snapshot"][-1] == trials
                assert group.attrs["status"] == "interrupted"
        assert sorted(p.name for p in pathlib.Path(folder).iterdir()) == ["long.h5", "long.toml"]
        print(f"signal {number}: {trials} trials kept")


for number in (signal.SIGINT, signal.SIGTERM):
    check(sys.argv[1], number)
