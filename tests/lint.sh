#!/usr/bin/env bash
# Static analysis of models, analysis and sim, which are to be clean: cppcheck. No exceptions.
set -euo pipefail
cd "$(dirname "$0")/.."
. cmake/debian-packages.sh
install_missing cppcheck

cppcheck --version
# Its own parser, with the project's headers and without those of the system: what it does not find it takes as unknown.
mkdir -p build-lint/include
ln -sfn ../.. build-lint/include/dynvert
cppcheck -I build-lint/include --std=c++20 --language=c++ --enable=warning,performance,portability --quiet --error-exitcode=1 \
  -j "$(nproc)" --template='{file}:{line}: {severity}: {message} [{id}]' models analysis sim
