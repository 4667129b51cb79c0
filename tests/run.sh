#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs the tests, two at a time, and shows the output of those that fail: run.sh [PATTERN]...
#
# A test is a program of tests/unit or a script below tests/. It passes with exit status 0 and is skipped with 77, its last
# line then says what is missing. PATTERN: part of a name, as netns/full or unit/. A comment line in a script "# alone" makes
# it run when no other does, "# limit N" gives it N seconds in place of 60 (programs: 180). Sanitized programs get four times that.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
export B TAPLOSSCTL=$B/taplossctl TAPLOSSD=$B/taplossd

slower=1
[[ $B != *-san ]] || slower=4
work=$(mktemp -d) || exit 1
declare -A name_of=() started_at=()	# by process id
passed=0 failed=0 skipped=0

stop() {
	trap '' INT TERM
	((${#name_of[@]} == 0)) || kill "${!name_of[@]}" 2> /dev/null
	wait
	rm -rf "$work"
	exit 130
}
trap stop INT TERM HUP

wanted() {	# wanted NAME
	((${#patterns[@]})) || return 0
	local p

	for p in "${patterns[@]}"; do
		[[ $1 == *$p* ]] && return 0
	done
	return 1
}
patterns=("$@")

path_of() {	# path_of NAME
	case $1 in
	unit/*) echo "$B/tests/unit/test_${1#unit/}" ;;
	*) echo "tests/$1.sh" ;;
	esac
}

# option NAME WORD: what follows WORD in the script's line "# WORD ..."; fails when there is none
option() {
	[[ $1 != unit/* ]] && sed -n "/^# $2\\( \\|\$\\)/{s/^# $2 *//p;q0};\$q1" "$(path_of "$1")"
}

all=()
for source in tests/unit/test_*.c; do
	name=${source##*/test_}
	all+=("unit/${name%.c}")
done
for script in tests/ctl/*.sh tests/netns/*.sh tests/libvirt/*.sh; do
	[[ -x $script ]] || continue
	name=${script#tests/}
	all+=("${name%.sh}")
done

start() {	# start NAME
	local limit

	limit=$(option "$1" limit)
	[[ $1 != unit/* ]] || limit=180
	limit=$((${limit:-60} * slower))
	: > "$work/${1//\//.}"
	timeout --kill-after=10 "$limit" "$(path_of "$1")" > "$work/${1//\//.}" 2>&1 < /dev/null &
	name_of[$!]=$1
	started_at[$!]=$EPOCHREALTIME
}

finish() {	# waits for one test to end and says how
	local pid status output ms name

	wait -n -p pid
	status=$?
	name=${name_of[$pid]}
	output=$work/${name//\//.}
	ms=$(((${EPOCHREALTIME/./} - ${started_at[$pid]/./}) / 1000))
	unset "name_of[$pid]" "started_at[$pid]"
	case $status in
	0) passed=$((passed + 1)) word=PASS why= ;;
	77) skipped=$((skipped + 1)) word=SKIP why=": $(tail -n 1 "$output")" ;;
	124 | 137) failed=$((failed + 1)) word=FAIL why=": out of time" ;;
	*) failed=$((failed + 1)) word=FAIL why=": exit status $status" ;;
	esac
	printf '%s %s (%d.%d s)%s\n' "$word" "$name" $((ms / 1000)) $((ms % 1000 / 100)) "$why"
	[[ $word != FAIL ]] || sed 's/^/    /' "$output"
}

alone=()
for name in "${all[@]}"; do
	wanted "$name" || continue
	if option "$name" alone > /dev/null; then
		alone+=("$name")
		continue
	fi
	((${#name_of[@]} < 2)) || finish
	start "$name"
done
while ((${#name_of[@]})); do
	finish
done
for name in "${alone[@]}"; do
	start "$name"
	finish
done
rm -rf "$work"

if ((skipped)); then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
((failed == 0 && passed + skipped > 0))
