#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest that is silent, dies, hangs, answers garbage, without end, with another version, or with a
# report that cannot be: the run ends with words that say so, nothing of the machine is left, and
# what is known is in the store, marked incomplete.
# plain
# limit 300
. "$(dirname "$0")/../lib/test.sh"
. "$TESTS/lib/libvirt.sh"
. "$TESTS/lib/probe.sh"
need libvirtd virsh qemu-system-x86_64 depmod

probe_start
RUNS=0

# misled MODE WORDS [OPTION]...: a run with such a guest fails with WORDS and leaves nothing behind
misled() {
	local mode=$1 words=$2 status=0

	shift 2
	{ cat "$B/tests/guest/hostile"; echo "hostile:$mode"; } > "$W/$mode"
	timeout 100 taplossctl --store "$STORE" --json probe run "bridge:$BRIDGE" \
		--kernel "$GUEST/vmlinuz" --modules "$MODULES" --accel tcg \
		--probe "$W/$mode" --frames 2000 "$@" > probe.json 2> probe.log || status=$?
	same "$status" 1 "exit status with a guest that does '$mode': $(< probe.log)"
	has "$(< probe.log)" "$words"
	nothing_left
	RUNS=$((RUNS + 1))
	ctl --json probe show $RUNS > probe.json
	same "$(jq -r .state probe.json)" incomplete "the probe in the store with '$mode'"
	has "$(jq -r .why probe.json)" "$words"
}
# known SENT CAPTURED: that is stored of the step that was cut short, and the ledger adds up as far
# as the guest's word goes
known() {
	same "$(jq -c '.steps | map([.sent_frames, .captured_frames, .gaps])' probe.json)" \
		"[[$1,$2,[]]]" 'what is stored'
	same "$(step 0 '.captured_frames + ([.ledger[].frames] |
		add // 0) + .unaccounted_frames')" "$1" 'the ledger'
}
not_reported() {
	step 0 '[.ledger[] | select(.place == "guest" and .what == "not reported") | .frames] |
		add // 0'
}

misled silent 'the guest does not answer' --boot-time 4
misled version 'the probe in the guest speaks protocol 99'
misled binary 'the guest sends an invalid answer'
misled endless 'the guest sends an invalid answer'
misled refuse 'the guest reports: capture: out of memory'
same "$(jq '.steps | length' probe.json)" 0 'steps without a frame sent'

misled die 'the guest has ended'
known 2000 0
misled hang 'the guest does not answer'
known 2000 0
same "$(not_reported)" 2000 'delivered to a guest that hangs'
same "$(step 0 .unaccounted_frames)" 0 'unaccounted with a guest that hangs'
misled flood 'the guest sends an invalid answer'
known 2000 5
misled boast "the report of the guest is inconsistent"
known 2000 5
same "$(not_reported)" 1995 'delivered to a guest that boasts'
misled minus 'the guest sends an invalid answer'
known 2000 5
