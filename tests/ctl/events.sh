#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# taplossctl events: VMs, NICs and the agent on one time axis.
. "$(dirname "$0")/../lib/store.sh"

sql meta.db << EOF
INSERT INTO event (t_ns, vm_id, device_id, what, was, became) VALUES
	($(at $DAY1 01:00:00), 1, NULL, 'vm', NULL, 'running'),
	($(at $DAY1 01:00:01), 1, 1, 'nic', NULL, 'vnet0'),
	($(at $DAY1 02:00:00), 1, NULL, 'state', 'running', 'paused'),
	($(at $DAY1 02:00:05), 1, NULL, 'state', 'paused', 'running'),
	($(at $DAY1 02:30:00), 2, NULL, 'state', 'running', 'migrating'),
	($(at $DAY1 03:00:00), 1, 1, 'ring', '500', '1000'),
	($(at $DAY1 04:00:00), 1, NULL, 'name', 'web-old', 'web-1'),
	($(at $DAY1 05:00:00), NULL, NULL, 'source', 'libvirt:qemu:///system ok',
	'libvirt:qemu:///system stale'),
	($(at $DAY1 06:00:00), 3, 3, 'nic', 'vnet0', NULL),
	($(at $DAY1 06:00:01), 3, NULL, 'state', 'running', 'gone'),
	($(at $DAY1 07:00:00), 3, NULL, 'state', 'gone', 'running');
INSERT INTO run VALUES (2, 4243, '0.2.0', '6.18.0', 120, 1000000000, $(at $DAY2 07:00:00), NULL, 0),
	(3, 4244, '0.2.0', '6.18.0', 120, 1000000000, $(at $DAY2 08:00:00), NULL, 0);
EOF
says '2023-11-15 00:00:00 to 2023-11-16 06:00:00 UTC (30 h), 93.3 % observed
TIME                    VM    NIC   EVENT         WAS                       BECAME
2023-11-15 01:00:00 UTC web-1 -     found         -                         running
2023-11-15 01:00:01 UTC web-1 vnet0 nic-added     -                         vnet0
2023-11-15 02:00:00 UTC web-1 -     paused        running                   paused
2023-11-15 02:00:05 UTC web-1 -     resumed       paused                    running
2023-11-15 03:00:00 UTC web-1 vnet0 ring          500                       1000
2023-11-15 04:00:00 UTC web-1 -     name          web-old                   web-1
2023-11-15 05:00:00 UTC -     -     source        libvirt:qemu:///system ok '\
'libvirt:qemu:///system stale
2023-11-16 06:00:00 UTC -     -     agent-stopped -                         -' ctl events web-1 \
"${DAYS[@]}" --no-verdicts
same "$(ctl --json events "${DAYS[@]}" -U "@$((DAY2 + 9 * 3600))" | jq -c '[.events[] | .event]')" \
	'["found","nic-added","paused","resumed","state","ring","name","source","nic-removed",'\
'"stopped","started","agent-stopped","agent-started","agent-died","agent-started"]'
same "$(ctl --json events db-1 "${DAYS[@]}" | jq -c '.events[0]')" \
	'{"t_ns":'"$(at $DAY1 02:30:00)"',"vm":"db-1",'\
'"uuid":"22222222-2222-4222-8222-222222222222","nic":null,"event":"state","was":"running",'\
'"became":"migrating"}'
same "$(ctl --csv events "${DAYS[@]}" | head -n 1 | tr -d '\r')" t_ns,vm,uuid,nic,event,was,became
says '2023-11-15 22:00:00 to 23:00:00 UTC (1 h), all observed
no events' ctl events --since "@$((DAY1 + 22 * 3600))" --until "@$((DAY1 + 23 * 3600))"
refused 1 'no VM, MAC address or tap' ctl events nosuch
refused 2 'one VM at most' ctl events a b

# Verdicts on the same axis: one that comes back soon went on; one that another follows on the same
# NIC changed; a few frames are none; what has just been lost has no end yet.
sql meta.db << EOF
INSERT INTO series (id, vm_id, attachment_id, device_id, queue, direction, class, kind, reason,
	site, first_ns) VALUES
	(8, 1, 1, 1, 0, 'tx', 'FILTER', 'policy', 'TAP_FILTER', 'f', 1),
	(9, 2, 2, 2, 0, 'rx', 'NOMEM', 'capacity', 'NOMEM', 'g', 1);
EOF
sql timeline-20231115.db << EOF
INSERT INTO tick VALUES ($(at $DAY1 05:02:00), 1000000000), ($(at $DAY1 05:42:00), 1000000000),
	($(at $DAY1 05:47:00), 1000000000);
INSERT INTO loss VALUES ($(at $DAY1 05:02:00), 4, 500, 500, 1),
	($(at $DAY1 05:42:00), 4, 500, 500, 1), ($(at $DAY1 05:47:00), 8, 70, 70, 1);
EOF
sql timeline-20231116.db << EOF
INSERT INTO tick VALUES ($(at $DAY2 05:20:00), 1000000000);
INSERT INTO loss VALUES ($(at $DAY2 05:20:00), 9, 40, 40, 1), ($(at $DAY2 01:00:00), 9, 3, 3, 1);
EOF
verdicts() {	# verdicts [OPTION]...: TIME VM NIC WAS BECAME
	ctl --json events "${DAYS[@]}" "$@" | jq -r '.events[] | select(.event == "verdict") |
		[(.t_ns / 1e9 | strftime("%d-%H:%M:%S")), .vm, .nic, .was // "-", .became // "-"] |
		join(" ")'
}
same "$(verdicts --verdicts)" '15-05:01:59 web-1 vnet0 - bad-header
15-05:46:59 web-1 vnet0 bad-header filtered
15-05:47:00 web-1 vnet0 filtered -
15-09:59:59 web-1 vnet0 - undecided
15-11:00:00 web-1 vnet0 undecided -
16-03:00:00 web-1 vnet0 - undecided
16-05:19:59 db-1 vnet1 - no-memory' 'verdicts'
same "$(verdicts db-1)" '16-05:19:59 db-1 vnet1 - no-memory'
same "$(verdicts db-1 --since "@$((DAY2 + 5 * 3600))")" '16-05:19:59 db-1 vnet1 - no-memory
16-05:20:00 db-1 vnet1 no-memory -' 'by the minute'
same "$(verdicts web-1 --since "@$((DAY1 + 5 * 3600 + 2519)).5" \
	--until "@$((DAY1 + 6 * 3600 + 1800))")" '15-05:42:00 web-1 vnet0 bad-header -
15-05:46:59 web-1 vnet0 - filtered
15-05:47:00 web-1 vnet0 filtered -' 'it began before the window did'
same "$(verdicts)" '' 'not of all unless asked for'
same "$(verdicts db-1 --no-verdicts)" ''
ctl mask add --class NOMEM > /dev/null
same "$(verdicts db-1)" '' 'masked'
