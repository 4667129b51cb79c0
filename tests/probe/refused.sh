#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a probe needs and does not find is named, with what to do; nothing is left behind.
# limit 120
. "$(dirname "$0")/../lib/test.sh"
. "$TESTS/lib/libvirt.sh"
. "$TESTS/lib/probe.sh"
need libvirtd virsh qemu-system-x86_64 depmod setpriv

probe_start

# refused STATUS WORDS OPTION...: a run with these fails so
refused() {
	local status=0 wanted=$1 words=$2

	shift 2
	probe_quietly "$@" || status=$?
	same "$status" "$wanted" "exit status of probe run $*: $(< probe.log)"
	has "$(< probe.log)" "$words"
	same "$(wc -l < probe.log)" 1 'lines on standard error'
	nothing_left
}

refused 1 'no such kernel; name one with --kernel FILE and --modules DIR' --kernel "$W/none"
refused 1 "no kernel modules; name their directory with --modules, and run depmod" \
	--modules "$W/none"
refused 1 "$W/none: No such file" --probe "$W/none"
refused 1 'cannot connect to libvirt; set --connect URI' \
	--connect "qemu+unix:///system?socket=$W/none"
refused 1 'sending into none' --from none
refused 2 '--rate' --rate fast
refused 2 '--frames' --frames 0
refused 2 'multiple of 4096' --ring-block 5000
refused 2 '--ring' --ring 4

status=0
ctl probe run "bridge:none" --kernel "$GUEST/vmlinuz" --modules "$MODULES" --accel tcg > /dev/null \
	2> probe.log || status=$?
same "$status" 1 'exit status without a bridge'
has "$(< probe.log)" 'the probe VM cannot be started'
has "$(< probe.log)" none
nothing_left
status=0
ctl probe run tap:x 2> probe.log || status=$?
same "$status" 2 'exit status with a wrong place'
has "$(< probe.log)" 'use bridge:NAME, network:NAME or direct:DEVICE'

# A bridge that leads elsewhere: frames out of the other one do not come.
ip link add "x$TAG" type bridge
ip link set "x$TAG" up
refused 1 "no frame sent into x$TAG reaches the probe VM" --from "x$TAG"

# Without the privilege for all this, and without that for the kernel's counters alone.
chmod 755 "$W"
status=0
setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all taplossctl --store "$STORE" \
	probe run "bridge:$BRIDGE" 2> probe.log || status=$?
same "$status" 1 'exit status for nobody'
has "$(< probe.log)" 'run this as root'
status=0
setpriv --bounding-set -sys_admin,-bpf,-perfmon taplossctl --store "$STORE" probe run \
	"bridge:$BRIDGE" --kernel "$GUEST/vmlinuz" \
	--modules "$MODULES" 2> probe.log || status=$?
same "$status" 1 'exit status without CAP_BPF'
has "$(< probe.log)" "cannot count the losses of the kernel"
nothing_left
same "$(ctl --json probe list | jq -c '[.probes[].state] | unique')" '["incomplete"]' \
	'probes that were refused'
