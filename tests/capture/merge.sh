#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# limit 90
# Several ports in one file, in the order of time: a busy one beside one with a frame now and then; eight at once; the rings of a fanout.
. "$(dirname "$0")/cap.sh"

# in_order FILE N: N frames, no time before the one above it
in_order() {
	seen "$1" > frames
	same "$(wc -l < frames)" "$2" 'frames'
	same "$(awk '{ print $5 }' frames | perl -ne '($s, $n) = split /\./; $t = $s * 1e9 + $n; print if $t < $last; $last = $t')" '' 'out of order'
}

veth "${TAP}b" "${TAP2}b"
capturing "$TAP2" "${TAP2}b" -w two.pcapng
seqframes "$TAP" 60000 100000 > /dev/null &
busy=$!
seqframes "${TAP}b" 6 10 > /dev/null
wait "$busy"
# Nothing is kept back for ever: the last frames get there without others behind them.
held() { (($(seen two.pcapng | wc -l) == 60006)); }
wait_for 10 held
ended
in_order two.pcapng 60006
same "$(awk '$1 == 1' frames | wc -l)" 6 'frames of the quiet one'
has "$(< capture.err)" '60,006 frames captured, 0 lost'

ports=()
for n in 1 2 3 4 5 6 7 8; do
	veth "${TAP}$n" "${TAP2}$n"
	ports+=("${TAP2}$n")
done
capturing "${ports[@]}" -w eight.pcapng --blocks 128 --block 128k
senders=()
for n in 1 2 3 4 5 6 7 8; do
	seqframes "${TAP}$n" $((n * 500)) $((n * 2000)) > /dev/null &
	senders+=($!)
done
wait "${senders[@]}"
ended
in_order eight.pcapng 18000
for n in 1 2 3 4 5 6 7 8; do
	same "$(awk -v i=$((n - 1)) '$1 == i' frames | wc -l)" $((n * 500)) "frames of port $n"
done

# Four rings on one device: each frame once.
capturing "$TAP2" -w fan.pcapng --fanout lb:4 --blocks 128 --block 128k
seqframes "$TAP" 4000 > /dev/null
ended
in_order fan.pcapng 4000
same "$(awk '{ print $4 }' frames | sort -n | uniq | wc -l)" 4000 'different frames'
same "$(awk '{ print $1 }' frames | sort | uniq -c | awk '$1 == 1000' | wc -l)" 4 'rings with a quarter each'
