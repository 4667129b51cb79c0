/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What changed, kept beside what is. An event is written by the transaction that makes the change,
 * and from the row that is about to be changed: what is not news makes none. */
#include "store_priv.h"

#include <stdio.h>

#define KEPT 1000	/* of one VM and kind: a guest can change its queues as often as it likes */

/* After an INSERT that may have made a row. */
static int trim(struct store *s, int64_t vm_id, const char *what)
{
	if (!sqlite3_changes(s->meta.db))
		return 0;
	return store_exec(&s->meta,
			  "DELETE FROM event WHERE vm_id IS ?1 AND what = ?2 AND id <= (SELECT id "
			  "FROM event WHERE vm_id IS ?1 "
			  "AND what = ?2 ORDER BY id DESC LIMIT 1 OFFSET ?3)",
			  "oti", vm_id, what, (int64_t)KEPT);
}

static int put(struct store *s, uint64_t t_ns, int64_t vm_id, int64_t device_id, const char *what,
	       const char *was, const char *became)
{
	int r = store_exec(&s->meta,
			   "INSERT INTO event (t_ns, vm_id, device_id, what, was, became) VALUES "
			   "(?, ?, ?, ?, ?, ?)",
			   "uoottt", t_ns, vm_id, device_id, what, was, became);

	return r < 0 ? r : trim(s, vm_id, what);
}

int store_event_new_vm(struct store *s, int64_t vm_id, const char *state, uint64_t now_ns)
{
	return put(s, now_ns, vm_id, 0, "vm", NULL, state);
}

int store_event_vm(struct store *s, int64_t vm_id, const char *name, const char *state,
		   uint64_t now_ns)
{
	int r = store_exec(&s->meta,
			   "INSERT INTO event (t_ns, vm_id, what, was, became) SELECT ?1, id, "
			   "'state', state, ?3 FROM vm "
			   "WHERE id = ?2 AND state <> ?3",
			   "uit", now_ns, vm_id, state);

	if (r >= 0)
		r = trim(s, vm_id, "state");
	if (r >= 0)
		r = store_exec(&s->meta,
			       "INSERT INTO event (t_ns, vm_id, what, was, became) SELECT ?1, id, "
			       "'name', name, ?3 FROM vm "
			       "WHERE id = ?2 AND name <> ?3",
			       "uit", now_ns, vm_id, name);
	return r < 0 ? r : trim(s, vm_id, "name");
}

static int name_of(struct store *s, int64_t device_id, char *ret, size_t size)
{
	_cleanup_(store_resetp) sqlite3_stmt *st = NULL;
	int r = store_query(&s->meta, &st, "SELECT name FROM device WHERE id = ?", "i", device_id);

	snprintf(ret, size, "%s", r > 0 ? (const char *)sqlite3_column_text(st, 0) : "");
	return r;
}

int store_event_new_attachment(struct store *s, const struct store_attachment *a)
{
	char name[64];
	int r = name_of(s, a->device_id, name, sizeof(name));

	return r < 0 ? r : put(s, a->since_ns, a->vm_id, a->device_id, "nic", NULL, name);
}

int store_event_attachment_end(struct store *s, int64_t attachment_id, uint64_t until_ns)
{
	return store_exec(&s->meta,
			  "INSERT INTO event (t_ns, vm_id, device_id, what, was) SELECT "
			  "max(a.since_ns, ?1), a.vm_id, d.id, 'nic', d.name "
			  "FROM attachment a JOIN device d ON d.id = a.device_id WHERE a.id = ?2 "
			  "AND a.until_ns IS NULL",
			  "ui", until_ns, attachment_id);
}

/* One statement for each column: a NULL that becomes known is no change of the interface. */
int store_event_attachment(struct store *s, int64_t attachment_id,
			   const struct store_attachment *now)
{
	static const char *const numbers[][2] = {
		{ "queues", "INSERT INTO event (t_ns, vm_id, device_id, what, was, became) SELECT "
			    "?1, vm_id, device_id, 'queues', queues, ?3 FROM attachment "
			    "WHERE id = ?2 AND queues <> ?3" },
		{ "ring", "INSERT INTO event (t_ns, vm_id, device_id, what, was, became) SELECT "
			  "?1, vm_id, device_id, 'ring', ring_frames, ?3 FROM attachment "
			  "WHERE id = ?2 AND ring_frames <> ?3" },
	};
	static const char *const texts[][2] = {
		{ "mac", "INSERT INTO event (t_ns, vm_id, device_id, what, was, became) SELECT ?1, "
			 "vm_id, device_id, 'mac', mac, ?3 FROM attachment "
			 "WHERE id = ?2 AND mac <> ?3" },
		{ "backend", "INSERT INTO event (t_ns, vm_id, device_id, what, was, became) SELECT "
			     "?1, vm_id, device_id, 'backend', backend, ?3 FROM attachment "
			     "WHERE id = ?2 AND backend <> ?3" },
		{ "bridge", "INSERT INTO event (t_ns, vm_id, device_id, what, was, became) SELECT "
			    "?1, vm_id, device_id, 'bridge', bridge, ?3 FROM attachment "
			    "WHERE id = ?2 AND bridge <> ?3" },
	};
	const int number[] = { now->queues, now->ring_frames };
	const char *const text[] = { now->mac, now->backend, now->bridge };
	uint64_t at_ns = now->at_ns ? now->at_ns : now->since_ns;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(numbers) && r >= 0; i++) {
		r = store_exec(&s->meta, numbers[i][1], "uin", at_ns, attachment_id, number[i]);
		if (r >= 0)
			r = trim(s, now->vm_id, numbers[i][0]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(texts) && r >= 0; i++) {
		r = store_exec(&s->meta, texts[i][1], "uit", at_ns, attachment_id, text[i]);
		if (r >= 0)
			r = trim(s, now->vm_id, texts[i][0]);
	}
	return r;
}

int store_event_source(struct store *s, const char *name, const char *state, uint64_t now_ns)
{
	int r = store_exec(&s->meta,
			   "INSERT INTO event (t_ns, what, was, became) SELECT ?1, 'source', name "
			   "|| ' ' || state, name || ' ' || ?3 FROM source "
			   "WHERE name = ?2 AND state <> ?3",
			   "utt", now_ns, name, state);

	return r < 0 ? r : trim(s, 0, "source");
}

int store_event_interval(struct store *s, uint64_t interval_ns, uint64_t now_ns)
{
	int r = store_exec(&s->meta,
			   "INSERT INTO event (t_ns, what, was, became) SELECT ?1, 'interval', "
			   "interval_ns / 1000000 || ' ms', "
			   "?3 / 1000000 || ' ms' FROM run WHERE id = ?2 AND interval_ns <> ?3",
			   "uiu", now_ns, s->run_id, interval_ns);

	return r < 0 ? r : trim(s, 0, "interval");
}

int store_forget_events(struct store *s, uint64_t before_ns)
{
	int r = store_meta_begin(s);

	return r < 0 ? r
		     : store_meta_end(s, store_exec(&s->meta, "DELETE FROM event WHERE t_ns < ?",
						    "u", before_ns));
}
