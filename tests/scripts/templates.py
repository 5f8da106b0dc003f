#!/usr/bin/env python3
"""A new part is one file and one line: adds the templates of CONTRIBUTING.md to a program that is built already, and
looks for each of them in everything that lists, runs, records or shows parts.

    templates.py SOURCE_DIR BUILD_DIR CXX_COMPILER_ID

Only what the templates add or edit is compiled, room by room, with the flags of the build. The objects come first at the
link, so their registries take the place of the build's. No file of either folder is changed. Exit code 77: skipped.
"""

import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

source, build = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])

CONFIG = """
[experiment]
seed = 1
trials = 3
[task]
kind = "sine_teacher"
samples = 3
[network]
layers = [4, 3, 2]
activation = "softsign"
[learning]
rate = 1e-2
[dynamics]
solver = "midpoint"
dt = 0.05
duration = 5
[record]
trials = [2]
weights_every = 1
measures = ["damping_ratio"]
[[model]]
name = "signs"
credit = "sign_symmetry"
sign_gain = 0.5
[[model]]
name = "signs_2"
credit = "sign_symmetry"
[[model]]
name = "loop"
credit = "sequential_inversion"
alpha = 0.01
feedback = { kind = "negative_transpose" }
"""


def skip(why: str) -> None:
    print(f"skipped: {why}")
    sys.exit(77)


def run(command: list[str], cwd: pathlib.Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{shlex.join(command)}\nexit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def templates() -> tuple[dict[str, str], dict[str, str]]:
    """New files, and files with new lines: path and text."""
    new, edited = {}, {}
    page = (source / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for kind, what, text in re.findall(r"<!-- template( line)?: (.+) -->\n```cpp\n((?:.*\n)*?)```\n", page):
        if not kind:
            path = what.split()[-1]
            assert not (source / path).exists(), f"{path} is there already"
            new[path] = text
            continue
        path, after = what.split(" after ", 1)
        assert path.endswith(".cpp"), f"{path}: whoever includes it is compiled again"
        lines = edited.get(path, (source / path).read_text(encoding="utf-8")).splitlines(keepends=True)
        places = [number for number, line in enumerate(lines) if after in line]
        assert len(places) == 1, f"{path}: {len(places)} lines with {after}; the template needs one"
        lines.insert(places[0] + 1, text)
        edited[path] = "".join(lines)
    lines_of = re.findall(r"<!-- template line: (\S+)", page)
    registries = [path for path in lines_of if path.endswith("registry.cpp")]
    assert len(new) == len(registries) == len(set(registries)) == 4, "four parts are one file and one line each"
    assert set(lines_of) - set(registries) == {"models/circuit/rate_function.cpp"}, "and a rate function is in one file"
    return new, edited


def compile_room(room: str, paths: list[str], overlay: pathlib.Path, commands: list[dict[str, str]]) -> str:
    """The files of one room as one, as a build that unites rooms compiles them."""
    united = f"unity_{room.replace('/', '_')}_cxx.cxx"
    entries = [c for c in commands if pathlib.Path(c["file"]).name == united]
    entries += [c for c in commands if pathlib.Path(c["file"]) == source / room / "registry.cpp"]
    entries += [c for c in commands if pathlib.Path(c["file"]).parent == source / room]
    command = shlex.split(entries[0]["command"])
    unit = overlay / united
    unit.write_text("".join(f'#include "{overlay / path}"\n' for path in paths), encoding="utf-8")
    obj = str(unit.with_suffix(".o"))
    command[command.index("-o") + 1] = obj
    command[command.index("-c") + 1] = str(unit)
    run(command, pathlib.Path(entries[0]["directory"]))
    return obj


def link(objects: list[str], program: pathlib.Path) -> None:
    if (build / "build.ninja").exists():
        command = run(["ninja", "-C", str(build), "-t", "commands", "dynvert"]).strip().splitlines()[-1]
        command = command.removeprefix(": && ").removesuffix(" && :")
        folder = build
    else:
        folder = build / "sim"
        command = (folder / "CMakeFiles/dynvert.dir/link.txt").read_text(encoding="utf-8")
    words = shlex.split(command)
    words[words.index("-o") + 1] = str(program)
    first = next(i for i, word in enumerate(words) if word.endswith("main.cpp.o"))
    run([*words[:first], "-Wl,--allow-multiple-definition", *objects, *words[first:]], folder)


def main() -> None:
    database = build / "compile_commands.json"
    if not database.exists():
        skip("the build has no compile_commands.json")
    commands = json.loads(database.read_text(encoding="utf-8"))
    united = any("/unity_" in c["file"] for c in commands)
    if united and sys.argv[3] != "GNU":
        skip("a compiler that binds calls within a room to the registry that is replaced")

    new, edited = templates()
    with tempfile.TemporaryDirectory() as folder:
        overlay = pathlib.Path(folder)
        rooms: dict[str, list[str]] = {}
        for path, text in (new | edited).items():
            (overlay / path).parent.mkdir(parents=True, exist_ok=True)
            (overlay / path).write_text(text, encoding="utf-8")
            rooms.setdefault(str(pathlib.PurePosixPath(path).parent), []).append(path)
        program = overlay / "dynvert"
        link([compile_room(room, paths, overlay, commands) for room, paths in rooms.items()], program)
        shows(program, overlay)


def shows(program: pathlib.Path, folder: pathlib.Path) -> None:
    def dynvert(*arguments: str) -> str:
        return run([str(program), *arguments], folder)

    def expect(text: str, where: str, *names: str) -> None:
        for name in names:
            assert name in text, f"{where} does not show {name}:\n{text[:2000]}"

    (folder / "parts.toml").write_text(CONFIG, encoding="utf-8")
    frequency = ("--set", "task.frequency=2.5")  # the task's key, also after the file
    expect(dynvert("check", "parts.toml", *frequency), "check", "sine_teacher", "sign_symmetry", "midpoint")
    dynvert("simulate", "parts.toml", *frequency, "-o", "run.h5", "--quiet")
    expect(dynvert("inspect", "run.h5"), "inspect", "signs", "midpoint")
    expect(dynvert("inspect", "run.h5", "--model", "loop"), "inspect --model", "damping ratio")

    models = {model["name"]: model for model in json.loads(dynvert("inspect", "run.h5", "--json"))["models"]}
    assert models["signs"]["credit"] == "sign_symmetry", models
    assert "sign_gain" in models["signs"]["parameters"], models  # in which the two models differ
    loop = models["loop"]["stability"][-1]["loops"][0]
    assert models["loop"]["solver"] == "midpoint" and 0 < loop["damping_ratio"] <= 1, models
    # |R(z)| < 1 on the negative axis from -2 on, as for Heun's method, of the same polynomial
    assert abs(loop["largest_stable_step_midpoint"] - loop["largest_stable_step_heun"]) < 1e-9, loop

    dynvert("inspect", "run.h5", "--model", "loop", "--map", "alpha=1e-3:1:log,ratio=0.1:10:log", "--points", "3",
            "-o", "map.h5")
    if (build / "report/node_modules/uplot").exists():  # the plotting library
        dynvert("report", "run.h5", "-o", "run.html")
        page = (folder / "run.html").read_text(encoding="utf-8")
        expect(page, "the report", "sign_symmetry", "midpoint", "damping ratio")

    for key, name in (("task.kind", "sine_teacher"), ("task.frequency", "Frequency w"), ("model.credit", "sign_symmetry"),
                      ("model.sign_gain", "Factor k"), ("dynamics.solver", "midpoint"),
                      ("record.measures", "damping_ratio"), ("network.activation", "softsign")):
        expect(dynvert("keys", key), f"keys {key}", name)
    expect(dynvert("keys", "--markdown"), "docs/configuration.md", "`sine_teacher`", "| `frequency` |", "`sign_symmetry`",
           "| `sign_gain` |", "`midpoint`", "`damping_ratio`", "`softsign`")

    sys.dont_write_bytecode = True
    sys.path.insert(0, str(source / "analysis/python"))
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    import dynvert as package  # pylint: disable=import-outside-toplevel

    with package.open_run(folder / "run.h5") as opened:
        assert opened.models == ("signs", "signs_2", "loop"), opened.models
        assert "damping_ratio_2" in opened["loop"].learning, opened["loop"].learning
    with package.open_map(folder / "map.h5") as opened:
        assert opened["loop"]["damping_ratio_2"].shape == (3, 3)
    print("softsign, sign_symmetry, midpoint, sine_teacher, damping_ratio: in all that shows parts")


if __name__ == "__main__":
    main()
