#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The small guest: Debian's kernel (downloaded once) and an initrd with our init and the virtio
# modules.
#
# usage: guest/build.sh INIT     INIT is the built guest/init.c; prints the directory that then
#                                holds vmlinuz and initrd
set -eu

init=$1
cache=${TAPLOSS_CACHE:-/var/cache/taploss-test}

say() {
	echo "guest: $*" >&2
}

# The newest kernel of this system's own suite: unsigned images are small and need nothing else.
newest_package() {
	apt-cache search --names-only '^linux-image-6\.1\.0-[0-9]+-cloud-amd64-unsigned$' |
		cut -d' ' -f1 | sort -V | tail -n 1
}

# Into DIR: vmlinuz, modules/ with their dependencies. DIR appears complete or not at all.
fetch_kernel() {
	dir=$1
	package=$(newest_package)
	if [ -z "$package" ]; then
		apt-get update -qq >&2
		package=$(newest_package)
	fi
	[ -n "$package" ] || { say 'no linux-image-6.1.0-*-cloud-amd64-unsigned to be had'; exit \
		1; }
	say "downloading $package to $cache"
	work=$(mktemp -d "$cache/fetch.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' INT TERM HUP
	(cd "$work" && apt-get -q -o APT::Sandbox::User=root download "$package" >&2)
	dpkg-deb -x "$work"/*.deb "$work/root"
	version=$(ls "$work/root/lib/modules")
	depmod -b "$work/root" "$version"
	mkdir "$work/kernel"
	mv "$work/root/boot/vmlinuz-$version" "$work/kernel/vmlinuz"
	echo "$version" > "$work/kernel/version"
	mkdir -p "$work/kernel/lib/modules"
	mv "$work/root/lib/modules/$version" "$work/kernel/lib/modules/"
	mv -T "$work/kernel" "$dir" 2>/dev/null || [ -e "$dir/version" ]
}

make_initrd() {
	dir=$1
	version=$(cat "$dir/version")
	root=$(mktemp -d "$cache/initrd.XXXXXX")
	trap 'rm -rf "$root" "$root.cpio"' EXIT
	trap 'exit 1' INT TERM HUP
	mkdir "$root/m" "$root/dev"
	mknod "$root/dev/console" c 5 1
	cp "$init" "$root/init"
	for module in virtio_pci virtio_console virtio_net af_packet; do
		modprobe -d "$dir" -S "$version" --show-depends "$module" 2>/dev/null || true
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r path; do
		cp "$path" "$root/m/"
		echo "/m/${path##*/}"
	done > "$root/modules"
	(cd "$root" && find . -mindepth 1 | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet) \
		> "$root.cpio"
	mv "$root.cpio" "$dir/initrd"
	cmp -s "$init" "$dir/init" || cp "$init" "$dir/init"
}

mkdir -p "$cache"
exec 9> "$cache/lock"
flock 9	# several tests at once ask for the same
(umask 022; [ -e "$cache/kernel/version" ] || fetch_kernel "$cache/kernel")
# The initrd is as new as the init in it.
if ! cmp -s "$init" "$cache/kernel/init"; then
	(make_initrd "$cache/kernel")
fi
echo "$cache/kernel"
