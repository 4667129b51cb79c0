#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Without BPF: what the devices count is stored as loss of their VMs, to the frame, once, over
# restarts; and the answers say that they know no more. Chosen by itself when BPF cannot be had,
# with the reason in status; also without any privilege.
. "$(dirname "$0")/../lib/test.sh"

# Counted before anybody looked: not ours.
hold_as qemu-system-x86_64 "$TAP" ring 100 -- -name "guest=web-$TAG" \
	-netdev "tap,id=n0,ifname=$TAP" -device virtio-net-pci,netdev=n0
frames "$TAP" 350

printf '[loss]\nsource = counters\n' > counters.conf
agent_start --config counters.conf
same "$(ctl --json status |
	jq -c '[.sources[] | select(.name == "bpf-loss" or .name == "counters") |
	[.name, .state]]')" '[["bpf-loss","off"],["counters","ok"]]'
has "$(ctl status)" 'by configuration: [loss] source = counters'
has "$(ctl status)" ', by counters'
has "$(ctl status --blind)" "the devices' own counters know none of it"
same "$(lost nic="$TAP")" 0 'before the first tick'
owned() {
	ctl --json vms "web-$TAG" | grep -q "$TAP"
}
wait_for 10 owned
before=$(counter "$TAP" tx_dropped)
frames "$TAP" 3000
macvtap "$MVT"
hold_as qemu-system-x86_64 "$MVT" ring 20 macvtap -- -name "guest=mac-$TAG" \
	-netdev "tap,id=n0,ifname=$MVT" -device virtio-net-pci,netdev=n0
frames "$FAR" 300 to "$(mac_of "$MVT")"
bash -c 'exec -a qemu-system-x86_64 taptool case unhandled dev "$1" count 70 stay -- -name '\
'"guest=talker-$2"' - "${TAP}t" "$TAG" > case.out 2>> case.log &
wait_for 10 grep -q sent case.out
expect_lost $(($(counter "$TAP" tx_dropped) - before)) nic="$TAP" class=UNKNOWN kind=unknown \
	kernel_reason=COUNTER site=tx_dropped direction=rx queue=null
same "$(($(counter "$TAP" tx_dropped) - before))" 3000
expect_lost "$(counter "$MVT" rx_dropped)" nic="$MVT" class=UNKNOWN direction=rx site=rx_dropped
expect_lost 70 nic="${TAP}t" class=UNKNOWN direction=tx site=rx_dropped
wait_for 10 lost_is 3000 vm="web-$TAG"
same "$(ctl --json loss "web-$TAG" --by vm,direction |
	jq -c '.rows | map([.frames, .delivered_frames, .loss_pct])')" '[[3000,0,100]]' 'share'
ctl timeline "web-$TAG" | grep -q '^rx UNKNOWN: 3,000 frames lost' || fail timeline
# A counter explains nothing.
same "$(ctl --json audit "web-$TAG" |
	jq -c '.rows | map([.counter, .counted_frames, .explained_frames])')" \
	'[["tx_dropped",3000,0]]' audit

# The agent dies, the devices go on counting: nothing twice, nothing missing, no gap.
agent_kill9
frames "$TAP" 500
agent_start --config counters.conf
expect_lost 3500 nic="$TAP" class=UNKNOWN
agent_stop

# BPF again: what the devices had counted by then is stored, and not counted twice; sources say what
# is now.
agent_start
frames "$TAP" 400
expect_lost 400 nic="$TAP" class=PTR_FULL
expect_lost 3500 nic="$TAP" class=UNKNOWN
same "$(ctl --json status |
	jq -c '[.sources[] | select(.name == "bpf-loss" or .name == "counters") |
	[.name, .state]]')" '[["bpf-loss","ok"]]'
has "$(ctl status)" ', by counters'
agent_stop
frames "$TAP" 60	# goes into the pinned counters, too

# And back: the pinned counters count on beside, but nothing is stored twice.
agent_start --config counters.conf
expect_lost 3560 nic="$TAP" class=UNKNOWN
frames "$TAP" 40
expect_lost 3600 nic="$TAP" class=UNKNOWN
expect_lost 400 nic="$TAP" class=PTR_FULL
agent_stop

# By itself: no type information, no privilege.
mkdir empty
mount --bind empty /sys/kernel/btf
STORE=$W/other
agent_start
has "$(ctl status)" 'CONFIG_DEBUG_INFO_BTF'
has "$(cat agent.log)" 'counting by counters only: this kernel shows no type information'
frames "$TAP" 90
expect_lost 90 nic="$TAP" class=UNKNOWN
agent_stop
umount /sys/kernel/btf

mkdir -m 777 nobodys
chmod 755 .
cp "$(command -v taplossd)" taplossd
STORE=$W/nobodys/store
setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs --bounding-set=-all ./taplossd \
	--store "$STORE" --libvirt none --interval 100 >> agent.log 2>&1 &
AGENT=$!
wait_for 20 agent_ticks
has "$(ctl status)" 'needs CAP_BPF'
frames "$TAP" 80
expect_lost 80 nic="$TAP" class=UNKNOWN vm=null
