"""Holds every dataset that short experiments of all kinds write against checksums: a change that is to change no number
changes none.

Every case runs with experiment.reproducible = true, so that the checksums hold on every x86-64 processor, with the versions
of the C library and of OpenBLAS that they were taken with. Compared are names, types, axes and values of datasets, not
attributes: words may change, numbers may not.

Usage: golden.py DYNVERT SOURCE_DIR [--update] [--only CASE] [--list] [--keep DIR]
"""

import argparse
import collections
import concurrent.futures
import fnmatch
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import cases
import h5py
import inputs
import numpy as np

# What sim/reproducible.hpp says. `simulate` sees to it itself, whatever the environment says; `inspect` is told.
REPRODUCIBLE = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-FMA,-FMA4", "OPENBLAS_CORETYPE": "Nehalem"}
PROCESSES = 2
HEADER = """\
# Checksums of what tests/golden/cases.py runs. Each line: case, dataset, type, axes, the first 16 digits of the SHA-256 of the
# values (little-endian, every NaN the same). Axes name their coordinates: 0..9 those that count, a few whole numbers as they
# are; coordinates that axes tell so have no line of their own.
# To change them on purpose: tests/golden/golden.py DYNVERT SOURCE_DIR --update [--only CASE], and say why in the commit.
"""
Lines = dict[str, str]  # by dataset, without the case


def digest(values: np.ndarray) -> str:
    """Of the numbers: byte order is the machine's business, and the bits of what is missing nobody's."""
    if values.dtype.kind in "OS":
        data = b"".join(len(v).to_bytes(8, "little") + v for v in map(bytes, values.ravel()))
    else:
        if values.dtype.kind == "f":
            values = np.where(np.isnan(values), np.array(np.nan, values.dtype), values)
        data = np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()
    return hashlib.sha256(data).hexdigest()[:16]


def coordinates(scale: h5py.Dataset, group: str) -> str | None:
    """Of an axis: its scale's name and values, where they only count or are a few whole numbers; else nothing."""
    values, path = scale[()], pathlib.PurePosixPath(scale.name)
    name = path.name if str(path.parent) == group else str(path)
    if scale.dtype == np.int64 and len(values) > 1 and np.array_equal(values, np.arange(len(values))):
        return f"{name}=0..{len(values) - 1}"
    return f"{name}={','.join(map(str, values))}" if scale.dtype == np.int64 and len(values) <= 8 else None


def describe(path: pathlib.Path) -> Lines:
    lines: Lines = {}
    told: set[str] = set()  # the scales that axes tell in full

    def axis(dimension, n: int, group: str) -> str:
        texts = []
        for scale in dimension.values():
            text = coordinates(scale, group)
            told.update([scale.name] if text else [])
            texts.append(text or f"{scale.name.removeprefix(group + '/')}={n}")
        return "|".join(texts) or str(n)

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        # how far a run that was stopped had got when it last wrote is a matter of time
        if isinstance(item, h5py.Dataset) and "/state/" not in name:
            axes = [axis(dimension, n, item.parent.name) for dimension, n in zip(item.dims, item.shape)]
            lines["/" + name] = f"{item.dtype} ({' '.join(axes)}) {digest(np.asarray(item[()]))}"

    with h5py.File(path) as file:
        file.visititems(visit)
    return {name: text for name, text in sorted(lines.items()) if name not in told}


def run(program: str, folder: pathlib.Path, case: cases.Case) -> tuple[Lines, str]:
    """@return the lines, and what the program computed with; files stay in the folder, named as the case"""
    output = folder / f"{case.name}.h5"
    options = [word for key in ("experiment.reproducible=true", *case.sets.split()) for word in ("--set", key)]
    if case.seed is not None:
        options += ["--seed", str(case.seed)]
    free = {k: v for k, v in os.environ.items() if k not in REPRODUCIBLE}

    def call(expected: int, environment: dict[str, str], *arguments: str) -> None:
        done = subprocess.run([program, *arguments], env=environment, capture_output=True, text=True)
        if done.returncode != expected:
            raise RuntimeError(f"exit code {done.returncode}, not {expected}, of dynvert {' '.join(arguments)}\n{done.stderr}")

    call(case.exit_code, free, "simulate", str(folder / f"{case.config}.toml"), "-o", str(output), "--quiet", "--threads",
         str(case.threads), *options)
    with h5py.File(output) as file:
        blas = str(file.attrs["blas"])
    if case.map:
        mapped = folder / f"{case.name}_map.h5"
        call(0, free | REPRODUCIBLE, "inspect", str(output), "--map", case.map, "--points", "5", "-o", str(mapped))
        output = mapped
    return describe(output), f"# {blas}; {os.confstr('CS_GNU_LIBC_VERSION')}"


def read(path: pathlib.Path) -> tuple[dict[str, Lines], str]:
    """@return the lines of each case, and with what they were taken"""
    found: dict[str, Lines] = collections.defaultdict(dict)
    taken_with = ""
    for line in path.read_text().splitlines() if path.exists() else ():
        if line.startswith("#"):
            taken_with = line
        else:
            case, dataset, rest = line.split(" ", 2)
            found[case][dataset] = rest
    return found, taken_with


def write(path: pathlib.Path, lines: dict[str, Lines], taken_with: str) -> None:
    """In the order of the cases; of cases that are no more, nothing."""
    text = [f"{case.name} {dataset} {rest}\n" for case in cases.CASES for dataset, rest in lines.get(case.name, {}).items()]
    path.write_text(HEADER + taken_with + "\n" + "".join(text))


def differences(case: str, expected: Lines, found: Lines) -> list[str]:
    if not expected:
        return [f"{case}: has no checksums"]
    told = []
    for name in sorted(expected.keys() | found.keys()):
        was, now = expected.get(name, "not there"), found.get(name, "not there")
        if was != now:
            # without the digits, which tell nothing, where they alone differ
            told.append(f"{case} {name} " + ("differs" if was[:-16] == now[:-16] else f"was {was}, now {now}"))
    return told


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("program", metavar="DYNVERT")
    parser.add_argument("source", metavar="SOURCE_DIR", type=pathlib.Path)
    parser.add_argument("--update", action="store_true", help="write the checksums in place of comparing them")
    parser.add_argument("--only", metavar="CASE", default="*", help="cases of this name, or pattern")
    parser.add_argument("--list", action="store_true", help="say which cases there are")
    parser.add_argument("--keep", metavar="DIR", type=pathlib.Path, help="leave the files of the runs there")
    arguments = parser.parse_args()
    examples, golden = arguments.source / "examples", arguments.source / "tests" / "golden"

    chosen = [case for case in cases.CASES if fnmatch.fnmatch(case.name, arguments.only)]
    if arguments.list or not chosen:
        print("\n".join(f"{case.name:28} {case.config}.toml {case.sets}" for case in chosen or cases.CASES))
        return 0 if arguments.list else f"no case has the name {arguments.only}; above are those that there are"
    without = {path.stem for path in examples.glob("*.toml")} - {case.config for case in cases.CASES}
    if without:
        return f"no case runs {', '.join(sorted(without))} of examples/: add one to tests/golden/cases.py"

    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            return f"{folder} is not empty"
        # file names in a configuration are relative to its folder
        for config in [*examples.glob("*.toml"), *golden.glob("*.toml")]:
            shutil.copy(config, folder)
        inputs.write(folder)
        with concurrent.futures.ThreadPoolExecutor(PROCESSES) as pool:
            runs = {case.name: pool.submit(run, arguments.program, folder, case) for case in chosen}
        failed = [f"{name}: {job.exception()}" for name, job in runs.items() if job.exception()]
        found = {name: job.result() for name, job in runs.items() if not job.exception()}

    expected, taken_with = read(golden / "checksums.txt")
    here = next(iter(found.values()))[1] if found else taken_with
    if arguments.update:
        if len(chosen) < len(cases.CASES) and expected and here != taken_with:
            return f"the other cases' checksums were taken with other libraries: {taken_with}, here {here}"
        if not failed:
            write(golden / "checksums.txt", expected | {name: lines for name, (lines, _) in found.items()}, here)
        print("\n".join(failed) or f"{len(found)} cases written")
        return 1 if failed else 0
    for name, (lines, _) in found.items():
        failed += differences(name, expected[name], lines)
    total = sum(len(lines) for lines, _ in found.values())
    if not failed:
        print(f"{len(found)} cases, {total} datasets: no number has changed")
        return 0
    print("\n".join(failed))
    if here != taken_with:
        print(f"The checksums were taken with other libraries, which round otherwise:\n  {taken_with}\n  {here}")
    print(f"{len(failed)} differences. To see the numbers: golden.py .. --only CASE --keep DIR, with this program and with\n"
          "that of the commit before, then h5diff. If they are meant: golden.py .. --only CASE --update; the commit says why.")
    return 1


sys.exit(main())
