#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A capture of a domain by its name, and one of what it loses: it is shut off and started again with
# another tap, gets a NIC more, and both captures go on with what is new, each tap as an interface
# of its own, every frame once.
# limit 120
. "$(dirname "$0")/../lib/test.sh"
. "$TESTS/lib/libvirt.sh"
need libvirtd virsh qemu-system-x86_64 tshark

uuid=6f6f0000-0000-4000-8000-0000000000c1
third=${TAP}c
lv_start
agent_start --libvirt qemu:///system

# start DEV: the domain, with that for a tap; guests that do not run read nothing
start() {
	lv_nic ethernet - 52:54:00:00:07:01 "$1" 1 | lv_create web $uuid --paused
	wait_for 20 has_tap "$1"
	frames "$1" "$(cat "/sys/class/net/$1/tx_queue_len")"
}
has_tap() {
	ctl --json vms web > vms.json && grep -q "\"$1\"" vms.json
}
# capturing FILE [OPTION]...: in the background
capturing() {
	: > "$1.err"
	taplossctl --store "$STORE" capture web -w "$1" "${@:2}" 2> "$1.err" &
	wait_for 20 grep -q '^capturing' "$1.err"
}
of() {	# of FILE DEV: frames of that interface that are as long as this test's
	tshark -r "$1" -T fields -e frame.interface_name -e frame.len 2> /dev/null |
		awk -v d="$2" '$1 == d && $2 == 333' | wc -l
}
# followed DEV: both captures have it. Each try is one frame more, which is lost.
followed() {
	frames "$1" 1
	(($(tshark -r all.pcapng -T fields -e frame.interface_name 2> /dev/null |
		grep -c "$1") > 0)) &&
		(($(tshark -r lost.pcapng -T fields -e frame.interface_name 2> /dev/null |
		grep -c "$1") > 0))
}

start "$TAP"
capturing all.pcapng
all=$!
capturing lost.pcapng --dropped --limit 0
lost=$!
frames "$TAP" 50 len 333
virsh -q destroy web
start "$TAP2"
wait_for 20 followed "$TAP2"
frames "$TAP2" 60 len 333
lv_nic ethernet - 52:54:00:00:07:02 "$third" 1 > nic.xml
virsh -q attach-device web nic.xml >> virsh.log
wait_for 20 has_tap "$third"
frames "$third" "$(cat "/sys/class/net/$third/tx_queue_len")"
wait_for 20 followed "$third"
frames "$third" 70 len 333
for pid in $all $lost; do
	kill -INT "$pid"
	wait "$pid"
done
for file in all.pcapng lost.pcapng; do
	same "$(of $file "$TAP"),$(of $file "$TAP2"),$(of $file "$third")" \
		50,60,70 "$file: frames of each tap"
	has "$(capinfos $file)" 'Number of interfaces in file: 3'
	has "$(capinfos $file)" 'VM web'
done
has "$(< all.pcapng.err)" '0 lost by the capture itself'
tell=$(taplossctl --json gaps all.pcapng)
at_least "$(jq .vm_frames_lost <<< "$tell")" 180 'frames that the VM lost'
