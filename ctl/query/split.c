/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "split.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/base.h"
#include "ctl/print/out.h"

static const struct {
	const char *name;
	enum field field;
} fields[] = {
	{ "vm", BY_VM },       { "nic", BY_NIC },
	{ "queue", BY_QUEUE }, { "direction", BY_DIRECTION },
	{ "class", BY_CLASS }, { "reason", BY_REASON },
	{ "kind", BY_KIND },   { "site", BY_SITE },
	{ "place", BY_PLACE }, { "from", BY_FROM },
};

static unsigned int field_of(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (strlen(fields[i].name) == len && !strncmp(name, fields[i].name, len))
			return fields[i].field;
	return 0;
}

unsigned int split_parse(const char *text, const char **ret_wrong)
{
	unsigned int by = 0;

	do {
		size_t len = strcspn(text, ",");
		unsigned int field = field_of(text, len);

		if (!field) {
			*ret_wrong = text;
			return 0;
		}
		by |= field;
		text += len;
	} while (*text++ == ',');
	return by;
}

static void put(json_t *o, const char *key, json_t *value)
{
	if (json_object_set_new(o, key, value) < 0)
		abort();
}

json_t *split_object(const struct reader *v, const struct reader_series *s, unsigned int by)
{
	const struct reader_vm *vm = reader_vm(v, s->vm_id);
	json_t *o = json_object();

	if (!o)
		abort();
	if (by & BY_VM) {
		put(o, "vm", out_text(vm ? vm->name : NULL));
		put(o, "uuid", out_text(vm ? vm->uuid : NULL));
	}
	if (by & BY_NIC)
		put(o, "nic", out_text(reader_nic(v, s->device_id)));
	if (by & BY_QUEUE)
		put(o, "queue", s->queue < 0 ? json_null() : out_int((uint64_t)s->queue));
	if (by & BY_DIRECTION)
		put(o, "direction", out_text(s->direction));
	if (by & BY_CLASS)
		put(o, "class", out_text(s->class));
	if (by & BY_REASON)
		put(o, "kernel_reason", out_text(s->reason));
	if (by & BY_KIND)
		put(o, "kind", out_text(s->kind));
	if (by & BY_SITE)
		put(o, "site", out_text(s->site));
	if (by & BY_PLACE)
		put(o, "place", out_text(s->place ? s->place : "tap"));
	if (by & BY_FROM) {
		vm = reader_vm(v, s->sender_vm_id);
		put(o, "from", out_text(vm ? vm->name : s->sender));
		put(o, "from_uuid", out_text(vm ? vm->uuid : NULL));
		put(o, "from_nic", out_text(s->sender));
	}
	if (by & BY_MASK)
		put(o, "mask", out_text(s->mask));
	return o;
}

/* NICs by name: a VM that was started again has another device, and often the same name for it. */
char *split_key(const struct reader *v, const struct reader_series *s, unsigned int by)
{
	const char *nic = reader_nic(v, s->device_id);
	char *key;

	if (asprintf(&key, "%lld|%s|%d|%s|%s|%s|%s|%s|%s|%s|%lld|%s",
		     by & BY_VM ? (long long)s->vm_id : -1, by & BY_NIC && nic ? nic : "",
		     by & BY_QUEUE ? s->queue : -2, by & BY_DIRECTION ? s->direction : "",
		     by & BY_CLASS ? s->class : "", by & BY_REASON ? s->reason : "",
		     by & BY_KIND ? s->kind : "", by & BY_SITE ? s->site : "",
		     by & BY_PLACE && s->place ? s->place : "",
		     by & BY_FROM && s->sender ? s->sender : "",
		     by & BY_FROM ? (long long)s->sender_vm_id : -1,
		     by & BY_MASK && s->mask ? s->mask : "") < 0)
		abort();
	return key;
}
