#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A real domain, suspended under traffic: the loss is on its UUID, its MAC, the right queues, rx,
# PTR_FULL, to the frame.
# limit 120
. "$(dirname "$0")/../lib/test.sh"
. "$TESTS/lib/libvirt.sh"
need libvirtd virsh qemu-system-x86_64

uuid=6f6f0000-0000-4000-8000-000000000001
lv_start
ip link add br0 type bridge mcast_snooping 0
ip link set br0 up
{
	lv_nic bridge br0 52:54:00:00:01:01 "$TAP" 4
	lv_nic ethernet - 52:54:00:00:01:02 "$TAP2" 1
} | lv_create web-1 $uuid
agent_start --libvirt qemu:///system
guest $uuid ping 'chan eth0 4'

# It takes what comes, and nothing is lost.
frames "$TAP" 2000 rate 5000
all_taken() {
	[[ $(guest $uuid count | jq .frames) == 2000 ]]
}
wait_for 20 all_taken
settled
same "$(lost vm=web-1)" 0 'lost by a guest that takes everything'

virsh -q suspend web-1
is_paused() {
	ctl --json vms web-1 | jq -e '.vms[0].state == "paused"'
}
wait_for 20 is_paused
frames "$TAP" 30000 flows 64
sent_in_rings=$((4 * $(cat "/sys/class/net/$TAP/tx_queue_len")))
dropped=$(counter "$TAP" tx_dropped)
# and a frame more when the bridge floods one of its own
at_least "$dropped" $((30000 - sent_in_rings))
at_least $((30000 - sent_in_rings + 10)) "$dropped"
expect_lost "$dropped" vm=web-1 uuid=$uuid nic="$TAP" class=PTR_FULL direction=rx
same "$(lost uuid=$uuid)" "$dropped" 'all that the VM lost'
same "$(rows uuid=$uuid | jq -c 'map(.queue) | unique')" '[0,1,2,3]' queues
same "$(ctl --json vms | jq -c --arg uuid $uuid '.vms[] | select(.uuid == $uuid) | [.name, .state,
	(.nics[] | [.mac, .kind, .backend, .queues, .bridge])]')" \
	'["web-1","paused",["52:54:00:00:01:01","tap","userspace",4,"br0"],["52:54:00:00:01:02",'\
'"tap","userspace",1,null]]'
same "$(ctl --json loss --vm 52:54:00:00:01:01 --by vm | jq '.rows[0].frames')" "$dropped" \
	'by MAC address'

# Nobody's trouble: benign, and no reason for a script to speak.
same "$(ctl --json loss web-1 --by vm,class |
	jq -c '[.rows[] | [.class, .frames, .benign_frames]]')" \
	"[[\"PTR_FULL\",$dropped,$dropped]]" 'benign'
ctl loss web-1 --fail-over 0 > loss.out
ctl diagnose web-1 --fail > diagnose.out

# Its own statistics, as libvirt gives them to the guest's owner, say the same.
same "$(virsh -q domstats --interface web-1 | sed -n 's/ *net.0.rx.drop=//p')" "$dropped" 'domstats'

virsh -q resume web-1
wait_for 20 counter_at_least "$TAP" tx_packets $((2000 + sent_in_rings))
settled
same "$(lost vm=web-1)" "$dropped" 'after it was resumed'
same "$(ctl --json audit | jq '[.rows[] | select(.vm == "web-1") | .unexplained_frames // 0] |
	add')" 0 'unexplained'
same "$(ctl --json events web-1 | jq -c '[.events[] | select(.vm == "web-1" and .nic == null) |
	.event]')" '["found","paused","resumed"]' events
same "$(ctl --json events web-1 | jq -c '[.events[] | select(.event == "verdict")] | .[0] |
	[.vm, .nic, .was, .became]')" \
	"[\"web-1\",\"$TAP\",null,\"vm-halted\"]" 'verdict'
same "$(ctl --json events web-1 |
	jq -c '[.events[] | select(.event == "paused" or .became == "vm-halted") | .event]')" \
	'["paused","verdict"]' 'in order'
