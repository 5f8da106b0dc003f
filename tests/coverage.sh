#!/usr/bin/env bash
# Measures which lines of models, analysis and sim the tests run. Prints the share of each floor, and fails where one is below
# 90 %. What no test runs, line by line: build-coverage/lines/. A quarter of an hour on two cores, with the build.
#
#   tests/coverage.sh [--report]    --report: of the last run, without another
set -euo pipefail
cd "$(dirname "$0")/.."
. cmake/debian-packages.sh
unset PYTHONPATH PYTHONHOME
least=90
run=yes
for option in "$@"; do
  case $option in
    --report) run=no ;;
    -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "tests/coverage.sh: unknown option $option; allowed: --report" >&2; exit 2 ;;
  esac
done
# shellcheck disable=SC2086
install_missing $build_packages $plot_packages $test_packages llvm-14

build=$PWD/build-coverage
run_tests() {
  cmake --preset coverage >/dev/null
  cmake --build --preset coverage
  rm -rf "$build/profile" "$build/lines"

  # %m: programs of one build add to one file, also at the same time; %4: four files, so that they seldom wait. A program that is
  # killed leaves no counts. Left out: what runs on emulated processors, as an installed library, in a browser; what holds the
  # bits of the program to those of another compiler's (golden); and where counting is in the way, memory that `check` predicts and
  # files that may only have so many bytes.
  RC_PARAMS="seed=20261124 max_success=20" LLVM_PROFILE_FILE="$build/profile/%4m.profraw" \
    ctest --test-dir "$build" --output-on-failure -j "$(nproc)" -E '^golden|emulated|Chromium|predicts|^export: Python|^install|^house|^fuzz'
}
[ $run = no ] || run_tests

llvm-profdata-14 merge -o "$build/all.profdata" "$build"/profile/*.profraw
objects=("$build/dynvert")
for floor in models analysis sim; do objects+=(-object "$build/tests/test_$floor"); done
report() { llvm-cov-14 "$1" "${objects[@]}" -instr-profile "$build/all.profdata" "${@:2}"; }
report show -output-dir "$build/lines" -format text models analysis sim >/dev/null
below=0
for floor in models analysis sim; do
  read -r lines missed share < <(report report "$floor" | awk '$1 == "TOTAL" { print $8, $9, $10 }')
  echo "$floor: $((lines - missed)) of $lines lines, $share"
  awk -v share="${share%\%}" -v least=$least 'BEGIN { exit share < least }' || below=1
done
[ $below = 0 ] || { echo "tests/coverage.sh: below $least %; see build-coverage/lines/" >&2; exit 1; }
