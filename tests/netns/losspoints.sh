#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every way to lose a frame that taptool knows, checked to the frame: see losspoints/run.sh.
# limit 300
# kernels
exec "$(dirname "$0")/../losspoints/run.sh"
