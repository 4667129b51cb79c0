#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Causes that need a KVM guest with vhost-net, or a host of the test's own, each told from its
# neighbour. The host's one CPU is taken from single threads for a while: from the vhost workers
# (vhost-starved), from the vCPU (vcpu-starved). Before 6.4 the workers are threads of the kernel,
# not of the VMM. What arrives is more than the CPU's backlog holds (host-backlog), or than a shaper
# in front of the guest lets through (qos-cap). The kernel finds no memory for a frame (no-memory),
# or no room in the ring.
# kernels 6.1 6.12
. "$(dirname "$0")/../../lib/test.sh"

uuid=6f6f0000-0000-4000-8000-0000000000f1
mac=52:54:00:00:0f:01
qemu=$(pgrep -f guest=kvm-1)

agent_start --interval 500
named() {
	ctl --json vms | jq -e --arg uuid $uuid '.vms[] | select(.uuid == $uuid) | .name == "kvm-1"'
}
wait_for 20 named

threads() {	# threads NAME: those of the VMM with this name, and the kernel's own for it
	local comm

	for comm in /proc/"$qemu"/task/*/comm; do
		[[ $(< "$comm") != "$1"* ]] || basename "${comm%/comm}"
	done
	pgrep -x "$1$qemu" || true
}
mapfile -t vcpus < <(threads CPU)
mapfile -t workers < <(threads vhost- | sort -u)
same "${#vcpus[@]} ${#workers[@]}" '1 2' 'vCPUs, workers'

begin() {
	settled
	from=$EPOCHREALTIME
	before=$(counter kvmtap tx_dropped)
}
# judged CAUSE LOST: all frames lost have a verdict, and most of them this one. A test host has
# stalls of its own on a busy machine.
judged() {
	local verdicts

	settled
	verdicts=$(ctl --json diagnose kvm-1 --since "@$from" |
		jq -c '[.verdicts[] | [.cause, .frames, .confidence, .bursts, .lost_ns,
		.pressure]]')
	same "$(jq 'map(.[1]) | add' <<< "$verdicts")" "$2" "frames: $verdicts"
	jq -e --arg cause "$1" --arg lost "$2" '(map(select(.[0] == $cause and .[2] != "low") |
		.[1]) | add // 0) >= ($lost | tonumber) * 0.6' \
		<<< "$verdicts" > share || fail "not $1: $verdicts"
	ctl diagnose kvm-1 --since "@$from" > said
}

prefer() {	# prefer POLICY PRIORITY THREAD...
	local thread

	for thread in "${@:3}"; do
		chrt "$1" -p "$2" "$thread"
	done
}
echo -1 > /proc/sys/kernel/sched_rt_runtime_us	# who goes first does so for as long as it likes

# starve KEPT...: 400 frames/s or what the host manages, while a program takes the CPU twice until
# 120 frames are lost; those threads and the sender go before it, all others behind it
starve() {
	local hog sender

	begin
	prefer -f 60 "$@"
	taptool hog cpu 0 for 3500 every 4000 times 2 dev kvmtap lost 120 > stops &
	hog=$!
	chrt -f 60 taptool flood kvmtap 100000 rate 400 apart > sent &
	sender=$!
	wait $hog
	kill $sender
	wait $sender || true
	prefer -o 0 "$@"
	settled
	lost_now=$(($(counter kvmtap tx_dropped) - before))
}

ip link set kvmtap txqueuelen 30
starve "${vcpus[@]}"
judged vhost-starved $lost_now
has "$(< said)" '2 vhost workers ran for'

starve "${workers[@]}"
judged vcpu-starved $lost_now

# From the network: what a discipline of the far end lets go at once is more than the CPU's backlog
# takes in one turn.
dropped_by_cpu() {
	local sum=0 _ n

	while read -r _ n _; do
		sum=$((sum + 16#$n))
	done < /proc/net/softnet_stat
	echo $sum
}
ip link add br0 type bridge mcast_snooping 0
ip link add low0 type veth peer name far0
for dev in low0 kvmtap; do
	ip link set $dev master br0
done
for dev in br0 low0 far0; do
	ip link set $dev up
done
bridge fdb add $mac dev kvmtap master static
tc qdisc add dev far0 root netem slot 200ms limit 1000
backlog=$(< /proc/sys/net/core/netdev_max_backlog)
echo 8 > /proc/sys/net/core/netdev_max_backlog
begin
cpu=$(dropped_by_cpu)
frames far0 200 to $mac rate 200
echo "$backlog" > /proc/sys/net/core/netdev_max_backlog
cpu=$(($(dropped_by_cpu) - cpu))
at_least $cpu 50 'dropped by a backlog of 8'
judged host-backlog $cpu
has "$(< said)" 'kvmtap rx PATH CPU_BACKLOG at backlog low0; confidence high'
has "$(< said)" 'host:    sysctl net.core.netdev_max_backlog'

# The same frames one by one, and a shaper in front of the tap.
tc qdisc del dev far0 root
tc qdisc add dev kvmtap root tbf rate 80kbit burst 2000 limit 3000
begin
frames far0 200 to $mac
settled
capped=$(tc -s -j qdisc show dev kvmtap | jq '.[0].drops')
at_least "$capped" 50 'dropped by the shaper'
judged qos-cap "$capped"

# The kernel's own function fails, as it does for want of memory; and a ring that nobody reads.
insmod /t/fault.ko
misbehave() {	# misbehave CASE DEV: a VM called CASE loses 40 frames in this way
	bash -c 'exec -a qemu-system-x86_64 taptool case "$@"' - "$1" dev "$2" count 40 stay -- \
		-name "guest=$1" > "case.$1" 2>> case.log &
	wait_for 10 grep -q sent "case.$1"
}
cause_of() {
	ctl --json diagnose "$1" | jq -r '[.verdicts[] | .cause, .frames] | join(" ")'
}
cause_is() {
	[[ $(cause_of "$1") == "$2" ]]
}
misbehave no_memory "$TAP"
wait_for 10 cause_is no_memory 'no-memory 40'
misbehave full_ring "$TAP2"
has_cause() {
	[[ $(cause_of full_ring) == *' 40' ]]
}
wait_for 10 has_cause
settled
same "$(cause_of no_memory)" 'no-memory 40'
[[ $(cause_of full_ring) != *no-memory* ]] || fail "a full ring: $(cause_of full_ring)"
same "$(counter "$TAP" tx_dropped) $(counter "$TAP2" tx_dropped)" '40 40' 'what the devices counted'
has "$(ctl diagnose no_memory)" 'NOMEM NOMEM; confidence high'
