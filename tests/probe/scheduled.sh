#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The agent probes the places that its configuration names, one after the other; what it finds is in
# the store. A place that is not there is no trouble for the others. A probe that takes longer than
# its budget is ended, and so is one that runs when the agent ends; nothing is left of either.
# plain
# limit 200
. "$(dirname "$0")/../lib/test.sh"
. "$TESTS/lib/libvirt.sh"
. "$TESTS/lib/probe.sh"
need libvirtd virsh qemu-system-x86_64 depmod

probe_start

# configure FRAMES RATE BUDGET PLACE...
configure() {
	cat > taploss.conf <<-EOF
		[probe]
		where = ${*:4}
		first_s = 0
		every_min = 600
		frames = $1
		rate = $2
		budget_s = $3
		options = --kernel $GUEST/vmlinuz --modules $MODULES --accel tcg --boot-time 60
	EOF
}
probes() {	# probes JQ: of all of them
	ctl --json probe list | jq -c ".probes | map($1)"
}
probes_are() {
	[[ $(probes "$1") == "$2" ]]
}

configure 3000 3000 60 "bridge:none$TAG" "bridge:$BRIDGE"
agent_start --config taploss.conf
wait_for 60 probes_are '[.target, .state]' \
	"[[\"bridge none$TAG\",\"incomplete\"],[\"bridge $BRIDGE\",\"complete\"]]"
same "$(probes '[.sent_frames, .unaccounted_frames]')" '[[0,0],[3000,0]]' 'probes in the store'
agent_stop
has "$(< agent.log)" "probe of bridge:none$TAG failed"
nothing_left

configure 100000 1000 5 "bridge:$BRIDGE"
agent_start --config taploss.conf
over_budget() {
	grep -q "probe of bridge:$BRIDGE ended: it took longer than 5 s" agent.log
}
wait_for 60 over_budget
same "$(probes .state | jq -c '.[2]')" '"incomplete"' 'a probe that took too long'
nothing_left
agent_stop

configure 100000 1000 600 "bridge:$BRIDGE"
agent_start --config taploss.conf
wait_for 60 tap_there
agent_stop
nothing_left
same "$(probes .state)" '["incomplete","complete","incomplete","incomplete"]' 'all probes'
has "$(ctl --json probe show 4 | jq -r .why)" interrupted
