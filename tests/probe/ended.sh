#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A run that is interrupted or killed while it sends: its machine goes, its files go (at the latest
# with the next run), and what is known stays. So when QEMU is killed under it, and when the guest
# stays paused.
# plain
# limit 200
. "$(dirname "$0")/../lib/test.sh"
. "$TESTS/lib/libvirt.sh"
. "$TESTS/lib/probe.sh"
need libvirtd virsh qemu-system-x86_64 depmod

probe_start

# sending: a run that takes minutes; returns when frames come through. PID: its process
sending() {
	probe_exec --frames 2000000 --rate 10000 &
	PID=$!
	wait_for 30 frames_at_tap 2000
}
frames_at_tap() {
	(($(counter "$(tap_name)" tx_packets) >= $1))
}
ended() {	# ended STATUS: what came of it
	local status=0

	wait "$PID" || status=$?
	same "$status" "$1" "exit status: $(< probe.log)"
}
# stored N WHY: probe N is incomplete, for that reason, and its ledger adds up
stored() {
	ctl --json probe show "$1" > probe.json
	same "$(jq -r .state probe.json)" incomplete "probe $1"
	has "$(jq -r .why probe.json)" "$2"
}
cut_step() {
	at_least "$(step 0 .sent_frames)" 2000 'sent'
	same "$(step 0 '.captured_frames + ([.ledger[].frames] |
		add // 0) + .unaccounted_frames - .sent_frames')" 0 'the ledger'
}

sending
kill -INT "$PID"
ended 1
has "$(< probe.log)" interrupted
has "$(< probe.log)" 'taplossctl probe show 1'
nothing_left
stored 1 interrupted
cut_step
same "$(step 0 .unaccounted_frames)" 0 'unaccounted when it was interrupted'

sending
qemu=$(pgrep -f 'guest=taploss-probe-')	# in this test's own pid namespace
kill -KILL "$qemu"
ended 1
has "$(< probe.log)" 'the guest has ended'
nothing_left
stored 2 'the guest has ended'
cut_step

sending
kill -KILL "$PID"
ended 137 2> /dev/null	# bash tells of it
wait_for 20 no_domain
stored 3 'it runs, or was interrupted'
left=$(find /run -maxdepth 1 -name 'taploss-probe.*')
[[ -n $left ]] || fail 'no files of a run that was killed'

# Paused for good: no answer. The next run takes away what the killed one left.
probe_exec --frames 60000 --rate 10000 &
PID=$!
wait_for 30 frames_at_tap 2000
virsh -q suspend "$(virsh -q list --name | head -n 1)"
ended 1
has "$(< probe.log)" 'the guest is paused'
nothing_left
stored 4 'the guest is paused'
same "$(step 0 .sent_frames)" 60000 'sent to a guest that is paused'
same "$(step 0 '[.ledger[] | select(.what == "PTR_FULL") | .frames] | add')" \
	"$(step 0 .tap_dropped)" 'lost at the tap of a guest that is paused'
# Nobody counts what waits in the ring of a guest that takes nothing.
same "$(step 0 .unaccounted_frames)" \
	$((60000 - $(step 0 .tap_delivered) - $(step 0 .tap_dropped))) \
	'unaccounted with a guest that is paused'
at_least 1000 "$(step 0 .unaccounted_frames)" 'frames waiting at the tap'
