/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dropped - capture --dropped: only the frames that VMs lose, each with what the kernel says of it.
 *
 * What was not written (above the limit, or without room in the kernel's ring) stands in the file
 * as a capture's own losses do: in epb_dropcount of the frame behind it and in the statistics.
 * docs/CAPTURE.md describes the comments. */
#ifndef TAPLOSS_CTL_CAPTURE_DROPPED_H
#define TAPLOSS_CTL_CAPTURE_DROPPED_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/loss/dropped.h"
#include "collector/capture/sink.h"
#include "ctl/print/global.h"

struct dropped_request {
	const struct global *g;
	const char *path;
	uint64_t limit, snaplen, seconds, max_frames, rotate_bytes, rotate_ns;	/* 0: no limit */
	bool quiet, silent; /* no progress; no message at the start either */
};

/* Runs until it is stopped. Returns an EXIT_; errors are reported. */
int capture_dropped(const struct dropped_request *rq, char **names, int n, struct sink *sink);

#endif
