#!/usr/bin/env bash
# Installs a build into a folder of its own and builds programs against it, those of docs/library.md among them. Arguments:
# source folder, build folder.
set -euo pipefail
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
cmake --install "$2" --prefix "$prefix/installed" >/dev/null
# each block of C++ that begins with the name of its file
mkdir "$prefix/programs"
awk -v folder="$prefix/programs" '/^```cpp$/ { begins = 1; next } /^```$/ { file = "" }
  begins { begins = 0; if ($0 ~ /^\/\/ [a-z]+\.cpp$/) file = folder "/" substr($0, 4) } file { print > file }' "$1/docs/library.md"
cmake -S "$1/tests/consumer" -B "$prefix/build" -G Ninja -DPROGRAMS="$prefix/programs" -DCMAKE_PREFIX_PATH="$prefix/installed" -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build "$prefix/build" >/dev/null
"$prefix/build/consumer"
"$prefix/build/stepping" >/dev/null
"$prefix/build/outside"
"$prefix/installed/bin/dynvert" --version
# what comes with it, and nothing empty
for file in README.md LICENSE CHANGELOG.md docs/library.md docs/images/architecture.svg examples/smallest.toml; do
  test -f "$prefix/installed/share/doc/dynvert/$file"
done
test -z "$(find "$prefix/installed" -type d -empty)"
# the readers are installed, too
test -f "$prefix/installed/share/dynvert/matlab/dynvert_read.m"
PYTHONPATH="$prefix/installed/share/dynvert/python" PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m dynvert plot --help >/dev/null
# the circuits are, and the program finds them wherever it was installed
cat >"$prefix/config.toml" <<'END'
[experiment]
trials = 1
[task]
kind = "linear_teacher"
[network]
layers = [3, 2, 1]
[learning]
rate = 0.1
[[model]]
name = "BP"
circuit = "backprop.toml"
END
"$prefix/installed/bin/dynvert" circuit "$prefix/config.toml" | cmp - "$1/examples/circuits/backprop.toml"
# so does the Python module, where it is built
if ls "$2"/python/dynvert/_dynvert*.so >/dev/null 2>&1; then
  PYTHONPATH="$prefix/installed/share/dynvert/python" PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -c \
    'import dynvert, sys; assert sys.argv[2] in dynvert.__file__; dynvert.simulate(sys.argv[1]).close()' "$prefix/config.toml" "$prefix/installed"
fi
