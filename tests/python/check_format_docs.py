"""The page of the file format and the files name the same datasets, and the same roles.

Reads the rows `| /group/dataset | ...` of the page's tables and compares them with the datasets of FILE, of a small run with
biases and batches, of one with classes and a test set, of one that is interrupted, of the other kinds of experiments, and of a
stability map of FILE. NAME stands for a model, l for a layer.

Usage: check_format_docs.py PAGE FILE DYNVERT
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import time

import h5py

WITH_BIASES = """
[experiment]
trials = 4
[task]
kind = "linear_teacher"
samples = 8
[network]
layers = [3, 4, 2]
bias = true
[learning]
rate = 0.01
batch = 3
[[model]]
name = "BP"
credit = "backprop"
"""

WITH_CLASSES = """
[experiment]
trials = 2
[task]
kind = "digits"
samples = 20
test_samples = 10
[network]
layers = [256, 4, 10]
output = "softmax"
[learning]
rate = 0.01
[[model]]
name = "BP"
credit = "backprop"
"""


CONCURRENT = """
[experiment]
trials = 2
[task]
kind = "linear_teacher"
samples = 8
[network]
layers = [3, 4, 2]
[learning]
rate = 0.01
[dynamics]
duration = 5.0
[record]
every = 1
populations = ["h_0", "t", "a_1", "a_2", "delta_1", "u_2", "W1", "W2"]
[[model]]
name = "C"
credit = "concurrent_inversion"
plasticity = "continuous"
[[model]]
name = "D"
credit = "sequential_inversion"
forward = "dynamic"
forward_duration = 5.0
"""
EXCERPTS = """
[experiment]
trials = 1
[task]
kind = "linear_teacher"
samples = 8
[network]
layers = [3, 4, 2]
[learning]
rate = 0.01
[dynamics]
duration = 5.0
[record]
every = 1
[[record.population]]
name = "u_2"
units = [1]
interval = 1.0
[[record.population]]
name = "delta_1"
units = [0, 3]
[[model]]
name = "DI"
credit = "sequential_inversion"
"""
INVERSION = """
[network]
layers = [3, 4, 2]
[inversion]
alpha = [0.1, 1.0]
[dynamics]
duration = 5.0
[[model]]
name = "DI"
credit = "sequential_inversion"
"""
CIRCUIT = """
[dynamics]
duration = 5.0
[[population]]
name = "E"
units = 2
[[projection]]
name = "P"
source = "E"
target = "E"
kind = "uniform"
[[input]]
population = "E"
"""


CARRY = """
version = 1
[circuit]
equations = '''
dP/dt = -P + W[1]*input
y = W[2]*P
'''
[trial]
carry = ["P"]
[[phase]]
name = "trial"
duration = "duration"
[learning]
at_end = "W[1] += 0.01*eta*P*input'"
[readout]
y = "y"
"""


def pattern_of(name):
    """/models/DI/learning/angle_ndi_1 -> /models/NAME/learning/angle_ndi_l"""
    name = re.sub(r"^/(models|maps)/(?!circuit/)[^/]+", r"/\1/NAME", name)
    name = re.sub(r"_\d+$", "_l", name)
    return re.sub(r"/([WbB])\d+$", r"/\1l", name)


ROLES = {}  # of each, the attributes that any dataset has beside it


def datasets(path):
    found = {}
    with h5py.File(path) as file:
        for name, item in walk(file):
            if "role" in item.attrs:
                known = {"of_role", "layer", "loop", "credit_layer", "target_layer", "source_layer", "target", "source"}
                ROLES.setdefault(item.attrs["role"], set()).update(known & set(item.attrs))
            found[pattern_of("/" + name)] = (len(item.shape), item.dtype.name)
    return found


def has_trials(output):
    try:
        with h5py.File(output, "r", locking=False) as file:
            return file.attrs["trials_committed"] > 0
    except (OSError, KeyError, RuntimeError):  # not yet, or in the middle of a commit
        return False


def state_of(program, config, *sets):
    """Of a run that is interrupted: what a resume starts from."""
    output = config.with_name("interrupted.h5")
    output.unlink(missing_ok=True)
    words = [word for change in ("experiment.trials=100000000", "record.commit_interval=0", *sets) for word in ("--set", change)]
    process = subprocess.Popen([program, "simulate", str(config), "-o", str(output), "--quiet", *words],
                               stderr=subprocess.DEVNULL)
    while process.poll() is None and not has_trials(output):
        time.sleep(0.01)
    process.terminate()
    process.wait()
    return {name: form for name, form in datasets(output).items() if "/state/" in name}


CIRCUIT_ROWS = {"/models/circuit/grid/trial", "/models/circuit/grid/converged"}


def walk(file):
    items = []
    file.visititems(lambda name, item: items.append((name, item)) if isinstance(item, h5py.Dataset) else None)
    return items


def main(page, path, program):
    with tempfile.TemporaryDirectory() as folder:
        config, output = pathlib.Path(folder) / "biases.toml", pathlib.Path(folder) / "biases.h5"
        config.write_text(WITH_BIASES)
        subprocess.run([program, "simulate", str(config), "-o", str(output), "--quiet"], check=True)
        small = datasets(output)
        classes, output = pathlib.Path(folder) / "classes.toml", pathlib.Path(folder) / "classes.h5"
        classes.write_text(WITH_CLASSES)
        subprocess.run([program, "simulate", str(classes), "-o", str(output), "--quiet"], check=True)
        small |= datasets(output)
        small |= state_of(program, config, "model.BP.credit=feedback_alignment")
        (pathlib.Path(folder) / "carry.toml").write_text(CARRY)
        config.write_text(WITH_BIASES.replace('credit = "backprop"', 'circuit = "carry.toml"\nsolver = "euler"'))
        small |= state_of(program, config)
        subprocess.run([program, "simulate", str(config), "-o", str(output), "--quiet", "--overwrite", "--set",
                        "record.every=1"], check=True)
        datasets(output)  # the roles of a circuit file's populations
        stability = pathlib.Path(folder) / "map.h5"
        ranges = "alpha=0.1:1,ratio=0.1:1"
        subprocess.run([program, "inspect", path, "--map", ranges, "--points", "2", "-o", str(stability)], check=True)
        maps = datasets(stability)
        for text in (CONCURRENT, EXCERPTS, INVERSION, CIRCUIT):
            output = pathlib.Path(folder) / "kind.h5"
            config.write_text(text)
            subprocess.run([program, "simulate", str(config), "-o", str(output), "--quiet", "--overwrite"], check=True)
            # axes and what every trace has stand on the page once
            small |= {name: form for name, form in datasets(output).items()
                      if not name.endswith("_of_delta_l")
                      and not (name.startswith("/models/circuit") and re.search(r"/(unit_E|source_E|record|trial|time|"
                               r"converged|settling_time|snapshot)$", name) and name not in CIRCUIT_ROWS)}
    found = datasets(path) | maps | {k: v for k, v in small.items() if k != "/task/order"}
    documented = {}
    for line in pathlib.Path(page).read_text().splitlines():
        row = re.match(r"\| `(/[^`]+)` \| \(([^)]*)\) \| (\w+) \|", line)
        if row:
            axes = [a for a in row[2].split(",") if a.strip()]
            documented[row[1]] = (len(axes), row[3])
    good = True
    for name in sorted(set(found) | set(documented)):
        if found.get(name) != documented.get(name):
            good = False
            print(f"{name}: in the files {found.get(name)}, on the page {documented.get(name)}")
    roles = {}
    for line in pathlib.Path(page).read_text().splitlines():
        row = re.match(r"\| role `(\w+)` \| ([^|]*)\|", line)
        if row:
            roles[row[1]] = set(re.findall(r"`(\w+)`", row[2]))
    for role in sorted(set(roles) | set(ROLES)):
        if roles.get(role) != ROLES.get(role):
            good = False
            print(f"role {role}: in the files {ROLES.get(role)}, on the page {roles.get(role)}")
    print(f"{len(documented)} datasets on the page, {len(found)} in the files")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
