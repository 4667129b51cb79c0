# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The comment lines of a test script that say how it is run. docs/HACKING.md has the table.

# directive SCRIPT WORD: what follows WORD in its first line "# WORD ..."; fails when there is none
directive() {
	sed -n "/^# $2\\( \\|\$\\)/{s/^# $2 *//p;q0};\$q1" "$1"
}
