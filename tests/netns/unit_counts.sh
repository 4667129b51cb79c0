#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Under the lines of agent/taplossd.service the agent counts as it does without them: taps,
# macvtaps, XDP, PATH, headers.
# plain
# limit 480
. "$(dirname "$0")/../lib/asunit.sh"
as_unit netns/full_ring netns/full_ring_macvtap netns/classes netns/path netns/xdp \
	netns/frame_errors
