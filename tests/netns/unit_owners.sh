#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Under the lines of agent/taplossd.service the agent finds VMs, hands counters over, reads rings,
# talks to its service manager.
# plain
# limit 480
. "$(dirname "$0")/../lib/asunit.sh"
as_unit libvirt/plain_qemu netns/handover netns/headroom netns/service netns/counters
