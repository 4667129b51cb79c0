#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A VM of one's own with taploss-probe inside as a service: probed in both directions, again and
# again, and left as it was. What such a VM may lack is named.
# plain
# limit 200
. "$(dirname "$0")/../lib/test.sh"
. "$TESTS/lib/libvirt.sh"
. "$TESTS/lib/probe.sh"
need libvirtd virsh qemu-system-x86_64 depmod cpio

probe_start

# vm NAME N [XML]: a guest with one more device; its initrd is $INITRD
INITRD=$GUEST/initrd
vm() {
	lv_nic bridge "$BRIDGE" "52:54:00:00:0a:0$2" "v$2$TAG" 1 | lv_xml "$1" \
		"6f6f0000-0000-4000-8000-0000000000c$2" |
		sed -e "s,$GUEST/initrd,$INITRD," \
		-e "s,/run/[0-9a-f-]*\.console,$W/$1.console.log," -e "s,</devices>,${3:-}&," \
		> "$W/$1.xml"
	virsh -q create "$W/$1.xml"
}
CHANNEL="<channel type='unix'><target type='virtio' name='org.taploss.probe.0'/></channel>"

vm none 1
vm deaf 2 "$CHANNEL"
mkdir root
cp "$B/taploss-probe" root/service
{ cat "$GUEST/initrd"; (cd root && echo service | cpio -o -H newc --quiet); } > "$W/initrd"
INITRD=$W/initrd
vm web-1 3 "$CHANNEL"

# own VM OPTION...: a run into it
own() {
	taplossctl --store "$STORE" --json probe run --vm "$@" > probe.json 2> probe.log
}
refused() {	# refused WORDS VM OPTION...
	local words=$1 status=0

	shift
	own "$@" || status=$?
	same "$status" 1 "exit status of --vm $*"
	has "$(< probe.log)" "$words"
}

refused 'no VM "web-9" in libvirt' web-9
refused 'none has no channel org.taploss.probe.0' none
refused 'the guest does not answer' deaf
refused 'has no interface eth7' web-1 --nic eth7

guest_up() {
	own web-1 --frames 100 --rate 1000
}
wait_for 30 guest_up
for i in 1 2; do
	own web-1 --frames 20000 --rate 5000,0
	same "$(jq -r '.state, .target, .tap' probe.json | xargs)" "complete vm web-1 v3$TAG" \
		"run $i"
	balanced 0
	balanced 1
	own "6f6f0000-0000-4000-8000-0000000000c3" --nic 52:54:00:00:0a:03 --direction out \
		--frames 20000 --rate 5000
	adds_up 0
	same "$(step 0 .captured_frames)" 20000 'from the VM'
done
same "$(virsh -q list --name | sort | xargs)" 'deaf none web-1' 'VMs afterwards'
