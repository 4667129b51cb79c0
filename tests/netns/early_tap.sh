#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A tap that is made and overrun before user space can know of it is counted, and is its owner's as
# soon as he is found.
. "$(dirname "$0")/../lib/test.sh"

agent_start
kill -STOP "$AGENT"
hold_as qemu-system-x86_64 "$TAP" ring 16 -- -name guest=early-1
frames "$TAP" 1000
kill -CONT "$AGENT"
expect_lost 984 vm=early-1 class=PTR_FULL queue=0
same "$(counter "$TAP" tx_dropped)" 984

# One that is gone again before anybody looked: still counted, by its name, and nobody's.
kill -STOP "$AGENT"
hold "$TAP2" ring 16
frames "$TAP2" 500
let_go "$HELD"
[[ ! -e /sys/class/net/$TAP2 ]] || fail "$TAP2 is still there"
kill -CONT "$AGENT"
expect_lost 484 "nic=$TAP2" vm=null class=PTR_FULL
expect_lost 984 vm=early-1 class=PTR_FULL

# And while no agent runs at all.
agent_stop
hold_as qemu-system-x86_64 "$TAP2" ring 16 -- -name guest=late-1
frames "$TAP2" 200
agent_start
expect_lost 184 vm=late-1 class=PTR_FULL
expect_lost 484 vm=null "nic=$TAP2" class=PTR_FULL
