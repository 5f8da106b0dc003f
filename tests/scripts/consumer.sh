#!/usr/bin/env bash
# Installs a build into a folder of its own and builds a program against it. Arguments: source folder, build folder.
set -euo pipefail
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
cmake --install "$2" --prefix "$prefix/installed" >/dev/null
cmake -S "$1/tests/consumer" -B "$prefix/build" -G Ninja -DCMAKE_PREFIX_PATH="$prefix/installed" -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build "$prefix/build" >/dev/null
"$prefix/build/consumer"
"$prefix/installed/bin/dynvert" --version
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
