#!/usr/bin/env bash
# cmake/debian-packages.sh waits for another package manager, and says at once what else is wrong. apt-get is one of this test.
#
#   packages.sh SOURCE_DIR
set -euo pipefail
. "$1/cmake/debian-packages.sh"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/apt-get" <<'EOF'
#!/bin/sh
# fails as often as the file says
echo "$@" >>"$0.calls"
left=$(cat "$0.left")
[ "$left" -gt 0 ] || exit 0
echo $((left - 1)) >"$0.left"
cat "$0.message" >&2
exit 100
EOF
chmod +x "$folder/apt-get"
PATH="$folder:$PATH"
check() { "$@" || { echo "packages.sh: failed: $*" >&2; exit 1; }; }
calls() { wc -l <"$folder/apt-get.calls"; }

echo 2 >"$folder/apt-get.left"
echo "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7 (apt-get)" >"$folder/apt-get.message"
apt_get_when_free -- update -qq 2>"$folder/said"
check [ "$(calls)" -eq 3 ]
check grep -q "waiting" "$folder/said"
check grep -q "DPkg::Lock::Timeout" "$folder/apt-get.calls"

# in vain
echo 1000 >"$folder/apt-get.left"
if apt_wait_seconds=1 apt_get_when_free -- update 2>"$folder/said"; then check false; fi
check grep -q "Could not get lock" "$folder/said"

# for nothing
: >"$folder/apt-get.calls"
echo "E: Unable to locate package nonsense" >"$folder/apt-get.message"
if apt_get_when_free env -- install nonsense 2>"$folder/said"; then check false; fi
check [ "$(calls)" -eq 1 ]
check grep -q "nonsense" "$folder/said"
