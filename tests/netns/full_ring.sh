#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest with four queues stops reading: every frame that finds its ring full is lost as PTR_FULL,
# counted to the frame.
# kernels
. "$(dirname "$0")/../lib/test.sh"

hold_as qemu-system-x86_64 "$TAP" queues 4 ring 500 -- -name guest=web-1 \
	-uuid 11111111-2222-3333-4444-555555555501 \
	-netdev "tap,id=n0,ifname=$TAP" -device virtio-net-pci,netdev=n0,mac=52:54:00:00:00:01
agent_start
frames "$TAP" 50000 flows 64

in_rings=$((4 * 500))
same "$(counter "$TAP" tx_dropped)" $((50000 - in_rings)) 'tx_dropped'
expect_lost $((50000 - in_rings)) vm=web-1 class=PTR_FULL kernel_reason="$(reason FULL_RING)" \
	direction=rx kind=capacity site=tun_net_xmit
same "$(lost vm=web-1)" $((50000 - in_rings)) 'all that the VM lost'
same "$(rows vm=web-1 | jq -c 'map(.queue) | unique')" '[0,1,2,3]' 'queues that lost'
same "$(rows vm=web-1 | jq -c 'map(.uuid) | unique')" '["11111111-2222-3333-4444-555555555501"]'
same "$(rows vm=web-1 | jq -c 'map(.segments == .frames and .bytes == .frames * 100) | all')" \
	true 'segments and bytes'

# The queues' own share, from the other side: 50,000 frames less what each queue lost and what each
# holds.
kill -USR1 "$HELD"
wait_for 5 grep -q read "hold.$TAP"
same "$(grep read "hold.$TAP" | jq -c .queues)" '[500,500,500,500]' 'frames in the rings'

same "$(ctl --json audit | jq -c --arg nic "$TAP" \
	'.rows | map(select(.vm == "web-1" and .counter == "tx_dropped")
	| [.counted_frames, .explained_frames, .unexplained_frames])')" "[[48000,48000,0]]" audit
same "$(ctl --json audit | jq '[.rows[] | select(.vm == "web-1") | .unexplained_frames // 0] |
	add')" 0 'unexplained'
