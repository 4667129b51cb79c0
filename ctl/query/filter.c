/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "filter.h"

#include <string.h>
#include <strings.h>

#include "collector/loss/class.h"

void filter_init(struct filter *f)
{
	*f = (struct filter){ .queue = -1 };
}

int filter_find_vms(struct filter *f, struct reader *v)
{
	int r = 0;

	for (unsigned int i = 0; i < f->n_vms && r >= 0; i++)
		r = vmref_find(v, f->vms[i], &f->refs[i]);
	return r;
}

bool filter_knows_class(const struct filter *f, const struct reader *v)
{
	bool known = !f->class || class_canonical(f->class);

	for (size_t i = 0; i < v->n_series && !known; i++)
		known = v->series[i].id && !strcasecmp(f->class, v->series[i].reason);
	return known;
}

bool filter_knows_nic(const struct filter *f, const struct reader *v)
{
	bool known = !f->nic;

	for (size_t i = 0; i < v->n_devices && !known; i++)
		known = v->devices[i].id && !strcmp(f->nic, v->devices[i].name);
	return known;
}

bool filter_has_vm(const struct filter *f, int64_t vm_id, int64_t device_id)
{
	bool has = f->n_vms == 0;

	for (unsigned int i = 0; i < f->n_vms && !has; i++)
		has = vmref_has(&f->refs[i], vm_id, device_id);
	return has;
}

bool filter_passes(const struct filter *f, const struct reader *v, const struct reader_series *s)
{
	const char *nic = reader_nic(v, s->device_id);

	return filter_has_vm(f, s->vm_id, s->device_id) &&
	       (!f->nic || (nic && !strcmp(f->nic, nic))) &&
	       (!f->direction || !strcmp(f->direction, s->direction)) &&
	       (!f->kind || !strcmp(f->kind, s->kind)) &&
	       (!f->class || !strcasecmp(f->class, s->class) || !strcasecmp(f->class, s->reason)) &&
	       (f->queue < 0 || f->queue == s->queue);
}
