#!/usr/bin/env bash
# Figure 3a-f of Podlaski & Machens (2020) from a fresh Debian 12 machine: installs what is missing, builds, runs ten models of
# credit assignment on a linear regression with all dynamics, prints a table and draws the learning curves.
set -euo pipefail
cd "$(dirname "$0")/.."
. cmake/debian-packages.sh
unset PYTHONPATH PYTHONHOME

# shellcheck disable=SC2086
install_missing $build_packages $plot_packages

echo "Building (a few minutes the first time) ..."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { cmake --preset release && cmake --build --preset release; } >"$log" 2>&1; then
  tail -n 40 "$log" >&2
  echo "quickstart: the build failed; above is the end of its log" >&2
  exit 1
fi

mkdir -p quickstart
build/dynvert simulate examples/linear_regression.toml -o quickstart/linear_regression.h5 --overwrite
echo
build/dynvert inspect quickstart/linear_regression.h5
echo
build/dynvert plot quickstart/linear_regression.h5 -o quickstart --formats png \
  --only learning_curves,transient --model DI_2 --trial 500
echo "The trajectories are in quickstart/linear_regression.h5; docs/file-format.md says how to open it."
