#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The drop monitor as source, beside BPF for the same loss: tests/vm/net_dm.sh, in a test host, for
# only the first network namespace has one.
# plain
# limit 600
exec "$(dirname "$0")/../vm/vm.sh" run "${NET_DM_KERNEL:-6.12}" -t 560 -- bash tests/vm/net_dm.sh
