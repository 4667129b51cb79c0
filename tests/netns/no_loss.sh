#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Delivered frames, closed and resized taps, fragments and a running tcpdump add no loss; emptied
# rings are told apart.
. "$(dirname "$0")/../lib/test.sh"
need tcpdump

agent_start
taptool drain "$TAP" queues 2 > drain.out 2>> hold.log -- -name guest=healthy-1 &
drain=$!
wait_for 10 grep -qx READY drain.out
# room for all that comes: however long the reader has no CPU, nothing is lost
ip link set "$TAP" txqueuelen 25000
# its buffer of 32 KiB is overrun: its own loss, not the VM's
tcpdump -i "$TAP" -B 32 -w /dev/null 2> tcpdump.err &
wait_for 10 grep -q listening tcpdump.err
frames "$TAP" 20000 flows 16 rate 50000

# Datagrams in fragments that nobody puts together.
ip addr add 10.9.0.1/24 dev "$TAP"
ip neigh add 10.9.0.2 lladdr 02:00:00:00:00:02 dev "$TAP"
head -c 60000 /dev/zero | timeout 2 bash -c 'cat > /dev/udp/10.9.0.2/9' || true

# 60,008 bytes in fragments of 1,480; counted when they are read
wait_for 10 counter_at_least "$TAP" tx_packets 20041
sent=$(counter "$TAP" tx_packets)
let_go "$drain"
same "$(tail -n 1 drain.out | jq .read)" "$sent" 'frames read'
settled
same "$(rows_as 'map(select(.class != "CAPTURE"))' nic="$TAP")$(ctl --json loss healthy-1 |
	jq -c .rows)" '[][]' 'loss of a VM that reads everything'

# Rings that are emptied: PURGE, lifecycle, and no counter of the device moves.
for case in purge_close purge_detach purge_delete purge_shrink; do
	dev=$TAP2${case:9:2}
	taptool case $case dev "$dev" count 12 > "$case.json"
	# shrunk: 11 then, 1 at its end
	expect_lost 12 nic="$dev" class=PURGE direction=rx kind=lifecycle
	same "$(lost nic="$dev")" 12 "$case: nothing else"
done
taptool case deliver dev "$TAP2" count 50 > deliver.json
taptool case mvt_deliver dev "$MVT" count 50 > deliver.json
settled
same "$(rows nic="$TAP2")$(rows nic="$MVT")" '[][]' 'loss of delivered frames'
