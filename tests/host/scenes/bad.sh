#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A bad hour in short: frames are lost in every way that this system has, capacity, fault and
# policy, and each loss is on its VM, to the frame as a second witness has it.
# kernels
. "$(dirname "$0")/lib.sh"

n=${FRAMES:-300}
V=52:54:00:00:10:0a
wait_for 20 service_counts
uplink
guest a tap tapa $A
guest c tap tapc $C deaf
ip link set tapc txqueuelen 100
ip link add br1 type bridge vlan_filtering 1 vlan_default_pvid 0 mcast_snooping 0
ip link add upl1 type veth peer name far1
for dev in upl1 far1 br1; do
	ip link set $dev up
done
guest v tap tapv $V
for dev in upl1 tapv; do
	ip link set $dev master br1
	bridge vlan add vid 10 dev $dev pvid untagged
done
ip link set tapa master br0
ip link set tapc master br0
ip link set nic2 up
ip link add link nic2 name m1 address 52:54:00:00:20:01 type macvtap mode bridge
ip link set m1 txqueuelen 50
wait_for 10 test -c "/dev/tap$(cat /sys/class/net/m1/ifindex)"
guest m1 macvtap m1 52:54:00:00:20:01 deaf
ip link set nic3 netns outside
ip -n outside link set nic3 up
being outside2 ip netns exec outside hexguest device nic3
for dev in tapa tapc tapv upl1; do
	wait_for 20 forwards $dev
done
bridge fdb add $C dev tapc master static
bridge fdb add $OUT dev nic0 master static
bridge fdb add 02:00:00:00:00:99 dev upl1 master static
wait_for 20 known tapa tapc tapv m1
settled

wrong=0
# lost_so NAME FRAMES [KEY=VALUE]...: what has been lost like that
lost_so() {
	local name=$1 frames=$2 got

	shift 2
	settled
	got=$(lost "$@")
	if [[ $got == "$frames" ]]; then
		echo "exact: $name: $frames"
	else
		wrong=$((wrong + 1))
		echo "WRONG: $name: $got, not $frames, with $*"
		losses | sed 's/^/    /'
	fi
}

say outside "$n" "$(frame $C $OUT 88b5 "$(zeros 60)")"
wait_for 10 counter_at_least tapc tx_dropped $((n - 100))
lost_so 'full ring of a tap' "$(counter tapc tx_dropped)" vm=c class=PTR_FULL kind=capacity

say outside2 "$n" "$(frame 52:54:00:00:20:01 $OUT 88b5 "$(zeros 60)")"
wait_for 10 counter_at_least m1 rx_dropped $((n - 50))
lost_so 'full ring of a macvtap' "$(counter m1 rx_dropped)" vm=m1 class=PTR_FULL kind=capacity

nft add table bridge t
nft add chain bridge t in '{ type filter hook prerouting priority 0; }'
nft add rule bridge t in iifname nic0 ether daddr $A counter drop
say outside "$n" "$(frame $A $OUT 88b5 "$(zeros 60)")"
filtered() {
	(($(nft -j list table bridge t | jq '[.. | .counter? // empty | .packets] | add') == n))
}
wait_for 10 filtered
lost_so 'a filter of the bridge' "$n" vm=a class=PATH direction=rx kind=policy
nft delete table bridge t

ip link set upl1 mtu 1000
say v "$n" "$(frame 02:00:00:00:00:99 $V 88b5 "$(zeros 1200)")"
lost_so 'longer than the MTU of the uplink' "$n" vm=v class=PATH direction=tx kind=fault
ip link set upl1 mtu 1500

tc qdisc add dev nic0 root tbf rate 8kbit burst 200 limit 400
say a "$n" "$(frame $OUT $A 88b5 "$(zeros 60)")"
drops=$(tc -s -j qdisc show dev nic0 | jq '.[0].drops')
at_least "$drops" 100 'drops of tbf'
lost_so 'the queue of the uplink' "$drops" vm=a class=PATH direction=tx kind=capacity
tc qdisc del dev nic0 root

say v "$n" "$(frame 02:00:00:00:00:99 $V 8100 "006388b5$(zeros 50)")"
lost_so 'a VLAN that the port is not in' "$n" vm=v direction=tx kind=policy

tc qdisc add dev tapv clsact
tc filter add dev tapv ingress matchall action drop
say v "$n" "$(frame 02:00:00:00:00:99 $V 88b6 "$(zeros 50)")"
lost_so 'tc at the tap' "$n" vm=v class=TC_DROP direction=tx
tc qdisc del dev tapv clsact

ip addr add 10.0.0.1/24 dev br0
nft add table inet filter
nft add chain inet filter input '{ type filter hook input priority 0; policy drop; }'
say a "$n" "$(frame "$(cat /sys/class/net/br0/address)" $A 0800 \
	"$(ipv4 0a00000a 0a000001 11 "$(udp 9 9 "$(zeros 30)")")")"
lost_so 'the firewall of the host, to the host itself' "$n" vm=a class=PATH direction=tx kind=policy

same "$(ctl --json audit | jq '[.rows[].unexplained_frames // 0] | add')" 0 'unexplained'
same "$wrong" 0 'losses that are wrong'
