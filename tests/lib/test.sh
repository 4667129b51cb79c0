# shellcheck shell=bash disable=SC2034	# what is set here is used by the tests
# SPDX-License-Identifier: GPL-2.0-or-later
# What every test is made of; sourced first: . "$(dirname "$0")/../lib/test.sh"
#
# The test runs again below nsinit, in namespaces of its own: whatever kills it, nothing is left
# behind. It starts in an empty directory, with an empty /run, a private bpffs, no IPv6. Several
# agents may count at once on one machine, and each sees the losses of all: so devices have names
# that no other test has ("$TAP", "$TAP2", "$MVT"), and assertions filter by them.
#
# A failed command ends the test and is shown with file and line. Exit status: 0 passed, 77 skipped,
# else failed.

set -euo pipefail
shopt -s inherit_errexit

TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
B=${B:-build}
[[ $B == /* ]] || B=$TESTS/../$B
B=$(cd "$B" && pwd)

if [[ -z ${TAPLOSS_INSIDE:-} ]]; then
	[[ $(id -u) == 0 ]] || { echo 'needs root'; exit 77; }
	TAPLOSS_INSIDE=1 exec "$B/tests/helpers/nsinit" bash "$(realpath "$0")" "$@"
fi

# LeakSanitizer cannot stop the threads of a process in a pid namespace of its own; the unit tests
# and valgrind look for leaks.
export ASAN_OPTIONS=detect_leaks=0

PATH=${TAPLOSS_FIRST:+$TAPLOSS_FIRST:}$B:$B/tests/taptool:$B/tests/helpers:$PATH
W=/run/t		# the test's own directory
STORE=$W/store
AGENT=			# process id of the agent
mkdir $W
cd $W

# Unlike those of any test that runs at the same time: the number of the network namespace is in
# them.
NETNS=$(stat -Lc %i /proc/self/ns/net)
TAG=$(printf %05x $((NETNS % 0x100000)))
TAP=t$TAG TAP2=u$TAG MVT=m$TAG
export TAPLOSS_STORE=$STORE TMPDIR=$W NO_COLOR=1 LC_ALL=C.UTF-8 TZ=UTC

# Output, skipping, undoing.

. "$TESTS/lib/check.sh"

# What somebody needs who looks at a failure.
evidence() {
	local file

	for file in "$W"/*.log; do
		[[ -s $file ]] || continue
		echo "--- ${file##*/}"
		tail -n 15 "$file"
	done
	if [[ -n $AGENT ]] && ! kill -0 "$AGENT" 2> /dev/null; then
		echo '--- the agent has ended'
	fi
	[[ -d $STORE ]] || return 0
	echo '--- taplossctl loss'	# of this test's devices and VMs, or what looks so
	taplossctl loss --masked --by vm,nic,queue,direction,class,reason,kind,site 2>&1 |
		awk -v tag="$TAG" 'NR <= 2 || index($2, tag) || $1 != "-"' | head -n 40 || true
}

trap 'fail "failed: $BASH_COMMAND"' ERR
set -o errtrace

skip() {
	echo "$*"
	trap - ERR
	exit 77
}

need() {
	local program

	for program in "$@"; do
		command -v "$program" > /dev/null || skip "needs $program"
	done
}

# Undone in reverse when the test ends. For what the namespaces do not undo: files outside, other
# processes' state.
DEFERRED=()
defer() {
	DEFERRED+=("$*")
}
# At the end of a test that went well the agent has to end well, too: leaks are found then.
undo() {
	local status=$? i

	if ((status == 0)) && [[ -n $AGENT ]]; then
		agent_stop
	fi
	for ((i = ${#DEFERRED[@]} - 1; i >= 0; i--)); do
		eval "${DEFERRED[i]}" || true
	done
}
trap undo EXIT

# Waiting.

# wait_for SECONDS COMMAND...: until COMMAND succeeds; on a slow machine (TAPLOSS_SLOWER) it gets
# that many times as long
wait_for() {
	local limit=$(($1 * ${TAPLOSS_SLOWER:-1})) start=$EPOCHREALTIME
	shift

	until "$@" > "$W/wait_for.out" 2>&1; do
		if (((${EPOCHREALTIME/./} - ${start/./}) > limit * 1000000)); then
			fail "not within $limit s: $*; the last try said: \
$(head -c 1000 "$W/wait_for.out")"
		fi
		sleep 0.05
	done
}

# The agent and the control program.

ctl() {
	taplossctl --store "$STORE" "$@"
}

# agent_start [OPTION]...: returns when the agent counts and has stored a first tick
agent_start() {
	agent_spawn "$@"
	wait_for 60 agent_ticks
}

agent_spawn() {
	taplossd --store "$STORE" --libvirt none --interval 100 "$@" >> agent.log 2>&1 &
	AGENT=$!
}

agent_ticks() {
	if ! kill -0 "$AGENT"; then
		fail "the agent ended"
	fi
	# The types of tun.ko and tap.ko, which tell some queues and devices, come a moment after
	# the counting itself.
	ctl --json status | jq -e --argjson pid "$AGENT" \
		'.agent.running and .agent.pid == $pid and (.coverage | length > 0)
		and any(.sources[]; (.name == "bpf-sockets" or .name == "counters"
		or .name == "net-dm") and .state == "ok")'
}

agent_stop() {
	local status=0

	kill -TERM "$AGENT"
	wait "$AGENT" || status=$?
	AGENT=
	same "$status" 0 "the agent's exit status"
}

agent_kill9() {
	kill -KILL "$AGENT"
	wait "$AGENT" 2> /dev/null || true
	AGENT=
}

# settled: everything that the kernel had counted when this was called is stored (two whole ticks
# went by)
settled() {
	local from

	from=$(date +%s%N)
	wait_for 20 ticks_since "$from" 2
}

ticks_since() {
	ctl --json status | jq -e --argjson from "$1" --argjson n "$2" \
		'.agent.interval_ns as $i | any(.coverage[]; .to_ns >= $from + $n * $i)'
}

# Loss as stored: rows of `taplossctl loss --json` with every split, as far as they match.
# rows [KEY=VALUE]...   keys: vm uuid nic queue direction class kernel_reason kind site; VALUE null
#                       for none
rows() {
	rows_as . "$@"
}

# rows_as FILTER [KEY=VALUE]...: what jq makes of them
rows_as() {
	ctl --json loss --masked --by vm,nic,queue,direction,class,reason,kind,site |
		jq -c '.rows | map(. as $row | select(all($ARGS.positional[]; . as $arg |
		index("=") as $at
			| ($row[$arg[:$at]] | tostring) == $arg[$at + 1:]))) | '"$1" --args "${@:2}"
}

# lost [KEY=VALUE]...: their frames
lost() {
	rows_as 'map(.frames) | add // 0' "$@"
}

# reason NAME: what this kernel calls it: NONE before it had reasons (5.17)
reason() {
	case $(uname -r) in
	5.[0-9].* | 5.1[0-6].*) echo NONE ;;
	*) echo "$1" ;;
	esac
}

lost_is() {
	local n=$1
	shift
	[[ $(lost "$@") == "$n" ]]
}

# expect_lost FRAMES [KEY=VALUE]...: at once or soon, and not more
expect_lost() {
	local n=$1
	shift

	wait_for 10 lost_is "$n" "$@"
	settled
	same "$(lost "$@")" "$n" "frames lost with $*"
}

# Devices.

# counter DEV NAME
counter() {
	cat "/sys/class/net/$1/statistics/$2"
}

# hold NAME [OPTION]...: a VMM that never reads; HELD is its process id
hold() {
	hold_as taptool "$@"
}

# hold_as ARGV0 NAME [OPTION]... [-- WORDS]: one whose command line looks like that of a real VMM
hold_as() {
	local argv0=$1 out=$W/hold.$2

	shift
	rm -f "$out"	# an earlier one was ready, too

	bash -c 'exec -a "$0" taptool hold "$@"' "$argv0" "$@" > "$out" 2>> hold.log &
	HELD=$!
	wait_for 10 grep -qx READY "$out"
}

let_go() {
	kill -TERM "$1"
	wait "$1" || true
}

# frames DEV N [OPTION]...: exactly N frames out of DEV
frames() {
	taptool flood "$@" > flood.json
	same "$(jq '.sent + .refused' flood.json)" "$2" 'frames sent'
}

# macvtap NAME: a macvtap on one end of a veth pair; frames for it go into the other end, "$FAR"
macvtap() {
	FAR=${1}p
	ip link add "${1}l" type veth peer name "$FAR"
	ip link set "${1}l" up
	ip link set "$FAR" up
	ip link add link "${1}l" name "$1" type macvtap mode bridge
	ip link set "$1" up
}

mac_of() {
	cat "/sys/class/net/$1/address"
}

# counter_at_least DEV NAME N
counter_at_least() {
	(($(counter "$1" "$2") >= $3))
}
