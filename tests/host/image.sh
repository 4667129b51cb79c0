#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Whole Debian systems: image.sh NAME prints the directory that then holds disk (ext4), vmlinuz and
# initrd; image.sh --names lists the systems.
#
# A system is made once by mmdebstrap, from the mirrors that this machine's apt uses, and kept in
# two steps: the packages (minutes), and the disk with what tests change in them (seconds). Both are
# made again when their part of this recipe changes. As root. Exit status 77: not to be had here,
# the last line says why.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${TAPLOSS_CACHE:-/var/cache/taploss-test}/host
B=${B:-$here/../../build}

# What a host has beside minbase; the libraries are those that the package needs.
packages='systemd-sysv dbus udev kmod procps cpio
	linux-image-amd64 tiny-initramfs
	iproute2 ethtool nftables iptables tcpdump jq sqlite3 openvpn openvswitch-switch
	libvirt-daemon-system libvirt-clients dnsmasq-base qemu-system-x86
	libbpf1 libinih1 libjansson4 libncursesw6 libnl-genl-3-200 libnl-route-3-200 libsmartcols1'
# Modules of hardware that no host here has.
unused='sound drivers/gpu drivers/media drivers/staging drivers/net/wireless drivers/infiniband
	drivers/scsi drivers/iio drivers/hid drivers/usb drivers/mtd drivers/isdn drivers/bluetooth
	fs/btrfs fs/xfs fs/ocfs2 fs/gfs2 net/bluetooth net/mac80211 net/wireless'

fields() {	# fields NAME: its line of the table
	awk -F '\t' -v name="$1" '!/^#/ && $1 == name' "$here/systems"
}

# sources: for apt in there, from the mirrors that this machine uses
sources() {
	local each uri

	for each in "$suite" "$suite-updates" "$suite-security"; do
		uri=$("$here/../vm/kernel.sh" --mirror "$each")
		[[ -z $uri ]] || echo "deb $uri $each main"
	done
}

make_root() {	# make_root FILE
	local list hook

	list=$(sources)
	[[ -n $list ]] || { echo "no mirror for $suite: apt here knows none of its kind"; exit 77; }
	echo "making $name" >&2
	# shellcheck disable=SC2016	# $1 is the hook's
	hook='for each in '${unused//$'\n'/ }'; do rm -rf "$1"/lib/modules/*/kernel/$each; done;
		for each in "$1"/lib/modules/*; do depmod -b "$1" "${each##*/}"; done'
	mmdebstrap --quiet --mode=root --variant=minbase --format=tar \
		--include="$(xargs <<< "$packages" | tr ' ' ,),$extra" \
		--aptopt='Acquire::Languages "none"' --dpkgopt=path-exclude=/usr/share/man/\* \
		--dpkgopt=path-exclude=/usr/share/locale/\* \
		--dpkgopt=path-exclude=/usr/share/doc/\* \
		--customize-hook="$hook" "$suite" "$1" - <<< "$list" >&2
}

# The agent of the tests (tests/vm/init.c) as a service, and no work that nobody asked for.
configure() {	# configure ROOT
	local unit

	echo "$name" > "$1/etc/hostname"
	echo '/dev/vda / ext4 noatime 0 1' > "$1/etc/fstab"
	echo 127.0.0.1 localhost "$name" > "$1/etc/hosts"
	install -D -m 755 "$B/tests/vm/init" "$1/usr/local/lib/taploss-test/init"
	cat > "$1/etc/systemd/system/taploss-test.service" <<-'END'
		[Unit]
		Description=Jobs of the test that runs this system
		After=multi-user.target libvirtd.service systemd-user-sessions.service
		[Service]
		ExecStart=/usr/local/lib/taploss-test/init
		OOMScoreAdjust=-1000
		[Install]
		WantedBy=graphical.target
	END
	for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer fstrim.timer \
		logrotate.timer dpkg-db-backup.timer e2scrub_reap.service openvpn.service \
		libvirt-guests.service getty@tty1.service serial-getty@ttyS0.service; do
		systemctl --quiet --root="$1" mask "$unit"
	done
	systemctl --quiet --root="$1" disable openvswitch-switch.service
	systemctl --quiet --root="$1" set-default graphical.target
	systemctl --quiet --root="$1" enable taploss-test.service
	echo kvm_amd > "$1/etc/modules-load.d/kvm.conf"	# QEMU emulates AMD's virtualization
	mkdir -p "$1/etc/libvirt/qemu/networks/autostart"
	ln -sf ../default.xml "$1/etc/libvirt/qemu/networks/autostart/default.xml"
}

# make_initrd ROOT FILE: what it takes to mount the disk
make_initrd() {
	local initrd=$work/initrd version module path

	mkdir -p "$initrd"/{m,dev,root}
	version=$(ls "$1/lib/modules")
	for module in virtio_pci virtio_blk ext4; do
		modprobe -d "$1" -S "$version" --show-depends "$module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r path; do
		module=${path##*/}
		case $path in
		*.xz) xz -dc "$path" > "$initrd/m/${module%.xz}" ;;
		*) cp "$path" "$initrd/m/" ;;
		esac
		echo "/m/${module%.xz}"
	done > "$initrd/modules"
	cp "$B/tests/vm/init" "$initrd/init"
	mknod "$initrd/dev/console" c 5 1
	(cd "$initrd" && find . -mindepth 1 | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet) > "$2"
}

make_disk() {	# make_disk TAR DIRECTORY
	echo "making the disk of $name" >&2
	mkdir "$work/root" "$2"
	tar -C "$work/root" -xf "$1"
	configure "$work/root"
	make_initrd "$work/root" "$2/initrd"
	cp "$work"/root/boot/vmlinuz-* "$2/vmlinuz"
	mke2fs -q -t ext4 -O ^has_journal -d "$work/root" "$2/disk" 3G
}

# forget PATTERN: all of that kind but the two last used
forget() {
	# shellcheck disable=SC2012,SC2086	# all names here are ours, with a *
	ls -td "$cache"/$1 2> /dev/null | tail -n +3 | xargs -r rm -rf
}

key() {
	sha256sum | cut -c 1-16
}

if [[ ${1:-} == --names ]]; then
	awk -F '\t' '!/^#/ { print $1 }' "$here/systems"
	exit
fi
IFS=$'\t' read -r name suite extra < <(fields "${1:-}") || true
[[ -n $name ]] || { echo "image.sh: no system '${1:-}'" >&2; exit 2; }

umask 022
mkdir -p "$cache"
exec 9> "$cache/lock.$name"
flock 9	# several at once ask for the same
root=$cache/$name-$({ fields "$name"; echo "$packages $unused"; declare -f make_root; } | key).tar
disk=$cache/$name-$({
	echo "$root"
	cat "$B/tests/vm/init"
	declare -f configure make_initrd make_disk
} | key).disk
if [[ ! -e $disk ]]; then
	work=$(mktemp -d "$cache/make.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' INT TERM HUP
	if [[ ! -e $root ]]; then
		make_root "$work/root.tar"
		mv "$work/root.tar" "$root"
	fi
	make_disk "$root" "$work/disk"
	mv -T "$work/disk" "$disk"
	forget "$name-*.disk"
	forget "$name-*.tar"
fi
touch "$root" "$disk"
echo "$disk"
