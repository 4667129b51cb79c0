/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mask - which loss is left out of the figures, and why.
 *
 * Masks stand in masks.json in the store's directory; taplossctl is its only writer. It is changed
 * under a lock and replaced as a whole, so that a reader finds the old one or the new one. Masked
 * loss stays in the store. Some masks are built in: what is never a loss; they can be switched off.
 * A mask takes what all of its words fit. */
#ifndef TAPLOSS_CTL_QUERY_MASK_H
#define TAPLOSS_CTL_QUERY_MASK_H

#include <jansson.h>

#include "reader.h"

/* Words are NULL where they do not matter. Reason and site may end in *, which stands for any rest.
 */
struct mask {
	const char *id;			/* a number; the name of a built-in one */
	const char *class, *reason, *site;
	/* the VM's name when it was said; with a UUID that alone decides */
	const char *vm, *uuid, *nic;
	const char *note;		/* why */
	uint64_t added_ns;		/* 0: built in */
	bool off;
};

struct masks {
	struct mask *all;		/* built-in ones first */
	size_t n;
	json_t *doc;			/* the words are its own */
};

/* No file is no mask but the built-in ones. 0, or -errno and why: then nobody can tell what is
 * masked. */
int masks_load(const char *dir, struct masks *ret, char why[static READER_WHY]);
void masks_free(struct masks *m);

/* The first mask that takes @s, or NULL. */
const struct mask *masks_find(const struct masks *m, const struct reader *v,
			      const struct reader_series *s);

/* Adds @mask (id and added_ns are given here) unless one has the same words. *ret_id: its id, the
 * caller's. 0, or -errno and why. */
int masks_add(const char *dir, const struct mask *mask, char **ret_id, char why[static READER_WHY]);

/* Removes a mask, or switches a built-in one off. -ENOENT: there is none of that id. */
int masks_remove(const char *dir, const char *id, char why[static READER_WHY]);

/* Switches a built-in mask on again. */
int masks_restore(const char *dir, const char *id, char why[static READER_WHY]);

#endif
