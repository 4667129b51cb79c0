/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "store_priv.h"

/* VMs. */

static int find_vm(struct store *s, const struct store_vm *vm, int64_t *ret, bool *ret_same_name)
{
	_cleanup_(sql_closep) struct sql q =
		db_sql(&s->meta, "SELECT id, name FROM vm WHERE ident = :ident");
	int r;

	sql_bind_text(&q, ":ident", vm->ident);
	r = sql_step(&q);
	if (r > 0) {
		*ret = sql_int64(&q, 0);
		*ret_same_name = !strcmp(sql_text(&q, 1), vm->name);
	}
	return r;
}

static int update_vm(struct store *s, const struct store_vm *vm, uint64_t now_ns, int64_t id)
{
	int r = store_event_vm(s, id, vm->name, vm->state, now_ns);
	struct sql q = db_sql(&s->meta, "UPDATE vm SET uuid = coalesce(:uuid, uuid), "
					"name = :name, state = :state, "
					"last_ns = max(last_ns, :now) WHERE id = :id");

	if (r < 0)
		return r;
	sql_bind_text(&q, ":uuid", vm->uuid);
	sql_bind_text(&q, ":name", vm->name);
	sql_bind_text(&q, ":state", vm->state);
	sql_bind_uint64(&q, ":now", now_ns);
	sql_bind_int64(&q, ":id", id);
	return sql_run(&q);
}

static int insert_vm(struct store *s, const struct store_vm *vm, uint64_t now_ns, int64_t *ret)
{
	struct sql q = db_sql(&s->meta,
			      "INSERT INTO vm (ident, uuid, name, state, first_ns, last_ns) "
			      "VALUES (:ident, :uuid, :name, :state, :now, :now)");
	int r;

	sql_bind_text(&q, ":ident", vm->ident);
	sql_bind_text(&q, ":uuid", vm->uuid);
	sql_bind_text(&q, ":name", vm->name);
	sql_bind_text(&q, ":state", vm->state);
	sql_bind_uint64(&q, ":now", now_ns);
	r = sql_run(&q);
	if (r < 0)
		return r;
	*ret = sql_last_id(s->meta.sql.db);
	return store_event_new_vm(s, *ret, vm->state, now_ns);
}

static int put_vm_name(struct store *s, int64_t vm_id, const char *name, uint64_t now_ns)
{
	struct sql q =
		db_sql(&s->meta, "INSERT OR REPLACE INTO vm_name VALUES (:vm, :since_ns, :name)");

	sql_bind_int64(&q, ":vm", vm_id);
	sql_bind_uint64(&q, ":since_ns", now_ns);
	sql_bind_text(&q, ":name", name);
	return sql_run(&q);
}

static int put_vm(struct store *s, const struct store_vm *vm, uint64_t now_ns, int64_t *ret)
{
	bool same_name = false;
	int r = find_vm(s, vm, ret, &same_name);

	if (r < 0)
		return r;
	r = r > 0 ? update_vm(s, vm, now_ns, *ret) : insert_vm(s, vm, now_ns, ret);
	return r < 0 || same_name ? r : put_vm_name(s, *ret, vm->name, now_ns);
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

int store_each_vm(struct store *s, store_each_vm_fn *fn, void *arg)
{
	_cleanup_(sql_closep) struct sql q =
		db_sql(&s->meta, "SELECT id, ident, name, state FROM vm ORDER BY id");
	int r;

	while ((r = sql_step(&q)) > 0) {
		r = fn(sql_int64(&q, 0), sql_text(&q, 1), sql_text(&q, 2), sql_text(&q, 3), arg);
		if (r)
			return r;
	}
	return r;
}

/* Devices. */

static int find_device(struct store *s, const struct store_device *dev, int64_t *ret)
{
	_cleanup_(sql_closep) struct sql q = db_sql(
		&s->meta, "SELECT id FROM device WHERE boot_id = :boot_id AND netns = :netns "
			  "AND ifindex = :ifindex AND kind = :kind AND until_ns IS NULL "
			  "ORDER BY id DESC");
	int r;

	sql_bind_text(&q, ":boot_id", dev->boot_id);
	sql_bind_int64(&q, ":netns", dev->netns);
	sql_bind_int64(&q, ":ifindex", dev->ifindex);
	sql_bind_text(&q, ":kind", dev->kind);
	r = sql_step(&q);
	if (r > 0)
		*ret = sql_int64(&q, 0);
	return r;
}

static int rename_device(struct store *s, int64_t id, const char *name)
{
	struct sql q = db_sql(&s->meta,
			      "UPDATE device SET name = :name WHERE id = :id AND name <> :name");

	sql_bind_text(&q, ":name", name);
	sql_bind_int64(&q, ":id", id);
	return sql_run(&q);
}

static int insert_device(struct store *s, const struct store_device *dev, int64_t *ret)
{
	struct sql q = db_sql(
		&s->meta, "INSERT INTO device (boot_id, netns, ifindex, name, kind, since_ns) "
			  "VALUES (:boot_id, :netns, :ifindex, :name, :kind, :since_ns)");
	int r;

	sql_bind_text(&q, ":boot_id", dev->boot_id);
	sql_bind_int64(&q, ":netns", dev->netns);
	sql_bind_int64(&q, ":ifindex", dev->ifindex);
	sql_bind_text(&q, ":name", dev->name);
	sql_bind_text(&q, ":kind", dev->kind);
	sql_bind_uint64(&q, ":since_ns", dev->since_ns);
	r = sql_run(&q);
	if (r >= 0)
		*ret = sql_last_id(s->meta.sql.db);
	return r;
}

static int put_device(struct store *s, const struct store_device *dev, int64_t *ret,
		      bool *ret_known)
{
	int r = find_device(s, dev, ret);

	if (r < 0)
		return r;
	*ret_known = r > 0;
	return *ret_known ? rename_device(s, *ret, dev->name) : insert_device(s, dev, ret);
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

static int end_device(struct store *s, int64_t device_id, uint64_t until_ns)
{
	struct sql q = db_sql(&s->meta, "UPDATE device SET until_ns = max(since_ns, :until_ns) "
					"WHERE id = :id AND until_ns IS NULL");

	sql_bind_uint64(&q, ":until_ns", until_ns);
	sql_bind_int64(&q, ":id", device_id);
	return sql_run(&q);
}

int store_device_end(struct store *s, int64_t device_id, uint64_t until_ns)
{
	int r = store_meta_begin(s);

	return r < 0 ? r : store_meta_end(s, end_device(s, device_id, until_ns));
}

static int end_boots(struct store *s, const char *sql, const char *boot_id, uint64_t until_ns)
{
	struct sql q = db_sql(&s->meta, sql);

	sql_bind_uint64(&q, ":until_ns", until_ns);
	sql_bind_text(&q, ":boot_id", boot_id);
	return sql_run(&q);
}

int store_end_other_boots(struct store *s, const char *boot_id, uint64_t until_ns)
{
	int r = store_meta_begin(s);

	if (r < 0)
		return r;
	r = end_boots(s,
		      "UPDATE attachment SET until_ns = max(since_ns, :until_ns) "
		      "WHERE until_ns IS NULL AND device_id IN "
		      "(SELECT id FROM device WHERE boot_id <> :boot_id)",
		      boot_id, until_ns);
	if (r >= 0)
		r = end_boots(s,
			      "UPDATE device SET until_ns = max(since_ns, :until_ns) "
			      "WHERE until_ns IS NULL AND boot_id <> :boot_id",
			      boot_id, until_ns);
	return store_meta_end(s, r);
}

int store_each_device(struct store *s, const char *boot_id, store_device_fn *fn, void *arg)
{
	_cleanup_(sql_closep) struct sql q = db_sql(
		&s->meta, "SELECT id, netns, ifindex, name, kind, since_ns FROM device "
			  "WHERE boot_id = :boot_id AND until_ns IS NULL ORDER BY id");
	int r;

	sql_bind_text(&q, ":boot_id", boot_id);
	while ((r = sql_step(&q)) > 0) {
		r = fn(sql_int64(&q, 0), (uint32_t)sql_int64(&q, 1), (uint32_t)sql_int64(&q, 2),
		       sql_text(&q, 3), sql_text(&q, 4), sql_uint64(&q, 5), arg);
		if (r)
			return r;
	}
	return r;
}

/* Attachments. */

static int find_attachment(struct store *s, const struct store_attachment *a, int64_t *ret)
{
	_cleanup_(sql_closep) struct sql q = db_sql(
		&s->meta, "SELECT id FROM attachment WHERE device_id = :device AND vm_id = :vm "
			  "AND until_ns IS NULL ORDER BY id DESC");
	int r;

	sql_bind_int64(&q, ":device", a->device_id);
	sql_bind_int64(&q, ":vm", a->vm_id);
	r = sql_step(&q);
	if (r > 0)
		*ret = sql_int64(&q, 0);
	return r;
}

static void bind_facts(struct sql *q, const struct store_attachment *a)
{
	sql_bind_text(q, ":mac", a->mac);
	sql_bind_known(q, ":queues", a->queues >= 0, a->queues);
	sql_bind_known(q, ":ring_frames", a->ring_frames >= 0, a->ring_frames);
	sql_bind_text(q, ":backend", a->backend);
	sql_bind_text(q, ":bridge", a->bridge);
}

/* What is not known now does not overwrite what was. */
static int update_attachment(struct store *s, const struct store_attachment *a, int64_t id)
{
	struct sql q = db_sql(
		&s->meta, "UPDATE attachment SET mac = coalesce(:mac, mac), "
			  "queues = coalesce(:queues, queues), "
			  "ring_frames = coalesce(:ring_frames, ring_frames), "
			  "backend = coalesce(:backend, backend), "
			  "bridge = coalesce(:bridge, bridge) WHERE id = :id");

	bind_facts(&q, a);
	sql_bind_int64(&q, ":id", id);
	return sql_run(&q);
}

static int insert_attachment(struct store *s, const struct store_attachment *a, int64_t *ret)
{
	struct sql q = db_sql(
		&s->meta, "INSERT INTO attachment (vm_id, device_id, mac, queues, ring_frames, "
			  "backend, bridge, since_ns) VALUES (:vm, :device, :mac, :queues, "
			  ":ring_frames, :backend, :bridge, :since_ns)");
	int r;

	bind_facts(&q, a);
	sql_bind_int64(&q, ":vm", a->vm_id);
	sql_bind_int64(&q, ":device", a->device_id);
	sql_bind_uint64(&q, ":since_ns", a->since_ns);
	r = sql_run(&q);
	if (r >= 0)
		*ret = sql_last_id(s->meta.sql.db);
	return r;
}

static int put_attachment(struct store *s, const struct store_attachment *a, int64_t *ret)
{
	int r = find_attachment(s, a, ret);

	if (r < 0)
		return r;
	if (r > 0) {
		r = store_event_attachment(s, *ret, a);
		return r < 0 ? r : update_attachment(s, a, *ret);
	}
	r = insert_attachment(s, a, ret);
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

static int end_attachment(struct store *s, int64_t attachment_id, uint64_t until_ns)
{
	int r = store_event_attachment_end(s, attachment_id, until_ns);
	struct sql q = db_sql(&s->meta, "UPDATE attachment SET until_ns = max(since_ns, :until_ns) "
					"WHERE id = :id AND until_ns IS NULL");

	if (r < 0)
		return r;
	sql_bind_uint64(&q, ":until_ns", until_ns);
	sql_bind_int64(&q, ":id", attachment_id);
	return sql_run(&q);
}

int store_attachment_end(struct store *s, int64_t attachment_id, uint64_t until_ns)
{
	int r = store_meta_begin(s);

	return r < 0 ? r : store_meta_end(s, end_attachment(s, attachment_id, until_ns));
}

int store_each_attachment(struct store *s, store_attachment_fn *fn, void *arg)
{
	_cleanup_(sql_closep) struct sql q = db_sql(
		&s->meta, "SELECT a.id, a.device_id, a.vm_id, v.ident, a.since_ns "
			  "FROM attachment a JOIN vm v ON v.id = a.vm_id "
			  "WHERE a.until_ns IS NULL ORDER BY a.id");
	int r;

	while ((r = sql_step(&q)) > 0) {
		r = fn(sql_int64(&q, 0), sql_int64(&q, 1), sql_int64(&q, 2), sql_text(&q, 3),
		       sql_uint64(&q, 4), arg);
		if (r)
			return r;
	}
	return r;
}
