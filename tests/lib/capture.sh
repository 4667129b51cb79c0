# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the tests of captures share; sourced in place of test.sh. A veth pair "$TAP", "$TAP2":
# numbered frames go into the first end.
. "$(dirname "${BASH_SOURCE[0]}")/test.sh"
need tshark capinfos

# veth NAME PEER: both up
veth() {
	ip link add "$1" type veth peer name "$2"
	ip link set "$1" up
	ip link set "$2" up
}
veth "$TAP" "$TAP2"

# capturing [OPTION]...: taplossctl capture in the background; returns when its sockets are there.
# CAPTURE is its process id.
capturing() {
	rm -f capture.err
	taplossctl capture "$@" 2> capture.err > capture.out &
	CAPTURE=$!
	defer "kill -KILL $CAPTURE 2> /dev/null"
	wait_for 10 has_begun
}

has_begun() {
	kill -0 "$CAPTURE" || fail "the capture ended: $(cat capture.err)"
	grep -q '^capturing on' capture.err
}

# ended [STATUS]: Ctrl-C, and the capture's end
ended() {
	kill -INT "$CAPTURE" 2> /dev/null || true
	ended_alone "${1:-0}"
}

ended_alone() {
	local status=0

	wait "$CAPTURE" || status=$?
	same "$status" "$1" "the capture's exit status; it said: $(cat capture.err)"
}

# seen FILE: its frames as tshark reads them: interface, frame on it, lost in front of it, number,
# time; numbers from 0
seen() {
	tshark -r "$1" -T fields -e frame.interface_id -e frame.drop_count -e frame.time_epoch \
		-e data.data 2> tshark.err |
		perl -ne '/^(\d+)\t(\d*)\t([\d.]+)\t([0-9a-f]{16})/ and
			printf "%d %d %d %d %s\n", $1, ++$n{$1}, $2 || 0, hex($4), $3'
	[[ ! -s tshark.err ]] || ! grep -v '^Running as user' tshark.err || fail 'tshark complains'
}

# true_gaps FILE SENT: from the numbers alone: "after before lost" a line; the frame numbers of the
# interface. One interface.
true_gaps() {
	seen "$1" | perl -ne '($i, $n, $d, $seq) = split;
		print $n - 1, " $n ", $seq - $next, "\n" if $seq != $next; $next = $seq + 1;
		END { print "$n - ", '"$2"' - $next, "\n" if $next != '"$2"' }'
}

# told_gaps FILE: the same as taplossctl tells it
told_gaps() {
	{ taplossctl --json gaps "$1" || true; } |
		jq -r '.gaps[] | "\(.after_frame) \(.before_frame // "-") \(.frames_lost)"'
}
