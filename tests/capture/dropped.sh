#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# limit 120
# capture --dropped as other programs read it: the bytes that tcpdump saw of the same frames, tags
# and super-frames too; what is said of each; a limit that was hit, with its count at its place; a
# VM that gets another tap; a row of files; what is refused.
. "$(dirname "$0")/../lib/capture.sh"
need tcpdump

# dropping [OPTION]...: in the background; returns when it counts
dropping() {
	rm -f capture.err
	taplossctl capture --dropped "$@" 2> capture.err > capture.out &
	CAPTURE=$!
	wait_for 10 counts
}
counts() {
	kill -0 "$CAPTURE" || fail "the capture ended: $(cat capture.err)"
	grep -q '^capturing lost frames' capture.err
}
bytes() {	# bytes FILE: every frame as tcpdump prints it, without the times
	tcpdump -r "$1" -t -n -xx 2> /dev/null
}
frames_of() {
	tshark -r "$1" -T fields -e frame.number 2> /dev/null | wc -l
}
fields() {	# fields FILE FIELD...
	local file=$1

	shift
	# shellcheck disable=SC2046
	tshark -r "$file" -T fields $(printf -- '-e %s ' "$@") 2> /dev/null
}
TAPX=${TAP}x
hold "$TAPX" ring 16
frames "$TAPX" 16

# A full ring: the frames pass by tcpdump, and then they are lost. A bridge brings them, so that the
# tag stands beside the frame.
ip link add "${TAP}br" type bridge
ip link set "${TAP}br" type bridge mcast_snooping 0
ip link set "${TAP}br" up
ip link set "$TAP2" master "${TAP}br"
ip link set "$TAPX" master "${TAP}br"
forwards() {
	bridge link | grep "$TAPX" | grep -q forwarding && bridge link | grep "$TAP2" |
		grep -q forwarding
}
wait_for 10 forwards
dropping "$TAPX" -w f.pcapng
rm -f t.pcap tcpdump.err
tcpdump -i "$TAPX" -w t.pcap -s 0 -U -B 32768 2> tcpdump.err &
tcpdump=$!
wait_for 10 grep -q listening tcpdump.err
seqframes "$TAP" 350 0 64,65,66,67,590,1500,1514 > /dev/null
seqframes "$TAP" 180 0 64,1025,1400 7 > /dev/null
wait_for 10 counter_at_least "$TAPX" tx_dropped 530
lost=$(counter "$TAPX" tx_dropped)	# a bridge may have a word to say, too
at_least "$lost" 530 'frames lost'
has_read() {
	(($(bytes t.pcap | grep -c length || true) >= lost))
}
wait_for 10 has_read
ended
kill "$tcpdump"
wait "$tcpdump" || true
same "$(frames_of f.pcapng)" "$lost" 'frames written'
same "$(bytes f.pcapng | md5sum)" "$(bytes t.pcap | md5sum)" 'the bytes'
same "$(tshark -r f.pcapng -Y 'vlan.id == 7' 2> /dev/null | wc -l)" 180 'frames with their tag'
same "$(fields f.pcapng frame.interface_name frame.comment | sort | uniq -c | xargs)" \
	"$lost $TAPX taploss: lost reason=FULL_RING place=tun_net_xmit class=PTR_FULL \
kind=capacity direction=rx queue=0" 'what is said of them'
same "$(fields f.pcapng frame.packet_flags_direction | sort -u | perl -ne 'print hex($_)')" \
	2 'out of the host, into the guest'
has "$(capinfos f.pcapng)" 'Strict time order:   True'
tell=$(taplossctl gaps f.pcapng)
has "$tell" ', 0 lost in 0 gaps'

# Above the limit: counted in the kernel, at its place in the file, and in the statistics.
dropping "$TAPX" -w l.pcapng --limit 10 -s 60 --json
frames "$TAPX" 1000
another_second() {	# each frame offered is lost
	frames "$TAPX" 1
	sent=$((sent + 1))
	(($(frames_of l.pcapng) > 10))
}
sent=1000
wait_for 10 another_second
ended
same "$(jq -c --argjson n "$sent" '[.frames_lost == $n, .frames + .frames_above_limit == $n,
	.frames_without_room, .missed_events]' capture.out)" \
	'[true,true,0,0]' 'the sums'
same "$(frames_of l.pcapng)" "$(jq .frames capture.out)" 'frames in the file'
same "$(fields l.pcapng frame.drop_count | awk 'NR == 11')" \
	"$(fields l.pcapng frame.comment | sed -n '/ limited=/{s/.* limited=//p;q}')" \
	'left out in front of the 11th'
tell=$(taplossctl --json gaps l.pcapng || true)
same "$(jq '.frames_lost' <<< "$tell")" "$(jq .frames_above_limit capture.out)" 'gaps'
same "$(fields l.pcapng frame.cap_len frame.len | sort -u | xargs)" '60 100' 'cut'

# A row of files, a number of frames.
dropping "$TAPX" -w row.pcapng --rotate-size 60k --count 700 --limit 0
frames "$TAPX" 1000
ended_alone 0
total=0
for file in row_*.pcapng; do
	total=$((total + $(frames_of "$file")))
	has "$(capinfos "$file")" 'Strict time order:   True'
done
same "$total" 700 'frames in all files'
files=(row_*.pcapng)
at_least ${#files[@]} 2 files

# The device disappears: what it lost before is written.
hold "${TAP}g" ring 16
dropping "${TAP}g" -w g.pcapng
frames "${TAP}g" 46
let_go "$HELD"
ended_alone 1
has "$(< capture.err)" 'gone from this network namespace'
same "$(fields g.pcapng frame.comment | grep -c FULL_RING)" 30 'what it lost before'

# A VM by its name: it loses a frame in both directions, goes, and comes back with another tap.
vm() {	# vm NAME
	hold_as qemu-system-x86_64 "$1" ring 16 -- -name "guest=web-$TAG" \
		-netdev "tap,id=n0,ifname=$1" -device virtio-net-pci,netdev=n0
}
has_tap() {	# has_tap NAME
	ctl --json vms "web-$TAG" > vms.json && grep -q "$1" vms.json
}
two_devices() {	# the new one is watched when its losses are written
	frames "${TAP}w" 1
	(($(fields v.pcapng frame.interface_name | sort -u | wc -l) == 2))
}
agent_start
vm "${TAP}v"
wait_for 10 has_tap "${TAP}v"
dropping "web-$TAG" -w v.pcapng --limit 0
frames "${TAP}v" 30
let_go "$HELD"
vm "${TAP}w"
wait_for 10 has_tap "${TAP}w"
frames "${TAP}w" 16
wait_for 10 two_devices
from=$(counter "${TAP}w" tx_dropped)
frames "${TAP}w" 40
ended
same "$(fields v.pcapng frame.interface_name frame.comment | awk -v n="${TAP}v" \
	'$1 == n && /FULL_RING/' | wc -l)" 14 'of the first tap'
at_least "$(fields v.pcapng frame.interface_name | grep -c "${TAP}w")" 41 'of the second'
at_least $((from + 40)) "$(fields v.pcapng frame.interface_name | grep -c "${TAP}w")" \
	'not more than it lost'
has "$(capinfos v.pcapng)" "VM web-$TAG, lost frames only"

# Refused.
refused() {	# refused STATUS WORDS OPTION...
	local status=0 want=$1 words=$2

	shift 2
	"$@" > out 2> err || status=$?
	same "$status" "$want" "$*: $(cat err)"
	has "$(< err)" "$words"
	[[ ! -e x ]] || fail 'a refused capture leaves a file'
}
refused 2 'filter the file' taplossctl capture --dropped "$TAPX" -w x -f tcp
refused 1 'is not a tap' taplossctl capture --dropped "$TAP2" -w x
refused 2 'uses no packet ring' taplossctl capture --dropped "$TAPX" -w x --blocks 128
refused 2 'needs --dropped' taplossctl capture "$TAPX" -w x --limit 5
refused 2 'at most 32768 bytes of a frame' taplossctl capture --dropped "$TAPX" -w x -s 40000
refused 1 'no VM, MAC address or tap' ctl capture --dropped nosuch -w x
refused 1 'run taplossctl as root' setpriv --bounding-set=-all --inh-caps=-all taplossctl capture \
	--dropped "$TAPX" -w x
