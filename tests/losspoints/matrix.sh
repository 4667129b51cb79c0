#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What run.sh printed on each kernel, as a table for a terminal: matrix.sh NAME=FILE..., a column
# for each. The document has the long words.
set -euo pipefail

for column in "$@"; do
	sed -n "s/^\\([a-z0-9_]*|\\)/${column%%=*}|\\1/p" "${column#*=}"
done | awk -F'|' -v heads="${*%%=*}" '
	function brief(words, frames) {
		if (sub(/ exact$/, "", words))
			return words " " frames
		if (words ~ /^only by /)
			return substr(words, 9, index(words, ",") - 9) " only"
		if (words ~ /^not visible/)
			return "not visible"
		if (words ~ /^not on this kernel/)
			return "-"
		return "no loss"
	}
	function widen(column, text) {
		if (length(text) > width[column])
			width[column] = length(text)
	}
	!($2 in seen) { seen[$2] = 1; order[++n] = $2; widen(0, $2) }
	{ cell[$2, $1] = brief($3, $4); widen($1, cell[$2, $1]) }
	END {
		widen(0, "LOSS POINT")
		columns = split(heads, head, " ")
		line = sprintf("%-*s", width[0], "LOSS POINT")
		for (i = 1; i <= columns; i++) {
			widen(head[i], head[i])
			line = line sprintf("  %-*s", width[head[i]], head[i])
		}
		print line
		for (k = 1; k <= n; k++) {
			line = sprintf("%-*s", width[0], order[k])
			for (i = 1; i <= columns; i++)
				line = line sprintf("  %-*s", width[head[i]],
					cell[order[k], head[i]])
			sub(/ +$/, "", line)
			print line
		}
	}'
