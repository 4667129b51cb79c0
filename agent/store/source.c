/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What sources say of themselves. They say it in every tick, and mostly the same again: that costs
 * a comparison and no transaction. */
#include "store_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"

struct store_said {
	char *name, *state, *why;	/* as committed */
};

static void forget(struct store_said *a)
{
	free(a->name);
	free(a->state);
	free(a->why);
}

int store_unsay(struct store_db *d)
{
	struct store *s = CONTAINER_OF(d, struct store, meta);

	for (unsigned int i = 0; i < s->n_said; i++)
		forget(&s->said[i]);
	free(s->said);
	s->said = NULL;
	s->n_said = 0;
	return 0;
}

static struct store_said *find(const struct store *s, const char *name)
{
	for (unsigned int i = 0; i < s->n_said; i++)
		if (!strcmp(s->said[i].name, name))
			return &s->said[i];
	return NULL;
}

static void drop(struct store *s, const char *name)
{
	struct store_said *a = find(s, name);

	if (!a)
		return;
	forget(a);
	*a = s->said[--s->n_said];
}

/* Without memory it is written again next time. */
static void keep(struct store *s, const char *name, const char *state, const char *why)
{
	struct store_said a = { strdup(name), strdup(state), strdup(why) };
	struct store_said *more = a.name && a.state && a.why
					  ? reallocarray(s->said, s->n_said + 1, sizeof(*more))
					  : NULL;

	if (!more) {
		forget(&a);
		return;
	}
	s->said = more;
	s->said[s->n_said++] = a;
}

int store_source(struct store *s, const char *name, const char *state, const char *why,
		 uint64_t now_ns)
{
	const struct store_said *before = find(s, name);
	int r;

	why = why ? why : "";
	if (before && !strcmp(before->state, state) && !strcmp(before->why, why))
		return 0;
	r = store_meta_begin(s);
	if (r < 0)
		return r;
	r = store_event_source(s, name, state, now_ns);
	if (r >= 0)
		r = store_exec(
			&s->meta,
			"INSERT INTO source VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
			"since_ns = iif(state = excluded.state, since_ns, excluded.since_ns), "
			"state = excluded.state, why = excluded.why "
			"WHERE state <> excluded.state OR why <> excluded.why",
			"tttu", name, state, why, now_ns);
	r = store_meta_end(s, r);
	drop(s, name);
	if (r >= 0)
		keep(s, name, state, why);
	return r;
}

int store_source_gone(struct store *s, const char *name)
{
	int r = store_meta_begin(s);

	drop(s, name);
	return r < 0 ? r
		     : store_meta_end(s, store_exec(&s->meta, "DELETE FROM source WHERE name = ?",
						    "t", name));
}
