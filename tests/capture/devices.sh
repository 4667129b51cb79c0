#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The device goes down and comes back, is renamed, goes to another namespace, disappears; and what
# is refused, with the words that help.
. "$(dirname "$0")/../lib/capture.sh"

carrier() { [[ $(< "/sys/class/net/$TAP/carrier") == 1 &&
	$(< "/sys/class/net/$TAP/operstate") == up ]]; }
packets() {
	seen "$1" | wc -l
}

capturing "$TAP2" -w f.pcapng
seqframes "$TAP" 10 > /dev/null
ip link set "$TAP2" down
ip link set "$TAP2" up
wait_for 5 carrier
seqframes "$TAP" 10 0 64 0 10 > /dev/null
ip link set "$TAP2" down
ip link set "$TAP2" name "${TAP2}x"
ip link set "${TAP2}x" up
wait_for 5 carrier
seqframes "$TAP" 10 0 64 0 20 > /dev/null
ended
same "$(packets f.pcapng)" 30 'frames before, between and after'
ip link set "${TAP2}x" name "$TAP2" 2> /dev/null || { ip link set "${TAP2}x" down; ip link set \
	"${TAP2}x" name "$TAP2"; }
ip link set "$TAP2" up

# Another namespace: for this one the device is gone. What had come in is in the file.
unshare --net sleep 60 &
other=$!
defer "kill $other"
own=$(readlink /proc/self/ns/net)
elsewhere() { [[ $(readlink "/proc/$other/ns/net") != "$own" ]]; }
wait_for 5 elsewhere
capturing "$TAP2" -w m.pcapng
seqframes "$TAP" 25 > /dev/null
ip link set "$TAP2" netns "$other"
ended_alone 1
has "$(< capture.err)" 'gone from this network namespace'
has "$(< capture.err)" '25 frames captured, 0 lost'
same "$(packets m.pcapng)" 25 'frames before it went'

# Of two devices one disappears: the capture goes on with the other.
ip link del "$TAP"
veth "$TAP" "$TAP2"
veth "${TAP}y" "${TAP2}y"
capturing "$TAP2" "${TAP2}y" -w d.pcapng
seqframes "${TAP}y" 5 > /dev/null
seqframes "$TAP" 5 > /dev/null
ip link del "$TAP"
seqframes "${TAP}y" 5 0 64 0 5 > /dev/null
ended
same "$(packets d.pcapng)" 15 'frames of both'

# Refused.
TAP2=${TAP2}y
refused() {	# refused STATUS WORDS OPTION...
	local status=0 want=$1 words=$2

	shift 2
	"$@" > out 2> err || status=$?
	same "$status" "$want" "$*: $(cat err)"
	has "$(< err)" "$words"
	same "$(wc -l < err)" 1 'lines of the error'
}
refused 2 'missing VM or DEVICE' taplossctl capture -w x
refused 2 'missing -w FILE' taplossctl capture "$TAP2"
refused 2 'no multiple of 4096; nearest: 1003520' taplossctl capture "$TAP2" -w x --block 1000000
refused 2 'super-frames; nearest: 131072' taplossctl capture "$TAP2" -w x --block 64k
refused 2 'nearest: 63 blocks, or 125 ms' taplossctl capture "$TAP2" -w x --blocks 4
refused 2 'syntax error' taplossctl capture "$TAP2" -w x -f 'tcp and and'
[[ ! -e x ]] || fail 'a refused capture leaves a file'
refused 1 'no store in' taplossctl --store "$W/none" capture nosuch0 -w x
refused 1 'No such file or directory' taplossctl capture "$TAP2" -w none/x
refused 1 'CAP_NET_RAW; run taplossctl as root' setpriv --bounding-set -net_raw \
	--inh-caps -net_raw taplossctl capture "$TAP2" -w x
refused 2 'MODE:RINGS' taplossctl capture "$TAP2" -w x --fanout hash
refused 1 'not a pcapng file' taplossctl gaps /proc/version
