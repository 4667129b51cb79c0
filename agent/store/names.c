/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "store_priv.h"

#include <errno.h>
#include <string.h>

/* VMs. */

static bool same_text(sqlite3_stmt *st, int column, const char *text)
{
	const char *stored = (const char *)sqlite3_column_text(st, column);

	return stored && !strcmp(stored, text);
}

static int find_vm(struct store *s, const struct store_vm *vm, int64_t *ret, bool *ret_same_name)
{
	_cleanup_(store_resetp) sqlite3_stmt *st = NULL;
	int r = store_query(&s->meta, &st, "SELECT id, name FROM vm WHERE ident = ?", "t",
			    vm->ident);

	if (r > 0) {
		*ret = sqlite3_column_int64(st, 0);
		*ret_same_name = same_text(st, 1, vm->name);
	}
	return r;
}

static int put_vm(struct store *s, const struct store_vm *vm, uint64_t now_ns, int64_t *ret)
{
	bool same_name = false;
	int r = find_vm(s, vm, ret, &same_name), found = r;

	if (r < 0)
		return r;
	if (found) {
		r = store_event_vm(s, *ret, vm->name, vm->state, now_ns);
		if (r < 0)
			return r;
		r = store_exec(&s->meta,
			       "UPDATE vm SET uuid = coalesce(?, uuid), name = ?, state = ?, "
			       "last_ns = max(last_ns, ?) WHERE id = ?",
			       "tttui", vm->uuid, vm->name, vm->state, now_ns, *ret);
	} else {
		r = store_exec(&s->meta,
			       "INSERT INTO vm (ident, uuid, name, state, first_ns, last_ns) "
			       "VALUES (?1, ?2, ?3, ?4, ?5, ?5)",
			       "ttttu", vm->ident, vm->uuid, vm->name, vm->state, now_ns);
		*ret = sqlite3_last_insert_rowid(s->meta.db);
		if (r >= 0)
			r = store_event_new_vm(s, *ret, vm->state, now_ns);
	}
	if (r < 0 || same_name)
		return r;
	return store_exec(&s->meta, "INSERT OR REPLACE INTO vm_name VALUES (?, ?, ?)", "iut", *ret,
			  now_ns, vm->name);
}

int store_vm(struct store *s, const struct store_vm *vm, uint64_t now_ns, int64_t *ret)
{
	int64_t id = 0;
	int r = store_meta_begin(s);

	if (r < 0)
		return r;
	r = store_meta_end(s, put_vm(s, vm, now_ns, &id));
	if (r >= 0)
		*ret = id;
	return r < 0 ? r : 0;
}

static const char *text(sqlite3_stmt *st, int column)
{
	const char *t = (const char *)sqlite3_column_text(st, column);

	return t ? t : "";
}

int store_each_vm(struct store *s, store_each_vm_fn *fn, void *arg)
{
	_cleanup_(store_resetp) sqlite3_stmt *st = NULL;
	int r;

	for (r = store_query(&s->meta, &st, "SELECT id, ident, name, state FROM vm ORDER BY id",
			     "");
	     r > 0; r = store_next(&s->meta, st)) {
		r = fn(sqlite3_column_int64(st, 0), text(st, 1), text(st, 2), text(st, 3), arg);
		if (r)
			return r;
	}
	return r;
}

/* Devices. */

static int find_device(struct store *s, const struct store_device *dev, int64_t *ret)
{
	_cleanup_(store_resetp) sqlite3_stmt *st = NULL;
	int r = store_query(&s->meta, &st,
			    "SELECT id FROM device WHERE boot_id = ? AND netns = ? AND ifindex = ? "
			    "AND kind = ? "
			    "AND until_ns IS NULL ORDER BY id DESC",
			    "tiit", dev->boot_id, (int64_t)dev->netns, (int64_t)dev->ifindex,
			    dev->kind);

	if (r > 0)
		*ret = sqlite3_column_int64(st, 0);
	return r;
}

static int put_device(struct store *s, const struct store_device *dev, int64_t *ret,
		      bool *ret_known)
{
	int r = find_device(s, dev, ret);

	if (r < 0)
		return r;
	*ret_known = r > 0;
	if (*ret_known)
		return store_exec(&s->meta,
				  "UPDATE device SET name = ?1 WHERE id = ?2 AND name <> ?1", "ti",
				  dev->name, *ret);
	r = store_exec(&s->meta,
		       "INSERT INTO device (boot_id, netns, ifindex, name, kind, since_ns) VALUES "
		       "(?, ?, ?, ?, ?, ?)",
		       "tiittu", dev->boot_id, (int64_t)dev->netns, (int64_t)dev->ifindex,
		       dev->name, dev->kind, dev->since_ns);
	*ret = sqlite3_last_insert_rowid(s->meta.db);
	return r;
}

int store_device(struct store *s, const struct store_device *dev, int64_t *ret, bool *ret_known)
{
	int64_t id = 0;
	bool known = false;
	int r = store_meta_begin(s);

	if (r < 0)
		return r;
	r = store_meta_end(s, put_device(s, dev, &id, &known));
	if (r < 0)
		return r;
	*ret = id;
	*ret_known = known;
	return 0;
}

int store_device_end(struct store *s, int64_t device_id, uint64_t until_ns)
{
	int r = store_meta_begin(s);

	if (r < 0)
		return r;
	r = store_exec(
		&s->meta,
		"UPDATE device SET until_ns = max(since_ns, ?) WHERE id = ? AND until_ns IS NULL",
		"ui", until_ns, device_id);
	return store_meta_end(s, r);
}

int store_end_other_boots(struct store *s, const char *boot_id, uint64_t until_ns)
{
	int r = store_meta_begin(s);

	if (r < 0)
		return r;
	r = store_exec(&s->meta,
		       "UPDATE attachment SET until_ns = max(since_ns, ?) WHERE until_ns IS NULL "
		       "AND device_id IN "
		       "(SELECT id FROM device WHERE boot_id <> ?)",
		       "ut", until_ns, boot_id);
	if (r >= 0)
		r = store_exec(&s->meta,
			       "UPDATE device SET until_ns = max(since_ns, ?) WHERE until_ns IS "
			       "NULL AND boot_id <> ?",
			       "ut", until_ns, boot_id);
	return store_meta_end(s, r);
}

int store_each_device(struct store *s, const char *boot_id, store_device_fn *fn, void *arg)
{
	_cleanup_(store_resetp) sqlite3_stmt *st = NULL;
	int r = store_query(&s->meta, &st,
			    "SELECT id, netns, ifindex, name, kind, since_ns FROM device "
			    "WHERE boot_id = ? AND until_ns IS NULL ORDER BY id",
			    "t", boot_id);

	for (; r > 0; r = store_next(&s->meta, st)) {
		r = fn(sqlite3_column_int64(st, 0), (uint32_t)sqlite3_column_int64(st, 1),
		       (uint32_t)sqlite3_column_int64(st, 2), text(st, 3), text(st, 4),
		       store_u64(st, 5), arg);
		if (r)
			return r;
	}
	return r;
}

/* Attachments. */

static int find_attachment(struct store *s, const struct store_attachment *a, int64_t *ret)
{
	_cleanup_(store_resetp) sqlite3_stmt *st = NULL;
	int r = store_query(
		&s->meta, &st,
		"SELECT id FROM attachment WHERE device_id = ? AND vm_id = ? AND until_ns IS NULL "
		"ORDER BY id DESC",
		"ii", a->device_id, a->vm_id);

	if (r > 0)
		*ret = sqlite3_column_int64(st, 0);
	return r;
}

/* What is not known now does not overwrite what was. */
static int put_attachment(struct store *s, const struct store_attachment *a, int64_t *ret)
{
	int r = find_attachment(s, a, ret);
	bool known = r > 0;

	if (known)
		r = store_event_attachment(s, *ret, a);
	if (r < 0)
		return r;
	if (known)
		return store_exec(&s->meta,
				  "UPDATE attachment SET mac = coalesce(?, mac), queues = "
				  "coalesce(?, queues), "
				  "ring_frames = coalesce(?, ring_frames), backend = coalesce(?, "
				  "backend), bridge = coalesce(?, bridge) "
				  "WHERE id = ?",
				  "tnntti", a->mac, a->queues, a->ring_frames, a->backend,
				  a->bridge, *ret);
	r = store_exec(&s->meta,
		       "INSERT INTO attachment (vm_id, device_id, mac, queues, ring_frames, "
		       "backend, bridge, since_ns) "
		       "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		       "iitnnttu", a->vm_id, a->device_id, a->mac, a->queues, a->ring_frames,
		       a->backend, a->bridge, a->since_ns);
	*ret = sqlite3_last_insert_rowid(s->meta.db);
	return r < 0 ? r : store_event_new_attachment(s, a);
}

int store_attachment(struct store *s, const struct store_attachment *a, int64_t *ret)
{
	int64_t id = 0;
	int r = store_meta_begin(s);

	if (r < 0)
		return r;
	r = store_meta_end(s, put_attachment(s, a, &id));
	if (r >= 0)
		*ret = id;
	return r < 0 ? r : 0;
}

int store_attachment_end(struct store *s, int64_t attachment_id, uint64_t until_ns)
{
	int r = store_meta_begin(s);

	if (r < 0)
		return r;
	r = store_event_attachment_end(s, attachment_id, until_ns);
	if (r >= 0)
		r = store_exec(&s->meta,
			       "UPDATE attachment SET until_ns = max(since_ns, ?) WHERE id = ? AND "
			       "until_ns IS NULL",
			       "ui", until_ns, attachment_id);
	return store_meta_end(s, r);
}

int store_each_attachment(struct store *s, store_attachment_fn *fn, void *arg)
{
	_cleanup_(store_resetp) sqlite3_stmt *st = NULL;
	int r = store_query(&s->meta, &st,
			    "SELECT a.id, a.device_id, a.vm_id, v.ident, a.since_ns FROM "
			    "attachment a JOIN vm v ON v.id = a.vm_id "
			    "WHERE a.until_ns IS NULL ORDER BY a.id",
			    "");

	for (; r > 0; r = store_next(&s->meta, st)) {
		r = fn(sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1),
		       sqlite3_column_int64(st, 2), text(st, 3), store_u64(st, 4), arg);
		if (r)
			return r;
	}
	return r;
}
