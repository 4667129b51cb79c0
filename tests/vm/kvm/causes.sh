#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Causes that need a KVM guest with vhost-net, or a host of the test's own, each told from its neighbour. The host's one CPU is taken from single
# threads, several times for a while: from the vhost workers (vhost-starved), from the vCPU (vcpu-starved). Before 6.4 the workers are threads of the
# kernel, not of the VMM. What arrives is more than the CPU's backlog holds (host-backlog), or than a shaper in front of the guest lets through
# (qos-cap). The kernel finds no memory for a frame (no-memory), or no room in the ring.
# kernels 6.1 6.12
. "$(dirname "$0")/../../lib.sh"

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
# first_is CAUSE LOST: the verdict on most of the frames lost, with at least 70 % of them
first_is() {
	local verdicts

	settled
	verdicts=$(ctl --json diagnose kvm-1 --since "@$from" | jq -c '[.verdicts[] | [.cause, .frames, .confidence, .bursts, .pressure]]')
	same "$(jq 'map(.[1]) | add' <<< "$verdicts")" "$2" "frames: $verdicts"
	same "$(jq -r --arg n "$2" '.[0] | if .[1] >= ($n | tonumber) * 0.7 and .[2] != "low" then .[0] else "unsure" end' <<< "$verdicts")" "$1" "$verdicts"
	ctl diagnose kvm-1 --since "@$from" > said
}

prefer() {	# prefer POLICY PRIORITY THREAD...
	local thread

	for thread in "${@:3}"; do
		chrt "$1" -p "$2" "$thread"
	done
}
echo -1 > /proc/sys/kernel/sched_rt_runtime_us	# who goes first does so for as long as it likes

# starve MS EVERY KEPT...: 400 frames/s while a program takes the CPU three times; those threads and the sender go before it, all others behind it
starve() {
	local hog

	begin
	prefer -f 60 "${@:3}"
	taptool hog cpu 0 for "$1" every "$2" times 3 > stops &
	hog=$!
	chrt -f 60 taptool flood kvmtap $(($2 * 14 / 10)) rate 400 apart > /dev/null
	wait $hog
	prefer -o 0 "${@:3}"
	settled
	lost_now=$(($(counter kvmtap tx_dropped) - before))
}

# A stop of 300 ms is 120 frames, and the ring holds 30.
ip link set kvmtap txqueuelen 30
starve 300 2000 "${vcpus[@]}"
at_least $lost_now 150 'lost while vhost did not run'
first_is vhost-starved $lost_now
has "$(< said)" '2 vhost workers ran for'

# One of 1200 ms is 480 frames; the guest has buffers for 256.
starve 1200 3500 "${workers[@]}"
at_least $lost_now 150 'lost while the vCPU did not run'
first_is vcpu-starved $lost_now

# From the network: what a discipline of the far end lets go at once is more than the CPU's backlog takes in one turn.
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
first_is host-backlog $cpu
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
first_is qos-cap "$capped"

# The kernel's own function fails, as it does for want of memory; and a ring that nobody reads.
insmod /t/fault.ko
misbehave() {	# misbehave CASE DEV: a VM called CASE loses 40 frames in this way
	bash -c 'exec -a qemu-system-x86_64 taptool case "$@"' - "$1" dev "$2" count 40 stay -- -name "guest=$1" > "case.$1" 2>> case.log &
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
judged() {
	[[ $(cause_of full_ring) == *' 40' ]]
}
wait_for 10 judged
settled
same "$(cause_of no_memory)" 'no-memory 40'
[[ $(cause_of full_ring) != *no-memory* ]] || fail "a full ring: $(cause_of full_ring)"
same "$(counter "$TAP" tx_dropped) $(counter "$TAP2" tx_dropped)" '40 40' 'what the devices counted'
has "$(ctl diagnose no_memory)" 'NOMEM NOMEM; confidence high'
