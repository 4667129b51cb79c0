# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Causes of loss, each provoked for real by a function cause_ID, ID being that of
# ctl/diagnose/verdict.c with _ for -; sourced after test.sh and libvirt.sh.
#
# A function sets VM (whom to ask about), and loses frames of that VM for this one cause; afterwards
# all is as it was. Two CPUs: senders have the first one. The guest is a real one, "lab", with eth0
# on $TAP (a ring of 500) and eth1 with four queues on $TAP2; where a driver or a VMM has to
# misbehave, a VM is a process that does, and its command line is QEMU's.

LAB_UUID=6f6f0000-0000-4000-8000-0000000000d1
LAB_N=0		# VMs made by process_vm
VM=

# causes_up: the guest runs, the agent counts
causes_up() {
	lv_start
	{
		lv_nic ethernet - 52:54:00:00:0d:01 "$TAP" 1
		lv_nic ethernet - 52:54:00:00:0d:02 "$TAP2" 4
	} | lv_create lab $LAB_UUID
	ip link set "$TAP" txqueuelen 500
	ip link set "$TAP2" txqueuelen 500
	agent_start --libvirt qemu:///system
	guest "$LAB_UUID" ping 'chan eth1 4'
	LAB=$(pgrep -f guest=lab)
	before_all "$LAB"	# so that nobody else's work is among the causes
	before_all $$
	defer '{ echo 0 > /proc/$$/autogroup; } 2> /dev/null || true'
	causes_bridge
	wait_for 10 has_nics lab 2
}

# before_all PID: all threads of its session get a CPU before those of others, as far as the
# kernel's groups go. Who never was in a session of its own (all of a CI's run may be such) is in
# the root group, whose weight cannot be set (sched_group_set_shares: EINVAL) and need not be.
before_all() {
	local task

	for task in /proc/"$1"/task/*; do
		renice -n -20 -p "${task##*/}" > /dev/null
	done
	[[ ! -e /proc/$1/autogroup ]] || { echo -20 > "/proc/$1/autogroup"; } 2> /dev/null || true
}

# A bridge with a far end ("$LAB_FAR"), by which frames come from the network
causes_bridge() {
	LAB_BR=b$TAG LAB_UP=v$TAG LAB_FAR=y$TAG
	ip link add "$LAB_BR" type bridge mcast_snooping 0
	ip link add "$LAB_UP" type veth peer name "$LAB_FAR"
	ip link set "$LAB_UP" master "$LAB_BR"
	for dev in "$LAB_BR" "$LAB_UP" "$LAB_FAR"; do
		ip link set "$dev" up
	done
	bridge fdb add 02:00:00:00:00:77 dev "$LAB_UP" master static
}

has_nics() {
	ctl --json vms "$1" | jq -e --argjson n "$2" '.vms[0].nics | length == $n'
}

# process_vm COMMAND [OPTION]...: "taptool COMMAND DEV OPTION..." is the VM "$VM" on the tap "$DEV",
# with the address "$MAC"; it is known to the agent
process_vm() {
	VM=lab-$((++LAB_N)) DEV=$(printf 'p%x%s' "$LAB_N" "$TAG") \
		MAC=$(printf '52:54:00:0e:%02x:01' "$LAB_N")
	bash -c 'exec -a qemu-system-x86_64 taptool "$@"' - "$1" "$DEV" "${@:2}" \
		-- -name "guest=$VM" -netdev "tap,id=n0,ifname=$DEV" \
		-device "virtio-net-pci,netdev=n0,mac=$MAC" > "vm.$VM" 2>> vm.log &
	LAB_PID=$!
	wait_for 10 grep -qx READY "vm.$VM"
	ip link set "$DEV" up
	wait_for 10 has_nics "$VM" 1
	settled
}

# misbehave CASE N: a VM loses N frames as taptool's CASE does, and stays
misbehave() {
	VM=lab-$((++LAB_N)) DEV=$(printf 'p%x%s' "$LAB_N" "$TAG")
	bash -c 'exec -a qemu-system-x86_64 taptool case "$@"' - "$1" dev "$DEV" count "$2" \
		stay -- -name "guest=$VM" > "vm.$VM" 2>> vm.log &
	wait_for 10 grep -q sent "vm.$VM"
}

# pin WHERE VCPUS OTHERS: the guest's threads on these CPUs
pin() {
	local task

	for task in /proc/"$LAB"/task/*; do
		if [[ $(cat "$task/comm") == CPU* ]]; then
			taskset -cp "$1" "${task##*/}" > /dev/null
		else
			taskset -cp "$2" "${task##*/}" > /dev/null
		fi
	done
}

# on_bridge DEV
on_bridge() {
	ip link set "$1" master "$LAB_BR"
}

# steady DEV N RATE [told]: one frame after the other, whatever else the first CPU does
steady() {
	taskset -c 0 chrt -f 60 taptool flood "$1" "$2" rate "$3" even "${@:4}"
}

# The guest's vCPU, and nothing else of it, loses its CPU for 60 ms in every 500; it has work to do
# all the time.
cause_vcpu_starved() {
	VM=lab
	pin 1 0
	ip link set "$TAP" txqueuelen 60
	guest "$LAB_UUID" 'spin 3600' > spun &
	local spin=$!
	taptool hog cpu 1 for 60 every 500 times 6 > hogged &
	local hog=$!
	steady "$TAP" 35000 10000 > /dev/null
	wait $hog $spin
	pin 0,1 0,1
	ip link set "$TAP" txqueuelen 500
}

# The VMM's own thread, which reads the tap, loses its CPU; the vCPU keeps one.
cause_emulator_starved() {
	VM=lab
	pin 0 1
	ip link set "$TAP" txqueuelen 60
	taptool hog cpu 1 for 60 every 500 times 6 > hogged &
	local hog=$!
	steady "$TAP" 14000 4000 > /dev/null
	wait $hog
	pin 0,1 0,1
	ip link set "$TAP" txqueuelen 500
}

cause_vm_halted() {
	VM=lab
	virsh -q suspend lab
	taskset -c 0 taptool flood "$TAP" 5000 rate 5000 > /dev/null
	virsh -q resume lab
	guest "$LAB_UUID" ping > /dev/null
}

# Longer than the ring and the guest's own buffers; the guest is idle between them.
cause_ring_too_short() {
	local i

	VM=lab
	for ((i = 0; i < 4; i++)); do
		taptool flood "$TAP" 1500 > /dev/null
		sleep 0.4	# what was sent is taken before the next one
	done
}

# More than it can take, for seconds, in so many flows
overload() {	# overload FLOWS
	VM=lab
	taptool flood "$TAP2" 800000 flows "$1" rate 200000 > /dev/null
}

cause_queue_saturated() {
	overload 1
}

cause_guest_too_slow() {
	overload 64
}

# It reads all that comes, but for 50 ms in every 300 it is asleep; its threads wait for nobody.
cause_guest_buffers() {
	process_vm drain ring 60 nap 50 every 300
	steady "$DEV" 12000 4000 > /dev/null
	let_go $LAB_PID
}

cause_queue_dead() {
	process_vm hold ring 8
	frames "$DEV" 3008
	settled
	let_go $LAB_PID
}

cause_nic_unused() {
	process_vm hold ring 8
	frames "$DEV" 40 rate 20
	settled
	let_go $LAB_PID
}

cause_bad_header() {
	misbehave badhdr_gsotype 40
}

cause_gso_misfit() {
	misbehave gso_notso 40
}

cause_copy_fault() {
	misbehave ucopy 40
}

cause_guest_overrun() {
	misbehave read_small 40
}

cause_not_ready() {
	misbehave write_down 40
}

# tbf and htb by turns, at random rates
cause_qos_cap() {
	local kbit=$((RANDOM % 400 + 80))

	process_vm drain ring 64
	if ((RANDOM % 2)); then
		tc qdisc add dev "$DEV" root tbf rate ${kbit}kbit burst 2000 limit 3000
	else
		tc qdisc add dev "$DEV" root handle 1: htb default 1
		tc class add dev "$DEV" parent 1: classid 1:1 htb rate ${kbit}kbit burst 2000
		tc qdisc add dev "$DEV" parent 1:1 pfifo limit 20
	fi
	taptool flood "$DEV" $((RANDOM % 1000 + 300)) > /dev/null
	settled
}

# Refused on its way in from the network
cause_filtered() {
	process_vm hold ring 64
	on_bridge "$DEV"
	bridge fdb add "$MAC" dev "$DEV" master static
	nft add table bridge lab
	nft add chain bridge lab in '{ type filter hook prerouting priority 0; }'
	nft add rule bridge lab in iifname "$LAB_UP" drop
	frames "$LAB_FAR" 60 to "$MAC"
	settled
	nft delete table bridge lab
	let_go $LAB_PID
}

# What it sends is too large for the uplink
cause_mtu_misfit() {
	process_vm hold ring 64 say 40 len 1400 to 02:00:00:00:00:77 from \
		"$(printf '52:54:00:0e:%02x:01' $((LAB_N + 1)))"
	on_bridge "$DEV"
	ip link set "$LAB_UP" mtu 1000
	kill -USR2 $LAB_PID
	wait_for 10 grep -q said "vm.$VM"
	settled
	ip link set "$LAB_UP" mtu 1500
	let_go $LAB_PID
}

# Another VM sends far more than this one takes
cause_noisy_neighbour() {
	local victim victim_pid

	process_vm drain ring 10 each 100
	victim=$VM victim_pid=$LAB_PID
	on_bridge "$DEV"
	bridge fdb add "$MAC" dev "$DEV" master static
	process_vm hold say 60000 len 100 to "$MAC" \
		from "$(printf '52:54:00:0e:%02x:01' $((LAB_N + 1)))"
	on_bridge "$DEV"
	kill -USR2 $LAB_PID
	wait_for 20 grep -q said "vm.$VM"
	settled
	let_go $LAB_PID
	let_go "$victim_pid"
	VM=$victim
}
