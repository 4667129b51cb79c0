/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "events.h"

#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "collector/alloc.h"

struct reading {
	struct reader *v;
	uint64_t since, until;
	struct events *to;
	bool open_run;		/* the run before this one has no end */
};

static char *copy(const char *text)
{
	return text ? must(strdup(text)) : NULL;
}

static void append(struct events *e, const struct event *ev)
{
	if (alloc_double(e->all, e->n) < 0)
		abort();
	e->all[e->n++] = *ev;
}

static void add(struct reading *rd, const struct event *ev)
{
	if (ev->t_ns > rd->since && ev->t_ns <= rd->until) {
		append(rd->to, ev);
		return;
	}
	free(ev->was);
	free(ev->became);
}

static bool is(const char *text, const char *word)
{
	return text && !strcmp(text, word);
}

static bool ended(const char *state)
{
	return is(state, "gone") || is(state, "shutoff") || is(state, "crashed");
}

static const char *word_of_state(const char *was, const char *became)
{
	if (ended(became))
		return "stopped";
	if (!is(became, "running"))
		return is(became, "paused") ? "paused" : "state";
	return ended(was) || is(was, "starting") ? "started" : "resumed";
}

static const char *word_of(const char *what, const char *was, const char *became)
{
	static const char *const words[] = { "name",	"queues", "ring",   "bridge",
					     "backend", "mac",	  "source", "interval" };

	if (!strcmp(what, "state"))
		return word_of_state(was, became);
	if (!strcmp(what, "vm"))
		return "found";
	if (!strcmp(what, "nic"))
		return became ? "nic-added" : "nic-removed";
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(what, words[i]))
			return words[i];
	return "other";
}

static void on_change(const struct reader_change *c, void *arg)
{
	struct event ev = { c->t_ns,	  c->vm_id,
			    c->device_id, word_of(c->what, c->was, c->became),
			    copy(c->was), copy(c->became) };

	add(arg, &ev);
}

/* An agent that was killed left no word: that it died is known when the next one starts. */
static void on_run(const struct reader_run *run, void *arg)
{
	struct reading *rd = arg;
	struct event ev = { .t_ns = run->since_ns };

	if (rd->open_run) {
		ev.what = "agent-died";
		add(rd, &ev);
	}
	ev.what = "agent-started";
	ev.became = copy(run->version);
	add(rd, &ev);
	rd->open_run = !run->until_ns;
	if (rd->open_run)
		return;
	ev = (struct event){ .t_ns = run->until_ns, .what = "agent-stopped" };
	add(rd, &ev);
}

static int by_time(const void *a, const void *b)
{
	const struct event *x = a, *y = b;

	return x->t_ns < y->t_ns ? -1 : x->t_ns > y->t_ns;
}

int events_read(struct reader *v, uint64_t since, uint64_t until, struct events *ret)
{
	struct events e = { 0 };
	struct reading rd = { .v = v, .since = since, .until = until, .to = &e };
	int r = reader_runs(v, on_run, &rd);

	if (r >= 0)
		r = reader_changes(v, on_change, &rd);
	if (r < 0) {
		events_free(&e);
		return r;
	}
	if (e.n)
		/* of one moment, in the order of ids: glibc sorts by merging */
		qsort(e.all, e.n, sizeof(*e.all), by_time);
	*ret = e;
	return 0;
}

void events_insert(struct events *e, const struct event *ev)
{
	size_t at = e->n;

	append(e, ev);
	for (; at && e->all[at - 1].t_ns > ev->t_ns; at--)
		e->all[at] = e->all[at - 1];
	e->all[at] = *ev;
}

void events_free(struct events *e)
{
	for (size_t i = 0; i < e->n; i++) {
		free(e->all[i].was);
		free(e->all[i].became);
	}
	free(e->all);
	*e = (struct events){ 0 };
}

static bool tells_state(const struct event *ev)
{
	static const char *const words[] = { "found",  "started", "resumed",
					     "paused", "stopped", "state" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(ev->what, words[i]))
			return true;
	return false;
}

const char *events_halted(const struct events *e, int64_t vm_id, uint64_t from_ns, uint64_t to_ns)
{
	const char *halted = NULL;

	for (size_t i = 0; i < e->n && e->all[i].t_ns <= to_ns; i++) {
		const struct event *ev = &e->all[i];

		if (ev->vm_id != vm_id || !tells_state(ev))
			continue;
		if (!is(ev->became, "running"))
			halted = ev->became;
		else if (ev->t_ns < from_ns)
			halted = NULL;
	}
	return halted;
}

int events_ring(const struct events *e, const struct reader_attachment *a, uint64_t at_ns)
{
	for (size_t i = 0; i < e->n; i++) {
		const struct event *ev = &e->all[i];

		if (a->until_ns && ev->t_ns > a->until_ns)
			break;
		if (ev->t_ns > at_ns && ev->device_id == a->device_id && ev->vm_id == a->vm_id &&
		    is(ev->what, "ring") && ev->was)
			return (int)strtol(ev->was, NULL, 10);
	}
	return a->ring_frames;
}
