#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# How long taplossctl takes over a day of a big host: 1,000 VMs of 4 queues, some 300,000 loss rows.
# Wall time of the whole program, start-up included; the median of 11.
#
# usage: query.sh FILL TAPLOSSCTL
set -u
fill=$1 ctl=$2
store=$(mktemp -d) || exit 1
trap 'rm -rf "$store"' EXIT
end=$(date +%s)
"$fill" "$store/s" "$end" 24 > /dev/null || exit 1

median() {
	local i t

	for ((i = 0; i < 11; i++)); do
		t=${EPOCHREALTIME/./}
		"$@" > /dev/null || return 1
		echo $((${EPOCHREALTIME/./} - t))
	done | sort -n | awk 'NR == 6 { printf "%.0f", $1 / 1000 }'
}

mask_all() {	# a hundred masks, none of which fits
	local i

	for ((i = 0; i < 100; i++)); do
		"$ctl" --store "$store/s" mask add --site "nowhere_$i" --note bench > /dev/null ||
			exit 1
	done
}

bad=0
vm=$("$ctl" --store "$store/s" loss --since "@$((end - 86400))" --until "@$end" --by vm --limit 1 \
	--json | jq -r '.rows[0].vm')
printf '%-52s %10s %10s\n' "24 h, 1,000 VMs of 4 queues" measured goal
while IFS='|' read -r name args; do
	[[ $name != *masks* ]] || mask_all
	# shellcheck disable=SC2086
	ms=$(median "$ctl" --store "$store/s" $args --since "@$((end - 86400))" \
		--until "@$end" --json)
	printf '%-52s %7s ms %10s\n' "$name" "$ms" '100 ms'
	[ "${ms:-1000}" -le 100 ] || bad=1
done <<EOF
loss, all VMs|loss
loss, all VMs, with what was delivered|loss --by vm,nic,direction,class,reason,kind
loss, one VM|loss --vm $vm
loss, by class|loss --by class
timeline of one VM|timeline $vm
timeline of one VM by the minute|timeline $vm --step 1min
loss, all VMs, with 100 masks besides|loss
EOF
exit $bad
