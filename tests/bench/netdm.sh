#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# How much of a flood of drops each observer sees, and what it costs the sender: nobody, taplossd by
# BPF, taplossd by NET_DM, dropwatch in packet mode, one after the other in one test host with Linux
# 6.12 (tests/vm): no drop monitor is to be had in a network namespace of its own.
#
# usage: netdm.sh [FRAMES]	300000; exit status 77 when there is no such host
set -u
. "$(dirname "$0")/../lib/wait.sh"
frames=${1:-300000}
if [[ -z ${NETDM_INSIDE:-} ]]; then
	cd "$(dirname "$0")/../.." || exit 1
	files=()
	for program in dropwatch script; do
		path=$(command -v $program) ||
			{ echo "needs $program (tests/packages.sh bench)"; exit 77; }
		files+=(-f "$path:/usr/bin/$program")
		while read -r lib; do
			files+=(-f "$lib:$lib")
		done < <(ldd "$path" | grep -o '/[^ ]*')
	done
	exec tests/vm/vm.sh run 6.12 -t 500 "${files[@]}" -- env NETDM_INSIDE=1 \
		tests/bench/netdm.sh "$frames"
fi

export PATH=$B:$B/tests/taptool:$PATH TAPLOSS_STORE=/run/bench
echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
mkdir -p /run/w && cd /run/w || exit 1
mac=52:54:00:00:00:01
bash -c 'exec -a qemu-system-x86_64 taptool hold bench0 ring 100 -- -name guest=web-1 -netdev tap,'\
'id=n0,ifname=bench0 -device virtio-net-pci,netdev=n0,mac=$0' $mac > hold &
until_true 60 grep -q READY hold
taptool flood bench0 1000 to $mac > /dev/null	# the ring is full from here on

flood() {	# sets rate: drops a second
	local start=$EPOCHREALTIME

	taptool flood bench0 "$frames" to $mac > /dev/null
	rate=$((frames * 1000000 / (${EPOCHREALTIME/./} - ${start/./})))
}
# row OBSERVER SEEN SAID-LOST
row() {
	printf '%-22s %9s %6s %9s %7s %9s\n' "$1" $rate "$((rate * 100 / base)) %" "$2" \
		"$(awk -v n="$2" -v all="$frames" \
		'BEGIN { printf "%.1f %%", (all - n) * 100 / all }')" "$3"
}
lost() {
	taplossctl --json loss --vm web-1 | jq '[.rows[].frames] | add // 0'
}
known() {
	[[ $(taplossctl vms 2> /dev/null) == *web-1* ]]
}
counts() {	# the agent knows the VM's address
	taptool flood bench0 1 to $mac > /dev/null
	sleep 1		# a tick
	(($(lost) > 0))
}
at_rest() {	# it has stored all that it will
	local now

	now=$(lost)
	sleep 3		# ticks
	[[ $now == "$(lost)" ]]
}
# agent NAME SOURCE
agent() {
	local pid before

	printf '[loss]\nsource = %s\n' "$2" > conf
	rm -rf $TAPLOSS_STORE
	taplossd --store $TAPLOSS_STORE --libvirt none --config conf 2>> agent.log &
	pid=$!
	until_true 60 known
	until_true 60 counts
	until_true 60 at_rest
	before=$(lost)
	flood
	until_true 200 at_rest
	row "$1" $(($(lost) - before)) "$(taplossctl --json status | jq .self.missed_events)"
	kill $pid
	wait $pid
}

printf '%-22s %9s %6s %9s %7s %9s\n' observer drops/s kept seen unseen 'said lost'
flood
flood
base=$rate
printf '%-22s %9s\n' none $rate
agent 'taplossd, bpf' bpf
agent 'taplossd, net-dm' net-dm
shows() {
	grep -q "$1" dropwatch.out 2> /dev/null
}
silent() {	# it has printed all that it will; in summaries of a second
	local now

	now=$(stat -c %s dropwatch.out)
	sleep 3
	[[ $now == "$(stat -c %s dropwatch.out)" ]]
}
# dropwatch MODE: what it prints about one flood
dropwatch() {
	rm -f commands dropwatch.out	# words of the one before
	mkfifo commands
	script -qfc 'dropwatch -l kas' dropwatch.out < commands > /dev/null 2>&1 &
	exec 3> commands
	until_true 60 shows '^dropwatch>'
	echo "set alertmode $1" >&3
	sleep 1		# it reads what it is told when it has prompted, and says nothing of it
	echo start >&3
	until_true 60 shows 'Kernel monitoring activated'
	flood
	until_true 60 silent
	printf '\003' >&3
	sleep 1
	printf 'stop\nstats\nexit\n' >&3
	sleep 3
	exec 3>&-
}
dropwatch packet
row 'dropwatch, packet mode' "$(grep -c 'drop at: tun_net_xmit' dropwatch.out)" \
	"$(grep -A4 'Software statistics' dropwatch.out | awk '/dropped/ { print $NF }' |
	head -n 1)"
# Functions of modules have wrong names here ("-l kas"): the place with the most drops is ours.
dropwatch summary
row 'dropwatch, summary' \
	"$(awk '/ drops at / { n[$4] += $1 } END { for (f in n) if (n[f] > max) max = n[f];
	print max + 0 }' dropwatch.out)" -
kill %1
