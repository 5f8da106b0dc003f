#!/usr/bin/env bash
# Checks what is staged, in less than two seconds: formatting, scripts, includes, length of files, words.
#
#   ln -s ../../tests/scripts/pre-commit.sh .git/hooks/pre-commit
set -uo pipefail
root=$(git rev-parse --show-toplevel) || exit 1
cd "$root" || exit 1
failed=0
complain() { echo "pre-commit: $1" >&2; failed=1; }

mapfile -t staged < <(git diff --cached --name-only --diff-filter=ACMR)
[ ${#staged[@]} -gt 0 ] || exit 0

# what is committed is the index, not the working tree
content() { git show ":$1"; }

for file in "${staged[@]}"; do
  case $file in
    *.hpp | *.cpp)
      if command -v clang-format-14 >/dev/null &&
        ! content "$file" | clang-format-14 --dry-run --Werror --assume-filename="$file" >/dev/null 2>&1; then
        complain "$file: not formatted; clang-format-14 -i $file"
      fi ;;
    *.sh | .ci/run) content "$file" | bash -n || complain "$file: does not parse" ;;
  esac
  case $file in
    *.hpp | *.cpp | *.py | *.m | *.js | *.cmake | *.sh)
      lines=$(content "$file" | wc -l)
      [ "$lines" -le 500 ] || complain "$file: $lines lines; at most 500" ;;
  esac
done

# includes only go down, and the other rules of the house
tests/scripts/house.sh "$root" || complain "tests/scripts/house.sh: see above"

# words for which CONTRIBUTING.md has another one, in lines that are added, but not in `names`; that page itself may list them
words='gone on with|hangs on rounding|but for rounding|comes? of it|what comes of|has no meaning|have no meaning|serves no model'
words+='|unasked|yardstick|of one.s own|held population|vouches|speaks? of the|in full\b|thinned'
found=$(git diff --cached -U0 --diff-filter=ACMR -- '*.md' '*.hpp' '*.cpp' '*.py' '*.m' '*.js' '*.toml' '*.sh' \
  ':!CONTRIBUTING.md' ':!tests/scripts/pre-commit.sh' | grep -E '^\+[^+]' | sed 's/`[^`]*`//g' | grep -nEi "$words")
if [ -n "$found" ]; then
  echo "$found" >&2
  complain "CONTRIBUTING.md, section Style, has other words for these"
fi
exit $failed
