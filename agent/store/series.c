/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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

/* All that a series means, as one string; \x1f occurs in none of the words. */
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

int store_series_find(struct store *s, const struct store_series *k, int64_t *ret)
{
	_cleanup_(store_resetp) sqlite3_stmt *st = NULL;
	int r = store_query(&s->meta, &st,
			    "SELECT id FROM series WHERE device_id IS ? AND vm_id IS ? AND "
			    "attachment_id IS ? AND queue IS ? "
			    "AND direction = ? AND class = ? AND kind = ? AND reason = ? AND site "
			    "= ? AND counter IS ? AND place IS ? "
			    "AND sender IS ? AND sender_vm_id IS ? ORDER BY id",
			    "ooontttttttto", k->device_id, k->vm_id, k->attachment_id, k->queue,
			    k->direction, k->class, k->kind, k->reason, k->site, k->counter,
			    k->place, k->sender, k->sender_vm_id);

	if (r > 0)
		*ret = sqlite3_column_int64(st, 0);
	return r;
}

int store_series_row(struct store *s, const struct store_series *k, uint64_t first_ns, int64_t *ret)
{
	int r = store_series_find(s, k, ret);

	if (r)
		return r < 0 ? r : 0;
	r = store_exec(&s->meta,
		       "INSERT INTO series (device_id, vm_id, attachment_id, queue, direction, "
		       "class, kind, reason, site, counter, "
		       "place, sender, sender_vm_id, first_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, "
		       "?, ?, ?, ?, ?)",
		       "ooonttttttttou", k->device_id, k->vm_id, k->attachment_id, k->queue,
		       k->direction, k->class, k->kind, k->reason, k->site, k->counter, k->place,
		       k->sender, k->sender_vm_id, first_ns);
	*ret = sqlite3_last_insert_rowid(s->meta.db);
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
