/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "collector/alloc.h"
#include "ctl/options/number.h"
#include "ctl/options/options.h"
#include "ctl/options/query.h"
#include "ctl/options/usage.h"
#include "ctl/print/chart.h"
#include "ctl/print/message.h"
#include "ctl/print/out.h"
#include "ctl/print/text.h"
#include "ctl/print/when.h"
#include "ctl/query/share.h"
#include "ctl/query/split.h"
#include "ctl/query/tally.h"
#include "ctl/top/screen.h"
#include "commands.h"

#define BY_TOP (BY_VM | BY_NIC | BY_DIRECTION | BY_CLASS | BY_KIND)
#define CELLS 20		/* of the little chart */
#define ONCE_NS NSEC_PER_MIN
#define SCREEN_NS (5 * NSEC_PER_MIN)
#define NOW_NS (5 * NSEC_PER_SEC)	/* what "now" means: long enough to hold a few ticks */

struct top {
	struct global g;
	struct filter filter;
	uint64_t span_ns;
	uint64_t limit;
	bool once;
};

static const struct column columns[] = {
	{ "vm", "VM", COL_NAME },
	{ "uuid", "", COL_TEXT },
	{ "nic", "NIC", COL_NAME },
	{ "direction", "DIR", COL_TEXT },
	{ "class", "CLASS", COL_TEXT },
	{ "kind", "KIND", COL_TEXT },
	{ "frames_per_s", "NOW/s", COL_COUNT },
	{ "frames", "FRAMES", COL_COUNT },
	{ "loss_pct", "LOST", COL_PERCENT },
	/* chart: the last, text only */
	{ "first_seen_ns", "FIRST SEEN", COL_TIME },
	{ "benign_frames", "OF IT BENIGN", COL_COUNT },
	{ "mask", "MASK", COL_TEXT },
	{ "chart", "OVER TIME", COL_TEXT },
};

static unsigned int by_of(const struct top *t)
{
	return t->filter.masked ? BY_TOP | BY_MASK : BY_TOP;
}

static uint64_t now_span(const struct top *t)
{
	return t->span_ns < NOW_NS ? t->span_ns : NOW_NS;
}

/* What the rows of the tally lost, cell by cell. */
struct charting {
	const struct top *t;
	struct reader *v;
	const struct tally *tally;
	uint64_t since, until;
	size_t *row_of;			/* by series */
	uint64_t (*cells)[CELLS];	/* by row */
	uint64_t *now;
	bool observed[CELLS];
};

static void on_row(int64_t series, uint64_t t_ns, uint64_t span_ns, const struct reader_sum *sum,
		   void *arg)
{
	struct charting *c = arg;
	size_t row = c->row_of[series];

	(void)span_ns;
	c->cells[row][(t_ns - 1 - c->since) * CELLS / (c->until - c->since)] += sum->frames;
	if (t_ns + now_span(c->t) > c->until)
		c->now[row] += sum->frames;
}

/* Series that lost nothing in the window have no row. */
static size_t find_row(const struct charting *c, const struct reader_series *s)
{
	_cleanup_(freep) char *key = split_key(c->v, s, by_of(c->t));
	size_t i = 0;

	while (i < c->tally->n && strcmp(c->tally->rows[i].key, key) != 0)
		i++;
	return i;
}

static int read_rows(struct charting *c)
{
	_cleanup_(freep) bool *wanted = must(calloc(c->v->n_series + 1, sizeof(bool)));
	_cleanup_(freep) size_t *row_of = must(calloc(c->v->n_series + 1, sizeof(size_t)));

	for (size_t i = 0; i < c->v->n_series; i++) {
		const struct reader_series *s = &c->v->series[i];

		if (!s->id || (s->mask && !c->t->filter.masked) ||
		    !filter_passes(&c->t->filter, c->v, s))
			continue;
		row_of[i] = find_row(c, s);
		wanted[i] = row_of[i] < c->tally->n;
	}
	c->row_of = row_of;
	return reader_rows(c->v, c->since, c->until, false, wanted, on_row, c);
}

static json_t *cells_text(const struct charting *c, size_t row)
{
	_cleanup_(freep) char *text = NULL;
	uint64_t max = 0;

	for (size_t i = 0; i < CELLS; i++)
		max = c->cells[row][i] > max ? c->cells[row][i] : max;
	text = chart_text(c->cells[row], c->observed, CELLS, max);
	return out_text(text);
}

static json_t *make_rows(const struct top *t, const struct charting *c)
{
	json_t *rows = json_array();

	for (size_t i = 0; rows && i < c->tally->n; i++) {
		const struct tally_row *r = &c->tally->rows[i];
		double pct = tally_pct(r);
		json_t *o;

		if ((share_of(r->series) == EMPTIED || share_of(r->series) == COPIED) &&
		    !t->filter.class && !t->filter.kind)
			continue;	/* nobody's trouble now, unless asked for */
		o = split_object(c->v, r->series, by_of(t));
		json_object_set_new(o, "frames_per_s",
				    out_int(c->now[i] * NSEC_PER_SEC / now_span(t)));
		json_object_set_new(o, "frames", out_int(r->sum.frames));
		json_object_set_new(o, "loss_pct", pct < 0 ? json_null() : json_real(pct));
		json_object_set_new(o, "first_seen_ns", out_int(r->first_ns));
		if (r->benign)
			json_object_set_new(o, "benign_frames", out_int(r->benign));
		if (t->g.format == FORMAT_TEXT)
			json_object_set_new(o, "chart", cells_text(c, i));
		json_array_append_new(rows, o);
	}
	return rows;
}

static json_int_t number_of(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

static bool all_benign(const json_t *row)
{
	return number_of(row, "benign_frames") == number_of(row, "frames");
}

static int busiest_first(const void *a, const void *b)
{
	static const char *const keys[] = { "frames_per_s", "frames" };
	json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;

	if (all_benign(x) != all_benign(y))
		return all_benign(x) ? 1 : -1;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (number_of(x, keys[i]) != number_of(y, keys[i]))
			return number_of(x, keys[i]) > number_of(y, keys[i]) ? -1 : 1;
	return 0;
}

/* Harmful loss first, those that lose now before those that lost, and as many as asked for. */
static json_t *sorted(json_t *rows, size_t limit)
{
	size_t n = json_array_size(rows);
	json_t **at = must(calloc(n + 1, sizeof(*at))), *out = must(json_array());

	for (size_t i = 0; i < n; i++)
		at[i] = json_array_get(rows, i);
	qsort(at, n, sizeof(*at), busiest_first);
	for (size_t i = 0; i < n && i < limit; i++)
		json_array_append(out, at[i]);
	free(at);
	json_decref(rows);
	return out;
}

static void print_text(const struct top *t, const json_t *rows, size_t more)
{
	static const char *const wide[] = { "uuid", "kind", "first_seen_ns" };
	bool narrow = out_columns() && out_columns() < 120;
	struct column shown[ARRAY_SIZE(columns)];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		bool hidden = false;

		for (size_t k = 0; k < (narrow ? ARRAY_SIZE(wide) : 1); k++)
			hidden |= !strcmp(columns[i].key, wide[k]);
		if (!hidden)
			shown[n++] = columns[i];
	}
	out_table(&t->g, shown, n, rows);
	if (more)
		printf("%zu more rows: --limit N shows more\n", more);
}

static int print(const struct top *t, struct reader *v, json_t *rows, const struct window *w,
		 size_t more)
{
	double covered = reader_covered_pct(v, w->since_ns, w->until_ns);

	if (covered < 0)
		return EXIT_FAILED;
	if (t->g.format == FORMAT_JSON)
		return out_json(json_pack("{sI sI sf sO}", "since_ns", (json_int_t)w->since_ns,
					  "until_ns", (json_int_t)w->until_ns, "coverage_pct",
					  covered, "rows", rows));
	if (t->g.format == FORMAT_CSV) {
		out_csv(columns, ARRAY_SIZE(columns) - 1, rows);
		return out_done();
	}
	if (!v->running)
		puts("the agent is NOT RUNNING");
	window_print(w, covered);
	if (json_array_size(rows))
		print_text(t, rows, more);
	else if (covered > 0)
		puts("no loss");
	return out_done();
}

/* One look at the store, printed. */
static int look(struct top *t, size_t limit)
{
	struct reader *v = query_begin(t->g.store);
	struct window w = { .until_ns = now_ns() };
	struct tally tally = { 0 };
	struct charting c = { .t = t, .v = v, .tally = &tally };
	json_t *rows;
	int status = EXIT_FAILED;

	if (!v)
		return EXIT_FAILED;
	w.since_ns = w.until_ns - t->span_ns;
	c.since = w.since_ns;
	c.until = w.until_ns;
	if (filter_resolve(&t->filter, v) == 0 &&
	    tally_make(v, &w, &t->filter, by_of(t), &tally) == 0) {
		c.cells = must(calloc(tally.n + 1, sizeof(*c.cells)));
		c.now = must(calloc(tally.n + 1, sizeof(*c.now)));
		if (reader_observed(v, c.since, (c.until - c.since) / CELLS, c.observed, CELLS) ==
			    0 &&
		    read_rows(&c) == 0) {
			rows = sorted(make_rows(t, &c), limit);
			status = print(t, v, rows, &w, tally.n > limit ? tally.n - limit : 0);
			json_decref(rows);
		}
		free(c.cells);
		free(c.now);
	}
	tally_free(&tally);
	query_end(v);
	return status;
}

enum { OPT_ONCE = OPT_OWN, OPT_WINDOW };

static int own_option(void *arg, int opt, const char *value)
{
	struct top *t = arg;

	switch (opt) {
	case OPT_ONCE:
		t->once = true;
		return 1;
	case OPT_WINDOW:
		if (when_length(value, &t->span_ns) == 0 && t->span_ns >= 2 * NSEC_PER_SEC &&
		    t->span_ns <= NSEC_PER_DAY)
			return 1;
		message_error(
			"--window: \"%.60s\" is not a length of time from 2s to 1d, such as 5min",
			value);
		return -1;
	case 'n':
		return number_option("--limit", value, 1, UINT64_MAX, &t->limit);
	default:
		return 0;
	}
}

static int answer(struct top *t)
{
	bool once = t->once || t->g.format != FORMAT_TEXT || !screen_possible();
	struct screen_options o = { &t->g, &t->filter, t->span_ns ? t->span_ns : SCREEN_NS };

	t->span_ns = t->span_ns ? t->span_ns : ONCE_NS;
	return once ? look(t, t->limit) : screen_run(&o);
}

static int run(const struct global *g, int argc, char **argv)
{
	static const struct option options[] = { GLOBAL_OPTIONS,
						 FILTER_OPTIONS,
						 { "once", no_argument, NULL, OPT_ONCE },
						 { "window", required_argument, NULL, OPT_WINDOW },
						 { "limit", required_argument, NULL, 'n' },
						 { 0 } };
	struct top t = { .g = *g, .limit = UINT64_MAX };
	const struct options o = {
		.cmd = &cmd_top,
		.table = options,
		.letters = "n:",
		.global = &t.g,
		.filter = &t.filter,
		.own = own_option,
		.arg = &t,
	};
	int status;

	filter_init(&t.filter);
	if (!options_read(&o, argc, argv, &status))
		return status;
	if (optind < argc)
		return usage_error(&cmd_top, "unexpected argument \"%.60s\"; select VMs with --vm",
				   argv[optind]);
	return answer(&t);
}

static const char details[] =
	"  --once           print once and exit (default if output is not a terminal)\n"
	"  --window LENGTH  period to show, 2s to 1d (default: 5min; with --once: 1min)\n"
	"  -n, --limit N    with --once: show the N busiest rows (default: all)\n"
	FILTER_HELP;

const struct cmd cmd_top = {
	.name = "top",
	.args = "",
	.help = "show which VMs lose packets now",
	.details = details,
	.run = run,
};
