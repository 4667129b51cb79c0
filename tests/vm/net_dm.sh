#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs in a test host (tests/netns/net_dm.sh): what NET_DM tells of the same loss that BPF counts
# beside it, what it says of its own losses, and that nothing stays in the kernel that should not.
TAPLOSS_INSIDE=1
export TAPLOSS_SLOWER=6
. "$(dirname "$0")/../lib/test.sh"

start() {	# start [OPTION]...: an agent; loading BPF takes long in an emulated machine
	agent_spawn --interval 500 "$@"
	wait_for 30 agent_ticks
}

echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6	# the kernel's own frames
echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
MAC=52:54:00:00:00:01 MAC2=52:54:00:00:00:02
hold_as qemu-system-x86_64 "$TAP" ring 100 -- -name guest=web-1 -netdev "tap,id=n0,ifname=$TAP" \
	-device "virtio-net-pci,netdev=n0,mac=$MAC"
hold_as qemu-system-x86_64 "$TAP2" ring 100 -- -name guest=web-2 -netdev "tap,id=n0,ifname=$TAP2" \
	-device "virtio-net-pci,netdev=n0,mac=$MAC2"
macvtap "$MVT"
hold_as qemu-system-x86_64 "$MVT" ring 50 macvtap -- -name guest=mac-1 -netdev tap,id=n0,fd=9 \
	-device "virtio-net-pci,netdev=n0,mac=$(mac_of "$MVT")"

# Two agents: one by BPF, as a second witness, and the one that is tested.
start
BPF_STORE=$STORE BPF_AGENT=$AGENT
STORE=$W/dm
printf '[loss]\nsource = net-dm\n' > dm.conf
start --config dm.conf
owned() {	# in both stores: a frame is known by its VM's address
	local store text vm

	for store in "$STORE" "$BPF_STORE"; do
		text=$(taplossctl --store "$store" vms)
		for vm in web-1 web-2 mac-1; do
			[[ $text == *"$vm"* ]] || return 1
		done
	done
}
wait_for 10 owned
settled

# rows_in STORE: what was lost in rings, each way once
rows_in() {
	taplossctl --store "$1" --json loss --class FULL_RING \
		--by vm,nic,direction,class,reason,site |
		jq -c '[.rows[] | [.vm, .nic, .direction, .class, .kernel_reason, .site, .frames]] |
		sort'
}
both_say() {
	[[ $(rows_in "$STORE") == "$1" ]] && [[ $(rows_in "$BPF_STORE") == "${2:-$1}" ]]
}

# To one address: the VM, reason and function are the same as by BPF, to the frame.
frames "$TAP" 1100 to $MAC
frames "$TAP2" 700 to $MAC2
frames "$FAR" 450 to "$(mac_of "$MVT")"
same "$(counter "$TAP" tx_dropped) $(counter "$TAP2" tx_dropped) $(counter "$MVT" rx_dropped)" \
	'1000 600 400' 'what the devices counted'
mac='["mac-1","'$MVT'","rx","PTR_FULL","FULL_RING","tap_handle_frame",400]'
web1='["web-1","'$TAP'","rx","PTR_FULL","FULL_RING","tun_net_xmit",'
web2='["web-2","'$TAP2'","rx","PTR_FULL","FULL_RING","tun_net_xmit",600]'
wait_for 10 both_say "[$mac,${web1}1000],$web2]"
same "$(ctl --json audit | jq '[.rows[].unexplained_frames] | add')" 0 audit

# To everybody: reason and function, and nobody's; audit has the device.
frames "$TAP" 30
wait_for 10 both_say "[[null,null,\"rx\",\"PTR_FULL\",\"FULL_RING\",\"tun_net_xmit\",30],$mac,\
${web1}1000],$web2]" "[$mac,${web1}1030],$web2]"
same "$(ctl --json audit web-1 |
	jq -c '[.rows[] | [.counter, .counted_frames, .unexplained_frames]]')" \
	'[["tx_dropped",1030,30]]'

# Own losses, of an agent that was held up: what found no room is counted, to the frame.
flood=250000
before=$(counter "$TAP" tx_dropped)
kill -STOP "$AGENT"
frames "$TAP" $flood to $MAC
kill -CONT "$AGENT"
same $(($(counter "$TAP" tx_dropped) - before)) $flood 'what the device counted'
missed() {
	ctl --json status | jq .self.missed_events
}
all_is_said() {
	(($(ctl --json loss --vm web-1 | jq '[.rows[].frames] | add') - 1000 + $(missed) == flood))
}
wait_for 30 all_is_said
at_least "$(missed)" 1 'drops that found no room (if there was room for all, the test is none)'
wait_for 10 bash -c "[[ \$(taplossctl --store $BPF_STORE --json loss --vm web-1 | jq \
'[.rows[].frames] | add') == $((flood + 1030)) ]]"
has "$(ctl status)" 'by net-dm'
has "$(ctl status --blind)" 'NET_DM never names the device'

# One monitor in the whole system: a second one is refused; by itself an agent takes what is left.
dm_agent() {	# dm_agent OPTION...: one more, on a store of its own
	timeout 20 taplossd --store "$W/third" --libvirt none "$@"
}
status=0
dm_agent --config dm.conf 2> err.text || status=$?
same $status 1
has "$(cat err.text)" 'another program monitors drops'

# Killed: the kernel goes on monitoring for nobody, until the next start finds the word that was
# left.
agent_kill9
status=0
dm_agent --config dm.conf 2> err.text || status=$?
same $status 1 'a stranger does not stop what it did not start'
has "$(cat err.text)" 'another program monitors drops'
start --config dm.conf
wait_for 10 owned
settled
frames "$TAP2" 80 to $MAC2
goes_on() {
	ctl --json loss --vm web-2 | jq -e '[.rows[].frames] | add == 680'
}
wait_for 10 goes_on
agent_stop
[[ ! -e $STORE/netdm ]] || fail 'a word is left though nothing runs'

# It stopped: now another one may. Without type information auto comes to it, and says why; --unpin
# stops one that was killed, too.
mkdir empty
mount --bind empty /sys/kernel/btf
STORE=$W/fourth
start
has "$(cat agent.log)" 'counting by net-dm only: this kernel shows no type information'
has "$(ctl status)" 'CONFIG_DEBUG_INFO_BTF'
agent_kill9
umount /sys/kernel/btf
printf '[bpf]\npin_dir = /sys/fs/bpf/nobodys\n' > unpin.conf
taplossd --store "$STORE" --config unpin.conf --unpin
STORE=$W/fifth
start --config dm.conf
agent_stop
AGENT=$BPF_AGENT STORE=$BPF_STORE
