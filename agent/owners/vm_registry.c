/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm_registry.h"

#include <errno.h>
#include <string.h>
#include <uthash.h>

#include "collector/base.h"

struct entry {
	char *ident, *name, *state;
	int64_t id;
	uint64_t round;		/* of the last sync that found it in a list */
	UT_hash_handle hh;
};

struct vm_registry {
	struct store *store;
	struct entry *entries;
	uint64_t round;
};

static struct entry *entry_free(struct entry *e)
{
	if (!e)
		return NULL;
	free(e->ident);
	free(e->name);
	free(e->state);
	free(e);
	return NULL;
}

static struct entry *find(const struct vm_registry *b, const char *ident)
{
	struct entry *e;

	HASH_FIND_STR(b->entries, ident, e);
	return e;
}

static struct entry *put(struct vm_registry *b, const char *ident)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->ident = strdup(ident);
	if (!e->ident)
		return entry_free(e);
	HASH_ADD_KEYPTR(hh, b->entries, e->ident, strlen(e->ident), e);
	return e;
}

/* Remembers what is stored. */
static int note(struct entry *e, const char *name, const char *state)
{
	char *n = strdup(name), *s = strdup(state);

	if (!n || !s) {
		free(n);
		free(s);
		return -ENOMEM;
	}
	free(e->name);
	free(e->state);
	e->name = n;
	e->state = s;
	return 0;
}

static int on_stored(int64_t id, const char *ident, const char *name, const char *state, void *arg)
{
	struct entry *e = put(arg, ident);

	if (!e)
		return -ENOMEM;
	e->id = id;
	return note(e, name, state);
}

int vm_registry_new(struct store *s, struct vm_registry **ret)
{
	struct vm_registry *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	b->store = s;
	r = store_each_vm(s, on_stored, b);
	if (r < 0) {
		vm_registry_free(b);
		return r;
	}
	*ret = b;
	return 0;
}

struct vm_registry *vm_registry_free(struct vm_registry *b)
{
	struct entry *e, *tmp;

	if (!b)
		return NULL;
	HASH_ITER(hh, b->entries, e, tmp) {
		HASH_DEL(b->entries, e);
		entry_free(e);
	}
	free(b);
	return NULL;
}

static int sync_vm(struct vm_registry *b, const struct owner_vm *vm, uint64_t now_ns)
{
	struct store_vm row = {
		.ident = vm->ident,
		.uuid = vm->uuid[0] ? vm->uuid : NULL,
		.name = vm->name,
		.state = vm->state,
	};
	struct entry *e = find(b, vm->ident);
	int r;

	if (e && e->round == b->round)
		return 0;	/* an earlier list, which knows better, named it already */
	if (!e)
		e = put(b, vm->ident);
	if (!e)
		return -ENOMEM;
	e->round = b->round;
	if (e->id && !strcmp(e->name, vm->name) && !strcmp(e->state, vm->state))
		return 0;
	r = store_vm(b->store, &row, now_ns, &e->id);
	if (r < 0)
		return r;
	return note(e, vm->name, vm->state);
}

static int sync_list(struct vm_registry *b, const struct owner_list *list, uint64_t now_ns)
{
	for (unsigned int i = 0; list && i < list->n_vms; i++) {
		int r = sync_vm(b, &list->vms[i], now_ns);

		if (r < 0)
			return r;
	}
	return 0;
}

static int sync_gone(struct vm_registry *b, uint64_t now_ns)
{
	struct entry *e, *tmp;
	int r;

	HASH_ITER(hh, b->entries, e, tmp) {
		struct store_vm row = { .ident = e->ident, .name = e->name, .state = "gone" };

		if (e->round == b->round || !e->id || !strcmp(e->state, "gone"))
			continue;
		r = store_vm(b->store, &row, now_ns, &e->id);
		if (r < 0)
			return r;
		r = note(e, e->name, "gone");
		if (r < 0)
			return r;
	}
	return 0;
}

int vm_registry_sync(struct vm_registry *b, const struct resolve_owner_lists *lists,
		     uint64_t now_ns)
{
	int r;

	b->round++;
	for (unsigned int i = 0; i < WEIGH_MAX_VIRT; i++) {
		r = sync_list(b, lists->virt[i], now_ns);
		if (r < 0)
			return r;
	}
	r = sync_list(b, lists->proc, now_ns);
	if (r < 0)
		return r;
	return lists->complete ? sync_gone(b, now_ns) : 0;
}

int64_t vm_registry_id(const struct vm_registry *b, const char *ident)
{
	struct entry *e = find(b, ident);

	return e ? e->id : 0;
}
