#!/usr/bin/env bash
# Measures which lines of models, analysis and sim the tests run: the C++ test programs, and the checks in Python that run the
# program. Prints the share of each floor, and fails where one is below 90 %. The lines that no test runs: build-coverage/lines.txt
set -euo pipefail
cd "$(dirname "$0")/.."
. cmake/debian-packages.sh
unset PYTHONPATH PYTHONHOME
least=90
# shellcheck disable=SC2086
install_missing $build_packages $plot_packages $test_packages gcovr

cmake -S . -B build-coverage -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG="-O0 -g0" -DDYNVERT_COVERAGE=ON \
  -DDYNVERT_PRECOMPILE=ON -DDYNVERT_TESTS=ON >/dev/null
cmake --build build-coverage --target dynvert test_models test_analysis test_sim
# counts of an earlier run
find build-coverage -name '*.gcda' -delete

for floor in models analysis sim; do
  RC_PARAMS="seed=20261124 max_success=20" "build-coverage/tests/test_$floor"
done
# What runs the program alone. Not: killed programs, which write no counts; emulated processors; readers and their plots; memory,
# of which counting takes some.
ctest --test-dir build-coverage --output-on-failure -j "$(nproc)" -R '^(program|example|docs|inspect|export|check|report): ' \
  -E 'emulated|Chromium|page|predicts'

below=0
for floor in models analysis sim; do
  gcovr --root . --filter "$floor/" --exclude-unreachable-branches --print-summary -o "build-coverage/$floor.txt" build-coverage \
    >"build-coverage/$floor.summary" 2>/dev/null
  share=$(sed -n 's/^lines: \([0-9.]*\)%.*/\1/p' "build-coverage/$floor.summary")
  printf '%-9s %s\n' "$floor" "$(sed -n 's/^lines: //p' "build-coverage/$floor.summary")"
  awk -v share="$share" -v least=$least 'BEGIN { exit share < least }' || below=1
done
cat build-coverage/{models,analysis,sim}.txt >build-coverage/lines.txt
[ $below = 0 ] || { echo "tests/coverage.sh: below $least %; see build-coverage/lines.txt" >&2; exit 1; }
