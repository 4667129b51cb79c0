#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every way to lose frames on purpose that this kernel has: right class, kernel reason, direction,
# queue, VM, number.
# limit 120
. "$(dirname "$0")/../lib/test.sh"

# Without a reader the device drops (DEV_READY), or its queue discipline, which is taken away some
# time after (QDISC_DROP).
# case, class, reason, direction, kind, site, counter of the device
expected='
full_ring          PTR_FULL       FULL_RING        rx  capacity   tun_net_xmit      tx_dropped
detached           DEV_READY      DEV_READY        rx  lifecycle  tun_net_xmit      tx_dropped
no_reader          ANY            ANY              rx  ANY        ANY               tx_dropped
txfilter           FILTER         TAP_TXFILTER     rx  policy     tun_net_xmit      tx_dropped
sockfilter         FILTER         SOCKET_FILTER    rx  policy     tun_net_xmit      tx_dropped
ebpffilter         FILTER         TAP_FILTER       rx  policy     tun_net_xmit      tx_dropped
gso_notso          GSO            ANY              rx  fault      ANY               tx_dropped
read_small         OVERRUN        NOT_SPECIFIED    rx  capacity   tun_do_read       -
read_bad_page      OVERRUN        NOT_SPECIFIED    rx  capacity   tun_do_read       -
badhdr_gsotype     VIRTNET_HDR    NOT_SPECIFIED    tx  fault      tun_get_user      -
badhdr_gso0        VIRTNET_HDR    NOT_SPECIFIED    tx  fault      tun_get_user      -
badhdr_csum_net    VIRTNET_HDR    NOT_SPECIFIED    tx  fault      tun_get_user      -
ucopy              SKB_COPY_DATA  SKB_UCOPY_FAULT  tx  fault      tun_get_user      rx_dropped
ucopy_big          SKB_COPY_DATA  SKB_UCOPY_FAULT  tx  fault      tun_get_user      rx_dropped
write_down         DEV_READY      DEV_READY        tx  lifecycle  tun_get_user      rx_dropped
unhandled          OTHER          UNHANDLED_PROTO  tx  policy     ANY               rx_dropped
mvt_full_ring      PTR_FULL       FULL_RING        rx  capacity   tap_handle_frame  rx_dropped
mvt_no_reader      DEV_READY      UNHANDLED_PROTO  rx  lifecycle  ANY               rx_dropped
mvt_gso_seg        GSO            SKB_GSO_SEG      rx  fault      tap_handle_frame  rx_dropped
mvt_badhdr         VIRTNET_HDR    DEV_HDR          tx  fault      tap_get_user      tx_dropped
mvt_ucopy          SKB_COPY_DATA  SKB_UCOPY_FAULT  tx  fault      tap_get_user      tx_dropped
mvt_down           QDISC          QDISC_DROP       tx  lifecycle  ANY               tx_dropped
mvt_read_small     OVERRUN        NOT_SPECIFIED    rx  capacity   tap_do_read       -
'

agent_start
nr=0
while read -r case _; do
	[[ -n $case ]] || continue
	nr=$((nr + 1)) dev=$(printf '%s%02d' "$TAP" $nr)
	# shellcheck disable=SC2016	# for that shell
	bash -c 'exec -a qemu-system-x86_64 taptool case "$@"' - "$case" dev "$dev" \
		count $((20 + nr)) stay \
		-- -name "guest=case-$case" > "case.$dev" 2>> case.log &
	wait_for 10 grep -q sent "case.$dev"
done <<< "$expected"
same $nr 23 'cases'

# Nobody holds the device of these: it is nobody's, its loss is counted all the same.
unheld() {
	[[ $1 == *no_reader ]]
}
# Lost before or behind the queues.
queueless() {
	[[ $1 == detached || $1 == unhandled || $1 == mvt_down ]]
}

all_attributed() {
	ctl --json loss --masked --by vm,nic | jq -e --arg tap "$TAP" \
		'.rows | map(select((.nic // "") | startswith($tap)))
		| length == 23 and (map(select(.vm == null)) | length == 2)'
}
wait_for 10 all_attributed
settled
nr=0
while read -r case class reason direction kind site counter; do
	[[ -n $case ]] || continue
	nr=$((nr + 1)) dev=$(printf '%s%02d' "$TAP" $nr)
	who=vm=case-$case
	! unheld "$case" || who=nic=$dev
	filter=("$who")
	for want in "class=$class" "kernel_reason=$reason" "direction=$direction" "kind=$kind" \
		"site=$site"; do
		[[ $want == *=ANY ]] || filter+=("$want")
	done
	same "$(lost "${filter[@]}")" $((20 + nr)) "$case: ${filter[*]}"
	same "$(lost "$who")" $((20 + nr)) "$case: all that was lost"
	[[ $counter == - ]] || same "$(jq ".$counter" "case.$dev")" $((20 + nr)) "$case: $counter"
	unheld "$case" || queueless "$case" ||
		same "$(rows "$who" | jq -c 'map(.queue) | unique')" '[0]' "$case: queue"
done <<< "$expected"

# Whether a device that is down counts what its queue discipline throws away differs between
# kernels.
same "$(ctl --json audit | jq -c --arg tap "$TAP" \
	'.rows | map(select((.nic // "") | startswith($tap))
	| select((.unexplained_frames // 0) != 0 and .vm != "case-mvt_down" and .vm != null) |
	.vm)')" '[]' 'unexplained by the audit'
