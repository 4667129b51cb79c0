#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The demo: four VMs on one host, three of which lose packets, each for a reason of its own; what
# taploss says about them.
#
# Everything runs in namespaces of its own, with a libvirt of its own, and is gone when this ends or
# is interrupted. What stays is the kernel of the guests, in
# ${TAPLOSS_CACHE:-/var/cache/taploss-test}.
set -euo pipefail

TESTS=$(cd "$(dirname "$0")" && pwd)
B=${B:-build}
[[ $B == /* ]] || B=$TESTS/../$B
B=$(cd "$B" && pwd)

# Outside: fetch the guest, go below nsinit, and say how it ended.
below=
# shellcheck disable=SC2317	# called by the trap
stop() {
	[[ -z $below ]] || kill -TERM "$below" 2> /dev/null || true
	wait
	printf '\ninterrupted: the guests, their libvirt, taps and namespaces are gone\n'
	exit 130
}
if [[ ${TAPLOSS_DEMO:-} != inside ]]; then
	[[ $(id -u) == 0 ]] || { echo 'demo: needs root, for network namespaces, taps and BPF' \
		>&2; exit 1; }
	trap stop INT TERM HUP
	"$TESTS/guest/build.sh" "$B/tests/guest/init" > /dev/null
	export B TAPLOSS_DEMO=inside
	"$B/tests/helpers/nsinit" bash "$TESTS/demo.sh" &
	below=$!
	wait "$below"
	exit
fi

PATH=$B:$B/tests/taptool:$B/tests/helpers:$PATH
W=/run/demo
mkdir "$W"
cd "$W"
export TAPLOSS_STORE=$W/store

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
	bold=$(printf '\033[1m') plain=$(printf '\033[0m')
else
	bold='' plain=''
fi

say() {
	printf '\n%s%3d s  %s%s\n' "$bold" "$SECONDS" "$1" "$plain"
	shift
	(($# == 0)) || printf '       %s\n' "$@"
}

show() {
	printf '\n%s$ %s%s\n' "$bold" "$*" "$plain"
	"$@"
}

broken() {
	echo "demo: this failed: $1" >&2
	tail -n 20 "$W"/*.log >&2 || true
	exit 1
}
trap 'broken "$BASH_COMMAND"' ERR

# What libvirt.sh wants of whoever uses it.
wait_for() {
	local limit=$(($1 + SECONDS))

	shift
	until "$@" > "$W/wait.log" 2>&1; do
		((SECONDS <= limit)) || broken "$*"
		sleep 0.05
	done
}
# shellcheck source=tests/lib/libvirt.sh
. "$TESTS/lib/libvirt.sh"

# The machine: a bridge with the world behind "uplink", and a second wire for the macvtap.

WEB_MAC=52:54:00:aa:00:01 DB_MAC=52:54:00:aa:00:02 MAC_MAC=52:54:00:aa:00:03
WEB=d0000000-0000-4000-8000-000000000001 DB=d0000000-0000-4000-8000-000000000002 \
	MAC=d0000000-0000-4000-8000-000000000003

wires() {
	ip link add br0 type bridge
	ip link add uplink type veth peer name port0
	ip link add uplink1 type veth peer name port1
	ip link set port0 master br0
	for link in br0 uplink port0 uplink1 port1; do
		ip link set "$link" up
	done
}

tap_of() {	# tap_of DOMAIN: its first interface on the host
	virsh -q domiflist "$1" | awk '{ print $1; exit }'
}

guests() {
	lv_nic bridge br0 $WEB_MAC - 4 | lv_create web-1 $WEB
	lv_nic bridge br0 $DB_MAC - 1 | lv_create db-1 $DB
	lv_nic direct port1 $MAC_MAC - 1 | lv_create mac-1 $MAC
	bridge fdb add $WEB_MAC dev "$(tap_of web-1)" master static
	bridge fdb add $DB_MAC dev "$(tap_of db-1)" master static
}

guests_up() {
	guest $WEB ping 'chan eth0 4'
	guest $DB ping
	guest $MAC ping
}

# traffic UPLINK MAC RATE SECONDS: in the background
traffic() {
	taptool flood "$1" $(($3 * $4)) rate "$3" to "$2" flows 64 len 300 >> flood.log 2>&1 &
}

say 'A host starts: a libvirt of its own, a bridge, three guests. And taplossd.'
lv_start
wires
guests
taplossd --store "$TAPLOSS_STORE" --libvirt qemu:///system >> taplossd.log 2>&1 &
guests_up
wait_for 20 taplossctl status
up=$SECONDS
since() {	# when the agent was up, for --since
	echo "-$((SECONDS - up))s"
}

say 'All is well: web-1 (4 queues) and db-1 on the bridge and mac-1 on a macvtap take 2,000' \
	'frames a second each.'
traffic uplink $DB_MAC 2000 24
traffic uplink $WEB_MAC 2000 24
traffic uplink1 $MAC_MAC 2000 24
sleep 4

say 'A fourth VM, legacy-1, runs without libvirt, and its driver is broken:' \
	'what it sends carries virtio-net headers with a GSO type that does not exist.'
bash -c 'exec -a legacy-vmm taptool case "$@"' - badhdr_gsotype dev legacy0 count 20 rounds 90 \
	pause 200 stay \
	-- -name legacy-1 >> legacy.log 2>&1 &
sleep 2

say 'web-1 is hit by a burst: up to 300,000 frames a second for 2 s, more than the guest can take.'
taptool flood uplink 1000000 rate 300000 to $WEB_MAC flows 64 len 300 >> flood.log 2>&1 &
burst=$!
sleep 2
kill "$burst" 2> /dev/null || true
wait "$burst" || true
sleep 3

say 'web-1 is paused, say for a snapshot. The world goes on sending; its rings' \
	'fill up and overflow. In mac-1 somebody takes the interface down. And a filter on the' \
	'bridge drops what is sent to db-1.'
virsh -q suspend web-1
guest $MAC 'down eth0'
nft -f - <<- END
	table bridge demo {
		chain input_of_bridge {
			type filter hook prerouting priority 0
			ether daddr $DB_MAC drop
		}
	}
END
sleep 5
show taplossctl top --once	# on a terminal, without --once, a full screen
virsh -q resume web-1
guest $MAC 'up eth0'
nft delete table bridge demo
sleep 3

say 'All is well again. What does taploss know?'
show taplossctl vms
if [[ $(taplossctl --json loss --vm db-1 | jq '[.rows[] | select(.class != "PATH") | .frames] |
	add // 0') == 0 ]]; then
	healthy='The tap of db-1 lost nothing: what it misses never got there (PATH), and PLACE'
	healthy+=' says who took it.'
else
	healthy='db-1 among them: this machine is too busy to run it.'
fi
say "Who lost what, and why? $healthy" \
	'PTR_FULL: the guest did not take its frames in time (capacity).' \
	'VIRTNET_HDR: the sender is at fault, not the host.'
show taplossctl loss --since "$(since)"
say 'And who sent what was lost?'
show taplossctl loss --since "$(since)" --by vm,class,from
say 'web-1 over time: the burst, then the pause.'
show taplossctl timeline web-1 --since "$(since)"
say 'Why, and what helps? Each cause with its share, and how sure that is.'
show taplossctl diagnose web-1 --since "$(since)"
say 'Is that all of it? The kernel counts drops by itself, without reasons:' \
	'its counters against what was explained.'
show taplossctl audit --since "$(since)"
say 'Is anything not seen?'
show taplossctl status

say "That was it. The guests, their libvirt and all else go now; the machine is as it was." \
	'On a real host: make deb, apt install ./taploss_*.deb, taplossctl top.'
