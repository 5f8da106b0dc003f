"""Runs that are stopped and resumed: by Ctrl-C, SIGTERM and a full disk; what may not be resumed; and two programs
on one file.

Usage: check_resume.py DYNVERT
"""

import hashlib
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np
from run_files import arrays

CONFIG = """
[experiment]
trials = 3000
fast = "off"
[task]
kind = "linear_teacher"
samples = 200
[network]
layers = [12, 9, 6]
[learning]
rate = 1e-2
[dynamics]
solver = "sequential_euler"
dt = 0.1    # short steps, in the plain form: a second or more in which to stop it
[record]
every = 10
interval = 0.5
weights_every = 25
measures = ["angle_ndi"]
commit_interval = 0.02
[[model]]
name = "DI"
credit = "sequential_inversion"
[[model]]
name = "FA"
credit = "feedback_alignment"
feedback = { kind = "random" }
"""


def assert_same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> None:
    assert a.keys() == b.keys(), a.keys() ^ b.keys()
    for name in a:
        assert a[name].shape == b[name].shape and a[name].tobytes() == b[name].tobytes(), name


def attributes(path: pathlib.Path) -> dict:
    with h5py.File(path) as file:
        return dict(file.attrs)


class Folder:
    """A folder with a configuration, and runs in it."""

    def __init__(self, program: str, folder: pathlib.Path) -> None:
        self.program, self.folder = program, folder
        self.config = folder / "run.toml"
        self.config.write_text(CONFIG)

    def command(self, output: pathlib.Path, *more: str) -> list[str]:
        return [self.program, "simulate", str(self.config), "-o", str(output), *more]

    def run(self, *arguments: str, code: int = 0, says: tuple[str, ...] = (), **options) -> str:
        result = subprocess.run(arguments, capture_output=True, text=True, check=False, **options)
        text = result.stdout + result.stderr
        assert result.returncode == code, (arguments, result)
        for part in says:
            assert part in text, (part, text)
        return text

    def start(self, output: pathlib.Path) -> subprocess.Popen:
        process = subprocess.Popen(self.command(output, "--quiet"), stderr=subprocess.PIPE, text=True)
        while not output.exists():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.002)
        return process


def check_signals(here: Folder, whole: dict[str, np.ndarray]) -> None:
    output = here.folder / "signals.h5"
    process, command = here.start(output), here.command(output, "--resume")
    trials = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        time.sleep(0.05)
        process.send_signal(number)
        errors = process.communicate()[1]
        assert process.returncode == 130 and "--resume" in errors, (process.returncode, errors)
        trials.append(int(attributes(output)["trials_committed"]))
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        # says so once the handlers are in place
        for line in process.stderr:
            if "resumes after" in line:
                break
    process.communicate()
    assert process.returncode == 0 and trials == sorted(trials) and trials[-1] < 3000, trials
    assert_same(arrays(output), whole)
    assert len(attributes(output)["resumed"].splitlines()) == 3
    print(f"signals: stopped after {trials} trials")


def check_full_disk(here: Folder, whole: dict[str, np.ndarray], size: int) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (bound, resource.RLIM_INFINITY))

    stopped = []
    for share in (0.1, 0.35, 0.6, 0.85):
        bound = int(share * size)
        output = here.folder / f"full-{bound}.h5"
        text = here.run(*here.command(output, "--quiet"), code=4, preexec_fn=limit, says=("File too large", "--resume"))
        assert text.count("\n") == 1, text
        trials = int(attributes(output)["trials_committed"])
        assert f"{trials} trials are in the file" in text, (trials, text)
        stopped.append(trials)
        # once more without room, and then with it
        here.run(*here.command(output, "--quiet", "--resume"), code=4, preexec_fn=limit, says=("File too large",))
        here.run(*here.command(output, "--quiet", "--resume"))
        assert_same(arrays(output), whole)
        output.unlink()
    print(f"a limit of the file size: stopped after {stopped} trials")


def check_small_disk(here: Folder, whole: dict[str, np.ndarray], size: int) -> None:
    """The same on a disk that is full, where this program may mount one."""
    disk = here.folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size // 2}", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        print("a small disk: not tried, it cannot be mounted here")
        return
    try:
        output = disk / "run.h5"
        here.run(*here.command(output, "--quiet"), code=4, says=("No space left on device", "trials are in the file"))
        trials = int(attributes(output)["trials_committed"])
        here.run("mount", "-o", f"remount,size={3 * size}", str(disk))
        here.run(*here.command(output, "--quiet", "--resume"))
        assert_same(arrays(output), whole)
        print(f"a small disk: stopped after {trials} trials")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def check_refusals(here: Folder, whole_file: pathlib.Path) -> None:
    output = here.folder / "refused.h5"
    here.run(*here.command(output, "--resume"), code=4, says=("does not exist", "without --resume"))
    assert not output.exists()
    here.run(*here.command(output, "--resume", "--overwrite"), code=2)
    here.run(*here.command(whole_file, "--resume"), says=("complete, 3000 trials", "nothing to resume"))
    here.run(*here.command(whole_file), code=4, says=("exists already", "--resume"))

    process = here.start(output)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    before = output.read_bytes()
    resume = here.command(output, "--resume", "--quiet")
    here.run(*resume, "--set", "model.DI.alpha=0.25", "--seed", "3", code=2,
             says=("model.DI.alpha is 0.25, in the file 0.01", "experiment.seed is 3, in the file 0"))
    here.run(*resume, "--set", "experiment.trials=2000", code=2, says=("experiment.trials is 2000, in the file 3000",))
    assert output.read_bytes() == before
    with h5py.File(output, "r+") as file:
        revision = file.attrs["source_revision"]
        file.attrs["source_revision"] = "0123456789ab"
    here.run(*resume, code=2, says=("source_revision of the program is", "0123456789ab"))
    with h5py.File(output, "r+") as file:
        file.attrs["source_revision"] = revision
        file.attrs["cpu"] = "another processor"
    here.run(*[word for word in resume if word != "--quiet"], "--threads", "2", "--set", "experiment.title=other",
             says=("another processor", "last digits", "resumes after"))
    assert_same(arrays(output), arrays(whole_file))

    diverged = here.folder / "diverged.h5"
    unstable = ["--set", "model.DI.solver=euler", "--set", "feedback.gain=1e4", "--quiet"]
    here.run(*here.command(diverged, *unstable), code=3, says=("diverged",))
    here.run(*here.command(diverged, *unstable, "--resume"), code=3, says=("has diverged and would again",))


def check_other_data(here: Folder) -> None:
    """A run whose data or weights are others than those with which it was begun is refused."""
    data = here.folder / "data.h5"

    def write(seed: int) -> str:
        random = np.random.default_rng(seed)
        with h5py.File(data, "w") as file:
            file["x"], file["t"] = random.normal(size=(50, 12)), random.normal(size=(50, 6))
        return hashlib.sha256(data.read_bytes()).hexdigest()

    first, output = write(1), here.folder / "other-data.h5"
    task = ["--set", "task.kind=dataset", "--set", "task.samples=50", "--set", f"task.path={data}"]
    command = here.command(output, "--quiet", *task, "--set", "experiment.trials=1000000")
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not output.exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.002)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    before, second = output.read_bytes(), write(2)
    here.run(*command, "--resume", code=2, says=("cannot be resumed", str(data), first, second))
    assert output.read_bytes() == before


def check_two_at_once(here: Folder) -> None:
    """A second run is refused; a reader is told so, or sees what was committed."""
    output = here.folder / "two.h5"
    process = subprocess.Popen(here.command(output, "--quiet", "--set", "experiment.trials=1000000"))
    while not output.exists():
        time.sleep(0.002)
    here.run(*here.command(output), code=4, says=("exists already",))
    here.run(*here.command(output, "--overwrite"), code=4, says=("being written by another process",))
    here.run(*here.command(output, "--resume"), code=4, says=("in use by another process",))
    here.run(here.program, "recover", str(output), code=4, says=("in use by another process",))
    here.run(here.program, "inspect", str(output), code=4, says=("being written by another process",))
    reader = """
import h5py, sys
with h5py.File(sys.argv[1]) as file:
    trials = int(file.attrs["trials_committed"])
    learning = file["models/DI/learning"]
    rows = int(learning["trial"].attrs.get("rows_committed", 0))
    assert rows == trials == len(learning["trial"]), (rows, trials)
    assert list(learning["trial"][:rows]) == list(range(rows))
    assert (learning["trial_error"][:rows] > 0).all()
    print(trials)
"""
    locked = subprocess.run(["/usr/bin/python3", "-c", reader, output], capture_output=True, text=True, check=False)
    assert "unable to lock file" in locked.stderr, locked.stderr
    # Without locks a reader may meet a commit half way; what it reads between commits is a consistent prefix.
    free = dict(os.environ, HDF5_USE_FILE_LOCKING="FALSE")
    seen = []
    for _ in range(10):
        text = subprocess.run(["/usr/bin/python3", "-c", reader, output], capture_output=True, text=True, env=free, check=False)
        if text.returncode == 0:
            seen.append(int(text.stdout))
    assert seen and seen == sorted(seen), seen
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 130
    print(f"a reader beside a run saw {seen} trials")


program = sys.argv[1]
with tempfile.TemporaryDirectory() as name:
    here = Folder(program, pathlib.Path(name))
    whole_file = here.folder / "whole.h5"
    here.run(*here.command(whole_file, "--quiet"))
    whole, size = arrays(whole_file), whole_file.stat().st_size
    check_signals(here, whole)
    check_full_disk(here, whole, size)
    check_small_disk(here, whole, size)
    check_refusals(here, whole_file)
    check_other_data(here)
    check_two_at_once(here)
