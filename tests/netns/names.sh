#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# VM names with quotes, escape sequences, newlines, commas, 10,000 characters, UTF-8: found by
# queries, harmless on a screen.
. "$(dirname "$0")/../lib/test.sh"

long=$(printf 'x%.0s' {1..10000})
names=(
	'plain-1'
	"quotes'\"\`-2"
	$'escape\e[31;1m\e]0;owned\a-3'
	$'new\nline\r\t-4'
	'a, b; c-5'
	'=cmd()|-6'
	'größe-日本-7'
	"$long-8"
	'../../etc/passwd-9'
	"'; DROP TABLE vm; ---10"
	'%s%n%d-11'
	$'bidi\u202eevil\u2066-12'
	' spaces -13'
)

agent_start
for i in "${!names[@]}"; do
	dev=$(printf '%s%02d' "$TAP" "$i")
	# In a QEMU option a comma is written twice.
	hold_as qemu-system-x86_64 "$dev" \
		ring 10 -- -name "guest=${names[i]//,/,,},debug-threads=on"
	frames "$dev" $((110 + i))
done

for i in "${!names[@]}"; do
	expect_lost $((100 + i)) "vm=${names[i]}"
	same "$(ctl --json loss --vm "${names[i]}" --by vm | jq '.rows[].frames')" $((100 + i)) \
		"--vm ${names[i]:0:20}"
	same "$(ctl --json timeline "${names[i]}" | jq '[.series[].points[].frames] | add')" \
		$((100 + i)) "timeline ${names[i]:0:20}"
done

# Nothing that a terminal takes for a command, in any text; every line of the table is one VM.
clean() {
	! LC_ALL=C grep -qP \
		'[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]'
}
for command in vms loss audit 'top --once' status; do
	# shellcheck disable=SC2086	# a command and its option
	ctl $command > text.out
	clean < text.out || fail "$command: control characters"
done
ctl timeline "${names[2]}" > text.out
clean < text.out || fail 'timeline: control characters'

# CSV: as many rows as in JSON, however often a name has a line end or a quote in it.
ctl --csv vms > vms.csv
clean < <(tr -d '\r' < vms.csv) || fail 'CSV: control characters'
n=$(ctl --json vms | jq '.vms | length')
at_least "$n" ${#names[@]}
same "$(printf '.mode csv\n.import vms.csv t\nSELECT count(*) FROM t;' | sqlite3 2>&1)" "$n" \
	'rows of CSV'
! grep -q '^=\|,=' vms.csv || fail 'CSV: a cell that a spreadsheet would run'
