#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What cannot be done is said in one line that tells what to do, with the documented exit status;
# nothing is touched or half written.
# limit 120
. "$(dirname "$0")/../lib/test.sh"

# refused STATUS WORDS COMMAND...: exit status, nothing on stdout, one line on stderr with these
# words in it
refused() {
	local want=$1 words=$2 status=0
	shift 2

	timeout 20 "$@" > out.text 2> err.text || status=$?
	same "$status" "$want" "exit status of: $* ($(cat err.text))"
	same "$(wc -l < err.text)" 1 "lines on stderr of: $* ($(cat err.text))"
	same "$(wc -c < out.text)" 0 "bytes on stdout of: $*"
	has "$(cat err.text)" "$words"
}
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs)
agent=(taplossd --libvirt none --interval 100)

# Usage.
refused 2 'unknown command "nosuch"' taplossctl nosuch
refused 2 '--bogus' taplossctl loss --bogus
refused 2 'is not a time' taplossctl loss --since garbage
refused 2 'ends before it begins' taplossctl loss --since now --until -1h
refused 2 'none of vm, nic' taplossctl loss --by vm,nonsense
refused 2 'none of rx, tx' taplossctl loss --direction up
refused 2 'percentage' taplossctl loss --fail-over 200
refused 2 'one VM' taplossctl timeline
refused 2 'length of time' taplossctl timeline x --step 0
refused 2 'check' taplossctl db destroy
refused 2 'unexpected argument' taplossctl status now
refused 2 '100 to 60000' taplossd --interval 99
refused 2 '100 to 60000' taplossd --interval 60001
refused 2 '100 to 60000' taplossd --interval 1s
refused 2 '--bogus' taplossd --bogus
refused 2 'takes no arguments' taplossd now
refused 2 'No such file' taplossd --config "$W/none.conf" --check-config
printf '[agent]\n\nintervall_ms = 5\n' > bad.conf
refused 2 'bad.conf:3: agent.intervall_ms: no such key' taplossd --config bad.conf --check-config
printf '[agent]\ninterval_ms = 50\n' > bad.conf
printf '[loss]\nsource = magic\n' > magic.conf
refused 2 'magic.conf:2: loss.source: magic is not one of auto, bpf, net-dm, counters' \
	taplossd --config magic.conf
refused 2 'bad.conf:2: agent.interval_ms: 50 is not a whole number from 100 to 60000' \
	taplossd --config bad.conf
taplossd --check-config
taplossd --print-config > good.conf
taplossd --config good.conf --check-config

# No store, unknown VM.
refused 1 'no store in /run/t/nothing' taplossctl --store "$W/nothing" status
refused 1 'no store in' taplossctl --store "$W/nothing" db check
hold_as qemu-system-x86_64 "$TAP" ring 10 -- -name guest=web-17
agent_start
frames "$TAP" 100
expect_lost 90 vm=web-17
refused 1 'did you mean "web-17"' taplossctl loss --vm web-71

# A second agent: on the same host with another store, and on the same store with counters of its
# own.
refused 1 'another taplossd is counting on this host' "${agent[@]}" --store "$W/other"
[[ ! -e other ]] || fail 'a second agent left a store behind'
printf '[bpf]\npin_dir = /sys/fs/bpf/other\n' > other.conf
refused 1 "another taplossd (pid $AGENT)" "${agent[@]}" --store "$STORE" --config other.conf
[[ ! -e /sys/fs/bpf/other/v1/link ]] || fail 'a second agent left counters behind'
same "$(ctl --json status | jq .agent.pid)" "$AGENT" 'the first one goes on'

# Readers without privilege: of the group, and not.
chmod 755 "$W"
refused 1 'run as root or as a member of the group' "${nobody[@]}" taplossctl --store "$STORE" \
	status
agent_stop

# Privilege, type information, when BPF is asked for.
printf '[loss]\nsource = bpf\n' > bpf.conf
mkdir -m 777 nobodys
refused 1 'CAP_BPF' "${nobody[@]}" taplossd --libvirt none --config bpf.conf \
	--store "$W/nobodys/store"
[[ -z $(ls nobodys) ]] || fail 'an agent without privilege left something behind'
mkdir empty
mount --bind empty /sys/kernel/btf
refused 1 'CONFIG_DEBUG_INFO_BTF' "${agent[@]}" --config bpf.conf --store "$W/nobtf"
umount /sys/kernel/btf
[[ ! -e nobtf ]] || fail 'an agent without BTF left a store behind'

# Foreign, newer and damaged databases: refused by both, and left as they are.
each_refuses() {
	local before words=$1 file=$2

	before=$(sha256sum < "$STORE/$file")
	refused 1 "$words" "${agent[@]}" --store "$STORE"
	has "$(cat err.text)" "$file"
	refused 1 "$words" taplossctl --store "$STORE" loss
	has "$(cat err.text)" "$file"
	same "$(sha256sum < "$STORE/$file")" "$before" "$file is as it was"
}
cp -a "$STORE" saved
restore() {
	rm -rf "$STORE"
	cp -a saved "$STORE"
}
day=$(basename "$STORE"/timeline-*.db)
for file in meta.db "$day"; do
	rm -f "$STORE/$file"*
	sqlite3 "$STORE/$file" 'CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)'
	each_refuses "another program's database" "$file"
	restore
	rm -f "$STORE/$file"*
	head -c 20000 /dev/urandom > "$STORE/$file"
	each_refuses 'is not a database' "$file"
	restore
	sqlite3 "$STORE/$file" 'PRAGMA user_version = 7' > /dev/null
	each_refuses 'written by a newer taploss (schema 7' "$file"
	restore
done
# A page in the middle, written over.
sqlite3 "$STORE/$day" 'PRAGMA wal_checkpoint(TRUNCATE)' > /dev/null
rm -f "$STORE/$day"-*
page=$(sqlite3 "$STORE/$day" "SELECT rootpage FROM sqlite_master WHERE name = 'loss'")
rm -f "$STORE/$day"-*
dd if=/dev/urandom of="$STORE/$day" bs=4096 seek=$((page - 1)) count=1 conv=notrunc status=none
refused 1 'malformed' taplossctl --store "$STORE" loss
status=0
ctl db check > check.text 2> check.err || status=$?
same "$status" 1 'db check of a damaged store'
has "$(cat check.text)" damaged
has "$(cat check.err)" "$day"
restore
ctl db check | grep -c healthy > healthy.text
same "$(cat healthy.text)" 2 'healthy files'
