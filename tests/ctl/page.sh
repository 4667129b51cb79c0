#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The report's page in a browser without a network: no word on the console, charts drawn, tables
# sorted and searched, names that mean harm harmless, printed as PDF.
# plain
# limit 240
. "$(dirname "$0")/../lib/store.sh"
. "$(dirname "$0")/../lib/browser.sh"
made_history
ctl report capacity "${MADE_WINDOW[@]}" -o "$W/host.html"
ctl report capacity "${MADE_WINDOW[@]}" --vm grow-0 -o "$W/vm.html"
ctl report compare --before "@$((MADE_END - 34 * 86400))..@$((MADE_END - 18 * 86400))" \
	--after "@$((MADE_END - 17 * 86400))..@$MADE_END" -o "$W/compare.html"

cat > "$W/look.js" << 'EOS'
(() => {
	const wrong = [], must = (ok, what) => ok || wrong.push(what);
	/* Painted, and not in one colour only. */
	const canvases = [...document.querySelectorAll('.chart canvas')];
	must(canvases.length === document.querySelectorAll('.chart').length,
		'charts without a canvas');
	for (const c of canvases) {
		const p = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
		const colours = new Set();
		for (let i = 0; i < p.length; i += 4)
			if (p[i + 3] > 200)
				colours.add(p[i] << 16 | p[i + 1] << 8 | p[i + 2]);
		must(colours.size >= 3, 'an empty chart');
	}
	must(/^(Capacity|Before and after) of/.test(document.title) &&
		!document.querySelector('img, iframe, main script[src]'),
		'a name did harm: ' + document.title);
	/* Each column of each table, up and down: numbers as numbers. */
	for (const table of document.querySelectorAll('.table table[id]')) {
		const rows = () => [...table.tBodies[0].rows];
		const text = () => rows().map(r => r.textContent).sort().join('\n');
		const before = text();
		for (const th of table.tHead.rows[0].cells) {
			for (const way of ['ascending', 'descending']) {
				th.querySelector('button').click();
				must(th.getAttribute('aria-sort') === way,
					'aria-sort of ' + th.textContent);
				const v = rows().map(r => r.cells[th.cellIndex].dataset.v)
					.filter(x => x !== undefined).map(Number);
				const up = way === 'ascending';
				must(v.every((x, i) => !i || (up ? v[i - 1] <= x : v[i - 1] >= x)),
					'order of ' + th.textContent + ' in ' + table.id);
			}
		}
		must(text() === before, 'rows of ' + table.id);
	}
	const all = document.querySelector('[data-all=nics]');
	if (all) {
		const shown = () => [...document.querySelectorAll('#nics tbody tr')]
			.filter(r => r.offsetHeight).length;
		const find = document.querySelector('[data-find=nics]');
		find.value = 'grow-0';
		find.dispatchEvent(new Event('input', { bubbles: true }));
		must(shown() === 2, 'found ' + shown() + ' rows of grow-0');
		find.value = '';
		find.dispatchEvent(new Event('input', { bubbles: true }));
		all.click();
		must(shown() === document.querySelectorAll('#nics tbody tr').length, 'all rows');
	}
	document.getElementById('result').textContent = JSON.stringify({
		charts: canvases.length,
		tables: document.querySelectorAll('.table table').length,
		wrong,
	});
})();
EOS
for page in host vm compare; do
	probe "$W/$page.html" "$W/look.js" > "$W/$page.json"
	same "$(jq -c .wrong "$W/$page.json")" '[]' "$page"
	same "$(cat "$W/console")" '' "console of $page"
done
same "$(jq -c '[.charts, .tables >= 7]' "$W/host.json")" '[1,true]' 'host page'
same "$(jq -c '[.charts, .tables >= 9]' "$W/vm.json")" '[5,true]' 'page of a VM'

same "$(jq -c '[.charts, .tables]' "$W/compare.json")" '[0,1]' 'page of compare'

# What would be wrong is seen: an error on the console, a chart that is not drawn.
echo 'console.error("a word"); document.querySelector(".chart").replaceChildren();' > "$W/bad.js"
probe "$W/host.html" "$W/bad.js" "$W/look.js" > "$W/bad.json"
grep -q 'a word' "$W/console" || fail 'the console is not heard'
same "$(jq -c '.wrong | length > 0' "$W/bad.json")" true 'an empty chart is not seen'

# On paper: every section, no scroll bars, no buttons.
browse --no-pdf-header-footer --print-to-pdf="$W/page.pdf" "file://$W/host.html"
pdftotext -layout "$W/page.pdf" "$W/page.txt"
for words in 'NICs that lose, or will' 'Why frames were lost' 'What was wrong, and when' \
	'Loss over time' 'When in the week' 'Who loses' 'Service levels' 'All NICs' \
	'What was not seen' \
	'How the numbers are made' 'MADE-UP HISTORY' '2026-1[12]-[0-9][0-9] *2027-01'; do
	grep -q -- "$words" "$W/page.txt" || fail "not on paper: $words"
done
same "$(grep -c 'Show all' "$W/page.txt" || true)" 0 'buttons on paper'
