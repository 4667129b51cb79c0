#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# stats.sh: figures of the C code of the tree in the current directory, as median, 95th percentile
# and largest. A function goes from its first line to its closing brace, which stand in the first
# column. Nesting is the depth of control statements, with or without braces; else if is no deeper
# than if.
set -euo pipefail
export LC_ALL=C
HERE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
FOLDERS='agent bpf collector schema ctl'
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# shellcheck disable=SC2086	# a list of folders
find $FOLDERS -name '*.[ch]' ! -path '*/third_party/*' | sort > "$work/files"
xargs -a "$work/files" awk -f "$HERE/stats.awk" > "$work/figures"

row() {	# row KIND TITLE: of the lines "KIND NUMBER WHERE"
	awk -v kind="$1" '$1 == kind { print $2, $3 }' "$work/figures" | sort -n |
		awk -v title="$2" '
		{ value[NR] = $1; where = $2 }
		END {
			printf "%-28s %6d %6d %6d  %s\n", title, value[int((NR + 1) / 2)],
				value[int(NR * 0.95 + 0.999)], value[NR], where
		}'
}
printf '%-28s %6s %6s %6s\n' '' median p95 max
row function 'lines of a function'
row nesting 'nesting of a function'
row c 'lines of a .c file'
row h 'lines of a .h file'
awk '
	$1 == "c" || $1 == "h" { lines += $2; if ($1 == "h") header_lines += $2 }
	$1 == "comment" { comments += $2; if ($3 ~ /\.h$/) header_comments += $2 }
	$1 == "function" { n++ }
	$1 == "goto" { gotos += $2 }
	END {
		printf "%d lines, %d functions, %d goto\n", lines, n, gotos
		printf "comments: %d %% of the lines, %d %% in headers\n", 100 * comments / lines,
			100 * header_comments / header_lines
	}' "$work/figures"
while read -r file; do
	echo "${file%/*}"
done < "$work/files" | sort | uniq -c | sort -n | tail -n 1 |
	awk '{ print "largest folder: " $2 ", " $1 " source files" }'
"$HERE/columns.sh" > "$work/columns" || true
echo "lines of more than 100 columns: $(wc -l < "$work/columns")"
