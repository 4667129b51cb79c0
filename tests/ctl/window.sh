#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The window is (since, until] to the nanosecond, whether its hours were summed up or not; what was
# not observed is said.
. "$(dirname "$0")/../lib/store.sh"

frames() {	# frames WANTED SINCE UNTIL
	same "$(ctl --json loss --since "$2" --until "$3" | jq '[.rows[].frames] | add // 0')" \
		"$1" "since $2 until $3"
}

# Loss at 10:00 (1), 10:30 (50) and 11:00 (400), all in hours that are summed up.
frames 451 '2023-11-15 09:59:59' '2023-11-15 11:00'
frames 450 '2023-11-15 10:00' '2023-11-15 11:00'
frames 51 "@$((DAY1 + 10 * 3600 - 1)).999999999" "@$((DAY1 + 11 * 3600 - 1)).999999999"
frames 50 "@$((DAY1 + 10 * 3600))" "@$((DAY1 + 11 * 3600 - 1)).999999999"
frames 50 2023-11-15T10:29:59.999999999Z 2023-11-15T10:30:00Z
frames 0 2023-11-15T10:30:00Z 2023-11-15T10:59:59.999999999Z
frames 400 2023-11-15T11:30:00+01:00 2023-11-15T12:00:00+01:00
frames 6713 2023-11-15 2023-11-16
frames 107 2023-11-16 '2023-11-16 06:00'
frames 6820 2023-11-15 '2023-11-16 06:00'

# The sums are used: when they say something else, so does the answer.
sql timeline-20231115.db <<< 'UPDATE loss_hour SET frames = frames + 1000 WHERE series_id = 2'
frames 1451 '2023-11-15 09:00' '2023-11-15 12:00'
frames 1450 '2023-11-15 10:00' '2023-11-15 11:00'
frames 450 '2023-11-15 10:00:01' '2023-11-15 11:00'

# What was delivered is cut to the window in proportion: half of the minute to 10:30.
same "$(ctl --json loss --since '2023-11-15 10:29:30' --until '2023-11-15 10:30' \
	--vm web-1 --by vm,nic,direction | jq -c '.rows[] | [.frames, .delivered_frames]')" \
	'[50,225]'

# Observed, in part, not at all: never the same words.
words() {
	ctl loss --vm db-1 --since "$1" --until "$2"
}
says '2023-11-15 10:00:00 to 11:00:00 UTC (1 h), all observed
no loss' words '2023-11-15 10:00' '2023-11-15 11:00'
says '2023-11-15 17:30:00 to 18:30:00 UTC (1 h), 50.0 % observed
no loss' words '2023-11-15 17:30' '2023-11-15 18:30'
says '2023-11-15 18:00:00 to 20:00:00 UTC (2 h), NOT OBSERVED:
no data for this window; see taplossctl status' words '2023-11-15 18:00' '2023-11-15 20:00'
same "$(ctl --json loss --since '2023-11-15 19:00' --until '2023-11-15 21:00' | jq .coverage_pct)" \
	50

# Other zones: what is read is what is shown.
export TZ=Europe/Berlin
says '2023-11-15 11:00:00 to 12:00:00 CET (1 h), all observed
no loss' words '2023-11-15 11:00' '2023-11-15 12:00'

# A store without days, and one of which a day is gone.
rm "$STORE"/timeline-20231115.db
frames 107 2023-11-15 2023-11-17
rm "$STORE"/timeline-20231116.db
frames 0 2023-11-15 2023-11-17
same "$(ctl --json loss --since 2023-11-15 --until 2023-11-17 | jq .coverage_pct)" 0
