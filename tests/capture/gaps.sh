#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# limit 120
# A reader that stands still again and again before a small ring: every gap in the frames' numbers
# stands in the file, where it is, as large as it is. Version 3: to the frame. Versions 1 and 2:
# within the bounds that the file gives, and the sum is right.
. "$(dirname "$0")/../lib/capture.sh"

FRAMES=120000

# stalled OPTION...: a capture whose reader stands still while frames come, five times; numbers go
# on from burst to burst
stalled() {
	local i size

	capturing "$TAP2" -w "$W/f.pcapng" "$@"
	for i in 0 1 2 3 4; do
		size=$(stat -c %s f.pcapng)
		kill -STOP "$CAPTURE"
		wait_for 5 state_is T
		same "$(seqframes "$TAP" $((FRAMES / 10)) 0 64 0 $((i * FRAMES / 10)))" \
			$((FRAMES / 10)) sent
		kill -CONT "$CAPTURE"
		wait_for 5 larger_than "$size"
	done
	ended
}
state_is() { [[ $(awk '{ print $3 }' "/proc/$CAPTURE/stat") == "$1" ]]; }
larger_than() { (($(stat -c %s f.pcapng) > $1)); }

stalled --block 128k --blocks 2 --retire 250
true_gaps f.pcapng $((FRAMES / 2)) > true
told_gaps f.pcapng > told
at_least "$(wc -l < true)" 5 gaps
same "$(< told)" "$(< true)" 'the gaps of version 3'
tell=$(taplossctl gaps f.pcapng || echo "status $?")
has "$tell" 'frames lost between frame'
has "$tell" 'status 3'

# The statistics at the end add up, for other programs, too: captured + lost = offered, and dropped
# frames as tshark finds them.
captured=$(seen f.pcapng | wc -l)
lost=$(awk '{ n += $3 } END { print n }' true)
same $((captured + lost)) $((FRAMES / 2)) 'captured and lost'
trailing=$(awk '$2 == "-" { n = $3 } END { print n + 0 }' true)
same "$(seen f.pcapng | awk '{ n += $3 } END { print n }')" $((lost - trailing)) \
	'frame.drop_count of tshark'
has "$(< capture.err)" 'lost by the capture itself'

for version in 1 2; do
	stalled --ring $version --block 128k --blocks 2
	true_gaps f.pcapng $((FRAMES / 2)) > true
	same "$(awk '{ n += $3 } END { print n }' true)" \
		"$(told_gaps f.pcapng | awk '{ n += $3 } END { print n }')" \
		"frames lost, version $version"
	at_least "$(wc -l < true)" 5 'gaps'
	told_gaps f.pcapng > told
	# each true gap lies within one that is told
	perl -e 'open T, "told"; @told = map { [split] } <T>; open R, "true"; while (<R>) {
		($lo, $hi) = split;
		$hi = $lo + 1 if $hi eq "-"; next if grep { $_->[0] <= $lo && ($_->[1] eq "-" ||
		$hi <= $_->[1]) } @told; print "outside: $_"; exit 1 }' ||
		fail "version $version: $(cat true); told: $(cat told)"
done
