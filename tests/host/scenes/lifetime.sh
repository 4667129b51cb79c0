#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# While a VM loses frames the agent is restarted, its package is installed again, libvirt is
# restarted; then the system is rebooted. Not one frame of loss is missing or counted twice.
# kernels
. "$(dirname "$0")/lib.sh"

kept=/var/lib/taploss-test.lost
if [[ -e $kept ]]; then	# after the reboot
	wait_for 60 service_counts
	same "$(lost vm=c class=PTR_FULL)" "$(< $kept)" 'lost before the reboot'
	guest c tap tapc $C deaf
	ip link set tapc txqueuelen 100
	wait_for 20 known tapc
	settled
	taptool flood tapc 500 to $C > flood.json
	expect_lost $(($(< $kept) + $(counter tapc tx_dropped))) vm=c class=PTR_FULL
	same "$(systemctl is-active taplossd libvirtd | xargs)" 'active active'
	exit 0
fi

wait_for 20 service_counts
guest c tap tapc $C deaf
ip link set tapc txqueuelen 100
wait_for 20 known tapc
settled

# under_loss WHAT COMMAND...: runs it while tapc loses
under_loss() {
	local what=$1 flood

	shift
	taptool flood tapc 100000 to $C rate 500 > flood.json &
	flood=$!
	"$@"
	wait_for 60 service_counts
	kill $flood
	wait $flood || true
	wait_for 20 lost_is "$(counter tapc tx_dropped)" vm=c class=PTR_FULL
	echo "exact: $what: $(counter tapc tx_dropped)"
}
under_loss 'restart of the agent' systemctl restart taplossd
under_loss 'the package again' apt-get install -y -q --reinstall /t/taploss.deb
under_loss 'restart of libvirt' systemctl restart libvirtd
under_loss 'the agent killed' systemctl kill -s KILL taplossd
same "$(ctl --json audit | jq '[.rows[].unexplained_frames // 0] | add')" 0 'unexplained'

lost vm=c class=PTR_FULL > $kept
systemctl reboot
sleep infinity
