#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The manual pages name every command and option that --help names, every configuration key with its
# default and range, and no option that is not there.
# plain
. "$(dirname "$0")/../lib/store.sh"
TAPLOSSD=${TAPLOSSD:-build/taplossd}
[[ $TAPLOSSD == /* ]] || TAPLOSSD=$ROOT/$TAPLOSSD
MAN=$ROOT/docs

# options: long options in standard input, one a line
options() {
	grep -oE -- '--[a-z][a-z-]+' | sort -u
}
# page FILE: long options in the text of a manual page
page() {
	sed -E 's/Fl -([a-z])/--\1/g; s/( [|,]) -([a-z])/\1 --\2/g' "$1" |
		grep -v '^\.D[dlst]\|systemctl' | options
}
# section COMMAND: what the page says of it, and of all commands
section() {
	sed -n '1,/^\.Sh COMMANDS/p' "$MAN/taplossctl.8"
	awk -v c="$1" '/^\.S[sh] / { on = $1 == ".Ss" && $2 == c } on' "$MAN/taplossctl.8"
}

ctl --help | sed -n '/^  taplossctl/d; s/^  \([a-z][a-z]*\) .*/\1/p' > "$W/commands"
(($(wc -l < "$W/commands") >= 18)) || fail "commands of --help: $(cat "$W/commands")"
while read -r command; do
	section "$command" > "$W/section"
	page "$W/section" > "$W/page"
	ctl "$command" --help | options > "$W/help"
	same "$(comm -13 "$W/page" "$W/help")" '' "options of $command not in taplossctl(8)"
	cat "$W/help" >> "$W/all"
done < "$W/commands"
{ cat "$W/all"; printf '%s\n' --version --help --blind; } | sort -u > "$W/known"
same "$(page "$MAN/taplossctl.8" | comm -23 - "$W/known")" '' \
	'options of taplossctl(8) that --help does not have'

"$TAPLOSSD" --help | options > "$W/help"
same "$(page "$MAN/taplossd.8" | comm -3 - "$W/help")" '' 'options of taplossd(8) and of --help'

# key of the section at hand, its default, and the two ends of its range
"$TAPLOSSD" --config /dev/null --print-config | awk '
	/^\[/ { section = $1 }
	/^#/ { range = "" }
	/^#/ && match($0, /[0-9]+ to [0-9]+/) { range = substr($0, RSTART, RLENGTH) }
	/ = / { key = $1; sub(/^[^=]*= ?/, ""); print section "|" key "|" $0 "|" range }' \
	> "$W/keys"
(($(wc -l < "$W/keys") >= 25)) || fail "keys of --print-config: $(cat "$W/keys")"
while IFS='|' read -r name key default range; do
	awk -v s="$name" -v k="$key" '/^\.S[sh] / { on = $2 == s }
		on && /^\.It Cm / { item = $0 ~ " " k "( |$)" } on && item' "$MAN/taploss.conf.5" |
		sed -E 's/^\.(Cm|Pa|Pq) //; s/ \)/)/' | tr '\n' ' ' > "$W/item"
	[[ -s $W/item ]] || fail "taploss.conf(5) has no $key in $name"
	has "$(cat "$W/item")" "(default: ${default:-none}" "$name $key"
	[[ -z $range ]] || has "$(cat "$W/item")" "Range: $range." "$name $key"
done < "$W/keys"

# The file that is installed has the same text, each key commented out.
sed -E 's/^#([a-z_]+ =)/\1/' "$ROOT/agent/taploss.conf" > "$W/installed"
"$TAPLOSSD" --config /dev/null --print-config > "$W/printed"
diff -w "$W/installed" "$W/printed" > "$W/diff" ||
	fail "agent/taploss.conf (<) is not what --print-config says (>): $(cat "$W/diff")"
