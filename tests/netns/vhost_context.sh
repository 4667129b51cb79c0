#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Before 7.2 a vhost worker frees a guest's frame with a bad header before it has a device or a
# socket. The first ones name the worker's process and no queue; before 6.4 nobody, as the agent
# here lives in a pid namespace of its own and the worker's name has another number. Then device and
# queue, to the frame.
# plain
# limit 300
. "$(dirname "$0")/../lib/test.sh"

(: < /dev/vhost-net) 2> /dev/null || skip 'needs /dev/vhost-net'

# guest NAME QUEUES tap|macvtap VM: TO is where its orders go, GUEST_PID its process
guest() {
	mkfifo "orders.$1"
	bash -c 'exec -a qemu-system-x86_64 vhostguest "$@"' - "$1" "$2" "$3" \
		-- -name "guest=$4" < "orders.$1" > "guest.$1" 2>> guest.log &
	GUEST_PID=$!
	exec {TO}> "orders.$1"
	wait_for 10 grep -qx READY "guest.$1"
	SENT=0 GUEST=guest.$1
}

# order QUEUE COUNT KIND: returns when the worker has taken them
order() {
	SENT=$((SENT + 1))
	echo "$*" >&"$TO"
	wait_for 20 all_sent
}

all_sent() {
	[[ $(grep -c sent "$GUEST") == "$SENT" ]]
}

known() {
	ctl vms | grep "$1" > /dev/null
}

context() {
	ctl --json status | jq -e --arg part "$1" '.sources[] | select(.name == "bpf-context") |
		.why | contains($part)' > /dev/null
}

release=$(uname -r)
major=${release%%.*} minor=${release#*.}
minor=${minor%%[!0-9]*}
unnamed=(vm=null nic=null)			# what the first ones are counted for
((major < 6 || (major == 6 && minor < 4))) || unnamed=(vm=two nic="$TAP" queue=null)

guest "$TAP" 2 tap two
two=$TO
agent_start
settled
context 'not attached'
order 1 10 bad
expect_lost 10 "${unnamed[@]}" class=VIRTNET_HDR site=tun_sendmsg
wait_for 60 context 'attached by'

order 1 300 bad
order 0 200 bad
order 0 7 short		# refused before there is a frame: nobody counts these
order 1 40 good
expect_lost 200 vm=two class=VIRTNET_HDR direction=tx queue=0 site=tun_sendmsg
expect_lost 300 vm=two class=VIRTNET_HDR direction=tx queue=1 site=tun_sendmsg
same "$(lost class=VIRTNET_HDR "${unnamed[@]}")" 10 'unnamed'
same "$(counter "$TAP" rx_packets)" 40 'frames of the guest that the host received'
if [[ ${unnamed[0]} == vm=two ]]; then explained=510; else explained=500; fi
same "$(ctl --json audit | jq -c --arg nic "$TAP" \
	'.rows[] | select(.nic == $nic and .counter == "rx_frame_errors") |
	[.counted_frames, .explained_frames]')" \
	"[510,$explained]" 'rx_frame_errors'

# Kept attached by configuration: from the first frame on. A macvtap; its short frames are in a
# counter, and in no loss.
agent_stop
printf '[bpf]\ncontext = on\n' > conf
agent_start --config conf
wait_for 60 context 'attached by'
macvtap "$MVT"
guest "$MVT" 2 macvtap mac
wait_for 60 known "$MVT"
order 0 60 bad
order 1 50 bad
order 1 7 short
expect_lost 60 vm=mac class=VIRTNET_HDR direction=tx queue=0 site=tap_sendmsg
expect_lost 50 vm=mac class=VIRTNET_HDR direction=tx queue=1 site=tap_sendmsg
same "$(counter "$MVT" tx_dropped)" 117 tx_dropped

# A guest whose ring is stuck, so that its worker never sleeps, does not hold the agent that takes
# its programs away.
guest "${TAP}s" 1 tap stuck
order 0 1 stuck
wait_for 20 known "${TAP}s"

# Never attached.
agent_stop
kill "$GUEST_PID"
printf '[bpf]\ncontext = off\n' > conf
agent_start --config conf
settled		# by now it has looked who runs
TO=$two GUEST=guest.$TAP SENT=5
order 1 5 bad
expect_lost 15 "${unnamed[@]}" class=VIRTNET_HDR

# It goes when no such frame is lost for a minute; the minute is the test's.
"$B/tests/unit/collector/test_loss" 'context_*' > unit.log 2>&1 || fail "$(cat unit.log)"
has "$(cat unit.log)" '[       OK ] context_comes_and_goes'
