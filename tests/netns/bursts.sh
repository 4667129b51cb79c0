#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Bursts: each one with its start, its queue and its frames, exactly once, over restarts and kill
# -9; all frames lost are in them.
# limit 90
. "$(dirname "$0")/../lib/test.sh"

hold_as qemu-system-x86_64 "$TAP" queues 2 ring 100 -- -name guest=bursts-1 \
	-uuid 11111111-2222-3333-4444-5555555555b1
agent_start
in_rings() {
	counter_at_least "$TAP" tx_dropped "$1"
}
frames "$TAP" 600 flows 64		# fills both queues
first=$(counter "$TAP" tx_dropped)
same "$first" 400 'lost at first'
expect_lost 400 vm=bursts-1
bursts() {	# bursts [FILTER]: JSON of the bursts, of queues together
	ctl --json bursts bursts-1
}
sum_is() {
	got=$(bursts | jq "[.bursts[].frames] | add"); echo "sum $got"; [[ $got == "$1" ]]
}
wait_for 10 sum_is 400
same "$(bursts | jq -c '[.bursts[].queue] | sort')" '[0,1]' 'queues'

# Ten bursts with 40 ms between them: the stimulus, no guess. Each start lies between the two clocks
# around it.
declare -a before=() after=()
seen=$(bursts | jq '.bursts | length')
for ((i = 0; i < 10; i++)); do
	sleep 0.04
	before+=("${EPOCHREALTIME/./}000")
	taptool flood "$TAP" $((20 + i)) > /dev/null
	after+=("${EPOCHREALTIME/./}999")
done
wait_for 10 sum_is 645
settled
bursts | jq -c ".bursts[$seen:][] | [.start_ns, .frames, .length_ns]" > list
same "$(wc -l < list)" 10 'bursts'
i=0
while IFS='[,]' read -r _ start frames length _; do
	same "$frames" $((20 + i)) "frames of burst $i"
	at_least "$start" "${before[i]}" "start of burst $i"
	at_least "${after[i]}" $((start + length)) "end of burst $i"
	i=$((i + 1))
done < list
same "$(bursts | jq .lost_frames)" 645 'lost'

# A burst that goes on for longer than it is kept in one piece is one all the same. The sender's own
# pauses are what makes it several.
from=$(bursts | jq '.bursts | length')
taptool flood "$TAP" 6000 rate 3000 > /dev/null
wait_for 10 sum_is 6645
settled
bursts | jq -e ".bursts[$from:] | length < 200 and ([.[].gap_ns | select(. != null and . < \
10000000)] | length == 0)" > /dev/null ||
	fail "bursts of a steady loss: $(bursts | jq -c ".bursts[$from:]" | head -c 2000)"

# Nothing twice and nothing lost: the agent restarts, is killed, is away while frames are lost.
agent_stop
agent_start
settled
sum_is 6645 || fail "after a restart: $(bursts | jq '[.bursts[].frames] | add')"
taptool flood "$TAP" 30 > /dev/null
agent_kill9
taptool flood "$TAP" 31 > /dev/null
agent_start
wait_for 10 sum_is 6706
# brings what was quiet into the ring: told again, stored once
taptool flood "$TAP" 32 > /dev/null
wait_for 10 sum_is 6738
settled
same "$(bursts | jq '[.bursts[].frames] | add')" 6738 'frames in bursts'
expect_lost 6738 vm=bursts-1
text=$(ctl bursts bursts-1 -n 5)
has "$text" "A queue's ring holds 100 frames"
has "$text" 'the newest 5 of'
