# shellcheck shell=bash disable=SC2034	# what is set here is used by the tests
# SPDX-License-Identifier: GPL-2.0-or-later
# A small store of two days, made of SQL, and what the tests of taplossctl share.
# Sourced first: . "$(dirname "$0")/../lib/store.sh"
#
# Needs no privilege and no agent. What is in the store (UTC, 15th to 16th of November 2023):
#   web-1   vnet0, two queues; was called web-old; loses on the 15th, 10:00 to 12:00, and on the
#           16th; a ring emptied, a bad header
#           mvt0, whose counters nobody could read
#   db-1    vnet1, healthy
#   old     had the name vnet0 before; gone
#   tapx    nobody's
# Counted were the 15th from 00:00 to 18:00 and from 20:00, and the 16th to 06:00; it has no hour
# from 18:00 to 20:00.

set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
TAPLOSSCTL=${TAPLOSSCTL:-build/taplossctl}
[[ $TAPLOSSCTL == /* ]] || TAPLOSSCTL=$ROOT/$TAPLOSSCTL
for program in sqlite3 jq; do
	command -v $program > /dev/null || { echo "needs $program"; exit 77; }
done
W=$(mktemp -d)
trap 'rm -rf "$W"' EXIT
STORE=$W/store
export TAPLOSS_STORE=$STORE NO_COLOR=1 LC_ALL=C.UTF-8 TZ=UTC

. "$ROOT/tests/lib/check.sh"

ctl() {
	"$TAPLOSSCTL" "$@"
}

# says TEXT COMMAND...: its standard output, to the byte, but for the line end at its end; exit
# status 0
says() {
	local want=$1
	shift

	"$@" > "$W/out" 2> "$W/err" || fail "exit status $? of: $* ($(cat "$W/err"))"
	same "$(cat "$W/out")" "$want" "$*"
	same "$(cat "$W/err")" '' "stderr of: $*"
}

# refused STATUS WORDS COMMAND...: exit status, nothing on standard output, one line with these
# words on standard error
refused() {
	local want=$1 words=$2 status=0
	shift 2

	"$@" > "$W/out" 2> "$W/err" || status=$?
	same "$status" "$want" "exit status of: $*"
	same "$(wc -c < "$W/out")" 0 "bytes on stdout of: $*"
	same "$(wc -l < "$W/err")" 1 "lines on stderr of: $*"
	[[ $(cat "$W/err") == "taplossctl: "*"$words"* ]] ||
		fail "no '$words' on stderr of: $*: $(cat "$W/err")"
}

# exits STATUS COMMAND...
exits() {
	local want=$1 status=0
	shift

	"$@" > "$W/out" 2> "$W/err" || status=$?
	same "$status" "$want" "exit status of: $*"
}

# sql FILE: statements from standard input
sql() {
	sqlite3 -bail "$STORE/$1"
}

DAY1=1700006400	# 2023-11-15 00:00:00 UTC
DAY2=1700092800
DAYS=(--since "@$DAY1" --until "@$((DAY2 + 6 * 3600))")	# all that was counted
WEB=11111111-1111-4111-8111-111111111111

# at DAY HH:MM:SS: nanoseconds
at() {
	local h m s

	IFS=: read -r h m s <<< "$2"
	echo "$(($1 + 10#$h * 3600 + 10#$m * 60 + 10#$s))000000000"
}

new_file() {	# new_file NAME SQL APPLICATION_ID
	sqlite3 -bail "$STORE/$1" < "$ROOT/schema/$2"
	sqlite3 -bail "$STORE/$1" "PRAGMA application_id = $3; PRAGMA user_version = 1" > /dev/null
}

make_store() {
	mkdir "$STORE"
	new_file meta.db meta_0001.sql 0x54504c4d
	new_file timeline-20231115.db day_0001.sql 0x54504c44
	new_file timeline-20231116.db day_0001.sql 0x54504c44
	sql meta.db << EOF
INSERT INTO vm VALUES (1, '$WEB', '$WEB', 'web-1', 'running', 1, 1),
	(2, '22222222-2222-4222-8222-222222222222',
	'22222222-2222-4222-8222-222222222222', 'db-1', 'running', 1, 1),
	(3, 'name:old', NULL, 'old', 'gone', 1, 1);
INSERT INTO vm_name VALUES (1, 1, 'web-old'), (1, 5, 'web-1'), (2, 1, 'db-1'), (3, 1, 'old');
INSERT INTO device VALUES (1, 'b', 7, 11, 'vnet0', 'tap', $(at $DAY1 01:00:00), NULL),
	(2, 'b', 7, 12, 'vnet1', 'tap', $(at $DAY1 01:00:00), NULL),
	(3, 'b', 7, 10, 'vnet0', 'tap', 1, $(at $DAY1 00:30:00)),
	(4, 'b', 7, 13, 'tapx', 'tap', 1, NULL), (5, 'b', 8, 2, 'mvt0', 'macvtap', 1, NULL);
INSERT INTO attachment VALUES (1, 1, 1, '52:54:00:00:00:01', 2, 500, 'vhost', 'br0',
	$(at $DAY1 01:00:00), NULL),
	(2, 2, 2, '52:54:00:00:00:02', 1, 500, 'userspace', 'br0', $(at $DAY1 01:00:00), NULL),
	(3, 3, 3, '52:54:00:00:00:03', 1, 500, NULL, NULL, 1, $(at $DAY1 00:30:00)),
	(4, 1, 5, '52:54:00:00:00:11', 1, 256, 'vhost', 'eth0', 1, NULL);
INSERT INTO series (id, vm_id, attachment_id, device_id, queue, direction, class, kind, reason,
	site, counter, first_ns) VALUES
	(1, 1, 1, 1, 0, 'rx', 'PTR_FULL', 'capacity', 'FULL_RING', 'tun_net_xmit', 'tx_dropped',
	$(at $DAY1 10:00:00)),
	(2, 1, 1, 1, 1, 'rx', 'PTR_FULL', 'capacity', 'FULL_RING', 'tun_net_xmit', 'tx_dropped',
	$(at $DAY1 10:30:00)),
	(3, 1, 1, 1, NULL, 'rx', 'PURGE', 'lifecycle', 'NOT_SPECIFIED', '__tun_detach', NULL,
	$(at $DAY1 12:30:00)),
	(4, 1, 1, 1, 0, 'tx', 'VIRTNET_HDR', 'fault', 'NOT_SPECIFIED', 'tun_get_user', 'rx_dropped',
	$(at $DAY1 14:00:00)),
	(5, NULL, NULL, 4, 0, 'rx', 'PTR_FULL', 'capacity', 'FULL_RING', 'tun_net_xmit',
	'tx_dropped', $(at $DAY1 15:00:00)),
	(6, 3, 3, 3, 0, 'rx', 'PTR_FULL', 'capacity', 'FULL_RING', 'tun_net_xmit', 'tx_dropped',
	$(at $DAY1 00:10:00)),
	(7, 1, 4, 5, 0, 'rx', 'PTR_FULL', 'capacity', 'FULL_RING', 'tap_handle_frame', 'rx_dropped',
	$(at $DAY2 01:00:00));
INSERT INTO run VALUES (1, 4242, '0.1.0', '6.18.0', 120, 1000000000, $(at $DAY1 00:00:00),
	$(at $DAY2 06:00:00), 1);
INSERT INTO source VALUES ('bpf-loss', 'ok', '', 1),
	('libvirt:qemu:///system', 'stale', 'no answer for 40 s', 2);
EOF
	sql timeline-20231115.db << EOF
INSERT INTO coverage VALUES ($(at $DAY1 00:00:00), $(at $DAY1 18:00:00), 'tick'),
	($(at $DAY1 20:00:00), $(at $DAY2 00:00:00), 'tick');
INSERT INTO tick VALUES ($(at $DAY1 00:10:00), 1000000000), ($(at $DAY1 10:00:00), 1000000000),
	($(at $DAY1 10:30:00), 1000000000),
	($(at $DAY1 11:00:00), 1000000000), ($(at $DAY1 12:30:00), 1000000000),
	($(at $DAY1 14:00:00), 1000000000), ($(at $DAY1 15:00:00), 1000000000);
INSERT INTO loss VALUES ($(at $DAY1 00:10:00), 6, 7, 7, 700), ($(at $DAY1 10:00:00), 1, 1, 1, 100),
	($(at $DAY1 10:30:00), 1, 20, 40, 2000),
	($(at $DAY1 10:30:00), 2, 30, 30, 3000), ($(at $DAY1 11:00:00), 1, 400, 400, 40000),
	($(at $DAY1 12:30:00), 3, 250, 250, 25000),
	($(at $DAY1 14:00:00), 4, 5, 5, 60), ($(at $DAY1 15:00:00), 5, 6000, 6000, 600000);
INSERT INTO loss_hour VALUES ($(at $DAY1 00:00:00), 6, 7, 7, 700),
	($(at $DAY1 09:00:00), 1, 1, 1, 100), ($(at $DAY1 10:00:00), 1, 420, 440, 42000),
	($(at $DAY1 10:00:00), 2, 30, 30, 3000), ($(at $DAY1 12:00:00), 3, 250, 250, 25000),
	($(at $DAY1 13:00:00), 4, 5, 5, 60),
	($(at $DAY1 14:00:00), 5, 6000, 6000, 600000);
INSERT INTO rolled SELECT DISTINCT t_ns FROM loss_hour;
INSERT INTO witness VALUES ($(at $DAY1 00:10:00), 3, 'tx_dropped', 7),
	($(at $DAY1 10:00:00), 1, 'tx_dropped', 1),
	($(at $DAY1 10:30:00), 1, 'tx_dropped', 50), ($(at $DAY1 11:00:00), 1, 'tx_dropped', 400),
	($(at $DAY1 14:00:00), 1, 'rx_dropped', 8),
	($(at $DAY1 15:00:00), 4, 'tx_dropped', 6000);
INSERT INTO device_baseline VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
	(2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), (3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
	(4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
INSERT INTO traffic VALUES ($(at $DAY1 10:30:00), 1, 60000000000, 450, 45000, 95, 9500, 60, 5, 50,
	0),
	($(at $DAY1 10:30:00), 2, 60000000000, 600, 1, 60, 1, 10, 1, 0, 0),
	($(at $DAY1 11:00:00), 1, 60000000000, 49, 4900, 0, 0, 9, 0, 400, 0),
	($(at $DAY1 14:00:00), 1, 60000000000, 1, 100, 95, 9500, 1, 9, 0, 0);
INSERT INTO self VALUES ('uncounted_frames', 1, 0);
EOF
	sql timeline-20231116.db << EOF
INSERT INTO coverage VALUES ($(at $DAY2 00:00:00), $(at $DAY2 03:00:00), 'tick'),
	($(at $DAY2 03:00:00), $(at $DAY2 06:00:00), 'catch-up');
INSERT INTO tick VALUES ($(at $DAY2 01:00:00), 1000000000), ($(at $DAY2 06:00:00), 10800000000000);
INSERT INTO loss VALUES ($(at $DAY2 01:00:00), 1, 8, 8, 800), ($(at $DAY2 01:00:00), 7, 9, 9, 900),
	($(at $DAY2 06:00:00), 2, 90, 90, 9000);
INSERT INTO witness VALUES ($(at $DAY2 01:00:00), 1, 'tx_dropped', 8),
	($(at $DAY2 06:00:00), 1, 'tx_dropped', 90);
INSERT INTO device_baseline VALUES (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
INSERT INTO self VALUES ('uncounted_frames', 3, 0), ('late_ticks', 2, 0);
EOF
}
make_store
