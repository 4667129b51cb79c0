#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The store after a month of a big host: 1,000 VMs of 2 NICs, both directions, ticks of 1 s, 2 % of
# the 4,000 losing at any time, the limits that an agent has by default. Its size; then queries over
# all of it while a writer goes on with 20 such ticks a second; the same questions to the plainest
# layout, a row for each sample and one index, over the newest day. Times are of the whole program,
# the median of 5.
#
# usage: years.sh YEARS TAPLOSSCTL [FINE [DAYS]]: FINE (2) of the DAYS (30) by the second, those
# before them by the minute
set -uo pipefail
years=$1 ctl=$2 fine=${3:-2} days=${4:-30}
dir=$(mktemp -d -p "${TMPDIR:-/var/tmp}" taploss-years-XXXXXX) || exit 1
writer=
trap '[ -n "$writer" ] && kill "$writer" 2>/dev/null; wait; rm -rf "$dir"' EXIT
store=$dir/store bad=0

until=$("$years" "$store" $((days - fine)) "$fine" "$dir/plain.db" | jq .until_s) ||
	{ echo "years.sh: no store could be made" >&2; exit 1; }
since=$((until - days * 86400)) day=$((until - 86400))

line() {	# line WHAT VALUE UNIT [GOAL]: above GOAL it is a failure
	printf '%-58s %9s %-5s %9s\n' "$1" "$2" "$3" "${4:+$4 $3}"
	[ -z "${4:-}" ] || awk "BEGIN { exit !($2 <= $4) }" || bad=1
}

seconds() {	# seconds COMMAND...: median of 5
	local i t

	for ((i = 0; i < 5; i++)); do
		t=${EPOCHREALTIME/./}
		"$@" > /dev/null || return 1
		echo $((${EPOCHREALTIME/./} - t))
	done | sort -n | awk 'NR == 3 { printf "%.3f", $1 / 1e6 }'
}

mib() {
	du -cb "$@" | awk 'END { printf "%.0f", $1 / 1048576 }'
}

printf '%-58s %15s %15s\n' "$days days, 1,000 VMs of 2 NICs" measured goal
mapfile -t files < <(printf '%s\n' "$store"/timeline-*.db)
line 'a day with its ticks' "$(mib "${files[-1]}")" MiB
line 'a day by the minute' "$(mib "${files[0]}")" MiB
line 'a day in history.db' \
	"$(awk "BEGIN { printf \"%.1f\", $(stat -c %s "$store/history.db") / 1048576 / $days }")" \
	MiB
line 'the store' "$(mib "$store")" MiB 2048
line 'the plainest layout, a day' "$(mib "$dir/plain.db")" MiB

"$years" "$store" > "$dir/alone" &
writer=$!
sleep 60	# what a tick costs when nobody reads: a time, not a condition
kill "$writer" && wait "$writer"
"$years" "$store" > "$dir/read" &
writer=$!
window=(--since "@$since" --until "@$until" --store "$store")
line "loss --by vm, $days days" "$(seconds "$ctl" loss --by vm --json "${window[@]}")" s 1
line "timeline of one VM, $days days" "$(seconds "$ctl" timeline vm-0500 --json "${window[@]}")" s \
	0.1
line "report capacity, $days days" \
	"$(seconds "$ctl" report capacity -o "$dir/page.html" "${window[@]}")" s 10
/usr/bin/time -f %M -o "$dir/rss" "$ctl" report capacity -o "$dir/page.html" "${window[@]}"
line '  its memory, peak' "$(awk '{ printf "%.0f", $1 / 1024 }' "$dir/rss")" MiB 200
line '  the page' "$(awk "BEGIN { printf \"%.1f\", $(stat -c %s "$dir/page.html") / 1048576 }")" MiB

window=(--since "@$day" --until "@$until" --store "$store")
beside() {	# beside WHAT SQL COMMAND...: the same from both
	local plain ours

	plain=$(seconds sqlite3 "$dir/plain.db" "$2") ours=$(seconds "${@:3}")
	printf '%-58s %9s s     %9s s, %s times\n' "$1" "$ours" "$plain" \
		"$(awk "BEGIN { printf \"%.1f\", $plain / $ours }")"
}
printf '\n%-58s %15s %15s\n' 'the newest day alone' taploss 'plainest layout'
beside 'loss by VM' "SELECT vm, sum(frames), sum(bytes) FROM sample WHERE t_ns > $day * 1000000000 \
AND t_ns <= $until * 1000000000 GROUP BY vm ORDER BY 2 DESC" \
	"$ctl" loss --by vm --json "${window[@]}"
beside 'loss by class' "SELECT class, sum(frames), sum(bytes) FROM sample WHERE t_ns > $day * \
1000000000 AND t_ns <= $until * 1000000000 GROUP BY class" \
	"$ctl" loss --by class --json "${window[@]}"
beside 'timeline of one VM by the hour' \
	"SELECT t_ns / 3600000000000, sum(frames) FROM sample WHERE vm = 500 AND t_ns > $day * \
1000000000 AND t_ns <= $until * 1000000000 GROUP BY 1" \
	"$ctl" timeline vm-0500 --step 1h --json "${window[@]}"

kill "$writer" && wait "$writer"
writer=
printf '\n%-58s %15s %15s\n' 'a tick of the writer' 'nobody reads' 'all the while'
while IFS='|' read -r name key goal; do
	alone=$(jq "$key" "$dir/alone") read=$(jq "$key" "$dir/read")
	printf '%-58s %9s ms    %9s ms %s\n' "$name" "$alone" "$read" "${goal:+(goal $goal ms)}"
	[ -z "$goal" ] || awk "BEGIN { exit !($read <= $goal) }" || bad=1
done <<EOF
median|.wall_ms.p50|
99 of 100|.wall_ms.p99|20
longest|.wall_ms.max|20
the first after a start, which opens the day|.wall_ms.first|
processor time, 99 of 100|.cpu_ms.p99|
processor time, longest|.cpu_ms.max|
EOF
exit $bad
