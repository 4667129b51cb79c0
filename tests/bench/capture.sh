#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a capture costs and loses beside its peers, all writing 64-byte frames to memory: rounds of every variant in turn, medians. The sender runs as
# fast as it can, and the capture in its context: so a slow capture shows as a slow sender, or as loss.
#
# usage: capture.sh TAPLOSSCTL SEQFRAMES [ROUNDS FRAMES]
set -u
if [ "${CAPTURE_NS:-}" != 1 ]; then
	CAPTURE_NS=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc --propagation private -- \
		"$(realpath "$0")" "$(realpath "$1")" "$(realpath "$2")" "${@:3}"
fi
ctl=$1 seqframes=$2 rounds=${3:-5} frames=${4:-2000000}
mount -t tmpfs -o size=2g tmpfs /mnt
cd /mnt || exit 1
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
ip link add name va type veth peer name vb && ip link set va up && ip link set vb up || exit 1

begin() {	# begin VARIANT: runs it in the background; PEER is its process id
	case $1 in
	nobody) PEER=; return ;;
	V1) "$ctl" capture vb -w f --ring 1 2> err & ;;
	V2) "$ctl" capture vb -w f --ring 2 2> err & ;;
	V3) "$ctl" capture vb -w f 2> err & ;;
	tcpdump) tcpdump -Z root -B 65536 -i vb -w f 2> err & ;;
	dumpcap) dumpcap -q -B 64 -i vb -w f 2> err & ;;
	netsniff-ng) netsniff-ng --silent -S 64MiB -i vb -o f.pcap > err 2>&1 & ;;
	esac
	PEER=$!
	until [ "$(awk 'NR > 1 && $6 == 1' /proc/net/packet | wc -l)" -gt 0 ]; do sleep 0.05; done
	sleep 0.3
}

cpu_ns() {	# of the process's threads
	cat /proc/"$PEER"/task/*/schedstat | awk '{ n += $1 } END { printf "%.0f", n }'
}

run() {	# run VARIANT: prints sent/s, captured, CPU ns per captured frame
	local from to cpu=0 got=$frames before=0

	rm -f f f.pcap
	begin "$1"
	[ -z "$PEER" ] || before=$(cpu_ns)
	from=$EPOCHREALTIME
	"$seqframes" va "$frames" > /dev/null
	to=$EPOCHREALTIME
	if [ -n "$PEER" ]; then
		sleep 1.2
		cpu=$(($(cpu_ns) - before))
		kill -INT "$PEER"
		wait "$PEER"
		[ ! -f f.pcap ] || mv f.pcap f
		got=$(capinfos -Mrc f 2> /dev/null | awk 'END { print $NF }')
	fi
	awk -v n="$frames" -v got="${got:-0}" -v us=$((${to/./} - ${from/./})) -v cpu=$cpu \
		'BEGIN { printf "%.0f %.0f %.3f %.1f\n", n * 1e6 / us, got * 1e6 / us, (n - got) * 100 / n, got ? cpu / got : 0 }'
}

variants='nobody V1 V2 V3 tcpdump dumpcap netsniff-ng'
for ((i = 1; i <= rounds; i++)); do
	for v in $variants; do
		echo "$v $(run "$v")" >> results
	done
done
median() {	# median VARIANT COLUMN
	awk -v v="$1" -v c="$2" '$1 == v { print $c }' results | sort -g | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'
}
ratio() {	# ratio A B COLUMN: median of the rounds' A / B
	paste <(awk -v v="$1" -v c="$3" '$1 == v { print $c }' results) <(awk -v v="$2" -v c="$3" '$1 == v { print $c }' results) |
		awk '$2 > 0 { print $1 / $2 }' | sort -g | awk '{ a[NR] = $1 } END { printf "%.2f", a[int((NR + 1) / 2)] }'
}
printf '%-14s %12s %12s %8s %10s %12s\n' "64-byte frames" "sent/s" "captured/s" "lost %" "ns/frame" "sender keeps"
for v in $variants; do
	printf '%-14s %12s %12s %8s %10s %12s\n' "$v" "$(median "$v" 2)" "$(median "$v" 3)" "$(median "$v" 4)" "$(median "$v" 5)" "$(ratio "$v" nobody 2)"
done
echo "rate:  V3/V2 $(ratio V3 V2 3) (goal 2)  V3/V1 $(ratio V3 V1 3) (2)  /tcpdump $(ratio V3 tcpdump 3) (1.05)  /dumpcap $(ratio V3 dumpcap 3) (1.4)" \
	" /netsniff-ng $(ratio V3 netsniff-ng 3) (1.05)"
echo "CPU:   V3/V2 $(ratio V3 V2 5)  V3/V1 $(ratio V3 V1 5)  /tcpdump $(ratio V3 tcpdump 5) (0.6)  /dumpcap $(ratio V3 dumpcap 5) (0.1)" \
	" /netsniff-ng $(ratio V3 netsniff-ng 5) (0.6)"
echo "noise: sender alone $(awk '$1 == "nobody" { print $2 }' results | sort -g | awk 'NR == 1 { a = $1 } END { printf "%.1f %%", ($1 - a) * 100 / a }')" \
	"between slowest and fastest"
