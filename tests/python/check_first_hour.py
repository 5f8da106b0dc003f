"""What people meet in their first hour with a program: words misspelt, limits of the machine, runs stopped and made longer.

Usage: check_first_hour.py DYNVERT [NAME..]    (names of tests: part of the functions' names)
"""

import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import h5py
import numpy as np

SMALL = """
[experiment]
trials = 40
seed = 3
[task]
kind = "linear_teacher"
samples = 40
[network]
layers = [6, 4, 2]
[learning]
rate = 5e-3
[dynamics]
solver = "sequential_euler"
dt = 0.5
duration = 50.0
[record]
trials = [0, 39]
measures = ["angle_ndi", "settling_time", "spectral_abscissa"]
[[model]]
name = "DI"
credit = "sequential_inversion"
"""
UNIT = """
[dynamics]
solver = "dopri5"
dt = 0.2
duration = 1.0
[[population]]
name = "A"
initial = 1.0
[[input]]
population = "A"
amplitude = 0.5
"""
LONG = """
[experiment]
trials = 3
[dynamics]
solver = "euler"
dt = 1e-5
duration = 10000
max_steps = 1000000000
[record]
interval = 1
[[population]]
name = "A"
initial = 1.0
"""
# flock as on a file system without locks
NO_LOCKS = """
#include <errno.h>
int flock(int descriptor, int operation) { (void)descriptor; (void)operation; errno = ENOLCK; return -1; }
"""


class Folder:
    def __init__(self, program: str, path: pathlib.Path) -> None:
        self.program, self.path = program, path
        for name, text in (("small", SMALL), ("unit", UNIT), ("long", LONG)):
            (path / f"{name}.toml").write_text(text)

    def run(self, *words: str, code: int = 0, says: tuple[str, ...] = (), **options) -> str:
        result = subprocess.run([self.program, *words], cwd=self.path, capture_output=True, text=True, check=False, timeout=300,
                                **options)
        text = result.stdout + result.stderr
        assert result.returncode == code, (words, result)
        for part in says:
            assert part in text, (part, text)
        return text


def datasets(path: pathlib.Path) -> dict[str, bytes]:
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: (item.shape, item[()].tobytes())})
                        if isinstance(item, h5py.Dataset) else None)
    return found


def test_words(here: Folder) -> None:
    here.run("simulat", code=2, says=('did you mean "simulate"?',))
    here.run("small.toml", code=2, says=("did you mean: dynvert simulate small.toml",))
    here.run("small.h5", code=2, says=("did you mean: dynvert inspect small.h5",))
    here.run("simulate", "small.toml", "--overwite", code=2, says=("has no option --overwite; did you mean --overwrite?",))
    here.run("--version", says=("dynvert 0.",))


def test_odd_places(here: Folder) -> None:
    here.run("check", "-", says=("linear_teacher",), input=SMALL)
    here.run("check", "/dev/stdin", says=("linear_teacher",), input=SMALL)
    here.run("sweep", "-", "--seeds", "1:2", "-o", "runs", code=2, says=("only once",), input=SMALL)
    gone = here.path / "gone"
    gone.mkdir()
    result = subprocess.run(["sh", "-c", f'cd "{gone}" && rmdir "{gone}" && "{here.program}" check "{here.path}/small.toml"'],
                            capture_output=True, text=True, check=False)
    assert result.returncode == 4 and "the current folder: No such file" in result.stderr, result
    # names of columns have more before them, and MATLAB takes 63 letters
    here.run("check", "small.toml", "--set", f"model.DI.name={'n' * 49}", code=2, says=("at most 48",))
    here.run("simulate", "small.toml", "--set", f"model.DI.name={'n' * 48}", "-o", "names.h5")
    here.run("export", "names.h5", "-o", "names.mat")


def test_starters(here: Folder) -> None:
    for kind in ("classification", "regression", "inversion", "circuit"):
        here.run("new", kind, says=(f"{kind}.toml",))
        text = here.run("simulate", f"{kind}.toml", "-o", f"{kind}.h5", "--quiet")
        assert "failed" not in text
        here.run("new", kind, code=4, says=("exists already",))
    here.run("new", "clasification", code=2, says=('did you mean "classification"?',))
    here.run("plot", "circuit.h5", "-o", "figures", "--formats", "png", says=("figures/",))
    here.run("plot", "--help", says=("usage: dynvert plot",))
    here.run("plot", "none.h5", code=4, says=("none.h5: there is no such file",))
    here.run("plot", "circuit.h5", "--formats", "png", "--only", "transient", says=("transient",), env={"PATH": "/nowhere"})


def test_configuration_of_a_file(here: Folder) -> None:
    here.run("simulate", "small.toml", "--set", "learning.rate=0.004", "-o", "a.h5")
    text = here.run("config", "a.h5")
    assert "rate = 0.004" in text
    (here.path / "again.toml").write_text(text)
    here.run("simulate", "again.toml", "-o", "b.h5")
    assert datasets(here.path / "a.h5") == datasets(here.path / "b.h5")
    here.run("simulate", "a.h5", code=2, says=("is a file of HDF5", "--resume", "dynvert config a.h5"))
    here.run("simulate", "a.h5", "--resume", says=("complete, 40 trials; nothing to resume",))
    (here.path / "again.toml").unlink()
    here.run("simulate", "again.toml", "-o", "b.h5", "--resume", code=2, says=("dynvert simulate b.h5 --resume",))
    # what differs is shown with the digits that it has
    differs = here.run("simulate", "small.toml", "-o", "a.h5", "--resume", code=2, says=("learning.rate is 0.005, in the file 0.004",))
    assert "0000000" not in differs


def test_unset_and_idle_keys(here: Folder) -> None:
    here.run("check", "small.toml", "--unset", "record.trials", "--set", "record.every=20")
    here.run("check", "small.toml", "--unset", "record")
    here.run("check", "small.toml", "--unset", "record.tirals", code=2, says=('"trials"',))
    here.run("check", "small.toml", "--unset", "model.DJ", code=2, says=('"DI"',))
    # dt is what the solver of the file needs, and nothing of that of the --set
    text = here.run("check", "unit.toml", "--set", "dynamics.solver=fixed_point")
    for key in ("dt", "duration"):
        assert re.search(rf"note: unit.toml:\d+: dynamics.{key} does not apply with .*left out", text), text
    # what the --set itself says in vain is an error
    here.run("check", "unit.toml", "--set", "dynamics.solver=fixed_point", "--set", "dynamics.dt=0.1", code=2,
             says=("--set dynamics.dt=0.1: dynamics.dt: does not apply",))
    # and so is what the file itself says in vain
    (here.path / "vain.toml").write_text(UNIT.replace("dopri5", "fixed_point"))
    here.run("check", "vain.toml", "--set", "population.A.initial=2", code=2, says=("does not apply",))


def test_longer_run(here: Folder) -> None:
    (here.path / "learn.toml").write_text(SMALL.replace("trials = [0, 39]", "every = 7\nweights_every = 15"))
    here.run("simulate", "learn.toml", "-o", "short.h5")
    here.run("simulate", "learn.toml", "--set", "experiment.trials=100", "-o", "whole.h5")
    here.run("simulate", "learn.toml", "--set", "experiment.trials=100", "-o", "short.h5", "--resume",
             says=("resumes after 40 of 100",))
    assert datasets(here.path / "short.h5") == datasets(here.path / "whole.h5")
    with h5py.File(here.path / "short.h5") as file:
        assert file.attrs["complete"] == 1 and file.attrs["trials_committed"] == 100 and "trials = 100" in file.attrs["config"]
    # the file alone is enough, and fewer are refused
    here.run("simulate", "short.h5", "--resume", "--set", "experiment.trials=120", says=("resumes after 100 of 120",))
    here.run("simulate", "short.h5", "--resume", "--set", "experiment.trials=90", code=2, says=("experiment.trials is 90",))
    # circuits, and sweeps
    for name, trials in (("c.h5", "3"), ("d.h5", "8")):
        here.run("simulate", "unit.toml", "--set", f"experiment.trials={trials}", "-o", name)
    here.run("simulate", "c.h5", "--resume", "--set", "experiment.trials=8")
    assert datasets(here.path / "c.h5") == datasets(here.path / "d.h5")
    here.run("sweep", "small.toml", "--seeds", "1:2", "-o", "runs", "--quiet")
    here.run("sweep", "small.toml", "--seeds", "1:2", "-o", "runs", "--quiet", "--resume", "--set", "experiment.trials=60",
             says=("2 complete",))
    assert ",60," in (here.path / "runs/sweep.csv").read_text()


def test_file_system_without_locks(here: Folder) -> None:
    compiler = shutil.which("gcc") or shutil.which("cc") or shutil.which("clang-14")
    (here.path / "nolock.c").write_text(NO_LOCKS)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", "nolock.so", "nolock.c"], cwd=here.path, check=True)
    without = {**os.environ, "LD_PRELOAD": str(here.path / "nolock.so")}
    here.run("simulate", "small.toml", "-o", "n.h5", env=without, says=("has no locks", "40 trials"))
    here.run("inspect", "n.h5", env=without, says=("has no locks", "DI"))
    here.run("simulate", "small.toml", "-o", "n.h5", "--overwrite", "--quiet", env=without)
    here.run("sweep", "small.toml", "--seeds", "1:2", "-o", "s", env=without, says=("2 complete",))
    assert (here.path / "s/sweep.csv").read_text().count("complete") == 2


def test_memory(here: Folder) -> None:
    def limit(bytes_: int):
        return lambda: resource.setrlimit(resource.RLIMIT_AS, (bytes_, bytes_))
    # the buffers of OpenBLAS: 128 MB for each thread
    here.run("simulate", "small.toml", "-o", "m.h5", code=4, preexec_fn=limit(200_000_000), says=("ulimit -v",))
    here.run("simulate", "small.toml", "-o", "m.h5", "--threads", "8", code=4, preexec_fn=limit(900_000_000),
             says=("8 threads", "fewer --threads"))
    here.run("simulate", "small.toml", "-o", "m.h5", preexec_fn=limit(900_000_000))
    # a settling time asks for samples, but not for each of half a million steps
    common = ("--set", "dynamics.solver=euler", "--set", "record.interval=1", "--set", "experiment.trials=1", "--set",
              "record.trials=[0]", "--set", "model.DI.alpha=1")
    sizes = []
    for name, dt in (("coarse", "1e-2"), ("fine", "1e-4")):
        program = ["import resource, subprocess, sys; code = subprocess.call(sys.argv[1:]); "
                   "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr); sys.exit(code)"]
        result = subprocess.run([sys.executable, "-c", *program, here.program, "simulate", "small.toml", "-o", f"{name}.h5", "--quiet",
                                 *common, "--set", f"dynamics.dt={dt}"], cwd=here.path, capture_output=True, text=True, check=True)
        sizes.append(int(result.stderr))
    assert sizes[1] < sizes[0] + 20_000, sizes  # kB; all steps would take 60 MB
    with h5py.File(here.path / "fine.h5") as fine, h5py.File(here.path / "coarse.h5") as coarse:
        name = "models/DI/learning/settling_time_2"
        assert abs(fine[name][0] - coarse[name][0]) < 0.1 and np.isfinite(fine[name][0]), (fine[name][0], coarse[name][0])
    # the spectrum of 20,000 units would take 3.2 GB
    here.run("simulate", "unit.toml", "--set", "population.A.units=20000", "-o", "large.h5", preexec_fn=limit(900_000_000),
             says=("at most 4000",))
    # ten thousand million samples are refused before room is made for them
    here.run("check", "unit.toml", "--set", "dynamics.duration=1e9", "--set", "dynamics.dt=0.1", code=2,
             preexec_fn=limit(900_000_000), says=("1e+10 samples of a trace", "record.interval"))


def test_interrupted_in_a_long_trial(here: Folder) -> None:
    process = subprocess.Popen([here.program, "simulate", "long.toml", "-o", "long.h5"], cwd=here.path, stderr=subprocess.PIPE,
                               text=True)
    while not (here.path / "long.h5").exists():
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    # the trial would take minutes
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and "interrupted after 0 of 3 trials" in errors, (process.returncode, errors)
    with h5py.File(here.path / "long.h5") as file:
        assert file.attrs["status"] == "interrupted" and file.attrs["trials_committed"] == 0
    shorter = LONG.replace("duration = 10000", "duration = 20")
    (here.path / "long.toml").write_text(shorter)
    here.run("simulate", "long.toml", "-o", "whole.h5")
    process = subprocess.Popen([here.program, "simulate", "long.toml", "-o", "part.h5", "--quiet"], cwd=here.path)
    while not (here.path / "part.h5").exists():
        time.sleep(0.002)
    process.send_signal(signal.SIGTERM)
    assert process.wait() in (0, 130)
    here.run("simulate", "part.h5", "--resume")
    assert datasets(here.path / "part.h5") == datasets(here.path / "whole.h5")


def test_two_signals_at_once(here: Folder) -> None:
    process = subprocess.Popen([here.program, "sweep", "small.toml", "--seeds", "1:2", "--set", "experiment.trials=10000000",
                                "--jobs", "2", "-o", "two"], cwd=here.path, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    files = [here.path / "two" / f"seed_{seed}.h5" for seed in (1, 2)]
    while not all(file.exists() for file in files):
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) == 130
    index = [line.split(",") for line in (here.path / "two/sweep.csv").read_text().splitlines()[1:]]
    for line, file in zip(index, files):
        with h5py.File(file) as opened:
            assert int(line[3]) == opened.attrs["trials_committed"] > 0, (line, file)


def test_report_within_its_size(here: Folder) -> None:
    (here.path / "many.toml").write_text(SMALL.replace("trials = 40", "trials = 1600", 1).replace("trials = [0, 39]", "every = 1")
                                         .replace('"angle_ndi", "settling_time", "spectral_abscissa"', ""))
    here.run("simulate", "many.toml", "-o", "many.h5", "--quiet")
    for size in ("1", "2.5"):
        result = subprocess.run([here.program, "report", "many.h5", "-o", f"many{size}.html", "--max-size", size], cwd=here.path,
                                capture_output=True, text=True, check=False)
        if "without uPlot" in result.stderr:
            return
        assert result.returncode == 0, result
        bytes_ = (here.path / f"many{size}.html").stat().st_size
        assert 0.5 * float(size) * 1e6 < bytes_ <= float(size) * 1e6, bytes_


def main() -> int:
    program = str(pathlib.Path(sys.argv[1]).resolve())
    wanted = sys.argv[2:]
    for name, test in list(globals().items()):
        if not name.startswith("test_") or (wanted and not any(word in name for word in wanted)):
            continue
        with tempfile.TemporaryDirectory() as folder:
            test(Folder(program, pathlib.Path(folder)))
        print(name, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
