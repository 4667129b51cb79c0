#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A healthy hour in short: sound traffic of every kind that a host has, and not one frame of loss is
# reported. FRAMES of each kind (300); what was read shows that they arrived.
# kernels
. "$(dirname "$0")/lib.sh"

n=${FRAMES:-300}
ip_a=0a00000a ip_c=0a00000c ip_out=0a000077		# 10.0.0.0/24
wait_for 20 service_counts
modprobe br_netfilter
sysctl -qw net.bridge.bridge-nf-call-iptables=1 net.ipv4.ip_forward=1

# The network: a bridge with an uplink and an address of the host, a VLAN-aware one, macvtaps, a
# VPN, a container, a firewall that drops what it does not know.
uplink
ip addr add 10.0.0.1/24 dev br0
guest a tap tapa $A
guest c tap tapc $C
ip link add br1 type bridge vlan_filtering 1 vlan_default_pvid 0 mcast_snooping 0
ip link add upl1 type veth peer name far1
for dev in upl1 far1 br1; do
	ip link set $dev up
done
ip link set upl1 master br1
bridge vlan add vid 10 dev upl1
guest v tap tapv 52:54:00:00:10:0a
guest w tap tapw 52:54:00:00:10:0c
for dev in tapv tapw; do
	ip link set $dev master br1
	bridge vlan add vid 10 dev $dev pvid untagged
done
ip link set nic2 up
ip link set nic3 netns outside
ip -n outside link set nic3 up
for dev in m1 m2; do
	ip link add link nic2 name $dev address 52:54:00:00:20:0${dev#m} type macvtap mode bridge
	wait_for 10 test -c "/dev/tap$(cat /sys/class/net/$dev/ifindex)"
	guest $dev macvtap $dev 52:54:00:00:20:0${dev#m}
done
ip link set tapa master br0
ip link set tapc master br0
ip netns add container
ip netns exec container bash -c "exec taptool drain tapk" > drain.k &
being tun hexguest tun tun9
ip addr add 10.9.0.1/24 dev tun9
ip link set tun9 up
nft add table inet filter
nft add chain inet filter input '{ type filter hook input priority 0; policy drop; }'
nft add rule inet filter input iifname lo accept
nft add rule inet filter input ct state established,related accept
for dev in tapa tapc tapv tapw upl1; do
	wait_for 20 forwards $dev
done
tcpdump -i br0 -w /dev/null 2> tcpdump.err &
wait_for 20 known tapa tapc tapv tapw m1 m2
settled

reported() {
	ctl --json loss --by vm,nic,direction,class,place,reason,site,kind |
		jq -c '.rows[] | [.vm, .nic, .direction, .class, .place, .kernel_reason, .site,
			.kind, .frames]'
}
false_losses=0 before=$(reported)
# sound NAME: what has been sent since the last one is no loss
sound() {
	local now

	settled
	now=$(reported)
	if [[ $now != "$before" ]]; then
		false_losses=$((false_losses + 1))
		echo "FALSE LOSS: $1"
		comm -13 <(sort <<< "$before") <(sort <<< "$now") | sed 's/^/    /'
	else
		echo "sound: $1"
	fi
	before=$now
}

sound 'nothing was sent'
say a "$n" "$(arp $A $ip_a $ip_c)"
sound 'broadcasts of a guest (ARP)'
say outside "$n" "$(arp $OUT $ip_out $ip_a)"
sound 'broadcasts from outside (ARP)'
mdns=$(udp 5353 5353 "$(zeros 40)")
say a "$n" "$(frame 01:00:5e:00:00:fb $A 0800 "$(ipv4 $ip_a e00000fb 11 "$mdns" ff)")"
say outside "$n" "$(frame 01:00:5e:00:00:fb $OUT 0800 "$(ipv4 $ip_out e00000fb 11 "$mdns" ff)")"
sound 'multicast (mDNS)'
netbios=$(udp 137 137 "$(zeros 50)")
say a "$n" "$(frame $ALL $A 0800 "$(ipv4 $ip_a 0a0000ff 11 "$netbios")")"
sound 'IP broadcasts of a guest that the host does not take'
say a "$n" "$(frame 33:33:00:00:00:16 $A 86dd \
	"6000000000083aff$(zeros 16)ff0200000000000000000000000000163a00000000000000")"
sound 'IPv6 multicast'
datagram=$(udp 1024 9 "$(zeros 60)")
say a "$n" "$(frame $C $A 0800 "$(ipv4 $ip_a $ip_c 11 "$datagram")")"
say c "$n" "$(frame $A $C 0800 "$(ipv4 $ip_c $ip_a 11 "$datagram")")"
sound 'from VM to VM'
say a "$n" "$(frame $OUT $A 0800 "$(ipv4 $ip_a $ip_out 11 "$datagram")")"
say outside "$n" "$(frame $A $OUT 0800 "$(ipv4 $ip_out $ip_a 11 "$datagram")")"
sound 'to and from outside'
say outside "$n" "$(frame 02:00:00:00:00:99 $OUT 88b5 "$(zeros 50)")"
sound 'unknown unicast, flooded'
say outside "$n" "$(frame 01:80:c2:00:00:00 $OUT 0026 "424203000000000000$(zeros 30)")"
sound 'spanning tree'
say outside "$n" "$(frame 01:80:c2:00:00:0e $OUT 88cc "$(zeros 46)")"
say a "$n" "$(frame 01:80:c2:00:00:0e $A 88cc "$(zeros 46)")"
sound 'LLDP'
say v "$n" "$(arp 52:54:00:00:10:0a $ip_a $ip_c)"
sound 'broadcasts on a bridge with VLANs that is in none'
say w "$n" "$(frame 52:54:00:00:10:0a 52:54:00:00:10:0c 0800 "$(ipv4 $ip_c $ip_a 11 "$datagram")")"
sound 'unicast on a bridge with VLANs'
say m1 "$n" "$(frame 52:54:00:00:20:02 52:54:00:00:20:01 88b5 "$(zeros 50)")"
sound 'macvtap to macvtap, bridge mode'
say m1 "$n" "$(frame $OUT 52:54:00:00:20:01 88b5 "$(zeros 50)")"
sound 'macvtap to outside'
say m1 "$n" "$(arp 52:54:00:00:20:01 $ip_a $ip_c)"
sound 'broadcasts of a macvtap'
say tun "$n" "$(ipv4 0a090002 0a090001 11 "$datagram")"
sound "a VPN's packets to a port that nobody listens on"

same "$(ctl --json vms | jq -c '[.vms[] | select(any(.nics[]; .ifname == "tun9")) | .name]')" '[]' \
	'a VPN is no VM'
at_least "$(heard c)" $((n * 4)) 'frames that c has read'
same "$false_losses" 0 'kinds of traffic with false loss'
