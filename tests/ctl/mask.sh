#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# taplossctl mask: masked loss is kept, shown on request, and left out of totals, shares, top,
# timelines and exit statuses; the file is replaced as a whole, under a lock.
. "$(dirname "$0")/../lib/store.sh"

lost() {	# lost [OPTION]...: sum of the rows
	ctl --json loss "${DAYS[@]}" "$@" | jq '[.rows[].frames] | add // 0'
}
masked() {
	ctl --json loss "${DAYS[@]}" "$@" | jq .masked_frames
}

# What is built in says why it is there, and can be switched off and on.
same "$(ctl --json mask list | jq -c '[.masks[] | [.id, .state, .class, .kernel_reason]]')" \
	'[["otherhost","built-in","OTHER","OTHERHOST"],["unhandled-proto","built-in","OTHER",'\
'"UNHANDLED_PROTO"],["ptype-absent","built-in","OTHER","PTYPE_ABSENT"],["l2-multicast","built-in",'\
'"OTHER","UNICAST_IN_L2_MULTICAST"],["capture","built-in","CAPTURE",null]]'
same "$(ctl --json mask list | jq '[.masks[] | .note | length > 20] | all')" \
	true 'each built-in mask says why'
sql meta.db << SQL
INSERT INTO series (id, vm_id, attachment_id, device_id, queue, direction, class, kind, reason,
	site, counter, first_ns) VALUES
	(8, 1, 1, 1, 0, 'tx', 'OTHER', 'policy', 'OTHERHOST', 'ip_rcv_core', NULL,
	$(at $DAY1 14:00:00)),
	(9, 1, 1, 1, 0, 'tx', 'PATH', 'policy', 'OTHERHOST', 'ip_rcv_core', NULL,
	$(at $DAY1 14:00:00));
UPDATE series SET place = 'bridge br0' WHERE id = 9;
SQL
sql timeline-20231115.db << SQL
DELETE FROM rolled; DELETE FROM loss_hour;
INSERT INTO loss VALUES ($(at $DAY1 14:00:00), 8, 3000, 3000, 300000),
	($(at $DAY1 14:00:00), 9, 2, 2, 200);
SQL
same "$(lost) $(masked)" '6822 3000' 'built-in mask'	# PATH is not class OTHER
ctl mask remove otherhost
same "$(ctl --json mask list | jq -r '.masks[] | select(.id == "otherhost").state')" off
same "$(lost) $(masked)" '9822 0' 'switched off'
refused 1 'is already off' ctl mask remove otherhost
ctl mask restore otherhost
refused 1 'is not off' ctl mask restore otherhost
same "$(lost) $(masked)" '6822 3000' 'switched on'

# One's own: all words have to fit.
has "$(ctl mask add --class ptr_full --vm web-1 --nic vnet0 --note 'load test, until Friday')" \
	'load test, until Friday'
same "$(ctl --json mask list | jq -c '.masks[5] | del(.added_ns)')" \
	'{"id":"1","state":"on","class":"PTR_FULL","kernel_reason":null,"site":null,"vm":"web-1",'\
'"uuid":"'$WEB'","nic":"vnet0","note":"load test, until Friday"}'
same "$(lost) $(masked)" "$((6822 - 549)) 3549"
same "$(lost --masked)" 9822 'all of it on request'
same "$(ctl --json loss "${DAYS[@]}" --masked | jq -c '[.rows[] | [.mask, .frames, .loss_pct] |
	select(.[0])] | sort')" '[["1",120,null],["1",429,null],["otherhost",3000,null]]'
has "$(ctl loss "${DAYS[@]}")" \
	'6,021 frames lost; besides, 2 lost on the way to or from the tap (PATH); besides, 250 in '\
'rings that were emptied (PURGE), which is not loss; besides, 3,549 masked (--masked shows them)'
has "$(ctl loss "${DAYS[@]}" --vm web-1 --class PTR_FULL --nic vnet0)" \
	$'\nno loss; besides, 549 masked (--masked shows them)'
has "$(ctl loss "${DAYS[@]}" --masked)" ' MASK'
has "$(ctl timeline web-1 "${DAYS[@]}")" 'besides, 3,549 frames masked (--masked shows them)'
same "$(ctl --json timeline web-1 "${DAYS[@]}" | jq -c '[.masked_frames, ([.series[].frames] |
	add)]')" '[3549,266]' timeline
same "$(ctl --json timeline web-1 "${DAYS[@]}" --masked |
	jq -c '[.masked_frames, ([.series[].frames] | add)]')" '[3549,3815]' 'timeline --masked'

# What was lost besides keeps its share: 5 of 195 frames from the guest. What is masked makes no
# script fail.
same "$(ctl --json loss "${DAYS[@]}" --vm web-1 --by vm,nic,direction |
	jq -c '[.rows[] | select(.direction == "tx").loss_pct]')" '[2.5641026]'
exits 0 ctl loss "${DAYS[@]}" --vm web-1 --direction rx --fail-over 0.1
exits 3 ctl loss "${DAYS[@]}" --vm web-1 --direction tx --fail-over 0.1 --floor 1

# audit compares all that was counted.
same "$(ctl --json audit "${DAYS[@]}" web-1 | jq -c '[.rows[] | select(.counter == "tx_dropped") |
	.unexplained_frames]')" '[0]' audit

# The same words again are the same mask; a VM is meant by its UUID, whatever it is called.
sql meta.db <<< "UPDATE vm SET name = 'web-renamed' WHERE id = 1"
same "$(ctl --json mask add --class PTR_FULL --vm web-renamed --nic vnet0 | jq -r '.masks[].id')" 1
same "$(ctl --json mask list | jq -r '.masks[5].vm')" web-renamed
same "$(masked)" 3549 'after a new name'

# Ids are not given twice. A pattern takes any rest, in either case.
ctl mask remove 1
same "$(ctl --json mask add --reason 'full_*' | jq -r '.masks[].id')" 2
same "$(masked)" $((3000 + 6565)) 'a pattern'
ctl mask remove 2
same "$(ctl --json mask add --site tun_get_user | jq -r '.masks[].id')" 3
same "$(masked)" 3005 'a function'
ctl mask remove 3
refused 1 'no mask "3"' ctl mask remove 3
same "$(masked)" 3000

# A VM without a UUID goes by its name; hostile words stay words.
ctl mask add --vm old > /dev/null
same "$(masked)" 3007 'a VM without UUID'
ctl mask remove 4
ctl mask add --nic tapx --note $'a "note"\e[31m,\n=1+1 </script>' > "$W/out"
! grep -q $'\e' "$W/out" || fail 'control characters in a table'
same "$(ctl --json mask list | jq -c '.masks[-1].note')" '"a \"note\"\u001b[31m,\n=1+1 </script>"'
same "$(masked)" 9000 'a device'
ctl mask list --csv > "$W/csv"
same "$(tail -n 1 "$W/csv" | sed 's/,[0-9]*,"a/,WHEN,"a/')" \
	$'5,on,,,,,,tapx,WHEN,"a ""note""\\x1b[31m,\\x0a=1+1 </script>"\r' CSV

# Wrong usage.
refused 2 'list, add, remove or restore' ctl mask
refused 2 'list, add, remove or restore' ctl mask hide
refused 2 'needs at least one of --class' ctl mask add --note why
refused 2 'would match every loss' ctl mask add --reason '*'
refused 2 'is not a class; for a drop reason of the kernel, use --reason' ctl mask add \
	--class OTHERHOST
refused 2 'needs the ID' ctl mask remove
refused 2 'are for add only' ctl mask list --vm web-1
refused 1 'no VM, MAC address or tap is called "nobody"' ctl mask add --vm nobody
refused 1 'belongs to no VM; use --nic' ctl mask add --vm tapx
refused 1 'no store in' ctl --store "$W/none" mask list

# Many at once: each is there afterwards, once, and the file was whole all the time.
for i in {1..20}; do
	ctl mask add --nic "eth$i" > /dev/null &
	ctl mask list > /dev/null || fail 'a file that is not whole'
done
wait
same "$(ctl --json mask list | jq '[.masks[].id] | unique | length')" 26 'masks of 20 at once'
same "$(echo "$STORE"/masks*)" "$STORE/masks.json" 'files of masks'
same "$(stat -c %a "$STORE/masks.json")" 640

# Who holds the lock for ever does not make others wait for ever.
exec 9< "$STORE"
flock 9
refused 1 'another process is changing the masks' ctl mask remove 5
exec 9<&-

# A file that cannot be read is said, not passed over: nobody could tell what is masked.
cp "$STORE/masks.json" "$W/good"
head -c 100 "$W/good" > "$STORE/masks.json"
refused 1 'masks.json is damaged' ctl loss
jq '.masks[0] |= {id}' "$W/good" > "$STORE/masks.json"
refused 1 'masks.json is damaged' ctl loss
jq '.version = 2' "$W/good" > "$STORE/masks.json"
refused 1 'newer taploss' ctl mask list
cp "$W/good" "$STORE/masks.json"
if [[ $(id -u) == 0 ]]; then
	chmod 755 "$W" "$STORE"
	chmod 644 "$STORE"/*
	as_nobody() {
		setpriv --reuid 65534 --regid 65534 --clear-groups "$TAPLOSSCTL" "$@"
	}
	cp "$TAPLOSSCTL" "$W/taplossctl"
	TAPLOSSCTL=$W/taplossctl
	exits 0 as_nobody mask list
	refused 1 "run as root" as_nobody mask remove 5
fi
