#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Runs every benchmark; exit status 1 when one failed or missed its goal. B: the build directory.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}
export B
bench=$B/tests/bench
failed=0

run() {	# run COMMAND: a benchmark; 77 means that something it needs is not there, and it said so
	"$@"
	case $? in
	0 | 77) ;;
	*) failed=1 ;;
	esac
	echo
}
run tests/bench/capture.sh "$B"
tests/bench/capture_chart.sh "$B/bench/capture.txt" > "$B/bench/capture.svg" || failed=1
run tests/bench/drop_cost.sh "$bench/drop_cost"
run tests/bench/dropped.sh "$bench/drop_cost" "$B/taplossctl"
run tests/bench/netdm.sh
run tests/bench/scale.sh "$bench/many_taps" "$B/taplossd"
run "$bench/store"
run tests/bench/query.sh "$bench/fill" "$B/taplossctl"
run tests/bench/years.sh "$bench/years" "$B/taplossctl"
run tests/bench/probe.sh
exit $failed
