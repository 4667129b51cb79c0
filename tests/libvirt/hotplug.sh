#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An interface that is plugged into a running domain is known within a second, and one that is
# pulled out is closed.
# limit 120
. "$(dirname "$0")/../lib/test.sh"
. "$TESTS/lib/libvirt.sh"
need libvirtd virsh qemu-system-x86_64

uuid=6f6f0000-0000-4000-8000-0000000000b1
lv_start
lv_nic ethernet - 52:54:00:00:03:01 "$TAP" 1 | lv_create plug-1 $uuid
agent_start --libvirt qemu:///system --interval 100
guest $uuid ping	# a guest that still boots does not give a device back

nics() {
	ctl --json vms | jq -c --arg uuid $uuid '[.vms[] | select(.uuid == $uuid) | .nics[] |
		select(.until_ns == null) | [.ifname, .mac]]'
}
nics_are() {
	[[ $(nics) == "$1" ]]
}
wait_for 5 nics_are "[[\"$TAP\",\"52:54:00:00:03:01\"]]"

lv_nic ethernet - 52:54:00:00:03:02 "$TAP2" 1 > nic.xml
virsh -q attach-device plug-1 nic.xml --live >> virsh.log
start=$EPOCHREALTIME
wait_for 5 nics_are "[[\"$TAP\",\"52:54:00:00:03:01\"],[\"$TAP2\",\"52:54:00:00:03:02\"]]"
ms=$(((${EPOCHREALTIME/./} - ${start/./}) / 1000))
((ms <= 1000)) || fail "known after $ms ms"

virsh -q suspend plug-1
frames "$TAP2" $(($(cat "/sys/class/net/$TAP2/tx_queue_len") + 77))
expect_lost 77 uuid=$uuid nic="$TAP2" class=PTR_FULL
virsh -q resume plug-1
virsh -q detach-device plug-1 nic.xml --live >> virsh.log
wait_for 20 nics_are "[[\"$TAP\",\"52:54:00:00:03:01\"]]"
same "$(lost uuid=$uuid class=PTR_FULL)" 77 'after it was pulled out'
