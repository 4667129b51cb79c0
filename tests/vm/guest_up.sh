#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Inside a test host of level kvm: starts the guest that the tests of tests/vm/kvm find running. A
# real KVM guest with two queues, each with a worker of vhost-net, on the tap "kvmtap" with room for
# 100 frames a queue; QEMU's monitor is the pipe /run/kvm.mon.
set -euo pipefail

ip link set lo up
sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip tuntap add kvmtap mode tap multi_queue vnet_hdr
ip link set kvmtap txqueuelen 100 up
guest=/var/cache/taploss-test/kernel
mkfifo /run/kvm.mon.in /run/kvm.mon.out
qemu-system-x86_64 -name guest=kvm-1,debug-threads=on -uuid 6f6f0000-0000-4000-8000-0000000000f1 \
	-M q35 -accel kvm -cpu host -smp 1 -m 96 \
	-nodefaults -no-user-config -display none -no-reboot -kernel $guest/vmlinuz \
	-initrd $guest/initrd \
	-append 'console=ttyS0 quiet panic=-1 mitigations=off net.ifnames=0' \
	-serial file:/run/kvm.console \
	-chardev pipe,id=mon,path=/run/kvm.mon -mon chardev=mon -device virtio-serial-pci \
	-chardev socket,id=ctl,path=/run/kvm.ctl,server=on,wait=off \
	-device virtserialport,chardev=ctl,name=ctl \
	-netdev tap,id=n0,ifname=kvmtap,script=no,downscript=no,vhost=on,queues=2 \
	-device virtio-net-pci,netdev=n0,mac=52:54:00:00:0f:01,romfile=,mq=on,vectors=6 \
	> /run/kvm.log 2>&1 < /dev/null &
"$B/tests/helpers/guestctl" /run/kvm.ctl 120 ping 'chan eth0 2' 'stat eth0' || { cat /run/kvm.log \
	/run/kvm.console; exit 1; }
