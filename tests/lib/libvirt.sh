# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A libvirt of the test's own, with real QEMU guests; sourced after test.sh (or below nsinit with
# $B, $TESTS and $W set).
#
# libvirtd runs in the test's namespaces with empty directories in place of the machine's, so it
# neither sees nor disturbs another one. The guests boot in about 3 s with QEMU's own CPU (accel
# tcg), which works wherever the tests do; TAPLOSS_DOMAIN=kvm makes them use /dev/kvm,
# TAPLOSS_BACKEND=vhost then has the kernel serve their NICs.

export LIBVIRT_DEFAULT_URI=qemu:///system
LIBVIRTD=	# its process id

# Without a terminal of its own, so that it starts nobody who would ask for a password there.
virsh() {
	setsid --wait virsh "$@"
}

# lv_start: returns when it answers
lv_start() {
	lv_directories
	lv_users
	lv_configure
	GUEST=$("$TESTS/guest/build.sh" "$B/tests/guest/init")
	lv_daemon
}

lv_daemon() {
	libvirtd --config /etc/libvirt/libvirtd.conf --pid-file /run/libvirtd.pid \
		>> "$W/libvirtd.log" 2>&1 &
	LIBVIRTD=$!
	wait_for 20 virsh -q uri
}

lv_directories() {
	local dir

	for dir in /etc/libvirt /var/lib/libvirt /var/log/libvirt /var/cache/libvirt; do
		mkdir -p "$dir"
		mount -t tmpfs -o mode=0755 libvirt "$dir"
	done
	mkdir -p /run/libvirt /var/lib/libvirt/qemu /etc/libvirt/qemu
}

# libvirtd asks for these even when it is told to use root. They come with the package that would
# bring its services, too.
lv_users() {
	cp /etc/passwd /etc/group /run
	getent passwd libvirt-qemu > /dev/null ||
		echo 'libvirt-qemu:x:64055:64055::/nonexistent:/usr/sbin/nologin' >> /run/passwd
	getent group libvirt-qemu > /dev/null || echo 'libvirt-qemu:x:64055:' >> /run/group
	getent group kvm > /dev/null || echo 'kvm:x:64056:' >> /run/group
	mount --bind /run/passwd /etc/passwd
	mount --bind /run/group /etc/group
}

lv_configure() {
	cat > /etc/libvirt/qemu.conf <<-'END'
		user = "root"
		group = "root"
		security_driver = "none"
		remember_owner = 0
		cgroup_controllers = [ ]
		namespaces = [ ]
		stdio_handler = "file"
	END
	cat > /etc/libvirt/libvirtd.conf <<-'END'
		auth_unix_rw = "none"
		auth_unix_ro = "none"
		log_outputs = "3:stderr"
	END
}

lv_stop() {
	kill -TERM "$LIBVIRTD"
	wait "$LIBVIRTD" || true
	LIBVIRTD=
}

escaped() {
	sed -e 's/&/\&amp;/g' -e 's/</\&lt;/g' -e "s/'/\&apos;/g" <<< "$1"
}

# lv_nic TYPE SOURCE MAC DEV QUEUES: the XML of one interface. TYPE bridge (SOURCE: the bridge),
# direct (a macvtap; SOURCE: the lower device), ethernet (SOURCE: -). DEV: the name on the host, -
# for one that libvirt chooses.
lv_nic() {
	local type=$1 source=$2 mac=$3 dev=$4 queues=$5

	echo "<interface type='$type'><mac address='$mac'/>"
	case $type in
	bridge) echo "<source bridge='$source'/>" ;;
	direct) echo "<source dev='$source' mode='bridge'/>" ;;
	esac
	[[ $dev == - ]] || echo "<target dev='$dev'/>"
	echo "<model type='virtio'/><driver name='${TAPLOSS_BACKEND:-qemu}' \
queues='$queues'/></interface>"
}

# lv_xml NAME UUID, interfaces on standard input: the XML of a domain
lv_xml() {
	local name=$1 uuid=$2 type=${TAPLOSS_DOMAIN:-qemu} port

	cat <<-END
		<domain type='$type'><name>$(escaped "$name")</name><uuid>$uuid</uuid>
		<memory unit='MiB'>128</memory><vcpu>1</vcpu>
		<os><type arch='x86_64' machine='q35'>hvm</type>
		<kernel>$GUEST/vmlinuz</kernel><initrd>$GUEST/initrd</initrd>
		<cmdline>console=ttyS0 panic=-1 quiet mitigations=off net.ifnames=0</cmdline></os>
		<features><acpi/></features><cpu mode='maximum'/><clock offset='utc'/>
		<on_poweroff>destroy</on_poweroff><on_reboot>destroy</on_reboot>
		<on_crash>destroy</on_crash>
		<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
		<controller type='usb' model='none'/><memballoon model='none'/>
	END
	for port in 1 2 3 4 5 6; do	# room to plug devices in
		echo "<controller type='pci' index='$port' model='pcie-root-port'/>"
	done
	cat
	cat <<-END
		<serial type='file'><source path='/run/$uuid.console'/></serial>
		<channel type='unix'><source mode='bind' path='/run/$uuid.ctl'/>
		<target type='virtio' name='ctl'/></channel>
		</devices></domain>
	END
}

# lv_create NAME UUID [VIRSH OPTION]..., interfaces on standard input
lv_create() {
	local name=$1 uuid=$2

	shift 2
	lv_xml "$name" "$uuid" > "$W/$uuid.xml"
	virsh -q create "$@" "$W/$uuid.xml" >> "$W/virsh.log" 2>&1
}

# guest UUID COMMAND...: has it done by the guest, waits for one that still boots
guest() {
	guestctl "/run/$1.ctl" 60 "${@:2}"
}
