/* Charts and sorting. All that it shows stands in the tables, too. */
(() => {
	'use strict';
	const css = name =>
		getComputedStyle(document.documentElement).getPropertyValue(name).trim();
	const data = id =>
		JSON.parse((document.getElementById(id) || { textContent: '[]' }).textContent);
	const charts = [];
	const short = n => n >= 1e9 ? (n / 1e9).toFixed(1) + ' G'
		: n >= 1e6 ? (n / 1e6).toFixed(1) + ' M'
		: n >= 1e4 ? Math.round(n / 1e3) + ' k' : String(Math.round(n * 100) / 100);

	function axes() {
		const common = {
			stroke: css('--soft'),
			grid: { stroke: css('--line'), width: 1 },
			ticks: { stroke: css('--line') },
		};
		return [{ ...common }, { ...common, size: 64, values: (u, all) => all.map(short) }];
	}

	function draw(box, options, values) {
		const height = box.classList.contains('small') ? 220 : 300;
		box.replaceChildren();
		const all = { width: box.clientWidth, height, axes: axes(), ...options };
		charts.push({ box, height, plot: new uPlot(all, values, box) });
	}

	/* Kinds stand on each other; what is shown is each one's own. */
	function overTime() {
		const rows = data('data-time'), box = document.getElementById('chart-time');
		const kinds = ['lifecycle', 'policy', 'fault', 'capacity'];
		if (!box || !rows.length)
			return;
		const sums = rows.map(() => 0), own = {}, stacked = kinds.map(k => {
			own[k] = rows.map(r => r[k]);
			return rows.map((r, i) => sums[i] += r[k]);
		});
		const colors = {
			capacity: '--c0', fault: '--c1', policy: '--c2', lifecycle: '--c3',
		};
		const series = kinds.map(k => ({
			label: k, fill: css(colors[k]), stroke: css(colors[k]), width: 0,
			points: { show: false }, paths: uPlot.paths.bars({ size: [0.9, 60] }),
			value: (u, v, s, i) => i == null ? '–' : own[k][i].toLocaleString('en'),
		}));
		draw(box, { series: [{}, ...series.reverse()] },
			[rows.map(r => r.t_ns / 1e9), ...stacked.reverse()]);
	}

	function demand(box, nic) {
		const t = nic.days.map(d => d.day_ns / 1e9 + 43200);
		const last = t.length - 1, ahead = Math.min(60, Math.max(7, t.length));
		const line = (name, color, width, dash) => ({
			label: name, stroke: css(color), width, dash,
			points: { show: t.length < 40 && !dash, size: 4 },
		});
		for (let d = 1; nic.slope_fps_day > 0 && d <= ahead; d++)
			t.push(t[last] + d * 86400);
		const pad = values => values.concat(t.slice(values.length).map(() => null));
		const values = [t, ...['p50_fps', 'p95_fps', 'p99_fps']
			.map(k => pad(nic.days.map(d => d[k])))];
		const series = [{}, line('p50', '--c3', 1.5), line('p95', '--c1', 1.5),
			line('p99', '--accent', 2)];
		if (nic.level_fps != null) {
			values.push(t.map(x =>
				nic.level_fps + nic.slope_fps_day * (x - t[last]) / 86400));
			series.push(line('trend, busiest weekday', '--good', 1.5, [6, 4]));
		}
		if (nic.knee_fps != null) {
			values.push(t.map(() => nic.knee_fps));
			series.push(line('knee', '--c0', 2, [2, 3]));
		}
		const days = (u, lo, hi) => hi > lo ? [lo, hi] : [lo - 86400, hi + 86400];
		draw(box, { series, scales: { x: { range: days },
			y: { range: (u, lo, hi) => [0, hi * 1.05 || 1] } } }, values);
	}

	function rates(box, nic) {
		const knee = nic.knee_fps, mark = u => {
			if (knee == null)
				return;
			const x = u.valToPos(knee, 'x', true), c = u.ctx;
			c.save();
			c.strokeStyle = css('--c0');
			c.setLineDash([4, 4]);
			c.beginPath();
			c.moveTo(x, u.bbox.top);
			c.lineTo(x, u.bbox.top + u.bbox.height);
			c.stroke();
			c.restore();
		};
		const common = axes();
		const percent = (u, all) => all.map(v => v + ' %');
		draw(box, {
			axes: [{ ...common[0], values: (u, all) => all.map(short) },
				{ ...common[1], values: percent }],
			scales: { x: { time: false }, y: { range: [0, 100] } },
			hooks: { draw: [mark] },
			series: [{ label: 'frames/s' }, {
				label: 'minutes with loss, %', stroke: css('--c0'), width: 2,
				points: { show: nic.rates.length < 3 },
			}],
		}, [nic.rates.map(r => r.rate_fps), nic.rates.map(r => r.lossy_pct)]);
	}

	function drawAll() {
		for (const c of charts.splice(0))
			c.plot.destroy();
		overTime();
		const nics = data('data-nics');
		for (const box of document.querySelectorAll('[data-demand]'))
			demand(box, nics[box.dataset.demand]);
		for (const box of document.querySelectorAll('[data-rates]'))
			rates(box, nics[box.dataset.rates]);
	}

	const key = cell =>
		cell.dataset.v !== undefined ? Number(cell.dataset.v) : cell.textContent;
	function compare(a, b) {
		if (a === '–' || b === '–')
			return a === b ? 0 : a === '–' ? 1 : -1;
		return typeof a === 'number' && typeof b === 'number' ? a - b
			: String(a).localeCompare(String(b), 'en', { numeric: true });
	}

	function sort(head) {
		const table = head.closest('table'), body = table.tBodies[0];
		const column = head.cellIndex;
		const down = head.getAttribute('aria-sort') === 'ascending';
		const rows = [...body.rows].map(row => ({ row, key: key(row.cells[column]) }));
		rows.sort((a, b) =>
			a.key === '–' || b.key === '–' ? compare(a.key, b.key)
			: down ? compare(b.key, a.key) : compare(a.key, b.key));
		for (const th of table.tHead.rows[0].cells)
			th.setAttribute('aria-sort', 'none');
		head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
		const limit = [...body.rows].filter(r => !r.classList.contains('more')).length;
		rows.forEach(({ row }, i) => row.classList.toggle('more', i >= limit));
		body.append(...rows.map(r => r.row));
	}

	document.addEventListener('click', e => {
		const head = e.target.closest('thead th'), all = e.target.closest('[data-all]');
		if (head && e.target.closest('button'))
			sort(head);
		if (all) {
			document.getElementById(all.dataset.all)
				.closest('.table').classList.remove('cut');
			all.remove();
		}
	});
	document.addEventListener('input', e => {
		const id = e.target.dataset.find;
		if (!id)
			return;
		const table = document.getElementById(id), words = e.target.value.toLowerCase();
		const long = !!document.querySelector('[data-all="' + id + '"]');
		table.closest('.table').classList.toggle('cut', !words && long);
		for (const row of table.tBodies[0].rows)
			row.hidden = !!words && !row.textContent.toLowerCase().includes(words);
	});
	matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
	let waiting;
	addEventListener('resize', () => {
		clearTimeout(waiting);
		waiting = setTimeout(() => charts.forEach(c =>
			c.plot.setSize({ width: c.box.clientWidth, height: c.height })), 100);
	});
	drawAll();
})();
