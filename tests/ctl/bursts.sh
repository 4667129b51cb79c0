#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# taplossctl bursts on a made store: the list, how long and how far apart, what a ring bridges; with
# Unicode and without.
. "$(dirname "$0")/../lib/store.sh"

# Three bursts in web-1's minute of 10:30: 20 us, 5 ms, and one of 100 ms in two parts.
from=$(($(at $DAY1 10:29:59) + 0))
sql timeline-20231115.db << EOF
INSERT INTO burst VALUES ($((from + 100000000)), 1, 0, 20000, 3, 17), ($((from + 200000000)),
	1, 0, 5000000, 6, NULL),
	($((from + 400000000)), 1, 0, 60000000, 6, 40), ($((from + 465000000)),
	1, 1, 35000000, 5, NULL),
	($((from + 900000000)), 2, 0, 0, 1, NULL);
EOF
WINDOW=(--since "@$((DAY1 + 10 * 3600 + 60))" --until "@$((DAY1 + 10 * 3600 + 2000))")
summary="
vnet0 rx PTR_FULL: 4 bursts of 21 frames, at most 11 in one
  length median 20 us, 95 % within 100.0 ms, longest 100.0 ms; gap median 100.0 ms, shortest 100.0 \
ms
  length under 10 us         1 ##############################
         under 100 us        1 ##############################
         under 8 ms          1 ##############################
         under 128 ms        1 ##############################
  gap    under 128 ms        1 ##############################
         under 256 ms        1 ##############################
  A queue's ring holds 500 frames. Longest stall of its reader without loss:
    3.11 s    at 161 frames/s: rate in these bursts
    8.33 s    at 60 frames/s: busiest second, if one queue takes all frames
    63 s      at 8 frames/s: average of minutes with loss, if one queue takes all frames
  A ring of 511 frames would have held the largest burst.
"
list='
START        NIC   QUEUE DIR CLASS    LENGTH   FRAMES GAP      PLACE FROM
10:29:59.100 vnet0     0 rx  PTR_FULL 20 us         3 -           17 -
10:29:59.200 vnet0     0 rx  PTR_FULL 5.0 ms        6 100.0 ms     - -
10:29:59.400 vnet0     0 rx  PTR_FULL 100.0 ms     11 195.0 ms    40 -
10:29:59.900 vnet0     1 rx  PTR_FULL 0 us          1 -            - -'
says "web-1
2023-11-15 10:01:00 to 10:33:20 UTC (32 min), all observed
21 of 50 lost frames are in the listed bursts (a burst is listed when it ends, or after a second)

-......+..............#...................................._
10:29:59.100    10:29:59.313    10:29:59.526    10:29:59.740
$summary$list" ctl bursts web-1 "${WINDOW[@]}" --ascii
text=$(ctl bursts web-1 "${WINDOW[@]}")
has "$text" '▃······▅··············█····································▁'
has "$text" "${summary//\#/■}"
has "$(LC_ALL=C ctl bursts web-1 "${WINDOW[@]}")" "$summary"
has "$(ctl bursts web-1 "${WINDOW[@]}" -n 1)" 'the newest 1 of 4:'

# The same for programs.
same "$(ctl --json bursts web-1 "${WINDOW[@]}" |
	jq -c '.summaries[0] | del(.nic, .direction, .class)')" \
	'{"bursts":4,"frames":21,"most_frames":11,"length_p50_ns":20000,"length_p95_ns":100000000,'\
'"length_max_ns":100000000,"gap_p50_ns":99980000,"gap_min_ns":99980000,"ring_frames":500,'\
'"ring_ns":3105590062,"burst_fps":161,"offered_fps":8,"offered_max_fps":60,'\
'"ring_that_fits_frames":511}'
same "$(ctl --json bursts web-1 "${WINDOW[@]}" |
	jq -c '.bursts[2] | [.frames, .length_ns, .gap_ns, .place]')" '[11,100000000,195000000,40]'
same "$(ctl --csv bursts web-1 "${WINDOW[@]}" --queue 1 | wc -l)" 2 'CSV of one queue'

# Without traffic rows nothing is said of what came.
sql timeline-20231115.db <<< 'DELETE FROM traffic'
[[ $(ctl bursts web-1 "${WINDOW[@]}") != *busiest* ]] || fail 'a rate that nobody knows'
has "$(ctl bursts tapx "${DAYS[@]}")" '6,000 frames lost, but no bursts listed'
