/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capacity.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collector/base.h"
#include "ctl/print/out.h"

static void on_source(const struct reader_source *s, void *arg)
{
	if (strcmp(s->state, "ok") != 0)
		json_array_append_new(arg, json_pack("{ss ss ss}", "source", s->name, "state",
						     s->state, "why", s->why));
}

static void on_run(const struct reader_run *run, void *arg)
{
	json_t *root = arg;

	json_object_set_new(root, "kernel", out_text(run->kernel));
	json_object_set_new(root, "agent_version", out_text(run->version));
	json_object_set_new(root, "made_up", json_boolean(!strcmp(run->kernel, "made-up")));
}

/* Longest gaps first would hide how many there are: all of them in order, up to a number that can
 * be read. */
#define GAPS 50

static int add_gaps(json_t *root, struct reader *v, const struct window *w)
{
	_cleanup_(freep) struct reader_interval *all = NULL;
	json_t *gaps = json_array();
	uint64_t end = w->since_ns;
	size_t n = 0, found = 0;
	int r = reader_coverage(v, w->since_ns, w->until_ns, &all, &n);

	json_object_set_new(root, "gaps", gaps);
	if (r < 0)
		return r;
	for (size_t i = 0; i <= n; i++) {
		uint64_t from = i < n ? all[i].from_ns : w->until_ns;

		if (from > end + NSEC_PER_SEC && found++ < GAPS)
			json_array_append_new(gaps, json_pack("{sI sI}", "from_ns", (json_int_t)end,
							      "to_ns", (json_int_t)from));
		end = i < n && all[i].to_ns > end ? all[i].to_ns : end;
	}
	json_object_set_new(root, "gap_count", json_integer((json_int_t)found));
	return 0;
}

static int add_self(json_t *root, struct reader *v)
{
	static const char *const names[] = { "uncounted_frames", "missed_events", "late_ticks" };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names) && r >= 0; i++) {
		uint64_t n = 0;

		r = reader_self(v, names[i], &n);
		json_object_set_new(root, names[i], out_int(n));
	}
	return r;
}

int capacity_add_host(json_t *root, struct reader *v, const struct window *w)
{
	char host[128] = "";

	gethostname(host, sizeof(host) - 1);
	json_object_set_new(root, "version", json_string(TAPLOSS_VERSION));
	json_object_set_new(root, "host", out_text(host));
	json_object_set_new(root, "made_ns", out_int(w->now_ns));
	return reader_newest_run(v, on_run, root);
}

json_t *capacity_make(struct reader *v, const struct capacity_options *o)
{
	double covered = reader_covered_pct(v, o->window.since_ns, o->window.until_ns);
	struct capacity_top top = { .n = 0 };
	json_t *root, *sources;
	int r;

	if (covered < 0)
		return NULL;
	root = json_pack("{ss sI sI sf sb}", "report", "capacity", "since_ns",
			 (json_int_t)o->window.since_ns, "until_ns", (json_int_t)o->window.until_ns,
			 "coverage_pct", covered, "detail", o->detail);
	sources = json_array();
	r = capacity_add_host(root, v, &o->window);
	if (r >= 0)
		r = reader_sources(v, on_source, sources);
	json_object_set_new(root, "not_ok", sources);
	if (r >= 0)
		r = add_gaps(root, v, &o->window);
	if (r >= 0)
		r = add_self(root, v);
	if (r >= 0)
		r = capacity_add_nics(root, v, o);
	if (r >= 0)
		r = capacity_add_pressure(root, v, o);
	if (r >= 0)
		r = capacity_add_loss(root, v, o, &top);
	if (r >= 0)
		r = capacity_add_verdicts(root, v, o, &top);
	if (r >= 0)
		return root;
	json_decref(root);
	return NULL;
}
