#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What cannot be shown here is said, and said of this host: rows come and go with what the agent
# finds.
. "$(dirname "$0")/../lib/test.sh"

blind() {
	ctl --json status --blind | jq -r '.blind[].loss'
}

has_row() {
	blind | grep "$1" > /dev/null
}

has_no_row() {
	! has_row "$1"
}

agent_start
same "$(ctl status --limitations)" "$(ctl status --blind)" 'the old name of the option'
same "$(ctl --json status --limitations | jq -r .kernel)" "$(uname -r)" kernel
has_row 'shorter than its headers'
has_row 'ring that is stuck'
ctl --json status --blind | jq -e '[.blind[] | (.loss, .why, .witness) | length > 0] | all' \
	> /dev/null
[[ $(ctl --csv status --blind) == $'loss,why,witness\r\n'* ]] || fail 'no head line'

# Before 7.2 a vhost worker drops frames that name nothing; then it depends on the configuration.
release=$(uname -r)
major=${release%%.*} minor=${release#*.}
minor=${minor%%[!0-9]*}
if ((major < 7 || (major == 7 && minor < 2))); then
	has_row 'the first frames with a bad header that a vhost worker drops'
	agent_stop
	printf '[bpf]\ncontext = off\n' > conf
	agent_start --config conf
	wait_for 10 has_row 'device and queue of a frame with a bad header'
	has_no_row 'the first frames with a bad header'
else
	has_no_row 'that a vhost worker drops'
fi

# Losses of two of these kinds: nothing is counted, and nothing is there to be counted; or the
# device counts what the kernel frees unseen.
refused=${TAP}a copied=${TAP}b
lose() {
	bash -c 'exec -a qemu-system-x86_64 taptool case "$@"' - "$1" dev "$2" count "$3" \
		stay > "case.$2" 2>> case.log &
	wait_for 10 grep -q sent "case.$2"
}
lose badhdr_refused "$refused" 7
lose ucopy_small "$copied" 9
settled
same "$(lost nic="$refused")$(lost nic="$copied")" 00 'frames counted as lost'
same "$(counter "$refused" rx_dropped) $(counter "$refused" rx_errors)" '0 0' \
	"the device's counters"
audit() {
	ctl --json audit | jq -c --arg nic "$copied" \
		'.rows[] | select(.nic == $nic) | [.counter, .counted_frames, .explained_frames,
		.unexplained_frames]'
}
audit_is() {
	[[ $(audit) == "$1" ]]
}
wait_for 10 audit_is '["rx_dropped",9,0,9]'
has "$(ctl audit)" "$copied rx_dropped may be: a guest's frames dropped by an XDP program on the \
tap, or that could not be copied"
