"""The same seed gives the same datasets, bit for bit: with any number of threads, with and without recording, however often is
committed (which changes the blocks that trials are dealt out in, and how full chunks are written), compressed or not.

Runs CONFIG, networks that learn in blocks and in batches, inversions over a grid, a circuit, and circuits with white noise.

Usage: check_determinism.py DYNVERT CONFIG
"""

import pathlib
import subprocess
import sys
import tempfile

from run_files import datasets
import sparse_images

BLOCKS = """
[experiment]
epochs = 2
[task]
kind = "digits"
samples = 90
test_samples = 30
[network]
layers = [256, 200, 10]
activation = "tanh"
output = "softmax"
bias = true
[learning]
rate = 0.002
[dynamics]
duration = 10.0
[record]
evaluate_every = 50
weights_every = 40
measures = ["angle_bp"]
[[model]]
name = "BP"
credit = "backprop"
[[model]]
name = "NDI"
credit = "sequential_inversion"
solver = "fixed_point"
[[model]]
name = "DI"
credit = "sequential_inversion"
transfer = "nonlinear"
"""
INVERSION = """
[inversion]
signal = "noise"
samples = 7
alpha = [0.01, 0.1, 1.0]
ratio = [0.5, 1.0, 2.0]
feedback = ["negative_transpose", "random"]
[network]
layers = [14, 11, 9, 5]
activation = "tanh"
init = { kind = "uniform", half_width = 0.3 }
[dynamics]
duration = 200.0
transfer = "nonlinear"
[record]
measures = ["settling_time", "angle_ndi"]
[[model]]
name = "DI"
credit = "sequential_inversion"
[[model]]
name = "SE"
credit = "single_loop_inversion"
solver = "sequential_euler"
settle_tolerance = 1e-4
"""
CIRCUIT = """
[experiment]
trials = 30
[dynamics]
duration = 50.0
[[population]]
name = "E"
units = 13
rate = "tanh"
initial_half_width = 1.0
[[projection]]
name = "EE"
source = "E"
target = "E"
kind = "uniform"
half_width = 0.4
[[input]]
population = "E"
shape = "noise"
amplitude = [0.3]
"""
NOISE = """
[experiment]
trials = 40
[dynamics]
solver = "euler_maruyama"
duration = 50.0
[[population]]
name = "E"
units = 13
rate = "tanh"
noise = 0.2
[[projection]]
name = "EE"
source = "E"
target = "E"
kind = "uniform"
half_width = 0.4
"""
NOISY_LEARNING = """
[experiment]
trials = 60
[task]
kind = "linear_teacher"
samples = 20
[network]
layers = [4, 6, 3]
[learning]
rate = 1e-3
batch = 5
[dynamics]
solver = "euler_maruyama"
dt = 0.5
duration = 10.0
[[model]]
name = "N"
circuit = "noisy_circuit.toml"
"""
NOISY_CIRCUIT = """
version = 1
[circuit]
equations = '''
h[0] = input
for l = 1..L
  dv[l]/dt = -v[l] + W[l]*h[l-1] + noise(0.2)
  h[l] = v[l]
end
'''
[[phase]]
name = "trial"
duration = "duration"
[learning]
at_end = "W[L] += eta/batch*avg((target - h[L])*h[L-1]')"
[readout]
y = "h[L]"
"""
# each changes nothing but, perhaps, what is recorded
OPTIONS = (
    [],
    ["--threads", "2"],
    ["--threads", "5", "--set", "record.commit_interval=0.001"],
    ["--set", "record.commit_interval=1000", "--set", "record.compression=4"],
)


def check(program, folder, name, config, more, unrecorded):
    def run(*options):
        output = folder / f"{name}.h5"
        subprocess.run([program, "simulate", str(config), "-o", str(output), "--quiet", "--overwrite", *options], check=True,
                       stdout=subprocess.DEVNULL)
        return datasets(output)

    reference = run(*more)
    for options in OPTIONS:
        assert (found := run(*more, *options)).keys() == reference.keys()
        differ = [dataset for dataset in found if found[dataset] != reference[dataset]]
        assert not differ, (name, options, differ)
    def without_traces(found):
        return {dataset: values for dataset, values in found.items() if "/trace/" not in dataset}

    plain = run(*more, *unrecorded)
    assert plain != reference and without_traces(plain) == without_traces(reference), f"recording changes {name}"
    assert reference != run(*more, "--seed", "2"), "the seed changes nothing"
    print(f"{name}: {len(reference)} datasets, equal bits")


def check_longer(program, folder, name, trials):
    """Half of the trials, and the other half in a second run: the noise goes on where it was."""
    config = str(folder / f"{name}.toml")
    for output, runs in (("whole", [trials]), ("halves", [trials // 2, trials])):
        path = folder / f"{output}.h5"
        path.unlink(missing_ok=True)
        for k, count in enumerate(runs):
            subprocess.run([program, "simulate", config, "-o", str(path), "--quiet", "--set", f"experiment.trials={count}",
                            *(["--resume"] if k > 0 else [])], check=True, stdout=subprocess.DEVNULL)
    whole, halves = datasets(folder / "whole.h5"), datasets(folder / "halves.h5")
    differ = [dataset for dataset in whole if dataset not in halves or halves[dataset] != whole[dataset]]
    assert not differ, (name, differ)


def main(program, example):
    learning = ["--set", "record.trials=[]", "--set", "record.unsettled_limit=0"]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "noisy_circuit.toml").write_text(NOISY_CIRCUIT)
        example_options = ["--set", "experiment.trials=400", "--set", "record.trials=[0, 100]"]
        check(program, folder, "example", example, example_options, learning)
        for kind, text, more, unrecorded in (
            ("blocks", BLOCKS, ["--set", "record.trials=[0, 33, 100]"], learning),
            ("sparse", sparse_images.config(folder), ["--set", "record.trials=[0, 33, 70]"], learning),
            ("sparse_single", sparse_images.config(folder, "single"), ["--set", "record.trials=[0, 33, 70]"], learning),
            ("batches", BLOCKS, ["--set", "record.every=3", "--set", "learning.batch=9"], ["--set", "record.every=0", *learning]),
            ("inversion", INVERSION, ["--set", "record.every=5"], ["--set", "record.trials=[1]", "--set", "record.every=0"]),
            ("circuit", CIRCUIT, ["--set", "record.every=1"], ["--set", "record.trials=[1]", "--set", "record.every=0"]),
            ("noise", NOISE, ["--set", "record.every=1"], ["--set", "record.trials=[1]", "--set", "record.every=0"]),
            ("noisy_learning", NOISY_LEARNING, ["--set", "record.every=3"], ["--set", "record.every=0", *learning]),
        ):
            config = folder / f"{kind}.toml"
            config.write_text(text)
            check(program, folder, kind, config, more, unrecorded)
        for kind, trials in (("noise", 40), ("noisy_learning", 60)):
            check_longer(program, folder, kind, trials)


main(*sys.argv[1:])
