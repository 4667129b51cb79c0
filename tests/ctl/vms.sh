#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# taplossctl vms: attachments of now and of the past.
. "$(dirname "$0")/../lib/store.sh"

says 'VM    STATE   NIC   MAC               KIND    BACKEND   QUEUES RING BRIDGE
web-1 running vnet0 52:54:00:00:00:01 tap     vhost          2  500 br0
web-1 running mvt0  52:54:00:00:00:11 macvtap vhost          1  256 eth0
db-1  running vnet1 52:54:00:00:00:02 tap     userspace      1  500 br0' ctl vms
says 'VM  STATE NIC   MAC               KIND BACKEND QUEUES RING BRIDGE '\
'SINCE                   UNTIL
old gone  vnet0 52:54:00:00:00:03 tap  -            1  500 -      '\
'1970-01-01 00:00:00 UTC 2023-11-15 00:30:00 UTC' ctl vms --all old
says '{"vms":[{"uuid":"22222222-2222-4222-8222-222222222222","name":"db-1","state":"running",'\
'"nics":[{"mac":"52:54:00:00:00:02","ifname":"vnet1","ifindex":12,"netns":7,"kind":"tap",'\
'"backend":"userspace","queues":1,"ring_frames":500,"bridge":"br0",'\
'"since_ns":1700010000000000000,"until_ns":null}]}]}' \
	ctl --json vms db-1
same "$(ctl --json vms --all | jq -c '[.vms[] | .name, (.nics | length)]')" \
	'["web-1",2,"db-1",1,"old",1]'
same "$(ctl --csv vms | wc -l)" 4

# The name vnet0 is that of who has it, not of who had it.
same "$(ctl --json vms vnet0 | jq -r '.vms[].name')" web-1
refused 2 'one VM' ctl vms a b
