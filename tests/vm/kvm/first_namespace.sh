#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The path of a VM in the host's first network namespace, which has a number of its own kind from
# 6.17 on: what a filter and a small MTU take there is counted as in any other namespace.
# By hand, until it has passed on a quiet machine: KERNEL=7.2 needs a line "# kernels 7.2" here.
# level host
. "$(dirname "$0")/../../lib/test.sh"
need nft

same "$(readlink /proc/self/ns/net)" "$(readlink /proc/1/ns/net)" 'the first namespace'
# no frames of the host's own
sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
mac=52:54:00:0a:0a:01 outside=02:00:00:00:00:77
forwards() {
	[[ $(bridge -j link show dev "$1" | jq -r '.[0].state') == forwarding ]]
}
ip link add br0 type bridge mcast_snooping 0
ip link add upl type veth peer name far
ip link set upl master br0
for dev in br0 upl far; do
	ip link set $dev up
done
hold_as qemu-system-x86_64 "$TAP" ring 100 say 40 len 1400 to $outside from $mac -- \
	-name guest=web-1 \
	-netdev "tap,id=n0,ifname=$TAP" -device virtio-net-pci,netdev=n0,mac=$mac
ip link set "$TAP" master br0
bridge fdb add $mac dev "$TAP" master static
bridge fdb add $outside dev upl master static
wait_for 5 forwards "$TAP"
wait_for 5 forwards upl

agent_start --interval 500
owned() {
	ctl --json vms | jq -e --arg tap "$TAP" '[.vms[].nics[].ifname] | contains([$tap])'
}
wait_for 10 owned
settled

nft add table bridge t
nft add chain bridge t in '{ type filter hook prerouting priority 0; }'
nft add rule bridge t in iifname upl counter drop
frames far 30 to $mac
expect_lost 30 vm=web-1 class=PATH direction=rx kind=policy
same "$(nft -j list chain bridge t in | jq '[.. | .counter? // empty | .packets] | add')" \
	30 'what the filter dropped'

ip link set upl mtu 1000
kill -USR2 "$HELD"
wait_for 5 grep -q said "hold.$TAP"
expect_lost 40 vm=web-1 class=PATH direction=tx kind=fault
same "$(counter "$TAP" rx_packets) $(counter upl tx_packets)" '40 0' \
	'what the guest sent and what left'
kill "$HELD"
