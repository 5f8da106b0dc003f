"""Damaged files end every command in a message: never in a signal, never in a program that does not return.

Copies of small files are damaged (bytes flipped, blocks overwritten, truncated), a different way for each number, and read by
every command that reads such a file.

Usage: check_damaged.py DYNVERT [--copies N] [--first NUMBER] [--kinds run,data,..]
    --copies 10000 is the thorough form; a fault is seen again with --first NUMBER --copies 1
"""

import argparse
import pathlib
import random
import resource
import shutil
import subprocess
import sys
import tempfile

import h5py
import numpy as np

RUN = """
[experiment]
trials = 6
[task]
kind = "linear_teacher"
samples = 8
[network]
layers = [4, 3, 2]
[learning]
rate = 1e-2
[dynamics]
duration = 20
[record]
every = 2
measures = ["angle_ndi"]
[[model]]
name = "DI"
credit = "sequential_inversion"
"""
DATA = """
[experiment]
trials = 4
[task]
kind = "dataset"
path = "data.h5"
targets = "values"
samples = 20
[network]
layers = [4, 3, 2]
[learning]
rate = 1e-2
[[model]]
name = "BP"
credit = "backprop"
"""
WEIGHTS = RUN.replace("layers = [4, 3, 2]", 'layers = [4, 3, 2]\n[network.init]\nkind = "file"\npath = "weights.h5"')

# what takes longer than the program's own limit for one call of the library
SECONDS = 60
MEMORY = 1 << 30


def damage(data: bytes, number: int) -> bytes:
    """The file damaged in the way of that number."""
    draw = random.Random(number)
    changed = bytearray(data)
    kind = draw.randrange(4)
    if kind == 0:
        for _ in range(draw.choice((1, 1, 2, 5, 20))):
            changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    elif kind == 1:
        at, size = draw.randrange(len(changed)), draw.choice((1, 4, 8, 64, 512))
        block = draw.choice((b"\0", b"\xff", None))
        for k in range(at, min(len(changed), at + size)):
            changed[k] = draw.randrange(256) if block is None else block[0]
    elif kind == 2:
        del changed[draw.randrange(len(changed)):]
    else:  # the head of the file is where its structure is
        for _ in range(draw.choice((1, 2, 8))):
            changed[draw.randrange(min(4096, len(changed)))] = draw.choice((0, 1, 0x7F, 0xFF, draw.randrange(256)))
    return bytes(changed)


class Files:
    def __init__(self, program: str, folder: pathlib.Path) -> None:
        self.program, self.folder = program, folder
        for name, text in (("run", RUN), ("data", DATA), ("weights", WEIGHTS)):
            (folder / f"{name}.toml").write_text(text)
        draw = np.random.default_rng(1)
        with h5py.File(folder / "data.h5", "w") as file:
            file.create_dataset("x", data=draw.normal(size=(20, 4)), chunks=(5, 4), compression="gzip")
            file.create_dataset("t", data=draw.normal(size=(20, 2)))
        self.check("simulate", "run.toml", "-o", "run.h5")
        shutil.copy(folder / "run.h5", folder / "whole.h5")
        with h5py.File(folder / "weights.h5", "w") as file:
            file["W1"], file["W2"] = draw.normal(size=(3, 4)), draw.normal(size=(2, 3))
        self.check("inspect", "whole.h5", "--model", "DI", "--map", "alpha=0.1:1,ratio=0.5:2", "--points", "2", "-o", "map.h5")
        self.check("sweep", "run.toml", "--seeds", "1:2", "-o", "swept", "--quiet")

    def check(self, *words: str) -> None:
        result = subprocess.run([self.program, *words], cwd=self.folder, capture_output=True, text=True, check=False)
        assert result.returncode == 0, (words, result)

    def commands(self, kind: str) -> tuple[pathlib.Path, list[list[str]]]:
        """The file to be damaged, and the commands that read it."""
        if kind == "run":
            return self.folder / "run.h5", [
                ["inspect", "run.h5"], ["inspect", "run.h5", "--trial", "2", "--json"],
                ["export", "run.h5", "-o", "run.mat", "--overwrite"], ["config", "run.h5"],
                ["report", "run.h5", "-o", "run.html", "--overwrite"], ["simulate", "run.h5", "--resume"],
                ["recover", "run.h5"], ["simulate", "run.toml", "-o", "run.h5", "--overwrite"]]
        if kind == "map":
            return self.folder / "map.h5", [["report", "map.h5", "-o", "map.html", "--overwrite"], ["inspect", "map.h5"]]
        if kind == "sweep":
            return self.folder / "swept" / "seed_1.h5", [
                ["sweep", "run.toml", "--seeds", "1:2", "-o", "swept", "--resume", "--quiet"]]
        return self.folder / f"{kind}.h5", [["simulate", f"{kind}.toml", "-o", "out.h5", "--overwrite", "--quiet"]]

    def read(self, kind: str, number: int) -> list[int]:
        """@return exit codes"""
        path, commands = self.commands(kind)
        whole = path.read_bytes()
        damaged = damage(whole, number)
        codes = []
        try:
            for words in commands:
                path.write_bytes(damaged)
                where = f"{kind} {number}: dynvert {' '.join(words)}"
                try:
                    result = subprocess.run([self.program, *words], cwd=self.folder, capture_output=True, check=False,
                                            timeout=SECONDS)
                except subprocess.TimeoutExpired:
                    raise AssertionError(f"{where}: does not return") from None
                errors = result.stderr.decode(errors="replace")
                assert result.returncode in (0, 2, 3, 4), f"{where}: exit code {result.returncode}: {errors}"
                assert "internal error" not in errors and "HDF5-DIAG" not in errors, f"{where}: {errors}"
                if result.returncode != 0:
                    assert errors.startswith("dynvert: ") and len(errors) < 4000, f"{where}: {errors}"
                codes.append(result.returncode)
        finally:
            path.write_bytes(whole)
            for other in (self.folder / "swept").glob("*.part"):
                other.unlink()
        return codes


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--copies", type=int, default=300)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--kinds", default="run,map,sweep,data,weights")
    arguments = parser.parse_args()
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        files = Files(str(pathlib.Path(arguments.program).resolve()), pathlib.Path(folder))
        kinds = arguments.kinds.split(",")
        codes = []
        for number in range(arguments.first, arguments.first + arguments.copies):
            try:
                codes += files.read(kinds[number % len(kinds)], number)
            except AssertionError as fault:
                faults.append(str(fault))
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    assert memory < MEMORY, f"{memory / 1e6:.0f} MB were taken"
    print(f"{arguments.copies} damaged files, {len(codes)} commands, {sum(code != 0 for code in codes)} refused, "
          f"at most {memory / 1e6:.0f} MB")
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
