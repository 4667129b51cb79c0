#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Left to itself a probe takes KVM; where no guest runs with it, though it is there, software
# emulation, and says so.
# plain
# limit 120
. "$(dirname "$0")/../lib/test.sh"
. "$TESTS/lib/libvirt.sh"
. "$TESTS/lib/probe.sh"
need libvirtd virsh qemu-system-x86_64 depmod

probe_start
taplossctl --store "$STORE" probe run "bridge:$BRIDGE" --kernel "$GUEST/vmlinuz" \
	--modules "$MODULES" --frames 2000 --rate 1000 > probe.txt 2> probe.log ||
	fail "the run: $(< probe.log)"
ctl --json probe show 1 > probe.json
same "$(jq -r .state probe.json)" complete 'the run'
balanced 0
if [[ $(jq -r .accel probe.json) == kvm ]]; then
	has "$(< probe.log)" 'the guest answers (kvm'
else
	[[ ! -e /dev/kvm ]] || has "$(< probe.log)" \
		'the guest does not answer with KVM; trying without it'
	has "$(< probe.log)" 'the guest answers (tcg'
fi
nothing_left
