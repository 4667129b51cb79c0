#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The modules of the tree have no circle and their includes go one way (tests/lint/structure.sh),
# and a small tree in which something is wrong is found to be so.
# plain
set -euo pipefail
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
B=${B:-build}
[[ $B == /* ]] || B=$ROOT/$B
W=$(mktemp -d)
trap 'rm -rf "$W"' EXIT
. "$ROOT/tests/lib/check.sh"
command -v gcc > /dev/null || { echo 'needs gcc'; exit 77; }

cd "$ROOT"
"$ROOT/tests/lint/structure.sh" "$B" || fail 'something is wrong with the tree'

# file NAME < lines
file() {
	mkdir -p "$(dirname "$1")"
	cat > "$1"
}
# A tree that is right: ctl/query/a.c uses b.c, and ctl/print.
tree() {
	rm -rf "$W/tree"
	mkdir "$W/tree"
	cd "$W/tree"
	file ctl/query/a.h <<< 'int a(void);'
	file ctl/query/b.h <<< 'int b(void);'
	file ctl/print/out.h <<< 'int out(void);'
	printf '#include "%s"\n' a.h b.h ctl/print/out.h | file ctl/query/a.c
	echo 'int a(void) { return b() + out(); }' >> ctl/query/a.c
	printf '#include "b.h"\nint b(void) { return 1; }\n' | file ctl/query/b.c
	printf '#include "ctl/print/out.h"\nint puts(const char *);\nint out(void) { return '\
'puts(""); }\n' |
		file ctl/print/out.c
}
# structure: its output in $W/out
structure() {
	local source

	for source in */*/*.c; do
		mkdir -p "build/${source%/*}"
		gcc -I. -c -o "build/${source%.c}.o" "$source"
	done
	"$ROOT/tests/lint/structure.sh" > "$W/out"
}
wrong() {	# wrong WORDS: it fails, and says so
	! structure || fail "passes, with $1"
	grep -qF -- "$1" "$W/out" || fail "no '$1' in: $(< "$W/out")"
}

tree
structure || fail "of the right tree: $(< "$W/out")"
grep -qx 'circles: 0' "$W/out"
grep -qx 'longest include chain, 2 files: ctl/print/out.c > ctl/print/out.h' "$W/out"

tree
printf '#include "a.h"\n#include "b.h"\nint b(void) { return a(); }\n' | file ctl/query/b.c
wrong 'circle of uses:'
grep -qx 'circles: 1' "$W/out"

tree
printf '#include "b.h"\n#pragma once\n' >> ctl/query/a.h
printf '#include "a.h"\n#pragma once\n' >> ctl/query/b.h
sed -i '1i #pragma once' ctl/query/[ab].h
wrong 'circle of includes:'

tree
printf '#include "ctl/query/a.h"\n' >> ctl/print/out.c
wrong 'ctl/print/out.c includes ctl/query/a.h'

tree
printf 'int puts(const char *);\nint c(void) { return puts("c"); }\n' | file ctl/query/c.c
wrong 'ctl/query/c.o uses puts'

tree
file ctl/print/message.h < /dev/null
echo '#include "ctl/print/message.h"' >> ctl/query/a.c
wrong 'the query layer returns errors'

tree
for ((i = 0; i < 40; i++)); do
	file "ctl/print/n$i.h" < /dev/null
done
wrong 'ctl/print has 42 source files'
