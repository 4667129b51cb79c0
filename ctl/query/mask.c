/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "mask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "collector/base.h"
#include "ctl/print/out.h"
#include "maskfile.h"

/* Copies that a capture on the host lost; and frames that the host's own stack was offered because
 * a tap hangs on no bridge, or listens to everything, and that it had no use for. What the guest
 * wanted of others they had already, or nobody was there: none of it is what a VM lost. */
static const struct mask builtin[] = {
	{ .id = "otherhost",
	  .class = "OTHER",
	  .reason = "OTHERHOST",
	  .note = "from the guest, for another machine: the host only overheard it (a tap without "
		  "a bridge)" },
	{ .id = "unhandled-proto",
	  .class = "OTHER",
	  .reason = "UNHANDLED_PROTO",
	  .note = "from the guest, in a protocol that nobody on the host speaks (LLDP, STP and the "
		  "like)" },
	{ .id = "ptype-absent",
	  .class = "OTHER",
	  .reason = "PTYPE_ABSENT",
	  .note = "the same, as Linux 5.18 called it" },
	{ .id = "l2-multicast",
	  .class = "OTHER",
	  .reason = "UNICAST_IN_L2_MULTICAST",
	  .note = "a flooded copy of somebody else's packet: RFC 1122 has the host refuse it" },
	{ .id = "capture",
	  .class = "CAPTURE",
	  .note = "only a capture's copy: a packet capture on the host was too slow, and the VM "
		  "lost nothing" },
};

static const char *word(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static bool is_off(const json_t *doc, const char *id)
{
	const json_t *off = json_object_get(doc, "off"), *name;
	size_t i;

	json_array_foreach(off, i, name)
		if (!strcmp(json_string_value(name), id))
			return true;
	return false;
}

static void take(struct masks *m)
{
	const json_t *list = json_object_get(m->doc, "masks");
	size_t i, n = ARRAY_SIZE(builtin);
	json_t *o;

	m->all = calloc(n + json_array_size(list), sizeof(*m->all));
	if (!m->all)
		abort();
	for (i = 0; i < n; i++) {
		m->all[i] = builtin[i];
		m->all[i].off = is_off(m->doc, builtin[i].id);
	}
	json_array_foreach(list, i, o)
		m->all[n + i] =
			(struct mask){ word(o, "id"),
				       word(o, "class"),
				       word(o, "kernel_reason"),
				       word(o, "site"),
				       word(o, "vm"),
				       word(o, "uuid"),
				       word(o, "nic"),
				       word(o, "note"),
				       (uint64_t)json_integer_value(json_object_get(o, "added_ns")),
				       false };
	m->n = n + json_array_size(list);
}

int masks_load(const char *dir, struct masks *ret, char why[static READER_WHY])
{
	int r = maskfile_read(dir, &ret->doc, why);

	if (r >= 0)
		take(ret);
	return r;
}

void masks_free(struct masks *m)
{
	free(m->all);
	json_decref(m->doc);
	*m = (struct masks){ 0 };
}

static bool fits(const char *pattern, const char *text)
{
	size_t n = pattern ? strlen(pattern) : 0;

	if (!pattern)
		return true;
	return n && pattern[n - 1] == '*' ? !strncasecmp(pattern, text, n - 1)
					  : !strcasecmp(pattern, text);
}

static bool fits_vm(const struct mask *m, const struct reader_vm *vm)
{
	if (!m->vm && !m->uuid)
		return true;
	if (!vm)
		return false;
	return m->uuid ? vm->uuid && !strcasecmp(vm->uuid, m->uuid)
		       : !vm->uuid && !strcmp(vm->name, m->vm);
}

const struct mask *masks_find(const struct masks *m, const struct reader *v,
			      const struct reader_series *s)
{
	const struct reader_vm *vm = reader_vm(v, s->vm_id);
	const char *nic = reader_nic(v, s->device_id);

	for (size_t i = 0; i < m->n; i++) {
		const struct mask *at = &m->all[i];

		if (!at->off && fits(at->class, s->class) && fits(at->reason, s->reason) &&
		    fits(at->site, s->site) && fits_vm(at, vm) &&
		    (!at->nic || (nic && !strcmp(nic, at->nic))))
			return at;
	}
	return NULL;
}

/* Changing. */

static bool same_word(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool same(const struct mask *a, const struct mask *b)
{
	/* A VM with a UUID may have another name by now. */
	return same_word(a->class, b->class) && same_word(a->reason, b->reason) &&
	       same_word(a->site, b->site) && same_word(a->uuid, b->uuid) &&
	       (a->uuid || same_word(a->vm, b->vm)) && same_word(a->nic, b->nic);
}

struct adding {
	const struct mask *mask;
	char *id;
};

static int add(json_t *doc, void *arg, char why[static READER_WHY])
{
	struct adding *a = arg;
	const struct mask *k = a->mask;
	struct masks old = { .doc = json_incref(doc) };
	json_int_t next = json_integer_value(json_object_get(doc, "next"));
	char id[24];
	int r = 0;

	take(&old);
	for (size_t i = 0; i < old.n && !a->id; i++)
		if (same(&old.all[i], k) && !old.all[i].off)
			a->id = strdup(old.all[i].id);
	if (!a->id) {
		snprintf(id, sizeof(id), "%lld", (long long)next);
		a->id = strdup(id);
		json_object_set_new(doc, "next", json_integer(next + 1));
		r = json_array_append_new(
			json_object_get(doc, "masks"),
			json_pack("{ss so so so so so so so sI}", "id", id, "class",
				  out_text(k->class), "kernel_reason", out_text(k->reason), "site",
				  out_text(k->site), "vm", out_text(k->vm), "uuid",
				  out_text(k->uuid), "nic", out_text(k->nic), "note",
				  out_text(k->note), "added_ns", (json_int_t)k->added_ns));
	}
	masks_free(&old);
	if (r >= 0 && a->id)
		return 0;
	snprintf(why, READER_WHY, "%s", strerror(ENOMEM));
	return -ENOMEM;
}

int masks_add(const char *dir, const struct mask *mask, char **ret_id, char why[static READER_WHY])
{
	struct adding a = { .mask = mask };
	int r = maskfile_change(dir, add, &a, why);

	if (r < 0)
		free(a.id);
	else
		*ret_id = a.id;
	return r;
}

static bool is_builtin(const char *id)
{
	for (size_t i = 0; i < ARRAY_SIZE(builtin); i++)
		if (!strcmp(builtin[i].id, id))
			return true;
	return false;
}

static int remove_it(json_t *doc, void *arg, char why[static READER_WHY])
{
	json_t *list = json_object_get(doc, "masks"), *o;
	const char *id = arg;
	size_t i;

	if (is_builtin(id) && !is_off(doc, id))
		return json_array_append_new(json_object_get(doc, "off"), json_string(id));
	json_array_foreach(list, i, o)
		if (!strcmp(word(o, "id"), id))
			return json_array_remove(list, i);
	snprintf(why, READER_WHY,
		 is_builtin(id) ? "mask \"%.60s\" is already off"
				: "no mask \"%.60s\"; see taplossctl mask list",
		 id);
	return -ENOENT;
}

static int restore(json_t *doc, void *arg, char why[static READER_WHY])
{
	json_t *off = json_object_get(doc, "off"), *name;
	const char *id = arg;
	size_t i;

	json_array_foreach(off, i, name)
		if (!strcmp(json_string_value(name), id))
			return json_array_remove(off, i);
	snprintf(why, READER_WHY,
		 is_builtin(id)
			 ? "mask \"%.60s\" is not off"
			 : "no built-in mask \"%.60s\"; see taplossctl mask list",
		 id);
	return -ENOENT;
}

int masks_remove(const char *dir, const char *id, char why[static READER_WHY])
{
	return maskfile_change(dir, remove_it, (void *)id, why);
}

int masks_restore(const char *dir, const char *id, char why[static READER_WHY])
{
	return maskfile_change(dir, restore, (void *)id, why);
}
