# shellcheck shell=bash disable=SC2154,SC2034	# W, ROOT are store.sh's
# SPDX-License-Identifier: GPL-2.0-or-later
# Opens pages in a real browser, without a network and without a screen. Sourced after store.sh.

command -v chromium > /dev/null || { echo 'needs chromium'; exit 77; }
MADE_END=1795132800	# 2026-11-20 00:00 UTC
MADE_WINDOW=(--since "@$((MADE_END - 35 * 86400))" --until "@$MADE_END")

# made_history: the store of a host that does not exist, in $W/made
made_history() {
	"${B:-build}/tests/history/history" "$W/made" 35 12 $MADE_END > "$W/truth"
	export TAPLOSS_STORE=$W/made
}

# browse ARGUMENT...: console messages go to $W/console; in a network namespace of its own, with
# nothing in it
browse() {
	unshare -rn timeout -k 5 150 chromium --headless --no-sandbox --disable-gpu \
		--disable-dev-shm-usage --user-data-dir="$W/profile" --hide-scrollbars \
		--enable-logging=stderr --virtual-time-budget=30000 "$@" 2> "$W/stderr"
	# the browser's own pages talk, too
	grep CONSOLE "$W/stderr" | grep -v 'source: chrome://' > "$W/console" || true
}

# probe PAGE SCRIPT...: opens a copy of the page with scripts behind its own; what they put into
# #result goes to standard output
probe() {
	local page=$1
	shift

	{
		sed '/<\/body>/d' "$page"
		echo '<pre id="result"></pre>'
		for script in "$@"; do
			echo '<script>'
			cat "$script"
			echo '</script>'
		done
		echo '</body></html>'
	} > "$W/probe.html"
	browse --dump-dom "file://$W/probe.html" > "$W/dom"
	sed -n 's/.*<pre id="result">\(.*\)<\/pre>.*/\1/p' "$W/dom" |
		sed 's/&lt;/</g; s/&gt;/>/g; s/&amp;/\&/g'
}
