#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Every command in the EXAMPLES of taplossctl(8), and in README.md, does what it is said to do.
#
# Commands run on a made-up store of two days that end today, so that "the last hour" has data.
# Those that need devices or guests run with --help behind their options, which are all parsed.
# plain
# limit 120
. "$(dirname "$0")/../lib/store.sh"
B=${B:-build}
[[ $B == /* ]] || B=$ROOT/$B

export TAPLOSS_STORE=$W/made
"$B/tests/history/history" "$W/made" 2 6 $(($(date +%s) / 86400 * 86400 + 86400)) > "$W/truth"
# Names that the examples use.
sqlite3 -bail "$W/made/meta.db" "UPDATE vm SET name = 'web-17' WHERE name = 'over-0';
	UPDATE vm SET name = 'loadtest-3' WHERE name = 'flat-0';
	UPDATE vm SET name = 'lab-3' WHERE name = 'fault-0';
	UPDATE attachment SET mac = '52:54:00:12:34:56'
		WHERE vm_id = (SELECT id FROM vm WHERE name = 'web-17');
	SELECT count(*) FROM vm WHERE name IN ('web-17', 'loadtest-3', 'lab-3')" > "$W/names"
same "$(cat "$W/names")" 3 'VMs named'

# A million frames more in each minute of the last hour, whatever time of day it is.
now=$(date +%s)
series=$(sqlite3 "$W/made/meta.db" "SELECT s.id FROM series s JOIN vm ON vm.id = vm_id
	WHERE name = 'web-17' AND class = 'PTR_FULL'")
for minute in $(seq $((now / 60 - 58)) $((now / 60))); do
	day=$(date -u -d "@$((minute * 60 - 1))" +%Y%m%d)	# intervals end at their time
	echo "INSERT OR IGNORE INTO tick VALUES ($((minute * 60))000000000, 60000000000);
		INSERT OR REPLACE INTO loss
		VALUES ($((minute * 60))000000000, $series, 1000000, 1000000, 60000000);" \
		>> "$W/$day.sql"
done
for file in "$W"/2*.sql; do
	day=${file##*/}
	sqlite3 -bail "$W/made/timeline-${day%.sql}.db" < "$file"
done

# What the commands find: the program, a logger that sends nothing, a capture with one gap, a place.
mkdir "$W/bin" "$W/cwd"
ln -s "$TAPLOSSCTL" "$W/bin/taplossctl"
printf '#!/bin/sh\necho "$@" >> "%s"\n' "$W/logged" > "$W/bin/logger"
chmod +x "$W/bin/logger"
PATH=$W/bin:$PATH
cd "$W/cwd"
# Section header, interface, and a frame of 4 bytes before which 7 were lost (epb_dropcount).
printf '%b' '\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0' \
	'\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0' \
	'\x01\0\0\0\x14\0\0\0\x01\0\0\0\0\0\0\0\x14\0\0\0' \
	'\x06\0\0\0\x34\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x04\0\0\0\x04\0\0\0abcd' \
	'\x04\0\x08\0\x07\0\0\0\0\0\0\0\0\0\0\0\x34\0\0\0' > web-17.pcapng

from_man() {	# the .Dl lines of EXAMPLES, as a reader sees them
	sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/s/^\.Dl //p' "$ROOT/docs/taplossctl.8" |
		sed 's/\\(dq/"/g'
}
from_readme() {	# indented lines, without what is said behind them
	sed -n 's/^    \(taplossctl .*\)/\1/p' "$ROOT/README.md" | sed 's/  *# .*//'
}

# run STATUS LINE: by a shell, as a user types it
run() {
	local want=$1 status=0

	bash -c "$2" > "$W/out" 2> "$W/err" < /dev/null || status=$?
	same "$status" "$want" "exit status of: $2 ($(cat "$W/err"))"
	[[ $want != 0 || -s $W/out ]] || quiet "$2" || fail "no output of: $2"
	ran=$((ran + 1))
}
# Commands whose success is silence, or a file.
quiet() {
	case $1 in
	*'report '*' -o '*) test -s "${1##* -o }" ;;
	*' db backup '*) test -s "${1##* }/meta.db" ;;
	*' watch '* | *'| jq '*) ;;	# as it may be, right after midnight
	*) return 1 ;;
	esac
}

ran=0
while IFS= read -r line; do
	case $line in
	*' capture '* | *' trace '* | *' probe run '* | *' probe bench '*)
		# devices, guests, privilege
		run 0 "$line --help"
		;;
	*' watch '*)	# until it is interrupted; this host has loss, so its command has run
		run 0 "timeout --preserve-status -s INT 3 $line"
		;;
	*' top') run 0 "$line" ;;	# no terminal: as with --once
	*' gaps '*) run 3 "$line" ;;	# frames were lost
	*' --fail-over 0.1 ||'*)
		run 3 "${line%% ||*}"
		run 0 "$line"
		;;
	*' db backup '*) run 0 "${line/ \/var\/backups/ $W}" ;;
	*) run 0 "$line" ;;
	esac
done < <(from_man && from_readme)
at_least "$ran" 45 'commands'
