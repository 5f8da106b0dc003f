"""dynvert.simulate: the numbers of the program bit for bit, in a file and in memory; Ctrl-C, and what goes on meanwhile; two runs
at once.

Usage: module_runs.py DYNVERT SOURCE_DIR
"""

import io
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
import unittest
from unittest import mock

import dynvert
import dynvert.progress
import h5py
import numpy as np
from dynvert.toml import to_toml

from module_cases import CIRCUIT, SMALL, TemporaryFolder
from run_files import datasets

PROGRAM, SOURCE = sys.argv[1], pathlib.Path(sys.argv[2])
del sys.argv[1:3]
EXAMPLES = SOURCE / "examples"

class Folder(TemporaryFolder):
    def program(self, *words):
        subprocess.run([PROGRAM, "simulate", *map(str, words), "--quiet"], check=True, stdout=subprocess.DEVNULL)

    def same_bits(self, one, other):
        one, other = datasets(one), datasets(other)
        self.assertEqual(list(one), list(other))
        self.assertGreater(len(one), 5)
        for name in one:
            self.assertEqual(one[name], other[name], name)


class Numbers(Folder):
    def test_a_file_has_the_bits_of_the_program(self):
        for example in ("smallest", "excitatory_inhibitory", "figure_1_transients", "predictive_coding"):
            with self.subTest(example):
                theirs, ours = self.folder / f"{example}.h5", self.folder / f"{example}_python.h5"
                trials = {"experiment.trials": 40} if example in ("smallest", "predictive_coding") else {}
                path = EXAMPLES / f"{example}.toml"
                words = [w for key, value in trials.items() for w in ("--set", f"{key}={value}")]
                if example == "smallest":
                    trials, words = {**trials, "record.trials": [0]}, [*words, "--set", "record.trials=[0]"]
                self.program(path, "-o", theirs, "--seed", 4, "--threads", 2, *words)
                with dynvert.simulate(path, set=trials, seed=4, threads=2, output=ours) as run:
                    self.assertTrue(run.complete)
                self.same_bits(theirs, ours)

    def test_memory_has_the_bits_of_a_file(self):
        for config in (SMALL, CIRCUIT):
            path = self.folder / f"{'circuit' if config is CIRCUIT else 'small'}.h5"
            dynvert.simulate(config, output=path).close()
            with dynvert.simulate(config) as run, h5py.File(path) as file:
                names = []
                file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
                self.assertGreater(len(names), 5)
                for name in names:
                    self.assertEqual(run.file[name][...].tobytes(), file[name][...].tobytes(), name)
                with dynvert.open_run(path) as opened:
                    self.assertEqual(run.models, opened.models)
                    for model in run:
                        for part in ("learning", "eval", "weights", "trace", "grid"):
                            self.assertTrue(getattr(model, part).identical(getattr(opened[model.name], part)), part)

    def test_a_dict_is_the_file_that_says_the_same(self):
        path = self.folder / "small.toml"
        path.write_text(to_toml(SMALL))
        self.program(path, "-o", self.folder / "file.h5")
        dynvert.simulate(SMALL, output=self.folder / "dict.h5").close()
        self.same_bits(self.folder / "file.h5", self.folder / "dict.h5")

    def test_seeds_differ_and_repeat(self):
        def loss(seed):
            with dynvert.simulate(SMALL, seed=seed) as run:
                return run["DI"].eval["train_loss"].values.tobytes()

        self.assertEqual(loss(7), loss(7))
        self.assertNotEqual(loss(7), loss(8))

    def test_set_and_unset(self):
        with dynvert.simulate(SMALL, set={"model.DI.alpha": 0.125, "model.DI.solver": "rk4"}, unset=["record.trials"]) as run:
            self.assertEqual(run["DI"].attrs["alpha"], 0.125)
            self.assertEqual(run["DI"].config["solver"], "rk4")
            self.assertEqual(run["DI"].trace.sizes["record"], 0)
            self.assertIn("dynvert.simulate(", run.attrs["command"])

    def test_nothing_of_the_memory_is_left(self):
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            dynvert.simulate(CIRCUIT).close()
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)

    def test_numpy_keeps_its_threads(self):
        # OpenBLAS is NumPy's library, too; what it says of its threads is what NumPy computes with
        threads = "import ctypes; blas = ctypes.CDLL('libopenblas.so.0'); blas.openblas_set_num_threads(2); "
        script = threads + f"import dynvert; dynvert.simulate({CIRCUIT!r}).close(); print(blas.openblas_get_num_threads())"
        environment = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS")}
        out = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
        self.assertEqual(out.stdout.strip(), "2" if (os.cpu_count() or 1) > 1 else "1")

    def test_circuits_that_come_with_it_are_found(self):
        config = {**SMALL, "record": {}, "model": [{"name": "KP", "circuit": "kolen_pollack.toml"}]}
        with dynvert.simulate(config) as run:
            self.assertTrue(run.complete)


class Arrays(Folder):
    """In place of the names of files."""

    def setUp(self):
        super().setUp()
        draw = np.random.default_rng(1)
        self.arrays = {"x": draw.normal(size=(40, 6)), "t": draw.normal(size=(40, 3))}
        self.weights = {f"W{l}": draw.normal(size=n) for l, n in ((1, (5, 6)), (2, (3, 5)))}
        network = {"layers": [6, 5, 3], "init": {"kind": "file", "path": self.weights}}
        self.config = {**SMALL, "task": {"kind": "dataset", "path": self.arrays}, "network": network}

    def test_they_are_the_files_that_hold_them(self):
        named = {**self.config, "task": {**self.config["task"]}, "network": {**self.config["network"]}}
        for table, key, values in (("task", "path", self.arrays), ("network", "init", self.weights)):
            with h5py.File(self.folder / f"{table}.h5", "w") as file:
                for name, array in values.items():
                    file[name] = array
            path = str(self.folder / f"{table}.h5")
            named[table][key] = path if key == "path" else {"kind": "file", "path": path}
        dynvert.simulate(named, output=self.folder / "named.h5").close()
        with dynvert.simulate(self.config) as run, dynvert.open_run(self.folder / "named.h5") as other:
            self.assertTrue(run["DI"].eval.identical(other["DI"].eval))
            self.assertTrue(run["DI"].weights.identical(other["DI"].weights))
            np.testing.assert_array_equal(run["DI"].weights["W1"].sel(snapshot=0), self.weights["W1"])

    def test_beside_an_output_they_stay_for_who_resumes(self):
        output = self.folder / "run.h5"
        dynvert.simulate(self.config, output=output).close()
        made = {p.name for p in self.folder.iterdir()}
        self.assertEqual(made, {"run.h5", "run.task.path.h5", "run.network.init.path.h5"})
        more = {"experiment.trials": 80}
        dynvert.simulate(output, set=more, resume=True).close()
        dynvert.simulate(self.config, set={"experiment.trials": 90}, output=output, resume=True).close()
        self.arrays["x"] += 1
        with self.assertRaises(dynvert.ValueError):  # other data
            dynvert.simulate(self.config, set={"experiment.trials": 100}, output=output, resume=True)
        dynvert.simulate(output, set={"experiment.trials": 100}, resume=True).close()  # whose own are still there
        output.unlink()
        with self.assertRaises(dynvert.IoError):
            dynvert.simulate(self.config, output=output)
        dynvert.simulate(self.config, output=output, overwrite=True).close()

    def test_in_what_is_set(self):
        with dynvert.simulate(SMALL, set={"task.kind": "dataset", "task.path": self.arrays}, unset=["task.samples"]) as run:
            self.assertEqual(run.attrs["complete"], 1)

    def test_what_is_wrong_with_them(self):
        with self.assertRaises(dynvert.IoError):
            dynvert.simulate({**self.config, "task": {"kind": "dataset", "path": {"x": self.arrays["x"]}}})


# long enough that nobody waits for its end
LONG = {**SMALL, "experiment": {"trials": 100_000_000}, "record": {"trials": [0], "evaluate_every": 1_000_000}}
INTERRUPTED = """
import sys, dynvert
try:
    dynvert.simulate({config!r}, output={output!r})
except KeyboardInterrupt as error:
    print(*error.__notes__)
    sys.exit(5)
"""


class Interruption(Folder):
    def interrupt(self, config, output):
        script = INTERRUPTED.format(config=config, output=str(output))
        process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        while not output.exists():  # it is under way
            self.assertIsNone(process.poll())
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        told = process.communicate()[0]
        self.assertEqual(process.returncode, 5)
        return told

    def test_ctrl_c_keeps_what_was_done_and_it_resumes(self):
        output = self.folder / "long.h5"
        self.assertIn("resume=True", self.interrupt(LONG, output))
        with dynvert.open_run(output) as run:
            self.assertEqual(run.attrs["status"], "interrupted")
            done = run.attrs["trials_committed"]
            self.assertEqual(run["DI"].learning.sizes["trial"], done)

    def test_a_run_that_was_stopped_ends_with_the_same_bits(self):
        # progress is called between blocks; what it raises stops the run as Ctrl-C does
        class Stop(Exception):
            pass

        class Once:
            def __call__(self, report):
                raise Stop

            def close(self):
                pass

        output, whole = self.folder / "stopped.h5", self.folder / "whole.h5"
        longer = {**SMALL, "experiment": {"trials": 8_000}}
        with mock.patch.object(dynvert.progress, "shown", lambda trials: Once()), self.assertRaises(Stop):
            dynvert.simulate(longer, output=output, progress=True)
        with dynvert.open_run(output) as run:
            self.assertLess(run.attrs["trials_committed"], 8_000)
        with dynvert.simulate(output, resume=True) as run:
            self.assertTrue(run.complete)
        dynvert.simulate(longer, output=whole).close()
        self.same_bits(output, whole)
        with dynvert.simulate(longer, output=output, resume=True) as run:  # nothing is left to do
            self.assertTrue(run.complete)

    def test_ctrl_c_within_a_long_trial(self):
        # one trial of 1e9 steps: it is given up in the middle
        dynamics = {"solver": "euler", "dt": 1e-3, "duration": 1e6, "max_steps": 10**9}
        config = {**CIRCUIT, "dynamics": dynamics, "record": {"interval": 1e5}}
        del config["input"]
        self.assertIn("interrupted after 0 of 3 trials", self.interrupt(config, self.folder / "trial.h5"))

    def test_the_handler_of_signals_is_still_pythons(self):
        before = signal.getsignal(signal.SIGINT)
        dynvert.simulate(CIRCUIT).close()
        self.assertIs(signal.getsignal(signal.SIGINT), before)


class Threads(Folder):
    def test_python_goes_on_meanwhile(self):
        # without the GIL's release the thread would not count before the run has ended
        counted, ended = [0], threading.Event()

        def count():
            while not ended.is_set():
                counted[0] += 1
                time.sleep(0.001)

        counter = threading.Thread(target=count)
        counter.start()
        before = counted[0]
        dynvert.simulate(SMALL, set={"experiment.trials": 2_000}).close()
        self.assertGreater(counted[0], before)
        ended.set()
        counter.join()

    def test_two_at_once_have_the_numbers_of_each_alone(self):
        data = self.folder / "data.h5"
        with h5py.File(data, "w") as file:
            draw = np.random.default_rng(1)
            file["x"], file["t"] = draw.normal(size=(40, 6)), draw.normal(size=(40, 3))
        # one reads a file of HDF5 in a child process while the other writes one
        reads = {**SMALL, "task": {"kind": "dataset", "path": str(data)}}
        configs = [SMALL, reads]
        for k, config in enumerate(configs):
            dynvert.simulate(config, seed=3, set={"experiment.trials": 500}, output=self.folder / f"alone{k}.h5").close()
        faults = []

        def work(k, config):
            try:
                for _ in range(4):
                    path = self.folder / f"together{k}.h5"
                    dynvert.simulate(config, seed=3, set={"experiment.trials": 500}, output=path, overwrite=True).close()
            except BaseException as fault:
                faults.append(fault)

        workers = [threading.Thread(target=work, args=item) for item in enumerate(configs)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.assertEqual(faults, [])
        for k in range(2):
            self.same_bits(self.folder / f"alone{k}.h5", self.folder / f"together{k}.h5")


class Progress(unittest.TestCase):
    def test_the_last_report_is_of_the_last_trial(self):
        reports = []

        class Kept:
            def __call__(self, report):
                reports.append(report)

            def close(self):
                reports.append(None)

        with mock.patch.object(dynvert.progress, "shown", lambda trials: Kept()):
            dynvert.simulate(SMALL, progress=True).close()
        self.assertIsNone(reports.pop())
        last = reports[-1]
        self.assertEqual((last["trials_done"], last["trials"], last["first"]), (60, 60, 0))
        self.assertEqual([name for name, _ in last["loss"]], ["DI", "BP"])
        self.assertTrue(last["text"].startswith("trial 60/60 (100 %)"))

    def test_both_forms(self):
        report = {"trials_done": 5, "trials": 5, "first": 0, "loss": [("DI", 0.5)], "text": "trial 5/5"}
        shown, sys.stderr = sys.stderr, io.StringIO()
        try:
            line = dynvert.progress._Line()
            line(report)
            line.close()
            text = sys.stderr.getvalue()
        finally:
            sys.stderr = shown
        self.assertEqual(text, "trial 5/5\n")

        class Tqdm:
            n = 0

            def __init__(self, **options):
                self.options, self.closed = options, False

            def set_postfix(self, values, refresh):
                self.postfix = values

            def update(self, n):
                self.n += n

            def close(self):
                self.closed = True

        bar = dynvert.progress._Bar(Tqdm, 5)
        bar({**report, "trials_done": 2, "first": 1})
        bar(report)
        bar.close()
        self.assertEqual((bar._bar.n, bar._bar.initial, bar._bar.postfix, bar._bar.closed), (5, 1, {"loss DI": "0.5"}, True))


if __name__ == "__main__":
    unittest.main()
