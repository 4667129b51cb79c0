/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reader_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mask.h"

static int apply_masks(struct reader *v)
{
	int r;

	v->masks = calloc(1, sizeof(*v->masks));
	if (!v->masks)
		abort();
	r = masks_load(v->dir, v->masks, v->why);
	for (size_t i = 0; r >= 0 && i < v->n_series; i++) {
		const struct mask *m =
			v->series[i].id ? masks_find(v->masks, v, &v->series[i]) : NULL;

		v->series[i].mask = m ? m->id : NULL;
	}
	return r;
}

static int open_meta(struct reader *v)
{
	char path[4096];
	int r;

	snprintf(path, sizeof(path), "%s/meta.db", v->dir);
	r = schema_open(path, SCHEMA_META, SCHEMA_READ, &v->meta, v->why);
	if (r == -ENOENT)
		reader_fail(v, r,
			    "no store in %s: is taplossd running with --store %s? (choose another "
			    "with --store or TAPLOSS_STORE)",
			    v->dir, v->dir);
	return r;
}

static int list_days(struct reader *v)
{
	int r = schema_days(v->dir, &v->days, &v->n_days);

	return r < 0 ? reader_fail(v, r, "%s: %s", v->dir, strerror(-r)) : 0;
}

int reader_open(const char *dir, struct reader **ret, char why[static READER_WHY])
{
	struct reader *v = calloc(1, sizeof(*v));
	int r;

	if (!v)
		abort();
	v->dir = strdup(dir);
	if (!v->dir)
		abort();
	r = open_meta(v);
	if (r >= 0)
		r = list_days(v);
	if (r >= 0)
		r = reader_load_names(v);
	if (r >= 0)
		r = apply_masks(v);
	if (r >= 0)
		r = reader_load_past(v);
	if (r < 0) {
		snprintf(why, READER_WHY, "%s", v->why);
		reader_free(v);
		return r;
	}
	v->running = schema_agent_running(dir, &v->pid) > 0;
	*ret = v;
	return 0;
}

struct reader *reader_free(struct reader *v)
{
	if (!v)
		return NULL;
	reader_free_names(v);
	if (v->masks)
		masks_free(v->masks);
	free(v->masks);
	free(v->days);
	free(v->past);
	schema_close(v->history);
	free(v->dir);
	schema_close(v->meta);
	free(v);
	return NULL;
}
