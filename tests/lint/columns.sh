#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# columns.sh [FILE]...: lines of more than 100 columns, a tab being up to 8 and a character one. Of
# the whole tree when no file is given. Not of third-party files; not lines with a URL, and in
# Markdown not rows of tables: neither can be wrapped.
set -euo pipefail
if (($# == 0)); then
	mapfile -t files < <(git ls-files '*.[ch]' '*.sql' '*.sh' '*.md' '*.js' '*.css' '*.html' \
		'*.[58]' Makefile '*/Makefile' .ci/run | grep -Ev '/(third_party|missing-sources)/')
	set -- "${files[@]}"
fi

LC_ALL=C awk '
	/https?:\/\// || (FILENAME ~ /\.md$/ && /^ *\|/) { next }
	{
		line = $0
		gsub(/[\200-\277]/, "", line)	# all but the first byte of a character
		columns = 0
		n = split(line, part, "\t")
		for (i = 1; i < n; i++) {
			columns += length(part[i])
			columns += 8 - columns % 8
		}
		columns += length(part[n])
		if (columns > 100) {
			print FILENAME ":" FNR ": " columns " columns"
			long++
		}
	}
	END { exit long > 0 }' "$@"
