"""Populations that are recorded in part ([[record.population]]): their values are the units and samples of a full recording, bit
for bit, all else is as without it, and what reads files copes.

Usage: check_excerpts.py DYNVERT SOURCE
"""

import csv
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import h5py
import numpy as np
from scipy.io import loadmat

PROGRAM, SOURCE = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
sys.path.insert(0, str(SOURCE / "analysis" / "python"))

LEARNING = """
[experiment]
trials = 3
[task]
kind = "linear_teacher"
samples = 8
[network]
layers = [5, 4, 3, 2]
[learning]
rate = 1e-2
[dynamics]
duration = 12.0
[record]
every = 1
interval = 0.75
measures = ["settling_time"]
"""
DI = LEARNING + """
[[model]]
name = "DI"
credit = "sequential_inversion"
solver = "sequential_euler"
dt = 0.25
[[model]]
name = "R"
credit = "repeat_inversion"
alpha = 0.1
"""
CONCURRENT = LEARNING + """
[[model]]
name = "C"
credit = "concurrent_inversion"
plasticity = "continuous"
[[model]]
name = "D"
credit = "sequential_inversion"
forward = "dynamic"
forward_duration = 6.0
"""
DESCRIBED = LEARNING + """
[[model]]
name = "P"
circuit = "circuit.toml"
"""
INVERSION = """
[network]
layers = [5, 4, 2]
[inversion]
alpha = [0.1, 1.0]
onset = 2.0
[dynamics]
duration = 12.0
dt = 0.5
[[model]]
name = "DI"
credit = "sequential_inversion"
"""
CIRCUIT = """
[dynamics]
duration = 12.0
dt = 0.5
[[population]]
name = "E"
units = 6
[[population]]
name = "I"
units = 3
initial = 1.0
[[projection]]
source = "I"
target = "E"
kind = "uniform"
[[input]]
population = "E"
"""


def entry(name: str, units: list[int] | None = None, interval: float | None = None) -> str:
    lines = [f'name = "{name}"', *([f"units = {units}"] if units else []), *([f"interval = {interval}"] if interval else [])]
    return "\n[[record.population]]\n" + "\n".join(lines) + "\n"


class Folder:
    def __init__(self, path: pathlib.Path) -> None:
        self.path = path

    def run(self, *words: str, code: int = 0) -> str:
        result = subprocess.run([PROGRAM, *words], cwd=self.path, capture_output=True, text=True, check=False)
        assert result.returncode == code, (words, result)
        return result.stdout + result.stderr

    def simulate(self, name: str, text: str) -> pathlib.Path:
        (self.path / f"{name}.toml").write_text(text)
        self.run("simulate", f"{name}.toml", "-o", f"{name}.h5", "--quiet", "--overwrite")
        return self.path / f"{name}.h5"


def traces(path: pathlib.Path) -> dict[str, tuple[np.ndarray, list[str], dict]]:
    found = {}
    with h5py.File(path) as file:
        for model in file["models"]:
            for name, item in file["models"][model].get("trace", {}).items():
                axes = [dim[0].name.rsplit("/", 1)[-1] if len(dim) else "" for dim in item.dims]
                found[f"{model}/{name}"] = (item[()], axes, dict(item.attrs))
    return found


def same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def compare(folder: Folder, text: str, entries: dict[str, tuple[list[int] | None, float | None]], interval: float) -> None:
    # a population that only an entry names is recorded beside those that [record] asks for
    whole = traces(folder.simulate("whole", text + "".join(entry(name, None, interval) for name in entries)))
    parts = traces(folder.simulate("parts", text + "".join(entry(name, *own) for name, own in entries.items())))
    seen = set()
    for path, (values, axes, attributes) in whole.items():
        model, name = path.split("/")
        if name.startswith("unit_"):  # an axis that nothing needs any more is not there
            continue
        found, own_axes, own_attributes = parts[path]
        if name not in entries:
            assert same(found, values), path
            continue
        units, own = entries[name]
        every = round(own / interval) if own else 1
        expected, expected_axes = values, list(axes)
        if every > 1:
            expected, expected_axes[1] = expected[:, ::every], f"time_of_{name}"
            assert same(parts[f"{model}/time_of_{name}"][0], whole[f"{model}/{axes[1]}"][0][::every]), path
        if units:
            expected, expected_axes[2] = expected[:, :, units], f"unit_of_{name}"
            assert parts[f"{model}/unit_of_{name}"][0].tolist() == units, path
        assert np.isfinite(expected).any() and same(found, np.ascontiguousarray(expected)), (path, found.shape, expected.shape)
        assert own_axes == expected_axes, (path, own_axes)
        assert own_attributes["role"] == "excerpt" and own_attributes["of_role"] == attributes["role"], path
        for key in ("layer", "loop", "credit_layer"):
            assert own_attributes.get(key) == attributes.get(key), (path, key)
        seen.add(name)
    assert seen == set(entries), (seen, entries)


def values_are_those_of_a_full_recording(folder: Folder) -> None:
    units = {"u_3": ([1], None), "delta_1": ([0, 2, 3], 1.5), "delta_2": (None, 3.75)}
    compare(folder, DI, units, 0.75)
    forms = {"h_0": ([4], None), "a_1": ([1, 3], 2.25), "u_2": ([0], 1.5), "W1": (None, 6.0), "delta_1": (None, 12.0)}
    compare(folder, CONCURRENT, forms, 0.75)
    with_interval = INVERSION + "[record]\ninterval = 0.5\n"
    compare(folder, with_interval, {"u_2": ([1], 1.5), "delta_1": ([0, 3], None)}, 0.5)
    compare(folder, CIRCUIT, {"E": ([0, 5], 1.0), "I": (None, 4.0)}, 0.5)


def circuit_files_have_them_too(folder: Folder) -> None:
    for name in ("predictive_coding", "equilibrium_propagation"):  # in one phase, and in several
        shutil.copy(SOURCE / "examples" / "circuits" / f"{name}.toml", folder.path / "circuit.toml")
        circuit_file_has_them(folder)


def circuit_file_has_them(folder: Folder) -> None:
    folder.simulate("described", DESCRIBED)
    names = {path.split("/")[1]: values for path, (values, axes, _) in traces(folder.path / "described.h5").items()
             if len(axes) == 3 and axes[1] == "time"}  # fmt: skip
    moving = [name for name, values in names.items() if values.shape[2] > 1]
    entries = {name: ([0, names[name].shape[2] - 1], 1.5) for name in moving}
    assert moving
    compare(folder, DESCRIBED, entries, 0.75)


def an_entry_adds_to_the_names(folder: Folder) -> None:
    text = CIRCUIT + '[record]\npopulations = ["I"]\n'
    assert "circuit/E" not in traces(folder.simulate("named", text))
    found = traces(folder.simulate("named", text + entry("E", [2])))
    assert found["circuit/E"][0].shape[2] == 1 and found["circuit/I"][0].shape[2] == 3


def the_size_is_foretold(folder: Folder) -> None:
    def sizes(text: str) -> tuple[float, float]:
        path = folder.simulate("size", text)
        number, unit = re.search(r"file\s+about ([\d.]+) (kB|MB)", folder.run("check", "size.toml")).groups()
        return path.stat().st_size, float(number) * {"kB": 1e3, "MB": 1e6}[unit]

    large = CIRCUIT.split("[[input]]")[0].replace("units = 6", "units = 2000").replace("duration = 12.0", "duration = 200.0")
    whole, said_whole = sizes(large)
    part, said_part = sizes(large + entry("E", [3, 1999], 2.0))
    assert part < whole / 20, (part, whole)
    assert abs(said_whole / whole - 1) < 0.2 and abs(said_part / part - 1) < 0.2, (whole, said_whole, part, said_part)


def mistakes_are_said(folder: Folder) -> None:
    def refused(text: str, *says: str) -> None:
        (folder.path / "wrong.toml").write_text(text)
        for command in (["check", "wrong.toml"], ["simulate", "wrong.toml", "-o", "wrong.h5"]):
            said = folder.run(*command, code=2)
            assert all(part in said for part in says), (said, says)

    refused(CIRCUIT + entry("Ee", [0]), "wrong.toml:", "record.population[1].name", 'no population has the name "Ee"', "E, I")
    refused(CIRCUIT + entry("E", [0, 6]), "record.population[1].units", "found 6, but E has 6 units", "0 to 5")
    refused(DI + entry("u_1") , "as if it had no entry", "units, interval or both")
    refused(DI + entry("W1", [0]), "W1 are weights", "interval alone")
    refused(CIRCUIT + entry("E", [3, 1]), "not in ascending order")
    refused(CIRCUIT + entry("E", [1, 1]), "not in ascending order")
    refused(CIRCUIT + entry("E", [1]) + entry("E", [2]), "record.population[2].name", "listed twice")
    refused(CIRCUIT + entry("E", None, 0.7), "record.population[1].interval", "not a whole number of dt = 0.5", "0.5 or 1")
    refused(DI + entry("u_3", None, 1.0), "not a whole number of record.interval = 0.75", "0.75 or 1.5")
    refused(CIRCUIT + entry("E", None, 20.0), "longer than the trace, 12", "at most 12")
    refused(CIRCUIT + entry("E", [-1]), "record.population[1].units")
    refused(CIRCUIT + "[[record.population]]\nunits = [0]\n", "record.population[1].name", "is missing")
    refused(CIRCUIT + '[[record.population]]\nname = "E"\nunit = [0]\n', "unknown key", "units")
    refused(CIRCUIT + '[record]\npopulation = "E"\n', "a list of tables")


def the_configuration_comes_back(folder: Folder) -> None:
    path = folder.simulate("first", CIRCUIT + entry("E", [0, 5], 1.0))
    (folder.path / "again.toml").write_text(folder.run("config", "first.h5"))
    folder.run("simulate", "again.toml", "-o", "again.h5", "--quiet")
    for name, (values, _, _) in traces(path).items():
        assert same(values, traces(folder.path / "again.h5")[name][0]), name
    (folder.path / "plain.toml").write_text(CIRCUIT)
    folder.run("simulate", "plain.toml", "-o", "set.h5", "--quiet",
               "--set", 'record.population=[{ name = "E", units = [0, 5], interval = 1.0 }]')  # fmt: skip
    assert same(traces(folder.path / "set.h5")["circuit/E"][0], traces(path)["circuit/E"][0])


def what_reads_files_copes(folder: Folder) -> None:
    import dynvert  # noqa: PLC0415  (of the source tree)
    from dynvert.figures.transient import approach, populations  # noqa: PLC0415

    circuit = folder.simulate("read", CIRCUIT + entry("E", [0, 5], 2.0))
    loops = folder.simulate("loops", DI + entry("u_2", [1], 1.5) + entry("u_3", [0]))
    values = traces(circuit)["circuit/E"][0][0]
    with dynvert.open_run(circuit) as run:
        trace = run["circuit"].transient(0)
        assert np.array_equal(trace["E"].sel(unit_of_E=5, time_of_E=4.0).values, values[2, 1])
        assert trace["E"].dims == ("time_of_E", "unit_of_E") and trace["I"].dims == ("time", "unit_I")
        assert populations(run["circuit"], 0) is not None
    with dynvert.open_run(loops) as run:
        # what needs the whole controller does without
        assert approach(run["DI"], 0, 2) is None and approach(run["DI"], 0, 3) is None
    folder.simulate("grid", INVERSION.replace("onset = 2.0", "") + entry("delta_1", [0]) + entry("u_2", None, 1.0))
    for name in ("read", "loops", "grid"):
        folder.run("plot", f"{name}.h5", "-o", f"{name}_figures")
        folder.run("report", f"{name}.h5", "-o", f"{name}.html")
        folder.run("inspect", f"{name}.h5", "--json")
        folder.run("export", f"{name}.h5", "-o", f"{name}.mat")
    folder.run("inspect", "loops.h5", "--model", "DI", "--trial", "1")
    assert "u_2 as a whole was not recorded" in (folder.path / "loops.html").read_text()
    stored = loadmat(folder.path / "read.mat", squeeze_me=True)["circuit"]["trace"].item()
    assert np.array_equal(stored["E"].item(), values) and stored["unit_of_E"].item().tolist() == [0, 5]
    folder.run("export", "read.h5", "-o", "read.csv", "--model", "circuit", "--trial", "0")
    with open(folder.path / "read.csv", newline="") as text:
        header, *lines = csv.reader(text)
    columns = [header.index("E[0]"), header.index("E[5]")]
    cells = [[line[c] for c in columns] for line in lines]
    assert np.array_equal(np.array(cells[::4], dtype=float), values), cells
    assert all(cell == ["", ""] for k, cell in enumerate(cells) if k % 4 != 0)
    octave = shutil.which("octave-cli")
    if octave is None:
        print("no Octave: its reader is not tested")
        return
    script = f"""
        addpath('{SOURCE}/analysis/matlab');
        run = dynvert_read('{circuit}');
        trace = run.models.circuit.trace;
        assert(isequal(size(trace.E), [numel(trace.time_of_E), 2]));
        assert(isequal(trace.unit_of_E(:)', [0 5]) && iscolumn(trace.time_of_E));
        assert(abs(trace.E(3, 2) - {values[2, 1]!r}) < 1e-15);
        assert(strcmp(dynvert_role(run, 'circuit', 'trace', 'E').role, 'excerpt'));
        run = dynvert_read('{loops}');
        part = dynvert_role(run, 'DI', 'trace', 'u_2');
        assert(strcmp(part.role, 'excerpt') && strcmp(part.of_role, 'controller'));
        assert(isempty(dynvert_steady_state(run, 'DI', 1, 2)));
    """
    result = subprocess.run([octave, "--no-init-file", "--quiet", "--eval", script], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def main() -> int:
    tests = [values_are_those_of_a_full_recording, circuit_files_have_them_too, an_entry_adds_to_the_names, the_size_is_foretold,
             mistakes_are_said, the_configuration_comes_back, what_reads_files_copes]  # fmt: skip
    for test in tests:
        with tempfile.TemporaryDirectory() as folder:
            test(Folder(pathlib.Path(folder)))
        print(f"{test.__name__.replace('_', ' ')}: good", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
