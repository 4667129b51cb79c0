#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What counting a loss costs, beside bpftrace counting by the same key in the same run; with parts
# of it on and off; a drop that is nobody's; a delivered frame.
#
# usage: drop_cost.sh PROGRAM       PROGRAM is the built drop_cost; exit status 1 when a goal is
#                                   missed
set -u
if [ "${DROP_COST_NS:-}" != 1 ]; then	# taps and mounts of our own, gone with us
	self=$(realpath "$0") program=$(realpath "${1:?usage: drop_cost.sh PROGRAM}")
	DROP_COST_NS=1 exec unshare --net --mount --propagation private -- "$self" "$program"
fi
. "$(dirname "$0")/../lib/wait.sh"
program=$1
out=$(mktemp -d) || exit 1
peer=
trap '[ -n "$peer" ] && kill "$peer" 2>/dev/null; rm -rf "$out"' EXIT

# the kernel's own frames would take ring slots
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up || exit 1

# ns runs dropped counted. All is on: 1,000 VMs' addresses are watched for on the path, senders are
# told apart.
read -r ours ours_runs ours_dropped ours_counted _ < <("$program" --macs 1000 drops) || exit 1
read -r pathless _ < <("$program" drops) || exit 1
read -r nobody nobody_runs _ < <("$program" --macs 1000 nobody) || exit 1
read -r off _ < <("$program" nobody) || exit 1
read -r on_path _ < <("$program" --macs 1000 path) || exit 1
read -r _ delivered_runs delivered_dropped delivered _ < <("$program" delivered) || exit 1

# From other ports of the tap's bridge: each is a key of its own, up to 16 (TL_MAX_SENDERS); frames
# of the others are looked up twice.
ip tuntap add t0 mode tap && ip link add br0 type bridge mcast_snooping 0 && ip link set t0 master \
	br0 || exit 1
ip link set br0 up && ip link set t0 up && bridge fdb add 52:54:00:ff:ff:ff dev t0 master static ||
	exit 1
for ((i = 0; i < 40; i++)); do
	ip link add s$i type veth peer name f$i && ip link set s$i master br0 &&
		bridge link set dev s$i learning off || exit 1
	ip link set s$i up && ip link set f$i up || exit 1
done
# shellcheck disable=SC2317	# by until_true
forwarding() { [ "$(bridge -j link |
	jq 'map(select(.ifname[:1] == "s" and .state == "forwarding")) | length')" = 40 ]; }
until_true 60 forwarding
declare -A from=()
for n in 1 16 40; do
	read -r from[$n] _ from_dropped from_counted _ < <("$program" --macs 1000 --senders $n \
		drops) || exit 1
	[ "$from_dropped" = "$from_counted" ] ||
		{ echo "$from_counted of $from_dropped drops counted, from $n senders"; exit 1; }
done

# bpftrace reaches kfree_skb by the tracepoint; what the kernel spends on filling the tracepoint's
# record is not in its figure.
# shellcheck disable=SC2016
by_key='tracepoint:skb:kfree_skb { $skb = (struct sk_buff *)args->skbaddr; $dev = $skb->dev;
	@[args->reason, args->location, $dev->nd_net.net->ns.inum, $dev->ifindex,
		$skb->queue_mapping] = count(); }'
theirs=
if command -v bpftrace > /dev/null; then
	mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing
	mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
	before=$(bpftool prog show name kfree_skb 2>/dev/null | grep -c ' name ')
	bpftrace -e "$by_key" > "$out/bpftrace" 2>&1 &
	peer=$!
	# shellcheck disable=SC2317	# by until_true
	loaded() {
		kill -0 "$peer" 2>/dev/null || die "bpftrace: $(tail -n 1 "$out/bpftrace")"
		[ "$(bpftool prog show name kfree_skb 2>/dev/null | grep -c ' name ')" \
			-gt "$before" ]
	}
	until_true 60 loaded
	read -r theirs _ theirs_dropped _ < <("$program" --prog kfree_skb drops)
	kill -INT "$peer" 2>/dev/null
	wait "$peer"
	peer=
	# The frames with which the ring is overrun before the first round are in bpftrace's sum as
	# well.
	theirs_counted=$(awk -F': ' '/^@\[/ { n = $NF; if (n > max) max = n } END {
		print max + 0 }' "$out/bpftrace")
fi

printf '%-34s %12s %12s %12s %8s\n' '' 'ns each' dropped counted lost
printf '%-34s %12s %12s %12s %8s\n' 'a counted drop, taploss' "$ours" "$ours_dropped" \
	"$ours_counted" $((ours_dropped - ours_counted))
if [ -n "$theirs" ]; then
	lost=$((theirs_dropped - theirs_counted))
	printf '%-34s %12s %12s %12s %8s\n' 'the same, bpftrace' "$theirs" "$theirs_dropped" \
		"$theirs_counted" $((lost > 0 ? lost : 0))
	printf '%-34s %12s\n' '  ratio' "$(awk "BEGIN { printf \"%.2f\", $ours / $theirs }")"
else
	printf '%-35s skipped: bpftrace is not installed or did not attach\n' 'the same, bpftrace'
fi
part() {	# part WORDS NS WHOLE
	printf '%-34s %12s %12s\n' "  $1" "$2" "$(awk "BEGIN { printf \"x %.2f\", $2 / $3 }")"
}
part '[bpf] path = no' "$pathless" "$ours"
part 'from 1 sender, not the host itself' "${from[1]}" "$ours"
part 'from 16 senders' "${from[16]}" "$ours"
part 'from 40 senders' "${from[40]}" "$ours"
echo '  masks have no part in the kernel: who reads leaves out what they name (query.sh)'
printf '%-34s %12s %12s\n' "a drop that is nobody's (veth)" "$nobody" "$nobody_runs"
part '[bpf] path = no' "$off" "$nobody"
printf '%-34s %12s\n' "a VM's frame on the path (veth)" "$on_path"
printf '%-34s %12s  (the program ran %s times for %s frames)\n' 'a delivered frame' \
	0.0 "$delivered_runs" "$delivered"

bad=0
goal() {	# words, condition for awk
	awk "BEGIN { exit !($2) }" && return
	echo "missed: $1"
	bad=1
}
goal 'a counted drop takes at most 100 ns' "$ours <= 100"
goal 'whoever sent it' "${from[1]} <= 100 && ${from[16]} <= 100 && ${from[40]} <= 100"
goal "a VM's frame on the path takes at most 100 ns" "$on_path <= 100"
goal "nobody's drop takes at most 50 ns" "$nobody <= 50"
goal 'no drop is lost' "$ours_dropped == $ours_counted && $ours_runs >= $ours_dropped"
goal 'a delivered frame costs nothing' \
	"$delivered_runs == 0 && $delivered_dropped == 0 && $delivered > 0"
[ -z "$theirs" ] || goal 'at most 0.6 of bpftrace' "$ours <= 0.6 * $theirs"
exit $bad
