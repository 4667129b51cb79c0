# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# How a test compares, and how it fails: file and line of the test, evidence. Sourced by test.sh
# and store.sh.

fail() {
	local i

	trap - ERR
	for ((i = 1; i < ${#BASH_SOURCE[@]}; i++)); do
		[[ ${BASH_SOURCE[i]} == */lib/*.sh ]] || break
	done
	((i < ${#BASH_SOURCE[@]})) || i=$((${#BASH_SOURCE[@]} - 1))
	echo "${BASH_SOURCE[i]}:${BASH_LINENO[i - 1]}: $*" >&2
	evidence >&2
	exit 1
}

# What somebody needs who looks at a failure; test.sh has more to show.
evidence() {
	:
}

# same GOT WANTED [WHAT]
same() {
	[[ $1 != "$2" ]] || return 0
	if [[ $1$2 == *$'\n'* ]]; then
		fail "${3:-}
got:    $1
wanted: $2"
	fi
	fail "${3:+$3: }got '$1', not '$2'"
}

# at_least NUMBER MINIMUM [WHAT]
at_least() {
	(($1 >= $2)) || fail "${3:+$3: }$1 is less than $2"
}

# has TEXT PART: PART stands somewhere in TEXT. Not `| grep -q`: that ends at the first match, and
# the writer by a signal.
has() {
	[[ $1 == *"$2"* ]] || fail "no '$2' in: $1"
}
