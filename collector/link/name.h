/* SPDX-License-Identifier: GPL-2.0-or-later */
/* name - what the devices of one namespace are called, and their masters: a tap names its bridge by
 * number only. */
#ifndef TAPLOSS_COLLECTOR_LINK_NAME_H
#define TAPLOSS_COLLECTOR_LINK_NAME_H

#include <stdint.h>

struct linknames;

int linknames_new(struct linknames **ret);
struct linknames *linknames_free(struct linknames *n);	/* NULL is fine; returns NULL */

/* Takes over @name; one that cannot be kept for want of memory is only unknown later. */
/* master 0: none */
void linknames_put(struct linknames *n, uint32_t ifindex, const char *name, uint32_t master);

void linknames_drop(struct linknames *n, uint32_t ifindex);

/* "" when unknown. */
void linknames_get(const struct linknames *n, uint32_t ifindex, char ret[static 16]);

/* 0 when unknown, or none. */
uint32_t linknames_master(const struct linknames *n, uint32_t ifindex);

#endif
