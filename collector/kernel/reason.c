/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "reason.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "bpf/abi.h"
#include "collector/alloc.h"
#include "collector/base.h"

/* bits 16 and up: which subsystem's enum, since 6.4 (071c0fc6fb91) */
#define SUBSYS_SHIFT 16
#define PREFIX "SKB_DROP_REASON_"

struct reason {
	uint32_t value;
	char *name;
};

struct reasons {
	struct reason *all;
	/* known: of the kernel; the rest are numbers that were asked for */
	unsigned int n, size, known;
};

/* The enums of subsystems carry their place in the numbering in each value. Where the subsystem is
 * a module, its types are the module's. */
static const struct {
	const char *type, *module;
} subsystems[] = {
	{ "ovs_drop_reason", "openvswitch" },
	{ "mac80211_drop_reason", "mac80211" },
	{ "qdisc_drop_reason", NULL },
};

static const char *find(const struct reasons *r, uint32_t value)
{
	for (unsigned int i = 0; r && i < r->n; i++)
		if (r->all[i].value == value)
			return r->all[i].name;
	return NULL;
}

static int add(struct reasons *r, uint32_t value, const char *name)
{
	struct reason *p;

	if (alloc_room(r->all, r->n, r->size) < 0)
		return -ENOMEM;
	p = &r->all[r->n];
	p->value = value;
	p->name = strdup(name);
	if (!p->name)
		return -ENOMEM;
	r->n++;
	return 0;
}

static const char *short_name(const char *name)
{
	return strncmp(name, PREFIX, strlen(PREFIX)) ? name : name + strlen(PREFIX);
}

/* Not a reason: bounds and masks. */
static bool is_mark(const char *name, uint32_t value)
{
	return value >= 0xffff0000u || !strncmp(name, "__", 2) || strstr(name, "_MASK") ||
	       !strcmp(name, PREFIX "MAX");
}

static int add_enum(struct reasons *r, const struct btf *btf, const char *type)
{
	int id = btf__find_by_name_kind(btf, type, BTF_KIND_ENUM);
	const struct btf_type *t = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;

	for (uint16_t i = 0; t && i < btf_vlen(t); i++) {
		const struct btf_enum *e = &btf_enum(t)[i];
		const char *name = btf__name_by_offset(btf, e->name_off);

		if (is_mark(name, (uint32_t)e->val) || find(r, (uint32_t)e->val))
			continue;
		if (add(r, (uint32_t)e->val, short_name(name)) < 0)
			return -ENOMEM;
	}
	return t ? 0 : -ENOENT;
}

/* Best effort: without names these reasons are numbers. */
static void add_subsystems(struct reasons *r, struct btf *vmlinux)
{
	for (size_t i = 0; i < ARRAY_SIZE(subsystems); i++) {
		struct btf *module = NULL;
		char path[64];

		if (add_enum(r, vmlinux, subsystems[i].type) == 0 || !subsystems[i].module)
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/btf/%s", subsystems[i].module);
		if (access(path, R_OK) == 0)
			module = btf__load_module_btf(subsystems[i].module, vmlinux);
		if (module)
			add_enum(r, module, subsystems[i].type);
		btf__free(module);
	}
}

static int from_btf(struct reasons *r)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int n;

	if (!btf)
		return -ENOENT;
	n = add_enum(r, btf, "skb_drop_reason");
	if (n >= 0)
		add_subsystems(r, btf);
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
		if (add(r, (uint32_t)value, short_name(name)) < 0)
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

/* A number that nobody knows gets a name once, so that it is not looked for again. */
static const char *name_unknown(struct reasons *r, uint32_t reason)
{
	char text[32];

	if (reason >> SUBSYS_SHIFT)
		snprintf(text, sizeof(text), "SUBSYS_%u_%u", reason >> SUBSYS_SHIFT,
			 reason & 0xffff);
	else
		snprintf(text, sizeof(text), "REASON_%u", reason);
	return add(r, reason, text) < 0 ? "UNKNOWN" : r->all[r->n - 1].name;
}

const char *reason_name(struct reasons *r, uint32_t reason)
{
	const char *name;

	if (reason == TL_REASON_NONE)
		return "NONE";
	name = find(r, reason);
	if (name || !r)
		return name ? name : "UNKNOWN";
	if (reason >> SUBSYS_SHIFT) {	/* its module may have come later than we did */
		unsigned int before = r->n;

		from_btf(r);
		r->known += r->n - before;
		name = find(r, reason);
	}
	return name ? name : name_unknown(r, reason);
}

unsigned int reasons_count(const struct reasons *r)
{
	return r ? r->known : 0;
}
