#!/usr/bin/env python3
"""Holds the includes against the allowed arrows between rooms (docs/architecture.md), and the sizes of files and rooms.

    check_rooms.py SOURCE_DIR [--print]     --print: the arrows that there are

A room is a folder of sources. FLOORS lists them from below. A room may include from every room of a floor below its own,
and from those of its own floor that ALLOWED names.
"""

import collections
import pathlib
import re
import subprocess
import sys

FLOORS = [
    ["models"],
    ["models/kernels"],
    ["models/circuit"],
    ["models/network", "models/equations"],
    ["models/credit", "models/program"],
    ["analysis"],
    ["analysis/trial"],
    ["sim/platform"],
    ["sim/hdf5", "sim/config", "sim/solvers"],
    ["sim/tasks", "sim/record"],
    ["sim/trial"],
    ["sim/experiment"],
    ["sim"],  # the registry of all parts
    ["sim/inspect"],
    ["sim/report", "sim/export"],
    ["sim/sweep"],
    ["sim/commands"],
    ["sim/python"],
]
ALLOWED: dict[str, set[str]] = {"models/program": {"models/credit"}}
MAX_LINES = 500  # of a file
MAX_FILES = 40  # sources in a room


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    floor_of = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
    faults = []
    arrows: dict[str, set[str]] = collections.defaultdict(set)
    rooms = collections.Counter()
    names = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=root, text=True,
                           capture_output=True, check=True).stdout.split("\n")
    for name in names:
        path = root / name
        if not name.endswith((".cpp", ".hpp", ".py", ".m", ".js")) or path.is_symlink() or not path.is_file():
            continue
        lines = path.read_text(encoding="utf-8").count("\n")
        if lines > MAX_LINES:
            faults.append(f"{name} has {lines} lines; at most {MAX_LINES}: split it where it is two things")
        if not name.endswith((".cpp", ".hpp")):
            continue
        room = str(pathlib.PurePosixPath(name).parent)
        rooms[room] += 1
        if name == "sim/main.cpp" or not name.startswith(("models/", "analysis/", "sim/")):
            continue
        if room not in floor_of:
            faults.append(f"{name} is in no room that {pathlib.PurePath(__file__).name} knows")
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            include = re.match(r'#include [<"]dynvert/(.+)/[^/]+[>"]', line)
            if not include or include[1] == room:
                continue
            to = include[1]
            arrows[room].add(to)
            if to not in floor_of:
                faults.append(f"{name}:{number}: there is no room {to}")
            elif floor_of[to] >= floor_of[room] and to not in ALLOWED.get(room, set()):
                faults.append(f"{name}:{number}: {room} may not include from {to}: includes go down")
    for room, count in rooms.items():
        if count > MAX_FILES:
            faults.append(f"{room} has {count} sources; at most {MAX_FILES}: it is more than one room")
    if "--print" in sys.argv:
        for floor in FLOORS:
            for room in floor:
                print(f"{room}: {', '.join(sorted(arrows[room]))}")
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"{len(arrows)} rooms, {sum(len(to) for to in arrows.values())} arrows, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
