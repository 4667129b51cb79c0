#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# limit 120
# taplossctl capture --dropped: every way to lose a frame that is an skb, on a device of its own.
# What the file says of the frames of each device (reason, place, class, kind, direction, queue) is
# what `loss` counted meanwhile, to the frame. Above the limit: written + suppressed = lost.
# kernels 5.10 6.12 7.2
. "$(dirname "$0")/../lib/test.sh"

# told FILE: "device comment" of each frame, without other programs' help
told() {
	perl -e 'open F, $ARGV[0]; binmode F; local $/; $_ = <F>;
		while (length) {
			($type, $length) = unpack "VV"; $block = substr $_, 0, $length, "";
			@names = () if $type == 0x0a0d0d0a;
			if ($type == 1) { $o = substr $block, 16, -4; } elsif ($type == 6) {
				($id, $caplen) = (unpack "VVVVVVV", $block)[2, 5];
				$o = substr $block, 28 + (($caplen + 3) & ~3), -4; } else { next }
			while (length $o) {
				($code, $n) = unpack "vv", $o; last unless $code;
				$value = substr $o, 4, $n; $o = substr $o, 4 + (($n + 3) & ~3);
				push @names, $value if $type == 1 && $code == 2;
				print "$names[$id] $value\n" if $type == 6 && $code == 1 &&
				$value =~ /^taploss: lost reason/;
			}
		}' "$1"
}

# capturing OPTION...: lost frames, in the background
capturing() {
	: > capture.err
	taplossctl capture --dropped "$@" 2> capture.err &
	CAPTURE=$!
	wait_for 30 grep -q '^capturing lost frames' capture.err
}
ended() {
	local status=0

	kill -INT "$CAPTURE"
	wait "$CAPTURE" || status=$?
	same "$status" 0 "the exit status; it said: $(cat capture.err)"
}

# A case that this kernel cannot do may find out late.
is_over() {	# is_over DEV PID
	grep -q sent "case.$1" || ! kill -0 "$2" 2> /dev/null
}

# Those that XDP loses were no skbs; of what a vhost worker loses not all has a device before 7.2.
pattern=. least=30 places=8 flood=20000
if [[ -n ${TAPLOSS_SLOWER:-} ]]; then	# losspoints.sh does them all there
	pattern='^(full_ring_mq|sockfilter|gso_notso|badhdr_gsotype|qdisc|unhandled|'
	pattern+='mvt_full_ring_mq) '
	least=6 places=4 flood=4000
fi
agent_start
devices=() pids=() nr=0
while read -r name _; do
	nr=$((nr + 1)) dev=$(printf '%s%03d' "$TAP" $nr)
	: > "case.$dev"
	taptool case "$name" dev "$dev" count 20 wait stay >> "case.$dev" 2> "error.$dev" &
	pid=$!
	until grep -q READY "case.$dev"; do
		kill -0 $pid 2> /dev/null || break	# not possible on this kernel
		sleep 0.02
	done
	if grep -q READY "case.$dev"; then
		devices+=("$dev") pids+=("$pid")
	fi
done < <(taptool cases | grep -v -E '^(vhost|xdp)_' | grep -E "$pattern")
at_least ${#devices[@]} $least 'ways to lose a frame'

capturing "${devices[@]}" -w f.pcapng --limit 0
for i in "${!devices[@]}"; do
	kill -USR1 "${pids[i]}"
	wait_for 20 is_over "${devices[i]}" "${pids[i]}"
done
settled
ended
told f.pcapng | perl -ne 's/ taploss: lost//; s/ (segments|unsent|limited)=\d+//g; print' | sort |
	uniq -c | awk '{ print $2, $3, $4, $5, $6, $7, $8 ? $8 : "queue=-", $1 }' |
	sort > written
rows_as 'map(select(.nic != null)) | map([.nic, "reason=" + .kernel_reason, "place=" + .site,
	"class=" + .class, "kind=" + .kind, "direction=" + .direction,
	"queue=\(.queue // "-")", .frames] | map(tostring) | join(" ")) | .[]' | jq -r . |
	grep "^$TAP" | sort > counted
diff written counted > differ ||
	fail "what the file says of the frames, and what was counted: $(< differ)"
at_least "$(awk '{ print $2, $3 }' written | sort -u | wc -l)" $places 'reasons and places'
same "$(awk '{ n += $NF } END { print n }' written)" "$(sed -n 's/ frames lost, .*//p' capture.err |
	tr -d ,)" 'its own count'

# More than the limit: what is not written is counted, and stands in the file as lost.
hold "$TAP2" ring 16
frames "$TAP2" 16
before=$(counter "$TAP2" tx_dropped)
capturing "$TAP2" -w limit.pcapng --limit 100
frames "$TAP2" $flood
during=$(($(counter "$TAP2" tx_dropped) - before))
ended
same "$during" $flood 'what the device counted'
written=$(told limit.pcapng | wc -l)
at_least "$written" 100 'frames written'
at_least $((during / 2)) "$written" 'far more were lost'
tell=$(taplossctl --json gaps limit.pcapng || true)
same "$(jq '.frames + .frames_lost' <<< "$tell")" "$during" 'written and suppressed'
has "$(< capture.err)" 'above the limit of 100 per second'
