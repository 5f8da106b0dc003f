#!/usr/bin/env bash
# Installs what is missing (Debian 12), builds, and runs every test: formatting, cppcheck, all of ctest, and, under the address
# and undefined-behaviour sanitizers, the C++ tests once more and the fuzz harnesses for a while; what runs in several threads
# under the thread sanitizer.
#
#   tests/run.sh [--no-sanitizers]
set -euo pipefail
cd "$(dirname "$0")/.."
. cmake/debian-packages.sh
unset PYTHONPATH PYTHONHOME

# RapidCheck draws the same examples every time: a failure here can be seen again. Other seeds are for the desk:
# RC_PARAMS="max_success=5000" build-tests/tests/test_analysis
seed=seed=20261124
export RC_PARAMS=$seed

sanitizers=yes
for option in "$@"; do
  case $option in
    --no-sanitizers) sanitizers=no ;;
    -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "tests/run.sh: unknown option $option; allowed: --no-sanitizers" >&2; exit 2 ;;
  esac
done
step() { printf '\n== %s\n' "$1"; }
failed() { echo "tests/run.sh: failed: $1" >&2; exit 1; }

step "packages"
# shellcheck disable=SC2086
install_missing $build_packages $python_packages $plot_packages $test_packages || failed "packages"

step "formatting (clang-format-14)"
git ls-files '*.hpp' '*.cpp' | xargs clang-format-14 --dry-run --Werror || failed "clang-format-14 -i mends it"

step "static analysis (cppcheck)"
tests/lint.sh --cppcheck || failed "static analysis; tests/lint.sh also runs clang-tidy, by hand"

step "build (warnings are errors)"
cmake --preset test >/dev/null || failed "configure"
cmake --build --preset test || failed "build"

step "tests"
ctest --test-dir build-tests --output-on-failure -j "$(nproc)" || failed "tests"

if [ $sanitizers = yes ]; then
  step "build with the address and undefined-behaviour sanitizers, by Clang"
  # one set of objects: with the coverage that the fuzz harnesses need. File by file, which the build above is not.
  cmake --preset asan >/dev/null || failed "configure for the sanitizers"
  cmake --build --preset asan || failed "build for the sanitizers"
  # beside what follows, which mostly compiles
  sanitized() {
    for floor in models analysis sim; do
      # RapidCheck: the properties were run in full above; so were the runs that are stopped at every call of the system, and
      # what repeats the same calls for numbers alone
      RC_PARAMS="$seed max_success=20" build-sanitize/tests/test_$floor "~[every-call]~[long]~[.]" || return 1
    done
  }
  sanitized >build-sanitize/tests.log 2>&1 &
  tests=$!

  step "what runs in several threads under the thread sanitizer"
  cmake --preset tsan >/dev/null || failed "configure for the thread sanitizer"
  cmake --build --preset tsan || failed "build for the thread sanitizer"
  build-tsan/tests/test_threads "[threads]" || failed "test_threads under the thread sanitizer"

  step "fuzz harnesses"
  tests/fuzz/run.sh --runs 10000 || failed "an input that fails was written to this folder"

  step "C++ tests under the address and undefined-behaviour sanitizers"
  wait $tests || { cat build-sanitize/tests.log; failed "tests under the address and undefined-behaviour sanitizers"; }
  grep -E "^(All tests passed|test cases)" build-sanitize/tests.log
fi
step "all passed"
