#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The table of docs/KERNELS.md out of what run.sh printed on each kernel: table.sh DIR KERNEL...,
# with a file DIR/KERNEL for each (KERNEL "here": the one of the machine that runs the tests).
set -euo pipefail

dir=$1 B=${B:-build}
shift
declare -A what
while read -r name _ text; do
	what[$name]=$text
done < <("$B/tests/taptool/taptool" cases)
what[storm]='two million frames into a full ring'

printf '| case | what'
printf ' | %s' "$@"
printf ' |\n|---|---'
printf '|---%.0s' "$@"
printf '|\n'
cd "$dir"
grep -h '^[a-z0-9_]*|' "$1" | while IFS='|' read -r name _; do
	# shellcheck disable=SC2016	# marks of the document
	printf '| `%s` | %s' "$name" "${what[$name]}"
	for kernel in "$@"; do
		printf ' | %s' "$(sed -n "s/^$name|\\([^|]*\\).*/\\1/p" "$kernel")"
	done
	printf ' |\n'
done
