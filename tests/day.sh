#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A day in miniature (make day): an agent at 100 ms, three VMs' taps that lose frames in their own
# ways for some minutes, and the report of it. What the report says is compared with what the
# devices counted; then its page is left where it was asked for.
#
# usage: day.sh [MINUTES [PAGE]]: 3, day.html in the build directory
MINUTES=${1:-3} PAGE=$(realpath "${2:-${B:-build}/day.html}")
. "$(dirname "$0")/lib/test.sh"
SECONDS_LEFT=$((MINUTES * 60)) BEGAN=$(date +%s)

# vm NUMBER NAME ARGUMENT...: a taptool that looks like a VMM
vm() {
	local words=(-- -name "guest=$2" -uuid "11111111-2222-3333-4444-55555555d00$1")

	hold_as qemu-system-x86_64 "${@:3}" "${words[@]}" -netdev "tap,id=n0,ifname=$3" \
		-device "virtio-net-pci,netdev=n0,mac=52:54:00:00:0d:0$1"
}

# web-1 reads what comes, and is kept from it for 0.3 s now and then; idle-1 never reads; gw-1 sends
# bad headers.
bash -c 'exec -a qemu-system-x86_64 taptool drain "$@"' - "$TAP" ring 200 -- -name guest=web-1 \
	-uuid 11111111-2222-3333-4444-55555555d001 \
	-netdev "tap,id=n0,ifname=$TAP" -device virtio-net-pci,netdev=n0,mac=52:54:00:00:0d:01 \
	> drain.out 2>> hold.log &
WEB=$!
wait_for 10 test -e "/sys/class/net/$TAP"
vm 2 idle-1 "$TAP2" ring 100
agent_start
wait_for 10 ctl vms --json

taptool flood "$TAP" $((SECONDS_LEFT * 3000)) rate 3000 > flood.web &
FLOOD=$!
taptool flood "$TAP2" $((SECONDS_LEFT * 20)) rate 20 > flood.idle &
FLOODS=("$FLOOD" $!)
bash -c 'exec -a qemu-system-x86_64 taptool case badhdr_gsotype "$@"' - dev "g$TAG" \
	count 20 rounds $((SECONDS_LEFT / 5)) pause 5000 stay -- -name guest=gw-1 \
	-uuid 11111111-2222-3333-4444-55555555d003 > case.out 2>> hold.log &
while kill -0 "$FLOOD" 2> /dev/null; do	# the day's own rhythm, not a wait for something
	kill -STOP "$WEB"
	sleep 0.3
	kill -CONT "$WEB"
	sleep $((2 + RANDOM % 6))
done
wait "${FLOODS[@]}"
settled

web=$(counter "$TAP" tx_dropped) idle=$(counter "$TAP2" tx_dropped)
expect_lost "$web" "nic=$TAP"
expect_lost "$idle" "nic=$TAP2"
# Other devices of the machine are counted, too.
WINDOW=(--since "@$((BEGAN - 1))" --until "@$(($(date +%s) + 1))" --vm web-1 --vm idle-1 --vm gw-1)
ctl --json report capacity "${WINDOW[@]}" > report.json
same "$(jq -c '[.vms[] | select(.vm == "web-1" or .vm == "idle-1") | [.vm, .capacity]] | sort' \
	report.json)" "[[\"idle-1\",$idle],[\"web-1\",$web]]" 'lost in the report'
same "$(jq -c '[.verdicts | group_by(.vm)[] | select(.[0].vm != "gw-1") | [.[0].vm, (map(.frames) |
	add)]] | sort' report.json)" \
	"[[\"idle-1\",$idle],[\"web-1\",$web]]" 'frames of verdicts'
same "$(jq -c '[.nics[] | select(.direction == "rx" and (.vm == "web-1" or .vm == "idle-1")) |
	[.vm, .ring_peak_frames, .ring_free_frames]] | sort' report.json)" \
	'[["idle-1",100,0],["web-1",200,0]]' 'rings that lost were full'
same "$(jq -c '[.verdicts[] | .vm] | unique' report.json)" '["gw-1","idle-1","web-1"]' \
	'VMs with a verdict'
same "$(jq '[.nics[] | select(.knee == "found")] | length' report.json)" 0 'knees found in minutes'

ctl report capacity "${WINDOW[@]}"
jq -r '.verdicts[] |
	"\(.vm) \(.nic) \(.direction): \(.frames) frames, \(.title) (\(.confidence))"' report.json
ctl report capacity "${WINDOW[@]}" -o "$PAGE"
printf '\nweb-1 lost %s frames, idle-1 %s, as their devices say. The page: %s\n' "$web" "$idle" \
	"$PAGE"
