/* SPDX-License-Identifier: GPL-2.0-or-later */
/* limitations - which losses cannot be shown here: on this kernel, with the programs that could be
 * attached. Pure: facts in, rows out; the facts behind each row stand in docs/MEASURES.md. */
#ifndef TAPLOSS_AGENT_TICK_LIMITATIONS_H
#define TAPLOSS_AGENT_TICK_LIMITATIONS_H

#include <stdbool.h>

#include "agent/store/store.h"
#include "collector/loss/context.h"

#define LIMITATIONS_MAX 24
#define LIMITATIONS_WHY 256

struct limitations_facts {
	unsigned int kernel;			/* release.h */
	bool reasons;				/* kfree_skb carries a reason */
	bool functions;				/* kernel addresses have names */
	bool own_pids;				/* we live in a pid namespace of our own */
	bool sockets;				/* what lies behind a tap's socket can be read */
	bool refusals;				/* loss_says_refused() */
	/* redirects into taps, and exceptions, are counted */
	bool xdp;
	enum loss_context_mode context_mode;
	enum loss_context_state context;
	char sockets_why[LIMITATIONS_WHY], context_why[LIMITATIONS_WHY], xdp_why[LIMITATIONS_WHY];
	/* "": the kernel's count of bad headers can be read */
	char frame_errors_why[LIMITATIONS_WHY];
	char rings_why[LIMITATIONS_WHY];		/* "": how full rings are can be read */
};

bool limitations_same(const struct limitations_facts *a, const struct limitations_facts *b);

unsigned int limitations_list(const struct limitations_facts *f,
			      struct limitation_row ret[static LIMITATIONS_MAX]);

#endif
