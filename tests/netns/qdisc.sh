#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A queueing discipline in front of a tap that drops: its own count agrees with ours, also of what
# was lost while no agent ran.
. "$(dirname "$0")/../lib/test.sh"

hold "$TAP" ring 500
# Either holds 30 frames of 100 bytes for longer than the test takes.
tc qdisc replace dev "$TAP" root netem delay 200s limit 30 2> tc.log ||
	tc qdisc replace dev "$TAP" root tbf rate 8bit burst 100 limit 3000 2>> tc.log ||
	skip 'the kernel has neither sch_netem nor sch_tbf'

dropped() {
	tc -s -j qdisc show dev "$TAP" root | jq 'map(.drops) | add'
}

audit() {
	ctl --json audit | jq -c --arg nic "$TAP" \
		'.rows | map(select(.nic == $nic and .counter == "qdisc_dropped")
		| [.counted_frames, .explained_frames, .unexplained_frames])'
}

audit_is() {
	[[ $(audit) == "$1" ]]
}

frames "$TAP" 50	# before anybody counts
before=$(dropped)
at_least "$before" 1 'frames dropped before'
agent_start
settled
frames "$TAP" 100
n=$(($(dropped) - before))
at_least "$n" 70 'frames dropped'
expect_lost "$n" nic="$TAP" class=QDISC direction=rx kind=capacity
wait_for 10 audit_is "[[$n,$n,0]]"

agent_stop
frames "$TAP" 100
agent_start
n=$(($(dropped) - before))
expect_lost "$n" nic="$TAP" class=QDISC
wait_for 10 audit_is "[[$n,$n,0]]"
