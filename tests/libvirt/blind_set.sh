#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Causes of loss in random order, at random times; diagnose is asked about that window of that VM
# and nothing else. Prints what was taken for what. Nine of ten have to be right, and none may be
# wrong with high confidence. BLIND_N: how many; BLIND_SEED: which (printed).
# alone
# plain
# limit 400
. "$(dirname "$0")/../lib/test.sh"
. "$TESTS/lib/libvirt.sh"
. "$TESTS/lib/causes.sh"
need libvirtd virsh qemu-system-x86_64 taskset chrt nft tc

N=${BLIND_N:-20} SEED=${BLIND_SEED:-$((EPOCHSECONDS % 32768))}
DECK=()
read -ra CAUSES <<< "${BLIND_CAUSES:-$(compgen -A function cause_ | sed 's/^cause_//' |
	paste -sd ' ')}"

# The first verdict: cause, confidence
told() {	# told SINCE
	ctl --json diagnose "$VM" --since "@$1" |
		jq -r '.verdicts[0] | [.cause // "none", .confidence // "low"] | join(" ")'
}

# draw: CAUSE is one of those not drawn yet; then all again
draw() {
	local i

	((${#DECK[@]})) || DECK=("${CAUSES[@]}")
	i=$((RANDOM % ${#DECK[@]}))
	CAUSE=${DECK[i]}
	unset "DECK[i]"
	DECK=("${DECK[@]}")
}

causes_up
echo "$N causes of ${#CAUSES[@]}, BLIND_SEED=$SEED"
RANDOM=$SEED
: > answers
right=0
for ((n = 0; n < N; n++)); do
	draw
	sleep "$((RANDOM % 2)).$((RANDOM % 10))"	# at any time: of a second, of a tick
	settled
	from=$EPOCHREALTIME
	"cause_$CAUSE"
	settled
	read -r answer confidence <<< "$(told "$from")"
	echo "${CAUSE//_/-} $answer $confidence" >> answers
	if [[ $answer == "${CAUSE//_/-}" ]]; then
		right=$((right + 1))
	else
		ctl --json diagnose "$VM" --since "@$from" |
			jq -c '.verdicts[] | {cause, confidence, frames, class, bursts, longest_ns,
			burst_frames_per_s, usual_frames_per_s, lost_ns, pressure, queue_pct,
			from}' | sed "s/^/$CAUSE: /"
	fi
done

echo
echo "provoked, said, confidence: times"
sort answers | uniq -c |
	awk '{ printf "%-18s %-18s %-7s %d%s\n", $2, $3, $4, $1, $2 == $3 ? "" : "   wrong" }'
echo "$right of $N right"
at_least $((right * 10)) $((N * 9)) 'right answers, times ten,'
same "$(awk '$1 != $2 && $3 == "high"' answers)" '' 'wrong with high confidence'
