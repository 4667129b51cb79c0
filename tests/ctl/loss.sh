#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# taplossctl loss: totals, splits, filters, shares and exit status, to the byte, as text, JSON and
# CSV.
. "$(dirname "$0")/../lib/store.sh"

says '2023-11-15 00:00:00 to 2023-11-16 06:00:00 UTC (30 h), 93.3 % observed
6,570 frames lost; besides, 250 in rings that were emptied (PURGE), which is not loss

VM    NIC   DIR CLASS       KERNEL        KIND      FRAMES SEGMENTS    BYTES DELIVERED    LOST '\
'FIRST SEEN
-     tapx  rx  PTR_FULL    FULL_RING     capacity   6,000    6,000  586 KiB         0 100.0 % '\
'2023-11-15 15:00:00 UTC
web-1 vnet0 rx  PTR_FULL    FULL_RING     capacity     549      569 53.6 KiB       500  52.3 % '\
'2023-11-15 10:00:00 UTC
web-1 vnet0 rx  PURGE       NOT_SPECIFIED lifecycle    250      250 24.4 KiB         -       - '\
'2023-11-15 12:30:00 UTC
web-1 mvt0  rx  PTR_FULL    FULL_RING     capacity       9        9    900 B         -       - '\
'2023-11-16 01:00:00 UTC
old   vnet0 rx  PTR_FULL    FULL_RING     capacity       7        7    700 B         0 100.0 % '\
'2023-11-15 00:10:00 UTC
web-1 vnet0 tx  VIRTNET_HDR NOT_SPECIFIED fault          5        5     60 B       190  2.56 % '\
'2023-11-15 14:00:00 UTC' ctl loss "${DAYS[@]}"

# JSON: keys by which it does not split are absent, what is unknown is null, purged frames are no
# loss.
says '{"since_ns":1700006400000000000,"until_ns":1700114400000000000,"coverage_pct":93.333333,'\
'"masked_frames":0,"rows":[{"vm":"web-1","uuid":"'$WEB'","nic":"vnet0","direction":"rx",'\
'"frames":799,"segments":819,"bytes":79900,"purged_frames":250,"delivered_frames":500,'\
'"loss_pct":52.335558,"first_seen_ns":1700042400000000000},{"vm":"web-1","uuid":"'$WEB'",'\
'"nic":"mvt0","direction":"rx","frames":9,"segments":9,"bytes":900,"delivered_frames":null,'\
'"loss_pct":null,"first_seen_ns":1700096400000000000},{"vm":"web-1","uuid":"'$WEB'","nic":"vnet0",'\
'"direction":"tx","frames":5,"segments":5,"bytes":60,"delivered_frames":190,"loss_pct":2.5641026,'\
'"first_seen_ns":1700056800000000000}]}' \
	ctl --json loss "${DAYS[@]}" --vm web-1 --by vm,nic,direction

# CSV: all fields, line ends as RFC 4180 wants them.
ctl loss "${DAYS[@]}" --csv --kind fault > "$W/csv"
same "$(od -An -c "$W/csv" | tr -d ' \n')" "$(printf '%s\r\n' \
	vm,uuid,nic,queue,direction,class,kernel_reason,kind,site,place,from,from_uuid,\
from_nic,frames,segments,bytes,path_frames,purged_frames,delivered_frames,loss_pct,first_seen_ns,\
mask,benign_frames \
	"web-1,$WEB,vnet0,0,tx,VIRTNET_HDR,NOT_SPECIFIED,fault,tun_get_user,tap,,,,5,5,60,,,,,\
1700056800000000000,," | od -An -c | tr -d ' \n')" 'CSV'

# Without --by, programs get every field.
same "$(ctl --json loss "${DAYS[@]}" | jq -c '.rows[0] | keys_unsorted')" \
	'["vm","uuid","nic","queue","direction","class","kernel_reason","kind","site","place",'\
'"frames","segments","bytes","delivered_frames","loss_pct","first_seen_ns"]'
same "$(ctl --json loss "${DAYS[@]}" | jq -c '[.rows[] | select(.vm == null) | .uuid, .nic]')" \
	'[null,"tapx"]' 'unattributed'

# However it is split, the frames are the same.
for by in vm nic queue direction class reason kind site \
	vm,nic,queue,direction,class,reason,kind,site; do
	same "$(ctl --json loss "${DAYS[@]}" --by $by | jq '[.rows[].frames] | add')" \
		6820 "--by $by"
done

frames() {	# frames WANTED OPTION...: sum of the rows
	local want=$1
	shift
	same "$(ctl --json loss "${DAYS[@]}" "$@" | jq '[.rows[].frames] | add // 0')" "$want" \
		"loss $*"
}
frames 813 --vm web-1
frames 813 --vm web-old
frames 813 $WEB
frames 813 --vm 52:54:00:00:00:01
frames 6007 old tapx
frames 0 db-1
frames 806 --nic vnet0 --direction rx
frames 6565 --class ptr_full --direction rx
frames 6565 --class FULL_RING
frames 255 --class NOT_SPECIFIED
frames 250 --kind lifecycle
frames 120 --vm web-1 --queue 1
frames 6000 --limit 1
same "$(ctl --json loss "${DAYS[@]}" --limit 2 | jq '.rows | length')" 2
has "$(ctl loss "${DAYS[@]}" --limit 2)" $'\n4 more rows: --limit 0 shows all'

# A word that nothing answers to is said, in any form.
ctl --json loss --class PTRFULL > "$W/out" 2> "$W/err"
grep -q 'PTRFULL.*is not a class' "$W/err" || fail '--class PTRFULL'

# Shares, for scripts. Where nobody looked, a script must not go on as if all was well.
exits 3 ctl loss "${DAYS[@]}" --vm web-1 --fail-over 50
exits 0 ctl loss "${DAYS[@]}" --vm web-1 --fail-over 53
exits 0 ctl loss "${DAYS[@]}" --vm db-1 --fail-over 0
exits 0 ctl loss "${DAYS[@]}" --vm web-1 --direction tx --fail-over 0	# 5 frames are no alarm
exits 3 ctl loss "${DAYS[@]}" --vm web-1 --direction tx --fail-over 0 --floor 5
exits 1 ctl loss --since "@$((DAY1 + 18 * 3600))" --until "@$((DAY1 + 20 * 3600))" --fail-over 0
refused 2 'without queue' ctl loss --fail-over 1 --by vm,queue,direction
refused 2 'percentage' ctl loss --fail-over 101
refused 1 'did you mean "web-1"' ctl loss --vm wbe-1
