/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "name.h"

#include <errno.h>
#include <stdio.h>
#include <uthash.h>

#include "collector/base.h"

struct entry {
	uint32_t ifindex, master;
	char name[16];
	UT_hash_handle hh;
};

struct linknames {
	struct entry *entries;
};

int linknames_new(struct linknames **ret)
{
	struct linknames *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	*ret = n;
	return 0;
}

struct linknames *linknames_free(struct linknames *n)
{
	struct entry *e, *tmp;

	if (!n)
		return NULL;
	HASH_ITER(hh, n->entries, e, tmp) {
		HASH_DEL(n->entries, e);
		free(e);
	}
	free(n);
	return NULL;
}

void linknames_put(struct linknames *n, uint32_t ifindex, const char *name, uint32_t master)
{
	struct entry *e;

	HASH_FIND(hh, n->entries, &ifindex, sizeof(ifindex), e);
	if (!e) {
		e = calloc(1, sizeof(*e));
		if (!e)
			return;
		e->ifindex = ifindex;
		HASH_ADD(hh, n->entries, ifindex, sizeof(e->ifindex), e);
	}
	snprintf(e->name, sizeof(e->name), "%s", name);
	e->master = master;
}

void linknames_drop(struct linknames *n, uint32_t ifindex)
{
	struct entry *e;

	HASH_FIND(hh, n->entries, &ifindex, sizeof(ifindex), e);
	if (!e)
		return;
	HASH_DEL(n->entries, e);
	free(e);
}

void linknames_get(const struct linknames *n, uint32_t ifindex, char ret[static 16])
{
	struct entry *e;

	HASH_FIND(hh, n->entries, &ifindex, sizeof(ifindex), e);
	snprintf(ret, 16, "%s", e ? e->name : "");
}

uint32_t linknames_master(const struct linknames *n, uint32_t ifindex)
{
	struct entry *e;

	HASH_FIND(hh, n->entries, &ifindex, sizeof(ifindex), e);
	return e ? e->master : 0;
}
