#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a VM loses while it does not run, and when a device is not ready, is told apart and makes no
# script fail.
. "$(dirname "$0")/../lib/store.sh"

benign() {	# benign OPTION...: rows' class or NIC, frames, benign frames
	ctl --json loss "${DAYS[@]}" "$@" |
		jq -c '[.rows[] | [(.class // .nic // .queue), .frames, .benign_frames]]'
}
same "$(benign --vm web-1 --nic vnet0 --direction rx --by vm,class)" \
	'[["PTR_FULL",549,null],["PURGE",250,null]]' 'before'
exits 3 ctl loss "${DAYS[@]}" --vm web-1 --nic vnet0 --direction rx --fail-over 20

# Paused from 10:29 to 11:00: what it lost then is no trouble, and neither what a device lost that
# was not ready.
sql meta.db << EOF
INSERT INTO event (t_ns, vm_id, what, was, became) VALUES ($(at $DAY1 10:29:59), 1, 'state',
	'running', 'paused'),
	($(at $DAY1 11:00:10), 1, 'state', 'paused', 'running'),
	($(at $DAY1 11:00:05), 2, 'state', 'running', 'paused');
UPDATE series SET class = 'DEV_READY', kind = 'lifecycle', reason = 'DEV_READY' WHERE id = 6;
EOF
same "$(benign --vm web-1 --nic vnet0 --direction rx --by vm,class)" \
	'[["PTR_FULL",549,450],["PURGE",250,null]]' 'paused'
same "$(benign --vm old --by vm,nic)" '[["vnet0",7,7]]' 'not ready'
same "$(benign --vm web-1 --nic mvt0 --by vm,nic)" '[["mvt0",9,null]]' 'another time'
same "$(benign --vm web-1 --nic vnet0 --by vm,queue --direction rx)" \
	'[[0,429,420],[null,250,null],[1,120,30]]' 'by queue'
text=$(ctl loss "${DAYS[@]}" --vm web-1)
has "$text" '563 frames lost, of these 450 benign (VM not running, device not ready); besides, '\
'250 in rings'
has "$text" 'OF IT BENIGN'
# 99 of 1,049
exits 0 ctl loss "${DAYS[@]}" --vm web-1 --nic vnet0 --direction rx --fail-over 20
exits 3 ctl loss "${DAYS[@]}" --vm web-1 --nic vnet0 --direction rx --fail-over 5
same "$(ctl loss "${DAYS[@]}" --vm web-1 --by vm,nic,direction --json |
	jq '.rows[0].loss_pct | floor')" 52 'the share itself'

# It goes on; only a part of the window is its.
sql meta.db <<< "DELETE FROM event WHERE became = 'running'; UPDATE event SET t_ns = \
$(at $DAY1 10:45:00) WHERE vm_id = 1"
same "$(benign --vm web-1 --by vm,class)" \
	'[["PTR_FULL",558,507],["PURGE",250,null],["VIRTNET_HDR",5,5]]' 'paused for good'
same "$(ctl --json loss --since "@$DAY1" --until "@$((DAY1 + 10 * 3600 + 2400))" \
	--vm web-1 --by vm | jq -c '[.rows[] | .frames, .benign_frames]')" \
	'[51,null]' 'before it was'

# diagnose goes by causes: a device that was not ready is none that harms.
sql meta.db <<< "DELETE FROM event"
exits 0 ctl diagnose old --since "@$DAY1" --fail
exits 3 ctl diagnose web-1 "${DAYS[@]}" --fail
