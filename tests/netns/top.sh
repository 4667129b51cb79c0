#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# top's screen, as somebody sees it who types: real loss, in terminals of 80x24 and of 200x60,
# narrow ones, without colour and Unicode.
# limit 150
. "$(dirname "$0")/../lib/test.sh"
need tmux

# The terminal. It is drawn once a second, so what is on it is waited for.
N=0
tm() {
	tmux -S "$W/tmux$N" -f /dev/null "$@"
}
defer 'tm kill-server 2> /dev/null'
# top_start COLUMNS LINES [VARIABLE=VALUE]...: a shell that runs top and then tells how it ended
top_start() {
	local size=(-x "$1" -y "$2")
	shift 2
	((N == 0)) || tm kill-server
	N=$((N + 1))	# a server that ends is in nobody's way
	rm -f before after
	tm new-session -d "${size[@]}" "exec bash --norc"
	tm set -g status off
	type_in "stty -a > before; env $* taplossctl top --vm $ONE --vm $TWO; echo \"status \$?\"; \
stty -a > after" Enter
}
type_in() {
	tm send-keys "$@"
}
on_screen() {
	tm capture-pane -p
}
shows() {	# shows PART...: all of them
	local text part

	text=$(on_screen)
	echo "$text"
	for part; do
		[[ $text == *"$part"* ]] || return 1
	done
}
hides() {	# hides PART: it is not there, and a screen is
	local text

	text=$(on_screen)
	echo "$text"
	[[ $text == *taploss* && $text != *"$1"* ]]
}
wait_shows() {
	wait_for 20 shows "$@"
}
wait_hides() {
	wait_for 20 hides "$@"
}
line_is() {	# line_is N TEXT: what line N begins with
	local text

	text=$(on_screen | sed -n "$1p")
	echo "$text"
	[[ $text == "$2"* ]]
}
top_ended() {	# top_ended STATUS: and the terminal is what it was
	wait_for 20 test -s after
	wait_shows "status $1"
	same "$(tm display -p '#{alternate_on} #{cursor_flag}')" '0 1' 'the terminal afterwards'
	same "$(cat after)" "$(cat before)" 'the line settings afterwards'
}

# Two VMs, one with a name that would take the terminal over.
ONE=11111111-2222-3333-4444-555555${TAG}a TWO=11111111-2222-3333-4444-555555${TAG}b
ONE=${ONE:0:36} TWO=${TWO:0:36}
hold_as qemu-system-x86_64 "$TAP" queues 2 ring 100 -- -name "guest=web" -uuid "$ONE"
held=$HELD
hold_as qemu-system-x86_64 "$TAP2" ring 50 -- -name $'guest=d\e[7mb' -uuid "$TWO"
agent_start
frames "$TAP" 5200 flows 64
frames "$TAP2" 350
one=$(counter "$TAP" tx_dropped)
same "$one $(counter "$TAP2" tx_dropped)" '5000 300' 'frames lost'
expect_lost 5000 nic="$TAP"
expect_lost 300 nic="$TAP2"

# The list: who, how much, which share, why. Names are shown, not sent.
top_start 80 24
wait_shows 'web ' 'd\x1b[7mb' 'PTR_FULL' '5,000' '100.0 %' 'all VMs, by now' 'F1Help'
wait_for 20 line_is 5 'web '
same "$(on_screen | sed -n 4p | awk '{ print $1, $4, $5 }')" 'VM NOW/s LOST'
wait_shows '5,300 harmful, 0 on the way, 0 benign'

# Sorted by name, the other one comes first; turned, and by frames again.
type_in '>' '>' '>' '>'
wait_shows 'by name'
wait_for 20 line_is 5 'd\x1b'
type_in I
wait_for 20 line_is 5 'web '
type_in I F6 F6 F6 F6 F6
wait_shows 'by frames'
wait_for 20 line_is 5 'web '

# A filter while it is typed; Esc ends it.
type_in / D x1
wait_shows 'filter: D'
type_in C-u
type_in "${TAP2:0:6}"
wait_hides 'web '
wait_shows 'd\x1b[7mb'
type_in Enter
wait_shows "only \"${TAP2:0:6}\""
type_in Escape
wait_shows 'web '

# In: VM, NIC, queue, bursts; the frames of the queues are those of the NIC. And out again.
type_in Home Enter
wait_shows 'web running' "$TAP" '5,000'
type_in Enter
wait_shows "> $TAP rx" 'OF LOSS'
wait_for 20 line_is 6 ' '
queues=$(on_screen | sed -n '5,6p' | awk '{ gsub(",", "", $6); print $1, $6 }' | sort)
same "$queues" "$(rows_as 'group_by(.queue)[] | "\(.[0].queue) \(map(.frames) | add)"' nic="$TAP" |
	tr -d '"')" 'queues and their frames'
type_in l
wait_shows '> queue' START LENGTH host
queue=$(on_screen | sed -n 's/.*> queue \([01]\) PTR_FULL.*/\1/p')
same "$(on_screen | sed -n '5,$p' | grep -c ' host')" \
	"$(ctl --json bursts "$TAP" --queue "$queue" | jq '.bursts | length')" 'bursts of the queue'

# Another size, at any time. A pane shows the row at the cursor over time, and its bursts.
tm resize-window -x 200 -y 60
wait_shows '> queue'
type_in Escape
wait_shows 'OF LOSS' LONGEST KERNEL FULL_RING
type_in Escape Escape
wait_shows 'all VMs' BURSTS "web $TAP rx: PTR_FULL FULL_RING (capacity); " ' bursts, longest'
same "$(on_screen | sed -n 60p | cut -c1-6)" F1Help 'the last line'
tm resize-window -x 19 -y 4
wait_shows 'too small'
tm resize-window -x 40 -y 8
wait_shows 'web ' '?Help'
tm resize-window -x 80 -y 24
wait_shows F1Help
type_in F1
wait_shows 'taploss: help' 'Enter Right l'
type_in q
wait_shows 'all VMs'
type_in Home d
wait_shows 'taploss: diagnosis' 'of the loss (5,000 frames)' 'confidence'
type_in Escape
wait_shows 'all VMs'
type_in w
wait_shows 'last 15 min'
type_in W
wait_shows 'last 5 min'

# The store grows; the VM that one looks at goes; the agent goes and comes back.
type_in Home Enter
wait_shows 'web running'
frames "$TAP" 77
wait_shows '5,077'
let_go "$held"
wait_shows 'web gone' '5,077'
agent_stop
wait_shows 'the agent is NOT RUNNING' '5,077'
agent_start
wait_hides 'NOT RUNNING'
type_in Escape
wait_shows 'web ' gone 'd\x1b[7mb'
mv "$STORE/meta.db" "$STORE/away"
wait_shows 'no store in' 'd\x1b[7mb'	# what was there stays
mv "$STORE/away" "$STORE/meta.db"
wait_hides 'no store in'
type_in q
top_ended 0

# It ends well by a signal, too.
for signal in INT TERM HUP; do
	top_start 80 24
	wait_shows 'd\x1b[7mb'
	case $signal in
	INT) type_in C-c ;;
	*) pkill -"$signal" -P "$(tm display -p '#{pane_pid}')" taplossctl ;;
	esac
	top_ended 0
done

# Colour only where it is wanted and there is one; letters where there is no Unicode; plain
# terminals.
colours() {
	tm capture-pane -p -e | grep -cE $'\e''\[([0-9;]*;)?3[0-7]m' || true
}
top_start 80 24 -u NO_COLOR
frames "$TAP2" 50
wait_shows 'd\x1b[7mb' '350' '-- benign'
at_least "$(colours)" 1 'coloured lines'
type_in q
top_ended 0
top_start 80 24 LC_ALL=C TERM=vt100
wait_shows 'd\x1b[7mb' '#'
same "$(colours)" 0 'coloured lines'
[[ $(on_screen | LC_ALL=C tr -d '\000-\177' | wc -c) == 0 ]] || fail 'letters that are not ASCII'
type_in q
top_ended 0
for term in dumb nosuch; do
	top_start 80 24 TERM=$term
	wait_shows "\"$term\" (TERM) is unknown" 'd\x1b[7mb' 'OVER TIME'
	top_ended 0
done
