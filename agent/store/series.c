/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store_priv.h"

struct series_entry {
	int64_t id;
	UT_hash_handle hh;
	char key[];
};

void store_series_forget(struct store *s)
{
	struct series_entry *e = s->series, *next;

	HASH_CLEAR(hh, s->series);
	for (; e; e = next) {
		next = e->hh.next;
		free(e);
	}
}

/* All that a series means, as one string; \x1f occurs in none of the names. */
static char *key_of(const struct store_series *k)
{
	char *key;
	int len =
		asprintf(&key,
			 "%lld %lld %lld %lld %d\x1f%s\x1f%s\x1f%s\x1f%s\x1f%s\x1f%s\x1f%s\x1f%s",
			 (long long)k->vm_id, (long long)k->attachment_id, (long long)k->device_id,
			 (long long)k->sender_vm_id, k->queue, k->direction, k->class, k->kind,
			 k->reason, k->site, k->counter ? k->counter : "\x1e",
			 k->place ? k->place : "\x1e", k->sender ? k->sender : "\x1e");

	return len < 0 ? NULL : key;
}

static int remember(struct store *s, const char *key, int64_t id)
{
	size_t len = strlen(key);
	struct series_entry *e = malloc(sizeof(*e) + len + 1);

	if (!e)
		return -ENOMEM;
	e->id = id;
	memcpy(e->key, key, len + 1);
	HASH_ADD_KEYPTR(hh, s->series, e->key, len, e);
	return 0;
}

/* What a series means, in each statement that names it. */
static void bind_series(struct sql *q, const struct store_series *k)
{
	sql_bind_known(q, ":device", k->device_id, k->device_id);
	sql_bind_known(q, ":vm", k->vm_id, k->vm_id);
	sql_bind_known(q, ":attachment", k->attachment_id, k->attachment_id);
	sql_bind_known(q, ":queue", k->queue >= 0, k->queue);
	sql_bind_text(q, ":direction", k->direction);
	sql_bind_text(q, ":class", k->class);
	sql_bind_text(q, ":kind", k->kind);
	sql_bind_text(q, ":reason", k->reason);
	sql_bind_text(q, ":site", k->site);
	sql_bind_text(q, ":counter", k->counter);
	sql_bind_text(q, ":place", k->place);
	sql_bind_text(q, ":sender", k->sender);
	sql_bind_known(q, ":sender_vm", k->sender_vm_id, k->sender_vm_id);
}

int store_series_find(struct store *s, const struct store_series *k, int64_t *ret)
{
	_cleanup_(sql_closep) struct sql q = db_sql(
		&s->meta, "SELECT id FROM series WHERE device_id IS :device AND vm_id IS :vm "
			  "AND attachment_id IS :attachment AND queue IS :queue "
			  "AND direction = :direction AND class = :class AND kind = :kind "
			  "AND reason = :reason AND site = :site AND counter IS :counter "
			  "AND place IS :place AND sender IS :sender "
			  "AND sender_vm_id IS :sender_vm ORDER BY id");
	int r;

	bind_series(&q, k);
	r = sql_step(&q);
	if (r > 0)
		*ret = sql_int64(&q, 0);
	return r;
}

static int insert_series(struct store *s, const struct store_series *k, uint64_t first_ns)
{
	struct sql q = db_sql(
		&s->meta,
		"INSERT INTO series (device_id, vm_id, attachment_id, queue, direction, class, "
		"kind, reason, site, counter, place, sender, sender_vm_id, first_ns) "
		"VALUES (:device, :vm, :attachment, :queue, :direction, :class, "
		":kind, :reason, :site, :counter, :place, :sender, :sender_vm, :first_ns)");

	bind_series(&q, k);
	sql_bind_uint64(&q, ":first_ns", first_ns);
	return sql_run(&q);
}

int store_series_row(struct store *s, const struct store_series *k, uint64_t first_ns, int64_t *ret)
{
	int r = store_series_find(s, k, ret);

	if (r)
		return r < 0 ? r : 0;
	r = insert_series(s, k, first_ns);
	if (r >= 0)
		*ret = sql_last_id(s->meta.sql.db);
	return r;
}

int store_series(struct store *s, const struct store_series *key, uint64_t now_ns, int64_t *ret)
{
	_cleanup_(freep) char *text = key_of(key);
	struct series_entry *e;
	int64_t id = 0;
	int r;

	if (!text)
		return -ENOMEM;
	HASH_FIND_STR(s->series, text, e);
	if (e) {
		*ret = e->id;
		return 0;
	}
	r = store_meta_begin(s);
	if (r < 0)
		return r;
	r = store_meta_end(s, store_series_row(s, key, now_ns, &id));
	if (r >= 0)
		r = remember(s, text, id);
	if (r >= 0)
		*ret = id;
	return r;
}
