/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VMs, devices and series, which are kept in memory. See reader.h. */
#include "reader_priv.h"

#include "collector/alloc.h"

#include <stdlib.h>
#include <string.h>

#define MAX_ID (1 << 28)

static char *column_text(const struct sql *q, int i)
{
	const char *text = sql_text_or_null(q, i);

	return text ? must(strdup(text)) : NULL;
}

static int column_int(const struct sql *q, int i)
{
	return sql_is_null(q, i) ? -1 : (int)sql_int64(q, i);
}

static uint64_t column_time(const struct sql *q, int i)
{
	return sql_uint64(q, i);
}

/* Room for the statement's id in an array indexed by ids. The element, zeroed; NULL: no agent gives
 * such an id, the file lies. */
static void *slot(void *array, size_t *n, size_t size, const struct sql *q)
{
	char **at = array;
	int64_t id = sql_int64(q, 0);
	size_t want = (size_t)id + 1;

	if (id <= 0 || id > MAX_ID)
		return NULL;
	if (want > *n) {
		char *p = must(reallocarray(*at, want * 2, size));

		memset(p + *n * size, 0, (want * 2 - *n) * size);
		*at = p;
		*n = want * 2;
	}
	return *at + (size_t)id * size;
}

static void on_vm(const struct sql *q, void *arg)
{
	struct reader *v = arg;
	struct reader_vm *vm = slot(&v->vms, &v->n_vms, sizeof(*vm), q);

	if (!vm)
		return;
	*vm = (struct reader_vm){ sql_int64(q, 0),   column_text(q, 1), column_text(q, 2),
				  column_text(q, 3), column_time(q, 4), column_time(q, 5) };
}

static void on_device(const struct sql *q, void *arg)
{
	struct reader *v = arg;
	struct reader_device *d = slot(&v->devices, &v->n_devices, sizeof(*d), q);

	if (!d)
		return;
	*d = (struct reader_device){ sql_int64(q, 0),		(uint32_t)sql_int64(q, 1),
				     (uint32_t)sql_int64(q, 2), column_text(q, 3),
				     column_text(q, 4),		column_time(q, 5),
				     column_time(q, 6) };
}

static void on_attachment(const struct sql *q, void *arg)
{
	struct reader *v = arg;
	struct reader_attachment *a = slot(&v->attachments, &v->n_attachments, sizeof(*a), q);

	if (!a)
		return;
	*a = (struct reader_attachment){ sql_int64(q, 0),   sql_int64(q, 1),   sql_int64(q, 2),
					 column_text(q, 3), column_text(q, 4), column_text(q, 5),
					 column_int(q, 6),  column_int(q, 7),  column_time(q, 8),
					 column_time(q, 9) };
}

static void on_series(const struct sql *q, void *arg)
{
	struct reader *v = arg;
	struct reader_series *s = slot(&v->series, &v->n_series, sizeof(*s), q);

	if (!s)
		return;
	*s = (struct reader_series){
		sql_int64(q, 0),    sql_int64(q, 1),   sql_int64(q, 2),	   sql_int64(q, 3),
		column_int(q, 4),   column_text(q, 5), column_text(q, 6),  column_text(q, 7),
		column_text(q, 8),  column_text(q, 9), column_text(q, 10), column_text(q, 11),
		column_text(q, 12), sql_int64(q, 13),  column_time(q, 14), NULL
	};
}

static void on_interval(const struct sql *q, void *arg)
{
	((struct reader *)arg)->interval_ns = column_time(q, 0);
}

static int load_all(struct reader *v)
{
	int r = meta_rows(v, "SELECT id, uuid, name, state, first_ns, last_ns FROM vm", on_vm, v);

	if (r >= 0)
		r = meta_rows(
			v, "SELECT id, netns, ifindex, name, kind, since_ns, until_ns FROM device",
			on_device, v);
	if (r >= 0)
		r = meta_rows(v,
			      "SELECT id, vm_id, device_id, mac, backend, bridge, queues, "
			      "ring_frames, since_ns, until_ns FROM attachment ORDER BY id",
			      on_attachment, v);
	if (r >= 0)
		r = meta_rows(v,
			      "SELECT id, vm_id, attachment_id, device_id, queue, direction, "
			      "class, kind, reason, site, counter, place, sender, sender_vm_id,"
			      " first_ns FROM series",
			      on_series, v);
	if (r >= 0)
		r = meta_rows(v, "SELECT interval_ns FROM run ORDER BY id DESC LIMIT 1",
			      on_interval, v);
	return r;
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

static int transaction(struct reader *v, const char *sql)
{
	int r = sql_exec(v->meta, sql);

	return r < 0 ? reader_fail(v, r, "%s/meta.db: %s", v->dir, sql_why(v->meta)) : 0;
}

/* In one transaction: what a row points to must have been read as well. */
int reader_load_names(struct reader *v)
{
	int r = transaction(v, "BEGIN");

	if (r >= 0)
		r = load_all(v);
	if (r >= 0)
		r = transaction(v, "COMMIT");
	if (r >= 0)
		chain_attachments(v);
	return r;
}

void reader_free_names(struct reader *v)
{
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
	free(v->first_attachment);
	free(v->older_attachment);
	free(v->vms);
	free(v->devices);
	free(v->attachments);
	free(v->series);
}

struct old_names {
	reader_old_name_fn *fn;
	void *arg;
};

static void on_old_name(const struct sql *q, void *arg)
{
	const struct old_names *w = arg;

	w->fn(sql_int64(q, 0), sql_text(q, 1), w->arg);
}

int reader_old_names(struct reader *v, reader_old_name_fn *fn, void *arg)
{
	struct old_names w = { fn, arg };

	return meta_rows(v, "SELECT vm_id, name FROM vm_name", on_old_name, &w);
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
