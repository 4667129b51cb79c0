#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# structure.sh [BUILD]: how the modules of the tree in the current directory depend on each other,
# by its #include lines and by the symbols of the objects in BUILD (build). Fails on
#   a circle of files that include each other, or of objects that use each other's symbols
#   an include that the file "layers" does not allow
#   a folder with more than 40 source files
#   a module that prints and is not one of those that may (PRINTS)
# and prints the longest chain of includes and the number of circles.
set -euo pipefail
export LC_ALL=C
HERE=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
BUILD=${1:-build}
MAX_FILES=40
PROGRAMS='agent bpf collector schema ctl'
# Extended regular expression of the objects that may write to standard output or standard error.
# Others get a FILE from their caller. In collector/ and schema/ none writes even to that.
PRINTS='^(agent/(main|log)|collector/probe/main|ctl/main|ctl/(commands|options|print)/.*'
PRINTS+='|ctl/top/screen.*|ctl/probe/(print|table|run)|ctl/capture/dropped)\.o$'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
complain() {
	echo "structure: $*"
	failures=$((failures + 1))
}

# complain_each FORMAT < lines
complain_each() {
	local line

	while read -r line; do
		# shellcheck disable=SC2059	# the format is ours
		complain "$(printf "$1" "$line")"
	done
}

# Edges "FROM TO" of files. A name without a folder is one of the same folder; what is not there is
# generated.
# shellcheck disable=SC2086	# a list of folders
{ find $PROGRAMS -name '*.[ch]' 2> /dev/null || true; } | sort > "$work/files"
# shellcheck disable=SC2016	# not of the shell
xargs -a "$work/files" awk '
	/^#include "/ { split($0, part, "\""); print FILENAME, part[2] }' | awk '
	NR == FNR { there[$1] = 1; next }
	{
		dir = $1
		sub("/[^/]*$", "", dir)
		to = (dir "/" $2 in there) ? dir "/" $2 : $2
		if (to in there)
			print $1, to
	}' "$work/files" - > "$work/includes"

# Edges of objects: FROM uses a global symbol of TO.
sed -n 's,\.c$,.o,p' "$work/files" | while read -r object; do
	[[ ! -e $BUILD/$object || $object == *.bpf.o ]] || echo "$object"
done > "$work/objects"
# "U" or "D", the symbol, the object that uses or defines it; definitions first
(cd "$BUILD" && xargs -r -a "$work/objects" nm -g --print-file-name) | awk '
	{ object = $1; sub(":.*", "", object) }
	$(NF - 1) ~ /^[A-TV-Z]$/ { print "D", $NF, object }
	$(NF - 1) == "U" { print "U", $NF, object }' | sort > "$work/symbols"
awk '$1 == "D" { where[$2] = $3; next }
	{ uses[++n] = $2; from[n] = $3 }
	END {
		for (i = 1; i <= n; i++)
			if (uses[i] in where && where[uses[i]] != from[i])
				print from[i], where[uses[i]]
	}' "$work/symbols" | sort -u > "$work/uses"

# circles EDGES: each one that tsort finds, on a line
circles() {
	{ tsort "$1" 2>&1 > /dev/null || true; } | awk '/contains a loop/ { if (n) print line; n++;
		line = ""; next }
		{ sub("^tsort: ", ""); line = line " " $0 }
		END { if (n) print line }'
}
for edges in includes uses; do
	circles "$work/$edges" > "$work/circles.$edges"
	complain_each "circle of $edges:%s" < <(sed 's/^/ /' "$work/circles.$edges")
done

awk '
	function folder(path) { sub("/[^/]*$", "", path); return path }
	NR == FNR {
		sub("#.*", "")
		from = $1
		if (sub(":$", "", from))
			for (i = 2; i <= NF; i++)
				may[from, $i] = 1
		next
	}
	{
		from = folder($1)
		to = folder($2)
		if (from != to && !((from, to) in may) && !((from, $2) in may))
			print $1 " includes " $2
	}' "$HERE/layers" "$work/includes" > "$work/wrong"
complain_each '%s: not allowed by tests/lint/layers' < "$work/wrong"

sed 's,/[^/]*$,,' "$work/files" | sort | uniq -c | awk -v max=$MAX_FILES '
	$1 > max { print $2 " has " $1 " source files, more than " max }' > "$work/large"
complain_each '%s' < "$work/large"

awk -v prints="$PRINTS" '
	$1 != "U" || $3 ~ prints { next }
	{ sub("@.*", "", $2); sub("^__", "", $2); sub("_chk$", "", $2) }
	$2 ~ /^(stdout|stderr|v?printf|puts|putchar|perror|v?syslog)$/ { print $3 " uses " $2;
	next }
	$3 ~ "^(collector|schema)/" && $2 ~ /^(v?fprintf|fputs|fputc|putc|fwrite)$/ {
		print $3 " uses " $2
	}' "$work/symbols" > "$work/prints"
complain_each '%s: it is not one of the modules that print' < "$work/prints"
grep '^ctl/query/.* ctl/print/message\.h$' "$work/includes" > "$work/query" || true
complain_each '%s: the query layer returns errors' < "$work/query"

# The longest chain, where there are no circles.
if [[ ! -s $work/circles.includes ]]; then
	awk '
		function length_of(f,   i, n, best) {
			if (f in known)
				return known[f]
			best = 0
			for (i = 1; i <= count[f]; i++)
				if ((n = length_of(next_of[f, i])) > best) {
					best = n
					via[f] = next_of[f, i]
				}
			return known[f] = best + 1
		}
		{ next_of[$1, ++count[$1]] = $2; all[$1] }
		END {
			for (f in all)
				if (length_of(f) > longest || (known[f] == longest && f < first)) {
					longest = known[f]
					first = f
				}
			printf "longest include chain, %d files: ", longest
			for (f = first; f in via; f = via[f])
				printf "%s > ", f
			print f
		}' "$work/includes"
fi
echo "objects: $(wc -l < "$work/objects"), files: $(wc -l < "$work/files")"
echo "circles: $(cat "$work"/circles.* | wc -l)"
((failures == 0))
