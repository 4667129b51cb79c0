/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What changed, kept beside what is. An event is written by the transaction that makes the change,
 * and from the row that is about to be changed: what is not new makes none. */
#include <stdio.h>

#include "store_priv.h"

#define KEPT 1000	/* of one VM and kind: a guest can change its queues as often as it likes */

/* After an INSERT that may have made a row. */
static int trim(struct store *s, int64_t vm_id, const char *what)
{
	if (!sql_changes(s->meta.sql.db))
		return 0;
	struct sql q = db_sql(&s->meta,
			      "DELETE FROM event WHERE vm_id IS :vm AND what = :what AND id <= "
			      "(SELECT id FROM event WHERE vm_id IS :vm AND what = :what "
			      "ORDER BY id DESC LIMIT 1 OFFSET :kept)");

	sql_bind_known(&q, ":vm", vm_id, vm_id);
	sql_bind_text(&q, ":what", what);
	sql_bind_int64(&q, ":kept", KEPT);
	return sql_run(&q);
}

/* Of a VM, or of an interface that it did not have before. */
static int put_new(struct store *s, uint64_t t_ns, int64_t vm_id, int64_t device_id,
		   const char *what, const char *became)
{
	struct sql q = db_sql(&s->meta, "INSERT INTO event (t_ns, vm_id, device_id, what, became) "
					"VALUES (:t_ns, :vm, :device, :what, :became)");
	int r;

	sql_bind_uint64(&q, ":t_ns", t_ns);
	sql_bind_known(&q, ":vm", vm_id, vm_id);
	sql_bind_known(&q, ":device", device_id, device_id);
	sql_bind_text(&q, ":what", what);
	sql_bind_text(&q, ":became", became);
	r = sql_run(&q);
	return r < 0 ? r : trim(s, vm_id, what);
}

int store_event_new_vm(struct store *s, int64_t vm_id, const char *state, uint64_t now_ns)
{
	return put_new(s, now_ns, vm_id, 0, "vm", state);
}

/* @sql: the column that changes, of the VM :vm. */
static int put_vm(struct store *s, const char *sql, int64_t vm_id, const char *what,
		  const char *became, uint64_t t_ns)
{
	struct sql q = db_sql(&s->meta, sql);
	int r;

	sql_bind_uint64(&q, ":t_ns", t_ns);
	sql_bind_int64(&q, ":vm", vm_id);
	sql_bind_text(&q, ":became", became);
	r = sql_run(&q);
	return r < 0 ? r : trim(s, vm_id, what);
}

int store_event_vm(struct store *s, int64_t vm_id, const char *name, const char *state,
		   uint64_t now_ns)
{
	int r = put_vm(s,
		       "INSERT INTO event (t_ns, vm_id, what, was, became) "
		       "SELECT :t_ns, id, 'state', state, :became FROM vm "
		       "WHERE id = :vm AND state <> :became",
		       vm_id, "state", state, now_ns);

	if (r >= 0)
		r = put_vm(s,
			   "INSERT INTO event (t_ns, vm_id, what, was, became) "
			   "SELECT :t_ns, id, 'name', name, :became FROM vm "
			   "WHERE id = :vm AND name <> :became",
			   vm_id, "name", name, now_ns);
	return r;
}

static int name_of(struct store *s, int64_t device_id, char *ret, size_t size)
{
	_cleanup_(sql_closep) struct sql q =
		db_sql(&s->meta, "SELECT name FROM device WHERE id = :device");
	int r;

	sql_bind_int64(&q, ":device", device_id);
	r = sql_step(&q);
	snprintf(ret, size, "%s", r > 0 ? sql_text(&q, 0) : "");
	return r;
}

int store_event_new_attachment(struct store *s, const struct store_attachment *a)
{
	char name[64];
	int r = name_of(s, a->device_id, name, sizeof(name));

	return r < 0 ? r : put_new(s, a->since_ns, a->vm_id, a->device_id, "nic", name);
}

int store_event_attachment_end(struct store *s, int64_t attachment_id, uint64_t until_ns)
{
	struct sql q = db_sql(
		&s->meta, "INSERT INTO event (t_ns, vm_id, device_id, what, was) "
			  "SELECT max(a.since_ns, :until_ns), a.vm_id, d.id, 'nic', d.name "
			  "FROM attachment a JOIN device d ON d.id = a.device_id "
			  "WHERE a.id = :id AND a.until_ns IS NULL");

	sql_bind_uint64(&q, ":until_ns", until_ns);
	sql_bind_int64(&q, ":id", attachment_id);
	return sql_run(&q);
}

/* A column of an attachment. @insert binds :became to what it is now. */
#define CHANGE(what, column)                                                              \
	"INSERT INTO event (t_ns, vm_id, device_id, what, was, became) "                  \
	"SELECT :t_ns, vm_id, device_id, '" what "', " column ", :became FROM attachment " \
	"WHERE id = :id AND " column " <> :became"

struct change {
	const char *what, *sql;
	int number;		/* -1: not known */
	const char *text;	/* NULL: not known, or it is a number */
};

static int put_change(struct store *s, const struct change *c, int64_t attachment_id, int64_t vm_id,
		      uint64_t at_ns)
{
	struct sql q = db_sql(&s->meta, c->sql);
	int r;

	sql_bind_uint64(&q, ":t_ns", at_ns);
	sql_bind_int64(&q, ":id", attachment_id);
	if (c->text)
		sql_bind_text(&q, ":became", c->text);
	else
		sql_bind_known(&q, ":became", c->number >= 0, c->number);
	r = sql_run(&q);
	return r < 0 ? r : trim(s, vm_id, c->what);
}

/* One statement for each column: a NULL that becomes known is no change of the interface. */
int store_event_attachment(struct store *s, int64_t attachment_id,
			   const struct store_attachment *now)
{
	const struct change all[] = {
		{ "queues", CHANGE("queues", "queues"), now->queues, NULL },
		{ "ring", CHANGE("ring", "ring_frames"), now->ring_frames, NULL },
		{ "mac", CHANGE("mac", "mac"), -1, now->mac },
		{ "backend", CHANGE("backend", "backend"), -1, now->backend },
		{ "bridge", CHANGE("bridge", "bridge"), -1, now->bridge },
	};
	uint64_t at_ns = now->at_ns ? now->at_ns : now->since_ns;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(all) && r >= 0; i++)
		r = put_change(s, &all[i], attachment_id, now->vm_id, at_ns);
	return r;
}

int store_event_source(struct store *s, const char *name, const char *state, uint64_t now_ns)
{
	struct sql q = db_sql(
		&s->meta, "INSERT INTO event (t_ns, what, was, became) "
			  "SELECT :t_ns, 'source', name || ' ' || state, name || ' ' || :state "
			  "FROM source WHERE name = :name AND state <> :state");
	int r;

	sql_bind_uint64(&q, ":t_ns", now_ns);
	sql_bind_text(&q, ":name", name);
	sql_bind_text(&q, ":state", state);
	r = sql_run(&q);
	return r < 0 ? r : trim(s, 0, "source");
}

int store_event_interval(struct store *s, uint64_t interval_ns, uint64_t now_ns)
{
	struct sql q = db_sql(
		&s->meta, "INSERT INTO event (t_ns, what, was, became) "
			  "SELECT :t_ns, 'interval', interval_ns / 1000000 || ' ms', "
			  ":interval_ns / 1000000 || ' ms' FROM run "
			  "WHERE id = :run AND interval_ns <> :interval_ns");
	int r;

	sql_bind_uint64(&q, ":t_ns", now_ns);
	sql_bind_int64(&q, ":run", s->run_id);
	sql_bind_uint64(&q, ":interval_ns", interval_ns);
	r = sql_run(&q);
	return r < 0 ? r : trim(s, 0, "interval");
}

static int delete_before(struct store *s, uint64_t before_ns)
{
	struct sql q = db_sql(&s->meta, "DELETE FROM event WHERE t_ns < :before_ns");

	sql_bind_uint64(&q, ":before_ns", before_ns);
	return sql_run(&q);
}

int store_forget_events(struct store *s, uint64_t before_ns)
{
	int r = store_meta_begin(s);

	return r < 0 ? r : store_meta_end(s, delete_before(s, before_ns));
}
