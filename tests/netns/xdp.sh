#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What XDP loses at taps without a frame of the kernel's: redirected into a full ring, programs that
# fail; and what is the device's to tell.
. "$(dirname "$0")/../lib/test.sh"

# on_xdp DEV ANSWER...: until the test ends, or XDP is killed
on_xdp() {
	xdp "$@" > "xdp.$1" 2>> xdp.log &
	XDP=$!
	wait_for 10 grep -qx READY "xdp.$1"
}

audit() {
	ctl --json audit | jq -c --arg nic "$1" --arg counter "$2" \
		'.rows[] | select(.nic == $nic and .counter == $counter)
		| [.counted_frames, .explained_frames, .unexplained_frames]'
}

audit_is() {
	[[ $(audit "$1" "$2") == "$3" ]]
}

hold_as qemu-system-x86_64 "$TAP" ring 16 -- -name guest=in
hold_as qemu-system-x86_64 "$TAP2" say 20 len 60 -- -name guest=out
out=$HELD
agent_start

# Frames that come in by a device are redirected into a tap whose guest does not read: 16 find room.
near=${TAP}n far=${TAP}f
ip link add "$near" type veth peer name "$far"
ip link set "$near" up
ip link set "$far" up
on_xdp "$near" redirect "$TAP"
frames "$far" 100
expect_lost 84 vm=in class=PTR_FULL direction=rx kind=capacity site=tun_xdp_xmit nic="$TAP"
same "$(ctl --json loss --vm in --by from | jq -c '[.rows[].from]')" "[\"$near\"]" \
	'the device that they came in by'
same "$(counter "$TAP" tx_dropped)" "$(audit "$TAP" tx_dropped | jq '.[0]')" tx_dropped
same "$(audit "$TAP" tx_dropped | jq '.[2]')" 0 'unexplained'

# A program that fails on a guest's frames, in the driver: no skb, rx_dropped, and counted once.
on_xdp "$TAP2" abort
kill -USR2 "$out"
wait_for 10 counter_at_least "$TAP2" rx_dropped 20
expect_lost 20 vm=out class=XDP direction=tx kind=fault site=tun_xdp_act kernel_reason=XDP_ABORTED
same "$(lost vm=out)" 20 'all that it lost'
wait_for 10 audit_is "$TAP2" rx_dropped '[20,20,0]'
kill "$XDP"
wait "$XDP" || true

# The same behind a write that may sleep: the kernel makes an skb and frees it, and that is counted,
# once.
ip tuntap add "${TAP}g" mode tap
on_xdp "${TAP}g" abort
bash -c 'exec -a qemu-system-x86_64 taptool case "$@"' - unhandled dev "${TAP}g" count 10 stay -- \
	-name guest=slow > case 2>> case.log &
wait_for 10 grep -q sent case
expect_lost 10 nic="${TAP}g" class=XDP direction=tx
same "$(lost nic="${TAP}g")" 10 'all that it lost'

# One that drops what it likes says so to nobody; the device counts, and the audit shows it.
on_xdp "$TAP2" drop
kill -USR2 "$out"
wait_for 10 counter_at_least "$TAP2" rx_dropped 40
wait_for 10 audit_is "$TAP2" rx_dropped '[40,20,20]'
same "$(lost vm=out)" 20 'a native XDP_DROP was counted'
