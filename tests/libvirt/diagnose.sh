#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Real guests, real causes: a guest that is paused, one that is stopped for 50 ms in every second, a
# ring too short for bursts (and mended by what diagnose says), one of four queues saturated. Each
# is named, and not its neighbour.
# alone
# plain
# limit 240
# again a guest that is said to be starved has to be, and its neighbour must not
. "$(dirname "$0")/../lib/test.sh"
. "$TESTS/lib/libvirt.sh"
. "$TESTS/lib/causes.sh"
need libvirtd virsh qemu-system-x86_64 taskset chrt

causes_up
cause_of() {	# cause_of SINCE NIC: the cause of most of the frames, its confidence
	ctl --json diagnose lab --since "@$1" --nic "$2" |
		jq -r '.verdicts[0] | [.cause, .confidence] | join(" ")'
}
causes_of() {
	ctl --json diagnose lab --since "@$1" --nic "$2" |
		jq -c '[.verdicts[] | [.cause, .frames, .confidence, .pressure]]'
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
virsh -q suspend lab
paced "$TAP" 6000 5000
virsh -q resume lab
guest "$LAB_UUID" ping
settled
same "$(cause_of "$from" "$TAP")" 'vm-halted high' 'paused'
same "$(ctl --json diagnose lab --since "@$from" --nic "$TAP" | jq -c '.verdicts[0].benign')" true \
	benign

# All of the guest is stopped for 50 ms in every second, although it has work to do, under one frame
# each 250 us. Its ring for 80 frames fills in 20 ms (less what waits already), then each frame is
# lost until it goes on, which its sender is told: when, and how many, by that clock. One burst in
# each stop. On a busy machine the guest may be late at other times, too: all lost frames are in
# bursts, wherever. There the sender, too, is stopped at times between a frame and its look at the
# clock: six of the eight have to be right to the millisecond, the others nearly.
before_all "$LAB"
pin 1 1
chrt -f -p 10 "$LAB"	# the thread that reads the tap: not before the stopper, but before the vCPU
ip link set "$TAP" txqueuelen 80
begin
before=$(counter "$TAP" tx_dropped)
guest "$LAB_UUID" 'spin 9500' > spun &
spin=$!
taptool hog cpu 1 for 50 every 1000 times 8 > stops &
stopper=$!
steady "$TAP" 36000 4000 told > sent
wait $stopper $spin
settled
ctl --json bursts lab --since "@$from" --nic "$TAP" > bursts.json
same "$(jq '[.bursts[].frames] | add' bursts.json)" $(($(counter "$TAP" tx_dropped) - before)) \
	'frames in bursts'
right=0
while read -r stop go; do
	jq -r --argjson stop "$stop" --argjson go "$go" \
		'.bursts[] | select(.start_ns > $stop and .start_ns < $go) |
		"\(.start_ns) \(.length_ns) \(.frames)"' \
		bursts.json > burst
	# more when the sender stood still, too: then its own list has as many
	at_least "$(wc -l < burst)" 1 'bursts in one stop'
	read -r start _ < burst
	((start < stop + 25000000)) || fail 'it began when the ring had long been full'
	exact=1
	while read -r start length n; do
		awk -v start="$start" '$1 == "refused" && $2 - start < 5e6 && start - $2 < 5e6 {
			print $2, $3, $4 }' sent > told
		same "$(wc -l < told)" 1 'runs of refused frames at that time'
		read -r first last refused < told
		echo "stopped for $(((go - stop) / 1000)) us; lost \
from $(((start - stop) / 1000)) us on for $((length / 1000)) us, $n frames;" \
			"refused from $(((first - stop) / 1000)) us on \
for $(((last - first) / 1000)) us, $refused frames"
		same "$n" "$refused" 'frames of one burst'
		((start - first <= 1000000 && first - start <= 1000000 &&
			length * 10 >= (last - first) * 9 &&
			length * 10 <= (last - first) * 11)) || exact=0
	done < burst
	right=$((right + exact))
done < stops
at_least $right 6 'bursts with the right start (1 ms) and length (10 %)'
same "$(wc -l < stops)" 8 'stops'
same "$(cause_of "$from" "$TAP")" 'vcpu-starved high' "$(causes_of "$from" "$TAP")"
chrt -o -p 0 "$LAB"

# Bursts longer than the ring and the guest's own buffers, to a guest that is idle: the ring; with
# the ring that is printed the loss is gone.
pin 0,1 0,1
ip link set "$TAP" txqueuelen 60
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
command=$(ctl diagnose lab --since "@$from" --nic "$TAP" |
	sed -n 's/^ *host: *\(ip link set dev .* txqueuelen [0-9]*\)$/\1/p' | head -n 1)
has "$command" "ip link set dev $TAP txqueuelen"
$command
before=$(counter "$TAP" tx_dropped)
begin
burst
same "$(counter "$TAP" tx_dropped)" "$before" 'lost with the longer ring'
same "$(ctl --json diagnose lab --since "@$from" --nic "$TAP" | jq '.frames')" \
	0 'loss after the fix'

# One flow for four queues: one queue is saturated. Many flows: all are, and then it is the guest.
begin
cause_queue_saturated
settled
same "$(cause_of "$from" "$TAP2")" 'queue-saturated high' "$(causes_of "$from" "$TAP2")"
begin
cause_guest_too_slow
settled
many=$(cause_of "$from" "$TAP2")
[[ $many == 'guest-too-slow '* ]] || fail "many flows: $many: $(causes_of "$from" "$TAP2")"
