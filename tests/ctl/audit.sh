#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# taplossctl audit: counters that agree, that do not, that nobody read; loss that no counter shows.
. "$(dirname "$0")/../lib/store.sh"

says "2023-11-15 00:00:00 to 2023-11-16 06:00:00 UTC (30 h), 93.3 % observed
3 frames are unexplained, or were not counted by the device

VM    NIC   COUNTER    COUNTED EXPLAINED UNEXPLAINED
-     tapx  tx_dropped   6,000     6,000           0
web-1 vnet0 none             -       250           -
web-1 vnet0 rx_dropped       8         5           3
web-1 vnet0 tx_dropped     549       549           0
web-1 mvt0  rx_dropped       -         9           -
old   vnet0 tx_dropped       7         7           0

COUNTED: the device's own counter; the tx of a tap goes to the guest.
EXPLAINED: frames that taploss counted with a reason.
none: loss that no counter of the device shows.
-: the counter could not be read (device in another network namespace).
vnet0 rx_dropped may be: a guest's frames dropped by an XDP program on the tap, or that could not \
be copied from its memory.
Since the store was created, 3 lost frames were not counted, because the BPF map was full:
raise max_keys in [bpf] of taploss.conf." ctl audit "${DAYS[@]}"
same "$(ctl --json audit "${DAYS[@]}" |
	jq -c '.rows[] | [.vm, .nic, .counter, .counted_frames, .explained_frames,
	.unexplained_frames]')" \
	'[null,"tapx","tx_dropped",6000,6000,0]
["web-1","vnet0","none",null,250,null]
["web-1","vnet0","rx_dropped",8,5,3]
["web-1","vnet0","tx_dropped",549,549,0]
["web-1","mvt0","rx_dropped",null,9,null]
["old","vnet0","tx_dropped",7,7,0]'

# The name vnet0 had two owners; each has its own.
same "$(ctl --json audit "${DAYS[@]}" old | jq -c '[.rows[].counted_frames]')" '[7]'
same "$(ctl --json audit "${DAYS[@]}" --vm web-1 --nic vnet0 | jq '.rows | length')" 3
exits 3 ctl audit "${DAYS[@]}" --fail
exits 0 ctl audit "${DAYS[@]}" --fail --nic tapx
exits 0 ctl audit "${DAYS[@]}"

# Less counted than explained is a difference as well.
sql timeline-20231115.db <<< "UPDATE witness SET frames = 1 WHERE counter = 'rx_dropped'"
same "$(ctl --json audit "${DAYS[@]}" --vm web-1 |
	jq -c '[.rows[] | select(.counter == "rx_dropped" and .nic == "vnet0") |
	.unexplained_frames]')" '[-4]'
exits 3 ctl audit "${DAYS[@]}" --fail
says '2023-11-15 18:00:00 to 19:00:00 UTC (1 h), NOT OBSERVED:
no data for this window; see taplossctl status
Since the store was created, 3 lost frames were not counted, because the BPF map was full:
raise max_keys in [bpf] of taploss.conf.' ctl audit --since "@$((DAY1 + 18 * 3600))" \
	--until "@$((DAY1 + 19 * 3600))"
