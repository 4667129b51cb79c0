#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The same on a macvtap with four queues, whose device counts such a frame as received, dropped and
# erroneous at once.
# kernels 6.1 7.2
. "$(dirname "$0")/../lib/test.sh"

macvtap "$MVT"
hold_as qemu-system-x86_64 "$MVT" macvtap queues 4 ring 500 -- -name guest=mac-1
agent_start
frames "$FAR" 50000 flows 64 to "$(mac_of "$MVT")"

lost=$((50000 - 4 * 500))	# less what the rings hold
same "$(counter "$MVT" rx_dropped)" $lost 'rx_dropped'
expect_lost $lost vm=mac-1 class=PTR_FULL kernel_reason="$(reason FULL_RING)" direction=rx \
	kind=capacity site=tap_handle_frame
same "$(lost vm=mac-1)" $lost 'all that the VM lost'
same "$(rows vm=mac-1 | jq -c 'map(.queue) | unique')" '[0,1,2,3]' 'queues that lost'

kill -USR1 "$HELD"
wait_for 5 grep -q read "hold.$MVT"
same "$(grep read "hold.$MVT" | jq -c .queues)" '[500,500,500,500]' 'frames in the rings'

# 50,000 came in, says rx_packets; those lost are among them.
same "$(counter "$MVT" rx_packets)" 50000 'rx_packets'
# It counts a frame as received before it counts it as dropped: a reading in between is one too many
# for each CPU at work.
delivered=$(ctl --json loss --vm mac-1 --by vm,nic,direction |
	jq '.rows[] | select(.frames == 48000) | .delivered_frames')
at_least "$delivered" 2000
at_least $((2000 + $(nproc))) "$delivered" 'delivered'
same "$(ctl --json audit | jq -c '.rows | map(select(.vm == "mac-1" and .counter == "rx_dropped")
	| [.counted_frames, .explained_frames, .unexplained_frames])')" "[[$lost,$lost,0]]" audit
same "$(ctl --json audit | jq '[.rows[] | select(.vm == "mac-1") | .unexplained_frames // 0] |
	add')" 0 'unexplained'
