#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Files that a crash or a full disk leaves: empty ones are created anew, a damaged day is set aside
# and reported. Recording goes on.
. "$(dirname "$0")/../lib/test.sh"

hold_as qemu-system-x86_64 "$TAP" ring 100 -- -name guest=web-1 \
	-netdev "tap,id=n0,ifname=$TAP" -device virtio-net-pci,netdev=n0

# Empty, before the first start: a reader that came too early made them.
mkdir -p "$STORE"
: > "$STORE/meta.db"
: > "$STORE/timeline-$(date -u +%Y%m%d).db"
agent_start
frames "$TAP" 600
expect_lost 500 nic="$TAP" class=PTR_FULL
agent_stop

# Damaged: the file says what it is, and no more; its -wal is gone.
day=$(echo "$STORE"/timeline-*.db)
sqlite3 "$day" 'PRAGMA wal_checkpoint(TRUNCATE)' > /dev/null
dd if=/dev/urandom of="$day" bs=100 seek=1 count=300 conv=notrunc status=none
rm -f "$day-wal" "$day-shm"
agent_start
has "$(cat agent.log)" 'is damaged; it was renamed to timeline-'
has "$(ctl status)" '.damaged-'
same "$(find "$STORE" -name 'timeline-*.damaged-*[0-9]' | wc -l)" 1 'files set aside'
before=$(lost nic="$TAP" class=PTR_FULL)
frames "$TAP" 300
expect_lost $((before + 300)) nic="$TAP" class=PTR_FULL
