#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Debian's kernels, each downloaded once: kernel.sh NAME prints the directory that then holds
# vmlinuz, package and lib/modules/VERSION; kernel.sh --names lists the kernels, kernel.sh --need
# NAME says required or optional, kernel.sh --mirror SUITE where packages of a suite come from.
#
# Kernels of other suites come through an apt configuration of our own, with lists and caches of its
# own: what the system's apt knows stays as it is. The mirrors are the system's. Exit status 77: not
# to be had here, the last line says why.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${TAPLOSS_CACHE:-/var/cache/taploss-test}/vm

fields() {	# fields NAME: its line of the table
	awk -F '\t' -v name="$1" '!/^#/ && $1 == name' "$here/kernels"
}

unreachable() {
	echo "$*"
	exit 77
}

# mirror SUITE: where the system gets its own suite of that kind from
mirror() {
	local security=0

	[[ $1 != *-security ]] || security=1
	# shellcheck disable=SC2016	# words of apt's
	apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' \
		'Component: main' 'Origin: Debian' 2> /dev/null |
		awk -v security=$security '($2 ~ /-security$/) == security { print $1; exit }'
}

# use_suite SUITE: from here on apt asks that one only
use_suite() {
	local suite=$1 apt=$cache/apt.$1 uri

	uri=$(mirror "$suite")
	[[ -n $uri ]] || unreachable \
		"no mirror for $suite: the system's own apt knows none of its kind"
	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $suite main" \
		> "$apt/sources.list"
	cat > "$apt/apt.conf" <<-END
		Dir::Etc::sourcelist "$apt/sources.list";
		Dir::Etc::sourceparts "-";
		Dir::State::lists "$apt/lists";
		Dir::Cache "$apt/cache";
		Acquire::Languages "none";
	END
	export APT_CONFIG=$apt/apt.conf
	apt-get -qq -o APT::Sandbox::User=root -o APT::Update::Error-Mode=any update >&2 ||
		unreachable "$suite cannot be reached"
}

# packages_like PATTERN: newest first
packages_like() {
	apt-cache search --names-only "^$1\$" | cut -d ' ' -f 1 | sort -rV
}

# fetch PATTERN MODULES INTO: the newest of PATTERN that the mirror really has; old versions stay in
# the index for a while
fetch() {
	local pattern=$1 modules=$2 into=$3 package

	for package in $(packages_like "$pattern"); do
		rm -rf "$into"
		mkdir "$into"
		if download "$into" "$package" && { [[ $modules == - ]] || download "$into" \
			"${modules/@/"${package#linux-binary-}"}"; }; then
			echo "$package" > "$into/package"
			return 0
		fi
	done
	return 1
}

download() {	# download INTO PACKAGE
	echo "downloading $2" >&2
	(cd "$1" && apt-get -q -o APT::Sandbox::User=root download "$2" >&2) &&
		dpkg-deb -x "$1/$2"_*.deb "$1/root"
}

# settle FETCHED KERNEL: packages of all ages look alike from here on
settle() {
	local root=$1/root version

	[[ -d $root/lib/modules ]] || mv "$root/usr/lib" "$root/lib"
	version=$(ls "$root/lib/modules")
	depmod -b "$root" "$version"
	mkdir -p "$2/lib/modules"
	if [[ -e $root/boot/vmlinuz-$version ]]; then
		mv "$root/boot/vmlinuz-$version" "$2/vmlinuz"
	else
		mv "$root/lib/modules/$version/vmlinuz" "$2/vmlinuz"
	fi
	mv "$root/lib/modules/$version" "$2/lib/modules/"
	mv "$1/package" "$2/package"
}

if [[ ${1:-} == --names ]]; then
	awk -F '\t' '!/^#/ { print $1 }' "$here/kernels"
	exit
elif [[ ${1:-} == --need ]]; then
	fields "$2" | cut -f 2
	exit
elif [[ ${1:-} == --mirror ]]; then
	mirror "$2"
	exit
fi
IFS=$'\t' read -r name need suite pattern modules < <(fields "${1:-}") || true
[[ -n $name ]] || { echo "kernel.sh: no kernel '${1:-}'; there are: $("$0" --names |
	paste -sd ' ')" >&2; exit 2; }

umask 022
mkdir -p "$cache"
exec 9> "$cache/lock.$name"
flock 9	# several at once ask for the same
if [[ ! -e $cache/kernel-$name/package ]]; then
	work=$(mktemp -d "$cache/fetch.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' INT TERM HUP
	if [[ $suite != - ]]; then
		use_suite "$suite"
	elif [[ -z $(packages_like "$pattern") ]]; then
		apt-get update -qq >&2
	fi
	if ! fetch "$pattern" "$modules" "$work/fetched"; then
		[[ $need == required ]] || unreachable "no package like $pattern can be downloaded"
		echo "kernel.sh: no package like $pattern can be downloaded" >&2
		exit 1
	fi
	settle "$work/fetched" "$work/kernel"
	mv -T "$work/kernel" "$cache/kernel-$name"
fi
echo "$cache/kernel-$name"
