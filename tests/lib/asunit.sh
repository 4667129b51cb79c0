# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by tests that run other tests with the agent as its unit runs it (helpers/asunit.c):
# system calls, capabilities, trees, group. Not in a namespace of its own: the tests make theirs.

set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
B=$(realpath "${B:-build}")
UNIT=$PWD/agent/taplossd.service
[[ $(id -u) == 0 ]] || { echo 'needs root'; exit 77; }
command -v systemd-analyze > /dev/null || { echo 'needs systemd-analyze'; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cat > "$work/taplossd" << EOF
#!/bin/sh
exec '$B/tests/helpers/asunit' '$UNIT' '$B/taplossd' "\$@"
EOF
chmod 755 "$work" "$work/taplossd"

# as_unit TEST...: each passes, and nothing is refused but what a library tries at its start and can
# do without: libnuma asks for memory policies.
as_unit() {
	local name failed=0

	for name in "$@"; do
		: > "$work/log"
		if ! TAPLOSS_FIRST=$work ASUNIT_LOG=$work/log \
			timeout 240 "tests/$name.sh" > "$work/out" 2>&1; then
			failed=1
			echo "$name fails under the unit:"
			tail -n 30 "$work/out"
		fi
		if grep -v ' set_mempolicy ' "$work/log"; then
			failed=1
			echo "$name: these calls are not in SystemCallFilter= of" \
				agent/taplossd.service
		fi
	done
	return "$failed"
}
