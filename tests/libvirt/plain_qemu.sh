#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# No libvirt from the start: plain QEMU processes are named by their command lines, their taps and
# macvtaps by their descriptors.
. "$(dirname "$0")/../lib/test.sh"
need qemu-system-x86_64

# a QEMU of plain NAME MAC NETDEV, one that has not begun to run its guest
plain() {
	qemu-system-x86_64 -name "$1" -uuid "6f6f0000-0000-4000-8000-0000000000$4" -M q35 \
		-accel tcg -m 32 -S -nodefaults -display none \
		-no-user-config -netdev "$3" -device "virtio-net-pci,netdev=n0,mac=$2" >> qemu.log \
		2>&1 &
}

macvtap "$MVT"
node=/dev/tap$(cat "/sys/class/net/$MVT/ifindex")
wait_for 5 test -e "$node"
plain guest=plain-1,debug-threads=on 52:54:00:00:05:01 \
	"tap,id=n0,ifname=$TAP,script=no,downscript=no,queues=2" d1
plain plain-2 "$(mac_of "$MVT")" tap,id=n0,fd=9 d2 9<> "$node"
agent_start	# with --libvirt none

seen() {
	ctl --json vms | jq -e '[.vms[] | select(.uuid != null) | .name] == ["plain-1", "plain-2"]'
}
wait_for 20 seen
same "$(ctl --json vms | jq -c '[.vms[] | select(.name | startswith("plain")) | [.name, .uuid[-2:],
	(.nics[] | .mac, .ifname, .kind, .queues)]]')" \
	"[[\"plain-1\",\"d1\",\"52:54:00:00:05:01\",\"$TAP\",\"tap\",2],[\"plain-2\",\"d2\",\
\"$(mac_of "$MVT")\",\"$MVT\",\"macvtap\",1]]"

ip link set "$TAP" up
frames "$TAP" 5000
frames "$FAR" 5000 to "$(mac_of "$MVT")"
expect_lost "$(counter "$TAP" tx_dropped)" vm=plain-1 class=PTR_FULL direction=rx
expect_lost "$(counter "$MVT" rx_dropped)" vm=plain-2 class=PTR_FULL direction=rx
at_least "$(lost vm=plain-1)" 1000
at_least "$(lost vm=plain-2)" 1000
