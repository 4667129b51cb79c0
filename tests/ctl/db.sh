#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# taplossctl db: prune keeps every total, at the level that is left; backup is whole or not there;
# export has every row.
# limit 180
. "$(dirname "$0")/../lib/store.sh"
B=${B:-build}
[[ $B == /* ]] || B=$ROOT/$B
END=$(($(date +%s) / 86400 * 86400))	# ages are counted from now
export TAPLOSS_STORE=$W/made
"$B/tests/history/history" "$W/made" 8 6 $END > /dev/null

# sums SINCE UNTIL: what each VM lost, in days back from the end
sums() {
	ctl "${@:3}" --json loss --since "@$((END - $1 * 86400))" --until "@$((END - $2 * 86400))" \
		--by vm,nic,direction,class |
		jq -c '[.rows[] | [.vm, .nic, .direction, .class, .frames, .segments, .bytes]] |
		sort'
}
delivered() {
	ctl "$@" --json loss --since "@$((END - 8 * 86400))" --until "@$END" --by vm,nic,direction |
		jq -c '[.rows[] | [.vm, .nic, .delivered_frames]] | sort'
}
all=$(sums 8 0) middle=$(sums 6 2) got=$(delivered)
[[ $(jq length <<< "$all") -gt 12 ]] || fail "no loss to begin with: $all"

# Each row once, of both ends.
ctl db export --since "@$((END - 8 * 86400))" --until "@$END" > "$W/rows"
same "$(jq -s 'map(.frames) | add' "$W/rows")" "$(jq 'map(.[4]) | add' <<< "$all")" 'export'
same "$(jq -sc 'map(.span_ns) | unique' "$W/rows")" '[60000000000]'
same "$(ctl db export --since "@$((END - 8 * 86400))" --until "@$END" --vm grow-0 --class PTR_FULL |
	jq -s 'map(.frames) | add')" \
	"$(jq '[.[] | select(.[0] == "grow-0" and .[3] == "PTR_FULL") | .[4]] | add' <<< "$all")" \
	'export of one VM'

# A copy says the same.
ctl db backup "$W/copy"
same "$(sums 8 0 --store "$W/copy")" "$all" 'backup'
same "$(delivered --store "$W/copy")" "$got" 'backup'
ctl --store "$W/copy" db check > /dev/null || fail 'the copy is not healthy'
same "$(find "$W/copy" -name '*-wal' -o -name '*-shm' | wc -l)" 0 'files beside those of the copy'
refused 1 'already exists' ctl db backup "$W/copy"
refused 1 'cannot create' ctl db backup "$W/none/copy"

# Killed anywhere, there is no copy, or all of it; the next one makes it good. A limit on the size
# of files kills it within a write for sure.
for kib in 4 64 256 512; do
	status=0
	(ulimit -f $kib; ulimit -c 0; exec "$TAPLOSSCTL" db backup "$W/copy2") 2> /dev/null ||
		status=$?
	same "$status" $((128 + $(kill -l XFSZ))) "backup with files of at most $kib KiB"
	[[ ! -d $W/copy2 ]] || fail "a copy of $kib KiB"
	same "$(sums 8 0)" "$all" 'killed in backup'
done
for i in 1 2 3 4 5 6; do
	timeout -s KILL "0.0$i" "$TAPLOSSCTL" db backup "$W/copy2" 2> /dev/null || true
	[[ ! -d $W/copy2 ]] || break
done
[[ -d $W/copy2 ]] || ctl db backup "$W/copy2"
same "$(sums 8 0 --store "$W/copy2")" "$all" 'backup after ones that were killed'

# Thinner and thinner; the totals stay, whatever kills it.
prune() {
	local i

	for i in 1 2 3 5 8; do
		timeout -s KILL "0.0$i" "$TAPLOSSCTL" db prune "$@" > /dev/null 2>&1 || true
		same "$(sums 8 0)" "$all" "killed in prune $*"
	done
	ctl db prune "$@" > "$W/out"
	same "$(sums 8 0)" "$all" "prune $*"
	same "$(sums 6 2)" "$middle" "prune $*"
	same "$(delivered)" "$got" "prune $*"
}
files() {
	find "$W/made" -name 'timeline-*.db' | wc -l
}
prune --seconds 30d	# nothing to do
same "$(files)" 8
prune --seconds-mib 1
same "$(sqlite3 "$W/made/timeline-$(date -u -d "@$((END - 7 * 86400))" +%Y%m%d).db" \
	'SELECT count(*) FROM traffic')" 0 'minutes of a day that was thinned'
prune --minutes 1d
same "$(files)" 1 'day files'
prune --history-mib 100
ctl db check > /dev/null || fail 'not healthy after prune'
same "$(ctl --json db size | jq -c '[.files[].file]')" \
	"[\"meta.db\",\"history.db\",\"timeline-$(date -u -d "@$((END - 86400))" +%Y%m%d).db\"]"

refused 2 'at least one limit' ctl db prune
refused 2 'at least a day' ctl db prune --minutes 1h
refused 2 'number of MiB' ctl db prune --minutes-mib x
refused 1 'no store' ctl --store "$W/nothing" db prune --minutes 3d
refused 2 'backup DIR' ctl db backup
