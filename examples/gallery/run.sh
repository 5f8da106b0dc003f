#!/usr/bin/env bash
# Every figure of Podlaski & Machens (2020) that dynvert reproduces, from our own runs: simulates what is missing, draws, and
# writes a page that shows them all. A few minutes the first time; files of complete runs are kept.
#
#   examples/gallery/run.sh [-o DIR] [-- OPTIONS OF dynvert simulate]
#
# DIR is gallery by default. The program is build/dynvert, or what the variable DYNVERT names. Options after -- go to every
# simulation (--threads 2).
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
program=${DYNVERT:-$root/build/dynvert}
if [ ! -x "$program" ]; then
  echo "gallery: there is no program $program; build it (cmake -S . -B build && cmake --build build), or set DYNVERT" >&2
  exit 2
fi
PYTHONPATH=$root/analysis/python exec "${PYTHON:-/usr/bin/python3}" "$root/examples/gallery/gallery.py" "$program" "$@"
