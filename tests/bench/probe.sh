#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# TPACKET_V1, V2 and V3 inside a guest (software emulation: the ratios are what counts), and loss by
# rate towards it.
#
# usage: probe.sh   (with $B, as the tests)
. "$(dirname "$0")/../lib/test.sh"
. "$TESTS/lib/libvirt.sh"
. "$TESTS/lib/probe.sh"
probe_start

probe_text() {
	taplossctl --store "$STORE" probe "$1" "bridge:$BRIDGE" --kernel "$GUEST/vmlinuz" \
		--modules "$MODULES" --accel tcg "${@:2}" 2> probe.log
}
probe_text bench --rate 20000,40000,60000,80000 --frames 80000
echo
probe_text run --frames 200000 --ramp 20000..200000/8 > ramp.txt
sed -n -e '1,2p' -e '/^rate and loss/,/^knee\|^no knee/p' ramp.txt
echo "unaccounted in all steps: $(ctl --json probe show 2 |
	jq '[.steps[].unaccounted_frames | fabs] | add')"
