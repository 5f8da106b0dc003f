"""Pages of the documentation, followed to the letter in a folder of their own: every command and every program on them is
run, and what they show as output is compared with what comes.

Usage: check_pages.py DYNVERT SOURCE [--keep FOLDER] [--pictures] PAGE..

What a page is made of:

| on the page                                       | here                                                              |
|---------------------------------------------------|-------------------------------------------------------------------|
| ```LANGUAGE after a line that ends "`NAME`:"      | written to NAME; of a file of the source: its paragraphs are there |
| <!-- into NAME, N lines below: LINE --> before it | put there, in the file NAME                                       |
| ```sh, ```python, ```matlab                       | run by bash, Python, Octave                                       |
| ``` after one of these                            | its output: words exactly, numbers within 2 %; "...": any lines   |
| <!-- from FILE --> before ![..](PICTURE.png)      | FILE has been made by then; --pictures copies it to PICTURE.png   |
| <!-- exit code N --> before a block               | it ends so, and its output is what it prints as errors            |
| <!-- not run: WHY --> before a block              | the block and its output are left alone                           |

Other blocks (```toml without a name, ..) are for the eye. The folder has `examples` and `analysis` of the source, and
dynvert is the program, as in a checkout whose build is on the path.
"""

import argparse
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from typing import Iterator, Optional

OCTAVE = ["octave-cli", "--no-init-file", "--quiet"]
NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$")
SKIPPED = 77  # as tests/report.cmake has it
TOLERANCE = 0.02  # rounding differs between processors, and what is shown has 3 or 4 digits


@dataclass
class Place:
    """Where in a file a block is put: so many lines below a line, whatever its indentation."""

    name: str
    below: int
    line: str


@dataclass
class Block:
    line: int
    language: str
    text: str
    name: Optional[str]  #: of the file that it is
    skipped: bool
    into: Optional[Place]
    exit_code: int


@dataclass
class Picture:
    line: int
    made: str
    shown: str


def parts(page: pathlib.Path) -> Iterator["Block | Picture"]:
    lines = page.read_text().splitlines()
    above, made, into, skipped, code = "", None, None, False, 0
    number = 0
    while number < len(lines):
        line = lines[number]
        fence = re.fullmatch(r"```(\w*)", line)
        if fence:
            end = lines.index("```", number + 1)
            name = re.search(r"`([\w./-]+\.\w+)`:$", above)
            yield Block(number + 1, fence[1], "\n".join(lines[number + 1 : end]), name and name[1], skipped, into, code)
            number, above, into, code = end, "", None, 0
            # an output belongs to its block
            skipped = skipped and bool(fence[1])
        elif line.startswith("<!-- not run: "):
            skipped = True
        elif match := re.fullmatch(r"<!-- into (\S+), (\d+) lines below: (.+) -->", line):
            into = Place(match[1], int(match[2]), match[3])
        elif match := re.fullmatch(r"<!-- exit code (\d+) -->", line):
            code = int(match[1])
        elif match := re.fullmatch(r"<!-- from (\S+) -->", line):
            made = match[1]
        elif (match := re.match(r"!\[[^]]*\]\(([^)]+\.png)\)", line)) and made:
            yield Picture(number + 1, made, match[1])
            made = None
        elif line.strip():
            above = line
            skipped = False
        number += 1


def same_word(wanted: str, given: str) -> bool:
    if wanted == given:
        return True
    # a comma or a bracket beside a number is none of it
    wanted, given = wanted.strip("(),;:"), given.strip("(),;:")
    if not (NUMBER.match(wanted) and NUMBER.match(given)):
        return wanted == given
    return math.isclose(float(wanted), float(given), rel_tol=TOLERANCE)


def same_line(wanted: str, given: str) -> bool:
    a, b = wanted.split(), given.split()
    return len(a) == len(b) and all(map(same_word, a, b))


def compare(wanted: list[str], given: list[str]) -> Optional[str]:
    """The first line of the page that the output does not have; None: it is as shown."""
    if not wanted:
        return None if not given else f"nothing more, and there is {given[0]!r}"
    if wanted[0].strip() == "...":
        if any(compare(wanted[1:], given[k:]) is None for k in range(len(given) + 1)):
            return None
        return f"{wanted[1]!r} and what follows" if len(wanted) > 1 else None
    if not given:
        return f"{wanted[0]!r}, and there is no more"
    if not same_line(wanted[0], given[0]):
        return f"{wanted[0]!r}, and there is {given[0]!r}"
    return compare(wanted[1:], given[1:])


class Follower:
    def __init__(self, program: pathlib.Path, source: pathlib.Path, page: pathlib.Path, folder: pathlib.Path):
        self.source, self.page, self.folder = source, page, folder
        self.output: Optional[str] = None
        tools = folder / ".tools"
        tools.mkdir()
        (tools / "dynvert").symlink_to(program)
        (tools / "python3").symlink_to("/usr/bin/python3")  # the packages belong to Debian's own
        for name in ("examples", "analysis"):
            (folder / name).symlink_to(source / name)
        # with the simulator, where it was built: with pybind11
        built = program.parent / "python"
        self.can_simulate = any(built.glob("dynvert/_dynvert*.so"))
        self.environment = dict(
            os.environ,
            PATH=f"{tools}:{os.environ['PATH']}",
            PYTHONPATH=str(built if self.can_simulate else source / "analysis/python"),
            PYTHONDONTWRITEBYTECODE="1",
            MPLBACKEND="Agg",
            DYNVERT=str(source),
        )

    def fail(self, line: int, words: str) -> None:
        sys.exit(f"{self.page}:{line}: {words}")

    def run(self, block: Block) -> None:
        if block.language == "python" and "dynvert.simulate" in block.text and not self.can_simulate:
            print(f"{self.page}:{block.line}: left out, for the simulator was built without pybind11")
            return
        if block.language == "sh":
            command = ["bash", "-e", "-c", block.text]
        elif block.language == "python":
            command = ["/usr/bin/python3", "-c", block.text]
        else:
            # without a screen
            text = "set(0, 'defaultfigurevisible', 'off'); graphics_toolkit('gnuplot');\n" + block.text
            command = [*OCTAVE, "--eval", text]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        if "built without uPlot" in done.stderr:
            print(f"SKIPPED: {done.stderr}")
            sys.exit(SKIPPED)
        if done.returncode != block.exit_code:
            self.fail(block.line, f"exit code {done.returncode}\n{done.stdout}{done.stderr}")
        self.output = done.stderr if block.exit_code else done.stdout

    def write(self, block: Block) -> None:
        known = self.source / block.name
        if known.is_file():
            text = known.read_text()
            for paragraph in block.text.split("\n\n"):
                if paragraph not in text:
                    self.fail(block.line, f"is not what {block.name} says:\n{paragraph}")
        else:
            (self.folder / block.name).write_text(block.text + "\n")

    def insert(self, block: Block, place: Place) -> None:
        path = self.folder / place.name
        lines = path.read_text().splitlines()
        found = [i for i, line in enumerate(lines) if line.strip() == place.line]
        if len(found) != 1:
            self.fail(block.line, f"{place.name} has {len(found)} lines {place.line!r}")
        at = found[0] + place.below
        path.write_text("\n".join([*lines[:at], *block.text.splitlines(), *lines[at:]]) + "\n")
        self.output = None

    def take(self, part: "Block | Picture", pictures: bool) -> None:
        if isinstance(part, Picture):
            made = self.folder / part.made
            if not made.is_file():
                self.fail(part.line, f"nothing has made {part.made}")
            if pictures:
                shutil.copyfile(made, self.page.parent / part.shown)
        elif part.skipped:
            self.output = None
        elif part.into:
            self.insert(part, part.into)
        elif part.name:
            self.write(part)
        elif part.language in ("sh", "python", "matlab"):
            self.run(part)
        elif not part.language and self.output is not None:
            # words at the end of a line, blanks and empty lines at the ends do not count
            difference = compare(part.text.strip().splitlines(), self.output.strip().splitlines())
            if difference:
                self.fail(part.line, f"the page shows {difference}\n--- the output:\n{self.output}")
            self.output = None


def main() -> None:
    arguments = argparse.ArgumentParser(description="Follows pages of the documentation.")
    arguments.add_argument("dynvert", type=pathlib.Path)
    arguments.add_argument("source", type=pathlib.Path)
    arguments.add_argument("pages", nargs="+", help="relative to the source")
    arguments.add_argument("--keep", type=pathlib.Path, help="a folder for what the pages make")
    arguments.add_argument("--pictures", action="store_true", help="write the pages' pictures anew")
    chosen = arguments.parse_args()
    source = chosen.source.resolve()
    for page in chosen.pages:
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(scratch)
            if chosen.keep:
                folder = chosen.keep / pathlib.Path(page).stem
                folder.mkdir(parents=True)
            follower = Follower(chosen.dynvert.resolve(), source, source / page, folder)
            for part in parts(source / page):
                follower.take(part, chosen.pictures)
        print(f"{page}: followed")


if __name__ == "__main__":
    main()
