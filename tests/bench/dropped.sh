#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What capture --dropped costs the path of a drop: a flood of lost frames, as fast as this machine
# loses them, with the limit at 10,000 a second, beside counting alone, in turn. By the kernel's own
# clock on the programs, and by how many frames a second are lost with each.
#
# usage: dropped.sh DROP_COST TAPLOSSCTL
set -u
if [ "${DROPPED_NS:-}" != 1 ]; then	# taps of our own, gone with us
	self=$(realpath "$0") program=$(realpath "$1") ctl=$(realpath "$2")
	DROPPED_NS=1 exec unshare --net --mount --propagation private -- "$self" "$program" "$ctl"
fi
. "$(dirname "$0")/../lib/wait.sh"
program=$1 ctl=$2 rounds=5
out=$(mktemp -d) || exit 1
capture=
trap '[ -n "$capture" ] && kill "$capture" 2>/dev/null; rm -rf "$out"' EXIT
# the kernel's own frames would take ring slots
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6

median() {	# median COLUMN FILE
	awk -v c="$1" '{ print $c }' "$2" | sort -n |
		awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

# with NAME OPTION...: one round of drop_cost beside a capture
with() {
	local name=$1
	shift

	ip tuntap add t0 mode tap || exit 1
	: > "$out/err"
	"$ctl" --json capture --dropped t0 -w "$out/f.pcapng" "$@" > "$out/json" 2> "$out/err" &
	capture=$!
	until_true 30 grep -q '^capturing' "$out/err"
	"$program" --runs 1 --frames 2000000 --prog dropped_reason drops >> "$out/$name" || exit 1
	kill -INT "$capture"
	wait "$capture" || exit 1
	capture=
	ip link del t0
	jq -r '[.frames_lost, .frames, .frames_above_limit, .frames_without_room, .bytes] | @tsv' \
		"$out/json" >> "$out/$name.sums"
}

for ((round = 0; round < rounds; round++)); do
	"$program" --runs 1 --frames 2000000 drops >> "$out/counting" || exit 1
	with limited
	with unlimited --limit 0
done

printf '%-42s %9s %12s %10s %10s %10s\n' '' 'ns each' 'lost/s' lost written 'not kept'
row() {	# row WORDS NAME
	local sums
	sums=$([ -e "$out/$2.sums" ] && awk '{ l += $1; w += $2; n += $3 + $4 } END {
		print l, w, n }' "$out/$2.sums" || echo - - -)
	# shellcheck disable=SC2086
	printf '%-42s %9s %12s %10s %10s %10s\n' "$1" "$(median 1 "$out/$2")" \
		"$(median 5 "$out/$2")" $sums
}
row 'counting alone' counting
row 'capture --dropped, limit 10,000 a second' limited
row 'capture --dropped, no limit' unlimited
sort -n "$out/counting" |
	awk '{ v[NR] = $1 } END { print "noise: counting alone from", v[1], "to", v[NR], "ns" }'

bad=0
goal() {	# words, condition for awk
	awk "BEGIN { exit !($2) }" && return
	echo "missed: $1"
	bad=1
}
goal 'above the limit a lost frame takes no longer than counting it' \
	"$(median 1 "$out/limited") <= $(median 1 "$out/counting")"
goal 'every lost frame is written or counted' \
	"$(awk '$1 != $2 + $3 + $4 { n++ } END { print n + 0 }' "$out/limited.sums" \
	"$out/unlimited.sums") == 0"
exit $bad
