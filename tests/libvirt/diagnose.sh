#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Real guests, real causes: a guest that is paused, one whose vCPU gets no processor, a ring too short for bursts (and mended by what diagnose
# says), one of four queues saturated. Each is named, and not its neighbour.
# alone
# limit 240
. "$(dirname "$0")/../lib.sh"
. "$TESTS/libvirt.sh"
need libvirtd virsh qemu-system-x86_64 taskset chrt

uuid=6f6f0000-0000-4000-8000-0000000000d1
lv_start
{
	lv_nic ethernet - 52:54:00:00:0d:01 "$TAP" 1
	lv_nic ethernet - 52:54:00:00:0d:02 "$TAP2" 4
} | lv_create dia-1 $uuid
agent_start --libvirt qemu:///system
guest $uuid ping 'chan eth1 4'
cause_of() {	# cause_of SINCE NIC: the cause of most of the frames, its confidence
	ctl --json diagnose dia-1 --since "@$1" --nic "$2" | jq -r '.verdicts[0] | [.cause, .confidence] | join(" ")'
}
causes_of() {
	ctl --json diagnose dia-1 --since "@$1" --nic "$2" | jq -c '[.verdicts[] | [.cause, .frames, .confidence, .pressure]]'
}
begin() {
	settled
	from=$EPOCHREALTIME
}
paced() {	# paced DEV N RATE: frames at a rate, the sender on the first CPU
	taskset -c 0 taptool flood "$1" "$2" rate "$3" > /dev/null
}

# Paused under steady traffic: benign.
begin
virsh -q suspend dia-1
paced "$TAP" 6000 5000
virsh -q resume dia-1
guest $uuid ping
settled
same "$(cause_of "$from" "$TAP")" 'vm-halted high' 'paused'
same "$(ctl --json diagnose dia-1 --since "@$from" --nic "$TAP" | jq -c '.verdicts[0].benign')" true benign

# The vCPU's CPU is taken from it for 50 ms in every second; the VMM's other threads have the other one.
qemu=$(pgrep -f "guest=dia-1")
for task in /proc/"$qemu"/task/*; do
	if [[ $(cat "$task/comm") == CPU* ]]; then
		taskset -cp 1 "${task##*/}" > /dev/null
	else
		taskset -cp 0 "${task##*/}" > /dev/null
	fi
done
ip link set "$TAP" txqueuelen 60
cat > hog.sh <<-'END'
	end=$((SECONDS + 12))
	while ((SECONDS < end)); do
		start=${EPOCHREALTIME/./}
		echo "$start"
		while ((${EPOCHREALTIME/./} - start < 50000)); do :; done
		sleep 0.95
	done
END
begin
taskset -c 1 chrt -f 50 bash hog.sh > hogged &
hog=$!
paced "$TAP" 100000 10000
wait $hog
settled
causes_of "$from" "$TAP"
same "$(ctl --json diagnose dia-1 --since "@$from" --nic "$TAP" | jq -r '.verdicts[0].cause')" vcpu-starved "$(causes_of "$from" "$TAP")"

# Bursts longer than the ring and the guest's own buffers, to a guest that is idle: the ring; with the ring that is printed the loss is gone.
for task in /proc/"$qemu"/task/*; do
	taskset -cp 0,1 "${task##*/}" > /dev/null
done
burst() {
	local i

	for ((i = 0; i < 5; i++)); do
		taptool flood "$TAP" 1500 > /dev/null
		sleep 0.4	# what was sent is taken before the next one
	done
	settled
}
begin
burst
same "$(cause_of "$from" "$TAP")" 'ring-too-short high' "$(causes_of "$from" "$TAP")"
command=$(ctl diagnose dia-1 --since "@$from" --nic "$TAP" | sed -n 's/^ *host: *\(ip link set dev .* txqueuelen [0-9]*\)$/\1/p' | head -n 1)
has "$command" "ip link set dev $TAP txqueuelen"
$command
before=$(counter "$TAP" tx_dropped)
begin
burst
same "$(counter "$TAP" tx_dropped)" "$before" 'lost with the longer ring'
same "$(ctl --json diagnose dia-1 --since "@$from" --nic "$TAP" | jq '.frames')" 0 'loss after the fix'

# One flow for four queues: one queue is saturated. Many flows: all are, and then it is the guest.
begin
timeout 6 taptool flood "$TAP2" 100000000 flows 1 > /dev/null || true
settled
same "$(ctl --json diagnose dia-1 --since "@$from" --nic "$TAP2" | jq -r '.verdicts[0].cause')" queue-saturated "$(causes_of "$from" "$TAP2")"
begin
timeout 6 taptool flood "$TAP2" 100000000 flows 64 > /dev/null || true
settled
many=$(ctl --json diagnose dia-1 --since "@$from" --nic "$TAP2" | jq -r '.verdicts[0].cause')
[[ $many != queue-saturated ]] || fail "many flows: $(causes_of "$from" "$TAP2")"
echo "many flows: $many"
