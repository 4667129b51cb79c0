#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A day in miniature: an agent at 100 ms, a ring that overflows again and again, a bad header now
# and then. The report of it says what the device counted, to the frame, and that so little says
# nothing of knees; backup while the agent writes; prune is the agent's.
# limit 120
. "$(dirname "$0")/../lib/test.sh"
hold "$TAP"
RING=$(cat "/sys/class/net/$TAP/tx_queue_len")
agent_start
wait_for 10 ctl vms

# Frames that find the ring full: all but the first ones.
for round in 1 2 3 4 5 6; do
	frames "$TAP" $((RING + round * 1000))
	settled
done
dropped=$(counter "$TAP" tx_dropped)
same "$dropped" $((5 * RING + 21000)) 'what the ring refused'
expect_lost "$dropped" "nic=$TAP"
settled

report() {
	ctl --json report capacity --since -10min | jq -c "$1"
}
nic() {
	report ".nics[] | select(.nic == \"$TAP\" and .direction == \"rx\") | $1"
}
same "$(report "[.vms[] | select(.nic == \"$TAP\" or .vm != null) | .capacity] | add >= \
$dropped")" true 'lost in the report'
same "$(ctl --json report capacity --since -10min --vm "$TAP" |
	jq -c '[.harmful_frames, .capacity]')" "[$dropped,$dropped]" 'to the frame'
same "$(nic .verdict)" '"not enough evidence"' 'verdict'
same "$(nic .knee)" '"not enough evidence"' 'knee'
same "$(nic '.max_fps > 0 and .lossy_pct > 0')" true 'offered and lossy'
same "$(report .made_up)" false 'real'
ctl report capacity --since -10min -o "$W/page.html"
grep -q "$TAP" "$W/page.html" || fail 'the tap is not on the page'
same "$(grep -c 'MADE-UP HISTORY' "$W/page.html" || true)" 0 'a banner on a real history'

ctl db backup "$W/copy"
same "$(ctl --store "$W/copy" --json loss --by nic |
	jq "[.rows[] | select(.nic == \"$TAP\") | .frames] | add")" "$dropped" 'in the copy'
status=0
ctl db prune --minutes 1d 2> "$W/err" || status=$?
same "$status" 1 'prune beside an agent'
has "$(cat "$W/err")" 'prunes it itself'
agent_stop
ctl db prune --minutes 1d > /dev/null
expect_lost_after() {
	same "$(lost "nic=$TAP")" "$dropped" 'after prune'
}
expect_lost_after
