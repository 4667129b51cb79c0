#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Usage: help from the table of commands, errors of one line, exit status, colour, closed and full
# outputs.
. "$(dirname "$0")/../lib/store.sh"

ctl --help > "$W/out"
for command in status vms top loss timeline bursts diagnose watch events audit mask trace capture \
	gaps ring db; do
	grep -q "^  $command " "$W/out" || fail "--help does not list $command"
	[[ $(ctl $command --help) == "usage: taplossctl $command"* ]] || fail "$command --help"
done
says "taplossctl $(sed -n 's/^VERSION := //p' "$ROOT/Makefile")" ctl --version
exits 2 ctl
same "$(wc -c < "$W/out")" 0 'stdout without a command'

refused 2 'unknown command "nosuch"' ctl nosuch
refused 2 'unknown option "--nosuch"' ctl loss --nosuch
refused 2 'option "--since" needs an argument' ctl loss --since
refused 2 'none of vm, nic' ctl loss --by vm,none
refused 2 'none of rx, tx' ctl loss --direction up
refused 2 'none of capacity, fault' ctl loss --kind bad
refused 2 'not a queue number' ctl loss --queue 1x
refused 2 'not a number' ctl loss --limit many
refused 2 'is not a time' ctl loss --since noon
refused 2 'ends before it begins' ctl loss --since now --until -1h
refused 2 'none of auto, always, never' ctl loss --color blue
refused 2 'unexpected argument' ctl top web-1
refused 2 'backup DIR or export' ctl db vacuum
refused 1 "no store in $W/none: is taplossd running with --store $W/none?" ctl --store "$W/none" vms
refused 1 "no store in $W/none" ctl --store "$W/none" db check

# Options of every command may stand before it and behind it; --store wins over TAPLOSS_STORE.
same "$(ctl --json vms | md5sum)" "$(TAPLOSS_STORE=$W/none ctl vms --store "$STORE" -j | md5sum)"

# Colour only when asked for, or on a terminal.
[[ $(ctl vms --color auto) != *$'\e'* ]] || fail 'colour into a pipe'
has "$(ctl status --color always)" $'\e[1;31m!! stale\e[0m'
[[ $(ctl status --color never) != *$'\e'* ]] || fail '--color never'
if command -v script > /dev/null; then
	on_terminal() {
		TERM=xterm script -qec "$TAPLOSSCTL status" /dev/null < /dev/null
	}
	has "$(NO_COLOR='' on_terminal)" $'\e[1;31m'
	[[ $(NO_COLOR=1 on_terminal) != *$'\e['* ]] || fail 'NO_COLOR'
fi

# A reader that went away is no error message; a full disk is.
same "$({ ctl --json loss "${DAYS[@]}" 2>&1 >&3 | cat; } 3> >(head -c 1 > /dev/null))" '' \
	'after a closed pipe'
for format in --json --csv --color=never; do
	exits 1 sh -c "'$TAPLOSSCTL' $format vms > /dev/full"
	grep -q 'No space left' "$W/err" || fail "$format: a full disk is passed over"
done

# It reads only: not a byte of the store is another one.
before=$(cat "$STORE"/*.db | md5sum)
for command in status vms loss events audit 'top --once' 'timeline web-1' 'db check'; do
	# shellcheck disable=SC2086	# a command and its option
	exits 0 ctl $command
done
same "$(cat "$STORE"/*.db | md5sum)" "$before" 'the store'
