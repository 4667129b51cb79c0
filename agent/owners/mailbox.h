/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mailbox - the newest finished list from a source's thread to the loop, and how the source is. Any
 * thread; never blocks for longer than a copy of a few words. */
#ifndef TAPLOSS_AGENT_OWNERS_MAILBOX_H
#define TAPLOSS_AGENT_OWNERS_MAILBOX_H

#include <pthread.h>

#include "owner.h"

struct mailbox {
	pthread_mutex_t lock;
	struct owner_list *list;	/* not taken yet; NULL: none */
	struct source_state state;
	int fd;				/* eventfd: something is new */
};

int mailbox_init(struct mailbox *m);
void mailbox_clear(struct mailbox *m);

/* Takes over @list; one that nobody took is forgotten. The state becomes "ok". */
void mailbox_put(struct mailbox *m, struct owner_list *list);

/* @fmt NULL: no words. */
void mailbox_report(struct mailbox *m, const char *state, const char *fmt, ...)
	__attribute__((__format__(__printf__, 3, 4)));

/* The list, which is the caller's now, or NULL. Makes the descriptor quiet. */
struct owner_list *mailbox_take(struct mailbox *m);

void mailbox_state(struct mailbox *m, struct source_state *ret);

#endif
