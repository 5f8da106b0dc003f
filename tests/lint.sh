#!/usr/bin/env bash
# Static analysis of models, analysis and sim: cppcheck (seconds; clean, and part of tests/run.sh), and clang-tidy (a quarter of a
# minute a file, so by default only of the files that differ from a revision). What of clang-tidy is excepted, and why: .clang-tidy.
#
#   tests/lint.sh [--cppcheck | --all | --since REVISION]    REVISION by default HEAD: what is not committed
set -euo pipefail
cd "$(dirname "$0")/.."
. cmake/debian-packages.sh
which=since revision=HEAD
while [ $# -gt 0 ]; do
  case $1 in
    --cppcheck | --all) which=${1#--} ;;
    --since) revision=${2:?"--since needs a revision"}; shift ;;
    -h | --help) sed -n '2,6s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "tests/lint.sh: unknown option $1; allowed: --cppcheck, --all, --since REVISION" >&2; exit 2 ;;
  esac
  shift
done
install_missing cppcheck
failed() { echo "tests/lint.sh: $1" >&2; exit 1; }

echo "$(cppcheck --version)"
# Its own parser, with the project's headers and without those of the system: what it does not find it takes as unknown.
# Not of kernels_isa.cpp and kernels_sparse_isa.cpp: version 2.10 does not know C++20's lambdas with template parameters. Nor of
# grammar.cpp, whose macros are Boost.Spirit's.
cppcheck -I include --std=c++20 --language=c++ --enable=warning,performance,portability --quiet \
  --error-exitcode=1 -j "$(nproc)" --template='{file}:{line}: {severity}: {message} [{id}]' \
  -i models/kernels/kernels_isa.cpp -i models/kernels/kernels_sparse_isa.cpp -i models/equations/grammar.cpp \
  models analysis sim ||
  failed "cppcheck is not content"
[ $which != cppcheck ] || exit 0

# shellcheck disable=SC2086
install_missing $build_packages clang-tidy-14
clang-tidy-14 --version | sed -n 's/^ *\(LLVM\|Debian LLVM\) version/clang-tidy/p'
[ -f build-lint/compile_commands.json ] ||
  cmake --preset dev -B build-lint -DDYNVERT_PRECOMPILE=OFF >/dev/null
if [ $which = all ]; then
  files=$(git ls-files 'models/*.cpp' 'analysis/*.cpp' 'sim/*.cpp')
else
  files=$({ git diff --name-only --diff-filter=d "$revision" -- 'models/*.cpp' 'analysis/*.cpp' 'sim/*.cpp'
    git ls-files --others --exclude-standard -- 'models/*.cpp' 'analysis/*.cpp' 'sim/*.cpp'; } | sort -u)
fi
[ -n "$files" ] || { echo "no file differs from $revision"; exit 0; }
xargs -P "$(nproc)" -n 1 clang-tidy-14 -p build-lint --quiet <<<"$files" 2>/dev/null || failed "clang-tidy is not content"
