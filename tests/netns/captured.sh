#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A capture on a VM's tap that is too slow loses copies, as many as it says itself. That is kept
# apart: no loss, no share, no cause, nothing for the audit; shown when asked for, with the cause
# "capture". What the VM itself loses under the same capture is lost.
# kernels 5.10 6.12
. "$(dirname "$0")/../lib/test.sh"
need perl

# capture DEV: one that never reads; CAPTURE is its process id. A socket without a ring: of what a
# ring has no room for the kernel tells nearly nothing.
capture() {
	perl -MSocket -e '
		use constant { AF_PACKET => 17, ETH_P_ALL => 3, SOL_PACKET => 263,
			PACKET_STATISTICS => 6 };
		my $s;
		socket($s, AF_PACKET, SOCK_RAW, 0) or die $!;
		setsockopt($s, SOL_SOCKET, SO_RCVBUF, 32768) or die $!;
		bind($s, pack("SnlSCCx8", AF_PACKET, ETH_P_ALL, $ARGV[0], 0, 0, 0)) or die $!;
		local $SIG{TERM} = sub {
		print((unpack("LL", getsockopt($s, SOL_PACKET, PACKET_STATISTICS)))[1], "\n");
		exit };
		$| = 1;
		print "READY\n";
		sleep while 1;' "$(< "/sys/class/net/$1/ifindex")" > "capture.$1" 2>> capture.log &
	CAPTURE=$!
	wait_for 10 grep -q READY "capture.$1"
}
# captured DEV: it ends; COPIES is how many it says that the kernel dropped
captured() {
	let_go $CAPTURE
	COPIES=$(tail -n 1 "capture.$1")
	at_least "$COPIES" 100 "copies lost at $1"
}
verdicts() {	# verdicts VM [OPTION]...
	ctl --json diagnose "$@" | jq -c '[.verdicts[] | [.cause, .frames, .benign]]'
}

agent_start
bash -c 'exec -a qemu-system-x86_64 taptool drain "$@"' - "$TAP" -- -name guest=seen > drain.out \
	2>> hold.log &
drain=$!
wait_for 10 grep -qx READY drain.out
ip link set "$TAP" up txqueuelen 5000
hold_as qemu-system-x86_64 "$TAP2" ring 8 -- -name guest=losing
owned() {
	ctl --json vms | jq -e '[.vms[] | select(.name == "seen" or .name == "losing") | .nics[]] |
		length == 2'
}
wait_for 10 owned

capture "$TAP"
frames "$TAP" 2000 rate 20000
captured "$TAP"
wait_for 10 counter_at_least "$TAP" tx_packets 2000
same "$(counter "$TAP" tx_dropped)" 0 'lost by the tap'
expect_lost "$COPIES" nic="$TAP" class=CAPTURE direction=rx kind=policy
same "$(lost vm=seen)" "$COPIES" 'nothing else'
same "$(ctl --json loss seen | jq -c '[.rows, .masked_frames]')" "[[],$COPIES]" 'masked'
has "$(ctl loss seen)" 'no loss; besides, '
ctl loss seen --fail-over 0 > loss.out
has "$(ctl loss seen --masked)" ' capture'
same "$(verdicts seen)" '[]' verdicts
same "$(verdicts seen --masked)" "[[\"capture\",$COPIES,true]]" 'verdicts on what is masked'
same "$(ctl --json audit seen |
	jq '[.rows[] | .counted_frames, .explained_frames, .unexplained_frames | numbers] |
	add // 0')" 0 audit
same "$(ctl --json bursts seen --masked | jq -c .bursts)" '[]' bursts
same "$(ctl --json top --once --vm seen | jq -c .rows)" '[]' top

# Without the mask it is shown, and is no loss all the same.
ctl mask remove capture
same "$(ctl --json loss seen --by vm,class |
	jq -c '[.rows[] | [.class, .frames, .loss_pct]], .masked_frames')" \
	"[[\"CAPTURE\",$COPIES,null]]
0" 'without the mask'
ctl loss seen --fail-over 0 > loss.out
ctl mask restore capture

# The VM's own loss under such a capture
capture "$TAP2"
frames "$TAP2" 2008
captured "$TAP2"
same "$(counter "$TAP2" tx_dropped)" 2000 'lost by the tap'
expect_lost "$COPIES" nic="$TAP2" class=CAPTURE
same "$(ctl --json loss losing --by vm,direction | jq -c '[.rows[] | [.frames, .loss_pct]]')" \
	'[[2000,100]]' 'loss'
same "$(verdicts losing | jq -c 'map([.[0] == "capture", .[1]])')" '[[false,2000]]' \
	"verdicts: $(verdicts losing)"
same "$(ctl --json audit losing | jq -c '[.rows[] | [.counted_frames, .explained_frames]]')" \
	'[[2000,2000]]' audit
let_go $drain
