#!/usr/bin/env bash
# Rules of the house that a machine can check. Argument: the source folder.
set -uo pipefail
cd "$1" || exit 1
failed=0
complain() { echo "$1" >&2; failed=1; }

# rooms: includes go down, no file and no room too large
tests/scripts/check_rooms.py . || complain "see docs/architecture.md"
# nothing below the command line prints
if grep -rnE 'std::c(out|err)|\bprintf\(|fmt::print' models analysis; then complain "models and analysis do not print"; fi
# a lock file pins by content, and leaves it to the machine where packages come from
if grep -n '"resolved"' sim/report/package-lock.json; then complain "the lock file names a package registry"; fi
for script in $(find . -name '*.sh' -not -path './build*') .ci/run; do
  bash -n "$script" || complain "$script does not parse"
done
exit $failed
