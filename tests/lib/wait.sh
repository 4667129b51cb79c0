# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What benches wait by; sourced: . "$(dirname "$0")/../lib/wait.sh". A measurement of something that
# did not come about is none.

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# until_true SECONDS COMMAND...: ends the bench when it is not true by then
until_true() {
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000))

	shift
	until "$@"; do
		((${EPOCHREALTIME/./} < end)) || die "in vain: $*"
		sleep 0.05
	done
}
