#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The unit's capabilities, each taken away in turn: the agent names the one that is missing and what
# that costs, and the rest works.
# plain
# limit 240
. "$(dirname "$0")/../lib/test.sh"
need systemd-analyze

UNIT=$TESTS/../agent/taplossd.service
hold_as qemu-system-x86_64 "$TAP" ring 100 -- -name guest=web-1 \
	-netdev "tap,id=n0,ifname=$TAP" -device virtio-net-pci,netdev=n0
printf '[bpf]\npin_dir =\n' > unpinned.conf

# without CAPABILITIES VM TEXT: the loss is counted, as that of VM (null: nobody's), and status has
# TEXT
without() {
	local cap options=()

	STORE=$W/store.${1// /.}
	for cap in $1; do
		options+=(--without "$cap")
	done
	asunit "$UNIT" "${options[@]}" "$B/taplossd" --store "$STORE" --libvirt none \
		--interval 100 --config unpinned.conf >> agent.log 2>&1 &
	AGENT=$!
	wait_for 60 counting
	[[ $2 == null ]] || wait_for 10 owned "$2"
	frames "$TAP" 700
	wait_for 10 lost_is 700 nic="$TAP" vm="$2"
	has "$(ctl status)" "$3"
	agent_stop
}
counting() {
	ctl --json status |
		jq -e --argjson pid "$AGENT" '.agent.pid == $pid and (.coverage | length > 0)'
}
owned() {
	ctl --json vms "$1" | grep -q "$TAP"
}

frames "$TAP" 100	# the ring is full now
every=$(sed -n 's/^CapabilityBoundingSet=//p' "$UNIT" | tr '\n' ' ')
same "$(tr ' ' '\n' <<< "$every" | grep . | sort | paste -sd ' ')" \
	'CAP_BPF CAP_DAC_READ_SEARCH CAP_NET_ADMIN CAP_PERFMON CAP_SYS_ADMIN CAP_SYS_PTRACE' \
	'each has a line below'
without CAP_BPF web-1 'no CAP_BPF: CAP_SYS_ADMIN serves as well'
without CAP_PERFMON web-1 'no CAP_PERFMON: CAP_SYS_ADMIN serves as well'
without CAP_SYS_ADMIN web-1 'no CAP_SYS_ADMIN: taps in other network namespaces are not seen'
without 'CAP_BPF CAP_SYS_ADMIN' web-1 'no CAP_BPF: the kernel does not count for it'
without CAP_SYS_PTRACE null 'no CAP_SYS_PTRACE: which process holds a tap is not seen'
without CAP_DAC_READ_SEARCH web-1 \
	'no CAP_DAC_READ_SEARCH: which tap a process of another user holds'
without CAP_NET_ADMIN web-1 \
	'no CAP_NET_ADMIN: the drop monitor cannot be used where BPF cannot count'
