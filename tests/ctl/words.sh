#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Names that drive terminals and spreadsheets, broken UTF-8, ids that lead nowhere: shown as what
# they are, found by queries.
. "$(dirname "$0")/../lib/store.sh"

rename() {	# rename SQL-EXPRESSION: of web-1
	sql meta.db <<< "UPDATE vm SET name = $1 WHERE id = 1"
}
shown() {	# shown WANTED: its name in a table
	same "$(ctl vms | awk '/vnet0/ { print $1 }')" "$1" 'in a table'
}
in_json() {
	same "$(ctl --json vms vnet0 | jq -c '.vms[0].name')" "$1" 'in JSON'
}
in_csv() {
	same "$(ctl --csv loss --by vm "${DAYS[@]}" --vm vnet0 | sed -n 2p | cut -d, -f"${2:-1}")" \
		"$1" 'in CSV'
}

rename "'a' || char(27) || '[31mb' || char(10) || char(155)"
shown 'a\x1b[31mb\x0a\x9b'
in_json '"a\u001b[31mb\n'$'\u009b''"'
in_csv 'a\x1b[31mb\x0a\x9b'
same "$(ctl --json loss "${DAYS[@]}" --vm 'a\x1b[31mb\x0a\x9b' | jq '.rows | length > 0')" \
	true 'found by what is shown'
same "$(ctl --json loss "${DAYS[@]}" --vm $'a\e[31mb\n\u009b' | jq '.rows | length > 0')" \
	true 'found by what it is'
ctl timeline vnet0 "${DAYS[@]}" > "$W/out"
! LC_ALL=C grep -q $'\x1b\\|\xc2\x9b' "$W/out" || fail 'timeline sends an escape sequence'
exits 1 ctl loss --vm $'c\e[31m\u202e'
grep -qF 'c\x1b[31m\u{202e}' "$W/err" ||
	fail "an error message repeats control characters: $(cat "$W/err")"

rename "'x' || char(8238) || 'y'"
shown 'x\u{202e}y'
rename "CAST(x'61ffc0af62' AS TEXT)"	# no agent writes that
in_json '"a\\xff\\xc0\\xafb"'
for first in = + - @; do
	rename "'${first}1+1'"
	in_csv "\"'${first}1+1\""
	shown "${first}1+1"
done
rename "'say \"hi\", you'"
same "$(ctl --csv loss --by vm "${DAYS[@]}" --vm vnet0 | sed -n 2p | head -c 20)" \
	'"say ""hi"", you",11' 'in CSV'

# 10,000 characters: whole wherever there is no terminal.
rename "replace(hex(zeroblob(5000)), '0', 'n')"
same "$(ctl vms | awk '/vnet0/ { print length($1) }')" 10000
same "$(ctl --json vms vnet0 | jq '.vms[0].name | length')" 10000

# Ids that lead nowhere, or far.
sql meta.db <<< 'PRAGMA foreign_keys = OFF; UPDATE series SET vm_id = 4000000000, device_id = '\
'4000000000 WHERE id = 1; UPDATE attachment SET device_id = 99 WHERE id = 4'
for command in 'vms --all' loss audit 'timeline web-1' 'top --once' status; do
	# shellcheck disable=SC2086	# a command and its option
	exits 0 ctl $command
done
exits 0 ctl loss "${DAYS[@]}"
exits 0 ctl audit "${DAYS[@]}"
