#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# watch: a line and a command when a VM loses too much for long enough, another when it is over; a
# single burst is passed over.
# limit 90
. "$(dirname "$0")/../lib/test.sh"

# shellcheck disable=SC2016	# a hostile name
hold_as qemu-system-x86_64 "$TAP" ring 10 -- -name 'guest=w $(touch bad)'
agent_start
named() {
	ctl --json vms "$TAP" | jq -e '.vms[0].name | startswith("w ")'
}
wait_for 10 named
# shellcheck disable=SC2016	# for its shell
taplossctl watch --vm "$TAP" --over 1% --for 3s \
	--exec 'echo "$TAPLOSS_STATE $TAPLOSS_VM $TAPLOSS_NIC $TAPLOSS_DIRECTION '\
'$TAPLOSS_LOSS_PCT" >> told' > lines &
watch=$!
frames "$TAP" 500		# once: no alarm
settled
sleep 4				# longer than --for: had it been one, it would have come
same "$(wc -l < lines)" 0 'lines after a single burst'
taptool flood "$TAP" 6000 rate 1000 > /dev/null &
wait_for 20 test -s told
same "$(cut -d' ' -f1-6 told | head -n 1)" "over w \$(touch bad) $TAP rx" \
	'what the command was told'
same "$(head -n 1 lines | jq -c '[.state, .nic, .direction, .loss_pct > 50]')" \
	"[\"over\",\"$TAP\",\"rx\",true]" 'line'
over() {
	(($(wc -l < lines) == 2))
}
wait_for 30 over
same "$(sed -n 2p lines | jq -c '[.state, .nic]')" "[\"under\",\"$TAP\"]" 'line when it is over'
[[ ! -e bad ]] || fail 'a name became a command'
kill -TERM $watch
wait $watch
refused=0
ctl watch --over much 2> err || refused=$?
same $refused 2 'exit status'
