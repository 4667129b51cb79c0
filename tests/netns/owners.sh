#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Who holds a tap need not be a VM: tunnels are none. Two VMs of one name are two VMs. A file that
# is called /dev/shm/tapN is no tap, whoever holds it and whatever its command line says.
. "$(dirname "$0")/../lib/test.sh"

# hold_by PROGRAM DEV [OPTION]...: a stand-in whose process has that name
hold_by() {
	local program=$1

	cp "$(command -v taptool)" "$W/$program"
	shift
	"$W/$program" hold "$@" > "$W/hold.$1" 2>> hold.log &
	# shellcheck disable=SC2034	# as hold() sets it
	HELD=$!
	wait_for 10 grep -qx READY "$W/hold.$1"
}

vms() {
	ctl --json vms | jq -r '.vms[] | .name' | sort -u
}

agent_start

# A routed tunnel of an unknown program; a bridged one of a known program.
hold "n$TAG" ring 10 tun
frames "n$TAG" 60
hold_by openvpn "o$TAG" ring 10
frames "o$TAG" 70
# Beside them VMs, in two ways of saying who they are, and of one name.
uuid1=11111111-0000-4000-8000-0000000$TAG
uuid2=22222222-0000-4000-8000-0000000$TAG
hold_as /usr/bin/kvm "v$TAG" ring 10 -- -id 100 -name web,debug-threads=on \
	-smbios "type=1,uuid=$uuid1"
frames "v$TAG" 30
hold_as /usr/bin/kvm "w$TAG" ring 10 -- -id 101 -name web,debug-threads=on \
	-smbios "type=1,uuid=$uuid2"
frames "w$TAG" 40
hold_as qemu "x$TAG" ring 10 -- -name twin
hold_as qemu "y$TAG" ring 10 -- -name twin
frames "x$TAG" 15
frames "y$TAG" 16

expect_lost 20 "uuid=$uuid1"
expect_lost 30 "uuid=$uuid2"
expect_lost 50 "nic=n$TAG" vm=null
expect_lost 60 "nic=o$TAG" vm=null
expect_lost 5 "nic=x$TAG" vm=twin
expect_lost 6 "nic=y$TAG" vm=twin
same "$(ctl --json vms | jq '[.vms[] | select(.name == "twin")] | length')" 2 'VMs called twin'
! grep -q taptool <<< "$(vms)" || fail "a tunnel is a VM: $(vms)"

# A macvtap, and a liar that holds a file of its name and says it is another VM.
macvtap "$MVT"
hold_as qemu "$MVT" ring 10 macvtap -- -name honest
index=$(cat "/sys/class/net/$MVT/ifindex")
mkdir -p /dev/shm
touch "/dev/shm/tap$index"
bash -c 'exec 9< "$1"; exec -a qemu tail -f /dev/null --pid "$2"' - "/dev/shm/tap$index" $$ &
defer kill $!
defer rm -f "/dev/shm/tap$index"
taptool flood "$FAR" 50 to "$(mac_of "$MVT")" > flood.json
expect_lost 40 "nic=$MVT" vm=honest
same "$(ctl --json vms | jq --arg mvt "$MVT" '[.vms[] | select(any(.nics[]; .ifname == $mvt))] |
	length')" 1 \
	'VMs that have the macvtap'
