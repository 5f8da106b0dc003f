#!/usr/bin/env bash
# dynvert keys at the terminal. Arguments: the source folder, the program.
set -uo pipefail
page=$1/docs/configuration.md program=$2
failed=0
complain() { echo "$1" >&2; failed=1; }

# into grep by a here-string: grep -q leaves a pipe early
grep -q 'dopri5 *Dormand-Prince' <<<"$("$program" keys dynamics.solver)" || complain "keys dynamics.solver: no summaries"
grep -q '^dynamics.max_steps$' <<<"$("$program" keys dynamics)" || complain "keys dynamics: a key is missing"
grep -q '^input.noise_tau$' <<<"$("$program" keys)" || complain "keys: a table is missing"
message=$("$program" keys dynamics.sovler 2>&1)
[[ $? == 2 ]] || complain "an unknown key does not end with 2"
[[ $message == *'did you mean "dynamics.solver"?'* ]] || complain "an unknown key is not told apart: $message"

copy=$(mktemp)
trap 'rm -f "$copy"' EXIT
sed 's/| `dt` |.*/| stale |/' "$page" >"$copy"
"$program" keys --markdown --update "$copy" || complain "--update fails"
cmp "$page" "$copy" || complain "run: dynvert keys --markdown --update docs/configuration.md"
"$program" keys --update "$copy" 2>/dev/null && complain "--update without --markdown is accepted"
"$program" keys --markdown --update "$copy.none" 2>/dev/null
[[ $? == 4 ]] || complain "a page that is not there does not end with 4"
exit $failed
