#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The calculator, and the kernel's opinion: what `ring` shows can be made.
. "$(dirname "$0")/cap.sh"

answer=$(taplossctl --json ring --rate 1000000 --frame 64 --stall 100)
same "$(jq -c '[.rings[] | [.version, .frames_per_mib]]' <<< "$answer")" '[["V1",512],["V2",512],["V3",6898]]' 'density'
same "$(jq '[.rings[].stall_ns >= 100000000] | all' <<< "$answer")" true 'what was asked for is bridged'
same "$(taplossctl --json ring --blocks 64 --rate 500000 | jq -c '[.rings[].stall_ns]')" '[65536000,65536000,512000000]' 'and back'
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
