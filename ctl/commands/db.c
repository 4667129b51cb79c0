/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/base.h"
#include "ctl/options/options.h"
#include "ctl/options/query.h"
#include "ctl/options/usage.h"
#include "ctl/print/message.h"
#include "ctl/print/out.h"
#include "ctl/print/text.h"
#include "ctl/print/when.h"
#include "ctl/query/split.h"
#include "schema/schema.h"
#include "commands.h"
#include "db_admin.h"

static const struct column columns[] = {
	{ "file", "FILE", COL_TEXT },
	{ "bytes", "SIZE", COL_BYTES },
	{ "state", "STATE", COL_TEXT },
	{ "why", "WHY", COL_NAME },
};

static json_t *file_object(const char *dir, const char *name)
{
	char path[4096];
	struct stat st = { 0 };

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (stat(path, &st) < 0)
		st.st_size = 0;
	return json_pack("{ss sI}", "file", name, "bytes", (json_int_t)st.st_size);
}

static void add_finding(json_t *o, const char *dir, enum schema_kind kind, bool *bad)
{
	char path[4096], why[SCHEMA_WHY] = "";
	int r;

	snprintf(path, sizeof(path), "%s/%s", dir, json_string_value(json_object_get(o, "file")));
	r = schema_check(path, kind, why);
	*bad |= r < 0;
	json_object_set_new(o, "state",
			    out_text(r >= 0		 ? "healthy"
				     : r == -EUCLEAN	 ? "damaged"
				     : r == -EMEDIUMTYPE ? "foreign"
				     : r == -EPROTO	 ? "newer"
							 : "unreadable"));
	json_object_set_new(o, "why", out_text(r >= 0 ? "" : why));
}

static bool has_history(const char *dir)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/history.db", dir);
	return access(path, F_OK) == 0;
}

static enum schema_kind kind_of(const json_t *file)
{
	const char *name = json_string_value(json_object_get(file, "file"));

	return !strcmp(name, "meta.db")	     ? SCHEMA_META
	       : !strcmp(name, "history.db") ? SCHEMA_HISTORY
					     : SCHEMA_DAY;
}

/* meta.db first, history.db, then the days. NULL after saying that there is no store. */
static json_t *list_files(const struct global *g)
{
	struct schema_day *days = NULL;
	json_t *files;
	size_t n = 0;
	int r = schema_days(g->store, &days, &n);

	if (r < 0) {
		message_error("no store in %s: %s; set --store or TAPLOSS_STORE", g->store,
			      strerror(-r));
		return NULL;
	}
	files = json_array();
	json_array_append_new(files, file_object(g->store, "meta.db"));
	if (has_history(g->store))
		json_array_append_new(files, file_object(g->store, "history.db"));
	for (size_t i = 0; i < n; i++)
		json_array_append_new(files, file_object(g->store, days[i].name));
	free(days);
	return files;
}

static int print(const struct global *g, json_t *files, size_t n_columns, const char *key,
		 json_t *value)
{
	if (g->format == FORMAT_JSON)
		return out_json(json_pack("{so sO}", key, value, "files", files));
	json_decref(value);
	if (g->format == FORMAT_CSV)
		out_csv(columns, n_columns, files);
	else
		/* why: said below, once */
		out_table(g, columns, n_columns > 3 ? 3 : n_columns, files);
	return out_done();
}

static int check(const struct global *g)
{
	json_t *files = list_files(g), *f;
	bool bad = false;
	size_t i;
	int status;

	if (!files)
		return EXIT_FAILED;
	json_array_foreach(files, i, f)
		add_finding(f, g->store, kind_of(f), &bad);
	status = print(g, files, ARRAY_SIZE(columns), "healthy", json_boolean(!bad));
	json_array_foreach(files, i, f) {
		const char *why = json_string_value(json_object_get(f, "why"));

		if (*why)
			message_error("%s", why);
	}
	json_decref(files);
	return bad ? EXIT_FAILED : status;
}

static int size(const struct global *g)
{
	json_t *files = list_files(g), *f;
	json_int_t sum = 0;
	char buf[32];
	size_t i;
	int status;

	if (!files)
		return EXIT_FAILED;
	json_array_foreach(files, i, f)
		sum += json_integer_value(json_object_get(f, "bytes"));
	status = print(g, files, 2, "bytes", json_integer(sum));
	if (g->format == FORMAT_TEXT)
		printf("%s in total\n", text_bytes(buf, (unsigned long long)sum));
	json_decref(files);
	return status == EXIT_OK ? out_done() : status;
}

static int print_pruned(const struct global *g, const struct maintain_done *d)
{
	if (g->format == FORMAT_JSON)
		return out_json(json_pack("{si si si si si}", "taken_up_days", (int)d->rolled_up,
					  "thinned_days", (int)d->downsampled, "forgotten_days",
					  (int)d->deleted, "hours_forgotten_days",
					  (int)d->hours_deleted, "sums_forgotten_days",
					  (int)d->sums_deleted));
	printf("days summed up in history.db: %u; thinned to minutes: %u; files deleted: %u; hours "
	       "forgotten: %u; sums forgotten: %u\n",
	       d->rolled_up, d->downsampled, d->deleted, d->hours_deleted, d->sums_deleted);
	return out_done();
}

static int prune(const struct global *g, const struct maintain_limits *l)
{
	char why[READER_WHY] = "";
	struct maintain_done done;

	if (db_prune(g->store, l, &done, why) >= 0)
		return print_pruned(g, &done);
	message_error("%s", why);
	return EXIT_FAILED;
}

static int backup(const struct global *g, const char *to)
{
	char why[READER_WHY];

	if (db_backup(g->store, to, why) >= 0)
		return EXIT_OK;
	message_error("%s", why);
	return EXIT_FAILED;
}

struct request {
	struct global g;
	struct maintain_limits limits;
	struct window window;
	struct filter filter;
	bool limited;
};

/* "7d", "2w": whole days, at least one. */
static int parse_days(const char *name, const char *value, unsigned int *ret)
{
	uint64_t ns;

	if (when_length(value, &ns) == 0 && ns >= NSEC_PER_DAY && ns / NSEC_PER_DAY <= 36500) {
		*ret = (unsigned int)(ns / NSEC_PER_DAY);
		return 1;
	}
	message_error("%s: \"%.60s\" is not a length of time of at least a day, such as 7d or 4w",
		      name, value);
	return -1;
}

static int parse_mib(const char *name, const char *value, uint64_t *ret)
{
	char *end;
	unsigned long long n = strtoull(value, &end, 10);

	if (*value >= '0' && *value <= '9' && !*end && n > 0 && n <= 1 << 24) {
		*ret = (uint64_t)n << 20;
		return 1;
	}
	message_error("%s: \"%.60s\" is not a number of MiB from 1 to 16777216", name, value);
	return -1;
}

enum {
	OPT_SECONDS = OPT_OWN,
	OPT_MINUTES,
	OPT_HOURS,
	OPT_SECONDS_MIB,
	OPT_MINUTES_MIB,
	OPT_HISTORY_MIB,
};

static int limit_option(struct request *rq, int opt, const char *value)
{
	switch (opt) {
	case OPT_SECONDS:
		return parse_days("--seconds", value, &rq->limits.fine_days);
	case OPT_MINUTES:
		return parse_days("--minutes", value, &rq->limits.days);
	case OPT_HOURS:
		return parse_days("--hours", value, &rq->limits.hour_days);
	case OPT_SECONDS_MIB:
		return parse_mib("--seconds-mib", value, &rq->limits.fine_bytes);
	case OPT_MINUTES_MIB:
		return parse_mib("--minutes-mib", value, &rq->limits.bytes);
	case OPT_HISTORY_MIB:
		return parse_mib("--history-mib", value, &rq->limits.history_bytes);
	default:
		return 0;
	}
}

static int own_option(void *arg, int opt, const char *value)
{
	struct request *rq = arg;
	int taken = limit_option(rq, opt, value);

	rq->limited |= taken > 0;
	return taken;
}

struct exporting {
	struct reader *v;
	bool failed;
};

static void export_row(int64_t series, uint64_t t_ns, uint64_t span_ns,
		       const struct reader_sum *sum, void *arg)
{
	struct exporting *e = arg;
	const struct reader_series *s = &e->v->series[series];
	json_t *o = json_pack("{sI sI}", "t_ns", (json_int_t)t_ns, "span_ns", (json_int_t)span_ns),
	       *names = split_object(e->v, s, BY_ALL);

	json_object_update(o, names);
	json_object_set_new(o, "frames", out_int(sum->frames));
	json_object_set_new(o, "segments", out_int(sum->segments));
	json_object_set_new(o, "bytes", out_int(sum->bytes));
	e->failed |= json_dumpf(o, stdout, JSON_COMPACT) < 0 || putchar('\n') == EOF;
	json_decref(names);
	json_decref(o);
}

static bool *list_wanted(const struct filter *f, const struct reader *v)
{
	bool *wanted = calloc(v->n_series + 1, sizeof(*wanted));

	if (!wanted)
		abort();
	for (size_t i = 0; i < v->n_series; i++)
		wanted[i] = v->series[i].id && filter_passes(f, v, &v->series[i]) &&
			    (f->masked || !v->series[i].mask);
	return wanted;
}

/* Each loss row of the window as one line of JSON, at the finest level that is kept. */
static int export_rows(struct request *rq)
{
	struct exporting e = { .v = query_begin(rq->g.store) };
	bool *wanted;
	int r;

	if (!e.v)
		return EXIT_FAILED;
	r = filter_resolve(&rq->filter, e.v);
	if (r >= 0) {
		wanted = list_wanted(&rq->filter, e.v);
		r = reader_rows(e.v, rq->window.since_ns, rq->window.until_ns, false, wanted,
				export_row, &e);
		free(wanted);
	}
	query_end(e.v);
	return r < 0 ? EXIT_FAILED : e.failed ? out_done() | EXIT_FAILED : out_done();
}

static int dispatch(struct request *rq, int argc, char **argv)
{
	const char *what = argc > 0 ? argv[0] : "";

	if (argc == 1 && !strcmp(what, "check"))
		return check(&rq->g);
	if (argc == 1 && !strcmp(what, "size"))
		return size(&rq->g);
	if (argc == 2 && !strcmp(what, "backup"))
		return backup(&rq->g, argv[1]);
	if (argc == 1 && !strcmp(what, "export"))
		return window_valid(&rq->window) ? export_rows(rq) : EXIT_USAGE;
	if (argc == 1 && !strcmp(what, "prune") && rq->limited)
		return prune(&rq->g, &rq->limits);
	if (argc == 1 && !strcmp(what, "prune"))
		return usage_error(&cmd_db,
				   "prune needs at least one limit, such as --minutes 30d");
	return usage_error(&cmd_db, "expected check, size, prune, backup DIR or export");
}

static int run(const struct global *g, int argc, char **argv)
{
	static const struct option options[] = {
		GLOBAL_OPTIONS,
		WINDOW_OPTIONS,
		FILTER_OPTIONS,
		{ "seconds", required_argument, NULL, OPT_SECONDS },
		{ "minutes", required_argument, NULL, OPT_MINUTES },
		{ "hours", required_argument, NULL, OPT_HOURS },
		{ "seconds-mib", required_argument, NULL, OPT_SECONDS_MIB },
		{ "minutes-mib", required_argument, NULL, OPT_MINUTES_MIB },
		{ "history-mib", required_argument, NULL, OPT_HISTORY_MIB },
		{ 0 }
	};
	struct request rq = { .g = *g };
	const struct options o = {
		.cmd = &cmd_db,
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
	return dispatch(&rq, argc - optind, argv + optind);
}

static const char details[] =
	"  check            check each file; the exit status is 1 if one is damaged\n"
	"  size             show the size of each file, without data still in its -wal\n"
	"  prune            delete old data as the agent does; the agent must not run.\n"
	"                   What is deleted stays in coarser sums:\n"
	"    --seconds AGE  keep the loss of each interval for AGE (7d), then per minute\n"
	"    --minutes AGE  keep day files for AGE (90d), then sums per hour\n"
	"    --hours AGE    keep sums per hour for AGE (730d), then sums per day\n"
	"    --seconds-mib N, --minutes-mib N, --history-mib N\n"
	"                   keep at most N MiB of each\n"
	"  backup DIR       make a consistent copy, also while the agent writes\n"
	"  export           print each loss row of the window as one line of JSON\n"
	WINDOW_HELP("an hour ago")
	FILTER_HELP;

const struct cmd cmd_db = {
	.name = "db",
	.args = "check|size|prune|backup DIR|export",
	.help = "check, measure, prune, back up or export the store",
	.details = details,
	.run = run,
};
