/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "collector/base.h"
#include "ctl/options/options.h"
#include "ctl/options/query.h"
#include "ctl/options/usage.h"
#include "ctl/print/out.h"
#include "ctl/print/text.h"
#include "ctl/print/when.h"
#include "commands.h"
#include "status_limitations.h"

/* The newest run, and what its sources say. */
struct status {
	struct reader *v;
	char *version, *kernel;
	uint64_t since_ns, until_ns, interval_ns, reasons;
	bool clean, some;
	json_t *sources;
};

static void on_run(const struct reader_run *run, void *arg)
{
	struct status *s = arg;

	s->some = true;
	s->version = strdup(run->version);
	s->kernel = strdup(run->kernel);
	s->reasons = run->reasons;
	s->interval_ns = run->interval_ns;
	s->since_ns = run->since_ns;
	s->until_ns = run->until_ns;
	s->clean = run->clean;
}

static void on_source(const struct reader_source *source, void *arg)
{
	struct status *s = arg;

	json_array_append_new(s->sources,
			      json_pack("{so so so sI}", "name", out_text(source->name), "state",
					out_text(source->state), "why", out_text(source->why),
					"since_ns", (json_int_t)source->since_ns));
}

static uint64_t file_bytes(const struct reader *v, const char *name)
{
	static const char *const tails[] = { "", "-wal", "-shm" };
	char path[4096];
	uint64_t sum = 0;
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		snprintf(path, sizeof(path), "%s/%s%s", v->dir, name, tails[i]);
		if (stat(path, &st) == 0)
			sum += (uint64_t)st.st_size;
	}
	return sum;
}

static uint64_t store_bytes(const struct reader *v)
{
	uint64_t sum = file_bytes(v, "meta.db");

	for (size_t i = 0; i < v->n_days; i++)
		sum += file_bytes(v, v->days[i].name);
	return sum;
}

static bool touches(const json_t *last, const struct reader_interval *next)
{
	const char *only = json_string_value(json_object_get(last, "only"));

	return last &&
	       (uint64_t)json_integer_value(json_object_get(last, "to_ns")) + NSEC_PER_MSEC >=
		       next->from_ns &&
	       !strcmp(only ? only : "", next->only);
}

/* Merged: two intervals that touch are one. A restart of a pinned agent leaves no gap. */
static json_t *coverage(struct reader *v, uint64_t since)
{
	_cleanup_(freep) struct reader_interval *all = NULL;
	json_t *list = json_array(), *last = NULL;
	size_t n = 0;

	if (!list || reader_coverage(v, since, UINT64_MAX >> 1, &all, &n) < 0) {
		json_decref(list);
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		if (touches(last, &all[i])) {
			json_object_set_new(last, "to_ns", out_int(all[i].to_ns));
			continue;
		}
		last = json_pack("{so so}", "from_ns", out_int(all[i].from_ns), "to_ns",
				 out_int(all[i].to_ns));
		if (all[i].only[0])
			json_object_set_new(last, "only", out_text(all[i].only));
		json_array_append_new(list, last);
	}
	return list;
}

static bool by_bpf(const struct status *s)
{
	const json_t *src;
	size_t i;

	json_array_foreach(s->sources, i, src)
		if (!strcmp(json_string_value(json_object_get(src, "name")), "bpf-loss"))
			return !strcmp(json_string_value(json_object_get(src, "state")), "ok");
	return true;
}

static void print_agent(const struct status *s)
{
	char buf[64], ago[32];
	uint64_t now = now_ns();

	if (s->v->running)
		printf("agent      running for %s, since %s\n           process %d, version %s, "
		       "one tick every %llu ms\n",
		       text_duration(ago, now - s->since_ns), text_time(buf, s->since_ns),
		       s->v->pid, s->version ? s->version : "?",
		       (unsigned long long)(s->interval_ns / NSEC_PER_MSEC));
	else if (!s->some)
		puts("agent      NOT RUNNING: it never ran on this store");
	else if (s->clean)
		printf("agent      NOT RUNNING: stopped at %s (%s ago)\n",
		       text_time(buf, s->until_ns), text_duration(ago, now - s->until_ns));
	else
		puts("agent      NOT RUNNING: it died or was killed\n           (the kernel goes "
		     "on counting for the next agent, unless the host was restarted)");
	if (s->some)
		printf("kernel     %s%s\n", s->kernel,
		       s->reasons  ? ", reports a reason for each drop"
		       : by_bpf(s) ? ", reports no drop reasons (older than 5.17)"
				   : "");
}

static void print_sources(const struct status *s, const struct global *g)
{
	size_t i;
	json_t *src;

	json_array_foreach(s->sources, i, src) {
		const char *state = json_string_value(json_object_get(src, "state")),
			   *why = json_string_value(json_object_get(src, "why"));
		bool ok = !strcmp(state, "ok") || !strcmp(state, "off");
		_cleanup_(freep) char *safe = text_safe(why);
		_cleanup_(freep) char *name =
			text_safe(json_string_value(json_object_get(src, "name")));

		printf("%-10s %-24s %s%s%s%s%s%s\n", i ? "" : "sources", name,
		       !ok && g->color ? "\033[1;31m" : "", ok ? "" : "!! ", state,
		       !ok && g->color ? "\033[0m" : "", *safe ? ": " : "", safe);
	}
	if (!s->v->running && json_array_size(s->sources))
		puts("           (state when the agent last ran)");
}

static void print_coverage(const json_t *list)
{
	char from[64], to[64], len[32];
	uint64_t end = 0;
	size_t i;
	json_t *c;

	json_array_foreach(list, i, c) {
		uint64_t a = (uint64_t)json_integer_value(json_object_get(c, "from_ns")),
			 b = (uint64_t)json_integer_value(json_object_get(c, "to_ns"));

		if (end && a > end + NSEC_PER_MSEC)
			printf("%-10s   gap of %s\n", "", text_duration(len, a - end));
		printf("%-10s %s to %s%s%s\n", i ? "" : "observed", text_time(from, a),
		       text_time(to, b), json_object_get(c, "only") ? ", by " : "",
		       json_object_get(c, "only") ? json_string_value(json_object_get(c, "only"))
						  : "");
		end = b;
	}
	if (!json_array_size(list))
		puts("observed   nothing yet");
}

/* What the program itself could not do. */
struct self {
	uint64_t uncounted, missed, late;
};

static int print(struct status *s, const struct global *g, json_t *covered, const struct self *self)
{
	char path[4096], buf[32], num[32];
	uint64_t bytes = store_bytes(s->v);

	snprintf(path, sizeof(path), "%s", s->v->dir);
	if (g->format == FORMAT_JSON)
		return out_json(json_pack(
			"{s{sb so so so so} s{so sI} sO s{so sI si} s{sI sI sI} sO}", "agent",
			"running", s->v->running, "pid",
			s->v->running ? out_int((uint64_t)s->v->pid) : json_null(), "version",
			out_text(s->version), "since_ns",
			s->some ? out_int(s->since_ns) : json_null(), "interval_ns",
			s->some ? out_int(s->interval_ns) : json_null(), "kernel", "release",
			out_text(s->kernel), "reasons", (json_int_t)s->reasons, "sources",
			s->sources, "database", "path", out_text(path), "bytes", (json_int_t)bytes,
			"schema_version", SCHEMA_META_VERSION, "self", "uncounted_frames",
			(json_int_t)self->uncounted, "missed_events", (json_int_t)self->missed,
			"late_ticks", (json_int_t)self->late, "coverage", covered));
	print_agent(s);
	print_sources(s, g);
	printf("store      %s, %s, %zu day%s, schema %d\n", path, text_bytes(buf, bytes),
	       s->v->n_days, s->v->n_days == 1 ? "" : "s", SCHEMA_META_VERSION);
	print_coverage(covered);
	printf("own loss   %s frames not counted, because the BPF map was full\n",
	       text_count(num, self->uncounted));
	printf("           %s drops not examined\n", text_count(num, self->missed));
	printf("           %s late ticks\n", text_count(num, self->late));
	return out_done();
}

static int csv(struct status *s)
{
	static const struct column columns[] = { { "name", "", COL_TEXT },
						 { "state", "", COL_TEXT },
						 { "why", "", COL_TEXT },
						 { "since_ns", "", COL_TIME } };

	out_csv(columns, ARRAY_SIZE(columns), s->sources);
	return out_done();
}

static int answer(const struct global *g)
{
	struct status s = { .v = query_begin(g->store), .sources = json_array() };
	struct self self = { 0 };
	json_t *covered = NULL;
	int status = EXIT_FAILED;

	if (s.v && reader_newest_run(s.v, on_run, &s) == 0 &&
	    reader_sources(s.v, on_source, &s) == 0 &&
	    reader_self(s.v, "uncounted_frames", &self.uncounted) == 0 &&
	    reader_self(s.v, "missed_events", &self.missed) == 0 &&
	    reader_self(s.v, "late_ticks", &self.late) == 0) {
		covered = coverage(s.v, now_ns() - NSEC_PER_DAY);
		if (covered)
			status = g->format == FORMAT_CSV ? csv(&s) : print(&s, g, covered, &self);
	}
	json_decref(covered);
	json_decref(s.sources);
	free(s.version);
	free(s.kernel);
	query_end(s.v);
	return status;
}

enum { OPT_LIMITATIONS = OPT_OWN };

static int own_option(void *arg, int opt, const char *value)
{
	bool *limitations = arg;

	(void)value;
	if (opt != OPT_LIMITATIONS)
		return 0;
	return *limitations = true;
}

static int run(const struct global *g, int argc, char **argv)
{
	static const struct option options[] = { GLOBAL_OPTIONS,
						 { "limitations", no_argument, NULL,
						   OPT_LIMITATIONS },
						 { "blind", no_argument, NULL, OPT_LIMITATIONS },
						 { 0 } };
	struct global mine = *g;
	bool limitations = false;
	const struct options o = {
		.cmd = &cmd_status,
		.table = options,
		.global = &mine,
		.own = own_option,
		.arg = &limitations,
	};
	int status;

	if (!options_read(&o, argc, argv, &status))
		return status;
	if (optind < argc)
		return usage_error(&cmd_status, "unexpected argument \"%.60s\"", argv[optind]);
	return limitations ? status_limitations(&mine) : answer(&mine);
}

static const char details[] =
	"  --limitations    list the losses that cannot be seen on this host, why, and\n"
	"                   which counter reveals them instead (also --blind)\n"
	"\n"
	"Coverage is that of the last 24 hours.\n";

const struct cmd cmd_status = {
	.name = "status",
	.args = "",
	.help = "show the state of the agent, and which losses it cannot see",
	.details = details,
	.run = run,
};
