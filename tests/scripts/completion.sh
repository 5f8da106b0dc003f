#!/usr/bin/env bash
# What bash completes, with the file that is installed for it. Arguments: the source folder, the program.
set -uo pipefail
source_folder=$1 program=$2
source "$source_folder/cmake/dynvert.bash"
failed=0

# The words that bash would offer for a line, each with what it keeps of the word in front.
offered() {
  COMP_LINE=$1 COMP_POINT=${#1}
  COMPREPLY=()
  _dynvert
  printf '%s\n' "${COMPREPLY[@]}"
}
expect() {  # LINE WORD..
  local line=$1 word words
  shift
  words=$(offered "$line")
  for word in "$@"; do
    if ! grep -qxF -- "$word" <<<"$words"; then
      echo "'$line' does not offer '$word' but: ${words//$'\n'/ }" >&2
      failed=1
    fi
  done
}
expect_none() {
  if [[ -n $(offered "$1") ]]; then echo "'$1' offers $(offered "$1")" >&2; failed=1; fi
}

expect "$program " simulate sweep check inspect export recover report keys
expect "$program si" simulate
expect "$program --ver" --version
expect "$program simulate --" --set --seed --threads --output --resume
expect "$program simulate $source_folder/examples/smallest.toml --set " dynamics.solver= network.init.kind= model.DI.alpha= \
  model.DI.feedback.kind=
expect "$program simulate --set dynamics.so" dynamics.solver=
expect "$program sweep --over dynamics.d" dynamics.dt= dynamics.duration=
# the "=" parts words in bash: what follows it alone is put in
expect "$program simulate --set dynamics.solver=r" rk4 rosenbrock4
expect "$program simulate --set network.bias=" true false
expect "$program keys dynamics.s" dynamics.solver dynamics.settle_tolerance
# file names: bash's own
expect_none "$program simulate exam"
expect_none "$program nonsense "
exit $failed
