#!/usr/bin/env bash
# Times dynvert beside a baseline in the same run, on one thread, and writes the table into docs/benchmarks.md: installs
# what is missing (Debian 12), builds, runs. Less than five minutes after the build.
#
#   examples/benchmark.sh [--native] [--filter REGEX] [--repetitions N]
#
#   --native       build for this processor alone (-march=native) in place of any x86-64
#   --filter       only rows whose names the expression fits; prints them and writes nothing
#   --repetitions  of each row; the table has medians (5)
#
# DYNVERT_MNIST names the folder with MNIST's four files; without it learning is timed on synthetic inputs of that shape.
set -euo pipefail
cd "$(dirname "$0")/.."
. cmake/debian-packages.sh

command="examples/benchmark.sh $*"
build=portable flags=
filtered=no
options=()
while [ $# -gt 0 ]; do
  case $1 in
    --native) build=native flags=-march=native ;;
    --filter | --repetitions)
      [ $# -ge 2 ] || { echo "examples/benchmark.sh: $1 takes a value" >&2; exit 2; }
      [ "$1" != --filter ] || filtered=yes
      options+=("$1" "$2")
      shift ;;
    -h | --help) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "examples/benchmark.sh: unknown option $1; allowed: --native, --filter REGEX, --repetitions N" >&2; exit 2 ;;
  esac
  shift
done

# shellcheck disable=SC2086
install_missing $build_packages $benchmark_packages

folder=build-benchmark-$build
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "Building in $folder (a few minutes the first time) ..."
if ! { cmake -S . -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=Release -DDYNVERT_UNITY=ON -DCMAKE_CXX_FLAGS="$flags" -DDYNVERT_TESTS=OFF \
  -DDYNVERT_BENCHMARKS=ON && cmake --build "$folder" --target benchmarks; } >"$work/log" 2>&1; then
  tail -n 40 "$work/log" >&2
  echo "benchmark: the build failed; above is the end of its log" >&2
  exit 1
fi

echo "Timing ..."
OPENBLAS_NUM_THREADS=1 "$folder/tests/benchmark/benchmarks" ${options[@]+"${options[@]}"} --markdown "$work/table"
[ $filtered = no ] || exit 0

# the lines between the markers of this build are replaced
page=docs/benchmarks.md
{
  printf '%s, one thread, %s build: `%s`\n' "$(date -u +%F)" "$build" "${command% }"
  cat "$work/table"
} >"$work/block"
begin="<!-- benchmark table: $build -->"
end="<!-- end of the benchmark table: $build -->"
grep -qF "$begin" $page && grep -qF "$end" $page || { echo "benchmark: $page lacks the line $begin or $end" >&2; exit 1; }
awk -v begin="$begin" -v end="$end" -v block="$work/block" '
  $0 == end { inside = 0 }
  !inside { print }
  $0 == begin { inside = 1; while ((getline line < block) > 0) print line }' $page >"$work/page"
cp "$work/page" $page
echo
echo "Written to $page."
