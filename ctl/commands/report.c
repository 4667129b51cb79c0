/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/base.h"
#include "ctl/options/options.h"
#include "ctl/options/query.h"
#include "ctl/options/usage.h"
#include "ctl/print/message.h"
#include "ctl/print/out.h"
#include "ctl/print/text.h"
#include "ctl/print/when.h"
#include "ctl/report/capacity.h"
#include "ctl/report/compare.h"
#include "ctl/report/html.h"
#include "commands.h"

struct request {
	struct global g;
	struct capacity_options o;
	struct window before, after;
	bool has_before, has_after;
	const char *file;		/* -o */
};

static const struct column nic_columns[] = {
	{ "vm", "VM", COL_NAME },
	{ "uuid", "UUID", COL_TEXT },
	{ "nic", "NIC", COL_NAME },
	{ "direction", "DIR", COL_TEXT },
	{ "verdict", "VERDICT", COL_LONG },
	{ "days", "DAYS", COL_COUNT },
	{ "hours_seen", "HOURS", COL_NUMBER },
	{ "p50_fps", "P50", COL_COUNT },
	{ "p95_fps", "P95", COL_COUNT },
	{ "p99_fps", "P99", COL_COUNT },
	{ "max_fps", "MAX", COL_COUNT },
	{ "lossy_pct", "LOSSY", COL_PERCENT },
	{ "knee", "KNEE IS", COL_LONG },
	{ "knee_fps", "KNEE", COL_COUNT },
	{ "knee_low_fps", "FROM", COL_COUNT },
	{ "knee_high_fps", "TO", COL_COUNT },
	{ "knee_since_ns", "KNEE SINCE", COL_TIME },
	{ "headroom_p50_pct", "ROOM P50", COL_PERCENT },
	{ "headroom_p95_pct", "ROOM P95", COL_PERCENT },
	{ "headroom_p99_pct", "ROOM P99", COL_PERCENT },
	{ "headroom_max_pct", "ROOM MAX", COL_PERCENT },
	{ "trend", "TREND", COL_LONG },
	{ "growth_pct_30d", "GROWTH/30D", COL_PERCENT },
	{ "growth_low_pct_30d", "LOW", COL_PERCENT },
	{ "growth_high_pct_30d", "HIGH", COL_PERCENT },
	{ "weekly_season", "WEEKLY", COL_TEXT },
	{ "meets_knee_ns", "MEETS", COL_TIME },
	{ "meets_knee_from_ns", "MEETS FROM", COL_TIME },
	{ "meets_knee_to_ns", "MEETS TO", COL_TIME },
	{ "ring_frames", "RING", COL_COUNT },
	{ "ring_peak_frames", "FULLEST", COL_COUNT },
	{ "ring_free_frames", "FEWEST FREE", COL_COUNT },
	{ "ring_mean_frames", "MEAN", COL_NUMBER },
	{ "ring_looks", "LOOKS", COL_COUNT },
	{ "ring_headroom_pct", "RING ROOM", COL_PERCENT },
	{ "qdisc_peak_frames", "QDISC", COL_COUNT },
};
/* What fits a terminal. */
static const struct column short_columns[] = {
	{ "vm", "VM", COL_NAME },
	{ "nic", "NIC", COL_NAME },
	{ "direction", "DIR", COL_TEXT },
	{ "verdict", "VERDICT", COL_LONG },
	{ "p99_fps", "P99/S", COL_COUNT },
	{ "knee_fps", "KNEE/S", COL_COUNT },
	{ "headroom_p99_pct", "ROOM", COL_PERCENT },
	{ "lossy_pct", "LOSSY", COL_PERCENT },
	{ "meets_knee_from_ns", "MEETS KNEE FROM", COL_TIME },
	{ "meets_knee_to_ns", "TO", COL_TIME },
};
static const struct column compare_columns[] = {
	{ "vm", "VM", COL_NAME },
	{ "uuid", "UUID", COL_TEXT },
	{ "nic", "NIC", COL_NAME },
	{ "direction", "DIR", COL_TEXT },
	{ "before_frames", "BEFORE", COL_COUNT },
	{ "after_frames", "AFTER", COL_COUNT },
	{ "before_pct", "BEFORE LOST", COL_PERCENT },
	{ "after_pct", "AFTER LOST", COL_PERCENT },
	{ "change_points", "CHANGE", COL_NUMBER },
	{ "change_low_points", "FROM", COL_NUMBER },
	{ "change_high_points", "TO", COL_NUMBER },
	{ "verdict", "VERDICT", COL_LONG },
};

/* A report that is cut off must not look like one: it takes its name when it is whole. */
static FILE *open_file(const char *file, char **ret_tmp)
{
	FILE *f;

	if (asprintf(ret_tmp, "%s.new", file) < 0)
		abort();
	f = fopen(*ret_tmp, "we");
	if (!f)
		message_error("cannot create %s: %s", *ret_tmp, strerror(errno));
	return f;
}

static int close_file(FILE *f, const char *file, char *tmp)
{
	bool bad = ferror(f) || fflush(f) || fsync(fileno(f)) < 0;
	int error = errno;

	bad |= fclose(f) != 0;
	if (!bad && rename(tmp, file) == 0)
		return EXIT_OK;
	message_error("cannot write %s: %s", file, strerror(bad ? error : errno));
	unlink(tmp);
	return EXIT_FAILED;
}

static int write_html(const char *file, const json_t *root,
		      void (*write)(FILE *f, const json_t *root))
{
	_cleanup_(freep) char *tmp = NULL;
	FILE *f = open_file(file, &tmp);

	if (!f)
		return EXIT_FAILED;
	write(f, root);
	return close_file(f, file, tmp);
}

/* JSON and CSV go where standard output goes. */
static int redirect(const struct request *rq)
{
	if (!rq->file || freopen(rq->file, "w", stdout))
		return 0;
	message_error("cannot write %s: %s", rq->file, strerror(errno));
	return -1;
}

static int print_capacity(const struct request *rq, const json_t *root)
{
	json_t *rows = json_object_get(root, "nics");
	char buf[32];

	if (rq->g.format == FORMAT_CSV) {
		out_csv(nic_columns, ARRAY_SIZE(nic_columns), rows);
		return out_done();
	}
	window_print(&rq->o.window, json_number_value(json_object_get(root, "coverage_pct")));
	printf("%s frames harmfully lost\n\n",
	       text_count(buf, (unsigned long long)json_integer_value(
				       json_object_get(root, "harmful_frames"))));
	out_table(&rq->g, short_columns, ARRAY_SIZE(short_columns), rows);
	return out_done();
}

static int capacity(struct request *rq)
{
	bool html = rq->file && rq->g.format == FORMAT_TEXT;
	struct reader *v = query_begin(rq->g.store);
	json_t *root = NULL;
	int status = EXIT_FAILED;

	if (!v)
		return EXIT_FAILED;
	rq->o.detail = rq->o.filter.n_vms > 0;
	rq->o.verdicts = html || rq->g.format == FORMAT_JSON;
	if (filter_resolve(&rq->o.filter, v) == 0)
		root = capacity_make(v, &rq->o);
	if (root && html)
		status = write_html(rq->file, root, report_html);
	else if (root && redirect(rq) == 0)
		status = rq->g.format == FORMAT_JSON ? out_json(json_incref(root))
						     : print_capacity(rq, root);
	json_decref(root);
	query_end(v);
	return status;
}

static int print_compare(const struct request *rq, json_t *root)
{
	json_t *rows = json_object_get(root, "rows");
	char span[128];

	if (rq->g.format == FORMAT_CSV) {
		out_csv(compare_columns, ARRAY_SIZE(compare_columns), rows);
		return out_done();
	}
	printf("before: %s, %lld hours observed\n",
	       text_span(span, rq->before.since_ns, rq->before.until_ns),
	       (long long)json_integer_value(json_object_get(root, "before_hours")));
	printf("after:  %s, %lld hours observed\n\n",
	       text_span(span, rq->after.since_ns, rq->after.until_ns),
	       (long long)json_integer_value(json_object_get(root, "after_hours")));
	out_table(&rq->g, compare_columns, ARRAY_SIZE(compare_columns), rows);
	puts("\nCHANGE: in percentage points of the offered frames; FROM, TO: its 95 % interval");
	return out_done();
}

static int compare(struct request *rq)
{
	struct reader *v = query_begin(rq->g.store);
	json_t *root = NULL;
	int status = EXIT_FAILED;

	if (!v)
		return EXIT_FAILED;
	if (filter_resolve(&rq->o.filter, v) == 0)
		root = compare_make(v, &rq->before, &rq->after, &rq->o.filter);
	if (root && capacity_add_host(root, v, &rq->o.window) < 0) {
		json_decref(root);
		root = NULL;
	}
	if (root && rq->file && rq->g.format == FORMAT_TEXT)
		status = write_html(rq->file, root, compare_html);
	else if (root && redirect(rq) == 0)
		status = rq->g.format == FORMAT_JSON ? out_json(json_incref(root))
						     : print_compare(rq, root);
	json_decref(root);
	query_end(v);
	return status;
}

/* "A..B", made whole hours. */
static int parse_range(const char *name, const char *text, const struct window *now,
		       struct window *ret)
{
	const char *dots = strstr(text, "..");
	_cleanup_(freep) char *from = dots ? strndup(text, (size_t)(dots - text)) : NULL;

	*ret = *now;
	if (!from || when_parse(from, now->now_ns, &ret->since_ns) < 0 ||
	    when_parse(dots + 2, now->now_ns, &ret->until_ns) < 0) {
		message_error("%s: \"%.60s\" is not a range of time, such as -2w..-1w or "
			      "2026-11-01..2026-11-08",
			      name, text);
		return -1;
	}
	ret->since_ns -= ret->since_ns % NSEC_PER_HOUR;
	ret->until_ns -= ret->until_ns % NSEC_PER_HOUR;
	if (ret->since_ns < ret->until_ns)
		return 1;
	message_error("%s: \"%.60s\" contains no whole hour", name, text);
	return -1;
}

enum { OPT_BEFORE = OPT_OWN, OPT_AFTER };

static int own_option(void *arg, int opt, const char *value)
{
	struct request *rq = arg;

	switch (opt) {
	case 'o':
		rq->file = value;
		return 1;
	case OPT_BEFORE:
		rq->has_before = true;
		return parse_range("--before", value, &rq->o.window, &rq->before);
	case OPT_AFTER:
		rq->has_after = true;
		return parse_range("--after", value, &rq->o.window, &rq->after);
	default:
		return 0;
	}
}

/* Steps of a long window are whole hours; it begins with one. */
static void align(struct window *w)
{
	if (w->until_ns - w->since_ns >= 6 * NSEC_PER_HOUR)
		w->since_ns -= w->since_ns % NSEC_PER_HOUR;
}

static int run(const struct global *g, int argc, char **argv)
{
	static const struct option options[] = { GLOBAL_OPTIONS,
						 WINDOW_OPTIONS,
						 FILTER_OPTIONS,
						 { "output", required_argument, NULL, 'o' },
						 { "before", required_argument, NULL, OPT_BEFORE },
						 { "after", required_argument, NULL, OPT_AFTER },
						 { 0 } };
	struct request rq = { .g = *g };
	const struct options o = {
		.cmd = &cmd_report,
		.table = options,
		.letters = "o:",
		.global = &rq.g,
		.window = &rq.o.window,
		.filter = &rq.o.filter,
		.own = own_option,
		.arg = &rq,
	};
	int status;

	window_init(&rq.o.window);
	rq.o.window.since_ns = rq.o.window.now_ns - 30 * NSEC_PER_DAY;
	filter_init(&rq.o.filter);
	if (!options_read(&o, argc, argv, &status))
		return status;
	if (argc - optind != 1)
		return usage_error(&cmd_report, "expected capacity or compare");
	if (!strcmp(argv[optind], "capacity") && !rq.has_before && !rq.has_after) {
		align(&rq.o.window);
		return window_valid(&rq.o.window) ? capacity(&rq) : EXIT_USAGE;
	}
	if (!strcmp(argv[optind], "compare"))
		return rq.has_before && rq.has_after
			       ? compare(&rq)
			       : usage_error(&cmd_report,
					     "compare needs --before A..B and --after C..D");
	return usage_error(&cmd_report, strcmp(argv[optind], "capacity") != 0
						? "expected capacity or compare"
						: "--before and --after need compare");
}

static const char details[] =
	"  -o, --output F   write one HTML page to F; with --json or --csv: that format\n"
	"  --before A..B    compare: a period before the change, such as -2w..-1w\n"
	"  --after C..D     compare: a period after it\n"
	WINDOW_HELP("30 days ago")
	FILTER_HELP
	"\n"
	"With --vm, capacity includes the days of each NIC.\n";

const struct cmd cmd_report = {
	.name = "report",
	.args = "capacity|compare",
	.help = "report on capacity, or on the effect of a change",
	.details = details,
	.run = run,
};
