/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "collector/base.h"
#include "collector/alloc.h"
#include "ctl/diagnose/ring_history.h"
#include "ctl/options/options.h"
#include "ctl/options/query.h"
#include "ctl/print/chart.h"
#include "ctl/print/message.h"
#include "ctl/print/out.h"
#include "ctl/print/text.h"
#include "ctl/print/when.h"
#include "ctl/query/filter.h"
#include "ctl/query/share.h"
#include "ctl/query/split.h"
#include "ctl/query/window.h"
#include "commands.h"

#define MAX_STEPS 1000000
#define BY_DEFAULT (BY_DIRECTION | BY_CLASS)

/* A line of the chart: one way to lose frames over time. */
struct curve {
	char *key;
	const struct reader_series *series;
	struct reader_sum *points;	/* n_steps */
	struct reader_sum total;
	UT_hash_handle hh;
};

struct timeline {
	struct global g;
	struct window window;
	struct filter filter;
	unsigned int by;
	uint64_t step_ns;
	size_t n_steps;
	struct reader *v;
	struct curve *curves, **curve_of;	/* curve_of: by series */
	bool *observed, *coarse;	/* n_steps */
	struct ring_history ring_history;
	uint64_t masked;		/* frames; without --masked they have no curve */
};

/* In one line of the chart. */
static size_t line_cells(void)
{
	int columns = out_columns();

	return columns > 20 ? (size_t)columns : 80;
}

/* A step that people can add up in their heads, and no more than @cells of them. */
static uint64_t nice_step(uint64_t span, size_t cells)
{
	static const uint64_t steps[] = { 1,   2,   5,	  10,	15,   30,    60,    120,   300,
					  600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400 };

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (steps[i] * NSEC_PER_SEC * cells >= span)
			return steps[i] * NSEC_PER_SEC;
	return (span / cells / NSEC_PER_DAY + 1) * NSEC_PER_DAY;
}

static struct curve *make_curve(struct timeline *t, const struct reader_series *s)
{
	char *key = split_key(t->v, s, t->by);
	struct curve *c;

	HASH_FIND_STR(t->curves, key, c);
	if (c) {
		free(key);
		return c;
	}
	c = must(calloc(1, sizeof(*c)));
	c->key = key;
	c->series = s;
	c->points = must(calloc(t->n_steps, sizeof(*c->points)));
	HASH_ADD_KEYPTR(hh, t->curves, c->key, strlen(c->key), c);
	return c;
}

static void add(struct reader_sum *to, const struct reader_sum *more)
{
	to->frames += more->frames;
	to->segments += more->segments;
	to->bytes += more->bytes;
}

static void on_row(int64_t series, uint64_t t_ns, uint64_t span_ns, const struct reader_sum *sum,
		   void *arg)
{
	struct timeline *t = arg;
	size_t at = (t_ns - 1 - t->window.since_ns) / t->step_ns;
	struct curve *c = t->curve_of[series];

	if (t->v->series[series].mask) {
		t->masked += sum->frames;
		if (!t->filter.masked)
			return;
	}
	if (!c)
		c = t->curve_of[series] = make_curve(t, &t->v->series[series]);
	add(&c->points[at], sum);
	add(&c->total, sum);
	t->coarse[at] |= span_ns > t->step_ns + t->step_ns / 2;
}

static int by_total(struct curve *a, struct curve *b)
{
	if (a->total.frames != b->total.frames)
		return a->total.frames > b->total.frames ? -1 : 1;
	return strcmp(a->key, b->key);
}

/* Points in JSON and CSV stand at the end of their step, as loss rows do. */
static uint64_t point_ns(const struct timeline *t, size_t i)
{
	uint64_t end = t->window.since_ns + (i + 1) * t->step_ns;

	return end < t->window.until_ns ? end : t->window.until_ns;
}

static uint64_t step_end(const void *arg, size_t step)
{
	return point_ns(arg, step);
}

static json_t *points_array(const struct timeline *t, const struct curve *c)
{
	json_t *points = must(json_array());

	for (size_t i = 0; i < t->n_steps; i++) {
		json_t *p;

		if (!c->points[i].frames && !c->points[i].bytes)
			continue;
		p = json_pack("{so so so so}", "t_ns", out_int(point_ns(t, i)), "frames",
			      out_int(c->points[i].frames), "segments",
			      out_int(c->points[i].segments), "bytes", out_int(c->points[i].bytes));
		if (t->coarse[i])
			json_object_set_new(p, "coarse", json_true());
		json_array_append_new(points, p);
	}
	return points;
}

static int print_json(struct timeline *t, double covered)
{
	const struct vmref *ref = &t->filter.refs[0];
	json_t *series = must(json_array());
	struct curve *c, *tmp;

	HASH_ITER(hh, t->curves, c, tmp) {
		json_t *o = split_object(t->v, c->series, t->by);

		json_object_set_new(o, "frames", out_int(c->total.frames));
		json_object_set_new(o, "points", points_array(t, c));
		json_array_append_new(series, o);
	}
	return out_json(json_pack("{so so so sI sI sI sf sI so so}", "vm",
				  out_text(ref->vm_id ? vmref_name(t->v, ref) : NULL), "uuid",
				  out_text(vmref_uuid(t->v, ref)), "nic",
				  out_text(ref->vm_id ? t->filter.nic : vmref_name(t->v, ref)),
				  "since_ns", (json_int_t)t->window.since_ns, "until_ns",
				  (json_int_t)t->window.until_ns, "step_ns", (json_int_t)t->step_ns,
				  "coverage_pct", covered, "masked_frames", (json_int_t)t->masked,
				  "series", series, "rings",
				  ring_history_json(t->v, &t->ring_history, step_end, t)));
}

static int print_csv(struct timeline *t)
{
	static const struct column columns[] = {
		{ "t_ns", "", COL_TIME },    { "vm", "", COL_NAME },
		{ "uuid", "", COL_TEXT },    { "nic", "", COL_NAME },
		{ "queue", "", COL_NUMBER }, { "direction", "", COL_TEXT },
		{ "class", "", COL_TEXT },   { "kernel_reason", "", COL_TEXT },
		{ "kind", "", COL_TEXT },    { "site", "", COL_TEXT },
		{ "frames", "", COL_COUNT }, { "segments", "", COL_COUNT },
		{ "bytes", "", COL_BYTES },  { "mask", "", COL_TEXT },
	};
	json_t *rows = must(json_array()), *p;
	struct curve *c, *tmp;
	size_t i;

	HASH_ITER(hh, t->curves, c, tmp) {
		json_t *points = points_array(t, c);

		json_array_foreach(points, i, p) {
			json_t *row = split_object(t->v, c->series, t->by | BY_VM);

			json_object_update(row, p);
			json_array_append_new(rows, row);
		}
		json_decref(points);
	}
	out_csv(columns, ARRAY_SIZE(columns), rows);
	json_decref(rows);
	return out_done();
}

static void label_of(const struct timeline *t, const struct curve *c, char *ret, size_t size)
{
	json_t *o = split_object(t->v, c->series, t->by), *value;
	const char *key;
	size_t n = 0;

	ret[0] = '\0';
	json_object_foreach(o, key, value) {
		char number[24];
		_cleanup_(freep) char *safe = NULL;

		if (!strcmp(key, "uuid") || json_is_null(value))
			continue;
		snprintf(number, sizeof(number), "q%lld", (long long)json_integer_value(value));
		safe = text_short(json_is_string(value) ? json_string_value(value) : number, 20);
		n += (size_t)snprintf(ret + n, size - n, "%s%s", n ? " " : "", safe);
		if (n >= size)
			break;
	}
	json_decref(o);
}

/* A line, or several, of which each has its axis below. */
static void print_chart(const struct timeline *t, const uint64_t *values, uint64_t most)
{
	for (size_t i = 0, n; i < t->n_steps; i += n) {
		_cleanup_(freep) char *line = NULL;

		n = t->n_steps - i < line_cells() ? t->n_steps - i : line_cells();
		line = chart_text(values + i, t->observed + i, n, most);
		puts(line);
		chart_axis(t->window.since_ns + i * t->step_ns, t->step_ns, n);
	}
}

/* "ring of vnet0: at most 37 frames (from 14:05), 463 places free; 1.2 on average", and its chart
 * below. */
static void print_fill(const struct timeline *t, const struct ring_fill *f)
{
	_cleanup_(freep) uint64_t *values = must(calloc(t->n_steps, sizeof(*values)));
	_cleanup_(freep) char *nic = text_safe(reader_nic(t->v, f->device));
	char most[32], left[32], at[64];
	size_t peak = 0;

	for (size_t i = 0; i < t->n_steps; i++) {
		values[i] = f->points[i].peak;
		peak = values[i] > values[peak] ? i : peak;
	}
	printf("\nring of %s: at most %s frames (from %s), at least %s slots free", nic,
	       text_count(most, values[peak]),
	       text_clock(at, t->window.since_ns + peak * t->step_ns, t->step_ns * t->n_steps),
	       text_count(left, f->total.free));
	if (f->total.samples)
		printf("; %.1f on average", (double)f->total.sum / (double)f->total.samples);
	putchar('\n');
	print_chart(t, values, values[peak]);
}

static const char *place_text(const struct reader_series *s)
{
	switch (share_of(s)) {
	case EMPTIED:
		return "in rings that were emptied";
	case COPIED:
		return "lost by captures only";
	default:
		return "lost";
	}
}

/* "rx PTR_FULL: 1,234 lost, at most 200 in 5 min (at 14:05)", and its chart below. */
static void print_curve(const struct timeline *t, const struct curve *c)
{
	_cleanup_(freep) uint64_t *values = must(calloc(t->n_steps, sizeof(*values)));
	char label[256], total[32], most[32], step[32], at[64];
	size_t peak = 0;

	for (size_t i = 0; i < t->n_steps; i++) {
		values[i] = c->points[i].frames;
		peak = values[i] > values[peak] ? i : peak;
	}
	label_of(t, c, label, sizeof(label));
	printf("\n%s: %s frames %s, at most %s in %s (from %s)\n", label,
	       text_count(total, c->total.frames), place_text(c->series),
	       text_count(most, values[peak]), text_duration(step, t->step_ns),
	       text_clock(at, t->window.since_ns + peak * t->step_ns, t->step_ns * t->n_steps));
	print_chart(t, values, values[peak]);
}

static bool any(const bool *flags, size_t n, bool value)
{
	for (size_t i = 0; i < n; i++)
		if (flags[i] == value)
			return true;
	return false;
}

static int print_text(struct timeline *t, double covered)
{
	_cleanup_(freep) char *name = text_safe(vmref_name(t->v, &t->filter.refs[0]));
	const char *uuid = vmref_uuid(t->v, &t->filter.refs[0]);
	struct curve *c, *tmp;
	char masked[32];

	printf("%s%s%s%s\n", name, uuid ? " (" : "", uuid ? uuid : "", uuid ? ")" : "");
	window_print(&t->window, covered);
	if (!t->curves && covered > 0)
		puts("no loss");
	if (t->masked && !t->filter.masked)
		printf("besides, %s frames masked (--masked shows them)\n",
		       text_count(masked, t->masked));
	HASH_ITER(hh, t->curves, c, tmp)
		print_curve(t, c);
	for (size_t i = 0; i < t->ring_history.n; i++)
		print_fill(t, &t->ring_history.all[i]);
	if (t->curves && any(t->observed, t->n_steps, false))
		puts("blank: not observed");
	if (any(t->coarse, t->n_steps, true))
		puts("Some loss was stored as one sum for longer than a step, because the agent "
		     "did not run\nor the disk was full. It is shown at the end of that time.");
	return out_done();
}

static int print(struct timeline *t)
{
	double covered = reader_covered_pct(t->v, t->window.since_ns, t->window.until_ns);

	if (covered < 0)
		return EXIT_FAILED;
	HASH_SORT(t->curves, by_total);
	switch (t->g.format) {
	case FORMAT_JSON:
		return print_json(t, covered);
	case FORMAT_CSV:
		return print_csv(t);
	default:
		return print_text(t, covered);
	}
}

static int read_rows(struct timeline *t)
{
	_cleanup_(freep) bool *wanted = must(calloc(t->v->n_series + 1, sizeof(bool)));
	bool hours = t->step_ns % NSEC_PER_HOUR == 0 && t->window.since_ns % NSEC_PER_HOUR == 0;

	for (size_t i = 0; i < t->v->n_series; i++)
		wanted[i] = t->v->series[i].id && filter_passes(&t->filter, t->v, &t->v->series[i]);
	return reader_rows(t->v, t->window.since_ns, t->window.until_ns, hours, wanted, on_row, t);
}

static int answer(struct timeline *t)
{
	struct curve *c, *tmp;
	int status = EXIT_FAILED;

	t->v = query_begin(t->g.store);
	if (!t->v)
		return EXIT_FAILED;
	t->observed = must(calloc(t->n_steps, sizeof(bool)));
	t->coarse = must(calloc(t->n_steps, sizeof(bool)));
	t->curve_of = must(calloc(t->v->n_series + 1, sizeof(struct curve *)));
	if (filter_resolve(&t->filter, t->v) == 0 &&
	    reader_observed(t->v, t->window.since_ns, t->step_ns, t->observed, t->n_steps) == 0 &&
	    read_rows(t) == 0 &&
	    ring_history_read(t->v, &t->filter, t->window.since_ns, t->step_ns, t->n_steps,
			      &t->ring_history) == 0)
		status = print(t);
	HASH_ITER(hh, t->curves, c, tmp) {
		HASH_DEL(t->curves, c);
		free(c->key);
		free(c->points);
		free(c);
	}
	ring_history_free(&t->ring_history);
	free(t->curve_of);
	free(t->observed);
	free(t->coarse);
	query_end(t->v);
	return status;
}

/* Steps begin at round times, and the window with a step. */
static int set_steps(struct timeline *t)
{
	if (!t->step_ns)	/* one cell is kept for the step that the window is begun with */
		t->step_ns = nice_step(t->window.until_ns - t->window.since_ns, line_cells() - 1);
	t->window.since_ns -= t->window.since_ns % t->step_ns;
	t->n_steps = (t->window.until_ns - t->window.since_ns + t->step_ns - 1) / t->step_ns;
	if (t->n_steps <= MAX_STEPS)
		return 0;
	message_error("--step: %zu points are more than %d; use a longer step or a shorter window",
		      t->n_steps, MAX_STEPS);
	return -1;
}

enum { OPT_BY = OPT_OWN, OPT_STEP };

static int own_option(void *arg, int opt, const char *value)
{
	struct timeline *t = arg;

	if (opt == OPT_BY)
		return split_option(value, &t->by);
	if (opt != OPT_STEP)
		return 0;
	if (when_length(value, &t->step_ns) == 0 && t->step_ns >= 100 * NSEC_PER_MSEC)
		return 1;
	message_error(
		"--step: \"%.60s\" is not a length of time of at least 100ms, such as 10s or 5min",
		value);
	return -1;
}

static int run(const struct global *g, int argc, char **argv)
{
	static const struct option options[] = { GLOBAL_OPTIONS,
						 WINDOW_OPTIONS,
						 FILTER_OPTIONS,
						 { "by", required_argument, NULL, OPT_BY },
						 { "step", required_argument, NULL, OPT_STEP },
						 { 0 } };
	struct timeline t = { .g = *g, .by = BY_DEFAULT };
	const struct options o = {
		.cmd = &cmd_timeline,
		.table = options,
		.global = &t.g,
		.window = &t.window,
		.filter = &t.filter,
		.own = own_option,
		.arg = &t,
	};
	int status;

	window_init(&t.window);
	filter_init(&t.filter);
	if (!options_read(&o, argc, argv, &status))
		return status;
	if (!options_one_vm(&o, argc, argv))
		return EXIT_USAGE;
	if (t.filter.masked)
		t.by |= BY_MASK;
	if (!window_valid(&t.window) || set_steps(&t) < 0)
		return EXIT_USAGE;
	return answer(&t);
}

static const char details[] =
	WINDOW_HELP("an hour ago")
	FILTER_HELP
	"  --by FIELDS      one chart for each combination of these fields: vm, nic,\n"
	"                   queue, direction, class, reason, kind, site, place, from\n"
	"                   (default: direction,class)\n"
	"  --step LENGTH    time per point, such as 10s, 5min or 1h\n"
	"                   (default: as many points as the terminal has columns)\n";

const struct cmd cmd_timeline = {
	.name = "timeline",
	.args = "VM",
	.help = "show one VM's loss over time",
	.details = details,
	.run = run,
};
