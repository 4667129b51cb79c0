/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gap.h"

int gap_place(const struct gap_sight *s, struct gap ret[static 2])
{
	uint64_t next = s->released + s->blocks;	/* will use the slot that was given back */
	bool full = s->newest == next - 1, late = s->again && s->freezes;
	struct gap at = { .lost = s->drops, .exact = true };
	int n = 0;

	if (!s->drops)
		return 0;
	/* A frame or two are dropped in a ring that is not full, too: __packet_rcv_has_room() reads
	 * the number of the current block without the lock while a timer closes it. They show as a
	 * closed block marked LOSING. */
	if (s->losing) {
		at.before = at.lo = s->losing;
		at.hi = full ? next : s->newest + 1;
		at.exact = !full;
		if (!full || s->drops == 1) {
			ret[0] = at;
			return 1;
		}
		at.lost = 1;
		ret[n++] = at;
		at.lost = s->drops - 1;
		at.exact = false;
		at.lo = s->losing;
	}
	at.before = full ? next : s->newest + 1;
	if (at.exact)
		at.lo = at.before;
	at.hi = at.before;
	if (late) {	/* filled and full again before the statistics were read */
		at.exact = false;
		at.hi = next + 1;
	}
	ret[n++] = at;
	return n;
}
