#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Inside a whole system: installs the package as an administrator does, install.sh FILE, and says
# what runs then.
set -euo pipefail

apt-get install -y -q "$1"
systemctl is-enabled taplossd
systemctl is-active taplossd
systemctl --no-pager status taplossd
