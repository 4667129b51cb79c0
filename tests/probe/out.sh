#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The other way: the guest sends, the host captures. All of it, as fast as the guest can; and frames
# lost on purpose on the way: in the host's own ring, by a filter at the bridge's port. The ledger
# says where, to the frame.
# plain
# limit 200
. "$(dirname "$0")/../lib/test.sh"
. "$TESTS/lib/libvirt.sh"
. "$TESTS/lib/probe.sh"
need libvirtd virsh qemu-system-x86_64 depmod nft

probe_start

# during COMMAND WORD...: a run with WORDs; COMMAND TAP is done when its tap is there
during() {
	local command=$1 status=0 pid

	shift
	probe_quietly --direction out "$@" &
	pid=$!
	wait_for 20 tap_there
	"$command" "$(tap_name)"
	wait "$pid" || status=$?
	same "$status" 0 "$command: $(< probe.log)"
	sent_balances 0
}
# The device counts what came from the guest before anything there can drop it.
sent_balances() {
	adds_up "$1"
	same "$(step "$1" .tap_delivered)" "$(step "$1" .sent_frames)" \
		"from the guest in step $1, against rx_packets"
}

probe --direction out --frames 30000 --rate 5000,0 --length 60,1514
same "$(jq -r '.state, .direction, (.steps | length)' probe.json | xargs)" 'complete out 2' \
	'the run'
same "$(jq -c '[.steps[] | [.sent_frames, .captured_frames]]' probe.json)" \
	'[[30000,30000],[30000,30000]]' 'sent and captured'
sent_balances 0
sent_balances 1
has "$(ctl probe show 1)" "from bridge $BRIDGE"

probe --direction out --frames 30000 --rate 0 --length 1514 --ring-blocks 2 --ring-block 4096
sent_balances 0
at_least "$(entry host-ring)" 1 "lost in the host's ring"

every_tenth() {
	nft -f - <<-'EOF'
		table bridge probe {
			chain in { type filter hook prerouting priority 0;
				ether type 0x88b5 numgen inc mod 10 0 counter drop; }
		}
	EOF
}
during every_tenth --frames 20000 --rate 10000
same "$(entry tap NETFILTER)" "$(step 0 .lost_frames)" \
	'lost in netfilter, where the frame still is the tap'\''s'
at_least "$(step 0 .lost_frames)" 1900 'every tenth of 20000'	# but for what came before the rule
at_least "$(nft -j list table bridge probe | jq '[.. | .counter? | objects | .packets] | add')" \
	"$(step 0 .lost_frames)" "nft's own counter"
nft delete table bridge probe
