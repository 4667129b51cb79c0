/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The states of sources. They are reported in every tick, and are mostly the same again: that costs
 * a comparison and no transaction. */
#include "store_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"

struct source_state {
	char *name, *state, *why;	/* as committed */
};

static void forget(struct source_state *a)
{
	free(a->name);
	free(a->state);
	free(a->why);
}

int store_sources_forget(struct store_db *d)
{
	struct store *s = CONTAINER_OF(d, struct store, meta);

	for (unsigned int i = 0; i < s->n_sources; i++)
		forget(&s->sources[i]);
	free(s->sources);
	s->sources = NULL;
	s->n_sources = 0;
	return 0;
}

static struct source_state *find(const struct store *s, const char *name)
{
	for (unsigned int i = 0; i < s->n_sources; i++)
		if (!strcmp(s->sources[i].name, name))
			return &s->sources[i];
	return NULL;
}

static void drop(struct store *s, const char *name)
{
	struct source_state *a = find(s, name);

	if (!a)
		return;
	forget(a);
	*a = s->sources[--s->n_sources];
}

/* Without memory it is written again next time. */
static void keep(struct store *s, const char *name, const char *state, const char *why)
{
	struct source_state a = { strdup(name), strdup(state), strdup(why) };
	struct source_state *more =
		a.name && a.state && a.why
			? reallocarray(s->sources, s->n_sources + 1, sizeof(*more))
			: NULL;

	if (!more) {
		forget(&a);
		return;
	}
	s->sources = more;
	s->sources[s->n_sources++] = a;
}

static int put(struct store *s, const char *name, const char *state, const char *why,
	       uint64_t now_ns)
{
	struct sql q =
		db_sql(&s->meta,
		       "INSERT INTO source VALUES (:name, :state, :why, :now) ON CONFLICT (name) "
		       "DO UPDATE "
		       "SET since_ns = iif(state = excluded.state, since_ns, excluded.since_ns), "
		       "state = excluded.state, why = excluded.why "
		       "WHERE state <> excluded.state OR why <> excluded.why");

	sql_bind_text(&q, ":name", name);
	sql_bind_text(&q, ":state", state);
	sql_bind_text(&q, ":why", why);
	sql_bind_uint64(&q, ":now", now_ns);
	return sql_run(&q);
}

int store_source(struct store *s, const char *name, const char *state, const char *why,
		 uint64_t now_ns)
{
	const struct source_state *before = find(s, name);
	int r;

	why = why ? why : "";
	if (before && !strcmp(before->state, state) && !strcmp(before->why, why))
		return 0;
	r = store_meta_begin(s);
	if (r < 0)
		return r;
	r = store_event_source(s, name, state, now_ns);
	if (r >= 0)
		r = put(s, name, state, why, now_ns);
	r = store_meta_end(s, r);
	drop(s, name);
	if (r >= 0)
		keep(s, name, state, why);
	return r;
}

static int delete(struct store *s, const char *name)
{
	struct sql q = db_sql(&s->meta, "DELETE FROM source WHERE name = :name");

	sql_bind_text(&q, ":name", name);
	return sql_run(&q);
}

int store_source_gone(struct store *s, const char *name)
{
	int r = store_meta_begin(s);

	drop(s, name);
	return r < 0 ? r : store_meta_end(s, delete(s, name));
}
