# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A bridge and a libvirt for probe VMs; sourced after test.sh and libvirt.sh. The kernel is that of
# the small guest.

BRIDGE=b$TAG
probe_start() {
	mkdir -p "$STORE"
	lv_start
	MODULES=$GUEST/lib/modules/$(cat "$GUEST/version")
	ip link add "$BRIDGE" type bridge mcast_snooping 0
	ip link set "$BRIDGE" up
}

# probe WORD...: a run into the bridge; its answer is $W/probe.json
probe() {
	probe_quietly "$@" || fail "taplossctl probe run $*: $(cat "$W/probe.log")"
}
probe_quietly() {
	(probe_exec "$@")
}
# The same in place of this shell: a job's process id is then the run's own.
probe_exec() {
	exec taplossctl --store "$STORE" --json probe run "${PLACE:-bridge:$BRIDGE}" \
		--kernel "$GUEST/vmlinuz" --modules "$MODULES" --accel "${ACCEL:-tcg}" "$@" \
		> "$W/probe.json" 2> "$W/probe.log"
}

tap_name() {	# of the probe VM that runs
	virsh -q domiflist "$(virsh -q list --name | head -n 1)" | awk '{ print $1 }'
}
tap_there() {
	[[ -n $(virsh -q list --name) && -e /sys/class/net/$(tap_name) ]]
}
no_domain() {
	[[ -z $(virsh -q list --all --name | xargs) ]]
}
nothing_left() {
	same "$(virsh -q list --all --name | xargs)" '' 'domains left'
	same "$(find /run -maxdepth 1 -name 'taploss-probe.*')" '' 'files left'
	same "$(find /sys/class/net -name 'tlp*')" '' 'taps left'
}

# step N JQ: of the last run's step
step() {
	jq -r ".steps[$1] | $2" "$W/probe.json"
}

entry() {	# entry PLACE [WHAT]: in the ledger of step 0
	step 0 "[.ledger[] | select(.place == \"$1\" and .what == \"${2:-}\") | .frames] | add // 0"
}

# balanced N: the ledger of step N is, and so is each gap; the tap's part is the kernel's own
# counter
balanced() {
	adds_up "$1"
	same "$(step "$1" '[.ledger[] | select(.place == "tap" and .what == "PTR_FULL") | .frames] |
		add // 0')" "$(step "$1" .tap_dropped)" \
		"at the tap in step $1, against tx_dropped"
}
adds_up() {
	same "$(step "$1" .unaccounted_frames)" \
		0 "unaccounted in step $1: $(step "$1" '{sent_frames, captured_frames, ledger}')"
	same "$(step "$1" '.captured_frames + ([.ledger[].frames] | add // 0)')" \
		"$(step "$1" .sent_frames)" "the ledger of step $1"
	same "$(step "$1" '[.gaps[] | select(.place == "unaccounted")] | length')" \
		0 "unexplained gaps in step $1"
	if (($(step "$1" .n_gaps) <= 2000)); then
		same "$(step "$1" '[.gaps[].frames] | add // 0')" "$(step "$1" .lost_frames)" \
			"frames in gaps of step $1"
	fi
}
