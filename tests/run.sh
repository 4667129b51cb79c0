#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs the tests, two at a time, and shows the output of those that fail: run.sh [PATTERN]...
#
# A test is a program of tests/unit or a script below tests/. It passes with exit status 0, and is
# skipped with 77: its last line then says what is missing. PATTERN is part of a name (netns/full,
# unit/); unit/agent/config is called unit/config, too. A script's comment lines say how it is run
# (docs/HACKING.md). Sanitized programs get four times as long.
#
# KERNEL: some of 5.10, 6.1, 6.12, 7.2, and host, which is this one (default: all). Tests of other
# kernels are called 6.12/netns/full_ring, and run by vm/column.sh. "sanitized" is this kernel with
# programs built for AddressSanitizer and UBSan: san/netns/full_ring. They run when no PATTERN is
# given, or one with san/.
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/lib/directives.sh
B=${B:-build}
export B TAPLOSSCTL=$B/taplossctl TAPLOSSD=$B/taplossd

slower=${TAPLOSS_SLOWER:-1}
[[ $B != *-san ]] || slower=$((slower * 4))
work=$(mktemp -d) || exit 1
declare -A name_of=() started_at=()	# by process id
passed=0 failed=0 skipped=0
again=()		# failed, and may try once more
declare -A tried=()

stop() {
	trap '' INT TERM
	for pid in "${!name_of[@]}"; do
		# columns are process groups
		kill -- "-$pid" 2> /dev/null || kill "$pid" 2> /dev/null
	done
	wait
	rm -rf "$work"
	exit 130
}
trap stop INT TERM HUP

wanted() {	# wanted NAME
	((${#patterns[@]})) || return 0
	local name p

	for name in "$1" "${1/unit\/*\//unit\/}"; do
		for p in "${patterns[@]}"; do
			[[ $p == "=$name" || $name == *$p* ]] && return 0
		done
	done
	return 1
}
patterns=("$@")

path_of() {	# path_of NAME
	case $1 in
	unit/*) echo "$B/tests/${1%/*}/test_${1##*/}" ;;
	*) echo "tests/$1.sh" ;;
	esac
}

option() {	# option NAME WORD: of a script's comment lines
	[[ $1 != unit/* ]] && directive "$(path_of "$1")" "$2"
}

if [[ -z ${KERNEL:-} ]]; then
	KERNEL="host sanitized $(tests/vm/kernel.sh --names | paste -sd ' ')"
	[[ -z $* || $* == *san/* ]] || KERNEL=${KERNEL/sanitized /}
	# sanitized programs are too slow in software emulation
	[[ $B != *-san ]] || KERNEL=host
fi
columns=()	# the other kernels
all=()
for kernel in $KERNEL; do
	[[ $kernel == host || $kernel == sanitized ]] || columns+=("$kernel")
done
for source in tests/unit/*/test_*.c; do
	name=${source#tests/}
	name=${name/test_/}
	all+=("${name%.c}")
done
for script in tests/tree/*.sh tests/ctl/*.sh tests/netns/*.sh tests/capture/*.sh \
	tests/libvirt/*.sh tests/probe/*.sh; do
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

# keep_cells OUTPUT: this kernel's column of the table of loss points; in a test host it is said,
# for whoever draws the table
keep_cells() {
	if [[ -n ${TAPLOSS_COLUMN:-} ]]; then
		sed -n 's/^[a-z0-9_]*|/CELL &/p' "$1"
	else
		cp "$1" "$work/cells.here"
	fi
}

# The loss points on the kernels of this run.
print_matrix() {
	local kernel drawn=()

	for kernel in "${columns[@]}" here; do
		[[ ! -e $work/$kernel ]] || sed -n 's/^CELL //p' \
			"$work/$kernel" > "$work/cells.$kernel"
		[[ ! -s $work/cells.$kernel ]] || drawn+=("$kernel=$work/cells.$kernel")
	done
	((${#drawn[@]} == 0)) || tests/losspoints/matrix.sh "${drawn[@]}"
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
	if [[ $word == FAIL && -z ${tried[$name]:-} ]] && option "$name" again > /dev/null; then
		failed=$((failed - 1)) word=AGAIN tried[$name]=1
		again+=("$name")
	fi
	printf '%s %s (%d.%d s)%s\n' "$word" "$name" $((ms / 1000)) $((ms % 1000 / 100)) "$why"
	[[ $name != netns/losspoints ]] || keep_cells "$output"
	[[ $word != FAIL && $word != AGAIN ]] || sed 's/^/    /' "$output"
}

# waits for one kernel's tests to end, which have said how themselves
finish_column() {
	local pid output

	if ! wait -n -p pid; then
		failed=$((failed + 1))
		echo "FAIL ${name_of[$pid]}: column.sh ended early"
	fi
	output=$work/${name_of[$pid]}
	unset "name_of[$pid]"
	add_up "$output"
}

add_up() {	# add_up FILE: of lines as finish() prints them
	local output=$1

	passed=$((passed + $(grep -c '^PASS ' "$output")))
	failed=$((failed + $(grep -c '^FAIL ' "$output")))
	skipped=$((skipped + $(grep -c '^SKIP ' "$output")))
}

alone=()
for name in "${all[@]}"; do
	[[ " $KERNEL " == *' host '* ]] || break
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
for name in "${again[@]}"; do
	start "$name"
	finish
done

# The same tests with sanitized programs. Left out is what waits for disks or works for other
# programs most of the time.
sanitized() {
	local name names=()

	for name in "${all[@]}"; do
		[[ $name != unit/agent/store_faults && $name != unit/schema/maintain ]] &&
			! option "$name" plain > /dev/null && wanted "san/$name" &&
			names+=("=$name")
	done
	((${#names[@]})) || return 0
	echo 'building with sanitizers' >&2
	if ! env -u MAKEFLAGS -u B make --no-print-directory -s -j"$(nproc)" SANITIZE=1 \
		testbed > "$work/build" 2>&1; then
		echo 'FAIL san/build'
		cat "$work/build" >&2
		return
	fi
	env B=build-san KERNEL=host tests/run.sh "${names[@]}" |
		sed -u -E -e 's,^(PASS|FAIL|SKIP|AGAIN) ,\1 san/,' \
		-e '/^[0-9]+ passed, [0-9]+ failed/d'
}
if [[ " $KERNEL " == *' sanitized '* ]]; then
	sanitized | tee "$work/sanitized"
	add_up "$work/sanitized"
fi

# Two machines at a time, each does all tests of its kernel.
for kernel in "${columns[@]}"; do
	((${#name_of[@]} < 2)) || finish_column
	setsid tests/vm/column.sh "$kernel" "$work/$kernel" "${patterns[@]}" &
	name_of[$!]=$kernel
done
while ((${#name_of[@]})); do
	finish_column
done
print_matrix
rm -rf "$work"

if ((skipped)); then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
((failed == 0 && passed + skipped > 0))
