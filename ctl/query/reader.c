/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reader_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "ctl/print/message.h"
#include "mask.h"

#define MAX_ID (1 << 28)

static char *column_text(sqlite3_stmt *st, int i)
{
	const char *s = (const char *)sqlite3_column_text(st, i);
	char *copy = s ? strdup(s) : NULL;

	if (s && !copy)
		abort();
	return copy;
}

static int column_int(sqlite3_stmt *st, int i)
{
	return sqlite3_column_type(st, i) == SQLITE_NULL ? -1 : sqlite3_column_int(st, i);
}

static uint64_t column_time(sqlite3_stmt *st, int i)
{
	return (uint64_t)sqlite3_column_int64(st, i);
}

int reader_meta(struct reader *v, const char *sql, reader_meta_fn *fn, void *arg)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(v->meta, sql, -1, &st, NULL);

	if (rc == SQLITE_OK)
		while ((rc = sqlite3_step(st)) == SQLITE_ROW)
			fn(st, arg);
	sqlite3_finalize(st);
	if (rc == SQLITE_DONE)
		return 0;
	message_error("%s/meta.db: %s", v->dir, sqlite3_errmsg(v->meta));
	return schema_errno(rc);
}

/* Room for the statement's id in an array indexed by ids. The element, zeroed; NULL: no agent gives
 * such an id, the file lies. */
static void *slot(void *array, size_t *n, size_t size, sqlite3_stmt *st)
{
	char **at = array;
	int64_t id = sqlite3_column_int64(st, 0);
	size_t want = (size_t)id + 1;

	if (id <= 0 || id > MAX_ID)
		return NULL;
	if (want > *n) {
		char *p = realloc(*at, want * 2 * size);

		if (!p)
			abort();
		memset(p + *n * size, 0, (want * 2 - *n) * size);
		*at = p;
		*n = want * 2;
	}
	return *at + (size_t)id * size;
}

static void on_vm(sqlite3_stmt *st, void *arg)
{
	struct reader *v = arg;
	struct reader_vm *vm = slot(&v->vms, &v->n_vms, sizeof(*vm), st);

	if (!vm)
		return;
	*vm = (struct reader_vm){ sqlite3_column_int64(st, 0), column_text(st, 1),
				  column_text(st, 2),	       column_text(st, 3),
				  column_time(st, 4),	       column_time(st, 5) };
}

static void on_device(sqlite3_stmt *st, void *arg)
{
	struct reader *v = arg;
	struct reader_device *d = slot(&v->devices, &v->n_devices, sizeof(*d), st);

	if (!d)
		return;
	*d = (struct reader_device){ sqlite3_column_int64(st, 0),
				     (uint32_t)sqlite3_column_int64(st, 1),
				     (uint32_t)sqlite3_column_int64(st, 2),
				     column_text(st, 3),
				     column_text(st, 4),
				     column_time(st, 5),
				     column_time(st, 6) };
}

static void on_attachment(sqlite3_stmt *st, void *arg)
{
	struct reader *v = arg;
	struct reader_attachment *a = slot(&v->attachments, &v->n_attachments, sizeof(*a), st);

	if (!a)
		return;
	*a = (struct reader_attachment){ sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1),
					 sqlite3_column_int64(st, 2), column_text(st, 3),
					 column_text(st, 4),	      column_text(st, 5),
					 column_int(st, 6),	      column_int(st, 7),
					 column_time(st, 8),	      column_time(st, 9) };
}

static void on_series(sqlite3_stmt *st, void *arg)
{
	struct reader *v = arg;
	struct reader_series *s = slot(&v->series, &v->n_series, sizeof(*s), st);

	if (!s)
		return;
	*s = (struct reader_series){ sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1),
				     sqlite3_column_int64(st, 2), sqlite3_column_int64(st, 3),
				     column_int(st, 4),		  column_text(st, 5),
				     column_text(st, 6),	  column_text(st, 7),
				     column_text(st, 8),	  column_text(st, 9),
				     column_text(st, 10),	  column_text(st, 11),
				     column_text(st, 12),	  sqlite3_column_int64(st, 13),
				     column_time(st, 14),	  NULL };
}

static void on_interval(sqlite3_stmt *st, void *arg)
{
	((struct reader *)arg)->interval_ns = column_time(st, 0);
}

static void on_nothing(sqlite3_stmt *st, void *arg)
{
	(void)st;
	(void)arg;
}

/* In one transaction: what a row points to must have been read as well. */
static int load_names(struct reader *v)
{
	int r = reader_meta(v, "BEGIN", on_nothing, NULL);

	if (r >= 0)
		r = reader_meta(v, "SELECT id, uuid, name, state, first_ns, last_ns FROM vm", on_vm,
				v);
	if (r >= 0)
		r = reader_meta(
			v, "SELECT id, netns, ifindex, name, kind, since_ns, until_ns FROM device",
			on_device, v);
	if (r >= 0)
		r = reader_meta(v,
				"SELECT id, vm_id, device_id, mac, backend, bridge, queues, "
				"ring_frames, since_ns, until_ns FROM attachment ORDER BY id",
				on_attachment, v);
	if (r >= 0)
		r = reader_meta(v,
				"SELECT id, vm_id, attachment_id, device_id, queue, direction, "
				"class, kind, reason, site, counter, place, sender, sender_vm_id,"
				" first_ns FROM series",
				on_series, v);
	if (r >= 0)
		r = reader_meta(v, "SELECT interval_ns FROM run ORDER BY id DESC LIMIT 1",
				on_interval, v);
	return r < 0 ? r : reader_meta(v, "COMMIT", on_nothing, NULL);
}

static void chain_attachments(struct reader *v)
{
	v->first_attachment = calloc(v->n_devices + 1, sizeof(size_t));
	v->older_attachment = calloc(v->n_attachments + 1, sizeof(size_t));
	if (!v->first_attachment || !v->older_attachment)
		abort();
	for (size_t i = 1; i < v->n_attachments; i++) {
		size_t device = (size_t)v->attachments[i].device_id;

		if (!v->attachments[i].id || device >= v->n_devices)
			continue;
		v->older_attachment[i] = v->first_attachment[device];
		v->first_attachment[device] = i;
	}
}

static int apply_masks(struct reader *v)
{
	int r;

	v->masks = calloc(1, sizeof(*v->masks));
	if (!v->masks)
		abort();
	r = masks_load(v->dir, v->masks);
	for (size_t i = 0; r >= 0 && i < v->n_series; i++) {
		const struct mask *m =
			v->series[i].id ? masks_find(v->masks, v, &v->series[i]) : NULL;

		v->series[i].mask = m ? m->id : NULL;
	}
	return r;
}

struct reader *reader_open(const char *dir)
{
	struct reader *v = calloc(1, sizeof(*v));
	char path[4096], why[SCHEMA_WHY];
	int r;

	if (!v)
		abort();
	v->dir = strdup(dir);
	snprintf(path, sizeof(path), "%s/meta.db", dir);
	r = schema_open(path, SCHEMA_META, SCHEMA_READ, &v->meta, why);
	if (r == -ENOENT)
		message_error(
			"no store in %s: is taplossd running with --store %s? (choose another "
			"with --store or TAPLOSS_STORE)",
			dir, dir);
	else if (r < 0)
		message_error("%s", why);
	if (r >= 0)
		r = schema_days(dir, &v->days, &v->n_days);
	if (r >= 0)
		r = load_names(v);
	if (r >= 0)
		r = apply_masks(v);
	if (r >= 0)
		r = reader_load_past(v);
	if (r < 0)
		return reader_free(v);
	chain_attachments(v);
	v->running = schema_agent_running(dir, &v->pid) > 0;
	return v;
}

struct reader *reader_free(struct reader *v)
{
	if (!v)
		return NULL;
	for (size_t i = 0; i < v->n_vms; i++) {
		free(v->vms[i].uuid);
		free(v->vms[i].name);
		free(v->vms[i].state);
	}
	for (size_t i = 0; i < v->n_devices; i++) {
		free(v->devices[i].name);
		free(v->devices[i].kind);
	}
	for (size_t i = 0; i < v->n_attachments; i++) {
		free(v->attachments[i].mac);
		free(v->attachments[i].backend);
		free(v->attachments[i].bridge);
	}
	for (size_t i = 0; i < v->n_series; i++) {
		struct reader_series *s = &v->series[i];

		free(s->direction);
		free(s->class);
		free(s->kind);
		free(s->reason);
		free(s->site);
		free(s->counter);
		free(s->place);
		free(s->sender);
	}
	if (v->masks)
		masks_free(v->masks);
	free(v->masks);
	free(v->first_attachment);
	free(v->older_attachment);
	free(v->vms);
	free(v->devices);
	free(v->attachments);
	free(v->series);
	free(v->days);
	free(v->past);
	schema_close(v->history);
	free(v->dir);
	schema_close(v->meta);
	free(v);
	return NULL;
}

const struct reader_attachment *reader_attached(const struct reader *v, int64_t device,
						uint64_t t_ns)
{
	if (device <= 0 || (size_t)device >= v->n_devices)
		return NULL;
	for (size_t i = v->first_attachment[device]; i; i = v->older_attachment[i]) {
		const struct reader_attachment *a = &v->attachments[i];

		if (a->since_ns <= t_ns && (!a->until_ns || t_ns <= a->until_ns))
			return a;
	}
	return NULL;
}

const struct reader_vm *reader_vm(const struct reader *v, int64_t id)
{
	return id > 0 && (size_t)id < v->n_vms && v->vms[id].id ? &v->vms[id] : NULL;
}

const struct reader_device *reader_device(const struct reader *v, int64_t id)
{
	return id > 0 && (size_t)id < v->n_devices && v->devices[id].id ? &v->devices[id] : NULL;
}

const char *reader_nic(const struct reader *v, int64_t device)
{
	const struct reader_device *d = reader_device(v, device);

	return d ? d->name : NULL;
}
