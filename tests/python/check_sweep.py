"""Sweeps: the same bits as single runs with the same keys and seeds, with any number of runs at once, stopped or not; points that fail
leave the others alone; what is wrong is refused before anything runs.

Usage: check_sweep.py DYNVERT, with the package of analysis/python on PYTHONPATH
"""

import fcntl
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import time

import dynvert
import h5py
import numpy as np
from run_files import datasets

CONFIG = """
[experiment]
trials = 300
fast = "off"
[task]
kind = "linear_teacher"
samples = 50
[network]
layers = [8, 6, 4]
[learning]
rate = 1e-2
[dynamics]
solver = "sequential_euler"
[record]
weights_every = 25
commit_interval = 0.02
[[model]]
name = "DI"
credit = "sequential_inversion"
[[model]]
name = "BP"
credit = "backprop"
"""


def assert_same(first, second):
    """The run files of two folders: their names, and all datasets, bit for bit."""
    names = sorted(path.name for path in first.glob("*.h5"))
    assert names and names == sorted(path.name for path in second.glob("*.h5")), (first, second)
    for name in names:
        assert datasets(first / name) == datasets(second / name), name


class Sweeps:
    """A folder with a configuration, and sweeps in it."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.config = folder / "run.toml"
        self.config.write_text(CONFIG)

    def command(self, output, *options):
        return [self.program, "sweep", str(self.config), "-o", str(output), "--quiet", *options]

    def run(self, output, *options, code=0, says=(), **more):
        result = subprocess.run(self.command(output, *options), capture_output=True, text=True, check=False, **more)
        text = result.stdout + result.stderr
        assert result.returncode == code, (options, result)
        for part in says:
            assert part in text, (part, text)
        return result

    def start(self, output, *options, until):
        """A sweep of which the run `until` has begun; whenever the index is read, it is whole."""
        process = subprocess.Popen(self.command(output, *options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   start_new_session=True)
        while not (output / until).exists():
            assert process.poll() is None, process.communicate()
            if (output / "sweep.csv").exists():
                dynvert.read_sweep(output)
            time.sleep(0.002)
        return process


def check_numbers(here):
    """Every run has the bits of a single simulation, whatever the number of runs at once; the index has what they say."""
    options = ["--over", "model.DI.alpha=0.01,0.1", "--over", "network.layers=[8,6,4],[8, 7, 4]", "--seeds", "4:5", "--set",
               "experiment.trials=40"]
    first, second = here.folder / "one", here.folder / "two"
    result = here.run(first, *options, "--jobs", "1")
    assert result.stdout == f"{first}: 8 runs, 8 complete\n" and not result.stderr, result
    here.run(second, *options, "--jobs", "3", "--threads", "2")
    assert_same(first, second)

    table = dynvert.read_sweep(first)
    assert list(table.columns) == ["file", "model.DI.alpha", "network.layers", "seed", "status", "trials", "train_loss_DI",
                                   "train_loss_BP"], table.columns
    assert list(table["network.layers"][:4]) == [(8, 6, 4)] * 2 + [(8, 7, 4)] * 2
    assert table["model.DI.alpha"].dtype == float and list(table["seed"]) == [4, 5] * 4
    assert (table["status"] == "complete").all() and (table["trials"] == 40).all()
    assert table.groupby(["model.DI.alpha", "network.layers"])["train_loss_DI"].mean().size == 4
    for row in table.to_dict("records"):
        with dynvert.open_run(row["file"]) as run:
            assert run.attrs["seed"] == row["seed"] and run["DI"].attrs["alpha"] == row["model.DI.alpha"]
            assert tuple(run.config["network"]["layers"]) == row["network.layers"]
            for model in ("DI", "BP"):
                assert float(run[model].eval["train_loss"][-1]) == row[f"train_loss_{model}"]

    single = here.folder / "single.h5"
    subprocess.run([here.program, "simulate", str(here.config), "-o", str(single), "--quiet", "--set", "experiment.trials=40",
                    "--set", "model.DI.alpha=0.1", "--set", "network.layers=[8, 7, 4]", "--seed", "5"], check=True,
                   stdout=subprocess.DEVNULL)
    assert datasets(single) == datasets(first / "alpha_0.1__layers_8_7_4__seed_5.h5")

    # complete runs are not run again; a part that is missing is
    before = (first / "alpha_0.01__layers_8_6_4__seed_4.h5").stat().st_mtime_ns
    (first / "alpha_0.1__layers_8_6_4__seed_5.h5").unlink()
    here.run(first, *options, "--resume", says=("8 runs, 8 complete",))
    assert (first / "alpha_0.01__layers_8_6_4__seed_4.h5").stat().st_mtime_ns == before
    assert_same(first, second)

    # more values and seeds join those that are there
    grown = here.folder / "grown"
    fewer = ["--over", "model.DI.alpha=0.1", "--over", "network.layers=[8, 7, 4]", "--seeds", "5", "--set", "experiment.trials=40"]
    here.run(grown, *fewer, says=("1 runs, 1 complete",))
    before = (grown / "alpha_0.1__layers_8_7_4__seed_5.h5").stat().st_mtime_ns
    here.run(grown, *options, "--resume", says=("8 runs, 8 complete",))
    assert (grown / "alpha_0.1__layers_8_7_4__seed_5.h5").stat().st_mtime_ns == before
    assert_same(first, grown)
    here.run(grown, *fewer, "--resume", code=2, says=("another sweep", "is there, and not here"))
    return options, first


def check_refusals(here, options, done):
    """Existing sweeps stay as they are unless asked, and are resumed only as what they are."""
    before = {path.name: path.read_bytes() for path in done.iterdir()}
    here.run(done, *options, code=4, says=("exists already", "--resume", "--overwrite"))
    others = options[:1] + ["model.DI.alpha=0.01,0.2"] + options[2:]
    here.run(done, *others, "--resume", code=2, says=("another sweep", "alpha_0.1__layers_8_6_4__seed_4.h5 is there, and not here"))
    here.run(done, *others, "--overwrite", code=4, says=("another sweep", "alpha_0.1"))
    here.run(done, *options[2:], "--resume", code=2, says=("swept there: model.DI.alpha, network.layers",))
    here.run(done, *options, "--set", "learning.rate=0.005", "--resume", code=2, says=("learning.rate is 0.005, in the file 0.01",))
    here.run(done, *options, "--over", "learning.rate=-1,1", "--resume", code=2, says=("rate=-1", "learning.rate=-1"))
    assert {path.name: path.read_bytes() for path in done.iterdir()} == before
    here.run(done, *options, "--set", "learning.rate=0.005", "--overwrite", says=("8 complete",))
    with dynvert.open_run(dynvert.read_sweep(done)["file"][7]) as run:
        assert run.config["learning"]["rate"] == 0.005

    if os.geteuid() != 0:  # root may write anywhere
        closed = here.folder / "closed"
        closed.mkdir(mode=0o500)
        here.run(closed, *options, code=4, says=("Permission denied",))
    here.run(pathlib.Path("/proc/sweep"), *options, code=4, says=("/proc/sweep",))

    for text in ("", "file\n", "file,seed,status,trials\nx,y,z\n", 'file,seed,status,trials\n"x', "file,seed,status,trials\nx,y,complete,1\n"):
        (here.folder / "sweep.csv").write_text(text)
        try:
            dynvert.read_sweep(here.folder)
            raise AssertionError(f"reads {text!r}")
        except dynvert.FileError as error:
            assert "sweep.csv" in str(error) and "\n" not in str(error), error
    (here.folder / "sweep.csv").unlink()


def check_stopped(here):
    """Ctrl-C, SIGTERM and kill -9; what is resumed ends as what was never stopped. Two sweeps at once."""
    options = ["--seeds", "1:4", "--jobs", "2"]
    endless = here.folder / "endless"
    process = here.start(endless, *options, "--set", "experiment.trials=1000000", until="seed_2.h5")
    here.run(endless, *options, "--resume", code=4, says=("in use by another sweep",))
    here.run(endless, *options, "--overwrite", code=4, says=("in use by another sweep",))
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    out, errors = process.communicate()
    assert process.returncode == 130 and "--resume continues" in errors, (process.returncode, errors)
    assert "4 runs, 2 interrupted, 2 not run" in out, out
    # each was told once: a second time would have ended it without a word
    assert errors.count("interrupted after") == 3, errors
    table = dynvert.read_sweep(endless)
    assert list(table["status"]) == ["interrupted"] * 2 + ["not run"] * 2 and list(table["trials"][2:]) == [0, 0], table
    for row in table.to_dict("records")[:2]:
        assert row["trials"] == h5py.File(row["file"]).attrs["trials_committed"], row

    options += ["--set", "experiment.trials=2000"]
    whole, output = here.folder / "whole", here.folder / "stopped"
    here.run(whole, *options)
    for number, until in ((signal.SIGINT, "seed_2.h5"), (signal.SIGTERM, "seed_3.h5"), (signal.SIGKILL, "seed_4.h5")):
        process = here.start(output, *options, *(["--resume"] if output.exists() else []), until=until)
        process.send_signal(number)
        process.communicate()
        assert process.returncode == (-number if number == signal.SIGKILL else 130), process.returncode
        # the runs of a sweep that was killed stop by themselves, and the folder is free when the last is gone
        folder = os.open(output, os.O_RDONLY)
        fcntl.flock(folder, fcntl.LOCK_EX)
        os.close(folder)
        for row in dynvert.read_sweep(output).to_dict("records"):
            if row["status"] == "complete":
                with dynvert.open_run(row["file"]) as run:
                    assert run.complete
            assert (row["status"] == "not run") == (not os.path.exists(row["file"])), row
    here.run(output, *options, "--resume", says=("4 runs, 4 complete",))
    assert_same(output, whole)


def check_failures(here):
    """A run that diverges, one that is killed, one whose disk is full: the others go on."""
    output = here.folder / "diverged"
    options = ["--over", "feedback.gain=1,1e6,2", "--set", "experiment.trials=20", "--jobs", "2"]
    for more in ([], ["--resume"]):
        result = here.run(output, *options, *more, code=3, says=("3 runs, 2 complete, 1 diverged", "gain_1e6: diverged, exit code 3"))
        # not run again
        assert ("model DI, trial 0" in result.stderr) == (not more), result.stderr
    table = dynvert.read_sweep(output)
    assert list(table["status"]) == ["complete", "diverged", "complete"] and np.isfinite(table["train_loss_DI"][2])

    output = here.folder / "full"
    options = ["--over", "record.every=1,0", "--set", "experiment.trials=100"]
    here.run(output, *options, code=4, says=("every_1: ", "File too large", "2 runs, 1 complete, 1 failed"),
             preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, resource.RLIM_INFINITY)))
    here.run(output, *options, "--resume", says=("2 runs, 2 complete",))

    output = here.folder / "killed"
    options = ["--seeds", "1:3", "--jobs", "1", "--set", "experiment.trials=1000"]
    process = here.start(output, *options, until="seed_2.h5")
    for child in pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        os.kill(int(child), signal.SIGKILL)
    out, errors = process.communicate()
    assert process.returncode == 4 and "3 runs, 2 complete, 1 failed" in out and "signal 9 (Killed)" in errors, (out, errors)
    here.run(output, *options, "--resume", says=("3 runs, 3 complete",))

    # every run reads the configuration: one that changes meanwhile is not run
    output = here.folder / "changed"
    process = here.start(output, *options, until="seed_1.h5")
    here.config.write_text(CONFIG.replace("1e-2", "1e-3"))
    out, errors = process.communicate()
    assert process.returncode == 2 and "has changed since the sweep began" in errors and "not run" in out, (out, errors)
    here.run(output, *options, "--resume", code=2, says=("learning.rate",))
    here.config.write_text(CONFIG)
    here.run(output, *options, "--resume", says=("3 runs, 3 complete",))
    assert_same(output, here.folder / "killed")


def check_words(here):
    """Progress and notes, and neither where they are not wanted."""
    command = here.command(here.folder / "words", "--seeds", "1,2", "--set", "experiment.trials=5", "--set", "dynamics.solver=rk4",
                           "--set", "model.DI.solver=sequential_euler")
    result = subprocess.run([word for word in command if word != "--quiet"], capture_output=True, text=True, check=True)
    lines = result.stderr.splitlines()
    assert len(lines) == 2 and "note: " in lines[0] and lines[1].startswith("run 2/2, 0 running, trial 10/10 (100 %)"), lines
    assert not here.run(here.folder / "no-words", *command[6:]).stderr
    again = subprocess.run([*(word for word in command if word != "--quiet"), "--resume"], capture_output=True, text=True, check=True)
    assert again.stderr.splitlines() == lines[:1] and again.stdout == result.stdout, again


program = sys.argv[1]
with tempfile.TemporaryDirectory() as name:
    sweeps = Sweeps(program, pathlib.Path(name))
    for check in (lambda: check_refusals(sweeps, *check_numbers(sweeps)), lambda: check_stopped(sweeps), lambda: check_failures(sweeps),
                  lambda: check_words(sweeps)):
        start = time.monotonic()
        check()
        print(f"{time.monotonic() - start:.1f} s")
