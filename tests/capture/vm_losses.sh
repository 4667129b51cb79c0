#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A capture of a VM while an agent counts: what its taps lost meanwhile stands in the same file,
# burst by burst, to the frame, and is none of the capture's own losses. Also for a tap that loses
# frames when no more are captured, and one that lives in another network namespace.
. "$(dirname "$0")/../lib/capture.sh"

TAPX=${TAP}x TAPY=${TAP}y
vm() {	# vm NAME TAP [COMMAND...]: a VMM that never reads, with a ring of 16
	hold_as qemu-system-x86_64 "$2" ring 16 -- -name "guest=$1" -netdev "tap,id=n0,ifname=$2" \
		-device virtio-net-pci,netdev=n0
}
has_tap() {	# has_tap VM TAP
	ctl --json vms "$1" > vms.json && grep -q "$2" vms.json
}
vm "web-$TAG" "$TAPX"
agent_start
wait_for 10 has_tap "web-$TAG" "$TAPX"
frames "$TAPX" 16
frames "$TAPX" 500
settled

capturing --store "$STORE" "web-$TAG" -w f.pcapng
frames "$TAPX" 300
sleep 0.05	# longer than the gap that parts two bursts
frames "$TAPX" 40
pieces() {
	ctl --json loss --by nic --vm "web-$TAG" | jq -e '.rows[0].frames >= 840'
}
wait_for 10 pieces
# One of the file's next frames tells.
told() {
	frames "$TAPX" 1
	one=$((one + 1))
	[[ $(tshark -r f.pcapng -Y 'frame.comment contains "the VM lost"' 2> /dev/null |
		wc -l) -ge 2 ]]
}
one=0
wait_for 10 told
ended
tell=$(taplossctl --json gaps f.pcapng)
same "$(jq -c '[.frames, .frames_lost, .vm_frames_lost]' <<< "$tell")" \
	"[$((340 + one)),0,$((340 + one))]" 'frames, lost by the capture, lost by the VM'
same "$(jq -r '.vm_losses[] | "\(.class) \(.reason) \(.place) \(.direction) \(.queue)"' \
	<<< "$tell" | sort -u)" \
	'PTR_FULL FULL_RING tun_net_xmit rx 0' 'what they lost of'
at_least "$(jq '.vm_losses | length' <<< "$tell")" 2 bursts
same "$(jq '[.vm_losses[] | .first <= .last] | all' <<< "$tell")" true 'their times'
same "$(jq -r '.vm_losses[] | .interface' <<< "$tell" | sort -u)" "$TAPX"
first=$(tshark -r f.pcapng -T fields -e frame.time_epoch 2> /dev/null | head -n 1)
burst=$(date -d "$(jq -r '.vm_losses[0].first' <<< "$tell")" +%s.%N)
at_least 200 "$(perl -e 'printf "%d", abs($ARGV[0] - $ARGV[1]) * 1000' "$first" "$burst")" \
	'ms between the first frame and its loss'
same "$(tshark -r f.pcapng -Y frame.drop_count 2> /dev/null | wc -l)" 0 'frames with a drop count'
has "$(taplossctl gaps f.pcapng)" \
	' lost by the VM, not by the capture: class PTR_FULL reason FULL_RING'

# What it loses last is told behind the last frame.
capturing --store "$STORE" "web-$TAG" -w l.pcapng
frames "$TAPX" 70
captured() {
	(($(tshark -r l.pcapng 2> /dev/null | wc -l) == 70))
}
wait_for 10 captured
ended
tell=$(taplossctl --json gaps l.pcapng)
same "$(jq -c '[.frames, .frames_lost, .vm_frames_lost]' <<< "$tell")" '[70,0,70]' 'told at the end'
has "$(capinfos l.pcapng)" 'Number of stat entries'

# In another namespace: entered for the sockets, known to the agent by the process that holds the
# tap.
: > elsewhere
# shellcheck disable=SC2016	# for the inner shell
unshare --net bash -c 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 > '\
'/proc/sys/net/ipv6/conf/default/disable_ipv6; exec -a qemu-system-x86_64 taptool hold "$1" ring '\
'16 -- -name "guest=far-$2" -netdev "tap,id=n0,ifname=$1" \
	-device virtio-net-pci,netdev=n0' - "$TAPY" "$TAG" > elsewhere &
far=$!
wait_for 10 grep -qx READY elsewhere
# the agent hears of it at its first loss, or when it looks around
nsenter --net="/proc/$far/ns/net" taptool flood "$TAPY" 17 > /dev/null
wait_for 20 has_tap "far-$TAG" "$TAPY"
settled
capturing --store "$STORE" "far-$TAG" -w n.pcapng
nsenter --net="/proc/$far/ns/net" taptool flood "$TAPY" 90 > /dev/null
there() {
	(($(tshark -r n.pcapng 2> /dev/null | wc -l) == 90))
}
wait_for 10 there
ended
same "$(taplossctl --json gaps n.pcapng | jq -c '[.frames, .frames_lost, .vm_frames_lost]')" \
	'[90,0,90]' 'in another namespace'
: > capture.err
taplossctl capture --store "$STORE" --dropped "far-$TAG" -w d.pcapng 2> capture.err &
CAPTURE=$!
wait_for 10 grep -q '^capturing lost frames' capture.err
nsenter --net="/proc/$far/ns/net" taptool flood "$TAPY" 80 > /dev/null
ended
same "$(tshark -r d.pcapng -T fields -e frame.interface_name -e frame.comment 2> /dev/null | sort |
	uniq -c | xargs)" \
	"80 $TAPY taploss: lost reason=FULL_RING place=tun_net_xmit class=PTR_FULL kind=capacity \
direction=rx queue=0" 'its lost frames'
