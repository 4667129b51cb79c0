#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# taplossctl status, top and db on a store whose agent is away.
. "$(dirname "$0")/../lib/store.sh"

ctl status > "$W/text"
grep -q '^agent      NOT RUNNING: stopped at 2023-11-16 06:00:00 UTC' "$W/text" ||
	fail "$(cat "$W/text")"
grep -qx '           libvirt:qemu:///system   !! stale: no answer for 40 s' "$W/text" ||
	fail 'a stale source does not stand out'
grep -qx 'own loss   3 frames not counted, because the BPF map was full' "$W/text" ||
	fail 'own loss'
same "$(ctl --json status | jq -c 'del(.database.bytes, .coverage)')" \
	'{"agent":{"running":false,"pid":null,"version":"0.1.0","since_ns":1700006400000000000,'\
'"interval_ns":1000000000},"kernel":{"release":"6.18.0","reasons":120},'\
'"sources":[{"name":"bpf-loss","state":"ok","why":"","since_ns":1},'\
'{"name":"libvirt:qemu:///system","state":"stale","why":"no answer for 40 s","since_ns":2}],'\
'"database":{"path":"'"$STORE"'","schema_version":2},"self":{"uncounted_frames":3,'\
'"missed_events":0,"late_ticks":2}}'
sql meta.db <<< 'UPDATE run SET clean = 0, until_ns = NULL'
has "$(ctl status)" 'NOT RUNNING: it died or was killed'

# Coverage of the last day: intervals that touch are one, a gap is shown.
now=$(date +%s)
sql timeline-20231116.db << EOF
DELETE FROM coverage;
INSERT INTO coverage VALUES ($((now - 9000))000000000, $((now - 8000))000000000, 'tick'),
	($((now - 8000))000000000, $((now - 7200))000000000, 'catch-up'),
	($((now - 3600))000000000, $((now - 1800))000000000, 'tick');
EOF
rm "$STORE/timeline-20231115.db"
today=timeline-$(date -u +%Y%m%d).db
[[ -e $STORE/$today ]] || mv "$STORE/timeline-20231116.db" "$STORE/$today"
same "$(ctl --json status | jq -c --argjson now "$now" \
	'[.coverage[] | (.from_ns, .to_ns) / 1e9 - $now | round]')" '[-9000,-7200,-3600,-1800]'
has "$(ctl status)" $'\n             gap of 1 h\n'

# Nobody looks: that is what top says, and not that nobody loses.
ctl top > "$W/text"
grep -q 'NOT RUNNING' "$W/text" || fail 'top: the agent'
grep -q 'NOT OBSERVED' "$W/text" || fail 'top: not observed'
! grep -q 'no loss' "$W/text" || fail 'top: nobody looks, so nobody loses'

# Five seconds ago web-1 lost 50 frames, 40 s ago old lost 7; the one that loses now stands first.
sql "$today" << EOF
UPDATE coverage SET to_ns = $((now + 60))000000000 WHERE to_ns = $((now - 1800))000000000;
INSERT INTO tick VALUES ($((now - 2))000000000, 1000000000), ($((now - 40))000000000, 1000000000);
INSERT INTO loss VALUES ($((now - 2))000000000, 1, 50, 50, 5000),
	($((now - 40))000000000, 6, 700, 700, 70000);
EOF
same "$(ctl --json top --once --window 2min | jq -c '[.rows[] | .vm, .frames]')" \
	'["web-1",50,"old",700]' 'top'
same "$(ctl --json top -n 1 | jq '.rows | length')" 1
[[ $(ctl top --csv) == *$'\nweb-1,'*',50,'* ]] || fail 'top --csv'

# The files.
same "$(ctl db check | awk '{ print $1, $NF }')" "FILE STATE
meta.db healthy
$today healthy"
same "$(ctl --json db check | jq -c '[.healthy, .files[].state]')" '[true,"healthy","healthy"]'
same "$(ctl --json db size | jq '.bytes == ([.files[].bytes] | add) and .bytes > 100000')" true
head -c 9000 /dev/urandom > "$STORE/timeline-20231115.db"
exits 1 ctl --json db check
same "$(jq -c '[.healthy, .files[].state]' "$W/out")" '[false,"healthy","foreign","healthy"]'
grep -q 'timeline-20231115.db' "$W/err" || fail 'db check does not name the file'
