#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What happens to a VM and its interface while the agent looks is an event, once.
. "$(dirname "$0")/../lib/test.sh"

agent_start
hold_as qemu-system-x86_64 "$TAP" queues 2 ring 500 -- -name guest=events-1 \
	-uuid 11111111-2222-3333-4444-5555555555e1
events() {
	ctl --json events events-1 2> /dev/null | jq -r '.events[] | select(.vm == "events-1") |
		[.event, .nic, .was, .became] | map(. // "-") | join(" ")' | sort
}
events_are() {
	[[ $(events) == "$1" ]]
}
found="found - - running
nic-added $TAP - $TAP"
wait_for 10 events_are "$found"
ip link set "$TAP" txqueuelen 700
wait_for 10 events_are "$found
ring $TAP 500 700"
ip link add "b$TAG" type bridge
ip link set "$TAP" master "b$TAG"
settled
ip link set "$TAP" nomaster
kill "$HELD"
# A bridge that is unknown now does not overwrite the one that was: no event.
gone() {
	[[ $(events) == *"nic-removed $TAP $TAP -"* && $(events) == *'stopped - running gone'* ]]
}
wait_for 15 gone
settled
same "$(events | wc -l)" 5 'events'

# The next agent finds nothing new.
agent_stop
agent_start
settled
same "$(events | wc -l)" 5 'events after a restart'
same "$(ctl --json events | jq -r '[.events[].event | select(startswith("agent"))] | join(" ")')" \
	'agent-started agent-stopped agent-started'
agent_kill9
agent_start
same "$(ctl --json events | jq -r '[.events[].event | select(startswith("agent"))] | join(" ")')" \
	'agent-started agent-stopped agent-started agent-died agent-started'
