#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the agent costs on a big host: 1,000 taps of 4 queues, none or 200 of them losing in every
# tick. CPU is that of its threads as the scheduler has it (schedstat; what /proc/PID/stat says is
# sampled at the very clock that wakes the agent), over many ticks; memory its peak.
#
# usage: scale.sh MANY_TAPS TAPLOSSD [TAPS QUEUES LOSING TICKS]
set -u
if [ "${SCALE_NS:-}" != 1 ]; then	# taps and mounts of our own, gone with us
	SCALE_NS=1 exec unshare --net --mount --pid --fork --kill-child --mount-proc --propagation \
		private -- \
		"$(realpath "$0")" "$(realpath "$1")" "$(realpath "$2")" "${@:3}"
fi
. "$(dirname "$0")/../lib/wait.sh"
many_taps=$1 taplossd=$2 taps=${3:-1000} queues=${4:-4} losing=${5:-200} ticks=${6:-30}
out=$(mktemp -d) || exit 1
agent=
trap '[ -n "$agent" ] && kill "$agent" 2>/dev/null; rm -rf "$out"' EXIT
mount -t sysfs sysfs /sys 2>/dev/null
mount -t bpf bpf /sys/fs/bpf
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6

coproc TAPS { exec "$many_taps" "$taps" "$queues" "$losing"; }
read -r ready <&"${TAPS[0]}" && [ "$ready" = READY ] || exit 1
"$taplossd" --store "$out/store" --libvirt none 2> "$out/log" &
agent=$!

cpu_ms() { cat /proc/"$agent"/task/*/schedstat |
	awk '{ ns += $1 } END { printf "%.3f", ns / 1e6 }'; }
rows() { sqlite3 "$out"/store/timeline-*.db "SELECT count(DISTINCT t_ns) FROM loss" 2>/dev/null ||
	echo 0; }

# shellcheck disable=SC2317	# by until_true
owned() { [ "$(sqlite3 "$out/store/meta.db" 'SELECT count(*) FROM attachment' 2>/dev/null ||
	echo 0)" -ge "$taps" ]; }
# shellcheck disable=SC2317	# ticks are stored up to $1, in ns
seen_until() { [ "$(sqlite3 "$out"/store/timeline-*.db 'SELECT max(to_ns) FROM coverage' \
	2>/dev/null || echo 0)" -ge "$1" ]; }
until_true 60 owned
# each tap is looked at once when it is met, 64 a tick
until_true 120 seen_until $(($(date +%s%N) + (taps / 64 + 2) * 1000000000))
from=$(cpu_ms)
sleep 60	# what is done once a minute is in it once
to=$(cpu_ms)
idle=$(awk "BEGIN { printf \"%.2f\", ($to - $from) / 60 }")

# names and series are made once
for ((i = 0; i < 3; i++)); do echo >&"${TAPS[1]}"; read -r _ <&"${TAPS[0]}"; sleep 1; done
from=$(cpu_ms)
before=$(rows)
for ((i = 0; i < ticks; i++)); do echo >&"${TAPS[1]}"; read -r _ <&"${TAPS[0]}"; sleep 1; done
to=$(cpu_ms)
with_loss=$(($(rows) - before))
busy=$(awk "BEGIN { printf \"%.2f\", ($to - $from) / $ticks }")
peak=$(awk '/VmHWM/ { print $2 }' "/proc/$agent/status")

printf '%-52s %10s %10s\n' "$taps taps of $queues queues" measured goal
printf '%-52s %7s ms %10s\n' "a tick, nobody loses" "$idle" ''
printf '%-52s %8s %% %10s\n' "  of a core at 1 s" "$(awk "BEGIN { printf \"%.2f\", $idle / 10 }")" \
	'0.5 %'
printf '%-52s %7s ms %10s\n' "a tick, $losing taps lose on every queue" "$busy" '20 ms'
printf '%-52s %10s\n' "  ticks with loss rows, of $ticks" "$with_loss"
printf '%-52s %6s MiB %10s\n' "memory, peak" "$(awk "BEGIN { printf \"%.1f\", $peak / 1024 }")" \
	'48 MiB'
awk "BEGIN { exit !($idle > 5 || $busy > 20 || $peak > 48 * 1024) }" && exit 1
exit 0
