#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a test host finds in its memory when it boots: initrd.sh KERNEL-DIRECTORY LEVEL INIT FILE
#
# Our init, the kernel's modules in the order to load them, and of this machine's own packages the
# programs that the tests run, with their libraries and those of ours (in "$B"). LEVEL host: that;
# kvm: QEMU, libvirt, KVM and the small guest, too.
set -euo pipefail
shopt -s nullglob

kernel=$1 level=$2 init=$3 file=$4
here=$(cd "$(dirname "$0")" && pwd)
version=$(ls "$kernel/lib/modules")
root=$(mktemp -d "${file%/*}/initrd.XXXXXX")
trap 'rm -rf "$root"' EXIT
trap 'exit 1' INT TERM HUP

# Of these packages what lies in a bin or sbin directory.
packages='bash coreutils util-linux mount procps findutils grep sed mawk diffutils debianutils
	libc-bin hostname tar gzip iproute2 nftables ethtool jq sqlite3 tcpdump strace kmod cpio
	perl-base bpftool'
files=()	# and these
modules='virtio_pci virtio_console af_packet tun tap macvtap ipvtap vhost_net veth bridge
	dummy ifb 8021q
	sch_ingress sch_netem sch_tbf sch_htb sch_fq_codel cls_matchall cls_bpf cls_u32 cls_flower
	act_gact act_police act_mirred act_bpf
	nf_tables nft_compat nft_counter nft_ct nft_limit nft_reject_inet nft_meta_bridge
	nft_reject_bridge nft_chain_nat
	drop_monitor pktgen'
if [[ $level == kvm ]]; then
	packages+=' qemu-system-x86 libvirt-daemon libvirt-clients'
	files+=(/usr/lib/x86_64-linux-gnu/qemu/accel-*.so /usr/share/seabios/* /usr/share/qemu/*
		/usr/lib/ipxe/qemu/efi-virtio.rom /usr/lib/x86_64-linux-gnu/libvirt/*/*.so
		/usr/share/libvirt/cpu_map/*.xml /usr/share/libvirt/schemas/* /usr/lib/libvirt/*)
	modules+=' kvm_amd'
fi

put_modules() {
	local module path

	for module in $modules; do
		# none has all of them
		modprobe -d "$kernel" -S "$version" --show-depends "$module" 2> /dev/null || true
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r path; do
		module=${path##*/}
		case $path in
		*.xz) xz -dc "$path" > "$root/m/${module%.xz}" ;;
		*.zst) zstd -dcq "$path" > "$root/m/${module%.zst}" ;;
		*) cp "$path" "$root/m/" ;;
		esac
		module=${module%.xz}
		echo "/m/${module%.zst}"
	done > "$root/modules"
}

programs() {
	local package

	for package in $packages; do
		# strace and bpftool are only there to look around
		dpkg -L "$package" 2> /dev/null || true
	done | grep -E '^(/usr)?/s?bin/[^/]+$'
}

# put_files, names on standard input: each as it is reached, not as the link that it may be
put_files() {
	(cd / && sed -E 's,^/(usr/)?(s?bin|lib|lib64)/,usr/\2/,; s,^/,,' | sort -u |
		xargs -r cp -L --parents -t "$root")
}

put_programs() {
	local program

	programs > "$root/list"
	printf '%s\n' "${files[@]}" >> "$root/list"
	while read -r program; do
		[[ ! -f $program ]] || echo "$program"
	done < "$root/list" | tee "$root/list.there" | put_files
	# A library's own needs are those of who loads it.
	{ grep -E '/s?bin/|\.so$' "$root/list.there"; printf '%s\n' \
		"$B"/{taplossd,taplossctl,tests/unit/collector/test_loss}; } |
		{ xargs -r ldd 2> /dev/null || true; } |	# scripts have none
		grep -o '/[^ ]*\.so[^ :]*' | put_files
	rm "$root/list" "$root/list.there"
}

# guest_modules DIRECTORY VERSION: of the small guest's modules those that the probe VM loads
guest_modules() {
	local to=$root/var/cache/taploss-test/kernel module

	for module in virtio_pci virtio_console virtio_net af_packet; do
		modprobe -d "$1" -S "$2" --show-depends "$module" 2> /dev/null || true
	done | awk '$1 == "insmod" { print $2 }' | sort -u | (cd "$1" && sed "s,^$1/,," |
		xargs cp --parents -t "$to" \
		"lib/modules/$2"/modules.{order,builtin,builtin.modinfo})
	depmod -b "$to" "$2"
}

mkdir -p "$root"/{m,dev,proc,sys,run,tmp,root,etc,var/{lib,log,cache,tmp},usr/{bin,sbin,lib,lib64}}
ln -s ../run "$root/var/run"
for dir in bin sbin lib lib64; do
	ln -s "usr/$dir" "$root/$dir"
done
put_modules
put_programs
find /usr/lib/x86_64-linux-gnu/perl-base /usr/lib/locale/C.utf8 /usr/lib/terminfo /lib/terminfo \
	-type f 2> /dev/null | put_files
ln -sf bash "$root/usr/bin/sh"
ln -sf mawk "$root/usr/bin/awk"
echo root:x:0:0:root:/root:/bin/bash > "$root/etc/passwd"
echo root:x:0: > "$root/etc/group"
cp /etc/protocols /etc/services /etc/ethertypes "$root/etc/" 2> /dev/null || true
if [[ $level == kvm ]]; then
	guest=$("$here/../guest/build.sh" "$B/tests/guest/init")
	mkdir -p "$root/var/cache/taploss-test/kernel"
	cp "$guest"/{vmlinuz,version,initrd,init} "$root/var/cache/taploss-test/kernel/"
	guest_modules "$guest" "$(< "$guest/version")"
fi
cp "$init" "$root/init"
mknod "$root/dev/console" c 5 1
(cd "$root" && find . -mindepth 1 | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet) > "$file"
