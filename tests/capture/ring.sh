#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The calculator, and the kernel's opinion: what `ring` shows can be made.
. "$(dirname "$0")/../lib/capture.sh"

answer=$(taplossctl --json ring --rate 1000000 --frame 64 --stall 100)
same "$(jq -c '[.rings[] | [.version, .frames_per_mib]]' <<< "$answer")" \
	'[["V1",512],["V2",512],["V3",6898]]' 'density'
same "$(jq '[.rings[].stall_ns >= 100000000] | all' <<< "$answer")" \
	true 'what was asked for is bridged'
same "$(taplossctl --json ring --blocks 64 --rate 500000 | jq -c '[.rings[].stall_ns]')" \
	'[65536000,65536000,512000000]' 'and back'
has "$(taplossctl ring)" BRIDGES
same "$(taplossctl --csv ring | wc -l)" 4 'lines of CSV'
for version in 1 2 3; do
	for block in 128k 256k 1M; do
		capturing "$TAP2" -w f.pcapng --ring $version --block $block --blocks 64
		seqframes "$TAP" 100 > /dev/null
		ended
		same "$(seen f.pcapng | wc -l)" 100 "frames, version $version, blocks of $block"
	done
done
capturing "$TAP2" -w f.pcapng --priv 100 --rx-hash --retire 20
seqframes "$TAP" 100 > /dev/null
ended
same "$(seen f.pcapng | wc -l)" 100 'frames behind a private area'

# A reader that stands still: the ring takes as many frames as the calculator says, and not one
# more.
stopped() { [[ $(awk '{ print $3 }' "/proc/$CAPTURE/stat") == T ]]; }
for version in 1 2 3; do
	shape=(--block 128k --blocks 8)
	[[ $version != 3 ]] || shape+=(--retire 65000)	# no block goes before it is full
	room=$(taplossctl --json ring --version $version "${shape[@]}" --frame 64 --rate 100000 |
		jq '.rings[0].frames')
	capturing "$TAP2" -w f.pcapng --ring $version "${shape[@]}"
	kill -STOP "$CAPTURE"
	wait_for 5 stopped
	seqframes "$TAP" $((room + 777)) > /dev/null
	kill -CONT "$CAPTURE"
	ended
	same "$(seen f.pcapng | wc -l)" "$room" "frames that the ring took, version $version"
	same "$({ taplossctl --json gaps f.pcapng || true; } | jq .frames_lost)" \
		777 "frames lost behind them, version $version"
done
