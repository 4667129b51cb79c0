/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reason.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../bpf/abi.h"
#include "base.h"

#define SUBSYS_SHIFT 16		/* bits 16 and up: which subsystem's enum, since 6.4 (071c0fc6fb91) */
#define PREFIX "SKB_DROP_REASON_"

struct reason {
	uint32_t value;
	char *name;
};

struct reasons {
	struct reason *all;
	unsigned int n, size, known;	/* known: of the kernel; the rest are numbers that were asked for */
};

static const struct reason *add(struct reasons *r, uint32_t value, const char *name)
{
	if (r->n == r->size) {
		unsigned int size = r->size ? r->size * 2 : 256;
		struct reason *p = realloc(r->all, size * sizeof(*p));

		if (!p)
			return NULL;
		r->all = p;
		r->size = size;
	}
	r->all[r->n].value = value;
	r->all[r->n].name = strdup(name);
	return r->all[r->n].name ? &r->all[r->n++] : NULL;
}

static const char *short_name(const char *name)
{
	return strncmp(name, PREFIX, strlen(PREFIX)) ? name : name + strlen(PREFIX);
}

/* The core enum, and those of subsystems whose names begin as the subsystem's place in the numbering says. */
static int add_enum(struct reasons *r, const struct btf *btf, const char *type)
{
	int id = btf__find_by_name_kind(btf, type, BTF_KIND_ENUM);
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;

	for (uint16_t i = 0; t && i < btf_vlen(t); i++) {
		const struct btf_enum *e = &btf_enum(t)[i];
		const char *name = btf__name_by_offset(btf, e->name_off);

		if ((uint32_t)e->val >= 0xffff0000u || strstr(name, "_MASK") || !strcmp(name, PREFIX "MAX"))
			continue;
		if (!add(r, (uint32_t)e->val, short_name(name)))
			return -ENOMEM;
	}
	return t ? 0 : -ENOENT;
}

static int from_btf(struct reasons *r)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int n;

	if (!btf)
		return -ENOENT;
	n = add_enum(r, btf, "skb_drop_reason");
	if (n >= 0) {
		add_enum(r, btf, "mac80211_drop_reason");	/* where they are built in */
		add_enum(r, btf, "ovs_drop_reason");
	}
	btf__free(btf);
	return n;
}

/* ... { 2, "NOT_SPECIFIED" }, { 3, "NO_SOCKET" } ... */
static int add_format(struct reasons *r, char *text)
{
	for (char *at = strchr(text, '{'); at; at = strchr(at + 1, '{')) {
		char *end, *name;
		unsigned long value = strtoul(at + 1, &end, 0);

		if (end == at + 1 || strncmp(end, ", \"", 3) != 0)
			continue;
		name = end + 3;
		end = strchr(name, '"');
		if (!end)
			break;
		*end = '\0';
		if (!add(r, (uint32_t)value, short_name(name)))
			return -ENOMEM;
		at = end;
	}
	return r->n ? 0 : -ENOENT;
}

static int from_format(struct reasons *r)
{
	FILE *f = fopen("/sys/kernel/tracing/events/skb/kfree_skb/format", "re");
	char *line = NULL;
	size_t size = 0;
	int n = -ENOENT;

	if (!f)
		return -errno;
	while (n == -ENOENT && getline(&line, &size, f) > 0)
		if (!strncmp(line, "print fmt", 9))
			n = add_format(r, line);
	free(line);
	fclose(f);
	return n;
}

int reasons_new(struct reasons **ret)
{
	struct reasons *r = calloc(1, sizeof(*r));
	int n;

	if (!r)
		return -ENOMEM;
	n = from_btf(r);
	if (n < 0)
		n = from_format(r);
	if (n < 0) {
		reasons_free(r);
		return n == -ENOMEM ? n : -ENOENT;
	}
	r->known = r->n;
	*ret = r;
	return 0;
}

struct reasons *reasons_free(struct reasons *r)
{
	if (!r)
		return NULL;
	for (unsigned int i = 0; i < r->n; i++)
		free(r->all[i].name);
	free(r->all);
	free(r);
	return NULL;
}

const char *reason_name(struct reasons *r, uint32_t reason)
{
	const struct reason *new;
	char text[32];

	if (reason == TL_REASON_NONE)
		return "NONE";
	for (unsigned int i = 0; r && i < r->n; i++)
		if (r->all[i].value == reason)
			return r->all[i].name;
	if (reason >> SUBSYS_SHIFT)
		snprintf(text, sizeof(text), "SUBSYS_%u_%u", reason >> SUBSYS_SHIFT, reason & 0xffff);
	else
		snprintf(text, sizeof(text), "REASON_%u", reason);
	new = r ? add(r, reason, text) : NULL;
	return new ? new->name : "UNKNOWN";
}

unsigned int reasons_count(const struct reasons *r)
{
	return r ? r->known : 0;
}
