#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A store whose disk fills up says so once, forgets nothing, and goes on by itself when there is
# room again.
# limit 120
. "$(dirname "$0")/../lib/test.sh"

mkdir -m 750 "$STORE"
mount -t tmpfs -o size=4m store "$STORE"
hold_as qemu-system-x86_64 "$TAP" queues 8 ring 16 -- -name guest=steady-1
agent_start
taptool flood "$TAP" 100000000 flows 64 rate 5000 > flood.json 2>> flood.log &
flood=$!
complaints() {
	grep -ci 'no space' agent.log || true
}
# until the agent has complained $1 times, and has had to keep back what was lost since
fill_disk() {
	local from

	head -c 8m /dev/zero > "$STORE/ballast" 2> /dev/null || true
	wait_for 60 complained "$1"
	from=$(counter "$TAP" tx_dropped)
	wait_for 10 dropped_since "$from"
	(($(lost vm=steady-1) < from + 2000)) || fail 'stored on a full disk?'
}
complained() {
	(($(complaints) == $1))
}
dropped_since() {
	(($(counter "$TAP" tx_dropped) >= $1 + 5000))
}

fill_disk 1
rm "$STORE/ballast"
from=$(date +%s%N)
wait_for 20 ticks_since "$from" 2

# Again, and this time the agent is killed while there is no room.
fill_disk 2
agent_kill9
rm "$STORE/ballast"
agent_start
kill "$flood"
wait "$flood" || true
dropped=$(counter "$TAP" tx_dropped)
expect_lost "$dropped" vm=steady-1 class=PTR_FULL
same "$(complaints)" 2 'complaints, one for each time'
agent_stop
ctl db check > /dev/null
