#!/usr/bin/env bash
# What the terminal gets. Arguments: the source folder, the program.
set -uo pipefail
config=$1/examples/smallest.toml program=$2
failed=0
complain() { echo "$1" >&2; failed=1; }

for command in "keys" "check $config" "--version"; do
  # shellcheck disable=SC2086
  message=$("$program" $command 2>&1 >/dev/full)
  [[ $? == 4 ]] || complain "dynvert $command > /dev/full does not end with 4"
  [[ $message == *"standard output: could not be written: No space left"* ]] || complain "dynvert $command > /dev/full: $message"
done

for seed in -1 1e3 x 0.5; do
  message=$("$program" check "$config" --seed=$seed 2>&1)
  [[ $? == 2 ]] || complain "--seed=$seed does not end with 2"
  [[ ${#message} -lt 200 && $message == *"whole number"* ]] || complain "--seed=$seed: $message"
done
exit $failed
