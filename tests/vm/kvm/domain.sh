#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A domain of libvirt's, with KVM and real vhost-net on a tap of two queues and on a macvtap, gets
# more than it can take while it runs, and while it is suspended: sent = received by the guest +
# lost, to the frame, and the loss is the domain's, by its UUID.
# kernels 6.12
# level kvm
. "$(dirname "$0")/../../lib/test.sh"
export TAPLOSS_DOMAIN=kvm TAPLOSS_BACKEND=vhost
. "$TESTS/lib/libvirt.sh"

uuid=6f6f0000-0000-4000-8000-0000000000f2
mac=52:54:00:00:0f:02 mac2=52:54:00:00:0f:03
ip link set lo up
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6	# the kernel's own frames
echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
ip link add br0 type bridge mcast_snooping 0
ip link add low0 type veth peer name far0
for dev in br0 low0 far0; do
	ip link set $dev up
done
lv_start
{
	lv_nic bridge br0 $mac "$TAP" 2
	lv_nic direct low0 $mac2 "$MVT" 1
} | lv_create kvm-2 $uuid
agent_start --libvirt qemu:///system
guest $uuid ping 'chan eth0 2'
ip link set "$TAP" txqueuelen 100

nics() {
	ctl --json vms | jq -c --arg uuid $uuid \
		'[.vms[] | select(.uuid == $uuid and .name == "kvm-2" and .state == "running") |
		.nics[]
		| [.mac, .ifname, .kind, .backend, .queues]] | sort'
}
nics_are() {
	[[ $(nics) == "$1" ]]
}
wait_for 20 nics_are "[[\"$mac\",\"$TAP\",\"tap\",\"vhost\",2],[\"$mac2\",\"$MVT\",\"macvtap\",\
\"vhost\",1]]"
# Nobody but the kernel's workers touches the rings: one descriptor of vhost-net for each of the
# three.
qemu=$(pgrep -f "guest=kvm-2")
same "$(find "/proc/$qemu/fd" -lname /dev/vhost-net | wc -l)" 3 'descriptors of vhost-net'

received() {	# received NIC: frames that the guest's own driver counted
	guest $uuid "stat $1" | jq .rx_packets
}
received_is() {
	[[ $(received "$1") == "$2" ]]
}
same "$(counter "$TAP" tx_dropped) $(counter "$MVT" rx_dropped)" '0 0' 'lost before the test'
came=$(received eth0)	# while it booted
came2=$(received eth1)

# It takes what comes slowly enough.
frames "$TAP" 300 flows 16 rate 300
frames far0 300 to $mac2 rate 300
wait_for 20 received_is eth0 $((came + 300))
wait_for 20 received_is eth1 $((came2 + 300))
same "$(counter "$TAP" tx_dropped) $(counter "$MVT" rx_dropped)" '0 0' \
	'lost by a guest that takes everything'

# More than it takes: each frame that was sent is received by the guest, or dropped by the device. A
# guest that is fast today gets more of them.
# overwhelm DEV NIC [OPTION]...: until 100 frames are lost; SENT and LOST_NOW are how many were sent
# and lost
overwhelm() {
	local dev=$1 nic=$2 counter=$3 most=200000

	SENT=0 LOST_NOW=0
	ip link set "$nic" txqueuelen 4
	while ((LOST_NOW < 100 && SENT < most)); do
		frames "$dev" 6000 "${@:4}"
		SENT=$((SENT + 6000)) LOST_NOW=$(counter "$nic" "$counter")
	done
	ip link set "$nic" txqueuelen 100
	at_least "$LOST_NOW" 100 "frames lost by $nic, of $SENT to a guest that runs,"
}
overwhelm "$TAP" "$TAP" tx_dropped flows 16
lost_now=$LOST_NOW came=$((came + SENT - 6000))
overwhelm far0 "$MVT" rx_dropped to $mac2
lost_now2=$LOST_NOW came2=$((came2 + SENT - 6000))
wait_for 20 received_is eth0 $((came + 6300 - lost_now))
wait_for 20 received_is eth1 $((came2 + 6300 - lost_now2))
full=$(reason FULL_RING)
expect_lost "$lost_now" vm=kvm-2 uuid=$uuid nic="$TAP" class=PTR_FULL kernel_reason="$full" \
	direction=rx kind=capacity site=tun_net_xmit
expect_lost "$lost_now2" vm=kvm-2 uuid=$uuid nic="$MVT" class=PTR_FULL kernel_reason="$full" \
	direction=rx kind=capacity site=tap_handle_frame
same "$(rows uuid=$uuid nic="$TAP" | jq -c 'map(.queue) | unique')" '[0,1]' queues

# Suspended by libvirt. Of each queue QEMU itself reads one frame when vhost-net stops
# (kvm/stopped), which the guest never gets.
virsh -q suspend kvm-2
frames "$TAP" 2000 flows 16
at_least $(($(counter "$TAP" tx_dropped) - lost_now)) $((2000 - 2 * (100 + 64)))
lost_now=$(counter "$TAP" tx_dropped)
virsh -q resume kvm-2
wait_for 20 received_is eth0 $((came + 8300 - lost_now - 2))
same "$(counter "$TAP" tx_dropped)" "$lost_now" 'lost when it had gone on'
expect_lost "$lost_now" uuid=$uuid nic="$TAP" class=PTR_FULL
same "$(virsh -q domstats --interface kvm-2 | sed -n 's/ *net.0.rx.drop=//p')" "$lost_now" \
	'what libvirt says of the tap'
same "$(lost uuid=$uuid)" $((lost_now + lost_now2)) 'all that the domain lost'
same "$(ctl --json audit | jq '[.rows[] | select(.vm == "kvm-2") | .unexplained_frames // 0] |
	add')" 0 'unexplained'
same "$(ctl --json events kvm-2 | jq -c '[.events[] | select(.vm == "kvm-2" and .nic == null) |
	.event]')" '["found","paused","resumed"]' events
