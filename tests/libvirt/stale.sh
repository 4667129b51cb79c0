#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# libvirt hangs: ticks go on, loss is attributed, status says what is stale; it recovers by itself,
# also from a restart.
# limit 120
. "$(dirname "$0")/../lib/test.sh"
. "$TESTS/lib/libvirt.sh"
need libvirtd virsh qemu-system-x86_64

uuid=6f6f0000-0000-4000-8000-0000000000c1
lv_start
lv_nic ethernet - 52:54:00:00:04:01 "$TAP" 1 | lv_create hang-1 $uuid --paused
ring=$(cat "/sys/class/net/$TAP/tx_queue_len")
agent_start --libvirt qemu:///system
frames "$TAP" $((ring + 100))
expect_lost 100 uuid=$uuid

source_is() {
	ctl --json status | jq -e --arg state "$1" \
		'.sources[] | select(.name | startswith("libvirt")) | .state == $state'
}
wait_for 5 source_is ok
kill -STOP "$LIBVIRTD"
late() {
	ctl --json status | jq .self.late_ticks
}
late=$(late)
wait_for 30 source_is stale
frames "$TAP" 1000
expect_lost 1100 uuid=$uuid	# the cached owner serves
# a busy machine delays some; waiting for libvirt would have cost fifty
at_least $((late + 5)) "$(late)" 'late ticks'
has "$(ctl status)" stale

# A VM that comes meanwhile is found without libvirt.
hold_as qemu-system-x86_64 "$TAP2" ring 10 -- -name guest=meanwhile-1
frames "$TAP2" 60
expect_lost 50 vm=meanwhile-1

kill -CONT "$LIBVIRTD"
wait_for 30 source_is ok
same "$(lost uuid=$uuid)" 1100 'after it went on'

# The daemon may go while the agent writes to it; that is a signal, and libvirt leaves it to the
# program.
kill -PIPE "$AGENT"
lv_stop
wait_for 30 source_is failed
frames "$TAP" 1000
expect_lost 2100 uuid=$uuid
lv_daemon
wait_for 60 source_is ok
frames "$TAP" 1000
expect_lost 3100 uuid=$uuid
same "$(counter "$TAP" tx_dropped)" 3100
