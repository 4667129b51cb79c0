#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Test hosts: this project's tests on other kernels, in QEMU (software emulation, so it works
# wherever the tests do).
#
#   vm.sh run KERNEL [-t SECONDS] [-l LEVEL] [-f FILE[:DEST]]... -- COMMAND...
#       runs COMMAND there, in /taploss; its output comes on standard output. Exit status:
#       COMMAND's; 124 when it took longer than
#       SECONDS (60); 125 when the host did not say how COMMAND ended; 77 when this kernel is not to
#       be had, the last line says why.
#   vm.sh shell KERNEL [-l LEVEL] [-f FILE[:DEST]]...
#       boots such a host and gives a shell in it; it ends with the shell
#   vm.sh save KERNEL [-l LEVEL]
#       makes and saves the host, which the others do as needed
#
# KERNEL: see kernels; or a whole system of tests/host, whose init is systemd. COMMAND finds
# /taploss as it is here: tests/ and the programs built in $B, as /taploss/build; and each FILE, or
# a directory with all in it, as DEST (/t/NAME). LEVEL: host (the tests' tools), kvm (QEMU, libvirt
# and /dev/kvm, too) or guest (a KVM guest with vhost-net runs already: guest_up.sh). Of a system:
# host or installed (the package is, by apt).
#
# A host boots once per kernel and is saved; every run is a copy restored from there in less than a
# second, which forgets all.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
cache=${TAPLOSS_CACHE:-/var/cache/taploss-test}/vm
B=${B:-build}
[[ $B == /* ]] || B=$top/$B
export B

usage() {
	sed -n 's/^#   \(vm\.sh .*\)/usage: \1/p' "${BASH_SOURCE[0]}" >&2
	exit 2
}

action=${1:-} name=${2:-} level=host limit=60 files=()
[[ $action == run || $action == shell || $action == save ]] || usage
[[ -n $name ]] || usage
shift 2
while getopts t:l:f: option; do
	case $option in
	t) limit=$OPTARG ;;
	l) level=$OPTARG ;;
	f) files+=("$OPTARG") ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[[ $level == host || $level == kvm || $level == guest || $level == installed ]] || usage
[[ $action != run || $# -gt 0 ]] || usage

# machine LEVEL CONSOLE INITRD: sets qemu. A saved host is only good for the command line that it
# was saved with.
machine() {
	local memory=768

	[[ $1 == host ]] || memory=1800
	qemu=(qemu-system-x86_64 -M q35 -accel 'tcg,thread=multi' -cpu 'max,la57=off' -smp 1
		-m "$memory" -nodefaults -no-user-config
		-display none -no-reboot -kernel "$dir/vmlinuz" -initrd "$3"
		-append 'console=ttyS0 quiet panic=-1 mitigations=off rcupdate.rcu_expedited=1' \
			-serial "file:$2")
}

# key LEVEL: what a saved host depends on
key() {
	{
		cat "$dir/package" "$here/vm.sh" "$here/initrd.sh" "$here/guest_up.sh" \
			"$B/tests/vm/init" "$B/tests/guest/init"
		dpkg-query -W
		# not where they were built
		ldd "$B/taplossd" "$B/taplossctl" | grep -o '/[^ ]*\.so[^ ]*' | sort -u
	} | sha256sum | cut -c 1-16
}

# saved LEVEL: sets vm to where that host is saved: FILE.vm, FILE.initrd
saved() {
	vm=$cache/$name-$1-$(key "$1")
	exec 8> "$cache/lock.$name-$1"
	flock 8
	[[ -e $vm.vm ]] || (make "$1")
	touch "$vm".*
	flock -u 8
}

make() {	# make LEVEL: in a process of its own
	echo "making and saving the test host $name ($1)" >&2
	trap 'rm -f "$vm".*.tmp' EXIT
	"make_$1"
	mv "$vm.vm.tmp" "$vm.vm"
	forget "$1"
}

make_host() {
	make_kernel host
}

make_kvm() {
	make_kernel kvm
}

make_kernel() {
	"$here/initrd.sh" "$dir" "$1" "$B/tests/vm/init" "$vm.initrd.tmp"
	mv "$vm.initrd.tmp" "$vm.initrd"
	machine "$1" "$work/console" "$vm.initrd"
	"$B/tests/vm/vmctl" -s "$vm.vm.tmp" -c "$work/console" -t 120 -- "${qemu[@]}"
}

# A host of level kvm that has started its guest.
make_guest() {
	local guest=$vm

	"$here/vm.sh" save "$name" -l kvm
	vm=$cache/$name-kvm-$(key kvm)
	job
	machine kvm "$work/console" "$vm.initrd"
	"$B/tests/vm/vmctl" -r "$vm.vm" -j "$work/job.cpio" -s "$guest.vm.tmp" -c "$work/console" \
		-t 180 -- "${qemu[@]}" -- \
		/bin/env -C /taploss B=/taploss/build tests/vm/guest_up.sh
	ln -f "$vm.initrd" "$guest.initrd"
	vm=$guest
}

# forget LEVEL: all but the three last used hosts of this kind
forget() {
	local old

	# shellcheck disable=SC2012	# all names here are ours
	ls -t "$cache/$name-$1-"*.vm | tail -n +4 | while read -r old; do
		rm -f "$old" "${old%.vm}".{initrd,disk}
	done
}

# bring ROOT: what of ours COMMAND finds there
bring() {
	local file

	mkdir -p "$1/taploss/build/tests/unit/collector"
	cp -r "$top/tests" "$top/docs" "$1/taploss/"
	cp "$B/taplossd" "$B/taplossctl" "$B/taploss-probe" "$1/taploss/build/"
	for file in "$B"/tests/{helpers,taptool,vm,guest}/*; do
		[[ ! -x $file || -d $file ]] || install -D "$file" "$1/taploss/build/${file#"$B"/}"
	done
	cp "$B/tests/unit/collector/test_loss" "$1/taploss/build/tests/unit/collector/"
}

# job: an archive of that and of the FILEs
job() {
	local root=$work/job file to

	mkdir -p "$root/t"
	bring "$root"
	for file in "${files[@]}"; do
		to=${file#*:}
		[[ $file == *:* ]] || to=/t/${file##*/}
		mkdir -p "$root/$(dirname "$to")"
		cp -rL "${file%%:*}" "$root/$to"
	done
	(cd "$root" && find . -mindepth 1 | LC_ALL=C sort | cpio -o -H newc -R 0:0 --quiet) \
		> "$work/job.cpio"
}

# own: sets medium to what this run boots from, which it may change
own() {
	medium=$vm.initrd
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
source=$here/kernel.sh
if "$here/../host/image.sh" --names | grep -qx "$name"; then
	. "$here/../host/system.sh"
fi
status=0
dir=$("$source" "$name") || status=$?
((status == 0)) || { echo "$dir"; exit $status; }

case $action in
save)
	saved "$level"
	;;
run)
	saved "$level"
	job
	own
	machine "$level" "$work/console" "$medium"
	"$B/tests/vm/vmctl" -r "$vm.vm" -j "$work/job.cpio" -c "$work/console" -t "$limit" -- \
		"${qemu[@]}" -- /bin/env -C /taploss B=/taploss/build "$@" || exit
	;;
shell)
	[[ $level != guest ]] || level=kvm
	saved "$level"
	job
	# the kernel takes one archive after the other
	cat "$vm.initrd" "$work/job.cpio" > "$work/initrd"
	machine "$level" - "$work/initrd"
	qemu[-1]=mon:stdio
	"${qemu[@]/quiet/quiet shell=1}"
	;;
esac
