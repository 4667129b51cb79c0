#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Installs what this Debian lacks of what the project needs:
# packages.sh [build|test|bench|package]... (build test bench by default)
set -eu

# What taplossd and taplossctl are built from and with.
build='
gcc make pkg-config			the build
clang llvm bpftool			BPF programs: compile, strip, make skeletons
libbpf-dev libelf-dev zlib1g-dev	load them
libnl-3-dev libnl-route-3-dev libnl-genl-3-dev	links and their counters; the drop monitor
libvirt-dev libxml2-dev			domains and their interfaces
libsqlite3-dev				the store
libpcap-dev libcap-dev			packet filters; giving up privileges
libsmartcols-dev libjansson-dev libinih-dev	tables, JSON, configuration
libncurses-dev				top'\''s screen
uthash-dev				hash tables
libkmod-dev				modules of the probe VM'\''s kernel
'
# What `make check` and `make demo` use beside that.
test='
libcmocka-dev libc6-dev			unit tests; the static init of the test guest
libseccomp-dev systemd			the agent under its unit'\''s lines; groups of system calls
iproute2 util-linux procps nftables ethtool	namespaces, links, mounts, processes, filters
jq sqlite3				look into answers and stores
kmod cpio xz-utils			the kernel modules of test guests and hosts
qemu-system-x86				real guests
libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients	a libvirt without services
mmdebstrap qemu-utils e2fsprogs		whole systems, and their disks
tcpdump valgrind tmux			watch frames, memory, a screen
mandoc					manual pages
faketime				a clock that stands still
chromium poppler-utils			a browser for reports; what they look like on paper
tshark wireshark-common			read captures
'
# For axe-core, which checks that reports are accessible. Another npm than Debian's may be there.
command -v npm > /dev/null || test="$test
npm
"
# What `make bench` compares with.
bench='
bpftrace dropwatch netsniff-ng		peers
time					memory of a program
'
# What `make deb` uses beside `build`.
package='
dpkg-dev debhelper lintian		build a package, and check it
'

# The list without its words: a package's name stands before the first tab.
names() {
	printf '%s\n' "$1" | cut -f1
}

missing() {
	for package in "$@"; do
		status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
		[ "$status" = installed ] || echo "$package"
	done
}

# No package may start a service on a machine that only wants to build and test. A policy that is
# there already stays.
policy=/usr/sbin/policy-rc.d
without_services() {
	if [ ! -e "$policy" ]; then
		trap 'rm -f "$policy"' EXIT
		trap 'exit 1' INT TERM HUP
		printf '#!/bin/sh\nexit 101\n' > "$policy"
		chmod 755 "$policy"
	fi
	"$@"
}

apt_install() {
	export DEBIAN_FRONTEND=noninteractive
	if ! apt-get install -y -qq --no-install-recommends "$@"; then
		apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"
	fi
}

wanted=
for set in "${@:-build test bench}"; do
	for one in $set; do
		case $one in
		build) wanted="$wanted $(names "$build")" ;;
		test) wanted="$wanted $(names "$test")" ;;
		bench) wanted="$wanted $(names "$bench")" ;;
		package) wanted="$wanted $(names "$package")" ;;
		*) echo "usage: packages.sh [build|test|bench|package]..." >&2; exit 2 ;;
		esac
	done
done
# shellcheck disable=SC2086	# lists of words
wanted=$(missing $wanted | tr '\n' ' ')
[ -n "$wanted" ] || exit 0
if ! command -v apt-get > /dev/null; then
	echo "packages.sh: these are missing and there is no apt-get here: $wanted" >&2
	exit 1
fi
if [ "$(id -u)" != 0 ]; then
	echo "packages.sh: as root: apt-get install $wanted" >&2
	exit 1
fi
echo "installing $wanted"
# shellcheck disable=SC2086
without_services apt_install $wanted > /dev/null
