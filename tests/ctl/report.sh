#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# taplossctl report on a made-up history of five weeks: what it finds is what was put in; every form
# says the same; names do no harm.
# plain
# limit 240
. "$(dirname "$0")/../lib/store.sh"
B=${B:-build}
[[ $B == /* ]] || B=$ROOT/$B

export TAPLOSS_STORE=$W/made
END=1795132800	# 2026-11-20 00:00 UTC
"$B/tests/history/history" "$W/made" 35 12 $END > "$W/truth"
WINDOW=(--since "@$((END - 35 * 86400))" --until "@$END")
ctl --json report capacity "${WINDOW[@]}" > "$W/report.json"

truth() {	# truth FILTER: over all lines
	jq -s "$1" "$W/truth"
}
report() {
	jq -c "$1" "$W/report.json"
}

# To the frame, as loss says it, and as it was put in.
same "$(report .capacity)" "$(truth 'map(.full_frames) | add')" 'capacity'
same "$(report .fault)" "$(truth 'map(.fault_frames) | add')" 'fault'
same "$(report .policy)" "$(truth 'map(.benign_frames) | add')" 'policy'
same "$(report '[.over_time[] | .capacity + .fault + .policy] | add')" \
	"$(ctl --json loss "${WINDOW[@]}" | jq '[.rows[].frames] | add')" 'over time'
same "$(report '[.heat[].frames_by_hour[]] | add')" "$(report .harmful_frames)" 'hours of the week'
same "$(report '[.vms[].harmful_frames] | add')" "$(report .harmful_frames)" 'VMs'
same "$(report '.vms | length')" 12
same "$(report '[.classes[] | select(.harmful) | .frames] | add')" "$(report .harmful_frames)" \
	'classes'
same "$(report '.made_up')" true

# Knees within 5 % where one is stated, in their interval; growth; nothing is said of VMs that do
# not grow.
jq -n --slurpfile truth "$W/truth" --slurpfile r "$W/report.json" '
	def abs: if . < 0 then -. else . end;
	[$r[0].nics[] | select(.direction == "rx") | . as $n | ($truth[] |
	select(.uuid == $n.uuid)) as $t | $n + {t: $t}] as $all
	| [$all[] | select((.t.role == "grow" or .t.role == "over" or .t.role == "churn")
	and .knee != "found") | "no knee", .uuid],
	  [$all[] | select(.knee == "found") | select((.knee_fps / .t.knee_fps - 1 | abs) > 0.05) |
	"knee", .knee_fps, .t.knee_fps],
	  [$all[] | select(.t.role == "grow") | select((.growth_pct_30d / .t.growth_pct_30d - 1 |
	abs) > 0.10) | "growth", .growth_pct_30d, .t.growth_pct_30d],
	  [$all[] | select(.t.role == "grow") | select(.meets_knee_from_ns == null
	or .verdict != "will meet its knee") | "no date", .uuid],
	  [$all[] | select(.t.role != "grow") | select(.verdict == "will meet its knee"
	or (.t.role != "fixed" and .meets_knee_from_ns != null)) | "false alarm", .uuid],
	  [$all[] | select(.t.role == "over") | select(.verdict != "over its knee") |
	"verdict", .verdict]
	| select(length > 0)' > "$W/wrong"
same "$(cat "$W/wrong")" '' 'what was found is not what was put in'
same "$(report '[.nics[] | select(.direction == "tx") | .verdict] | unique')" '["no loss"]'
# A knee that moved with a ring is that of the days since then; others are of all days.
same "$(report '[.nics[] | select(.vm == "fixed-0" and .direction == "rx") |
	[.knee_since_ns / 86400000000000, .verdict != "over its knee"]]')" \
	"[[$((END / 86400 - 35 + 18)),true]]" 'a knee that moved'
same "$(report '[.nics[] | select(.knee_since_ns != null) | .vm] | unique')" '["fixed-0","fixed-1"]'
same "$(report '[.service[] | .clean_pct <= .under_0_01_pct and .under_0_01_pct <= .under_1_pct
	and .under_1_pct <= .under_5_pct] | all')" true

# A NIC of a VM that was started anew is one NIC, over its devices.
same "$(report '[.nics[] | select(.direction == "rx") | .days] | unique')" '[35]'

# Rings: all looks of all minutes; full where they lost; nothing made up where they were never
# looked into, or the guest sends.
same "$(report '[.nics[] | select(.direction == "rx" and (.vm | startswith("fault") | not)) |
	[.ring_looks == (.hours_seen * 3600 | round), .ring_free_frames, .ring_headroom_pct]] |
	unique')" \
	'[[true,0,0]]' 'looks into rings'
same "$(report '[.nics[] | select(.direction == "rx" and (.vm | startswith("fault"))) |
	[.ring_looks, .ring_mean_frames, .ring_peak_frames]] | unique')" '[[0,null,1000]]' \
	'rings that nobody looked into'
same "$(report '[.nics[] | select(.direction == "tx") | [.ring_looks, .ring_mean_frames,
	.ring_peak_frames, .ring_headroom_pct, .ring_frames]] | unique')" \
	'[[null,null,null,null,null]]'
same "$(report '[.nics[] | select(.vm == "fixed-0" and .direction == "rx") |
	[.ring_frames, .ring_peak_frames]]')" '[[4000,4000]]' 'a ring that was made longer'
same "$(ctl --json report capacity --since "@$((END - 86400 + 3 * 3600))" \
	--until "@$((END - 86400 + 5 * 3600))" --vm flat-0 |
	jq -c '[.nics[] | select(.direction == "rx") |
	[.ring_looks, .ring_peak_frames + .ring_free_frames]]')" '[[7200,1000]]' \
	'rings in two hours of the night'
# Processors: what each VM waited for, of its threads' time.
same "$(report '[.pressure[] | [(.uuid[-2:] | tonumber % 6) == 1, .vcpu_run_pct, .vcpu_wait_pct,
	.vcpu_wait_peak_pct, .vhost_wait_pct, .emulator_wait_pct, .hours_seen]] | unique')" \
	'[[false,25,1,1,2,0,836],[true,25,10,10,2,0,836]]' 'pressure'
same "$(report '.pressure | length')" 12 'VMs with pressure'

# Verdicts of those who lost most: all of their frames, one cause after the other or beside it; what
# helps, filled in.
report '[.verdicts | group_by(.uuid)[] | [.[0].uuid, (map(.frames) | add)]]' > "$W/judged"
same "$(jq length "$W/judged")" 5 'VMs with verdicts'
jq -c --slurpfile judged "$W/judged" '[.vms[] | .uuid as $u | select($judged[0] | any(.[0] == $u)) |
	[.uuid, .harmful_frames + .benign_frames]] | sort' "$W/report.json" > "$W/lost"
same "$(jq -c sort "$W/judged")" "$(cat "$W/lost")" 'frames of verdicts'
same "$(report '[.verdicts[] |
	.from_ns < .to_ns] + [(.verdicts[].from_ns - .since_ns) % .verdict_step_ns == 0] | all')" \
	true 'steps'
ctl --json report capacity "${WINDOW[@]}" --vm fault-0 > "$W/fault.json"
same "$(jq -c '[.verdicts[] | select(.cause == "bad-header") | [.confidence, .benign, .fix_guest,
	.direction]] | unique' "$W/fault.json")" \
	'[["high",false,"update the virtio-net driver","tx"]]' 'verdict on a VM with bad headers'
same "$(jq -c '[.verdicts[] | select(.cause == "bad-header") | .frames] | add' "$W/fault.json")" \
	"$(jq .fault "$W/fault.json")" 'frames with bad headers'

# Text, CSV; one VM.
same "$(ctl --csv report capacity "${WINDOW[@]}" | tail -n +2 | wc -l)" \
	"$(report '.nics | length')" 'CSV'
ctl --csv report capacity "${WINDOW[@]}" > "$W/csv"
ctl report capacity "${WINDOW[@]}" > "$W/text"
same "$(head -n 1 "$W/csv" | tr -d '\r' | tr , '\n' | grep -c '^ring_\|^qdisc_')" 7 \
	'columns of rings'
grep -q 'frames harmfully lost' "$W/text" || fail 'text'
same "$(ctl --json report capacity "${WINDOW[@]}" --vm grow-0 |
	jq -c '[(.nics | length), (.nic_detail | length), (.nic_detail[0].days | length)]')" \
	'[2,2,35]'

# The page: whole or not at all; no name gets out of its place; nothing is fetched.
ctl report capacity "${WINDOW[@]}" -o "$W/page.html"
[[ ! -e $W/page.html.new ]] || fail 'a temporary file is left'
! grep -q '<img\|owned.</script>\|<script>document' "$W/page.html" || fail 'a name became HTML'
grep -q '&lt;/script&gt;' "$W/page.html" || fail 'the hostile name is not there at all'
has "$(cat "$W/page.html")" 'Rings by the fewest free places' 'the page'
has "$(cat "$W/page.html")" 'VMs by the time that their vCPUs waited' 'the page'
! grep -Eq '(src|href)="|url\(|@import' "$W/page.html" ||
	fail 'the page refers to something outside'
exits 1 ctl report capacity "${WINDOW[@]}" -o "$W/none/page.html"

# Did a change help? The knee of one was doubled half way.
compare() {
	ctl --json report compare --before "@$((END - 35 * 86400))..@$((END - 18 * 86400))" \
		--after "@$((END - 17 * 86400))..@$END" "$@"
}
same "$(compare --vm fixed-0 | jq -c '[.rows[] | select(.direction == "rx") | .verdict]')" \
	'["less loss"]'
same "$(compare --vm fixed-0 | jq -c '[.rows[] | select(.direction == "rx") |
	.change_low_points <= .change_points and .change_points <= .change_high_points
	and .change_high_points < 0]')" '[true]'
same "$(compare --vm over-0 | jq -c '[.rows[] | select(.direction == "rx") | .verdict]')" \
	'["no difference that can be told"]'
same "$(compare | jq '[.rows[1:][].before_frames] | add')" \
	"$(ctl --json loss --since "@$((END - 35 * 86400))" --until "@$((END - 18 * 86400))" |
	jq '[.rows[].frames] | add')" 'compare and loss'
same "$(ctl --json report compare --before "@$((END - 90 * 86400))..@$((END - 80 * 86400))" \
	--after "@$((END - 17 * 86400))..@$END" | jq -r '.rows[0].verdict')" 'not enough evidence'
ctl report compare --before "@$((END - 35 * 86400))..@$((END - 18 * 86400))" \
	--after "@$((END - 17 * 86400))..@$END" -o "$W/compare.html"
has "$(cat "$W/compare.html")" '>less loss<' 'the page of compare'
has "$(cat "$W/compare.html")" 'MADE-UP HISTORY' 'the page of compare'
! grep -q '<img\|owned.</script>\|<script>document' "$W/compare.html" ||
	fail 'a name became HTML in compare'
same "$(compare | jq -c '[.report, .made_up, .made_ns > 0]')" '["compare",true,true]'
refused 2 'needs --before' ctl report compare
refused 2 'not a range' ctl report compare --before x --after -1d..now
refused 2 'capacity or compare' ctl report
refused 2 'no whole hour' ctl report compare --before -1h..-1h --after -1d..now

# A store without a single day.
mkdir "$W/empty"
sqlite3 -bail "$W/empty/meta.db" < "$ROOT/schema/meta_0001.sql"
sqlite3 "$W/empty/meta.db" 'PRAGMA application_id = 0x54504c4d; PRAGMA user_version = 1' > /dev/null
same "$(ctl --store "$W/empty" --json report capacity |
	jq -c '[.harmful_frames, .nics, .vms, .coverage_pct]')" '[0,[],[],0]'
ctl --store "$W/empty" report capacity -o "$W/empty.html"
