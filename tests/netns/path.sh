#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Frames of VMs that are lost above their taps: class PATH with the place, the VM by its address,
# never mixed with what the taps lost.
# limit 120
. "$(dirname "$0")/../lib/test.sh"
need nft tc

mac_a=52:54:00:0a:$((RANDOM % 90 + 10)):01 mac_b=52:54:00:0b:$((RANDOM % 90 + 10)):02 \
	mac_out=02:00:00:00:00:77
br=b$TAG up=v$TAG far=w$TAG		# one network,
br2=c$TAG up2=x$TAG far2=y$TAG		# another one,
br3=d$TAG up3=z$TAG far3=a$TAG		# and one without VMs
tap3=s$TAG

# forwards PORT: a bridge takes frames from it, which comes a moment after its carrier
forwards() {
	[[ $(bridge -j link show dev "$1" | jq -r '.[0].state') == forwarding ]]
}

network() {	# network BRIDGE UPLINK FAR-END
	ip link add "$1" type bridge mcast_snooping 0
	ip link add "$2" type veth peer name "$3"
	ip link set "$2" master "$1"
	for dev in "$@"; do
		ip link set "$dev" up
	done
	wait_for 5 forwards "$2"
}

vm() {	# vm NAME TAP MAC BRIDGE [LENGTH]
	hold_as qemu-system-x86_64 "$2" ring 8 say 40 len "${5:-100}" to $mac_out from "$3" \
		-- -name "guest=$1" \
		-netdev "tap,id=n0,ifname=$2" -device "virtio-net-pci,netdev=n0,mac=$3"
	ip link set "$2" master "$4"
	bridge fdb add "$3" dev "$2" master static
	wait_for 5 forwards "$2"
}

network "$br" "$up" "$far"
network "$br2" "$up2" "$far2"
network "$br3" "$up3" "$far3"
vm path-a "$TAP" "$mac_a" "$br"
vm_a=$HELD
vm path-b "$TAP2" "$mac_b" "$br"
vm path-c "$tap3" "$mac_a" "$br2" 1400	# the same address as path-a, elsewhere
vm_c=$HELD
bridge fdb add $mac_out dev "$up" master static
bridge fdb add $mac_out dev "$up2" master static

agent_start
owned() {
	ctl --json vms | jq -e --arg t "$TAP" --arg u "$TAP2" --arg s "$tap3" \
		'[.vms[].nics[].ifname] | contains([$t, $u, $s])'
}
wait_for 10 owned
settled		# the addresses are with the kernel

path_rows() {	# path_rows VM: direction, frames, place, sender of each of its rows
	ctl --json loss --class PATH --vm "$1" --by vm,nic,direction,class,place,from,kind |
		jq -r '.rows[] | [.direction, .frames, .place, .from // "-", .kind] | join(" ")' |
		sort
}
expect_path() {	# expect_path VM LINES
	path_is() {
		[[ $(path_rows "$1") == "$2" ]]
	}
	wait_for 10 path_is "$1" "$2"
	settled
	same "$(path_rows "$1")" "$2" "losses on the path of $1"
}

# A filter on the way in, of the one network and of the other.
nft add table bridge t
nft add chain bridge t in '{ type filter hook prerouting priority 0; }'
nft add rule bridge t in iifname "{ $up, $up2, $up3 }" counter drop
frames "$far" 30 to "$mac_a"
frames "$far2" 7 to "$mac_a"
frames "$far" 11 to 02:00:00:00:00:55		# nobody's
# of two VMs, and neither is in that network: no guess
frames "$far3" 5 to "$mac_a"
expect_path path-a "rx 30 netfilter $up $up policy"
expect_path path-c "rx 7 netfilter $up2 $up2 policy"
same "$(nft -j list chain bridge t in | jq '[.. | .counter? // empty | .packets] | add')" \
	53 'what the filter says it dropped'
same "$(ctl --json loss --class PATH --by vm,place,direction | jq -c --arg place "netfilter $up3" \
	'[.rows[] | select(.place == $place)
	| [.vm, .direction, .frames]]')" '[[null,"rx",5]]' 'an address that two VMs elsewhere have'
nft delete table bridge t

# The uplink takes smaller frames than the guest sends.
ip link set "$up2" mtu 1000
kill -USR2 "$vm_c"
wait_for 5 grep -q said "hold.$tap3"
expect_path path-c "rx 7 netfilter $up2 $up2 policy
tx 40 mtu $up2 - fault"
ip link set "$up2" mtu 1500

# The queue of the uplink is full: what the guest sends is lost there, and the queue counts the
# same.
tc qdisc add dev "$up" root tbf rate 8kbit burst 200 limit 400
kill -USR2 "$vm_a"
wait_for 5 grep -q said "hold.$TAP"
dropped() {
	tc -s -j qdisc show dev "$up" | jq '.[0].drops'
}
at_least "$(dropped)" 30
expect_path path-a "rx 30 netfilter $up $up policy
tx $(dropped) qdisc $up - capacity"
tc qdisc del dev "$up" root

# From one VM to another whose ring is full: lost at the tap, and who sent them. The uplink's frames
# stand beside it.
bridge fdb replace $mac_out dev "$TAP2" master static
kill -USR2 "$vm_a"
said_twice() {
	(($(grep -c said "hold.$TAP") == 2))
}
wait_for 5 said_twice
bridge fdb replace $mac_out dev "$up" master static
frames "$far" 21 to "$mac_b"
frames "$TAP2" 4 to "$mac_b"
lost_b=$((40 - 8 + 21 + 4))
expect_lost $lost_b vm=path-b class=PTR_FULL
same "$(ctl --json loss --vm path-b --class PTR_FULL --by vm,from,class |
	jq -c '[.rows[] | [.from, .from_nic, .frames]] | sort')" \
	"[[\"host\",\"host\",4],[\"path-a\",\"$TAP\",32],[\"$up\",\"$up\",21]]" 'senders'
same "$(counter "$TAP2" tx_dropped)" $lost_b tx_dropped

# The tap's loss and the path's are two sums.
text=$(ctl loss --vm path-a --vm path-b)
has "$text" "$lost_b frames lost; besides, "
has "$text" 'lost on the way to or from the tap (PATH)'
same "$(ctl --json audit --vm path-a --vm path-c | jq '[.rows[] | select(.counter == "none")]')" \
	'[]' 'audit has no line for the path'
same "$(ctl --json audit --vm path-b | jq '[.rows[].unexplained_frames] | add')" 0 'audit'

# More senders than a device may have apart: the rest is one row, and no frame is missing.
frames_sum() {
	ctl --json loss --vm path-b --class PTR_FULL --by vm,class | jq '.rows[0].frames'
}
for ((i = 0; i < 20; i++)); do
	ip link add "p$TAG$i" type veth peer name "q$TAG$i"
	ip link set "p$TAG$i" master "$br"
	ip link set "p$TAG$i" up
	ip link set "q$TAG$i" up
	wait_for 5 forwards "p$TAG$i"
	frames "q$TAG$i" 3 to "$mac_b" from "02:00:00:00:01:$(printf %02x $i)"
done
expect_lost $((lost_b + 60)) vm=path-b class=PTR_FULL
same "$(ctl --json loss --vm path-b --class PTR_FULL --by vm,from | jq '[.rows[].frames] | add')" \
	$((lost_b + 60)) 'split by sender'
same "$(ctl --json loss --vm path-b --class PTR_FULL --by from |
	jq '[.rows[] | select(.from == "other")] | length')" 1 'the rest'
same "$(ctl --json loss --vm path-b --class PTR_FULL --by from | jq '.rows | length')" \
	$((16 + 2)) 'senders, the host, the rest'

# Switched off: nothing is counted above the taps.
agent_stop
printf '[bpf]\npath = no\n' > no.conf
agent_start --config no.conf
settled
before=$(path_rows path-c)
nft add table bridge t
nft add chain bridge t in '{ type filter hook prerouting priority 0; }'
nft add rule bridge t in drop
frames "$far2" 9 to "$mac_a"
settled
same "$(path_rows path-c)" "$before" 'with path = no'
kill "$vm_c"
