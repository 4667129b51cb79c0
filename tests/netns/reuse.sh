#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A device goes, another VM's gets its name and its ifindex: the histories do not mix.
. "$(dirname "$0")/../lib/test.sh"

ip link add lower type veth peer name far
ip link set lower up
ip link set far up
agent_start

# vm NAME FRAMES: the macvtap, always with the same name and number, held by another VM each time
owned_by() {
	ip link add link lower name "$MVT" index 4242 type macvtap mode bridge
	hold_as qemu-system-x86_64 "$MVT" macvtap ring 10 -- -name "guest=$1"
}
gone() {
	let_go "$HELD"
	ip link del "$MVT"
}
lose() {
	frames far $((10 + $1)) to "$(mac_of "$MVT")"
}

owned_by first
lose 100
expect_lost 100 vm=first class=PTR_FULL
gone
owned_by second
lose 200
expect_lost 200 vm=second class=PTR_FULL
kill -STOP "$AGENT"
gone
owned_by third
kill -CONT "$AGENT"
settled
lose 400
expect_lost 400 vm=third class=PTR_FULL
same "$(lost vm=first class=PTR_FULL),$(lost vm=second class=PTR_FULL)" 100,200 'what went before'
same "$(ctl --json vms --all |
	jq '[.vms[].nics[] | select(.ifindex == 4242 and .until_ns == null)] | length')" \
	1 'attached now'
