#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# taplossctl timeline: points, charts with gaps, loss that was stored in one piece.
. "$(dirname "$0")/../lib/store.sh"

says "web-1 ($WEB)"'
2023-11-15 00:00:00 to 2023-11-16 06:00:00 UTC (30 h), 93.3 % observed

rx PTR_FULL: 558 frames lost, at most 450 in 1 h (from 10:00)
·········▁█·······  ····▁····▂
00:00       12:00       00:00

rx PURGE: 250 frames in rings that were emptied, at most 250 in 1 h (from 12:00)
············█·····  ··········
00:00       12:00       00:00

tx VIRTNET_HDR: 5 frames lost, at most 5 in 1 h (from 13:00)
·············█····  ··········
00:00       12:00       00:00
blank: not observed
Some loss was stored as one sum for longer than a step, because the agent did not run
or the disk was full. It is shown at the end of that time.' ctl timeline web-1 "${DAYS[@]}" \
--step 1h

# Where the character set has no blocks.
LC_ALL=C ctl timeline web-1 "${DAYS[@]}" --step 1h --class PTR_FULL --queue 0 > "$W/out"
same "$(ctl timeline web-1 "${DAYS[@]}" --step 1h --class PTR_FULL --queue 0 --ascii)" \
	"$(cat "$W/out")" '--ascii'
same "$(sed -n 5,6p "$W/out")" '........._#.......  ...._.....
00:00       12:00       00:00'

says '{"vm":"web-1","uuid":"'$WEB'","nic":null,"since_ns":1700042400000000000,'\
'"until_ns":1700046000000000000,"step_ns":600000000000,"coverage_pct":100.0,"masked_frames":0,'\
'"series":[{"queue":0,"frames":420,"points":[{"t_ns":1700044200000000000,"frames":20,'\
'"segments":40,"bytes":2000},{"t_ns":1700046000000000000,"frames":400,"segments":400,'\
'"bytes":40000}]},{"queue":1,"frames":30,"points":[{"t_ns":1700044200000000000,"frames":30,'\
'"segments":30,"bytes":3000}]}],"rings":[]}' \
	ctl --json timeline web-1 --since "@$((DAY1 + 10 * 3600))" \
	--until "@$((DAY1 + 11 * 3600))" --step 10min --by queue

# By the hour or finer, the sums are the same; coarse points are marked.
for step in 1s 7min 1h 1d; do
	same "$(ctl --json timeline web-1 "${DAYS[@]}" --step $step |
		jq '[.series[].points[].frames] | add')" 813 "--step $step"
done
same "$(ctl --json timeline web-1 "${DAYS[@]}" --step 1h |
	jq -c '[.series[].points[] | select(.coarse) | .frames]')" '[90]' 'coarse'

# Nobody's tap; a VM without loss; a time in which nobody looked.
same "$(ctl --json timeline tapx "${DAYS[@]}" |
	jq -c '[.vm, .uuid, .nic, ([.series[].points[].frames] | add)]')" '[null,null,"tapx",6000]'
says 'db-1 (22222222-2222-4222-8222-222222222222)
2023-11-15 10:00:00 to 11:00:00 UTC (1 h), all observed
no loss' ctl timeline db-1 --since "@$((DAY1 + 10 * 3600))" --until "@$((DAY1 + 11 * 3600))"
says 'db-1 (22222222-2222-4222-8222-222222222222)
2023-11-15 18:00:00 to 19:00:00 UTC (1 h), NOT OBSERVED:
no data for this window; see taplossctl status' ctl timeline db-1 \
--since "@$((DAY1 + 18 * 3600))" --until "@$((DAY1 + 19 * 3600))"

same "$(ctl --csv timeline web-1 "${DAYS[@]}" --class VIRTNET_HDR --step 1h | tr -d '\r')" \
	"t_ns,vm,uuid,nic,queue,direction,class,kernel_reason,kind,site,frames,segments,bytes,mask
1700056800000000000,web-1,$WEB,,,tx,VIRTNET_HDR,,,,5,5,60,"

refused 2 'one VM' ctl timeline
refused 2 'one VM' ctl timeline web-1 db-1
refused 2 'points' ctl timeline web-1 --since @0 --step 1s
refused 2 'length of time' ctl timeline web-1 --step 1ms
refused 1 'taplossctl vms --all' ctl timeline nothing-like-it
