"""Damaged files end every command in a message: never in a signal, never in a program that does not return, never in more
than 1 GB. Data and weights that simulate refuses, check and sweep refuse in the same words.

Copies of small files are damaged (bytes flipped, blocks overwritten, truncated), a different way for each number, and read by
every command that reads such a file.

Usage: check_damaged.py DYNVERT [--copies N] [--first NUMBER] [--kinds run,data,..] [--in-turn]
    --copies 10000 is the thorough form; --in-turn reads each copy by one of the commands rather than by all of them;
    a fault is seen again with --kinds KIND --first NUMBER --copies 1
"""

import argparse
import os
import pathlib
import random
import re
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib

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
# of a run, whose file has more structure in which HDF5 can lose its way
WEIGHTS = RUN.replace("layers = [4, 3, 2]", """layers = [4, 3, 2]
[network.init]
kind = "file"
path = "weights.h5"
group = "/models/DI/weights"
""")

# processor time, more than the program's own limit for one call of the library; of a process that waits for ever, time
SECONDS, WAITING = 60, 1800
MEMORY = 1 << 30
HEAP = re.compile(r"\A(double free|free\(\)|malloc\(\)|realloc\(\)|corrupted|munmap_chunk)[^\n]*\n")

KINDS = ("run", "journal", "map", "sweep", "index", "data", "weights")
PAGE = 4096
MAGIC = b"dynvert\n"


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


def finished_later(whole: bytes) -> bytes:
    """The file as a commit leaves it that is cut short: pages missing in place, and behind them the journal that has them
    (sim/platform/commit_journal.hpp)."""
    pages = (1, 2, len(whole) // PAGE - 1)
    journal = b"".join(whole[page * PAGE:(page + 1) * PAGE] for page in pages) + struct.pack("<3Q", *pages)
    cut = bytearray(whole)
    for page in pages:
        cut[page * PAGE:(page + 1) * PAGE] = bytes(PAGE)
    numbers = struct.pack("<2Q", len(pages), len(whole))
    return bytes(cut) + journal + MAGIC + numbers + struct.pack("<Q", zlib.crc32(journal + numbers))


def signed(data: bytes) -> bytes:
    """The same with the checksum that lets its journal pass, if it ends with one."""
    end = len(data) - 32
    if end < 0 or data[end:end + 8] != MAGIC:
        return data
    size = struct.unpack("<Q", data[end + 8:end + 16])[0] * (PAGE + 8)
    if size > end:
        return data
    return data[:-8] + struct.pack("<Q", zlib.crc32(data[end - size:end] + data[end + 8:end + 24]))


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
        shutil.copy(folder / "run.h5", folder / "weights.h5")
        (folder / "journal.h5").write_bytes(finished_later((folder / "run.h5").read_bytes()))
        self.check("inspect", "whole.h5", "--model", "DI", "--map", "alpha=0.1:1,ratio=0.5:2", "--points", "2", "-o", "map.h5")
        self.check("sweep", "run.toml", "--seeds", "1:2", "-o", "swept", "--quiet")

    def check_whole(self, kind: str) -> None:
        """Undamaged, the file can be read; a map, and a commit that is to be finished, are refused by those that read runs."""
        path, commands = self.commands(kind)
        whole = path.read_bytes()
        for words in commands:
            refused = kind == "map" or (kind == "journal" and words[0] in ("inspect", "export"))
            self.run(words, "undamaged", allowed=(4,) if refused else (0,))
            path.write_bytes(whole)

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
        if kind == "journal":
            return self.folder / "journal.h5", [
                ["inspect", "journal.h5"], ["export", "journal.h5", "-o", "journal.mat", "--overwrite"],
                ["recover", "journal.h5"], ["simulate", "journal.h5", "--resume", "--set", "experiment.trials=8", "--quiet"]]
        if kind == "map":
            return self.folder / "map.h5", [["report", "map.h5", "-o", "map.html", "--overwrite"], ["inspect", "map.h5"]]
        if kind in ("sweep", "index"):
            words = ["sweep", "run.toml", "--seeds", "1:2", "-o", "swept", "--quiet"]
            return self.folder / "swept" / ("seed_1.h5" if kind == "sweep" else "sweep.csv"), [
                [*words, "--resume"], [*words, "--overwrite"]]
        return self.folder / f"{kind}.h5", [["simulate", f"{kind}.toml", "-o", "out.h5", "--overwrite", "--quiet"],
                                            ["check", f"{kind}.toml"],
                                            ["sweep", f"{kind}.toml", "--seeds", "1", "-o", kind, "--overwrite", "--quiet"]]

    def run(self, words: list[str], where: str, allowed: tuple[int, ...] = (0, 2, 3, 4)) -> tuple[int, str]:
        """@return exit code, what was said of errors"""
        where = f"{where}: dynvert {' '.join(words)}"
        try:
            result = subprocess.run([self.program, *words], cwd=self.folder, capture_output=True, check=False, timeout=WAITING,
                                    preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS)))  # fmt: skip
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{where}: does not return") from None
        # where HDF5 has spoilt the heap, a word of the C library's own comes before ours
        errors = HEAP.sub("", result.stderr.decode(errors="replace"))
        assert result.returncode in allowed, f"{where}: exit code {result.returncode}: {errors}"
        assert "internal error" not in errors and "HDF5-DIAG" not in errors, f"{where}: {errors}"
        if result.returncode != 0:
            assert errors.startswith("dynvert: ") and 20 < len(errors) < 4000, f"{where}: {errors}"
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024  # of the largest until now
        assert memory < MEMORY, f"{where}: {memory / 1e6:.0f} MB, by it or one before"
        return result.returncode, errors

    def read(self, kind: str, number: int, in_turn: bool) -> list[tuple[int, str]]:
        path, commands = self.commands(kind)
        whole = path.read_bytes()
        damaged = damage(whole, number)
        if kind == "journal" and number % 2 == 0:
            damaged = signed(damaged)
        index = (self.folder / "swept" / "sweep.csv").read_bytes()
        ends = []
        try:
            for words in [commands[number % len(commands)]] if in_turn else commands:
                path.write_bytes(damaged)
                ends.append(self.run(words, f"{kind} {number}"))
            if kind in ("data", "weights") and not in_turn:
                self.compare(f"{kind} {number}", ends)
        finally:
            path.write_bytes(whole)
            (self.folder / "swept" / "sweep.csv").write_bytes(index)
            for other in (self.folder / "swept").glob("*.part"):
                other.unlink()
        return ends

    @staticmethod
    def compare(where: str, ends: list[tuple[int, str]]) -> None:
        """What simulate refuses, check and sweep refuse in the same words; a sweep names the point first."""
        (code, said), *others = ends
        if code not in (2, 4):
            return
        for other_code, other_said in others:
            assert (other_code, other_said.replace("dynvert: seed_1: ", "dynvert: ")) == (code, said), \
                f"{where}: simulate: {said}check or sweep: {other_said}"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--copies", type=int, default=300, help="of each kind")
    parser.add_argument("--first", type=int, default=0, help="number of the first copy")
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--in-turn", action="store_true", help="one command for each copy")
    arguments = parser.parse_args()
    kinds = arguments.kinds.split(",")
    faults = []
    memory = pathlib.Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        files = Files(str(pathlib.Path(arguments.program).resolve()), pathlib.Path(folder))
        for kind in kinds:
            files.check_whole(kind)
            ends = []
            for number in range(arguments.first, arguments.first + arguments.copies):
                try:
                    ends += files.read(kind, number, arguments.in_turn)
                except AssertionError as fault:
                    faults.append(str(fault))
                    print(fault, file=sys.stderr, flush=True)
            print(f"{kind}: {arguments.copies} damaged files, {len(ends)} commands, {sum(code != 0 for code, _ in ends)} refused, "
                  f"{sum('crashed in it' in said for _, said in ends)} where HDF5 crashed, "
                  f"{sum('does not return' in said for _, said in ends)} where it did not return", flush=True)
    print(f"at most {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e3:.0f} MB, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
