#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An hour's worth of ticks under valgrind: nothing leaks, nothing is read or written out of bounds.
# plain
# limit 240
. "$(dirname "$0")/../lib/test.sh"
need valgrind
[[ $B != *build-san ]] ||
	skip 'a sanitized program does not run under valgrind; the sanitizer looks for leaks itself'

# valgrind 3.19 does not know BPF_MAP_LOOKUP_BATCH and takes what it filled for uninitialised: that
# check is off.
valgrind -q --undef-value-errors=no --leak-check=full --show-leak-kinds=definite,indirect \
	--errors-for-leak-kinds=definite,indirect \
	--error-exitcode=9 "$B/tests/unit/agent/test_hour" 2>&1 |
	grep -v 'unhandled eBPF command' > valgrind.log
same "${PIPESTATUS[0]}" 0 'exit status under valgrind'
