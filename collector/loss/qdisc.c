/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tracepoint that says why a queueing discipline refused a frame: its program notes it, and the
 * main one counts it. Both are of one load, because what they share is no map of its own: one goes
 * with the other. */
#include <bpf/bpf.h>
#include <errno.h>

#include "collector/base.h"
#include "loss_priv.h"

#define PIN "refused"

bool loss_qdisc_pinned(struct loss *l)
{
	if (l->qdisc < 0)
		l->qdisc = loss_open_pinned(l, PIN);
	return l->qdisc >= 0;
}

void loss_qdisc_drop(struct loss *l)
{
	loss_unpin_one(l, PIN);
	l->qdisc = close_fd(l->qdisc);
}

int loss_qdisc_attach(struct loss *l, int prog)
{
	l->qdisc = bpf_raw_tracepoint_open(NULL, prog);
	return l->qdisc < 0 ? -errno : loss_pin(l, l->qdisc, PIN);
}

bool loss_says_refused(const struct loss *l)
{
	return l->qdisc >= 0;
}
