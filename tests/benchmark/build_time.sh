#!/usr/bin/env bash
# CPU time of a whole build, as examples/quickstart.sh makes it, in units of the time in which the compiler parses one file that
# includes <armadillo>: a figure that says the same on fast and slow machines. Prints it with the ten slowest files.
#
#   tests/benchmark/build_time.sh [PRESET]      a preset of CMakePresets.json (release)
set -euo pipefail
cd "$(dirname "$0")/../.."
preset=${1:-release}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# seconds of user and system time that a command takes
TIMEFORMAT='%U %S'
cpu() { { time "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }; } 2>&1 | awk '{ print $1 + $2 }'; }

echo '#include <armadillo>' >"$work/unit.cpp"
parse() { cpu g++ -std=c++20 -fsyntax-only "$work/unit.cpp"; }
cmake --preset "$preset" -B "$work/build" -DDYNVERT_CCACHE=OFF >/dev/null
before=$(parse)
total=$(cpu cmake --build "$work/build")
# once before the build and once after it, so that a machine whose speed drifts does not decide
after=$(parse)
awk -v total="$total" -v before="$before" -v after="$after" 'BEGIN {
  unit = (before + after) / 2
  printf "one file that includes <armadillo>: %.2f s of CPU time\nbuild: %.0f s, %.0f times as much\n", unit, total, total / unit }'
echo "ten slowest, wall time in s:"
awk 'NR > 1 { printf "%7.1f  %s\n", ($2 - $1) / 1000, $4 }' "$work/build/.ninja_log" | sort -rn | head -n 10
