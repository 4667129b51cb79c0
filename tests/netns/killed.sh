#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An agent that is killed twenty times under steady loss stores every frame once: what is stored is
# what the device counted.
# limit 120
. "$(dirname "$0")/../lib/test.sh"

hold_as qemu-system-x86_64 "$TAP" ring 16 -- -name guest=steady-1
began=$(date +%s%N)
agent_start
taptool flood "$TAP" 100000000 flows 8 rate 20000 > flood.json 2>> flood.log &
flood=$!

for ((i = 0; i < 20; i++)); do
	# any moment will do: in a tick, between two, while it starts
	sleep "0.$((RANDOM % 450 + 100))"
	agent_kill9
	agent_spawn
done
wait_for 20 agent_ticks
kill "$flood"
wait "$flood" || true
dropped=$(counter "$TAP" tx_dropped)
at_least "$dropped" 20000
expect_lost "$dropped" "vm=steady-1" class=PTR_FULL
same "$(lost "vm=steady-1")" "$dropped"
same "$(ctl --json audit | jq '[.rows[] | select(.vm == "steady-1") | .unexplained_frames // 0] |
	add')" 0 'unexplained'

# No interval twice, none that was not: and the kernel counted all the time.
ctl --json status > status.json
jq -e --argjson began "$began" --argjson now "$(date +%s%N)" '.coverage | . as $c
	| .[0].from_ns >= $began and .[-1].to_ns <= $now
	and all(.[]; .from_ns < .to_ns)
	and all(range(1; length); $c[.].from_ns >= $c[. - 1].to_ns)
	and (map(.to_ns - .from_ns) | add) > 0.95 * ($now - .[0].from_ns)' \
	status.json > coverage.log ||
	fail "coverage: $(jq -c .coverage status.json)"
agent_stop
ctl db check > /dev/null
for day in "$STORE"/timeline-*.db; do
	same "$(sqlite3 -readonly "$day" \
		'SELECT count(*) - count(DISTINCT t_ns || "." || series_id) FROM loss')" \
		0 'double rows'
done
