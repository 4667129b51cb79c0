#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Builds fault.ko for a kernel of tests/vm/kernels that the system's own suites have: build.sh
# KERNEL prints its path. Exit status 77: what it takes is not to be had, the last line says why.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${TAPLOSS_CACHE:-/var/cache/taploss-test}/vm

dir=$("$here/../kernel.sh" "$1")
version=$(ls "$dir/lib/modules")
key=$(cat "$here"/{build.sh,Kbuild,fault.c} "$dir/package" | sha256sum | cut -c 1-16)
out=$cache/fault-$1-$key.ko
exec 9> "$cache/lock.fault-$1"
flock 9
if [[ ! -e $out ]]; then
	command -v gcc-12 > /dev/null || { echo 'needs gcc-12, which built these kernels'; exit \
		77; }
	work=$(mktemp -d "$cache/fault.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' INT TERM HUP
	headers=linux-headers-$version
	# Its own parts: linux-headers-...-common, linux-kbuild-...
	mapfile -t parts < <(apt-cache depends "$headers" |
		grep -oE 'Depends: linux-(headers|kbuild)-[^ ]+' | cut -d ' ' -f 2)
	((${#parts[@]} == 2)) || { echo "no $headers to be had"; exit 77; }
	(cd "$work" && apt-get -q -o APT::Sandbox::User=root download "$headers" \
		"${parts[@]}" >&2) || { echo "$headers cannot be downloaded"; exit 77; }
	for package in "$work"/*.deb; do
		dpkg-deb -x "$package" "$work/root"
	done
	tree=$work/root/usr/src/$headers
	sed -i "s,^include /usr/src,include $work/root/usr/src," "$tree/Makefile"
	rm -f "$tree/vmlinux"	# has types only, for which pahole would be wanted
	mkdir "$work/module"
	cp "$here"/{Kbuild,fault.c} "$work/module/"
	make -s -C "$tree" M="$work/module" modules >&2
	mv "$work/module/fault.ko" "$out"
fi
echo "$out"
