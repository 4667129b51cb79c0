#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A probe VM on a libvirt network, and on a macvtap, whose counters are the other way round: in both
# directions the ledger balances, and what a full ring lost is the device's own count. Several flows
# over several queues, in frames of several lengths, from several senders.
# plain
# limit 200
. "$(dirname "$0")/../lib/test.sh"
. "$TESTS/lib/libvirt.sh"
. "$TESTS/lib/probe.sh"
need libvirtd virsh qemu-system-x86_64 depmod

probe_start
echo "<network><name>net-$TAG</name><forward mode='bridge'/><bridge name='$BRIDGE'/></network>" \
	> net.xml
virsh -q net-create "$W/net.xml"
ip link add "l$TAG" type veth peer name "f$TAG"
ip link set "l$TAG" up
ip link set "f$TAG" up

PLACE=network:net-$TAG
probe --frames 20000 --rate 10000
balanced 0
same "$(jq -r '.state, .target' probe.json | xargs)" "complete network net-$TAG" \
	'the run on a network'

PLACE=direct:l$TAG
probe --from "f$TAG" --frames 20000 --rate 5000
balanced 0
probe_quietly --from "f$TAG" --frames 50000 --rate 0 &
pid=$!
wait_for 20 tap_there
ip link set "$(tap_name)" txqueuelen 4
wait "$pid" || fail "a macvtap with a short ring: $(< probe.log)"
balanced 0
at_least "$(step 0 .tap_dropped)" 1 'lost at a macvtap with a short ring'
probe --direction out --to "f$TAG" --frames 20000 --rate 5000
adds_up 0
same "$(step 0 .captured_frames)" 20000 'from a macvtap'
status=0
probe_quietly || status=$?
same "$status" 1 'exit status without the other end of a macvtap'
has "$(< probe.log)" '--from DEV'

export PLACE=bridge:$BRIDGE
probe --frames 60000 --rate 0 --cpus 2 --queues 2 --flows 64 --workers 2 --length 60,590,1514
balanced 0
same "$(jq -c '[.lengths, .flows, .queues, .workers]' probe.json)" '["60,590,1514",64,2,2]' \
	'what was asked for'
