#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A tap that stops the queue in front of it when its ring is full (IFF_BACKPRESSURE, 7.3): what its
# guest does not take is then lost in the queueing discipline, as many frames and for the same cause
# as in the ring of a tap without. Kernels before do not know the mode.
# kernels 7.3
. "$(dirname "$0")/../lib/test.sh"

tap3=s$TAG
vm() {	# vm NAME TAP MAC QDISC [OPTION]: a guest that never reads
	hold_as qemu-system-x86_64 "$2" ring 100 ${5:+"$5"} -- -name "guest=$1" \
		-netdev "tap,id=n0,ifname=$2" -device "virtio-net-pci,netdev=n0,mac=$3"
	# shellcheck disable=SC2086	# words
	tc qdisc replace dev "$2" root $4
}
vm press "$TAP" 52:54:00:00:00:01 'pfifo limit 50' backpressure
vm plain "$TAP2" 52:54:00:00:00:02 'pfifo limit 50'
vm bare "$tap3" 52:54:00:00:00:03 noqueue backpressure
agent_start
owned() {
	ctl --json vms | jq -e '[.vms[].name] | contains(["press", "plain", "bare"])'
}
wait_for 10 owned
settled

qdisc_dropped() {
	tc -s -j qdisc show dev "$1" root | jq 'map(.drops) | add'
}
audit_of() {
	ctl --json audit "$1" | jq -c '[.rows[] | [.counter, .counted_frames, .explained_frames]]'
}
audit_is() {
	[[ $(audit_of "$1") == "$2" ]]
}
frames "$TAP" 1000
frames "$TAP2" 1000
frames "$tap3" 1000
expect_lost 900 vm=plain nic="$TAP2" class=PTR_FULL kind=capacity site=tun_net_xmit
same "$(counter "$TAP2" tx_dropped) $(qdisc_dropped "$TAP2")" '900 0' \
	'what the tap without the mode and its discipline counted'

# no discipline: nothing to stop
expect_lost 900 vm=bare nic="$tap3" class=PTR_FULL kind=capacity site=tun_net_xmit
same "$(lost vm=bare)" 900 'all that was lost without a discipline'

if (($(cat "/sys/class/net/$TAP/tun_flags") & 0x80)); then
	# The ring holds 100, the discipline in front of it 50.
	expect_lost 850 vm=press nic="$TAP" class=QDISC direction=rx kind=capacity \
		site=tun_net_xmit kernel_reason=QDISC_DROP_GENERIC
	same "$(lost vm=press)" 850 'all that was lost'
	same "$(counter "$TAP" tx_dropped) $(qdisc_dropped "$TAP")" '0 850' \
		'what the tap and its discipline counted'
	wait_for 10 audit_is press '[["qdisc_dropped",850,850]]'
	same "$(ctl --json diagnose press | jq -c '[.verdicts[].cause]')" \
		"$(ctl --json diagnose plain | jq -c '[.verdicts[].cause]')" 'cause'
else
	expect_lost 900 vm=press nic="$TAP" class=PTR_FULL kind=capacity site=tun_net_xmit
	same "$(lost vm=press)" 900 'all that was lost'
	same "$(counter "$TAP" tx_dropped) $(qdisc_dropped "$TAP")" '900 0' \
		'what the tap and its discipline counted'
fi
