#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# taplossctl trace: the kernel stacks of a VM's losses add up to what the devices counted meanwhile,
# and not to what they lost before, after, or what others lost; Ctrl-C ends it with what there is;
# without privilege it says so.
. "$(dirname "$0")/../lib/test.sh"

# A VM with two NICs, each held by a process of its own: one UUID.
uuid=77777777-0000-4000-8000-0000000$TAG
hold_as qemu-system-x86_64 "$TAP" ring 100 -- -name "guest=web-$TAG" -uuid "$uuid" \
	-netdev "tap,id=n0,ifname=$TAP" -device virtio-net-pci,netdev=n0
hold "$TAP2" ring 100
macvtap "$MVT"
hold_as qemu-system-x86_64 "$MVT" ring 100 macvtap -- -name "guest=web-$TAG" -uuid "$uuid" \
	-netdev "tap,id=n0,ifname=$MVT" -device virtio-net-pci,netdev=n0

begin() {	# begin ARGUMENT...: it counts when this returns
	# the background shell empties it too, but perhaps after the first look below
	: > trace.err
	taplossctl --json trace "$@" > trace.json 2> trace.err &
	TRACER=$!
	wait_for 10 grep -q '^tracing ' trace.err
}
end() {
	kill -INT "$TRACER"
	wait "$TRACER"
}

# A tap of this namespace needs neither store nor agent.
frames "$TAP" 500
before=$(counter "$TAP" tx_dropped)
begin "$TAP" --seconds 600
frames "$TAP" 3000
frames "$TAP2" 700
during=$(($(counter "$TAP" tx_dropped) - before))
end
frames "$TAP" 50
same $during 3000 'what the device counted meanwhile'
same "$(jq -c '[.frames, .stackless_frames, .uncounted_frames, .vm]' trace.json)" \
	"[$during,0,0,null]"
same "$(jq '[.stacks[].frames] | add' trace.json)" $during 'the sum of all stacks'
same "$(jq -c '[.stacks[] | [.nic, .direction, .class, .kernel_reason, .site]] | unique' \
	trace.json)" \
	'[["'"$TAP"'","rx","PTR_FULL","FULL_RING","tun_net_xmit"]]'
same "$(jq '[.stacks[].stack | (.[0] | startswith("tun_net_xmit+0x")) and (.[1] |
	startswith("dev_hard_start_xmit+0x")) and length > 5] | all' trace.json)" \
	true 'the stacks begin with the function that freed the frame, and go on to its callers'

# A VM: all its taps, and what its guest's frames lost. Only the class asked for.
agent_start
two_nics() {
	ctl --json vms "web-$TAG" > vms.json && grep -q "$TAP" vms.json && grep -q "$MVT" vms.json
}
wait_for 10 two_nics
begin "web-$TAG" --seconds 600
frames "$TAP" 200
frames "$FAR" 140 to "$(mac_of "$MVT")"
end
same "$(jq -c --arg tap "$TAP" '[([.stacks[] | select(.nic == $tap).frames] | add), ([.stacks[] |
	select(.nic != $tap).frames] | add), .frames, .vm]' trace.json)" \
	"[200,$(counter "$MVT" rx_dropped),$((200 + $(counter "$MVT" rx_dropped))),\"web-$TAG\"]" \
	'both NICs'
begin "web-$TAG" --seconds 600 --class FULL_RING --nic "$MVT"
frames "$TAP" 20
frames "$FAR" 30 to "$(mac_of "$MVT")"
end
same "$(jq -c '[.frames, ([.stacks[] | [.nic, .site]] | unique)]' trace.json)" \
	'[30,[["'"$MVT"'","tap_handle_frame"]]]' 'one NIC, one reason'

# What a guest sends with a bad header carries no device, only its socket.
bash -c 'exec -a qemu-system-x86_64 taptool case badhdr_gsotype dev "$1" count 10 rounds 2 pause '\
'3000 stay' - "${TAP}b" > case.out 2>> case.log &
wait_for 10 ip link show "${TAP}b"
begin "${TAP}b" --seconds 600
wait_for 10 grep -q sent case.out
end
same "$(jq -c '[.stacks[] | [.class, .direction]] | unique' trace.json)" '[["VIRTNET_HDR","tx"]]' \
	'from the guest'

# As text and CSV; no loss; no such thing; no privilege; nothing stays.
taplossctl trace "$TAP2" --seconds 1 > trace.out 2>> trace.err &
wait $!
has "$(cat trace.out)" 'no loss'
begin "$TAP" --seconds 600 --csv
frames "$TAP" 10
end
has "$(head -n 1 trace.json)" 'nic,direction,class,kernel_reason,kind,site,frames,bytes,stack'
has "$(sed -n 2p trace.json)" ';dev_hard_start_xmit+0x'
refused() {	# refused STATUS WORDS COMMAND...
	local want=$1 words=$2 status=0
	shift 2

	"$@" > refused.out 2> refused.err || status=$?
	same "$status $(wc -l < refused.err) $(wc -c < refused.out)" "$want 1 0" \
		"$*: $(cat refused.err)"
	has "$(cat refused.err)" "$words"
}
refused 1 'no VM, MAC address or tap is called "nobody"' ctl trace nobody --seconds 1
refused 1 "has no tap nosuch now" ctl trace "web-$TAG" --nic nosuch
refused 2 'is not a number from 1 to 86400' ctl trace "$TAP" --seconds 0
refused 2 'one VM or one tap' ctl trace
cp "$(command -v taplossctl)" ctl
chmod 755 . ctl
refused 1 'run taplossctl as root' setpriv --reuid 65534 --regid 65534 \
	--clear-groups --bounding-set=-all ./ctl trace "$TAP" --seconds 1
