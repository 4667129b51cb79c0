/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "ctl/options/number.h"
#include "ctl/options/options.h"
#include "ctl/options/query.h"
#include "ctl/options/usage.h"
#include "ctl/print/message.h"
#include "ctl/print/out.h"
#include "ctl/print/text.h"
#include "ctl/query/split.h"
#include "ctl/query/tally.h"
#include "commands.h"

/* A person wants the cause on one line; a program gets all there is and adds up as it likes. */
#define BY_TEXT (BY_VM | BY_NIC | BY_DIRECTION | BY_CLASS | BY_REASON | BY_KIND | BY_PLACE)
#define BY_DEVICE (BY_VM | BY_NIC | BY_DIRECTION)	/* what --fail-over asks about */

struct request {
	struct global g;
	struct window window;
	struct filter filter;
	unsigned int by;
	uint64_t limit;
	double fail_over;	/* percent; negative: not asked */
	uint64_t floor;		/* fewer frames are no alarm */
};

static const struct column columns[] = {
	{ "vm", "VM", COL_NAME },
	{ "uuid", "UUID", COL_TEXT },
	{ "nic", "NIC", COL_NAME },
	{ "queue", "QUEUE", COL_NUMBER },
	{ "direction", "DIR", COL_TEXT },
	{ "class", "CLASS", COL_TEXT },
	{ "kernel_reason", "KERNEL", COL_LONG },
	{ "kind", "KIND", COL_TEXT },
	{ "site", "SITE", COL_LONG },
	{ "place", "PLACE", COL_LONG },
	{ "from", "FROM", COL_NAME },
	{ "from_uuid", "FROM UUID", COL_TEXT },
	{ "from_nic", "FROM NIC", COL_NAME },
	{ "frames", "FRAMES", COL_COUNT },
	{ "segments", "SEGMENTS", COL_COUNT },
	{ "bytes", "BYTES", COL_BYTES },
	{ "path_frames", "OF IT ON PATH", COL_COUNT },
	{ "purged_frames", "OF IT PURGED", COL_COUNT },
	{ "delivered_frames", "DELIVERED", COL_COUNT },
	{ "loss_pct", "LOST", COL_PERCENT },
	{ "first_seen_ns", "FIRST SEEN", COL_TIME },
	{ "mask", "MASK", COL_TEXT },
	{ "benign_frames", "OF IT BENIGN", COL_COUNT },
};

static void put(json_t *o, const char *key, json_t *value)
{
	if (json_object_set_new(o, key, value) < 0)
		abort();
}

static json_t *row_object(const struct reader *v, const struct tally_row *row, unsigned int by)
{
	json_t *o = split_object(v, row->series, by);
	double pct = tally_pct(row);

	put(o, "frames", out_int(row->sum.frames));
	put(o, "segments", out_int(row->sum.segments));
	put(o, "bytes", out_int(row->sum.bytes));
	if (row->path && !(by & (BY_CLASS | BY_PLACE)))
		put(o, "path_frames", out_int(row->path));
	if (row->purged && !(by & BY_CLASS))
		put(o, "purged_frames", out_int(row->purged));
	if (row->benign && (!(by & BY_KIND) || strcmp(row->series->kind, "lifecycle") != 0))
		put(o, "benign_frames", out_int(row->benign));
	put(o, "delivered_frames", row->pct_known ? out_int(row->delivered) : json_null());
	put(o, "loss_pct", pct < 0 ? json_null() : json_real(pct));
	put(o, "first_seen_ns", out_int(row->first_ns));
	return o;
}

static json_t *rows_array(const struct reader *v, const struct tally *t, const struct request *rq)
{
	json_t *rows = json_array();

	for (size_t i = 0; rows && i < t->n && i < rq->limit; i++)
		json_array_append_new(rows, row_object(v, &t->rows[i], rq->by));
	return rows;
}

/* What a table of 80 characters has no room for, and what nobody knows for this split. */
static bool hidden(const struct request *rq, const struct tally *t, const char *key)
{
	static const char *const wide[] = { "segments", "delivered_frames", "first_seen_ns" };
	bool narrow = out_columns() && out_columns() < 120;

	if (!strcmp(key, "uuid") || !strcmp(key, "from_uuid"))
		return true;
	if (!strcmp(key, "place") && !t->path)
		return true;
	if (!tally_knows_delivered(rq->by) &&
	    (!strcmp(key, "delivered_frames") || !strcmp(key, "loss_pct")))
		return true;
	for (size_t i = 0; narrow && i < ARRAY_SIZE(wide); i++)
		if (!strcmp(key, wide[i]))
			return true;
	return false;
}

static void print_table(const struct request *rq, const struct tally *t, const json_t *rows)
{
	struct column shown[ARRAY_SIZE(columns)];
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		if (!hidden(rq, t, columns[i].key))
			shown[n++] = columns[i];
	out_table(&rq->g, shown, n, rows);
}

static void print_text(const struct request *rq, const struct tally *t, const json_t *rows,
		       double covered)
{
	char buf[32];

	window_print(&rq->window, covered);
	if (!t->n && covered <= 0)
		return;
	if (t->n)
		printf("%s frames lost", text_count(buf, t->lost));
	else
		fputs("no loss", stdout);
	if (t->benign)
		printf(", of these %s benign (VM not running, device not ready)",
		       text_count(buf, t->benign));
	if (t->path)
		printf("; besides, %s lost on the way to or from the tap (PATH)",
		       text_count(buf, t->path));
	if (t->purged)
		printf("; besides, %s in rings that were emptied (PURGE), which is not loss",
		       text_count(buf, t->purged));
	if (t->masked)
		printf("; besides, %s masked%s", text_count(buf, t->masked),
		       rq->filter.masked ? "" : " (--masked shows them)");
	putchar('\n');
	if (!t->n)
		return;
	putchar('\n');
	print_table(rq, t, rows);
	if (t->n > rq->limit)
		printf("%zu more rows: --limit 0 shows all\n", t->n - rq->limit);
}

/* Harmful loss only, and more than a few frames of it. */
static bool over(const struct tally *t, double limit, uint64_t floor)
{
	for (size_t i = 0; i < t->n; i++)
		if (tally_harm_pct(&t->rows[i]) > limit && tally_harm(&t->rows[i]) >= floor)
			return true;
	return false;
}

/* A script must not take "nobody looked" for "nothing lost". */
static int judge(const struct request *rq, const struct tally *t, double covered)
{
	if (over(t, rq->fail_over, rq->floor))
		return EXIT_FOUND;
	if (covered > 0)
		return EXIT_OK;
	message_error("--fail-over: no data for this window, so the loss is unknown; see "
		      "taplossctl status");
	return EXIT_FAILED;
}

static int print(const struct request *rq, struct reader *v, const struct tally *t, double covered)
{
	json_t *rows = rows_array(v, t, rq);

	if (rq->g.format == FORMAT_JSON)
		return out_json(json_pack("{sI sI sf sI so}", "since_ns",
					  (json_int_t)rq->window.since_ns, "until_ns",
					  (json_int_t)rq->window.until_ns, "coverage_pct", covered,
					  "masked_frames", (json_int_t)t->masked, "rows", rows));
	if (rq->g.format == FORMAT_CSV)
		out_csv(columns, ARRAY_SIZE(columns), rows);
	else
		print_text(rq, t, rows, covered);
	json_decref(rows);
	return out_done();
}

static int answer(struct request *rq)
{
	struct reader *v = query_begin(rq->g.store);
	struct tally t = { 0 };
	double covered;
	int status = EXIT_FAILED;

	if (!v)
		return EXIT_FAILED;
	if (filter_resolve(&rq->filter, v) == 0 &&
	    tally_make(v, &rq->window, &rq->filter, rq->by, &t) == 0) {
		covered = reader_covered_pct(v, rq->window.since_ns, rq->window.until_ns);
		if (covered >= 0)
			status = print(rq, v, &t, covered);
		if (status == EXIT_OK && rq->fail_over >= 0)
			status = judge(rq, &t, covered);
	}
	tally_free(&t);
	query_end(v);
	return status;
}

enum { OPT_BY = OPT_OWN, OPT_LIMIT, OPT_FAIL_OVER, OPT_FLOOR };

static int own_option(void *arg, int opt, const char *value)
{
	struct request *rq = arg;
	char *end;
	int r;

	switch (opt) {
	case OPT_BY:
		return split_option(value, &rq->by);
	case OPT_LIMIT:
		r = number_option("--limit", value, 0, UINT64_MAX, &rq->limit);
		rq->limit = rq->limit ? rq->limit : UINT64_MAX;
		return r;
	case OPT_FAIL_OVER:
		rq->fail_over = strtod(value, &end);
		if (end != value && !*end && rq->fail_over >= 0 && rq->fail_over <= 100)
			return 1;
		message_error(
			"--fail-over: \"%.60s\" is not a percentage from 0 to 100, such as 0.1",
			value);
		return -1;
	case OPT_FLOOR:
		return number_option("--floor", value, 0, UINT64_MAX, &rq->floor);
	default:
		return 0;
	}
}

static int run(const struct global *g, int argc, char **argv)
{
	static const struct option options[] = {
		GLOBAL_OPTIONS,
		WINDOW_OPTIONS,
		FILTER_OPTIONS,
		{ "by", required_argument, NULL, OPT_BY },
		{ "limit", required_argument, NULL, OPT_LIMIT },
		{ "fail-over", required_argument, NULL, OPT_FAIL_OVER },
		{ "floor", required_argument, NULL, OPT_FLOOR },
		{ 0 }
	};
	struct request rq = { .g = *g, .limit = UINT64_MAX, .fail_over = -1, .floor = 10 };
	const struct options o = {
		.cmd = &cmd_loss,
		.table = options,
		.global = &rq.g,
		.window = &rq.window,
		.filter = &rq.filter,
		.own = own_option,
		.arg = &rq,
	};
	int status;

	window_init(&rq.window);
	filter_init(&rq.filter);
	if (!options_read(&o, argc, argv, &status))
		return status;
	/* loss VM is what people type */
	if (!options_vms(&o, argc, argv) || !window_valid(&rq.window))
		return EXIT_USAGE;
	if (!rq.by)
		rq.by = rq.fail_over >= 0	     ? BY_DEVICE
			: rq.g.format == FORMAT_TEXT ? BY_TEXT
						     : BY_ALL;
	if (rq.filter.masked)
		rq.by |= BY_MASK;
	if (rq.fail_over >= 0 && !tally_knows_delivered(rq.by))
		return usage_error(
			&cmd_loss,
			"--fail-over needs --by with direction and vm or nic, and without queue");
	return answer(&rq);
}

static const char details[] =
	WINDOW_HELP("an hour ago")
	FILTER_HELP
	"  --by FIELDS      one row for each combination of these fields, separated by\n"
	"                   commas: vm, nic, queue, direction, class, reason, kind, site,\n"
	"                   place, from\n"
	"                   (default: vm,nic,direction,class,reason,kind,place;\n"
	"                   with --json or --csv: all but from)\n"
	"  --limit N        show the N largest rows; 0: all (default: 0)\n"
	"  --fail-over PCT  exit with status 3 if the harmful loss of a row exceeds PCT %\n"
	"  --floor N        with --fail-over: ignore rows of fewer than N harmfully lost\n"
	"                   frames (default: 10)\n";

const struct cmd cmd_loss = {
	.name = "loss",
	.args = "[VM...]",
	.help = "show how many frames each VM lost, and why",
	.details = details,
	.run = run,
};
