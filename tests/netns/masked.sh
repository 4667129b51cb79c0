#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A guest on a tap without a bridge speaks a protocol that the host does not know: counted to the
# frame, and masked from the start. A mask of one's own takes real loss out of the figures, also of
# the past; audit goes on explaining all of it.
. "$(dirname "$0")/../lib/test.sh"

case_of() {	# case_of CASE DEV COUNT GUEST
	bash -c 'exec -a qemu-system-x86_64 taptool case "$@"' - "$1" dev "$2" count "$3" \
		stay -- -name "guest=$4" > "case.$2" 2>> case.log &
	wait_for 10 grep -q sent "case.$2"
}
shown() {	# shown VM: frames and masked frames in the answer
	ctl --json loss "$1" | jq -c '[([.rows[].frames] | add // 0), .masked_frames]'
}
shown_is() {
	[[ $(shown "$1") == "$2" ]]
}

agent_start
case_of unhandled "$TAP" 70 "talker-$TAG"
case_of full_ring "$TAP2" 30 "sleeper-$TAG"
same "$(counter "$TAP" rx_dropped) $(counter "$TAP2" tx_dropped)" '70 30' 'what the devices counted'
wait_for 10 shown_is "talker-$TAG" '[0,70]'
wait_for 10 shown_is "sleeper-$TAG" '[30,0]'
expect_lost 70 nic="$TAP" kernel_reason=UNHANDLED_PROTO mask=unhandled-proto
has "$(ctl loss "talker-$TAG")" 'no loss; besides, 70 masked (--masked shows them)'
ctl loss "talker-$TAG" --fail-over 0

status=0
ctl loss "sleeper-$TAG" --fail-over 50 > loss.out || status=$?
same $status 3 'before the mask'
ctl mask add --vm "sleeper-$TAG" --note 'sleeps on purpose' > /dev/null
same "$(shown "sleeper-$TAG")" '[0,30]'
ctl loss "sleeper-$TAG" --fail-over 50 > loss.out
expect_lost 30 nic="$TAP2" class=PTR_FULL mask=1
same "$(ctl --json top --once --vm "sleeper-$TAG" | jq '.rows | length')" 0 top
same "$(ctl --json audit "sleeper-$TAG" "talker-$TAG" |
	jq -c '[.rows[] | [.counted_frames, .explained_frames]] | sort')" '[[30,30],[70,70]]' audit

# A new agent on the store leaves the masks as they are.
agent_stop
agent_start
same "$(shown "sleeper-$TAG")" '[0,30]'
