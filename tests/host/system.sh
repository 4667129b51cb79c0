# shellcheck shell=bash disable=SC2034,SC2054,SC2154	# vm.sh uses what is set here
# SPDX-License-Identifier: GPL-2.0-or-later
# Whole systems as test hosts; sourced by tests/vm/vm.sh, whose functions these take the place of.
#
# A system is saved after its boot, and once more with the package installed by apt-get, in each
# case with the disk as it was then: FILE.vm beside FILE.disk, which holds what differs from the
# image. A run works on a disk of its own above that.
source=$here/../host/image.sh

# machine LEVEL CONSOLE DISK: sets qemu. There are two NICs with a driver of real hosts, eth0 and
# eth2; what leaves there arrives at eth1 and eth3, and the other way round.
machine() {
	qemu=(qemu-system-x86_64 -M q35 -accel 'tcg,thread=multi' -cpu 'max,la57=off' -smp 1 -m 1536
		-nodefaults -no-user-config
		-display none -kernel "$dir/vmlinuz" -initrd "$dir/initrd"
		-append
'console=ttyS0 quiet system=/dev/vda rw mitigations=off net.ifnames=0 rcupdate.rcu_expedited=1'
		-drive "file=$3,format=qcow2,if=virtio,cache=unsafe"
		-netdev hubport,id=n0,hubid=0 -device vmxnet3,netdev=n0,mac=52:54:00:ff:00:00
		-netdev hubport,id=n1,hubid=0
		-device virtio-net-pci,netdev=n1,mac=52:54:00:ff:00:01,romfile=
		-netdev hubport,id=n2,hubid=1 -device vmxnet3,netdev=n2,mac=52:54:00:ff:00:02
		-netdev hubport,id=n3,hubid=1
		-device virtio-net-pci,netdev=n3,mac=52:54:00:ff:00:03,romfile=
		-serial "file:$2")
}

# overlay UNDER FILE: a disk that begins as UNDER
overlay() {
	qemu-img create -q -f qcow2 -F "$(disk_format "$1")" -b "$1" "$2"
}

disk_format() {
	case $1 in
	*.disk/disk) echo raw ;;
	*) echo qcow2 ;;
	esac
}

# key LEVEL: what a saved system depends on
key() {
	{
		echo "$dir"
		declare -f machine make_host
		cat "$B/tests/vm/init"
		dpkg-query -W qemu-system-x86
		[[ $1 == host ]] || {
			declare -f make_installed
			cat "$here/../host/install.sh" "$(package)"
		}
	} | sha256sum | cut -c 1-16
}

# package: of what is built; it is made when one of the programs is newer
package() {
	local deb

	deb=$(find "$B/deb" -maxdepth 1 -name 'taploss_*_amd64.deb' \
		-newer "$B/taplossd" -newer "$B/taplossctl" 2> /dev/null)
	if [[ -z $deb ]]; then
		echo 'building the package' >&2
		env -u MAKEFLAGS -u B make --no-print-directory -s -C "$top" B="$B" \
			deb-unchecked > "$work/deb" 2>&1 || { cat "$work/deb" >&2; return 1; }
		deb=$(ls "$B"/deb/taploss_*_amd64.deb)
	fi
	echo "$deb"
}

# bring ROOT: the programs under test come with the package
bring() {
	mkdir -p "$1/taploss/tests" "$1/taploss/build"
	cp -r "$top"/tests/{lib,host} "$1/taploss/tests/"
	cp "$B"/tests/helpers/hexguest "$B/tests/taptool/taptool" "$1/taploss/build/"
	strip "$1"/taploss/build/{hexguest,taptool}
}

make_host() {
	overlay "$dir/disk" "$vm.disk.tmp"
	machine host "$work/console" "$vm.disk.tmp"
	"$B/tests/vm/vmctl" -s "$vm.vm.tmp" -c "$work/console" -t 600 -- "${qemu[@]}"
	mv "$vm.disk.tmp" "$vm.disk"
}

make_installed() {
	local host installed=$vm

	"$here/vm.sh" save "$name" -l host
	host=$cache/$name-host-$(key host)
	cp "$host.disk" "$installed.disk.tmp"
	files=("$(package):/t/taploss.deb")
	job
	machine installed "$work/console" "$installed.disk.tmp"
	"$B/tests/vm/vmctl" -r "$host.vm" -j "$work/job.cpio" -s "$installed.vm.tmp" \
		-c "$work/console" -t 1200 -- "${qemu[@]}" -- \
		/bin/env -C /taploss bash tests/host/install.sh /t/taploss.deb
	mv "$installed.disk.tmp" "$installed.disk"
}

# own: sets medium to a disk of this run's own
own() {
	medium=$work/disk
	overlay "$vm.disk" "$medium"
}
