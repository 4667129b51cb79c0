#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Causes provoked one by one, and some at once: diagnose names each, with its share of the frames,
# and not its neighbour.
# limit 120
. "$(dirname "$0")/../lib/test.sh"
need nft tc

agent_start
verdicts() {	# verdicts VM: cause, frames, confidence of each
	ctl --json diagnose "$1" | jq -r '.verdicts[] | [.cause, .frames, .confidence] |
		join(" ")' | sort
}
verdicts_are() {
	local got

	got=$(verdicts "$1")
	echo "$got"		# for who looks at a failure
	[[ $got == "$2" ]]
}
expect() {	# expect VM LINES
	wait_for 15 verdicts_are "$1" "$2"
	settled
	same "$(verdicts "$1")" "$2" "verdicts on $1"
}
lose() {	# lose CASE N: a VM called dia-CASE loses N frames in this way
	bash -c 'exec -a qemu-system-x86_64 taptool case "$@"' - "$1" dev "${TAP}$3" count "$2" \
		stay -- -name "guest=dia-$1" > "case.$1" 2>> case.log &
	wait_for 10 grep -q sent "case.$1"
}

# One cause each, told apart from those beside it.
lose badhdr_gsotype 40 a
expect dia-badhdr_gsotype 'bad-header 40 high'
lose ucopy 41 b
expect dia-ucopy 'copy-fault 41 high'
lose write_down 42 c
expect dia-write_down 'not-ready 42 high'
lose unhandled 43 d
expect dia-unhandled ''		# masked from the start: no loss at all
same "$(ctl --json diagnose dia-unhandled --masked |
	jq -c '[.verdicts[] | [.cause, .frames, .benign]]')" '[["unwanted",43,true]]' \
	'what is masked'
lose read_small 44 e
expect dia-read_small 'guest-overrun 44 medium'
same "$(ctl --json diagnose dia-write_down | jq -c '[.verdicts[] | .benign]')" '[true]' 'benign'
ctl diagnose dia-write_down --fail > /dev/null
status=0
ctl diagnose dia-ucopy --fail > /dev/null || status=$?
same $status 3 'exit status for a harmful cause'

# A guest that never reads: the queue is dead. One that gets a broadcast now and then, and never
# reads: unused.
hold_as qemu-system-x86_64 "$TAP" ring 8 -- -name guest=dia-dead
dead=$HELD
hold_as qemu-system-x86_64 "$TAP2" ring 8 -- -name guest=dia-unused
owned() {
	ctl --json vms | jq -e '[.vms[] | select(.name == "dia-dead" or .name == "dia-unused") |
		.nics[]] | length == 2'
}
wait_for 10 owned
settled
frames "$TAP" 3008
frames "$TAP2" 20
expect dia-dead 'queue-dead 3000 high'
expect dia-unused 'nic-unused 12 medium'

# A shaper in front of the tap, and a filter: policy, with their own names.
read_by() {	# read_by TAP NAME [WORDS]: a VM that takes all that comes
	bash -c 'exec -a qemu-system-x86_64 taptool drain "$@"' - "$1" ring 64 "${@:3}" \
		-- -name "guest=$2" > "drain.$1" 2>> drain.log &
	wait_for 10 grep -qx READY "drain.$1"
	ip link set "$1" up
}
tap3=s$TAG tap4=w$TAG
read_by "$tap3" dia-cap
shown() {
	ctl --json vms "$1" | jq -e '.vms[0].nics | length == 1'
}
wait_for 10 shown dia-cap
tc qdisc add dev "$tap3" root tbf rate 80kbit burst 2000 limit 3000
taptool flood "$tap3" 300 > /dev/null
dropped=$(tc -s -j qdisc show dev "$tap3" | jq '.[0].drops')
at_least "$dropped" 100
expect dia-cap "qos-cap $dropped medium"
same "$(ctl --json diagnose dia-cap | jq -c '.verdicts[0] | [.class, .direction, .benign]')" \
	'["QDISC","rx",false]'

# Two causes of one VM at the same time: both, by share.
tc qdisc del dev "$tap3" root
br=b$TAG up=v$TAG far=y$TAG
ip link add "$br" type bridge mcast_snooping 0
ip link add "$up" type veth peer name "$far"
ip link set "$up" master "$br"
mac=52:54:00:0c:$((RANDOM % 90 + 10)):03
bash -c 'exec -a qemu-system-x86_64 taptool hold "$@"' - "$tap4" ring 8 say 40 len 1400 to \
	02:00:00:00:00:77 from $mac -- -name guest=dia-two \
	-netdev "tap,id=n0,ifname=$tap4" -device "virtio-net-pci,netdev=n0,mac=$mac" > hold.two \
	2>> hold.log &
two=$!
wait_for 10 grep -qx READY hold.two
ip link set "$tap4" master "$br"
for dev in "$br" "$up" "$far"; do
	ip link set "$dev" up
done
bridge fdb add $mac dev "$tap4" master static
bridge fdb add 02:00:00:00:00:77 dev "$up" master static
wait_for 10 shown dia-two
settled
ip link set "$up" mtu 1000		# what it sends is too large for the uplink
nft add table bridge t
nft add chain bridge t in '{ type filter hook prerouting priority 0; }'
nft add rule bridge t in iifname "$up" drop	# and what is for it is filtered
kill -USR2 $two
wait_for 5 grep -q said hold.two
frames "$far" 60 to $mac
expect dia-two 'filtered 60 high
mtu-misfit 40 high'
same "$(ctl --json diagnose dia-two | jq -c '[.verdicts[] | [.cause, .share_pct]]')" \
	'[["filtered",60],["mtu-misfit",40]]' 'shares'
text=$(ctl diagnose dia-two)
has "$text" '60.0 % of the loss (60 frames)'
has "$text" 'ip link set dev DEVICE mtu MTU'

# A neighbour floods: named. The ring is as short for the host's own frames, and then it is the
# ring. The victim takes some thousand frames a second: a flood is then one burst on every machine.
nft delete table bridge t
read_by "n$TAG" dia-victim each 100
ip link set "n$TAG" txqueuelen 10
ip link set "n$TAG" master "$br"
bridge fdb add 02:00:00:00:00:99 dev "n$TAG" master static
bash -c 'exec -a qemu-system-x86_64 taptool hold "$@"' - "f$TAG" say 5000 len 100 to \
	02:00:00:00:00:99 from 52:54:00:0d:00:01 -- -name guest=dia-flooder > hold.f 2>> hold.log &
flooder=$!
wait_for 10 grep -qx READY hold.f
ip link set "f$TAG" master "$br"
wait_for 10 shown dia-victim
wait_for 10 shown dia-flooder
settled
kill -USR2 $flooder
wait_for 20 grep -q said hold.f
settled
at_least "$(lost vm=dia-victim)" 1000
victim_says() {
	local got

	got=$(ctl --json diagnose dia-victim |
		jq -r '.verdicts[] | [.cause, .from, .confidence] | join(" ")')
	echo "$got"
	[[ ${got%%$'\n'*} == "$1" ]]
}
wait_for 20 victim_says 'noisy-neighbour dia-flooder high'	# a burst is listed when it is over
has "$(ctl diagnose dia-victim)" 'VM dia-flooder sent 100 % of them'

# The same flood by the host is nobody's neighbour.
from=$EPOCHREALTIME
taptool flood "$far" 5000 to 02:00:00:00:00:99 > /dev/null
settled
at_least "$(ctl --json loss --vm dia-victim --since "@$from" | jq '[.rows[].frames] | add // 0')" \
	1000
cause=$(ctl --json diagnose dia-victim --since "@$from" | jq -r '.verdicts[0].cause')
[[ $cause != noisy-neighbour ]] || fail "the host's own flood: $cause"

# A ring that was made longer since then: what was lost was lost in the short one.
ip link set "n$TAG" txqueuelen 700
longer() {
	ctl --json events dia-victim | jq -e '.events[-1] | .event == "ring" and .became == "700"'
}
wait_for 10 longer
has "$(ctl diagnose dia-victim)" 'the ring of each queue holds 10 frames'
has "$(ctl bursts dia-victim)" "A queue's ring holds 10 frames"
kill "$dead"
