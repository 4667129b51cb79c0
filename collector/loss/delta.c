/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "delta.h"

#include <errno.h>
#include <string.h>
#include <uthash.h>

#include "collector/base.h"

struct entry {
	struct tl_loss_key key;
	struct loss_total stored;	/* the baseline */
	struct loss_total pending;	/* what it becomes with the commit */
	struct entry *next;		/* delta::touched */
	bool touched;
	UT_hash_handle hh;
};

struct delta {
	struct entry *entries;
	struct entry *touched;		/* asked for since the last commit */
};

int delta_new(struct delta **ret)
{
	struct delta *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	*ret = d;
	return 0;
}

struct delta *delta_free(struct delta *d)
{
	struct entry *e, *next;

	if (!d)
		return NULL;
	e = d->entries;
	HASH_CLEAR(hh, d->entries);	/* the table; the entries hang together without it */
	for (; e; e = next) {
		next = e->hh.next;
		free(e);
	}
	free(d);
	return NULL;
}

static struct entry *find(const struct delta *d, const struct tl_loss_key *key)
{
	struct entry *e;

	HASH_FIND(hh, d->entries, key, sizeof(*key), e);
	return e;
}

static struct entry *put(struct delta *d, const struct tl_loss_key *key)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->key = *key;
	HASH_ADD(hh, d->entries, key, sizeof(e->key), e);
	return e;
}

int delta_seed(struct delta *d, const struct tl_loss_key *key, const struct loss_total *stored)
{
	struct entry *e = find(d, key);

	if (!e)
		e = put(d, key);
	if (!e)
		return -ENOMEM;
	e->stored = *stored;
	return 0;
}

int delta_next(struct delta *d, const struct tl_loss_key *key, const struct loss_total *total,
	       struct loss_total *ret)
{
	struct entry *e = find(d, key);
	struct loss_total base;

	/* All three: a total read while a CPU adds to it may have the frame already and its bytes
	 * not yet. */
	if (e && e->stored.born_ns == total->born_ns && e->stored.frames == total->frames &&
	    e->stored.segments == total->segments && e->stored.bytes == total->bytes)
		return 0;
	if (!e && !total->frames)
		return 0;
	if (!e)
		e = put(d, key);
	if (!e)
		return -ENOMEM;
	base = e->stored.born_ns == total->born_ns ? e->stored : (struct loss_total){ 0 };
	*ret = (struct loss_total){ total->frames - base.frames, total->segments - base.segments,
				    total->bytes - base.bytes, total->born_ns };
	e->pending = *total;
	if (!e->touched) {
		e->touched = true;
		e->next = d->touched;
		d->touched = e;
	}
	return 1;
}

static void settle(struct delta *d, bool commit)
{
	while (d->touched) {
		struct entry *e = d->touched;

		d->touched = e->next;
		e->touched = false;
		if (commit)
			e->stored = e->pending;
	}
}

void delta_commit(struct delta *d)
{
	settle(d, true);
}

void delta_rollback(struct delta *d)
{
	settle(d, false);
}

void delta_forget(struct delta *d, const struct tl_loss_key *key)
{
	struct entry *e = find(d, key);

	if (!e || e->touched)
		return;
	HASH_DEL(d->entries, e);
	free(e);
}

int delta_each(const struct delta *d, delta_each_fn *fn, void *arg)
{
	for (const struct entry *e = d->entries; e; e = e->hh.next) {
		int r = fn(&e->key, &e->stored, arg);

		if (r)
			return r;
	}
	return 0;
}
