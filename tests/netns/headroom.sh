#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# How full rings are before anything is lost: a guest that does not read holds in its ring what was
# sent to it, to the frame, and of several queues the fullest tells. A ring that loses frames was
# full.
# kernels 5.10 6.12
. "$(dirname "$0")/../lib/test.sh"

# rings NAME: [most frames in a ring, fewest places left] of all rows of the NIC
rings() {
	sqlite3 "$STORE/meta.db" "SELECT id FROM device WHERE name = '$1'" > id
	for day in "$STORE"/timeline-*.db; do
		sqlite3 -json "$day" "SELECT max(ring_peak) AS peak, min(ring_free) AS free, \
sum(ring_samples) AS samples, sum(ring_sum) AS sum
			FROM traffic WHERE device_id IN ($(paste -sd, id))"
	done | jq -sc 'add | [(map(.peak) | max), (map(.free | values) | min), (map(.samples // 0) |
		add), (map(.sum // 0) | add)]'
}

# curve VM: [[NIC, most frames, fewest places]] as timeline tells it
curve() {
	ctl --json timeline "$1" --since -10min |
		jq -c '[.rings[] | [.nic, ([.points[].peak_frames] |
		max), ([.points[].free_frames] | min)]]'
}

known() {
	ctl --json vms | jq -e --arg vm "$1" '.vms | any(.name == $vm)'
}

# looked: the rings were looked into since this was called, and what was found is stored
looked() {
	local from

	from=$(date +%s%N)
	wait_for 30 ticks_since "$from" 25	# a look a second, ticks of 100 ms
	agent_stop
}

hold_as qemu-system-x86_64 "$TAP" queues 4 ring 500 -- -name guest=web-1
hold_as qemu-system-x86_64 "$TAP2" ring 200 -- -name guest=db-1
macvtap "$MVT"
hold_as qemu-system-x86_64 "$MVT" macvtap ring 100 -- -name guest=mac-1
agent_start
for vm in web-1 db-1 mac-1; do
	wait_for 20 known $vm
done
frames "$TAP2" 37
frames "$FAR" 30
frames "$TAP" 300 flows 1
same "$(counter "$TAP" tx_dropped)$(counter "$TAP2" tx_dropped)$(counter "$MVT" rx_dropped)" \
	000 'frames dropped'
looked

case $(uname -r) in
5.* | 6.0.*)	# it cannot be read there: not known, not 0
	same "$(rings "$TAP2" | jq -c '.[0:2]')" '[null,null]' 'rings that cannot be read'
	same "$(curve db-1)" '[]' 'a curve of what is not known'
	agent_start
	has "$(ctl --json status --blind | jq -r '.blind[].loss')" \
		'how close a tap came to losing frames'
	;;
*)
	same "$(rings "$TAP2" | jq -c '.[0:2]')" '[37,163]' 'frames in the ring'
	same "$(rings "$MVT" | jq -c '.[0:2]')" '[30,70]' "frames in a macvtap's ring"
	same "$(rings "$TAP" | jq -c '.[0:2]')" '[300,200]' 'frames in the fullest of four rings'
	same "$(curve db-1)" "[[\"$TAP2\",37,163]]" 'over time'
	rings "$TAP2" | jq -e '.[2] >= 1 and .[3] <= 37 * .[2]' > /dev/null ||
		fail "samples: $(rings "$TAP2")"
	agent_start
	;;
esac

# Full, by what was lost: also where rings cannot be looked into.
frames "$TAP2" 500
n=$(counter "$TAP2" tx_dropped)
same "$n" $((537 - 200)) 'frames that the ring did not take'
expect_lost "$n" nic="$TAP2" class=PTR_FULL
same "$(rings "$TAP2" | jq -c '.[0:2]')" '[200,0]' 'a ring that lost frames'
