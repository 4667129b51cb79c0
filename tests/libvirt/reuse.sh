#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# One domain goes and the next gets its vnetN name: the histories do not mix. One that is renamed
# keeps its history.
# limit 120
. "$(dirname "$0")/../lib/test.sh"
. "$TESTS/lib/libvirt.sh"
need libvirtd virsh qemu-system-x86_64

first=6f6f0000-0000-4000-8000-0000000000a1
second=6f6f0000-0000-4000-8000-0000000000a2
lv_start
agent_start --libvirt qemu:///system

# lose UUID N: N frames more than the ring of its only interface holds; guests that do not run read
# nothing
lose() {
	local dev ring before

	dev=$(virsh -q domiflist "$1" | awk '{ print $1 }')
	ring=$(cat "/sys/class/net/$dev/tx_queue_len")
	before=$(counter "$dev" tx_dropped)
	frames "$dev" $((ring + $2))
	same $(($(counter "$dev" tx_dropped) - before)) "$2" "tx_dropped of $dev"
}

lv_nic ethernet - 52:54:00:00:02:01 - 1 | lv_create one $first --paused
name=$(virsh -q domiflist one | awk '{ print $1 }')
lose $first 111
expect_lost 111 uuid=$first vm=one class=PTR_FULL
virsh -q destroy one

# A libvirt that starts again counts from vnet0 again.
lv_stop
lv_daemon
lv_nic ethernet - 52:54:00:00:02:02 - 1 | lv_create two $second --paused
same "$(virsh -q domiflist two | awk '{ print $1 }')" "$name" 'the interface of the second'
lose $second 222
expect_lost 222 uuid=$second vm=two class=PTR_FULL
same "$(lost uuid=$first class=PTR_FULL)" 111 'the first after the second came'
virsh -q destroy two
settled
same "$(lost uuid=$first class=PTR_FULL),$(lost uuid=$second class=PTR_FULL)" \
	111,222 'after both are gone'
same "$(rows vm=null "nic=$name" class=PTR_FULL)" '[]' "nobody's"

# A new name for a domain that is known: one history, found by both.
lv_nic ethernet - 52:54:00:00:02:01 - 1 | lv_xml one $first > one.xml
{
	virsh -q define one.xml
	virsh -q domrename one one-and-only
	virsh -q start --paused one-and-only
} >> virsh.log
lose $first 333
expect_lost 444 uuid=$first class=PTR_FULL
same "$(rows uuid=$first class=PTR_FULL | jq -c 'map(.vm) | unique')" '["one-and-only"]' name
same "$(ctl --json loss --vm one-and-only --class PTR_FULL --by vm | jq '.rows[0].frames')" \
	444 'by the new name'
same "$(ctl --json loss --vm one --class PTR_FULL --by vm | jq '.rows[0].frames')" \
	444 'by the old name'
