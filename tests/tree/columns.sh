#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# No line of the tree has more than 100 columns (tests/lint/columns.sh), and one that has is found.
# plain
set -euo pipefail
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
cd "$ROOT"
W=$(mktemp -d)
trap 'rm -rf "$W"' EXIT
. "$ROOT/tests/lib/check.sh"
git rev-parse 2> /dev/null || { echo 'needs the git tree'; exit 77; }

tests/lint/columns.sh || fail 'lines are too long'

chars() {	# chars N CHARACTER
	printf "%$1s\n" '' | sed "s/ /$2/g"
}
{
	chars 100 x
	chars 100 ä
	printf '\t%s\n' "$(chars 92 x)"
} > "$W/right.c"
tests/lint/columns.sh "$W/right.c" || fail 'lines of 100 columns'
{
	chars 101 ä
	printf 'x\t%s\n' "$(chars 93 x)"
	printf '\t\tx\t%s\n' "$(chars 77 x)"
} > "$W/wrong.c"
! tests/lint/columns.sh "$W/wrong.c" > "$W/out" || fail 'lines of 101 columns pass'
[[ $(wc -l < "$W/out") == 3 ]] || fail "not 3 lines: $(< "$W/out")"
{
	echo "| $(chars 100 x) |"
	echo "[x](https://example.org/$(chars 100 x))"
} > "$W/table.md"
tests/lint/columns.sh "$W/table.md" || fail 'tables and addresses cannot be wrapped'
