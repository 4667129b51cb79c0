#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# limit 90
# Several ports in one file, in the order of time: a busy one beside one with a frame now and then;
# eight at once; the rings of a fanout.
. "$(dirname "$0")/../lib/capture.sh"

# in_order FILE N: N frames, no time before the one above it
in_order() {
	seen "$1" > frames
	same "$(wc -l < frames)" "$2" 'frames'
	same "$(awk '{ print $5 }' frames |
		perl -ne '($s, $n) = split /\./; $t = $s * 1e9 + $n; print if $t < $last;
		$last = $t')" '' 'out of order'
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

# Four rings on one device: each frame once, whoever decides where it goes.
cat > by_number.bpf.c << 'EOF'
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
SEC("socket") int by_number(struct __sk_buff *skb)
{
	unsigned char last;	/* byte of the frame's number, behind the Ethernet header */

	return bpf_skb_load_bytes(skb, 7, &last, 1) < 0 ? 0 : last / 64;
}
char _license[] SEC("license") = "GPL";
EOF
clang -O2 -g -target bpf -I"/usr/include/$(uname -m)-linux-gnu" -c by_number.bpf.c \
	-o by_number.bpf.o
bpftool prog load by_number.bpf.o /sys/fs/bpf/by_number
for mode in hash:3 cpu:3 rollover:3 rnd:3 qm:3 cbpf:3 ebpf:4:/sys/fs/bpf/by_number; do
	capturing "$TAP2" -w fan.pcapng --fanout "$mode" --blocks 128 --block 128k
	seqframes "$TAP" 1024 > /dev/null
	ended
	in_order fan.pcapng 1024
	same "$(awk '{ print $4 }' frames | sort -n | uniq | wc -l)" 1024 "different frames, $mode"
	awk '{ print $1 }' frames | sort | uniq -c | awk '{ print $2 ":" $1 }' |
		xargs > "rings.${mode%%:*}"
done
same "$(< rings.cbpf)" '1:1024' 'the ring of the sender whose address ends with 01'
same "$(< rings.ebpf)" '0:256 1:256 2:256 3:256' 'rings by the number, as the program says'
same "$(wc -w < rings.rnd)" 3 'rings by chance'
# A ring that is full loses what is its own: the sum of all is what was offered.
capturing "$TAP2" -w fan.pcapng --fanout lb:4 --blocks 4 --block 128k --retire 250
kill -STOP "$CAPTURE"
seqframes "$TAP" 20000 > /dev/null
kill -CONT "$CAPTURE"
ended
lost=$({ taplossctl --json gaps fan.pcapng || true; } | jq .frames_lost)
at_least "$lost" 1 'lost of the fanout'
same $((lost + $(seen fan.pcapng | wc -l))) 20000 'captured and lost of all rings'
capturing "$TAP2" -w fan.pcapng --fanout lb:4 --blocks 128 --block 128k
seqframes "$TAP" 4000 > /dev/null
ended
in_order fan.pcapng 4000
same "$(awk '{ print $4 }' frames | sort -n | uniq | wc -l)" 4000 'different frames'
same "$(awk '{ print $1 }' frames | sort | uniq -c | awk '$1 == 1000' | wc -l)" \
	4 'rings with a quarter each'
