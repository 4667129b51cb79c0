#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Bad virtio-net headers: the kernel counts them for itself alone, and that count agrees with ours
# to the frame.
# kernels 6.1 7.2
. "$(dirname "$0")/../lib/test.sh"

case $(uname -r) in
5.1[1-9].* | 6.0.*) skip \
	'this kernel shows rx_frame_errors neither in link statistics nor to a BPF program of one '\
'process' ;;
esac

# errors [REASON]: what the audit says of the device's own count
errors() {
	ctl --json audit | jq -c --arg nic "$TAP" \
		'.rows | map(select(.nic == $nic and .counter == "rx_frame_errors")
		| [.counted_frames, .explained_frames, .unexplained_frames])'
}

errors_are() {
	[[ $(errors) == "$1" ]]
}

agent_start
bash -c 'exec -a qemu-system-x86_64 taptool case "$@"' - badhdr_gso0 dev "$TAP" count 30 stay -- \
	-name guest=bad-1 > case 2>> case.log &
held=$!
wait_for 10 grep -q sent case
expect_lost 30 vm=bad-1 class=VIRTNET_HDR direction=tx queue=0
wait_for 10 errors_are '[[30,30,0]]'

# Another agent goes on from where this one stopped.
agent_stop
agent_start
settled
same "$(errors)" '[[30,30,0]]' 'after a restart'
kill "$held"
