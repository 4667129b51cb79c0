#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The report's pages by the rules of WCAG 2.1 A and AA, light and dark, checked by axe-core (from
# npm, kept in the user's cache).
# plain
# limit 240
. "$(dirname "$0")/../lib/store.sh"
. "$(dirname "$0")/../lib/browser.sh"
command -v npm > /dev/null || { echo 'needs npm'; exit 77; }
AXE=4.14.1
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/taploss-tests
if [[ ! -s $cache/axe-$AXE.js ]]; then
	(cd "$W" && npm pack --silent axe-core@$AXE > /dev/null 2> npm.err &&
		tar xzf axe-core-$AXE.tgz) ||
		{ echo "npm cannot fetch axe-core: $(tail -n 1 "$W/npm.err")"; exit 77; }
	mkdir -p "$cache"
	cp "$W/package/axe.min.js" "$cache/axe-$AXE.js.$$"
	mv "$cache/axe-$AXE.js.$$" "$cache/axe-$AXE.js"
fi
made_history
ctl report capacity "${MADE_WINDOW[@]}" -o "$W/host.html"
ctl report capacity "${MADE_WINDOW[@]}" --vm grow-0 -o "$W/vm.html"
ctl report compare --before "@$((MADE_END - 34 * 86400))..@$((MADE_END - 18 * 86400))" \
	--after "@$((MADE_END - 17 * 86400))..@$MADE_END" -o "$W/compare.html"

cat > "$W/ask.js" << 'EOS'
const rules = { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] };
axe.run(document, { exclude: ['#result'] }, rules).then(r => {
	document.getElementById('result').textContent = JSON.stringify({ passes: r.passes.length,
		violations: r.violations.map(v =>
			[v.id, v.nodes.length, v.nodes[0].html.slice(0, 200)]) });
}, e => { document.getElementById('result').textContent = JSON.stringify({ error: String(e) }); });
EOS
sed -i 's/axe.run(document, { exclude: \[.#result.\] },/axe.run({ exclude: ["#result"] },/' \
	"$W/ask.js"
# The browser is told by a style of its own which scheme to prefer: headless ones have no setting
# that all versions know.
for scheme in light dark; do
	for page in host vm compare; do
		sed "s/(prefers-color-scheme:$scheme)/all/g
			s/(prefers-color-scheme:[a-z]*)/not all/g" "$W/$page.html" > "$W/one.html"
		probe "$W/one.html" "$cache/axe-$AXE.js" "$W/ask.js" > "$W/axe.json"
		jq -e '.passes > 15' "$W/axe.json" > /dev/null ||
			fail "axe did not run on $page, $scheme: \
$(head -c 500 "$W/axe.json") $(head -c 500 "$W/console")"
		same "$(jq -c .violations "$W/axe.json")" '[]' "$page, $scheme"
	done
done

# A page with a fault is found out.
sed 's/<html lang="en">/<html>/' "$W/host.html" > "$W/one.html"
probe "$W/one.html" "$cache/axe-$AXE.js" "$W/ask.js" > "$W/axe.json"
same "$(jq -c '[.violations[][0]]' "$W/axe.json")" '["html-has-lang"]' 'a page without a language'
