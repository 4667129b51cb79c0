/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ksym.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bpf/abi.h"
#include "collector/alloc.h"
#include "collector/base.h"
#include "ksym_iter.h"

/* no function is longer; beyond lies something that we do not know */
#define FARTHEST (1 << 20)
#define ASK_NS (100 * NSEC_PER_MSEC)	/* how often at most to look whether modules came */

/* Names stand one after the other in one block; a table of 150,000 is 6 MiB. */
struct sym {
	uint64_t addr;
	uint32_t name;		/* offset in ksyms::names; the module follows its NUL */
};

struct ksyms {
	struct sym *syms;
	size_t n, size;
	char *names;
	size_t used, room;
	uint64_t start, end;	/* of the kernel proper; outside lie modules */
	uint64_t modules;	/* mark of the modules that the table was read with */
	uint64_t asked_ns;
};

static int add_name(struct ksyms *k, const char *text, uint32_t *ret)
{
	size_t len = strlen(text) + 1;

	if (k->used + len > k->room) {
		size_t room = k->room ? k->room * 2 : 1 << 20;

		if (alloc_resize(k->names, room) < 0)
			return -ENOMEM;
		k->room = room;
	}
	memcpy(k->names + k->used, text, len);
	*ret = (uint32_t)k->used;
	k->used += len;
	return 0;
}

static int add(struct ksyms *k, uint64_t addr, const char *name, const char *module)
{
	uint32_t at, ignored;
	int r;

	if (alloc_room(k->syms, k->n, k->size) < 0)
		return -ENOMEM;
	r = add_name(k, name, &at);
	if (r >= 0)
		r = add_name(k, module, &ignored);
	if (r < 0)
		return r;
	k->syms[k->n++] = (struct sym){ addr, at };
	if (!module[0] && addr < k->start)
		k->start = addr;
	if (!module[0] && addr > k->end)
		k->end = addr;
	return 0;
}

static int by_addr(const void *a, const void *b)
{
	uint64_t x = ((const struct sym *)a)->addr, y = ((const struct sym *)b)->addr;

	return x < y ? -1 : x > y;
}

/* "ffffffff81000000 T name\t[module]" */
static int add_line(struct ksyms *k, char *line)
{
	char *end, *name, *module = (char *)"";
	uint64_t addr = strtoull(line, &end, 16);

	if (end[0] != ' ' || !strchr("tTwW", end[1]) || end[2] != ' ' || !addr)
		return 0;
	name = end + 3;
	name[strcspn(name, "\n")] = '\0';
	end = strchr(name, '\t');
	if (end) {
		*end = '\0';
		module = end + 2;
		module[strcspn(module, "]")] = '\0';
	}
	return add(k, addr, name, module);
}

/* Changes when a module comes, goes or comes back to another place. */
static uint64_t mark_modules(void)
{
	uint64_t mark = 14695981039346656037ULL;	/* FNV-1a */
	FILE *f = fopen("/proc/modules", "re");
	char line[1024], name[64];
	uint64_t addr;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63s %*u %*s %*s %*s %" SCNx64, name, &addr) != 2)
			continue;
		for (const char *c = name; *c; c++)
			mark = (mark ^ (unsigned char)*c) * 1099511628211ULL;
		mark = (mark ^ addr) * 1099511628211ULL;
	}
	if (f)
		fclose(f);
	return mark;
}

static int read_lines(struct ksyms *k, FILE *f)
{
	char *line = NULL;
	size_t size = 0;
	int r = 0;

	k->n = k->used = 0;
	k->start = UINT64_MAX;
	k->end = 0;
	while (r >= 0 && getline(&line, &size, f) > 0)
		r = add_line(k, line);
	free(line);
	fclose(f);
	if (r < 0) {
		k->n = 0;
		return r;
	}
	qsort(k->syms, k->n, sizeof(*k->syms), by_addr);
	return k->n ? 0 : -EPERM;	/* all addresses are 0 */
}

static int read_all(struct ksyms *k)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	int r = f ? 0 : -errno, hidden;

	k->modules = mark_modules();
	if (f)
		r = read_lines(k, f);
	if (r != -EPERM && r != -EACCES)
		return r;
	hidden = ksym_iter_open(&f);
	return hidden < 0 ? -EPERM : read_lines(k, f);
}

int ksyms_new(struct ksyms **ret)
{
	struct ksyms *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return -ENOMEM;
	r = read_all(k);
	if (r < 0) {
		ksyms_free(k);
		return r;
	}
	*ret = k;
	return 0;
}

struct ksyms *ksyms_free(struct ksyms *k)
{
	if (!k)
		return NULL;
	free(k->syms);
	free(k->names);
	free(k);
	return NULL;
}

/* The last symbol at or below @addr. */
static const struct sym *below(const struct ksyms *k, uint64_t addr)
{
	size_t lo = 0, hi = k->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (k->syms[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? &k->syms[lo - 1] : NULL;
}

/* Modules lie close together: an address in one that came later would pass for a function of the
 * one before it. */
static void catch_up(struct ksyms *k, uint64_t addr)
{
	struct timespec ts;
	uint64_t now;

	if (addr >= k->start && addr <= k->end)
		return;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
	if (now - k->asked_ns < ASK_NS)
		return;
	k->asked_ns = now;
	if (mark_modules() != k->modules)
		read_all(k);
}

int ksym_find(struct ksyms *k, uint64_t addr, struct ksym *ret)
{
	const struct sym *s;

	if (k)
		catch_up(k, addr);
	/* a return address: the call before it may have been the function's last instruction */
	s = k ? below(k, addr - 1) : NULL;
	memset(ret, 0, sizeof(*ret));
	if (!s || addr - s->addr > FARTHEST) {
		snprintf(ret->function, sizeof(ret->function), "0x%" PRIx64, addr);
		return -ENOENT;
	}
	snprintf(ret->function, sizeof(ret->function), "%s", k->names + s->name);
	snprintf(ret->module, sizeof(ret->module), "%s",
		 k->names + s->name + strlen(k->names + s->name) + 1);
	ret->function[strcspn(ret->function, ".")] = '\0';
	ret->offset = addr - s->addr;
	return 0;
}

const char *ksym_site(struct ksyms *k, uint64_t location, struct ksym *buf)
{
	if (location == TL_PLACE_NO_QDISC)
		return "noop_enqueue";
	if (location == TL_PLACE_STOPPED)
		return "tun_net_xmit";
	ksym_find(k, location, buf);
	return buf->function;
}

int ksym_range(const struct ksyms *k, const char *name, uint64_t *ret_from, uint64_t *ret_to)
{
	for (size_t i = 0; k && i + 1 < k->n; i++) {
		if (strcmp(k->names + k->syms[i].name, name) != 0)
			continue;
		*ret_from = k->syms[i].addr;
		*ret_to = k->syms[i + 1].addr;
		return 0;
	}
	return -ENOENT;
}
