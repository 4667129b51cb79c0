#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# limit 90
# What a ring's options do: frames longer than a slot kept whole, the kernel's flow hash, what the
# host sends left out, whose clock; double tags as tcpdump sees them; what is refused.
. "$(dirname "$0")/../lib/capture.sh"
need tcpdump

fields() {	# fields FILE FIELD...
	local file=$1 field list=()

	shift
	for field in "$@"; do
		list+=(-e "$field")
	done
	tshark -r "$file" -T fields "${list[@]}" 2> /dev/null
}
bytes() {	# bytes FILE: every frame as tcpdump prints it, without the times
	tcpdump -r "$1" -t -n -xx 2> /dev/null
}

# Longer than a slot: cut, or kept whole from so many bytes on. Both versions; and more than one
# batch.
for version in 1 2; do
	capturing "$TAP2" -w cut.pcapng --ring $version --slot 256
	seqframes "$TAP" 300 0 64,1400 > /dev/null
	ended
	same "$(fields cut.pcapng frame.len | sort -n | uniq -c | xargs)" '150 64 150 1400' \
		'lengths'
	at_least 256 "$(fields cut.pcapng frame.cap_len | sort -n | tail -n 1)" \
		'bytes kept of a frame'
	capturing "$TAP2" -w whole.pcapng --ring $version --slot 256 --copy-threshold 1000
	seqframes "$TAP" 300 2000 64,600,1400 > /dev/null
	ended
	same "$(fields whole.pcapng frame.len frame.cap_len | awk '$1 == $2 { print $1 }' |
		sort -n | uniq -c | xargs)" '100 64 100 600 100 1400' "whole, version $version"
	same "$(seen whole.pcapng | awk '{ print $4 }' | paste -sd ' ')" "$(seq -s ' ' 0 299)" \
		'each beside its own header'
done

# The kernel's hash of a flow: the same in all of its frames, another in others. Version 3 only;
# others have no room for it.
capturing "$TAP2" -w hash.pcapng --rx-hash
taptool flood "$TAP" 200 flows 8 > /dev/null
ended
hashes() {	# of the frames of each port: option 3 of their blocks
	perl -e 'open F, $ARGV[0]; binmode F; local $/; $_ = <F>;
		while (length) {
			($type, $length) = unpack "VV"; $block = substr $_, 0, $length, "";
			next if $type != 6;
			$caplen = (unpack "VVVVVV", $block)[5];
			$port = unpack "n", substr $block, 28 + 34, 2;
			$o = substr $block, 28 + (($caplen + 3) & ~3), -4;
			while (length $o) {
				($code, $n) = unpack "vv", $o; last unless $code;
				print "$port ", unpack("H*", substr $o, 5, 4), "\n" if $code == 3;
				$o = substr $o, 4 + (($n + 3) & ~3);
			}
		}' "$1"
}
same "$(hashes hash.pcapng | wc -l)" 200 'frames with a hash'
same "$(hashes hash.pcapng | sort -u | wc -l)" 8 'hashes, one for each flow'
at_least "$(hashes hash.pcapng | awk '{ print $2 }' | sort -u | wc -l)" 6 'different hashes'

# Both ends of the pair send; of one only what comes out of it is wanted.
capturing "$TAP2" -w out.pcapng --ignore-outgoing
seqframes "$TAP" 40 > /dev/null
seqframes "$TAP2" 30 > /dev/null
ended
same "$(fields out.pcapng frame.number | wc -l)" 40 'frames that came out of the device'

# A clock that the device does not have: said once, and the kernel's is used.
capturing "$TAP2" -w time.pcapng --timestamp device
before=$(date +%s)
seqframes "$TAP" 25 > /dev/null
ended
has "$(< capture.err)" "$TAP2 does not stamp frames itself: their times are the kernel's"
same "$(fields time.pcapng frame.time_epoch | awk -v a="$before" -v b="$(date +%s)" \
	'int($1) >= a - 1 && $1 <= b + 1' | wc -l)" 25 'frames with a time of now'

# Double tags: the outer one stands beside the frame or in it, by the end that is looked at.
double() {	# double N: frames with tags 100 (802.1ad) and 7
	perl -e 'socket S, 17, 3, 0 or die; for (1 .. $ARGV[1]) {
		$frame = pack("H*", "020000000002" . "020000000001" . "88a80064" . "81000007" .
			"88b5") .
			pack("N", $_) . "x" x ($_ % 90 + 50);
		send S, $frame, 0, pack("S n l S C C a8", 17, 3, $ARGV[0], 1, 0, 6, "\2\0\0\0\0\2")
			or die $! }' "$(cat "/sys/class/net/$TAP/ifindex")" "$1"
}
for device in "$TAP2" "$TAP"; do
	capturing "$device" -w q.pcapng
	rm -f t.pcap tcpdump.err
	tcpdump -i "$device" -w t.pcap -s 0 -U 2> tcpdump.err &
	tcpdump=$!
	wait_for 10 grep -q listening tcpdump.err
	double 200
	ended
	has_read() {
		(($(bytes t.pcap | grep -c length || true) >= 200))
	}
	wait_for 10 has_read
	kill "$tcpdump"
	wait "$tcpdump" || true
	same "$(bytes q.pcapng | md5sum)" "$(bytes t.pcap | md5sum)" "the bytes, $device"
	same "$(tshark -r q.pcapng -Y 'ieee8021ad.id == 100 && vlan.id == 7' 2> /dev/null |
		wc -l)" 200 'frames with both tags'
done

# Refused.
refused() {	# refused STATUS WORDS OPTION...
	local status=0 want=$1 words=$2

	shift 2
	"$@" > out 2> err || status=$?
	same "$status" "$want" "$*: $(cat err)"
	has "$(< err)" "$words"
	same "$(wc -l < err)" 1 'lines of the error'
	[[ ! -e x ]] || fail 'a refused capture leaves a file'
}
refused 2 'neither kernel nor device' taplossctl capture "$TAP2" -w x --timestamp phc
refused 2 'needs --ring 1 or 2' taplossctl capture "$TAP2" -w x --copy-threshold 1000
refused 2 'private area of a block is at most' taplossctl capture "$TAP2" -w x --priv 2M
refused 1 'no network device "nosuch0" in this network namespace, and no store in' \
	taplossctl capture "$TAP2" nosuch0 -w x --store "$W/none"
