#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a capture costs and loses: the three kinds of ring side by side, the whole program beside its
# peers, its gaps held against the frames' own numbers, four ports in the order of time. 64-byte
# frames written into a tap, as a guest's are; rounds of every variant in turn, medians. The capture
# runs in the sender's context: a slow one shows as a slow sender, or as loss.
#
# usage: capture.sh BUILD [rings|stall|peers|gaps|ports]...; ROUNDS=5, FRAMES=2000000. Figures of
# every run go to BUILD/bench/capture.txt.
set -u
if [ "${CAPTURE_NS:-}" != 1 ]; then
	CAPTURE_NS=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc \
		--propagation private -- "$(realpath "$0")" "$(realpath "$1")" "${@:2}"
fi
. "$(dirname "$0")/../lib/wait.sh"
build=$1 rounds=${ROUNDS:-5} frames=${FRAMES:-2000000}
shift
[ $# -gt 0 ] || set -- rings stall peers gaps ports
mkdir -p "$build/bench"
results=$build/bench/capture.txt
mount -t tmpfs -o size=2g tmpfs /mnt
cd /mnt || exit 1
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
for n in 0 1 2 3; do
	ip tuntap add "tap$n" mode tap && ip link set "tap$n" up || exit 1
done

per_second() {	# per_second "FRAMES NS"
	awk '{ printf "%.0f", $1 * 1e9 / $2 }' <<< "$1"
}

field() {	# field NAME: of ring_rate's last line
	sed -n "\$s/.*\b$1=\([0-9]*\).*/\1/p" ring.out
}

# ring VERSION PPS FRAMES [key=value]...: ring_rate beside a sender; SENT is the sender's frames a
# second
ring() {
	local pid

	: > ring.out
	"$build/tests/bench/ring_rate" tap0 "$1" "${@:4}" >> ring.out &
	pid=$!
	until_true 20 grep -q ready ring.out
	SENT=$(per_second "$("$build/tests/helpers/tapframes" tap0 "$3" "$2")")
	kill -INT $pid
	wait $pid || die "ring_rate failed"
}

# note PHASE VARIANT SENT/S CAPTURED LOST NS/FRAME
note() {
	awk -v phase="$1" -v v="$2" -v sent="$3" -v got="$4" -v lost="$5" -v ns="$6" \
		'BEGIN {
			all = got + lost
			printf "%s %s %.0f %.0f %.4f %.1f\n", phase, v, sent, sent * got / all,
				lost * 100 / all, ns
		}' >> "$results"
}

median() {	# median PHASE VARIANT COLUMN
	awk -v p="$1" -v v="$2" -v c="$3" '$1 == p && $2 == v { print $c }' "$results" | sort -g |
		awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'
}

ratio() {	# ratio PHASE A B COLUMN: median of the rounds' A / B
	paste <(awk -v p="$1" -v v="$2" -v c="$4" '$1 == p && $2 == v { print $c }' "$results") \
		<(awk -v p="$1" -v v="$3" -v c="$4" '$1 == p && $2 == v { print $c }' "$results") |
		awk '$2 > 0 { print $1 / $2 }' | sort -g |
		awk '{ a[NR] = $1 } END { printf "%.3f", a[int((NR + 1) / 2)] }'
}

table() {	# table PHASE TITLE VARIANT...
	local phase=$1 v

	printf '\n%-34s %12s %12s %8s %10s %8s\n' "$2" sent/s captured/s 'lost %' 'CPU ns' keeps
	for v in "${@:3}"; do
		printf '%-34s %12s %12s %8s %10s %8s\n' "$v" "$(median "$phase" "$v" 3)" \
			"$(median "$phase" "$v" 4)" "$(median "$phase" "$v" 5)" \
			"$(median "$phase" "$v" 6)" "$(ratio "$phase" "$v" nobody 3)"
	done
	awk -v p="$phase" '$1 == p && $2 == "nobody" { print $3 }' "$results" | sort -g |
		awk 'NR == 1 { a = $1 } END {
			printf "noise: the sender alone was %.1f %% faster in its best round " \
				"than in its worst\n", ($1 - a) * 100 / a
		}'
}

alone() {	# the sender without a capture
	note "$1" nobody "$(per_second "$("$build/tests/helpers/tapframes" tap0 "$frames")")" 1 0 0
}

# 1. Nothing but the ring: taken, looked at, given back.
rings() {
	local i v

	for ((i = 0; i < rounds; i++)); do
		alone rings
		for v in 1 2 3; do
			ring $v 0 "$frames"
			note rings V$v "$SENT" "$(field captured)" "$(field lost)" \
				"$(awk -v c="$(field cpu_ns)" -v n="$(field captured)" \
				'BEGIN { print c / n }')"
		done
	done
	table rings 'rings, as fast as the sender can' nobody V1 V2 V3
	echo "rate of V3: $(ratio rings V3 V2 4) of V2's, $(ratio rings V3 V1 4) of V1's (goal 2); \
CPU a frame: 1/$(ratio rings V2 V3 6) of V2's, 1/$(ratio rings V1 V3 6) of V1's (1/15)"
	"$build/taplossctl" --json ring --frame 64 |
		jq -r '[.rings[].frames_per_mib] |
		"64-byte frames in a MiB of ring: V1 \(.[0]), V2 \(.[1]), V3 \(.[2]): " +
		"\(.[2] / .[1] * 10 | round / 10) times (goal 13)"'
}

# 2. The reader stands still for 100 ms of every second.
stall() {
	local i v

	for ((i = 0; i < rounds; i++)); do
		for v in 1 2 3; do
			ring $v 500000 1500000 stall=100
			note stall V$v "$SENT" "$(field captured)" "$(field lost)" 0
		done
	done
	echo
	echo "100 ms stall each second at $(median stall V3 3) frames/s, lost %: V1 \
$(median stall V1 5), V2 $(median stall V2 5), V3 $(median stall V3 5) (goal 0)"
}

sockets() { [ "$(awk 'NR > 1 && $6 == 1' /proc/net/packet | wc -l)" = "$1" ]; }	# so many are bound
cpu_ns() { cat /proc/"$1"/task/*/schedstat | awk '{ n += $1 } END { printf "%.0f", n }'; }
idle() {	# idle PID: it has worked up what came in
	local now

	now=$(cpu_ns "$1")
	sleep 0.3
	[ $(($(cpu_ns "$1") - now)) -lt 5000000 ]
}

# peer VARIANT: a whole program, into memory. The file before goes only when the sender begins: else
# its memory goes back to the host, and who writes next pays for that.
peer() {
	local pid before cpu got file=f.new

	case $1 in
	taploss) "$build/taplossctl" capture tap0 -w f.new 2> err & ;;
	tcpdump) tcpdump -Z root -B 65536 -i tap0 -w f.new 2> err & ;;
	dumpcap) dumpcap -q -B 64 -i tap0 -w f.new 2> err & ;;
	netsniff-ng) file=f.pcap; netsniff-ng --silent -S 64MiB -i tap0 -o f.pcap > err 2>&1 & ;;
	esac
	pid=$!
	until_true 20 sockets 1
	until_true 20 idle $pid	# it is set up
	before=$(cpu_ns $pid)
	rm -f f.old
	SENT=$(per_second "$("$build/tests/helpers/tapframes" tap0 "$frames")")
	sleep 1.2		# tcpdump's blocks are handed over after a second
	until_true 20 idle $pid
	cpu=$(($(cpu_ns $pid) - before))
	kill -INT $pid
	wait $pid
	mv "$file" f.old
	got=$(capinfos -Mrc f.old 2> /dev/null | awk 'END { print $NF }')
	note peers "$1" "$SENT" "$got" $((frames - got)) \
		"$(awk -v c=$cpu -v n="$got" 'BEGIN { print c / n }')"
}

# 3. The program beside its peers.
peers() {
	local i v variants='taploss tcpdump dumpcap netsniff-ng'

	peer taploss		# the first file's memory is new to the machine
	sed -i '$d' "$results"
	for ((i = 0; i < rounds; i++)); do
		alone peers
		for v in $variants; do
			peer "$v"
		done
	done
	# shellcheck disable=SC2086
	table peers 'programs, into memory' nobody $variants
	echo "rate of taploss: $(ratio peers taploss tcpdump 4) of tcpdump's (goal 1.05), \
$(ratio peers taploss dumpcap 4) of dumpcap's (1.4)," \
		"$(ratio peers taploss netsniff-ng 4) of netsniff-ng's (1.05)"
	echo "CPU a frame: $(ratio peers taploss tcpdump 6) of tcpdump's (0.6), \
$(ratio peers taploss dumpcap 6) of dumpcap's (0.1)," \
		"$(ratio peers taploss netsniff-ng 6) of netsniff-ng's (0.6)"
	rm -f f.old
}

# 4. Overload: every gap against the numbers of the frames around it.
gaps() {
	local blocks retire load pps

	: > gaps.txt
	for blocks in 8 16 32 64; do
		for retire in 8 63; do
			for load in slow=1000000 slow=3000000 stall=100; do
				pps=0
				[ $load != stall=100 ] || pps=500000
				ring 3 $pps 1000000 block=131072 blocks=$blocks retire=$retire \
					$load check=1
				tail -n 1 ring.out >> gaps.txt
			done
		done
	done
	sed 's/^/gaps /' gaps.txt >> "$results"
	echo
	perl -ne 'while (/(\w+)=(\d+)/g) { $s{$1} += $2 } $runs++; END {
		printf "%d overload runs: %d frames lost in %d gaps; %d of them exact in place " .
			"and count (%.2f %%, goal 99.5), %d more marked and inside their bound, " .
			"%d wrong; totals exact in %d runs\n", $runs, $s{lost}, $s{gaps}, $s{exact},
			$s{gaps} ? $s{exact} * 100 / $s{gaps} : 0, $s{inside},
			$s{gaps} - $s{exact} - $s{inside}, $s{closed} }' gaps.txt
}

# 5. Four ports at 50,000 frames a second each, merged.
ports() {
	local pid n senders=()

	"$build/taplossctl" --json capture tap0 tap1 tap2 tap3 -w four.pcapng > four.json 2> err &
	pid=$!
	until_true 20 sockets 4
	for n in 0 1 2 3; do
		"$build/tests/helpers/tapframes" tap$n 100000 50000 > sent$n &
		senders+=($!)
	done
	wait "${senders[@]}"
	until_true 20 idle $pid
	kill -INT $pid
	wait $pid
	tshark -r four.pcapng -T fields -e frame.time_epoch 2> /dev/null |
		perl -ne '($s, $n) = split /\./; $t = $s * 1e9 + $n; $back++ if $t < $last;
		$last = $t; $k++; END { printf "%d %d\n", $k, $back }' > order
	jq -r --arg order "$(cat order)" \
		'($order / " ") as $o |
		"four ports at 50,000 frames/s each: \($o[0]) of 400000 frames, " +
		"\($o[1]) of them behind a younger one " +
		"(goal 0), \(.frames_lost) lost by the capture (goal 0)"' four.json
	rm -f four.pcapng
}

for phase; do
	[ ! -f "$results" ] || sed -i "/^$phase /d" "$results"
	$phase
done
