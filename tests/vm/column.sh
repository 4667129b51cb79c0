#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# One kernel's column of the matrix: column.sh KERNEL RESULTS [PATTERN]... runs the tests of
# tests/netns that have a comment line "# kernels", or "# kernels ..." with this one, all in one
# test host; and of tests/vm/kvm likewise, each beside a KVM guest in a host of its own, and once
# more (AGAIN) when that one fails: software emulation of virtualization hangs at times. KERNEL may
# be a whole system of tests/host: then it is the scenes there, each in a copy of that system with
# the package installed.
#
# Says how each ended as run.sh does, with the kernel before its name, also into the file RESULTS,
# with what they say for the table of loss points. A test that the host did not speak of has failed;
# and so have all when a kernel that must be there cannot be had.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/directives.sh

kernel=$1 results=$2
shift 2
patterns=("$@")
if tests/host/image.sh --names | grep -qx "$kernel"; then
	source=tests/host/image.sh need=required
	hosts='' scenes=host/scenes level=installed tries=1 limit=900
else
	source=tests/vm/kernel.sh need=$(tests/vm/kernel.sh --need "$kernel")
	hosts=netns scenes=vm/kvm level=guest tries=2 limit=300
fi
SLOWER=8	# than this machine, at the worst
LIMIT=1500	# seconds for all tests of one host

wanted() {	# wanted NAME
	local p

	((${#patterns[@]})) || return 0
	for p in "${patterns[@]}"; do
		[[ $p == "=$kernel/$1" || $kernel/$1 == *$p* ]] && return 0
	done
	return 1
}

# meant SCRIPT: its line "# kernels" has a list with this kernel, or none
meant() {
	local line

	line=$(directive "$1" kernels) || return 1
	[[ (-z $line && $need != apart) || " $line " == *" $kernel "* ]]
}

names() {	# names DIRECTORY: of tests that are to run
	local script name

	[[ -n $1 ]] || return 0
	for script in "tests/$1"/*.sh; do
		name=${script#tests/}
		name=${name#vm/}
		name=${name#host/scenes/}
		! meant "$script" || ! wanted "${name%.sh}" || echo "${name%.sh}"
	done
}

# said NAME...: one line for each test that the output, on standard input, does not speak of
said() {
	local output name

	output=$(cat)
	for name in "$@"; do
		grep -qE "^(PASS|FAIL|SKIP) $kernel/$name " <<< "$output" ||
			echo "FAIL $kernel/$name (0.0 s): the test host ended before"
	done
}

# fault_module: sets files to what makes functions fail there, on kernels that have it
fault_module() {
	local module

	files=()
	[[ $kernel == 6.1 || $kernel == 6.12 ]] || return 0
	module=$(tests/vm/fault/build.sh "$kernel") || { echo "$module"; return 1; }
	files=(-f "$module:/t/fault.ko")
}

# in_host LEVEL NAME...: the lines that run.sh says there
in_host() {
	local level=$1 files

	shift
	fault_module || return 0
	tests/vm/vm.sh run "$kernel" -l "$level" -t $LIMIT "${files[@]}" -- \
		env KERNEL=host TAPLOSS_COLUMN=1 TAPLOSS_SLOWER=$SLOWER tests/run.sh \
		"${@/#/=}" 2>&1 |
		sed -u -E -e "s,^(PASS|FAIL|SKIP|AGAIN) ,\\1 $kernel/," \
		-e '/^[0-9]+ passed, [0-9]+ failed/d'
}

run() {	# run LEVEL NAME...
	local output

	output=$(mktemp)
	in_host "$@" | tee "$output"
	shift
	said "$@" < "$output"
	rm -f "$output"
}

# apart NAME...: each in a host of its own
apart() {
	local name output start status=0 ms

	output=$(mktemp)
	for name in "$@"; do
		start=$EPOCHREALTIME
		once "$name" > "$output" 2>&1 || status=$?
		if ((status && tries > 1)); then
			status=0
			echo "AGAIN $kernel/$name"
			sed 's/^/    /' "$output"
			once "$name" > "$output" 2>&1 || status=$?
		fi
		ms=$(((${EPOCHREALTIME/./} - ${start/./}) / 1000))
		if ((status)); then
			printf 'FAIL %s/%s (%d.%d s): exit status %d\n' "$kernel" "$name" \
				$((ms / 1000)) $((ms % 1000 / 100)) $status
			sed 's/^/    /' "$output"
		else
			printf 'PASS %s/%s (%d.%d s)\n' "$kernel" "$name" $((ms / 1000)) \
				$((ms % 1000 / 100))
		fi
		status=0
	done
	rm -f "$output"
}

once() {	# in the host's own namespaces, where the guest is
	local script=tests/${scenes%/kvm}/$1.sh files own

	fault_module || return
	# kvm: it starts the guest itself
	own=$(directive "$script" level || true)
	tests/vm/vm.sh run "$kernel" -l "${own:-$level}" -t "$limit" "${files[@]}" -- \
		env TAPLOSS_INSIDE=1 TAPLOSS_SLOWER=$SLOWER FRAMES="${FRAMES:-}" "$script"
}

# unavailable NAME...: there is no such kernel here
unavailable() {
	local word=SKIP name

	[[ $need != required ]] || word=FAIL
	for name in "$@"; do
		echo "$word $kernel/$name (0.0 s): ${why##*$'\n'}"
	done
}

mapfile -t hosted < <(names "$hosts")
mapfile -t beside < <(names "$scenes")
if ! why=$("$source" "$kernel"); then
	unavailable "${hosted[@]}" "${beside[@]}"
else
	((${#hosted[@]} == 0)) || run host "${hosted[@]}"
	apart "${beside[@]}"
fi | tee "$results" | sed -u '/^CELL /d'
