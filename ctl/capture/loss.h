/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loss - what the taps themselves lost while they were captured, as the agent stores it: each burst
 * becomes a comment in the capture (capture_note()), never a loss of the capture. Without an agent
 * there is nothing to report. */
#ifndef TAPLOSS_CTL_CAPTURE_LOSS_H
#define TAPLOSS_CTL_CAPTURE_LOSS_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/capture/capture.h"

struct capture_loss {
	const char *store;
	/* UTC: when the capture began; bursts that began before it are reported */
	uint64_t begun_ns, reported_ns;
	uint64_t looked_ns;
	uint64_t frames, bursts;	/* reported */
	uint64_t unheard;		/* bursts for which there was no room */
};

/* From now on. */
void capture_loss_begin(struct capture_loss *l, const char *store);

/* Now and then during the capture: what the agent knows for certain by now. */
void capture_loss_report(struct capture_loss *l, struct capture *c);

/* At the end, between capture_stop() and capture_finish(): what began up to @until_ns. Waits for
 * the agent until it has stored as many frames in bursts as it has counted, for some seconds at
 * most. */
void capture_loss_finish(struct capture_loss *l, struct capture *c, uint64_t until_ns);

#endif
