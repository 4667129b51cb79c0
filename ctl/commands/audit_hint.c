/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "audit_hint.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "collector/base.h"

/* docs/MEASURES.md has the facts. */
static const struct {
	const char *counter;
	bool macvtap, more;	/* macvtap and ipvtap; more was counted than lost with a reason */
	const char *text;
} hints[] = {
	{ "rx_dropped", false, true,
	  "a guest's frames dropped by an XDP program on the tap, or that could not be copied from "
	  "its memory" },
	{ "tx_dropped", false, true,
	  "frames of pktgen, or a guest's that an XDP program sent back into the tap" },
	{ "tx_dropped", true, true,
	  "a guest's frames shorter than their headers, or no memory for them" },
	{ "rx_frame_errors", false, true,
	  "a bad header that the kernel freed in a place of its own" },
	{ "qdisc_dropped", false, true,
	  "frames that the discipline counts and does not free as lost" },
	{ "qdisc_dropped", true, true,
	  "frames that the discipline counts and does not free as lost" },
	{ "qdisc_dropped", false, false,
	  "a discipline that was replaced, or a tap that was down or had no reader" },
	{ "qdisc_dropped", true, false,
	  "a discipline that was replaced, or a device that was down" },
};

const char *audit_hint(const char *kind, const char *counter, int64_t unexplained)
{
	bool macvtap = !strcmp(kind, "macvtap") || !strcmp(kind, "ipvtap");

	for (size_t i = 0; i < ARRAY_SIZE(hints); i++)
		if (hints[i].macvtap == macvtap && hints[i].more == (unexplained > 0) &&
		    !strcmp(hints[i].counter, counter))
			return hints[i].text;
	return NULL;
}
