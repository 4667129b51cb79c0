/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "kvhost.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "collector/base.h"

#define LOOK_NS NSEC_PER_SEC
#define KTHREADD "kthreadd\n"

struct kthread {
	int tid;
	int vmm;		/* whose vhost worker it is; 0: none */
	unsigned int look;	/* the last one that saw it */
	UT_hash_handle hh;
};

struct kvhost {
	char proc[64];
	struct kthread *all;
	uint64_t looked_ns;
	unsigned int look;
	bool unread;		/* names were left to the next look */
};

int kvhost_new(const char *proc, struct kvhost **ret)
{
	struct kvhost *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	snprintf(k->proc, sizeof(k->proc), "%s", proc);
	*ret = k;
	return 0;
}

struct kvhost *kvhost_free(struct kvhost *k)
{
	struct kthread *t, *tmp;

	if (!k)
		return NULL;
	HASH_ITER(hh, k->all, t, tmp) {
		HASH_DEL(k->all, t);
		free(t);
	}
	free(k);
	return NULL;
}

static FILE *open_file(const struct kvhost *k, int tid, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%d/%s", k->proc, tid, name);
	return fopen(path, "re");
}

static bool name_of(const struct kvhost *k, int tid, char ret[static 32])
{
	FILE *f = open_file(k, tid, "comm");
	bool read = f && fgets(ret, 32, f);

	if (f)
		fclose(f);
	return read;
}

/* The VMM of a worker named @comm; 0: it is no vhost worker. */
static int vmm_of(const char *comm)
{
	return !strncmp(comm, "vhost-", 6) && isdigit((unsigned char)comm[6])
		       ? (int)strtol(comm + 6, NULL, 10)
		       : 0;
}

/* A thread that was made a moment ago still has its maker's name: the next look asks again. */
static void meet(struct kvhost *k, int tid)
{
	struct kthread *t;
	char comm[32];

	if (!name_of(k, tid, comm) || !strcmp(comm, KTHREADD))
		return;
	t = calloc(1, sizeof(*t));
	if (!t)
		return;
	t->tid = tid;
	t->vmm = vmm_of(comm);
	t->look = k->look;
	HASH_ADD_INT(k->all, tid, t);
}

/* Its number may be another thread's by now. */
static bool still(const struct kvhost *k, const struct kthread *t)
{
	char comm[32];

	return name_of(k, t->tid, comm) && vmm_of(comm) == t->vmm;
}

static void forget(struct kvhost *k)
{
	struct kthread *t, *tmp;

	HASH_ITER(hh, k->all, t, tmp) {
		if (t->look == k->look)
			continue;
		HASH_DEL(k->all, t);
		free(t);
	}
}

unsigned int kvhost_look(struct kvhost *k, unsigned int most, uint64_t now_ns)
{
	unsigned int n = 0;
	char comm[32];
	FILE *f;
	int tid;

	if (!k->unread && k->looked_ns && now_ns < k->looked_ns + LOOK_NS)
		return 0;
	f = name_of(k, 2, comm) && !strcmp(comm, KTHREADD) ? open_file(k, 2, "task/2/children")
							   : NULL;
	if (!f)
		return 0;
	k->looked_ns = now_ns;
	k->look++;
	k->unread = false;
	while (fscanf(f, "%d", &tid) == 1) {
		struct kthread *t;

		HASH_FIND_INT(k->all, &tid, t);
		if (t)
			t->look = k->look;
		else if (n < most)
			n++, meet(k, tid);
		else
			k->unread = true;
	}
	fclose(f);
	forget(k);
	return n;
}

void kvhost_each(const struct kvhost *k, int pid, kvhost_fn *fn, void *arg)
{
	for (struct kthread *t = k->all; t; t = t->hh.next)
		if (t->vmm == pid && still(k, t))
			fn(t->tid, arg);
}
