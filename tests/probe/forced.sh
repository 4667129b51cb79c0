#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Frames are lost on purpose in each place between sender and capture, and the ledger says where, to
# the frame.
# plain
# limit 400
. "$(dirname "$0")/../lib/test.sh"
. "$TESTS/lib/libvirt.sh"
. "$TESTS/lib/probe.sh"
need libvirtd virsh qemu-system-x86_64 depmod nft tc

probe_start

# during COMMAND WORD...: a run with WORDs; COMMAND TAP is done when its tap is there
during() {
	local command=$1 status=0 pid

	shift
	probe_quietly "$@" &
	pid=$!
	wait_for 20 tap_there
	"$command" "$(tap_name)"
	wait "$pid" || status=$?
	same "$status" 0 "$command: $(cat probe.log)"
	balanced 0
}

# The guest's ring is a few frames long.
probe --frames 20000 --rate 0 --ring-blocks 2 --ring-block 4096
balanced 0
at_least "$(entry guest-ring)" 1 'lost in the guest ring'

short_ring() {
	ip link set "$1" txqueuelen 4
}
during short_ring --frames 20000 --rate 0
at_least "$(entry tap PTR_FULL)" 1 'lost at a tap with a short ring'

short_qdisc() {
	tc qdisc replace dev "$1" root tbf rate 1mbit burst 1600 limit 3000
}
during short_qdisc --frames 2000 --rate 20000
at_least "$(entry tap QDISC)" 1 'lost in the qdisc of the tap'

# It stands still while frames come: its ring fills up, then the tap's; and goes on.
paused() {
	local vm

	vm=$(virsh -q list --name)
	wait_for 30 counter_at_least "$1" tx_packets 2000
	virsh -q suspend "$vm"
	wait_for 30 counter_at_least "$1" tx_dropped 100
	virsh -q resume "$vm"
}
during paused --frames 60000 --rate 10000
at_least "$(entry tap PTR_FULL)" 100 'lost while the guest was paused'

filter() {	# every tenth of ours, so that some come through
	nft -f - <<-'EOF'
		table bridge probe {
			chain out { type filter hook output priority 0;
				ether type 0x88b5 numgen inc mod 10 0 counter drop; }
		}
	EOF
}
during filter --frames 20000 --rate 10000
nft delete table bridge probe
at_least "$(step 0 '[.ledger[] | select(.what | test("NETFILTER|netfilter")) | .frames] |
	add // 0')" 1900 'lost in netfilter'
