"""What `dynvert check` predicts is what a run takes, within 20 %: the size of the file, and the largest resident memory.
And memory does not grow with the number of trials.

Usage: check_estimate.py DYNVERT EXAMPLES
"""

import os
import pathlib
import re
import sys
import tempfile

import subprocess

SMALL = """
[experiment]
trials = 20000
[task]
kind = "linear_teacher"
samples = 100
[network]
layers = [12, 9, 6]
[learning]
rate = 1e-3
[[model]]
name = "BP"
credit = "backprop"
[[model]]
name = "NDI"
credit = "sequential_inversion"
solver = "fixed_point"
"""

UNITS = {"kB": 1e3, "MB": 1e6, "GB": 1e9}


def predicted(text: str, what: str) -> float:
    number, unit = re.search(rf"{what}\s+about ([\d.]+) (\w+)", text).groups()
    return float(number) * UNITS[unit]


def measure(program: str, config: pathlib.Path, output: pathlib.Path, sets: list[str]) -> tuple[float, float]:
    """@return bytes of the file, bytes of memory"""
    process = subprocess.Popen([program, "simulate", str(config), "-o", str(output), "--quiet", *sets], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, status
    size = output.stat().st_size
    output.unlink()
    return float(size), usage.ru_maxrss * 1024.0


def check(program: str, name: str, config: pathlib.Path, output: pathlib.Path, *changes: str) -> float:
    sets = [word for change in changes for word in ("--set", change)]
    text = subprocess.run([program, "check", str(config), *sets], capture_output=True, text=True, check=True).stdout
    file, memory = measure(program, config, output, sets)
    ratios = predicted(text, "file") / file, predicted(text, "memory") / memory
    print(f"{name:28s} file {file / 1e6:7.2f} MB, predicted {ratios[0]:.2f} of it; "
          f"memory {memory / 1e6:6.1f} MB, predicted {ratios[1]:.2f} of it")
    if not all(1 / 1.2 <= ratio <= 1.2 for ratio in ratios):
        wrong.append(name)
    return memory


program, examples = sys.argv[1], pathlib.Path(sys.argv[2])
wrong: list[str] = []
with tempfile.TemporaryDirectory() as folder:
    small, output = pathlib.Path(folder) / "small.toml", pathlib.Path(folder) / "run.h5"
    small.write_text(SMALL)
    # trials that did not settle are recorded automatically; how many there will be, nobody knows before
    asked = "record.unsettled_limit=0"
    check(program, "smallest", examples / "smallest.toml", output, asked)
    check(program, "linear regression", examples / "linear_regression.toml", output, asked)
    check(program, "without traces", examples / "linear_regression.toml", output, asked, "record.trials=[]")
    check(program, "many traces", examples / "linear_regression.toml", output, asked, "record.trials=[]", "record.every=20")
    check(program, "many snapshots", small, output, "record.weights_every=10")
    check(program, "many samples", small, output, "task.samples=100000")
    # a run that commits before its end writes its state, of the size of two snapshots
    commits = "record.commit_interval=0.0"
    check(program, "a large network", small, output, "network.layers=[784, 1000, 10]", "experiment.trials=200",
          "learning.rate=1e-6", commits)
    models = pathlib.Path(folder) / "models.toml"
    models.write_text(SMALL + "".join(f'[[model]]\nname = "{name}"\ncredit = "{credit}"\n' for name, credit in
                                      (("FA", "feedback_alignment"), ("PBP", "pseudo_backprop"), ("BP_2", "backprop"))))
    check(program, "five models of it", models, output, "network.layers=[784, 1000, 10]", "experiment.trials=200",
          "learning.rate=1e-6", commits)
    check(program, "snapshots of a large network", small, output, "network.layers=[784, 500, 250, 10]",
          "experiment.trials=200", "record.weights_every=20", "learning.rate=1e-6", commits)
    few = check(program, "few trials", small, output)
    many = check(program, "many trials", small, output, "experiment.trials=500000")
    # rows that wait, and losses that are divided by the largest in the end: at most 4 and 16 MiB (sim/record/run_size.cpp)
    assert many < few + 24e6, (few, many)
assert not wrong, wrong
