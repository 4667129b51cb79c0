/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "collector/alloc.h"
#include "ctl/options/number.h"
#include "ctl/options/options.h"
#include "ctl/options/query.h"
#include "ctl/print/chart.h"
#include "ctl/print/out.h"
#include "ctl/print/text.h"
#include "ctl/query/bursts.h"
#include "ctl/query/events.h"
#include "ctl/query/filter.h"
#include "ctl/query/offered_load.h"
#include "ctl/query/share.h"
#include "ctl/query/window.h"
#include "commands.h"

#define LISTED 20		/* the newest ones, in text */
#define CELLS 60

static const struct column columns[] = {
	{ "start_ns", "START", COL_TIME },  { "nic", "NIC", COL_NAME },
	{ "queue", "QUEUE", COL_NUMBER },   { "direction", "DIR", COL_TEXT },
	{ "class", "CLASS", COL_TEXT },	    { "length_ns", "", COL_NUMBER },
	{ "frames", "", COL_COUNT },	    { "length", "LENGTH", COL_TEXT },
	{ "frames_", "FRAMES", COL_COUNT }, { "gap_ns", "", COL_NUMBER },
	{ "gap", "GAP", COL_TEXT },	    { "place", "PLACE", COL_COUNT },
	{ "from", "FROM", COL_NAME },
};

struct asked {
	struct global g;
	struct window window;
	struct filter filter;
	uint64_t limit;
	bool *wanted;
	struct events events;	/* up to now */
	uint64_t lost;		/* frames of the wanted series in the window, bursts or not */
};

/* "41.3 ms", "20 us": milliseconds matter here. */
static char *span_text(char buf[static 32], uint64_t ns)
{
	if (ns >= 10 * NSEC_PER_SEC)
		return text_duration(buf, ns);
	if (ns >= NSEC_PER_SEC)
		snprintf(buf, 32, "%.2f s", (double)ns / (double)NSEC_PER_SEC);
	else
		snprintf(buf, 32, ns < NSEC_PER_MSEC ? "%.0f us" : "%.1f ms",
			 (double)ns / (ns < NSEC_PER_MSEC ? 1e3 : 1e6));
	return buf;
}

static const char *sender_name(const struct reader *v, const struct reader_series *s)
{
	const struct reader_vm *vm = reader_vm(v, s->sender_vm_id);

	return vm ? vm->name : s->sender;
}

static json_t *burst_object(const struct reader *v, const struct burst *b)
{
	return json_pack("{sI so so ss ss sI sI so so so}", "start_ns", (json_int_t)b->start_ns,
			 "nic", out_text(reader_nic(v, b->series->device_id)), "queue",
			 b->series->queue < 0 ? json_null() : out_int((uint64_t)b->series->queue),
			 "direction", b->series->direction, "class", b->series->class, "length_ns",
			 (json_int_t)(b->last_ns - b->start_ns), "frames", (json_int_t)b->frames,
			 "gap_ns", b->gap_ns ? out_int(b->gap_ns) : json_null(), "place",
			 b->place ? out_int(b->place) : json_null(), "from",
			 out_text(sender_name(v, b->most)));
}

static json_t *rows_of(const struct reader *v, const struct bursts *b, size_t from)
{
	json_t *rows = must(json_array());

	for (size_t i = from; i < b->n; i++)
		json_array_append_new(rows, burst_object(v, &b->all[i]));
	return rows;
}

/* A NIC's queues fill alike or not at all: one summary for each NIC, direction and class. */
struct summary {
	const struct reader_series *series;
	uint64_t frames, most;		/* in all, in the largest */
	uint64_t *lengths, *gaps;	/* sorted */
	size_t n, n_gaps;
	int ring_frames, queues;	/* -1: not known */
	struct offered_load offered;
};

static bool same(const struct reader_series *a, const struct reader_series *b)
{
	return a->device_id == b->device_id && !strcmp(a->direction, b->direction) &&
	       !strcmp(a->class, b->class);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The ring and queues are those of the burst of most frames. */
static void sum_up(const struct asked *asked, const struct reader *v, const struct bursts *b,
		   const struct reader_series *s, struct summary *ret)
{
	const struct reader_attachment *a;
	struct summary sum = {
		.series = s,
		.lengths = must(calloc(b->n, sizeof(uint64_t))),
		.gaps = must(calloc(b->n, sizeof(uint64_t))),
		.ring_frames = -1,
		.queues = -1,
	};

	for (size_t i = 0; i < b->n; i++) {
		const struct burst *x = &b->all[i];

		if (!same(x->series, s))
			continue;
		sum.frames += x->frames;
		sum.lengths[sum.n++] = x->last_ns - x->start_ns;
		if (x->gap_ns)
			sum.gaps[sum.n_gaps++] = x->gap_ns;
		if (x->frames <= sum.most)
			continue;
		sum.most = x->frames;
		a = reader_attached(v, s->device_id, x->start_ns);
		sum.ring_frames = a ? events_ring(&asked->events, a, x->start_ns) : -1;
		sum.queues = a ? a->queues : -1;
	}
	qsort(sum.lengths, sum.n, sizeof(uint64_t), by_value);
	qsort(sum.gaps, sum.n_gaps, sizeof(uint64_t), by_value);
	*ret = sum;
}

static bool ring_was_full(const struct summary *s)
{
	return !strcmp(s->series->class, "PTR_FULL") && s->ring_frames > 0;
}

/* Frames a second that a queue lost in its bursts: what came, while its ring was full and nobody
 * read. 0: not known. */
static uint64_t burst_fps(const struct summary *s)
{
	uint64_t span = 0;

	for (size_t i = 0; i < s->n; i++)
		span += s->lengths[i];
	return span ? (uint64_t)((double)(s->frames - s->n) * (double)NSEC_PER_SEC / (double)span)
		    : 0;
}

/* How long a queue's ring lasts at that rate: the stall that fits. */
static uint64_t ring_ns(const struct summary *s, uint64_t fps)
{
	return fps ? (uint64_t)((double)s->ring_frames * (double)NSEC_PER_SEC / (double)fps) : 0;
}

static json_t *summary_object(const struct reader *v, const struct summary *s)
{
	json_t *o = json_pack("{so ss ss sI sI sI sI sI sI sI sI}", "nic",
			      out_text(reader_nic(v, s->series->device_id)), "direction",
			      s->series->direction, "class", s->series->class, "bursts",
			      (json_int_t)s->n, "frames", (json_int_t)s->frames, "most_frames",
			      (json_int_t)s->most, "length_p50_ns",
			      (json_int_t)bursts_quantile(s->lengths, s->n, 50), "length_p95_ns",
			      (json_int_t)bursts_quantile(s->lengths, s->n, 95), "length_max_ns",
			      (json_int_t)s->lengths[s->n - 1], "gap_p50_ns",
			      (json_int_t)bursts_quantile(s->gaps, s->n_gaps, 50), "gap_min_ns",
			      (json_int_t)(s->n_gaps ? s->gaps[0] : 0));

	if (!o)
		abort();
	if (ring_was_full(s)) {
		json_object_set_new(o, "ring_frames", out_int((uint64_t)s->ring_frames));
		json_object_set_new(o, "ring_ns", out_int(ring_ns(s, burst_fps(s))));
		json_object_set_new(o, "burst_fps", out_int(burst_fps(s)));
		json_object_set_new(o, "offered_fps", out_int(s->offered.mean_fps));
		json_object_set_new(o, "offered_max_fps", out_int(s->offered.peak_fps));
		json_object_set_new(o, "ring_that_fits_frames",
				    out_int((uint64_t)s->ring_frames + s->most));
	}
	return o;
}

/* A bar for each length that there is: powers of ten under a millisecond, of two above. */
static void print_histogram(const char *title, const uint64_t *values, size_t n)
{
	static const uint64_t fine[] = { 10000, 100000, NSEC_PER_MSEC };
	uint64_t counts[18] = { 0 }, max = 0;

	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		while (k < ARRAY_SIZE(fine) && values[i] >= fine[k])
			k++;
		for (uint64_t ms = values[i] / NSEC_PER_MSEC / 2; ms && k < ARRAY_SIZE(counts) - 1;
		     ms /= 2)
			k++;
		counts[k]++;
		max = counts[k] > max ? counts[k] : max;
	}
	for (size_t k = 0; k < ARRAY_SIZE(counts); k++) {
		uint64_t below = k < ARRAY_SIZE(fine) ? fine[k]
						      : NSEC_PER_MSEC << (k - ARRAY_SIZE(fine) + 1);
		char head[48], limit[32], number[32];

		if (!counts[k])
			continue;
		if (below < NSEC_PER_MSEC)
			span_text(limit, below);
		else
			text_duration(limit, below);
		snprintf(head, sizeof(head), "under %s", limit);
		printf("  %-6s %-14s %6s ", title, k == ARRAY_SIZE(counts) - 1 ? "longer" : head,
		       text_count(number, counts[k]));
		for (uint64_t bar = counts[k] * 30 / max; bar; bar--)
			fputs(text_is_utf8() ? "\xe2\x96\xa0" : "#", stdout);
		putchar('\n');
		title = "";
	}
}

static void print_stall(const struct summary *s, uint64_t fps, const char *what)
{
	char span[32], rate[32];

	if (fps)
		printf("    %-9s at %s frames/s: %s\n", span_text(span, ring_ns(s, fps)),
		       text_count(rate, fps), what);
}

/* Ring-time arithmetic. */
static void print_ring(const struct summary *s)
{
	char a[32];

	printf("  A queue's ring holds %s frames. Longest stall of its reader without loss:\n",
	       text_count(a, (unsigned long long)s->ring_frames));
	print_stall(s, burst_fps(s), "rate in these bursts");
	print_stall(s, s->offered.peak_fps,
		    s->queues > 1 ? "busiest second, if one queue takes all frames"
				  : "busiest second");
	print_stall(s, s->offered.mean_fps,
		    s->queues > 1 ? "average of minutes with loss, if one queue takes all frames"
				  : "average of minutes with loss");
	printf("  A ring of %s frames would have held the largest burst.\n",
	       text_count(a, (unsigned long long)s->ring_frames + s->most));
}

static void print_summary(const struct reader *v, const struct summary *s)
{
	_cleanup_(freep) char *nic = text_safe(
		reader_nic(v, s->series->device_id) ? reader_nic(v, s->series->device_id) : "-");
	char n[32], frames[32], a[32], b[32], c[32];

	printf("\n%s %s %s: %s bursts of %s frames, at most %s in one\n", nic, s->series->direction,
	       s->series->class, text_count(n, s->n), text_count(frames, s->frames),
	       text_count(a, s->most));
	printf("  length median %s, 95 %% within %s, longest %s",
	       span_text(a, bursts_quantile(s->lengths, s->n, 50)),
	       span_text(b, bursts_quantile(s->lengths, s->n, 95)),
	       span_text(c, s->lengths[s->n - 1]));
	if (s->n_gaps)
		printf("; gap median %s, shortest %s",
		       span_text(a, bursts_quantile(s->gaps, s->n_gaps, 50)),
		       span_text(b, s->gaps[0]));
	putchar('\n');
	print_histogram("length", s->lengths, s->n);
	print_histogram("gap", s->gaps, s->n_gaps);
	if (ring_was_full(s))
		print_ring(s);
}

typedef void summary_fn(const struct reader *v, const struct summary *s, void *arg);

static void each_summary(const struct asked *a, struct reader *v, const struct bursts *b,
			 summary_fn *fn, void *arg)
{
	for (size_t i = 0; i < b->n; i++) {
		struct summary s;
		size_t first = 0;

		while (!same(b->all[first].series, b->all[i].series))
			first++;
		if (first < i)
			continue;
		sum_up(a, v, b, b->all[i].series, &s);
		if (ring_was_full(&s) &&
		    offered_load_read(v, s.series->device_id, !strcmp(s.series->direction, "tx"),
				      a->window.since_ns, a->window.until_ns, &s.offered) < 0)
			/* the error was reported; the rest is valid */
			s.offered = (struct offered_load){ 0 };
		fn(v, &s, arg);
		free(s.lengths);
		free(s.gaps);
	}
}

static void on_summary_text(const struct reader *v, const struct summary *s, void *arg)
{
	(void)arg;
	print_summary(v, s);
}

static void on_summary_json(const struct reader *v, const struct summary *s, void *arg)
{
	json_array_append_new(arg, summary_object(v, s));
}

/* Frames in bursts over the time from the first to the last one. */
static void draw(const struct bursts *b)
{
	uint64_t cells[CELLS] = { 0 }, max = 0, from = b->all[0].start_ns, to = from, step;
	_cleanup_(freep) char *line = NULL;

	for (size_t i = 0; i < b->n; i++)
		to = b->all[i].last_ns > to ? b->all[i].last_ns : to;
	step = (to - from) / CELLS + 1;
	for (size_t i = 0; i < b->n; i++) {
		uint64_t *cell = &cells[(b->all[i].start_ns - from) / step];

		*cell += b->all[i].frames;
		max = *cell > max ? *cell : max;
	}
	line = chart_text(cells, NULL, CELLS, max);
	printf("\n%s\n", line);
	chart_axis(from, step, CELLS);
}

static void print_list(const struct asked *a, const struct reader *v, const struct bursts *b)
{
	static const char *const left_out[] = { "length_ns", "frames", "gap_ns" };
	size_t from = b->n > a->limit ? b->n - a->limit : 0, n = 0, i;
	struct column shown[ARRAY_SIZE(columns)];
	json_t *rows = rows_of(v, b, from), *row;
	char buf[32];

	for (size_t c = 0; c < ARRAY_SIZE(columns); c++) {
		bool hidden = false;

		for (size_t k = 0; k < ARRAY_SIZE(left_out); k++)
			hidden |= !strcmp(columns[c].key, left_out[k]);
		if (!hidden)
			shown[n++] = columns[c];
	}
	json_array_foreach(rows, i, row) {
		const struct burst *x = &b->all[from + i];
		char clock[80], day[64];

		snprintf(clock, sizeof(clock), "%s.%03u", text_clock(day, x->start_ns, 1),
			 (unsigned int)(x->start_ns % NSEC_PER_SEC / NSEC_PER_MSEC));
		json_object_set_new(row, "start_ns", json_string(clock));
		json_object_set_new(row, "length",
				    json_string(span_text(buf, x->last_ns - x->start_ns)));
		json_object_set_new(row, "frames_", out_int(x->frames));
		json_object_set_new(row, "gap",
				    x->gap_ns ? json_string(span_text(buf, x->gap_ns))
					      : json_null());
	}
	putchar('\n');
	if (from)
		printf("the newest %zu of %zu:\n", b->n - from, b->n);
	out_table(&a->g, shown, n, rows);
	json_decref(rows);
}

static void print_text(const struct asked *a, struct reader *v, const struct bursts *b,
		       double covered)
{
	_cleanup_(freep) char *name = text_safe(vmref_name(v, &a->filter.refs[0]));
	uint64_t in_bursts = 0;
	char n[32], m[32];

	puts(name);
	window_print(&a->window, covered);
	for (size_t i = 0; i < b->n; i++)
		in_bursts += b->all[i].frames;
	if (!b->n) {
		if (a->lost)
			printf("%s frames lost, but no bursts listed: bursts are kept only for "
			       "days that are stored in full\n",
			       text_count(n, a->lost));
		else if (covered > 0)
			puts("no loss");
		return;
	}
	if (in_bursts < a->lost)
		printf("%s of %s lost frames are in the listed bursts (a burst is listed when it "
		       "ends, or after a second)\n",
		       text_count(n, in_bursts), text_count(m, a->lost));
	draw(b);
	each_summary(a, v, b, on_summary_text, NULL);
	print_list(a, v, b);
}

static int print(const struct asked *a, struct reader *v, const struct bursts *b)
{
	double covered = reader_covered_pct(v, a->window.since_ns, a->window.until_ns);
	json_t *rows, *sums;

	if (covered < 0)
		return EXIT_FAILED;
	if (a->g.format == FORMAT_TEXT) {
		print_text(a, v, b, covered);
		return out_done();
	}
	rows = rows_of(v, b, 0);
	if (a->g.format == FORMAT_CSV) {
		static const struct column csv[] = {
			{ "start_ns", "", COL_TIME }, { "nic", "", COL_NAME },
			{ "queue", "", COL_NUMBER },  { "direction", "", COL_TEXT },
			{ "class", "", COL_TEXT },    { "length_ns", "", COL_NUMBER },
			{ "frames", "", COL_COUNT },  { "gap_ns", "", COL_NUMBER },
			{ "place", "", COL_COUNT },   { "from", "", COL_NAME }
		};

		out_csv(csv, ARRAY_SIZE(csv), rows);
		json_decref(rows);
		return out_done();
	}
	sums = must(json_array());
	each_summary(a, v, b, on_summary_json, sums);
	return out_json(json_pack("{so so sI sI sf sI so so}", "vm",
				  out_text(vmref_name(v, &a->filter.refs[0])), "uuid",
				  out_text(vmref_uuid(v, &a->filter.refs[0])), "since_ns",
				  (json_int_t)a->window.since_ns, "until_ns",
				  (json_int_t)a->window.until_ns, "coverage_pct", covered,
				  "lost_frames", (json_int_t)a->lost, "summaries", sums, "bursts",
				  rows));
}

static void on_row(int64_t series, uint64_t t_ns, uint64_t span_ns, const struct reader_sum *sum,
		   void *arg)
{
	struct asked *a = arg;

	(void)series;
	(void)t_ns;
	(void)span_ns;
	a->lost += sum->frames;
}

static int answer(struct asked *a)
{
	struct reader *v = query_begin(a->g.store);
	struct bursts b = { 0 };
	int status = EXIT_FAILED;

	if (!v)
		return EXIT_FAILED;
	if (filter_resolve(&a->filter, v) == 0) {
		a->wanted = must(calloc(v->n_series + 1, sizeof(bool)));
		for (size_t i = 0; i < v->n_series; i++)
			a->wanted[i] = v->series[i].id &&
				       (!v->series[i].mask || a->filter.masked) &&
				       filter_passes(&a->filter, v, &v->series[i]) &&
				       share_of(&v->series[i]) < EMPTIED;
		if (reader_rows(v, a->window.since_ns, a->window.until_ns, true, a->wanted, on_row,
				a) == 0 &&
		    bursts_read(v, a->window.since_ns, a->window.until_ns, a->wanted, &b) == 0 &&
		    events_read(v, 0, UINT64_MAX, &a->events) == 0)
			status = print(a, v, &b);
		free(a->wanted);
		events_free(&a->events);
		bursts_free(&b);
	}
	query_end(v);
	return status;
}

static int own_option(void *arg, int opt, const char *value)
{
	struct asked *a = arg;

	return opt == 'n' ? number_option("--limit", value, 1, UINT64_MAX, &a->limit) : 0;
}

static int run(const struct global *g, int argc, char **argv)
{
	static const struct option options[] = { GLOBAL_OPTIONS,
						 WINDOW_OPTIONS,
						 FILTER_OPTIONS,
						 { "limit", required_argument, NULL, 'n' },
						 { 0 } };
	struct asked a = { .g = *g, .limit = LISTED };
	const struct options o = {
		.cmd = &cmd_bursts,
		.table = options,
		.letters = "n:",
		.global = &a.g,
		.window = &a.window,
		.filter = &a.filter,
		.own = own_option,
		.arg = &a,
	};
	int status;

	window_init(&a.window);
	filter_init(&a.filter);
	if (!options_read(&o, argc, argv, &status))
		return status;
	return options_one_vm(&o, argc, argv) && window_valid(&a.window) ? answer(&a) : EXIT_USAGE;
}

static const char details[] =
	WINDOW_HELP("an hour ago")
	FILTER_HELP
	"  -n, --limit N    text: list the N newest bursts (default: 20)\n";

const struct cmd cmd_bursts = {
	.name = "bursts",
	.args = "VM",
	.help = "list bursts of loss, with length and size",
	.details = details,
	.run = run,
};
