/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmref.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "collector/base.h"
#include "ctl/print/text.h"
#include "reader_priv.h"

/* The best match so far. Ways to match have ranks: a better one beats all others; between equals
 * the VM that is still there wins. */
struct search {
	struct reader *v;
	const char *text;
	struct vmref found;
	int rank;		/* 0: nothing */
	bool several;
};

enum { RANK_OLD_NAME = 1, RANK_DEVICE, RANK_TAP, RANK_MAC, RANK_NAME, RANK_UUID };

static bool gone(const struct reader *v, int64_t vm)
{
	const struct reader_vm *known = reader_vm(v, vm);

	return !known || !strcmp(known->state, "gone");
}

static void offer(struct search *s, int rank, int64_t vm, int64_t device)
{
	bool better = rank > s->rank;

	if (rank == s->rank && s->found.vm_id == vm && s->found.device_id == device)
		return;
	if (rank == s->rank && vm && s->found.vm_id &&
	    gone(s->v, s->found.vm_id) != gone(s->v, vm)) {
		if (gone(s->v, vm))
			return;
		better = true;
	}
	if (rank == s->rank && !better)
		s->several = true;
	if (!better)
		return;
	s->found = (struct vmref){ vm, device };
	s->rank = rank;
	s->several = false;
}

static bool same_name(const char *name, const char *text)
{
	_cleanup_(freep) char *shown = NULL;

	if (!strcmp(name, text))
		return true;
	if (!strchr(text, '\\'))
		return false;
	shown = text_safe(name);
	return !strcmp(shown, text);
}

static void on_old_name(int64_t vm, const char *name, void *arg)
{
	struct search *s = arg;

	if (reader_vm(s->v, vm) && same_name(name, s->text))
		offer(s, RANK_OLD_NAME, vm, 0);
}

/* A tap's name is used again and again: the one that has it now, or had it last. */
static const struct reader_attachment *later(const struct reader_attachment *a,
					     const struct reader_attachment *b)
{
	if (!a || !a->until_ns != !b->until_ns)
		return a && !a->until_ns ? a : b;
	return a->since_ns > b->since_ns ? a : b;
}

static void search_attachments(struct search *s)
{
	const struct reader_attachment *tap = NULL;

	for (size_t i = 0; i < s->v->n_attachments; i++) {
		const struct reader_attachment *a = &s->v->attachments[i];
		const char *nic = reader_nic(s->v, a->device_id);

		if (!a->id || !reader_vm(s->v, a->vm_id))
			continue;
		if (a->mac && !strcasecmp(a->mac, s->text))
			offer(s, RANK_MAC, a->vm_id, 0);
		if (nic && same_name(nic, s->text))
			tap = later(tap, a);
	}
	if (tap)
		offer(s, RANK_TAP, tap->vm_id, 0);
}

static void search_devices(struct search *s)
{
	const struct reader_device *last = NULL;

	for (size_t i = 0; i < s->v->n_devices; i++) {
		const struct reader_device *d = &s->v->devices[i];

		if (!d->id || !same_name(d->name, s->text))
			continue;
		if (!last || !d->until_ns > !last->until_ns ||
		    (!d->until_ns == !last->until_ns && d->since_ns >= last->since_ns))
			last = d;
	}
	if (last)
		offer(s, RANK_DEVICE, 0, last->id);
}

/* How many single edits lie between two names (Levenshtein), for names of a sensible length. */
static size_t distance(const char *a, const char *b)
{
	size_t row[65], la = strlen(a), lb = strlen(b);

	if (la > 64 || lb > 64)
		return SIZE_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t above = row[j], best = diagonal + (a[i - 1] != b[j - 1]);

			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = above;
			row[j] = best;
		}
	}
	return row[lb];
}

static int unknown(struct reader *v, const char *text)
{
	const char *near_name = NULL;
	size_t best = strlen(text) / 2 + 1;

	for (size_t i = 0; i < v->n_vms; i++) {
		size_t d = v->vms[i].id ? distance(v->vms[i].name, text) : SIZE_MAX;

		if (d >= best)
			continue;
		best = d;
		near_name = v->vms[i].name;
	}
	if (near_name)
		return reader_fail(
			v, -ENOENT,
			"no VM, MAC address or tap is called \"%.200s\"; did you mean \"%s\"?",
			text, near_name);
	return reader_fail(
		v, -ENOENT,
		"no VM, MAC address or tap is called \"%.200s\"; see taplossctl vms --all", text);
}

int vmref_find(struct reader *v, const char *text, struct vmref *ret)
{
	struct search s = { .v = v, .text = text };
	int r = 0;

	for (size_t i = 0; i < v->n_vms; i++) {
		const struct reader_vm *vm = &v->vms[i];

		if (vm->id && vm->uuid && !strcasecmp(vm->uuid, text))
			offer(&s, RANK_UUID, vm->id, 0);
		if (vm->id && same_name(vm->name, text))
			offer(&s, RANK_NAME, vm->id, 0);
	}
	if (s.rank < RANK_MAC)
		search_attachments(&s);
	if (s.rank < RANK_TAP)
		search_devices(&s);
	if (!s.rank)
		r = reader_old_names(v, on_old_name, &s);
	if (r < 0)
		return r;
	if (!s.rank)
		return unknown(v, text);
	if (s.several)
		return reader_fail(v, -ENOTUNIQ,
				   "several VMs are called \"%.200s\"; name one by its UUID; see "
				   "taplossctl vms --all",
				   text);
	*ret = s.found;
	return 0;
}

bool vmref_has(const struct vmref *ref, int64_t vm_id, int64_t device_id)
{
	return ref->vm_id ? ref->vm_id == vm_id : ref->device_id == device_id;
}

const char *vmref_name(const struct reader *v, const struct vmref *ref)
{
	return ref->vm_id ? reader_vm(v, ref->vm_id)->name : reader_nic(v, ref->device_id);
}

const char *vmref_uuid(const struct reader *v, const struct vmref *ref)
{
	return ref->vm_id ? reader_vm(v, ref->vm_id)->uuid : NULL;
}
