#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A macvtap that stays goes from one VMM to the next without a word from the kernel: soon it is the
# next one's.
# kernels 5.10 6.12
. "$(dirname "$0")/../lib/test.sh"

macvtap "$MVT"
agent_start
hold_as qemu-system-x86_64 "$MVT" macvtap ring 10 -- -name guest=before
frames "$FAR" 110 to "$(mac_of "$MVT")"
expect_lost 100 vm=before class=PTR_FULL
let_go "$HELD"
hold_as qemu-system-x86_64 "$MVT" macvtap ring 10 -- -name guest=after

attached_to() {	# attached_to NAME
	[[ $(ctl --json vms --all |
		jq -c --arg nic "$MVT" '[.vms[] | select(any(.nics[]; .ifname == $nic
		and .until_ns == null)) | .name]') == "[\"$1\"]" ]]
}
wait_for 5 attached_to after
frames "$FAR" 210 to "$(mac_of "$MVT")"
expect_lost 200 vm=after class=PTR_FULL
same "$(lost vm=before class=PTR_FULL)" 100 'what went before'
