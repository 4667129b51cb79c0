#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A probe VM with KVM and vhost-net: the ledger balances below what the guest takes, as fast as the
# host can send, and with a ring of four frames; what the ring lost is the tap's own count.
# kernels 6.12
# level kvm
. "$(dirname "$0")/../../lib/test.sh"
. "$TESTS/lib/libvirt.sh"
. "$TESTS/lib/probe.sh"

export ACCEL=kvm
probe_start

vhost_at_work() {
	local qemu

	qemu=$(pgrep -f 'guest=taploss-probe-') && find "/proc/$qemu/fd" -lname /dev/vhost-net |
		grep -q .
}

probe_quietly --memory 192 --frames 10000 --rate 1000,0 &
pid=$!
wait_for 20 vhost_at_work
wait "$pid" || fail "below and above: $(< probe.log)"
same "$(jq -r '.state, .accel' probe.json | xargs)" 'complete kvm' 'the run'
same "$(jq -c '[.steps[].sent_frames]' probe.json)" '[10000,10000]' sent
balanced 0
balanced 1

probe_quietly --memory 192 --frames 10000 --rate 0 &
pid=$!
wait_for 20 tap_there
ip link set "$(tap_name)" txqueuelen 4
wait "$pid" || fail "with a short ring: $(< probe.log)"
same "$(jq -r .accel probe.json)" kvm 'the run with a short ring'
balanced 0
at_least "$(entry tap PTR_FULL)" 1 'lost at a tap with a short ring'
nothing_left
