#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# 200,000 numbered frames into a real guest at a rate below, near and above what it takes: the
# ledger balances, each gap is explained, the tap's part is what the kernel counted; the run can be
# read again, and nothing is left of the machine.
# plain
# limit 240
. "$(dirname "$0")/../lib/test.sh"
. "$TESTS/lib/libvirt.sh"
. "$TESTS/lib/probe.sh"
need libvirtd virsh qemu-system-x86_64 depmod

probe_start
probe --frames 200000 --rate 40000,90000,0
same "$(jq -r '.state, .accel, (.steps | length)' probe.json | xargs)" 'complete tcg 3' 'the run'
same "$(jq -c '[.steps[].sent_frames]' probe.json)" '[200000,200000,200000]' sent
for i in 0 1 2; do
	balanced $i
done
at_least "$(step 2 .tap_dropped)" 1 'lost at the tap above what the guest takes'
nothing_left
same "$(ctl --json probe show 1)" "$(cat probe.json)" 'read again'
same "$(ctl --json probe list |
	jq -c '.probes | map([.id, .state, .sent_frames, .unaccounted_frames])')" \
	'[[1,"complete",600000,0]]' list
ctl probe show 1 > probe.txt
has "$(cat probe.txt)" '0 unaccounted'
has "$(cat probe.txt)" 'lost: tap PTR_FULL'
has "$(cat probe.txt)" 'rate and loss'
