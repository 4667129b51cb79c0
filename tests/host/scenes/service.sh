#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The package's own service, started by systemd: it counts to the frame what a domain of this
# system's libvirt loses, whose NIC is in the `default` network.
# kernels
. "$(dirname "$0")/lib.sh"

same "$(systemctl is-enabled taplossd)" enabled
same "$(systemctl is-active taplossd)" active
wait_for 20 service_counts
same "$(virsh net-list --name | xargs)" default networks

cat > web-1.xml <<-'END'
	<domain type='qemu'><name>web-1</name><uuid>11111111-2222-3333-4444-555555555501</uuid>
	<memory unit='MiB'>32</memory><vcpu>1</vcpu>
	<os><type arch='x86_64' machine='q35'>hvm</type></os>
	<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
	<controller type='usb' model='none'/><memballoon model='none'/>
	<interface type='network'><mac address='52:54:00:00:00:01'/>
	<source network='default'/><target dev='web1nic'/>
	<model type='virtio'/></interface></devices></domain>
END
virsh -q create --paused web-1.xml
wait_for 10 known web1nic
settled
taptool flood web1nic 1500 > flood.json || true
ip link set virbr0 type bridge stp_state 0	# its frames every 2 s would be lost, too
settled
dropped=$(counter web1nic tx_dropped)
at_least "$dropped" 500 'what the tap dropped'
expect_lost "$dropped" vm=web-1 nic=web1nic class=PTR_FULL direction=rx kind=capacity
same "$(lost vm=web-1)" "$(counter web1nic tx_dropped)" 'all that the VM lost'
same "$(ctl --json audit | jq '[.rows[].unexplained_frames // 0] | add')" 0 'unexplained'

systemctl --no-pager status taplossd
taplossctl status
taplossctl top --once
same "$(systemctl show -P NRestarts taplossd)" 0 'restarts of the service'
