#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# limit 120
# What is in a capture file: the bytes that tcpdump sees, tags too; filter and snap length; a row of
# files, standard output; a killed capture, and a full disk.
. "$(dirname "$0")/../lib/capture.sh"
need tcpdump

bytes() {	# bytes FILE: every frame as tcpdump prints it, without the times
	tcpdump -r "$1" -t -n -xx 2> /dev/null
}
has_frames() {	# has_frames FILE N
	(($(packets "$1") >= $2))
}
has_read() {	# has_read N: so many are in tcpdump's file
	local n

	n=$(bytes t.pcap | grep -c length || true)
	((n >= $1))
}
packets() {	# packets FILE: that tshark finds in it, without a complaint
	seen "$1" | wc -l
}

# Beside tcpdump: sizes of all kinds, and frames with a tag.
for version in 3 2; do
	capturing "$TAP2" -w f.pcapng --ring $version
	rm -f t.pcap tcpdump.err
	tcpdump -i "$TAP2" -w t.pcap -s 0 -U -B 32768 2> tcpdump.err &
	tcpdump=$!
	wait_for 10 grep -q listening tcpdump.err
	seqframes "$TAP" 300 0 64,65,66,67,590,1500,1514 > /dev/null
	seqframes "$TAP" 300 0 64,1025,1400 7 > /dev/null
	ended
	wait_for 10 has_read 600
	kill "$tcpdump"
	wait "$tcpdump" || true
	same "$(bytes f.pcapng | md5sum)" "$(bytes t.pcap | md5sum)" "the bytes, version $version"
	same "$(tshark -r f.pcapng -Y 'vlan.id == 7' 2> /dev/null | wc -l)" \
		300 'frames with their tag'
done
has "$(capinfos f.pcapng)" 'nanoseconds'

# A filter, which also sees the tag that the kernel has taken off; a snap length; a number of
# frames.
capturing "$TAP2" -w v.pcapng -f 'vlan 7' -s 40
seqframes "$TAP" 100 > /dev/null
seqframes "$TAP" 50 0 100 7 > /dev/null
ended
same "$(tshark -r v.pcapng -T fields -e frame.len -e frame.cap_len -e vlan.id 2> /dev/null | sort |
	uniq -c | xargs)" '50 100 40 7' 'tagged frames'
capturing "$TAP2" -w c.pcapng --count 10
seqframes "$TAP" 100 > /dev/null
ended_alone 0
same "$(packets c.pcapng)" 10 'frames of --count'

# A row of files: nothing is lost between them, and old ones go.
capturing "$TAP2" -w row.pcapng --rotate-size 100k
seqframes "$TAP" 5000 > /dev/null
ended
files=(row_*.pcapng)
at_least ${#files[@]} 5 files
total=0
for file in row_*.pcapng; do
	total=$((total + $(packets "$file")))
done
same $total 5000 'frames in all files'
capturing "$TAP2" -w two.pcapng --rotate-size 100k --files 2
seqframes "$TAP" 5000 > /dev/null
ended
files=(two_*.pcapng)
same ${#files[@]} 2 'files kept'

# Live, into another program. Without --count it would end with its reader.
taplossctl capture "$TAP2" -w - --count 20 2> live.err | tshark -r - -T fields \
	-e frame.number > live.out 2> /dev/null &
live=$!
wait_for 10 grep -q '^capturing' live.err
seqframes "$TAP" 20 > /dev/null
wait "$live"
same "$(tail -n 1 live.out)" 20 'the last frame of the pipe'

# Killed: what was handed over before is there, to the last block.
capturing "$TAP2" -w k.pcapng
seqframes "$TAP" 500 > /dev/null
wait_for 10 has_frames k.pcapng 500
kill -KILL "$CAPTURE"
wait "$CAPTURE" 2> /dev/null || true
same "$(packets k.pcapng)" 500 'frames of a killed capture'
has "$(taplossctl gaps k.pcapng)" 'no statistics at the end'

# A full disk: it ends, says so, and leaves whole blocks.
mkdir small
mount -t tmpfs -o size=256k tmpfs small
capturing "$TAP2" -w small/f.pcapng
seqframes "$TAP" 20000 > /dev/null
ended_alone 1
has "$(< capture.err)" 'No space left on device'
has "$(< capture.err)" 'frames captured'
at_least "$(packets small/f.pcapng)" 1000 'frames on the full disk'
tell=$(taplossctl gaps small/f.pcapng || true)
[[ $tell != *'in the middle of a block'* ]] || fail "$tell"
