/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "split.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "collector/base.h"
#include "collector/loss/class.h"
#include "ctl/print/message.h"
#include "ctl/print/out.h"
#include "ctl/print/text.h"

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

unsigned int split_parse(const char *text)
{
	unsigned int by = 0;

	do {
		size_t len = strcspn(text, ",");
		unsigned int field = field_of(text, len);

		if (!field) {
			message_error("--by: \"%.*s\" is none of vm, nic, queue, direction, class, "
				      "reason, kind, site, place, from",
				      (int)len, text);
			return 0;
		}
		by |= field;
		text += len;
	} while (*text++ == ',');
	return by;
}

void filter_init(struct filter *f)
{
	*f = (struct filter){ .queue = -1 };
}

/* @words: NULL-terminated. */
static int one_of(const char *option, const char *value, const char *const *words)
{
	char list[128] = "";
	size_t n = 0;

	for (size_t i = 0; words[i]; i++) {
		if (!strcmp(value, words[i]))
			return 1;
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "", words[i]);
	}
	message_error("%s: \"%.60s\" is none of %s", option, value, list);
	return -1;
}

int filter_option(struct filter *f, int opt, const char *value)
{
	static const char *const directions[] = { "rx", "tx", NULL };
	char *end;

	switch (opt) {
	case 2000:
		if (f->n_vms == FILTER_MAX) {
			message_error("--vm: at most %d", FILTER_MAX);
			return -1;
		}
		f->vms[f->n_vms++] = value;
		return 1;
	case 2001:
		f->nic = value;
		return 1;
	case 2002:
		f->direction = value;
		return one_of("--direction", value, directions);
	case 2003:
		f->class = value;
		return 1;
	case 2004:
		f->kind = value;
		return one_of("--kind", value, class_kinds);
	case 2005:
		f->queue = (int)strtol(value, &end, 10);
		if (*value && !*end && f->queue >= 0 && f->queue < 65535)
			return 1;
		message_error("--queue: \"%.60s\" is not a queue number", value);
		return -1;
	case 2006:
		f->masked = true;
		return 1;
	default:
		return 0;
	}
}

/* Words that nothing answers to are no error, the loss may be yet to come; but silence would look
 * like an answer. */
static void doubt_words(const struct filter *f, const struct reader *v)
{
	bool class = !f->class || class_canonical(f->class), nic = !f->nic;

	for (size_t i = 0; i < v->n_series && !class; i++)
		class = v->series[i].id && !strcasecmp(f->class, v->series[i].reason);
	for (size_t i = 0; i < v->n_devices && !nic; i++)
		nic = v->devices[i].id && !strcmp(f->nic, v->devices[i].name);
	if (!class)
		message_error("--class: \"%.60s\" is no class, and no loss is stored for which the "
			      "kernel gave it as reason",
			      f->class);
	if (!nic)
		message_error("--nic: no tap called \"%.60s\" is known", f->nic);
}

int filter_resolve(struct filter *f, struct reader *v)
{
	for (unsigned int i = 0; i < f->n_vms; i++) {
		int r = vmref_find(v, f->vms[i], &f->refs[i]);

		if (r < 0)
			return r;
	}
	doubt_words(f, v);
	return 0;
}

bool filter_passes(const struct filter *f, const struct reader *v, const struct reader_series *s)
{
	bool vm = f->n_vms == 0;
	const char *nic = reader_nic(v, s->device_id);

	for (unsigned int i = 0; i < f->n_vms && !vm; i++)
		vm = vmref_has(&f->refs[i], s->vm_id, s->device_id);
	return vm && (!f->nic || (nic && !strcmp(f->nic, nic))) &&
	       (!f->direction || !strcmp(f->direction, s->direction)) &&
	       (!f->kind || !strcmp(f->kind, s->kind)) &&
	       (!f->class || !strcasecmp(f->class, s->class) || !strcasecmp(f->class, s->reason)) &&
	       (f->queue < 0 || f->queue == s->queue);
}

enum share share_of(const struct reader_series *s)
{
	if (s->place)
		return ON_PATH;
	if (!strcmp(s->class, "CAPTURE"))
		return COPIED;
	return strcmp(s->class, "PURGE") != 0 ? LOST : EMPTIED;
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

void window_init(struct window *w)
{
	uint64_t now = now_ns();

	*w = (struct window){ now - NSEC_PER_HOUR, now, now };
}

int window_option(struct window *w, int opt, const char *value)
{
	int r;

	if (opt != 'S' && opt != 'U')
		return 0;
	r = when_parse(value, w->now_ns, opt == 'S' ? &w->since_ns : &w->until_ns);
	if (r >= 0)
		return 1;
	message_error("%s: \"%.60s\" is not a time; try -1h, 2h ago, today, 14:00, 2026-11-20, "
		      "\"2026-11-20 14:00\", @1700000000",
		      opt == 'S' ? "--since" : "--until", value);
	return -1;
}

bool window_valid(const struct window *w)
{
	if (w->since_ns < w->until_ns)
		return true;
	message_error("the window ends before it begins: --since must lie before --until");
	return false;
}

void window_print(const struct window *w, double covered_pct)
{
	char span[128], length[32], pct[32];

	printf("%s (%s), ", text_span(span, w->since_ns, w->until_ns),
	       text_duration(length, w->until_ns - w->since_ns));
	if (covered_pct <= 0)
		puts("NOT OBSERVED:\nnobody counted in this time, so nothing is known of it");
	else if (covered_pct < 99.95)
		printf("%s observed\n", text_percent(pct, covered_pct));
	else
		puts("all observed");
}
