"""Data as people have them: one data set, written with h5py in many ways, is learned with the same numbers; and what
cannot be read is refused by check with the words of simulate, which name the key that would read it.

Usage: check_data.py DYNVERT
"""

import json
import pathlib
import struct
import subprocess
import sys
import tempfile

import h5py
import numpy as np

DYNVERT = sys.argv[1]
CONFIG = """
[experiment]
trials = 24
[task]
kind = "dataset"
path = "mine.h5"
{task}
[network]
layers = [6, 4, {outputs}]
output = "{output}"
[learning]
rate = 1e-5
[record]
evaluate_every = 8
[[model]]
name = "BP"
credit = "backprop"
"""
random = np.random.default_rng(1)
# whole numbers that every type holds
X = random.integers(0, 100, (12, 6))
LABELS = np.arange(12) % 3
T = random.integers(-3, 4, (12, 3))
ONE_HOT = np.eye(3)[LABELS]


def matlab_file(path, **arrays):
    """As save(.., "-v7.3") writes: a userblock, all axes reversed, vectors as matrices, the class as an attribute."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            matrix = np.atleast_2d(array)
            dataset = file.create_dataset(name, data=matrix.T, chunks=matrix.T.shape, compression="gzip")
            dataset.attrs["MATLAB_class"] = np.bytes_("double" if matrix.dtype != np.uint8 else "uint8")
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64")


def run(folder, command, task, outputs=3, output="softmax"):
    config = folder / "own.toml"
    config.write_text(CONFIG.format(task=task, outputs=outputs, output=output))
    words = [DYNVERT, command, str(config)]
    if command == "simulate":
        words += ["-o", str(folder / "run.h5"), "--overwrite", "--quiet"]
    return subprocess.run(words, capture_output=True, text=True, cwd=folder)


def losses(folder, task, output="softmax"):
    done = run(folder, "simulate", task, output=output)
    assert done.returncode == 0, (task, done.stderr)
    planned = run(folder, "check", task, output=output)
    assert planned.returncode == 0, (task, planned.stderr)
    with h5py.File(folder / "run.h5") as file:
        return file["models/BP/eval/train_loss"][:]


def refused(folder, task, words, outputs=3, output="softmax"):
    done, planned = (run(folder, command, task, outputs, output) for command in ("simulate", "check"))
    assert done.returncode == planned.returncode == 4, (task, done.returncode, planned.returncode, done.stderr)
    assert done.stderr == planned.stderr, (done.stderr, planned.stderr)
    for part in words:
        assert part in done.stderr, (part, done.stderr)


def h5(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file[name] = array


def check_readings(folder):
    mine = folder / "mine.h5"
    classes = 'targets = "classes"'
    h5(mine, x=X.astype(float), labels=LABELS)
    expected = losses(folder, classes)
    assert len(set(expected)) == 4, expected

    def same(task=classes):
        got = losses(folder, task)
        assert np.array_equal(got, expected), (task, got, expected)

    # every width and byte order, and half and quadruple precision
    for kind in ["u1", "i1", "<i2", ">i2", ">u4", "<i8", ">f2", ">f4", ">f8", "<f8", np.longdouble]:
        h5(mine, x=X.astype(kind), labels=LABELS.astype(kind))
        same()
    with h5py.File(mine, "w") as file:
        file.create_dataset("x", data=X, chunks=(5, 4), compression="gzip", shuffle=True)
        file.create_dataset("labels", data=LABELS, chunks=(7,), fletcher32=True)
    same()
    # vectors have one reading
    for labels in [LABELS[:, None], LABELS[None, :], LABELS[:, None, None], LABELS.astype(np.float32)]:
        h5(mine, x=X, labels=labels)
        same()
        same(classes + "\ntransposed = false")
    h5(mine, x=X, labels=LABELS + 1)
    same(classes + "\nlabels_from = 1")
    for one_hot in [ONE_HOT, ONE_HOT.astype(bool), ONE_HOT.astype(np.int8)]:
        h5(mine, x=X, labels=one_hot)
        same()
    h5(mine, data=X, target=LABELS)
    same(classes + '\nx = "data"\nlabels = "target"')
    h5(mine, **{"a/b/X": X, "a/y": LABELS})
    same(classes + '\ngroup = "/a"\nx = "b/X"\nlabels = "y"')
    # images: what comes after the sample is one axis
    h5(mine, x=X.reshape(12, 2, 3), labels=LABELS)
    same()

    # MATLAB: a row or a column for each sample, labels from 1 as a row or a column
    for x, transposed in [(X, "true"), (X.T, "false")]:
        for labels in [LABELS + 1, (LABELS + 1)[:, None]]:
            matlab_file(mine, X=x.astype(float), y=labels.astype(float))
            same(classes + f'\nx = "X"\nlabels = "y"\nlabels_from = 1\ntransposed = {transposed}')
    matlab_file(mine, x=X.astype(float), labels=ONE_HOT)
    same(classes + "\ntransposed = true")
    # sample x row x column in MATLAB
    with h5py.File(mine, "w") as file:
        file["x"] = X.reshape(12, 2, 3).transpose()
        file["labels"] = LABELS
    same(classes + "\ntransposed = true")

    # booleans
    h5(mine, x=X > 50, labels=LABELS)
    booleans = losses(folder, classes)
    h5(mine, x=(X > 50).astype(float), labels=LABELS)
    assert np.array_equal(booleans, losses(folder, classes))

    # values as targets, in any form
    h5(mine, x=X, t=T.astype(float))
    values = losses(folder, "", output="linear")
    for other in [T.astype(">i2"), T.astype(np.float32)]:
        h5(mine, x=X, out=other)
        assert np.array_equal(losses(folder, 't = "out"', output="linear"), values)

    # a test set beside the training set
    h5(mine, x=X, labels=LABELS, x_test=X[::-1], labels_test=LABELS[::-1])
    same(classes + '\ntest_x = "x_test"\ntest_labels = "labels_test"')
    with h5py.File(folder / "run.h5") as file:
        assert np.allclose(file["models/BP/eval/test_loss"][:], expected, rtol=1e-12)


def check_refusals(folder):
    mine = folder / "mine.h5"
    classes = 'targets = "classes"'
    h5(mine, data=X.astype(float), target=LABELS)
    refused(folder, classes, ["has no dataset x; it holds data (12 x 6, float64), target (12, int64)", 'Try: x = "data" in [task]'])
    refused(folder, classes + '\nx = "data"', ["has no dataset labels", 'labels = "target" in [task]'])
    h5(mine, x=X, labels=LABELS)
    refused(folder, "", ["has no dataset t; it holds", 'targets = "classes" in [task]'], output="linear")
    refused(folder, classes, ["holds the label 2 of sample 2", "0 to 1, or a last layer"], outputs=2)
    h5(mine, x=X.T, labels=LABELS)
    refused(folder, classes, ["is 6 x 12, expected 6 values per sample", "transposed = true in [task]"])
    h5(mine, Y=X.T, labels=LABELS)
    refused(folder, classes, ['x = "Y" and transposed = true in [task]'])
    h5(mine, x=X, labels=LABELS + 1)
    refused(folder, classes, ["holds the label 3 of sample 2", "labels_from = 1 in [task]"])
    refused(folder, classes, ["has labels from 1 to 3, and none is 0", "labels_from = 1 in [task]"], outputs=4)
    h5(mine, x=X, labels=ONE_HOT)
    refused(folder, classes + "\nlabels_from = 1", ["labels_from = 1 does not apply"])
    h5(mine, x=X, labels=np.vstack([ONE_HOT[:5], [[1, 1, 0]] * 7]))
    refused(folder, classes, ["sample 5 has two classes, 0 and 1"])
    h5(mine, x=X, labels=np.vstack([ONE_HOT[:5], [[0, 0, 0]] * 7]))
    refused(folder, classes, ["sample 5 has no class"])
    h5(mine, x=X, labels=0.5 * ONE_HOT)
    refused(folder, classes, ["holds 0.5 in sample 0", 'targets = "values"'])
    h5(mine, **{"x/data": X, "labels": LABELS})
    refused(folder, classes, ["is a group, not a dataset; it holds data (12 x 6, int64)", 'x = "x/data" in [task]'])
    h5(mine, **{"train/x": X, "train/labels": LABELS})
    refused(folder, classes, ["it holds train (group)", 'group = "/train" in [task]'])
    h5(mine, x=X.astype(complex), labels=LABELS)
    refused(folder, classes, ["does not hold numbers, but compound values (r, i)"])
    h5(mine, x=X, labels=np.array(["cat", "dog", "cat"] * 4, dtype="S"))
    refused(folder, classes, ["does not hold numbers, but text"])
    with h5py.File(mine, "w") as file:
        file["x/data"], file["x/ir"], file["x/jc"], file["labels"] = X[0], X[0], X[0], LABELS
    refused(folder, classes, ["is a sparse matrix of MATLAB", "full() in MATLAB"])
    h5(mine, x=np.where(X == X[3, 2], np.nan, X), labels=LABELS)
    refused(folder, classes, ["holds nan at position", "expected finite values"])
    h5(mine, x=X, labels=LABELS[:7])
    refused(folder, classes, ["holds 7 samples, but 12 were requested"])
    h5(mine, x=X[:, :3], labels=LABELS)
    refused(folder, classes, ["is 12 x 3, expected 6 values per sample", "network.layers as the file has it"])

    # what is no HDF5
    np.savez(mine.with_suffix(".npz"), x=X)
    np.save(mine.with_suffix(".npy"), X)
    np.savetxt(mine.with_suffix(".csv"), np.column_stack([X, LABELS]), delimiter=",")
    mine.with_suffix(".mat").write_bytes(b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + bytes(200))
    (folder / "mine.idx").write_bytes(struct.pack(">HBBI", 0, 8, 1, 12) + bytes(12))
    for suffix, words in [
        ("npz", ["a zip archive, such as NumPy's .npz, not an HDF5 file", "numpy.load"]),
        ("npy", ["a NumPy array (.npy), not an HDF5 file", "numpy.load"]),
        ("csv", ["a text file, such as a CSV table, not an HDF5 file", "numpy.loadtxt"]),
        ("mat", ["a MAT-file of version 7 or older, not an HDF5 file", "-v7.3"]),
        ("idx", ["an IDX file, not an HDF5 file", "targets_path"]),
    ]:
        h5(mine, x=X, labels=LABELS)
        mine.unlink()
        mine.write_bytes(mine.with_suffix("." + suffix).read_bytes())
        refused(folder, classes, words)
    h5(mine, x=X, labels=LABELS)
    refused(folder, classes + '\ntargets_path = "mine.h5"', ["is an HDF5 file, not an IDX file", "targets_path left out"])


def check_configuration(folder):
    """Keys that would be ignored are refused."""
    mine = folder / "mine.h5"
    h5(mine, x=X, labels=LABELS)
    for task, words in [
        ("labels_from = 1", 'does not apply with targets = "values"'),
        ('targets = "classes"\nt = "x"', 'does not apply with targets = "classes"'),
        ('targets = "classes"\nx = ""', "task.x: is empty"),
        ('targets = "classes"\ntest_labels = "labels"', "there is no test set"),
        ('targets = "classes"\ntest_x = "x"', "the test set is the training set"),
        ('targets = "classes"\ntest_x = "x2"', "the targets of the test set are those of the training set"),
        ('targets_path = "a"\ntransposed = true', "targets_path, which makes the files an IDX pair"),
    ]:
        for command in ["simulate", "check"]:
            done = run(folder, command, task)
            assert done.returncode == 2 and words in done.stderr, (task, done.returncode, done.stderr)


def check_other_files(folder):
    """Weights and feedback are opened by check, too; and by a sweep for all its points before the first one runs."""
    config = folder / "weights.toml"
    text = """
[experiment]
trials = 3
[task]
kind = "linear_teacher"
[network]
layers = [4, 3, 2]
{init}
[learning]
rate = 0.01
[[model]]
name = "DI"
credit = "sequential_inversion"
{feedback}
"""
    h5(folder / "W.h5", W1=np.ones((3, 4)), W2=np.ones((2, 3)), B2=np.ones((3, 5)))
    both = []
    for init, feedback, words in [
        ('init = { kind = "file", path = "none.h5" }', "", "none.h5: cannot be opened: No such file"),
        ("", 'feedback = { kind = "file", path = "W.h5" }', "W.h5:/B2: is 3x5, expected 3x2"),
    ]:
        config.write_text(text.format(init=init, feedback=feedback))
        for command in [["check", str(config)], ["simulate", str(config), "-o", str(folder / "w.h5")]]:
            done = subprocess.run([DYNVERT, *command], capture_output=True, text=True)
            assert done.returncode == 4 and words in done.stderr, (command, done.returncode, done.stderr)
            both.append(done.stderr)
        assert both[-1] == both[-2], both
    assert not (folder / "w.h5").exists()

    # the second point of a sweep is refused before the first has run
    config.write_text(text.format(init='init = { kind = "file", path = "W.h5" }', feedback=""))
    sweep = [DYNVERT, "sweep", str(config), "-o", str(folder / "points"), "--over"]
    done = subprocess.run([*sweep, "network.layers=[4,3,2],[5,3,2]"], capture_output=True, text=True)
    assert done.returncode == 4 and "W1: is 3x4, expected 3x5" in done.stderr, (done.returncode, done.stderr)
    assert "layers" in done.stderr.split("W.h5")[0], done.stderr  # with the name of the point
    assert not (folder / "points").exists()
    done = subprocess.run([*sweep, "network.layers=[4,3,2]"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def check_inspection(folder):
    """A trial of user-defined data is run again from the data, and not from others that lie in their place."""
    text = CONFIG.format(task='targets = "classes"', outputs=3, output="softmax").replace('"backprop"', '"sequential_inversion"')
    text = text.replace("evaluate_every = 8", 'evaluate_every = 8\nweights_every = 1\nmeasures = ["angle_bp", "residual"]')
    (folder / "own.toml").write_text(text.replace("[learning]", 'activation = "tanh"\n[learning]'))
    h5(folder / "mine.h5", x=X / 100, labels=LABELS)
    subprocess.run([DYNVERT, "simulate", "own.toml", "-o", "run.h5", "--overwrite", "--quiet"], cwd=folder, check=True)

    def inspected(trial):
        words = [DYNVERT, "inspect", "run.h5", "--trial", str(trial), "--json"]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)["models"][0]

    with h5py.File(folder / "run.h5") as file:
        recorded = {name: file[f"models/BP/learning/{name}"][:] for name in ("angle_bp_1", "residual_2")}
    for trial in (0, 7, 23):
        measures = inspected(trial)["trial"]["computed"]["measures"]
        for name, values in recorded.items():
            # the run's own numbers: the same weights, the same sample, the same program
            assert measures[name] == values[trial], (trial, name, measures[name], values[trial])
    h5(folder / "mine.h5", x=X / 50, labels=LABELS)
    changed = inspected(7)
    assert changed["trial"]["computed"] is None and "have changed" in changed["not_computed"], changed["not_computed"]
    (folder / "mine.h5").unlink()
    assert "are not where they were" in inspected(7)["not_computed"]


with tempfile.TemporaryDirectory() as name:
    check_readings(pathlib.Path(name))
    check_refusals(pathlib.Path(name))
    check_configuration(pathlib.Path(name))
    check_other_files(pathlib.Path(name))
    check_inspection(pathlib.Path(name))
print("data in every form, and what is refused")
