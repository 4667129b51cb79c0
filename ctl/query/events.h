/* SPDX-License-Identifier: GPL-2.0-or-later */
/* events - what happened to VMs, their NICs and the agent, in the words of the answer. */
#ifndef TAPLOSS_CTL_QUERY_EVENTS_H
#define TAPLOSS_CTL_QUERY_EVENTS_H

#include "reader.h"

struct event {
	uint64_t t_ns;
	int64_t vm_id, device_id;	/* 0: the host's; the VM's as a whole */
	const char *what;		/* "started", "paused", "nic-added", "ring", ... */
	char *was, *became;		/* NULL: it was not there; it went */
};

struct events {
	struct event *all;		/* in order of time */
	size_t n;
};

/* Those of (since, until]. 0, or -errno and reader_error(). */
int events_read(struct reader *v, uint64_t since, uint64_t until, struct events *ret);
void events_free(struct events *e);

/* Adds one, whose words are taken, at its place in time. */
void events_insert(struct events *e, const struct event *ev);

/* Was the VM, at any time of [from, to], in a state other than running? Its word ("paused",
 * "shutoff", ...), else NULL. Pass all events up to @to_ns. */
const char *events_halted(const struct events *e, int64_t vm_id, uint64_t from_ns, uint64_t to_ns);

/* Frames that each queue's ring of @a held at @at_ns; -1: not known. The store has a ring as it is,
 * or was at the attachment's end; what it was before stands in the changes. Pass all events up to
 * now. */
int events_ring(const struct events *e, const struct reader_attachment *a, uint64_t at_ns);

#endif
