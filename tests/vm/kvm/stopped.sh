#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A real KVM guest with real vhost-net is stopped under traffic: what finds its rings full is its
# loss, to the frame, and every other frame sent is delivered when it goes on.
# kernels 6.1 6.12
. "$(dirname "$0")/../../lib/test.sh"

uuid=6f6f0000-0000-4000-8000-0000000000f1

monitor() {	# monitor COMMAND STATE: then the guest is in STATE
	echo "$1" > /run/kvm.mon.in
	wait_for 20 in_state "$2"
}
in_state() {
	local line

	echo 'info status' > /run/kvm.mon.in
	while read -r -t 2 line <&5; do
		[[ $line != *"VM status: $1"* ]] || return 0
	done
	return 1
}
exec 5<> /run/kvm.mon.out

guest() {
	guestctl /run/kvm.ctl 60 "$@"
}
received() {
	guest 'stat eth0' | jq .rx_packets
}
received_is() {
	[[ $(received) == "$1" ]]
}

agent_start
named() {
	ctl --json vms | jq -e --arg uuid $uuid '.vms[] | select(.uuid == $uuid) | .name == "kvm-1"'
}
wait_for 20 named
same "$(ctl --json vms | jq -c --arg uuid $uuid '.vms[] | select(.uuid == $uuid) | .nics[] |
	[.mac, .ifname, .kind, .backend, .queues]')" \
	'["52:54:00:00:0f:01","kvmtap","tap","vhost",2]'

# It takes what comes.
before=$(received)
same "$(counter kvmtap tx_dropped)" 0 'lost before the test'
frames kvmtap 500 flows 16 rate 500
wait_for 20 received_is $((before + 500))
same "$(counter kvmtap tx_dropped)" 0 'lost by a guest that takes everything'

monitor stop paused
frames kvmtap 5000 flows 16
dropped=$(counter kvmtap tx_dropped)
# the rings hold 100 each, and vhost-net may have 64 in its hand
at_least "$dropped" $((5000 - 2 * (100 + 64)))
expect_lost "$dropped" vm=kvm-1 uuid=$uuid nic=kvmtap class=PTR_FULL \
	kernel_reason="$(reason FULL_RING)" direction=rx kind=capacity
same "$(lost uuid=$uuid)" "$dropped" 'all that the VM lost'
same "$(rows uuid=$uuid | jq -c 'map(.queue) | unique')" '[0,1]' queues

# sent = delivered + dropped + still queued, and nothing is queued when it has gone on. Of each
# queue QEMU itself reads one frame when vhost-net stops with the guest (tap_send() before it hears
# that nobody takes it), which the device counts as delivered and the guest never gets.
at_least $((5000 + 500 - dropped - $(counter kvmtap tx_packets))) 1 \
	'frames in the rings of a guest that is stopped'
monitor cont running
wait_for 20 counter_at_least kvmtap tx_packets $((5000 + 500 - dropped))
same "$(counter kvmtap tx_packets)" $((5000 + 500 - dropped)) 'delivered, as the device counts'
wait_for 20 received_is $((before + 5000 + 500 - dropped - 2))
settled
same "$(counter kvmtap tx_dropped)" "$dropped" 'lost when it had gone on'
same "$(lost uuid=$uuid)" "$dropped" 'all that the VM lost in the end'
same "$(ctl --json audit | jq '[.rows[] | select(.vm == "kvm-1") | .unexplained_frames // 0] |
	add')" 0 'unexplained'
