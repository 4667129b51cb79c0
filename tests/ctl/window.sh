#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The window is (since, until] to the nanosecond, whether its hours were summed up or not; what was not observed is said.
. "$(dirname "$0")/store.sh"

frames() {	# frames WANTED SINCE UNTIL
	same "$(ctl --json loss --since "$2" --until "$3" | jq '[.rows[].frames] | add // 0')" "$1" "since $2 until $3"
}

# Loss at 10:00 (1), 10:30 (50) and 11:00 (400), all in hours that are summed up.
frames 451 '2026-11-20 09:59:59' '2026-11-20 11:00'
frames 450 '2026-11-20 10:00' '2026-11-20 11:00'
frames 51 "@$((DAY1 + 10 * 3600 - 1)).999999999" "@$((DAY1 + 11 * 3600 - 1)).999999999"
frames 50 "@$((DAY1 + 10 * 3600))" "@$((DAY1 + 11 * 3600 - 1)).999999999"
frames 50 2026-11-20T10:29:59.999999999Z 2026-11-20T10:30:00Z
frames 0 2026-11-20T10:30:00Z 2026-11-20T10:59:59.999999999Z
frames 400 2026-11-20T11:30:00+01:00 2026-11-20T12:00:00+01:00
frames 6713 2026-11-20 2026-11-21
frames 107 2026-11-21 '2026-11-21 06:00'
frames 6820 2026-11-20 '2026-11-21 06:00'

# The sums are used: when they say something else, so does the answer.
sql timeline-20261120.db <<< 'UPDATE loss_hour SET frames = frames + 1000 WHERE series_id = 2'
frames 1451 '2026-11-20 09:00' '2026-11-20 12:00'
frames 450 '2026-11-20 10:00' '2026-11-20 11:00'

# What was delivered is cut to the window in proportion: half of the minute to 10:30.
same "$(ctl --json loss --since '2026-11-20 10:29:30' --until '2026-11-20 10:30' --vm web-1 --by vm,nic,direction | jq -c '.rows[] | [.frames, .delivered_frames]')" '[50,225]'

# Observed, in part, not at all: never the same words.
words() {
	ctl loss --vm db-1 --since "$1" --until "$2"
}
says '2026-11-20 10:00:00 to 11:00:00 UTC (1 h), all observed
no loss' words '2026-11-20 10:00' '2026-11-20 11:00'
says '2026-11-20 17:30:00 to 18:30:00 UTC (1 h), 50.0 % observed
no loss' words '2026-11-20 17:30' '2026-11-20 18:30'
says '2026-11-20 18:00:00 to 20:00:00 UTC (2 h), NOT OBSERVED:
nobody counted in this time, so nothing is known of it' words '2026-11-20 18:00' '2026-11-20 20:00'
same "$(ctl --json loss --since '2026-11-20 19:00' --until '2026-11-20 21:00' | jq .coverage_pct)" 50

# Other zones: what is read is what is shown.
export TZ=Europe/Berlin
says '2026-11-20 11:00:00 to 12:00:00 CET (1 h), all observed
no loss' words '2026-11-20 11:00' '2026-11-20 12:00'

# A store without days, and one of which a day is gone.
rm "$STORE"/timeline-20261120.db
frames 107 2026-11-20 2026-11-22
rm "$STORE"/timeline-20261121.db
frames 0 2026-11-20 2026-11-22
same "$(ctl --json loss --since 2026-11-20 --until 2026-11-22 | jq .coverage_pct)" 0
